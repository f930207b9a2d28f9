/* What will happen in a run and when, drawn from its seed. */
#ifndef XINKE_SIM_PLAN_H
#define XINKE_SIM_PLAN_H

#include <stdint.h>

struct world;

/* Makes the boxes and puts work and faults on the calendar; the time at which all of it is over. */
int64_t plan_make(struct world *w);

#endif
