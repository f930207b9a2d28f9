-- Photos and papers. The bytes lie in the blob store beside the database, by the SHA-256 of their content.

-- What lies in the store, or did. The folder is the truth of what is here, this table of what became of it; at the start
-- the gateway reconciles the two.
CREATE TABLE blobs (
  sha256 BLOB PRIMARY KEY,
  size INTEGER NOT NULL,           -- bytes of the file itself
  media TEXT NOT NULL,             -- by its content
  stored_at INTEGER NOT NULL,
  dropped_at INTEGER,              -- no longer on this box
  marked INTEGER NOT NULL DEFAULT 0, -- projection of blob_marks: the county has it
  upload TEXT,                     -- its id at the county, once it is begun
  tries INTEGER NOT NULL DEFAULT 0, -- how often the county refused it, or was silent about it
  next_at INTEGER NOT NULL DEFAULT 0 -- not sent before
) STRICT, WITHOUT ROWID;
CREATE INDEX blobs_waiting ON blobs (next_at) WHERE marked = 0 AND dropped_at IS NULL;
CREATE INDEX blobs_stored ON blobs (stored_at) WHERE dropped_at IS NULL;

-- Projection: which case has which files, thumbnails among them.
CREATE TABLE case_files (
  n INTEGER NOT NULL,              -- of cases
  sha256 BLOB NOT NULL,
  thumb INTEGER NOT NULL,
  PRIMARY KEY (n, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX case_files_sha256 ON case_files (sha256);

-- Projection: what the county's feed says that it has.
CREATE TABLE blob_marks (
  sha256 BLOB PRIMARY KEY,
  size INTEGER NOT NULL,
  media TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What somebody here asked to see and that is at the county alone.
CREATE TABLE blob_wants (
  sha256 BLOB PRIMARY KEY,
  asked_at INTEGER NOT NULL,
  next_at INTEGER NOT NULL,        -- not fetched before
  upload TEXT                      -- of this box's store, that the bytes go into
) STRICT, WITHOUT ROWID;
