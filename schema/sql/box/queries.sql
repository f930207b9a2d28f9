-- Named queries of the box. One block a query; parameters by name only.
-- A query that may scan a whole table says so with "-- scans: why" (checked by tests/unit/queries_test.c).

-- name: meta_get
SELECT value FROM meta WHERE key = :key;

-- name: meta_put
INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: log_open
SELECT n, log, box, head_seq, head_hash, sent_seq, received_seq, received_hash FROM logs WHERE kept IS NULL ORDER BY n DESC LIMIT 1;

-- name: log_by_id
SELECT n, kept, head_seq FROM logs WHERE log = :log;

-- name: log_insert
INSERT INTO logs (log, box, opened_at, head_seq, head_hash, sent_seq, received_seq, received_hash)
VALUES (:log, :box, :at, 0, :hash, 0, 0, :hash) RETURNING n;

-- name: log_leave
UPDATE logs SET kept = :kept WHERE n = :n;

-- name: log_head
UPDATE logs SET head_seq = :seq, head_hash = :hash WHERE n = :n;

-- name: log_sent
UPDATE logs SET sent_seq = :seq WHERE n = :n AND sent_seq < :seq;

-- name: log_received
UPDATE logs SET received_seq = :seq, received_hash = :hash, sent_seq = max(sent_seq, :seq) WHERE n = :n;

-- name: log_rewind
UPDATE logs SET received_seq = :seq, received_hash = :hash, sent_seq = :seq WHERE n = :n;

-- name: log_left
-- scans: every log, there are few
SELECT n, kept FROM logs WHERE kept > 0 ORDER BY n;

-- name: verdict_last
SELECT max(seq) FROM verdicts WHERE log = :log AND seq <= :kept;

-- name: recovered_unjudged
-- scans: what no mark of the feed names any more, after the county lost some; rare
SELECT n, id, case_id, raw, seq FROM recovered WHERE feed = 0 AND n > :n ORDER BY n LIMIT :limit;

-- name: recovered_delete
DELETE FROM recovered WHERE n = :n;

-- name: log_list
-- scans: every log, there are few
SELECT n, log, box, opened_at, head_seq, head_hash, received_seq, received_hash, kept FROM logs ORDER BY n;

-- name: event_insert
INSERT INTO events (log, seq, id, case_id, type, at, clock, boot, mono, actor, device, origin, body, mac, hash, request)
VALUES (:log, :seq, :id, :case_id, :type, :at, :clock, :boot, :mono, :actor, :device, :origin, :body, :mac, :hash, :request);

-- name: event_by_id
SELECT e.case_id, e.request, e.actor, e.type FROM events e JOIN logs l ON l.n = e.log
WHERE e.id = :id AND (l.kept IS NULL OR e.seq <= l.kept) ORDER BY e.log DESC LIMIT 1;

-- name: events_after
SELECT l.log, e.seq, e.id, e.case_id, e.type, e.at, e.clock, e.boot, e.mono, e.actor, e.device, e.origin, e.body, e.mac, e.hash, e.n, e.request
FROM events e JOIN logs l ON l.n = e.log WHERE e.log = :log AND e.seq > :seq ORDER BY e.seq LIMIT :limit;

-- name: event_hash_at
SELECT hash FROM events WHERE log = :log AND seq = :seq;

-- name: event_seq_of_hash
-- scans: one log's hashes, when the county's head is not ours; rare
SELECT seq FROM events WHERE log = :log AND hash = :hash;

-- name: event_case_range
SELECT DISTINCT case_id FROM events WHERE log = :log AND seq > :from AND seq <= :to AND case_id IS NOT NULL;

-- name: case_events
SELECT 0 AS source, e.n, l.log, e.seq, e.id, e.type, e.at, e.clock, e.boot, e.mono, e.actor, e.device, e.origin,
  e.body, v.settled, v.code, v.pointer, v.message, coalesce(v.feed, 9007199254740991) AS place, l.kept IS NULL AS current,
  e.log AS log_n, coalesce(v.pos, 0) AS pos
