-- Named queries of the county. One block a query; parameters by name only.
-- A query that may scan a whole table says so with "-- scans: why" (checked by tests/unit/queries_test.c).

-- name: meta_get
SELECT value FROM meta WHERE key = :key;

-- name: meta_put
INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: station_put
INSERT INTO stations (code, name, title, tier, township) VALUES (:code, :name, :title, :tier, :township)
ON CONFLICT (code) DO UPDATE SET name = excluded.name, title = excluded.title, tier = excluded.tier, township = excluded.township;

-- name: station_get
SELECT code, name, title, tier, township, station_key, field_key, box_used, feed_n, feed_hash FROM stations WHERE code = :code;

-- name: station_list
-- scans: every station, there are 80
SELECT code, name, title, tier, township FROM stations ORDER BY code;

-- name: station_enrolled
-- scans: every station, there are 80
SELECT code FROM stations WHERE station_key IS NOT NULL ORDER BY code;

-- name: station_keys
UPDATE stations SET station_key = :station_key, field_key = :field_key WHERE code = :code;

-- name: station_box
UPDATE stations SET box_used = box_used + 1 WHERE code = :code AND box_used < 99 RETURNING box_used;

-- name: station_feed
UPDATE stations SET feed_n = :n, feed_hash = :hash WHERE code = :code;

-- name: log_insert
INSERT INTO logs (log, station, box, state, not_after, opened_at) VALUES (:log, :station, :box, 'active', :not_after, :at);

-- name: log_get
SELECT station, box, state, seq, hash, not_after FROM logs WHERE log = :log;

-- name: certificate_put
INSERT INTO certificates (fingerprint, log) VALUES (:fingerprint, :log) ON CONFLICT DO NOTHING;

-- name: certificate_has
SELECT 1 FROM certificates WHERE fingerprint = :fingerprint AND log = :log;

-- name: log_by_fingerprint
SELECT l.log FROM certificates c JOIN logs l ON l.log = c.log WHERE c.fingerprint = :fingerprint
ORDER BY CASE l.state WHEN 'revoked' THEN 0 ELSE 1 END, l.opened_at DESC, l.box DESC LIMIT 1;

-- name: log_not_after
UPDATE logs SET not_after = :not_after WHERE log = :log;

-- name: log_box
UPDATE logs SET box = :box WHERE log = :log;

-- name: log_max_box
SELECT coalesce(max(box), 0) FROM logs WHERE station = :station;

-- name: station_box_raise
UPDATE stations SET box_used = :box WHERE code = :code AND box_used < :box;

-- name: grant_open
SELECT box FROM grants WHERE fingerprint = :fingerprint AND log IS NULL ORDER BY box LIMIT 1;

-- name: grant_get
SELECT log, fingerprint FROM grants WHERE station = :station AND box = :box;

-- name: grant_put
INSERT INTO grants (station, box, fingerprint) VALUES (:station, :box, :fingerprint);

-- name: grant_use
UPDATE grants SET log = :log WHERE station = :station AND box = :box;

-- name: log_list
SELECT log, station, box, state, seq, not_after, opened_at, seen_at, software, clock, skew, health FROM logs
WHERE station = :station ORDER BY box;

-- name: log_one
SELECT log, station, box, state, seq, not_after, opened_at, seen_at, software, clock, skew, health FROM logs WHERE log = :log;

-- name: log_all
-- scans: verify walks every log
SELECT log, station, seq, hash FROM logs ORDER BY log;

-- name: log_head
UPDATE logs SET seq = :seq, hash = :hash WHERE log = :log;

-- name: log_seen
UPDATE logs SET seen_at = :at, software = :software, clock = :clock, skew = :skew, health = :health WHERE log = :log;

-- name: log_state
UPDATE logs SET state = :state WHERE log = :log;

-- name: log_retire_station
UPDATE logs SET state = 'retired' WHERE station = :station AND state = 'active' AND log <> :log;

-- name: enrolment_insert
INSERT INTO enrolments (code, station, made_by, made_at, expires_at) VALUES (:code, :station, :by, :at, :expires_at);

-- name: enrolment_get
SELECT station, expires_at, used_at, request, answer FROM enrolments WHERE code = :code;

