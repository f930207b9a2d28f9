/* Faults planted on purpose, so that the simulator can show that it would find them (make mutants).
 *
 * MUTANT(name, right, wrong) is RIGHT in every normal build. Built with MUTANTS=1 it is WRONG where the process was told
 * to be that mutant (mutant_set). The list of names is in tests/sim/mutants.def. */
#ifndef XINKE_MUTANT_H
#define XINKE_MUTANT_H

#ifdef XINKE_MUTANTS
#include <stdbool.h>
/* Is this process the mutant NAME? */
bool mutant_is(const char *name);
#define MUTANT(name, right, wrong) (mutant_is(#name) ? (wrong) : (right))
#else
#define MUTANT(name, right, wrong) (right)
#endif

#endif
