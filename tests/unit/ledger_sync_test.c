/* The courier's side of the ledger: what is unsent, what a county's answer changes, rewinding, a new log for a copy. */
#include "shared/fields.h"
#include "shared/ledger/courier.h"
#include "shared/ledger/ledger.h"
#include "shared/ledger/read.h"
#include "shared/ledger/verify.h"
#include "shared/ledger/write.h"
#include "shared/limits.h"
#include "shared/receipt.h"
#include "shared/text.h"
#include "shared/version.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

static struct support_ledger t;
static struct support_feed feed;

static int make(void **state)
{
	(void)state;
	support_ledger_make(&t);
	support_feed_init(&feed, t.station_key);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	support_feed_release(&feed);
	support_ledger_release(&t);
	return 0;
}

static struct ledger_head head(void)
{
	struct ledger_head h;
	struct err e = {0};
	assert_int_equal(ledger_head(t.l, &h, &e), ERR_OK);
	return h;
}

static enum ledger_sync sync_of(unsigned n)
{
	struct ledger_case c;
	support_case(&t, n, &c);
	enum ledger_sync s = c.sync;
	ledger_case_release(&c);
	return s;
}

static enum case_state state_of(unsigned n)
{
	struct ledger_case c;
	support_case(&t, n, &c);
	enum case_state s = c.view.state;
	ledger_case_release(&c);
	return s;
}

static int64_t changes_now(void)
{
	int64_t change = 0, epoch = 0;
	struct err e = {0};
	assert_int_equal(ledger_change_head(t.l, &change, &epoch, &e), ERR_OK);
	return change;
}

static void apply_all(void)
{
	struct err e = {0};
	if (support_feed_apply(&feed, &t, &e)) fail_msg("%s", e.msg);
}

static enum problem_code note(unsigned key, unsigned n)
{
	return support_act(&t, key, n, EVENT_NOTE, support_json("{'text':'一'}"));
}

/* --- what is unsent --- */

static void batches(void **state)
{
	struct event ev[64];
	struct err e = {0};
	int n = 0;
	(void)state;
	for (unsigned i = 1; i <= 10; i++)
		support_register(&t, i, SUPPORT_HANDLE_ITEM);
	assert_int_equal(ledger_unsent(t.l, 0, 64, LIMIT_BATCH_BYTES, ev, &n, &e), ERR_OK);
	assert_int_equal(n, 11);
	assert_string_equal(ev[0].type, EVENT_LOG_OPENED);
	assert_false(ev[0].has_case);
	uint8_t hash[DIGEST_LEN] = {0}, next[DIGEST_LEN];
	for (int i = 0; i < n; i++) { /* what travels is what was chained */
		assert_int_equal(ev[i].seq, i + 1);
		assert_string_equal(ev[i].station, SUPPORT_STATION);
		assert_memory_equal(ev[i].log, t.log, UUID_LEN);
		assert_int_equal(event_hash(&ev[i], hash, next), ERR_OK);
		assert_memory_equal(next, ev[i].hash, DIGEST_LEN);
		memcpy(hash, next, DIGEST_LEN);
		uint8_t mac[DIGEST_LEN];
		event_mac(t.station_key, ev[i].body, ev[i].body_len, mac);
		assert_memory_equal(mac, ev[i].mac, DIGEST_LEN);
		event_release(&ev[i]);
	}
	assert_memory_equal(hash, head().hash, DIGEST_LEN);
	assert_int_equal(ledger_unsent(t.l, 4, 3, LIMIT_BATCH_BYTES, ev, &n, &e), ERR_OK);
	assert_int_equal(n, 3);
	assert_int_equal(ev[0].seq, 5);
	size_t two = ev[0].body_len + ev[1].body_len;
	for (int i = 0; i < n; i++)
		event_release(&ev[i]);
	assert_int_equal(ledger_unsent(t.l, 4, 64, two, ev, &n, &e), ERR_OK);
	assert_int_equal(n, 2);
	for (int i = 0; i < n; i++)
		event_release(&ev[i]);
	assert_int_equal(ledger_unsent(t.l, 4, 64, 1, ev, &n, &e), ERR_OK);
	assert_int_equal(n, 1); /* one at least, however large */
	event_release(&ev[0]);
	assert_int_equal(ledger_unsent(t.l, 11, 64, 1, ev, &n, &e), ERR_OK);
	assert_int_equal(n, 0);
}

