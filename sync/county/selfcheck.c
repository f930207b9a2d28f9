/* See selfcheck.h. Stations stand in the order of their division codes, and nothing counts them against each other
 * (国办函〔2026〕12号): each point that falls short is told by itself, for putting right. */
#include "sync/county/selfcheck.h"

#include "shared/buf.h"
#include "shared/casejson.h"
#include "shared/fields.h"
#include "shared/reports.h"
#include "shared/venue.h"
#include "sync/county/call.h"

#include <string.h>

#define CSV_MAX (4 * 1048576)

/* --- reading --- */

/* The self-check of a row of selfchecks_of_station. New, NULL with E set. */
static json_t *record(const struct call *c, struct db_stmt *q, enum tier tier, struct err *e)
{
	uint8_t id[UUID_LEN] = {0};
	const char *text = db_text(q, 3), *actor = db_text(q, 2);
	json_t *body = NULL;
	(void)db_copy_blob(q, 0, id, UUID_LEN);
	if (text && !(body = json_loads(text, 0, NULL))) {
		(void)err_set(e, ERR_NOMEM, "self-check");
		return NULL;
	}
	json_t *o = venue_record(c->serve->venue, tier, id, db_int(q, 1), actor ? actor : "", body);
	json_decref(body);
	if (!o) (void)err_set(e, ERR_NOMEM, "self-check");
	return o;
}