-- name: enrolment_use
UPDATE enrolments SET used_at = :at WHERE code = :code AND used_at IS NULL;

-- name: enrolment_answer
UPDATE enrolments SET request = :request, answer = :answer WHERE code = :code;

-- name: chain_insert
INSERT INTO chain (log, seq, id, hash) VALUES (:log, :seq, :id, :hash);

-- name: chain_hash
SELECT hash FROM chain WHERE log = :log AND seq = :seq;

-- name: chain_walk
SELECT seq, id, hash FROM chain WHERE log = :log ORDER BY seq;

-- name: quarantine_put
INSERT INTO quarantine (log, seq, raw, reason, at) VALUES (:log, :seq, :raw, :reason, :at);

-- name: quarantine_has
SELECT 1 FROM quarantine WHERE log = :log AND seq = :seq;

-- name: quarantine_count
-- scans: counts all, for /metrics
SELECT count(*) FROM quarantine;

-- name: chain_events
SELECT c.seq, e.id, e.case_id, e.type, e.at, e.clock, e.boot, e.mono, e.actor, e.device, e.body, e.mac
FROM chain c JOIN events e ON e.station = :station AND e.id = c.id
WHERE c.log = :log AND c.seq BETWEEN :from AND :to ORDER BY c.seq;

-- name: event_judged
UPDATE events SET code = :code, pointer = :pointer, message = :message, place = :place WHERE station = :station AND id = :id;

-- name: event_mended
UPDATE events SET mended = :by WHERE station = :station AND id = :id;

-- name: event_refusal
SELECT case_id, type, code, mended, body FROM events WHERE station = :station AND id = :id;

-- name: events_again
SELECT station, id, log, seq, type, at, actor, body, code, place FROM events
WHERE case_id = :case_id AND code IN ('held', 'after_refused') AND mended IS NULL ORDER BY place;

-- name: events_held_of_case
SELECT 1 FROM events WHERE case_id = :case_id AND code = 'held' AND place < :place LIMIT 1;

-- name: held_cases
-- scans: the index of held events, of which there are few
SELECT DISTINCT case_id FROM events WHERE code = 'held' AND case_id IS NOT NULL ORDER BY case_id;

-- name: held_count
-- scans: the index of held events, for /metrics
SELECT count(*) FROM events WHERE code = 'held';

-- name: reissue_next
INSERT INTO reissued (station, day, last) VALUES (:station, :day, 1)
ON CONFLICT (station, day) DO UPDATE SET last = last + 1 RETURNING last;

-- name: event_insert
INSERT INTO events (station, id, log, seq, case_id, place, type, at, clock, boot, mono, actor, device, body, mac, received_at, code, pointer, message)
VALUES (:station, :id, :log, :seq, :case_id, :place, :type, :at, :clock, :boot, :mono, :actor, :device, :body, :mac, :received_at, :code, :pointer, :message);

-- name: event_get
SELECT mac, code, pointer, message, case_id, type, at, clock, boot, mono, actor, device, body FROM events WHERE station = :station AND id = :id;

-- name: event_of_chain
SELECT log, seq, case_id, type, at, clock, boot, mono, actor, device, body, mac FROM events WHERE station = :station AND id = :id;

-- name: event_place
SELECT coalesce(max(place), 0) + 1 FROM events WHERE case_id = :case_id;

-- name: case_events
SELECT station, id, seq, place, type, at, clock, actor, device, body, code, pointer, message FROM events
WHERE case_id = :case_id ORDER BY place;

-- name: selfchecks_of_station
SELECT id, at, actor, body FROM events WHERE station = :station AND type = 'selfcheck' AND code IS NULL
ORDER BY at DESC, id DESC LIMIT :limit;

-- name: event_refused_of_case
SELECT 1 FROM events WHERE case_id = :case_id AND code IS NOT NULL AND code <> 'held' AND mended IS NULL
AND station = :station AND place < :place LIMIT 1;

-- name: event_count
-- scans: counts all, for /metrics
SELECT count(*) FROM events;

-- name: case_get
SELECT id, receipt, station, item, department, state, holder, received_at, updated_at, revision, doc FROM cases WHERE id = :id;

