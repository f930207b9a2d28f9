/* See invariants.h. */
#include "tests/sim/invariants.h"

#include "shared/ledger/read.h"
#include "shared/ledger/verify.h"
#include "sync/county/verify.h"
#include "tests/sim/courier.h"
#include "tests/sim/inspect.h"
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DISK_MAX (48 << 20) /* bytes of one machine in a run: a log file that only grows shows here */

static bool lives(const struct box *b)
{
	return b->machine && !b->gone && b->enrolled;
}

/* --- after an answer --- */

/* An event that cannot be read delays the others by one round trip: a batch, the same with every hash, and on. */
static void poison_passes(struct world *w, struct box *b, const struct ledger_head *h)
{
	struct engine_status st;
	int64_t more =
	    w->faults & (1u << FAULT_LATE | 1u << FAULT_ROLLBACK | 1u << FAULT_CLONE | 1u << FAULT_LOGS) ? 3 : 0;
	if (!b->poison || memcmp(b->poison_log, h->log, UUID_LEN) != 0 || h->sent_seq < b->poison) return;
	engine_status(b->g, &st);
	if (b->poison_answers < 0) b->poison_answers = st.answers;
	if (h->received_seq < b->poison && st.answers > b->poison_answers + 2 + more)
		world_fail(w, "poison holds up nobody", "box %d: event %lld after %lld answers", b->i,
		           (long long)b->poison, (long long)(st.answers - b->poison_answers));
}

static void floor_is_the_countys(struct world *w, struct box *b)
{
	struct err e = {0};
	int64_t floor = 0;
	if (!ledger_meta_int(b->cl, "floor", 0, &floor, &e) && floor > w->county.highest_now)
		world_fail(w, "only the county raises the floor", "box %d: by %lld ms", b->i,
		           (long long)(floor - w->county.highest_now));
}

void invariants_applied(struct world *w, struct box *b)
{
	struct ledger_head h;
	struct store_log l;
	struct err e = {0};
	if (b->office_epoch != w->county.epoch)
		return; /* the county was put back since: the next exchange takes it back */
	struct office *o = office_any(w);
	if (!o || ledger_head(b->cl, &h, &e)) return;
	poison_passes(w, b, &h);
	vfs_as(o->p);
	int rc = store_log(o->s, h.log, &l, &e);
	if (rc == (int)ERR_NOTFOUND && h.received_seq == 0) return;
	if (rc) {
		world_fail(w, "received is at the county", "box %d: %s", b->i, e.msg);
	} else if (l.head.seq < h.received_seq ||
	           (l.head.seq == h.received_seq && memcmp(l.head.hash, h.received_hash, DIGEST_LEN) != 0)) {
		world_fail(w, "received is at the county", "box %d believes %lld, the county has %lld", b->i,
		           (long long)h.received_seq, (long long)l.head.seq);
	}
	vfs_as(b->cp);
	floor_is_the_countys(w, b);
}

struct has {
	const uint8_t *id;
	bool yes;
};

static bool has_event(const struct ledger_history *h, void *arg)
{
	struct has *x = arg;
	if (!h->own || memcmp(h->ev.id, x->id, UUID_LEN) != 0) return true;
	x->yes = h->sync != SYNC_REFUSED; /* a refusal that was mended does not count in the case's */
	return false;
}

/* A case that shows as settled says so of each of its events that this box has. */
static void shown(struct world *w, struct office *o, struct box *b, const struct call *c)
{
	struct ledger_case k = {0};
	struct err e = {0};
	struct has x = {c->key, false};
	vfs_as(b->gp);
	int rc = ledger_case_get(b->gw, c->case_id, &k, &e);
	enum ledger_sync sync = k.sync;
	ledger_case_release(&k);
	if (rc || sync != SYNC_SETTLED || ledger_case_history(b->gw, c->case_id, has_event, &x, &e) || !x.yes) return;
	vfs_as(o->p);
	struct db_stmt *q = db_query(o->s->db, Q_event_get, &e);
	db_bind_text(q, "station", c->station);
	db_bind_blob(q, "id", c->key, UUID_LEN);
	int r = db_step(q, &e);
	if (r >= 0 && (r == 0 || !db_is_null(q, 1)))
		world_fail(w, "shown as synced is at the county", "box %d shows %s of %s as settled, the county %s",
		           b->i, c->type, c->marker, r ? "refuses it" : "lacks it");
	db_reset(q);
}

/* A retired log gets no feed (design section 5, point 10): nothing can take back what it shows. */
static bool gets_feed(struct world *w, struct box *b)
{
	struct ledger_head h;
	struct store_log l;
	struct err e = {0};
	struct office *o = office_any(w);
	vfs_as(b->gp);
	if (!o || ledger_head(b->gw, &h, &e)) return false;
	vfs_as(o->p);
	return !store_log(o->s, h.log, &l, &e) && l.state == LOG_ACTIVE;
}

