-- Staff and phones: one-time passwords, approved phones with PINs, and the audit of every user. All of it is truth of this
-- box and no projection; of `staff` the county's orders come by the feed, each applied once (meta "staff_feed").

ALTER TABLE staff ADD COLUMN must_change INTEGER NOT NULL DEFAULT 0; -- the password was given out by others

-- A phone that a member of the staff has named; it counts once a lead or a technician approved it.
CREATE TABLE devices (
  n INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,       -- `device` of events and audit: never given to another phone
  token BLOB NOT NULL UNIQUE,      -- SHA-256 of the token
  staff INTEGER NOT NULL REFERENCES staff(id), -- who asked
  state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'revoked')),
  created_at INTEGER NOT NULL,
  decided_by INTEGER REFERENCES staff(id),
  decided_at INTEGER,
  seen_at INTEGER NOT NULL         -- the last sign-in on it
) STRICT;

-- Who signs in on which phone: when last with the password, and the PIN.
CREATE TABLE device_staff (
  device INTEGER NOT NULL REFERENCES devices(n),
  staff INTEGER NOT NULL REFERENCES staff(id),
  password_at INTEGER NOT NULL,
  pin TEXT,                        -- argon2id, encoded; NULL = none
  pin_at INTEGER,
  failures INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (device, staff)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_staff_staff ON device_staff (staff);

ALTER TABLE sessions ADD COLUMN id BLOB;       -- what others call it; random
ALTER TABLE sessions ADD COLUMN device INTEGER REFERENCES devices(n);
UPDATE sessions SET id = randomblob(16);
CREATE UNIQUE INDEX sessions_id ON sessions (id);
CREATE INDEX sessions_device ON sessions (device) WHERE device IS NOT NULL;

-- Who did what. No personal data of citizens: a case is named by its id. Rows are never changed; the gateway removes those
-- past their term (limits.audit_days).
CREATE TABLE audit (
  n INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice: a gap shows
  at INTEGER NOT NULL,
  clock INTEGER NOT NULL,          -- enum clock_quality
  staff INTEGER,                   -- NULL: no account of this box
  name TEXT NOT NULL,
  device TEXT NOT NULL,
  peer TEXT NOT NULL,
  action TEXT NOT NULL,            -- shared/ledger/audit.def
  subject TEXT NOT NULL,
  reason TEXT NOT NULL,
  outcome TEXT NOT NULL
) STRICT;
CREATE INDEX audit_staff ON audit (staff, n);
CREATE INDEX audit_action ON audit (action, n);
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is never changed'); END;
