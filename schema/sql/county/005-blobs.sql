-- Photos and papers. The bytes lie in the blob store (config `blobs.dir`), by the SHA-256 of their content; processes share
-- the folder as they share the database.
CREATE TABLE blobs (
  sha256 BLOB PRIMARY KEY,
  size INTEGER NOT NULL,
  media TEXT NOT NULL,
  stored_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX blobs_stored ON blobs (stored_at);

-- Which stations sent it: they may ask whether it is here before a case that they follow names it.
CREATE TABLE blob_sources (
  sha256 BLOB NOT NULL,
  station TEXT NOT NULL,
  PRIMARY KEY (sha256, station)
) STRICT, WITHOUT ROWID;

-- Which case has which files, as its settled events name them.
CREATE TABLE case_files (
  sha256 BLOB NOT NULL,
  case_id BLOB NOT NULL,
  PRIMARY KEY (sha256, case_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX case_files_case ON case_files (case_id, sha256);

-- Which stations' feeds say that it is here.
CREATE TABLE blob_told (
  station TEXT NOT NULL,
  sha256 BLOB NOT NULL,
  PRIMARY KEY (station, sha256)
) STRICT, WITHOUT ROWID;