/* The newest LIMIT self-checks of STATION onto LIST. */
static int read_station(const struct call *c, struct worker *w, const char *station, enum tier tier, int limit,
                        json_t *list, struct err *e)
{
	int r = 0, rc = ERR_OK;
	struct db_stmt *q = db_query(w->store->db, Q_selfchecks_of_station, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", station);
	db_bind_int(q, "limit", limit);
	while (!rc && (r = db_step(q, e)) > 0) {
		json_t *o = record(c, q, tier, e);
		rc = o ? ERR_OK : (int)e->code;
		if (o && json_array_append_new(list, o)) rc = err_set(e, ERR_NOMEM, "self-checks");
	}
	db_reset(q);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

/* A station of a row of station_list: its last self-check, and the earlier ones where it is the one asked for. */
static int add_station(const struct call *c, struct worker *w, const struct store_station *st, json_t *rows,
                       struct err *e)
{
	bool whole = *c->station != '\0';
	json_t *list = json_array();
	int rc = list ? read_station(c, w, st->code, st->tier, whole ? VENUE_HISTORY_MAX : 1, list, e)
	              : err_set(e, ERR_NOMEM, "self-checks");
	json_t *last = json_array_get(list, 0), *o = NULL;
	if (!rc)
		o = json_pack("{s:s, s:s, s:s, s:o}", "station", st->code, "title", st->title, "tier",
		              tier_name(st->tier), "last", last ? json_incref(last) : json_null());
	if (!rc && (!o || (whole && json_object_set(o, "history", list)) || json_array_append(rows, o)))
		rc = err_set(e, ERR_NOMEM, "self-checks");
	json_decref(o);
	json_decref(list);
	return rc;
}

struct stations {
	struct store_station rows[128]; /* a county has 80 */
	size_t n;
};

static int read_stations(const struct call *c, struct worker *w, struct stations *all, struct err *e)
{
	int r = 0, rc = ERR_OK;
	struct db_stmt *q = db_query(w->store->db, Q_station_list, e);
	if (!q) return ERR_IO;
	while (!rc && (r = db_step(q, e)) > 0) {
		struct store_station *st = &all->rows[all->n];
		if (all->n == sizeof all->rows / sizeof *all->rows) {
			rc = err_set(e, ERR_CORRUPT, "too many stations");
			break;
		}
		db_copy_text(q, 0, st->code, sizeof st->code);
		db_copy_text(q, 2, st->title, sizeof st->title);
		const char *tier = db_text(q, 3);
		if (!tier || !tier_parse(tier, &st->tier)) rc = err_set(e, ERR_CORRUPT, "a station of no tier");
		if (!*c->station || strcmp(c->station, st->code) == 0) all->n++;
	}
	db_reset(q);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

static int read_all(const struct call *c, struct worker *w, json_t **out, struct err *e)
{
	struct stations all = {.n = 0};
	json_t *rows = json_array();
	int rc = rows ? read_stations(c, w, &all, e) : err_set(e, ERR_NOMEM, "self-checks");
	if (!rc && *c->station && !all.n) rc = err_set(e, ERR_NOTFOUND, "no such station");
	for (size_t i = 0; i < all.n && !rc; i++)
		rc = add_station(c, w, &all.rows[i], rows, e);
	if (!rc) *out = json_pack("{s:O, s:n}", "items", rows, "next");
	if (!rc && !*out) rc = err_set(e, ERR_NOMEM, "self-checks");
	json_decref(rows);
	return rc;
}

/* --- as a table: a line a point that falls short, one for a station without any or without a self-check --- */

static void add_cell(struct buf *b, const json_t *v)
{
	buf_addc(b, ',');
	if (json_is_integer(v)) buf_addi(b, json_integer_value(v));
	if (json_is_boolean(v)) buf_adds(b, json_is_true(v) ? "有 yes" : "无 no");
	if (json_is_string(v)) reports_csv_text(b, json_string_value(v));
}

static void add_line(struct buf *b, const json_t *station, const json_t *last, const char *status, const json_t *one)
{
	static const char *const members[] = {"point", "name", "unit", "wanted", "value", "note"};
	buf_adds(b, fields_text(station, "station"));
	add_cell(b, json_object_get(station, "title"));
	add_cell(b, json_object_get(last, "at"));
	add_cell(b, json_object_get(last, "version"));
	buf_addf(b, ",%s", status);
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		add_cell(b, json_object_get(one, members[i]));
	buf_adds(b, "\r\n");
}

static void add_lines(struct buf *b, const json_t *station)
{
	size_t i;
	const json_t *last = fields_get(station, "last"), *lacks = json_object_get(last, "short"), *one;
	if (!last) add_line(b, station, NULL, "未自查 none", NULL);
	if (last && !json_is_array(lacks)) add_line(b, station, last, "标准未知 unknown standard", NULL);
	if (json_is_array(lacks) && json_array_size(lacks) == 0) add_line(b, station, last, "达标 met", NULL);
	json_array_foreach(lacks, i, one) {
		add_line(b, station, last, "不足 short", one);
	}
}

static void answer_csv(struct call *c, const json_t *all)
{
	size_t i;
	const json_t *station;
	struct buf b;
	struct err e = {0};
	buf_init(&b, CSV_MAX);
	buf_adds(&b,
	         REPORTS_BOM "地区编码 station,名称 title,自查时间 at,标准版本 version,结果 status,要点编码 point,要点 "
	                     "name,单位 unit,标准 wanted,现状 value,说明 note\r\n");
	json_array_foreach(json_object_get(all, "items"), i, station) {
		add_lines(&b, station);
	}
	if (b.bad) {
		call_error(c, err_set(&e, ERR_NOMEM, "self-checks"), &e);
	} else {
		http_reply_header(c->req, "Content-Disposition", "attachment; filename=\"xinke-selfchecks.csv\"");
		http_reply(c->req, 200, "text/csv; charset=utf-8", b.data, b.len);
	}
	buf_release(&b);
}

static void run(struct call *c, struct worker *w)
{
	struct err e = {0};
	json_t *all = NULL;
	int rc = read_all(c, w, &all, &e);
	if (rc == (int)ERR_NOTFOUND)
		http_problem_code(c->req, PROBLEM_NOT_FOUND, NULL);
	else if (rc)
		call_error(c, rc, &e);
	else if (c->csv)
		answer_csv(c, all);
	else
		http_reply_json(c->req, 200, json_incref(all));
	json_decref(all);
}

void selfcheck_get(struct http_req *req, void *ctx)
{
	static const char *const known[] = {"station", "format", NULL};
	struct problem p = {0};
	if (!http_req_query_only(req, known)) return;
	struct call *c = call_new(ctx, req, run);
	if (!c) return;
	c->csv = call_read_format(c, &p);
	call_read_station(c, &p);
	if (problem_any(&p))
		call_refuse(c, &p);
	else
		call_submit(c);
}
