/* See calendar.h. Terms are projections, so a new calendar moves every open one by itself; what has moved is found by
 * counting by the calendar before as well, over the cases that the search list knows to have a term that runs. */
#include "gateway/calendar.h"

#include "gateway/answer.h"
#include "gateway/days.h"
#include "gateway/items.h"
#include "gateway/readers.h"
#include "gateway/search.h"
#include "shared/casejson.h"
#include "shared/fields.h"
#include "shared/ledger/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MAX 1000 /* cases that one page looks at; where few have moved, it ends early with a cursor */

/* --- the calendar --- */

static json_t *year_json(const char *year, const json_t *j)
{
	return json_pack("{s:i, s:s, s:i, s:i}", "year", (int)strtol(year, NULL, 10), "status",
	                 fields_text(j, "status"), "off", (int)json_array_size(json_object_get(j, "off")), "work",
	                 (int)json_array_size(json_object_get(j, "work")));
}

static json_t *calendar_json(const json_t *doc, const struct workdays *before)
{
	int rc = ERR_OK, last = 0;
	char day[32];
	const char *year;
	json_t *j, *o = json_object(), *years = json_array();
	json_object_foreach(json_object_get(doc, "years"), year, j) {
		int n = (int)strtol(year, NULL, 10);
		if (json_array_append_new(years, year_json(year, j))) rc = ERR_NOMEM;
		if (strcmp(fields_text(j, "status"), "published") == 0 && n > last) last = n;
	}
	(void)snprintf(day, sizeof day, "%04d-12-31", last);
	casejson_text(o, "calendar", fields_text(doc, "calendar"), &rc);
	caseview_set(o, "version", json_integer(fields_int(doc, "version", 0)), &rc);
	casejson_text(o, "source", fields_text(doc, "source"), &rc);
	caseview_set(o, "years", years, &rc);
	caseview_set(o, "provisional_after", last ? json_string(day) : json_null(), &rc);
	caseview_set(o, "before", before ? json_integer(workdays_version(before)) : json_null(), &rc);
	return casejson_finish(o, rc);
}

void calendar_get(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	struct err e = {0};
	json_t *doc = NULL;
	int64_t version;
	if (!answer_no_query(req)) return;
	struct ledger *l = readers_take(gw->readers);
	int rc = ledger_thing(l, "calendar", &doc, &version, &e);
	readers_give(gw->readers, l);
	if (rc == (int)ERR_NOTFOUND)
		answer_later(req, PROBLEM_NOT_ENROLLED, 30);
	else if (rc)
		answer_error(gw, req, rc, &e);
	else
		http_reply_json(req, 200, calendar_json(doc, days_before(gw->days)));
	json_decref(doc);
}

/* --- what it moved --- */

struct page {
	const struct workdays *now, *before;
	int64_t at; /* ms */
	struct items_edition *edition;
	json_t *rows;
	int limit, looked;
	bool more;
	int64_t last_due; /* of the last case that was looked at */
	uint8_t last_id[UUID_LEN];
};

static json_t *move_json(const struct term_move *m)
{
	int rc = ERR_OK;
	json_t *o = json_object();
	casejson_text(o, "kind", term_kind_name(m->kind), &rc);
	casejson_time(o, "before", m->before, &rc);
	casejson_time(o, "after", m->after, &rc);
	caseview_set(o, "provisional", json_boolean(m->provisional), &rc);
	return casejson_finish(o, rc);
}

static json_t *row_json(const struct page *pg, const struct ledger_case *c, const struct term_move *m, int n)
{
	int rc = ERR_OK;
	json_t *o = json_object(), *terms = json_array();
	for (int i = 0; i < n; i++)
		if (json_array_append_new(terms, move_json(&m[i]))) rc = ERR_NOMEM;
	casejson_id(o, "case", c->view.id, &rc);
	casejson_text(o, "receipt_number", c->view.receipt, &rc);
	casejson_text(o, "item", c->view.item, &rc);
	casejson_text(o, "item_name", items_case_name(pg->edition, &c->view), &rc);
	casejson_title(o, &c->view, &rc);
	casejson_text(o, "state", state_name(c->view.state), &rc);
	caseview_set(o, "terms", terms, &rc);
	return casejson_finish(o, rc);
}