FROM events e JOIN logs l ON l.n = e.log LEFT JOIN verdicts v ON v.log = e.log AND v.seq = e.seq
WHERE e.case_id = :case_id AND (l.kept IS NULL OR e.seq <= l.kept)
UNION ALL
SELECT 1, f.n, NULL, 0, NULL, NULL, 0, 0, NULL, 0, NULL, NULL, NULL, f.raw, 1, NULL, NULL, NULL, f.n, 0, 0, 0
FROM feed f WHERE f.case_id = :case_id
UNION ALL
SELECT 2, r.n, r.log, r.seq, r.id, NULL, 0, 0, NULL, 0, NULL, NULL, NULL, r.raw, r.settled, r.code, r.pointer, r.message, r.feed, 0, 0, r.pos
FROM recovered r WHERE r.case_id = :case_id AND r.feed > 0
ORDER BY place, pos, 2;

-- name: cases_unanswered
SELECT id, received_at FROM cases
WHERE item = :item AND (received_at, id) > (:received_at, :id) AND received_at < :before AND state IN ('received', 'forwarded') AND holder = :holder
ORDER BY received_at, id LIMIT :limit;

-- name: cases_ended
SELECT id, received_at FROM cases
WHERE state = :state AND (received_at, id) > (:received_at, :id) AND received_at < :before AND updated_at < :before AND holder = :holder AND own = settled AND refused = 0
ORDER BY received_at, id LIMIT :limit;

-- name: handover_rows
SELECT c.id, c.station, c.holder, c.received_at,
  EXISTS (SELECT 1 FROM events e WHERE e.case_id = c.id AND e.type = 'forward') FROM cases c
WHERE (c.received_at, c.id) < (:received_at, :id) ORDER BY c.received_at DESC, c.id DESC LIMIT :limit;

-- In the columns of case_events.
-- name: selfcheck_events
SELECT 0 AS source, e.n, l.log, e.seq, e.id, e.type, e.at, e.clock, e.boot, e.mono, e.actor, e.device, e.origin,
  e.body, v.settled, v.code, v.pointer, v.message, coalesce(v.feed, 9007199254740991) AS place, l.kept IS NULL AS current,
  e.log AS log_n
FROM events e JOIN logs l ON l.n = e.log LEFT JOIN verdicts v ON v.log = e.log AND v.seq = e.seq
WHERE e.type = 'selfcheck' AND (l.kept IS NULL OR e.seq <= l.kept)
ORDER BY e.at DESC, e.n DESC LIMIT :limit;

-- The events of no case that another box wrote; which type they are stands inside.
-- name: recovered_other
-- scans: the index of the few recovered events of no case
SELECT 2 AS source, r.n, r.log, r.seq, r.id, NULL, 0, 0, NULL, 0, NULL, NULL, NULL, r.raw, r.settled, r.code, r.pointer, r.message, r.feed, 0, 0
FROM recovered r WHERE r.case_id IS NULL AND r.feed > 0 ORDER BY r.n DESC;

-- name: clock_fixed
SELECT at, mono FROM events WHERE type = 'clock_fixed' AND boot = :boot ORDER BY n LIMIT 1;

-- name: feed_head
SELECT n, hash FROM feed ORDER BY n DESC LIMIT 1;

-- name: feed_insert
INSERT INTO feed (n, kind, case_id, raw, hash) VALUES (:n, :kind, :case_id, :raw, :hash);

-- name: feed_after
SELECT n, kind, case_id, raw, hash FROM feed WHERE n > :n ORDER BY n LIMIT :limit;

-- name: feed_at
SELECT raw FROM feed WHERE n = :n;

-- name: feed_move_lost
INSERT INTO feed_lost (gen, n, kind, case_id, raw, hash)
SELECT :gen, n, kind, case_id, raw, hash FROM feed WHERE n > :n;

-- name: feed_cut
DELETE FROM feed WHERE n > :n;

-- name: feed_lost_head
SELECT gen FROM feed_lost ORDER BY gen DESC LIMIT 1;

-- name: feed_lost_count
-- scans: counts what a restored county lost, for status
SELECT count(*) FROM feed_lost WHERE kind NOT IN ('settled', 'refused');

