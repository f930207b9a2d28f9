/* The running county: workers, three servers, their routes, and the orderly end.
 *
 * Threads: each server's own (handlers read and park), the workers (everything that requests ask of the store), one
 * worker for sign-ins, and the caller's, which waits for a signal and looks once a minute for terms that have passed. At
 * the end each server stops accepting and finishes what it has, with the workers still at work; only then do they stop.
 * What was answered was committed before. */
#include "sync/county/serve.h"
#include "sync/county/archive.h"

#include "sync/county/acts.h"
#include "sync/county/blob_face.h"
#include "sync/county/boxes.h"
#include "sync/county/call.h"
#include "sync/county/casefile.h"
#include "sync/county/cases.h"
#include "sync/county/deem.h"
#include "sync/county/dues.h"
#include "sync/county/erase.h"
#include "sync/county/health.h"
#include "sync/county/orders.h"
#include "sync/county/public.h"
#include "sync/county/rating.h"
#include "sync/county/reports.h"
#include "sync/county/selfcheck.h"
#include "sync/county/sync_face.h"

#include "shared/venue.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS            86400000LL
#define QUEUE             256   /* calls that wait for a worker */
#define DRAIN_MS          15000 /* for what is under way at the end */
#define SYNC_DEADLINE_MS  90000 /* a full batch over a slow link */
#define BODY_SMALL        4096
#define LOOK_S            60 /* between two looks at what nobody answered for */
#define PUBLIC_BURST      60
#define PUBLIC_PER_MINUTE 60
#define TYPED_BURST       20 /* tries of an address, behind which a whole village may stand */
#define TYPED_PER_MINUTE  2

static void describe_sync(struct http_req *req, void *ctx);
static void describe_api(struct http_req *req, void *ctx);
static void describe_public(struct http_req *req, void *ctx);

#define SERVICE_ROUTES(describe)                                                                                       \
	{"GET", "/", 0, 0, HTTP_OPEN, describe, "What answers at this address"},                                       \
	    {"GET", "/healthz", 0, 0, HTTP_OPEN, health_get, "Is it well?"},                                           \
	    {"GET",                                                                                                    \
	     "/metrics",                                                                                               \
	     0,                                                                                                        \
	     0,                                                                                                        \
	     HTTP_OPEN | HTTP_LOOPBACK,                                                                                \
	     health_metrics,                                                                                           \
	     "Prometheus metrics, on loopback alone"},                                                                 \
	{                                                                                                              \
		"GET", "/problems/{code}", 0, 0, HTTP_OPEN, http_problem_help, "What a problem means"                  \
	}

static const struct http_route sync_routes[] = {
    SERVICE_ROUTES(describe_sync),
    {"POST", "/sync/v1/enroll", 0, LIMIT_CASE_BODY, HTTP_OPEN | HTTP_JSON, sync_face_enroll,
     "Enrol a box with a one-time code"},
    {"GET", "/sync/v1/blobs/{sha256}", 0, 0, HTTP_OPEN | HTTP_CERT, blob_face_get,
     "A photo or paper, or whether it is here"},
    {"OPTIONS", "/sync/v1/uploads", 0, 0, HTTP_OPEN | HTTP_CERT, blob_face_options, "What tus can do here"},
    {"POST", "/sync/v1/uploads", 0, HTTP_STREAM_MAX, HTTP_OPEN | HTTP_CERT | HTTP_STREAM, blob_face_post,
     "Begin an upload"},
    {"OPTIONS", "/sync/v1/uploads/{id}", 0, 0, HTTP_OPEN | HTTP_CERT, blob_face_options, "What tus can do here"},
    {"HEAD", "/sync/v1/uploads/{id}", 0, 0, HTTP_OPEN | HTTP_CERT, blob_face_head, "How far an upload is"},
    {"PATCH", "/sync/v1/uploads/{id}", 0, HTTP_STREAM_MAX, HTTP_OPEN | HTTP_CERT | HTTP_STREAM, blob_face_patch,
     "Go on with an upload"},
    {"DELETE", "/sync/v1/uploads/{id}", 0, 0, HTTP_OPEN | HTTP_CERT, blob_face_delete, "Give an upload up"},
    {"POST", "/sync/v1/exchange", 0, LIMIT_EXCHANGE, HTTP_OPEN | HTTP_CERT, sync_face_exchange,
     "Push events, pull the feed"},
    {"GET", "/sync/v1/keys/{id}", 0, 0, HTTP_OPEN, sync_face_key, "The certificate of an answer key"},
    {"GET", "/sync/v1/now", 0, 0, HTTP_OPEN, sync_face_now, "The county's time, signed, for a box without a clock"},
    {"POST", "/sync/v1/renew", 0, LIMIT_CASE_BODY, HTTP_OPEN | HTTP_CERT | HTTP_JSON, sync_face_renew,
     "Renew a box's certificate"},
    {"GET", "/sync/v1/root", 0, 0, HTTP_OPEN, sync_face_root, "The county's root, to be held against its SHA-256"},
};

