/* The county's exchange with real ledgers at its other end. */
#include "shared/dict.h"
#include "shared/ledger/courier.h"
#include "shared/ledger/read.h"
#include "shared/ledger/write.h"
#include "shared/pack.h"
#include "tests/unit/county_support.h"

#include "shared/event.h"
#include "shared/fields.h"
#include "sync/county/boxes.h"
#include "sync/county/casefile.h"

#include <stdlib.h>
#include <string.h>

#define OK(call, e)                                                                                                    \
	do {                                                                                                           \
		if (call) fail_msg("%s:%d: %s", __FILE__, __LINE__, (e)->msg);                                         \
	} while (0)

static struct test_county *county_of(void **state)
{
	return *state;
}

static int setup(void **state)
{
	struct test_county *w = calloc(1, sizeof *w);
	assert_non_null(w);
	test_county_make(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	test_county_release(*state);
	free(*state);
	return 0;
}

static int64_t number(struct test_county *w, const char *sql)
{
	return support_sql_int(w->db, sql);
}

static void view_of(struct test_county *w, unsigned n, struct caseview *v)
{
	struct err e = {0};
	uint8_t id[UUID_LEN];
	support_id(n, id);
	OK(casefile_get(w->s, id, v, &e), &e);
}

/* Is the case at the county in STATE with HOLDER? */
static void assert_case(struct test_county *w, unsigned n, enum case_state state, const char *holder)
{
	struct caseview v;
	view_of(w, n, &v);
	assert_int_equal(v.state, state);
	assert_string_equal(v.holder, holder);
	caseview_release(&v);
}

/* A department's act, as the API does it. */
static enum problem_code act(struct test_county *w, unsigned key, unsigned n, const char *type, const char *text)
{
	static const uint8_t no_key[EVENT_KEY_LEN];
	struct err e = {0};
	struct problem p = {0};
	struct casefile f;
	struct event ev = {.has_case = true, .at = w->clock.wall, .quality = CLOCK_SYNCED};
	json_t *body = support_json(text);
	support_id(key, ev.id);
	support_id(n, ev.case_id);
	OK(event_set(ev.type, sizeof ev.type, type, "type", &e), &e);
	OK(event_set(ev.actor, sizeof ev.actor, "centre", "actor", &e), &e);
	OK(event_set_body(&ev, body, no_key, &e), &e);
	casefile_init(&f, w->s);
	OK(store_begin(w->s, &e), &e);
	OK(casefile_act(&f, &ev, body, w->clock.wall, &p, &e), &e);
	OK(casefile_flush(&f, &e), &e);
	OK(store_commit(w->s, &e), &e);
	enum problem_code code = p.code;
	event_release(&ev);
	problem_release(&p);
	json_decref(body);
	return code;
}

/* The code of a refusal of event KEY at the county; "" when it settled. */
static void assert_verdict(struct test_county *w, unsigned key, const char *want)
{
	struct err e = {0};
	uint8_t id[UUID_LEN];
	support_id(key, id);
	struct db_stmt *q = db_query(w->s->db, Q_event_get, &e);
	assert_non_null(q);
	db_bind_text(q, "station", COUNTY_VILLAGE);
	db_bind_blob(q, "id", id, UUID_LEN);
	assert_int_equal(db_step(q, &e), 1);
	const char *code = db_text(q, 1);
	assert_string_equal(code ? code : "", want);
	db_reset(q);
}

/* --- the main road --- */

static void settles(void **state)
{
	struct test_county *w = county_of(state);
	struct test_box b;
	test_box_make(&b, w, COUNTY_VILLAGE);
	assert_int_equal(b.number, 1);
	for (unsigned n = 1; n <= 30; n++)
		test_box_register(&b, n, n % 2 ? SUPPORT_ACCEPT_ITEM : SUPPORT_HANDLE_ITEM);
	assert_int_equal(test_box_sync(&b, 1), SYNC_LOCAL);
	test_box_settle(&b);
	for (unsigned n = 1; n <= 30; n++)
		assert_int_equal(test_box_sync(&b, n), SYNC_SETTLED);
	assert_int_equal(number(w, "SELECT count(*) FROM cases"), 30);
	assert_case(w, 1, STATE_FORWARDED, COUNTY_TOWNSHIP);
	assert_case(w, 2, STATE_RECEIVED, COUNTY_VILLAGE);
	/* the catalog came with the first answers */
	struct err e = {0};
	json_t *doc = NULL;
	int64_t version = 0;
	OK(ledger_thing(b.l, "catalog", &doc, &version, &e), &e);
	assert_int_equal(version, 1);
	json_decref(doc);
	test_county_verify(w, 0);
	test_box_release(&b);
}

static void batches(void **state)
{
	struct test_county *w = county_of(state);
	struct test_box b;
	test_box_make(&b, w, COUNTY_VILLAGE);
	for (unsigned n = 1; n <= 20; n++)
		test_box_register(&b, n, SUPPORT_ACCEPT_ITEM);
	/* a case's two events may fall into two batches */
	for (int i = 0; i < 45; i++)
		assert_int_equal(test_box_exchange(&b, 1, ANSWER_KEPT, NULL), PROBLEM_NONE);
	test_box_settle(&b);
	for (unsigned n = 1; n <= 20; n++) {
		struct caseview v;
		assert_int_equal(test_box_sync(&b, n), SYNC_SETTLED);
		view_of(w, n, &v);
		assert_int_equal(v.revision, 2);
		caseview_release(&v);
	}
	test_county_verify(w, 0);
	test_box_release(&b);
}

static void lost_answer(void **state)
{
	struct test_county *w = county_of(state);
	struct test_box b;
	struct err e = {0};
	struct wire_answer a;
	struct ledger_head h;
	uint8_t mine[DIGEST_LEN];
	test_box_make(&b, w, COUNTY_VILLAGE);
	for (unsigned n = 1; n <= 5; n++)
		test_box_register(&b, n, SUPPORT_ACCEPT_ITEM);
	assert_int_equal(test_box_exchange(&b, 0, ANSWER_LOST, NULL), PROBLEM_NONE);
	int64_t events = number(w, "SELECT count(*) FROM events");
	/* the same again: heads differ, the answer says where the county is, nothing is taken twice */
	assert_int_equal(test_box_exchange(&b, 0, ANSWER_KEPT, &a), PROBLEM_NONE);
	OK(ledger_head(b.l, &h, &e), &e);
	assert_int_equal(a.received.seq, h.seq);
	OK(ledger_hash_at(b.l, a.received.seq, mine, &e), &e);
	assert_memory_equal(mine, a.received.hash, DIGEST_LEN);
	OK(support_rewind(b.l, a.received.seq, &e), &e);
	wire_answer_release(&a);
	test_box_settle(&b);
	assert_int_equal(number(w, "SELECT count(*) FROM events"), events);
	assert_int_equal(test_box_sync(&b, 5), SYNC_SETTLED);
	assert_int_equal(number(w, "SELECT count(*) FROM cases"), 5);
	test_county_verify(w, 0);
	test_box_release(&b);
}

/* --- copies --- */

static void copy_goes_on(void **state)
{
	struct test_county *w = county_of(state);
	struct test_box b, copy;
	struct err e = {0};
	struct wire_answer a;
	uint8_t log[UUID_LEN], hash[DIGEST_LEN];
	test_box_make(&b, w, COUNTY_VILLAGE);
	test_box_register(&b, 1, SUPPORT_ACCEPT_ITEM);
	test_box_settle(&b);
	test_box_copy(&copy, &b);
	test_box_register(&b, 2, SUPPORT_ACCEPT_ITEM);
	test_box_register(&copy, 3, SUPPORT_HANDLE_ITEM);
	test_box_settle(&b);
	/* the copy's chain is not the county's: it is granted a number, the same on repeats */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(test_box_exchange(&copy, 0, ANSWER_KEPT, &a), PROBLEM_NONE);
		assert_int_equal(a.box, 2);
		assert_int_equal(ledger_hash_at(copy.l, a.received.seq, hash, &e), ERR_NOTFOUND);
		e = (struct err){0};
		wire_answer_release(&a);
	}
	uuid_random(log);
	OK(ledger_new_log(copy.l, log, 2, &e), &e);
	/* its first answer is lost, and it asks again */
	assert_int_equal(test_box_exchange(&copy, 0, ANSWER_LOST, NULL), PROBLEM_NONE);
	assert_int_equal(test_box_exchange(&copy, 0, ANSWER_KEPT, &a), PROBLEM_NONE);
	OK(support_rewind(copy.l, a.received.seq, &e), &e);
	wire_answer_release(&a);
	test_box_settle(&copy);
	assert_int_equal(test_box_sync(&copy, 3), SYNC_SETTLED);
	assert_int_equal(number(w, "SELECT count(*) FROM cases"), 3);
	assert_int_equal(number(w, "SELECT count(*) FROM logs WHERE not_after = 0"), 0);
	assert_int_equal(number(w, "SELECT count(*) FROM alarms WHERE kind = 'copy'"), 1);
	/* the first box goes on under its own log */
	test_box_register(&b, 4, SUPPORT_ACCEPT_ITEM);
	test_box_settle(&b);
	assert_int_equal(test_box_sync(&b, 4), SYNC_SETTLED);
	test_county_verify(w, 0);
	test_box_release(&copy);
	test_box_release(&b);
}

