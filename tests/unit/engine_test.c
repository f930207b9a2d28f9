/* The courier's mind over a real ledger and a county of forty lines that can lose, lie, forget and be somebody else.
 *
 * No time passes but the test's own: `mono` moves to whatever the engine waits for. */
#include "shared/ledger/courier.h"
#include "shared/ledger/read.h"
#include "shared/ledger/write.h"
#include "shared/text.h"
#include "sync/engine/engine.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

#define KEY_ID      "0123456789abcdef0123456789abcdef"
#define POLL        30000
#define BACKOFF_MAX 300000
#define EVENTS_MAX  2000

enum mood {
	FINE,
	LOSES_THE_ANSWER, /* takes everything, and the answer never arrives */
	UNREACHABLE,
	PORTAL,          /* 200 and a page, no signature */
	FORGED,          /* a signature by another key under the county's key id */
	GARBLED,         /* a signature header that is none */
	UNREADABLE,      /* signed, but no answer */
	FORBIDDEN,       /* 403 */
	BROKEN,          /* 500 */
	BEWILDERED,      /* `detail` to whatever comes */
	ONCE_BEWILDERED, /* `detail`, and content with what then comes */
	UNAUTHORIZED,    /* 401 */
	REPLAYED,        /* the county's own signed answer, to an earlier request */
	SIGNED_500,      /* signed, but the status says that it failed */
	OLDER,           /* knows no columns */
};

static struct county {
	enum mood mood;
	struct ec_key *key, *wrong;
	uint8_t log[UUID_LEN];
	struct wire_mark head;
	uint8_t ids[EVENTS_MAX][UUID_LEN]; /* of what it has taken, each once */
	int n_ids, box;
	struct support_feed feed;
	size_t feed_limit;
	int retry_after;
	int calls, taken, events_seen, detailed, most, in_columns;
	bool vouches;    /* the root vouches for the key that is asked for */
	struct buf said; /* its last answer */
	char said_header[256];
	int key_asked;
} county;

static struct support_ledger t;
static struct engine *g;
static int64_t mono;
static int64_t waits[4096]; /* how long each wait was */
static int n_waits;
static int limits[256]; /* how many events were asked for at each reading */
static int n_limits;
static bool read_fails, mark_fails; /* the store does */

static int make(void **state)
{
	const struct engine_config cfg = {
	    .software = "test", .poll_ms = POLL, .backoff_max_ms = BACKOFF_MAX, .batch_max = 50, .seed = 42};
	(void)state;
	support_ledger_make(&t);
	county =
	    (struct county){.key = ec_key_generate(), .wrong = ec_key_generate(), .feed_limit = 100, .vouches = true};
	memcpy(county.log, t.log, UUID_LEN);
	support_feed_init(&county.feed, t.station_key);
	g = engine_new(&cfg);
	assert_non_null(g);
	mono = 1000;
	n_waits = n_limits = 0;
	read_fails = mark_fails = false;
	buf_init(&county.said, LIMIT_EXCHANGE);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	engine_free(g);
	support_feed_release(&county.feed);
	ec_key_free(county.key);
	ec_key_free(county.wrong);
	buf_release(&county.said);
	support_ledger_release(&t);
	return 0;
}

/* --- the county --- */

static bool same(const struct wire_mark *a, const struct wire_mark *b)
{
	return a->seq == b->seq && memcmp(a->hash, b->hash, DIGEST_LEN) == 0;
}

static void remember(const uint8_t id[UUID_LEN])
{
	for (int i = 0; i < county.n_ids; i++)
		if (memcmp(county.ids[i], id, UUID_LEN) == 0) return;
	assert_true(county.n_ids < EVENTS_MAX);
	memcpy(county.ids[county.n_ids++], id, UUID_LEN);
}

static bool chain_fits(struct wire_request *r)
{
	struct wire_mark at = county.head;
	for (int i = 0; i < r->n_events; i++) {
		struct event *ev = &r->events[i];
		uint8_t next[DIGEST_LEN];
		if (ev->body) event_mac(t.station_key, ev->body, ev->body_len, ev->mac);
		assert_int_equal(event_hash(ev, at.hash, next), ERR_OK);
		memcpy(at.hash, next, DIGEST_LEN);
		at.seq = ev->seq;
	}
	return same(&at, &r->head);
}

