/* The venue standard and self-checks: what each level is asked, what falls short, what is refused; and that a box which
 * replaces another one has its station's self-checks back. */
#include "shared/venue.h"

#include "shared/fields.h"
#include "shared/ledger/write.h"
#include "tests/unit/county_support.h"

#include <stdlib.h>
#include <string.h>

#define GOOD "{'standard':'hutubi-venue','version':1,'answers':[{'point':'area','value':%d,'note':'%s'}]}"

static struct venue *venue;

static int make(void **state)
{
	(void)state;
	return venue_new(&venue, NULL);
}

static int drop(void **state)
{
	(void)state;
	venue_free(venue);
	return 0;
}

static const json_t *point(const json_t *list, const char *name)
{
	size_t i;
	const json_t *one;
	json_array_foreach(list, i, one) {
		if (strcmp(fields_text(one, "point"), name) == 0) return one;
	}
	return NULL;
}

/* 呼县政办〔2022〕22号: village 50 m² and 2 windows, community 100 and 4, township 200 and the windows that it names. */
static void what_each_level_is_asked(void **state)
{
	static const struct {
		enum tier tier;
		int64_t area, windows; /* -1 = a figure, and no least one */
		bool named;
	} levels[] = {{TIER_VILLAGE, 50, 2, false}, {TIER_COMMUNITY, 100, 4, false}, {TIER_TOWNSHIP, 200, -1, true}};
	(void)state;
	for (size_t i = 0; i < COUNT(levels); i++) {
		json_t *s = venue_standard(venue, levels[i].tier);
		const json_t *points = json_object_get(s, "points");
		assert_int_equal(fields_int(point(points, "area"), "wanted", -1), levels[i].area);
		assert_int_equal(fields_int(point(points, "windows"), "wanted", -1), levels[i].windows);
		assert_int_equal(point(points, "window_justice") != NULL, levels[i].named);
		assert_true(json_is_true(json_object_get(point(points, "opinion_box"), "wanted")));
		json_decref(s);
	}
}

/* The answers of a village that meets everything, but CODE says VALUE (taken; NULL: it is left out). */
static json_t *answers(const char *code, json_t *value)
{
	size_t i;
	const json_t *one;
	json_t *s = venue_standard(venue, TIER_VILLAGE), *list = json_array();
	json_array_foreach(json_object_get(s, "points"), i, one) {
		const char *name = fields_text(one, "point");
		bool number = strcmp(fields_text(one, "kind"), "number") == 0, is = code && strcmp(name, code) == 0;
		if (is && !value) continue;
		json_t *given = is       ? json_incref(value)
		                : number ? json_integer(fields_int(one, "wanted", 0))
		                         : json_true();
		(void)json_array_append_new(list,
		                            json_pack("{s:s, s:o}", "point", name, number ? "value" : "yes", given));
	}
	json_decref(s);
	json_decref(value);
	return list;
}

static void what_falls_short(void **state)
{
	const struct {
		const char *code;
		json_t *value;
		size_t lacks;
	} cases[] = {{NULL, NULL, 0},
	             {"area", json_integer(49), 1},
	             {"area", json_integer(51), 0},
	             {"windows", json_integer(1), 1},
	             {"copier", json_false(), 1}};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct problem p = {0};
		json_t *list = answers(cases[i].code, cases[i].value),
		       *body = venue_body(venue, TIER_VILLAGE, list, &p);
		assert_non_null(body);
		json_t *lacks = venue_short(venue, TIER_VILLAGE, body);
		assert_int_equal(json_array_size(lacks), cases[i].lacks);
		if (cases[i].lacks) assert_string_equal(fields_text(json_array_get(lacks, 0), "point"), cases[i].code);
		json_decref(lacks);
		/* of an edition or a standard that is not here nothing is said */
		(void)json_object_set_new(body, "version", json_integer(99));
		lacks = venue_short(venue, TIER_VILLAGE, body);
		assert_true(json_is_null(lacks));
		json_decref(lacks);
		json_decref(body);
		json_decref(list);
	}
}

