/* See plan.h. Each fault of the run strikes a few times at random moments; how it strikes is a function here. */
#include "tests/sim/plan.h"

#include "tests/sim/inspect.h"
#include "tests/sim/invariants.h"
#include "tests/sim/work.h"
#include "tests/sim/world.h"

#include <stdlib.h>
#include <string.h>

static const char *const stations[] = {"652323101200", "652323101201", KIT_TOWNSHIP};

/* A box of the world that is there; NULL when chance finds none. */
static struct box *any_box(struct world *w)
{
	for (int i = 0; i < 8; i++) {
		struct box *b = &w->box[sim_draw(&w->plan, WORLD_BOXES)];
		if (b->machine && !b->gone) return b;
	}
	return NULL;
}

static void window(struct world *w, int64_t a, void *p)
{
	struct box *b = any_box(w);
	(void)a;
	(void)p;
	if (b && b->gw) work_window(w, b);
	if (b) invariants_shown(w, b);
}

static void again(struct world *w, int64_t a, void *p)
{
	(void)a;
	(void)p;
	work_again(w);
}

static void act(struct world *w, int64_t a, void *p)
{
	(void)a;
	(void)p;
	office_act(w);
}

/* --- faults --- */

static void strike_kill(struct world *w)
{
	struct box *b = any_box(w);
	if (!b) return;
	if (sim_chance(&w->plan, 500))
		box_kill_gateway(w, b);
	else
		box_kill_courier(w, b);
}

static void strike_power(struct world *w)
{
	struct box *b = any_box(w);
	if (b) box_cut(w, b);
}

static void strike_office(struct world *w)
{
	if (sim_chance(&w->plan, 500))
		office_cut(w);
	else
		office_kill(w, (int)sim_draw(&w->plan, KIT_OFFICES));
}

static void strike_down(struct world *w)
{
	w->county.down_until =
	    w->now + (sim_chance(&w->plan, 300) ? 30 * DAY_MS : sim_range(&w->plan, 60000, 6 * HOUR_MS));
	world_trace(w, "county: down");
}

static void strike_link(struct world *w)
{
	struct box *b = any_box(w);
	if (b) b->down_until = w->now + sim_range(&w->plan, 1000, 40 * 60000);
}

static void strike_portal(struct world *w)
{
	struct box *b = any_box(w);
	if (b) b->portal_until = w->now + sim_range(&w->plan, 1000, 10 * 60000);
}

static void strike_clock(struct world *w)
{
	struct box *b = any_box(w);
	if (!b) return;
	switch (sim_draw(&w->plan, 6)) {
	case 0: b->hw.offset = -world_wall(w); break; /* 1970 */
	case 1: b->hw.offset = 26657 * DAY_MS; break; /* 2099 */
	case 2: b->hw.offset += sim_range(&w->plan, -3 * DAY_MS, 3 * DAY_MS); break;
	case 3: b->hw.drift = sim_range(&w->plan, -20000, 20000); break;
	case 4: w->county.clock_offset = sim_range(&w->plan, -120000, 120000); break;
	default: b->hw.offset = b->hw.drift = 0; break;
	}
	b->hw.synced = b->hw.offset == 0;
	world_trace(w, "box %d: clock is off by %lld", b->i, (long long)b->hw.offset);
}

static void room_again(struct world *w, int64_t a, void *p)
{
	(void)w;
	(void)p;
	vfs_limit((int)a, 0);
}

static void strike_full(struct world *w)
{
	struct box *b = any_box(w);
	int m = b && sim_chance(&w->plan, 700) ? b->machine : 0;
	vfs_limit(m, vfs_used(m) + sim_range(&w->plan, 1, 20000));
	world_trace(w, "machine %d: disk is nearly full", m);
	world_at(w, w->now + sim_range(&w->plan, 10000, 900000), room_again, m, NULL);
}

static void strike_catalog(struct world *w)
{
	office_catalog(w);
}

static void strike_future(struct world *w)
{
	office_future(w);
}

static void enrol_later(struct world *w, const struct box *b);

static void enrol_again(struct world *w, int64_t i, void *p)
{
	struct box *b = &w->box[i];
	(void)p;
	if (!b->gone && !b->in_step && !box_enrol(w, b, false)) enrol_later(w, b);
}

static void enrol_later(struct world *w, const struct box *b)
{
	struct world_event ev = {
	    .at = w->now + sim_range(&w->plan, 60000, 1800000), .blocks = true, .run = enrol_again, .a = b->i};
	if (w->faults >> FAULT_DOWN & 1) ev.at += 2 * HOUR_MS;
	world_put(w, &ev);
}

/* The disk is put back to what a backup had, and the technician declares it. */
static void restore(struct world *w, struct box *b)
{
	struct vfs_image *old = w->backup[b->i];
	bool lost = true;
	for (int i = 0; i < WORLD_BOXES; i++)
		if (w->box[i].in_step) return; /* its call would come back to a box that is no more */
	box_stop(w, b);
	if (sim_chance(&w->plan, 400))
		vfs_load(b->machine, w->kit->box_disk[b->key]); /* a new box, which has nothing but the field key */
	else if (old)
		vfs_load(b->machine, old);
	else
		lost = false;
	b->poison = 0;
	world_trace(w, "box %d: declared restore%s", b->i, lost ? " on another disk" : "");
	for (int i = 0; i < WORLD_BOXES && lost; i++) {
		struct box *o = &w->box[i];
		/* the station has one box from now on: what else was there is thrown away */
		if (o == b || !o->machine || strcmp(o->station, b->station) != 0) continue;
		box_stop(w, o);
		o->gone = true;
	}
	if (lost) inspect_excuse(w);
	if (box_enrol(w, b, true)) return;
	*model_copied(&w->model, b->station) = true; /* it works on with the old copy, and nobody has said so */
	enrol_later(w, b);
}

