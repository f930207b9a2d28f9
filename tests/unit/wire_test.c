/* The exchange written down and read again: round trips, every malformed member, unknown members, signatures. */
#include "shared/canon.h"
#include "shared/fields.h"
#include "shared/text.h"
#include "sync/engine/wire.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t key[EVENT_KEY_LEN] = {1, 2, 3};

static void mark(struct wire_mark *m, int64_t seq, int byte)
{
	m->seq = seq;
	memset(m->hash, byte, DIGEST_LEN);
}

/* A request of N events above have 4, in rows; columns_test.c has the other form. */
static void fill(struct wire_request *r, int n)
{
	struct err e = {0};
	*r = (struct wire_request){.now = SUPPORT_NOW, .quality = CLOCK_RTC, .n_events = n, .form = WIRE_ROWS};
	(void)snprintf(r->station, sizeof r->station, "%s", SUPPORT_STATION);
	(void)snprintf(r->software, sizeof r->software, "xinke \"0.1\"");
	support_id(9, r->log);
	mark(&r->have, 4, 0xaa);
	mark(&r->head, 4 + n, 0xbb);
	mark(&r->feed, 2, 0xcc);
	r->health = support_json("{'cases':3,'head':7}");
	r->events = calloc((size_t)n + 1, sizeof *r->events);
	assert_non_null(r->events);
	for (int i = 0; i < n; i++) {
		struct event *ev = &r->events[i];
		json_t *body = json_pack("{s:s,s:i}", "text", "字 \"\n\x01", "i", i);
		*ev = (struct event){
		    .seq = 5 + i, .at = SUPPORT_NOW + i, .quality = CLOCK_SYNCED, .mono = 70 + i, .has_case = i != 1};
		memcpy(ev->log, r->log, UUID_LEN);
		support_id((unsigned)(100 + i), ev->id);
		if (ev->has_case) support_id((unsigned)(200 + i), ev->case_id);
		(void)snprintf(ev->type, sizeof ev->type, "note");
		(void)snprintf(ev->station, sizeof ev->station, "%s", SUPPORT_STATION);
		(void)snprintf(ev->origin, sizeof ev->origin, "%s", SUPPORT_STATION);
		(void)snprintf(ev->actor, sizeof ev->actor, "阿依努尔·买买提");
		(void)snprintf(ev->device, sizeof ev->device, "%s", i == 2 ? "" : "phone");
		(void)snprintf(ev->boot, sizeof ev->boot, "0b0f3a52-7a4e-4d52-8a57-0f1f6a1c2d3e");
		assert_int_equal(event_set_body(ev, body, key, &e), ERR_OK);
		memset(ev->hash, 0x10 + i, DIGEST_LEN);
		json_decref(body);
		if (i == 3) { /* erased */
			free(ev->body);
			ev->body = NULL;
			ev->body_len = 0;
		}
	}
}

static void encode(const struct wire_request *r, struct buf *b)
{
	struct err e = {0};
	buf_init(b, LIMIT_EXCHANGE);
	if (wire_request_encode(r, b, &e)) fail_msg("%s", e.msg);
}

static void same_request(const struct wire_request *a, const struct wire_request *b)
{
	assert_string_equal(a->station, b->station);
	assert_string_equal(a->software, b->software);
	assert_memory_equal(a->log, b->log, UUID_LEN);
	assert_int_equal(a->now, b->now);
	assert_int_equal(a->quality, b->quality);
	assert_memory_equal(&a->have, &b->have, sizeof a->have);
	assert_memory_equal(&a->head, &b->head, sizeof a->head);
	assert_memory_equal(&a->feed, &b->feed, sizeof a->feed);
	assert_true(a->health == b->health || json_equal(a->health, b->health));
	assert_int_equal(a->n_events, b->n_events);
	for (int i = 0; i < a->n_events; i++) {
		const struct event *x = &a->events[i], *y = &b->events[i];
		uint8_t hx[DIGEST_LEN], hy[DIGEST_LEN], mac[DIGEST_LEN];
		assert_string_equal(y->station, SUPPORT_STATION);
		assert_string_equal(y->origin, SUPPORT_STATION);
		assert_int_equal(x->body == NULL, y->body == NULL);
		struct event copy = *y; /* the county computes the mac of a body, as here */
		if (y->body) {
			assert_string_equal(x->body, y->body);
			event_mac(key, y->body, y->body_len, mac);
			memcpy(copy.mac, mac, DIGEST_LEN);
		}
		assert_int_equal(event_hash(x, a->have.hash, hx), ERR_OK);
		assert_int_equal(event_hash(&copy, a->have.hash, hy), ERR_OK);
		assert_memory_equal(hx, hy, DIGEST_LEN); /* every member that is chained came through */
	}
}

