/* Random bytes from the kernel (getrandom); blocks until the pool is ready and aborts where there is none. */
#ifndef XINKE_CRYPTO_RNG_H
#define XINKE_CRYPTO_RNG_H

#include <stddef.h>

/* Fills OUT with LEN random bytes. */
void rng_bytes(void *out, size_t len);
/* The face that mbedTLS wants: rng_bytes with a context it does not use; returns 0. */
int rng_mbedtls(void *ctx, unsigned char *out, size_t len);

#endif
