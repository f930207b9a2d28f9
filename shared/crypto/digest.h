/* SHA-256, HMAC-SHA-256 and HKDF over byte ranges; SHA-1 for UUIDv5 alone. Never fail but by a bug. */
#ifndef XINKE_CRYPTO_DIGEST_H
#define XINKE_CRYPTO_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_LEN      32 /* bytes of a SHA-256 or its HMAC */
#define DIGEST_SHA1_LEN 20

struct digest_part {
	const void *data;
	size_t len;
};

/* SHA-256 of one range. */
void digest_sha256(const void *data, size_t len, uint8_t out[DIGEST_LEN]);
/* SHA-256 of N ranges, one after the other. */
void digest_sha256_parts(const struct digest_part *parts, size_t n, uint8_t out[DIGEST_LEN]);
/* SHA-1 of N ranges (RFC 9562 section 5.5 only). */
void digest_sha1_parts(const struct digest_part *parts, size_t n, uint8_t out[DIGEST_SHA1_LEN]);
/* HMAC-SHA-256 (RFC 2104) of one range under a key of any length. */
void digest_hmac(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[DIGEST_LEN]);
/* HKDF-SHA-256 (RFC 5869) without salt: OUT_LEN bytes (at most 255 * 32) from KEY, bound to the text INFO. */
void digest_hkdf(const void *key, size_t key_len, const char *info, void *out, size_t out_len);

#endif
