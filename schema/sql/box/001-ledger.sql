-- The box's ledger (design: "The ledger: one truth").
-- Truth: meta, logs, events, feed, staff, sessions. Projections, made anew by `xinke rebuild`: verdicts, things, cases,
-- case_keys, case_changes, serials. Identifiers are 16 bytes, hashes 32, times Unix milliseconds.

CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- The logs of this station that this box has written; one is open.
CREATE TABLE logs (
  n INTEGER PRIMARY KEY,
  log BLOB NOT NULL UNIQUE,
  box INTEGER NOT NULL,            -- granted by the county, in receipt numbers
  opened_at INTEGER NOT NULL,
  head_seq INTEGER NOT NULL,
  head_hash BLOB NOT NULL,
  sent_seq INTEGER NOT NULL,       -- highest that was in a request, answered or not
  received_seq INTEGER NOT NULL,   -- highest that a signed answer says the county has
  received_hash BLOB NOT NULL,
  kept INTEGER                     -- NULL while open; then the highest seq that counts, the rest lives on in the next log
) STRICT;

CREATE TABLE events (
  n INTEGER PRIMARY KEY,
  log INTEGER NOT NULL REFERENCES logs(n),
  seq INTEGER NOT NULL,
  id BLOB NOT NULL,
  case_id BLOB,
  type TEXT NOT NULL,
  at INTEGER NOT NULL,
  clock INTEGER NOT NULL,          -- enum clock_quality
  boot TEXT NOT NULL,
  mono INTEGER NOT NULL,
  actor TEXT NOT NULL,
  device TEXT NOT NULL,
  origin TEXT NOT NULL,
  body BLOB,                       -- sealed; NULL once erased
  mac BLOB NOT NULL,
  hash BLOB NOT NULL,
  request BLOB,                    -- HMAC of the call's canonical request, on its first event
  UNIQUE (log, seq)
) STRICT;
CREATE UNIQUE INDEX events_id ON events (id, log);
CREATE INDEX events_case ON events (case_id, n) WHERE case_id IS NOT NULL;

-- What the county sent, raw and in its order.
CREATE TABLE feed (
  n INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  case_id BLOB,                    -- of kind 'event'
  raw BLOB NOT NULL,               -- the entry as canonical JSON, sealed
  hash BLOB NOT NULL
) STRICT;
CREATE INDEX feed_case ON feed (case_id, n) WHERE case_id IS NOT NULL;

-- Projection: the county's word on own events.
CREATE TABLE verdicts (
  log INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  feed INTEGER NOT NULL,           -- the entry that says it
  settled INTEGER NOT NULL,        -- 1 settled, 0 refused
  code TEXT, pointer TEXT, message TEXT,
  PRIMARY KEY (log, seq)
) STRICT, WITHOUT ROWID;

-- Projection: catalogs and calendars that came by the feed.
CREATE TABLE things (
  kind TEXT NOT NULL,
  version INTEGER NOT NULL,
  feed INTEGER NOT NULL,
  PRIMARY KEY (kind, version)
) STRICT, WITHOUT ROWID;

-- Projection: a case as it stands.
CREATE TABLE cases (
  id BLOB PRIMARY KEY,
  receipt TEXT NOT NULL,
  station TEXT NOT NULL,
  item TEXT NOT NULL,
  state TEXT NOT NULL,
  holder TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  own INTEGER NOT NULL,            -- own events of the case that count
  settled INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,       -- highest own seq in the open log, 0 = none
  doc BLOB NOT NULL                -- the rest, canonical JSON, sealed
) STRICT, WITHOUT ROWID;
CREATE INDEX cases_order ON cases (received_at, id);
CREATE INDEX cases_state ON cases (state, received_at, id);
CREATE INDEX cases_item ON cases (item, received_at, id);
CREATE INDEX cases_receipt ON cases (receipt);
CREATE INDEX cases_refused ON cases (id) WHERE refused > 0;

-- Projection: look-up by ID number and phone, as HMAC.
CREATE TABLE case_keys (
  hmac BLOB NOT NULL,
  case_id BLOB NOT NULL,
  PRIMARY KEY (hmac, case_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX case_keys_case ON case_keys (case_id);

-- Not part of the truth: a case's last change in this epoch, for the long poll and the search list.
CREATE TABLE case_changes (
  case_id BLOB PRIMARY KEY,
  change INTEGER NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

-- Projection: receipt serials given, per log and day.
CREATE TABLE serials (
  log INTEGER NOT NULL,
  day INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (log, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE staff (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  display TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('clerk', 'lead', 'technician')),
  password TEXT NOT NULL,          -- argon2id, encoded
  disabled INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL
) STRICT;

-- Failed sign-ins, by account and by address, kept over restarts.
CREATE TABLE lockouts (
  subject TEXT PRIMARY KEY,        -- 'account:<name>' or 'address:<ip>'
  failures INTEGER NOT NULL,
  locked_until INTEGER NOT NULL,
  last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  token BLOB PRIMARY KEY,          -- SHA-256 of the token
  staff INTEGER NOT NULL REFERENCES staff(id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  peer TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_staff ON sessions (staff);
CREATE INDEX sessions_expiry ON sessions (expires_at);