static void add_feed(const struct wire_request *r, struct wire_answer *a)
{
	size_t i;
	json_t *entry;
	a->feed = json_array();
	a->feed_head = r->feed;
	json_array_foreach(county.feed.entries, i, entry) {
		int64_t n = json_integer_value(json_object_get(entry, "n"));
		if (n <= r->feed.seq) continue;
		if (json_array_size(a->feed) == county.feed_limit) {
			a->more = true;
			break;
		}
		assert_int_equal(json_array_append(a->feed, entry), 0);
		a->feed_head.seq = n;
		assert_true(
		    text_unhex(json_string_value(json_object_get(entry, "hash")), a->feed_head.hash, DIGEST_LEN));
	}
}

static void judge(struct wire_request *r, struct wire_answer *a)
{
	if (memcmp(r->log, county.log, UUID_LEN) != 0 && r->have.seq == 0) { /* the log of a copy */
		memcpy(county.log, r->log, UUID_LEN);
		county.head = (struct wire_mark){0};
	}
	county.events_seen += r->n_events;
	if (r->n_events > county.most) county.most = r->n_events;
	if (!same(&r->have, &county.head)) {
		a->box = county.box;
	} else if (county.mood == BEWILDERED || county.mood == ONCE_BEWILDERED || !chain_fits(r)) {
		a->detail = true;
		if (county.mood == ONCE_BEWILDERED) county.mood = FINE;
	} else {
		for (int i = 0; i < r->n_events; i++)
			remember(r->events[i].id);
		if (r->n_events) support_feed_settled(&county.feed, r->log, r->have.seq + 1, r->head.seq);
		county.taken += r->n_events;
		county.head = r->head;
	}
	a->received = county.head;
	a->now = SUPPORT_NOW;
	a->retry_after_s = county.retry_after;
	add_feed(r, a);
}

/* One exchange: the request's bytes in, what the box sees out. */
static void call(const struct engine_step *s)
{
	struct wire_request r;
	struct wire_answer a = {0};
	struct buf text;
	struct err e = {0};
	uint8_t digest[DIGEST_LEN], sig[EC_SIG_MAX];
	char b64[TEXT_B64_LEN(EC_SIG_MAX)], header[256];
	size_t n = 0;
	county.calls++;
	if (county.mood == UNREACHABLE) {
		engine_failed(g, mono, "no route");
		return;
	}
	if (county.mood == PORTAL) {
		engine_answered(g, mono, 200, "<html>", 6, NULL);
		return;
	}
	if (county.mood == FORBIDDEN || county.mood == UNAUTHORIZED || county.mood == BROKEN) {
		engine_answered(g, mono,
		                county.mood == FORBIDDEN      ? 403
		                : county.mood == UNAUTHORIZED ? 401
		                                              : 500,
		                "{}", 2, NULL);
		return;
	}
	if (county.mood == REPLAYED) {
		engine_answered(g, mono, 200, county.said.data, county.said.len, county.said_header);
		return;
	}
	bool columns = strstr(s->body, "\"columns\":") != NULL;
	county.in_columns += columns;
	if (county.mood == OLDER && columns) {
		engine_answered(g, mono, 400, "{\"code\":\"malformed_request\"}", 28, NULL);
		return;
	}
	if (wire_request_decode(s->body, s->len, &r, &e)) fail_msg("%s", e.msg);
	county.detailed += strstr(s->body, ",\"hash\":\"") != NULL && strstr(s->body, ",\"mac\":\"") != NULL;
	judge(&r, &a);
	wire_request_release(&r);
	buf_init(&text, LIMIT_EXCHANGE);
	assert_int_equal(wire_answer_encode(&a, &text, &e), ERR_OK);
	if (county.mood == UNREADABLE) {
		buf_reset(&text);
		buf_adds(&text, "{\"protocol\":1}");
	}
	wire_digest(s->body, s->len, text.data, text.len, digest);
	assert_int_equal(ec_sign(county.mood == FORGED ? county.wrong : county.key, digest, sig, &n, &e), ERR_OK);
	(void)text_b64(sig, n, b64);
	(void)snprintf(header, sizeof header, "%s,%s", KEY_ID, county.mood == GARBLED ? "**" : b64);
	buf_reset(&county.said);
	buf_add(&county.said, text.data, text.len);
	memcpy(county.said_header, header, sizeof header);
	if (county.mood == LOSES_THE_ANSWER)
		engine_failed(g, mono, "time-out");
	else
		engine_answered(g, mono, county.mood == SIGNED_500 ? 500 : 200, text.data, text.len, header);
	buf_release(&text);
	wire_answer_release(&a);
}

/* --- the box's hands, as sync/agent has them --- */

