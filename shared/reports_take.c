/* What each report takes from a case or an entry; see reports.h. A table of the reports with their columns, and a function
 * for each. */
#include "shared/reports_internal.h"

#include "shared/clock.h"
#include "shared/fields.h"
#include "shared/registers.h"

#include <stdlib.h>
#include <string.h>

static int no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "report");
}

static int64_t month_of(int64_t day)
{
	return clock_day(workdays_end(day)) / 100;
}

/* --- open --- */

static const json_t *kept(const struct caseview *v, const char *name)
{
	return json_object_get(json_object_get(v->doc, name), "body");
}

/* Somebody still has something to do. What is completed waits for its applicant only if there is a document to fetch. */
static bool is_open(const struct caseview *v)
{
	if (v->state == STATE_COMPLETED) return *fields_text(kept(v, "completion"), "document");
	return v->state != STATE_DRAFT && !state_final(v->state);
}

/* Calendar days, as whoever waits counts them. */
static int band(int64_t days)
{
	return days <= 5 ? 3 : days <= 20 ? 4 : days <= 60 ? 5 : 6;
}

static int take_open(struct report *r, const struct caseview *v, const struct term_days *d, struct err *e)
{
	int64_t day = workdays_day(v->received_at), age = workdays_day(r->now) - day;
	(void)d;
	if (!is_open(v) || !reports_in(r, day)) return ERR_OK;
	struct report_row *cell = reports_cell(r, v->item, v->state, 0);
	if (!cell) return no_memory(e);
	cell->values[2]++;
	cell->values[band(age)]++;
	if (age > cell->values[7]) cell->values[7] = age;
	return ERR_OK;
}

/* --- terms --- */

static int terms(const struct report *r, const struct caseview *v, const struct term_days *d,
                 struct term out[TERM_KINDS])
{
	return r->w && d ? terms_of(v, d, r->w, r->now, out) : 0;
}

static int take_due_soon(struct report *r, const struct caseview *v, const struct term_days *d, struct err *e)
{
	struct term t[TERM_KINDS];
	int n = terms(r, v, d, t);
	for (int i = 0; i < n; i++) {
		int64_t due = workdays_day(t[i].due);
		bool soon = t[i].half || t[i].last;
		if (!soon || !reports_in(r, due)) continue;
		struct report_row *row = reports_row(r, v);
		if (!row) return no_memory(e);
		row->values[0] = due;
		row->values[1] = t[i].kind;
		row->values[2] = t[i].left;
		r->counts[0] += t[i].last;
	}
	return ERR_OK;
}

/* The reason that came with the act that ended the term at END; NULL where none was given. */
static const char *reason_at(const struct caseview *v, int64_t end)
{
	size_t i;
	const json_t *one;
	json_array_foreach(json_object_get(v->doc, "overtime"), i, one) {
		if (end && fields_int(one, "at", 0) == end) return fields_text(one, "reason");
	}
	return NULL;
}

static int set_text(struct report_row *row, const char *text, struct err *e)
{
	if (!text || !*text) return ERR_OK;
	row->text = strdup(text);
	return row->text ? ERR_OK : no_memory(e);
}

static int add_overdue(struct report *r, const struct caseview *v, const struct term *t, struct err *e)
{
	int64_t due = workdays_day(t->due), end = workdays_day(t->end ? t->end : r->now);
	const char *reason = reason_at(v, t->end);
	struct report_row *row = reports_row(r, v);
	if (!row) return no_memory(e);
	row->values[0] = due;
	row->values[1] = t->kind;
	row->values[2] = t->end ? end : 0;
	row->values[3] = workdays_between(r->w, due, end);
	row->values[4] = v->state;
	r->counts[0] += !t->end;
	r->counts[1] += !reason;
	return set_text(row, reason, e);
}