static int look(struct ledger *l, struct page *pg, const uint8_t id[UUID_LEN], struct err *e)
{
	struct ledger_case c = {0};
	struct err none = {0};
	struct term_move m[TERM_KINDS];
	int rc = ledger_case_get(l, id, &c, &none);
	if (rc == (int)ERR_NOTFOUND) return ERR_OK;
	if (rc) return err_set(e, (enum err_code)rc, "%s", none.msg);
	struct term_days d = items_case_days(pg->edition, &c.view);
	int n = terms_moved(&c.view, &d, pg->before, pg->now, pg->at, m);
	if (n && json_array_append_new(pg->rows, row_json(pg, &c, m, n))) rc = err_set(e, ERR_NOMEM, "moved");
	ledger_case_release(&c);
	return rc;
}

static int fill(struct search *s, struct ledger *l, struct page *pg, struct err *e)
{
	struct search_hit hits[LIMIT_PAGE];
	struct search_query q = {.state = -1};
	int n, rc = ERR_OK;
	if (!search_ready(s)) return err_set(e, ERR_BUSY, "the search list is being filled");
	do {
		q.before_at = pg->last_due;
		memcpy(q.before_id, pg->last_id, UUID_LEN);
		n = search_due(s, &q, hits, LIMIT_PAGE);
		for (int i = 0; i < n && !rc && !pg->more; i++) {
			pg->more = pg->looked++ == LOOK_MAX || (int)json_array_size(pg->rows) == pg->limit;
			if (pg->more) break;
			rc = look(l, pg, hits[i].id, e);
			pg->last_due = hits[i].due;
			memcpy(pg->last_id, hits[i].id, UUID_LEN);
		}
	} while (!rc && !pg->more && n == LIMIT_PAGE);
	return rc;
}

static void answer(struct gateway *gw, struct http_req *req, struct page *pg)
{
	char cursor[ANSWER_CURSOR_MAX];
	struct err e = {0};
	struct ledger *l = readers_take(gw->readers);
	pg->edition = items_get(gw->items);
	pg->rows = json_array();
	int rc = pg->rows ? ERR_OK : err_set(&e, ERR_NOMEM, "moved");
	if (!rc && pg->before) rc = fill(gw->search, l, pg, &e); /* the first calendar has moved nothing */
	answer_cursor_write(pg->last_due, pg->last_id, cursor);
	if (rc == (int)ERR_BUSY)
		answer_later(req, PROBLEM_BUSY, 2);
	else if (rc)
		answer_error(gw, req, rc, &e);
	else
		http_reply_json(req, 200,
		                json_pack("{s:I, s:o, s:O, s:s?}", "version", (json_int_t)workdays_version(pg->now),
		                          "before",
		                          pg->before ? json_integer(workdays_version(pg->before)) : json_null(),
		                          "items", pg->rows, "next", pg->more ? cursor : NULL));
	json_decref(pg->rows);
	items_put(pg->edition);
	readers_give(gw->readers, l);
}

void calendar_moved_get(struct http_req *req, void *ctx)
{
	static const char *const known[] = {"cursor", "limit", NULL};
	struct gateway *gw = ctx;
	struct problem p = {0};
	struct page pg = {
	    .before = days_before(gw->days), .now = days_get(gw->days), .at = clock_read(&gw->clock).wall};
	if (!http_req_query_only(req, known)) return;
	const char *cursor = http_req_query(req, "cursor");
	pg.limit = (int)answer_query_int(req, "limit", 1, LIMIT_PAGE, LIMIT_PAGE_DEFAULT, &p);
	if (cursor && !answer_cursor_read(cursor, &pg.last_due, pg.last_id))
		problem_field(&p, "/?cursor", "format", "not a cursor of this list");
	if (problem_any(&p))
		http_problem(req, &p);
	else if (!pg.now)
		answer_later(req, PROBLEM_NOT_ENROLLED, 30);
	else
		answer(gw, req, &pg);
}
