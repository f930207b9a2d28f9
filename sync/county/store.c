/* See store.h: opening, stations, logs, things, alarms. Cases and feeds have files of their own. */
#include "sync/county/store.h"

#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/limits.h"
#include "shared/pack.h"
#include "shared/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOX_MAX   99
#define ALARM_MAX 1024 /* bytes of an alarm's text */

static const struct db_query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "county_queries.inc"
#undef QUERY
};

static const struct db_migration migrations[] = {
#define MIGRATION(version, name, sql) {version, name, sql},
#include "county_migrations.inc"
#undef MIGRATION
};

static const struct account_queries accounts = {
    .by_name = Q_account_by_name,
    .lockout = {Q_lockout_get, Q_lockout_put, Q_lockout_clear},
    .session_insert = Q_session_insert,
    .session_get = Q_session_get,
    .session_seen = Q_session_seen,
    .session_delete = Q_session_delete,
    .session_purge = Q_session_purge,
};

const struct account_queries *store_account_queries(void)
{
	return &accounts;
}

int store_open(const char *path, const uint8_t recovery[SEAL_KEY_LEN], enum store_mode mode, struct store **out,
               struct err *e)
{
	*out = NULL;
	struct store *s = calloc(1, sizeof *s);
	if (!s) return err_set(e, ERR_NOMEM, "store");
	struct db_config dc = {.path = path,
	                       .mode = mode == STORE_MIGRATE ? DB_CREATE : DB_WRITE,
	                       .queries = queries,
	                       .n_queries = Q_COUNT,
	                       .cache_kib = 8192};
	int rc = db_open(&dc, &s->db, e);
	if (!rc && mode == STORE_MIGRATE) rc = db_migrate(s->db, migrations, sizeof migrations / sizeof *migrations, e);
	if (!rc) rc = db_expect_version(s->db, STORE_SCHEMA, e);
	if (!rc) rc = db_prepare_all(s->db, e);
	if (!rc) {
		s->recovery = seal_new(recovery);
		if (!s->recovery) rc = err_set(e, ERR_NOMEM, "store");
	}
	if (rc) {
		store_close(s);
		return rc;
	}
	*out = s;
	return ERR_OK;
}

void store_close(struct store *s)
{
	if (!s) return;
	catalog_free(s->catalog);
	catalog_free(s->older);
	workdays_free(s->workdays);
	pack_free(s->pack);
	seal_free(s->recovery);
	db_close(s->db);
	free(s);
}

int store_begin(struct store *s, struct err *e)
{
	return db_begin(s->db, e);
}

int store_commit(struct store *s, struct err *e)
{
	return db_commit(s->db, e);
}

void store_rollback(struct store *s)
{
	db_rollback(s->db);
}

/* --- stations --- */

static int open_key(struct store *s, struct db_stmt *q, int col, const char *code, uint8_t out[SEAL_KEY_LEN],
                    struct err *e)
{
	size_t n;
	const void *p = db_blob(q, col, &n);
	if (!p || n != SEAL_KEY_LEN + SEAL_OVERHEAD || seal_open(s->recovery, code, strlen(code), p, n, out))
		return err_set(e, ERR_CORRUPT, "a key of station %s does not open: is the recovery key the right one?",
		               code);
	return ERR_OK;
}

void store_derive_key(const uint8_t recovery[SEAL_KEY_LEN], const char *code, uint8_t out[EVENT_KEY_LEN])
{
	char label[64];
	(void)snprintf(label, sizeof label, "xinke station key %s", code);
	digest_hkdf(recovery, SEAL_KEY_LEN, label, out, EVENT_KEY_LEN);
}

int store_station(struct store *s, const char *code, struct store_station *st, struct err *e)
{
	char tier[16];
	*st = (struct store_station){0};
	struct db_stmt *q = db_query(s->db, Q_station_get, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "code", code);
	int r = db_step(q, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_NOTFOUND, "no such station");
	db_copy_text(q, 0, st->code, sizeof st->code);
	db_copy_text(q, 1, st->name, sizeof st->name);
	db_copy_text(q, 2, st->title, sizeof st->title);
	db_copy_text(q, 3, tier, sizeof tier);
	db_copy_text(q, 4, st->township, sizeof st->township);
	(void)tier_parse(tier, &st->tier);
	st->has_key = !db_is_null(q, 5);
	int rc = st->has_key ? open_key(s, q, 5, st->code, st->station_key, e) : ERR_OK;
	st->box_used = (int)db_int(q, 7);
	st->feed.seq = db_int(q, 8);
	(void)db_copy_blob(q, 9, st->feed.hash, DIGEST_LEN);
	db_reset(q);
	return rc;
}

