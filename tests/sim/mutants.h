/* Shows that the simulator finds what is planted in the product. Only in a build with MUTANTS=1. */
#ifndef XINKE_SIM_MUTANTS_H
#define XINKE_SIM_MUTANTS_H

#include "tests/sim/kit.h"

#include <stdbool.h>
#include <stdint.h>

/* From now on this process is the mutant NAME; false when there is none of that name, or the build has none. */
bool mutant_set(const char *name);
/* Tries each mutant, or those in NAMES (comma separated; NULL = all), with the ALLOWED faults (bits of enum fault) on up to
 * COUNT seeds from SEED on, each in a child
 * process, and prints what caught it. The number that nothing caught; -1 when the build has none. */
int mutants_try(struct kit *k, const char *names, uint32_t allowed, uint64_t seed, uint64_t count);

#endif