static const struct http_route api_routes[] = {
    SERVICE_ROUTES(describe_api),
    {"POST", "/api/v1/sessions", 0, BODY_SMALL, HTTP_OPEN | HTTP_JSON, session_post, "Sign in"},
    {"GET", "/api/v1/sessions/current", 0, 0, 0, session_get, "Who am I?"},
    {"DELETE", "/api/v1/sessions/current", 0, 0, 0, session_delete, "Sign out"},
    {"GET", "/api/v1/cases", 0, 0, 0, cases_get, "List cases"},
    {"GET", "/api/v1/cases/{id}", 0, 0, 0, cases_one_get, "Read a case"},
    {"GET", "/api/v1/cases/{id}/blobs/{sha256}", 0, 0, 0, blob_face_case_get, "A photo or paper of a case"},
    {"GET", "/api/v1/cases/{id}/events", 0, 0, 0, cases_events_get, "A case's history"},
    {"POST", "/api/v1/cases/{id}/events", ROLE_ACTS, LIMIT_CASE_BODY, HTTP_JSON | HTTP_KEY, acts_post, "Act on a case"},
    {"POST", "/api/v1/cases/{id}/reveal", ROLE_ACTS, BODY_SMALL, HTTP_JSON | HTTP_KEY, acts_reveal_post,
     "See full numbers"},
    {"POST", "/api/v1/registers/{register}/{id}/reveal", ROLE_ACTS, BODY_SMALL, HTTP_JSON | HTTP_KEY,
     acts_entry_reveal_post, "See an entry's full numbers"},
    {"GET", "/api/v1/registers/{register}", 0, 0, 0, cases_entries_get, "Entries of a register"},
    {"GET", "/api/v1/registers/{register}/{id}", 0, 0, 0, cases_entry_get, "Read an entry"},
    {"GET", "/api/v1/registers/{register}/{id}/events", 0, 0, 0, cases_entry_events_get, "An entry's history"},
    {"POST", "/api/v1/registers/{register}/{id}/events", ROLE_ACTS, LIMIT_CASE_BODY, HTTP_JSON | HTTP_KEY,
     acts_entry_post, "Go on with an entry"},
    {"GET", "/api/v1/reports/{report}", 0, 0, 0, reports_get, "A report for putting right"},
    {"GET", "/api/v1/selfchecks", ROLE_CENTRE | ROLE_HEAD | ROLE_OPERATOR | ROLE_AUDITOR, 0, 0, selfcheck_get,
     "What stations say of their venues"},
    {"GET", "/api/v1/staff-orders", ROLE_CENTRE | ROLE_HEAD | ROLE_OPERATOR | ROLE_AUDITOR, 0, 0, orders_get,
     "The county's orders on accounts of stations"},
    {"GET", "/api/v1/stations", 0, 0, 0, boxes_stations_get, "Stations and how their boxes are"},
    {"POST", "/api/v1/enrolment-codes", ROLE_OPERATOR, BODY_SMALL, HTTP_JSON, boxes_code_post,
     "Make a code that enrols one box"},
    {"POST", "/api/v1/boxes/{log}/retire", ROLE_OPERATOR, BODY_SMALL, HTTP_JSON, boxes_retire_post, "Retire a box"},
    {"POST", "/api/v1/boxes/{log}/revoke", ROLE_OPERATOR, BODY_SMALL, HTTP_JSON, boxes_revoke_post,
     "Revoke a box's certificate"},
    {"GET", "/api/v1/alarms", 0, 0, 0, boxes_alarms_get, "What an operator should look at"},
};

static const struct http_route public_routes[] = {
    SERVICE_ROUTES(describe_public),
    {"GET", "/public", 0, 0, HTTP_OPEN, public_home, "What a citizen can ask for"},
    {"GET", "/public/guides", 0, 0, HTTP_OPEN, public_guides, "Guides of the items"},
    {"GET", "/public/guides/{code}", 0, 0, HTTP_OPEN, public_guide, "The guide of an item"},
    {"GET", "/public/progress", 0, 0, HTTP_OPEN, public_typed_form, "Ask by receipt number"},
    {"POST", "/public/progress", 0, BODY_SMALL, HTTP_OPEN, public_typed, "How far a case is, by receipt number"},
    {"GET", "/public/progress/{token}", 0, 0, HTTP_OPEN, public_progress, "How far a case is"},
    {"GET", "/public/rate/{token}", 0, 0, HTTP_OPEN, rating_get, "May it be rated?"},
    {"POST", "/public/rate/{token}", 0, ASK_BODY_MAX, HTTP_OPEN, rating_post, "Rate it"},
};

