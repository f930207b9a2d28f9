/* SHA-256, HMAC-SHA-256 and HKDF over byte ranges; SHA-1 for UUIDv5 and tus alone. Never fail but by a bug. */
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
/* The same with a salt. */
void digest_hkdf_salted(const void *salt, size_t salt_len, const void *key, size_t key_len, const char *info, void *out,
                        size_t out_len);

/* What comes in pieces. SHA-1 for the tus checksum of old clients only: it proves nothing against anybody. */
enum digest_kind { DIGEST_SHA256, DIGEST_SHA1 };
struct digest; /* opaque */
/* New (digest_free), NULL when out of memory. */
struct digest *digest_new(enum digest_kind kind);
void digest_add(struct digest *d, const void *data, size_t len);
/* Closes it into OUT and returns the bytes of its kind; only digest_free may follow. */
size_t digest_end(struct digest *d, uint8_t out[DIGEST_LEN]);
/* NULL is legal. */
void digest_free(struct digest *d);

#endif
