/* See rng.h. No state: every call asks the kernel, so a fork or a copied box image never repeats bytes. */
#include "shared/crypto/rng.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/types.h>

void rng_bytes(void *out, size_t len)
{
	unsigned char *p = out;
	while (len) {
		ssize_t n = getrandom(p, len, 0);
		if (n < 0 && errno == EINTR) continue;
		if (n <= 0) abort(); /* nothing that we make is safe without it */
		p += n;
		len -= (size_t)n;
	}
}

int rng_mbedtls(void *ctx, unsigned char *out, size_t len)
{
	(void)ctx;
	rng_bytes(out, len);
	return 0;
}
