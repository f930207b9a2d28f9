/* Reports: what each counts of cases and entries made by their events, that a small cell of ratings tells nothing, and that no
 * cell of a CSV is a formula. */
#include "shared/reports.h"

#include "shared/fields.h"
#include "shared/registers.h"
#include "tests/unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY  86400000LL
#define ITEM "652323-001"
#define LOW  "652323-019"

static const struct register_days days = {.pass_up = 3, .call_back = 1, .put_right = 15};
static struct workdays *w;

static int make(void **state)
{
	(void)state;
	json_t *doc = support_json_file("schema/calendars/national.json");
	int rc = workdays_new(doc, &w, NULL);
	json_decref(doc);
	return rc;
}

static int drop(void **state)
{
	(void)state;
	workdays_free(w);
	return 0;
}

/* --- cases by their events --- */

static unsigned next_id;

static void on(struct caseview *v, const char *type, const char *json, int64_t at)
{
	int rc = -1;
	json_t *body = support_json(json);
	const struct caseview_event ev = {
	    .type = type, .body = body, .origin = SUPPORT_STATION, .actor = "clerk", .at = at};
	enum caseview_fit fit = caseview_apply(v, &ev, &rc);
	if (fit != FIT_OK || rc) fail_msg("%s: %s", type, caseview_fit_name(fit));
	json_decref(body);
}

static void received(struct caseview *v, const char *item, int64_t at)
{
	char json[256];
	uint8_t id[UUID_LEN];
	support_id(++next_id, id);
	caseview_init(v, id);
	(void)snprintf(json, sizeof json,
	               "{'item':'%s','receipt_number':'R%u','received_at':%lld,'token':'0123456789abcdef',"
	               "'record':'application','applicant':{'name':'王建国'}}",
	               item, next_id, (long long)at);
	on(v, "receive", json, at);
}

static void ended(struct caseview *v, const char *item, int64_t at)
{
	received(v, item, at);
	on(v, "withdraw", "{'reason':'x'}", at + 1);
}

static void rated(struct caseview *v, const char *item, int grade, int64_t at)
{
	char json[64];
	ended(v, item, at);
	(void)snprintf(json, sizeof json, "{'grade':%d,'way':'phone','text':'机密的话'}", grade);
	on(v, "rate", json, at + 2);
}

/* --- reports --- */

static struct report *begin(enum report_kind k)
{
	struct report_query q;
	struct report *r = NULL;
	struct problem p = {0};
	assert_true(reports_query(&q, k, "2026-11-01", "2026-11-30", NULL, SUPPORT_NOW, &p));
	assert_int_equal(reports_new(&q, w, &days, SUPPORT_NOW, &r, NULL), ERR_OK);
	return r;
}

/* Adds V, which is released. */
static void add(struct report *r, struct caseview *v)
{
	struct term_days d = terms_days(NULL);
	bool entry = registers_is_item(v->item);
	assert_int_equal(reports_add(r, v, entry ? NULL : "=事项", entry ? NULL : &d, NULL), ERR_OK);
	caseview_release(v);
}

static json_t *end(struct report *r)
{
	json_t *out = NULL;
	assert_int_equal(reports_json(r, &out, NULL), ERR_OK);
	reports_free(r);
	return out;
}

static int64_t total(const json_t *report, const char *name)
{
	return fields_int(json_object_get(report, "totals"), name, -1);
}

static const json_t *row(const json_t *report, size_t i)
{
	return json_array_get(json_object_get(report, "rows"), i);
}

