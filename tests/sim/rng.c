/* See rng.h. splitmix64: small, and good enough to spread faults; the product's keys in a run need no secrecy. */
#include "tests/sim/rng.h"

#include "shared/crypto/rng.h"

#include <string.h>

static struct sim_rng product; /* the one stream that the product's code reaches without an argument */

void sim_rng_init(struct sim_rng *r, uint64_t seed, uint64_t name)
{
	r->s = seed * 0x9e3779b97f4a7c15ULL ^ name * 0xd1342543de82ef95ULL;
	(void)sim_u64(r);
}

uint64_t sim_u64(struct sim_rng *r)
{
	uint64_t z = r->s += 0x9e3779b97f4a7c15ULL;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

int64_t sim_draw(struct sim_rng *r, int64_t n)
{
	return (int64_t)(sim_u64(r) % (uint64_t)n);
}

int64_t sim_range(struct sim_rng *r, int64_t low, int64_t high)
{
	return low + sim_draw(r, high - low + 1);
}

bool sim_chance(struct sim_rng *r, int per_mille)
{
	return sim_draw(r, 1000) < per_mille;
}

void sim_product_seed(uint64_t seed)
{
	sim_rng_init(&product, seed, 0x70);
}

void rng_bytes(void *out, size_t len)
{
	unsigned char *p = out;
	while (len) {
		uint64_t v = sim_u64(&product);
		size_t n = len < sizeof v ? len : sizeof v;
		memcpy(p, &v, n);
		p += n;
		len -= n;
	}
}

int rng_mbedtls(void *ctx, unsigned char *out, size_t len)
{
	(void)ctx;
	rng_bytes(out, len);
	return 0;
}