/* Each copy of one log gets a number of its own, and repeats burn none. */
static void copies_of_one_log(void **state)
{
	struct test_county *w = county_of(state);
	struct test_box b, copy[2];
	struct err e = {0};
	struct wire_answer a;
	uint8_t log[UUID_LEN];
	test_box_make(&b, w, COUNTY_VILLAGE);
	test_box_register(&b, 1, SUPPORT_ACCEPT_ITEM);
	test_box_settle(&b);
	for (int i = 0; i < 2; i++)
		test_box_copy(&copy[i], &b);
	test_box_register(&b, 2, SUPPORT_ACCEPT_ITEM);
	test_box_settle(&b);
	for (unsigned i = 0; i < 2; i++) {
		test_box_register(&copy[i], 10 + i, SUPPORT_HANDLE_ITEM);
		for (int again = 0; again < 3; again++) {
			assert_int_equal(test_box_exchange(&copy[i], 0, ANSWER_KEPT, &a), PROBLEM_NONE);
			assert_int_equal(a.box, 2 + (int)i);
			wire_answer_release(&a);
		}
		uuid_random(log);
		OK(ledger_new_log(copy[i].l, log, 2 + (int)i, &e), &e);
		test_box_settle(&copy[i]);
		assert_int_equal(test_box_sync(&copy[i], 10 + i), SYNC_SETTLED);
	}
	assert_int_equal(number(w, "SELECT box_used FROM stations WHERE code = '" COUNTY_VILLAGE "'"), 3);
	test_county_verify(w, 0);
	for (int i = 0; i < 2; i++)
		test_box_release(&copy[i]);
	test_box_release(&b);
}

