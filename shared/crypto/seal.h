/* Authenticated encryption of small records: AES-256-GCM with a random 96-bit nonce.
 *
 * Sealed form: nonce (12 bytes), ciphertext (as long as the plain text), tag (16 bytes). One key seals fewer than
 * 2^32 records (NIST SP 800-38D section 8.3). A context is made once a key and holds no other state: one a thread. */
#ifndef XINKE_CRYPTO_SEAL_H
#define XINKE_CRYPTO_SEAL_H

#include <stddef.h>
#include <stdint.h>

#define SEAL_KEY_LEN  32
#define SEAL_OVERHEAD 28 /* bytes that sealing adds: nonce and tag */

struct seal; /* opaque */

/* New context for KEY (free with seal_free), NULL when out of memory. */
struct seal *seal_new(const uint8_t key[SEAL_KEY_LEN]);
/* Wipes and frees; NULL is legal. */
void seal_free(struct seal *s);
/* Seals LEN bytes of PLAIN, bound to AAD, into OUT (LEN + SEAL_OVERHEAD bytes). Returns 0 or ERR_IO (a library fault). */
int seal_close(struct seal *s, const void *aad, size_t aad_len, const void *plain, size_t len, uint8_t *out);
/* Opens LEN sealed bytes into OUT (LEN - SEAL_OVERHEAD bytes). ERR_CORRUPT when key, AAD or bytes do not fit. */
int seal_open(struct seal *s, const void *aad, size_t aad_len, const uint8_t *sealed, size_t len, void *out);

#endif
