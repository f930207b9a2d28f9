/* See inspect.h. */
#include "tests/sim/inspect.h"

#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void inspect_open(struct inspect *x, int machine)
{
	char path[32];
	(void)snprintf(path, sizeof path, "m%d/%s", machine, machine ? "ledger.db" : "county.db");
	x->p = vfs_proc_new(machine);
	vfs_as(x->p);
	if (sqlite3_open_v2(path, &x->h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		(void)fprintf(stderr, "sim: %s: %s\n", path, sqlite3_errmsg(x->h));
		exit(2);
	}
}

void inspect_close(struct inspect *x)
{
	vfs_as(x->p);
	(void)sqlite3_close(x->h);
	vfs_proc_free(x->p);
}

sqlite3_stmt *inspect_query(struct inspect *x, const char *sql, const char *text, const uint8_t *id)
{
	sqlite3_stmt *s = NULL;
	int at = 1;
	vfs_as(x->p);
	if (sqlite3_prepare_v2(x->h, sql, -1, &s, NULL) != SQLITE_OK) {
		(void)fprintf(stderr, "sim: %s: %s\n", sql, sqlite3_errmsg(x->h));
		exit(2);
	}
	if (text) (void)sqlite3_bind_text(s, at++, text, -1, SQLITE_TRANSIENT);
	if (id) (void)sqlite3_bind_blob(s, at, id, UUID_LEN, SQLITE_TRANSIENT);
	return s;
}

int64_t inspect_number(struct inspect *x, const char *sql)
{
	sqlite3_stmt *s = inspect_query(x, sql, NULL, NULL);
	int64_t n = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;
	(void)sqlite3_finalize(s);
	return n;
}

static bool has(struct inspect *x, bool county, const struct call *c)
{
	sqlite3_stmt *s =
	    inspect_query(x,
	                  county ? "SELECT 1 FROM events WHERE station = ?1 AND id = ?2"
	                         : "SELECT 1 FROM events WHERE id = ?1 UNION SELECT 1 FROM recovered WHERE id = ?1",
	                  county ? c->station : NULL, c->key);
	bool yes = sqlite3_step(s) == SQLITE_ROW;
	(void)sqlite3_finalize(s);
	return yes;
}

static void look(struct world *w, int machine, const char *station, bool found[MODEL_CALLS])
{
	struct inspect x;
	inspect_open(&x, machine);
	for (int i = 0; i < w->model.n; i++) {
		const struct call *c = &w->model.calls[i];
		if (c->state != CALL_ACKED || found[i] || (station && strcmp(station, c->station) != 0)) continue;
		found[i] = has(&x, machine == 0, c);
	}
	inspect_close(&x);
}

void inspect_excuse(struct world *w)
{
	bool found[MODEL_CALLS] = {false};
	look(w, 0, NULL, found);
	for (int i = 0; i < WORLD_BOXES; i++)
		if (w->box[i].machine && !w->box[i].gone) look(w, w->box[i].machine, w->box[i].station, found);
	for (int i = 0; i < w->model.n; i++) {
		struct call *c = &w->model.calls[i];
		if (c->state != CALL_ACKED || found[i]) continue;
		c->state = CALL_EXCUSED;
		world_trace(w, "%s %s went with the only disk that had it", c->station, c->marker);
	}
}

/* --- rot --- */

void inspect_rot(struct world *w, struct box *b, bool body)
{
	struct inspect x;
	uint8_t id[UUID_LEN];
	inspect_open(&x, b->machine);
	sqlite3_stmt *s =
	    inspect_query(&x,
	                  "SELECT e.id, e.seq, l.log FROM events e JOIN logs l ON l.n = e.log WHERE l.kept IS NULL AND "
	                  "e.seq > l.sent_seq AND e.case_id IS NOT NULL ORDER BY e.seq LIMIT 1",
	                  NULL, NULL);
	bool any = sqlite3_step(s) == SQLITE_ROW;
	if (any) {
		memcpy(id, sqlite3_column_blob(s, 0), UUID_LEN);
		b->poison = sqlite3_column_int64(s, 1);
		memcpy(b->poison_log, sqlite3_column_blob(s, 2), UUID_LEN);
		b->poison_answers = -1;
		*model_rotten(&w->model, b->station) = true;
	}
	(void)sqlite3_finalize(s);
	if (any) {
		s = inspect_query(
		    &x,
		    body ? "UPDATE events SET body = substr(body, 1, 40) || X'5A' || substr(body, 42) WHERE id = ?1"
		         : "UPDATE events SET actor = actor || 'x' WHERE id = ?1",
		    NULL, id);
		(void)sqlite3_step(s);
		(void)sqlite3_finalize(s);
		world_trace(w, "box %d: event %lld rots (%s)", b->i, (long long)b->poison, body ? "body" : "actor");
	}
	inspect_close(&x);
	for (int i = 0; i < w->model.n && any; i++) {
		struct call *c = &w->model.calls[i];
		if (memcmp(c->key, id, UUID_LEN) == 0) c->state = CALL_EXCUSED; /* nobody can have it back */
	}
}
