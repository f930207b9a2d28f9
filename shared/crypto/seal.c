/* See seal.h. The ledger's store seals bodies with it, the county its recovery copies; one context a thread. */
#include "shared/crypto/seal.h"

#include "shared/crypto/rng.h"
#include "shared/err.h"

#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>
#include <stdlib.h>

enum { NONCE = 12, TAG = 16 };
_Static_assert(NONCE + TAG == SEAL_OVERHEAD, "the header states the overhead");

struct seal {
	mbedtls_gcm_context gcm;
};

struct seal *seal_new(const uint8_t key[SEAL_KEY_LEN])
{
	struct seal *s = calloc(1, sizeof *s);
	if (!s) return NULL;
	mbedtls_gcm_init(&s->gcm);
	if (mbedtls_gcm_setkey(&s->gcm, MBEDTLS_CIPHER_ID_AES, key, 8 * SEAL_KEY_LEN) != 0) {
		seal_free(s);
		return NULL;
	}
	return s;
}

void seal_free(struct seal *s)
{
	if (!s) return;
	mbedtls_gcm_free(&s->gcm); /* wipes the key schedule */
	mbedtls_platform_zeroize(s, sizeof *s);
	free(s);
}

int seal_close(struct seal *s, const void *aad, size_t aad_len, const void *plain, size_t len, uint8_t *out)
{
	rng_bytes(out, NONCE);
	int rc = mbedtls_gcm_crypt_and_tag(&s->gcm, MBEDTLS_GCM_ENCRYPT, len, out, NONCE, aad, aad_len, plain,
	                                   out + NONCE, TAG, out + NONCE + len);
	return rc == 0 ? ERR_OK : ERR_IO;
}

int seal_open(struct seal *s, const void *aad, size_t aad_len, const uint8_t *sealed, size_t len, void *out)
{
	if (len < SEAL_OVERHEAD) return ERR_CORRUPT;
	size_t n = len - SEAL_OVERHEAD;
	/* on a wrong tag mbedTLS wipes OUT, so no unproved byte reaches the caller */
	int rc = mbedtls_gcm_auth_decrypt(&s->gcm, n, sealed, NONCE, aad, aad_len, sealed + NONCE + n, TAG,
	                                  sealed + NONCE, out);
	return rc == 0 ? ERR_OK : ERR_CORRUPT;
}
