/* One run: its time, its events in order of time, its machines, what was promised to people, and the first thing that
 * went wrong. Simulated time goes from event to event; nothing waits. One thread, one seed. */
#ifndef XINKE_SIM_WORLD_H
#define XINKE_SIM_WORLD_H

#include "tests/sim/box.h"
#include "tests/sim/kit.h"
#include "tests/sim/model.h"
#include "tests/sim/office.h"
#include "tests/sim/photos.h"
#include "tests/sim/rng.h"
#include "tests/sim/trace.h"

#define WORLD_BOXES  7   /* machines 1 to 7; the county is machine 0 */
#define WORLD_EVENTS 512 /* waiting at a time */

#define HOUR_MS      3600000LL
#define DAY_MS       (24 * HOUR_MS)

/* What may go wrong in a run (faults.def); a bit each. */
enum fault {
#define FAULT(id, name, per_mille, help) FAULT_##id,
#include "tests/sim/faults.def"
#undef FAULT
	FAULT_COUNT
};

struct world_event {
	int64_t at;
	uint64_t order;
	bool blocks; /* not while a call is under way: it would make one itself */
	void (*run)(struct world *w, int64_t a, void *p);
	void (*drop)(void *p); /* frees P where the event never runs; NULL = nothing to free */
	int64_t a;
	void *p;
};

struct world {
	struct kit *kit;
	uint64_t seed;
	uint32_t faults;  /* bits of enum fault */
	int64_t now;      /* ms since the run began */
	int64_t quiet_at; /* the last fault may be then */
	bool quiet;
	bool packed; /* boxes and county speak in zstd frames, where they can */
	struct sim_rng plan, net, disk, user;
	struct world_event events[WORLD_EVENTS];
	int n_events;
	uint64_t order;
	struct box box[WORLD_BOXES];
	struct vfs_image *backup[WORLD_BOXES]; /* old copies of their disks, NULL = none */
	struct offices county;
	struct model model;
	struct photos photos;
	struct trace trace;
	char failed[512]; /* "invariant: what", "" = nothing did */
};

/* Does this fault belong to the run, and may it happen now? */
bool world_may(const struct world *w, enum fault f);
/* The world's true time, Unix ms. */
int64_t world_wall(const struct world *w);
void world_at(struct world *w, int64_t at, void (*run)(struct world *, int64_t, void *), int64_t a, void *p);
/* The same for what makes calls, or owns P. */
void world_put(struct world *w, const struct world_event *ev);
/* Moves time to UNTIL, running what falls due; NESTED: from inside a call, nothing that blocks. */
void world_advance(struct world *w, int64_t until, bool nested);
/* Runs the next event; false when there is none. */
bool world_next(struct world *w);
/* Notes that INVARIANT does not hold; the first one counts. */
void world_fail(struct world *w, const char *invariant, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Frees what waits. */
void world_drop_events(struct world *w);

#define world_trace(w, ...) trace_line(&(w)->trace, (w)->now, __VA_ARGS__)

#endif
