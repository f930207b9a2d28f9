/* P-256 keys: making, PEM files, ECDSA over a SHA-256 digest.
 *
 * Signatures are the DER form of RFC 3279, at most EC_SIG_MAX bytes. A key is read-only after it is made and may be
 * used by one thread at a time. */
#ifndef XINKE_CRYPTO_EC_H
#define XINKE_CRYPTO_EC_H

#include "shared/crypto/digest.h"
#include "shared/err.h"

#include <stddef.h>
#include <stdint.h>

#define EC_SIG_MAX 80  /* bytes of a DER signature, with room */
#define EC_PEM_MAX 512 /* bytes of a key as PEM, NUL included */

struct ec_key; /* opaque: a private key, or a public one alone */

/* New random private key (free with ec_key_free), NULL when out of memory. */
struct ec_key *ec_key_generate(void);
/* New key from a private-key PEM text (NUL-terminated); ERR_INVALID when it is not a P-256 key. */
int ec_key_from_pem(const char *pem, struct ec_key **out, struct err *e);
/* New public key from a certificate (PEM or DER bytes). */
int ec_key_from_cert(const void *cert, size_t len, struct ec_key **out, struct err *e);
void ec_key_free(struct ec_key *k);
/* Private key as PEM (SEC1 or PKCS#8) into OUT. */
int ec_key_to_pem(struct ec_key *k, char out[EC_PEM_MAX], struct err *e);
/* Reads a PEM private key from a file that group and others cannot read (ERR_DENIED otherwise). */
int ec_key_load(const char *path, struct ec_key **out, struct err *e);
/* Writes the private key to PATH with mode 0600: temporary file, fsync, rename, fsync of the folder. */
int ec_key_save(struct ec_key *k, const char *path, struct err *e);
/* ECDSA over DIGEST. */
int ec_sign(struct ec_key *k, const uint8_t digest[DIGEST_LEN], uint8_t sig[EC_SIG_MAX], size_t *sig_len,
            struct err *e);
/* 0 when SIG is K's over DIGEST, ERR_DENIED when not, ERR_NOMEM when that could not be found out. */
int ec_verify(struct ec_key *k, const uint8_t digest[DIGEST_LEN], const uint8_t *sig, size_t sig_len);

#endif
