/* Working days by the county's calendars, with the dates that the law's readers count by hand; the terms of a case through
 * notice, supplement, acceptance, pause, extension, decision and delivery. */
#include "tests/unit/support.h"

#include "shared/clock.h"
#include "shared/event.h"
#include "shared/terms.h"

#include <stdio.h>
#include <string.h>

static struct workdays *national, *xinjiang;

static struct workdays *load(const char *name)
{
	char path[128];
	struct workdays *w = NULL;
	struct err e = {0};
	(void)snprintf(path, sizeof path, "schema/calendars/%s.json", name);
	json_t *doc = support_json_file(path);
	if (workdays_new(doc, &w, &e)) fail_msg("%s", e.msg);
	json_decref(doc);
	return w;
}

static int make(void **state)
{
	(void)state;
	national = load("national");
	xinjiang = load("xinjiang");
	return 0;
}

static int release(void **state)
{
	(void)state;
	workdays_free(national);
	workdays_free(xinjiang);
	return 0;
}

static int64_t ms_of(const char *day)
{
	char text[40];
	int64_t ms = 0;
	(void)snprintf(text, sizeof text, "%s%s", day, strlen(day) == 10 ? "T10:00:00+08:00" : "");
	assert_true(clock_parse(text, &ms));
	return ms;
}

static int64_t day_of(const char *day)
{
	return workdays_day(ms_of(day));
}

static void assert_day(int64_t day, const char *want)
{
	char text[CLOCK_TEXT];
	clock_text(workdays_end(day), text);
	text[10] = '\0';
	assert_string_equal(text, want);
}

/* --- days --- */