static void read_ledger(const struct engine_step *s)
{
	struct engine_load in = {.now = clock_read(&t.clock.clock)};
	struct err e = {0};
	in.now.mono = mono;
	if (n_limits < (int)COUNT(limits)) limits[n_limits++] = s->limit;
	if (read_fails) {
		(void)err_set(&e, ERR_IO, "the disk is gone");
		engine_store_failed(g, mono, &e);
		return;
	}
	in.health = json_pack("{s:i}", "cases", 1); /* its reference is the engine's */
	(void)snprintf(in.station, sizeof in.station, "%s", SUPPORT_STATION);
	assert_int_equal(ledger_head(t.l, &in.head, &e), ERR_OK);
	assert_int_equal(ledger_feed_head(t.l, &in.feed.seq, in.feed.hash, &e), ERR_OK);
	in.events = calloc((size_t)s->limit, sizeof *in.events);
	assert_non_null(in.events);
	assert_int_equal(ledger_unsent(t.l, in.head.received_seq, s->limit, s->max_bytes, in.events, &in.n, &e),
	                 ERR_OK);
	engine_loaded(g, &in);
}

static void hand_key(void)
{
	char pem[EC_PEM_MAX];
	struct ec_key *copy = NULL;
	struct err e = {0};
	county.key_asked++;
	assert_int_equal(ec_key_to_pem(county.key, pem, &e), ERR_OK);
	assert_int_equal(ec_key_from_pem(pem, &copy, &e), ERR_OK);
	if (!county.vouches) {
		ec_key_free(copy);
		copy = NULL;
	}
	engine_key(g, mono, copy);
}

static void apply(const struct engine_step *s)
{
	struct err e = {0};
	struct ledger_answer a = support_answer(s->answer);
	a.rewind = s->what == ENGINE_REWIND;
	int rc = ledger_apply(t.l, &a, &e);
	if (rc)
		engine_store_failed(g, mono, &e);
	else
		engine_applied(g, mono);
}

static void look_up(const struct engine_step *s)
{
	uint8_t hash[DIGEST_LEN];
	int rc = ledger_hash_at(t.l, s->mark.seq, hash, NULL);
	engine_found(g, mono, !rc && memcmp(hash, s->mark.hash, DIGEST_LEN) == 0);
}

static void open_log(const struct engine_step *s)
{
	struct err e = {0};
	uint8_t log[UUID_LEN];
	support_id((unsigned)(900000 + s->box), log);
	if (ledger_new_log(t.l, log, s->box, &e)) fail_msg("%s", e.msg);
	engine_reset(g);
}

/* Goes on until the engine waits, and returns the time that it waits for; or until it wants STOP, and leaves that undone. */
static int64_t run_until(enum engine_what stop)
{
	struct engine_step s;
	struct err e = {0};
	for (int steps = 0; steps < 2000; steps++) {
		engine_next(g, mono, &s);
		if (s.what == stop && stop != ENGINE_WAIT) return 0;
		switch (s.what) {
		case ENGINE_WAIT:
			assert_true(s.until > mono);
			if (n_waits < (int)COUNT(waits)) waits[n_waits++] = s.until - mono;
			return s.until;
		case ENGINE_READ: read_ledger(&s); break;
		case ENGINE_SEND:
			if (mark_fails) {
				engine_store_failed(g, mono,
				                    &(struct err){.code = ERR_NOSPACE, .msg = "the disk is full"});
				break;
			}
			assert_int_equal(ledger_mark_sent(t.l, s.seq, &e), ERR_OK);
			call(&s);
			break;
		case ENGINE_KEY:
			assert_string_equal(s.key_id, KEY_ID);
			hand_key();
			break;
		case ENGINE_APPLY:
		case ENGINE_REWIND: apply(&s); break;
		case ENGINE_LOOKUP: look_up(&s); break;
		case ENGINE_CARRY: fail_msg("this one carries no blobs");
		case ENGINE_NEW_LOG: open_log(&s); break;
		}
	}
	fail_msg("the engine never rests");
	return 0;
}

static int64_t run(void)
{
	return run_until(ENGINE_WAIT);
}

/* Waits as told, N times. */
static void wait_and_run(int n)
{
	while (n--)
		mono = run();
}

static struct engine_status status(void)
{
	struct engine_status st;
	engine_status(g, &st);
	return st;
}

static struct ledger_head head(void)
{
	struct ledger_head h;
	struct err e = {0};
	assert_int_equal(ledger_head(t.l, &h, &e), ERR_OK);
	return h;
}

static void cases(unsigned from, unsigned to)
{
	for (unsigned i = from; i <= to; i++)
		support_register(&t, i, SUPPORT_ACCEPT_ITEM);
}

static enum ledger_sync sync_of(unsigned n)
{
	struct ledger_case c;
	support_case(&t, n, &c);
	enum ledger_sync s = c.sync;
	ledger_case_release(&c);
	return s;
}