static void strike_logs(struct world *w)
{
	struct box *b = any_box(w);
	if (!b || b->in_step || !b->enrolled) return;
	switch (sim_draw(&w->plan, 4)) {
	case 0: office_log_state(w, b, LOG_RETIRED); break;
	case 1: office_log_state(w, b, LOG_REVOKED); break;
	default: restore(w, b); return;
	}
	/* who is not let in asks once a minute: not for weeks of a run */
	if (w->faults >> FAULT_DOWN & 1 || sim_chance(&w->plan, 700)) enrol_later(w, b);
}

static void copy_to(struct world *w, struct box *from, int to)
{
	struct vfs_image *image = vfs_save(from->machine);
	struct box *b = box_make(w, to, from->station, from->key);
	vfs_load(b->machine, image);
	vfs_image_free(image);
	b->enrolled = from->enrolled;
	b->peer = from->peer;
	b->csr = from->csr;
	b->half = from->half;
	world_trace(w, "box %d is a copy of box %d", to, from->i);
	box_start(w, b);
}

static void strike_clone(struct world *w)
{
	struct box *b = any_box(w);
	if (!b || b->in_step || !b->enrolled) return;
	*model_copied(&w->model, b->station) = true;
	if (sim_chance(&w->plan, 400) && w->backup[b->i] && b->backup_enrolled) {
		box_stop(w, b);
		vfs_load(b->machine, w->backup[b->i]);
		b->peer = b->backup_peer;
		world_trace(w, "box %d: put back to an old copy, and nobody says so", b->i);
		inspect_excuse(w);
		box_start(w, b);
		return;
	}
	for (int i = 3; i < WORLD_BOXES; i++) {
		if (w->box[i].machine) continue;
		copy_to(w, b, i);
		return;
	}
}

static void strike_rollback(struct world *w)
{
	if (!w->county.old || sim_chance(&w->plan, 300))
		office_keep(w);
	else
		office_rollback(w);
}

/* A bit of an event that was not sent yet falls over: its body, or what its hash is made from. */
static void strike_rot(struct world *w)
{
	struct box *b = any_box(w);
	if (b && b->enrolled && !b->poison && !b->in_step) inspect_rot(w, b, sim_chance(&w->plan, 500));
}

static void strike_erase(struct world *w)
{
	office_erase(w);
}

static void backup(struct world *w, int64_t i, void *p)
{
	struct box *b = &w->box[i];
	(void)p;
	if (!b->machine || b->gone) return;
	vfs_image_free(w->backup[i]);
	w->backup[i] = vfs_save(b->machine);
	b->backup_peer = b->peer;
	b->backup_enrolled = b->enrolled;
}

static void (*const strikes[FAULT_COUNT])(struct world *) = {
    [FAULT_KILL] = strike_kill,         [FAULT_POWER] = strike_power, [FAULT_OFFICE] = strike_office,
    [FAULT_DOWN] = strike_down,         [FAULT_LINK] = strike_link,   [FAULT_PORTAL] = strike_portal,
    [FAULT_CLOCK] = strike_clock,       [FAULT_FULL] = strike_full,   [FAULT_CATALOG] = strike_catalog,
    [FAULT_FUTURE] = strike_future,     [FAULT_LOGS] = strike_logs,   [FAULT_CLONE] = strike_clone,
    [FAULT_ROLLBACK] = strike_rollback, [FAULT_ERASE] = strike_erase, [FAULT_ROT] = strike_rot,
};

static void strike(struct world *w, int64_t f, void *p)
{
	(void)p;
	strikes[f](w);
}

/* --- the calendar --- */

static int64_t some_time(struct world *w, int64_t horizon)
{
	return sim_range(&w->plan, 1000, horizon);
}

static void put_faults(struct world *w, int64_t horizon)
{
	for (int f = 0; f < FAULT_COUNT; f++) {
		if (!strikes[f] || !(w->faults >> f & 1)) continue;
		int64_t times = sim_range(&w->plan, 1, f == FAULT_ROLLBACK ? 4 : 5);
		for (int64_t i = 0; i < times; i++)
			world_at(w, some_time(w, horizon), strike, f, NULL);
	}
	for (int i = 0; i < 3; i++)
		if (w->faults >> FAULT_LOGS & 1 || w->faults >> FAULT_CLONE & 1)
			world_at(w, some_time(w, horizon), backup, i, NULL);
}

int64_t plan_make(struct world *w)
{
	int boxes = (int)sim_range(&w->plan, 1, 3);
	int64_t horizon = sim_range(&w->plan, 10, 90) * 60000;
	if (w->faults >> FAULT_DOWN & 1) horizon = sim_range(&w->plan, 1, 40) * DAY_MS;
	for (int i = 0; i < boxes; i++) {
		struct box *b = box_make(w, i, stations[boxes == 2 && i == 1 ? 2 : i], i);
		if (!box_enrol(w, b, false)) enrol_later(w, b);
	}
	int64_t windows = sim_range(&w->plan, 8, 45), acts = sim_range(&w->plan, 2, 25);
	for (int64_t i = 0; i < windows; i++)
		world_at(w, some_time(w, horizon), window, 0, NULL);
	for (int64_t i = 0; i < acts; i++)
		world_at(w, some_time(w, horizon), act, 0, NULL);
	for (int i = 0; i < 4; i++)
		world_at(w, some_time(w, horizon), again, 0, NULL);
	put_faults(w, horizon);
	return horizon;
}