/* A log that nobody granted is refused. */
/* A log that the county does not know, under a certificate that it does: it was restored and has forgotten the grant. */
static void forgotten_grant(void **state)
{
	struct test_county *w = county_of(state);
	struct test_box b;
	struct err e = {0};
	uint8_t log[UUID_LEN];
	test_box_make(&b, w, COUNTY_VILLAGE);
	test_box_settle(&b);
	uuid_random(log);
	OK(ledger_new_log(b.l, log, 7, &e), &e);
	test_box_settle(&b);
	assert_int_equal(number(w, "SELECT count(*) FROM logs"), 2);
	assert_int_equal(number(w, "SELECT count(*) FROM alarms WHERE kind = 'forgotten'"), 1);
	/* its number counts as used, and so do some above it */
	assert_int_equal(number(w, "SELECT box_used FROM stations WHERE code = '" COUNTY_VILLAGE "'"), 12);
	test_county_verify(w, 0);
	test_box_release(&b);
}

/* Events that were taken from one log and come again in another settle as those that were taken. */
static void same_event_in_two_logs(void **state)
{
	struct test_county *w = county_of(state);
	struct test_box b, copy;
	struct err e = {0};
	struct wire_answer a;
	uint8_t log[UUID_LEN];
	test_box_make(&b, w, COUNTY_VILLAGE);
	test_box_settle(&b);
	test_box_register(&b, 1, SUPPORT_ACCEPT_ITEM);
	test_box_copy(&copy, &b); /* both hold case 1, unsent */
	test_box_register(&b, 2, SUPPORT_ACCEPT_ITEM);
	test_box_settle(&b);
	test_box_register(&copy, 3, SUPPORT_ACCEPT_ITEM);
	assert_int_equal(test_box_exchange(&copy, 0, ANSWER_KEPT, &a), PROBLEM_NONE);
	uuid_random(log);
	OK(ledger_new_log(copy.l, log, a.box, &e), &e);
	wire_answer_release(&a);
	test_box_settle(&copy);
	assert_int_equal(test_box_sync(&copy, 1), SYNC_SETTLED);
	assert_int_equal(number(w, "SELECT count(*) FROM cases"), 3);
	assert_int_equal(number(w, "SELECT count(*) FROM events WHERE type = 'receive'"), 3);
	test_county_verify(w, 0);
	test_box_release(&copy);
	test_box_release(&b);
}