static void counted_by_hand(void **state)
{
	static const struct {
		const char *from;
		int n;
		const char *national, *xinjiang;
	} rows[] = {
	    {"2026-02-12", 5, "2026-02-26", "2026-02-26"},
	    {"2026-09-30", 20, "2026-11-03", "2026-11-03"},
	    {"2025-05-30", 5, "2025-06-09", "2025-06-12"},
	    {"2025-06-05", 5, "2025-06-12", "2025-06-17"},
	    {"2026-11-24", 1, "2026-11-25", "2026-11-25"},
	    {"2026-11-27", 1, "2026-11-30", "2026-11-30"}, /* over a weekend */
	    {"2026-11-24", 0, "2026-11-24", "2026-11-24"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_day(workdays_add(national, day_of(rows[i].from), rows[i].n), rows[i].national);
		assert_day(workdays_add(xinjiang, day_of(rows[i].from), rows[i].n), rows[i].xinjiang);
		int64_t to = workdays_add(national, day_of(rows[i].from), rows[i].n);
		assert_int_equal(workdays_between(national, day_of(rows[i].from), to), rows[i].n);
		assert_int_equal(workdays_between(national, to, day_of(rows[i].from)), -rows[i].n);
	}
}

static void single_days(void **state)
{
	(void)state;
	assert_true(workdays_is(national, day_of("2026-11-24")));
	assert_false(workdays_is(national, day_of("2026-11-28")));
	assert_false(workdays_is(national, day_of("2026-10-01")));
	assert_true(workdays_is(national, day_of("2026-10-10"))); /* a Saturday that is worked */
	assert_true(workdays_is(national, day_of("2025-06-06")));
	assert_false(workdays_is(xinjiang, day_of("2025-06-06")));
	assert_true(workdays_published(national, day_of("2026-12-31")));
	assert_false(workdays_published(national, day_of("2027-01-01")));
	assert_false(workdays_published(national, day_of("1999-01-01")));
	/* a day begins and ends in China */
	assert_int_equal(workdays_day(ms_of("2026-11-23T16:00:00Z")), day_of("2026-11-24"));
	assert_int_equal(workdays_day(ms_of("2026-11-23T15:59:59Z")), day_of("2026-11-23"));
	assert_int_equal(workdays_end(day_of("2026-11-24")) + 1, ms_of("2026-11-25T00:00:00+08:00"));
}

static void broken_calendars(void **state)
{
	static const char *const docs[] = {
	    "{}",
	    "{'years':[]}",
	    "{'years':{'26':{}}}",
	    "{'years':{'2026':{'off':'x'}}}",
	    "{'years':{'2026':{'off':[1]}}}",
	    "{'years':{'2026':{'off':['2025-01-01']}}}",
	    "{'years':{'2026':{'off':['2026-02-30']}}}",
	    "{'years':{'2026':{'work':['2026-1-1']}}}",
	    "{'years':{'2026':{'off':['2026-01-01 ']}}}",
	};
	(void)state;
	for (size_t i = 0; i < sizeof docs / sizeof *docs; i++) {
		struct workdays *w = NULL;
		struct err e = {0};
		json_t *doc = support_json(docs[i]);
		assert_int_equal(workdays_new(doc, &w, &e), ERR_INVALID);
		assert_null(w);
		assert_true(*e.msg);
		json_decref(doc);
	}
}

/* --- a case --- */

static struct caseview v;
static struct catalog *catalog;

static void apply(const char *type, const char *day, const char *body)
{
	int rc = ERR_OK;
	json_t *j = support_json(body);
	struct caseview_event ev = {
	    .type = type, .body = j, .origin = SUPPORT_STATION, .actor = "clerk", .at = ms_of(day)};
	enum caseview_fit fit = caseview_apply(&v, &ev, &rc);
	if (fit != FIT_OK) fail_msg("%s: %s", type, caseview_fit_name(fit));
	assert_int_equal(rc, ERR_OK);
	json_decref(j);
}

static int receive(void **state)
{
	uint8_t id[UUID_LEN];
	(void)state;
	support_id(1, id);
	caseview_init(&v, id);
	catalog = support_catalog();
	apply("receive", "2026-02-12",
	      "{'item':'652323-044','receipt_number':'652323101200-20260212-010001-0','record':'application',"
	      "'applicant':{'name':'x'}}");
	v.received_at = ms_of("2026-02-12");
	return 0;
}

static int drop(void **state)
{
	(void)state;
	caseview_release(&v);
	catalog_free(catalog);
	return 0;
}

/* The term K on DAY, or fails where the case has none; HAS false: asserts that. */
static struct term term(enum term_kind k, const char *day)
{
	struct term t[TERM_KINDS];
	struct term_days law = terms_days(NULL);
	int n = terms_of(&v, &law, national, ms_of(day), t);
	for (int i = 0; i < n; i++)
		if (t[i].kind == k) return t[i];
	fail_msg("no term %s", term_kind_name(k));
	return t[0];
}

static bool has_term(enum term_kind k, const char *day)
{
	struct term t[TERM_KINDS];
	struct term_days law = terms_days(NULL);
	int n = terms_of(&v, &law, national, ms_of(day), t);
	for (int i = 0; i < n; i++)
		if (t[i].kind == k) return true;
	return false;
}

static void assert_term(enum term_kind k, const char *day, enum term_state state, const char *due, int left)
{
	struct term t = term(k, day);
	assert_string_equal(term_state_name(t.state), term_state_name(state));
	assert_day(workdays_day(t.due), due);
	assert_int_equal(t.left, left);
}

static void notice_runs_and_passes(void **state)
{
	(void)state;
	assert_term(TERM_NOTICE, "2026-02-12", TERM_RUNNING, "2026-02-26", 5);
	assert_false(term(TERM_NOTICE, "2026-02-12").half);
	assert_term(TERM_NOTICE, "2026-02-25", TERM_RUNNING, "2026-02-26", 1);
	assert_true(term(TERM_NOTICE, "2026-02-25").last && term(TERM_NOTICE, "2026-02-25").half);
	assert_term(TERM_NOTICE, "2026-02-26", TERM_RUNNING, "2026-02-26", 0); /* the last day is a day */
	assert_term(TERM_NOTICE, "2026-02-27", TERM_OVERDUE, "2026-02-26", -1);
	assert_false(has_term(TERM_DECISION, "2026-02-27"));
	apply("accept", "2026-02-27", "{}");
	assert_term(TERM_NOTICE, "2026-03-30", TERM_OVERDUE, "2026-02-26", 0); /* it was late, and stays so */
}

static void a_supplement_begins_it_anew(void **state)
{
	(void)state;
	apply("supplement_notice", "2026-02-26", "{'basis':'法','materials':[{'name':'a','standard':'b'}]}");
	assert_term(TERM_NOTICE, "2026-05-01", TERM_MET, "2026-02-26", 0);
	apply("supplement_complete", "2026-03-02", "{'materials':[{'name':'a','form':'copy','copies':1}]}");
	assert_term(TERM_NOTICE, "2026-03-02", TERM_RUNNING, "2026-03-09", 5);
	apply("accept", "2026-03-03", "{}");
	assert_term(TERM_NOTICE, "2026-03-30", TERM_MET, "2026-03-09", 0);
	assert_term(TERM_DECISION, "2026-03-03", TERM_RUNNING, "2026-03-31", 20);
}

static void pauses_and_the_extension(void **state)
{
	(void)state;
	apply("accept", "2026-03-03", "{}");
	apply("start_review", "2026-03-04", "{}");
	apply("suspend", "2026-03-10", "{'kind':'test','reason':'x','told_at':'2026-03-10T10:00:00+08:00'}");
	assert_term(TERM_DECISION, "2026-03-10", TERM_PAUSED, "2026-03-31", 15);
	assert_term(TERM_DECISION, "2026-03-17", TERM_PAUSED, "2026-04-08",
	            15); /* the left days stay, the due day moves */
	apply("resume", "2026-03-17", "{}");
	assert_term(TERM_DECISION, "2026-03-18", TERM_RUNNING, "2026-04-08", 14);
	apply("extend", "2026-03-18", "{'days':10,'reason':'x','approver':'王'}");
	assert_int_equal(term(TERM_DECISION, "2026-03-18").days, 30);
	assert_term(TERM_DECISION, "2026-03-18", TERM_RUNNING, "2026-04-22", 24);
	apply("ask_supplement", "2026-03-19",
	      "{'basis':'法','materials':[{'name':'a','standard':'b'}],'superior_reason':'x'}");
	assert_term(TERM_DECISION, "2026-03-20", TERM_RUNNING, "2026-04-22",
	            22); /* the statutory term is shown as it runs */
	apply("supplement_complete", "2026-03-23", "{'materials':[{'name':'a','form':'copy','copies':1}]}");
	apply("decide", "2026-04-22", "{'result':'granted'}");
	assert_term(TERM_DECISION, "2026-06-01", TERM_MET, "2026-04-22", 0);
	assert_term(TERM_DELIVERY, "2026-04-22", TERM_RUNNING, "2026-05-09", 10);
	apply("complete", "2026-04-23", "{'result_code':0,'document':'证'}");
	assert_true(has_term(TERM_DELIVERY, "2026-04-23"));
	apply(
	    "deliver", "2026-05-11",
	    "{'document':'证','way':'direct','place':'站','receiver':'王','delivered_at':'2026-05-11T09:00:00+08:00'}");
	assert_term(TERM_DELIVERY, "2026-06-01", TERM_OVERDUE, "2026-05-09", 0);
}

static void endings(void **state)
{
	(void)state;
	apply("accept", "2026-03-03", "{}");
	apply("withdraw", "2026-03-05", "{'reason':'x'}");
	assert_term(TERM_DECISION, "2026-06-01", TERM_ENDED, "2026-03-31", 0);
	assert_term(TERM_NOTICE, "2026-06-01", TERM_OVERDUE, "2026-02-26", 0);
	assert_false(has_term(TERM_DELIVERY, "2026-06-01"));
}

static void nothing_to_deliver(void **state)
{
	(void)state;
	apply("accept", "2026-02-13", "{}");
	apply("decide_now", "2026-02-13", "{'result':'granted'}");
	assert_true(has_term(TERM_DELIVERY, "2026-02-13"));
	apply("complete", "2026-02-13", "{'result_code':6}");
	assert_false(has_term(TERM_DELIVERY, "2026-02-13"));
	assert_term(TERM_NOTICE, "2026-02-14", TERM_MET, "2026-02-26", 0);
}

static void items_and_calendars_differ(void **state)
{
	struct term t[TERM_KINDS];
	(void)state;
	apply("accept", "2026-12-15", "{}");
	assert_true(term(TERM_DECISION, "2026-12-16").provisional); /* it reaches into 2027 */
	assert_false(term(TERM_NOTICE, "2026-12-16").provisional);
	const struct catalog_item *item = catalog_find(catalog, "652323-001");
	assert_non_null(item);
	struct term_days days = terms_days(item);
	int n = terms_of(&v, &days, national, ms_of("2026-12-16"), t);
	for (int i = 0; i < n; i++)
		if (t[i].kind == TERM_DECISION)
			assert_int_equal(t[i].days, json_integer_value(json_object_get(
			                                json_object_get(item->json, "days"), "decision")));
	/* advice given has no terms */
	json_object_set_new(v.doc, "record", json_string("service"));
	assert_int_equal(terms_of(&v, &days, national, ms_of("2026-12-16"), t), 0);
}

/* --- by chance --- */

static uint32_t chance(uint32_t *seed, uint32_t n)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % n;
}

