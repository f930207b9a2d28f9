/* One request from its first line to its end.
 *
 * The library calls, all on the connection's own thread: http_req_begin with the target, http_req_unescape for its
 * parts, http_req_step once with the headers, once a piece of body, once at the end (and again after a resume), and
 * http_req_end. A refusal made with the headers is answered at once when a body is still to come, and the connection
 * is closed; otherwise the answer waits for the last step, because libmicrohttpd 0.9.75 closes a connection whose
 * answer is queued before it. Bodies are kept only for callers that `authorize` let in. */
#include "shared/http/internal.h"

#include "shared/crypto/rng.h"
#include "shared/json_parse.h"
#include "shared/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- begin and end --- */

void *http_req_begin(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	struct http_server *s = cls;
	struct http_conn *c = http_conn_of(mhd);
	struct http_req *req = c ? calloc(1, sizeof *req) : NULL;
	if (!req) return NULL; /* http_req_step then closes the connection */
	req->server = s;
	req->conn = c;
	req->mhd = mhd;
	req->guarded = s->cfg.terse ? HTTP_TERSE : s->cfg.cert_file ? HTTP_SECURE : HTTP_PLAIN;
	req->raw = uri;
	req->raw_len = strlen(uri);
	req->bad = http_check_target(uri);
	req->start_us = http_now_us();
	atomic_init(&req->refs, 1);
	atomic_init(&req->claim, HTTP_UNCLAIMED);
	buf_init(&req->body, 0);
	uint8_t id[HTTP_ID_LEN / 2];
	rng_bytes(id, sizeof id);
	text_hex(id, sizeof id, req->id);
	c->req = req;
	http_conn_phase(c, HTTP_ARRIVING);
	pthread_mutex_lock(&s->lock);
	s->in_flight++;
	pthread_mutex_unlock(&s->lock);
	return req;
}

/* The library asks for path, query keys and values to be unescaped in place; the first bad one is remembered. */
size_t http_req_unescape(void *cls, struct MHD_Connection *mhd, char *s)
{
	(void)cls;
	struct http_conn *c = http_conn_of(mhd);
	if (c && c->req && !c->req->bad) c->req->bad = http_check_decode(s, s == c->req->raw);
	return strlen(s);
}

static void unref(struct http_req *req)
{
	if (atomic_fetch_sub(&req->refs, 1) != 1) return;
	if (req->sink) req->sink->release(req->sink_arg, req->stream == HTTP_ENDED);
	if (req->user_free) req->user_free(req->user);
	http_reply_release(req);
	buf_release(&req->body);
	json_decref(req->json);
	free(req->param_text);
	free(req);
}

static void finish(struct http_req *req, const char *method, int status)
{
	struct http_server *s = req->server;
	if (s->cfg.on_done)
		s->cfg.on_done(method, req->route ? req->route->path : NULL, status, http_now_us() - req->start_us,
		               s->cfg.ctx);
	req->conn->req = NULL;
	unref(req);
	pthread_mutex_lock(&s->lock);
	s->in_flight--;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

/* Lets whoever resumed REQ answer it, WHOM being REQ or NULL, unless that has been done. One that the server took back has
 * nobody to be asked: its owner may be writing to it. */
static void answer_then(struct http_req *req, struct http_req *whom)
{
	if (atomic_load(&req->claim) != HTTP_RESUMED || !req->then) return;
	void (*fn)(struct http_req *, void *) = req->then;
	req->then = NULL;
	fn(whom, req->then_arg);
}

void http_req_end(void *cls, struct MHD_Connection *mhd, void **slot, enum MHD_RequestTerminationCode why)
{
	(void)cls;
	(void)why; /* says COMPLETED_OK for vanished clients too */
	struct http_req *req = *slot;
	*slot = NULL;
	if (!req) return;
	answer_then(req, NULL); /* the connection ended while it was parked */
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_HTTP_STATUS);
	http_conn_phase(req->conn, HTTP_IDLE);
	finish(req, req->method ? req->method : "", i ? (int)i->http_status : 0);
}

void http_req_abandon(struct http_req *req)
{
	finish(req, "", 0);
}

/* --- first step: headers --- */

static bool refuse(struct http_req *req, enum problem_code code, const char *detail)
{
	http_problem_code(req, code, detail);
	return false;
}

static bool find_route(struct http_req *req)
{
	char allow[128];
	req->route = http_route_find(req, allow, sizeof allow);
	if (req->route) return http_route_params(req) || refuse(req, PROBLEM_INTERNAL, NULL);
	bool reads = strcmp(req->method, "GET") == 0 || strcmp(req->method, "HEAD") == 0;
	if (!allow[0] && reads && (req->route = req->server->cfg.fallback)) return true;
	if (!allow[0]) return refuse(req, PROBLEM_NOT_FOUND, NULL);
	http_reply_header(req, "Allow", allow);
	return refuse(req, PROBLEM_METHOD_NOT_ALLOWED, NULL);
}

