/* See reports.h. The frame: cells and rows, and how they are told. What is asked for is read in reports_query.c, what
 * each report takes from a case is in reports_take.c. Called by the report routes of box and county. */
#include "shared/reports_internal.h"

#include "shared/clock.h"
#include "shared/fields.h"
#include "shared/registers.h"
#include "shared/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- names --- */

const char *reports_name(enum report_kind k)
{
	return reports_shape(k)->name;
}

const char *reports_zh(enum report_kind k)
{
	return reports_shape(k)->zh;
}

bool reports_parse(const char *name, enum report_kind *out)
{
	for (int k = 0; k < REPORT_KINDS; k++) {
		if (strcmp(reports_name((enum report_kind)k), name) != 0) continue;
		*out = (enum report_kind)k;
		return true;
	}
	return false;
}

bool reports_of_entries(enum report_kind k)
{
	return reports_shape(k)->entries;
}

/* --- life --- */

int reports_new(const struct report_query *q, const struct workdays *w, const struct register_days *books, int64_t now,
                struct report **out, struct err *e)
{
	struct report *r = calloc(1, sizeof *r);
	*out = r;
	if (!r) return err_set(e, ERR_NOMEM, "report");
	*r = (struct report){.q = *q,
	                     .shape = reports_shape(q->kind),
	                     .w = w,
	                     .books = *books,
	                     .now = now,
	                     .names = json_object(),
	                     .places = json_object()};
	if (r->names && r->places) return ERR_OK;
	reports_free(r);
	*out = NULL;
	return err_set(e, ERR_NOMEM, "report");
}

void reports_free(struct report *r)
{
	if (!r) return;
	for (size_t i = 0; i < r->n; i++)
		free(r->rows[i].text);
	free(r->rows);
	json_decref(r->names);
	json_decref(r->places);
	free(r);
}

/* --- rows --- */

bool reports_in(const struct report *r, int64_t day)
{
	return !r->q.bounded || (day >= r->q.from && day <= r->q.to);
}

static bool grow(struct report *r)
{
	if (r->n < r->cap) return true;
	size_t cap = r->cap ? 2 * r->cap : 64;
	struct report_row *rows = realloc(r->rows, cap * sizeof *rows);
	if (!rows) return false;
	r->rows = rows;
	r->cap = cap;
	return true;
}

static int by_cell(const struct report_row *a, const struct report_row *b)
{
	int c = strcmp(a->place, b->place);
	if (!c) c = strcmp(a->item, b->item);
	if (!c) c = (a->values[0] > b->values[0]) - (a->values[0] < b->values[0]);
	return c ? c : (a->values[1] > b->values[1]) - (a->values[1] < b->values[1]);
}

static int by_place(const void *a, const void *b)
{
	const struct report_row *x = a, *y = b;
	int c = (x->values[0] > y->values[0]) - (x->values[0] < y->values[0]);
	if (!c) c = strcmp(x->receipt, y->receipt);
	return c ? c : (x->values[1] > y->values[1]) - (x->values[1] < y->values[1]);
}

struct report_row *reports_cell(struct report *r, const char *item, int64_t group, int64_t month)
{
	struct report_row want = {.values = {group, month}};
	size_t from = 0, to = r->n;
	(void)snprintf(want.item, sizeof want.item, "%s", item);
	memcpy(want.place, r->place, sizeof want.place);
	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int c = by_cell(&r->rows[mid], &want);
		if (c == 0) return &r->rows[mid];
		if (c < 0)
			from = mid + 1;
		else
			to = mid;
	}
	r->full = r->n == REPORTS_ROWS_MAX;
	if (r->full || !grow(r)) return NULL;
	memmove(&r->rows[from + 1], &r->rows[from], (r->n - from) * sizeof *r->rows);
	r->n++;
	r->found++;
	r->rows[from] = want;
	return &r->rows[from];
}

/* Sorts a list and keeps its first rows: those that come first by due day are the ones to put right. */
static void cut(struct report *r)
{
	if (r->n) qsort(r->rows, r->n, sizeof *r->rows, by_place);
	while (r->n > REPORTS_ROWS_MAX)
		free(r->rows[--r->n].text);
}