/* All that the box has is at the county, once, and the box knows it. */
static void all_there(void)
{
	struct ledger_head h = head();
	assert_int_equal(h.received_seq, h.seq);
	assert_int_equal(county.head.seq, h.seq);
	assert_memory_equal(county.head.hash, h.hash, DIGEST_LEN);
	support_verified(&t);
}

/* --- what goes well --- */

static void happy_path(void **state)
{
	(void)state;
	cases(1, 5); /* 11 events */
	assert_int_equal(run(), mono + POLL);
	all_there();
	assert_int_equal(county.key_asked, 1);
	assert_int_equal(county.calls, 1);
	assert_int_equal(sync_of(3), SYNC_SETTLED); /* the marks came in the same answer */
	assert_int_equal(status().sent, 11);
	assert_true(status().link_up);
	assert_false(status().working);
	assert_string_equal(status().error, "");
	mono = run(); /* later, with nothing new: an empty call carries the heads */
	(void)run();
	assert_int_equal(county.calls, 2);
	assert_int_equal(county.taken, 11);
	assert_int_equal(county.key_asked, 1); /* the key is known now */
	support_feed_event(&county.feed, 700, 1, "accept", "county", "{'note':'已受理'}");
	mono += POLL;
	(void)run();
	struct ledger_case c;
	support_case(&t, 1, &c);
	assert_int_equal(c.view.state, STATE_ACCEPTED);
	ledger_case_release(&c);
	all_there();
}

static void more_than_one_batch(void **state)
{
	(void)state;
	cases(1, 100);                        /* 201 events, 50 a call at most */
	assert_int_equal(run(), mono + POLL); /* without a wait between them */
	all_there();
	assert_int_equal(county.taken, 201);
	assert_int_equal(county.events_seen, 201);
	assert_int_equal(county.most, 50);
	assert_int_equal(county.calls, 5);
	assert_int_equal(sync_of(100), SYNC_SETTLED);
}

static void feed_in_parts(void **state)
{
	(void)state;
	cases(1, 1);
	county.feed_limit = 2;
	for (unsigned i = 0; i < 7; i++)
		support_feed_event(&county.feed, 700 + i, 1, "note", "county", "{'text':'一'}");
	assert_int_equal(run(), mono + POLL); /* `more` means at once */
	assert_int_equal(county.calls, 4);    /* eight entries, two a call */
	struct ledger_counts n;
	assert_int_equal(ledger_counts(t.l, &n, NULL), ERR_OK);
	assert_int_equal(n.feed, 8);
	all_there();
}

static void kicks(void **state)
{
	(void)state;
	(void)run();
	cases(1, 1);
	assert_int_equal(county.calls, 1);
	engine_kick(g, false); /* new events end the waiting */
	assert_int_equal(run(), mono + POLL);
	assert_int_equal(county.calls, 2);
	all_there();
	county.mood = UNREACHABLE;
	engine_kick(g, true);
	int64_t until = run();
	assert_int_equal(county.calls, 3);
	engine_kick(g, false); /* but not a back-off: the link is no better for a new event */
	assert_int_equal(run(), until);
	assert_int_equal(county.calls, 3);
	county.mood = FINE;
	engine_kick(g, true); /* the link is up, or somebody wishes it */
	assert_int_equal(run(), mono + POLL);
	assert_int_equal(county.calls, 4);
}

static void retry_after(void **state)
{
	(void)state;
	county.retry_after = 90;
	int64_t until = run();
	assert_int_equal(until, mono + 90000);
	cases(1, 1);
	engine_kick(g, false); /* the county has asked for that time */
	assert_int_equal(run(), until);
	assert_int_equal(county.calls, 1);
	mono = until;
	county.retry_after = 0;
	assert_int_equal(run(), mono + POLL);
	all_there();
	cases(2, 2);
	engine_kick(g, false); /* and it is over */
	assert_int_equal(run(), mono + POLL);
	all_there();
}

/* --- what is lost --- */

static void a_lost_answer(void **state)
{
	(void)state;
	cases(1, 5);
	county.mood = LOSES_THE_ANSWER;
	mono = run();
	assert_int_equal(county.taken, 11);
	assert_int_equal(head().received_seq, 0);
	assert_int_equal(sync_of(1), SYNC_SENT);
	county.mood = FINE;
	cases(6, 7);
	assert_int_equal(run(), mono + POLL); /* heads differ: looked up, found, rewound, and on at once */
	all_there();
	assert_int_equal(county.taken, 15); /* nothing twice */
	assert_int_equal(county.n_ids, 15);
	assert_int_equal(sync_of(7), SYNC_SETTLED);
}