/* Three years with holidays and made-up weekend days by chance. */
static json_t *any_calendar(uint32_t *seed)
{
	json_t *years = json_object();
	for (int year = 2026; year < 2029; year++) {
		char name[8], text[16];
		json_t *off = json_array(), *work = json_array();
		(void)snprintf(name, sizeof name, "%d", year);
		for (int month = 1; month <= 12; month++)
			for (int day = 1; day <= 28; day++) {
				int64_t n;
				assert_true(clock_date_days(year, month, day, &n));
				bool weekend = (n + 3) % 7 >= 5;
				if (chance(seed, weekend ? 6 : 12)) continue;
				(void)snprintf(text, sizeof text, "%d-%02d-%02d", year, month, day);
				assert_int_equal(json_array_append_new(weekend ? work : off, json_string(text)), 0);
			}
		json_object_set_new(years, name,
		                    json_pack("{s:s, s:o, s:o}", "status", "published", "off", off, "work", work));
	}
	return json_pack("{s:i, s:o}", "version", 1, "years", years);
}

/* Whatever the calendar: to add and to count back agree, to add is to add one after the other, an end is a working day,
 * and the first day of a warning is the first on which the term warns. */
static void adding_and_counting_agree(void **state)
{
	uint32_t seed = 20261124;
	struct err e = {0};
	(void)state;
	print_message("seed %u\n", seed);
	for (int round = 0; round < 50; round++) {
		struct workdays *w = NULL;
		json_t *doc = any_calendar(&seed);
		if (workdays_new(doc, &w, &e)) fail_msg("%s", e.msg);
		json_decref(doc);
		for (int k = 0; k < 200; k++) {
			int64_t from = day_of("2026-01-01") + chance(&seed, 900);
			int n = (int)chance(&seed, 60), m = (int)chance(&seed, 60);
			int64_t to = workdays_add(w, from, n);
			assert_int_equal(workdays_between(w, from, to), n);
			assert_int_equal(workdays_between(w, to, from), -n);
			assert_int_equal(workdays_add(w, to, m), workdays_add(w, from, n + m));
			assert_true(n == 0 ? to == from : workdays_is(w, to));
			int count = 0;
			for (int64_t d = from + 1; d <= to; d++)
				count += workdays_is(w, d);
			assert_int_equal(count, n);
			/* between any two days, by way of a third */
			int64_t far = from + chance(&seed, 100);
			assert_int_equal(workdays_between(w, from, far) + workdays_between(w, far, to),
			                 workdays_between(w, from, to));
		}
		workdays_free(w);
	}
}