int store_station_put(struct store *s, const struct store_station *st, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_station_put, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "code", st->code);
	db_bind_text(q, "name", st->name);
	db_bind_text(q, "title", st->title);
	db_bind_text(q, "tier", tier_name(st->tier));
	db_bind_text(q, "township", st->township);
	return db_run(q, e);
}

static int put_keys(struct store *s, const char *code, const uint8_t *station_key, const uint8_t *field_key,
                    struct err *e)
{
	uint8_t a[SEAL_KEY_LEN + SEAL_OVERHEAD], b[SEAL_KEY_LEN + SEAL_OVERHEAD];
	if (seal_close(s->recovery, code, strlen(code), station_key, EVENT_KEY_LEN, a) ||
	    (field_key && seal_close(s->recovery, code, strlen(code), field_key, SEAL_KEY_LEN, b)))
		return err_set(e, ERR_IO, "sealing the keys of %s", code);
	struct db_stmt *q = db_query(s->db, Q_station_keys, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "code", code);
	db_bind_blob(q, "station_key", a, sizeof a);
	db_bind_blob(q, "field_key", field_key ? b : NULL, sizeof b);
	return db_run(q, e);
}

int store_station_keys(struct store *s, const char *code, const uint8_t *station_key, const uint8_t *field_key,
                       struct err *e)
{
	return put_keys(s, code, station_key, field_key, e);
}

int store_station_key(struct store *s, const char *code, const uint8_t *station_key, struct err *e)
{
	return put_keys(s, code, station_key, NULL, e);
}

int store_field_key(struct store *s, const char *code, uint8_t out[SEAL_KEY_LEN], struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_station_get, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "code", code);
	int r = db_step(q, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_NOTFOUND, "no such station");
	int rc = open_key(s, q, 6, code, out, e);
	db_reset(q);
	return rc;
}

int store_next_box(struct store *s, const char *code, int *box, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_station_box, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "code", code);
	int r = db_step(q, e);
	if (r < 0) return -r;
	if (r == 0) return err_set(e, ERR_CONFLICT, "station %s has used all %d box numbers", code, BOX_MAX);
	*box = (int)db_int(q, 0);
	return db_run(q, e);
}

/* --- logs --- */

static const char *const states[] = {"active", "retired", "revoked"};

const char *log_state_name(enum log_state st)
{
	return states[st];
}

static enum log_state parse_state(const char *t)
{
	return t && strcmp(t, "active") == 0 ? LOG_ACTIVE : t && strcmp(t, "retired") == 0 ? LOG_RETIRED : LOG_REVOKED;
}

int store_log(struct store *s, const uint8_t log[UUID_LEN], struct store_log *l, struct err *e)
{
	*l = (struct store_log){0};
	struct db_stmt *q = db_query(s->db, Q_log_get, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "log", log, UUID_LEN);
	int r = db_step(q, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_NOTFOUND, "no such log");
	memcpy(l->log, log, UUID_LEN);
	db_copy_text(q, 0, l->station, sizeof l->station);
	l->box = (int)db_int(q, 1);
	l->state = parse_state(db_text(q, 2));
	l->head.seq = db_int(q, 3);
	(void)db_copy_blob(q, 4, l->head.hash, DIGEST_LEN);
	l->not_after = db_int(q, 5);
	db_reset(q);
	return ERR_OK;
}

int store_log_of_cert(struct store *s, const uint8_t fingerprint[DIGEST_LEN], struct store_log *l, struct err *e)
{
	uint8_t log[UUID_LEN];
	struct db_stmt *q = db_query(s->db, Q_log_by_fingerprint, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "fingerprint", fingerprint, DIGEST_LEN);
	int r = db_step(q, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_NOTFOUND, "no log has this certificate");
	bool ok = db_copy_blob(q, 0, log, UUID_LEN);
	db_reset(q);
	return ok ? store_log(s, log, l, e) : err_set(e, ERR_CORRUPT, "a log has a bad id");
}

