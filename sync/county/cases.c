/* See cases.h. Everything here reads; what changes a case is in acts.c. Runs on workers, but for reading the query. */
#include "sync/county/cases.h"

#include "shared/registers.h"
#include "shared/text.h"
#include "shared/workdays.h"
#include "sync/county/acts.h"
#include "sync/county/blobs.h"
#include "sync/county/casefile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MAX 5000 /* rows that one page looks at; where filters find less, it ends early with a cursor */

int cases_visible(const struct session *who, struct worker *w, const struct caseview *v, const char *department,
                  bool *yes, struct err *e)
{
	*yes = who->role != ROLE_DEPARTMENT || strcmp(who->account.office, department) == 0;
	if (*yes) return ERR_OK;
	struct db_stmt *q = db_query(w->store->db, Q_held_has, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "office", who->account.office);
	db_bind_int(q, "received_at", v->received_at);
	db_bind_blob(q, "case_id", v->id, UUID_LEN);
	int r = db_step(q, e);
	*yes = r > 0;
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

int cases_read(struct call *c, struct worker *w, struct caseview *out, struct err *e)
{
	char department[sizeof((struct casefile *)NULL)->department];
	bool seen = false;
	struct db_stmt *q = db_query(w->store->db, Q_case_get, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "id", c->id, UUID_LEN);
	int r = db_step(q, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_NOTFOUND, "no such case");
	db_copy_text(q, 4, department, sizeof department);
	int rc = casefile_row(q, out, e);
	db_reset(q);
	bool kind = !rc && (c->entry ? strcmp(out->item, c->item) == 0 : !registers_is_item(out->item));
	if (kind) rc = cases_visible(&c->who, w, out, department, &seen, e);
	if (!rc && seen) return ERR_OK;
	caseview_release(out);
	return rc ? rc : err_set(e, ERR_NOTFOUND, "no such case");
}

/* The case or entry with what this caller may do (taken); NULL without memory, or where the files could not be looked up. */
static json_t *whole(struct call *c, struct worker *w, const struct caseview *v, json_t *actions, struct err *e)
{
	int64_t now = county_now(c->county);
	unsigned reads_ratings = ROLE_CENTRE | ROLE_HEAD | ROLE_AUDITOR;
	if (c->entry)
		return present_entry(w->store, v, &c->county->cfg->registers, now, c->who.role & reads_ratings,
		                     actions);
	json_t *o = present_case(&w->present, w->store, v, now, actions), *files = blobs_json(w->store, v, e);
	if (o && files && !json_object_set(o, "files", files)) {
		json_decref(files);
		return o;
	}
	json_decref(files);
	json_decref(o);
	return NULL;
}

void cases_answer(struct call *c, struct worker *w, int status, struct caseview *v)
{
	char etag[PRESENT_ETAG_MAX];
	struct err e = {0};
	json_t *actions = acts_list(c, w, v, &e);
	if (!actions) {
		call_error(c, e.code ? (int)e.code : (int)ERR_NOMEM, &e);
	} else {
		present_etag(v, etag);
		http_reply_header(c->req, "ETag", etag);
		http_reply_json(c->req, status, whole(c, w, v, actions, &e));
	}
	caseview_release(v);
}

static void missing(struct call *c, int rc, const struct err *e)
{
	if (rc == (int)ERR_NOTFOUND)
		http_problem_code(c->req, PROBLEM_NOT_FOUND, NULL);
	else
		call_error(c, rc, e);
}

/* --- one --- */

static void one(struct call *c, struct worker *w)
{
	struct caseview v;
	struct err e = {0};
	int rc = cases_read(c, w, &v, &e);
	if (rc)
		missing(c, rc, &e);
	else
		cases_answer(c, w, 200, &v);
}

static int add_events(struct call *c, struct worker *w, json_t *rows, struct err *e)
{
	int r = 0, rc = ERR_OK;
	struct db_stmt *q = db_query(w->store->db, Q_case_events, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "case_id", c->id, UUID_LEN);
	while (!rc && (r = db_step(q, e)) > 0) {
		json_t *ev = present_event(q, &rc, e);
		if (ev && json_array_append_new(rows, ev)) rc = err_set(e, ERR_NOMEM, "events");
	}
	db_reset(q);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

static void events(struct call *c, struct worker *w)
{
	struct caseview v;
	struct err e = {0};
	json_t *rows = NULL;
	int rc = cases_read(c, w, &v, &e);
	if (rc) {
		missing(c, rc, &e);
		return;
	}
	caseview_release(&v);
	rows = json_array();
	rc = rows ? add_events(c, w, rows, &e) : err_set(&e, ERR_NOMEM, "events");
	if (rc)
		call_error(c, rc, &e);
	else
		http_reply_json(c->req, 200, json_pack("{s:O, s:n}", "items", rows, "next"));
	json_decref(rows);
}

/* The register of the path into C; answers 404, frees C and returns false when it is none. */
bool cases_path_register(struct call *c)
{
	enum register_kind k;
	c->entry = registers_parse(http_req_param(c->req, "register"), &k);
	if (c->entry) {
		(void)snprintf(c->item, sizeof c->item, "%s", registers_item(k));
		return true;
	}
	struct problem p = {0};
	problem_set(&p, PROBLEM_NOT_FOUND, NULL);
	call_refuse(c, &p);
	return false;
}

static void with_id(struct http_req *req, struct serve *sv, call_fn *fn, bool entry)
{
	static const char *const none[] = {NULL};
	if (!http_req_query_only(req, none)) return;
	struct call *c = call_new(sv, req, fn);
	if (c && call_path_id(c, "id") && (!entry || cases_path_register(c))) call_submit(c);
}

void cases_entry_get(struct http_req *req, void *ctx)
{
	with_id(req, ctx, one, true);
}

void cases_entry_events_get(struct http_req *req, void *ctx)
{
	with_id(req, ctx, events, true);
}

void cases_one_get(struct http_req *req, void *ctx)
{
	with_id(req, ctx, one, false);
}

void cases_events_get(struct http_req *req, void *ctx)
{
	with_id(req, ctx, events, false);
}

/* --- lists --- */

struct page {
	json_t *rows;
	int looked;
	bool more;
	int64_t last_at; /* the last row that counts as shown */
	uint8_t last_id[UUID_LEN];
};

/* Those with a term that runs, the first due first. */
static struct db_stmt *due_query(const struct call *c, struct worker *w, struct err *e)
{
	struct db_stmt *q = db_query(w->store->db, Q_case_list_due, e);
	if (!q) return NULL;
	int64_t today = workdays_day(county_now(c->county));
	db_bind_int(q, "due", c->before);
	db_bind_blob(q, "id", c->before_id, UUID_LEN);
	db_bind_int(q, "upto", c->due == DUE_OVERDUE ? today - 1 : c->due == DUE_TODAY ? today : INT64_MAX);
	db_bind_int(q, "limit", LOOK_MAX + 1);
	return q;
}

/* The query by the filter that leaves least; the others are looked at row by row. */
static struct db_stmt *list_query(const struct call *c, struct worker *w, struct err *e)
{
	bool own = c->who.role == ROLE_DEPARTMENT;
	bool paused = c->due == DUE_PAUSED;
	if (c->by_due) return due_query(c, w, e);
	size_t index = c->entry       ? Q_case_list_item
	               : paused       ? Q_case_list_paused
	               : *c->station  ? Q_case_list_station
	               : *c->item     ? Q_case_list_item
	               : own          ? Q_case_list_department
	               : c->has_state ? Q_case_list_state
	                              : Q_case_list;
	const char *value = c->entry      ? c->item
	                    : *c->station ? c->station
	                    : *c->item    ? c->item
	                    : own         ? c->who.account.office
	                                  : state_name(c->state);
	struct db_stmt *q = db_query(w->store->db, index, e);
	if (!q) return NULL;
	if (index != Q_case_list && !paused) db_bind_text(q, "value", value);
	db_bind_int(q, "received_at", c->before);
	db_bind_blob(q, "id", c->before_id, UUID_LEN);
	db_bind_int(q, "limit", LOOK_MAX + 1);
	return q;
}

static bool is(struct db_stmt *q, int col, const char *want)
{
	const char *t = db_text(q, col);
	return t && strcmp(t, want) == 0;
}

/* What the query by due day cannot say by its bounds. */
static bool is_due(const struct call *c, struct db_stmt *q)
{
	int64_t today = workdays_day(county_now(c->county));
	if (c->due == DUE_TODAY) return db_int(q, 11) == today;
	return c->due != DUE_SOON || (db_int(q, 11) >= today && db_int(q, 12) <= today);
}

static bool fits(const struct call *c, struct db_stmt *q)
{
	const char *item = db_text(q, 3);
	if (c->by_due && !is_due(c, q)) return false;
	if (item && registers_is_item(item) != c->entry) return false;
	return (!*c->station || is(q, 2, c->station)) && (!*c->item || is(q, 3, c->item)) &&
	       (!c->has_state || is(q, 5, state_name(c->state)));
}

/* Whether the row is for this caller's eyes; a query by department brings nothing else. */
static int sees(struct call *c, struct worker *w, struct db_stmt *q, bool *yes, struct err *e)
{
	struct caseview v = {.received_at = db_int(q, 7)};
	const char *department = db_text(q, 4);
	(void)db_copy_blob(q, 0, v.id, UUID_LEN);
	return cases_visible(&c->who, w, &v, department ? department : "", yes, e);
}

static void note_place(const struct call *c, struct page *pg, struct db_stmt *q)
{
	size_t n;
	const void *id = db_blob(q, 0, &n);
	if (id && n == UUID_LEN) memcpy(pg->last_id, id, n);
	pg->last_at = db_int(q, c->by_due ? 11 : 7);
}

/* One row into the page; false when the page is at its end. */
static bool take_row(struct call *c, struct worker *w, struct db_stmt *q, struct page *pg, int *rc, struct err *e)
{
	struct caseview v;
	bool ok = fits(c, q);
	if (ok) *rc = sees(c, w, q, &ok, e);
	if (*rc) return false;
	if (pg->looked++ == LOOK_MAX || (ok && (int)json_array_size(pg->rows) == c->limit)) {
		pg->more = true;
		return false;
	}
	if ((int)json_array_size(pg->rows) < c->limit) note_place(c, pg, q);
	if (!ok) return true;
	*rc = casefile_row(q, &v, e);
	if (*rc) return false;
	int64_t now = county_now(c->county);
	json_t *row = c->entry ? present_entry_summary(w->store, &v, &c->county->cfg->registers, now)
	                       : present_summary(&w->present, w->store, &v, now);
	if (json_array_append_new(pg->rows, row)) *rc = err_set(e, ERR_NOMEM, "cases");
	caseview_release(&v);
	return *rc == ERR_OK;
}

static void list(struct call *c, struct worker *w)
{
	char cursor[CALL_CURSOR_MAX];
	struct err e = {0};
	struct page pg = {.rows = json_array()};
	int r = 0, rc = pg.rows ? ERR_OK : err_set(&e, ERR_NOMEM, "cases");
	struct db_stmt *q = rc ? NULL : list_query(c, w, &e);
	if (!rc && !q) rc = ERR_IO;
	while (!rc && (r = db_step(q, &e)) > 0 && take_row(c, w, q, &pg, &rc, &e))
		;
	if (q) db_reset(q);
	if (!rc && r < 0) rc = -r;
	if (rc) {
		call_error(c, rc, &e);
	} else {
		call_cursor(pg.last_at, pg.last_id, UUID_LEN, cursor);
		http_reply_json(c->req, 200,
		                json_pack("{s:O, s:s?}", "items", pg.rows, "next", pg.more ? cursor : NULL));
	}
	json_decref(pg.rows);
}

static void read_text(const struct http_req *req, const char *name, char *out, size_t cap, size_t max,
                      struct problem *p)
{
	char pointer[32];
	const char *t = http_req_query(req, name);
	if (!t) return;
	size_t len = strlen(t), count = text_utf8_count(t, len);
	(void)snprintf(pointer, sizeof pointer, "/?%s", name);
	if (count < 1 || count > max || len >= cap || text_has_control(t, len, false))
		problem_field(p, pointer, "length", "1 to %zu characters", max);
	else
		memcpy(out, t, len + 1);
}

static void read_due(struct call *c, struct problem *p)
{
	static const char *const dues[] = {[DUE_ANY] = "",
	                                   [DUE_OVERDUE] = "overdue",
	                                   [DUE_TODAY] = "today",
	                                   [DUE_SOON] = "soon",
	                                   [DUE_PAUSED] = "paused"};
	const char *due = http_req_query(c->req, "due"), *sort = http_req_query(c->req, "sort");
	for (int i = DUE_OVERDUE; due && i <= DUE_PAUSED; i++)
		if (strcmp(due, dues[i]) == 0) c->due = (enum call_due)i;
	if (due && c->due == DUE_ANY) problem_field(p, "/?due", "value", "overdue, today, soon or paused is wanted");
	if (c->due == DUE_PAUSED && sort) problem_field(p, "/?sort", "not_allowed", "a paused term has no day yet");
	if (sort && strcmp(sort, "due") != 0) problem_field(p, "/?sort", "value", "due is wanted");
	c->by_due = (due && c->due != DUE_PAUSED) || sort;
	if (c->by_due) c->before = 0;
}

static void read_query(struct call *c, struct problem *p)
{
	const char *state = http_req_query(c->req, "state");
	const char *cursor = http_req_query(c->req, "cursor");
	call_read_limit(c, p);
	read_due(c, p);
	read_text(c->req, "item", c->item, sizeof c->item, 40, p);
	call_read_station(c, p);
	c->has_state = state && state_parse(state, &c->state);
	if (state && (!c->has_state || (c->state >= STATE_OPEN) != c->entry))
		problem_field(p, "/?state", "value", "no such state");
	if (cursor && !call_cursor_read(cursor, &c->before, c->before_id, UUID_LEN))
		problem_field(p, "/?cursor", "format", "not a cursor of this list");
}

void cases_get(struct http_req *req, void *ctx)
{
	static const char *const known[] = {"station", "state", "item", "due", "sort", "cursor", "limit", NULL};
	struct problem p = {0};
	if (!http_req_query_only(req, known)) return;
	struct call *c = call_new(ctx, req, list);
	if (!c) return;
	read_query(c, &p);
	if (problem_any(&p))
		call_refuse(c, &p);
	else
		call_submit(c);
}

void cases_entries_get(struct http_req *req, void *ctx)
{
	static const char *const known[] = {"station", "state", "cursor", "limit", NULL};
	struct problem p = {0};
	if (!http_req_query_only(req, known)) return;
	struct call *c = call_new(ctx, req, list);
	if (!c || !cases_path_register(c)) return;
	read_query(c, &p);
	if (problem_any(&p))
		call_refuse(c, &p);
	else
		call_submit(c);
}
