-- The stations' self-checks (自查): events of no case, found by station and time.
CREATE INDEX events_selfcheck ON events (station, at, id) WHERE type = 'selfcheck' AND code IS NULL;
