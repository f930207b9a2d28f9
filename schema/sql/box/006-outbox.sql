-- The key under which a phone enciphers what it cannot send yet, one for each who signs in on an approved one. A table of its
-- own: a new password or PIN forgets device_staff, and what was written under the key must still be read.
CREATE TABLE outbox_keys (
  device INTEGER NOT NULL REFERENCES devices(n),
  staff INTEGER NOT NULL REFERENCES staff(id),
  sealed BLOB NOT NULL,            -- 32 bytes, under the field key
  made_at INTEGER NOT NULL,
  PRIMARY KEY (device, staff)
) STRICT, WITHOUT ROWID;
