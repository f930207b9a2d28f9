/* See time.h and sync/PROTOCOL.md, section 8. */
#include "sync/agent/time.h"

#include "shared/buf.h"
#include "shared/crypto/rng.h"
#include "shared/crypto/x509.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/ledger/courier.h"
#include "shared/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS    20000
#define NONCE_LEN 16
#define PINS_MAX  512

int time_key(const char *cert, size_t len, const char *id, const char *root, int64_t at, struct ec_key **out,
             struct err *e)
{
	char hex[TEXT_HEX_LEN(DIGEST_LEN)];
	struct x509_info info;
	int rc = x509_verify(cert, root, X509_EKU_ANSWER, at, e);
	if (!rc) rc = x509_read(cert, len, &info, e);
	if (rc) return rc;
	text_hex(info.fingerprint, DIGEST_LEN, hex);
	if (strlen(id) < 16 || strncmp(hex, id, strlen(id)) != 0)
		return err_set(e, ERR_DENIED, "a certificate of another id");
	return ec_key_from_cert(cert, len, out, e);
}

int time_told(struct hands *h, int64_t now, int64_t error, bool *fixed, struct err *e)
{
	int rc = ledger_clock_told(h->l, now, error, fixed, e);
	if (*fixed) log_warn(h->log, "clock", "was wrong: the county's time stands in its place");
	if (!rc && h->pinned && !clock_system_off(h->clock, now)) { /* somebody has set it meanwhile */
		h->pinned = false;
		if (h->pin) h->pin(h->arg, NULL);
	}
	return rc;
}

/* "sha256//a;sha256//b" of the keys that TLS may show. False when there is none, or one that is no pin. */
static bool read_pins(const json_t *j, char out[PINS_MAX])
{
	struct buf b;
	size_t i;
	json_t *v;
	buf_init(&b, PINS_MAX);
	json_array_foreach(json_object_get(j, "server_keys"), i, v) {
		uint8_t digest[DIGEST_LEN];
		const char *pin = json_string_value(v);
		if (!pin || text_unb64(pin, strlen(pin), digest, DIGEST_LEN) != DIGEST_LEN) b.bad = true;
		if (!b.bad) buf_addf(&b, "%ssha256//%s", i ? ";" : "", pin);
	}
	bool good = !b.bad && b.len > 0 && b.len < PINS_MAX;
	if (good) (void)snprintf(out, PINS_MAX, "%.*s", (int)b.len, b.data);
	buf_release(&b);
	return good;
}

/* Whose signature is it? */
static int check(struct hands *h, const char *nonce, const struct transport_answer *a, int64_t now, struct err *e)
{
	char path[96], id[WIRE_KEY_ID_MAX];
	uint8_t sig[EC_SIG_MAX], digest[DIGEST_LEN];
	size_t n = 0;
	struct ec_key *key = NULL;
	struct transport_answer cert = {0};
	if (!wire_signature_parse(a->signature, id, sig, sizeof sig, &n))
		return err_set(e, ERR_DENIED, "the county's time is not signed");
	(void)snprintf(path, sizeof path, "/sync/v1/keys/%s", id);
	int rc = h->ask(h->arg, path, ASK_MS, &cert, e);
	if (!rc && cert.status != 200) rc = err_set(e, ERR_NOTFOUND, "answer key: HTTP %d", cert.status);
	if (!rc) rc = time_key(cert.body, cert.len, id, h->root, now, &key, e);
	transport_answer_release(&cert);
	if (rc) return rc;
	wire_digest(nonce, strlen(nonce), a->body, a->len, digest);
	rc = ec_verify(key, digest, sig, n)
	         ? err_set(e, ERR_DENIED, "the time's signature does not fit: not the county's")
	         : ERR_OK;
	ec_key_free(key);
	return rc;
}

static int read_time(struct hands *h, const char *nonce, const struct transport_answer *a, json_t **out, int64_t *now,
                     struct err *e)
{
	if (a->status != 200) return err_set(e, ERR_IO, "the county's time: HTTP %d", a->status);
	int rc = json_parse_strict(a->body, a->len, LIMIT_DEPTH, out, e);
	if (rc) return rc;
	*now = fields_int(*out, "now", 0);
	if (strcmp(fields_text(*out, "nonce"), nonce) != 0)
		return err_set(e, ERR_DENIED, "the county's time is of another question");
	return check(h, nonce, a, *now, e);
}

int time_ask(struct hands *h, bool *helped, struct err *e)
{
	char path[96], nonce[TEXT_HEX_LEN(NONCE_LEN)], pins[PINS_MAX];
	uint8_t raw[NONCE_LEN];
	struct transport_answer a = {0};
	json_t *j = NULL;
	int64_t now = 0, start = clock_read(h->clock).mono;
	*helped = false;
	rng_bytes(raw, sizeof raw);
	text_hex(raw, sizeof raw, nonce);
	(void)snprintf(path, sizeof path, "/sync/v1/now?nonce=%s", nonce);
	int rc = h->ask(h->arg, path, ASK_MS, &a, e);
	int64_t error = clock_read(h->clock).mono - start;
	if (!rc) rc = read_time(h, nonce, &a, &j, &now, e);
	if (!rc) rc = time_told(h, now, error, helped, e);
	if (!rc && !h->pinned && clock_system_off(h->clock, now) && h->pin && read_pins(j, pins)) {
		h->pin(h->arg, pins);
		*helped = h->pinned = true;
	}
	json_decref(j);
	transport_answer_release(&a);
	return rc;
}