static void hashes(void **state)
{
	uint8_t hash[DIGEST_LEN], zero[DIGEST_LEN] = {0};
	struct err e = {0};
	(void)state;
	support_register(&t, 1, SUPPORT_HANDLE_ITEM);
	assert_int_equal(ledger_hash_at(t.l, 0, hash, &e), ERR_OK);
	assert_memory_equal(hash, zero, DIGEST_LEN);
	assert_int_equal(ledger_hash_at(t.l, 2, hash, &e), ERR_OK);
	assert_memory_equal(hash, head().hash, DIGEST_LEN);
	assert_int_equal(ledger_hash_at(t.l, 3, hash, NULL), ERR_NOTFOUND);
}

/* --- local, sent, received, settled, refused --- */

static void the_four_states(void **state)
{
	struct err e = {0};
	(void)state;
	support_register(&t, 1, SUPPORT_HANDLE_ITEM); /* seq 2 */
	support_register(&t, 2, SUPPORT_HANDLE_ITEM); /* seq 3 */
	assert_int_equal(sync_of(1), SYNC_LOCAL);
	int64_t before = changes_now();
	assert_int_equal(ledger_mark_sent(t.l, 2, &e), ERR_OK);
	assert_int_equal(sync_of(1), SYNC_SENT);
	assert_int_equal(sync_of(2), SYNC_LOCAL);
	assert_int_equal(changes_now(), before + 1);            /* the one that moved is told to phones */
	assert_int_equal(ledger_mark_sent(t.l, 1, &e), ERR_OK); /* never goes back */
	assert_int_equal(head().sent_seq, 2);
	assert_int_equal(ledger_mark_sent(t.l, 3, &e), ERR_OK);
	uint8_t hash[DIGEST_LEN];
	assert_int_equal(ledger_hash_at(t.l, 2, hash, &e), ERR_OK);
	assert_int_equal(support_apply(t.l, 2, hash, NULL, &e), ERR_OK);
	assert_int_equal(sync_of(1), SYNC_RECEIVED);
	assert_int_equal(sync_of(2), SYNC_SENT);
	assert_int_equal(head().received_seq, 2);
	assert_memory_equal(head().received_hash, hash, DIGEST_LEN);
	support_feed_settled(&feed, t.log, 1, 2);
	apply_all();
	assert_int_equal(sync_of(1), SYNC_SETTLED);
	assert_int_equal(sync_of(2), SYNC_RECEIVED);
	assert_int_equal(note(50, 1), PROBLEM_NONE); /* the least advanced of its events counts */
	assert_int_equal(sync_of(1), SYNC_LOCAL);
	support_verified(&t);
}

struct told {
	int n, refused, fits;
	char code[32], pointer[32], message[64];
};

static bool on_event(const struct ledger_history *h, void *arg)
{
	struct told *x = arg;
	x->n++;
	x->fits += h->fits;
	if (h->sync != SYNC_REFUSED) {
		assert_null(h->code);
		return true;
	}
	x->refused++;
	assert_false(h->fits);
	(void)snprintf(x->code, sizeof x->code, "%s", h->code);
	(void)snprintf(x->pointer, sizeof x->pointer, "%s", h->pointer);
	(void)snprintf(x->message, sizeof x->message, "%s", h->message);
	return true;
}

static struct told tell(unsigned n)
{
	struct told x = {0};
	struct err e = {0};
	uint8_t id[UUID_LEN];
	support_id(n, id);
	assert_int_equal(ledger_case_history(t.l, id, on_event, &x, &e), ERR_OK);
	return x;
}

