-- Departments that hold or held a case whose item is another's: with the item's own department, they see it.
CREATE TABLE held (
  office TEXT NOT NULL,
  received_at INTEGER NOT NULL,    -- of the case, for the order of lists
  case_id BLOB NOT NULL,
  PRIMARY KEY (office, received_at, case_id)
) STRICT, WITHOUT ROWID;

INSERT INTO held (office, received_at, case_id)
SELECT holder, received_at, id FROM cases WHERE length(holder) <> 12 AND holder <> department AND holder <> 'county';