/* Five in a cell are shown, four are not, and no sum gives them away. */
static void ratings(void **state)
{
	static const int grades[] = {1, 1, 2, 3, 5};
	struct report *r = begin(REPORT_RATINGS);
	struct caseview v;
	(void)state;
	for (size_t i = 0; i < COUNT(grades); i++) {
		rated(&v, ITEM, grades[i], SUPPORT_NOW - 3 * DAY);
		add(r, &v);
	}
	for (int i = 0; i < 4; i++) {
		rated(&v, LOW, 4, SUPPORT_NOW - 3 * DAY);
		add(r, &v);
	}
	rated(&v, ITEM, 5, SUPPORT_NOW - 60 * DAY); /* not of this month */
	add(r, &v);
	ended(&v, ITEM, SUPPORT_NOW - 3 * DAY);
	add(r, &v);
	json_t *out = end(r);
	assert_int_equal(json_array_size(json_object_get(out, "rows")), 2);
	assert_string_equal(fields_text(row(out, 0), "item"), ITEM);
	assert_string_equal(fields_text(row(out, 0), "month"), "2026-11");
	assert_int_equal(fields_int(row(out, 0), "ratings", -1), 5);
	assert_int_equal(fields_int(row(out, 0), "grade_1", -1), 2);
	assert_int_equal(fields_int(row(out, 0), "grade_5", -1), 1);
	assert_true(json_is_null(json_object_get(row(out, 1), "ratings")));
	assert_int_equal(total(out, "ratings"), 5);
	char *text = json_dumps(out, 0);
	assert_null(strstr(text, LOW)); /* of which item the small cell is */
	assert_null(strstr(text, "机密"));
	free(text);
	json_decref(out);
}

static void second_notices_and_deemed(void **state)
{
	struct report *second = begin(REPORT_SECOND_NOTICES), *deemed = begin(REPORT_DEEMED);
	struct caseview v;
	(void)state;
	for (int i = 0; i < 2; i++) {
		received(&v, ITEM, SUPPORT_NOW - 9 * DAY);
		on(&v, "supplement_notice", "{'basis':'法','materials':[{'name':'证','standard':'原件'}]}",
		   SUPPORT_NOW - 8 * DAY);
		if (i == 1) {
			on(&v, "supplement_complete", "{'materials':[{'name':'证','form':'copy','copies':1}]}",
			   SUPPORT_NOW - 7 * DAY);
			on(&v, "supplement_notice",
			   "{'basis':'法','materials':[{'name':'照片','standard':'一寸'}],'superior_reason':'="
			   "负责人同意'}",
			   SUPPORT_NOW - 6 * DAY);
		}
		add(second, &v);
		received(&v, ITEM, SUPPORT_NOW - 9 * DAY);
		if (i == 1) on(&v, "deem_accept", "{'due':'2026-11-20T00:00:00Z'}", SUPPORT_NOW - DAY);
		add(deemed, &v);
	}
	json_t *a = end(second), *b = end(deemed);
	assert_int_equal(total(a, "rows"), 1);
	assert_int_equal(fields_int(row(a, 0), "notices", 0), 2);
	assert_string_equal(fields_text(row(a, 0), "superior_reason"), "=负责人同意");
	assert_int_equal(total(b, "rows"), 1);
	assert_string_equal(fields_text(row(b, 0), "received"), "2026-11-15");
	/* and as CSV the reason is no formula */
	struct buf csv;
	buf_init(&csv, 65536);
	assert_int_equal(reports_csv(REPORT_SECOND_NOTICES, a, &csv, NULL), ERR_OK);
	assert_int_equal(strncmp(csv.data, "\xEF\xBB\xBF", 3), 0);
	assert_non_null(strstr(csv.data, "\"'=负责人同意\""));
	assert_non_null(strstr(csv.data, "\"'=事项\""));
	assert_non_null(strstr(csv.data, "\r\n"));
	buf_release(&csv);
	json_decref(a);
	json_decref(b);
}