-- name: feed_hash_at
SELECT hash FROM feed WHERE n = :n;

-- name: event_kept_by_id
SELECT e.log, e.seq, e.case_id, e.mac, e.at FROM events e JOIN logs l ON l.n = e.log
WHERE e.id = :id AND (l.kept IS NULL OR e.seq <= l.kept) ORDER BY e.log DESC LIMIT 1;

-- name: recovered_put
INSERT INTO recovered (id, case_id, log, seq, raw, feed, pos, settled) VALUES (:id, :case_id, :log, :seq, :raw, 0, 0, 0);

-- name: recovered_by_id
SELECT n, case_id FROM recovered WHERE id = :id;

-- name: recovered_verdict
UPDATE recovered SET feed = :feed, pos = :pos, settled = :settled, code = :code, pointer = :pointer, message = :message
WHERE id = :id AND NOT (feed > 0 AND settled = 1);

-- name: recovered_forget
-- scans: rebuild
UPDATE recovered SET feed = 0, pos = 0, settled = 0, code = NULL, pointer = NULL, message = NULL;

-- An event settles once: its place is the first entry that says so.
-- name: verdict_settle
INSERT INTO verdicts (log, seq, feed, pos, settled)
SELECT log, seq, :feed, seq, 1 FROM events WHERE log = :log AND seq BETWEEN :from AND :to
ON CONFLICT (log, seq) DO UPDATE SET feed = excluded.feed, pos = excluded.pos, settled = 1, code = NULL, pointer = NULL,
  message = NULL WHERE settled = 0;

-- name: verdict_put
INSERT INTO verdicts (log, seq, feed, pos, settled, code, pointer, message)
VALUES (:log, :seq, :feed, :pos, :settled, :code, :pointer, :message)
ON CONFLICT (log, seq) DO UPDATE SET feed = excluded.feed, pos = excluded.pos, settled = excluded.settled,
  code = excluded.code, pointer = excluded.pointer, message = excluded.message WHERE settled = 0;

-- name: verdict_move
INSERT INTO verdicts (log, seq, feed, pos, settled, code, pointer, message)
SELECT :to_log, :to_seq, feed, pos, settled, code, pointer, message FROM verdicts WHERE log = :log AND seq = :seq;

-- name: verdict_first_above
-- scans: the verdicts of one log above a place, when the county has lost it; rare
SELECT min(feed) FROM verdicts WHERE log = :log AND seq > :seq;

-- name: case_count_refused
-- scans: the cases with refusals, by their own index
SELECT coalesce(sum(refused), 0) FROM cases WHERE refused > 0;

-- name: thing_put
INSERT INTO things (kind, version, feed) VALUES (:kind, :version, :feed)
ON CONFLICT (kind, version) DO UPDATE SET feed = excluded.feed;

-- name: thing_latest
SELECT version, feed FROM things WHERE kind = :kind ORDER BY version DESC LIMIT 1;

-- name: thing_feed
SELECT feed FROM things WHERE kind = :kind AND version = :version;

-- name: thing_versions
SELECT version FROM things WHERE kind = :kind ORDER BY version DESC LIMIT :limit;

-- name: case_get
SELECT id, receipt, station, item, state, holder, received_at, updated_at, revision, own, settled, refused, last_seq, doc
FROM cases WHERE id = :id;

-- name: case_place
SELECT n, keys FROM cases WHERE id = :id;

-- name: case_insert
INSERT INTO cases (id, receipt, station, item, state, holder, received_at, updated_at, revision, own, settled, refused, last_seq,
  change, keys, doc)
VALUES (:id, :receipt, :station, :item, :state, :holder, :received_at, :updated_at, :revision, :own, :settled, :refused, :last_seq,
  :change, :keys, :doc);

-- name: case_update
UPDATE cases SET receipt = :receipt, station = :station, item = :item, state = :state, holder = :holder,
  received_at = :received_at, updated_at = :updated_at, revision = :revision, own = :own, settled = :settled,
  refused = :refused, last_seq = :last_seq, change = :change, keys = :keys, doc = :doc