struct report_row *reports_row(struct report *r, const struct caseview *v)
{
	if (r->n == (size_t)2 * REPORTS_ROWS_MAX) cut(r);
	if (!grow(r)) return NULL;
	struct report_row *row = &r->rows[r->n++];
	*row = (struct report_row){0};
	r->found++;
	if (*v->receipt)
		(void)snprintf(row->receipt, sizeof row->receipt, "%s", v->receipt);
	else
		uuid_text(v->id, row->receipt);
	(void)snprintf(row->item, sizeof row->item, "%s", v->item);
	memcpy(row->place, r->place, sizeof row->place);
	return row;
}

/* --- places --- */

void reports_township(const char *station, char out[13])
{
	(void)snprintf(out, 13, "%.9s000", station);
}

int reports_place(struct report *r, const char *code, const char *name, struct err *e)
{
	return json_object_set_new(r->places, code, json_string(name)) ? err_set(e, ERR_NOMEM, "report") : ERR_OK;
}

/* Is the place of V asked for? Keeps it for the rows. */
static bool at_place(struct report *r, const struct caseview *v)
{
	char township[13];
	reports_township(v->station, township);
	const char *place = r->q.by == REPORT_BY_STATION ? v->station : r->q.by == REPORT_BY_TOWNSHIP ? township : "";
	(void)snprintf(r->place, sizeof r->place, "%s", place);
	return (!*r->q.station || strcmp(r->q.station, v->station) == 0) &&
	       (!*r->q.township || strcmp(r->q.township, township) == 0);
}

bool reports_full(const struct report *r)
{
	return r->full;
}

void reports_too_many(struct problem *p)
{
	problem_field(p, "/?from", "range", "more than %d rows: ask for a shorter period, one item or one place",
	              REPORTS_ROWS_MAX);
}

int reports_add(struct report *r, const struct caseview *v, const char *item_name, const struct term_days *d,
                struct err *e)
{
	bool entry = registers_is_item(v->item);
	struct err bad = {0};
	if (!v->exists || entry != r->shape->entries || !at_place(r, v)) return ERR_OK;
	if (*r->q.item && strcmp(r->q.item, v->item) != 0) return ERR_OK;
	if (!entry && item_name && !json_object_get(r->names, v->item) &&
	    json_object_set_new(r->names, v->item, json_string(item_name)))
		return err_set(e, ERR_NOMEM, "report");
	int rc = r->shape->take(r, v, d, &bad);
	if (r->full) return err_set(e, ERR_INVALID, "more than %d rows", REPORTS_ROWS_MAX);
	return rc ? err_set(e, (enum err_code)rc, "%s", bad.msg) : ERR_OK;
}

/* --- telling --- */

static json_t *day_json(int64_t day)
{
	int n = clock_day(workdays_end(day));
	return day ? json_sprintf("%04d-%02d-%02d", n / 10000, n / 100 % 100, n % 100) : json_null();
}

static json_t *month_json(int64_t month)
{
	return month ? json_sprintf("%04d-%02d", (int)(month / 100), (int)(month % 100)) : json_null();
}

static json_t *cell_json(const struct report *r, const struct report_row *row, const struct report_column *c)
{
	static const char *const dues[] = {"running", "met", "late", "overdue"};
	int64_t value = row->values[c->at];
	json_t *name;
	switch (c->show) {
	case SHOW_RECEIPT:
	case SHOW_ENTRY: return json_string(row->receipt);
	case SHOW_PLACE: return json_string(row->place);
	case SHOW_PLACE_NAME:
		name = json_object_get(r->places, row->place);
		return name ? json_incref(name) : json_null();
	case SHOW_ITEM: return *row->item ? json_string(row->item) : json_null();
	case SHOW_ITEM_NAME:
		name = json_object_get(r->names, row->item);
		return !*row->item ? json_string("少于5条 fewer than 5")
		       : name      ? json_incref(name)
		                   : json_string(row->item);
	case SHOW_TEXT: return row->text ? json_string(row->text) : json_null();
	case SHOW_DAY: return day_json(value);
	case SHOW_MONTH: return month_json(value);
	case SHOW_STATE: return json_string(state_name((enum case_state)value));
	case SHOW_TERM: return json_string(term_kind_name((enum term_kind)value));
	case SHOW_DUE: return json_string(dues[value]);
	case SHOW_BOOK: return json_string(registers_name((enum register_kind)value));
	case SHOW_BOOK_ZH: return json_string(registers_zh((enum register_kind)value));
	case SHOW_NUMBER: break;
	case SHOW_COUNT: return row->hidden ? json_null() : json_integer(value);
	}
	return json_integer(value);
}

