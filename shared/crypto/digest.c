/* See digest.h. Called by the ledger, the sync engine and the sealing of fields, on any thread.
 *
 * HMAC and HKDF stand on our own SHA-256 calls because mbedTLS's md layer allocates: here nothing can run out of
 * memory, so no caller has an error path that nobody tests. What mbedTLS still may return is a bug, and aborts. */
#include "shared/crypto/digest.h"

#include "shared/crypto/compat.h"

#include <mbedtls/platform_util.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64 }; /* bytes that SHA-256 takes at a time */

static void must(int rc)
{
	if (rc != 0) abort();
}

void digest_sha256_parts(const struct digest_part *parts, size_t n, uint8_t out[DIGEST_LEN])
{
	mbedtls_sha256_context c;
	mbedtls_sha256_init(&c);
	must(mbedtls_sha256_starts(&c, 0));
	for (size_t i = 0; i < n; i++)
		if (parts[i].len) must(mbedtls_sha256_update(&c, parts[i].data, parts[i].len));
	must(mbedtls_sha256_finish(&c, out));
	mbedtls_sha256_free(&c); /* wipes it */
}

void digest_sha256(const void *data, size_t len, uint8_t out[DIGEST_LEN])
{
	digest_sha256_parts(&(struct digest_part){data, len}, 1, out);
}

void digest_sha1_parts(const struct digest_part *parts, size_t n, uint8_t out[DIGEST_SHA1_LEN])
{
	mbedtls_sha1_context c;
	mbedtls_sha1_init(&c);
	must(mbedtls_sha1_starts(&c));
	for (size_t i = 0; i < n; i++)
		if (parts[i].len) must(mbedtls_sha1_update(&c, parts[i].data, parts[i].len));
	must(mbedtls_sha1_finish(&c, out));
	mbedtls_sha1_free(&c);
}

/* HMAC of N ranges. */
static void hmac_parts(const void *key, size_t key_len, const struct digest_part *parts, size_t n, uint8_t *out)
{
	enum { MOST = 3 };
	uint8_t block[BLOCK] = {0}, inner[DIGEST_LEN];
	struct digest_part p[MOST + 1] = {{block, BLOCK}};
	if (n > MOST) abort();
	if (key_len > BLOCK)
		digest_sha256(key, key_len, block);
	else if (key_len)
		memcpy(block, key, key_len);
	for (size_t i = 0; i < BLOCK; i++)
		block[i] ^= 0x36;
	for (size_t i = 0; i < n; i++)
		p[i + 1] = parts[i];
	digest_sha256_parts(p, n + 1, inner);
	for (size_t i = 0; i < BLOCK; i++)
		block[i] ^= 0x36 ^ 0x5C;
	digest_sha256_parts((struct digest_part[]){{block, BLOCK}, {inner, DIGEST_LEN}}, 2, out);
	mbedtls_platform_zeroize(block, sizeof block);
	mbedtls_platform_zeroize(inner, sizeof inner);
}

void digest_hmac(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[DIGEST_LEN])
{
	hmac_parts(key, key_len, &(struct digest_part){data, len}, 1, out);
}

void digest_hkdf(const void *key, size_t key_len, const char *info, void *out, size_t out_len)
{
	static const uint8_t no_salt[DIGEST_LEN];
	digest_hkdf_salted(no_salt, sizeof no_salt, key, key_len, info, out, out_len);
}

void digest_hkdf_salted(const void *salt, size_t salt_len, const void *key, size_t key_len, const char *info, void *out,
                        size_t out_len)
{
	uint8_t prk[DIGEST_LEN], t[DIGEST_LEN], *p = out;
	if (out_len > 255 * DIGEST_LEN) abort();
	digest_hmac(salt, salt_len, key, key_len, prk);
	for (uint8_t i = 1; out_len; i++) {
		size_t take = out_len < DIGEST_LEN ? out_len : DIGEST_LEN;
		/* T(i) = HMAC(PRK, T(i-1) | info | i), and T(0) is empty */
		struct digest_part in[] = {{t, i == 1 ? 0 : DIGEST_LEN}, {info, strlen(info)}, {&i, 1}};
		hmac_parts(prk, sizeof prk, in, 3, t);
		memcpy(p, t, take);
		p += take;
		out_len -= take;
	}
	mbedtls_platform_zeroize(prk, sizeof prk);
	mbedtls_platform_zeroize(t, sizeof t);
}

struct digest {
	bool sha1;
	mbedtls_sha1_context one;
	mbedtls_sha256_context two;
};

struct digest *digest_new(enum digest_kind kind)
{
	struct digest *d = calloc(1, sizeof *d);
	if (!d) return NULL;
	d->sha1 = kind == DIGEST_SHA1;
	mbedtls_sha1_init(&d->one);
	mbedtls_sha256_init(&d->two);
	if (d->sha1)
		must(mbedtls_sha1_starts(&d->one));
	else
		must(mbedtls_sha256_starts(&d->two, 0));
	return d;
}

void digest_add(struct digest *d, const void *data, size_t len)
{
	if (!len) return;
	must(d->sha1 ? mbedtls_sha1_update(&d->one, data, len) : mbedtls_sha256_update(&d->two, data, len));
}

size_t digest_end(struct digest *d, uint8_t out[DIGEST_LEN])
{
	must(d->sha1 ? mbedtls_sha1_finish(&d->one, out) : mbedtls_sha256_finish(&d->two, out));
	return d->sha1 ? DIGEST_SHA1_LEN : DIGEST_LEN;
}

void digest_free(struct digest *d)
{
	if (!d) return;
	mbedtls_sha1_free(&d->one);
	mbedtls_sha256_free(&d->two);
	free(d);
}
