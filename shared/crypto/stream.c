/* See stream.h. The blob store seals photos and papers with it; one context a file that is open. */
#include "shared/crypto/stream.h"

#include "shared/crypto/digest.h"
#include "shared/crypto/rng.h"
#include "shared/err.h"

#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>
#include <stdlib.h>
#include <string.h>

enum { MAGIC = 8, SALT = STREAM_HEADER - MAGIC, NONCE = 12, COUNTER = 8 };

static const uint8_t magic[MAGIC] = {'x', 'k', 's', 't', 'r', 'e', 'a', 1};

struct stream {
	mbedtls_gcm_context gcm;
	uint8_t header[STREAM_HEADER];
};

void stream_header(uint8_t out[STREAM_HEADER])
{
	memcpy(out, magic, MAGIC);
	rng_bytes(out + MAGIC, SALT);
}

bool stream_header_known(const uint8_t header[STREAM_HEADER])
{
	return memcmp(header, magic, MAGIC) == 0;
}

struct stream *stream_new(const uint8_t master[SEAL_KEY_LEN], const char *info, const uint8_t header[STREAM_HEADER])
{
	uint8_t key[SEAL_KEY_LEN];
	struct stream *s = calloc(1, sizeof *s);
	if (!s) return NULL;
	memcpy(s->header, header, STREAM_HEADER);
	digest_hkdf_salted(header + MAGIC, SALT, master, SEAL_KEY_LEN, info, key, sizeof key);
	mbedtls_gcm_init(&s->gcm);
	int rc = mbedtls_gcm_setkey(&s->gcm, MBEDTLS_CIPHER_ID_AES, key, 8 * SEAL_KEY_LEN);
	mbedtls_platform_zeroize(key, sizeof key);
	if (rc == 0) return s;
	stream_free(s);
	return NULL;
}

void stream_free(struct stream *s)
{
	if (!s) return;
	mbedtls_gcm_free(&s->gcm); /* wipes the key schedule */
	free(s);
}

static void nonce_of(uint64_t index, bool last, uint8_t out[NONCE])
{
	memset(out, 0, NONCE);
	for (size_t i = 0; i < COUNTER; i++)
		out[NONCE - 2 - i] = (uint8_t)(index >> (8 * i));
	out[NONCE - 1] = last;
}

int stream_seal(struct stream *s, uint64_t index, bool last, const void *plain, size_t len, uint8_t *out)
{
	uint8_t nonce[NONCE];
	if (len > STREAM_SEGMENT || (!last && len != STREAM_SEGMENT)) abort(); /* our own bug */
	nonce_of(index, last, nonce);
	int rc = mbedtls_gcm_crypt_and_tag(&s->gcm, MBEDTLS_GCM_ENCRYPT, len, nonce, NONCE, s->header, STREAM_HEADER,
	                                   plain, out, STREAM_TAG, out + len);
	return rc == 0 ? ERR_OK : ERR_IO;
}

int stream_open(struct stream *s, uint64_t index, bool last, const uint8_t *sealed, size_t len, void *out)
{
	uint8_t nonce[NONCE];
	if (len < STREAM_TAG || len > STREAM_SEALED || (!last && len != STREAM_SEALED)) return ERR_CORRUPT;
	nonce_of(index, last, nonce);
	/* on a wrong tag mbedTLS wipes OUT, so no unproved byte reaches the caller */
	int rc = mbedtls_gcm_auth_decrypt(&s->gcm, len - STREAM_TAG, nonce, NONCE, s->header, STREAM_HEADER,
	                                  sealed + len - STREAM_TAG, STREAM_TAG, sealed, out);
	return rc == 0 ? ERR_OK : ERR_CORRUPT;
}

int64_t stream_at(uint64_t index)
{
	return STREAM_HEADER + (int64_t)index * STREAM_SEALED;
}

int64_t stream_sealed_size(int64_t size)
{
	if (size < 0) return -1;
	int64_t segments = size == 0 ? 1 : (size - 1) / STREAM_SEGMENT + 1;
	return STREAM_HEADER + size + segments * STREAM_TAG;
}

int64_t stream_plain_size(int64_t sealed)
{
	int64_t rest = sealed - STREAM_HEADER;
	if (rest < STREAM_TAG) return -1;
	int64_t segments = (rest - 1) / STREAM_SEALED + 1, size = rest - segments * STREAM_TAG;
	/* a last segment is empty only where it is the only one */
	return stream_sealed_size(size) == sealed ? size : -1;
}
