/* See boxes.h. */
#include "sync/county/boxes.h"

#include "shared/casejson.h"
#include "shared/caseview.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/limits.h"
#include "shared/text.h"
#include "sync/county/call.h"

#include <stdlib.h>
#include <string.h>

/* --- how they are --- */

static const char *text_of(struct db_stmt *q, int col)
{
	const char *t = db_text(q, col);
	return t ? t : "";
}

/* What the box still had to send when it was last seen: its own head, if it said so, less ours. */
static json_t *backlog(struct db_stmt *q)
{
	json_t *health = NULL;
	struct err none = {0};
	const char *text = db_text(q, 11);
	if (!text || json_parse_strict(text, strlen(text), LIMIT_DEPTH + 8, &health, &none)) return json_null();
	int64_t head = fields_int(health, "head", -1), behind = head - db_int(q, 4);
	json_decref(health);
	return head < 0 ? json_null() : json_integer(behind > 0 ? behind : 0);
}

static json_t *text_or_null(const char *t)
{
	return *t ? json_string(t) : json_null();
}

/* A row of log_list or log_one. */
static json_t *box_json(struct db_stmt *q)
{
	int rc = ERR_OK;
	char log[UUID_TEXT] = "";
	size_t n;
	const void *id = db_blob(q, 0, &n);
	if (id && n == UUID_LEN) uuid_text(id, log);
	json_t *o = json_object();
	caseview_set(o, "log", json_string(log), &rc);
	caseview_set(o, "box", json_integer(db_int(q, 2)), &rc);
	caseview_set(o, "state", json_string(text_of(q, 3)), &rc);
	caseview_set(o, "head", json_integer(db_int(q, 4)), &rc);
	if (db_is_null(q, 7))
		caseview_set(o, "last_seen_at", json_null(), &rc);
	else
		casejson_time(o, "last_seen_at", db_int(q, 7), &rc);
	caseview_set(o, "software", text_or_null(text_of(q, 8)), &rc);
	caseview_set(o, "clock", text_or_null(text_of(q, 9)), &rc);
	casejson_time(o, "certificate_not_after", db_int(q, 5), &rc);
	caseview_set(o, "backlog", backlog(q), &rc);
	if (!rc) return o;
	json_decref(o);
	return NULL;
}