static void tasks_and_registers(void **state)
{
	struct report *tasks = begin(REPORT_TASKS), *books = begin(REPORT_REGISTERS);
	struct caseview v;
	(void)state;
	for (int i = 0; i < 5; i++) {
		char json[400];
		uint8_t id[UUID_LEN];
		bool task = i < 2;
		support_id(++next_id, id);
		caseview_init(&v, id);
		(void)snprintf(
		    json, sizeof json, "{'register':'%s','opened_at':%lld,'%s':%s}", task ? "correction" : "inquiry",
		    (long long)(SUPPORT_NOW - 4 * DAY), task ? "correction" : "inquiry",
		    task ? "{'case':'0b0f1bfe-29c5-4c1d-9d3e-2f6f5f1f9c11','rating':'0b0f1bfe-29c5-4c1d-9d3e-"
		           "2f6f5f1f9c12','grade':5,'text':'机密的话'}"
		         : "{'channel':'visit','matter':'x','first_asked':'古丽'}");
		on(&v, "entry_open", json, SUPPORT_NOW - 4 * DAY);
		if (i == 1) on(&v, "entry_step", "{'step':'call_back'}", SUPPORT_NOW - 4 * DAY + 1);
		if (i == 4) {
			on(&v, "entry_answer", "{'text':'x'}", SUPPORT_NOW - DAY);
			on(&v, "entry_close", "{'result':'x'}", SUPPORT_NOW - DAY);
		}
		struct caseview copy = v;
		(void)json_incref(copy.doc);
		add(tasks, &copy);
		add(books, &v);
	}
	json_t *a = end(tasks), *b = end(books);
	assert_int_equal(total(a, "open"), 2);
	assert_int_equal(total(a, "call_back_overdue"), 1); /* Friday to Tuesday: one of them was called back at once */
	assert_int_equal(total(a, "put_right_overdue"), 0);
	assert_int_equal(total(b, "entries"), 3);
	assert_int_equal(total(b, "closed"), 1);
	char *text = json_dumps(a, 0);
	assert_null(strstr(text, "机密"));
	free(text);
	json_decref(a);
	json_decref(b);
}

static void overdue(void **state)
{
	struct report *r = begin(REPORT_OVERDUE);
	struct caseview v;
	(void)state;
	received(&v, ITEM, SUPPORT_NOW - 30 * DAY); /* nobody answered */
	add(r, &v);
	received(&v, ITEM, SUPPORT_NOW - 30 * DAY);
	on(&v, "accept", "{'overtime_reason':'断网十天'}", SUPPORT_NOW - 2 * DAY);
	add(r, &v);
	received(&v, ITEM, SUPPORT_NOW - DAY);
	add(r, &v);
	json_t *out = end(r);
	assert_int_equal(total(out, "rows"), 2);
	assert_int_equal(total(out, "without_reason"), 1);
	assert_int_equal(total(out, "open"), 1);
	json_decref(out);
}

static void periods(void **state)
{
	static const struct {
		const char *from, *to, *pointer;
	} bad[] = {
	    {"2026-13-01", NULL, "/?from"},         {"1899-12-31", "1900-01-01", "/?from"},
	    {"2026-11-01", "2101-01-01", "/?to"},   {"2026-11-02", "2026-11-01", "/?from"},
	    {"2025-01-01", "2026-11-01", "/?from"}, {"yesterday", NULL, "/?from"},
	    {"2026-02-29", "2026-03-01", "/?from"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct report_query q;
		struct problem p = {0};
		assert_false(reports_query(&q, REPORT_OVERDUE, bad[i].from, bad[i].to, NULL, SUPPORT_NOW, &p));
		const char *at = fields_text(json_array_get(p.errors, 0), "pointer");
		if (strncmp(at, "/?", 2) != 0) fail_msg("%s %s: %s", bad[i].from, bad[i].to, at);
		problem_release(&p);
	}
}

/* No cell begins with what a spreadsheet takes for a formula, whatever a text holds. */
static void no_formulas(void **state)
{
	static const char *const texts[] = {"=1+1", "+1",    "-1",  "@x",   " =1", "\t=1",
	                                    "＝1",  "　＋1", "a,b", "a\"b", "a\nb"};
	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct buf csv;
		json_t *report =
		    json_pack("{s:[{s:s, s:s, s:s, s:s, s:s, s:i, s:s}], s:{s:i}}", "rows", "receipt_number", "R1",
		              "item", "I", "item_name", "N", "state", "received", "noticed", "2026-11-01", "notices", 2,
		              "superior_reason", texts[i], "totals", "left_out", 0);
		assert_non_null(report);
		buf_init(&csv, 65536);
		assert_int_equal(reports_csv(REPORT_SECOND_NOTICES, report, &csv, NULL), ERR_OK);
		const char *line = strstr(csv.data, "\r\n") + 2, *cell = strstr(line, ",2,") + 3;
		bool quoted = *cell == '"';
		if (quoted) cell++;
		if (i < 8 && (!quoted || *cell != '\'')) fail_msg("%s: %s", texts[i], line);
		if (i == 8) assert_int_equal(strncmp(cell, "a,b\"", 4), 0);
		if (i == 9) assert_int_equal(strncmp(cell, "a\"\"b\"", 5), 0);
		buf_release(&csv);
		json_decref(report);
	}
}

