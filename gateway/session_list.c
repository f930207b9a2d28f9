/* See session_list.h. A session is called by an id of its own, which opens nothing. */
#include "gateway/session_list.h"

#include "gateway/answer.h"
#include "gateway/audit.h"
#include "gateway/readers.h"
#include "gateway/signin.h"
#include "shared/db/db.h"
#include "shared/http/bearer.h"

#include <string.h>

static bool manages(const struct session *who)
{
	return (who->role & (ROLE_LEAD | ROLE_TECHNICIAN)) != 0;
}

/* A row of session_list or session_by_id. */
static void read_row(struct db_stmt *s, struct account *a)
{
	*a = (struct account){
	    .id = db_int(s, 1), .opened_at = db_int(s, 5), .seen_at = db_int(s, 6), .expires_at = db_int(s, 7)};
	(void)db_copy_blob(s, 0, a->session, UUID_LEN);
	db_copy_text(s, 2, a->name, sizeof a->name);
	db_copy_text(s, 3, a->display, sizeof a->display);
	db_copy_text(s, 4, a->role, sizeof a->role);
}

static json_t *row_json(struct db_stmt *s, const struct session *caller)
{
	struct account a;
	char id[UUID_TEXT], opened[CLOCK_TEXT], seen[CLOCK_TEXT], ends[CLOCK_TEXT], device[UUID_TEXT] = "";
	uint8_t phone[UUID_LEN];
	read_row(s, &a);
	uuid_text(a.session, id);
	clock_text(a.opened_at, opened);
	clock_text(a.seen_at, seen);
	clock_text(a.expires_at, ends);
	if (db_copy_blob(s, 9, phone, UUID_LEN)) uuid_text(phone, device);
	return json_pack("{s:s, s:o, s:o, s:s, s:s, s:s, s:s, s:b}", "id", id, "staff", signin_staff_json(&a), "device",
	                 *device ? json_pack("{s:s, s:s}", "id", device, "name", db_text(s, 10)) : json_null(),
	                 "created_at", opened, "seen_at", seen, "expires_at", ends, "peer", db_text(s, 8), "current",
	                 memcmp(a.session, caller->account.session, UUID_LEN) == 0);
}

static int list(struct ledger *l, const struct session *caller, int64_t staff, json_t *items, struct err *e)
{
	int r = 0, rc = ERR_OK;
	int64_t now = ledger_now(l).wall;
	struct db_stmt *s = db_query(ledger_db(l), QUERY_session_list, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "staff", staff);
	db_bind_int(s, "now", now);
	db_bind_int(s, "idle", now - ACCOUNT_IDLE_MS);
	while (!rc && (r = db_step(s, e)) > 0)
		if (json_array_append_new(items, row_json(s, caller))) rc = err_set(e, ERR_NOMEM, "sessions");
	db_reset(s);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

static void run_refuse(struct gateway *gw, struct http_req *req, struct ledger *l)
{
	struct err e = {0};
	const struct audit_entry what = {.action = AUDIT_FORBIDDEN, .subject = "GET /api/v1/sessions", .refused = true};
	int rc = audit_note(l, req, &what, &e);
	if (rc)
		answer_error(gw, req, rc, &e);
	else
		http_problem_code(req, PROBLEM_FORBIDDEN, "another's sessions");
}

/* Whose sessions are asked for: 0 = everybody's. False when it answered. */
static bool whose(struct gateway *gw, struct http_req *req, int64_t *staff)
{
	static const char *const names[] = {"staff", NULL};
	const struct session *caller = sessions_caller(req);
	const char *text = http_req_query(req, "staff");
	struct problem p = {0};
	if (!http_req_query_only(req, names)) return false;
	*staff = caller->account.id;
	if (text && strcmp(text, "all") == 0)
		*staff = 0;
	else
		*staff = answer_query_int(req, "staff", 1, INT64_MAX, *staff, &p);
	if (problem_any(&p)) {
		http_problem(req, &p);
		return false;
	}
	if (*staff == caller->account.id || manages(caller)) return true;
	sessions_run(gw, req, run_refuse);
	return false;
}

void session_list_get(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	struct err e = {0};
	int64_t staff = 0;
	if (!whose(gw, req, &staff)) return;
	json_t *items = json_array();
	struct ledger *l = readers_take(gw->readers);
	int rc = list(l, sessions_caller(req), staff, items, &e);
	readers_give(gw->readers, l);
	if (rc)
		answer_error(gw, req, rc, &e);
	else
		http_reply_json(req, 200, json_pack("{s:O, s:n}", "items", items, "next"));
	json_decref(items);
}

static int find(struct ledger *l, const uint8_t id[UUID_LEN], struct account *out, struct err *e)
{
	*out = (struct account){0};
	struct db_stmt *s = db_query(ledger_db(l), QUERY_session_by_id, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "id", id, UUID_LEN);
	int r = db_step(s, e);
	if (r > 0) read_row(s, out);
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

static int end(struct ledger *l, struct http_req *req, const struct account *a, struct problem *p, struct err *e)
{
	const struct session *caller = sessions_caller(req);
	bool own = a->id == caller->account.id;
	struct audit_entry what = {.action = own ? AUDIT_SIGN_OUT : AUDIT_SESSION_END, .subject = own ? NULL : a->name};
	if (!a->id) {
		problem_set(p, PROBLEM_NOT_FOUND, NULL);
		return ERR_OK;
	}
	if (!own && !manages(caller)) {
		problem_set(p, PROBLEM_FORBIDDEN, "another's session");
		what.refused = true;
		return audit_note(l, req, &what, e);
	}
	struct db_stmt *s = db_query(ledger_db(l), QUERY_session_delete_id, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "id", a->session, UUID_LEN);
	int rc = db_run(s, e);
	return rc ? rc : audit_note(l, req, &what, e);
}

static void run_end(struct gateway *gw, struct http_req *req, struct ledger *l)
{
	struct err e = {0};
	struct problem p = {0};
	struct account a;
	uint8_t id[UUID_LEN];
	if (!uuid_parse(http_req_param(req, "id"), id)) {
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
		return;
	}
	int rc = ledger_begin(l, &e);
	if (!rc) rc = find(l, id, &a, &e);
	if (!rc) rc = end(l, req, &a, &p, &e);
	if (!sessions_end(gw, req, l, rc, &p, &e)) return;
	if (memcmp(id, sessions_caller(req)->account.session, UUID_LEN) == 0) bearer_set_cookie(req, NULL);
	http_reply(req, 204, NULL, "", 0);
}

void session_list_delete(struct http_req *req, void *ctx)
{
	if (answer_no_query(req)) sessions_run(ctx, req, run_end);
}
