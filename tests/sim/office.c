/* See office.h: processes, exchanges, enrolment. What departments do is in office_acts.c. */
#include "tests/sim/office.h"

#include "sync/county/casefile.h"
#include "tests/sim/alloc.h"
#include "tests/sim/courier.h"
#include "tests/sim/link.h"
#include "tests/sim/world.h"

#include <stdlib.h>
#include <string.h>

#define PATH "m0/county.db"

static void read_clock(struct clock *c, int64_t *wall, int64_t *mono, bool *synced)
{
	const struct world *w = c->arg;
	*wall = world_wall(w) + w->county.clock_offset;
	*mono = w->now + 1;
	*synced = true;
}

/* As the daemon does at its start. */
static int judge_held(struct county *c, struct store *s, struct err *e)
{
	int n = 0;
	int rc = store_begin(s, e);
	if (!rc) rc = casefile_judge_held(s, county_now(c), &n, e);
	if (!rc) rc = store_commit(s, e);
	if (rc) store_rollback(s);
	return rc;
}

static void start(struct world *w, int i)
{
	struct office *o = &w->county.o[i];
	struct county *c = &w->kit->county[i];
	struct err e = {0};
	clock_init(&c->clock);
	c->clock.read = read_clock;
	c->clock.arg = w;
	o->p = vfs_proc_new(0);
	vfs_as(o->p);
	int rc = store_open(PATH, c->recovery, STORE_OPEN, &o->s, &e);
	if (!rc) rc = judge_held(c, o->s, &e);
	if (!rc) return;
	store_close(o->s);
	o->s = NULL;
	world_trace(w, "county: %s", e.msg);
	if (!vfs_proc_dead(o->p) && (w->quiet || (rc != (int)ERR_NOSPACE && rc != (int)ERR_IO && rc != (int)ERR_NOMEM)))
		world_fail(w, "opens", "county: %s", e.msg);
	vfs_proc_die(o->p);
	vfs_proc_free(o->p);
	*o = (struct office){0};
}

void office_start(struct world *w)
{
	for (int i = 0; i < KIT_OFFICES; i++)
		if (!w->county.o[i].p) start(w, i);
}

static void close_office(struct office *o)
{
	if (!o->p) return;
	vfs_as(o->p);
	store_close(o->s);
	vfs_proc_free(o->p);
	*o = (struct office){0};
}

static void start_again(struct world *w, int64_t a, void *p)
{
	(void)a;
	(void)p;
	office_start(w);
}

void office_kill(struct world *w, int i)
{
	struct office *o = &w->county.o[i];
	if (!o->p) return;
	world_trace(w, "county: process %d dies", i);
	vfs_proc_die(o->p);
	close_office(o);
	world_at(w, w->now + sim_range(&w->plan, 500, 60000), start_again, 0, NULL);
}

void office_cut(struct world *w)
{
	world_trace(w, "county: power cut");
	for (int i = 0; i < KIT_OFFICES; i++)
		if (w->county.o[i].p) vfs_proc_die(w->county.o[i].p);
	for (int i = 0; i < KIT_OFFICES; i++)
		close_office(&w->county.o[i]);
	vfs_crash(0, &w->disk);
	world_at(w, w->now + sim_range(&w->plan, 1000, 300000), start_again, 0, NULL);
}

void office_reap(struct world *w)
{
	for (int i = 0; i < KIT_OFFICES; i++) {
		struct office *o = &w->county.o[i];
		if (!o->p || !vfs_proc_dead(o->p)) continue;
		if (sim_chance(&w->plan, 400)) {
			office_cut(w);
			return;
		}
		office_kill(w, i);
	}
}

void office_release(struct world *w)
{
	for (int i = 0; i < KIT_OFFICES; i++)
		close_office(&w->county.o[i]);
	vfs_image_free(w->county.old);
	w->county.old = NULL;
}

