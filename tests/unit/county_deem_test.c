/* What the county's own program says of cases that departments and stations without a box hold: 视为受理 where nobody
 * answered, 归档 where nothing is left to do. */
#include "tests/unit/county_support.h"

#include "shared/fields.h"
#include "sync/county/archive.h"
#include "sync/county/casefile.h"
#include "sync/county/deem.h"

#include <stdlib.h>
#include <string.h>

#define DAY     86400000LL
#define PERMIT  "652323-044" /* 林木采伐许可证: taken in at village and township, decided by 林草局 */
#define BENEFIT "652323-001" /* no permit, not flagged: it becomes overdue and no more */
#define PASSED  (8 * DAY)    /* from Tuesday 2026-11-24: the term's last day is Tuesday 12-01 */

#define OK(call, e)                                                                                                    \
	do {                                                                                                           \
		if (call) fail_msg("%s:%d: %s", __FILE__, __LINE__, (e)->msg);                                         \
	} while (0)

/* A village's cases, passed up to a township that has no box: a permit under 1, a benefit under 2. */
static int setup(void **state)
{
	*state = test_pair_make(PERMIT, BENEFIT);
	return 0;
}

static int teardown(void **state)
{
	test_pair_release(*state);
	return 0;
}

static int look(struct test_pair *x)
{
	struct err e = {0};
	int n = -1;
	OK(deem_round(x->county.s, x->county.clock.wall, &n, &e), &e);
	return n;
}

static enum case_state state_of(struct test_pair *x, unsigned n)
{
	struct err e = {0};
	struct caseview v;
	uint8_t id[UUID_LEN];
	support_id(n, id);
	OK(casefile_get(x->county.s, id, &v, &e), &e);
	enum case_state s = v.state;
	assert_int_equal(v.accepted_at, json_is_true(json_object_get(v.doc, "deemed")) ? v.received_at : 0);
	caseview_release(&v);
	return s;
}

static int64_t events(struct test_pair *x)
{
	return support_sql_int(x->county.db, "SELECT count(*) FROM events WHERE type = 'deem_accept'");
}

static void not_before_the_last_day_is_over(void **state)
{
	struct test_pair *x = *state;
	assert_int_equal(look(x), 0);
	test_county_pass(&x->county,
	                 PASSED - DAY + 16 * 3600000LL - 1000); /* 08:00 of the last day and 16 hours less a second */
	assert_int_equal(look(x), 0);
	assert_int_equal(state_of(x, 1), STATE_FORWARDED);
	test_county_pass(&x->county, 1000);
	assert_int_equal(look(x), 1);
	assert_int_equal(state_of(x, 1), STATE_ACCEPTED);
	assert_int_equal(state_of(x, 2), STATE_FORWARDED);
}

static void once_and_from_the_day_of_receipt(void **state)
{
	struct test_pair *x = *state;
	struct err e = {0};
	struct ledger_case c = {0};
	uint8_t id[UUID_LEN];
	support_id(1, id);
	test_county_pass(&x->county, PASSED + 30 * DAY); /* a month without power */
	assert_int_equal(look(x), 1);
	assert_int_equal(look(x), 0);
	test_county_pass(&x->county, DAY);
	assert_int_equal(look(x), 0);
	assert_int_equal(events(x), 1);
	/* the village hears of it, as of any act of the county */
	test_box_settle(&x->village);
	OK(ledger_case_get(x->village.l, id, &c, &e), &e);
	assert_int_equal(c.view.state, STATE_ACCEPTED);
	assert_int_equal(c.view.accepted_at, c.view.received_at);
	assert_true(json_is_true(json_object_get(c.view.doc, "deemed")));
	ledger_case_release(&c);
}

static void what_was_answered_is_left_alone(void **state)
{
	struct test_pair *x = *state;
	struct test_box other;
	test_box_make(&other, &x->county, COUNTY_OTHER);
	test_box_register(&other, 3, PERMIT);
	test_box_act(&other, 4, 3, "withdraw", "{'reason':'不办了'}");
	test_box_settle(&other);
	test_county_pass(&x->county, PASSED);
	assert_int_equal(look(x), 1); /* the first alone */
	assert_int_equal(state_of(x, 3), STATE_WITHDRAWN);
	test_box_release(&other);
}

