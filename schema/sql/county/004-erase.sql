-- Feed entries by their case, so that what an erase takes away is found in every feed that has it. Text, as the entry
-- has it.
ALTER TABLE feed ADD COLUMN case_id TEXT;
UPDATE feed SET case_id = json_extract(entry, '$.case_id') WHERE json_extract(entry, '$.kind') = 'event';
CREATE INDEX feed_case ON feed (case_id, row) WHERE case_id IS NOT NULL;