/* Overdue on some day of the period: passed by its end, and not ended before it began. */
static int take_overdue(struct report *r, const struct caseview *v, const struct term_days *d, struct err *e)
{
	struct term t[TERM_KINDS];
	int rc = ERR_OK, n = terms(r, v, d, t);
	for (int i = 0; i < n && !rc; i++) {
		bool ended_before = t[i].end && workdays_day(t[i].end) < r->q.from;
		if (t[i].state != TERM_OVERDUE || workdays_day(t[i].due) > r->q.to || ended_before) continue;
		rc = add_overdue(r, v, &t[i], e);
	}
	return rc;
}

/* By the day on which a term ended, or passed while it is open. */
static int take_terms(struct report *r, const struct caseview *v, const struct term_days *d, struct err *e)
{
	struct term t[TERM_KINDS];
	int n = terms(r, v, d, t);
	for (int i = 0; i < n; i++) {
		int64_t day = workdays_day(t[i].end ? t[i].end : t[i].due);
		bool told = t[i].state == TERM_MET || t[i].state == TERM_OVERDUE || t[i].state == TERM_ENDED;
		if (!told || !reports_in(r, day)) continue;
		struct report_row *cell = reports_cell(r, v->item, t[i].kind, month_of(day));
		if (!cell) return no_memory(e);
		cell->values[t[i].state == TERM_MET ? 2 : t[i].state == TERM_OVERDUE ? 3 : 4]++;
	}
	return ERR_OK;
}

/* --- notices and acceptance --- */

static bool asks_supplement(const char *state)
{
	return strcmp(state, state_name(STATE_SUPPLEMENT)) == 0 ||
	       strcmp(state, state_name(STATE_REVIEW_SUPPLEMENT)) == 0;
}

/* When the case last came to a supplement, or, DEEMED, was accepted by the passing of its notice term (Unix ms); 0 = never. */
static int64_t path_at(const struct caseview *v, bool deemed)
{
	size_t i;
	int64_t at = 0;
	const json_t *one;
	json_array_foreach(json_object_get(v->doc, "path"), i, one) {
		bool it = deemed ? fields_get(one, "from") != NULL : asks_supplement(fields_text(one, "state"));
		if (it) at = fields_int(one, "at", 0);
	}
	return at;
}

static int take_second(struct report *r, const struct caseview *v, const struct term_days *d, struct err *e)
{
	int64_t notices = fields_int(v->doc, "notices", 0), day = workdays_day(path_at(v, false));
	const char *reason = fields_text(json_object_get(v->doc, "supplement"), "superior_reason");
	(void)d;
	if (notices < 2 || !reports_in(r, day)) return ERR_OK;
	struct report_row *row = reports_row(r, v);
	if (!row) return no_memory(e);
	row->values[0] = day;
	row->values[1] = notices;
	row->values[2] = v->state;
	return set_text(row, reason, e);
}

static int take_deemed(struct report *r, const struct caseview *v, const struct term_days *d, struct err *e)
{
	int64_t day = workdays_day(path_at(v, true));
	(void)d;
	if (!json_is_true(json_object_get(v->doc, "deemed")) || !reports_in(r, day)) return ERR_OK;
	struct report_row *row = reports_row(r, v);
	if (!row) return no_memory(e);
	row->values[0] = day;
	row->values[1] = workdays_day(v->received_at);
	row->values[2] = v->state;
	return ERR_OK;
}

/* --- ratings and registers --- */

/* A second rating (追评) counts beside the first, in its cell. */
static int take_ratings(struct report *r, const struct caseview *v, const struct term_days *d, struct err *e)
{
	int64_t grade = fields_int(kept(v, "rating"), "grade", 0);
	int64_t day = workdays_day(fields_int(json_object_get(v->doc, "rating"), "at", 0));
	(void)d;
	if (grade < 1 || grade > 5 || !reports_in(r, day)) return ERR_OK;
	struct report_row *cell = reports_cell(r, v->item, 0, month_of(day));
	if (!cell) return no_memory(e);
	cell->values[2]++;
	cell->values[2 + grade]++;
	cell->values[8] += fields_get(v->doc, "rating_again") != NULL;
	return ERR_OK;
}

static enum report_due how(const struct register_due *d, bool closed)
{
	if (d->met) return d->overdue ? REPORT_DUE_LATE : REPORT_DUE_MET;
	return d->overdue && !closed ? REPORT_DUE_PASSED : REPORT_DUE_RUNS;
}