static void requests(void **state)
{
	static const int sizes[] = {0, 1, 5, LIMIT_BATCH_EVENTS};
	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct wire_request r, back;
		struct buf b;
		struct err e = {0};
		fill(&r, sizes[i]);
		encode(&r, &b);
		if (wire_request_decode(b.data, b.len, &back, &e)) fail_msg("%s", e.msg);
		same_request(&r, &back);
		struct buf again;
		encode(&back, &again); /* and written down again it is the same bytes */
		assert_string_equal(b.data, again.data);
		buf_release(&again);
		buf_release(&b);
		wire_request_release(&back);
		wire_request_release(&back); /* twice is legal */
		wire_request_release(&r);
	}
}

static void no_health(void **state)
{
	struct wire_request r, back;
	struct buf b;
	struct err e = {0};
	(void)state;
	fill(&r, 2);
	json_decref(r.health);
	r.health = NULL;
	encode(&r, &b);
	assert_null(strstr(b.data, "health"));
	assert_int_equal(wire_request_decode(b.data, b.len, &back, &e), ERR_OK);
	same_request(&r, &back);
	buf_release(&b);
	wire_request_release(&back);
	wire_request_release(&r);
}

/* A detailed request states each event's hash and mac besides its body. */
static void detailed(void **state)
{
	struct wire_request r, back;
	struct buf b;
	struct err e = {0};
	char hex[TEXT_HEX_LEN(DIGEST_LEN)];
	(void)state;
	fill(&r, 5);
	r.detail = true;
	encode(&r, &b);
	json_t *j = json_loads(b.data, 0, NULL);
	assert_non_null(j);
	for (int i = 0; i < 5; i++) {
		const json_t *ev = json_array_get(json_object_get(j, "events"), (size_t)i);
		text_hex(r.events[i].mac, DIGEST_LEN, hex);
		assert_string_equal(fields_text(ev, "mac"), hex);
		text_hex(r.events[i].hash, DIGEST_LEN, hex);
		assert_string_equal(fields_text(ev, "hash"), hex);
		assert_int_equal(json_object_get(ev, "body") != NULL, i != 3);
	}
	json_decref(j);
	assert_int_equal(wire_request_decode(b.data, b.len, &back, &e), ERR_OK);
	same_request(&r, &back);
	buf_release(&b);
	wire_request_release(&back);
	wire_request_release(&r);
}

/* Sets the member at PATH ("events/0/seq") of J to VALUE in the notation of support_json; "-" takes it away. */
static void put_at(json_t *j, const char *path, const char *value)
{
	char part[64];
	const char *slash;
	while ((slash = strchr(path, '/')) != NULL) {
		(void)snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
		j = json_is_array(j) ? json_array_get(j, (size_t)(part[0] - '0')) : json_object_get(j, part);
		assert_non_null(j);
		path = slash + 1;
	}
	if (strcmp(value, "-") == 0)
		assert_int_equal(json_object_del(j, path), 0);
	else
		assert_int_equal(json_object_set_new(j, path, support_json(value)), 0);
}

struct patch {
	const char *path, *value;
};

#define HASH_1 "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"

