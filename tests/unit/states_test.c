/* The compiled table against the CSV that it is made from, read here once more and without the awk script. */
#include "shared/states.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

struct line {
	char from[32], event[32], to[32], who[32], by[32];
};

static struct line lines[128];
static size_t n_lines;

static void read_lines(const char *path)
{
	char *text = support_source(path), *save = NULL;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		if (*l == '#') continue;
		struct line *x = &lines[n_lines];
		if (sscanf(l, "%31[^,],%31[^,],%31[^,],%31[^,],%31s", x->from, x->event, x->to, x->who, x->by) != 5)
			fail_msg("%s", l);
		assert_true(++n_lines < COUNT(lines));
	}
	free(text);
}

static int read_csv(void **state)
{
	(void)state;
	read_lines("schema/states/transitions.csv");
	if (n_lines <= 50) return -1;
	read_lines("schema/states/register-transitions.csv");
	read_lines("schema/states/retention-transitions.csv");
	return 0;
}

static int check_states(const char *path)
{
	char *text = support_source(path), *save = NULL;
	int n = 0;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char name[32], zh[64], final[8];
		enum case_state s;
		if (*l == '#') continue;
		assert_int_equal(sscanf(l, "%31[^,],%63[^,],%7[^,]", name, zh, final), 3);
		assert_true(state_parse(name, &s));
		assert_string_equal(state_name(s), name);
		assert_string_equal(state_zh(s), zh);
		assert_int_equal(state_final(s), strcmp(final, "yes") == 0);
		n++;
	}
	free(text);
	return n;
}

static void twenty_states(void **state)
{
	(void)state;
	assert_int_equal(STATE_OPEN, 20);
	assert_int_equal(check_states("schema/states/states.csv"), STATE_OPEN);
	assert_int_equal(check_states("schema/states/registers.csv"), STATE_ERASED - STATE_OPEN); /* of entries */
	assert_int_equal(check_states("schema/states/retention-states.csv"), STATE_COUNT - STATE_ERASED); /* of both */
	enum case_state s;
	assert_false(state_parse("any", &s));
	assert_false(state_parse("asked", &s));
	assert_false(state_parse("", &s));
}

static void event_names(void **state)
{
	enum case_event ev;
	(void)state;
	for (int i = 0; i < EVENT_COUNT; i++) {
		assert_true(state_event_parse(state_event_name((enum case_event)i), &ev));
		assert_int_equal(ev, i);
	}
	assert_false(state_event_parse("log_opened", &ev));
	assert_false(state_event_parse("", &ev));
}

static const char *who_name(enum case_who w)
{
	static const char *const names[] = {"window", "applicant",     "organ", "handler_or_organ", "head", "system",
	                                    "holder", "window_accept", "any"};
	return names[w];
}

static const char *by_name(enum case_by b)
{
	static const char *const names[] = {"holder", "registering", "either", "program", "county_or_registering",
	                                    "any",    "county"};
	return names[b];
}

static const char *to_name(enum case_state s)
{
	return s == STATE_SAME ? "=" : s == STATE_ASKED ? "asked" : state_name(s);
}

/* What the CSV says of a pair; its own rows first, then "*" by the rules at its head. */
static const struct line *csv_row(const char *from, const char *event)
{
	for (size_t i = 0; i < n_lines; i++)
		if (strcmp(lines[i].from, from) == 0 && strcmp(lines[i].event, event) == 0) return &lines[i];
	for (size_t i = 0; i < n_lines; i++) {
		const struct line *l = &lines[i];
		if (strcmp(l->from, "*") != 0 || strcmp(l->event, event) != 0) continue;
		bool open = strncmp(l->by, "county", 6) == 0 || strcmp(l->by, "any") == 0;
		if (strcmp(from, "draft") == 0 || strcmp(from, "erased") == 0 ||
		    (strcmp(from, "archived") == 0 && !open))
			return NULL;
		return l;
	}
	return NULL;
}

static void every_pair(void **state)
{
	int found = 0, none = 0;
	(void)state;
	for (int s = 0; s < STATE_COUNT; s++) {
		for (int ev = 0; ev < EVENT_COUNT; ev++) {
			const char *from = state_name((enum case_state)s),
			           *event = state_event_name((enum case_event)ev);
			const struct state_row *have = state_row_find((enum case_state)s, (enum case_event)ev);
			const struct line *want = csv_row(from, event);
			if (!have != !want) fail_msg("%s in %s: %s", event, from, have ? "has a row" : "has none");
			if (!have || !want) {
				none++;
				continue;
			}
			found++;
			assert_int_equal(have->event, ev);
			assert_string_equal(to_name(have->to), want->to);
			assert_string_equal(who_name(have->who), want->who);
			assert_string_equal(by_name(have->by), want->by);
		}
	}
	assert_true(found > 100);
	assert_true(none > 300);
}

static void rows_are_the_csv(void **state)
{
	int n = 0;
	const struct state_row *rows = state_rows(&n);
	(void)state;
	assert_int_equal(n, n_lines);
	for (int i = 0; i < n; i++) {
		assert_string_equal(rows[i].from == STATE_ANY ? "*" : state_name(rows[i].from), lines[i].from);
		assert_string_equal(state_event_name(rows[i].event), lines[i].event);
		for (int j = 0; j < i; j++) /* a pair stands once, or the table would say two things */
			assert_false(rows[i].from == rows[j].from && rows[i].event == rows[j].event);
	}
}

static void final_states(void **state)
{
	int n = 0;
	const struct state_row *rows = state_rows(&n);
	(void)state;
	for (int i = 0; i < n; i++) {
		if (rows[i].from == STATE_ANY || !state_final(rows[i].from)) continue;
		assert_true(rows[i].event == EVENT_ARCHIVE || rows[i].event == EVENT_TERMINATE ||
		            rows[i].event == EVENT_ERASE); /* nothing else leaves a final state */
	}
	/* and archived is left by the erase alone: what else may be appended keeps it; that one by nothing */
	for (int ev = 0; ev < EVENT_COUNT; ev++) {
		const struct state_row *r = state_row_find(STATE_ARCHIVED, (enum case_event)ev);
		assert_int_equal(r != NULL,
		                 ev == EVENT_RATE || ev == EVENT_REVEAL || ev == EVENT_RENUMBER || ev == EVENT_ERASE);
		if (r) assert_int_equal(r->to, ev == EVENT_ERASE ? STATE_ERASED : STATE_SAME);
		assert_null(state_row_find(STATE_ERASED, (enum case_event)ev));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(twenty_states),    cmocka_unit_test(event_names),  cmocka_unit_test(every_pair),
	    cmocka_unit_test(rows_are_the_csv), cmocka_unit_test(final_states),
	};
	return cmocka_run_group_tests(tests, read_csv, NULL);
}