/* --- places --- */

static struct report *begin_places(enum report_kind k, const char *by, const char *township, const char *station)
{
	struct report_query q;
	struct report *r = NULL;
	struct problem p = {0};
	assert_true(reports_query(&q, k, NULL, NULL, NULL, SUPPORT_NOW, &p));
	assert_true(reports_query_places(&q, by, township, station, &p));
	assert_int_equal(reports_new(&q, w, &days, SUPPORT_NOW, &r, NULL), ERR_OK);
	return r;
}

static void add_at(struct report *r, const char *station, const char *item)
{
	struct caseview v;
	received(&v, item, SUPPORT_NOW - DAY);
	(void)snprintf(v.station, sizeof v.station, "%s", station);
	add(r, &v);
}

/* Three at the later code and one at the earlier: the order is that of the codes. A township holds its villages. */
static void places(void **state)
{
	static const char *const at[] = {"652323105001", "652323105001", "652323105002", "652323101200"};
	struct report *r[] = {begin_places(REPORT_OPEN, "township", NULL, NULL),
	                      begin_places(REPORT_OPEN, "station", "652323105000", NULL),
	                      begin_places(REPORT_OPEN, NULL, NULL, "652323105002")};
	json_t *out[COUNT(r)];
	(void)state;
	for (size_t k = 0; k < COUNT(r); k++) {
		for (size_t i = 0; i < COUNT(at); i++)
			add_at(r[k], at[i], ITEM);
		assert_int_equal(reports_place(r[k], "652323101000", "大丰镇便民服务中心", NULL), ERR_OK);
		out[k] = end(r[k]);
	}
	assert_string_equal(fields_text(row(out[0], 0), "place"), "652323101000");
	assert_string_equal(fields_text(row(out[0], 0), "place_name"), "大丰镇便民服务中心");
	assert_int_equal(fields_int(row(out[0], 0), "cases", 0), 1);
	assert_string_equal(fields_text(row(out[0], 1), "place"), "652323105000");
	assert_int_equal(fields_int(row(out[0], 1), "cases", 0), 3);
	assert_int_equal(total(out[1], "rows"), 2);
	assert_int_equal(total(out[1], "cases"), 3);
	assert_int_equal(total(out[2], "cases"), 1);
	assert_null(json_object_get(row(out[2], 0), "place"));
	for (size_t k = 0; k < COUNT(out); k++)
		json_decref(out[k]);
}

/* One cell more than a report may have is told, and nothing is left out in silence. */
static void too_many_cells(void **state)
{
	struct report *r = begin_places(REPORT_OPEN, "station", NULL, NULL);
	struct term_days d = terms_days(NULL);
	struct caseview v;
	struct err e = {0};
	(void)state;
	received(&v, ITEM, SUPPORT_NOW - DAY);
	for (int i = 0; i < REPORTS_ROWS_MAX; i++) {
		(void)snprintf(v.station, sizeof v.station, "%012d", i);
		assert_int_equal(reports_add(r, &v, ITEM, &d, NULL), ERR_OK);
	}
	assert_false(reports_full(r));
	assert_int_equal(reports_add(r, &v, ITEM, &d, NULL), ERR_OK); /* into a cell that is there */
	(void)snprintf(v.station, sizeof v.station, "%012d", REPORTS_ROWS_MAX);
	assert_int_equal(reports_add(r, &v, ITEM, &d, &e), ERR_INVALID);
	assert_true(reports_full(r));
	caseview_release(&v);
	reports_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ratings),
	    cmocka_unit_test(second_notices_and_deemed),
	    cmocka_unit_test(tasks_and_registers),
	    cmocka_unit_test(overdue),
	    cmocka_unit_test(periods),
	    cmocka_unit_test(no_formulas),
	    cmocka_unit_test(places),
	    cmocka_unit_test(too_many_cells),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
