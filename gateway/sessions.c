/* See sessions.h. The worker's queue is bounded, because each sign-in takes 19 MiB and tens of milliseconds: past it a
 * caller is told to come again. The time of last use is written through the same worker, at most once a minute. */
#include "gateway/sessions.h"

#include "gateway/answer.h"
#include "gateway/changes.h"
#include "gateway/readers.h"
#include "shared/fields.h"
#include "shared/http/bearer.h"
#include "shared/work.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOUCHED 64 /* sessions of which the last touch is remembered */

struct sessions {
	struct gateway *gw;
	struct ledger_config cfg;
	struct work *work;
	pthread_mutex_t lock;
	bool stopped;
	struct touched {
		uint64_t token; /* its hash */
		int64_t at;     /* when its last use was handed to the worker */
	} touched[TOUCHED];
};

static const struct account_queries queries = {
    .by_name = QUERY_staff_by_name,
    .lockout = {.get = QUERY_lockout_get, .put = QUERY_lockout_put, .clear = QUERY_lockout_clear},
    .session_insert = QUERY_session_insert,
    .session_get = QUERY_session_get,
    .session_seen = QUERY_session_seen,
    .session_delete = QUERY_session_delete,
    .session_purge = QUERY_session_purge,
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
	struct ledger *l = NULL;
	int rc = ledger_open(&s->cfg, &l, e);
	*state = l;
	return rc;
}

static void state_free(void *state)
{
	ledger_close(state);
}

int sessions_new(struct gateway *gw, const struct ledger_config *cfg, struct sessions **out, struct err *e)
{
	*out = NULL;
	struct sessions *s = calloc(1, sizeof *s);
	if (!s) return err_set(e, ERR_NOMEM, "sessions");
	s->gw = gw;
	s->cfg = *cfg;
	s->cfg.mode = LEDGER_WRITE;
	(void)pthread_mutex_init(&s->lock, NULL);
	struct work_config wc = {.threads = 1,
	                         .queue_max = (int)gw->cfg.sign_ins,
	                         .state_new = state_new,
	                         .state_free = state_free,
	                         .arg = s};
	int rc = work_open(&wc, &s->work, e);
	if (rc) {
		sessions_free(s);
		return rc;
	}
	*out = s;
	return ERR_OK;
}

void sessions_stop(struct sessions *s)
{
	if (!s) return;
	(void)pthread_mutex_lock(&s->lock);
	s->stopped = true; /* requests that only now arrive still ask who sent them */
	(void)pthread_mutex_unlock(&s->lock);
	work_close(s->work);
	s->work = NULL;
}

void sessions_free(struct sessions *s)
{
	if (!s) return;
	sessions_stop(s);
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

static unsigned role_bit(const char *role)
{
	if (strcmp(role, "clerk") == 0) return ROLE_CLERK;
	if (strcmp(role, "lead") == 0) return ROLE_LEAD;
	if (strcmp(role, "technician") == 0) return ROLE_TECHNICIAN;
	return 0;
}

static bool refuse(struct http_req *req, enum problem_code code, const char *detail)
{
	http_problem_code(req, code, detail);
	return false;
}

struct touch {
	struct work_job job;
	struct sessions *sessions;
	int64_t at;
	char token[ACCOUNT_TOKEN_MAX];
};

static void run_touch(struct work_job *job, void *state)
{
	struct touch *t = (struct touch *)job;
	struct err e = {0};
	int rc = account_seen(ledger_db(state), &queries, t->token, t->at, &e);
	if (rc) log_warn(&t->sessions->gw->log, "session_seen", "text=\"%s\"", e.msg); /* the next minute tries again */
	free(t);
}

/* FNV-1a, 64 bits: tokens are random already. */
static uint64_t hash_of(const char *token)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (; *token; token++)
		h = (h ^ (unsigned char)*token) * 0x100000001b3u;
	return h;
}

/* Has this session's use been handed over within the minute? Collisions only cost an update. */
static bool touched_lately(struct sessions *s, const char *token, int64_t now)
{
	uint64_t hash = hash_of(token);
	struct touched *t = &s->touched[hash % TOUCHED];
	(void)pthread_mutex_lock(&s->lock);
	bool lately = t->token == hash && now - t->at < ACCOUNT_SEEN_MS && now >= t->at;
	if (!lately) *t = (struct touched){hash, now};
	(void)pthread_mutex_unlock(&s->lock);
	return lately;
}

/* A waiting phone asks for changes all the time: that is no use by a person and does not keep a session alive. */
static void touch(struct sessions *s, const struct http_route *route, const struct session *who, int64_t now)
{
	if (route->fn == changes_get || now - who->account.seen_at < ACCOUNT_SEEN_MS) return;
	if (touched_lately(s, who->token, now)) return;
	struct touch *t = calloc(1, sizeof *t);
	if (!t) return;
	t->job.run = run_touch;
	t->sessions = s;
	t->at = now;
	memcpy(t->token, who->token, sizeof t->token);
	if (!submit(s, &t->job)) free(t);
}

static bool look_up(struct gateway *gw, struct http_req *req, struct session *who, int64_t *now)
{
	struct err e = {0};
	struct ledger *l = readers_take(gw->readers);
	*now = ledger_now(l).wall;
	int rc = account_of_token(ledger_db(l), &queries, who->token, *now, &who->account, &e);
	readers_give(gw->readers, l);
	if (rc == (int)ERR_DENIED) return refuse(req, PROBLEM_UNAUTHENTICATED, NULL);
	if (rc) answer_error(gw, req, rc, &e);
	who->role = role_bit(who->account.role);
	return rc == ERR_OK;
}

