/* See session.h. The sign-in worker's queue is bounded, because each sign-in takes 19 MiB and tens of milliseconds: past
 * it a caller is told to come again. The time of last use is written by the same worker, at most once a minute. */
#include "sync/county/session.h"

#include "shared/fields.h"
#include "shared/http/bearer.h"
#include "shared/work.h"
#include "sync/county/call.h"

#include <stdlib.h>
#include <string.h>

#define QUEUE   16
#define TOUCHED 64 /* accounts of which the last touch is remembered */

struct sessions {
	struct serve *serve;
	struct work *work;
	struct store *reader; /* under lock */
	pthread_mutex_t lock;
	bool stopped;
	struct touched {
		int64_t id, at; /* of the account; when its last use was last handed to the worker */
	} touched[TOUCHED];
};

static const struct field credentials[] = {
    {.name = "name", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 64},
    {.name = "password", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = ACCOUNT_PASSWORD_MAX},
    {.name = NULL},
};

/* --- life --- */

static int state_new(void *arg, void **state, struct err *e)
{
	struct sessions *s = arg;
	struct store *store = NULL;
	int rc = county_store(s->serve->county, STORE_OPEN, &store, e);
	*state = store;
	return rc;
}

static void state_free(void *state)
{
	store_close(state);
}

int session_new(struct serve *sv, struct sessions **out, struct err *e)
{
	*out = NULL;
	struct sessions *s = calloc(1, sizeof *s);
	if (!s) return err_set(e, ERR_NOMEM, "sessions");
	s->serve = sv;
	(void)pthread_mutex_init(&s->lock, NULL);
	struct work_config wc = {
	    .threads = 1, .queue_max = QUEUE, .state_new = state_new, .state_free = state_free, .arg = s};
	int rc = county_store(sv->county, STORE_OPEN, &s->reader, e);
	if (!rc) rc = work_open(&wc, &s->work, e);
	if (rc) {
		session_free(s);
		return rc;
	}
	*out = s;
	return ERR_OK;
}

void session_stop(struct sessions *s)
{
	if (!s) return;
	(void)pthread_mutex_lock(&s->lock);
	s->stopped = true;
	(void)pthread_mutex_unlock(&s->lock);
	work_close(s->work);
	s->work = NULL;
}

void session_free(struct sessions *s)
{
	if (!s) return;
	session_stop(s);
	store_close(s->reader);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

static bool submit(struct sessions *s, struct work_job *job)
{
	(void)pthread_mutex_lock(&s->lock);
	bool ok = !s->stopped && work_submit(s->work, job);
	(void)pthread_mutex_unlock(&s->lock);
	return ok;
}

/* --- who calls --- */

unsigned session_role(const char *name)
{
	static const char *const names[] = {"department", "head", "centre", "operator", "auditor"};
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], name) == 0) return 1u << i;
	return 0;
}

const struct session *session_caller(const struct http_req *req)
{
	return http_req_user(req);
}

static bool refuse(struct http_req *req, enum problem_code code, const char *detail)
{
	http_problem_code(req, code, detail);
	return false;
}

struct touch {
	struct work_job job;
	struct serve *serve;
	int64_t at;
	char token[ACCOUNT_TOKEN_MAX];
};

static void run_touch(struct work_job *job, void *state)
{
	struct touch *t = (struct touch *)job;
	struct store *store = state;
	struct err e = {0};
	int rc = account_seen(store->db, store_account_queries(), t->token, t->at, &e);
	if (rc) log_warn(t->serve->county->log, "session_seen", "text=\"%s\"", e.msg); /* the next minute tries again */
	free(t);
}

/* Has this account's use been handed over within the minute? Collisions only cost an update. */
static bool touched_lately(struct sessions *s, int64_t id, int64_t now)
{
	struct touched *t = &s->touched[(uint64_t)id % TOUCHED];
	(void)pthread_mutex_lock(&s->lock);
	bool lately = t->id == id && now - t->at < ACCOUNT_SEEN_MS && now >= t->at;
	if (!lately) *t = (struct touched){id, now};
	(void)pthread_mutex_unlock(&s->lock);
	return lately;
}

static void touch(struct sessions *s, const struct session *who, int64_t now)
{
	if (now - who->account.seen_at < ACCOUNT_SEEN_MS || touched_lately(s, who->account.id, now)) return;
	struct touch *t = calloc(1, sizeof *t);
	if (!t) return;
	t->job.run = run_touch;
	t->serve = s->serve;
	t->at = now;
	memcpy(t->token, who->token, sizeof t->token);
	if (!submit(s, &t->job)) free(t);
}

static bool look_up(struct serve *sv, struct http_req *req, struct session *who, int64_t now)
{
	struct err e = {0};
	struct sessions *s = sv->sessions;
	(void)pthread_mutex_lock(&s->lock);
	int rc = account_of_token(s->reader->db, store_account_queries(), who->token, now, &who->account, &e);
	(void)pthread_mutex_unlock(&s->lock);
	who->role = rc ? 0 : session_role(who->account.role);
	if (rc == (int)ERR_DENIED) return refuse(req, PROBLEM_UNAUTHENTICATED, NULL);
	if (!rc) return true;
	log_error(sv->county->log, "session", "request=%s text=\"%s\"", http_req_id(req), e.msg);
	call_later(req, PROBLEM_BUSY, 1);
	return false;
}

