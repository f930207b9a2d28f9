/* Verify finds every kind of tampering; rebuild makes the same projections again.
 *
 * One populated ledger is made once; each tampering is SQL on a copy of its file, as somebody with the disk would do it. */
#include "shared/buf.h"
#include "shared/fields.h"
#include "shared/file.h"
#include "shared/ledger/ledger.h"
#include "shared/ledger/read.h"
#include "shared/ledger/verify.h"
#include "shared/ledger/write.h"
#include "shared/receipt.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

static struct support_ledger t;
static char copy[SUPPORT_PATH_MAX];

#define CASES 12

/* Cases in every state of sync: settled, refused, received, local; a handed-over one; a catalog; two logs. */
static int make(void **state)
{
	struct support_feed feed;
	struct err e = {0};
	uint8_t log[UUID_LEN];
	(void)state;
	support_ledger_make(&t);
	support_path(&t.folder, "copy.db", copy);
	support_feed_init(&feed, t.station_key);
	for (unsigned i = 1; i <= 8; i++) {
		t.clock.wall = SUPPORT_NOW + i * 1000;
		support_register(&t, i, i % 2 ? SUPPORT_ACCEPT_ITEM : SUPPORT_HANDLE_ITEM);
	}
	(void)support_act(&t, 50, 2, EVENT_ACCEPT, json_object());
	(void)support_act(&t, 51, 4, EVENT_NOTE, support_json("{'text':'一'}"));
	support_feed_settled(&feed, t.log, 1, 9);
	support_feed_refused(&feed, t.log, 10, "transition");
	support_feed_event(&feed, 700, 1, "accept", "county", "{'note':'已受理'}");
	support_feed_event(&feed, 701, 90, "receive", "652323101201",
	                   "{'item':'652323-019','receipt_number':'652323101201-20261124-010001-2','token':'"
	                   "0123456789abcdef','applicant':{'name':'李四'}}");
	support_feed_add(&feed, support_json("{'kind':'catalog','body':{'version':2,'catalog':'two'}}"));
	if (support_feed_apply(&feed, &t, &e)) fail_msg("%s", e.msg);
	for (unsigned i = 9; i <= CASES; i++)
		support_register(&t, i, SUPPORT_ACCEPT_ITEM);
	support_id(900002, log);
	if (ledger_new_log(t.l, log, 2, &e)) fail_msg("%s", e.msg);
	support_register(&t, 20, SUPPORT_ACCEPT_ITEM);
	support_feed_release(&feed);
	support_verified(&t);
	support_sql(t.db, "PRAGMA wal_checkpoint(TRUNCATE)");
	return 0;
}

static int drop(void **state)
{
	(void)state;
	support_ledger_release(&t);
	return 0;
}

static void clear_copy(void)
{
	char path[SUPPORT_PATH_MAX + 8];
	static const char *const tails[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < COUNT(tails); i++) {
		(void)snprintf(path, sizeof path, "%s%s", copy, tails[i]);
		(void)remove(path);
	}
}

static struct ledger *open_copy(void)
{
	struct ledger *l = NULL;
	struct err e = {0};
	struct ledger_config cfg = support_ledger_config(&t, LEDGER_WRITE);
	cfg.path = copy;
	if (ledger_open(&cfg, &l, &e)) fail_msg("%s", e.msg);
	return l;
}

static void last_fault(const char *line, void *arg)
{
	(void)snprintf(arg, 256, "%s", line);
}

static void untouched(void **state)
{
	struct ledger_report r;
	struct err e = {0};
	char fault[256] = "";
	(void)state;
	assert_int_equal(ledger_verify(t.l, &r, last_fault, fault, &e), ERR_OK);
	assert_string_equal(fault, "");
	assert_int_equal(r.faults, 0);
	assert_int_equal(r.logs, 2);
	assert_int_equal(r.cases, CASES + 2);
	assert_int_equal(r.feed, 5);
	assert_int_equal(r.events, support_sql_int(t.db, "SELECT count(*) FROM events"));
}

