/* 200 cases and 20 photos of 300 kB over a line of 64 kbit/s that is up 20 seconds of every minute: the real courier, ledger and
 * county in simulated time. What TCP and TLS cost is counted as it was measured: a handshake with both certificates at every
 * coming up, a frame around each message, the heads of HTTP. */
#include "tests/unit/county_support.h"

#include "shared/fields.h"
#include "shared/ledger/blob.h"
#include "shared/ledger/verify.h"
#include "shared/ledger/write.h"
#include "shared/text.h"
#include "sync/agent/carrying.h"
#include "sync/county/blobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASES     200
#define PHOTOS    20
#define PHOTO     300000
#define BPS       8000 /* bytes a second, both ways together */
#define RTT_MS    120
#define PERIOD_MS 60000
#define UP_MS     20000
#define HANDSHAKE 2400 /* bytes of a TLS 1.3 handshake with two certificates, as measured */
#define HEADS     460  /* of a PATCH and its answer, as libcurl and the county write them */
#define RECORD    16384
#define FRAME     22

#define OK(call, e)                                                                                                    \
	do {                                                                                                           \
		if (call) fail_msg("%s:%d: %s", __FILE__, __LINE__, (e)->msg);                                         \
	} while (0)

struct photo {
	uint8_t sha256[DIGEST_LEN];
	int64_t here; /* bytes that the county has */
	bool made, stored;
};

static struct {
	struct test_county county;
	struct test_box box;
	struct photo photo[PHOTOS];
	int64_t bytes;   /* on the line, TLS and all */
	int64_t content; /* of what the county got, each byte once */
	int64_t window;  /* in which the connection was opened; -1 = none */
	int64_t slowest; /* ms of one piece */
	int pieces, windows;
	int64_t cases_done, second_done, last_done;
	int (*call)(void *arg, const char *path, const char *body, size_t len, int timeout_ms,
	            struct transport_answer *out, struct err *e);
} x;

/* --- the line --- */

static int64_t mono(void)
{
	return x.county.clock.mono;
}

static void pass_time(int64_t ms)
{
	x.county.clock.mono += ms;
	x.county.clock.wall += ms;
}

static int64_t up_left(void)
{
	int64_t at = mono() % PERIOD_MS;
	return at < UP_MS ? UP_MS - at : 0;
}

static int64_t framed(int64_t n)
{
	return n + (n / RECORD + 1) * FRAME;
}

/* Carries N bytes of a message; *PASSED are those that came through. False where the line went down on the way. */
static bool carry_bytes(int64_t n, int64_t timeout_ms, int64_t *passed)
{
	int64_t window = mono() / PERIOD_MS;
	int64_t open = x.window == window ? 0 : HANDSHAKE;
	int64_t all = framed(n) + open, ms = RTT_MS + (open ? 2 * RTT_MS : 0) + all * 1000 / BPS, left = up_left();
	*passed = 0;
	if (left <= 0) {
		pass_time(timeout_ms < 2000 ? timeout_ms : 2000); /* no route: told at once, or almost */
		return false;
	}
	x.windows += x.window != window;
	x.window = window;
	if (ms <= left) {
		x.bytes += all;
		pass_time(ms);
		*passed = n;
		return true;
	}
	int64_t got = left * BPS / 1000 - open;
	*passed = got < 0 ? 0 : got > n ? n : got;
	x.bytes += left * BPS / 1000;
	pass_time(left + timeout_ms);
	x.window = -1;
	return false;
}

/* --- calls --- */

static int exchange(void *arg, const char *path, const char *body, size_t len, int timeout_ms,
                    struct transport_answer *out, struct err *e)
{
	int64_t passed;
	*out = (struct transport_answer){0};
	if (!carry_bytes((int64_t)len + HEADS, timeout_ms, &passed)) return err_set(e, ERR_IO, "no answer");
	int rc = x.call(arg, path, body, len, timeout_ms, out, e);
	if (!rc && body) x.content += (int64_t)(len + out->len);
	if (!rc && !carry_bytes((int64_t)out->len, timeout_ms, &passed)) {
		transport_answer_release(out);
		return err_set(e, ERR_IO, "the answer was lost");
	}
	return rc;
}

