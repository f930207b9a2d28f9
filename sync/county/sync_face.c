/* See sync_face.h. The exchange's bytes go to county_exchange as they came, and its answer goes out as it was signed. */
#include "sync/county/sync_face.h"

#include "sync/county/call.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define PEM_MEDIA "application/pem-certificate-chain"

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
		http_reply(c->req, 200, "application/json", answer, answer_len);
	}
	problem_release(&p);
	free(answer);
}

/* The body is parsed by the protocol's own rules, which nest deeper than the API's: so the row has no HTTP_JSON, and
 * the media type is looked at here. */
static bool is_json(const char *type)
{
	static const char media[] = "application/json";
	if (!type || strncasecmp(type, media, sizeof media - 1) != 0) return false;
	const char *rest = type + sizeof media - 1;
	return *(rest + strspn(rest, " \t")) == '\0' || *(rest + strspn(rest, " \t")) == ';';
}

void sync_face_exchange(struct http_req *req, void *ctx)
{
	static const char *const none[] = {NULL};
	struct http_peer_cert cert;
	struct problem p = {0};
	if (!http_req_query_only(req, none)) return;
	struct call *c = call_new(ctx, req, exchange);
	if (!c) return;
	if (!http_req_cert(req, &cert) || !cert.verified) {
		problem_set(&p, PROBLEM_CERTIFICATE_REQUIRED, NULL);
	} else if (strlen(cert.cn) >= sizeof c->box.station) {
		problem_set(&p, PROBLEM_CERTIFICATE_REFUSED, "not a station's certificate");
	} else if (!is_json(http_req_header(req, "Content-Type"))) {
		problem_set(&p, PROBLEM_UNSUPPORTED_MEDIA, NULL);
	} else {
		memcpy(c->box.fingerprint, cert.fingerprint, DIGEST_LEN);
		memcpy(c->box.station, cert.cn, strlen(cert.cn) + 1);
	}
	if (problem_any(&p))
		call_refuse(c, &p);
	else
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
