/* What ec.c and x509.c share and nobody else sees: the key's inside, and mbedTLS's errors in our terms. */
#ifndef XINKE_CRYPTO_EC_PRIVATE_H
#define XINKE_CRYPTO_EC_PRIVATE_H

#include "shared/crypto/compat.h"
#include "shared/crypto/ec.h"

#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>
#include <stdbool.h>

struct ec_key {
	mbedtls_pk_context pk; /* P-256, private or public alone */
};

/* Is PK a P-256 key? */
bool ec_is_p256(mbedtls_pk_context *pk);
/* Records what an mbedTLS call answered: ERR_NOMEM where memory was short, else CODE; WHAT names the thing. */
int ec_fail(struct err *e, int ret, enum err_code code, const char *what);
/* Reads one certificate, PEM or DER, into CRT (initialised by the caller). Nothing may follow a DER one. */
int ec_parse_cert(mbedtls_x509_crt *crt, const void *cert, size_t len, struct err *e);

#endif