-- name: case_by_token
SELECT id, receipt, station, item, department, state, holder, received_at, updated_at, revision, doc FROM cases WHERE token = :token;

-- name: case_by_receipt
SELECT id FROM cases WHERE receipt = :receipt;

-- The case with this number, else the next one, else the last: an unknown number costs what a known one does.
-- name: case_near_receipt
SELECT * FROM (SELECT id, receipt, station, item, department, state, holder, received_at, updated_at, revision, doc FROM cases
  WHERE receipt >= :receipt ORDER BY receipt LIMIT 1)
UNION ALL
SELECT * FROM (SELECT id, receipt, station, item, department, state, holder, received_at, updated_at, revision, doc FROM cases
  WHERE receipt < :receipt ORDER BY receipt DESC LIMIT 1)
LIMIT 1;

-- The same of numbers that cases had before.
-- name: case_near_alias
SELECT * FROM (SELECT c.id, c.receipt, c.station, c.item, c.department, c.state, c.holder, c.received_at, c.updated_at, c.revision, c.doc
  FROM aliases a JOIN cases c ON c.id = a.case_id WHERE a.receipt >= :receipt ORDER BY a.receipt LIMIT 1)
UNION ALL
SELECT * FROM (SELECT c.id, c.receipt, c.station, c.item, c.department, c.state, c.holder, c.received_at, c.updated_at, c.revision, c.doc
  FROM aliases a JOIN cases c ON c.id = a.case_id WHERE a.receipt < :receipt ORDER BY a.receipt DESC LIMIT 1)
LIMIT 1;

-- name: alias_put
INSERT INTO aliases (receipt, case_id) VALUES (:receipt, :case_id) ON CONFLICT DO NOTHING;

-- name: case_put
INSERT INTO cases (id, receipt, station, item, department, state, holder, received_at, updated_at, revision, token, doc, due, warn, paused)
VALUES (:id, :receipt, :station, :item, :department, :state, :holder, :received_at, :updated_at, :revision, :token, :doc, :due, :warn, :paused)
ON CONFLICT (id) DO UPDATE SET receipt = excluded.receipt, station = excluded.station, item = excluded.item,
  department = excluded.department, state = excluded.state, holder = excluded.holder, received_at = excluded.received_at,
  updated_at = excluded.updated_at, revision = excluded.revision, token = excluded.token, doc = excluded.doc,
  due = excluded.due, warn = excluded.warn, paused = excluded.paused;

-- name: case_kept
SELECT department, due, warn, paused FROM cases WHERE id = :id;

-- name: case_list
SELECT id, receipt, station, item, department, state, holder, received_at, updated_at, revision, doc FROM cases
WHERE (received_at, id) < (:received_at, :id)
  AND item NOT LIKE 'register:%' ORDER BY received_at DESC, id DESC LIMIT :limit;

-- name: case_list_station
SELECT id, receipt, station, item, department, state, holder, received_at, updated_at, revision, doc FROM cases
WHERE station = :value AND (received_at, id) < (:received_at, :id)
  AND item NOT LIKE 'register:%' ORDER BY received_at DESC, id DESC LIMIT :limit;

-- Its own items' cases, and those that it holds or held.
-- name: case_list_department
SELECT id, receipt, station, item, department, state, holder, received_at, updated_at, revision, doc FROM cases
WHERE department = :value AND (received_at, id) < (:received_at, :id)
UNION ALL
SELECT c.id, c.receipt, c.station, c.item, c.department, c.state, c.holder, c.received_at, c.updated_at, c.revision, c.doc
FROM held h JOIN cases c ON c.id = h.case_id
WHERE h.office = :value AND (h.received_at, h.case_id) < (:received_at, :id) AND c.department <> :value
ORDER BY received_at DESC, id DESC LIMIT :limit;

-- name: case_list_state
SELECT id, receipt, station, item, department, state, holder, received_at, updated_at, revision, doc FROM cases
WHERE state = :value AND (received_at, id) < (:received_at, :id) ORDER BY received_at DESC, id DESC LIMIT :limit;