static void a_refusal(void **state)
{
	struct ledger_counts n;
	struct err e = {0};
	(void)state;
	support_register(&t, 1, SUPPORT_HANDLE_ITEM);                                        /* seq 2 */
	assert_int_equal(support_act(&t, 50, 1, EVENT_ACCEPT, json_object()), PROBLEM_NONE); /* seq 3 */
	assert_int_equal(note(51, 1), PROBLEM_NONE);                                         /* seq 4 */
	assert_int_equal(state_of(1), STATE_ACCEPTED);
	support_feed_settled(&feed, t.log, 1, 2);
	support_feed_refused(&feed, t.log, 3, "transition");
	support_feed_settled(&feed, t.log, 4, 4);
	apply_all();
	assert_int_equal(sync_of(1), SYNC_REFUSED);
	assert_int_equal(state_of(1), STATE_RECEIVED); /* what was refused does not count */
	struct told x = tell(1);
	assert_int_equal(x.n, 3);
	assert_int_equal(x.refused, 1);
	assert_int_equal(x.fits, 2);
	assert_string_equal(x.code, "transition");
	assert_string_equal(x.pointer, "/x");
	assert_string_equal(x.message, "not so");
	assert_int_equal(ledger_counts(t.l, &n, &e), ERR_OK);
	assert_int_equal(n.refused, 1);
	assert_int_equal(n.feed, 3);
	support_feed_settled(&feed, t.log, 3, 3); /* judged anew */
	apply_all();
	assert_int_equal(sync_of(1), SYNC_SETTLED);
	assert_int_equal(state_of(1), STATE_ACCEPTED);
	assert_int_equal(tell(1).refused, 0);
	support_verified(&t);
}

static void a_refused_registration_stays_readable(void **state)
{
	struct ledger_case c;
	(void)state;
	support_register(&t, 1, SUPPORT_ACCEPT_ITEM); /* seq 2, 3 */
	support_feed_refused(&feed, t.log, 2, "unknown_item");
	support_feed_refused(&feed, t.log, 3, "after_refused");
	apply_all();
	support_case(&t, 1, &c);
	assert_int_equal(c.sync, SYNC_REFUSED);
	assert_int_equal(c.view.state, STATE_RECEIVED);
	assert_string_equal(caseview_title(&c.view), "王建国");
	assert_true(*c.view.receipt);
	ledger_case_release(&c);
	support_verified(&t);
}

/* --- the county's events --- */

static void the_county_answers(void **state)
{
	struct ledger_case c;
	(void)state;
	support_register(&t, 1, SUPPORT_ACCEPT_ITEM); /* seq 2, 3 */
	support_feed_settled(&feed, t.log, 1, 3);
	support_feed_event(&feed, 700, 1, "accept", "county", "{'note':'已受理'}");
	apply_all();
	support_case(&t, 1, &c);
	assert_int_equal(c.view.state, STATE_ACCEPTED);
	assert_int_equal(c.view.accepted_at, SUPPORT_NOW + 1000); /* the county's time */
	assert_int_equal(c.view.revision, 3);
	assert_int_equal(c.sync, SYNC_SETTLED);
	ledger_case_release(&c);
	struct told x = tell(1);
	assert_int_equal(x.n, 3);
	assert_int_equal(x.fits, 3);
	support_verified(&t);
}

/* Feed order first, then the box's own unconfirmed events on top: whoever was first at the county wins. */
static void order_is_the_countys(void **state)
{
	(void)state;
	support_register(&t, 1, SUPPORT_ACCEPT_ITEM); /* 2, 3 */
	assert_int_equal(support_act(&t, 50, 1, EVENT_WITHDRAW, support_json("{'reason':'x'}")), PROBLEM_NONE); /* 4 */
	assert_int_equal(state_of(1), STATE_WITHDRAWN);
	support_feed_settled(&feed, t.log, 1, 3);
	support_feed_event(&feed, 700, 1, "return", "county",
	                   "{'reason':'不符'}"); /* final: our withdraw comes too late */
	apply_all();
	assert_int_equal(state_of(1), STATE_RETURNED);
	struct told x = tell(1);
	assert_int_equal(x.n, 4);
	assert_int_equal(x.fits, 3);    /* ours "will not fit", */
	assert_int_equal(x.refused, 0); /* which only the county makes a refusal */
	support_feed_refused(&feed, t.log, 4, "transition");
	apply_all();
	assert_int_equal(sync_of(1), SYNC_REFUSED);
	assert_int_equal(state_of(1), STATE_RETURNED);
	support_verified(&t);
}

