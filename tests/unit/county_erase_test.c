/* 保存期满删除: whose term has passed loses its bodies, at the county, in every feed and on every box, and everything else
 * stands: chains, counts, numbers. */
#include "tests/unit/county_support.h"

#include "shared/fields.h"
#include "shared/ledger/verify.h"
#include "shared/ledger/write.h"
#include "shared/retention.h"
#include "sync/county/archive.h"
#include "sync/county/casefile.h"
#include "sync/county/erase.h"

#include <stdlib.h>
#include <string.h>

#define DAY     86400000LL
#define BENEFIT "652323-001" /* taken in at the village, passed up to the township; the first of the catalog */
#define YEARS   10
#define SECRET  "藏在正文里的话"

#define OK(call, e)                                                                                                    \
	do {                                                                                                           \
		if (call) fail_msg("%s:%d: %s", __FILE__, __LINE__, (e)->msg);                                         \
	} while (0)

/* The catalog with a term of YEARS for the benefit, as version 2. */
static void publish_term(struct test_pair *x, int years)
{
	char sql[512];
	(void)snprintf(sql, sizeof sql,
	               "INSERT INTO things (kind, version, doc, at) SELECT kind, 2, json_set(doc, '$.version', 2, "
	               "'$.items[0].retention_years', %d), at FROM things WHERE kind = 'catalog' AND version = 1",
	               years);
	support_sql(x->county.db, sql);
}

static int setup(void **state)
{
	*state = test_pair_make(BENEFIT, BENEFIT);
	return 0;
}

static int teardown(void **state)
{
	test_pair_release(*state);
	return 0;
}

static int erase(struct test_pair *x, int64_t register_years)
{
	struct err e = {0};
	int n = -1;
	OK(erase_round(x->county.s, register_years, x->county.clock.wall, &n, &e), &e);
	return n;
}

/* Withdraws case N with words of its own, and lets it go to the archive. */
static void archive(struct test_pair *x, unsigned n)
{
	struct err e = {0};
	int count = 0;
	test_box_act(&x->village, 100 + n, n, "withdraw", "{'reason':'" SECRET "'}");
	test_box_settle(&x->village);
	test_county_pass(&x->county, 31 * DAY);
	OK(archive_round(x->county.s, x->county.clock.wall - 30 * DAY, x->county.clock.wall, &count, &e), &e);
	assert_int_equal(count, 1);
	test_box_settle(&x->village);
}

static void read_case(struct ledger *l, unsigned n, struct ledger_case *c)
{
	struct err e = {0};
	uint8_t id[UUID_LEN];
	support_id(n, id);
	OK(ledger_case_get(l, id, c, &e), &e);
}