static int add_boxes(struct store *s, json_t *station, struct err *e)
{
	int r = 0, rc = ERR_OK;
	json_t *boxes = json_object_get(station, "boxes");
	struct db_stmt *q = db_query(s->db, Q_log_list, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", fields_text(station, "code"));
	while (!rc && (r = db_step(q, e)) > 0)
		if (json_array_append_new(boxes, box_json(q))) rc = err_set(e, ERR_NOMEM, "boxes");
	db_reset(q);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

static int add_stations(struct store *s, json_t *rows, struct err *e)
{
	int r = 0, rc = ERR_OK;
	struct db_stmt *q = db_query(s->db, Q_station_list, e);
	if (!q) return ERR_IO;
	while (!rc && (r = db_step(q, e)) > 0) {
		const char *township = text_of(q, 4);
		json_t *one =
		    json_pack("{s:s, s:s, s:s, s:s, s:s?, s:[]}", "code", text_of(q, 0), "name", text_of(q, 1), "title",
		              text_of(q, 2), "tier", text_of(q, 3), "township", *township ? township : NULL, "boxes");
		if (json_array_append_new(rows, one)) rc = err_set(e, ERR_NOMEM, "stations");
	}
	db_reset(q);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

int boxes_stations(struct store *s, json_t **out, struct err *e)
{
	size_t i;
	json_t *one, *rows = json_array();
	*out = NULL;
	int rc = rows ? add_stations(s, rows, e) : err_set(e, ERR_NOMEM, "stations");
	json_array_foreach(rows, i, one) {
		if (!rc) rc = add_boxes(s, one, e);
	}
	if (!rc) *out = json_pack("{s:O, s:n}", "items", rows, "next");
	if (!rc && !*out) rc = err_set(e, ERR_NOMEM, "stations");
	json_decref(rows);
	return rc;
}

int boxes_one(struct store *s, const uint8_t log[UUID_LEN], json_t **out, struct err *e)
{
	*out = NULL;
	struct db_stmt *q = db_query(s->db, Q_log_one, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "log", log, UUID_LEN);
	int r = db_step(q, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_NOTFOUND, "no such box");
	*out = box_json(q);
	db_reset(q);
	return *out ? ERR_OK : err_set(e, ERR_NOMEM, "box");
}

/* --- codes --- */

/* Percent-encodes all but unreserved characters (RFC 3986 section 2.3). */
static void escape(struct buf *b, const char *s)
{
	for (; *s; s++) {
		bool plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
		             strchr("-._~", *s);
		if (plain)
			buf_addc(b, *s);
		else
			buf_addf(b, "%%%02X", (unsigned)(unsigned char)*s);
	}
}

int boxes_code(struct county *c, struct store *s, const char *station, const char *by, json_t **out, struct err *e)
{
	char code[COUNTY_CODE_MAX], root[TEXT_HEX_LEN(DIGEST_LEN)], at[CLOCK_TEXT];
	int64_t expires = 0;
	struct buf uri;
	*out = NULL;
	int rc = county_enrol_code(c, s, station, by, code, &expires, e);
	if (rc) return rc;
	text_hex(ca_root_info(c->ca)->fingerprint, DIGEST_LEN, root);
	clock_text(expires, at);
	buf_init(&uri, 2048);
	buf_adds(&uri, "xinke-enrol:?url=");
	escape(&uri, c->cfg->sync_url);
	buf_addf(&uri, "&root=%s&code=%s", root, code);
	*out = uri.bad ? NULL
	               : json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "code", code, "station", station, "url",
	                           c->cfg->sync_url, "root_sha256", root, "expires_at", at, "uri", uri.data);
	buf_release(&uri);
	return *out ? ERR_OK : err_set(e, ERR_NOMEM, "enrolment code");
}

/* --- retiring and revoking --- */

static int set_state(struct county *c, struct store *s, const uint8_t log[UUID_LEN], enum log_state st, const char *by,
                     const char *reason, struct problem *p, struct err *e)
{
	struct store_log l;
	struct err none = {0};
	int rc = store_log(s, log, &l, &none);
	if (rc == (int)ERR_NOTFOUND) {
		problem_set(p, PROBLEM_NOT_FOUND, NULL);
		return ERR_OK;
	}
	if (rc) return err_set(e, none.code, "%s", none.msg);
	if (l.state == st) return ERR_OK;
	if (l.state == LOG_REVOKED) {
		problem_set(p, PROBLEM_CONFLICT, "this box is revoked");
		return ERR_OK;
	}
	rc = store_log_state(s, log, st, e);
	return rc ? rc
	          : store_alarm(s, l.station, log_state_name(st), county_now(c), e, "box %d %s by %s: %s", l.box,
	                        log_state_name(st), by, reason);
}

int boxes_set(struct county *c, struct store *s, const uint8_t log[UUID_LEN], enum log_state st, const char *by,
              const char *reason, struct problem *p, struct err *e)
{
	char id[UUID_TEXT];
	int rc = store_begin(s, e);
	if (rc) return rc;
	rc = set_state(c, s, log, st, by, reason, p, e);
	if (!rc && !problem_any(p)) rc = store_commit(s, e);
	store_rollback(s);
	uuid_text(log, id);
	if (!rc && !problem_any(p)) log_info(c->log, "box_state", "log=%s state=%s", id, log_state_name(st));
	return rc;
}

/* --- the API --- */

static void answer(struct call *c, int status, int rc, json_t *body, const struct err *e)
{
	if (!rc)
		http_reply_json(c->req, status, body);
	else if (rc == (int)ERR_NOTFOUND)
		http_problem_code(c->req, PROBLEM_NOT_FOUND, NULL);
	else
		call_error(c, rc, e);
}

static void stations(struct call *c, struct worker *w)
{
	struct err e = {0};
	json_t *out = NULL;
	int rc = boxes_stations(w->store, &out, &e);
	answer(c, 200, rc, out, &e);
}

void boxes_stations_get(struct http_req *req, void *ctx)
{
	call_plain(ctx, req, stations);
}

static void code(struct call *c, struct worker *w)
{
	struct err e = {0};
	struct problem p = {0};
	json_t *out = NULL;
	int rc = boxes_code(c->county, w->store, c->station, c->who.account.name, &out, &e);
	if (rc == (int)ERR_NOTFOUND) {
		problem_field(&p, "/station", "value", "no such station");
		http_problem(c->req, &p);
		return;
	}
	if (!rc)
		log_info(c->county->log, "enrolment_code", "station=%s account=%lld", c->station,
		         (long long)c->who.account.id);
	answer(c, 201, rc, out, &e);
}

void boxes_code_post(struct http_req *req, void *ctx)
{
	static const char *const none[] = {NULL};
	static const struct field shape[] = {
	    {.name = "station", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 12, .max = 12},
	    {.name = NULL},
	};
	struct problem p = {0};
	if (!http_req_query_only(req, none)) return;
	struct call *c = call_new(ctx, req, code);
	if (!c) return;
	const char *station = fields_text(http_req_json(req), "station");
	if (fields_check(http_req_json(req), shape, "", &p) && strspn(station, "0123456789") != 12)
		problem_field(&p, "/station", "format", "12 digits are wanted");
	(void)snprintf(c->station, sizeof c->station, "%s", station);
	if (problem_any(&p))
		call_refuse(c, &p);
	else
		call_submit(c);
}

static void set(struct call *c, struct worker *w, enum log_state st)
{
	struct err e = {0};
	struct problem p = {0};
	json_t *out = NULL;
	int rc = boxes_set(c->county, w->store, c->id, st, c->who.account.name,
	                   fields_text(http_req_json(c->req), "reason"), &p, &e);
	if (!rc && problem_any(&p)) {
		http_problem(c->req, &p);
		return;
	}
	if (!rc) rc = boxes_one(w->store, c->id, &out, &e);
	answer(c, 200, rc, out, &e);
}

static void retire(struct call *c, struct worker *w)
{
	set(c, w, LOG_RETIRED);
}

static void revoke(struct call *c, struct worker *w)
{
	set(c, w, LOG_REVOKED);
}

static void set_post(struct http_req *req, struct serve *sv, call_fn *fn)
{
	static const char *const none[] = {NULL};
	static const struct field shape[] = {
	    {.name = "reason", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 200},
	    {.name = NULL},
	};
	struct problem p = {0};
	if (!http_req_query_only(req, none)) return;
	struct call *c = call_new(sv, req, fn);
	if (!c || !call_path_id(c, "log")) return;
	if (fields_check(http_req_json(req), shape, "", &p))
		call_submit(c);
	else
		call_refuse(c, &p);
}

void boxes_retire_post(struct http_req *req, void *ctx)
{
	set_post(req, ctx, retire);
}

void boxes_revoke_post(struct http_req *req, void *ctx)
{
	set_post(req, ctx, revoke);
}

static int alarm_rows(struct call *c, struct worker *w, json_t *rows, int64_t *last, bool *more, struct err *e)
{
	int r = 0, rc = ERR_OK;
	struct db_stmt *q = db_query(w->store->db, Q_alarm_list, e);
	if (!q) return ERR_IO;
	db_bind_int(q, "before", c->before);
	db_bind_int(q, "limit", c->limit + 1);
	while (!rc && (r = db_step(q, e)) > 0) {
		const char *station = text_of(q, 2);
		*more = (int)json_array_size(rows) == c->limit;
		if (*more) break;
		*last = db_int(q, 0);
		json_t *one = json_pack("{s:I, s:s?, s:s, s:s}", "id", (json_int_t)*last, "station",
		                        *station ? station : NULL, "kind", text_of(q, 3), "detail", text_of(q, 4));
		casejson_time(one, "at", db_int(q, 1), &rc);
		if (json_array_append_new(rows, one) || rc) rc = err_set(e, ERR_NOMEM, "alarms");
	}
	db_reset(q);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

static void alarms(struct call *c, struct worker *w)
{
	char cursor[CALL_CURSOR_MAX];
	struct err e = {0};
	int64_t last = 0;
	bool more = false;
	json_t *rows = json_array(), *out = NULL;
	int rc = rows ? alarm_rows(c, w, rows, &last, &more, &e) : err_set(&e, ERR_NOMEM, "alarms");
	call_cursor(last, NULL, 0, cursor);
	if (!rc) out = json_pack("{s:O, s:s?}", "items", rows, "next", more ? cursor : NULL);
	json_decref(rows);
	answer(c, 200, rc, out, &e);
}

void boxes_alarms_get(struct http_req *req, void *ctx)
{
	static const char *const known[] = {"cursor", "limit", NULL};
	struct problem p = {0};
	if (!http_req_query_only(req, known)) return;
	struct call *c = call_new(ctx, req, alarms);
	if (!c) return;
	const char *cursor = http_req_query(req, "cursor");
	call_read_limit(c, &p);
	if (cursor && !call_cursor_read(cursor, &c->before, NULL, 0))
		problem_field(&p, "/?cursor", "format", "not a cursor of this list");
	if (problem_any(&p))
		call_refuse(c, &p);
	else
		call_submit(c);
}
