/* The county's keys on disk: recovery key, CA, answer key, server key. Made by `init`, read by every other command.
 *
 * All are files of the data folder, private ones 0600. The database is sealed in part under the recovery key and every
 * box trusts the root, so neither is ever made anew beside old data. */
#include "sync/county/county.h"

#include "shared/crypto/rng.h"
#include "shared/text.h"

#include <stdlib.h>
#include <string.h>

#define DATABASE  "county.db"
#define RECOVERY  "recovery.key"
#define CA_FOLDER "ca"

/* A key of ours and the certificate that goes with it. */
struct pair {
	const char *key, *cert; /* file names */
	int (*issue)(struct ca *ca, const struct county_config *cfg, const char *csr, int64_t now,
	             char out[X509_PEM_MAX], struct err *e);
	enum x509_eku eku;
};

static int issue_answer(struct ca *ca, const struct county_config *cfg, const char *csr, int64_t now,
                        char out[X509_PEM_MAX], struct err *e)
{
	(void)cfg;
	return ca_issue_answer(ca, csr, now, out, e);
}

static int issue_server(struct ca *ca, const struct county_config *cfg, const char *csr, int64_t now,
                        char out[X509_PEM_MAX], struct err *e)
{
	struct x509_san names[X509_SAN_MAX];
	size_t n;
	int rc = county_names(cfg, names, &n, e);
	return rc ? rc : ca_issue_server(ca, csr, names, n, now, out, e);
}

static const struct pair pairs[] = {
    {"answer.key", "answer.crt", issue_answer, X509_EKU_ANSWER},
    {"server.key", "server.crt", issue_server, X509_EKU_SERVER},
};

static int64_t now_ms(void)
{
	struct clock clock;
	clock_init(&clock);
	return clock_read(&clock).wall;
}

/* --- making --- */

static int exists(const struct county_config *cfg, const char *name, bool *yes, struct err *e)
{
	char path[FILE_PATH_MAX];
	int rc = county_path(cfg, name, path, e);
	*yes = !rc && file_exists(path);
	return rc;
}

/* Old data without its key, or without the root that its boxes trust, must not get new ones. */
static int check_folder(const struct county_config *cfg, struct err *e)
{
	static const char *const needed[] = {RECOVERY, CA_FOLDER "/" CA_ROOT_CERT, CA_FOLDER "/" CA_ROOT_KEY};
	bool old = false, there = false;
	int rc = exists(cfg, DATABASE, &old, e);
	for (size_t i = 0; i < sizeof needed / sizeof *needed && !rc && old; i++) {
		rc = exists(cfg, needed[i], &there, e);
		if (!rc && !there)
			rc = err_set(e, ERR_CONFLICT, "%s holds a database but no %s: restore it, nothing new is made",
			             cfg->data, needed[i]);
	}
	return rc;
}

static int make_recovery(const struct county_config *cfg, struct err *e)
{
	uint8_t key[SEAL_KEY_LEN];
	char path[FILE_PATH_MAX];
	int rc = county_path(cfg, RECOVERY, path, e);
	if (rc || file_exists(path)) return rc;
	rng_bytes(key, sizeof key);
	rc = file_write(path, key, sizeof key, 0600, false, e);
	explicit_bzero(key, sizeof key);
	return rc;
}

static int make_ca(const struct county_config *cfg, const char *name, struct err *e)
{
	char dir[FILE_PATH_MAX];
	struct x509_san names[X509_SAN_MAX];
	const char *hosts[X509_SAN_MAX];
	size_t n;
	bool cert = false, key = false;
	int rc = exists(cfg, CA_FOLDER "/" CA_ROOT_CERT, &cert, e);
	if (!rc) rc = exists(cfg, CA_FOLDER "/" CA_ROOT_KEY, &key, e);
	if (!rc) rc = county_path(cfg, CA_FOLDER, dir, e);
	if (!rc) rc = county_names(cfg, names, &n, e);
	if (rc || (cert && key)) return rc;
	for (size_t i = 0; i < n; i++)
		hosts[i] = names[i].value;
	struct ca_root root = {.name = name, .hosts = hosts, .n_hosts = n};
	return ca_init(dir, &root, now_ms(), e); /* refuses where one of the two is there */
}

/* The pair is there: it must be the root's own. */
static int check_pair(const struct ca *ca, const struct pair *p, const char *cert_path, struct err *e)
{
	char pem[X509_PEM_MAX];
	struct err why = {0};
	int rc = file_load(cert_path, false, pem, sizeof pem, NULL, e);
	if (rc) return rc;
	rc = x509_verify(pem, ca_root_pem(ca), p->eku, now_ms(), &why);
	return rc ? err_set(e, ERR_CONFLICT, "%s: %s; take it away to have a new one made", cert_path, why.msg)
	          : ERR_OK;
}

static int make_pair(const struct county_config *cfg, struct ca *ca, const struct pair *p, struct err *e)
{
	char key_path[FILE_PATH_MAX], cert_path[FILE_PATH_MAX], csr[X509_PEM_MAX], cert[X509_PEM_MAX];
	struct ec_key *k = NULL;
	int rc = county_path(cfg, p->key, key_path, e);
	if (!rc) rc = county_path(cfg, p->cert, cert_path, e);
	if (rc) return rc;
	if (file_exists(cert_path) && file_exists(key_path)) return check_pair(ca, p, cert_path, e);
	k = ec_key_generate();
	rc = k ? x509_csr_make(k, "xinke county", NULL, 0, csr, e) : err_set(e, ERR_NOMEM, "a key");
	if (!rc) rc = p->issue(ca, cfg, csr, now_ms(), cert, e);
	if (!rc) rc = ec_key_save(k, key_path, e);
	if (!rc) rc = file_write(cert_path, cert, strlen(cert), 0644, true, e);
	ec_key_free(k);
	return rc;
}