static void what_is_refused(void **state)
{
	json_t *lists[] = {answers("area", NULL),
	                   answers("area", json_true()),
	                   answers("copier", json_integer(1)),
	                   answers("area", json_integer(-1)),
	                   answers(NULL, NULL),
	                   json_object()};
	(void)state;
	(void)json_array_append_new(lists[4], json_pack("{s:s, s:b}", "point", "window_justice", "yes", 1));
	for (size_t i = 0; i < COUNT(lists); i++) {
		struct problem p = {0};
		assert_null(venue_body(venue, TIER_VILLAGE, lists[i], &p));
		assert_true(problem_any(&p));
		problem_release(&p);
		json_decref(lists[i]);
	}
}

/* --- on ledgers --- */

static void check(struct test_box *b, unsigned key, int area, const char *note)
{
	char text[160];
	struct err e = {0};
	struct ledger_call call = {.actor = "lead", .device = "", .now = ledger_now(b->l)};
	(void)snprintf(text, sizeof text, GOOD, area, note);
	json_t *body = support_json(text);
	support_id(key, call.key);
	memset(call.request, (int)key, sizeof call.request);
	assert_int_equal(ledger_begin(b->l, &e), ERR_OK);
	assert_int_equal(ledger_append(b->l, &call, NULL, EVENT_SELFCHECK, body, &e), ERR_OK);
	assert_int_equal(ledger_commit(b->l, &e), ERR_OK);
	json_decref(body);
}

struct seen {
	int n;
	char notes[8][16];
	enum ledger_sync sync[8];
};

static bool see(const struct ledger_history *h, void *arg)
{
	struct seen *s = arg;
	json_t *body = event_body(&h->ev);
	const json_t *first = json_array_get(json_object_get(body, "answers"), 0);
	(void)snprintf(s->notes[s->n], sizeof s->notes[0], "%s", fields_text(first, "note"));
	s->sync[s->n++] = h->sync;
	json_decref(body);
	return s->n < 8;
}

static struct seen all(struct test_box *b)
{
	struct seen s = {0};
	struct err e = {0};
	if (ledger_selfchecks(b->l, VENUE_HISTORY_MAX, see, &s, &e)) fail_msg("%s", e.msg);
	return s;
}

/* The key of a self-check is known, also to the box that replaces the one which was asked. */
static int replayed(struct test_box *b, unsigned key, int request)
{
	uint8_t id[UUID_LEN];
	struct err e = {0};
	struct ledger_call call = {.actor = "lead", .device = "", .now = ledger_now(b->l)};
	support_id(key, call.key);
	memset(call.request, request, sizeof call.request);
	return ledger_replay(b->l, &call, id, &e);
}

static void a_replaced_box_has_them(void **state)
{
	struct test_county w;
	struct test_box old, new_;
	(void)state;
	test_county_make(&w);
	test_box_make(&old, &w, COUNTY_VILLAGE);
	check(&old, 1, 40, "first");
	w.clock.wall += 60000;
	check(&old, 2, 60, "second");
	struct seen s = all(&old);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.notes[0], "second");
	assert_int_equal(s.sync[0], SYNC_LOCAL);
	test_box_settle(&old);
	assert_int_equal(all(&old).sync[1], SYNC_SETTLED);
	assert_int_equal(replayed(&old, 1, 1), -1);
	assert_int_equal(replayed(&old, 1, 9), ERR_CONFLICT);
	assert_int_equal(replayed(&old, 77, 1), 0);
	test_box_make(&new_, &w, COUNTY_VILLAGE); /* another box for the station */
	test_box_settle(&new_);
	w.clock.wall += 60000;
	check(&new_, 3, 55, "third");
	s = all(&new_);
	assert_int_equal(s.n, 3);
	assert_string_equal(s.notes[0], "third");
	assert_string_equal(s.notes[1], "second");
	assert_string_equal(s.notes[2], "first");
	assert_int_equal(s.sync[2], SYNC_SETTLED);
	assert_int_equal(replayed(&new_, 2, 2), -1);
	test_box_settle(&new_);
	test_county_verify(&w, 0);
	test_box_release(&new_);
	test_box_release(&old);
	test_county_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_each_level_is_asked),
	    cmocka_unit_test(what_falls_short),
	    cmocka_unit_test(what_is_refused),
	    cmocka_unit_test(a_replaced_box_has_them),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