int store_log_insert(struct store *s, const struct store_log *l, int64_t now, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_log_insert, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "log", l->log, UUID_LEN);
	db_bind_text(q, "station", l->station);
	db_bind_int(q, "box", l->box);
	db_bind_int(q, "not_after", l->not_after);
	db_bind_int(q, "at", now);
	return db_run(q, e);
}

int store_log_certificate(struct store *s, const uint8_t log[UUID_LEN], const uint8_t fingerprint[DIGEST_LEN],
                          int64_t not_after, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_certificate_put, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "fingerprint", fingerprint, DIGEST_LEN);
	db_bind_blob(q, "log", log, UUID_LEN);
	int rc = db_run(q, e);
	q = rc ? NULL : db_query(s->db, Q_log_not_after, e);
	if (!q) return rc ? rc : (int)ERR_IO;
	db_bind_blob(q, "log", log, UUID_LEN);
	db_bind_int(q, "not_after", not_after);
	return db_run(q, e);
}

int store_log_has(struct store *s, const uint8_t log[UUID_LEN], const uint8_t fingerprint[DIGEST_LEN], bool *yes,
                  struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_certificate_has, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "fingerprint", fingerprint, DIGEST_LEN);
	db_bind_blob(q, "log", log, UUID_LEN);
	int r = db_step(q, e);
	*yes = r > 0;
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

int store_log_head(struct store *s, const uint8_t log[UUID_LEN], const struct wire_mark *head, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_log_head, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "log", log, UUID_LEN);
	db_bind_int(q, "seq", head->seq);
	db_bind_blob(q, "hash", head->hash, DIGEST_LEN);
	return db_run(q, e);
}

int store_log_state(struct store *s, const uint8_t log[UUID_LEN], enum log_state st, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_log_state, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "log", log, UUID_LEN);
	db_bind_text(q, "state", states[st]);
	int rc = db_run(q, e);
	if (!rc && db_changes(s->db) == 0) rc = err_set(e, ERR_NOTFOUND, "no such log");
	return rc;
}

/* --- box numbers --- */

int store_grant(struct store *s, const char *station, const uint8_t fingerprint[DIGEST_LEN], int *box, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_grant_open, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "fingerprint", fingerprint, DIGEST_LEN);
	int r = db_step(q, e);
	*box = r > 0 ? (int)db_int(q, 0) : 0;
	db_reset(q);
	if (r) return r < 0 ? -r : ERR_OK;
	int rc = store_next_box(s, station, box, e);
	q = rc ? NULL : db_query(s->db, Q_grant_put, e);
	if (!q) return rc ? rc : (int)ERR_IO;
	db_bind_text(q, "station", station);
	db_bind_int(q, "box", *box);
	db_bind_blob(q, "fingerprint", fingerprint, DIGEST_LEN);
	return db_run(q, e);
}