/* --- frames --- */

/* What the county says to LEN bytes that are no request. */
static enum problem_code say(struct test_county *w, struct test_box *b, const char *data, size_t len)
{
	struct err e = {0};
	struct problem p = {0};
	char *answer = NULL, signature[256];
	size_t n = 0;
	OK(county_exchange(&w->c, w->s, &b->peer, data, len, &answer, &n, signature, &p, &e), &e);
	enum problem_code code = p.code;
	problem_release(&p);
	free(answer);
	return code;
}

/* Frames that are cut, that hold too much, whose dictionary is not here: refused, and nothing is stored. */
static void bad_frames(void **state)
{
	struct test_county *w = county_of(state);
	struct test_box b;
	struct err e = {0};
	struct pack *pk = NULL;
	struct buf frame, huge;
	size_t n = 0;
	test_box_make(&b, w, COUNTY_VILLAGE);
	const struct pack_dict *dicts = dict_all(&n);
	OK(pack_new(dicts, n, &pk, &e), &e);
	buf_init(&frame, (size_t)LIMIT_EXCHANGE * 2);
	OK(pack_close(pk, 9, DICT_EXCHANGE, "{}", 2, &frame, &e), &e);
	assert_int_equal(say(w, &b, frame.data, frame.len),
	                 PROBLEM_MALFORMED_REQUEST); /* opens, and holds no request */
	assert_int_equal(say(w, &b, frame.data, frame.len - 1), PROBLEM_MALFORMED_REQUEST);
	size_t at = 4;
	while (at < 10 && ((uint8_t)frame.data[at] != 0x01 || (uint8_t)frame.data[at + 1] != 0x80))
		at++;
	assert_true(at < 10);
	frame.data[at] = 0x02;
	assert_int_equal(say(w, &b, frame.data, frame.len), PROBLEM_DICTIONARY_UNKNOWN);
	buf_reset(&frame);
	buf_init(&huge, (size_t)LIMIT_EXCHANGE * 2);
	for (size_t i = 0; i <= LIMIT_EXCHANGE; i++)
		buf_addc(&huge, ' ');
	OK(pack_close(pk, 9, 0, huge.data, huge.len, &frame, &e), &e);
	assert_true(frame.len < 4096);
	assert_int_equal(say(w, &b, frame.data, frame.len), PROBLEM_MALFORMED_REQUEST);
	assert_int_equal(number(w, "SELECT count(*) FROM chain"), 0);
	test_box_settle(&b); /* and the next good exchange goes through */
	buf_release(&huge);
	buf_release(&frame);
	pack_free(pk);
	test_box_release(&b);
}

/* --- refusals --- */

static void refused_events_block_nobody(void **state)
{
	struct test_county *w = county_of(state);
	struct test_box b;
	test_box_make(&b, w, COUNTY_VILLAGE);
	test_box_register(&b, 1, SUPPORT_ACCEPT_ITEM);
	test_box_force(&b, 100, 1, "note", "{'txet':'x'}");              /* the body */
	test_box_force(&b, 101, 1, "accept", "{}");                      /* another holds it */
	test_box_force(&b, 102, 50, "note", "{'text':'no such case'}");  /* the case */
	test_box_force(&b, 103, 51, "receive", "{'item':'652323-050'}"); /* half a registration */
	test_box_register(&b, 2, SUPPORT_HANDLE_ITEM);
	test_box_force(&b, 104, 2, "forward", "{'to':'" COUNTY_TOWNSHIP "'}"); /* the level: this village handles it */
	test_box_act(&b, 105, 2, "accept", "{'note':'ok'}");
	test_box_settle(&b);
	assert_verdict(w, 100, "body");
	assert_verdict(w, 101, "after_refused");
	assert_verdict(w, 102, "no_such_case");
	assert_verdict(w, 103, "body");
	assert_verdict(w, 104, "level");
	assert_verdict(w, 105, "");
	assert_int_equal(test_box_sync(&b, 1), SYNC_REFUSED);
	assert_case(w, 1, STATE_FORWARDED, COUNTY_TOWNSHIP);
	assert_case(w, 2, STATE_ACCEPTED, COUNTY_VILLAGE);
	assert_int_equal(atomic_load(&w->metrics.v[METRIC_EVENTS_REFUSED]), 5);
	test_county_verify(w, 0);
	test_box_release(&b);
}

