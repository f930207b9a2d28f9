/* See sessions.h. The worker's queue is bounded, because each password takes 19 MiB and tens of milliseconds: past it a
 * caller is told to come again. The time of last use, and what was forbidden, is written through the same worker, the first
 * at most once a minute. */
#include "gateway/sessions.h"

#include "gateway/answer.h"
#include "gateway/changes.h"
#include "gateway/readers.h"
#include "gateway/signin.h"
#include "gateway/staff.h"
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

const struct account_queries *sessions_queries(void)
{
	return &queries;
}

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

struct forbidden {
	struct work_job job;
	struct gateway *gw;
	struct account who;
	char peer[64], call[160];
};

static void run_forbidden(struct work_job *job, void *state)
{
	struct forbidden *f = (struct forbidden *)job;
	struct err e = {0};
	const struct audit_actor who = {f->who.id, f->who.name, f->who.device, f->peer};
	const struct audit_entry what = {.action = AUDIT_FORBIDDEN, .subject = f->call, .refused = true};
	if (ledger_audit(state, &who, &what, &e)) log_error(&f->gw->log, "audit", "text=\"%s\"", e.msg);
	free(f);
}

/* The call is named by its route: what stands in its path is for nobody to read. It is noted behind the
 * answer, in a moment; what the worker cannot take is not answered so. */
static bool forbid(struct gateway *gw, struct http_req *req, const struct http_route *route, const struct session *who,
                   enum problem_code code)
{
	struct forbidden *f = calloc(1, sizeof *f);
	log_info(&gw->log, "forbidden", "staff=%lld route=\"%s %s\"", (long long)who->account.id, route->method,
	         route->path);
	if (f) {
		f->job.run = run_forbidden;
		f->gw = gw;
		f->who = who->account;
		(void)snprintf(f->peer, sizeof f->peer, "%s", http_req_peer(req));
		(void)snprintf(f->call, sizeof f->call, "%s %s", route->method, route->path);
	}
	if (f && submit(gw->sessions, &f->job)) return refuse(req, code, NULL);
	free(f);
	answer_later(req, PROBLEM_BUSY, 1);
	return false;
}

/* With a password that others gave out one may look who one is, choose another, and go. */
static bool open_to_all(const struct http_route *route)
{
	return route->fn == staff_password_post || route->fn == signin_current_get ||
	       route->fn == signin_current_delete;
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
	if (by_cookie && !bearer_own_page(req, route)) return forbid(gw, req, route, who, PROBLEM_CSRF);
	if (who->account.must_change && !open_to_all(route)) return refuse(req, PROBLEM_PASSWORD_CHANGE, NULL);
	if (route->roles && !(route->roles & who->role)) return forbid(gw, req, route, who, PROBLEM_FORBIDDEN);
	touch(gw->sessions, route, who, now);
	return true;
}

const struct session *sessions_caller(const struct http_req *req)
{
	return http_req_user(req);
}

struct staff_actor sessions_actor(const struct http_req *req)
{
	const struct account *a = &sessions_caller(req)->account;
	return (struct staff_actor){
	    .rank = STAFF_ACCOUNT, .role = a->role, .who = {a->id, a->name, a->device, http_req_peer(req)}};
}

/* --- work for a request --- */

struct request {
	struct work_job job;
	struct gateway *gw;
	struct http_req *req;
	sessions_fn *fn;
};

static void run_request(struct work_job *job, void *state)
{
	struct request *r = (struct request *)job;
	r->fn(r->gw, r->req, state);
	http_resume(r->req);
	free(r);
}

void sessions_run(struct gateway *gw, struct http_req *req, sessions_fn *fn)
{
	struct request *r = calloc(1, sizeof *r);
	if (!r) {
		answer_later(req, PROBLEM_BUSY, 1);
		return;
	}
	*r = (struct request){.job.run = run_request, .gw = gw, .req = req, .fn = fn};
	http_suspend(req);
	if (submit(gw->sessions, &r->job)) return;
	free(r);
	answer_later(req, PROBLEM_BUSY, 2);
	http_resume(req);
}

bool sessions_end(struct gateway *gw, struct http_req *req, struct ledger *l, int rc, struct problem *p, struct err *e)
{
	if (!rc) rc = ledger_commit(l, e);
	if (rc) {
		ledger_rollback(l);
		problem_release(p);
		answer_error(gw, req, rc, e);
		return false;
	}
	if (!problem_any(p)) return true;
	http_problem(req, p);
	return false;
}
