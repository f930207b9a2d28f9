/* The courier of a box: engine and hands, stepped by the world's events. */
#ifndef XINKE_SIM_COURIER_H
#define XINKE_SIM_COURIER_H

#include "tests/sim/box.h"

/* Does its courier carry photos? */
bool courier_carries(const struct world *w, const struct box *b);
/* As the daemon does on start: floor, engine, hands; its first step is due now. The ledger is open. */
int courier_open(struct world *w, struct box *b, struct err *e);
void courier_close(struct box *b);

/* What may befall a process P while it works, by the run's faults; and no longer. */
void courier_arm(struct world *w, struct vfs_proc *p);
void courier_disarm(struct vfs_proc *p);

#endif
