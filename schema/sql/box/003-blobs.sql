-- Photos and papers that lie in the blob store beside the database, by the SHA-256 of their bytes. The folder is the truth
-- of what is here, this table of what became of it; at the start the gateway reconciles the two.

CREATE TABLE blobs (
  sha256 BLOB PRIMARY KEY,
  size INTEGER NOT NULL,           -- bytes of the file itself
  media TEXT NOT NULL,             -- by its content
  stored_at INTEGER NOT NULL,
  confirmed_at INTEGER,            -- the county has it
  dropped_at INTEGER               -- no longer on this box
) STRICT, WITHOUT ROWID;
