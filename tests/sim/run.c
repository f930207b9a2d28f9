/* See run.h. What will befall the machines stands in plan.c; here is the frame, and the quiet after it. */
#include "tests/sim/run.h"

#include "shared/ledger/courier.h"
#include "tests/sim/inspect.h"
#include "tests/sim/invariants.h"
#include "tests/sim/link.h"
#include "tests/sim/plan.h"
#include "tests/sim/work.h"
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUIET_MS   (12 * HOUR_MS) /* progress is made within this, after the last fault */
#define EVENTS_MAX 200000

static const struct {
	const char *name;
	int share;
} faults[] = {
#define FAULT(id, name, per_mille, help) {name, per_mille},
#include "tests/sim/faults.def"
#undef FAULT
};

static uint32_t choose_faults(struct world *w, uint32_t allowed, bool all)
{
	uint32_t f = 0;
	bool calm = sim_chance(&w->plan, 60);
	for (int i = 0; i < FAULT_COUNT; i++)
		if (all || (sim_chance(&w->plan, faults[i].share) && !calm)) f |= 1u << i;
	f &= allowed;
	/* rot goes with copies and old disks no further than a finding: what is quarantined twice is out of scope */
	if (f & (1u << FAULT_CLONE | 1u << FAULT_LOGS | 1u << FAULT_ROLLBACK)) f &= ~(1u << FAULT_ROT);
	return f;
}

static struct world *world_new(struct kit *k, uint64_t seed, bool print)
{
	struct world *w = calloc(1, sizeof *w);
	if (!w) abort();
	w->kit = k;
	w->seed = seed;
	w->packed = seed % 7 == 5; /* frames cost more time than all the rest of a run */
	trace_init(&w->trace, print);
	sim_rng_init(&w->plan, seed, 11);
	sim_rng_init(&w->net, seed, 12);
	sim_rng_init(&w->disk, seed, 13);
	sim_rng_init(&w->user, seed, 14);
	sim_product_seed(seed);
	(void)sim_real_crypto(seed % 41 == 9);
	sim_system_time(KIT_EPOCH);
	vfs_reset();
	vfs_time(KIT_EPOCH);
	vfs_load(0, k->county_disk);
	w->county.catalog = 1;
	return w;
}

/* --- quiet --- */

/* Does the county take events of the log that B writes, and give it the feed? */
static bool active(struct world *w, struct box *b)
{
	struct store_log l;
	struct ledger_head h;
	struct err e = {0};
	if (!b->gw || b->half) return false;
	vfs_as(b->gp);
	if (ledger_head(b->gw, &h, &e)) return false;
	struct office *o = office_any(w);
	if (!o) return false;
	/* what a restored county has forgotten comes back with the next call, as its certificate's other logs are */
	int rc = store_log(o->s, h.log, &l, &e);
	if (!rc && l.state != LOG_ACTIVE) return false;
	bool forgotten = rc == (int)ERR_NOTFOUND;
	rc = store_log_of_cert(o->s, b->peer.fingerprint, &l, &e);
	if (rc) return rc == (int)ERR_NOTFOUND;
	return l.state != LOG_REVOKED && (!forgotten || l.state == LOG_ACTIVE);
}

/* The technician makes his rounds: everything is switched on and has an active certificate. */
static void put_right(struct world *w)
{
	w->quiet = true;
	w->quiet_at = w->now;
	w->county.down_until = 0;
	w->county.clock_offset = 0;
	world_trace(w, "quiet");
	vfs_limit(0, 0);
	office_start(w);
	for (int i = 0; i < WORLD_BOXES; i++) {
		struct box *b = &w->box[i];
		if (!b->machine || b->gone) continue;
		vfs_limit(b->machine, 0);
		b->down_until = b->portal_until = 0;
		b->hw.drift = 0; /* a wrong date stays: nobody sets a clock in the village */
		b->hw.synced = b->hw.offset == 0;
		box_stop(w, b);
		box_start(w, b);
		if (!b->enrolled || !active(w, b)) (void)box_enrol(w, b, false);
	}
	work_again(w);
}

static void round_again(struct world *w)
{
	for (int i = 0; i < WORLD_BOXES; i++) {
		struct box *b = &w->box[i];
		if (b->machine && !b->gone && b->cl && !b->in_step && !active(w, b)) (void)box_enrol(w, b, false);
	}
}

static bool all_idle(struct world *w, char why[160])
{
	if (w->county.o[0].s == NULL) return false;
	for (int i = 0; i < WORLD_BOXES; i++) {
		struct box *b = &w->box[i];
		if (b->machine && !b->gone && !box_idle(w, b, why)) return false;
	}
	return true;
}

static void settle(struct world *w)
{
	char why[160] = "";
	int64_t until = w->now + QUIET_MS, looked = 0, round = w->now + HOUR_MS;
	while (!*w->failed) {
		if (w->now >= looked + 5000) { /* looking costs more than a step */
			looked = w->now;
			if (all_idle(w, why)) return;
		}
		if (w->now >= round) {
			round += HOUR_MS;
			round_again(w);
		}
		if (w->now > until || !world_next(w)) {
			world_fail(w, "progress", "after %lld min of quiet: %s",
			           (long long)((w->now - w->quiet_at) / 60000), why);
			return;
		}
	}
}

/* --- a run --- */

static void go(struct world *w, int64_t horizon)
{
	int n = 0;
	while (!*w->failed && w->now < horizon && n++ < EVENTS_MAX && world_next(w))
		if (n % 64 == 0) invariants_bounded(w);
	if (n >= EVENTS_MAX) world_fail(w, "bounded", "%d events", n);
	if (!*w->failed) put_right(w);
	if (!*w->failed) settle(w);
	if (!*w->failed) invariants_bounded(w);
	if (!*w->failed) invariants_quiet(w);
}

void run_seed(struct kit *k, uint64_t seed, uint32_t allowed, bool all, bool print, struct run_result *out)
{
	struct world *w = world_new(k, seed, print);
	*out = (struct run_result){0};
	out->faults = w->faults = choose_faults(w, allowed, all);
	office_start(w);
	go(w, plan_make(w));
	for (int i = 0; i < WORLD_BOXES; i++) {
		if (w->box[i].machine) box_release(w, &w->box[i]);
		vfs_image_free(w->backup[i]);
		out->exchanges += w->box[i].exchanges;
	}
	for (int i = 0; i < w->model.n; i++)
		out->acked += w->model.calls[i].state == CALL_ACKED;
	out->events = (int64_t)w->order;
	out->ended = w->now;
	out->hash = w->trace.hash;
	(void)snprintf(out->failed, sizeof out->failed, "%s", w->failed);
	office_release(w);
	world_drop_events(w);
	model_release(&w->model);
	vfs_reset();
	free(w);
}