WHERE id = :id;

-- name: case_delete
DELETE FROM cases WHERE id = :id;

-- name: case_new_log
-- scans: opening a log; no own event of a case stands in it yet
UPDATE cases SET last_seq = 0 WHERE last_seq > 0;

-- name: case_list
SELECT id, receipt, station, item, state, holder, received_at, updated_at, revision, own, settled, refused, last_seq, doc
FROM cases WHERE (received_at, id) < (:received_at, :id)
  AND item NOT LIKE 'register:%' ORDER BY received_at DESC, id DESC LIMIT :limit;

-- name: case_list_state
SELECT id, receipt, station, item, state, holder, received_at, updated_at, revision, own, settled, refused, last_seq, doc
FROM cases WHERE state = :state AND (received_at, id) < (:received_at, :id) ORDER BY received_at DESC, id DESC LIMIT :limit;

-- name: case_list_item
SELECT id, receipt, station, item, state, holder, received_at, updated_at, revision, own, settled, refused, last_seq, doc
FROM cases WHERE item = :item AND (received_at, id) < (:received_at, :id) ORDER BY received_at DESC, id DESC LIMIT :limit;

-- name: case_by_receipt
SELECT id FROM cases WHERE receipt = :receipt;

-- The case with this number, else the next one, else the last: an unknown number costs what a known one does.
-- name: case_near_receipt
SELECT * FROM (SELECT id FROM cases WHERE receipt >= :receipt ORDER BY receipt LIMIT 1)
UNION ALL
SELECT * FROM (SELECT id FROM cases WHERE receipt < :receipt ORDER BY receipt DESC LIMIT 1)
LIMIT 1;

-- name: case_count
-- scans: counts all, for /metrics and status
SELECT count(*) FROM cases;

-- name: case_key_put
INSERT INTO case_keys (hmac, n) VALUES (:hmac, :n) ON CONFLICT DO NOTHING;

-- name: case_key_delete
DELETE FROM case_keys WHERE hmac = :hmac AND n = :n;

-- name: case_key_has
SELECT 1 FROM case_keys WHERE hmac = :hmac AND n = :n;

-- name: case_key_stray
-- scans: verify; keys that no case has, or the other way about
SELECT (SELECT count(*) FROM case_keys) - (SELECT coalesce(sum(length(keys)), 0) / 8 FROM cases);

-- name: case_key_find
SELECT c.id FROM case_keys k JOIN cases c ON c.n = k.n WHERE k.hmac = :hmac ORDER BY k.n DESC LIMIT :limit;

-- The same of a key: a case that has it, or another one.
-- name: case_near_key
SELECT * FROM (SELECT c.id FROM case_keys k JOIN cases c ON c.n = k.n WHERE k.hmac >= :hmac ORDER BY k.hmac LIMIT 1)
UNION ALL
SELECT * FROM (SELECT c.id FROM case_keys k JOIN cases c ON c.n = k.n WHERE k.hmac < :hmac ORDER BY k.hmac DESC LIMIT 1)
LIMIT 1;

-- name: change_head
SELECT change FROM cases WHERE change > 0 ORDER BY change DESC LIMIT 1;

-- name: change_put
UPDATE cases SET change = :change WHERE id = :id;

-- name: change_again
UPDATE cases SET change = :change WHERE n = (SELECT n FROM cases WHERE change > 0 ORDER BY change DESC LIMIT 1);

-- name: changes_after
SELECT id, change FROM cases WHERE change > :after ORDER BY change LIMIT :limit;

-- name: changes_stamps
SELECT change, id, received_at, state, item, revision, refused FROM cases WHERE change > :after ORDER BY change LIMIT :limit;

-- name: serial_last
SELECT last FROM serials WHERE log = :log AND day = :day;

-- name: serial_raise
INSERT INTO serials (log, day, last) VALUES (:log, :day, :last)
ON CONFLICT (log, day) DO UPDATE SET last = max(last, excluded.last);

-- name: wipe_cases
-- scans: rebuild
DELETE FROM cases;

-- name: wipe_case_keys
-- scans: rebuild
DELETE FROM case_keys;