static void item_not_offered(void **state)
{
	struct test_county *w = county_of(state);
	struct test_box b;
	test_box_make(&b, w, COUNTY_VILLAGE);
	test_box_register(&b, 1, "652323-050"); /* a township's */
	test_box_register(&b, 2, SUPPORT_ACCEPT_ITEM);
	test_box_settle(&b);
	assert_verdict(w, 1, "item_not_offered");
	assert_int_equal(test_box_sync(&b, 1), SYNC_REFUSED);
	assert_int_equal(test_box_sync(&b, 2), SYNC_SETTLED);
	assert_int_equal(number(w, "SELECT count(*) FROM cases"), 1);
	test_county_verify(w, 0);
	test_box_release(&b);
}

/* A registration that was refused and comes again, better: the revision is the place in the county's order, however the
 * batches fall. */
static void refused_registration_mended(void **state)
{
	struct test_county *w = county_of(state);
	struct test_box b;
	struct caseview v;
	test_box_make(&b, w, COUNTY_VILLAGE);
	test_box_force(&b, 101, 1, "receive", "{'item':'652323-050'}");
	assert_int_equal(test_box_exchange(&b, 0, ANSWER_KEPT, NULL), PROBLEM_NONE);
	test_box_force(
	    &b, 201, 1, "receive",
	    "{'item':'652323-001','channel':'window','catalog':'hutubi-2022','catalog_version':1,"
	    "'receipt_number':'652323101200-20261124-010001-1','received_at':1795478400000,'record':'application',"
	    "'token':'0123456789ABCDEF','applicant':{'kind':'person','name':'王建国','id_type':'citizen_id',"
	    "'id_number':'" SUPPORT_PERSON "','phone':'" SUPPORT_PHONE "','address':'大丰镇一村'}}");
	test_box_settle(&b);
	assert_verdict(w, 101, "body");
	assert_verdict(w, 201, "");
	view_of(w, 1, &v);
	assert_int_equal(v.revision, 2);
	caseview_release(&v);
	test_county_verify(w, 0);
	test_box_release(&b);
}

/* A type of a newer release is kept, unjudged, and holds up nothing. */
static void unknown_type_is_held(void **state)
{
	struct test_county *w = county_of(state);
	struct test_box b;
	test_box_make(&b, w, COUNTY_VILLAGE);
	test_box_register(&b, 1, SUPPORT_ACCEPT_ITEM);
	test_box_force(&b, 100, 1, "teleport", "{'x':1}");
	test_box_act(&b, 101, 1, "note", "{'text':'after it'}");
	test_box_settle(&b);
	assert_verdict(w, 100, "held");
	assert_verdict(w, 101, "");
	test_county_verify(w, 0);
	test_box_release(&b);
}

/* --- who may --- */

