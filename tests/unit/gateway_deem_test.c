/* 视为受理 and 归档 by the box's own program, with a real county to judge it: said once, not said again where the county refused
 * it, said anew when another calendar gives the term another day. */
#include "gateway/archive.h"
#include "gateway/days.h"
#include "gateway/deem.h"
#include "gateway/items.h"
#include "shared/ledger/writer.h"
#include "sync/county/thing.h"
#include "tests/unit/county_support.h"

#include <stdlib.h>
#include <string.h>

#define DAY    86400000LL
#define PERMIT "652323-009" /* 《生育服务证》: a permit that the township handles */

#define OK(call, e)                                                                                                    \
	do {                                                                                                           \
		if (call) fail_msg("%s:%d: %s", __FILE__, __LINE__, (e)->msg);                                         \
	} while (0)

struct world {
	struct test_county county;
	struct test_box box;
	struct gateway gw;
	struct ledger *writes; /* the writer's connection */
};

static const struct log quiet = {.program = "test", .level = LOG_LEVEL_ERROR};

static int setup(void **state)
{
	struct err e = {0};
	struct world *x = calloc(1, sizeof *x);
	assert_non_null(x);
	test_county_make(&x->county);
	test_box_make(&x->box, &x->county, COUNTY_TOWNSHIP);
	test_box_settle(&x->box); /* catalog and calendar */
	struct ledger_config lc = {
	    .path = x->box.db, .field_key = x->box.key, .mode = LEDGER_WRITE, .clock = x->box.clock};
	OK(ledger_open(&lc, &x->writes, &e), &e);
	x->gw.log = quiet;
	x->gw.cfg.archive_days = 30;
	OK(items_new(&x->gw.items, &e), &e);
	OK(days_new(&x->gw.days, &e), &e);
	OK(writer_open(&(struct writer_config){.ledger = x->writes}, &x->gw.writer, &e), &e);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct world *x = *state;
	writer_close(x->gw.writer);
	days_free(x->gw.days);
	items_free(x->gw.items);
	ledger_close(x->writes);
	test_county_verify(&x->county, 0);
	test_box_verify(&x->box, 0);
	test_box_release(&x->box);
	test_county_release(&x->county);
	free(x);
	return 0;
}

/* The box's round, a minute after the one before, until the writer has done what it was handed. */
static void look(struct world *x)
{
	int waiting = 1;
	int64_t jobs, groups;
	struct err e = {0};
	test_county_pass(&x->county, 60000);
	x->gw.clock = x->county.clock.clock;
	(void)items_refresh(x->gw.items, x->box.l, &quiet);
	days_refresh(x->gw.days, x->box.l, &quiet);
	deem_round(&x->gw, x->box.l);
	archive_round(&x->gw, x->box.l);
	writer_close(x->gw.writer); /* finishes what is queued */
	x->gw.writer = NULL;
	OK(writer_open(&(struct writer_config){.ledger = x->writes}, &x->gw.writer, &e), &e);
	writer_counts(x->gw.writer, &jobs, &groups, &waiting);
	assert_int_equal(waiting, 0);
}

static int64_t said(struct world *x)
{
	return support_sql_int(x->box.db, "SELECT count(*) FROM events WHERE type = 'deem_accept'");
}

static enum case_state state_of(struct world *x, unsigned n)
{
	struct err e = {0};
	struct ledger_case c = {0};
	uint8_t id[UUID_LEN];
	support_id(n, id);
	OK(ledger_case_get(x->box.l, id, &c, &e), &e);
	enum case_state s = c.view.state;
	ledger_case_release(&c);
	return s;
}

static void once_after_the_last_day(void **state)
{
	struct world *x = *state;
	test_box_register(&x->box, 1, PERMIT);
	test_box_register(&x->box, 2, "652323-018"); /* no permit */
	test_county_pass(&x->county, 7 * DAY);       /* 2026-12-01, the last day */
	look(x);
	assert_int_equal(said(x), 0);
	test_county_pass(&x->county, DAY);
	look(x);
	look(x);
	assert_int_equal(said(x), 1);
	assert_int_equal(state_of(x, 1), STATE_ACCEPTED);
	assert_int_equal(state_of(x, 2), STATE_RECEIVED);
	test_box_settle(&x->box);
	assert_int_equal(test_box_sync(&x->box, 1), SYNC_SETTLED);
}

static void not_by_a_clock_that_nobody_set(void **state)
{
	struct world *x = *state;
	test_box_register(&x->box, 1, PERMIT);
	test_county_pass(&x->county, 60 * DAY);
	int64_t now = x->county.clock.wall;
	x->county.clock.wall = 0; /* below the floor */
	look(x);
	assert_int_equal(said(x), 0);
	x->county.clock.wall = now;
	look(x);
	assert_int_equal(said(x), 1);
}