-- name: wipe_verdicts
-- scans: rebuild
DELETE FROM verdicts;

-- name: wipe_things
-- scans: rebuild
DELETE FROM things;

-- name: wipe_serials
-- scans: rebuild
DELETE FROM serials;

-- name: all_case_ids
-- scans: verify and rebuild walk every case of events and feed
SELECT case_id FROM events WHERE case_id IS NOT NULL UNION SELECT case_id FROM feed WHERE case_id IS NOT NULL
UNION SELECT case_id FROM recovered WHERE case_id IS NOT NULL;

-- name: staff_by_name
SELECT id, name, display, role, '' AS office, password, disabled, must_change FROM staff WHERE name = :name;

-- name: staff_list
-- scans: a station has few accounts
SELECT id, name, display, role, disabled, must_change, created_at FROM staff ORDER BY name;

-- name: staff_get
SELECT id, name, display, role, disabled, must_change, created_at FROM staff WHERE id = :id;

-- name: staff_named
SELECT id, name, display, role, disabled, must_change, created_at FROM staff WHERE name = :name;

-- name: staff_leads
-- scans: a station has few accounts
SELECT count(*) FROM staff WHERE role = 'lead' AND disabled = 0;

-- name: staff_insert
INSERT INTO staff (name, display, role, password, created_at) VALUES (:name, :display, :role, :password, :at);

-- name: staff_update
UPDATE staff SET display = :display, role = :role, disabled = :disabled, must_change = :must_change WHERE id = :id;

-- name: staff_password
UPDATE staff SET password = :password, must_change = :must_change WHERE id = :id;

-- name: staff_phones_forget
DELETE FROM device_staff WHERE staff = :staff;

-- The password must be shown anew on every other phone.
-- name: staff_phones_doubt
UPDATE device_staff SET password_at = 0
WHERE staff = :staff AND device IS NOT (SELECT device FROM sessions WHERE id = :session);

-- name: lockout_get
SELECT failures, locked_until, last_at FROM lockouts WHERE subject = :subject;

-- name: lockout_put
INSERT INTO lockouts (subject, failures, locked_until, last_at) VALUES (:subject, :failures, :locked_until, :at)
ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures, locked_until = excluded.locked_until, last_at = excluded.last_at;

-- name: lockout_clear
DELETE FROM lockouts WHERE subject = :subject;

-- name: session_insert
INSERT INTO sessions (token, staff, created_at, expires_at, seen_at, peer, id)
VALUES (:token, :account, :at, :expires_at, :at, :peer, randomblob(16));

-- name: session_get
SELECT s.staff, f.name, f.display, f.role, '' AS office, s.expires_at, s.seen_at, s.created_at, f.must_change,
  coalesce(d.name, '') AS device, s.id
FROM sessions s JOIN staff f ON f.id = s.staff LEFT JOIN devices d ON d.n = s.device
WHERE s.token = :token AND f.disabled = 0;

-- name: session_seen
UPDATE sessions SET seen_at = :at WHERE token = :token AND seen_at < :at;

-- name: session_delete
DELETE FROM sessions WHERE token = :token;

-- name: session_delete_staff
DELETE FROM sessions WHERE staff = :staff AND id IS NOT :keep;

-- name: session_delete_device
DELETE FROM sessions WHERE device = :device;

-- name: session_by_id
SELECT s.id, s.staff, f.name, f.display, f.role, s.created_at, s.seen_at, s.expires_at, s.peer, d.id, d.name
FROM sessions s JOIN staff f ON f.id = s.staff LEFT JOIN devices d ON d.n = s.device WHERE s.id = :id;

-- name: session_delete_id
DELETE FROM sessions WHERE id = :id;

-- name: session_device
UPDATE sessions SET device = :device WHERE id = :id;

-- name: session_token_device
UPDATE sessions SET device = :device WHERE token = :token;

