/* What differs between mbedTLS 2.28 (Debian 12) and 3.6, in one place. For shared/crypto alone.
 *
 * The code is written in the names of 3.6. On 2.28 MBEDTLS_PRIVATE is the identity and the *_ret names are mapped. */
#ifndef XINKE_CRYPTO_COMPAT_H
#define XINKE_CRYPTO_COMPAT_H

#include "shared/crypto/rng.h"

#include <mbedtls/pk.h>
#include <mbedtls/sha1.h>
#include <mbedtls/sha256.h>
#include <mbedtls/version.h>

#if MBEDTLS_VERSION_NUMBER < 0x03000000

#define MBEDTLS_PRIVATE(member)        member
#define mbedtls_sha256_starts          mbedtls_sha256_starts_ret
#define mbedtls_sha256_update          mbedtls_sha256_update_ret
#define mbedtls_sha256_finish          mbedtls_sha256_finish_ret
#define mbedtls_sha1_starts            mbedtls_sha1_starts_ret
#define mbedtls_sha1_update            mbedtls_sha1_update_ret
#define mbedtls_sha1_finish            mbedtls_sha1_finish_ret
#define compat_parse_key(pk, key, len) mbedtls_pk_parse_key(pk, key, len, NULL, 0)
#define compat_sign(pk, hash, hash_len, sig, cap, sig_len)                                                             \
	mbedtls_pk_sign(pk, MBEDTLS_MD_SHA256, hash, hash_len, sig, sig_len, rng_mbedtls, NULL)

#else

#define compat_parse_key(pk, key, len) mbedtls_pk_parse_key(pk, key, len, NULL, 0, rng_mbedtls, NULL)
#define compat_sign(pk, hash, hash_len, sig, cap, sig_len)                                                             \
	mbedtls_pk_sign(pk, MBEDTLS_MD_SHA256, hash, hash_len, sig, cap, sig_len, rng_mbedtls, NULL)

#endif

#endif
