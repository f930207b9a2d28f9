/* Switches of what stands in the place of the system's clocks and of ECDSA (link.c). */
#ifndef XINKE_SIM_LINK_H
#define XINKE_SIM_LINK_H

#include <stdbool.h>
#include <stdint.h>

/* What clock_gettime tells, whichever clock is asked; ms. */
void sim_system_time(int64_t ms);
/* Sign and verify in earnest from now on, or not (certificates always want it); what was before. */
bool sim_real_crypto(bool yes);

#endif