static int64_t bodies(const char *db, unsigned n)
{
	char sql[160], hex[33];
	uint8_t id[UUID_LEN];
	support_id(n, id);
	for (size_t i = 0; i < UUID_LEN; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", id[i]);
	(void)snprintf(sql, sizeof sql, "SELECT count(body) FROM events WHERE case_id = x'%s'", hex);
	return support_sql_int(db, sql);
}

/* Does the county's database, or its write-ahead log, hold TEXT anywhere? Its bodies are in plain. */
static bool holds(const char *db, const char *text)
{
	bool found = false;
	static const char *const suffixes[] = {"", "-wal"};
	for (size_t k = 0; k < 2; k++) {
		char path[FILE_PATH_MAX + 8];
		(void)snprintf(path, sizeof path, "%s%s", db, suffixes[k]);
		FILE *f = fopen(path, "rb");
		if (!f) continue;
		assert_int_equal(fseek(f, 0, SEEK_END), 0);
		size_t n = (size_t)ftell(f), len = strlen(text);
		char *all = malloc(n + 1);
		assert_non_null(all);
		rewind(f);
		assert_int_equal(fread(all, 1, n, f), n);
		(void)fclose(f);
		for (size_t i = 0; i + len <= n && !found; i++)
			found = memcmp(all + i, text, len) == 0;
		free(all);
	}
	return found;
}

/* --- the term --- */

static void it_counts_from_the_archive_by_the_day(void **state)
{
	struct test_pair *x = *state;
	struct ledger_case c = {0};
	archive(x, 1);
	read_case(x->village.l, 1, &c);
	int64_t ended = retention_ended(&c.view);
	assert_true(ended > c.view.received_at + 30 * DAY);
	assert_false(retention_over(&c.view, 0, ended + 40000 * DAY)); /* no term is set */
	assert_false(
	    retention_over(&c.view, YEARS, ended + 3653 * DAY)); /* ten years and their leap days: the day itself */
	assert_true(retention_over(&c.view, YEARS, ended + 3654 * DAY));
	ledger_case_release(&c);
	read_case(x->village.l, 2, &c);
	assert_int_equal(retention_ended(&c.view), 0);
	assert_false(retention_over(&c.view, 1, ended + 40000 * DAY)); /* it runs */
	ledger_case_release(&c);
}

static void nothing_goes_without_a_term(void **state)
{
	struct test_pair *x = *state;
	archive(x, 1);
	test_county_pass(&x->county, 36500 * DAY);
	assert_int_equal(erase(x, 0), 0);
	assert_true(bodies(x->county.db, 1) > 1);
}

/* --- what goes and what stays --- */

static void bodies_go_everywhere_and_the_chains_stand(void **state)
{
	struct test_pair *x = *state;
	struct err e = {0};
	struct ledger_case before = {0}, after = {0};
	uint8_t found[4][UUID_LEN];
	int n = 0;
	archive(x, 1);
	publish_term(x, YEARS);
	read_case(x->village.l, 1, &before);
	assert_true(holds(x->county.db, SECRET));
	test_county_pass(&x->county, 3653 * DAY);
	assert_int_equal(erase(x, 0), 0);
	test_county_pass(&x->county, DAY);
	assert_int_equal(erase(x, 0), 1);
	assert_int_equal(erase(x, 0), 0);
	assert_int_equal(bodies(x->county.db, 1), 1); /* what the erase says */
	assert_true(bodies(x->county.db, 2) > 1);
	assert_false(holds(x->county.db, SECRET));
	test_county_verify(&x->county, 0);
	/* the box has them until it hears of it */
	assert_true(bodies(x->village.db, 1) > 1);
	test_box_settle(&x->village);
	assert_int_equal(bodies(x->village.db, 1), 0);
	read_case(x->village.l, 1, &after);
	assert_int_equal(after.view.state, STATE_ERASED);
	assert_int_equal(after.sync, SYNC_SETTLED);
	assert_string_equal(after.view.receipt, before.view.receipt);
	assert_string_equal(after.view.item, before.view.item);
	assert_int_equal(after.view.received_at, before.view.received_at);
	assert_null(json_object_get(after.view.doc, "applicant"));
	assert_string_equal(after.view.token, "");
	assert_string_equal(fields_text(json_object_get(after.view.doc, "erased"), "why"), "term");
	assert_int_equal(fields_int(json_object_get(after.view.doc, "erased"), "retention_years", 0), YEARS);
	/* the person is found by the other case alone, the paper's number still finds the first */
	OK(ledger_case_find(x->village.l, SUPPORT_PERSON, found, 4, &n, &e), &e);
	assert_int_equal(n, 1);
	OK(ledger_case_find(x->village.l, before.view.receipt, found, 4, &n, &e), &e);
	assert_int_equal(n, 1);
	ledger_case_release(&before);
	ledger_case_release(&after);
}

/* What a township heard by its feed goes as what the village wrote. */
static void who_follows_forgets_too(void **state)
{
	struct test_pair *x = *state;
	struct test_box township;
	struct ledger_case c = {0};
	test_box_make(&township, &x->county, COUNTY_TOWNSHIP);
	test_box_register(&x->village, 3, BENEFIT); /* passed up in the same call */
	test_box_settle(&x->village);
	test_box_settle(&township);
	test_box_act(&township, 29, 3, "forward",
	             "{'to':'林草局'}"); /* which is not the item's own, and sees it from now on */
	test_box_settle(&township);
	assert_int_equal(support_sql_int(x->county.db, "SELECT count(*) FROM held"), 1);
	test_box_settle(&township);
	read_case(township.l, 3, &c);
	assert_non_null(json_object_get(c.view.doc, "applicant"));
	ledger_case_release(&c);
	test_box_settle(&x->village);
	test_box_act(&x->village, 31, 3, "withdraw", "{'reason':'" SECRET "'}");
	test_box_settle(&x->village);
	test_box_settle(&township);
	struct err e = {0};
	uint8_t id[UUID_LEN];
	support_id(3, id);
	int n = 0;
	test_county_pass(&x->county, 31 * DAY);
	OK(archive_round(x->county.s, x->county.clock.wall - 30 * DAY, x->county.clock.wall, &n, &e), &e);
	test_box_settle(&township);
	publish_term(x, 1);
	test_county_pass(&x->county, 367 * DAY);
	assert_int_equal(erase(x, 0), 1);
	assert_int_equal(support_sql_int(x->county.db, "SELECT count(*) FROM held"), 0);
	test_box_settle(&township);
	test_box_settle(&x->village);
	read_case(township.l, 3, &c);
	assert_int_equal(c.view.state, STATE_ERASED);
	assert_null(json_object_get(c.view.doc, "applicant"));
	ledger_case_release(&c);
	assert_int_equal(bodies(township.db, 3), 0);
	assert_int_equal(bodies(x->village.db, 3), 0);
	assert_false(holds(x->county.db, SECRET));
	OK(ledger_case_get(x->village.l, id, &c, &e), &e);
	assert_int_equal(c.view.state, STATE_ERASED);
	ledger_case_release(&c);
	test_box_verify(&township, 0);
	test_box_release(&township);
}

/* A box that takes another's place reads the feed from its start: macs come, no bodies. */
static void a_new_box_gets_what_is_left(void **state)
{
	struct test_pair *x = *state;
	struct test_box second;
	struct ledger_case c = {0};
	archive(x, 1);
	publish_term(x, 1);
	test_county_pass(&x->county, 400 * DAY);
	assert_int_equal(erase(x, 0), 1);
	test_box_settle(&x->village);
	test_box_make(&second, &x->county, COUNTY_VILLAGE);
	test_box_settle(&second);
	read_case(second.l, 1, &c);
	assert_int_equal(c.view.state, STATE_ERASED);
	ledger_case_release(&c);
	read_case(second.l, 2, &c);
	assert_non_null(json_object_get(c.view.doc, "applicant"));
	ledger_case_release(&c);
	test_box_verify(&second, 0);
	test_box_release(&second);
}

/* What was written before the box heard of it comes late: refused, and its words are not kept. */
static void what_comes_late_is_not_kept(void **state)
{
	struct test_pair *x = *state;
	archive(x, 1);
	publish_term(x, 1);
	test_county_pass(&x->county, 400 * DAY);
	test_box_act(&x->village, 40, 1, "reveal", "{'what':'applicant','reason':'" SECRET "'}");
	assert_int_equal(erase(x, 0), 1);
	assert_int_equal(bodies(x->county.db, 1), 1);
	test_box_settle(&x->village);
	assert_int_equal(bodies(x->county.db, 1), 1);
	assert_int_equal(
	    support_sql_int(x->county.db, "SELECT count(*) FROM events WHERE type = 'reveal' AND code = 'transition'"),
	    1);
	assert_false(holds(x->county.db, SECRET));
	assert_int_equal(bodies(x->village.db, 1), 0);
	assert_int_equal(test_box_sync(&x->village, 1), SYNC_SETTLED);
}

/* Before the term a named official may decide it; who asked for nothing keeps what is there. */
static void a_request_names_basis_and_approver(void **state)
{
	struct test_pair *x = *state;
	struct err e = {0};
	struct casefile f;
	struct ledger_case c = {0};
	uint8_t id[UUID_LEN], key[UUID_LEN];
	const struct erase_request asked = {"本人申请，处理目的已实现", "王主任"};
	archive(x, 1);
	support_id(1, id);
	support_id(50, key);
	OK(store_begin(x->county.s, &e), &e);
	casefile_init(&f, x->county.s);
	OK(casefile_load(&f, id, &e), &e);
	OK(erase_case(&f, 0, &asked, "centre", key, x->county.clock.wall, &e), &e);
	OK(casefile_flush(&f, &e), &e);
	OK(store_commit(x->county.s, &e), &e);
	test_box_settle(&x->village);
	read_case(x->village.l, 1, &c);
	const json_t *told = json_object_get(c.view.doc, "erased");
	assert_string_equal(fields_text(told, "why"), "request");
	assert_string_equal(fields_text(told, "approver"), "王主任");
	ledger_case_release(&c);
	assert_int_equal(bodies(x->village.db, 1), 0);
}

static void a_case_that_runs_is_not_erased(void **state)
{
	struct test_pair *x = *state;
	struct err e = {0};
	struct casefile f;
	uint8_t id[UUID_LEN], key[UUID_LEN];
	const struct erase_request asked = {"本人申请", "王主任"};
	support_id(2, id);
	support_id(51, key);
	OK(store_begin(x->county.s, &e), &e);
	casefile_init(&f, x->county.s);
	OK(casefile_load(&f, id, &e), &e);
	assert_int_equal(erase_case(&f, 0, &asked, "centre", key, x->county.clock.wall, &e), ERR_INVALID);
	casefile_drop(&f);
	store_rollback(x->county.s);
	assert_true(bodies(x->county.db, 2) > 1);
}

/* No box erases: its word is refused, and nothing goes. */
static void a_box_cannot_erase(void **state)
{
	struct test_pair *x = *state;
	archive(x, 1);
	test_box_force(&x->village, 60, 1, "erase",
	               "{'item':'652323-001','record':'application','station':'" COUNTY_VILLAGE
	               "','received_at':1,'ended_at':1,'why':'term','retention_years':1}");
	test_box_settle(&x->village);
	assert_int_equal(test_box_sync(&x->village, 1), SYNC_REFUSED);
	assert_true(bodies(x->village.db, 1) > 1);
	assert_true(bodies(x->county.db, 1) > 1);
}

/* A body that is gone without an erase is a fault, at either end. */
static void verify_tells_what_went_without_an_erase(void **state)
{
	struct test_pair *x = *state;
	archive(x, 1);
	support_sql(x->village.db, "UPDATE events SET body = NULL WHERE type = 'withdraw'");
	struct err e = {0};
	struct ledger_report r = {0};
	OK(ledger_verify(x->village.l, &r, NULL, NULL, &e), &e);
	assert_true(r.faults >= 1);
	support_sql(x->county.db, "UPDATE events SET body = NULL WHERE type = 'withdraw'");
	struct verify_report v = {0};
	OK(verify_run(x->county.s, &v, NULL, NULL, &e), &e);
	assert_true(v.faults >= 1);
}

static int release(void **state)
{
	struct test_pair *x = *state;
	test_box_release(&x->village);
	test_county_release(&x->county);
	free(x);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(it_counts_from_the_archive_by_the_day),
	    T(nothing_goes_without_a_term),
	    T(bodies_go_everywhere_and_the_chains_stand),
	    T(who_follows_forgets_too),
	    T(a_new_box_gets_what_is_left),
	    T(what_comes_late_is_not_kept),
	    T(a_request_names_basis_and_approver),
	    T(a_case_that_runs_is_not_erased),
	    T(a_box_cannot_erase),
	    cmocka_unit_test_setup_teardown(verify_tells_what_went_without_an_erase, setup, release),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