/* Every task that is open, and those of the period that are closed. */
static int take_tasks(struct report *r, const struct caseview *v, const struct term_days *d, struct err *e)
{
	struct register_due due[REGISTERS_DUES] = {{0}};
	enum register_kind k;
	int64_t day = workdays_day(v->received_at);
	bool closed = state_final(v->state);
	(void)d;
	if (!registers_of(v, &k) || k != REGISTER_CORRECTION || (closed && !reports_in(r, day))) return ERR_OK;
	int n = registers_dues(v, &r->books, r->w, r->now, due);
	struct report_row *row = reports_row(r, v);
	if (!row) return no_memory(e);
	row->values[0] = day;
	row->values[1] = v->state;
	for (int i = 0; i < n; i++) {
		row->values[2 + 2 * i] = workdays_day(due[i].due);
		row->values[3 + 2 * i] = how(&due[i], closed);
		r->counts[2 + i] += how(&due[i], closed) == REPORT_DUE_PASSED;
	}
	r->counts[closed]++;
	return ERR_OK;
}

static int take_registers(struct report *r, const struct caseview *v, const struct term_days *d, struct err *e)
{
	enum register_kind k;
	int64_t day = workdays_day(v->received_at);
	(void)d;
	if (!registers_of(v, &k) || k == REGISTER_CORRECTION || !reports_in(r, day)) return ERR_OK;
	struct report_row *cell = reports_cell(r, "", k, month_of(day));
	if (!cell) return no_memory(e);
	cell->values[2]++;
	cell->values[state_final(v->state) ? 4 : 3]++;
	return ERR_OK;
}

/* --- the table --- */

#define RECEIPT                                                                                                        \
	{                                                                                                              \
		"receipt_number", "收件编号", SHOW_RECEIPT, 0                                                          \
	}
#define ITEM                                                                                                           \
	{"item", "事项编码", SHOW_ITEM, 0},                                                                            \
	{                                                                                                              \
		"item_name", "事项名称", SHOW_ITEM_NAME, 0                                                             \
	}