struct office *office_any(struct world *w)
{
	int first = (int)sim_draw(&w->plan, KIT_OFFICES);
	for (int i = 0; i < KIT_OFFICES && w->now >= w->county.down_until; i++) {
		struct office *o = &w->county.o[(first + i) % KIT_OFFICES];
		if (!o->s) continue;
		vfs_as(o->p);
		return o;
	}
	return NULL;
}

int office_index(const struct world *w, const struct office *o)
{
	return (int)(o - w->county.o);
}

static void arm(struct world *w, struct office *o)
{
	struct sim_rng *r = &w->plan;
	if (world_may(w, FAULT_OFFICE) && sim_chance(r, 20)) vfs_proc_die_at(o->p, (int)sim_range(r, 1, 40));
	if (world_may(w, FAULT_FULL) && sim_chance(r, 10))
		vfs_proc_fail_at(o->p, (int)sim_range(r, 1, 20), (int)sim_range(r, 1, 3));
	if (world_may(w, FAULT_NOMEM) && sim_chance(r, 20)) alloc_fail_at(sim_range(r, 1, 1500), false);
}

static void answer_with(struct transport_answer *out, int status)
{
	out->status = status;
	out->body = strdup("{}");
	out->len = 2;
}

int office_exchange(struct world *w, const struct county_peer *peer, const char *body, size_t len,
                    struct transport_answer *out)
{
	struct problem p = {0};
	struct err e = {0};
	struct office *o = office_any(w);
	if (!o) return ERR_IO;
	int i = office_index(w, o);
	int64_t now = world_wall(w) + w->county.clock_offset;
	if (now > w->county.highest_now) w->county.highest_now = now;
	arm(w, o);
	int rc =
	    county_exchange(&w->kit->county[i], o->s, peer, body, len, &out->body, &out->len, out->signature, &p, &e);
	courier_disarm(o->p);
	bool died = vfs_proc_dead(o->p);
	world_trace(w, "county %d: %s: %s", i, peer->station,
	            died              ? "died"
	            : rc              ? e.msg
	            : problem_any(&p) ? p.detail
	                              : "answers");
	if (!died && rc && (w->quiet || (rc != (int)ERR_NOMEM && rc != (int)ERR_NOSPACE && rc != (int)ERR_IO)))
		world_fail(w, "exchange", "the county fails: %s", e.msg);
	if (!died && rc)
		answer_with(out, 503);
	else if (!died && problem_any(&p))
		answer_with(out, problem_row(p.code)->status);
	else
		out->status = 200;
	problem_release(&p);
	if (!died) return ERR_OK;
	transport_answer_release(out);
	*out = (struct transport_answer){0};
	office_reap(w);
	return ERR_IO;
}

json_t *office_enrol(struct world *w, const char *station, json_t *request)
{
	char code[COUNTY_CODE_MAX];
	int64_t expires;
	struct err e = {0};
	json_t *answer = NULL;
	struct office *o = office_any(w);
	if (!o) return NULL;
	struct county *c = &w->kit->county[office_index(w, o)];
	bool was = sim_real_crypto(true);
	int rc = county_enrol_code(c, o->s, station, "sim", code, &expires, &e);
	if (!rc) json_object_set_new(request, "code", json_string(code));
	/* an answer that is lost is asked for again, and is the same */
	for (int i = 0; i < 3 && !rc; i++) {
		struct problem p = {0};
		json_decref(answer);
		answer = NULL;
		rc = county_enrol(c, o->s, request, "192.0.2.1", &answer, &p, &e);
		if (problem_any(&p)) rc = err_set(&e, ERR_DENIED, "%s", p.detail);
		problem_release(&p);
		if (!(world_may(w, FAULT_LOSS) && sim_chance(&w->plan, 250))) break;
	}
	(void)sim_real_crypto(was);
	if (rc) world_trace(w, "county: enrolment of %s: %s", station, e.msg);
	return answer;
}
