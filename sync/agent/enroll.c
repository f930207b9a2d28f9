/* Enrolment at the box: fetch the root and hold it against its hash, make the key, send the request, keep what comes
 * back. Request and key wait in files of their own until all is kept: whatever is cut off on the way, the same code run
 * again sends the same request, and the county says again what it said. What an enrolled box has stays until then. */
#include "shared/ledger/write.h"
#include "sync/agent/agent.h"

#include "shared/crypto/x509.h"
#include "shared/fields.h"
#include "shared/file.h"
#include "shared/json_parse.h"
#include "shared/limits.h"
#include "shared/text.h"
#include "shared/version.h"
#include "sync/agent/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALL_MS     30000
#define REQUEST_MAX 16384

struct enroll {
	struct agent *a;
	const struct enroll_options *o;
	uint8_t log[UUID_LEN];
	char csr[X509_PEM_MAX];
	char *server_csr;
	char *root;
	char *request; /* JSON; holds the field key */
	char key_path[AGENT_PATH_MAX], request_path[AGENT_PATH_MAX];
	json_t *answer;
};

static void wipe(char *text)
{
	if (text) explicit_bzero(text, strlen(text));
	free(text);
}

/* The root comes over a connection that nothing vouches for yet; the hash from the technician's paper does. */
static int fetch_root(struct enroll *x, struct err *e)
{
	uint8_t want[DIGEST_LEN];
	struct x509_info info;
	struct transport *t = NULL;
	struct transport_answer a = {0};
	struct transport_config tc = {.url = x->o->url};
	if (!text_unhex(x->o->root, want, DIGEST_LEN))
		return err_set(e, ERR_INVALID, "--root: 64 hex digits are wanted");
	int rc = transport_open(&tc, &t, e);
	if (!rc) rc = transport_call(t, "/sync/v1/root", NULL, 0, CALL_MS, &a, e);
	if (!rc && a.status != 200) rc = err_set(e, ERR_IO, "the county's root: HTTP %d", a.status);
	if (!rc) rc = x509_read(a.body, a.len, &info, e);
	if (!rc && memcmp(info.fingerprint, want, DIGEST_LEN) != 0)
		rc = err_set(e, ERR_DENIED, "that address is not the county's: its root has another SHA-256");
	if (!rc) {
		x->root = a.body;
		a.body = NULL;
	}
	transport_answer_release(&a);
	transport_close(t);
	return rc;
}

/* The request of an earlier try with this code, if there is one. */
static int find_request(struct enroll *x, struct err *e)
{
	size_t n;
	char *text = NULL;
	json_t *j = NULL;
	if (!file_exists(x->request_path) || !file_exists(x->key_path)) return ERR_OK;
	int rc = file_read(x->request_path, REQUEST_MAX, &text, &n, e);
	if (rc) return rc;
	bool same = !json_parse_strict(text, n, LIMIT_DEPTH, &j, NULL) &&
	            strcmp(fields_text(j, "code"), x->o->code) == 0 && uuid_parse(fields_text(j, "log"), x->log);
	json_decref(j);
	if (same)
		x->request = text;
	else
		wipe(text);
	return ERR_OK;
}

static int make_key(struct enroll *x, struct err *e)
{
	char path[AGENT_PATH_MAX];
	size_t n;
	struct ec_key *key = ec_key_generate();
	int rc = key ? ec_key_save(key, x->key_path, e) : err_set(e, ERR_NOMEM, "client key");
	/* the county writes the names itself: what the request says does not count */
	if (!rc) rc = x509_csr_make(key, "xinke box", NULL, 0, x->csr, e);
	ec_key_free(key);
	agent_path(path, x->a->cfg->data, "server.csr");
	if (!rc && x->o->names && file_exists(path)) rc = file_read(path, X509_PEM_MAX, &x->server_csr, &n, e);
	return rc;
}

static json_t *request_json(struct enroll *x, struct ledger *l)
{
	char log[UUID_TEXT], key[TEXT_B64_LEN(SEAL_KEY_LEN)], software[64];
	uuid_text(x->log, log);
	(void)text_b64(ledger_field_key(l), SEAL_KEY_LEN, key);
	(void)snprintf(software, sizeof software, "xinke/%s", XINKE_VERSION);
	json_t *j = json_pack("{s:s,s:s,s:s,s:s,s:s}", "code", x->o->code, "log", log, "csr", x->csr, "field_key", key,
	                      "software", software);
	if (j && x->server_csr &&
	    (json_object_set_new(j, "server_csr", json_string(x->server_csr)) ||
	     json_object_set_new(j, "server_names", json_string(x->o->names)))) {
		json_decref(j);
		return NULL;
	}
	return j;
}

static int make_request(struct enroll *x, struct ledger *l, struct err *e)
{
	agent_path(x->key_path, x->a->cfg->keys, "enrol.key");
	agent_path(x->request_path, x->a->cfg->keys, "enrol.json");
	int rc = file_mkdirs(x->a->cfg->keys, 0700, e);
	if (!rc) rc = find_request(x, e);
	if (rc || x->request) return rc;
	rc = make_key(x, e);
	json_t *j = rc ? NULL : request_json(x, l);
	x->request = j ? json_dumps(j, JSON_COMPACT) : NULL;
	json_decref(j);
	if (!rc && !x->request) rc = err_set(e, ERR_NOMEM, "enrolment");
	return rc ? rc : file_write(x->request_path, x->request, strlen(x->request), 0600, true, e);
}