#define N(a) (sizeof(a) / sizeof *(a))

static void describe_sync(struct http_req *req, void *ctx)
{
	static const struct health_face face = {
	    .title = "信客 · 县级同步端",
	    .zh = "此地址供村（社区）便民服务站的设备同步使用。",
	    .en = "The sync endpoint of a Xinke county: boxes call it over mutual TLS.",
	    .routes = sync_routes,
	    .n = N(sync_routes)};
	(void)ctx;
	health_describe(req, &face);
}

static void describe_api(struct http_req *req, void *ctx)
{
	static const struct health_face face = {.title = "信客 · 县级接口",
	                                        .zh = "此地址供县级部门和政务服务中心的系统使用，需要账号。",
	                                        .en = "The API of a Xinke county, for its accounts.",
	                                        .routes = api_routes,
	                                        .n = N(api_routes)};
	(void)ctx;
	health_describe(req, &face);
}

static void describe_public(struct http_req *req, void *ctx)
{
	static const struct health_face face = {
	    .title = "信客 · 便民服务查询",
	    .zh = "办事指南、办件进度和评价；无需注册，页面不显示个人信息。收件凭证上的二维码直接查询进度。",
	    .en = "Citizens' pages of a Xinke county: guides, progress of a case, rating.",
	    .home = "/public",
	    .routes = public_routes,
	    .n = N(public_routes)};
	(void)ctx;
	health_describe(req, &face);
}

/* --- workers --- */

int serve_worker_new(void *arg, void **state, struct err *e)
{
	struct serve *sv = arg;
	struct worker *w = calloc(1, sizeof *w);
	*state = w;
	if (!w) return err_set(e, ERR_NOMEM, "worker");
	int rc = county_store(sv->county, STORE_OPEN, &w->store, e);
	if (rc) free(w);
	return rc;
}

void serve_worker_free(void *state)
{
	struct worker *w = state;
	present_release(&w->present);
	store_close(w->store);
	free(w);
}

int64_t serve_mono(struct serve *sv)
{
	(void)pthread_mutex_lock(&sv->county->lock);
	int64_t mono = clock_read(&sv->county->clock).mono;
	(void)pthread_mutex_unlock(&sv->county->lock);
	return mono;
}

/* --- servers --- */

static void on_done(const char *method, const char *route, int status, int64_t us, void *ctx)
{
	struct serve *sv = ctx;
	metrics_request(&sv->metrics, route, status);
	log_debug(sv->county->log, "request", "method=%s route=%s status=%d us=%lld", method, route ? route : "-",
	          status, (long long)us);
}

struct files {
	char cert[FILE_PATH_MAX], key[FILE_PATH_MAX], root[FILE_PATH_MAX];
};

static int open_servers(struct serve *sv, struct err *e)
{
	struct files f;
	const struct county_config *cfg = sv->county->cfg;
	int rc = county_path(cfg, "server.crt", f.cert, e);
	if (!rc) rc = county_path(cfg, "server.key", f.key, e);
	if (!rc) rc = county_path(cfg, "ca/" CA_ROOT_CERT, f.root, e);
	struct http_config h = {.bind = cfg->bind,
	                        .cert_file = f.cert,
	                        .key_file = f.key,
	                        .max_connections = 1024,
	                        .authorize = session_authorize,
	                        .on_done = on_done,
	                        .ctx = sv};
	struct http_config sync = h, api = h, pub = h;
	sync.port = (uint16_t)cfg->sync_port;
	sync.client_ca = f.root;
	sync.client_expired = true; /* the exchange refuses it, the renewal is what it is for */
	sync.tls13_only = true;
	sync.terse = true;
	sync.request_deadline_ms = SYNC_DEADLINE_MS;
	sync.idle_timeout_s = 120; /* boxes keep their connection between exchanges: a handshake costs them more */
	sync.routes = sync_routes;
	sync.n_routes = N(sync_routes);
	api.port = (uint16_t)cfg->api_port;
	api.routes = api_routes;
	api.n_routes = N(api_routes);
	pub.port = (uint16_t)cfg->public_port;
	pub.max_per_ip = 64;
	pub.routes = public_routes;
	pub.n_routes = N(public_routes);
	if (!rc) rc = http_open(&api, &sv->api, e);
	if (!rc) rc = http_open(&pub, &sv->pub, e);
	if (!rc) rc = http_open(&sync, &sv->sync, e);
	return rc;
}

