/* See erase.h. */
#include "sync/county/erase.h"

#include "shared/canon.h"
#include "shared/feed.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/limits.h"
#include "shared/registers.h"
#include "shared/retention.h"
#include "sync/county/casefile_internal.h"
#include "sync/county/sweep.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH (LIMIT_DEPTH + 4)
#define NTH   1003 /* of the ids that are derived from a case's own: far above what a call appends */

/* --- feeds --- */

/* The entry with the body's mac under the receiver's key in its place, as it is hashed; *OUT is empty where there is no body. */
static int strip(const char *text, const struct store_station *st, struct buf *out, struct err *e)
{
	json_t *entry = NULL;
	bool gone = false;
	int rc = json_parse_strict(text, strlen(text), DEPTH, &entry, e);
	if (!rc) rc = feed_strip(entry, st->station_key, &gone, e);
	if (!rc && gone) rc = canon_write(entry, out, e);
	json_decref(entry);
	return rc;
}

struct entry {
	int64_t row;
	char station[13];
	char *text; /* owned */
};

static int next_entry(struct store *s, const char *case_id, struct entry *at, bool *found, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_feed_of_case, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "case_id", case_id);
	db_bind_int(q, "after", at->row);
	int r = db_step(q, e);
	*found = r > 0;
	if (r <= 0) return -r;
	const char *t = db_text(q, 2);
	at->row = db_int(q, 0);
	db_copy_text(q, 1, at->station, sizeof at->station);
	at->text = strdup(t ? t : "");
	db_reset(q);
	return at->text ? ERR_OK : err_set(e, ERR_NOMEM, "erase");
}

static int strip_entry(struct store *s, const struct entry *at, struct err *e)
{
	struct store_station st;
	struct buf b;
	buf_init(&b, LIMIT_EXCHANGE);
	int rc = store_station(s, at->station, &st, e);
	if (!rc) rc = strip(at->text, &st, &b, e);
	explicit_bzero(&st, sizeof st);
	struct db_stmt *q = !rc && b.len ? db_query(s->db, Q_feed_strip, e) : NULL;
	if (q) {
		db_bind_int(q, "row", at->row);
		db_bind_text(q, "entry", b.data);
		rc = db_run(q, e);
	} else if (!rc && b.len) {
		rc = ERR_IO;
	}
	buf_release(&b);
	return rc;
}

static int strip_feeds(struct store *s, const char *case_id, struct err *e)
{
	struct entry at = {0};
	bool found = true;
	int rc = ERR_OK;
	while (!rc && found) {
		rc = next_entry(s, case_id, &at, &found, e);
		if (!rc && found) rc = strip_entry(s, &at, e);
		free(at.text);
		at.text = NULL;
	}
	return rc;
}

/* --- one case --- */

/* What could not be read and came under the case's id lies in quarantine as it came. */
static int empty_quarantine(struct store *s, const char *case_id, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_quarantine_erase, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "case_id", case_id);
	return db_run(q, e);
}

static int erase_events(struct store *s, const uint8_t id[UUID_LEN], struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_events_erase, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "case_id", id, UUID_LEN);
	return db_run(q, e);
}

static int erase_held(struct store *s, const struct caseview *v, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_held_erase, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "case_id", v->id, UUID_LEN);
	db_bind_int(q, "received_at", v->received_at);
	return db_run(q, e);
}

int erase_case(struct casefile *f, int64_t years, const struct erase_request *asked, const char *actor,
               const uint8_t id[UUID_LEN], int64_t now, struct err *e)
{
	char case_id[UUID_TEXT];
	json_t *body = retention_body(&f->view, asked ? "request" : "term", years, asked ? asked->basis : NULL,
	                              asked ? asked->approver : NULL);
	uuid_text(f->view.id, case_id);
	int rc = casefile_own_event(f, actor, state_event_name(EVENT_ERASE), body, id, now, e);
	if (!rc) rc = erase_held(f->store, &f->view, e);
	if (!rc) rc = erase_events(f->store, f->view.id, e);
	if (!rc) rc = strip_feeds(f->store, case_id, e);
	return rc ? rc : empty_quarantine(f->store, case_id, e);
}

/* --- the program --- */

int erase_years(struct store *s, const struct caseview *v, int64_t register_years, int64_t *years, struct err *e)
{
	struct catalog *cat = NULL;
	*years = register_years;
	if (registers_is_item(v->item)) return ERR_OK;
	*years = 0;
	int rc = store_catalog(s, &cat, e);
	const struct catalog_item *item = rc ? NULL : catalog_find(cat, v->item);
	if (!rc && !item) {
		struct err none = {0};
		rc = store_catalog_at(s, fields_int(v->doc, "catalog_version", 0), &cat, &none);
		if (rc == (int)ERR_NOTFOUND) return ERR_OK;
		if (rc) return err_set(e, none.code, "%s", none.msg);
		item = catalog_find(cat, v->item);
	}
	if (item) *years = item->retention_years;
	return rc;
}

struct look {
	int64_t register_years, now;
};

static int ready(struct casefile *f, void *arg, bool *yes, struct err *e)
{
	const struct look *l = arg;
	int64_t years = 0;
	*yes = retention_ended(&f->view) != 0;
	if (!*yes) return ERR_OK;
	int rc = erase_years(f->store, &f->view, l->register_years, &years, e);
	*yes = !rc && retention_over(&f->view, years, l->now);
	return rc;
}

static int say(struct casefile *f, void *arg, struct err *e)
{
	const struct look *l = arg;
	int64_t years = 0;
	uint8_t id[UUID_LEN];
	uuid_derive(f->view.id, NTH, id);
	int rc = erase_years(f->store, &f->view, l->register_years, &years, e);
	return rc ? rc : erase_case(f, years, NULL, "system", id, l->now, e);
}

int erase_round(struct store *s, int64_t register_years, int64_t now, int *n, struct err *e)
{
	static const enum case_state ended[] = {STATE_ARCHIVED, STATE_CLOSED};
	const int64_t year = 365LL * 86400000;
	struct look l = {register_years, now};
	int rc = ERR_OK;
	*n = 0;
	for (size_t i = 0; i < sizeof ended / sizeof *ended && !rc; i++) {
		const struct sweep sw = {.query = Q_case_ended,
		                         .value = state_name(ended[i]),
		                         .before = now - year,
		                         .wants = ready,
		                         .say = say,
		                         .arg = &l};
		rc = sweep_run(s, &sw, n, e);
	}
	if (!rc && *n)
		(void)db_scrub(s->db); /* where readers are in the way, the next round's or a checkpoint takes it */
	return rc;
}