-- name: session_list
-- scans: a station has few sessions; what has ended is swept at each sign-in
SELECT s.id, s.staff, f.name, f.display, f.role, s.created_at, s.seen_at, s.expires_at, s.peer, d.id, d.name
FROM sessions s JOIN staff f ON f.id = s.staff LEFT JOIN devices d ON d.n = s.device
WHERE (:staff = 0 OR s.staff = :staff) AND s.expires_at > :now AND s.seen_at >= :idle AND f.disabled = 0
ORDER BY s.created_at DESC, s.id;

-- name: audit_insert
INSERT INTO audit (at, clock, staff, name, device, peer, action, subject, reason, outcome)
VALUES (:at, :clock, :staff, :name, :device, :peer, :action, :subject, :reason, :outcome);

-- name: audit_count
SELECT count(*) FROM audit WHERE staff = :staff AND action = :action AND at > :after;

-- name: audit_list
SELECT n, at, clock, staff, name, device, peer, action, subject, reason, outcome FROM audit
WHERE n < :before ORDER BY n DESC LIMIT :limit;

-- name: audit_list_staff
SELECT n, at, clock, staff, name, device, peer, action, subject, reason, outcome FROM audit
WHERE staff = :staff AND n < :before ORDER BY n DESC LIMIT :limit;

-- name: audit_list_action
SELECT n, at, clock, staff, name, device, peer, action, subject, reason, outcome FROM audit
WHERE action = :action AND n < :before ORDER BY n DESC LIMIT :limit;

-- name: audit_list_both
SELECT n, at, clock, staff, name, device, peer, action, subject, reason, outcome FROM audit
WHERE staff = :staff AND action = :action AND n < :before ORDER BY n DESC LIMIT :limit;

-- Rows stand in the order of their writing, so all before one that is old are old, whatever clock dated them.
-- name: audit_purge
DELETE FROM audit WHERE n <= (SELECT n FROM audit WHERE at < :before AND clock > 0 ORDER BY n DESC LIMIT 1)
  AND n < (SELECT min(n) FROM audit) + :limit;

-- name: device_insert
INSERT INTO devices (id, name, token, staff, state, created_at, seen_at) VALUES (:id, :name, :token, :staff, 'pending', :at, :at)
RETURNING n;

-- name: device_named
SELECT 1 FROM devices WHERE name = :name;

-- name: device_by_token
SELECT d.n, d.id, d.name, d.staff, f.name, d.state, a.name, d.created_at, d.decided_at, d.seen_at
FROM devices d JOIN staff f ON f.id = d.staff LEFT JOIN staff a ON a.id = d.decided_by WHERE d.token = :token;

-- name: device_by_id
SELECT d.n, d.id, d.name, d.staff, f.name, d.state, a.name, d.created_at, d.decided_at, d.seen_at
FROM devices d JOIN staff f ON f.id = d.staff LEFT JOIN staff a ON a.id = d.decided_by WHERE d.id = :id;

-- name: device_of_session
SELECT d.n, d.id, d.name, d.staff, f.name, d.state, a.name, d.created_at, d.decided_at, d.seen_at
FROM sessions s JOIN devices d ON d.n = s.device JOIN staff f ON f.id = d.staff LEFT JOIN staff a ON a.id = d.decided_by
WHERE s.id = :session;

-- name: device_list
-- scans: a station has few phones
SELECT d.n, d.id, d.name, d.staff, f.name, d.state, a.name, d.created_at, d.decided_at, d.seen_at
FROM devices d JOIN staff f ON f.id = d.staff LEFT JOIN staff a ON a.id = d.decided_by
WHERE :staff = 0 OR d.staff = :staff ORDER BY d.created_at DESC, d.n DESC;

-- name: device_decide
UPDATE devices SET state = :state, decided_by = :by, decided_at = :at WHERE n = :n;

-- name: device_seen
UPDATE devices SET seen_at = :at WHERE n = :n;

-- name: device_pins_forget
DELETE FROM device_staff WHERE device = :device;

-- The password was shown on this phone: its PIN may be used again.
-- name: device_password
INSERT INTO device_staff (device, staff, password_at) VALUES (:device, :staff, :at)
ON CONFLICT (device, staff) DO UPDATE SET password_at = excluded.password_at, failures = 0;