-- name: case_list_item
SELECT id, receipt, station, item, department, state, holder, received_at, updated_at, revision, doc FROM cases
WHERE item = :value AND (received_at, id) < (:received_at, :id) ORDER BY received_at DESC, id DESC LIMIT :limit;

-- name: case_list_due
SELECT id, receipt, station, item, department, state, holder, received_at, updated_at, revision, doc, due, warn FROM cases
WHERE due IS NOT NULL AND (due, id) > (:due, :id) AND due <= :upto ORDER BY due, id LIMIT :limit;

-- name: case_list_paused
SELECT id, receipt, station, item, department, state, holder, received_at, updated_at, revision, doc FROM cases
WHERE paused = 1 AND (received_at, id) < (:received_at, :id) ORDER BY received_at DESC, id DESC LIMIT :limit;

-- name: case_walk
SELECT id, receipt, station, item, department, state, holder, received_at, updated_at, revision, doc, due, warn, paused FROM cases
WHERE id > :id ORDER BY id LIMIT :limit;

-- name: case_due
UPDATE cases SET due = :due, warn = :warn, paused = :paused WHERE id = :id;

-- name: case_unanswered
SELECT id, received_at FROM cases
WHERE item = :value AND (received_at, id) > (:received_at, :id) AND received_at < :before AND state IN ('received', 'forwarded')
ORDER BY received_at, id LIMIT :limit;

-- name: case_ended
SELECT id, received_at FROM cases
WHERE state = :value AND (received_at, id) > (:received_at, :id) AND received_at < :before AND updated_at < :before
ORDER BY received_at, id LIMIT :limit;

-- name: case_count
-- scans: counts all, for /metrics
SELECT count(*) FROM cases;

-- name: case_ids
-- scans: verify walks every case
SELECT id FROM cases ORDER BY id;

-- name: case_lost
-- scans: verify looks for registrations that settled and have no case
SELECT count(*) FROM events e WHERE e.type IN ('receive', 'submit', 'entry_open') AND e.code IS NULL AND e.case_id IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = e.case_id);

-- name: held_put
INSERT INTO held (office, received_at, case_id) VALUES (:office, :received_at, :case_id) ON CONFLICT DO NOTHING;

-- name: held_all
-- scans: verify counts them
SELECT count(*) FROM held;

-- name: held_has
SELECT 1 FROM held WHERE office = :office AND received_at = :received_at AND case_id = :case_id;

-- name: follower_put
INSERT INTO followers (case_id, station) VALUES (:case_id, :station) ON CONFLICT DO NOTHING;

-- name: follower_list
SELECT station FROM followers WHERE case_id = :case_id ORDER BY station;

-- name: follower_has
SELECT 1 FROM followers WHERE case_id = :case_id AND station = :station;

-- name: station_active
SELECT 1 FROM logs WHERE station = :station AND state = 'active' LIMIT 1;

-- name: feed_insert
INSERT INTO feed (station, entry, case_id) VALUES (:station, :entry, :case_id);

-- name: feed_unnumbered
SELECT row, entry FROM feed WHERE station = :station AND n IS NULL ORDER BY row LIMIT :limit;

-- name: feed_number
UPDATE feed SET n = :n, hash = :hash WHERE row = :row;

-- name: feed_after
SELECT n, hash, entry FROM feed WHERE station = :station AND n > :n ORDER BY n LIMIT :limit;

-- name: feed_hash_at
SELECT hash FROM feed WHERE station = :station AND n = :n;

-- name: feed_stations
-- scans: verify walks every station's feed
SELECT code, feed_n, feed_hash FROM stations WHERE feed_n > 0 ORDER BY code;

-- name: thing_put
INSERT INTO things (kind, version, doc, at) VALUES (:kind, :version, :doc, :at)
ON CONFLICT (kind, version) DO UPDATE SET doc = excluded.doc, at = excluded.at;

-- name: thing_latest
SELECT version, doc FROM things WHERE kind = :kind ORDER BY version DESC LIMIT 1;

-- name: thing_get
SELECT doc FROM things WHERE kind = :kind AND version = :version;

-- name: edition_next
-- scans: the versions that there are, few
SELECT coalesce(max(v.version), 0) + 1 FROM (SELECT version FROM things WHERE kind = :kind
  UNION ALL SELECT version FROM editions WHERE kind = :kind) AS v;

