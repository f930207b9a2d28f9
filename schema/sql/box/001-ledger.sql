-- The box's ledger (design: "The ledger: one truth").
-- Truth: meta, logs, events, feed, recovered, feed_lost, staff, sessions. Projections, made anew by `xinke rebuild`:
-- verdicts, things, cases, case_keys, serials. Identifiers are 16 bytes, hashes 32, times Unix milliseconds.

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
CREATE INDEX events_clock ON events (boot, n) WHERE type = 'clock_fixed';

-- What the county sent, raw and in its order.
CREATE TABLE feed (
  n INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  case_id BLOB,                    -- of kind 'event'
  raw BLOB NOT NULL,               -- the entry as canonical JSON, sealed
  hash BLOB NOT NULL
) STRICT;
CREATE INDEX feed_case ON feed (case_id, n) WHERE case_id IS NOT NULL;

-- Entries that a restored county no longer has, kept apart; GEN counts the losses.
CREATE TABLE feed_lost (
  gen INTEGER NOT NULL,
  n INTEGER NOT NULL,
  kind TEXT NOT NULL,
  case_id BLOB,
  raw BLOB NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (gen, n)
) STRICT, WITHOUT ROWID;

-- This station's events that stand in no log of this box: written by the box that it replaces or was copied from. They
-- came whole with the county's marks. The verdict's columns are a projection of the feed.
CREATE TABLE recovered (
  n INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  case_id BLOB,
  log BLOB NOT NULL,
  seq INTEGER NOT NULL,
  raw BLOB NOT NULL,               -- the event as canonical JSON, sealed
  feed INTEGER NOT NULL,           -- the entry that says the verdict; 0 = none does any more
  pos INTEGER NOT NULL,
  settled INTEGER NOT NULL,
  code TEXT, pointer TEXT, message TEXT
) STRICT;
CREATE INDEX recovered_case ON recovered (case_id, n) WHERE case_id IS NOT NULL;

-- Projection: the county's word on own events.
CREATE TABLE verdicts (
  log INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  feed INTEGER NOT NULL,           -- the entry that says it
  pos INTEGER NOT NULL,            -- the event's seq in the entry's own log: the order within the entry
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

-- Projection: a case as it stands. Rows lie in the order of their making: ids are random, and a tree of whole rows by
-- id would write a page of its own for each.
CREATE TABLE cases (
  n INTEGER PRIMARY KEY,           -- of this table alone; another after a rebuild
  id BLOB NOT NULL UNIQUE,
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
  change INTEGER NOT NULL,         -- its last change in this epoch, for the long poll and the search list
  keys BLOB NOT NULL,              -- its entries in case_keys, eight bytes each
  doc BLOB NOT NULL                -- the rest, canonical JSON, sealed
) STRICT;
CREATE UNIQUE INDEX cases_change ON cases (change);
CREATE INDEX cases_order ON cases (received_at, id);
CREATE INDEX cases_state ON cases (state, received_at, id);
CREATE INDEX cases_item ON cases (item, received_at, id);
CREATE INDEX cases_receipt ON cases (receipt);
CREATE INDEX cases_refused ON cases (refused) WHERE refused > 0;

-- Projection: look-up by ID number and phone, as the first eight bytes of an HMAC.
CREATE TABLE case_keys (
  hmac INTEGER NOT NULL,
  n INTEGER NOT NULL,              -- of cases
  PRIMARY KEY (hmac, n)
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
