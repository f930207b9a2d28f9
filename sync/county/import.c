/* See import.h. Called by the commands `init` and `import`, beside a running server too: one write transaction. */
#include "sync/county/import.h"

#include "shared/canon.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/limits.h"
#include "sync/county/thing.h"

#include <stdlib.h>
#include <string.h>

#define DOCUMENT_MAX (4 * 1048576)

int import_schema(const char *folder, struct import_paths *out, struct err *e)
{
	int a = snprintf(out->stations, FILE_PATH_MAX, "%s/stations/hutubi.json", folder);
	int b = snprintf(out->catalog, FILE_PATH_MAX, "%s/catalog/hutubi-2022.json", folder);
	int c = snprintf(out->calendar, FILE_PATH_MAX, "%s/calendars/xinjiang.json", folder);
	bool fits = a < FILE_PATH_MAX && b < FILE_PATH_MAX && c < FILE_PATH_MAX;
	return fits ? ERR_OK : err_set(e, ERR_INVALID, "the folder's path is too long");
}

static int read_json(const char *path, json_t **out, struct err *e)
{
	char *text = NULL;
	size_t len = 0;
	struct err bad = {0};
	*out = NULL;
	int rc = file_read(path, DOCUMENT_MAX, &text, &len, e);
	if (rc) return rc;
	rc = json_parse_strict(text, len, LIMIT_DEPTH, out, &bad);
	free(text);
	if (!rc && !json_is_object(*out)) rc = err_set(&bad, ERR_INVALID, "an object is wanted");
	return rc ? err_set(e, bad.code, "%s: %s", path, bad.msg) : ERR_OK;
}

int import_county_name(const char *stations, char *out, size_t cap, struct err *e)
{
	json_t *doc = NULL;
	int rc = read_json(stations, &doc, e);
	const char *name = rc ? "" : fields_text(json_object_get(doc, "county"), "name");
	if (!rc && (!*name || strlen(name) >= cap))
		rc = err_set(e, ERR_INVALID, "%s: county.name is missing or too long", stations);
	if (!rc) (void)snprintf(out, cap, "%s", name);
	json_decref(doc);
	return rc;
}

/* --- stations --- */

static bool copy(char *dst, size_t cap, const char *src)
{
	int n = snprintf(dst, cap, "%s", src);
	return n > 0 && (size_t)n < cap;
}

static int put_station(struct store *s, const json_t *j, bool township, struct err *e)
{
	struct store_station st = {.tier = TIER_TOWNSHIP};
	bool ok = copy(st.code, sizeof st.code, fields_text(j, "code")) && strlen(st.code) == 12 &&
	          strspn(st.code, "0123456789") == 12 && copy(st.name, sizeof st.name, fields_text(j, "name")) &&
	          copy(st.title, sizeof st.title, fields_text(j, "title"));
	if (ok && !township)
		ok = tier_parse(fields_text(j, "kind"), &st.tier) && st.tier != TIER_TOWNSHIP &&
		     copy(st.township, sizeof st.township, fields_text(j, "township"));
	return ok ? store_station_put(s, &st, e)
	          : err_set(e, ERR_INVALID, "station %.12s: code, name, title, kind or township",
	                    fields_text(j, "code"));
}

static int put_stations(struct store *s, const char *path, int *count, struct err *e)
{
	static const char *const lists[] = {"townships", "stations"};
	json_t *doc = NULL, *one;
	size_t k;
	int rc = read_json(path, &doc, e);
	for (size_t i = 0; i < sizeof lists / sizeof *lists && !rc; i++) {
		json_array_foreach(json_object_get(doc, lists[i]), k, one) {
			if (!rc) rc = put_station(s, one, i == 0, e);
			(*count)++;
		}
	}
	if (!rc && *count == 0) rc = err_set(e, ERR_INVALID, "%s holds no station", path);
	json_decref(doc);
	return rc;
}

/* --- documents --- */

/* 1 = that version is there and the same, 0 = it is not there; a different one is an error. */
static int known(struct store *s, const char *kind, int64_t version, const char *doc, bool *same, struct err *e)
{
	*same = false;
	struct db_stmt *q = db_query(s->db, Q_thing_get, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "kind", kind);
	db_bind_int(q, "version", version);
	int r = db_step(q, e);
	const char *old = r > 0 ? db_text(q, 0) : NULL;
	*same = old && strcmp(old, doc) == 0;
	int rc = r < 0 ? -r : ERR_OK;
	if (old && !*same)
		rc = err_set(e, ERR_CONFLICT,
		             "version %lld of the %s is there and differs: give the new one a higher version",
		             (long long)version, kind);
	db_reset(q);
	return rc;
}

static int check_document(const char *kind, json_t *doc, struct err *e)
{
	struct catalog *c = NULL;
	if (strcmp(kind, "catalog") != 0) return ERR_OK;
	int rc = catalog_new(doc, &c, e);
	catalog_free(c);
	return rc;
}

/* ERR_CONFLICT where KIND has a version in force. */
static int check_first(struct store *s, const char *kind, struct err *e)
{
	struct err none = {0};
	int64_t version;
	json_t *doc = NULL;
	int rc = store_thing(s, kind, &doc, &version, &none);
	json_decref(doc);
	if (rc == (int)ERR_NOTFOUND) return ERR_OK;
	return rc ? err_set(e, none.code, "%s", none.msg)
	          : err_set(e, ERR_CONFLICT, "a %s is in force: another goes by `%s import`, `sign` and `publish`",
	                    kind, kind);
}

/* What an import is told of a document. */
struct document {
	const char *kind, *path;
	bool first;
	int *fresh; /* counts the new ones */
};

static int put_document(struct store *s, const struct document *d, int64_t now, struct err *e)
{
	const char *kind = d->kind, *path = d->path;
	json_t *doc = NULL;
	struct buf text;
	bool same = false;
	buf_init(&text, DOCUMENT_MAX);
	int rc = read_json(path, &doc, e);
	int64_t version = rc ? 0 : fields_int(doc, "version", 0);
	if (!rc && version < 1) rc = err_set(e, ERR_INVALID, "%s has no version", path);
	if (!rc) rc = check_document(kind, doc, e);
	if (!rc) rc = canon_write(doc, &text, e);
	if (!rc) rc = known(s, kind, version, text.data, &same, e);
	if (!rc && !same && d->first) rc = check_first(s, kind, e);
	if (!rc && !same) {
		(*d->fresh)++;
		rc = thing_in_force(s, kind, version, text.data, now, e);
	}
	buf_release(&text);
	json_decref(doc);
	return rc;
}

int import_run(struct store *s, const struct import_files *f, int64_t now, struct import_report *out, struct err *e)
{
	*out = (struct import_report){0};
	int rc = store_begin(s, e);
	if (rc) return rc;
	if (f->stations) rc = put_stations(s, f->stations, &out->stations, e);
	const struct document catalog = {"catalog", f->catalog, f->first, &out->catalogs};
	const struct document calendar = {"calendar", f->calendar, f->first, &out->calendars};
	if (!rc && f->catalog) rc = put_document(s, &catalog, now, e);
	if (!rc && f->calendar) rc = put_document(s, &calendar, now, e);
	if (!rc) rc = store_commit(s, e);
	if (rc) store_rollback(s);
	return rc;
}
