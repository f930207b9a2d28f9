/* See courier.h. Each step that the engine asks for is one event, so that anything may happen between two. */
#include "tests/sim/courier.h"

#include "shared/dict.h"
#include "shared/ledger/blob.h"
#include "shared/ledger/courier.h"
#include "shared/ledger/read.h"
#include "tests/sim/alloc.h"
#include "tests/sim/invariants.h"
#include "tests/sim/net.h"
#include "tests/sim/world.h"

#include <stdio.h>
#include <string.h>

#define STEPS_MAX 40000 /* of a run: nothing may go round and round */

static int64_t mono(struct box *b)
{
	return clock_read(&b->cclock).mono;
}

static void step(struct world *w, int64_t a, void *p);

static void schedule(struct world *w, struct box *b, int64_t at)
{
	struct world_event ev = {.at = at, .blocks = true, .run = step, .a = b->i + (int64_t)(++b->step) * 16};
	world_put(w, &ev);
}

static int space(void *arg, int64_t *avail, int64_t *total)
{
	const struct box *b = arg;
	*total = 64 << 20;
	*avail = *total - vfs_used(b->machine);
	return 0;
}

/* What may befall a process while it writes. */
void courier_arm(struct world *w, struct vfs_proc *p)
{
	struct sim_rng *r = &w->plan;
	if (world_may(w, FAULT_KILL) && sim_chance(r, 15)) vfs_proc_die_at(p, (int)sim_range(r, 1, 25));
	if (world_may(w, FAULT_POWER) && sim_chance(r, 15)) vfs_proc_die_at(p, (int)sim_range(r, 1, 25));
	if (world_may(w, FAULT_FULL) && sim_chance(r, 10))
		vfs_proc_fail_at(p, (int)sim_range(r, 1, 12), (int)sim_range(r, 1, 4));
	if (world_may(w, FAULT_NOMEM) && sim_chance(r, 20)) alloc_fail_at(sim_range(r, 1, 400), sim_chance(r, 300));
}

void courier_disarm(struct vfs_proc *p)
{
	alloc_fail_at(0, false);
	vfs_proc_die_at(p, 0);
	vfs_proc_fail_at(p, 0, 0);
}

static void pin(void *arg, const char *pins)
{
	struct box *b = arg;
	b->pinned = pins != NULL;
}

/* The gateway looks at the time that the courier has learnt; it may be reading its disk in vain. */
static void changed(void *arg)
{
	struct box *b = arg;
	struct err e = {0};
	if (!b->gw || vfs_proc_dead(b->gp)) return;
	vfs_as(b->gp);
	(void)ledger_clock_load(b->gw, &e);
	vfs_as(b->cp);
}

static bool went_well(struct box *b)
{
	struct engine_status st;
	engine_status(b->g, &st);
	return st.failed_in_row == 0;
}

static void do_step(struct world *w, struct box *b, const struct engine_step *s)
{
	enum engine_what what = s->what;
	b->in_step = true;
	vfs_as(b->cp);
	courier_arm(w, b->cp);
	hands_step(&b->hands, s);
	courier_disarm(b->cp);
	b->in_step = false;
	world_trace(w, "box %d: step %d", b->i, (int)what);
	bool alive = !vfs_proc_dead(b->cp);
	if (alive && (what == ENGINE_APPLY || what == ENGINE_REWIND) && went_well(b)) {
		b->office_epoch = b->asked_epoch;
		b->applied++;
		invariants_applied(w, b);
	}
	box_reap(w, b);
}

static void step(struct world *w, int64_t a, void *p)
{
	struct box *b = &w->box[a % 16];
	struct engine_step s;
	(void)p;
	if (!b->cl || b->step != (uint64_t)(a / 16)) return;
	if (b->calls++ > STEPS_MAX) {
		world_fail(w, "bounded", "box %d: %d steps of the courier", b->i, STEPS_MAX);
		return;
	}
	engine_next(b->g, mono(b), &s);
	if (s.what == ENGINE_WAIT) {
		int64_t left = s.until - mono(b);
		schedule(w, b, w->now + (left > 1 ? left : 1));
		return;
	}
	do_step(w, b, &s);
	if (b->cl) schedule(w, b, w->now + 1);
}

