/* See staff.h. A password that somebody else gives out is made here, random, shown once in the answer, and opens nothing but
 * the change of it. */
#include "gateway/staff.h"

#include "gateway/answer.h"
#include "gateway/audit.h"
#include "gateway/readers.h"
#include "shared/fields.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROLES "clerk|lead|technician"

static const struct field fresh[] = {
    {.name = "name", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 50},
    {.name = "display", .kind = FIELD_NAME},
    {.name = "role", .kind = FIELD_ENUM, .flags = FIELD_REQUIRED, .words = ROLES},
    {.name = NULL},
};

static const struct field change[] = {
    {.name = "display", .kind = FIELD_NAME},
    {.name = "role", .kind = FIELD_ENUM, .words = ROLES},
    {.name = "disabled", .kind = FIELD_BOOL},
    {.name = NULL},
};

static const struct field passwords[] = {
    {.name = "password", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = ACCOUNT_PASSWORD_MAX},
    {.name = "new_password", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = ACCOUNT_PASSWORD_MAX},
    {.name = NULL},
};

static json_t *staff_json(const struct staff *s)
{
	char at[CLOCK_TEXT];
	clock_text(s->created_at, at);
	return json_pack("{s:I, s:s, s:s, s:s, s:b, s:b, s:s}", "id", (json_int_t)s->id, "name", s->name, "display",
	                 s->display, "role", s->role, "disabled", s->disabled, "must_change_password", s->must_change,
	                 "created_at", at);
}

/* The account that the path names, 0 when that is no number. */
static int64_t id_of(const struct http_req *req)
{
	const char *text = http_req_param(req, "id");
	char *end = NULL;
	errno = 0;
	long long v = *text >= '1' && *text <= '9' ? strtoll(text, &end, 10) : 0;
	return end && !*end && !errno ? v : 0;
}

/* Parks the request for FN, once its body is as TABLE says; false when it was answered. */
static bool checked(struct http_req *req, const struct field *table)
{
	struct problem p = {0};
	if (!answer_no_query(req)) return false;
	if (!table || fields_check(http_req_json(req), table, "", &p)) return true;
	http_problem(req, &p);
	return false;
}

/* --- reading --- */

struct list {
	json_t *items;
	bool failed;
};

static void add_row(const struct staff *s, void *arg)
{
	struct list *x = arg;
	x->failed |= json_array_append_new(x->items, staff_json(s)) != 0;
}

void staff_get(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	struct err e = {0};
	if (!checked(req, NULL)) return;
	struct list x = {.items = json_array()};
	struct ledger *l = readers_take(gw->readers);
	int rc = ledger_staff_list(l, add_row, &x, &e);
	readers_give(gw->readers, l);
	if (!rc && x.failed) rc = err_set(&e, ERR_NOMEM, "staff");
	if (rc)
		answer_error(gw, req, rc, &e);
	else
		http_reply_json(req, 200, json_pack("{s:O, s:n}", "items", x.items, "next"));
	json_decref(x.items);
}

/* Answers with account ID as it is now, and its PASSWORD unless that is NULL. */
static void answer_account(struct gateway *gw, struct http_req *req, struct ledger *l, int64_t id, int status,
                           const char *password)
{
	struct staff s;
	struct err e = {0};
	int rc = ledger_staff_get(l, id, &s, &e);
	if (rc == (int)ERR_NOTFOUND) {
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
		return;
	}
	json_t *o = rc ? NULL : staff_json(&s);
	if (o && password && json_object_set_new(o, "password", json_string(password))) {
		json_decref(o);
		o = NULL;
	}
	if (rc)
		answer_error(gw, req, rc, &e);
	else
		http_reply_json(req, status, o);
}

void staff_one_get(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	if (!checked(req, NULL)) return;
	struct ledger *l = readers_take(gw->readers);
	answer_account(gw, req, l, id_of(req), 200, NULL);
	readers_give(gw->readers, l);
}

/* --- changing --- */

static int one_time(char plain[PASSWORD_RANDOM_MAX], char hash[PASSWORD_HASH_MAX], struct err *e)
{
	password_random(plain, PASSWORD_RANDOM_MAX);
	return password_hash(plain, hash) ? err_set(e, ERR_NOMEM, "password") : ERR_OK;
}

static void run_add(struct gateway *gw, struct http_req *req, struct ledger *l)
{
	const json_t *body = http_req_json(req);
	char plain[PASSWORD_RANDOM_MAX], hash[PASSWORD_HASH_MAX], location[64];
	struct problem p = {0};
	struct err e = {0};
	int64_t id = 0;
	const struct staff_actor by = sessions_actor(req);
	const char *name = fields_text(body, "name"), *display = fields_text(body, "display");
	const struct staff_change c = {
	    .display = *display ? display : name, .role = fields_text(body, "role"), .password = hash, .once = true};
	int rc = one_time(plain, hash, &e);
	if (!rc) rc = ledger_begin(l, &e);
	if (!rc) rc = ledger_staff_add(l, &by, name, &c, &id, &p, &e);
	if (sessions_end(gw, req, l, rc, &p, &e)) {
		(void)snprintf(location, sizeof location, "/api/v1/staff/%" PRId64, id);
		http_reply_header(req, "Location", location);
		answer_account(gw, req, l, id, 201, plain);
	}
	explicit_bzero(plain, sizeof plain);
}