static json_t *row_json(const struct report *r, const struct report_row *row)
{
	json_t *o = json_object();
	const struct report_column *c;
	for (size_t i = 0; o && (c = reports_column(r->shape, r->q.by != REPORT_BY_NONE, i)); i++) {
		if (!json_object_set_new(o, c->name, cell_json(r, row, c))) continue;
		json_decref(o);
		return NULL;
	}
	return o;
}

static json_t *rows_json(const struct report *r, int *rc)
{
	json_t *rows = json_array();
	if (!rows) *rc = ERR_NOMEM;
	for (size_t i = 0; i < r->n && !*rc; i++)
		if (json_array_append_new(rows, row_json(r, &r->rows[i]))) *rc = ERR_NOMEM;
	return rows;
}

/* The rows that there are, the sums of the columns that count, and what the report counts beside them. */
static json_t *totals_json(const struct report *r, int *rc)
{
	json_t *o = json_object();
	caseview_set(o, "rows", json_integer(r->found), rc);
	caseview_set(o, "left_out", json_integer(r->found - (int64_t)r->n), rc);
	for (const struct report_column *c = r->shape->columns; c->name; c++) {
		int64_t sum = 0;
		if (c->show != SHOW_COUNT) continue;
		for (size_t i = 0; i < r->n; i++)
			sum += r->rows[i].hidden ? 0 : r->rows[i].values[c->at];
		caseview_set(o, c->name, json_integer(sum), rc);
	}
	for (int i = 0; i < REPORTS_COUNTS && r->shape->counts[i]; i++)
		caseview_set(o, r->shape->counts[i], json_integer(r->counts[i]), rc);
	return o;
}

/* Small cells go into one row that shows no figure: were it a sum, two reports with the same cells but one would tell
 * that one. */
static int hide_small(struct report *r, struct err *e)
{
	size_t kept = 0;
	for (size_t i = 0; i < r->n; i++) {
		if (r->rows[i].values[2] < REPORTS_CELL_MIN) continue;
		r->rows[kept++] = r->rows[i];
	}
	bool small = kept < r->n;
	r->n = kept;
	r->found = (int64_t)kept + small;
	if (!small) return ERR_OK;
	if (!grow(r)) return err_set(e, ERR_NOMEM, "report");
	r->rows[r->n++] = (struct report_row){.hidden = true};
	return ERR_OK;
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static void set_places(const struct report *r, json_t *o, int *rc)
{
	caseview_set(o, "by", text_or_null(reports_by_name(r->q.by)), rc);
	caseview_set(o, "township", text_or_null(r->q.township), rc);
	caseview_set(o, "station", text_or_null(r->q.station), rc);
}

int reports_json(struct report *r, json_t **out, struct err *e)
{
	char at[CLOCK_TEXT];
	*out = NULL;
	int rc = r->q.kind == REPORT_RATINGS ? hide_small(r, e) : ERR_OK;
	if (rc) return rc;
	if (r->shape->list) cut(r);
	clock_text(r->now, at);
	json_t *o = json_object();
	caseview_set(o, "report", json_string(r->shape->name), &rc);
	caseview_set(o, "report_name", json_string(r->shape->zh), &rc);
	caseview_set(o, "from", r->q.bounded ? day_json(r->q.from) : json_null(), &rc);
	caseview_set(o, "to", r->q.bounded ? day_json(r->q.to) : json_null(), &rc);
	caseview_set(o, "item", text_or_null(r->q.item), &rc);
	if (r->q.county) set_places(r, o, &rc);
	caseview_set(o, "made_at", json_string(at), &rc);
	caseview_set(o, "calendar_version", r->w ? json_integer(workdays_version(r->w)) : json_null(), &rc);
	caseview_set(o, "rows", rows_json(r, &rc), &rc);
	caseview_set(o, "totals", totals_json(r, &rc), &rc);
	if (!rc) {
		*out = o;
		return ERR_OK;
	}
	json_decref(o);
	return err_set(e, ERR_NOMEM, "report");
}