/* Box 1 may be of a release that knows no photos. */
bool courier_carries(const struct world *w, const struct box *b)
{
	return b->i != 1 || !(w->faults >> FAULT_FUTURE & 1);
}

int courier_open(struct world *w, struct box *b, struct err *e)
{
	struct engine_config ec = {.poll_ms = sim_range(&w->plan, 20, 600) * 1000,
	                           .backoff_max_ms = w->faults >> FAULT_DOWN & 1 ? 12 * HOUR_MS : 300000,
	                           .batch_max = (int)sim_range(&w->plan, 3, 120),
	                           .timeout_ms = 20000,
	                           .carries = courier_carries(w, b),
	                           .seed = sim_u64(&w->plan)};
	if (w->faults >> FAULT_DOWN & 1) ec.poll_ms = sim_range(&w->plan, 1, 10) * HOUR_MS; /* weeks in few steps */
	if (w->quiet) ec.backoff_max_ms = 300000;
	if (w->quiet) ec.poll_ms = 60000;
	if (w->packed && (b->i != 1 || !(w->faults >> FAULT_FUTURE & 1))) { /* box 1 may be of an older release */
		ec.pack = w->kit->pack;
		ec.dict = DICT_EXCHANGE;
	}
	(void)snprintf(ec.software, sizeof ec.software, "sim/1");
	b->hands = (struct hands){.l = b->cl,
	                          .clock = &b->cclock,
	                          .root = ca_root_pem(w->kit->county[0].ca),
	                          .call = net_call,
	                          .ask = net_ask,
	                          .pin = pin,
	                          .changed = changed,
	                          .space = space,
	                          .carry = photos_carry,
	                          .arg = b};
	(void)e;
	b->pinned = false;
	b->g = b->hands.g = engine_new(&ec);
	if (!b->g) return err_set(e, ERR_NOMEM, "engine");
	schedule(w, b, w->now + 1);
	return ERR_OK;
}

void courier_close(struct box *b)
{
	engine_free(b->g);
	b->g = b->hands.g = NULL;
	b->step++;
}

static void kick(struct world *w, int64_t i, void *p)
{
	struct box *b = &w->box[i];
	(void)p;
	if (!b->cl || b->in_step) return;
	engine_kick(b->g, false);
	schedule(w, b, w->now);
}

void box_wake(struct world *w, struct box *b)
{
	bool lost = world_may(w, FAULT_LOSS) && sim_chance(&w->plan, 200);
	struct world_event ev = {.at = w->now + (lost ? 1000 : 2), .blocks = true, .run = kick, .a = b->i};
	world_put(w, &ev);
}

bool box_idle(struct world *w, struct box *b, char why[160])
{
	struct engine_status st;
	struct ledger_head h;
	struct store_station station = {0};
	struct err e = {0};
	int64_t n = 0;
	uint8_t hash[DIGEST_LEN];
	struct office *o = office_any(w);
	(void)snprintf(why, 160, "box %d is not running", b->i);
	if (!o || !b->cl || !b->gw || b->in_step) return false;
	if (store_station(o->s, b->station, &station, &e)) return false;
	struct db_stmt *q = db_query(o->s->db, Q_feed_unnumbered, &e);
	db_bind_text(q, "station", b->station);
	db_bind_int(q, "limit", 1);
	bool waiting = db_step(q, &e) > 0;
	db_reset(q);
	vfs_as(b->cp);
	if (ledger_head(b->cl, &h, &e) || ledger_feed_head(b->cl, &n, hash, &e)) return false;
	engine_status(b->g, &st);
	(void)snprintf(why, 160, "box %d: %lld of %lld received, feed %lld of %lld%s, %.60s", b->i,
	               (long long)h.received_seq, (long long)h.seq, (long long)n, (long long)station.feed.seq,
	               waiting ? "+" : "", *st.error ? st.error : "no error");
	struct ledger_blob_next photo;
	bool photos =
	    courier_carries(w, b) && !ledger_blob_next(b->cl, false, clock_read(&b->cclock).wall, &photo, NULL);
	return h.received_seq == h.seq && !waiting && n == station.feed.seq && st.failed_in_row == 0 && !st.working &&
	       !photos;
}