static void a_case_handed_over(void **state)
{
	struct ledger_case c;
	uint8_t id[UUID_LEN];
	struct err e = {0};
	(void)state;
	support_feed_event(&feed, 701, 5, "note", "652323101201", "{'text':'早到'}"); /* before its registration came */
	apply_all();
	support_id(5, id);
	assert_int_equal(ledger_case_get(t.l, id, &c, NULL), ERR_NOTFOUND);
	assert_int_equal(tell(5).n, 1); /* but it is not lost */
	support_feed_event(&feed, 702, 6, "receive", "652323101201",
	                   "{'item':'652323-019','receipt_number':'652323101201-20261124-010001-2','received_at':"
	                   "1795478400000,'token':'0123456789abcdef',"
	                   "'applicant':{'name':'李四','id_number':'11010519491231002X','phone':'13700000000'}}");
	support_feed_event(&feed, 703, 6, "forward", "652323101201", "{'to':'" SUPPORT_STATION "'}");
	apply_all();
	support_case(&t, 6, &c);
	assert_string_equal(c.view.station, "652323101201");
	assert_string_equal(c.view.holder, SUPPORT_STATION);
	assert_int_equal(c.sync, SYNC_SETTLED); /* nothing of ours is under way */
	ledger_case_release(&c);
	uint8_t found[4][UUID_LEN];
	int n = 0;
	assert_int_equal(ledger_case_find(t.l, "13700000000", found, 4, &n, &e), ERR_OK);
	assert_int_equal(n, 1);
	/* this station holds it now: it may act */
	assert_int_equal(support_act(&t, 60, 6, EVENT_ACCEPT, json_object()), PROBLEM_NONE);
	assert_int_equal(sync_of(6), SYNC_LOCAL);
	support_verified(&t);
}

static void things(void **state)
{
	json_t *doc = NULL;
	int64_t version = 0;
	struct err e = {0};
	(void)state;
	assert_int_equal(ledger_thing(t.l, "catalog", &doc, &version, NULL), ERR_NOTFOUND);
	support_feed_add(&feed, support_json("{'kind':'catalog','body':{'version':2,'catalog':'two'}}"));
	support_feed_add(
	    &feed, support_json("{'kind':'catalog','body':{'version':1,'catalog':'one'}}")); /* an older one, late */
	support_feed_add(&feed, support_json("{'kind':'catalog','body':{'catalog':'none'}}"));
	support_feed_add(&feed, support_json("{'kind':'calendar','body':{'version':7}}"));
	support_feed_add(&feed, support_json("{'kind':'weather','body':{'version':9,'x':1}}")); /* of a newer county */
	support_feed_add(&feed, support_json("{'kind':'order','text':'x'}"));
	apply_all();
	assert_int_equal(ledger_thing(t.l, "catalog", &doc, &version, &e), ERR_OK);
	assert_int_equal(version, 2);
	assert_string_equal(fields_text(doc, "catalog"), "two");
	json_decref(doc);
	support_feed_add(&feed, support_json("{'kind':'catalog','body':{'version':2,'catalog':'two, mended'}}"));
	apply_all();
	assert_int_equal(ledger_thing(t.l, "catalog", &doc, &version, &e), ERR_OK);
	assert_string_equal(fields_text(doc, "catalog"), "two, mended");
	json_decref(doc);
	assert_int_equal(ledger_thing(t.l, "weather", &doc, &version, NULL), ERR_NOTFOUND);
	assert_null(doc);
	support_verified(&t);
}

/* --- what does not follow is not stored --- */

static void refuse_and_keep(const json_t *entries, int64_t seq, const uint8_t *hash, int want)
{
	struct ledger_head before = head(), after;
	int64_t n = 0, m = 0;
	uint8_t a[DIGEST_LEN], b[DIGEST_LEN];
	struct err e = {0};
	assert_int_equal(ledger_feed_head(t.l, &n, a, &e), ERR_OK);
	assert_int_equal(support_apply(t.l, seq, hash, entries, &e), want);
	assert_int_equal(e.code, want);
	assert_int_equal(ledger_feed_head(t.l, &m, b, NULL), ERR_OK);
	assert_int_equal(m, n);
	assert_memory_equal(a, b, DIGEST_LEN);
	after = head();
	assert_int_equal(after.received_seq, before.received_seq); /* nor the half that was right */
	support_verified(&t);
}