static struct photo *photo_of(const uint8_t sha256[DIGEST_LEN])
{
	for (int i = 0; i < PHOTOS; i++)
		if (memcmp(x.photo[i].sha256, sha256, DIGEST_LEN) == 0) return &x.photo[i];
	fail_msg("no such photo");
	return NULL;
}

static void stored(struct photo *p)
{
	struct err e = {0};
	p->stored = true;
	OK(blobs_stored(x.county.s, COUNTY_VILLAGE, p->sha256, PHOTO, "image/jpeg", x.county.clock.wall, &e), &e);
}

static void note_done(void)
{
	int n = 0;
	for (int i = 0; i < PHOTOS; i++)
		n += x.photo[i].stored;
	if (n == 2 && !x.second_done) x.second_done = mono();
	if (n == PHOTOS && !x.last_done) x.last_done = mono();
}

/* What the county does with a call that reached it. */
static int answer(const struct carry_step *s, struct photo *p, int64_t passed, int64_t *offset, char upload[16])
{
	switch (s->what) {
	case CARRY_ASK: return p->stored ? 200 : 404;
	case CARRY_MAKE:
		p->made = true;
		*offset = p->here = 0;
		(void)snprintf(upload, 16, "u%d", (int)(p - x.photo));
		return 201;
	case CARRY_FIND: *offset = p->here; return p->made ? 200 : 404;
	default: break;
	}
	if (s->offset != p->here) return 409;
	p->here += passed;
	x.pieces++;
	x.content += passed;
	*offset = p->here;
	if (p->here == PHOTO) stored(p);
	note_done();
	return 204;
}

static void do_call(struct hands *h, const struct carry_step *s)
{
	char upload[16] = "";
	int64_t offset = -1, start = mono(), passed = 0;
	struct photo *p = photo_of(s->item->sha256);
	bool whole = carry_bytes((int64_t)s->len + HEADS, s->timeout_ms, &passed);
	int64_t body = passed > HEADS ? passed - HEADS : 0;
	if (body > (int64_t)s->len) body = (int64_t)s->len;
	int status = 0;
	if (whole || (s->what == CARRY_SEND && body)) status = answer(s, p, body, &offset, upload);
	if (whole && s->what == CARRY_SEND && mono() - start > x.slowest) x.slowest = mono() - start;
	if (whole)
		engine_carry_answered(h->g, mono(), status, offset, upload, mono() - start);
	else
		engine_carry_failed(h->g, mono(), "the line is down");
}

static void carry(struct hands *h, const struct carry_step *s)
{
	struct err e = {0};
	struct carry_item it;
	if (s->what == CARRY_PICK) {
		int rc = carrying_next(h->l, s->turn, x.county.clock.wall, &it, &e);
		if (rc && rc != (int)ERR_NOTFOUND) fail_msg("%s", e.msg);
		engine_carry_picked(h->g, rc ? NULL : &it, mono() + 60000);
	} else if (s->what == CARRY_NOTE) {
		OK(ledger_begin(h->l, &e), &e);
		OK(carrying_note(h->l, s, x.county.clock.wall, &e), &e);
		OK(ledger_commit(h->l, &e), &e);
		engine_carry_noted(h->g, mono());
	} else {
		do_call(h, s);
	}
}

/* --- cases and photos --- */

static json_t *material(int i)
{
	char hex[TEXT_HEX_LEN(DIGEST_LEN)];
	text_hex(x.photo[i].sha256, DIGEST_LEN, hex);
	return json_pack("[{s:s, s:s, s:i, s:[{s:s, s:i, s:s}]}]", "name", "现场照片", "form", "electronic", "copies",
	                 1, "files", "sha256", hex, "size", PHOTO, "media", "image/jpeg");
}

static void take(int n)
{
	struct err e = {0};
	const struct catalog_item *item = catalog_find(x.county.catalog, SUPPORT_HANDLE_ITEM);
	json_t *req = support_registration(item, "王建国", SUPPORT_PERSON, SUPPORT_PHONE);
	struct ledger_call call = {.actor = "clerk", .device = "", .now = clock_read(x.box.clock)};
	support_id((unsigned)n + 1, call.key);
	if (n < PHOTOS) (void)json_object_set_new(req, "materials", material(n));
	OK(ledger_begin(x.box.l, &e), &e);
	OK(ledger_register(x.box.l, &call, req, x.county.catalog, item, &e), &e);
	if (n < PHOTOS) {
		struct ledger_blob b = {.size = PHOTO, .media = "image/jpeg", .stored_at = x.county.clock.wall + n};
		memcpy(b.sha256, x.photo[n].sha256, DIGEST_LEN);
		OK(ledger_blob_put(x.box.l, &b, &e), &e);
	}
	OK(ledger_commit(x.box.l, &e), &e);
	json_decref(req);
}

