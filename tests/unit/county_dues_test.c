/* Due days at the county: kept with the case, counted anew by another calendar, which moves are told. */
#include "tests/unit/county_support.h"

#include "sync/county/dues.h"
#include "sync/county/thing.h"

#include <stdlib.h>
#include <string.h>

#define DAY 86400000LL
#define OK(call, e)                                                                                                    \
	do {                                                                                                           \
		if (call) fail_msg("%s:%d: %s", __FILE__, __LINE__, (e)->msg);                                         \
	} while (0)

struct world {
	struct test_county county;
	struct test_box village;
};

static int setup(void **state)
{
	struct world *x = calloc(1, sizeof *x);
	assert_non_null(x);
	test_county_make(&x->county);
	test_box_make(&x->village, &x->county, COUNTY_VILLAGE);
	test_box_register(&x->village, 1, "652323-001");
	test_box_register(&x->village, 2, "652323-044");
	test_box_settle(&x->village);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct world *x = *state;
	test_county_verify(&x->county, 0);
	test_box_release(&x->village);
	test_county_release(&x->county);
	free(x);
	return 0;
}

/* Cases whose due day is DAY (of November 2026, counted on), with a warning from WARN on. */
static int64_t kept(struct world *x, int day, int warn)
{
	char sql[160];
	int64_t first;
	assert_true(clock_date_days(2026, 11, 1, &first));
	(void)snprintf(sql, sizeof sql, "SELECT count(*) FROM cases WHERE due = %lld AND warn = %lld",
	               (long long)first + day - 1, (long long)first + warn - 1);
	return support_sql_int(x->county.db, sql);
}

/* A calendar with the days from 25 to 27 November off. */
static void publish(struct world *x)
{
	struct err e = {0};
	json_t *doc = support_json_file("schema/calendars/national.json");
	json_t *off = json_object_get(json_object_get(json_object_get(doc, "years"), "2026"), "off");
	for (int d = 25; d <= 27; d++) {
		char day[16];
		(void)snprintf(day, sizeof day, "2026-11-%02d", d);
		assert_int_equal(json_array_append_new(off, json_string(day)), 0);
	}
	assert_int_equal(json_object_set_new(doc, "version", json_integer(2)), 0);
	char *text = json_dumps(doc, JSON_COMPACT);
	OK(store_begin(x->county.s, &e), &e);
	OK(thing_in_force(x->county.s, "calendar", 2, text, x->county.clock.wall, &e), &e);
	OK(store_commit(x->county.s, &e), &e);
	free(text);
	json_decref(doc);
}

static int count(const struct caseview *v, const struct term_move *m, int n, void *arg)
{
	int *moved = arg;
	assert_true(v->exists);
	assert_int_equal(n, 1);
	assert_int_equal(m[0].kind, TERM_NOTICE);
	assert_int_equal(m[0].after - m[0].before, 3 * DAY);
	*moved += n;
	return ERR_OK;
}

static int no_memory(const struct caseview *v, const struct term_move *m, int n, void *arg)
{
	(void)v, (void)m, (void)n, (void)arg;
	return ERR_NOMEM;
}

static void kept_with_the_case(void **state)
{
	struct world *x = *state;
	/* from Tuesday the 24th five days: 1 December; half is used up on Friday the 27th */
	assert_int_equal(kept(x, 31, 27), 2);
	test_box_act(&x->village, 3, 1, "withdraw", "{'reason':'不办了'}");
	test_box_settle(&x->village);
	assert_int_equal(kept(x, 31, 27), 1);
	assert_int_equal(support_sql_int(x->county.db, "SELECT count(*) FROM cases WHERE due IS NULL"), 1);
}

static void another_calendar(void **state)
{
	struct world *x = *state;
	struct err e = {0};
	struct workdays *before = NULL;
	int moved = 0;
	json_t *doc = support_json_file("schema/calendars/national.json");
	OK(workdays_new(doc, &before, &e), &e);
	json_decref(doc);
	publish(x);
	assert_int_equal(kept(x, 31, 27), 2);
	/* whoever is told may fail: then nothing of that batch is kept, and the next start does it */
	assert_int_equal(dues_recount(x->county.s, before, x->county.clock.wall, no_memory, NULL, &e), ERR_NOMEM);
	assert_int_equal(kept(x, 31, 27), 2);
	e = (struct err){0};
	OK(dues_recount(x->county.s, before, x->county.clock.wall, count, &moved, &e), &e);
	assert_int_equal(moved, 2);
	assert_int_equal(kept(x, 34, 32), 2); /* Friday 4 December, from Wednesday on */
	workdays_free(before);
}

static void at_the_next_start(void **state)
{
	struct world *x = *state;
	struct err e = {0};
	OK(dues_check(x->county.s, x->county.clock.wall, &e), &e);
	support_sql(x->county.db, "UPDATE cases SET due = NULL, warn = NULL");
	OK(dues_check(x->county.s, x->county.clock.wall, &e), &e); /* counted by this calendar already */
	assert_int_equal(kept(x, 31, 27), 0);
	publish(x);
	OK(dues_check(x->county.s, x->county.clock.wall, &e), &e);
	assert_int_equal(kept(x, 34, 32), 2);
}

/* A calendar that cannot be read: cases come in all the same, with no due day. */
static void a_calendar_that_is_none(void **state)
{
	struct world *x = *state;
	struct err e = {0};
	support_sql(x->county.db,
	            "INSERT INTO things (kind, version, doc, at) VALUES ('calendar', 2, '{\"version\":2}', 0)");
	test_box_register(&x->village, 3, "652323-001");
	test_box_settle(&x->village);
	assert_int_equal(test_box_sync(&x->village, 3), SYNC_SETTLED);
	assert_int_equal(support_sql_int(x->county.db, "SELECT count(*) FROM cases WHERE due IS NULL"), 1);
	OK(dues_check(x->county.s, x->county.clock.wall, &e), &e);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {T(kept_with_the_case), T(another_calendar), T(at_the_next_start),
	                                   T(a_calendar_that_is_none)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