/* Whatever the order of losses, in the end everything is there once. */
static void a_bad_line(void **state)
{
	static const enum mood moods[] = {FINE, LOSES_THE_ANSWER, UNREACHABLE, PORTAL, LOSES_THE_ANSWER, BROKEN,
	                                  FINE, FORGED,           GARBLED};
	unsigned seed = 7, n = 0;
	(void)state;
	for (int i = 0; i < 120; i++) {
		seed = seed * 1103515245u + 12345u;
		county.mood = moods[(seed >> 16) % COUNT(moods)];
		if (i % 3 == 0) support_register(&t, ++n, SUPPORT_ACCEPT_ITEM);
		mono = run();
	}
	county.mood = FINE;
	engine_kick(g, true);
	(void)run();
	all_there();
	assert_int_equal(county.n_ids, 1 + 2 * n);
	assert_int_equal(county.taken, 1 + 2 * n);
	for (unsigned i = 1; i <= n; i++)
		assert_int_equal(sync_of(i), SYNC_SETTLED);
}

static void a_county_that_forgot(void **state)
{
	struct err e = {0};
	(void)state;
	cases(1, 5);
	(void)run();
	all_there();
	assert_int_equal(ledger_hash_at(t.l, 4, county.head.hash, &e), ERR_OK); /* restored from yesterday */
	county.head.seq = 4;
	mono += POLL;
	assert_int_equal(run(), mono + POLL); /* an empty request shows it */
	all_there();
	assert_int_equal(county.n_ids, 11);
	assert_int_equal(county.taken, 11 + 7);
}

static void a_copy(void **state)
{
	(void)state;
	cases(1, 3);
	(void)run();
	cases(4, 5);
	county.head.seq = 9; /* another box with this identity went on */
	memset(county.head.hash, 0x77, DIGEST_LEN);
	mono += POLL;
	mono = run(); /* no number granted: it can only wait and say so */
	assert_int_equal(head().box, 1);
	assert_non_null(strstr(status().error, "box number"));
	assert_true(status().failures > 0);
	county.box = 2;
	assert_int_equal(run(), mono + POLL);
	assert_int_equal(head().box, 2);
	assert_memory_equal(county.log, head().log, UUID_LEN);
	all_there();
	assert_int_equal(county.n_ids, 7 + 1 + 4); /* a new log_opened; the two cases under their old ids */
	assert_int_equal(sync_of(5), SYNC_SETTLED);
}

/* A head that is never explained is asked about less and less often. */
static void a_head_nobody_knows(void **state)
{
	(void)state;
	county.head.seq = 9;
	memset(county.head.hash, 0x77, DIGEST_LEN);
	wait_and_run(40);
	assert_true(mono > 40 * 10000LL);
	assert_true(status().failed_in_row >= 40);
}

/* Wherever it is stopped, what it holds is freed: an answer whose key is being fetched, a request under way, ... */
static void stopped_anywhere(void **state)
{
	static const enum engine_what stops[] = {ENGINE_READ,   ENGINE_SEND,   ENGINE_KEY,
	                                         ENGINE_LOOKUP, ENGINE_REWIND, ENGINE_APPLY};
	const struct engine_config cfg = {.software = "test", .poll_ms = POLL, .seed = 1};
	(void)state;
	cases(1, 2);
	for (size_t i = 0; i <= COUNT(stops); i++) {
		engine_free(g);
		g = engine_new(&cfg);
		assert_non_null(g);
		if (i < COUNT(stops)) assert_int_equal(run_until(stops[i]), 0);
		if (i == 2) cases(3, 3); /* the answer is lost with whoever held it, and now the heads differ */
	}
	(void)run();
	all_there();
	assert_int_equal(county.taken, 7); /* nothing twice, in spite of seven lives */
	county.head.seq = 9;
	memset(county.head.hash, 0x77, DIGEST_LEN);
	county.box = 2;
	mono += POLL;
	assert_int_equal(run_until(ENGINE_NEW_LOG), 0);
	engine_free(g);
	g = NULL;
	engine_free(NULL);
}

/* --- what is no answer --- */