bool session_authorize(struct http_req *req, const struct http_route *route, void *ctx)
{
	struct serve *sv = ctx;
	int64_t now = county_now(sv->county);
	bool by_cookie = false;
	struct session *who = calloc(1, sizeof *who);
	if (!who) return refuse(req, PROBLEM_BUSY, NULL);
	http_req_set_user(req, who, free);
	if (!bearer_token(req, who->token, &by_cookie)) return refuse(req, PROBLEM_UNAUTHENTICATED, NULL);
	if (!look_up(sv, req, who, now)) return false;
	if (by_cookie && !bearer_own_page(req, route)) return refuse(req, PROBLEM_CSRF, NULL);
	if (route->roles && !(route->roles & who->role)) {
		log_info(sv->county->log, "forbidden", "account=%lld route=\"%s %s\"", (long long)who->account.id,
		         route->method, route->path);
		return refuse(req, PROBLEM_FORBIDDEN, NULL);
	}
	touch(sv->sessions, who, now);
	return true;
}

/* --- the API --- */

static json_t *account_json(const struct account *a)
{
	return json_pack("{s:I, s:s, s:s, s:s, s:s?}", "id", (json_int_t)a->id, "name", a->name, "display", a->display,
	                 "role", a->role, "office", *a->office ? a->office : NULL);
}

struct sign_in {
	struct work_job job;
	struct serve *serve;
	struct http_req *req;
	char peer[64];
};

static void welcome(struct http_req *req, const struct account *a, const char *token)
{
	char at[CLOCK_TEXT];
	clock_text(a->expires_at, at);
	bearer_set_cookie(req, token);
	http_reply_json(req, 201,
	                json_pack("{s:s, s:s, s:o}", "token", token, "expires_at", at, "staff", account_json(a)));
}

static void run_sign_in(struct work_job *job, void *state)
{
	struct sign_in *s = (struct sign_in *)job;
	struct store *store = state;
	const struct log *log = s->serve->county->log;
	const json_t *body = http_req_json(s->req);
	struct account a = {0};
	char token[ACCOUNT_TOKEN_MAX] = "";
	struct problem p = {0};
	struct err e = {0};
	const struct account_try t = {.name = fields_text(body, "name"),
	                              .password = fields_text(body, "password"),
	                              .peer = s->peer,
	                              .now = county_now(s->serve->county)};
	int rc = account_sign_in(store->db, store_account_queries(), &t, &a, token, &p, &e);
	metrics_add(&s->serve->metrics, !rc && !problem_any(&p) ? METRIC_SIGN_INS : METRIC_SIGN_INS_REFUSED, 1);
	if (rc) {
		struct call c = {.county = s->serve->county, .req = s->req};
		call_error(&c, rc, &e);
	} else if (problem_any(&p)) {
		log_info(log, "sign_in_refused", "request=%s code=%s", http_req_id(s->req), problem_row(p.code)->name);
		http_problem(s->req, &p);
	} else {
		log_info(log, "sign_in", "request=%s account=%lld", http_req_id(s->req), (long long)a.id);
		welcome(s->req, &a, token);
	}
	problem_release(&p);
	explicit_bzero(token, sizeof token);
	http_resume(s->req);
	free(s);
}

void session_post(struct http_req *req, void *ctx)
{
	static const char *const none[] = {NULL};
	struct serve *sv = ctx;
	struct problem p = {0};
	if (!http_req_query_only(req, none)) return;
	if (!fields_check(http_req_json(req), credentials, "", &p)) {
		http_problem(req, &p);
		return;
	}
	struct sign_in *s = calloc(1, sizeof *s);
	if (!s) {
		call_later(req, PROBLEM_BUSY, 1);
		return;
	}
	*s = (struct sign_in){.job.run = run_sign_in, .serve = sv, .req = req};
	(void)snprintf(s->peer, sizeof s->peer, "%s", http_req_peer(req));
	http_suspend(req);
	if (submit(sv->sessions, &s->job)) return;
	free(s);
	metrics_add(&sv->metrics, METRIC_BUSY, 1);
	call_later(req, PROBLEM_BUSY, 2);
	http_resume(req);
}

void session_get(struct http_req *req, void *ctx)
{
	static const char *const none[] = {NULL};
	char at[CLOCK_TEXT];
	(void)ctx;
	if (!http_req_query_only(req, none)) return;
	const struct account *a = &session_caller(req)->account;
	clock_text(a->expires_at, at);
	http_reply_json(req, 200, json_pack("{s:s, s:o}", "expires_at", at, "staff", account_json(a)));
}

static void sign_out(struct call *c, struct worker *w)
{
	struct err e = {0};
	int rc = account_sign_out(w->store->db, store_account_queries(), c->who.token, &e);
	if (rc) {
		call_error(c, rc, &e);
		return;
	}
	log_info(c->county->log, "sign_out", "request=%s account=%lld", http_req_id(c->req),
	         (long long)c->who.account.id);
	bearer_set_cookie(c->req, NULL);
	http_reply(c->req, 204, NULL, "", 0);
}

void session_delete(struct http_req *req, void *ctx)
{
	call_plain(ctx, req, sign_out);
}