int store_grant_get(struct store *s, const char *station, int box, const uint8_t fingerprint[DIGEST_LEN], bool *granted,
                    bool *open, struct err *e)
{
	size_t n;
	struct db_stmt *q = db_query(s->db, Q_grant_get, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", station);
	db_bind_int(q, "box", box);
	int r = db_step(q, e);
	const void *f = r > 0 ? db_blob(q, 1, &n) : NULL;
	*granted = f && n == DIGEST_LEN && memcmp(f, fingerprint, n) == 0;
	*open = *granted && db_is_null(q, 0);
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

int store_grant_use(struct store *s, const char *station, int box, const uint8_t log[UUID_LEN], struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_grant_use, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", station);
	db_bind_int(q, "box", box);
	db_bind_blob(q, "log", log, UUID_LEN);
	return db_run(q, e);
}

int store_box_used(struct store *s, const char *code, int box, int gap, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_log_max_box, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", code);
	int r = db_step(q, e);
	int used = r > 0 ? (int)db_int(q, 0) : 0;
	db_reset(q);
	if (r < 0) return -r;
	if (used < box) used = box;
	used = used + gap > BOX_MAX - 1 ? BOX_MAX - 1 : used + gap; /* the last is kept for need */
	q = db_query(s->db, Q_station_box_raise, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "code", code);
	db_bind_int(q, "box", used > box ? used : box);
	return db_run(q, e);
}

/* --- things --- */

int store_thing(struct store *s, const char *kind, json_t **out, int64_t *version, struct err *e)
{
	*out = NULL;
	struct db_stmt *q = db_query(s->db, Q_thing_latest, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "kind", kind);
	int r = db_step(q, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_NOTFOUND, "no %s was imported", kind);
	*version = db_int(q, 0);
	const char *doc = db_text(q, 1);
	int rc = json_parse_strict(doc ? doc : "", doc ? strlen(doc) : 0, LIMIT_DEPTH, out, e);
	db_reset(q);
	return rc;
}

int store_thing_put(struct store *s, const char *kind, int64_t version, const char *doc, int64_t now, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_thing_put, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "kind", kind);
	db_bind_int(q, "version", version);
	db_bind_text(q, "doc", doc);
	db_bind_int(q, "at", now);
	return db_run(q, e);
}

static int latest_version(struct store *s, const char *kind, int64_t *version, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_thing_latest, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "kind", kind);
	int r = db_step(q, e);
	*version = r > 0 ? db_int(q, 0) : 0;
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

int store_catalog(struct store *s, struct catalog **out, struct err *e)
{
	int64_t version = 0;
	json_t *doc = NULL;
	struct catalog *fresh = NULL;
	int rc = latest_version(s, "catalog", &version, e);
	if (rc) return rc;
	if (!s->catalog || version != s->catalog_version) {
		rc = store_thing(s, "catalog", &doc, &version, e);
		if (!rc) rc = catalog_new(doc, &fresh, e);
		json_decref(doc);
		if (rc) return rc;
		catalog_free(s->catalog);
		s->catalog = fresh;
		s->catalog_version = version;
	}
	*out = s->catalog;
	return ERR_OK;
}

int store_workdays(struct store *s, const struct workdays **out, struct err *e)
{
	int64_t version = 0;
	json_t *doc = NULL;
	struct workdays *fresh = NULL;
	int rc = latest_version(s, "calendar", &version, e);
	if (!rc && (!s->workdays || version != s->calendar_version)) {
		rc = store_thing(s, "calendar", &doc, &version, e);
		if (!rc) rc = workdays_new(doc, &fresh, e);
		json_decref(doc);
		if (rc) return rc;
		workdays_free(s->workdays);
		s->workdays = fresh;
		s->calendar_version = version;
	}
	*out = rc ? NULL : s->workdays;
	return rc;
}

int store_catalog_at(struct store *s, int64_t version, struct catalog **out, struct err *e)
{
	json_t *doc = NULL;
	struct catalog *fresh = NULL;
	int rc = store_catalog(s, out, e);
	if (rc || version == s->catalog_version) return rc;
	if (s->older && catalog_version(s->older) == version) {
		*out = s->older;
		return ERR_OK;
	}
	struct db_stmt *q = db_query(s->db, Q_thing_get, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "kind", "catalog");
	db_bind_int(q, "version", version);
	int r = db_step(q, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_NOTFOUND, "no catalog %lld", (long long)version);
	const char *text = db_text(q, 0);
	rc = json_parse_strict(text ? text : "", text ? strlen(text) : 0, LIMIT_DEPTH, &doc, e);
	db_reset(q);
	if (!rc) rc = catalog_new(doc, &fresh, e);
	json_decref(doc);
	if (rc) return rc;
	catalog_free(s->older);
	s->older = *out = fresh;
	return ERR_OK;
}

int store_alarm(struct store *s, const char *station, const char *kind, int64_t now, struct err *e, const char *fmt,
                ...)
{
	char detail[ALARM_MAX];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	size_t n = strlen(detail);
	while (n && !text_utf8_valid(detail, n)) /* cut inside a character */
		detail[--n] = '\0';
	struct db_stmt *q = db_query(s->db, Q_alarm_insert, e);
	if (!q) return ERR_IO;
	db_bind_int(q, "at", now);
	db_bind_text(q, "station", station);
	db_bind_text(q, "kind", kind);
	db_bind_text(q, "detail", detail);
	return db_run(q, e);
}
