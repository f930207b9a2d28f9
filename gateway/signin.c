/* See signin.h. A phone that has been registered sends its token along; a session remembers it, and so does each event. */
#include "gateway/signin.h"

#include "gateway/answer.h"
#include "gateway/audit.h"
#include "shared/fields.h"
#include "shared/http/bearer.h"
#include "shared/ledger/device.h"
#include "shared/text.h"

#include <string.h>

static const struct field credentials[] = {
    {.name = "name", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 64},
    {.name = "password", .kind = FIELD_LINE, .min = 1, .max = ACCOUNT_PASSWORD_MAX},
    {.name = "pin", .kind = FIELD_LINE, .min = PASSWORD_PIN_LEN, .max = PASSWORD_PIN_LEN},
    {.name = NULL},
};

json_t *signin_staff_json(const struct account *a)
{
	return json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)a->id, "name", a->name, "display", a->display,
	                 "role", a->role);
}

/* What a session is, without its token. */
static json_t *session_json(const struct account *a)
{
	char at[CLOCK_TEXT];
	clock_text(a->expires_at, at);
	return json_pack("{s:s, s:b, s:s?, s:o}", "expires_at", at, "must_change_password", a->must_change, "device",
	                 *a->device ? a->device : NULL, "staff", signin_staff_json(a));
}

/* A sign-in with the password, for what belongs into its transaction. */
struct entering {
	struct ledger *l;
	struct http_req *req;
	struct device device; /* n = 0: none, or one that counts no more */
	int64_t now;
	struct outbox_key *outbox;
};

static int note_failure(struct entering *x, const struct account_result *r, struct err *e)
{
	const char *name = r->account ? r->account->name : ""; /* of nobody: people type passwords where names belong */
	const struct audit_actor who = {r->account ? r->account->id : 0, name, x->device.name, http_req_peer(x->req)};
	const struct audit_entry failed = {AUDIT_SIGN_IN_FAILED, name, "password", true};
	int rc = ledger_audit(x->l, &who, &failed, e);
	return rc ? rc : audit_locked(x->l, &who, r, e);
}

static int with_outcome(const struct account_result *r, void *arg, struct err *e)
{
	struct entering *x = arg;
	if (!r->good) return note_failure(x, r, e);
	const struct audit_actor who = {r->account->id, r->account->name, x->device.name, http_req_peer(x->req)};
	const struct audit_entry done = {AUDIT_SIGN_IN, NULL, "password", false};
	int rc = x->device.n ? ledger_device_password(x->l, &x->device, r->account, r->token, x->now, e) : ERR_OK;
	if (!rc && x->device.n) rc = ledger_outbox_key(x->l, x->device.n, r->account->id, x->outbox, e);
	return rc ? rc : ledger_audit(x->l, &who, &done, e);
}

static int with_password(struct ledger *l, struct http_req *req, struct account *a, char token[ACCOUNT_TOKEN_MAX],
                         struct outbox_key *outbox, struct problem *p, struct err *e)
{
	const json_t *body = http_req_json(req);
	struct entering x = {.l = l, .req = req, .now = ledger_now(l).wall, .outbox = outbox};
	char device[ACCOUNT_TOKEN_MAX];
	int rc = bearer_device(req, device) ? ledger_device_of_token(l, device, &x.device, e) : ERR_OK;
	if (strcmp(x.device.state, "revoked") == 0) x.device = (struct device){0};
	const struct account_try t = {.name = fields_text(body, "name"),
	                              .password = fields_text(body, "password"),
	                              .peer = http_req_peer(req),
	                              .now = x.now,
	                              .then = with_outcome,
	                              .arg = &x};
	if (!rc) rc = account_sign_in(ledger_db(l), sessions_queries(), &t, a, token, p, e);
	(void)memcpy(a->device, x.device.name, sizeof a->device);
	return rc;
}

static int with_pin(struct ledger *l, struct http_req *req, struct account *a, char token[ACCOUNT_TOKEN_MAX],
                    struct outbox_key *outbox, struct problem *p, struct err *e)
{
	const json_t *body = http_req_json(req);
	char device[ACCOUNT_TOKEN_MAX];
	const struct pin_try t = {.name = fields_text(body, "name"),
	                          .pin = fields_text(body, "pin"),
	                          .device = device,
	                          .peer = http_req_peer(req),
	                          .now = ledger_now(l).wall,
	                          .outbox = outbox};
	if (bearer_device(req, device)) return ledger_pin_sign_in(l, sessions_queries(), &t, a, token, p, e);
	problem_set(p, PROBLEM_PASSWORD_WANTED, NULL);
	return ERR_OK;
}