static int read_answer(struct enroll *x, const struct transport_answer *a, struct err *e)
{
	json_t *j = NULL;
	int rc = json_parse_strict(a->body, a->len, LIMIT_DEPTH, &j, e);
	if (!rc && a->status != 200) {
		const json_t *field = json_array_get(json_object_get(j, "errors"), 0);
		rc = err_set(e, ERR_DENIED, "the county refused: %s %s %s %s", fields_text(j, "code"),
		             fields_text(j, "detail"), fields_text(field, "pointer"), fields_text(field, "message"));
	}
	if (rc)
		json_decref(j);
	else
		x->answer = j;
	return rc;
}

static int call_county(struct enroll *x, const char *ca_file, struct err *e)
{
	struct transport *t = NULL;
	struct transport_answer a = {0};
	struct transport_config tc = {.url = x->o->url, .ca_file = ca_file};
	int rc = transport_open(&tc, &t, e);
	if (!rc) rc = transport_call(t, "/sync/v1/enroll", x->request, strlen(x->request), CALL_MS, &a, e);
	if (!rc) rc = read_answer(x, &a, e);
	transport_answer_release(&a);
	transport_close(t);
	return rc;
}

static int keep_file(const char *folder, const char *name, const char *text, mode_t mode, struct err *e)
{
	char path[AGENT_PATH_MAX];
	agent_path(path, folder, name);
	return *text ? file_write(path, text, strlen(text), mode, true, e) : ERR_OK;
}

/* A copy: the request's own key is there until all is kept. */
static int keep_key(struct enroll *x, struct err *e)
{
	struct ec_key *key = NULL;
	char path[AGENT_PATH_MAX];
	agent_path(path, x->a->cfg->keys, "client.key");
	int rc = ec_key_load(x->key_path, &key, e);
	if (!rc) rc = ec_key_save(key, path, e);
	ec_key_free(key);
	return rc;
}

static int keep(struct enroll *x, struct ledger *l, struct err *e)
{
	const json_t *a = x->answer;
	const char *key = fields_text(a, "station_key");
	struct ledger_enrolment en = {.station = fields_text(a, "station"),
	                              .name = fields_text(a, "station_name"),
	                              .township = fields_text(a, "township"),
	                              .box = (int)fields_int(a, "box", 0)};
	struct ledger_head h;
	memcpy(en.log, x->log, UUID_LEN);
	if (strlen(en.station) != 12 || en.box < 1 || !tier_parse(fields_text(a, "tier"), &en.tier) ||
	    text_unb64(key, strlen(key), en.station_key, EVENT_KEY_LEN) != EVENT_KEY_LEN)
		return err_set(e, ERR_INVALID, "the county's answer is not complete");
	int rc = x509_verify(fields_text(a, "certificate"), x->root, X509_EKU_CLIENT, fields_int(a, "now", 0), e);
	if (!rc) rc = keep_key(x, e);
	if (!rc) rc = keep_file(x->a->cfg->keys, "client.crt", fields_text(a, "certificate"), 0644, e);
	if (!rc) rc = keep_file(x->a->cfg->data, "server.crt", fields_text(a, "server_certificate"), 0644, e);
	if (!rc) rc = ledger_meta_set_text(l, "county_url", x->o->url, e);
	if (!rc) rc = ledger_meta_set_text(l, "public_url", fields_text(a, "public_url"), e);
	if (!rc && !(ledger_head(l, &h, NULL) == ERR_OK && memcmp(h.log, x->log, UUID_LEN) == 0))
		rc = ledger_enrol(l, &en, e); /* else an earlier run was cut off after it */
	explicit_bzero(en.station_key, sizeof en.station_key);
	if (!rc) log_info(x->a->log, "enrolled", "station %s (%s) as box %02d", en.station, en.name, en.box);
	return rc;
}

int enroll_run(struct agent *a, const struct enroll_options *o, struct err *e)
{
	struct enroll x = {.a = a, .o = o};
	struct ledger *l = NULL;
	char ca[AGENT_PATH_MAX];
	agent_path(ca, a->cfg->data, "root.crt");
	uuid_random(x.log);
	int rc = agent_ledger(a, &l, e);
	if (!rc) rc = fetch_root(&x, e);
	if (!rc) rc = file_write(ca, x.root, strlen(x.root), 0644, true, e);
	if (!rc) rc = make_request(&x, l, e);
	if (!rc) rc = call_county(&x, ca, e);
	if (!rc) rc = keep(&x, l, e);
	if (!rc) {
		(void)unlink(x.request_path);
		(void)unlink(x.key_path);
	}
	wipe(x.request);
	json_decref(x.answer);
	free(x.server_csr);
	free(x.root);
	ledger_close(l);
	return rc;
}
