/* What people at the windows do: cases, actions, the same call again when no answer came; and what should not be. */
#ifndef XINKE_SIM_WORK_H
#define XINKE_SIM_WORK_H

#include "tests/sim/model.h"

#include "shared/caseview.h"
#include "shared/catalog.h"
#include "shared/states.h"

struct world;
struct box;

/* A few calls at a station's window, in one group commit. */
void work_window(struct world *w, struct box *b);
/* Those that had no answer ask again at a window of their station. */
void work_again(struct world *w);
/* A body for TYPE that says MARKER. New. */
json_t *work_body(struct world *w, enum case_event type, const struct caseview *v, const char *to, const char *marker);

#endif