static void not_an_answer(void **state)
{
	static const enum mood moods[] = {PORTAL, FORGED, GARBLED, UNREADABLE, BROKEN, UNREACHABLE, SIGNED_500};
	(void)state;
	(void)run();
	assert_true(status().link_up);
	cases(1, 2);
	for (size_t i = 0; i < COUNT(moods); i++) {
		struct ledger_head before = head();
		county.mood = moods[i];
		engine_kick(g, true);
		int64_t until = run();
		assert_true(until > mono && until <= mono + 1001);
		assert_int_equal(head().received_seq, before.received_seq); /* no progress */
		assert_int_equal(sync_of(1), SYNC_SENT);
		assert_true(*status().error != '\0');
		if (moods[i] != UNREADABLE) assert_false(status().link_up);
		mono = until;
	}
	county.mood = FINE;
	engine_kick(g, true);
	(void)run();
	all_there();
	assert_string_equal(status().error, "");
}

static void a_key_that_nobody_vouches_for(void **state)
{
	(void)state;
	cases(1, 1);
	county.vouches = false;
	mono = run();
	assert_int_equal(county.key_asked, 1);
	assert_int_equal(head().received_seq, 0);
	assert_non_null(strstr(status().error, "vouch"));
	county.vouches = true;
	(void)run();
	assert_int_equal(county.key_asked, 2); /* asked again, for it may have been the link */
	assert_int_equal(head().received_seq, 3);
}

static void many_keys(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) { /* no more than a few are kept, and all are freed */
		char id[32];
		(void)snprintf(id, sizeof id, "%d", i);
		engine_add_key(g, id, ec_key_generate());
	}
	cases(1, 1);
	(void)run();
	all_there();
}

/* A signature holds for one request: an answer that was heard before proves nothing later. */
static void an_answer_replayed(void **state)
{
	(void)state;
	cases(1, 1);
	(void)run();
	cases(2, 2);
	county.mood = REPLAYED;
	engine_kick(g, true);
	mono = run();
	assert_non_null(strstr(status().error, "does not fit"));
	assert_int_equal(head().received_seq, 3);
	assert_int_equal(sync_of(2), SYNC_SENT);
	county.mood = FINE;
	(void)run();
	all_there();
}

/* --- waiting --- */

static void forbidden_waits_a_minute(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		county.mood = i < 2 ? FORBIDDEN : UNAUTHORIZED;
		int64_t until = run();
		assert_int_equal(until, mono + 60000);
		assert_int_equal(status().next, until);
		mono = until;
	}
	county.mood = FINE;
	(void)run();
	assert_true(status().link_up);
}

static void back_off_is_bounded_and_jittered(void **state)
{
	int64_t bound = 1000, distinct = 0, sum = 0;
	(void)state;
	county.mood = UNREACHABLE;
	wait_and_run(200);
	assert_int_equal(n_waits, 200);
	for (int i = 0; i < 200; i++) {
		assert_true(waits[i] >= 1 && waits[i] <= bound); /* full jitter: anything up to the bound */
		distinct += i == 0 || waits[i] != waits[i - 1];
		if (i >= 100) sum += waits[i];
		bound = bound * 2 < BACKOFF_MAX ? bound * 2 : BACKOFF_MAX;
	}
	assert_true(distinct > 190);
	assert_true(sum / 100 > BACKOFF_MAX / 4 && sum / 100 < BACKOFF_MAX * 3 / 4);
	assert_int_equal(status().failed_in_row, 200);
	county.mood = FINE;
	(void)run();
	assert_int_equal(status().failed_in_row, 0);
	county.mood = UNREACHABLE; /* and it begins anew */
	engine_kick(g, false);
	int64_t until = run();
	assert_true(until <= mono + 1001);
}

/* Two boxes that lose the link together do not come back together. */
static void seeds_differ(void **state)
{
	int64_t first[20];
	(void)state;
	county.mood = UNREACHABLE;
	wait_and_run(20);
	memcpy(first, waits, sizeof first);
	for (uint64_t seed = 42; seed <= 43; seed++) {
		const struct engine_config cfg = {.poll_ms = POLL, .backoff_max_ms = BACKOFF_MAX, .seed = seed};
		engine_free(g);
		g = engine_new(&cfg);
		n_waits = 0;
		wait_and_run(20);
		assert_int_equal(memcmp(first, waits, sizeof first) == 0,
		                 seed == 42); /* the same seed repeats itself */
	}
}

static void batches_shrink_and_grow(void **state)
{
	(void)state;
	cases(1, 60);
	county.mood = UNREACHABLE;
	wait_and_run(10);
	county.mood = FINE;
	county.most = 0;
	engine_kick(g, true);
	int before = county.calls;
	(void)run();
	all_there();
	assert_true(county.calls - before > 3); /* one event first, then eight, ... */
	assert_true(county.most > 30);
}

