-- Departments that hold or held a case whose item is another's: with the item's own department, they see it.
CREATE TABLE held (
  office TEXT NOT NULL,
  received_at INTEGER NOT NULL,    -- of the case, for the order of lists
  case_id BLOB NOT NULL,
  PRIMARY KEY (office, received_at, case_id)
) STRICT, WITHOUT ROWID;

INSERT INTO held (office, received_at, case_id)
SELECT holder, received_at, id FROM cases WHERE length(holder) <> 12 AND holder <> department AND holder <> 'county';

-- The next term of a case that runs: its last day and the first day of a warning, days since 1970 in China; NULL = none.
-- Counted by the calendar that meta's `due_calendar` names, anew when there is another.
ALTER TABLE cases ADD COLUMN due INTEGER;
ALTER TABLE cases ADD COLUMN warn INTEGER;
CREATE INDEX cases_due ON cases (due, id) WHERE due IS NOT NULL;