static void malformed_requests(void **state)
{
	static const struct patch bad[] = {
	    {"protocol", "-"},
	    {"protocol", "2"},
	    {"protocol", "'1'"},
	    {"protocol", "1.0"},
	    {"station", "-"},
	    {"station", "''"},
	    {"station", "null"},
	    {"station", "652323101200"},
	    {"station", "'65232310120'"},
	    {"station", "'6523231012001'"},
	    {"log", "-"},
	    {"log", "''"},
	    {"log", "'x'"},
	    {"log", "7"},
	    {"software", "7"},
	    {"software", "{}"},
	    {"clock", "-"},
	    {"clock", "{}"},
	    {"clock/quality", "'good'"},
	    {"clock/quality", "2"},
	    {"clock/quality", "-"},
	    {"have", "-"},
	    {"have", "4"},
	    {"have/seq", "-"},
	    {"have/seq", "-1"},
	    {"have/seq", "'4'"},
	    {"have/seq", "4.0"},
	    {"have/hash", "-"},
	    {"have/hash", "''"},
	    {"have/hash", HASH_1},
	    {"have/hash", "'zzaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"},
	    {"head", "-"},
	    {"head", "null"},
	    {"head/seq", "8"},
	    {"head/seq", "10"},
	    {"head/hash", "7"},
	    {"feed", "-"},
	    {"feed", "[]"},
	    {"feed/seq", "-5"},
	    {"feed/hash", "-"},
	    {"have/seq", "3"},
	    {"have/seq", "5"}, /* no longer dense below the events */
	    {"health", "7"},
	    {"health", "'x'"},
	    {"health", "[]"},
	    {"events", "-"},
	    {"events", "null"},
	    {"events", "{}"},
	    {"events", "[]"},
	    {"events", "[7]"},
	    {"events", "[null]"},
	    {"events/0/seq", "-"},
	    {"events/0/seq", "6"},
	    {"events/0/seq", "0"},
	    {"events/0/seq", "'5'"},
	    {"events/1/seq", "5"},
	    {"events/1/seq", "7"},
	    {"events/0/id", "-"},
	    {"events/0/id", "'x'"},
	    {"events/0/id", "null"},
	    {"events/0/case_id", "'x'"},
	    {"events/0/case_id", "7"},
	    {"events/0/case_id", "''"},
	    {"events/0/type", "-"},
	    {"events/0/type", "''"},
	    {"events/0/type", "7"},
	    {"events/0/type", "'0123456789012345678901234567890123456789'"},
	    {"events/0/at", "-"},
	    {"events/0/at", "-1"},
	    {"events/0/at", "'now'"},
	    {"events/0/at", "1.5"},
	    {"events/0/clock", "-"},
	    {"events/0/clock", "'best'"},
	    {"events/0/clock", "1"},
	    {"events/0/boot", "-"},
	    {"events/0/boot", "''"},
	    {"events/0/boot", "'0b0f3a52-7a4e-4d52-8a57-0f1f6a1c2d3e-and-more'"},
	    {"events/0/mono", "-"},
	    {"events/0/mono", "-1"},
	    {"events/0/actor", "-"},
	    {"events/0/actor", "''"},
	    {"events/0/actor", "[]"},
	    {"events/0/device", "7"},
	    {"events/0/device", "'0123456789012345678901234567890123456789012345678901234567890123456789'"},
	    {"events/0/body", "-"},
	    {"events/0/body", "null"},
	    {"events/0/body", "'x'"},
	    {"events/0/body", "[]"},
	    {"events/0/body", "{'a':1.5}"},
	    {"events/0/body", "{'字':1}"},
	    {"events/3/mac", "-"},
	    {"events/3/mac", "'00'"},
	    {"events/3/mac", "7"},
	};
	struct wire_request r;
	struct buf b;
	(void)state;
	fill(&r, 5);
	encode(&r, &b);
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct wire_request back;
		struct err e = {0};
		json_t *j = json_loads(b.data, 0, NULL);
		put_at(j, bad[i].path, bad[i].value);
		char *text = json_dumps(j, JSON_COMPACT);
		int rc = wire_request_decode(text, strlen(text), &back, &e);
		if (strncmp(bad[i].path, "events/", 7) == 0) { /* one event's fault is not the request's */
			int at = bad[i].path[7] - '0';
			if (rc || !back.said || !back.said[at].why[0] || !back.said[at].raw)
				fail_msg("%s = %s: %s", bad[i].path, bad[i].value, e.msg);
			assert_int_equal(back.events[at].seq, back.have.seq + 1 + at);
			for (int k = 0; k < back.n_events; k++)
				if (k != at) assert_string_equal(back.said[k].why, "");
			wire_request_release(&back);
			json_decref(j);
			free(text);
			continue;
		}
		if (rc != ERR_INVALID && rc != ERR_VERSION)
			fail_msg("%s = %s: %s", bad[i].path, bad[i].value, err_name((enum err_code)rc));
		assert_int_equal(e.code, rc);
		assert_null(back.events); /* nothing is left to release */
		assert_int_equal(back.n_events, 0);
		free(text);
		json_decref(j);
	}
	buf_release(&b);
	wire_request_release(&r);
}

