/* See setup.h. A phone installs the root before it can speak HTTPS to the box, so the root comes in plain, with its
 * fingerprint to compare with the one printed on the station's card; nothing else is served there. */
#include "gateway/setup.h"

#include "shared/buf.h"
#include "shared/crypto/ec.h"
#include "shared/crypto/x509.h"
#include "shared/file.h"
#include "shared/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER_MODE 02770 /* the courier is in the group */
#define KEY_MODE    0640
#define DB_MODE     0660
#define PAGE_MAX    4096

/* --- the folder --- */

static int make_database(const struct settings *cfg, struct clock *clock, struct err *e)
{
	struct ledger *l = NULL;
	struct ledger_config lc = {
	    .path = cfg->db, .field_key = cfg->field_key, .mode = LEDGER_MIGRATE, .clock = clock, .gate = cfg->gate};
	if (file_exists(cfg->db) && !file_exists(cfg->field_key))
		return err_set(e, ERR_DENIED, "%s is there and its key %s is not: restore the key", cfg->db,
		               cfg->field_key);
	int rc = ledger_key_make(cfg->field_key, e);
	if (!rc) rc = ledger_open(&lc, &l, e);
	ledger_close(l);
	/* SQLite makes it for its owner alone; what stands beside it takes its mode */
	if (!rc && chmod(cfg->db, DB_MODE)) rc = err_sys(e, errno, "%s", cfg->db);
	return rc;
}

static int make_key(const struct settings *cfg, struct ec_key **out, struct err *e)
{
	char pem[EC_PEM_MAX];
	int rc;
	*out = NULL;
	if (file_exists(cfg->server_key)) {
		rc = file_load(cfg->server_key, false, pem, sizeof pem, NULL, e);
		if (!rc) rc = ec_key_from_pem(pem, out, e);
	} else {
		*out = ec_key_generate();
		rc = *out ? ec_key_to_pem(*out, pem, e) : err_set(e, ERR_NOMEM, "server key");
		if (!rc) rc = file_write(cfg->server_key, pem, strlen(pem), KEY_MODE, false, e);
	}
	explicit_bzero(pem, sizeof pem);
	return rc;
}

/* "a,b" into names and addresses. */
static int read_names(const char *text, struct x509_san out[X509_SAN_MAX], size_t *n, struct err *e)
{
	*n = 0;
	while (*text) {
		struct in6_addr a;
		text += strspn(text, " ,");
		size_t len = strcspn(text, " ,");
		if (!len) break;
		if (*n == X509_SAN_MAX || len >= X509_NAME_MAX)
			return err_set(e, ERR_INVALID, "http.names: too many or too long");
		struct x509_san *s = &out[(*n)++];
		memcpy(s->value, text, len);
		s->value[len] = '\0';
		bool address = inet_pton(AF_INET, s->value, &a) == 1 || inet_pton(AF_INET6, s->value, &a) == 1;
		s->kind = address ? X509_SAN_IP : X509_SAN_DNS;
		text += len;
	}
	return *n ? ERR_OK : err_set(e, ERR_INVALID, "http.names is empty");
}

static int make_request(const struct settings *cfg, struct err *e)
{
	struct x509_san names[X509_SAN_MAX];
	struct ec_key *key = NULL;
	char csr[X509_PEM_MAX];
	size_t n = 0;
	int rc = read_names(cfg->names, names, &n, e);
	if (!rc) rc = make_key(cfg, &key, e);
	if (!rc) rc = x509_csr_make(key, names[0].value, names, n, csr, e);
	if (!rc) rc = file_write(cfg->server_csr, csr, strlen(csr), 0644, true, e);
	ec_key_free(key);
	return rc;
}

int setup_init(const struct settings *cfg, struct clock *clock, struct err *e)
{
	bool fresh = !file_exists(cfg->data);
	int rc = file_mkdirs(cfg->data, FOLDER_MODE & 0777, e);
	if (!rc && fresh && chmod(cfg->data, FOLDER_MODE))
		rc = err_sys(e, errno, "%s", cfg->data); /* mkdir drops 02000 */
	if (!rc) rc = make_database(cfg, clock, e);
	return rc ? rc : make_request(cfg, e);
}

/* --- the page --- */

static bool load_root(struct gateway *gw, struct http_req *req, char pem[X509_PEM_MAX])
{
	struct err e = {0};
	int rc = file_load(gw->cfg.root_crt, false, pem, X509_PEM_MAX, NULL, &e);
	if (!rc) return true;
	log_warn(&gw->log, "setup", "text=\"%s\"", e.msg);
	http_problem_code(req, PROBLEM_NOT_ENROLLED, NULL);
	return false;
}

static void root_get(struct http_req *req, void *ctx)
{
	char pem[X509_PEM_MAX];
	if (!load_root(ctx, req, pem)) return;
	http_reply_header(req, "Content-Disposition", "attachment; filename=\"xinke-root.crt\"");
	http_reply(req, 200, "application/x-x509-ca-cert", pem, strlen(pem));
}

static void page_get(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	char pem[X509_PEM_MAX], hex[TEXT_HEX_LEN(DIGEST_LEN)];
	struct x509_info info;
	struct err e = {0};
	struct buf b;
	if (!load_root(gw, req, pem)) return;
	if (x509_read(pem, strlen(pem), &info, &e)) {
		log_error(&gw->log, "setup", "text=\"%s\"", e.msg);
		http_problem_code(req, PROBLEM_INTERNAL, NULL);
		return;
	}
	text_hex(info.fingerprint, DIGEST_LEN, hex);
	buf_init(&b, PAGE_MAX);
	buf_adds(
	    &b, "<!doctype html>\n<html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>信客</title>\n<h1>信客</h1>\n"
	        "<p>安装根证书前，请核对指纹与站内卡片上的一致。 Compare the fingerprint with the station's card, then "
	        "install the root certificate.</p>\n<p>SHA-256: <code>");
	for (size_t i = 0; hex[i]; i += 4)
		buf_addf(&b, "%s%.4s", i ? " " : "", hex + i);
	buf_adds(&b, "</code></p>\n<p><a href=\"/setup/root.crt\">root.crt</a></p></html>\n");
	if (b.bad)
		http_problem_code(req, PROBLEM_INTERNAL, NULL);
	else
		http_reply(req, 200, "text/html; charset=utf-8", b.data, b.len);
	buf_release(&b);
}

static const struct http_route table[] = {
    {"GET", "/setup", 0, 0, HTTP_OPEN, page_get, "The county's root and its fingerprint"},
    {"GET", "/setup/root.crt", 0, 0, HTTP_OPEN, root_get, "The root as PEM"},
};

int setup_open(struct gateway *gw, struct http_server **out, struct err *e)
{
	*out = NULL;
	if (!gw->cfg.setup_port) return ERR_OK;
	struct http_config hc = {
	    .bind = gw->cfg.setup_bind,
	    .port = (uint16_t)gw->cfg.setup_port,
	    .max_connections = 16,
	    .idle_timeout_s = 10,
	    .header_memory = 4096,
	    .routes = table,
	    .n_routes = sizeof table / sizeof *table,
	    .ctx = gw,
	};
	return http_open(&hc, out, e);
}