static void a_box_answers_for_its_own(void **state)
{
	struct test_pair *x = *state;
	struct test_box township;
	test_box_make(&township, &x->county, COUNTY_TOWNSHIP);
	test_box_settle(&township);
	test_county_pass(&x->county, PASSED);
	assert_int_equal(look(x), 0);
	/* passed on to the department, it is the county's to say */
	test_box_act(&township, 5, 1, "forward", "{'to':'林草局'}");
	test_box_settle(&township);
	assert_int_equal(look(x), 1);
	test_box_settle(&township);
	assert_int_equal(test_box_sync(&township, 1), SYNC_SETTLED);
	test_box_release(&township);
}

/* 超期原因 is asked for at the window; a record that comes without one is shown so, not refused. */
static void a_late_act_without_a_reason_settles(void **state)
{
	struct test_pair *x = *state;
	struct test_box township;
	test_box_make(&township, &x->county, COUNTY_TOWNSHIP);
	test_box_register(&township, 6, "652323-009");
	test_box_settle(&township);
	test_county_pass(&x->county, PASSED);
	test_box_act(&township, 7, 6, "accept", "{}");
	test_box_settle(&township);
	assert_int_equal(test_box_sync(&township, 6), SYNC_SETTLED);
	test_box_release(&township);
}

static void many_at_once(void **state)
{
	struct test_pair *x = *state;
	struct test_box other; /* more than one reading brings */
	test_box_make(&other, &x->county, COUNTY_OTHER);
	for (unsigned n = 100; n < 230; n++)
		test_box_register(&other, n, PERMIT);
	test_box_settle(&other);
	test_county_pass(&x->county, PASSED);
	assert_int_equal(look(x), 131);
	assert_int_equal(events(x), 131);
	assert_int_equal(look(x), 0);
	test_box_release(&other);
}

static void a_county_that_is_not_set_up(void **state)
{
	struct test_pair *x = *state;
	support_sql(x->county.db, "DELETE FROM things WHERE kind = 'calendar'");
	test_county_pass(&x->county, PASSED);
	assert_int_equal(look(x), 0);
	assert_int_equal(events(x), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* --- 归档 --- */

static int archive(struct test_pair *x)
{
	struct err e = {0};
	int n = -1;
	OK(archive_round(x->county.s, x->county.clock.wall - 30 * DAY, x->county.clock.wall, &n, &e), &e);
	return n;
}

/* What nobody with a box holds is archived by the county, thirty days after its last event, once; the village hears it. */
static void the_county_archives_what_has_no_box(void **state)
{
	struct test_pair *x = *state;
	test_box_act(&x->village, 20, 2, "withdraw", "{'reason':'不办了'}");
	test_box_settle(&x->village);
	assert_int_equal(state_of(x, 2), STATE_WITHDRAWN);
	assert_int_equal(archive(x), 0);
	test_county_pass(&x->county, 30 * DAY);
	assert_int_equal(archive(x), 0); /* not yet: longer than that */
	test_county_pass(&x->county, 1000);
	assert_int_equal(archive(x), 1); /* the permit under 1 has not come to its end */
	assert_int_equal(archive(x), 0);
	assert_int_equal(state_of(x, 2), STATE_ARCHIVED);
	test_box_settle(&x->village);
	struct ledger_case c = {0};
	struct err e = {0};
	uint8_t id[UUID_LEN];
	support_id(2, id);
	OK(ledger_case_get(x->village.l, id, &c, &e), &e);
	assert_int_equal(c.view.state, STATE_ARCHIVED);
	ledger_case_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(not_before_the_last_day_is_over),
	    T(once_and_from_the_day_of_receipt),
	    T(what_was_answered_is_left_alone),
	    T(a_box_answers_for_its_own),
	    T(many_at_once),
	    T(a_late_act_without_a_reason_settles),
	    T(a_county_that_is_not_set_up),
	    T(the_county_archives_what_has_no_box),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