static void unknown_members(void **state)
{
	static const struct patch more[] = {
	    {"future", "{'x':[1.5]}"},
	    {"clock/zone", "'x'"},
	    {"have/more", "1"},
	    {"events/0/priority", "7"},
	    {"events/2/body", "{'any':'thing'}"},
	    {"software", "-"},
	    {"events/0/device", "-"},
	    {"events/0/device", "''"},
	    {"health", "null"},
	    {"events/0/type", "'celebrate'"},
	};
	struct wire_request r;
	struct buf b;
	(void)state;
	fill(&r, 5);
	encode(&r, &b);
	for (size_t i = 0; i < COUNT(more); i++) {
		struct wire_request back;
		struct err e = {0};
		json_t *j = json_loads(b.data, 0, NULL);
		put_at(j, more[i].path, more[i].value);
		char *text = json_dumps(j, JSON_COMPACT);
		if (wire_request_decode(text, strlen(text), &back, &e)) fail_msg("%s: %s", more[i].path, e.msg);
		wire_request_release(&back);
		free(text);
		json_decref(j);
	}
	buf_release(&b);
	wire_request_release(&r);
}

/* What this release does not know may stand anywhere, and what it knows is read as if it did not. */
static void unknown_members_change_nothing(void **state)
{
	static const struct patch more[] = {
	    {"future", "{'x':[1.5]}"},
	    {"clock/zone", "'x'"},
	    {"have/more", "1"},
	    {"head/more", "[]"},
	    {"feed/more", "null"},
	    {"events/0/priority", "7"},
	    {"events/4/hash", "'nonsense'"},
	    {"events/3/future", "{'a':{}}"},
	};
	struct wire_request r, back;
	struct buf b;
	struct err e = {0};
	(void)state;
	fill(&r, 5);
	encode(&r, &b);
	json_t *j = json_loads(b.data, 0, NULL);
	for (size_t i = 0; i < COUNT(more); i++)
		put_at(j, more[i].path, more[i].value);
	char *text = json_dumps(j, JSON_COMPACT);
	if (wire_request_decode(text, strlen(text), &back, &e)) fail_msg("%s", e.msg);
	same_request(&r, &back);
	wire_request_release(&back);
	free(text);
	json_decref(j);
	buf_release(&b);
	wire_request_release(&r);
}

/* Another protocol is told from nonsense: the one wants an upgrade, the other a repair. */
static void another_protocol(void **state)
{
	static const struct {
		const char *value;
		int want;
	} cases[] = {{"2", ERR_VERSION}, {"0", ERR_VERSION}, {"'1'", ERR_VERSION}, {"-", ERR_VERSION}, {"1", ERR_OK}};
	struct wire_request r, back;
	struct wire_answer a = {.now = 1}, answer;
	struct buf b, c;
	(void)state;
	fill(&r, 1);
	encode(&r, &b);
	buf_init(&c, LIMIT_EXCHANGE);
	assert_int_equal(wire_answer_encode(&a, &c, NULL), ERR_OK);
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *j = json_loads(b.data, 0, NULL), *k = json_loads(c.data, 0, NULL);
		put_at(j, "protocol", cases[i].value);
		put_at(k, "protocol", cases[i].value);
		char *request = json_dumps(j, JSON_COMPACT), *text = json_dumps(k, JSON_COMPACT);
		assert_int_equal(wire_request_decode(request, strlen(request), &back, NULL), cases[i].want);
		assert_int_equal(wire_answer_decode(text, strlen(text), &answer, NULL), cases[i].want);
		wire_request_release(&back);
		wire_answer_release(&answer);
		free(request);
		free(text);
		json_decref(j);
		json_decref(k);
	}
	buf_release(&b);
	buf_release(&c);
	wire_request_release(&r);
}

