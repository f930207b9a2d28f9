-- Receipt numbers that a case had before the county gave it another one (renumber), for citizens who hold the old paper.
CREATE TABLE aliases (
  receipt TEXT NOT NULL,
  case_id BLOB NOT NULL,
  PRIMARY KEY (receipt, case_id)
) STRICT, WITHOUT ROWID;

INSERT INTO aliases (receipt, case_id)
SELECT DISTINCT json_extract(body, '$.old'), case_id FROM events
WHERE type = 'renumber' AND code IS NULL AND case_id IS NOT NULL AND body IS NOT NULL;

-- A rating does not move a case's last change any more.
UPDATE cases SET updated_at = (SELECT max(e.at) FROM events e
  WHERE e.case_id = cases.id AND e.code IS NULL AND e.type NOT IN ('rate', 'reveal'))
WHERE id IN (SELECT case_id FROM events WHERE type = 'rate' AND code IS NULL);