void invariants_shown(struct world *w, struct box *b)
{
	if (!b->gw || !b->cl || b->in_step || b->office_epoch != w->county.epoch || !gets_feed(w, b)) return;
	for (int i = 0; i < 5 && w->model.n; i++) {
		const struct call *c = &w->model.calls[sim_draw(&w->user, w->model.n)];
		struct office *o = office_any(w);
		if (o && c->state == CALL_ACKED && strcmp(c->station, b->station) == 0) shown(w, o, b, c);
	}
}

void invariants_bounded(struct world *w)
{
	for (int i = 0; i <= WORLD_BOXES; i++)
		if (vfs_used(i) > DISK_MAX)
			world_fail(w, "bounded", "machine %d uses %lld bytes", i, (long long)vfs_used(i));
}

/* --- acknowledged, once --- */

static void call_is_there(struct world *w, struct inspect *county, const struct call *c)
{
	sqlite3_stmt *s = inspect_query(county, "SELECT case_id, type FROM events WHERE station = ?1 AND id = ?2",
	                                c->station, c->key);
	if (sqlite3_step(s) != SQLITE_ROW)
		world_fail(w, "nothing acknowledged is lost", "%s %s %s is not at the county", c->station, c->type,
		           c->marker);
	else if ((c->of_station ? sqlite3_column_type(s, 0) != SQLITE_NULL
	                        : memcmp(sqlite3_column_blob(s, 0), c->case_id, UUID_LEN) != 0) ||
	         strcmp((const char *)sqlite3_column_text(s, 1), c->type) != 0)
		world_fail(w, "nothing acknowledged is lost", "%s %s is another event at the county", c->station,
		           c->marker);
	(void)sqlite3_finalize(s);
}

static void count_markers(struct inspect *county, int times[MODEL_CALLS])
{
	sqlite3_stmt *s = inspect_query(county, "SELECT body FROM events WHERE body IS NOT NULL", NULL, NULL);
	while (sqlite3_step(s) == SQLITE_ROW) {
		const char *t = (const char *)sqlite3_column_text(s, 0);
		for (const char *m = strchr(t, 'm'); m; m = strchr(m + 1, 'm')) {
			char *end;
			long n = strtol(m + 1, &end, 10);
			if (end > m + 1 && *end == '.' && n >= 1 && n <= MODEL_CALLS) times[n - 1]++;
		}
	}
	(void)sqlite3_finalize(s);
}

static void acknowledged(struct world *w, struct inspect *county)
{
	int times[MODEL_CALLS] = {0};
	count_markers(county, times);
	for (int i = 0; i < w->model.n; i++) {
		const struct call *c = &w->model.calls[i];
		if (c->state == CALL_ACKED) call_is_there(w, county, c);
		if (times[i] > 1)
			world_fail(w, "one effect", "%s %s %s is at the county %d times", c->station, c->type,
			           c->marker, times[i]);
		if (times[i] && c->state == CALL_REFUSED && strcmp(c->station, "county") == 0)
			world_fail(w, "one effect", "%s was refused and is at the county", c->marker);
	}
}

/* --- what is shown as synced --- */

static void synced(struct world *w, struct inspect *county, struct box *b)
{
	struct inspect x;
	inspect_open(&x, b->machine);
	sqlite3_stmt *s = inspect_query(
	    &x,
	    "SELECT e.id, e.mac, e.type, v.settled FROM events e JOIN verdicts v ON v.log = e.log AND v.seq = "
	    "e.seq JOIN logs l ON l.n = e.log WHERE (l.kept IS NULL OR e.seq <= l.kept) AND coalesce(v.code, '') <> "
	    "'unreadable'",
	    NULL, NULL);
	while (sqlite3_step(s) == SQLITE_ROW) {
		sqlite3_stmt *c = inspect_query(county, "SELECT mac, code FROM events WHERE station = ?1 AND id = ?2",
		                                b->station, sqlite3_column_blob(s, 0));
		bool there = sqlite3_step(c) == SQLITE_ROW;
		if (!there || (sqlite3_column_int(s, 3) &&
		               (memcmp(sqlite3_column_blob(c, 0), sqlite3_column_blob(s, 1), DIGEST_LEN) != 0 ||
		                sqlite3_column_type(c, 1) != SQLITE_NULL)))
			world_fail(w, "shown as synced is at the county", "box %d shows a %s that the county %s %s",
			           b->i, sqlite3_column_text(s, 2), !there ? "lacks" : "has otherwise:",
			           !there || sqlite3_column_type(c, 1) == SQLITE_NULL
			               ? ""
			               : (const char *)sqlite3_column_text(c, 1));
		(void)sqlite3_finalize(c);
	}
	(void)sqlite3_finalize(s);
	inspect_close(&x);
}

