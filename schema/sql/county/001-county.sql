-- The county's store. Portable SQL: SQLite today, PostgreSQL later; keys shard by station, no global counter.
-- Identifiers are 16 bytes, hashes 32, times Unix milliseconds.

CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE stations (
  code TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  title TEXT NOT NULL,
  tier TEXT NOT NULL,
  township TEXT NOT NULL,
  station_key BLOB,                -- sealed under the recovery key; made at the first enrolment, for ever
  field_key BLOB,                  -- sealed likewise; the last box's
  box_used INTEGER NOT NULL DEFAULT 0, -- highest box number granted, never reissued
  feed_n INTEGER NOT NULL DEFAULT 0,
  feed_hash BLOB NOT NULL DEFAULT (zeroblob(32))
) STRICT, WITHOUT ROWID;

-- A log is one box's life at a station.
CREATE TABLE logs (
  log BLOB PRIMARY KEY,
  station TEXT NOT NULL REFERENCES stations(code),
  box INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('active', 'retired', 'revoked')),
  seq INTEGER NOT NULL DEFAULT 0,
  hash BLOB NOT NULL DEFAULT (zeroblob(32)),
  not_after INTEGER NOT NULL,      -- of its newest certificate
  opened_at INTEGER NOT NULL,
  seen_at INTEGER,
  software TEXT,
  clock TEXT,
  skew INTEGER,                    -- box clock less county clock, ms, at the last exchange
  health TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX logs_station ON logs (station, box);

-- The certificates with which a log may be pushed: its own, renewed ones, and the one that a copy shares with its box.
-- One that was renewed stays good until its last day: a box restored from an old copy has no other.
CREATE TABLE certificates (
  fingerprint BLOB NOT NULL,
  log BLOB NOT NULL REFERENCES logs(log),
  PRIMARY KEY (fingerprint, log)
) STRICT, WITHOUT ROWID;

-- Box numbers granted in mismatch answers to whoever shows a certificate: to a copy of its box.
CREATE TABLE grants (
  station TEXT NOT NULL,
  box INTEGER NOT NULL,
  fingerprint BLOB NOT NULL,
  log BLOB,                        -- the log that was opened with it; until then it is granted again on repeats
  PRIMARY KEY (station, box)
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_open ON grants (fingerprint) WHERE log IS NULL;

CREATE TABLE enrolments (
  code BLOB PRIMARY KEY,           -- SHA-256 of the secret
  station TEXT NOT NULL REFERENCES stations(code),
  made_by TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER,
  request BLOB,                    -- SHA-256 of the request that used it: the same one again gets the same answer
  answer BLOB                      -- sealed under the recovery key
) STRICT, WITHOUT ROWID;
CREATE INDEX enrolments_station ON enrolments (station);

-- Wrong codes by address: five tries, then the same delay as for passwords (table lockouts).

-- The chain of each log as it came, refused events too.
CREATE TABLE chain (
  log BLOB NOT NULL REFERENCES logs(log),
  seq INTEGER NOT NULL,
  id BLOB NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (log, seq)
) STRICT, WITHOUT ROWID;

-- Events that could not be read or did not give their hash, as they came. Their stated hash goes on in the chain.
CREATE TABLE quarantine (
  log BLOB NOT NULL,
  seq INTEGER NOT NULL,
  raw TEXT NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (log, seq)
) STRICT, WITHOUT ROWID;

-- One row an event, under its identity for ever (station, id), from whichever log it came first.
CREATE TABLE events (
  station TEXT NOT NULL,           -- 'county' for the county's own
  id BLOB NOT NULL,
  log BLOB,
  seq INTEGER NOT NULL DEFAULT 0,
  case_id BLOB,
  place INTEGER NOT NULL DEFAULT 0, -- order within the case at the county, from 1; 0 = of no case
  type TEXT NOT NULL,
  at INTEGER NOT NULL,
  clock INTEGER NOT NULL,
  boot TEXT NOT NULL,
  mono INTEGER NOT NULL,
  actor TEXT NOT NULL,
  device TEXT NOT NULL,
  body TEXT,                       -- canonical JSON; NULL once erased
  mac BLOB NOT NULL,
  received_at INTEGER NOT NULL,
  code TEXT,                       -- of a refusal; 'held' = not judged yet; NULL = settled
  pointer TEXT,
  message TEXT,
  mended BLOB,                     -- a refused event: the id of the one that took its place
  PRIMARY KEY (station, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX events_held ON events (case_id, place) WHERE code = 'held';
CREATE INDEX events_case ON events (case_id, place) WHERE case_id IS NOT NULL;

-- A case as the county has it: the fold of its settled events.
CREATE TABLE cases (
  id BLOB PRIMARY KEY,
  receipt TEXT NOT NULL,
  station TEXT NOT NULL,
  item TEXT NOT NULL,
  department TEXT NOT NULL,        -- of the item, for a department's own list
  state TEXT NOT NULL,
  holder TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  token BLOB NOT NULL,             -- SHA-256 of the progress token
  doc TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX cases_order ON cases (received_at, id);
CREATE INDEX cases_station ON cases (station, received_at, id);
CREATE INDEX cases_department ON cases (department, received_at, id);
CREATE INDEX cases_state ON cases (state, received_at, id);
CREATE INDEX cases_item ON cases (item, received_at, id);
CREATE INDEX cases_token ON cases (token);
CREATE INDEX cases_receipt ON cases (receipt);

-- Serials of the receipt numbers that the county had to give anew.
CREATE TABLE reissued (
  station TEXT NOT NULL,
  day INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (station, day)
) STRICT, WITHOUT ROWID;

-- Who follows a case: stations that hold, held or registered it.
CREATE TABLE followers (
  case_id BLOB NOT NULL,
  station TEXT NOT NULL,
  PRIMARY KEY (case_id, station)
) STRICT, WITHOUT ROWID;

-- Feed rows are written unnumbered and numbered by the station's own exchange (n, hash), so that no counter is shared.
CREATE TABLE feed (
  row INTEGER PRIMARY KEY,
  station TEXT NOT NULL,
  n INTEGER,
  hash BLOB,
  entry TEXT NOT NULL              -- canonical JSON without n and hash
) STRICT;
CREATE UNIQUE INDEX feed_numbered ON feed (station, n) WHERE n IS NOT NULL;
CREATE INDEX feed_unnumbered ON feed (station, row) WHERE n IS NULL;

-- Catalogs and calendars in force.
CREATE TABLE things (
  kind TEXT NOT NULL,
  version INTEGER NOT NULL,
  doc TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (kind, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE alarms (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  station TEXT NOT NULL,
  kind TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;

CREATE TABLE accounts (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  display TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('department', 'head', 'centre', 'operator', 'auditor')),
  office TEXT NOT NULL DEFAULT '', -- a department's name
  password TEXT NOT NULL,
  disabled INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE lockouts (
  subject TEXT PRIMARY KEY,
  failures INTEGER NOT NULL,
  locked_until INTEGER NOT NULL,
  last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  token BLOB PRIMARY KEY,
  account INTEGER NOT NULL REFERENCES accounts(id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  peer TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Idempotency keys of the API, kept for the store's life.
CREATE TABLE calls (
  key BLOB PRIMARY KEY,
  request BLOB NOT NULL,           -- SHA-256 of principal, target and canonical request
  case_id BLOB NOT NULL
) STRICT, WITHOUT ROWID;