static const struct report_shape shapes[REPORT_KINDS] = {
    [REPORT_OPEN] = {.name = "open",
                     .zh = "在办件",
                     .as_now = true,
                     .take = take_open,
                     .columns = {ITEM,
                                 {"state", "状态", SHOW_STATE, 0},
                                 {"cases", "件数", SHOW_COUNT, 2},
                                 {"days_0_5", "5日以内", SHOW_COUNT, 3},
                                 {"days_6_20", "6至20日", SHOW_COUNT, 4},
                                 {"days_21_60", "21至60日", SHOW_COUNT, 5},
                                 {"days_over_60", "60日以上", SHOW_COUNT, 6},
                                 {"oldest_days", "最长天数", SHOW_NUMBER, 7}}},
    [REPORT_DUE_SOON] = {.name = "due_soon",
                         .zh = "即将到期",
                         .list = true,
                         .as_now = true,
                         .take = take_due_soon,
                         .counts = {"last_day"},
                         .columns = {RECEIPT,
                                     ITEM,
                                     {"term", "期限", SHOW_TERM, 1},
                                     {"due", "到期日", SHOW_DAY, 0},
                                     {"left", "剩余工作日", SHOW_NUMBER, 2}}},
    [REPORT_OVERDUE] = {.name = "overdue",
                        .zh = "超期件",
                        .list = true,
                        .take = take_overdue,
                        .counts = {"open", "without_reason"},
                        .columns = {RECEIPT,
                                    ITEM,
                                    {"state", "状态", SHOW_STATE, 4},
                                    {"term", "期限", SHOW_TERM, 1},
                                    {"due", "到期日", SHOW_DAY, 0},
                                    {"ended", "结束日", SHOW_DAY, 2},
                                    {"days_late", "超期工作日", SHOW_NUMBER, 3},
                                    {"overtime_reason", "超期原因", SHOW_TEXT, 0}}},
    [REPORT_SECOND_NOTICES] = {.name = "second_notices",
                               .zh = "二次补正",
                               .list = true,
                               .take = take_second,
                               .columns = {RECEIPT,
                                           ITEM,
                                           {"state", "状态", SHOW_STATE, 2},
                                           {"noticed", "告知日", SHOW_DAY, 0},
                                           {"notices", "告知次数", SHOW_NUMBER, 1},
                                           {"superior_reason", "上级理由", SHOW_TEXT, 0}}},
    [REPORT_DEEMED] = {.name = "deemed",
                       .zh = "视为受理",
                       .list = true,
                       .take = take_deemed,
                       .columns = {RECEIPT,
                                   ITEM,
                                   {"state", "状态", SHOW_STATE, 2},
                                   {"received", "收件日", SHOW_DAY, 1},
                                   {"deemed", "视为受理登记日", SHOW_DAY, 0}}},
    [REPORT_RATINGS] = {.name = "ratings",
                        .zh = "好差评",
                        .take = take_ratings,
                        .columns = {ITEM,
                                    {"month", "月份", SHOW_MONTH, 1},
                                    {"ratings", "评价数", SHOW_COUNT, 2},
                                    {"grade_1", "非常满意", SHOW_COUNT, 3},
                                    {"grade_2", "满意", SHOW_COUNT, 4},
                                    {"grade_3", "基本满意", SHOW_COUNT, 5},
                                    {"grade_4", "不满意", SHOW_COUNT, 6},
                                    {"grade_5", "非常不满意", SHOW_COUNT, 7},
                                    {"again", "追评", SHOW_COUNT, 8}}},
    [REPORT_TASKS] = {.name = "tasks",
                      .zh = "差评整改",
                      .list = true,
                      .entries = true,
                      .take = take_tasks,
                      .counts = {"open", "closed", "call_back_overdue", "put_right_overdue"},
                      .columns = {{"entry", "登记号", SHOW_ENTRY, 0},
                                  {"opened", "登记日", SHOW_DAY, 0},
                                  {"state", "状态", SHOW_STATE, 1},
                                  {"call_back_due", "回访期限", SHOW_DAY, 2},
                                  {"call_back", "回访", SHOW_DUE, 3},
                                  {"put_right_due", "整改期限", SHOW_DAY, 4},
                                  {"put_right", "整改", SHOW_DUE, 5}}},
    [REPORT_REGISTERS] = {.name = "registers",
                          .zh = "制度登记",
                          .entries = true,
                          .take = take_registers,
                          .columns = {{"register", "登记簿", SHOW_BOOK, 0},
                                      {"register_name", "登记簿名称", SHOW_BOOK_ZH, 0},
                                      {"month", "月份", SHOW_MONTH, 1},
                                      {"entries", "登记数", SHOW_COUNT, 2},
                                      {"open", "在办", SHOW_COUNT, 3},
                                      {"closed", "办结", SHOW_COUNT, 4}}},
    [REPORT_TERMS] = {.name = "terms",
                      .zh = "限时办结",
                      .take = take_terms,
                      .columns = {ITEM,
                                  {"term", "期限", SHOW_TERM, 0},
                                  {"month", "月份", SHOW_MONTH, 1},
                                  {"met", "按期", SHOW_COUNT, 2},
                                  {"overdue", "超期", SHOW_COUNT, 3},
                                  {"ended", "提前终止", SHOW_COUNT, 4}}},
};

static const struct report_column place_columns[] = {{"place", "地区编码", SHOW_PLACE, 0},
                                                     {"place_name", "地区名称", SHOW_PLACE_NAME, 0}};
#define N_PLACE (sizeof place_columns / sizeof *place_columns)

const struct report_shape *reports_shape(enum report_kind k)
{
	return &shapes[k];
}

const struct report_column *reports_column(const struct report_shape *s, bool placed, size_t i)
{
	if (placed && i < N_PLACE) return &place_columns[i];
	i -= placed ? N_PLACE : 0;
	return i < REPORTS_COLUMNS && s->columns[i].name ? &s->columns[i] : NULL;
}