void staff_post(struct http_req *req, void *ctx)
{
	if (checked(req, fresh)) sessions_run(ctx, req, run_add);
}

static void run_change(struct gateway *gw, struct http_req *req, struct ledger *l)
{
	const json_t *body = http_req_json(req), *disabled = fields_get(body, "disabled");
	struct problem p = {0};
	struct err e = {0};
	const struct staff_actor by = sessions_actor(req);
	const struct staff_change c = {.display = json_string_value(fields_get(body, "display")),
	                               .role = json_string_value(fields_get(body, "role")),
	                               .disabled = disabled ? json_is_true(disabled) : -1};
	int rc = ledger_begin(l, &e);
	if (!rc) rc = ledger_staff_change(l, &by, id_of(req), &c, &p, &e);
	if (sessions_end(gw, req, l, rc, &p, &e)) answer_account(gw, req, l, id_of(req), 200, NULL);
}

void staff_one_patch(struct http_req *req, void *ctx)
{
	struct problem p = {0};
	if (!checked(req, change)) return;
	if (json_object_size(http_req_json(req)) > 0) {
		sessions_run(ctx, req, run_change);
		return;
	}
	problem_field(&p, "", "required", "display, role or disabled");
	http_problem(req, &p);
}

static void run_reset(struct gateway *gw, struct http_req *req, struct ledger *l)
{
	char plain[PASSWORD_RANDOM_MAX], hash[PASSWORD_HASH_MAX];
	struct problem p = {0};
	struct err e = {0};
	const struct staff_actor by = sessions_actor(req);
	const struct staff_change c = {.password = hash, .once = true, .disabled = -1};
	int rc = one_time(plain, hash, &e);
	if (!rc) rc = ledger_begin(l, &e);
	if (!rc) rc = ledger_staff_change(l, &by, id_of(req), &c, &p, &e);
	if (sessions_end(gw, req, l, rc, &p, &e)) answer_account(gw, req, l, id_of(req), 200, plain);
	explicit_bzero(plain, sizeof plain);
}

void staff_reset_post(struct http_req *req, void *ctx)
{
	if (checked(req, NULL)) sessions_run(ctx, req, run_reset);
}

/* --- one's own --- */

struct own {
	struct ledger *l;
	struct http_req *req;
	const char *hash; /* of the new one */
};

static int with_old(const struct account_result *r, void *arg, struct err *e)
{
	struct own *x = arg;
	const struct audit_entry what = {.action = AUDIT_PASSWORD_CHANGE, .refused = !r->good};
	const struct staff_actor by = sessions_actor(x->req);
	int rc = ledger_audit(x->l, &by.who, &what, e);
	if (!rc) rc = audit_locked(x->l, &by.who, r, e);
	return rc || !r->good ? rc : ledger_staff_own_password(x->l, &sessions_caller(x->req)->account, x->hash, e);
}

static void run_password(struct gateway *gw, struct http_req *req, struct ledger *l)
{
	const json_t *body = http_req_json(req);
	char hash[PASSWORD_HASH_MAX];
	struct problem p = {0};
	struct err e = {0};
	struct own x = {.l = l, .req = req, .hash = hash};
	const struct account_try t = {.name = sessions_caller(req)->account.name,
	                              .password = fields_text(body, "password"),
	                              .peer = http_req_peer(req),
	                              .now = ledger_now(l).wall,
	                              .then = with_old,
	                              .arg = &x};
	int rc = password_hash(fields_text(body, "new_password"), hash) ? err_set(&e, ERR_NOMEM, "password") : ERR_OK;
	if (!rc) rc = account_prove(ledger_db(l), sessions_queries(), &t, &p, &e);
	if (rc)
		answer_error(gw, req, rc, &e);
	else if (problem_any(&p))
		http_problem(req, &p);
	else
		http_reply(req, 204, NULL, "", 0);
}

void staff_password_post(struct http_req *req, void *ctx)
{
	struct problem p = {0};
	if (!checked(req, passwords)) return;
	const json_t *body = http_req_json(req);
	const char *new = fields_text(body, "new_password"),
	           *fault = password_weak(new, sessions_caller(req)->account.name);
	if (!fault && strcmp(new, fields_text(body, "password")) == 0) fault = "same";
	if (!fault) {
		sessions_run(ctx, req, run_password);
		return;
	}
	problem_field(&p, "/new_password", fault, "%d characters or more; not the name, the old one, or a simple row",
	              PASSWORD_MIN);
	http_problem(req, &p);
}