static void certificates(void **state)
{
	struct test_county *w = county_of(state);
	struct test_box b, other;
	struct err e = {0};
	struct problem p = {0};
	test_box_make(&b, w, COUNTY_VILLAGE);
	test_box_make(&other, w, COUNTY_OTHER);
	test_box_register(&b, 1, SUPPORT_ACCEPT_ITEM);
	/* another station's certificate for this station's log; then one that speaks for a station that is not its own */
	struct county_peer mine = b.peer, theirs = other.peer;
	b.peer = theirs;
	memcpy(b.peer.station, mine.station, sizeof mine.station);
	assert_int_equal(test_box_exchange(&b, 0, ANSWER_KEPT, NULL), PROBLEM_CERTIFICATE_REFUSED);
	b.peer = mine;
	memcpy(b.peer.station, theirs.station, sizeof theirs.station);
	assert_int_equal(test_box_exchange(&b, 0, ANSWER_KEPT, NULL), PROBLEM_CERTIFICATE_REFUSED);
	/* one past its last day: it may only renew */
	b.peer = mine;
	b.peer.expired = true;
	assert_int_equal(test_box_exchange(&b, 0, ANSWER_KEPT, NULL), PROBLEM_CERTIFICATE_EXPIRED);
	/* one that the county never saw and that names no box; one that does is taken for forgotten (courier_test.c) */
	b.peer = mine;
	b.peer.box = 0;
	b.peer.fingerprint[0] ^= 1;
	assert_int_equal(test_box_exchange(&b, 0, ANSWER_KEPT, NULL), PROBLEM_CERTIFICATE_REFUSED);
	assert_int_equal(number(w, "SELECT count(*) FROM events"), 0);
	b.peer = mine;
	test_box_settle(&b);
	OK(boxes_set(&w->c, w->s, b.log, LOG_REVOKED, "operator", "被盗", &p, &e), &e);
	assert_int_equal(test_box_exchange(&b, 0, ANSWER_KEPT, NULL), PROBLEM_CERTIFICATE_REFUSED);
	/* revoked is final */
	OK(boxes_set(&w->c, w->s, b.log, LOG_RETIRED, "operator", "x", &p, &e), &e);
	assert_int_equal(p.code, PROBLEM_CONFLICT);
	problem_release(&p);
	assert_int_equal(number(w, "SELECT count(*) FROM alarms WHERE kind = 'revoked'"), 1);
	test_box_settle(&other);
	test_box_release(&other);
	test_box_release(&b);
}

static void retired_pushes_and_gets_no_feed(void **state)
{
	struct test_county *w = county_of(state);
	struct test_box b;
	struct err e = {0};
	struct problem p = {0};
	struct wire_answer a;
	test_box_make(&b, w, COUNTY_VILLAGE);
	test_box_settle(&b);
	OK(boxes_set(&w->c, w->s, b.log, LOG_RETIRED, "operator", "换新", &p, &e), &e);
	test_box_register(&b, 1, SUPPORT_ACCEPT_ITEM);
	assert_int_equal(test_box_exchange(&b, 0, ANSWER_KEPT, &a), PROBLEM_NONE);
	assert_int_equal(json_array_size(a.feed), 0);
	assert_false(a.more);
	wire_answer_release(&a);
	assert_int_equal(test_box_sync(&b, 1), SYNC_RECEIVED);
	assert_case(w, 1, STATE_FORWARDED, COUNTY_TOWNSHIP);
	test_county_verify(w, 0);
	test_box_release(&b);
}

/* --- feed --- */

static void unknown_cursor(void **state)
{
	struct test_county *w = county_of(state);
	struct test_box b;
	struct wire_answer a;
	test_box_make(&b, w, COUNTY_VILLAGE);
	test_box_register(&b, 1, SUPPORT_ACCEPT_ITEM);
	test_box_settle(&b);
	/* the county lost the end of its feed */
	support_sql(w->db, "DELETE FROM feed WHERE n > 1; UPDATE stations SET feed_n = 1, feed_hash = (SELECT hash "
	                   "FROM feed WHERE n = 1) "
	                   "WHERE code = '" COUNTY_VILLAGE "'");
	test_box_register(&b, 2, SUPPORT_ACCEPT_ITEM);
	assert_int_equal(test_box_exchange(&b, 0, ANSWER_LOST, &a), PROBLEM_NONE);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(a.feed, 0), "n")), 1);
	wire_answer_release(&a);
	assert_int_equal(number(w, "SELECT count(*) FROM alarms WHERE kind = 'feed'"), 1);
	assert_case(w, 2, STATE_FORWARDED, COUNTY_TOWNSHIP); /* the events were taken all the same */
	test_box_release(&b);
}