/* Cut at every byte, a byte broken, twice the same member, too many events, a body too large: a defined refusal. */
static void broken_requests(void **state)
{
	struct wire_request r, back;
	struct buf b;
	struct err e;
	(void)state;
	fill(&r, 3);
	encode(&r, &b);
	for (size_t n = 0; n < b.len; n++) {
		e = (struct err){0};
		assert_int_equal(wire_request_decode(b.data, n, &back, &e), ERR_INVALID);
	}
	for (size_t n = 0; n < b.len; n += 3) { /* anything but a crash, and whatever is taken can be released */
		char *copy = malloc(b.len);
		assert_non_null(copy);
		memcpy(copy, b.data, b.len);
		copy[n] = (char)(copy[n] ^ 0x15);
		int rc = wire_request_decode(copy, b.len, &back, NULL);
		assert_true(rc == ERR_OK || rc == ERR_INVALID || rc == ERR_VERSION);
		wire_request_release(&back);
		free(copy);
	}
	buf_release(&b);
	wire_request_release(&r);
	static const char twice[] = "{\"protocol\":1,\"protocol\":1}";
	assert_int_equal(wire_request_decode(twice, sizeof twice - 1, &back, NULL), ERR_INVALID);
	fill(&r, LIMIT_BATCH_EVENTS + 1);
	encode(&r, &b);
	assert_int_equal(wire_request_decode(b.data, b.len, &back, NULL), ERR_INVALID);
	buf_release(&b);
	wire_request_release(&r);
	fill(&r, 1);
	encode(&r, &b);
	json_t *j = json_loads(b.data, 0, NULL);
	char *large = malloc(EVENT_BODY_MAX + 1);
	assert_non_null(large);
	memset(large, 'x', EVENT_BODY_MAX);
	large[EVENT_BODY_MAX] = '\0';
	json_t *ev = json_array_get(json_object_get(j, "events"), 0);
	assert_int_equal(json_object_set_new(ev, "body", json_pack("{s:s}", "a", large)), 0);
	char *text = json_dumps(j, JSON_COMPACT);
	assert_int_equal(wire_request_decode(text, strlen(text), &back, NULL), ERR_OK);
	assert_non_null(back.said);
	assert_true(back.said[0].why[0]);
	wire_request_release(&back);
	free(text);
	free(large);
	json_decref(j);
	buf_release(&b);
	wire_request_release(&r);
}

static void too_large_to_write(void **state)
{
	struct wire_request r;
	struct buf b;
	struct err e = {0};
	(void)state;
	fill(&r, 5);
	buf_init(&b, 300);
	assert_int_equal(wire_request_encode(&r, &b, &e), ERR_INVALID);
	buf_release(&b);
	wire_request_release(&r);
}

/* --- answers --- */

static void fill_answer(struct wire_answer *a)
{
	*a = (struct wire_answer){.detail = true, .box = 99, .more = true, .now = SUPPORT_NOW, .retry_after_s = 60};
	mark(&a->received, 9, 0xdd);
	mark(&a->feed_head, 3, 0xee);
	a->feed = support_json("[{'n':3,'kind':'event','body':{'z':1,'a':'字'},'hash':'x'}]");
}