static void broken_feeds(void **state)
{
	(void)state;
	support_register(&t, 1, SUPPORT_ACCEPT_ITEM);
	support_feed_settled(&feed, t.log, 1, 1);
	apply_all();
	support_register(&t, 2, SUPPORT_ACCEPT_ITEM); /* something to receive */
	struct ledger_head h = head();
	support_feed_settled(&feed, t.log, 2, 2);
	support_feed_settled(&feed, t.log, 3, 3);
	support_feed_event(&feed, 700, 1, "accept", "county", "{'note':'x'}");
	json_t *good = feed.entries, *bad;
	assert_int_equal(json_array_size(good), 3);
	/* a gap at the front, in the middle, the wrong order, the same once more */
	static const int picks[][3] = {{1, 2, -1}, {0, 2, -1}, {1, 0, 2}, {0, 0, 1}};
	for (size_t i = 0; i < COUNT(picks); i++) {
		bad = json_array();
		for (int k = 0; k < 3 && picks[i][k] >= 0; k++)
			assert_int_equal(json_array_append(bad, json_array_get(good, (size_t)picks[i][k])), 0);
		refuse_and_keep(bad, h.seq, h.hash, ERR_CORRUPT);
		json_decref(bad);
	}
	/* any changed member, a hash that is missing or another's */
	static const char *const patches[] = {"{'to':3}",    "{'kind':'refused'}", "{'more':1}",
	                                      "{'hash':''}", "{'hash':null}",      "{'hash':'00'}",
	                                      "{'n':'2'}",   "{'n':null}",         "{'log':'x'}"};
	for (size_t i = 0; i < COUNT(patches); i++) {
		bad = json_deep_copy(good);
		json_t *patch = support_json(patches[i]);
		assert_int_equal(json_object_update(json_array_get(bad, 0), patch), 0);
		refuse_and_keep(bad, h.seq, h.hash, ERR_CORRUPT);
		json_decref(patch);
		json_decref(bad);
	}
	bad = json_deep_copy(good); /* another body under the old hash, and it is the last of three */
	assert_int_equal(json_object_set_new(json_array_get(bad, 2), "body", support_json("{'note':'y'}")), 0);
	refuse_and_keep(bad, h.seq, h.hash, ERR_CORRUPT);
	json_decref(bad);
	bad = support_json("[7]");
	refuse_and_keep(bad, h.seq, h.hash, ERR_CORRUPT);
	json_decref(bad);
	/* the county's head is not ours, or lies past it: the feed is not taken either */
	uint8_t other[DIGEST_LEN];
	memcpy(other, h.hash, DIGEST_LEN);
	other[0] ^= 1;
	refuse_and_keep(good, h.seq, other, ERR_CONFLICT);
	refuse_and_keep(good, h.seq + 1, other, ERR_NOTFOUND);
	apply_all(); /* and the right one still fits */
	assert_int_equal(state_of(1), STATE_ACCEPTED);
	support_verified(&t);
}

static void a_late_answer(void **state)
{
	struct err e = {0};
	uint8_t first[DIGEST_LEN];
	(void)state;
	support_register(&t, 1, SUPPORT_HANDLE_ITEM);
	assert_int_equal(ledger_hash_at(t.l, 1, first, &e), ERR_OK);
	apply_all();
	assert_int_equal(head().received_seq, 2);
	assert_int_equal(support_apply(t.l, 1, first, NULL, &e), ERR_OK); /* an older answer that came late */
	assert_int_equal(head().received_seq, 2);
	assert_int_equal(sync_of(1), SYNC_RECEIVED);
}