-- name: device_pin_put
UPDATE device_staff SET pin = :pin, pin_at = :at, failures = 0 WHERE device = :device AND staff = :staff;

-- name: device_pin_get
SELECT d.n, d.name, f.id, f.display, f.role, p.pin, p.password_at, p.failures
FROM devices d JOIN staff f ON f.name = :name JOIN device_staff p ON p.device = d.n AND p.staff = f.id
WHERE d.token = :token AND d.state = 'approved' AND f.disabled = 0 AND f.must_change = 0 AND p.pin IS NOT NULL;

-- name: device_pin_failures
UPDATE device_staff SET failures = :failures WHERE device = :device AND staff = :staff;

-- A row where the phone is approved; what it has of a key in it.
-- name: outbox_key_get
SELECT k.sealed FROM devices d LEFT JOIN outbox_keys k ON k.device = d.n AND k.staff = :staff
WHERE d.n = :device AND d.state = 'approved';

-- name: outbox_key_put
INSERT INTO outbox_keys (device, staff, sealed, made_at) VALUES (:device, :staff, :sealed, :at);

-- name: outbox_keys_forget
DELETE FROM outbox_keys WHERE device = :device;

-- name: session_purge
DELETE FROM sessions WHERE expires_at < :at;

-- name: erase_events
UPDATE events SET body = NULL WHERE case_id = :case_id AND body IS NOT NULL AND (
  EXISTS (SELECT 1 FROM verdicts v WHERE v.log = events.log AND v.seq = events.seq)
  OR EXISTS (SELECT 1 FROM logs l WHERE l.n = events.log AND l.kept < events.seq));

-- name: erase_feed_next
SELECT n, n, :gen, raw FROM feed WHERE case_id = :case_id AND n > :after ORDER BY n LIMIT 1;

-- name: erase_feed_put
UPDATE feed SET raw = :raw WHERE n = :n AND :gen = 0;

-- name: erase_lost_next
-- scans: what a restored county lost, for an erased case; rare
SELECT n, n, gen, raw FROM feed_lost WHERE case_id = :case_id AND (gen, n) > (:gen, :after) ORDER BY gen, n LIMIT 1;

-- name: erase_lost_put
UPDATE feed_lost SET raw = :raw WHERE gen = :gen AND n = :n;

-- name: erase_recovered_next
SELECT n, seq, :gen, raw FROM recovered WHERE case_id = :case_id AND n > :after AND feed > 0 ORDER BY n LIMIT 1;

-- name: erase_recovered_put
UPDATE recovered SET raw = :raw WHERE n = :n AND :gen = 0;

-- name: lost_has_case
-- scans: what a restored county lost, for a case whose bodies are gone; rare
SELECT 1 FROM feed_lost WHERE case_id = :case_id LIMIT 1;

-- name: log_by_box
-- scans: every log, there are few
SELECT n FROM logs WHERE box = :box LIMIT 1;

-- name: blob_each
SELECT sha256 FROM blobs WHERE sha256 > :after AND dropped_at IS NULL ORDER BY sha256 LIMIT :limit;

-- name: blob_get
SELECT size, media, stored_at, dropped_at, marked FROM blobs WHERE sha256 = :sha256;

-- name: blob_lost
UPDATE blobs SET dropped_at = :at WHERE sha256 = :sha256 AND dropped_at IS NULL;

-- name: blob_forget
DELETE FROM blobs WHERE sha256 = :sha256;

-- name: blob_put
INSERT INTO blobs (sha256, size, media, stored_at, marked)
VALUES (:sha256, :size, :media, :at, EXISTS (SELECT 1 FROM blob_marks m WHERE m.sha256 = :sha256))
ON CONFLICT (sha256) DO UPDATE SET dropped_at = NULL, stored_at = excluded.stored_at;

-- name: blob_mark
INSERT INTO blob_marks (sha256, size, media) VALUES (:sha256, :size, :media) ON CONFLICT DO NOTHING;

-- name: blob_marked
UPDATE blobs SET marked = 1 WHERE sha256 = :sha256;

-- name: blob_mark_get
SELECT size, media FROM blob_marks WHERE sha256 = :sha256;