/* What is done to the copy; the fault, or the error, must name what it was. */
static const struct {
	const char *sql, *named;
} tamperings[] = {
    /* truth: events */
    {"UPDATE events SET body = CAST(substr(body, 1, length(body) - 1) || x'00' AS BLOB) WHERE n = 5", "does not open"},
    {"UPDATE events SET body = (SELECT body FROM events WHERE n = 4) WHERE n = 6", "does not open"},
    {"UPDATE events SET body = x'' WHERE n = 5", "too short"},
    {"UPDATE events SET body = CAST(x'01' || substr(body, 2) AS BLOB) WHERE n = 5", "codec"},
    {"UPDATE events SET mac = randomblob(32) WHERE n = 5", "event 5"},
    {"UPDATE events SET mac = x'' WHERE n = 5", "event 5"},
    {"UPDATE events SET hash = randomblob(32) WHERE n = 5", "event 5"},
    {"UPDATE events SET id = randomblob(16) WHERE n = 5", "breaks the chain"},
    {"UPDATE events SET case_id = (SELECT case_id FROM events WHERE n = 3) WHERE n = 5", "breaks the chain"},
    {"UPDATE events SET case_id = NULL WHERE n = 12", "breaks the chain"},
    {"UPDATE events SET type = 'refuse' WHERE n = 14", "event 14"},
    {"UPDATE events SET actor = 'somebody' WHERE n = 5", "breaks the chain"},
    {"UPDATE events SET device = 'other' WHERE n = 5", "breaks the chain"},
    {"UPDATE events SET origin = 'county' WHERE n = 5", "breaks the chain"},
    {"UPDATE events SET at = at - 86400000 WHERE n = 5", "breaks the chain"},
    {"UPDATE events SET clock = 0 WHERE n = 5", "breaks the chain"},
    {"UPDATE events SET boot = 'x' WHERE n = 5", "breaks the chain"},
    {"UPDATE events SET mono = mono + 1 WHERE n = 5", "breaks the chain"},
    {"DELETE FROM events WHERE n = 5", "log 1"},
    {"DELETE FROM events WHERE n = 1", "log 1"},
    {"DELETE FROM events WHERE n = (SELECT max(n) FROM events)", "head"},
    {"UPDATE events SET seq = 1000 WHERE n = 5", "log 1"},
    {"INSERT INTO events (log, seq, id, case_id, type, at, clock, boot, mono, actor, device, origin, mac, hash) "
     "SELECT 2, (SELECT max(seq) + 1 FROM events WHERE log = 2), randomblob(16), case_id, 'accept', at, clock, boot, "
     "mono, actor, device, origin, mac, hash FROM events WHERE n = 3",
     "log 2"},
    /* truth: logs */
    {"UPDATE logs SET head_seq = head_seq - 1 WHERE n = 2", "head"},
    {"UPDATE logs SET head_hash = randomblob(32) WHERE n = 2", "head"},
    {"UPDATE logs SET head_hash = x'' WHERE n = 1", "head"},
    {"UPDATE logs SET log = randomblob(16) WHERE n = 1", "breaks the chain"},
    /* truth: feed */
    {"UPDATE feed SET raw = CAST(substr(raw, 1, length(raw) - 1) || x'00' AS BLOB) WHERE n = 3", "feed"},
    {"UPDATE feed SET hash = randomblob(32) WHERE n = 3", "feed: entry 3"},
    {"UPDATE feed SET raw = (SELECT raw FROM feed WHERE n = 2) WHERE n = 3", "feed"},
    {"DELETE FROM feed WHERE n = 2", "feed"},
    {"DELETE FROM feed WHERE n = 1", "feed"},
    {"UPDATE feed SET case_id = NULL WHERE n = 3", ""},
    {"UPDATE feed SET case_id = (SELECT case_id FROM events WHERE n = 5) WHERE n = 3", ""},
    /* projections */
    {"UPDATE cases SET state = 'decided' WHERE state = 'received'", "case"},
    {"UPDATE cases SET state = 'nonsense' WHERE state = 'received'", ""},
    {"UPDATE cases SET holder = 'x' WHERE state = 'received'", "case"},
    {"UPDATE cases SET station = '652323101201' WHERE state = 'received'", "case"},
    {"UPDATE cases SET receipt = receipt || '0'", "case"},
    {"UPDATE cases SET item = '652323-002'", "case"},
    {"UPDATE cases SET received_at = received_at + 1", "case"},
    {"UPDATE cases SET updated_at = updated_at + 1", "case"},
    {"UPDATE cases SET revision = revision + 1", "case"},
    {"UPDATE cases SET own = own + 1", "case"},
    {"UPDATE cases SET settled = settled + 1", "case"},
    {"UPDATE cases SET refused = 0", "case"},
    {"UPDATE cases SET last_seq = 0", "case"},
    {"UPDATE cases SET doc = CAST(substr(doc, 1, length(doc) - 1) || x'00' AS BLOB) WHERE state = 'received'", ""},
    {"UPDATE cases SET doc = (SELECT doc FROM cases WHERE state = 'forwarded') WHERE state = 'accepted'", ""},
    {"DELETE FROM cases WHERE state = 'accepted'", "missing"},
    {"DELETE FROM case_keys WHERE n = (SELECT min(n) FROM cases)", "look-up keys"},
    {"INSERT INTO case_keys VALUES (7, 1)", "look-up keys"},
    {"UPDATE cases SET keys = x'0000000000000000' WHERE n = (SELECT min(n) FROM cases)", "look-up keys"},
    {"INSERT INTO cases SELECT NULL, randomblob(16), receipt, station, item, state, holder, received_at, updated_at, "
     "revision, own, settled, refused, last_seq, change + 1000, keys, doc FROM cases LIMIT 1",
     "rows"},
    {"DELETE FROM verdicts WHERE settled = 0", "case"},
    {"DELETE FROM verdicts WHERE settled = 1", "case"},
    {"UPDATE verdicts SET settled = 1", "case"},
    {"UPDATE verdicts SET settled = 0, code = 'x', pointer = '', message = '' WHERE seq = 3", "case"},
};

