/* Cases as a citizen finds them at a box: by token, by number and by a number before; a ledger of an older release. */
#include "shared/ledger/citizen.h"
#include "shared/ledger/verify.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

static struct support_ledger t;

static int make(void **state)
{
	(void)state;
	support_ledger_make(&t);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	support_ledger_release(&t);
	return 0;
}

static int by_token(const char *token, struct ledger_case *out)
{
	struct err e = {0};
	*out = (struct ledger_case){0};
	return ledger_case_by_token(t.l, token, out, &e);
}

/* Does the token of case N find it? */
static bool found(unsigned n)
{
	struct ledger_case c, by;
	support_case(&t, n, &c);
	bool ok = by_token(c.view.token, &by) == ERR_OK && memcmp(by.view.id, c.view.id, UUID_LEN) == 0;
	ledger_case_release(&c);
	ledger_case_release(&by);
	return ok;
}

static void tokens(void **state)
{
	struct ledger_case c, by;
	(void)state;
	assert_int_equal(by_token("0000000000000000", &by), ERR_NOTFOUND); /* there is no case at all */
	for (unsigned i = 1; i <= 5; i++)
		support_register(&t, i, SUPPORT_HANDLE_ITEM);
	for (unsigned i = 1; i <= 5; i++)
		assert_true(found(i));
	support_case(&t, 1, &c);
	char token[sizeof c.view.token];
	memcpy(token, c.view.token, sizeof token);
	ledger_case_release(&c);
	token[15] = token[15] == '0' ? '1' : '0';
	assert_int_equal(by_token(token, &by), ERR_NOTFOUND);
	token[15] = '\0';
	assert_int_equal(by_token(token, &by), ERR_NOTFOUND);
	assert_int_equal(by_token("", &by), ERR_NOTFOUND);
	assert_int_equal(by_token(SUPPORT_PERSON, &by), ERR_NOTFOUND); /* keys of another kind */
	support_verified(&t);
}

/* How many cases lie near NUMBER, and whether one of them has it, now or before. */
static int near(const char *number, bool *has)
{
	struct caseview v[LEDGER_NEAR] = {0};
	struct err e = {0};
	int n = -1;
	*has = false;
	assert_int_equal(ledger_cases_near(t.l, number, v, &n, &e), ERR_OK);
	for (int i = 0; i < n; i++) {
		size_t k;
		json_t *one;
		*has |= strcmp(v[i].receipt, number) == 0;
		json_array_foreach(json_object_get(v[i].doc, "aliases"), k, one)
			*has |= strcmp(json_string_value(one), number) == 0;
		caseview_release(&v[i]);
	}
	return n;
}

/* A number that nobody has gives as many cases to look at as one that somebody has. */
static void numbers(void **state)
{
	struct ledger_case c;
	struct support_feed feed;
	struct ledger_head head;
	struct err e = {0};
	char body[160], old[RECEIPT_MAX];
	bool has;
	(void)state;
	assert_int_equal(near("652323105001-20260101-010001-1", &has), 0);
	for (unsigned i = 1; i <= 3; i++)
		support_register(&t, i, SUPPORT_HANDLE_ITEM);
	for (unsigned i = 1; i <= 3; i++) {
		support_case(&t, i, &c);
		assert_int_equal(near(c.view.receipt, &has), LEDGER_NEAR);
		assert_true(has);
		ledger_case_release(&c);
	}
	static const char *const unknown[] = {"0", "652323105001-20260101-010001-1", "999999999999", "中"};
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
		assert_int_equal(near(unknown[i], &has), LEDGER_NEAR);
		assert_false(has);
	}
	support_case(&t, 2, &c);
	(void)snprintf(old, sizeof old, "%s", c.view.receipt);
	ledger_case_release(&c);
	(void)snprintf(body, sizeof body, "{'old':'%s','new':'652323105001-20260101-000001-7'}", old);
	support_feed_init(&feed, t.station_key);
	assert_int_equal(ledger_head(t.l, &head, &e), ERR_OK);
	support_feed_settled(&feed, head.log, 1, head.seq);
	support_feed_event(&feed, 90, 2, "renumber", "county", body);
	assert_int_equal(support_feed_apply(&feed, &t, &e), ERR_OK);
	support_feed_release(&feed);
	support_case(&t, 2, &c);
	assert_string_equal(c.view.receipt, "652323105001-20260101-000001-7");
	ledger_case_release(&c);
	assert_int_equal(near(old, &has), LEDGER_NEAR);
	assert_true(has);
	assert_int_equal(near("652323105001-20260101-000001-7", &has), LEDGER_NEAR);
	assert_true(has);
	assert_true(found(2));
}

/* One that was written before tokens were keys finds its cases after the next start. */
static void of_an_older_release(void **state)
{
	struct err e = {0};
	bool rebuilt = false;
	(void)state;
	for (unsigned i = 1; i <= 3; i++)
		support_register(&t, i, SUPPORT_HANDLE_ITEM);
	support_sql(t.db, "DELETE FROM case_keys; UPDATE cases SET keys = x''");
	char *migration = support_source("schema/sql/box/004-token.sql");
	support_sql(t.db, migration);
	free(migration);
	support_ledger_reopen(&t);
	assert_false(found(1));
	assert_int_equal(ledger_catch_up(t.l, &rebuilt, &e), ERR_OK);
	assert_true(rebuilt);
	for (unsigned i = 1; i <= 3; i++)
		assert_true(found(i));
	support_verified(&t);
	assert_int_equal(ledger_catch_up(t.l, &rebuilt, &e), ERR_OK);
	assert_false(rebuilt);
}

#define T(f) cmocka_unit_test_setup_teardown(f, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {T(tokens), T(numbers), T(of_an_older_release)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