/* A mark on what is not here, on nonsense ranges, on a log of another box. */
static void odd_marks(void **state)
{
	uint8_t other[UUID_LEN];
	struct ledger_counts n;
	struct err e = {0};
	(void)state;
	support_register(&t, 1, SUPPORT_HANDLE_ITEM);
	support_id(555, other);
	support_feed_settled(&feed, other, 1, 2);
	support_feed_settled(&feed, t.log, 2, 1);
	support_feed_settled(&feed, t.log, 0, 5);
	support_feed_settled(&feed, t.log, 50, 60);
	support_feed_refused(&feed, t.log, 99, "x");
	support_feed_refused(&feed, other, 2, "x");
	support_feed_add(&feed, support_json("{'kind':'settled','log':'nonsense','from':1,'to':2}"));
	support_feed_add(&feed, support_json("{'kind':'settled'}"));
	support_feed_add(&feed, support_json("{'kind':'refused'}"));
	support_feed_add(&feed, support_json("{'kind':'event'}"));
	support_feed_add(&feed, support_json("{}"));
	apply_all();
	assert_int_equal(sync_of(1), SYNC_RECEIVED);
	assert_int_equal(ledger_counts(t.l, &n, &e), ERR_OK);
	assert_int_equal(n.refused, 0);
	support_verified(&t);
}

/* --- rewinding --- */

static void rewinding(void **state)
{
	struct err e = {0};
	(void)state;
	for (unsigned i = 1; i <= 4; i++) /* seq 2 to 5 */
		support_register(&t, i, SUPPORT_HANDLE_ITEM);
	assert_int_equal(ledger_mark_sent(t.l, 5, &e), ERR_OK);
	apply_all();
	assert_int_equal(sync_of(4), SYNC_RECEIVED);
	assert_int_equal(support_rewind(t.l, 3, &e), ERR_OK); /* a restored county: it has forgotten */
	assert_int_equal(head().received_seq, 3);
	assert_int_equal(head().sent_seq, 3);
	assert_int_equal(sync_of(2), SYNC_RECEIVED);
	assert_int_equal(sync_of(3), SYNC_LOCAL);
	assert_int_equal(sync_of(4), SYNC_LOCAL);
	assert_int_equal(support_rewind(t.l, 4, &e), ERR_OK); /* or it has more than was believed: a lost answer */
	assert_int_equal(head().received_seq, 4);
	assert_int_equal(sync_of(3), SYNC_RECEIVED);
	assert_int_equal(sync_of(4), SYNC_LOCAL);
	assert_int_equal(support_rewind(t.l, 0, &e), ERR_OK);
	assert_int_equal(sync_of(1), SYNC_LOCAL);
	assert_int_equal(support_rewind(t.l, 6, NULL), ERR_NOTFOUND);
	assert_int_equal(head().received_seq, 0);
	apply_all(); /* sent once more */
	assert_int_equal(sync_of(4), SYNC_RECEIVED);
	support_verified(&t);
}

/* --- a new log --- */

static void ids_of_log(const char *log, int64_t from, char *out, size_t cap)
{
	char sql[256];
	int64_t last = head().seq;
	out[0] = '\0';
	for (int64_t s = from; s <= last; s++) {
		(void)snprintf(sql, sizeof sql,
		               "SELECT coalesce((SELECT instr('0123456789abcdef', lower(substr(hex(id), 1, 1))) FROM "
		               "events e JOIN logs l ON l.n = e.log WHERE %s AND seq = %lld), -1)",
		               log, (long long)s);
		(void)snprintf(out + strlen(out), cap - strlen(out), "%lld ", (long long)support_sql_int(t.db, sql));
	}
}