static void every_tampering_is_found(void **state)
{
	int missed = 0;
	(void)state;
	for (size_t i = 0; i < COUNT(tamperings); i++) {
		struct ledger_report r;
		struct err e = {0};
		char fault[256] = "";
		clear_copy();
		support_copy(t.db, copy);
		support_sql(copy, tamperings[i].sql);
		struct ledger *l = open_copy();
		int rc = ledger_verify(l, &r, last_fault, fault, &e);
		if (rc == ERR_OK && r.faults == 0) {
			print_error("not found: %s\n", tamperings[i].sql);
			missed++;
		} else if (rc) { /* verify has looked at all the rest too: what is wrong is a fault, not its failure */
			print_error("%s: verify stopped: %s\n", tamperings[i].sql, e.msg);
			missed++;
		} else if (!*fault) {
			print_error("%s: nothing was told\n", tamperings[i].sql);
			missed++;
		}
		ledger_close(l);
	}
	clear_copy();
	assert_int_equal(missed, 0);
}

static void first_fault(const char *line, void *arg)
{
	char *all = arg;
	(void)strncat(all, line, 8191 - strlen(all));
	(void)strncat(all, "\n", 8191 - strlen(all));
}

static void faults_say_where(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(tamperings); i++) {
		struct ledger_report r;
		struct err e = {0};
		char all[8192] = "";
		clear_copy();
		support_copy(t.db, copy);
		support_sql(copy, tamperings[i].sql);
		struct ledger *l = open_copy();
		(void)ledger_verify(l, &r, first_fault, all, &e);
		(void)strncat(all, e.msg, 8191 - strlen(all));
		if (!strstr(all, tamperings[i].named)) fail_msg("%s: %s", tamperings[i].sql, all);
		ledger_close(l);
	}
	clear_copy();
}

/* Everything that a projection holds, as one text: what two ledgers are compared by. */
static void dump(struct ledger *l, struct buf *out)
{
	struct err e = {0};
	for (unsigned i = 1; i <= 90; i++) {
		struct ledger_case c = {0};
		uint8_t id[UUID_LEN];
		support_id(i, id);
		if (ledger_case_get(l, id, &c, &e)) {
			e = (struct err){0};
			continue;
		}
		buf_addf(out, "%u %s %s %s %s %s %lld %lld %lld %d ", i, c.view.receipt, c.view.station, c.view.item,
		         state_name(c.view.state), c.view.holder, (long long)c.view.received_at,
		         (long long)c.view.updated_at, (long long)c.view.revision, (int)c.sync);
		assert_int_equal(caseview_doc(&c.view, out, &e), ERR_OK);
		buf_addc(out, '\n');
		ledger_case_release(&c);
	}
	static const char *const finds[] = {SUPPORT_PERSON, SUPPORT_PHONE};
	for (size_t i = 0; i < COUNT(finds); i++) {
		uint8_t ids[32][UUID_LEN];
		int n = 0;
		assert_int_equal(ledger_case_find(l, finds[i], ids, 32, &n, &e), ERR_OK);
		buf_addf(out, "%d found\n", n);
	}
	json_t *doc = NULL;
	int64_t version = 0;
	assert_int_equal(ledger_thing(l, "catalog", &doc, &version, &e), ERR_OK);
	buf_addf(out, "catalog %lld %s\n", (long long)version, fields_text(doc, "catalog"));
	json_decref(doc);
	struct ledger_counts n;
	assert_int_equal(ledger_counts(l, &n, &e), ERR_OK);
	buf_addf(out, "%lld %lld %lld\n", (long long)n.cases, (long long)n.refused, (long long)n.feed);
	assert_false(out->bad);
}

