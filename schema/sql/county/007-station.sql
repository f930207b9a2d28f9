-- The stations' self-checks (自查): events of no case, found by station and time.
CREATE INDEX events_selfcheck ON events (station, at, id) WHERE type = 'selfcheck' AND code IS NULL;

-- Cases whose open terms are all paused stand in no list by due day, and in one of their own. The columns are counted anew
-- at the next start.
ALTER TABLE cases ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
CREATE INDEX cases_paused ON cases (received_at, id) WHERE paused = 1;
DELETE FROM meta WHERE key = 'due_calendar';

-- 003 knew who held a case then; who held one before that stands in the events.
INSERT INTO held (office, received_at, case_id)
SELECT DISTINCT json_extract(e.body, '$.to'), c.received_at, c.id FROM events e JOIN cases c ON c.id = e.case_id
WHERE e.type = 'forward' AND e.code IS NULL AND length(json_extract(e.body, '$.to')) <> 12
  AND json_extract(e.body, '$.to') <> 'county' AND json_extract(e.body, '$.to') <> c.department
ON CONFLICT DO NOTHING;

-- The county's orders on the accounts of stations, from this release on: who ordered what and when. The feed holds them too, but a
-- feed is a station's and has no time.
CREATE TABLE staff_orders (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  station TEXT NOT NULL REFERENCES stations(code),
  name TEXT NOT NULL,              -- of the account
  act TEXT NOT NULL,               -- add, disable, enable, reset
  role TEXT,                       -- of an account that is added
  ordered_by TEXT NOT NULL
) STRICT;
CREATE INDEX staff_orders_station ON staff_orders (station, id);