static void a_copy_opens_a_new_log(void **state)
{
	struct err e = {0};
	struct ledger_case before, after;
	struct receipt r;
	uint8_t log[UUID_LEN], id[UUID_LEN];
	char left[256], here[256];
	(void)state;
	support_register(&t, 1, SUPPORT_ACCEPT_ITEM); /* 2, 3 */
	support_feed_settled(&feed, t.log, 1, 3);
	apply_all();
	support_register(&t, 2, SUPPORT_ACCEPT_ITEM); /* 4, 5 */
	assert_int_equal(note(50, 1), PROBLEM_NONE);  /* 6 */
	assert_int_equal(ledger_mark_sent(t.l, 6, &e), ERR_OK);
	support_case(&t, 2, &before);
	ids_of_log("l.n = 1", 4, left, sizeof left);
	support_id(900002, log);
	assert_int_equal(ledger_new_log(t.l, log, 2, &e), ERR_OK);
	struct ledger_head h = head();
	assert_memory_equal(h.log, log, UUID_LEN);
	assert_int_equal(h.box, 2);
	assert_int_equal(h.seq, 4); /* log_opened and the three that were not confirmed */
	assert_int_equal(h.received_seq, 0);
	ids_of_log("l.n = 2", 2, here, sizeof here);
	assert_string_equal(left, here); /* under their old identity, in their old order */
	assert_int_equal(support_sql_int(t.db, "SELECT count(*) FROM events"), 10);
	assert_int_equal(support_sql_int(t.db, "SELECT count(DISTINCT id) FROM events"), 7);
	assert_int_equal(support_sql_int(t.db, "SELECT kept FROM logs WHERE n = 1"), 3);
	support_case(&t, 2, &after);
	assert_int_equal(after.view.state, before.view.state);
	assert_string_equal(after.view.receipt, before.view.receipt); /* the printed number stands */
	assert_int_equal(after.view.revision, before.view.revision);
	assert_int_equal(after.sync, SYNC_LOCAL);
	assert_int_equal(sync_of(1), SYNC_LOCAL); /* its note is under way again */
	ledger_case_release(&before);
	ledger_case_release(&after);
	assert_int_equal(tell(1).n, 3);
	assert_int_equal(tell(2).n, 2);
	for (unsigned key = 1; key <= 2; key++) { /* keys are remembered across logs */
		struct ledger_call call = support_call(&t, key);
		assert_int_equal(ledger_replay(t.l, &call, id, &e), -1);
	}
	struct event ev[8];
	int n = 0;
	assert_int_equal(ledger_unsent(t.l, 0, 8, LIMIT_BATCH_BYTES, ev, &n, &e), ERR_OK);
	assert_int_equal(n, 4);
	json_t *opened = event_body(&ev[0]);
	char parent[UUID_TEXT];
	uuid_text(t.log, parent);
	assert_string_equal(fields_text(opened, "parent"), parent);
	assert_int_equal(fields_int(opened, "parent_seq", -1), 3);
	assert_int_equal(fields_int(opened, "box", -1), 2);
	assert_int_equal(strlen(fields_text(opened, "parent_hash")), 64);
	json_decref(opened);
	for (int i = 0; i < n; i++)
		event_release(&ev[i]);
	support_register(&t, 3, SUPPORT_ACCEPT_ITEM);
	support_case(&t, 3, &after);
	assert_true(receipt_parse(after.view.receipt, &r));
	assert_int_equal(r.box, 2); /* so that no number can come twice */
	assert_int_equal(r.serial, 1);
	ledger_case_release(&after);
	support_verified(&t);
	support_ledger_reopen(&t);
	assert_memory_equal(head().log, log, UUID_LEN);
	/* the feed goes on: marks on the new log, and on what was kept of the old */
	support_feed_settled(&feed, log, 1, 6);
	apply_all();
	assert_int_equal(sync_of(1), SYNC_SETTLED);
	assert_int_equal(sync_of(2), SYNC_SETTLED);
	support_verified(&t);
}

/* Rows of a left log above its parent_seq take no marks: they live on in the next log. */
static void marks_on_a_left_log(void **state)
{
	struct err e = {0};
	struct ledger_counts n;
	uint8_t log[UUID_LEN];
	(void)state;
	support_register(&t, 1, SUPPORT_HANDLE_ITEM); /* 2 */
	support_feed_settled(&feed, t.log, 1, 2);
	apply_all();                                  /* what is received and not settled would be taken along */
	support_register(&t, 2, SUPPORT_HANDLE_ITEM); /* 3 */
	support_id(900002, log);
	assert_int_equal(ledger_new_log(t.l, log, 2, &e), ERR_OK);
	support_feed_settled(&feed, t.log, 1, 3);
	support_feed_refused(&feed, t.log, 3, "x");
	apply_all();
	assert_int_equal(sync_of(1), SYNC_SETTLED); /* was kept there */
	assert_int_equal(sync_of(2), SYNC_RECEIVED);
	assert_int_equal(ledger_counts(t.l, &n, &e), ERR_OK);
	assert_int_equal(n.refused, 0);
	support_verified(&t);
}