static void act_reaches_the_box(void **state)
{
	struct test_county *w = county_of(state);
	struct test_box b;
	struct err e = {0};
	struct ledger_case c = {0};
	uint8_t id[UUID_LEN];
	test_box_make(&b, w, COUNTY_VILLAGE);
	test_box_register(&b, 1, SUPPORT_ACCEPT_ITEM);
	test_box_settle(&b);
	assert_int_equal(act(w, 500, 1, "accept", "{'note':'予以受理'}"), PROBLEM_NONE);
	assert_case(w, 1, STATE_ACCEPTED, COUNTY_TOWNSHIP);
	assert_int_equal(act(w, 501, 1, "refuse", "{'reason':'x','basis':'y','remedies':'z'}"), PROBLEM_TRANSITION);
	test_box_settle(&b);
	support_id(1, id);
	OK(ledger_case_get(b.l, id, &c, &e), &e);
	assert_int_equal(c.view.state, STATE_ACCEPTED);
	ledger_case_release(&c);
	test_county_verify(w, 0);
	test_box_release(&b);
}

static void first_at_the_county_wins(void **state)
{
	struct test_county *w = county_of(state);
	struct test_box b;
	test_box_make(&b, w, COUNTY_VILLAGE);
	test_box_register(&b, 1, SUPPORT_ACCEPT_ITEM);
	test_box_settle(&b);
	test_box_act(&b, 100, 1, "withdraw", "{'reason':'不办了'}");
	assert_int_equal(act(w, 500, 1, "return", "{'reason':'重复申请'}"), PROBLEM_NONE);
	test_box_settle(&b);
	assert_verdict(w, 100, "transition");
	assert_int_equal(test_box_sync(&b, 1), SYNC_REFUSED);
	assert_case(w, 1, STATE_RETURNED, COUNTY_TOWNSHIP);
	test_county_verify(w, 0);
	test_box_release(&b);
}

/* A township that gets its box later learns the whole history of what it holds, also beyond one answer's entries. */
static void new_holder_gets_history(void **state)
{
	enum { CASES = 400 };
	struct test_county *w = county_of(state);
	struct test_box b, township;
	test_box_make(&b, w, COUNTY_VILLAGE);
	for (unsigned n = 1; n <= CASES; n++)
		test_box_register(&b, n, SUPPORT_ACCEPT_ITEM);
	test_box_settle(&b);
	test_box_make(&township, w, COUNTY_TOWNSHIP);
	test_box_settle(&township);
	for (unsigned n = 1; n <= CASES; n++) {
		struct err e = {0};
		struct ledger_case c = {0};
		uint8_t id[UUID_LEN];
		support_id(n, id);
		OK(ledger_case_get(township.l, id, &c, &e), &e);
		assert_int_equal(c.view.state, STATE_FORWARDED);
		ledger_case_release(&c);
	}
	/* what the township does reaches the village */
	test_box_force(&township, 9000, 1, "forward", "{'to':'民政局'}");
	test_box_settle(&township);
	assert_case(w, 1, STATE_FORWARDED, "民政局");
	test_box_settle(&b);
	test_county_verify(w, 0);
	test_box_release(&township);
	test_box_release(&b);
}

/* --- bad requests --- */

static void bad_requests(void **state)
{
	static const char *const bad[] = {
	    "", "{}", "[", "null", "{\"protocol\":2}", "{\"protocol\":1,\"station\":\"652323101200\"}"};
	struct test_county *w = county_of(state);
	struct test_box b;
	test_box_make(&b, w, COUNTY_VILLAGE);
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err e = {0};
		struct problem p = {0};
		char *answer = NULL, signature[256];
		size_t len = 0;
		OK(county_exchange(&w->c, w->s, &b.peer, bad[i], strlen(bad[i]), &answer, &len, signature, &p, &e), &e);
		assert_int_equal(p.code, PROBLEM_MALFORMED_REQUEST);
		assert_null(answer);
		problem_release(&p);
	}
	test_box_release(&b);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(settles),
	    TEST(batches),
	    TEST(lost_answer),
	    TEST(copy_goes_on),
	    TEST(copies_of_one_log),
	    TEST(forgotten_grant),
	    TEST(same_event_in_two_logs),
	    TEST(bad_frames),
	    TEST(refused_events_block_nobody),
	    TEST(item_not_offered),
	    TEST(refused_registration_mended),
	    TEST(unknown_type_is_held),
	    TEST(certificates),
	    TEST(retired_pushes_and_gets_no_feed),
	    TEST(unknown_cursor),
	    TEST(act_reaches_the_box),
	    TEST(first_at_the_county_wins),
	    TEST(new_holder_gets_history),
	    TEST(bad_requests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
