/* Certificates of the county's CA: requests, issuing by profile, reading and checking.
 *
 * All text is PEM unless it says DER. Times are Unix milliseconds (UTC). Every certificate is P-256 with
 * ecdsa-with-SHA256. Names: subject CN alone; SANs are DNS names, IP addresses and URIs. The root carries name
 * constraints (RFC 5280 section 4.2.1.10, not critical because mbedTLS 2.28 refuses critical ones). */
#ifndef XINKE_CRYPTO_X509_H
#define XINKE_CRYPTO_X509_H

#include "shared/crypto/digest.h"
#include "shared/crypto/ec.h"
#include "shared/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define X509_PEM_MAX  4096 /* bytes of one certificate or request as PEM, NUL included */
#define X509_SAN_MAX  12   /* names in one certificate */
#define X509_NAME_MAX 128  /* bytes of one name, NUL included */

enum x509_eku { X509_EKU_NONE = 0, X509_EKU_SERVER = 1, X509_EKU_CLIENT = 2, X509_EKU_ANSWER = 4 };
/* Extended key usage of answer-signing certificates (RFC 5280 section 4.2.1.12): an arc of our own under 2.25, from
 * the UUID 4c2b481b-7f80-4c37-9e9b-908a6d2ce5bf (ITU-T X.667). */
#define X509_ANSWER_EKU_OID "2.25.101246058956682153412197792964307379647"

enum x509_san_kind { X509_SAN_DNS, X509_SAN_IP, X509_SAN_URI };
struct x509_san {
	enum x509_san_kind kind;
	char value[X509_NAME_MAX]; /* IP in dotted or colon form */
};

/* What a certificate is to say. */
struct x509_spec {
	const char *cn;              /* subject common name */
	const struct x509_san *sans; /* borrowed */
	size_t n_sans;
	unsigned eku;              /* bits of enum x509_eku */
	bool ca;                   /* basicConstraints CA, keyCertSign and cRLSign */
	const char *const *permit; /* name constraints of a root: "dns:x", "ip:10.0.0.0/8", "uri:host"; NULL-ended */
	int64_t not_before, not_after; /* ms */
};

/* What a certificate says. */
struct x509_info {
	char cn[X509_NAME_MAX];
	struct x509_san sans[X509_SAN_MAX];
	size_t n_sans;
	unsigned eku;
	bool ca;
	int64_t not_before, not_after;
	char serial[2 * 20 + 1];         /* hex */
	uint8_t fingerprint[DIGEST_LEN]; /* SHA-256 of the DER */
};

/* A certificate request for K with subject CN and SANs, as PEM. */
int x509_csr_make(struct ec_key *k, const char *cn, const struct x509_san *sans, size_t n, char out[X509_PEM_MAX],
                  struct err *e);
/* A self-signed root for K. */
int x509_root_make(struct ec_key *k, const struct x509_spec *spec, char out[X509_PEM_MAX], struct err *e);
/* Issues SPEC to the key in CSR, whose own signature is checked; what the request asks for beyond its key is ignored. */
int x509_issue(struct ec_key *ca_key, const char *ca_pem, const char *csr_pem, const struct x509_spec *spec,
               char out[X509_PEM_MAX], struct err *e);
/* Reads a certificate (PEM, or DER bytes). */
int x509_read(const void *cert, size_t len, struct x509_info *out, struct err *e);
#define X509_PIN_MAX 45 /* bytes of a pin, NUL included */
/* The pin of a certificate's key, as libcurl takes it: base64 of the SHA-256 of its SubjectPublicKeyInfo (RFC 7469,
 * section 2.4). */
int x509_pin(const char *cert_pem, char out[X509_PIN_MAX], struct err *e);
/* Checks CERT against the root: signature, dates at NOW (ms), the EKU bit wanted. ERR_DENIED with the reason in E; so
 * too where memory ran out in the middle, which mbedTLS does not tell apart. */
int x509_verify(const char *cert_pem, const char *root_pem, enum x509_eku want, int64_t now, struct err *e);

#endif
