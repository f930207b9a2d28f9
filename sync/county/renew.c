/* Renewal: a box that shows its certificate, be it expired, gets another for the same station and box. Nothing is taken
 * away: the old one is good until its last day. Called by the sync face on a worker thread. See county.h. */
#include "sync/county/county.h"

#include "shared/caseview.h"
#include "shared/fields.h"

#include <stdio.h>
#include <string.h>

static const struct field request_fields[] = {
    {"station", FIELD_LINE, FIELD_REQUIRED, 12, 12, 0, 0},
    {"log", FIELD_UUID, FIELD_REQUIRED, 0, 0, 0, 0},
    {"csr", FIELD_TEXT, FIELD_REQUIRED, 1, X509_PEM_MAX - 1, 0, 0},
    {"server_csr", FIELD_TEXT, FIELD_NULLABLE, 1, X509_PEM_MAX - 1, 0, 0},
    {"server_names", FIELD_LINE, FIELD_NULLABLE, 1, 400, 0, 0},
    {.name = NULL},
};

struct renewal {
	struct county *c;
	struct store *s;
	const struct county_peer *peer;
	const json_t *req;
	int64_t now;
	struct store_log log;
	struct county_certificates made;
};

/* "a.b,10.0.0.1" into SANs. */
static size_t split_names(const char *names, struct x509_san out[X509_SAN_MAX])
{
	size_t n = 0;
	while (*names && n < X509_SAN_MAX) {
		size_t len = strcspn(names, ",");
		if (len > 0 && len < X509_NAME_MAX) {
			(void)snprintf(out[n].value, X509_NAME_MAX, "%.*s", (int)len, names);
			out[n].kind = strspn(out[n].value, "0123456789.") == len || strchr(out[n].value, ':')
			                  ? X509_SAN_IP
			                  : X509_SAN_DNS;
			n++;
		}
		names += len + (names[len] == ',');
	}
	return n;
}

static int find_log(struct renewal *x, struct problem *p, struct err *e)
{
	uint8_t log[UUID_LEN];
	bool own = false;
	struct err none = {0};
	(void)uuid_parse(fields_text(x->req, "log"), log);
	int rc = store_log(x->s, log, &x->log, &none);
	if (!rc) rc = store_log_has(x->s, log, x->peer->fingerprint, &own, &none);
	if (rc && rc != (int)ERR_NOTFOUND) return err_set(e, (enum err_code)rc, "%s", none.msg);
	if (rc || !own || x->log.state == LOG_REVOKED || strcmp(x->log.station, x->peer->station) != 0 ||
	    strcmp(x->log.station, fields_text(x->req, "station")) != 0)
		problem_set(p, PROBLEM_CERTIFICATE_REFUSED, "%s",
		            !rc && x->log.state == LOG_REVOKED ? "this certificate is revoked"
		                                               : "this certificate does not stand for that log");
	return ERR_OK;
}

int county_issue(struct county *c, const json_t *request, const char *station, int box, int64_t now,
                 struct county_certificates *out, struct problem *p, struct err *e)
{
	struct x509_san sans[X509_SAN_MAX];
	struct err bad = {0};
	const char *server = fields_text(request, "server_csr");
	size_t n = split_names(fields_text(request, "server_names"), sans);
	(void)pthread_mutex_lock(&c->lock);
	int rc = ca_issue_station(c->ca, fields_text(request, "csr"), station, (unsigned)box, now, out->client, &bad);
	out->has_server = !rc && *server && n;
	if (out->has_server) rc = ca_issue_server(c->ca, server, sans, n, now, out->server, &bad);
	(void)pthread_mutex_unlock(&c->lock);
	if (!rc) return x509_read(out->client, strlen(out->client), &out->info, e);
	if (rc != (int)ERR_INVALID && rc != (int)ERR_DENIED) return err_set(e, (enum err_code)rc, "%s", bad.msg);
	problem_field(p, out->has_server ? "/server_csr" : "/csr", "format", "%s", bad.msg);
	return ERR_OK;
}

static int renew(struct renewal *x, struct problem *p, struct err *e)
{
	int rc = find_log(x, p, e);
	if (rc || problem_any(p)) return rc;
	rc = county_issue(x->c, x->req, x->log.station, x->log.box, x->now, &x->made, p, e);
	if (rc || problem_any(p)) return rc;
	return store_log_certificate(x->s, x->log.log, x->made.info.fingerprint, x->made.info.not_after, e);
}

static json_t *answer_of(const struct renewal *x)
{
	int rc = ERR_OK;
	json_t *a = json_pack("{s:s,s:I}", "certificate", x->made.client, "now", (json_int_t)x->now);
	if (!a) return NULL;
	caseview_set(a, "server_certificate", x->made.has_server ? json_string(x->made.server) : json_null(), &rc);
	if (!rc) return a;
	json_decref(a);
	return NULL;
}

int county_renew(struct county *c, struct store *s, const struct county_peer *peer, const json_t *request,
                 json_t **answer, struct problem *p, struct err *e)
{
	struct renewal x = {.c = c, .s = s, .peer = peer, .req = request, .now = county_now(c)};
	*answer = NULL;
	if (!fields_check(request, request_fields, "", p)) return ERR_OK;
	int rc = store_begin(s, e);
	if (rc) return rc;
	rc = renew(&x, p, e);
	if (!rc && !problem_any(p)) {
		*answer = answer_of(&x);
		if (!*answer) rc = err_set(e, ERR_NOMEM, "renewal");
	}
	if (!rc && !problem_any(p)) rc = store_commit(s, e);
	if (rc || problem_any(p)) store_rollback(s);
	if (rc) {
		json_decref(*answer);
		*answer = NULL;
	}
	return rc;
}
