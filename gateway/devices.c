/* See devices.h. */
#include "gateway/devices.h"

#include "gateway/answer.h"
#include "gateway/audit.h"
#include "gateway/readers.h"
#include "shared/fields.h"
#include "shared/http/bearer.h"
#include "shared/ledger/device.h"

#include <stdio.h>
#include <string.h>

static const struct field fresh[] = {
    {.name = "name", .kind = FIELD_NAME, .flags = FIELD_REQUIRED},
    {.name = NULL},
};

static const struct field pin_shape[] = {
    {.name = "pin", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 32},
    {.name = "password", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = ACCOUNT_PASSWORD_MAX},
    {.name = NULL},
};

static json_t *device_json(const struct device *d, const struct session *caller)
{
	char id[UUID_TEXT], asked[CLOCK_TEXT], decided[CLOCK_TEXT], seen[CLOCK_TEXT];
	uuid_text(d->id, id);
	clock_text(d->created_at, asked);
	clock_text(d->decided_at, decided);
	clock_text(d->seen_at, seen);
	return json_pack("{s:s, s:s, s:s, s:{s:I, s:s}, s:s, s:s, s:s?, s:s?, s:b}", "id", id, "name", d->name, "state",
	                 d->state, "staff", "id", (json_int_t)d->staff, "name", d->staff_name, "created_at", asked,
	                 "seen_at", seen, "decided_by", *d->decided_by ? d->decided_by : NULL, "decided_at",
	                 d->decided_at ? decided : NULL, "current", strcmp(d->name, caller->account.device) == 0);
}

/* --- reading --- */

struct list {
	json_t *items;
	const struct session *caller;
	bool failed;
};

static void add_row(const struct device *d, void *arg)
{
	struct list *x = arg;
	x->failed |= json_array_append_new(x->items, device_json(d, x->caller)) != 0;
}

void devices_get(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	struct err e = {0};
	if (!answer_no_query(req)) return;
	struct list x = {.items = json_array(), .caller = sessions_caller(req)};
	bool all = x.caller->role != ROLE_CLERK;
	struct ledger *l = readers_take(gw->readers);
	int rc = ledger_device_list(l, all ? 0 : x.caller->account.id, add_row, &x, &e);
	readers_give(gw->readers, l);
	if (!rc && x.failed) rc = err_set(&e, ERR_NOMEM, "devices");
	if (rc)
		answer_error(gw, req, rc, &e);
	else
		http_reply_json(req, 200, json_pack("{s:O, s:n}", "items", x.items, "next"));
	json_decref(x.items);
}

/* --- registering --- */

static void answer_fresh(struct http_req *req, const struct device *d, const char *token)
{
	struct session now = *sessions_caller(req); /* which is one of this phone from here on */
	(void)memcpy(now.account.device, d->name, sizeof now.account.device);
	json_t *o = device_json(d, &now);
	if (o && json_object_set_new(o, "token", json_string(token))) {
		json_decref(o);
		o = NULL;
	}
	bearer_set_device(req, token);
	http_reply_json(req, 201, o);
}

static void run_add(struct gateway *gw, struct http_req *req, struct ledger *l)
{
	char token[ACCOUNT_TOKEN_MAX];
	uint8_t hash[DIGEST_LEN];
	struct device d = {0};
	struct problem p = {0};
	struct err e = {0};
	const struct staff_actor by = sessions_actor(req);
	account_token_new(token, hash);
	int rc = ledger_begin(l, &e);
	if (!rc)
		rc = ledger_device_add(l, &by, &sessions_caller(req)->account, fields_text(http_req_json(req), "name"),
		                       token, &d, &p, &e);
	if (sessions_end(gw, req, l, rc, &p, &e)) answer_fresh(req, &d, token);
	explicit_bzero(token, sizeof token);
}

void devices_post(struct http_req *req, void *ctx)
{
	struct problem p = {0};
	if (!answer_no_query(req)) return;
	if (fields_check(http_req_json(req), fresh, "", &p)) {
		sessions_run(ctx, req, run_add);
		return;
	}
	http_problem(req, &p);
}

/* --- deciding --- */

