/* See thing.h. Called by imports, by the publishing of catalogs, and by the routing of events. */
#include "sync/county/thing.h"

#include "sync/county/casefile.h"
#include "sync/county/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every station that was enrolled once hears of the new document. */
static int tell_stations(struct store *s, const char *kind, const char *doc, struct err *e)
{
	char(*codes)[13] = NULL;
	size_t n = 0, cap = 0;
	int r = 0, rc = ERR_OK;
	struct db_stmt *q = db_query(s->db, Q_station_enrolled, e);
	if (!q) return ERR_IO;
	while (!rc && (r = db_step(q, e)) > 0) {
		const char *code = db_text(q, 0);
		char(*more)[13] = n < cap ? codes : realloc(codes, (cap + 64) * sizeof *codes);
		if (!more) {
			rc = err_set(e, ERR_NOMEM, "stations");
			break;
		}
		if (n == cap) cap += 64;
		codes = more;
		(void)snprintf(codes[n++], sizeof *codes, "%s", code ? code : "");
	}
	db_reset(q);
	if (!rc && r < 0) rc = -r;
	for (size_t i = 0; i < n && !rc; i++)
		rc = feed_put_thing(s, codes[i], kind, doc, e);
	free(codes);
	return rc;
}

int thing_in_force(struct store *s, const char *kind, int64_t version, const char *doc, int64_t now, struct err *e)
{
	int judged = 0;
	int rc = store_thing_put(s, kind, version, doc, now, e);
	if (!rc) rc = tell_stations(s, kind, doc, e);
	if (!rc && strcmp(kind, "catalog") == 0) rc = casefile_judge_held(s, now, &judged, e);
	return rc;
}

int thing_text(struct store *s, const char *kind, int64_t version, char **doc, struct err *e)
{
	*doc = NULL;
	struct db_stmt *q = db_query(s->db, Q_thing_get, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "kind", kind);
	db_bind_int(q, "version", version);
	int r = db_step(q, e);
	const char *text = r > 0 ? db_text(q, 0) : NULL;
	if (text) *doc = strdup(text);
	db_reset(q);
	return r < 0 ? -r : text && !*doc ? err_set(e, ERR_NOMEM, "%s", kind) : ERR_OK;
}

/* Does a station need the catalog of VERSION sent, and is it here? */
static int catalog_missing(struct store *s, const char *station, int64_t version, bool *yes, struct err *e)
{
	int64_t in_force = 0;
	*yes = false;
	struct db_stmt *q = db_query(s->db, Q_thing_latest, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "kind", "catalog");
	int r = db_step(q, e);
	if (r > 0) in_force = db_int(q, 0);
	db_reset(q);
	if (r <= 0 || version >= in_force) return r < 0 ? -r : ERR_OK;
	q = db_query(s->db, Q_feed_thing_has, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", station);
	db_bind_text(q, "kind", "catalog");
	db_bind_int(q, "version", version);
	r = db_step(q, e);
	db_reset(q);
	*yes = r == 0;
	return r < 0 ? -r : ERR_OK;
}

int thing_for_case(struct store *s, const char *station, int64_t version, struct err *e)
{
	char *doc = NULL;
	bool missing = false;
	int rc = version > 0 ? catalog_missing(s, station, version, &missing, e) : ERR_OK;
	if (!rc && missing) rc = thing_text(s, "catalog", version, &doc, e);
	if (!rc && doc) rc = feed_put_thing(s, station, "catalog", doc, e);
	free(doc);
	return rc;
}
