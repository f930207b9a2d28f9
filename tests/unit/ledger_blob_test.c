/* Photos and papers in the ledger's database: which is sent next, what the feed's word makes of them, what may leave. */
#include "shared/fields.h"
#include "shared/ledger/blob.h"
#include "shared/ledger/read.h"
#include "shared/ledger/verify.h"
#include "shared/ledger/write.h"
#include "shared/text.h"
#include "tests/unit/support.h"

#include <string.h>

#define NOW 1000000

static struct support_ledger t;
static struct support_feed feed;

#define OK(call)                                                                                                       \
	do {                                                                                                           \
		struct err e = {0};                                                                                    \
		if (call) fail_msg("%s:%d: %s", __FILE__, __LINE__, e.msg);                                            \
	} while (0)

static int make(void **state)
{
	(void)state;
	support_ledger_make(&t);
	support_feed_init(&feed, t.station_key);
	support_register(&t, 1, SUPPORT_HANDLE_ITEM);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	support_verified(&t);
	support_feed_release(&feed);
	support_ledger_release(&t);
	return 0;
}

static void hash_of(int n, uint8_t out[DIGEST_LEN])
{
	memset(out, n, DIGEST_LEN);
}

static void store(int n, int64_t size, int64_t at)
{
	struct ledger_blob b = {.size = size, .media = "image/jpeg", .stored_at = at};
	hash_of(n, b.sha256);
	OK(ledger_begin(t.l, &e));
	OK(ledger_blob_put(t.l, &b, &e));
	OK(ledger_commit(t.l, &e));
}

/* A material of case 1 with photo N, and thumbnail THUMB where that is not 0. */
static void name(unsigned key, int n, int thumb)
{
	uint8_t sha256[DIGEST_LEN];
	char hex[2][TEXT_HEX_LEN(DIGEST_LEN)], paper[16];
	hash_of(n, sha256);
	text_hex(sha256, DIGEST_LEN, hex[0]);
	hash_of(thumb, sha256);
	text_hex(sha256, DIGEST_LEN, hex[1]);
	(void)snprintf(paper, sizeof paper, "照片%d", n);
	json_t *body = json_pack("{s:[{s:s, s:s, s:i, s:[{s:s, s:i, s:s, s:s?}]}]}", "materials", "name", paper, "form",
	                         "electronic", "copies", 1, "files", "sha256", hex[0], "size", 100, "media",
	                         "image/jpeg", "thumb", thumb ? hex[1] : NULL);
	assert_int_equal(support_act(&t, key, 1, EVENT_ADD_MATERIAL, body), PROBLEM_NONE);
}

/* The number of the next one, 0 = none. */
static int next(bool smallest)
{
	struct ledger_blob_next n;
	struct err e = {0};
	int rc = ledger_blob_next(t.l, smallest, NOW, &n, &e);
	assert_true(!rc || rc == (int)ERR_NOTFOUND);
	return rc ? 0 : n.sha256[0];
}

static void mark(int n)
{
	uint8_t sha256[DIGEST_LEN];
	char hex[TEXT_HEX_LEN(DIGEST_LEN)];
	hash_of(n, sha256);
	text_hex(sha256, DIGEST_LEN, hex);
	support_feed_add(&feed, json_pack("{s:s, s:{s:s, s:i, s:s}}", "kind", "blob", "body", "sha256", hex, "size",
	                                  100, "media", "image/jpeg"));
	OK(support_feed_apply(&feed, &t, &e));
}

static void thumbnails_first_then_small_and_old(void **state)
{
	(void)state;
	store(1, 500, 10);
	store(2, 300, 30);
	store(3, 400, 20);
	store(9, 40, 40);
	assert_int_equal(next(true), 0); /* nothing names them */
	name(11, 1, 0);
	name(12, 2, 0);
	name(13, 3, 9);
	assert_int_equal(next(true), 9);
	assert_int_equal(next(false), 9);
	mark(9);
	assert_int_equal(next(true), 2);
	assert_int_equal(next(false), 1);
	mark(2);
	assert_int_equal(next(true), 3);
	mark(1);
	mark(3);
	assert_int_equal(next(true), 0);
}