-- The thumbnails first, then by turns the smallest and the oldest.
-- name: blob_next
SELECT b.sha256, b.size, b.upload, (SELECT max(f.thumb) FROM case_files f WHERE f.sha256 = b.sha256) AS thumb
FROM blobs b INDEXED BY blobs_waiting
WHERE b.marked = 0 AND b.dropped_at IS NULL AND b.next_at <= :now
  AND EXISTS (SELECT 1 FROM case_files f WHERE f.sha256 = b.sha256)
ORDER BY thumb DESC, CASE WHEN :smallest THEN b.size ELSE b.stored_at END, b.sha256 LIMIT 1;

-- name: blob_waiting
-- scans: those that wait, by their own index
SELECT count(*), coalesce(sum(b.size), 0), coalesce(sum(b.tries > 0), 0) FROM blobs b INDEXED BY blobs_waiting
WHERE b.marked = 0 AND b.dropped_at IS NULL AND EXISTS (SELECT 1 FROM case_files f WHERE f.sha256 = b.sha256);

-- name: blob_case_next
SELECT c.id FROM case_files f JOIN cases c ON c.n = f.n WHERE f.sha256 = :sha256 AND c.id > :after ORDER BY c.id LIMIT 1;

-- name: blob_pace
SELECT coalesce(sum(size), 0), coalesce(min(stored_at), :at) FROM blobs WHERE dropped_at IS NULL AND stored_at > :at;

-- name: blob_upload
UPDATE blobs SET upload = :upload WHERE sha256 = :sha256;

-- name: blob_sent
UPDATE blobs SET upload = NULL, next_at = :at WHERE sha256 = :sha256;

-- name: blob_later
UPDATE blobs SET upload = NULL, tries = tries + 1, next_at = :at WHERE sha256 = :sha256;

-- name: blob_tries
SELECT tries FROM blobs WHERE sha256 = :sha256;

-- Those that the county has and that were stored before AT, the oldest first.
-- name: blob_old
SELECT sha256 FROM blobs WHERE dropped_at IS NULL AND stored_at < :at AND marked = 1 ORDER BY stored_at LIMIT :limit;

-- Those of no case that were stored before AT.
-- name: blob_orphans
SELECT b.sha256 FROM blobs b WHERE b.dropped_at IS NULL AND b.stored_at < :at
  AND NOT EXISTS (SELECT 1 FROM case_files f WHERE f.sha256 = b.sha256) ORDER BY b.stored_at LIMIT :limit;

-- name: blob_linked
SELECT 1 FROM case_files WHERE sha256 = :sha256 LIMIT 1;

-- name: blob_want
INSERT INTO blob_wants (sha256, asked_at, next_at) VALUES (:sha256, :at, :at) ON CONFLICT (sha256) DO UPDATE SET asked_at = excluded.asked_at;

-- name: blob_want_drop
DELETE FROM blob_wants WHERE sha256 = :sha256;

-- name: blob_want_later
UPDATE blob_wants SET next_at = :at WHERE sha256 = :sha256;

-- name: blob_want_upload
UPDATE blob_wants SET upload = :upload WHERE sha256 = :sha256;

-- name: blob_want_next
-- scans: what somebody here waits for, few
SELECT w.sha256, m.size, w.upload FROM blob_wants w JOIN blob_marks m ON m.sha256 = w.sha256
WHERE w.next_at <= :now ORDER BY w.asked_at DESC LIMIT 1;

-- name: case_file_list
SELECT sha256, thumb FROM case_files WHERE n = :n ORDER BY sha256;

-- name: case_file_put
INSERT INTO case_files (n, sha256, thumb) VALUES (:n, :sha256, :thumb) ON CONFLICT DO NOTHING;

-- name: case_files_drop
DELETE FROM case_files WHERE n = :n;

-- name: wipe_blob_marked
-- scans: rebuild
UPDATE blobs SET marked = 0;

-- name: wipe_blob_marks
-- scans: rebuild
DELETE FROM blob_marks;

-- name: wipe_case_files
-- scans: rebuild
DELETE FROM case_files;