static void the_first_day_of_a_warning(void **state)
{
	(void)state;
	for (int days = 1; days <= 30; days++) {
		struct term_days d = {.days = {[TERM_NOTICE] = days}};
		struct term t[TERM_KINDS];
		assert_int_equal(terms_of(&v, &d, national, ms_of("2026-02-12"), t), 1);
		int64_t warn = terms_warn_day(&t[0], national), first = workdays_day(t[0].start);
		for (int64_t day = first; day <= workdays_day(t[0].due); day++) {
			struct term now[TERM_KINDS];
			assert_int_equal(terms_of(&v, &d, national, workdays_end(day), now), 1);
			assert_int_equal(now[0].half || now[0].last, day >= warn);
		}
	}
}

static void the_next_term_and_who_ends_it_late(void **state)
{
	struct term t;
	enum term_kind late[TERM_KINDS];
	struct term_days law = terms_days(NULL);
	(void)state;
	assert_int_equal(terms_late(&v, EVENT_ACCEPT, &law, national, ms_of("2026-02-26"), late), 0);
	assert_int_equal(terms_late(&v, EVENT_ACCEPT, &law, national, ms_of("2026-02-27"), late), 1);
	assert_int_equal(late[0], TERM_NOTICE);
	assert_int_equal(terms_late(&v, EVENT_WITHDRAW, &law, national, ms_of("2026-02-27"), late), 0);
	assert_int_equal(terms_late(&v, EVENT_FORWARD, &law, national, ms_of("2026-02-27"), late), 0);
	assert_int_equal(terms_late(&v, EVENT_DEEM_ACCEPT, &law, national, ms_of("2026-02-27"), late), 0);
	apply("accept", "2026-02-27", "{'overtime_reason':'停电'}");
	assert_int_equal(terms_late(&v, EVENT_ACCEPT, &law, national, ms_of("2026-03-02"), late), 0);
	assert_true(terms_next(&v, &law, national, ms_of("2026-03-02"), &t));
	assert_int_equal(t.kind, TERM_DECISION);
	law.days[TERM_PROMISE] = 7; /* the item's own promise comes first */
	assert_true(terms_next(&v, &law, national, ms_of("2026-03-02"), &t));
	assert_int_equal(t.kind, TERM_PROMISE);
	apply("start_review", "2026-03-03", "{}");
	apply("ask_supplement", "2026-03-04", "{'basis':'法','materials':[{'name':'a','standard':'b'}]}");
	assert_true(terms_next(&v, &law, national, ms_of("2026-03-04"), &t)); /* it is paused, the other runs */
	assert_int_equal(t.kind, TERM_DECISION);
	assert_int_equal(terms_late(&v, EVENT_DECIDE, &law, national, ms_of("2026-06-01"), late), 1);
	apply("withdraw", "2026-03-05", "{'reason':'x'}");
	assert_false(terms_next(&v, &law, national, ms_of("2026-03-05"), &t));
	const json_t *why = json_array_get(json_object_get(v.doc, "overtime"), 0);
	assert_string_equal(json_string_value(json_object_get(why, "reason")), "停电");
}