/* A session as it is opened, with what is told this once: its token, and the key of the phone's outbox where there is one. */
static json_t *opened_json(const struct account *a, const char *token, const struct outbox_key *outbox)
{
	char key[TEXT_B64_LEN(OUTBOX_KEY_LEN)];
	json_t *o = session_json(a);
	int bad = !o || json_object_set_new(o, "token", json_string(token));
	if (!bad && outbox->has) {
		(void)text_b64(outbox->key, sizeof outbox->key, key);
		bad = json_object_set_new(o, "outbox_key", json_string(key));
		explicit_bzero(key, sizeof key);
	}
	if (!bad) return o;
	json_decref(o);
	return NULL;
}

static void welcome(struct http_req *req, const struct account *a, const char *token, const struct outbox_key *outbox)
{
	json_t *o = opened_json(a, token, outbox);
	bearer_set_cookie(req, token);
	http_reply_json(req, 201, o);
}

static void run_sign_in(struct gateway *gw, struct http_req *req, struct ledger *l)
{
	struct account a = {0};
	struct outbox_key outbox = {0};
	char token[ACCOUNT_TOKEN_MAX];
	struct problem p = {0};
	struct err e = {0};
	bool pin = fields_get(http_req_json(req), "pin") != NULL;
	int rc = (pin ? with_pin : with_password)(l, req, &a, token, &outbox, &p, &e);
	if (rc) {
		answer_error(gw, req, rc, &e);
	} else if (problem_any(&p)) {
		log_info(&gw->log, "sign_in_refused", "request=%s code=%s", http_req_id(req),
		         problem_row(p.code)->name);
		http_problem(req, &p);
	} else {
		log_info(&gw->log, "sign_in", "request=%s staff=%lld", http_req_id(req), (long long)a.id);
		welcome(req, &a, token, &outbox);
	}
	problem_release(&p);
	explicit_bzero(token, sizeof token);
	explicit_bzero(&outbox, sizeof outbox);
}

void signin_post(struct http_req *req, void *ctx)
{
	struct problem p = {0};
	if (!answer_no_query(req)) return;
	const json_t *body = http_req_json(req);
	if (fields_check(body, credentials, "", &p) && !fields_get(body, "password") == !fields_get(body, "pin"))
		problem_field(&p, "/password", "required", "either the password or, on an approved phone, the PIN");
	if (problem_any(&p))
		http_problem(req, &p);
	else
		sessions_run(ctx, req, run_sign_in);
}

void signin_current_get(struct http_req *req, void *ctx)
{
	(void)ctx;
	if (answer_no_query(req)) http_reply_json(req, 200, session_json(&sessions_caller(req)->account));
}

static void run_sign_out(struct gateway *gw, struct http_req *req, struct ledger *l)
{
	struct err e = {0};
	struct problem p = {0};
	const struct session *who = sessions_caller(req);
	int rc = ledger_begin(l, &e);
	if (!rc) rc = account_sign_out(ledger_db(l), sessions_queries(), who->token, &e);
	if (!rc) rc = audit_note(l, req, &(struct audit_entry){.action = AUDIT_SIGN_OUT}, &e);
	if (!sessions_end(gw, req, l, rc, &p, &e)) return;
	log_info(&gw->log, "sign_out", "request=%s staff=%lld", http_req_id(req), (long long)who->account.id);
	bearer_set_cookie(req, NULL);
	if (http_req_query(req, "clear")) http_reply_header(req, "Clear-Site-Data", "\"cache\", \"storage\"");
	http_reply(req, 204, NULL, "", 0);
}

void signin_current_delete(struct http_req *req, void *ctx)
{
	static const char *const names[] = {"clear", NULL};
	struct problem p = {0};
	if (!http_req_query_only(req, names)) return;
	/* the phone's cookie stays, and so does all where anybody's records are unsent: only the app knows */
	const char *clear = http_req_query(req, "clear");
	if (clear && strcmp(clear, "1") != 0) problem_field(&p, "/?clear", "format", "1, or left out");
	if (problem_any(&p))
		http_problem(req, &p);
	else
		sessions_run(ctx, req, run_sign_out);
}