static void answers(void **state)
{
	struct wire_answer a, back;
	struct buf b;
	struct err e = {0};
	(void)state;
	for (int round = 0; round < 2; round++) {
		fill_answer(&a);
		if (round) { /* as little as there can be */
			wire_answer_release(&a);
			a.now = 1;
		}
		buf_init(&b, LIMIT_EXCHANGE);
		assert_int_equal(wire_answer_encode(&a, &b, &e), ERR_OK);
		if (wire_answer_decode(b.data, b.len, &back, &e)) fail_msg("%s", e.msg);
		assert_memory_equal(&a.received, &back.received, sizeof a.received);
		assert_memory_equal(&a.feed_head, &back.feed_head, sizeof a.feed_head);
		assert_int_equal(a.detail, back.detail);
		assert_int_equal(a.box, back.box);
		assert_int_equal(a.more, back.more);
		assert_int_equal(a.now, back.now);
		assert_int_equal(a.retry_after_s, back.retry_after_s);
		if (a.feed)
			assert_true(json_equal(a.feed, back.feed));
		else
			assert_int_equal(json_array_size(back.feed), 0);
		buf_release(&b);
		wire_answer_release(&back);
		wire_answer_release(&a);
	}
}

static void malformed_answers(void **state)
{
	static const struct patch bad[] = {
	    {"protocol", "-"},
	    {"protocol", "2"},
	    {"received", "-"},
	    {"received/seq", "-1"},
	    {"received/hash", HASH_1},
	    {"received/hash", "-"},
	    {"feed_head", "-"},
	    {"feed_head/seq", "'3'"},
	    {"feed_head/hash", "7"},
	    {"feed", "-"},
	    {"feed", "{}"},
	    {"feed", "null"},
	    {"box", "-1"},
	    {"box", "100"},
	    {"box", "4294967297"},
	    {"now", "-"},
	    {"now", "0"},
	    {"now", "-5"},
	    {"now", "'x'"},
	};
	static const struct {
		const char *value;
		int seconds;
	} waits[] = {{"0", 0},         {"60", 60},       {"-5", 0},
	             {"86400", 86400}, {"86401", 86400}, {"9007199254740991", 86400},
	             {"'60'", 0},      {"-", 0},         {"null", 0}};
	struct wire_answer a, back;
	struct buf b;
	struct err e = {0};
	(void)state;
	fill_answer(&a);
	buf_init(&b, LIMIT_EXCHANGE);
	assert_int_equal(wire_answer_encode(&a, &b, &e), ERR_OK);
	for (size_t i = 0; i < COUNT(bad); i++) {
		json_t *j = json_loads(b.data, 0, NULL);
		put_at(j, bad[i].path, bad[i].value);
		char *text = json_dumps(j, JSON_COMPACT);
		int rc = wire_answer_decode(text, strlen(text), &back, NULL);
		if (rc != ERR_INVALID && rc != ERR_VERSION)
			fail_msg("%s = %s: %s", bad[i].path, bad[i].value, err_name((enum err_code)rc));
		assert_null(back.feed);
		free(text);
		json_decref(j);
	}
	for (size_t i = 0; i < COUNT(waits); i++) {
		json_t *j = json_loads(b.data, 0, NULL);
		put_at(j, "retry_after", waits[i].value);
		put_at(j, "unheard_of", "{'x':1}");
		char *text = json_dumps(j, JSON_COMPACT);
		assert_int_equal(wire_answer_decode(text, strlen(text), &back, NULL), ERR_OK);
		assert_int_equal(back.retry_after_s, waits[i].seconds);
		wire_answer_release(&back);
		free(text);
		json_decref(j);
	}
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(wire_answer_decode(b.data, n, &back, NULL), ERR_INVALID);
	buf_release(&b);
	wire_answer_release(&a);
}

/* --- signatures --- */