static bool authorize(struct http_req *req)
{
	const struct http_config *c = &req->server->cfg;
	struct http_conn *conn = req->conn;
	if (conn->cert_ok && !conn->cert)
		conn->cert = http_tls_peer_cert(
		    MHD_get_connection_info(req->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session);
	if (conn->cert) conn->cert->expired = conn->cert_expired;
	if ((req->route->flags & HTTP_CERT) && !conn->cert) return refuse(req, PROBLEM_CERTIFICATE_REQUIRED, NULL);
	if (req->route->flags & HTTP_OPEN) return true;
	if (!c->authorize) return refuse(req, PROBLEM_UNAUTHENTICATED, NULL);
	if (c->authorize(req, req->route, c->ctx)) return true;
	return req->status ? false : refuse(req, PROBLEM_FORBIDDEN, NULL);
}

static bool body_fits(struct http_req *req)
{
	size_t max = req->route->body_max;
	if (req->more && max == 0) return refuse(req, PROBLEM_TOO_LARGE, "no body is expected here");
	const char *cl = http_req_header(req, "Content-Length");
	if (!cl) return true;
	/* all digits by now, and small enough for the library's 64 bits */
	return strtoull(cl, NULL, 10) <= max || refuse(req, PROBLEM_TOO_LARGE, NULL);
}

static bool admit(struct http_req *req, const char *version)
{
	const char *why = http_check_head(req, version);
	if (!why) why = http_check_query(req);
	if (why) {
		req->close = true; /* where it ends is in doubt */
		return refuse(req, PROBLEM_MALFORMED_REQUEST, why);
	}
	if (!find_route(req) || !authorize(req) || !body_fits(req)) return false;
	if ((req->route->flags & HTTP_JSON) && !http_check_media_json(http_req_header(req, "Content-Type")))
		return refuse(req, PROBLEM_UNSUPPORTED_MEDIA, NULL);
	if ((req->route->flags & HTTP_KEY) && !http_check_key(http_req_header(req, "Idempotency-Key"), req->key))
		return refuse(req, PROBLEM_KEY_MISSING, NULL);
	buf_init(&req->body, req->route->body_max);
	return true;
}

static enum MHD_Result first_step(struct http_req *req, const char *url, const char *method, const char *version)
{
	req->started = true;
	req->method = method;
	req->path = url;
	if (!admit(req, version)) return http_req_refused(req);
	return req->route->flags & HTTP_STREAM ? http_stream_open(req) : MHD_YES;
}

enum MHD_Result http_req_refused(struct http_req *req)
{
	if (!req->more) return MHD_YES;
	req->conn->linger = true;
	http_conn_phase(req->conn, HTTP_WORKING);
	return http_reply_queue(req);
}

/* --- body --- */

/* Refused half-way: the library takes an answer only at the end, so the rest is dropped. */
enum MHD_Result http_req_drop(struct http_req *req, size_t n)
{
	req->dropped += n;
	return req->dropped <= HTTP_DROP_MAX ? MHD_YES : MHD_NO;
}

static enum MHD_Result body_step(struct http_req *req, const char *data, size_t *size)
{
	size_t n = *size;
	if (req->stream) return http_stream_data(req, data, size);
	*size = 0;
	if (req->status) return http_req_drop(req, n);
	bool fits = n <= req->body.max - req->body.len;
	buf_add(&req->body, data, n);
	if (!req->body.bad) return MHD_YES;
	buf_release(&req->body);
	req->close = true;
	http_problem_code(req, fits ? PROBLEM_BUSY : PROBLEM_TOO_LARGE, NULL);
	return MHD_YES;
}

/* --- last step: the handler --- */

static bool parse_body(struct http_req *req)
{
	struct err e = {0};
	int rc = json_parse_strict(req->body.data, req->body.len, HTTP_DEPTH_MAX, &req->json, &e);
	if (rc == ERR_NOMEM) return refuse(req, PROBLEM_BUSY, NULL);
	if (rc) return refuse(req, PROBLEM_MALFORMED_JSON, e.msg);
	return json_is_object(req->json) || refuse(req, PROBLEM_MALFORMED_JSON, "an object is wanted at byte 0");
}

/* Counts one more running handler; false once the server is ending. */
static bool enter(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	bool may = !s->stopping;
	if (may) s->running++;
	pthread_mutex_unlock(&s->lock);
	return may;
}

static void leave(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->running--;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

void http_req_run(struct http_req *req)
{
	struct http_server *s = req->server;
	if ((req->route->flags & HTTP_JSON) && !parse_body(req)) return;
	if (!enter(s)) {
		http_problem_code(req, PROBLEM_STOPPING, NULL);
		return;
	}
	if (req->stream == HTTP_FLOWING)
		http_stream_end(req);
	else
		req->route->fn(req, s->cfg.ctx);
	leave(s);
}

void http_req_resumed(struct http_req *req)
{
	req->parked = false;
	answer_then(req, req);
}

static enum MHD_Result last_step(struct http_req *req)
{
	if (req->parked) { /* resumed */
		http_req_resumed(req);
		/* a stream that was waiting for room, and has its end now, goes on */
		bool flows = req->stream == HTTP_FLOWING && atomic_load(&req->claim) == HTTP_RESUMED;
		if (!flows) return http_reply_queue(req);
	}
	http_conn_phase(req->conn, HTTP_WORKING);
	if (!req->status) http_req_run(req);
	/* while parked the rest of REQ may already be in the hands of another thread */
	return req->parked ? MHD_YES : http_reply_queue(req);
}

enum MHD_Result http_req_step(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                              const char *version, const char *data, size_t *size, void **slot)
{
	(void)cls;
	(void)mhd;
	struct http_req *req = *slot;
	if (!req) return MHD_NO;
	if (!req->started) return first_step(req, url, method, version);
	if (req->stream == HTTP_OPENING) return http_stream_opened(req);
	return *size ? body_step(req, data, size) : last_step(req);
}

/* --- parking --- */

void http_suspend(struct http_req *req)
{
	struct http_server *s = req->server;
	assert(!req->parked && !req->status);
	req->parked = true;
	atomic_store(&req->refs, 2);
	atomic_store(&req->claim, HTTP_UNCLAIMED);
	pthread_mutex_lock(&s->lock);
	s->suspended++;
	req->park_next = s->parked;
	req->park_prev = NULL;
	if (s->parked) s->parked->park_prev = req;
	s->parked = req;
	if (req->stream == HTTP_FLOWING) req->conn->phase = HTTP_WORKING; /* it is not the sender who is late */
	pthread_mutex_unlock(&s->lock);
	MHD_suspend_connection(req->mhd);
}

static void unlist(struct http_server *s, struct http_req *req)
{
	if (req->park_prev)
		req->park_prev->park_next = req->park_next;
	else
		s->parked = req->park_next;
	if (req->park_next) req->park_next->park_prev = req->park_prev;
}

void http_resume(struct http_req *req)
{
	http_resume_with(req, NULL, NULL);
}

void http_resume_with(struct http_req *req, void (*fn)(struct http_req *, void *), void *arg)
{
	struct http_server *s = req->server;
	struct MHD_Connection *mhd = req->mhd;
	int unclaimed = HTTP_UNCLAIMED;
	req->then = fn;
	req->then_arg = arg;
	if (!atomic_compare_exchange_strong(&req->claim, &unclaimed, HTTP_RESUMED)) {
		if (fn) fn(NULL, arg);
		unref(req); /* the server took it back and may be gone */
		return;
	}
	pthread_mutex_lock(&s->lock);
	unlist(s, req);
	if (req->stream == HTTP_FLOWING) { /* the library tells nobody before more has come */
		req->conn->phase = HTTP_ARRIVING;
		req->conn->since = http_now_ms();
	}
	pthread_mutex_unlock(&s->lock);
	unref(req);
	MHD_resume_connection(mhd);
	pthread_mutex_lock(&s->lock);
	s->suspended--;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

void http_req_force_all(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	for (struct http_req *req = s->parked, *next; req; req = next) {
		next = req->park_next;
		struct MHD_Connection *mhd = req->mhd;
		int unclaimed = HTTP_UNCLAIMED;
		if (!atomic_compare_exchange_strong(&req->claim, &unclaimed, HTTP_FORCED)) continue;
		unlist(s, req);
		s->suspended--;
		MHD_resume_connection(mhd);
	}
	pthread_mutex_unlock(&s->lock);
}

/* --- reading --- */

const struct http_route *http_req_route(const struct http_req *req)
{
	return req->route;
}

const char *http_req_path(const struct http_req *req)
{
	return req->path;
}

const char *http_req_id(const struct http_req *req)
{
	return req->id;
}

const char *http_req_peer(const struct http_req *req)
{
	return req->conn->peer;
}

const char *http_req_query(const struct http_req *req, const char *name)
{
	const char *value = NULL;
	size_t len = 0;
	if (MHD_lookup_connection_value_n(req->mhd, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value, &len) != MHD_YES)
		return NULL;
	return value ? value : "";
}

const char *http_req_header(const struct http_req *req, const char *name)
{
	return MHD_lookup_connection_value(req->mhd, MHD_HEADER_KIND, name);
}

const void *http_req_body(const struct http_req *req, size_t *len)
{
	*len = req->body.len;
	return req->body.data;
}

json_t *http_req_json(const struct http_req *req)
{
	return req->json;
}

const uint8_t *http_req_key(const struct http_req *req)
{
	return req->key;
}

bool http_req_cert(const struct http_req *req, struct http_peer_cert *out)
{
	if (!req->conn->cert) return false;
	*out = *req->conn->cert;
	return true;
}

void http_req_set_user(struct http_req *req, void *user, void (*free_fn)(void *))
{
	if (req->user_free) req->user_free(req->user);
	req->user = user;
	req->user_free = free_fn;
}

void *http_req_user(const struct http_req *req)
{
	return req->user;
}