bool sessions_authorize(struct http_req *req, const struct http_route *route, void *ctx)
{
	struct gateway *gw = ctx;
	int64_t now = 0;
	bool by_cookie = false;
	struct session *who = calloc(1, sizeof *who);
	if (!who) return refuse(req, PROBLEM_BUSY, NULL);
	http_req_set_user(req, who, free);
	if (!bearer_token(req, who->token, &by_cookie)) return refuse(req, PROBLEM_UNAUTHENTICATED, NULL);
	if (!look_up(gw, req, who, &now)) return false;
	if (by_cookie && !bearer_own_page(req, route))
		return refuse(req, PROBLEM_FORBIDDEN, "a call with the cookie must come from the box's own pages");
	if (route->roles && !(route->roles & who->role)) {
		log_info(&gw->log, "forbidden", "staff=%lld route=\"%s %s\"", (long long)who->account.id, route->method,
		         route->path);
		return refuse(req, PROBLEM_FORBIDDEN, NULL);
	}
	touch(gw->sessions, route, who, now);
	return true;
}

const struct session *sessions_caller(const struct http_req *req)
{
	return http_req_user(req);
}

/* --- the API --- */

static json_t *staff_json(const struct account *a)
{
	return json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)a->id, "name", a->name, "display", a->display,
	                 "role", a->role);
}

struct sign_in {
	struct work_job job;
	struct gateway *gw;
	struct http_req *req;
};

static void welcome(struct http_req *req, const struct account *a, const char *token)
{
	char at[CLOCK_TEXT];
	clock_text(a->expires_at, at);
	bearer_set_cookie(req, token);
	http_reply_json(req, 201,
	                json_pack("{s:s, s:s, s:o}", "token", token, "expires_at", at, "staff", staff_json(a)));
}

static void run_sign_in(struct work_job *job, void *state)
{
	struct sign_in *s = (struct sign_in *)job;
	struct ledger *l = state;
	const json_t *body = http_req_json(s->req);
	struct account a = {0};
	char token[ACCOUNT_TOKEN_MAX];
	struct problem p = {0};
	struct err e = {0};
	int rc = account_sign_in(ledger_db(l), &queries, fields_text(body, "name"), fields_text(body, "password"),
	                         http_req_peer(s->req), ledger_now(l).wall, &a, token, &p, &e);
	if (rc) {
		answer_error(s->gw, s->req, rc, &e);
	} else if (problem_any(&p)) {
		log_info(&s->gw->log, "sign_in_refused", "request=%s code=%s", http_req_id(s->req),
		         problem_row(p.code)->name);
		http_problem(s->req, &p);
	} else {
		log_info(&s->gw->log, "sign_in", "request=%s staff=%lld", http_req_id(s->req), (long long)a.id);
		welcome(s->req, &a, token);
	}
	problem_release(&p);
	explicit_bzero(token, sizeof token);
	http_resume(s->req);
	free(s);
}

void sessions_post(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	struct problem p = {0};
	if (!answer_no_query(req)) return;
	if (!fields_check(http_req_json(req), credentials, "", &p)) {
		http_problem(req, &p);
		return;
	}
	struct sign_in *s = calloc(1, sizeof *s);
	if (!s) {
		answer_later(req, PROBLEM_BUSY, 1);
		return;
	}
	*s = (struct sign_in){.job.run = run_sign_in, .gw = gw, .req = req};
	http_suspend(req);
	if (submit(gw->sessions, &s->job)) return;
	free(s);
	answer_later(req, PROBLEM_BUSY, 2);
	http_resume(req);
}

void sessions_current_get(struct http_req *req, void *ctx)
{
	(void)ctx;
	char at[CLOCK_TEXT];
	if (!answer_no_query(req)) return;
	const struct account *a = &sessions_caller(req)->account;
	clock_text(a->expires_at, at);
	http_reply_json(req, 200, json_pack("{s:s, s:o}", "expires_at", at, "staff", staff_json(a)));
}

static void run_sign_out(struct work_job *job, void *state)
{
	struct sign_in *s = (struct sign_in *)job;
	struct err e = {0};
	const struct session *who = sessions_caller(s->req);
	int rc = account_sign_out(ledger_db(state), &queries, who->token, &e);
	if (rc) {
		answer_error(s->gw, s->req, rc, &e);
	} else {
		log_info(&s->gw->log, "sign_out", "request=%s staff=%lld", http_req_id(s->req),
		         (long long)who->account.id);
		bearer_set_cookie(s->req, NULL);
		http_reply(s->req, 204, NULL, "", 0);
	}
	http_resume(s->req);
	free(s);
}

void sessions_current_delete(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	if (!answer_no_query(req)) return;
	struct sign_in *s = calloc(1, sizeof *s);
	if (!s) {
		answer_later(req, PROBLEM_BUSY, 1);
		return;
	}
	*s = (struct sign_in){.job.run = run_sign_out, .gw = gw, .req = req};
	http_suspend(req);
	if (submit(gw->sessions, &s->job)) return;
	free(s);
	answer_later(req, PROBLEM_BUSY, 2);
	http_resume(req);
}