static int setup(void **state)
{
	(void)state;
	memset(&x, 0, sizeof x);
	x.window = -1;
	test_county_make(&x.county);
	test_box_make(&x.box, &x.county, COUNTY_VILLAGE);
	test_box_settle(&x.box);
	for (int i = 0; i < PHOTOS; i++)
		digest_sha256(&i, sizeof i, x.photo[i].sha256);
	for (int n = 0; n < CASES; n++)
		take(n);
	x.box.carries = true;
	test_box_courier(&x.box);
	x.call = x.box.h.call;
	x.box.h.call = exchange;
	x.box.h.carry = carry;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_county_verify(&x.county, 0);
	test_box_verify(&x.box, 0);
	test_box_release(&x.box);
	test_county_release(&x.county);
	return 0;
}

static int64_t waiting(void)
{
	struct ledger_blob_backlog n;
	struct err e = {0};
	OK(ledger_blob_backlog(x.box.l, &n, &e), &e);
	return n.blobs;
}

static void run(void)
{
	struct engine_step s;
	struct ledger_head h;
	struct err e = {0};
	for (int steps = 0; waiting() > 0; steps++) {
		assert_true(steps < 200000);
		engine_next(x.box.g, mono(), &s);
		if (s.what == ENGINE_WAIT)
			pass_time(s.until - mono() > 0 ? s.until - mono() : 1);
		else
			hands_step(&x.box.h, &s);
		OK(ledger_head(x.box.l, &h, &e), &e);
		if (!x.cases_done && h.received_seq == h.seq) x.cases_done = mono();
	}
}

static void cases_first_and_no_byte_twice(void **state)
{
	(void)state;
	int64_t start = mono();
	run();
	double over = (double)x.bytes / (double)x.content;
	print_message("%d pieces in %d windows; ", x.pieces, x.windows);
	print_message("cases %.0f s, second photo %.0f s, all %.0f min; %.3f of the content; slowest piece %.2f s\n",
	              (double)(x.cases_done - start) / 1000, (double)(x.second_done - start) / 1000,
	              (double)(x.last_done - start) / 60000, over, (double)x.slowest / 1000);
	assert_true(x.cases_done && x.cases_done < x.second_done);
	assert_int_equal(x.content / PHOTO, PHOTOS); /* six megabytes of photos, and the records */
	assert_true(over <= 1.10);
	assert_true(x.slowest <= 1000 + 4 * RTT_MS + 1000);
	assert_int_equal(support_sql_int(x.county.db, "SELECT count(*) FROM blobs"), PHOTOS);
	assert_int_equal(support_sql_int(x.box.db, "SELECT count(*) FROM blobs WHERE marked = 1"), PHOTOS);
}

/* A link that is not what the events name is told, at either end. */
static void verify_tells_a_link_that_is_gone(void **state)
{
	struct err e = {0};
	struct ledger_report r = {0};
	(void)state;
	run();
	test_county_verify(&x.county, 0);
	support_sql(x.county.db, "CREATE TABLE kept AS SELECT * FROM case_files LIMIT 1");
	support_sql(x.county.db, "DELETE FROM case_files WHERE sha256 IN (SELECT sha256 FROM kept)");
	test_county_verify(&x.county, 1);
	support_sql(x.county.db, "INSERT INTO case_files SELECT * FROM kept");
	support_sql(x.county.db, "DROP TABLE kept");
	support_sql(x.box.db, "UPDATE case_files SET n = n + 1 WHERE n = 1");
	OK(ledger_verify(x.box.l, &r, NULL, NULL, &e), &e);
	assert_true(r.faults >= 1);
	OK(ledger_rebuild(x.box.l, &e), &e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(cases_first_and_no_byte_twice, setup, teardown),
	    cmocka_unit_test_setup_teardown(verify_tells_a_link_that_is_gone, setup, teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
