/* What the citizens' pages are made of: forms, escaping, what is typed and its tries. */
#include "tests/unit/support.h"

#include "shared/fields.h"
#include "shared/public/form.h"
#include "shared/public/page.h"
#include "shared/public/ratings.h"
#include "shared/public/typed.h"

#include <stdlib.h>
#include <string.h>

static void forms(void **state)
{
	static const struct {
		const char *body, *name, *want; /* want NULL = refused */
	} cases[] = {
	    {"a=1&b=2", "a", "1"},
	    {"a=1&b=2", "b", "2"},
	    {"a=1&b=2", "c", ""},
	    {"aa=1&a=2", "a", "2"},
	    {"a=x+y%20z", "a", "x y z"},
	    {"a=%E4%B8%AD", "a", "中"},
	    {"a=%e4%b8%ad&", "a", "中"},
	    {"a=", "a", ""},
	    {"a", "a", ""},
	    {"", "a", ""},
	    {"a=%", "a", "%"},
	    {"a=%4", "a", "%4"},
	    {"a=%zz", "a", "%zz"},
	    {"a=%00", "a", NULL},
	    {"a=%ff", "a", NULL},
	    {"a=123456789", "a", NULL}, /* is not cut */
	    {"a=12345678", "a", "12345678"},
	    {"b=1&a=%3d%26", "a", "=&"},
	};
	char out[9];
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		/* of the very size, so that a look behind the end is found */
		size_t len = strlen(cases[i].body);
		char *body = malloc(len ? len : 1);
		assert_non_null(body);
		memcpy(body, cases[i].body, len);
		bool ok = form_value(body, len, cases[i].name, out, sizeof out);
		if (ok != (cases[i].want != NULL)) fail_msg("%s: %d", cases[i].body, ok);
		if (ok) assert_string_equal(out, cases[i].want);
		free(body);
	}
	assert_true(form_is("application/x-www-form-urlencoded"));
	assert_true(form_is("Application/X-WWW-form-urlencoded; charset=utf-8"));
	assert_false(form_is("application/x-www-form-urlencodedx"));
	assert_false(form_is("application/json"));
	assert_false(form_is(NULL));
}

static void escapes(void **state)
{
	struct page p;
	struct buf b;
	(void)state;
	page_open(&p, true, "<&>");
	size_t from = p.b.len;
	page_text(&p, "<b>&\"'\xe2\x80\xae中");
	assert_string_equal(p.b.data + from, "<bdi>&lt;b&gt;&amp;&quot;&#39;\xe2\x80\xae中</bdi>");
	from = p.b.len;
	page_link(&p, "/public/guides?q=a", "x");
	assert_string_equal(p.b.data + from,
	                    "<a class=\"go\" href=\"/public/guides?q=a&amp;large=1\"><bdi>x</bdi></a>\n");
	assert_null(strstr(p.b.data, "<&>"));
	buf_release(&p.b);
	buf_init(&b, 64);
	page_encode(&b, "a-Z_0.~/?&中");
	assert_string_equal(b.data, "a-Z_0.~%2F%3F%26%E4%B8%AD");
	buf_release(&b);
}

/* 10,000 characters in every place end in a page or, past the ceiling, in none that is cut. */
static void long_values(void **state)
{
	struct page p;
	char *text = malloc(30001);
	(void)state;
	assert_non_null(text);
	for (int i = 0; i < 10000; i++)
		memcpy(text + 3 * i, "中", 3);
	text[30000] = '\0';
	page_open(&p, false, text);
	page_para(&p, text);
	assert_false(p.b.bad);
	for (int i = 0; i < 40; i++)
		page_para(&p, text);
	assert_true(p.b.bad);
	buf_release(&p.b);
	free(text);
}

/* --- what is typed --- */

static void view(struct caseview *v, const char *receipt, const char *doc)
{
	uint8_t id[UUID_LEN] = {1};
	caseview_init(v, id);
	v->exists = true;
	(void)snprintf(v->receipt, sizeof v->receipt, "%s", receipt);
	v->doc = json_loads(doc, 0, NULL);
	assert_non_null(v->doc);
}

