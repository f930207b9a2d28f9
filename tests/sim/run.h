/* One run from its seed: plan, work and faults, quiet, judgement. */
#ifndef XINKE_SIM_RUN_H
#define XINKE_SIM_RUN_H

#include "tests/sim/kit.h"

#include <stdbool.h>
#include <stdint.h>

struct run_result {
	uint64_t hash;                           /* of the trace */
	char failed[512];                        /* "" = everything held */
	int64_t exchanges, acked, events, ended; /* ENDED: simulated ms */
	uint32_t faults;
};

/* ALLOWED: bits of enum fault that the run may have. ALL: it has every one of them. */
void run_seed(struct kit *k, uint64_t seed, uint32_t allowed, bool all, bool print, struct run_result *out);

#endif