static void digests(void **state)
{
	uint8_t asked[DIGEST_LEN], want[DIGEST_LEN], got[DIGEST_LEN], other[DIGEST_LEN];
	char text[14 + DIGEST_LEN + 6];
	(void)state;
	digest_sha256("request", 7, asked);
	memcpy(text, "xinke-answer-1", 14);
	memcpy(text + 14, asked, DIGEST_LEN);
	memcpy(text + 14 + DIGEST_LEN, "answer", 6);
	digest_sha256(text, sizeof text, want);
	wire_digest("request", 7, "answer", 6, got);
	assert_memory_equal(got, want, DIGEST_LEN);
	wire_digest("request ", 8, "answer", 6, other);
	assert_memory_not_equal(got, other, DIGEST_LEN);
	wire_digest("request", 7, "Answer", 6, other);
	assert_memory_not_equal(got, other, DIGEST_LEN);
	wire_digest("", 0, "", 0, other);
	assert_memory_not_equal(got, other, DIGEST_LEN);
}

/* Not a byte of either side, nor where the one ends and the other begins, is left out of what is signed. */
static void every_byte_is_signed(void **state)
{
	char request[] = "{\"protocol\":1,\"station\":\"652323101200\"}", answer[] = "{\"protocol\":1,\"more\":false}";
	const size_t n = sizeof request - 1, m = sizeof answer - 1;
	uint8_t right[DIGEST_LEN], other[DIGEST_LEN];
	(void)state;
	wire_digest(request, n, answer, m, right);
	for (size_t i = 0; i < n + m; i++) {
		char *byte = i < n ? &request[i] : &answer[i - n];
		for (int bit = 0; bit < 8; bit++) {
			*byte = (char)(*byte ^ (1 << bit));
			wire_digest(request, n, answer, m, other);
			assert_memory_not_equal(right, other, DIGEST_LEN);
			*byte = (char)(*byte ^ (1 << bit));
		}
	}
	wire_digest(request, n - 1, answer, m, other);
	assert_memory_not_equal(right, other, DIGEST_LEN);
	wire_digest(request, n, answer, m - 1, other);
	assert_memory_not_equal(right, other, DIGEST_LEN);
	wire_digest(answer, m, request, n, other);
	assert_memory_not_equal(right, other, DIGEST_LEN);
	wire_digest(request, n, answer, m, other);
	assert_memory_equal(right, other, DIGEST_LEN);
}

static void signatures(void **state)
{
	static const char *const bad[] = {
	    "",
	    ",",
	    "abc",
	    "abc,",
	    ",AAAA",
	    "ABC,AAAA",
	    "xyz,AAAA",
	    "abc ,AAAA",
	    "abc, AAAA",
	    "abc,AAAA ",
	    "abc,AA*A",
	    "abc,A",
	    "abc,AAAA,AAAA",
	    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0,AAAA",
	};
	char id[WIRE_KEY_ID_MAX], large[200];
	uint8_t sig[80];
	size_t n = 0;
	(void)state;
	assert_true(wire_signature_parse("0123456789abcdef,AQID", id, sig, sizeof sig, &n));
	assert_string_equal(id, "0123456789abcdef");
	assert_int_equal(n, 3);
	assert_memory_equal(sig, "\1\2\3", 3);
	assert_true(wire_signature_parse("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef,AQ==", id,
	                                 sig, sizeof sig, &n));
	assert_int_equal(n, 1);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (wire_signature_parse(bad[i], id, sig, sizeof sig, &n)) fail_msg("taken: %s", bad[i]);
	memset(large, 'A', sizeof large - 1);
	memcpy(large, "ab,", 3);
	large[sizeof large - 1] = '\0';
	assert_false(wire_signature_parse(large, id, sig, sizeof sig, &n)); /* no more than there is room */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests),         cmocka_unit_test(no_health),
	    cmocka_unit_test(detailed),         cmocka_unit_test(malformed_requests),
	    cmocka_unit_test(unknown_members),  cmocka_unit_test(unknown_members_change_nothing),
	    cmocka_unit_test(another_protocol), cmocka_unit_test(every_byte_is_signed),
	    cmocka_unit_test(broken_requests),  cmocka_unit_test(too_large_to_write),
	    cmocka_unit_test(answers),          cmocka_unit_test(malformed_answers),
	    cmocka_unit_test(digests),          cmocka_unit_test(signatures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
