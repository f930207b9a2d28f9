-- A station's self-checks (自查): events of no case, its own and those of the box that this one replaced.
CREATE INDEX events_selfcheck ON events (at, n) WHERE type = 'selfcheck';
CREATE INDEX recovered_other ON recovered (n) WHERE case_id IS NULL;
