/* How a phone comes to trust the box: the county's root with its fingerprint, and the addresses under which phones find the box. What
 * the setup page and the poster say of them is said here, so that the two agree. */
#ifndef XINKE_GATEWAY_TRUST_H
#define XINKE_GATEWAY_TRUST_H

#include "gateway/settings.h"
#include "shared/buf.h"
#include "shared/crypto/x509.h"

#include <stdint.h>

#define TRUST_FINGERPRINT_MAX 96 /* bytes, NUL included: 64 digits in groups of four, four groups a line */
#define TRUST_URL_MAX         (X509_NAME_MAX + 32)

struct trust_root {
	char pem[X509_PEM_MAX];
	char name[X509_NAME_MAX];                /* its subject's common name, as phones list it */
	char fingerprint[TRUST_FINGERPRINT_MAX]; /* SHA-256 of the DER, upper case */
};

/* Reads the root that the enrolment brought. ERR_NOTFOUND before that. */
int trust_root_load(const struct settings *cfg, struct trust_root *out, struct err *e);
/* `http.names` as names and addresses. ERR_INVALID: none, too many, too long. */
int trust_names(const struct settings *cfg, struct x509_san out[X509_SAN_MAX], size_t *n, struct err *e);
/* "https://NAME:PORT" of a name; without the port where it is 443. */
void trust_url(const struct x509_san *name, uint16_t port, char out[TRUST_URL_MAX]);
/* The address of the setup page. It wants an address, not a name: a browser that was at a name's HTTPS side once never asks
 * it in plain again (HSTS). ERR_NOTFOUND: `http.names` has none that another device reaches, or there is no such page. */
int trust_setup_url(const struct settings *cfg, char out[TRUST_URL_MAX], struct err *e);

#endif