-- name: edition_insert
INSERT INTO editions (kind, version, doc, made_at) VALUES (:kind, :version, :doc, :at);

-- name: edition_get
SELECT doc, signature, certificate, signed_at, published_at FROM editions WHERE kind = :kind AND version = :version;

-- name: edition_draft
SELECT version FROM editions WHERE kind = :kind AND published_at IS NULL AND version > :above ORDER BY version DESC LIMIT 1;

-- name: edition_sign
UPDATE editions SET signature = :signature, certificate = :certificate, signed_at = :at WHERE kind = :kind AND version = :version;

-- name: edition_published
UPDATE editions SET published_at = :at WHERE kind = :kind AND version = :version;

-- name: edition_act
INSERT INTO edition_acts (at, kind, version, act, who, reason) VALUES (:at, :kind, :version, :act, :who, :reason);

-- name: edition_acts
-- scans: few acts a year
SELECT at, version, act, who, reason FROM edition_acts WHERE kind = :kind ORDER BY id;

-- name: thing_before
SELECT version, doc FROM things WHERE kind = :kind AND version < :version ORDER BY version DESC LIMIT 1;

-- name: feed_thing_put
INSERT INTO feed_things (station, kind, version) VALUES (:station, :kind, :version) ON CONFLICT DO NOTHING;

-- name: feed_thing_has
SELECT 1 FROM feed_things WHERE station = :station AND kind = :kind AND version = :version;

-- name: staff_order_insert
INSERT INTO staff_orders (at, station, name, act, role, ordered_by) VALUES (:at, :station, :name, :act, :role, :by);

-- name: staff_orders
-- scans: newest by its key
SELECT id, at, station, name, act, role, ordered_by FROM staff_orders WHERE id < :before ORDER BY id DESC LIMIT :limit;

-- name: staff_orders_of_station
SELECT id, at, station, name, act, role, ordered_by FROM staff_orders WHERE station = :station AND id < :before
ORDER BY id DESC LIMIT :limit;

-- name: alarm_insert
INSERT INTO alarms (at, station, kind, detail) VALUES (:at, :station, :kind, :detail);

-- name: alarm_list
-- scans: newest by its key
SELECT id, at, station, kind, detail FROM alarms WHERE id < :before ORDER BY id DESC LIMIT :limit;

-- name: alarm_count
-- scans: counts all, for /metrics
SELECT count(*) FROM alarms;

-- name: log_states
-- scans: one row a box, for /metrics
SELECT state, count(*) FROM logs GROUP BY state ORDER BY state;

-- name: account_by_name
SELECT id, name, display, role, office, password, disabled, 0 AS must_change FROM accounts WHERE name = :name;

-- name: account_insert
INSERT INTO accounts (name, display, role, office, password, created_at) VALUES (:name, :display, :role, :office, :password, :at);

-- name: account_list
-- scans: few accounts
SELECT name, display, role, office, disabled FROM accounts ORDER BY name;

-- name: lockout_get
SELECT failures, locked_until, last_at FROM lockouts WHERE subject = :subject;

-- name: lockout_put
INSERT INTO lockouts (subject, failures, locked_until, last_at) VALUES (:subject, :failures, :locked_until, :at)
ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures, locked_until = excluded.locked_until, last_at = excluded.last_at;

-- name: lockout_clear
DELETE FROM lockouts WHERE subject = :subject;

-- name: session_insert
INSERT INTO sessions (token, account, created_at, expires_at, seen_at, peer) VALUES (:token, :account, :at, :expires_at, :at, :peer);

-- name: session_get
SELECT s.account, a.name, a.display, a.role, a.office, s.expires_at, s.seen_at, s.created_at, 0 AS must_change, '' AS device, NULL AS id
FROM sessions s JOIN accounts a ON a.id = s.account
WHERE s.token = :token AND a.disabled = 0;

-- name: session_seen
UPDATE sessions SET seen_at = :at WHERE token = :token AND seen_at < :at;

-- name: session_delete
DELETE FROM sessions WHERE token = :token;

-- name: session_purge
DELETE FROM sessions WHERE expires_at < :at;

