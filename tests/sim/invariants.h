/* What must hold: cheap ones after every answer that a box applied, all of them when everything is quiet. Each failure
 * names its invariant. */
#ifndef XINKE_SIM_INVARIANTS_H
#define XINKE_SIM_INVARIANTS_H

struct world;
struct box;

/* B has just applied an answer of the county. */
void invariants_applied(struct world *w, struct box *b);
/* What a window of B would show as settled. Between two events. */
void invariants_shown(struct world *w, struct box *b);
/* At any time between two events. */
void invariants_bounded(struct world *w);
/* Nothing is under way any more. */
void invariants_quiet(struct world *w);

/* --- dump.c --- */

/* Every case that B's station follows: the same events in the same order on both sides, the same refusals, the same
 * state. */
void invariants_dumps(struct world *w, struct box *b);

#endif
