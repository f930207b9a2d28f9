/* DER of certificates, for x509.c alone: a writer, our extensions both ways.
 *
 * Why not mbedTLS's own writer: 2.28 puts a NULL behind ecdsa-with-SHA256, which RFC 5758 section 3.2 forbids and
 * Chromium refuses; it has no SANs, extended key usage or name constraints, turns parts of Chinese names into '?', and
 * its calls changed in 3.x. This needs three asn1write calls that both have. */
#ifndef XINKE_CRYPTO_X509_DER_H
#define XINKE_CRYPTO_X509_DER_H

#include "shared/crypto/x509.h"

#include <mbedtls/x509_crt.h>

#define X509_DER_MAX 3072 /* bytes; what X509_PEM_MAX holds as PEM is a little less */

/* DER grows from the end of a buffer to its front: what stands last is written first. A write that does not fit sets
 * `bad`, and later ones do nothing. */
struct x509_der {
	unsigned char buf[X509_DER_MAX];
	unsigned char *p; /* where the DER starts, inside BUF */
	size_t len;       /* bytes from there to the end; also the mark that x509_der_wrap wants */
	bool bad;
};

void x509_der_start(struct x509_der *x);
void x509_der_raw(struct x509_der *x, const void *bytes, size_t len);
/* Puts head TAG before all that was written since `len` was MARK. */
void x509_der_wrap(struct x509_der *x, size_t mark, unsigned char tag);

/* A Name that is CN alone, in UTF-8. */
int x509_der_name(struct x509_der *x, const char *cn, struct err *e);
/* Time of MS: UTCTime before 2050, GeneralizedTime from then on (RFC 5280 section 4.1.2.5). */
int x509_der_time(struct x509_der *x, int64_t ms, struct err *e);
/* Makes what was written since MARK the value of extension OID (DER content). */
void x509_der_ext(struct x509_der *x, size_t mark, const char *oid, size_t oid_len, bool critical);
/* SubjectAltName extension of N names, each checked: DNS by its letters, URI printable ASCII with a scheme, IP in text
 * form. */
int x509_der_san(struct x509_der *x, const struct x509_san *sans, size_t n, struct err *e);
/* ExtendedKeyUsage extension of the bits in EKU. */
void x509_der_eku(struct x509_der *x, unsigned eku);
/* NameConstraints extension that permits the names in PERMIT (form in x509.h) and excludes none. */
int x509_der_permit(struct x509_der *x, const char *const *permit, struct err *e);

/* Reads the names of CRT into INFO. ERR_INVALID when one is too long or malformed, or there are too many. */
int x509_der_read_sans(const mbedtls_x509_crt *crt, struct x509_info *info, struct err *e);
/* Bits of the extended key usages in CRT that we know; 0 when it has none. */
unsigned x509_der_read_eku(const mbedtls_x509_crt *crt);

#endif
