/* See sync_face.h. The exchange's bytes go to county_exchange as they came, and its answer goes out as it was signed. */
#include "sync/county/sync_face.h"

#include "shared/pack.h"
#include "sync/county/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define PEM_MEDIA "application/pem-certificate-chain"
#define NONCE_MIN 16
#define NONCE_MAX 64

/* --- exchange --- */

static int64_t now_us(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void exchange(struct call *c, struct worker *w)
{
	size_t len = 0, answer_len = 0;
	const char *body = http_req_body(c->req, &len);
	char *answer = NULL, signature[256];
	struct problem p = {0};
	struct err e = {0};
	int64_t start = now_us();
	int rc = county_exchange(c->county, w->store, &c->box, body, len, &answer, &answer_len, signature, &p, &e);
	if (rc) {
		call_error(c, rc, &e);
	} else if (problem_any(&p)) {
		log_warn(c->county->log, "exchange_refused", "request=%s station=%.12s code=%s text=\"%s\"",
		         http_req_id(c->req), c->box.station, problem_row(p.code)->name, p.detail);
		if (p.code == PROBLEM_CERTIFICATE_REFUSED) metrics_add(c->county->metrics, METRIC_REFUSED_CERTS, 1);
		http_problem(c->req, &p);
	} else {
		metrics_add(c->county->metrics, METRIC_EXCHANGES, 1);
		metrics_add(c->county->metrics, METRIC_EXCHANGE_US, now_us() - start);
		http_reply_header(c->req, WIRE_SIGNATURE_HEADER, signature);
		http_reply(c->req, 200, pack_is(answer, answer_len) ? "application/zstd" : "application/json", answer,
		           answer_len);
	}
	problem_release(&p);
	free(answer);
}

/* The body is parsed by the protocol's own rules, which nest deeper than the API's: so the row has no HTTP_JSON, and
 * the media type is looked at here. */
static bool is_media(const char *type, const char *media)
{
	size_t n = strlen(media);
	if (!type || strncasecmp(type, media, n) != 0) return false;
	const char *rest = type + n;
	rest += strspn(rest, " \t");
	return *rest == '\0' || *rest == ';';
}

/* Common name and URI must say the same station. */
void sync_face_peer(struct http_req *req, struct county_peer *out, struct problem *p)
{
	struct http_peer_cert cert;
	char station[CA_STATION_LEN + 1] = "";
	unsigned box = 0;
	if (!http_req_cert(req, &cert) || !cert.verified) {
		problem_set(p, PROBLEM_CERTIFICATE_REQUIRED, NULL);
	} else if (strlen(cert.cn) >= sizeof out->station ||
	           (ca_station_uri(cert.uri, station, &box) && strcmp(station, cert.cn) != 0)) {
		problem_set(p, PROBLEM_CERTIFICATE_REFUSED, "not a station's certificate");
	} else {
		*out = (struct county_peer){.box = (int)box, .expired = cert.expired, .not_after = cert.not_after};
		memcpy(out->fingerprint, cert.fingerprint, DIGEST_LEN);
		memcpy(out->station, cert.cn, strlen(cert.cn) + 1);
	}
}

void sync_face_exchange(struct http_req *req, void *ctx)
{
	static const char *const none[] = {NULL};
	struct problem p = {0};
	if (!http_req_query_only(req, none)) return;
	struct call *c = call_new(ctx, req, exchange);
	if (!c) return;
	sync_face_peer(req, &c->box, &p);
	if (!problem_any(&p) && !is_media(http_req_header(req, "Content-Type"), "application/json") &&
	    !is_media(http_req_header(req, "Content-Type"), "application/zstd"))
		problem_set(&p, PROBLEM_UNSUPPORTED_MEDIA, NULL);
	if (problem_any(&p))
		call_refuse(c, &p);
	else
		call_submit(c);
}

/* --- renewal --- */

static void renew(struct call *c, struct worker *w)
{
	struct problem p = {0};
	struct err e = {0};
	json_t *answer = NULL;
	int rc = county_renew(c->county, w->store, &c->box, http_req_json(c->req), &answer, &p, &e);
	if (rc) {
		call_error(c, rc, &e);
	} else if (problem_any(&p)) {
		log_warn(c->county->log, "renewal_refused", "request=%s station=%.12s code=%s", http_req_id(c->req),
		         c->box.station, problem_row(p.code)->name);
		http_problem(c->req, &p);
	} else {
		log_info(c->county->log, "renewed", "station=%.12s expired=%d", c->box.station, c->box.expired);
		http_reply_json(c->req, 200, answer);
	}
	problem_release(&p);
}

void sync_face_renew(struct http_req *req, void *ctx)
{
	static const char *const none[] = {NULL};
	struct problem p = {0};
	if (!http_req_query_only(req, none)) return;
	struct call *c = call_new(ctx, req, renew);
	if (!c) return;
	sync_face_peer(req, &c->box, &p);
	if (problem_any(&p))
		call_refuse(c, &p);
	else
		call_submit(c);
}

/* --- the time, for a box whose clock lets it believe no certificate --- */

static void tell_time(struct call *c, struct worker *w)
{
	struct err e = {0};
	char text[COUNTY_TIME_MAX], signature[256];
	size_t n = 0;
	(void)w;
	int rc = county_time(c->county, c->text, text, &n, signature, &e);
	if (rc) {
		call_error(c, rc, &e);
		return;
	}
	http_reply_header(c->req, WIRE_SIGNATURE_HEADER, signature);
	http_reply(c->req, 200, "application/json", text, n);
}

void sync_face_now(struct http_req *req, void *ctx)
{
	static const char *const only[] = {"nonce", NULL};
	if (!http_req_query_only(req, only)) return;
	const char *nonce = http_req_query(req, "nonce");
	size_t n = nonce ? strlen(nonce) : 0;
	if (n < NONCE_MIN || n > NONCE_MAX || strspn(nonce, "0123456789abcdef") != n) {
		http_problem_code(req, PROBLEM_MALFORMED_REQUEST, "nonce wants 16 to 64 hex digits");
		return;
	}
	struct call *c = call_new(ctx, req, tell_time);
	if (!c) return;
	memcpy(c->text, nonce, n + 1);
	call_submit(c);
}

/* --- enrolment --- */

static void enroll(struct call *c, struct worker *w)
{
	struct problem p = {0};
	struct err e = {0};
	json_t *answer = NULL;
	int rc = county_enrol(c->county, w->store, http_req_json(c->req), c->peer, &answer, &p, &e);
	bool good = !rc && !problem_any(&p);
	metrics_add(c->county->metrics, good ? METRIC_ENROLMENTS : METRIC_ENROL_REFUSED, 1);
	if (good) {
		log_info(c->county->log, "enrolled", "station=%s box=%lld",
		         json_string_value(json_object_get(answer, "station")),
		         (long long)json_integer_value(json_object_get(answer, "box")));
		http_reply_json(c->req, 200, answer);
	} else if (rc) {
		call_error(c, rc, &e);
	} else {
		log_warn(c->county->log, "enrolment_refused", "request=%s code=%s", http_req_id(c->req),
		         problem_row(p.code)->name);
		http_problem(c->req, &p);
	}
	problem_release(&p);
}

void sync_face_enroll(struct http_req *req, void *ctx)
{
	call_plain(ctx, req, enroll);
}

/* --- certificates, which are no secret --- */

void sync_face_key(struct http_req *req, void *ctx)
{
	static const char *const none[] = {NULL};
	const struct serve *sv = ctx;
	if (!http_req_query_only(req, none)) return;
	if (strcmp(http_req_param(req, "id"), sv->county->answer_key_id) != 0)
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
	else
		http_reply(req, 200, PEM_MEDIA, sv->county->answer_cert, strlen(sv->county->answer_cert));
}

void sync_face_root(struct http_req *req, void *ctx)
{
	static const char *const none[] = {NULL};
	const struct serve *sv = ctx;
	if (!http_req_query_only(req, none)) return;
	const char *root = ca_root_pem(sv->county->ca);
	http_reply(req, 200, PEM_MEDIA, root, strlen(root));
}