static int open_ca(const struct county_config *cfg, struct ca **out, struct err *e)
{
	char dir[FILE_PATH_MAX];
	int rc = county_path(cfg, CA_FOLDER, dir, e);
	return rc ? rc : ca_open(dir, out, e);
}

int county_keys_make(const struct county_config *cfg, const char *name, struct err *e)
{
	struct ca *ca = NULL;
	int rc = file_mkdirs(cfg->data, 0700, e);
	if (!rc) rc = check_folder(cfg, e);
	if (!rc) rc = make_recovery(cfg, e);
	if (!rc) rc = make_ca(cfg, name, e);
	if (!rc) rc = open_ca(cfg, &ca, e);
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs && !rc; i++)
		rc = make_pair(cfg, ca, &pairs[i], e);
	ca_free(ca);
	return rc;
}

/* --- reading --- */

static int load_answer(struct county *c, struct err *e)
{
	char path[FILE_PATH_MAX];
	struct x509_info info;
	int rc = county_path(c->cfg, pairs[0].key, path, e);
	if (!rc) rc = ec_key_load(path, &c->answer_key, e);
	if (!rc) rc = county_path(c->cfg, pairs[0].cert, path, e);
	if (!rc) rc = file_load(path, false, c->answer_cert, sizeof c->answer_cert, NULL, e);
	if (!rc) rc = x509_read(c->answer_cert, strlen(c->answer_cert), &info, e);
	if (!rc) text_hex(info.fingerprint, 16, c->answer_key_id);
	return rc;
}

static int load_pin(struct county *c, struct err *e)
{
	char path[FILE_PATH_MAX], cert[X509_PEM_MAX];
	int rc = county_path(c->cfg, pairs[1].cert, path, e);
	if (!rc) rc = file_load(path, false, cert, sizeof cert, NULL, e);
	return rc ? rc : x509_pin(cert, c->server_pin, e);
}

int county_init(struct county *c, const struct county_config *cfg, const struct log *log, struct err *e)
{
	char path[FILE_PATH_MAX];
	size_t n = 0;
	*c = (struct county){.cfg = cfg, .log = log};
	(void)pthread_mutex_init(&c->lock, NULL);
	clock_init(&c->clock);
	int rc = county_path(cfg, RECOVERY, path, e);
	if (!rc) {
		uint8_t key[SEAL_KEY_LEN + 2]; /* a longer file is a wrong file */
		rc = file_load(path, true, key, sizeof key, &n, e);
		if (!rc && n != SEAL_KEY_LEN) rc = err_set(e, ERR_CORRUPT, "%s is not of %d bytes", path, SEAL_KEY_LEN);
		if (!rc) memcpy(c->recovery, key, SEAL_KEY_LEN);
		explicit_bzero(key, sizeof key);
	}
	if (!rc) rc = open_ca(cfg, &c->ca, e);
	if (!rc) rc = load_answer(c, e);
	return rc ? rc : load_pin(c, e);
}

void county_release(struct county *c)
{
	ca_free(c->ca);
	ec_key_free(c->answer_key);
	explicit_bzero(c->recovery, sizeof c->recovery);
	(void)pthread_mutex_destroy(&c->lock);
}

int county_store(const struct county *c, enum store_mode mode, struct store **out, struct err *e)
{
	char path[FILE_PATH_MAX];
	int rc = county_path(c->cfg, DATABASE, path, e);
	return rc ? rc : store_open(path, c->recovery, mode, out, e);
}

int county_sign(struct county *c, const char *request, size_t len, const char *answer, size_t answer_len, char out[256],
                struct err *e)
{
	uint8_t digest[DIGEST_LEN], sig[EC_SIG_MAX];
	char b64[TEXT_B64_LEN(EC_SIG_MAX)];
	size_t n = 0;
	wire_digest(request, len, answer, answer_len, digest);
	(void)pthread_mutex_lock(&c->lock);
	int rc = ec_sign(c->answer_key, digest, sig, &n, e);
	(void)pthread_mutex_unlock(&c->lock);
	if (rc) return rc;
	(void)text_b64(sig, n, b64);
	(void)snprintf(out, 256, "%s,%s", c->answer_key_id, b64);
	return ERR_OK;
}

int county_time(struct county *c, const char *nonce, char text[COUNTY_TIME_MAX], size_t *n, char signature[256],
                struct err *e)
{
	int len =
	    snprintf(text, COUNTY_TIME_MAX, "{\"nonce\":\"%s\",\"now\":%lld,\"server_keys\":[%s%s%s]}", nonce,
	             (long long)county_now(c), *c->server_pin ? "\"" : "", c->server_pin, *c->server_pin ? "\"" : "");
	if (len < 0 || len >= COUNTY_TIME_MAX) return err_set(e, ERR_INVALID, "nonce");
	*n = (size_t)len;
	return county_sign(c, nonce, strlen(nonce), text, *n, signature, e);
}