static void matches(void **state)
{
	static const struct {
		const char *receipt, *doc, *number, *last4;
		bool want;
	} cases[] = {
	    {"R1", "{\"applicant\":{\"id_number\":\"11010519491231002X\"}}", "R1", "002X", true},
	    {"R1", "{\"applicant\":{\"id_number\":\"11010519491231002x\"}}", "R1", "002X", true},
	    {"R1", "{\"applicant\":{\"id_number\":\"11010519491231002X\"}}", "R1", "0021", false},
	    {"R1", "{\"applicant\":{\"id_number\":\"11010519491231002X\"}}", "R2", "002X", false},
	    {"R1", "{\"applicant\":{\"id_number\":\"11010519491231002X\"},\"aliases\":[\"R0\",\"R2\"]}", "R2", "002X",
	     true},
	    {"R1", "{\"applicant\":{\"id_number\":\"11010519491231002X\"},\"aliases\":[\"R0\",\"R2\"]}", "R3", "002X",
	     false},
	    {"R1", "{\"applicant\":{\"id_number\":\"\"}}", "R1", "????", false},
	    {"R1", "{\"applicant\":{\"id_number\":\"\"}}", "R1", "", false},
	    {"R1", "{\"applicant\":{\"id_number\":\"02X\"}}", "R1", "02X", false},
	    {"R1", "{\"service\":{\"topic\":\"x\"}}", "R1", "????", false},
	    {"", "{}", "", "", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct caseview v;
		view(&v, cases[i].receipt, cases[i].doc);
		struct typed typed = {0};
		(void)snprintf(typed.receipt, sizeof typed.receipt, "%s", cases[i].number);
		(void)snprintf(typed.last4, sizeof typed.last4, "%s", cases[i].last4);
		if (typed_matches(&v, &typed) != cases[i].want) fail_msg("case %zu", i);
		v.exists = false;
		assert_false(typed_matches(&v, &typed));
		caseview_release(&v);
	}
}

/* Whatever is tried, the subjects are of a fixed number; they follow from the secret. */
static void buckets(void **state)
{
	uint8_t key[TYPED_KEY_LEN], other[TYPED_KEY_LEN];
	char subject[TYPED_SUBJECT_MAX], again[TYPED_SUBJECT_MAX], number[48];
	static uint8_t seen[TYPED_BUCKETS];
	int same = 0, full = 0;
	(void)state;
	typed_key("secret", 6, key);
	typed_key("Secret", 6, other);
	for (int i = 0; i < 100000; i++) {
		(void)snprintf(number, sizeof number, "652323101200-20260101-01%06d-X", i);
		typed_subject(key, number, subject);
		assert_memory_equal(subject, "receipt:", 8);
		long n = strtol(subject + 8, NULL, 10);
		assert_in_range(n, 0, TYPED_BUCKETS - 1);
		full += !seen[n];
		seen[n] = 1;
		typed_subject(other, number, again);
		same += strcmp(subject, again) == 0;
	}
	assert_in_range(full, TYPED_BUCKETS * 9 / 10, TYPED_BUCKETS);
	assert_in_range(same, 0, 40); /* 6 are expected */
}

/* --- ratings --- */

static void corrections(void **state)
{
	struct caseview v;
	struct problem p = {0};
	(void)state;
	view(&v, "R1", "{}");
	json_t *bad = json_pack("{s:i, s:s, s:s}", "grade", 4, "way", "screen", "text", "慢");
	json_t *good = json_pack("{s:i, s:s}", "grade", 3, "way", "screen");
	assert_true(ratings_bad(bad));
	assert_false(ratings_bad(good));
	json_t *o = ratings_correction(&v, bad, NULL, 5);
	assert_string_equal(fields_text(o, "register"), "correction");
	assert_null(json_object_get(o, "station"));
	assert_string_equal(fields_text(json_object_get(o, "correction"), "text"), "慢");
	json_decref(o);
	o = ratings_correction(&v, bad, "652323101200", 5);
	assert_string_equal(fields_text(o, "station"), "652323101200");
	json_decref(o);
	/* before the end, after it, by whom, twice */
	(void)snprintf(v.station, sizeof v.station, "652323101200");
	v.state = STATE_RECEIVED;
	assert_false(ratings_may(&v, "652323101200", false));
	v.state = STATE_COMPLETED;
	assert_true(ratings_may(&v, "652323101200", false));
	assert_true(ratings_may(&v, "county", false));
	assert_false(ratings_may(&v, "652323101201", false));
	assert_false(ratings_may(&v, "652323101200", true));
	assert_false(ratings_check(&v, "652323101201", good, &p));
	assert_int_equal(p.code, PROBLEM_TRANSITION);
	problem_release(&p);
	assert_int_equal(json_object_set_new(v.doc, "rating", json_pack("{s:{s:i}}", "body", "grade", 5)), 0);
	assert_false(ratings_may(&v, "652323101200", false));
	assert_true(ratings_may(&v, "652323101200", true));
	json_decref(bad);
	json_decref(good);
	caseview_release(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(forms),   cmocka_unit_test(escapes), cmocka_unit_test(long_values),
	    cmocka_unit_test(matches), cmocka_unit_test(buckets), cmocka_unit_test(corrections),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