static void close_all(struct serve *sv)
{
	sv->ending = true;
	http_close(sv->sync, NULL, NULL, DRAIN_MS);
	http_close(sv->api, NULL, NULL, DRAIN_MS);
	http_close(sv->pub, NULL, NULL, DRAIN_MS);
	blob_face_stop(sv->blobs);
	session_stop(sv->sessions);
	work_close(sv->pool);
	work_close(sv->reports);
	venue_free(sv->venue);
	session_free(sv->sessions);
	blob_face_free(sv->blobs);
	limiter_free(sv->limiter);
	limiter_free(sv->typed);
}

static int open_all(struct serve *sv, struct err *e)
{
	struct work_config wc = {.threads = (int)sv->county->cfg->workers,
	                         .queue_max = QUEUE,
	                         .state_new = serve_worker_new,
	                         .state_free = serve_worker_free,
	                         .arg = sv};
	sv->limiter = limiter_new(PUBLIC_BURST, PUBLIC_PER_MINUTE);
	sv->typed = limiter_new(TYPED_BURST, TYPED_PER_MINUTE);
	if (!sv->limiter || !sv->typed) return err_set(e, ERR_NOMEM, "limiter");
	int rc = work_open(&wc, &sv->pool, e);
	if (!rc) rc = venue_new(&sv->venue, e);
	if (!rc) rc = reports_open(sv, &sv->reports, e);
	if (!rc) rc = session_new(sv, &sv->sessions, e);
	if (!rc) rc = blob_face_new(sv, &sv->blobs, e);
	return rc ? rc : open_servers(sv, e);
}

/* A newer release may know what an older one could only keep. */
static int judge_held(struct county *c, struct store *s, struct err *e)
{
	int n = 0;
	int rc = store_begin(s, e);
	if (!rc) rc = casefile_judge_held(s, county_now(c), &n, e);
	if (!rc) rc = store_commit(s, e);
	if (rc) store_rollback(s);
	if (n) log_info(c->log, "judged", "held=%d", n);
	return rc;
}

/* A damaged database is told at the start and not by the first request. */
static int check_store(struct county *c, struct store **s, struct err *e)
{
	int rc = county_store(c, STORE_MIGRATE, s, e);
	if (!rc) rc = db_quick_check((*s)->db, e);
	if (!rc) rc = dues_check(*s, county_now(c), e);
	return rc ? rc : judge_held(c, *s, e);
}

/* Only a clock that is known to be right may let a term pass: what it says cannot be taken back. */
static void look(struct serve *sv, struct store *s)
{
	struct county *c = sv->county;
	struct err e = {0};
	int n = 0;
	(void)pthread_mutex_lock(&c->lock);
	struct clock_now now = clock_read(&c->clock);
	(void)pthread_mutex_unlock(&c->lock);
	if (now.quality != CLOCK_SYNCED) return;
	blob_face_round(sv->blobs, s, now.wall);
	if (deem_round(s, now.wall, &n, &e)) log_error(c->log, "deem_accept", "text=\"%s\"", e.msg);
	if (n) log_info(c->log, "deem_accept", "cases=%d", n);
	e = (struct err){0};
	if (archive_round(s, now.wall - c->cfg->archive_days * DAY_MS, now.wall, &n, &e))
		log_error(c->log, "archive", "text=\"%s\"", e.msg);
	if (n) log_info(c->log, "archive", "cases=%d", n);
	e = (struct err){0};
	if (erase_round(s, c->cfg->register_years, now.wall, &n, &e)) log_error(c->log, "erase", "text=\"%s\"", e.msg);
	if (n) log_info(c->log, "erase", "cases=%d", n);
}

/* Until a signal says that it is enough; which one. */
static int wait_for_end(struct serve *sv, struct store *s, const sigset_t *stop)
{
	static const struct timespec pause = {.tv_sec = LOOK_S};
	int sig;
	look(sv, s);
	while ((sig = sigtimedwait(stop, NULL, &pause)) < 0)
		if (errno == EAGAIN) look(sv, s);
	return sig;
}

int serve_run(struct county *c, struct err *e)
{
	struct serve sv = {.county = c};
	sigset_t stop;
	int sig = 0;
	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGTERM);
	(void)sigaddset(&stop, SIGINT);
	c->metrics = &sv.metrics;
	sv.started = serve_mono(&sv);
	struct store *s = NULL; /* of this thread */
	int rc = check_store(c, &s, e);
	if (!rc) rc = open_all(&sv, e);
	if (!rc) {
		log_info(c->log, "started", "sync=%u api=%u public=%u", http_port(sv.sync), http_port(sv.api),
		         http_port(sv.pub));
		sig = wait_for_end(&sv, s, &stop);
		log_info(c->log, "stopping", "signal=%d", sig);
	}
	close_all(&sv);
	store_close(s);
	c->metrics = NULL;
	if (!rc) log_info(c->log, "stopped", "signal=%d", sig);
	return rc;
}