static void another_calendar_moves_what_is_open(void **state)
{
	struct term_move m[TERM_KINDS];
	struct term_days law = terms_days(NULL);
	(void)state;
	v.received_at = ms_of("2025-05-30");
	assert_int_equal(terms_moved(&v, &law, national, xinjiang, ms_of("2025-06-03"), m), 1);
	assert_int_equal(m[0].kind, TERM_NOTICE);
	assert_day(workdays_day(m[0].before), "2025-06-09");
	assert_day(workdays_day(m[0].after), "2025-06-12");
	assert_int_equal(terms_moved(&v, &law, national, national, ms_of("2025-06-03"), m), 0);
	apply("withdraw", "2025-06-03", "{'reason':'x'}");
	assert_int_equal(terms_moved(&v, &law, national, xinjiang, ms_of("2025-06-03"), m), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, receive, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counted_by_hand),
	    cmocka_unit_test(single_days),
	    cmocka_unit_test(broken_calendars),
	    T(notice_runs_and_passes),
	    T(a_supplement_begins_it_anew),
	    T(pauses_and_the_extension),
	    T(endings),
	    T(nothing_to_deliver),
	    T(items_and_calendars_differ),
	    cmocka_unit_test(adding_and_counting_agree),
	    T(the_first_day_of_a_warning),
	    T(the_next_term_and_who_ends_it_late),
	    T(another_calendar_moves_what_is_open),
	};
	return cmocka_run_group_tests(tests, make, release);
}