/* Halved by every failure, eight times as much after every success that carried events, never past the limits. */
static void batches_step_by_step(void **state)
{
	static const int down[] = {50, 25, 12, 6, 3, 1, 1, 1}, up[] = {1, 8, 50, 50, 50};
	(void)state;
	cases(1, 100); /* 201 events */
	county.mood = UNREACHABLE;
	wait_and_run(COUNT(down));
	assert_int_equal(n_limits, COUNT(down));
	assert_memory_equal(limits, down, sizeof down);
	county.mood = FINE;
	n_limits = 0;
	(void)run();
	all_there();
	assert_true(n_limits >= (int)COUNT(up));
	assert_memory_equal(limits, up, sizeof up);
	county.mood = UNREACHABLE;
	engine_kick(g, true);
	mono = run();
	county.mood = FINE;
	n_limits = 0;
	wait_and_run(3); /* calls that carry nothing say nothing of how much the line bears */
	assert_int_equal(limits[0], 25);
	assert_int_equal(limits[n_limits - 1], 25);
}

/* A batch whose bodies grow past what one call may hold when they are written down is halved until it fits. */
static void a_batch_too_large_to_write(void **state)
{
	enum { SIZE = 60000 };
	const struct engine_config cfg = {.poll_ms = POLL, .batch_max = LIMIT_BATCH_EVENTS, .seed = 1};
	struct engine_step s;
	int sizes = 0;
	(void)state;
	cases(1, 1);
	engine_free(g);
	g = engine_new(&cfg);
	cases(2, 100);
	for (int calls = 0; calls < 2; calls++) { /* grown by success to 1000 */
		assert_int_equal(run_until(ENGINE_APPLY), 0);
		engine_next(g, mono, &s);
		apply(&s);
	}
	engine_kick(g, false);
	for (;;) {
		engine_next(g, mono, &s);
		if (s.what == ENGINE_WAIT) {
			assert_true(s.until > mono && s.until <= mono + 1000);
			assert_non_null(strstr(status().error, "too large"));
			mono = s.until;
			continue;
		}
		if (s.what == ENGINE_SEND) break;
		assert_int_equal(s.what, ENGINE_READ);
		assert_true(s.limit <= LIMIT_BATCH_EVENTS);
		sizes++;
		struct engine_load in = {.station = SUPPORT_STATION, .now = clock_read(&t.clock.clock), .n = s.limit};
		in.now.mono = mono;
		in.head = head();
		in.head.seq = in.head.received_seq + s.limit;
		in.events = calloc((size_t)s.limit, sizeof *in.events);
		assert_non_null(in.events);
		for (int i = 0; i < s.limit; i++) {
			struct event *ev = &in.events[i];
			*ev = (struct event){
			    .seq = in.head.received_seq + 1 + i, .type = "note", .actor = "a", .boot = "b"};
			ev->body = malloc(SIZE + 1);
			assert_non_null(ev->body);
			memset(ev->body, ' ', SIZE);
			ev->body[0] = '{';
			ev->body[SIZE - 1] = '}';
			ev->body[SIZE] = '\0';
			ev->body_len = SIZE;
		}
		engine_loaded(g, &in);
	}
	assert_int_equal(sizes, 4); /* 1000, 500 and 250 of them were too many */
	assert_int_equal(s.seq, head().received_seq + 125);
	assert_true(s.len > 125 * SIZE && s.len <= LIMIT_EXCHANGE);
}

/* The store fails before the call or at it: that says nothing of the link, costs no call, and is tried less often. */
static void a_store_that_cannot_be_read(void **state)
{
	(void)state;
	cases(1, 1);
	for (int which = 0; which < 2; which++) {
		int calls = county.calls;
		bool up = status().link_up;
		read_fails = which == 0;
		mark_fails = which == 1;
		engine_kick(g, true);
		mono = run();
		wait_and_run(19);
		assert_int_equal(county.calls, calls);
		assert_int_equal(status().link_up, up);
		assert_int_equal(status().failed_in_row, 20);
		assert_non_null(strstr(status().error, "the disk is"));
		read_fails = mark_fails = false;
		(void)run();
		assert_int_equal(status().failed_in_row, 0);
		assert_true(status().link_up);
		all_there();
		cases(2 + (unsigned)which, 2 + (unsigned)which);
		mono += POLL;
	}
}