-- name: call_get
SELECT request, case_id FROM calls WHERE key = :key;

-- name: call_put
INSERT INTO calls (key, request, case_id) VALUES (:key, :request, :case_id);

-- Whoever held a case that is not theirs sees nothing of it any more.
-- name: held_erase
DELETE FROM held WHERE case_id = :case_id AND received_at = :received_at AND office IN (
  SELECT json_extract(e.body, '$.to') FROM events e WHERE e.case_id = :case_id AND e.type = 'forward' AND e.body IS NOT NULL);

-- name: events_erase
UPDATE events SET body = NULL WHERE case_id = :case_id AND type <> 'erase' AND body IS NOT NULL;

-- name: feed_of_case
SELECT row, station, entry FROM feed WHERE case_id = :case_id AND row > :after ORDER BY row LIMIT 1;

-- name: feed_strip
UPDATE feed SET entry = :entry WHERE row = :row;

-- name: quarantine_erase
-- scans: what was not readable when it came, for an erased case; both are rare
UPDATE quarantine SET raw = '' WHERE instr(raw, :case_id) > 0;

-- name: blob_put
INSERT INTO blobs (sha256, size, media, stored_at) VALUES (:sha256, :size, :media, :at) ON CONFLICT DO NOTHING;

-- name: blob_get
SELECT size, media, stored_at FROM blobs WHERE sha256 = :sha256;

-- name: blob_delete
DELETE FROM blobs WHERE sha256 = :sha256;

-- name: blob_source_put
INSERT INTO blob_sources (sha256, station) VALUES (:sha256, :station) ON CONFLICT DO NOTHING;

-- name: blob_source_delete
DELETE FROM blob_sources WHERE sha256 = :sha256;

-- May the station ask for it: it sent it, or follows a case that names it?
-- name: blob_for_station
SELECT 1 FROM blob_sources WHERE sha256 = :sha256 AND station = :station
UNION ALL
SELECT 1 FROM case_files f JOIN followers w ON w.case_id = f.case_id AND w.station = :station WHERE f.sha256 = :sha256
LIMIT 1;

-- name: blob_cases
SELECT case_id FROM case_files WHERE sha256 = :sha256 AND case_id > :after ORDER BY case_id LIMIT 1;

-- What is here, of a case, that a follower's feed does not say yet.
-- name: blob_untold
SELECT w.station, f.sha256, b.size, b.media FROM case_files f JOIN blobs b ON b.sha256 = f.sha256
JOIN followers w ON w.case_id = f.case_id
WHERE f.case_id = :case_id
  AND NOT EXISTS (SELECT 1 FROM blob_told t WHERE t.station = w.station AND t.sha256 = f.sha256)
ORDER BY w.station, f.sha256 LIMIT 1;

-- name: blob_told_put
INSERT INTO blob_told (station, sha256) VALUES (:station, :sha256);

-- name: blob_told_delete
-- scans: what no case names any more; rare
DELETE FROM blob_told WHERE sha256 = :sha256;

-- name: blob_orphans
SELECT b.sha256 FROM blobs b WHERE b.stored_at < :before
  AND NOT EXISTS (SELECT 1 FROM case_files f WHERE f.sha256 = b.sha256) ORDER BY b.stored_at LIMIT :limit;

-- name: blob_here
SELECT 1 FROM case_files f JOIN blobs b ON b.sha256 = f.sha256 WHERE f.case_id = :case_id AND f.sha256 = :sha256;

-- name: blob_missing
-- scans: counts what cases name and has not come, for /metrics
SELECT count(*) FROM case_files f WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.sha256 = f.sha256);

-- name: blob_count
-- scans: counts all, for /metrics
SELECT count(*), coalesce(sum(size), 0) FROM blobs;

-- name: case_file_put
INSERT INTO case_files (sha256, case_id) VALUES (:sha256, :case_id) ON CONFLICT DO NOTHING;

-- name: case_file_has
SELECT 1 FROM case_files WHERE case_id = :case_id AND sha256 = :sha256;

-- name: case_file_count
SELECT count(*) FROM case_files WHERE case_id = :case_id;

-- name: case_files_drop
DELETE FROM case_files WHERE case_id = :case_id;
