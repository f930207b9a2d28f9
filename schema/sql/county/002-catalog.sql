-- Catalogs and calendars on their way into force, who did it and why; and what each station's feed has of them.

-- Every version that was made here. One that is in force, or was, stands in `things` too.
CREATE TABLE editions (
  kind TEXT NOT NULL CHECK (kind IN ('catalog', 'calendar')),
  version INTEGER NOT NULL,
  doc TEXT NOT NULL,               -- canonical JSON, its own version in it
  made_at INTEGER NOT NULL,
  signature TEXT,                  -- base64 of the DER signature over kind and document
  certificate TEXT,                -- PEM, of the key that signed
  signed_at INTEGER,
  published_at INTEGER,
  PRIMARY KEY (kind, version)
) STRICT, WITHOUT ROWID;

-- What was done to them. Rows are never changed.
CREATE TABLE edition_acts (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  version INTEGER NOT NULL,
  act TEXT NOT NULL CHECK (act IN ('import', 'sign', 'publish', 'rollback')),
  who TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;

-- What a station's feed holds beside the things in force: an older catalog goes there once, with the first case that was
-- opened under it.
CREATE TABLE feed_things (
  station TEXT NOT NULL,
  kind TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (station, kind, version)
) STRICT, WITHOUT ROWID;
