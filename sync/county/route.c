/* Who hears of an event: the stations that hold, held or registered its case. A new holder gets the history first. See
 * casefile.h. */
#include "sync/county/casefile_internal.h"
#include "sync/county/feed.h"
#include "sync/county/thing.h"

#include "shared/fields.h"
#include "shared/mutant.h"

#include <string.h>

static int follow(struct store *s, const uint8_t id[UUID_LEN], const char *station, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_follower_put, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "case_id", id, UUID_LEN);
	db_bind_text(q, "station", station);
	return db_run(q, e);
}

static int follows(struct store *s, const uint8_t id[UUID_LEN], const char *station, bool *yes, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_follower_has, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "case_id", id, UUID_LEN);
	db_bind_text(q, "station", station);
	int r = db_step(q, e);
	*yes = r > 0;
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

/* A new holder gets the history: every settled event so far, in the county's order. */
static int send_history(struct casefile *f, const char *to, struct err *e)
{
	size_t n;
	int r, rc = ERR_OK;
	struct db_stmt *q = db_query(f->store->db, Q_case_events, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "case_id", f->view.id, UUID_LEN);
	while (!rc && (r = db_step(q, e)) > 0) {
		struct feed_event fe = {.case_id = f->view.id,
		                        .id = db_blob(q, 1, &n),
		                        .type = db_text(q, 4),
		                        .at = db_int(q, 5),
		                        .actor = db_text(q, 7),
		                        .origin = db_text(q, 0),
		                        .body = db_text(q, 9)};
		if (db_is_null(q, 10) && strcmp(fe.origin, to) != 0) rc = feed_put_event(f->store, to, &fe, e);
	}
	db_reset(q);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

/* Every station that holds, held or registered the case hears of what it did not write itself. */
static int route(struct casefile *f, const struct feed_event *fe, struct err *e)
{
	char to[32][13];
	int n = 0, r;
	struct db_stmt *q = db_query(f->store->db, Q_follower_list, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "case_id", f->view.id, UUID_LEN);
	while (n < 32 && (r = db_step(q, e)) > 0)
		db_copy_text(q, 0, to[n++], sizeof to[0]);
	db_reset(q);
	if (r < 0) return -r;
	int rc = ERR_OK;
	for (int i = 0; i < MUTANT(route_forgets, n, n > 0) && !rc; i++)
		if (strcmp(to[i], fe->origin) != 0) rc = feed_put_event(f->store, to[i], fe, e);
	return rc;
}

int casefile_route(struct casefile *f, const struct feed_event *fe, struct err *e)
{
	const char *holder = f->view.holder;
	bool known = false;
	enum case_event type;
	bool opens =
	    state_event_parse(fe->type, &type) && state_event_opens(type) && casefile_is_station(f->view.station);
	int rc = opens ? follow(f->store, f->view.id, f->view.station, e) : route(f, fe, e);
	if (rc || !casefile_is_station(holder)) return rc;
	rc = follows(f->store, f->view.id, holder, &known, e);
	if (rc || known) return rc;
	rc = thing_for_case(f->store, holder, fields_int(f->view.doc, "catalog_version", 0), e);
	if (!rc) rc = MUTANT(no_history, send_history(f, holder, e), ERR_OK);
	return rc ? rc : follow(f->store, f->view.id, holder, e);
}