/* A week off for all, which the box hears of only after it has spoken. */
static void publish(struct world *x)
{
	struct err e = {0};
	json_t *doc = support_json_file("schema/calendars/national.json");
	json_t *off = json_object_get(json_object_get(json_object_get(doc, "years"), "2026"), "off");
	for (int d = 25; d <= 30; d++) {
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

static void what_the_county_refused_is_not_said_again(void **state)
{
	struct world *x = *state;
	test_box_register(&x->box, 1, PERMIT);
	test_box_settle(&x->box);
	test_county_pass(&x->county, 8 * DAY); /* 2026-12-02, by the first calendar a day too late */
	look(x);
	assert_int_equal(said(x), 1);
	publish(x);
	test_box_settle(&x->box); /* the county judges by the second */
	assert_int_equal(test_box_sync(&x->box, 1), SYNC_REFUSED);
	assert_int_equal(state_of(x, 1), STATE_RECEIVED);
	look(x); /* by the second calendar the term runs */
	assert_int_equal(said(x), 1);
	test_county_pass(&x->county, 4 * DAY); /* 12-06: its last day, 12-04 and four more, is not over */
	look(x);
	assert_int_equal(said(x), 1);
	test_county_pass(&x->county, 6 * DAY);
	look(x); /* another day than the one that was refused */
	look(x);
	assert_int_equal(said(x), 2);
	assert_int_equal(state_of(x, 1), STATE_ACCEPTED);
	test_box_settle(&x->box);
	assert_int_equal(state_of(x, 1), STATE_ACCEPTED);
}

/* The same, where the box never hears of the other calendar: it must not say the same thing every minute. */
static void nor_in_the_same_words(void **state)
{
	struct world *x = *state;
	test_box_register(&x->box, 1, PERMIT);
	test_box_settle(&x->box);
	test_county_pass(&x->county, 8 * DAY);
	look(x);
	publish(x);
	test_box_settle(&x->box);
	assert_int_equal(test_box_sync(&x->box, 1), SYNC_REFUSED);
	support_sql(x->box.db, "DELETE FROM things WHERE kind = 'calendar' AND version = 2");
	struct err e = {0};
	days_free(x->gw.days);
	OK(days_new(&x->gw.days, &e), &e);
	for (int i = 0; i < 3; i++)
		look(x);
	assert_int_equal(said(x), 1);
	support_sql(x->box.db, "INSERT INTO things (kind, version, feed) SELECT 'calendar', 2, max(n) FROM feed "
	                       "WHERE kind = 'calendar'");
}

/* --- 归档 --- */

/* What has ended here and has settled goes to the archive after its days; a document that nobody fetched keeps it open,
 * and so does what the county does not know yet. */
static void ended_cases_go_to_the_archive(void **state)
{
	struct world *x = *state;
	for (unsigned n = 1; n <= 4; n++)
		test_box_register(&x->box, n, "652323-018");
	test_box_act(&x->box, 11, 1, "withdraw", "{'reason':'不办了'}");
	for (unsigned n = 2; n <= 3; n++) {
		test_box_act(&x->box, 20 + n, n, "accept", "{}");
		test_box_act(&x->box, 30 + n, n, "decide_now", "{'result':'granted'}");
		test_box_act(&x->box, 40 + n, n, "complete",
		             n == 2 ? "{'result_code':0,'document':'证明'}" : "{'result_code':6}");
	}
	test_box_settle(&x->box);
	test_box_act(&x->box, 14, 4, "withdraw", "{'reason':'不办了'}"); /* not told to the county */
	test_county_pass(&x->county, 29 * DAY);
	look(x);
	assert_int_equal(state_of(x, 1), STATE_WITHDRAWN);
	test_county_pass(&x->county, 2 * DAY);
	look(x);
	assert_int_equal(state_of(x, 1), STATE_ARCHIVED);
	assert_int_equal(state_of(x, 2), STATE_COMPLETED);
	assert_int_equal(state_of(x, 3), STATE_ARCHIVED);
	assert_int_equal(state_of(x, 4), STATE_WITHDRAWN);
	test_box_act(&x->box, 52, 2, "deliver",
	             "{'document':'证明','way':'direct','place':'本站','receiver':'本人','delivered_at':'2026-12-24T10:"
	             "00:00+08:00'}");
	test_box_settle(&x->box);
	test_county_pass(&x->county, 31 * DAY);
	look(x);
	look(x); /* once */
	assert_int_equal(state_of(x, 2), STATE_ARCHIVED);
	assert_int_equal(state_of(x, 4), STATE_ARCHIVED);
	assert_int_equal(support_sql_int(x->box.db, "SELECT count(*) FROM events WHERE type = 'archive'"), 4);
	test_box_settle(&x->box);
	for (unsigned n = 1; n <= 4; n++)
		assert_int_equal(test_box_sync(&x->box, n), SYNC_SETTLED);
}

/* More documents that nobody fetches than one look reads: what can go goes all the same. */
static void nothing_waits_behind_what_stays(void **state)
{
	enum { STAY = 60 };
	struct world *x = *state;
	for (unsigned n = 1; n <= STAY + 1; n++) {
		test_box_register(&x->box, n, "652323-018");
		test_box_act(&x->box, 1000 + n, n, "accept", "{}");
		test_box_act(&x->box, 2000 + n, n, "decide_now", "{'result':'granted'}");
		test_box_act(&x->box, 3000 + n, n, "complete",
		             n <= STAY ? "{'result_code':0,'document':'证明'}" : "{'result_code':6}");
		test_county_pass(&x->county, 1000);
	}
	test_box_settle(&x->box);
	test_county_pass(&x->county, 31 * DAY);
	look(x);
	assert_int_equal(state_of(x, 1), STATE_COMPLETED);
	assert_int_equal(state_of(x, STAY + 1), STATE_ARCHIVED);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(once_after_the_last_day), T(not_by_a_clock_that_nobody_set), T(what_the_county_refused_is_not_said_again),
	    T(nor_in_the_same_words),   T(ended_cases_go_to_the_archive),  T(nothing_waits_behind_what_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