static void rebuild_gives_the_same(void **state)
{
	static const char *const wrecks[] = {
	    "SELECT 1",
	    "DELETE FROM cases",
	    "DELETE FROM verdicts",
	    "DELETE FROM case_keys",
	    "UPDATE cases SET change = change + 1000, keys = x'0000000000000000'",
	    "DELETE FROM things",
	    "DELETE FROM serials",
	    "UPDATE cases SET state = 'decided', doc = x'00', settled = 7, refused = 7, own = 7, last_seq = 7",
	    "UPDATE verdicts SET settled = 1 - settled",
	    "UPDATE serials SET last = 9000 WHERE log = 77",
	};
	struct buf before;
	(void)state;
	buf_init(&before, 1 << 20);
	dump(t.l, &before);
	assert_int_not_equal(before.len, 0);
	for (size_t i = 0; i < COUNT(wrecks); i++) {
		struct ledger_report r;
		struct err e = {0};
		struct buf after;
		int64_t change = 0, old_epoch = 0, epoch = 0;
		clear_copy();
		support_copy(t.db, copy);
		support_sql(copy, wrecks[i]);
		struct ledger *l = open_copy();
		assert_int_equal(ledger_change_head(l, &change, &old_epoch, &e), ERR_OK);
		if (ledger_rebuild(l, &e)) fail_msg("%s: %s", wrecks[i], e.msg);
		buf_init(&after, 1 << 20);
		dump(l, &after);
		size_t at = 0;
		while (before.data[at] && before.data[at] == after.data[at])
			at++;
		if (before.data[at] || after.data[at])
			fail_msg("%s: %.60s is %.60s", wrecks[i], before.data + at, after.data + at);
		buf_release(&after);
		assert_int_equal(ledger_change_head(l, &change, &epoch, &e), ERR_OK);
		assert_int_equal(epoch, old_epoch + 1); /* older cursors have expired */
		assert_int_equal(change, CASES + 2);
		assert_int_equal(ledger_verify(l, &r, NULL, NULL, &e), ERR_OK);
		assert_int_equal(r.faults, 0);
		ledger_close(l);
	}
	buf_release(&before);
	clear_copy();
}

/* A rebuilt ledger gives no receipt number twice. */
static void rebuild_keeps_the_serials(void **state)
{
	struct err e = {0};
	struct ledger_case c;
	struct receipt r;
	int64_t before = support_sql_int(t.db, "SELECT last FROM serials WHERE log = 2");
	(void)state;
	assert_int_equal(ledger_rebuild(t.l, &e), ERR_OK);
	assert_int_equal(support_sql_int(t.db, "SELECT last FROM serials WHERE log = 2") >= before, 1);
	support_register(&t, 21, SUPPORT_ACCEPT_ITEM);
	support_case(&t, 21, &c);
	assert_true(receipt_parse(c.view.receipt, &r));
	assert_int_equal(r.box, 2);
	assert_true(r.serial > before);
	ledger_case_release(&c);
	assert_int_equal(support_sql_int(t.db, "SELECT count(*) - count(DISTINCT receipt) FROM cases"), 0);
	support_verified(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(untouched),
	    cmocka_unit_test(every_tampering_is_found),
	    cmocka_unit_test(faults_say_where),
	    cmocka_unit_test(rebuild_gives_the_same),
	    cmocka_unit_test(rebuild_keeps_the_serials),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
