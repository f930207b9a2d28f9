/* See casefile.h. Called by the exchange for what boxes send and by the API for what departments decide. */
#include "sync/county/blobs.h"
#include "sync/county/casefile_internal.h"
#include "sync/county/dues.h"

#include "shared/body.h"
#include "shared/canon.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/limits.h"
#include "shared/mutant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void casefile_init(struct casefile *f, struct store *s)
{
	*f = (struct casefile){.store = s};
}

bool casefile_is_station(const char *office)
{
	return strlen(office) == 12 && strspn(office, "0123456789") == 12;
}

int casefile_has_box(struct store *s, const char *holder, bool *yes, struct err *e)
{
	*yes = false;
	if (!casefile_is_station(holder)) return ERR_OK;
	struct db_stmt *q = db_query(s->db, Q_station_active, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", holder);
	int r = db_step(q, e);
	*yes = r > 0;
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

void casefile_drop(struct casefile *f)
{
	if (f->loaded) caseview_release(&f->view);
	f->loaded = f->dirty = false;
}

int casefile_row(struct db_stmt *q, struct caseview *v, struct err *e)
{
	size_t n;
	uint8_t id[UUID_LEN] = {0};
	const void *p = db_blob(q, 0, &n);
	if (p && n == UUID_LEN) memcpy(id, p, n);
	caseview_init(v, id);
	v->exists = true;
	db_copy_text(q, 1, v->receipt, sizeof v->receipt);
	db_copy_text(q, 2, v->station, sizeof v->station);
	db_copy_text(q, 3, v->item, sizeof v->item);
	const char *state = db_text(q, 5);
	if (!state || !state_parse(state, &v->state)) return err_set(e, ERR_CORRUPT, "a case has an unknown state");
	db_copy_text(q, 6, v->holder, sizeof v->holder);
	v->received_at = db_int(q, 7);
	v->updated_at = db_int(q, 8);
	v->revision = db_int(q, 9);
	const char *doc = db_text(q, 10);
	return caseview_load_doc(v, doc ? doc : "", doc ? strlen(doc) : 0, e);
}

static int place_of(struct store *s, const uint8_t id[UUID_LEN], int64_t *place, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_event_place, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "case_id", id, UUID_LEN);
	int r = db_step(q, e);
	*place = r > 0 ? db_int(q, 0) : 1;
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

int casefile_load(struct casefile *f, const uint8_t case_id[UUID_LEN], struct err *e)
{
	if (f->loaded && memcmp(f->view.id, case_id, UUID_LEN) == 0) return ERR_OK;
	int rc = casefile_flush(f, e);
	if (rc) return rc;
	rc = place_of(f->store, case_id, &f->next_place, e);
	if (rc) return rc;
	caseview_init(&f->view, case_id);
	f->department[0] = '\0';
	f->loaded = true;
	if (f->next_place == 1) return ERR_OK; /* nothing was ever stored of it */
	struct db_stmt *q = db_query(f->store->db, Q_case_get, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "id", case_id, UUID_LEN);
	int r = db_step(q, e);
	if (r <= 0) return -r;
	db_copy_text(q, 4, f->department, sizeof f->department);
	rc = casefile_row(q, &f->view, e);
	db_reset(q);
	return rc;
}

static int write_case(struct casefile *f, struct err *e)
{
	const struct caseview *v = &f->view;
	uint8_t token[DIGEST_LEN];
	struct buf doc;
	buf_init(&doc, LIMIT_EXCHANGE);
	digest_sha256(v->token, strlen(v->token), token);
	struct due due = {0};
	int rc = caseview_doc(v, &doc, e);
	if (!rc) rc = dues_of(f->store, v, &due, e);
	struct db_stmt *q = rc ? NULL : db_query(f->store->db, Q_case_put, e);
	if (q) {
		db_bind_blob(q, "id", v->id, UUID_LEN);
		db_bind_text(q, "receipt", v->receipt);
		db_bind_text(q, "station", v->station);
		db_bind_text(q, "item", v->item);
		db_bind_text(q, "department", f->department);
		db_bind_text(q, "state", state_name(v->state));
		db_bind_text(q, "holder", v->holder);
		db_bind_int(q, "received_at", v->received_at);
		db_bind_int(q, "updated_at", v->updated_at);
		db_bind_int(q, "revision", v->revision);
		db_bind_blob(q, "token", token, sizeof token);
		db_bind_text(q, "doc", doc.data);
		dues_bind(q, &due);
		rc = db_run(q, e);
	} else if (!rc) {
		rc = ERR_IO;
	}
	buf_release(&doc);
	return rc;
}

bool casefile_held_notes(const char *office, const char *department)
{
	return !casefile_is_station(office) && strcmp(office, EVENT_COUNTY) != 0 && strcmp(office, department) != 0;
}

/* A department that the case came to, and whose item it is not, goes on seeing it. */
static int note_held(struct casefile *f, struct err *e)
{
	const char *to = f->view.holder;
	if (!casefile_held_notes(to, f->department)) return ERR_OK;
	struct db_stmt *q = db_query(f->store->db, Q_held_put, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "office", to);
	db_bind_int(q, "received_at", f->view.received_at);
	db_bind_blob(q, "case_id", f->view.id, UUID_LEN);
	return db_run(q, e);
}

/* Whoever holds the paper with the number before finds the case by it. */
static int note_aliases(struct casefile *f, struct err *e)
{
	size_t i;
	json_t *one;
	int rc = ERR_OK;
	json_array_foreach(json_object_get(f->view.doc, "aliases"), i, one) {
		struct db_stmt *q = rc ? NULL : db_query(f->store->db, Q_alias_put, e);
		if (!q) return rc ? rc : (int)ERR_IO;
		db_bind_text(q, "receipt", json_string_value(one));
		db_bind_blob(q, "case_id", f->view.id, UUID_LEN);
		rc = db_run(q, e);
	}
	return rc;
}

int casefile_flush(struct casefile *f, struct err *e)
{
	bool writes = f->loaded && f->dirty && f->view.exists;
	int rc = writes ? write_case(f, e) : ERR_OK;
	if (writes && !rc) rc = note_aliases(f, e);
	if (writes && !rc) rc = blobs_of_case(f->store, &f->view, e);
	casefile_drop(f);
	return rc;
}

int casefile_get(struct store *s, const uint8_t case_id[UUID_LEN], struct caseview *out, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_case_get, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "id", case_id, UUID_LEN);
	int r = db_step(q, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_NOTFOUND, "no such case");
	int rc = casefile_row(q, out, e);
	db_reset(q);
	return rc;
}

int casefile_by_token(struct store *s, const char *token, struct caseview *out, struct err *e)
{
	uint8_t hash[DIGEST_LEN];
	if (!*token) return err_set(e, ERR_NOTFOUND, "no token"); /* entries of registers have none */
	digest_sha256(token, strlen(token), hash);
	struct db_stmt *q = db_query(s->db, Q_case_by_token, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "token", hash, sizeof hash);
	int r = db_step(q, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_NOTFOUND, "no such token");
	int rc = casefile_row(q, out, e);
	db_reset(q);
	return rc;
}

int casefile_insert(struct casefile *f, const char *station, const struct event *ev, int64_t now,
                    const struct verdict *v, struct err *e)
{
	struct db_stmt *q = db_query(f->store->db, Q_event_insert, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", station);
	db_bind_blob(q, "id", ev->id, UUID_LEN);
	db_bind_blob(q, "log", ev->seq ? ev->log : NULL, UUID_LEN);
	db_bind_int(q, "seq", ev->seq);
	db_bind_blob(q, "case_id", ev->has_case ? ev->case_id : NULL, UUID_LEN);
	db_bind_int(q, "place", ev->has_case ? f->next_place : 0);
	db_bind_text(q, "type", ev->type);
	db_bind_int(q, "at", ev->at);
	db_bind_int(q, "clock", ev->quality);
	db_bind_text(q, "boot", ev->boot);
	db_bind_int(q, "mono", ev->mono);
	db_bind_text(q, "actor", ev->actor);
	db_bind_text(q, "device", ev->device);
	db_bind_text(q, "body", ev->body);
	db_bind_blob(q, "mac", ev->mac, DIGEST_LEN);
	db_bind_int(q, "received_at", now);
	db_bind_text(q, "code", *v->code ? v->code : NULL);
	db_bind_text(q, "pointer", *v->code ? v->pointer : NULL);
	db_bind_text(q, "message", *v->code ? v->message : NULL);
	return db_run(q, e);
}

/* Has this id come before? 1 = yes, V is its verdict; 0 = no. */
static int seen_before(struct store *s, const char *station, const struct event *ev, struct verdict *v, struct err *e)
{
	size_t n;
	struct db_stmt *q = db_query(s->db, Q_event_get, e);
	if (!q) return -(int)ERR_IO;
	db_bind_text(q, "station", station);
	db_bind_blob(q, "id", ev->id, UUID_LEN);
	int r = db_step(q, e);
	if (r <= 0) return r;
	const void *mac = db_blob(q, 0, &n);
	bool same = n == DIGEST_LEN && memcmp(mac, ev->mac, DIGEST_LEN) == 0 && db_int(q, 6) == ev->at;
	if (!MUTANT(id_not_checked, same, true)) {
		casefile_refuse(v, "id_reused", "", "this id was used for another event");
	} else if (!db_is_null(q, 1)) {
		db_copy_text(q, 1, v->code, sizeof v->code);
		db_copy_text(q, 2, v->pointer, sizeof v->pointer);
		db_copy_text(q, 3, v->message, sizeof v->message);
	}
	db_reset(q);
	return 1;
}

int casefile_placed(struct casefile *f, const struct event *ev, const char *origin, bool settled, struct err *e)
{
	struct feed_event fe = {.case_id = ev->case_id,
	                        .id = ev->id,
	                        .type = ev->type,
	                        .at = ev->at,
	                        .actor = ev->actor,
	                        .origin = origin,
	                        .body = ev->body};
	f->view.revision = f->next_place++; /* by its place, so that a batch's cut does not matter */
	f->dirty = true;
	if (!settled) return ERR_OK;
	int rc = strcmp(ev->type, "forward") == 0 ? note_held(f, e) : ERR_OK;
	return rc ? rc : casefile_route(f, &fe, e);
}

static int take_of_case(struct casefile *f, const struct store_station *st, const struct event *ev, int64_t now,
                        struct verdict *out, struct err *e)
{
	uint8_t mends[UUID_LEN];
	struct event stored = *ev; /* borrows */
	json_t *body = event_body(ev);
	/* want of memory is no erased body: the batch is taken another time, nothing is refused for it */
	int rc = ev->body && !body ? err_set(e, ERR_NOMEM, "event body") : ERR_OK;
	if (!rc) rc = casefile_load(f, ev->case_id, e);
	if (!rc) rc = casefile_judge(f, st, ev, body, out, e);
	if (!rc && f->view.state == STATE_ERASED) stored.body = NULL; /* what comes late is not kept either */
	if (!rc) rc = casefile_insert(f, st->code, &stored, now, out, e);
	if (!rc) rc = casefile_placed(f, ev, st->code, !*out->code, e);
	out->mends = !*out->code && body_amends(body, mends);
	json_decref(body);
	return rc;
}

int casefile_take(struct casefile *f, const struct store_station *st, const struct event *ev, int64_t now,
                  struct verdict *out, struct err *e)
{
	*out = (struct verdict){0};
	int r = seen_before(f->store, st->code, ev, out, e);
	if (r) return r < 0 ? -r : ERR_OK;
	if (ev->has_case) return take_of_case(f, st, ev, now, out, e);
	int rc = casefile_judge_caseless(ev, out, e);
	return rc ? rc : casefile_insert(f, st->code, ev, now, out, e);
}

/* --- the county's own --- */

int casefile_act(struct casefile *f, const struct event *ev, const json_t *body, int64_t now, struct problem *p,
                 struct err *e)
{
	static const struct verdict settled;
	const struct state_row *row = NULL;
	enum case_event type;
	int rc = casefile_load(f, ev->case_id, e);
	if (rc) return rc;
	enum caseview_fit fit = state_event_parse(ev->type, &type) ? caseview_there(&f->view, type) : FIT_UNKNOWN;
	if (fit == FIT_NO_CASE) return err_set(e, ERR_NOTFOUND, "no such case");
	if (fit == FIT_OK) fit = caseview_may(&f->view, type, EVENT_COUNTY, &row);
	struct caseview_event ce = {
	    .type = ev->type, .body = body, .origin = EVENT_COUNTY, .actor = ev->actor, .at = ev->at};
	if (fit == FIT_OK) fit = caseview_apply(&f->view, &ce, &rc);
	if (rc) return err_set(e, (enum err_code)rc, "case view");
	if (fit == FIT_STALE) problem_field(p, "/body/old", "stale", "is not what stands there now");
	if (fit != FIT_OK) {
		problem_set(p, PROBLEM_TRANSITION, "%s in state %s", ev->type, state_name(f->view.state));
		return ERR_OK;
	}
	rc = casefile_insert(f, EVENT_COUNTY, ev, now, &settled, e);
	return rc ? rc : casefile_placed(f, ev, EVENT_COUNTY, true, e);
}