/* A store that cannot be written (a full disk, damage) is tried less and less often, though the county answers. */
static void a_store_that_fails(void **state)
{
	(void)state;
	cases(1, 1);
	(void)run();
	support_feed_add(&county.feed, support_json("{'kind':'order'}")); /* an entry that does not follow */
	json_t *last = json_array_get(county.feed.entries, json_array_size(county.feed.entries) - 1);
	assert_int_equal(json_object_set_new(last, "kind", json_string("tampered")), 0);
	mono += POLL;
	n_waits = 0;
	wait_and_run(30);
	assert_true(status().failed_in_row >= 30);
	assert_non_null(strstr(status().error, "does not follow"));
	int64_t sum = 0;
	for (int i = 15; i < 30; i++)
		sum += waits[i];
	assert_true(sum / 15 > 10000);
	assert_int_equal(json_object_set_new(last, "kind", json_string("order")), 0);
	engine_kick(g, true);
	assert_int_equal(run(), mono + POLL);
	assert_string_equal(status().error, "");
	all_there();
}

/* --- detail --- */

/* The county could not follow: the same events at once again, each with its own hash and mac, and all is well. */
static void detail_helps(void **state)
{
	(void)state;
	cases(1, 2);
	county.mood = ONCE_BEWILDERED;
	assert_int_equal(run(), mono + POLL); /* without a wait between the two */
	assert_int_equal(county.calls, 2);
	assert_int_equal(county.detailed, 1);
	all_there();
	assert_int_equal(status().failures, 0);
	cases(3, 3);
	mono += POLL;
	(void)run();
	assert_int_equal(county.detailed, 1); /* only when it was asked for */
	all_there();
}

static void detail_once(void **state)
{
	(void)state;
	cases(1, 2);
	county.mood = BEWILDERED;
	int64_t until = run();
	assert_int_equal(county.calls, 2); /* once plain, at once again with hashes and macs, */
	assert_int_equal(county.detailed, 1);
	assert_true(until > mono); /* and then it waits: asking is not repeated for ever */
	assert_int_equal(head().received_seq, 0);
	assert_true(*status().error != '\0');
	mono = until;
	county.mood = FINE;
	(void)run();
	all_there();
	assert_int_equal(county.detailed, 1); /* the next one is plain again */
}

static void detail_for_ever(void **state)
{
	(void)state;
	cases(1, 2);
	county.mood = BEWILDERED;
	wait_and_run(40);
	assert_int_equal(county.calls, 80);
	assert_true(mono > 40 * 10000LL); /* less and less often */
}

/* --- the form of the events --- */

/* A log begins in rows and goes on in columns. */
static void columns_behind_the_first_batch(void **state)
{
	(void)state;
	cases(1, 2);
	(void)run();
	assert_int_equal(county.in_columns, 0);
	cases(3, 4);
	mono += POLL;
	(void)run();
	assert_int_equal(county.in_columns, 1);
	all_there();
}

/* A county of before refuses columns: rows at once, for an hour, and then columns are tried again. */
static void older_county(void **state)
{
	(void)state;
	cases(1, 1);
	(void)run();
	county.mood = OLDER;
	for (unsigned n = 2; n <= 4; n++) {
		cases(n, n);
		mono += POLL;
		(void)run();
		all_there();
	}
	assert_int_equal(county.in_columns, 1);
	assert_int_equal(status().failures, 0);
	mono += 3600000;
	county.mood = FINE;
	cases(5, 5);
	mono = run() + POLL;
	(void)run();
	all_there();
	assert_int_equal(county.in_columns, 2);
}

/* What asks for detail gets rows, whatever the form was. */
static void detail_in_rows(void **state)
{
	(void)state;
	cases(1, 1);
	(void)run();
	cases(2, 3);
	county.mood = ONCE_BEWILDERED;
	mono += POLL;
	(void)run();
	assert_int_equal(county.in_columns, 1);
	assert_int_equal(county.detailed, 1);
	all_there();
}

#define T(f) cmocka_unit_test_setup_teardown(f, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(happy_path),
	    T(more_than_one_batch),
	    T(feed_in_parts),
	    T(kicks),
	    T(retry_after),
	    T(a_lost_answer),
	    T(a_bad_line),
	    T(a_county_that_forgot),
	    T(a_copy),
	    T(a_head_nobody_knows),
	    T(not_an_answer),
	    T(a_key_that_nobody_vouches_for),
	    T(many_keys),
	    T(forbidden_waits_a_minute),
	    T(back_off_is_bounded_and_jittered),
	    T(seeds_differ),
	    T(batches_shrink_and_grow),
	    T(a_store_that_fails),
	    T(stopped_anywhere),
	    T(an_answer_replayed),
	    T(batches_step_by_step),
	    T(a_batch_too_large_to_write),
	    T(a_store_that_cannot_be_read),
	    T(detail_helps),
	    T(detail_once),
	    T(detail_for_ever),
	    T(columns_behind_the_first_batch),
	    T(older_county),
	    T(detail_in_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