static void many_events_again(void **state)
{
	struct err e = {0};
	uint8_t log[UUID_LEN];
	(void)state;
	for (unsigned i = 1; i <= 70; i++) /* 141 events: more than two batches of the copying */
		support_register(&t, i, SUPPORT_ACCEPT_ITEM);
	uint8_t hash[DIGEST_LEN];
	assert_int_equal(ledger_hash_at(t.l, 8, hash, &e), ERR_OK);
	support_feed_settled(&feed, t.log, 1, 8);
	assert_int_equal(support_apply(t.l, 8, hash, feed.entries, &e), ERR_OK);
	support_id(900002, log);
	assert_int_equal(ledger_new_log(t.l, log, 2, &e), ERR_OK);
	assert_int_equal(head().seq, 1 + 141 - 8);
	for (unsigned i = 1; i <= 70; i++)
		assert_int_equal(state_of(i), STATE_FORWARDED);
	/* and once more from the new one, before anything of it was confirmed */
	support_id(900003, log);
	assert_int_equal(ledger_new_log(t.l, log, 3, &e), ERR_OK);
	assert_int_equal(head().seq, 1 + 141 - 8);
	for (unsigned i = 1; i <= 70; i++)
		assert_int_equal(tell(i).n, 2);
	support_verified(&t);
	support_id(900003, log); /* a log's id is taken once */
	assert_int_equal(ledger_new_log(t.l, log, 4, NULL), ERR_CONFLICT);
	assert_int_equal(head().box, 3);
	support_verified(&t);
}

/* --- entries of a later release --- */

static void unknown_by(const char *release)
{
	struct err e = {0};
	assert_int_equal(ledger_meta_set_text(t.l, "feed_unknown_by", release, &e), ERR_OK);
}

static bool catches_up(void)
{
	struct err e = {0};
	bool rebuilt = false;
	if (ledger_catch_up(t.l, &rebuilt, &e)) fail_msg("%s", e.msg);
	return rebuilt;
}

static void applied_after_an_upgrade(void **state)
{
	struct err e = {0};
	char by[64];
	json_t *thing = NULL;
	int64_t version = 0;
	(void)state;
	support_feed_add(&feed, support_json("{'kind':'catalog','body':{'version':7,'items':[]}}"));
	apply_all();
	assert_false(catches_up()); /* every kind is known */
	support_feed_add(&feed, support_json("{'kind':'horoscope','body':{'version':1}}"));
	apply_all();
	assert_int_equal(ledger_meta_text(t.l, "feed_unknown_by", by, sizeof by, &e), ERR_OK);
	assert_string_equal(by, XINKE_VERSION);
	assert_false(catches_up()); /* this release has looked already */
	/* as if an older one had not known what a catalog is */
	support_sql(t.db, "DELETE FROM things");
	unknown_by("0.0.1");
	assert_int_equal(ledger_thing(t.l, "catalog", &thing, &version, &e), ERR_NOTFOUND);
	assert_true(catches_up());
	e = (struct err){0};
	assert_int_equal(ledger_thing(t.l, "catalog", &thing, &version, &e), ERR_OK);
	assert_int_equal(version, 7);
	json_decref(thing);
	assert_int_equal(ledger_meta_text(t.l, "feed_unknown_by", by, sizeof by, &e), ERR_OK);
	assert_string_equal(by, XINKE_VERSION); /* the other is unknown still */
	assert_false(catches_up());
	support_verified(&t);
}

#define T(f) cmocka_unit_test_setup_teardown(f, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(batches),
	    T(hashes),
	    T(the_four_states),
	    T(a_refusal),
	    T(a_refused_registration_stays_readable),
	    T(the_county_answers),
	    T(order_is_the_countys),
	    T(a_case_handed_over),
	    T(things),
	    T(broken_feeds),
	    T(a_late_answer),
	    T(odd_marks),
	    T(rewinding),
	    T(a_copy_opens_a_new_log),
	    T(marks_on_a_left_log),
	    T(many_events_again),
	    T(applied_after_an_upgrade),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