/* The feed here is the county's, entry by entry. */
static void feeds(struct world *w, struct inspect *county, struct box *b)
{
	struct inspect x;
	int64_t n = 0;
	inspect_open(&x, b->machine);
	sqlite3_stmt *mine = inspect_query(&x, "SELECT n, hash FROM feed ORDER BY n", NULL, NULL);
	sqlite3_stmt *its = inspect_query(
	    county, "SELECT n, hash FROM feed WHERE station = ?1 ORDER BY coalesce(n, 9e15)", b->station, NULL);
	for (;;) {
		bool a = sqlite3_step(mine) == SQLITE_ROW, c = sqlite3_step(its) == SQLITE_ROW;
		if (!a && !c) break;
		n++;
		if (!a || !c || sqlite3_column_int64(mine, 0) != n || sqlite3_column_int64(its, 0) != n ||
		    memcmp(sqlite3_column_blob(mine, 1), sqlite3_column_blob(its, 1), DIGEST_LEN) != 0) {
			world_fail(w, "the feed is dense and whole", "box %d at entry %lld", b->i, (long long)n);
			break;
		}
	}
	(void)sqlite3_finalize(mine);
	(void)sqlite3_finalize(its);
	inspect_close(&x);
}

/* --- chains and projections, as the product verifies them --- */

static void tell(const char *fault, void *arg)
{
	struct world *w = arg;
	world_fail(w, "the chain verifies", "%s", fault);
}

static void verified(struct world *w)
{
	struct err e = {0};
	struct verify_report r;
	struct office *o = office_any(w);
	if (!o || verify_run(o->s, &r, tell, w, &e)) world_fail(w, "the chain verifies", "the county: %s", e.msg);
	for (int i = 0; i < WORLD_BOXES; i++) {
		struct box *b = &w->box[i];
		struct ledger_report lr;
		if (!lives(b) || *model_rotten(&w->model, b->station)) continue; /* what rots there is told: rightly */
		vfs_as(b->gp);
		if (ledger_verify(b->gw, &lr, tell, w, &e)) world_fail(w, "the chain verifies", "box %d: %s", i, e.msg);
	}
}

/* --- the table of states --- */

static void walk_case(struct world *w, struct inspect *county, const uint8_t *id, const char *stands)
{
	enum case_state state = STATE_DRAFT, asked = STATE_DRAFT;
	sqlite3_stmt *s = inspect_query(
	    county, "SELECT type FROM events WHERE case_id = ?1 AND code IS NULL ORDER BY place", NULL, id);
	while (sqlite3_step(s) == SQLITE_ROW) {
		enum case_event ev;
		const char *type = (const char *)sqlite3_column_text(s, 0);
		const struct state_row *row = state_event_parse(type, &ev) ? state_row_find(state, ev) : NULL;
		if (!row) {
			world_fail(w, "no transition outside the table", "%s in state %s", type, state_name(state));
			break;
		}
		enum case_state to = row->to == STATE_SAME ? state : row->to == STATE_ASKED ? asked : row->to;
		if (row->to == STATE_SUPPLEMENT || row->to == STATE_REVIEW_SUPPLEMENT) asked = state;
		state = to;
	}
	(void)sqlite3_finalize(s);
	if (strcmp(stands, state_name(state)) != 0)
		world_fail(w, "no transition outside the table", "a case stands at %s, its events give %s", stands,
		           state_name(state));
}

static void transitions(struct world *w, struct inspect *county)
{
	sqlite3_stmt *s = inspect_query(county, "SELECT id, state FROM cases", NULL, NULL);
	while (!*w->failed && sqlite3_step(s) == SQLITE_ROW)
		walk_case(w, county, sqlite3_column_blob(s, 0), (const char *)sqlite3_column_text(s, 1));
	(void)sqlite3_finalize(s);
}

void invariants_quiet(struct world *w)
{
	struct inspect county;
	verified(w);
	inspect_open(&county, 0);
	acknowledged(w, &county);
	transitions(w, &county);
	for (int i = 0; i < WORLD_BOXES; i++) {
		if (!lives(&w->box[i])) continue;
		synced(w, &county, &w->box[i]);
		feeds(w, &county, &w->box[i]);
		if (courier_carries(w, &w->box[i])) photos_hold(w, &w->box[i]);
	}
	if (inspect_number(&county, "SELECT count(*) FROM alarms") > 500)
		world_fail(w, "bounded", "alarms without end");
	inspect_close(&county);
	bool rebuilt = w->seed % 4 == 0; /* projections made anew say the same */
	for (int i = 0; i < WORLD_BOXES && !*w->failed; i++) {
		struct err e = {0};
		struct box *b = &w->box[i];
		if (!lives(b)) continue;
		invariants_dumps(w, b);
		if (!rebuilt || *model_rotten(&w->model, b->station)) continue;
		vfs_as(b->gp);
		if (ledger_rebuild(b->gw, &e)) world_fail(w, "rebuild", "box %d: %s", i, e.msg);
		invariants_dumps(w, b);
	}
	if (rebuilt) verified(w);
}