static void decide(struct gateway *gw, struct http_req *req, struct ledger *l, const char *state)
{
	uint8_t id[UUID_LEN];
	struct device d = {0};
	struct problem p = {0};
	struct err e = {0};
	const struct staff_actor by = sessions_actor(req);
	if (!uuid_parse(http_req_param(req, "id"), id)) {
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
		return;
	}
	int rc = ledger_begin(l, &e);
	if (!rc) rc = ledger_device_decide(l, &by, id, state, &d, &p, &e);
	if (sessions_end(gw, req, l, rc, &p, &e)) http_reply_json(req, 200, device_json(&d, sessions_caller(req)));
}

static void run_approve(struct gateway *gw, struct http_req *req, struct ledger *l)
{
	decide(gw, req, l, "approved");
}

static void run_revoke(struct gateway *gw, struct http_req *req, struct ledger *l)
{
	decide(gw, req, l, "revoked");
}

void devices_approve_post(struct http_req *req, void *ctx)
{
	if (answer_no_query(req)) sessions_run(ctx, req, run_approve);
}

void devices_revoke_post(struct http_req *req, void *ctx)
{
	if (answer_no_query(req)) sessions_run(ctx, req, run_revoke);
}

/* --- the PIN --- */

struct setting {
	struct ledger *l;
	struct http_req *req;
	const struct device *device;
	const char *hash;
};

static int with_password(const struct account_result *r, void *arg, struct err *e)
{
	struct setting *x = arg;
	const struct staff_actor by = sessions_actor(x->req);
	const struct audit_entry wrong = {.action = AUDIT_PIN_SET, .subject = x->device->name, .refused = true};
	struct device now;
	int rc;
	if (!r->good) {
		rc = audit_note(x->l, x->req, &wrong, e);
		return rc ? rc : audit_locked(x->l, &by.who, r, e);
	}
	rc = ledger_device_get(x->l, x->device->id, &now, e); /* it may have been revoked meanwhile */
	if (!rc && strcmp(now.state, "approved") != 0) rc = err_set(e, ERR_CONFLICT, "the phone is %s", now.state);
	return rc ? rc : ledger_device_set_pin(x->l, &by, &now, x->hash, e);
}

static int prove(struct ledger *l, struct http_req *req, const struct device *d, struct problem *p, struct err *e)
{
	const json_t *body = http_req_json(req);
	char hash[PASSWORD_HASH_MAX];
	struct setting x = {.l = l, .req = req, .device = d, .hash = hash};
	const struct account_try t = {.name = sessions_caller(req)->account.name,
	                              .password = fields_text(body, "password"),
	                              .peer = http_req_peer(req),
	                              .now = ledger_now(l).wall,
	                              .then = with_password,
	                              .arg = &x};
	if (password_hash(fields_text(body, "pin"), hash)) return err_set(e, ERR_NOMEM, "PIN");
	return account_prove(ledger_db(l), sessions_queries(), &t, p, e);
}

static void run_pin(struct gateway *gw, struct http_req *req, struct ledger *l)
{
	struct device d;
	struct problem p = {0};
	struct err e = {0};
	int rc = ledger_device_of_session(l, sessions_caller(req)->account.session, &d, &e);
	if (!rc && strcmp(d.state, "approved") != 0)
		problem_set(&p, PROBLEM_CONFLICT,
		            d.n ? "this phone is not approved yet" : "this session is of no phone");
	if (!rc && !problem_any(&p)) rc = prove(l, req, &d, &p, &e);
	if (rc == (int)ERR_CONFLICT) {
		problem_set(&p, PROBLEM_CONFLICT, "%s", e.msg);
		rc = ERR_OK;
	}
	if (rc)
		answer_error(gw, req, rc, &e);
	else if (problem_any(&p))
		http_problem(req, &p);
	else
		http_reply(req, 204, NULL, "", 0);
}

void devices_pin_put(struct http_req *req, void *ctx)
{
	struct problem p = {0};
	if (!answer_no_query(req)) return;
	const json_t *body = http_req_json(req);
	const char *fault = fields_check(body, pin_shape, "", &p) ? password_pin_weak(fields_text(body, "pin")) : NULL;
	if (fault) problem_field(&p, "/pin", fault, "%d digits that are not a simple row", PASSWORD_PIN_LEN);
	if (problem_any(&p))
		http_problem(req, &p);
	else
		sessions_run(ctx, req, run_pin);
}