static void what_was_refused_waits_and_is_counted(void **state)
{
	uint8_t sha256[DIGEST_LEN];
	struct ledger_blob_backlog n;
	int tries = -1;
	(void)state;
	store(1, 500, 10);
	name(11, 1, 0);
	hash_of(1, sha256);
	OK(ledger_begin(t.l, &e));
	OK(ledger_blob_begun(t.l, sha256, "abc", &e));
	OK(ledger_commit(t.l, &e));
	struct ledger_blob_next got;
	OK(ledger_blob_next(t.l, true, NOW, &got, &e));
	assert_string_equal(got.upload, "abc");
	OK(ledger_begin(t.l, &e));
	OK(ledger_blob_later(t.l, sha256, NOW + 1, &e));
	OK(ledger_commit(t.l, &e));
	assert_int_equal(next(true), 0);
	OK(ledger_blob_backlog(t.l, &n, &e));
	assert_int_equal(n.blobs, 1);
	assert_int_equal(n.bytes, 500);
	assert_int_equal(n.refused, 1);
	OK(ledger_blob_tries(t.l, sha256, &tries, &e));
	assert_int_equal(tries, 1);
	OK(ledger_blob_next(t.l, true, NOW + 1, &got, &e));
	assert_string_equal(got.upload, "");
}

/* Only the feed says that the county has it, before or after it is stored here; a rebuild says the same. */
static void the_feed_confirms(void **state)
{
	struct ledger_blob b;
	uint8_t sha256[DIGEST_LEN];
	int64_t change = 0, later = 0, epoch;
	(void)state;
	store(1, 500, 10);
	name(11, 1, 0);
	OK(ledger_change_head(t.l, &change, &epoch, &e));
	mark(1);
	OK(ledger_change_head(t.l, &later, &epoch, &e));
	assert_true(later > change); /* whoever looks at the case is told */
	mark(2);
	store(2, 100, 20);
	for (int n = 1; n <= 2; n++) {
		hash_of(n, sha256);
		OK(ledger_blob_get(t.l, sha256, &b, &e));
		assert_true(b.marked);
	}
	OK(ledger_rebuild(t.l, &e));
	for (int n = 1; n <= 2; n++) {
		hash_of(n, sha256);
		OK(ledger_blob_get(t.l, sha256, &b, &e));
		assert_true(b.marked);
	}
}

static void what_may_leave(void **state)
{
	uint8_t out[8][DIGEST_LEN];
	int n = 0;
	(void)state;
	store(1, 500, 10);
	store(2, 300, 30);
	store(3, 300, 20);
	store(4, 300, 90);
	name(11, 1, 0);
	name(12, 2, 0);
	mark(1);
	mark(2);
	OK(ledger_blob_leaving(t.l, false, 25, out, 8, &n, &e));
	assert_int_equal(n, 1);
	assert_int_equal(out[0][0], 1);
	OK(ledger_blob_leaving(t.l, false, 100, out, 8, &n, &e));
	assert_int_equal(n, 2);
	OK(ledger_blob_leaving(t.l, true, 50, out, 8, &n, &e)); /* of no case; 4 is too young */
	assert_int_equal(n, 1);
	assert_int_equal(out[0][0], 3);
}

static void wants_are_fetched_newest_first(void **state)
{
	uint8_t sha256[DIGEST_LEN];
	struct ledger_blob_next n;
	(void)state;
	mark(1);
	mark(2);
	for (int i = 1; i <= 3; i++) { /* the county does not have 3 */
		hash_of(i, sha256);
		OK(ledger_begin(t.l, &e));
		OK(ledger_blob_want(t.l, sha256, NOW - 10 + i, &e));
		OK(ledger_commit(t.l, &e));
	}
	OK(ledger_blob_want_next(t.l, NOW, &n, &e));
	assert_int_equal(n.sha256[0], 2);
	OK(ledger_begin(t.l, &e));
	OK(ledger_blob_want_begun(t.l, n.sha256, "u", &e));
	OK(ledger_blob_want_later(t.l, n.sha256, NOW + 5, &e));
	OK(ledger_commit(t.l, &e));
	OK(ledger_blob_want_next(t.l, NOW, &n, &e));
	assert_int_equal(n.sha256[0], 1);
	OK(ledger_begin(t.l, &e));
	OK(ledger_blob_want_drop(t.l, n.sha256, &e));
	OK(ledger_commit(t.l, &e));
	struct err none = {0};
	assert_int_equal(ledger_blob_want_next(t.l, NOW, &n, &none), ERR_NOTFOUND);
	OK(ledger_blob_want_next(t.l, NOW + 5, &n, &e));
	assert_string_equal(n.upload, "u");
}

#define T(f) cmocka_unit_test_setup_teardown(f, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(thumbnails_first_then_small_and_old),
	    T(what_was_refused_waits_and_is_counted),
	    T(the_feed_confirms),
	    T(what_may_leave),
	    T(wants_are_fetched_newest_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
