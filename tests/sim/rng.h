/* Everything that is drawn in a run comes from its seed: here are the streams, and the random bytes of the product.
 *
 * rng.c stands in the place of shared/crypto/rng.c at link time. Faults, workload and product draw from streams of their
 * own, so that a change to one does not move the others. One thread. */
#ifndef XINKE_SIM_RNG_H
#define XINKE_SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct sim_rng {
	uint64_t s;
};

/* A stream of its own for each NAME of a seed. */
void sim_rng_init(struct sim_rng *r, uint64_t seed, uint64_t name);
uint64_t sim_u64(struct sim_rng *r);
/* 0 ... N-1; N at least 1. */
int64_t sim_draw(struct sim_rng *r, int64_t n);
/* LOW ... HIGH, both included. */
int64_t sim_range(struct sim_rng *r, int64_t low, int64_t high);
/* True in PER_MILLE of a thousand. */
bool sim_chance(struct sim_rng *r, int per_mille);

/* Where the product's random bytes come from now on (rng_bytes). */
void sim_product_seed(uint64_t seed);

#endif
