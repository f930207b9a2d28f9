/* See casefile.h. Called by the exchange for what boxes send and by the API for what departments decide. */
#include "sync/county/casefile.h"

#include "shared/body.h"
#include "shared/canon.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/limits.h"
#include "shared/receipt.h"
#include "sync/county/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELD "held" /* stored, not judged: a type that this release does not know */

void casefile_init(struct casefile *f, struct store *s)
{
	*f = (struct casefile){.store = s};
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
	int rc = caseview_doc(v, &doc, e);
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
		rc = db_run(q, e);
	} else if (!rc) {
		rc = ERR_IO;
	}
	buf_release(&doc);
	return rc;
}

int casefile_flush(struct casefile *f, struct err *e)
{
	int rc = f->loaded && f->dirty && f->view.exists ? write_case(f, e) : ERR_OK;
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

/* --- routing --- */

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

static bool is_station(const char *office)
{
	return strlen(office) == 12 && strspn(office, "0123456789") == 12;
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
	for (int i = 0; i < n && !rc; i++)
		if (strcmp(to[i], fe->origin) != 0) rc = feed_put_event(f->store, to[i], fe, e);
	return rc;
}

static int after_apply(struct casefile *f, const struct feed_event *fe, struct err *e)
{
	const char *holder = f->view.holder;
	bool known = false;
	int rc = strcmp(fe->type, "receive") == 0 ? follow(f->store, f->view.id, f->view.station, e) : route(f, fe, e);
	if (rc || !is_station(holder)) return rc;
	rc = follows(f->store, f->view.id, holder, &known, e);
	if (rc || known) return rc;
	rc = send_history(f, holder, e);
	return rc ? rc : follow(f->store, f->view.id, holder, e);
}

/* --- storing --- */

static int insert_event(struct store *s, const char *station, const struct event *ev, int64_t place, int64_t now,
                        const struct verdict *v, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_event_insert, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", station);
	db_bind_blob(q, "id", ev->id, UUID_LEN);
	db_bind_blob(q, "log", ev->seq ? ev->log : NULL, UUID_LEN);
	db_bind_int(q, "seq", ev->seq);
	db_bind_blob(q, "case_id", ev->has_case ? ev->case_id : NULL, UUID_LEN);
	db_bind_int(q, "place", place);
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

/* --- judging --- */

static void refuse(struct verdict *v, const char *code, const char *pointer, const char *message)
{
	(void)snprintf(v->code, sizeof v->code, "%s", code);
	(void)snprintf(v->pointer, sizeof v->pointer, "%s", pointer);
	(void)snprintf(v->message, sizeof v->message, "%s", message);
}

static void refuse_body(struct verdict *v, const struct problem *p)
{
	const json_t *first = json_array_get(p->errors, 0);
	refuse(v, "body", fields_text(first, "pointer"), fields_text(first, "message"));
}

/* What only a registration is asked: item, level, receipt number. */
static int judge_receive(struct casefile *f, const struct store_station *st, int box, const json_t *body,
                         struct verdict *v, struct err *e)
{
	struct catalog *cat = NULL;
	struct receipt r;
	int rc = store_catalog(f->store, &cat, e);
	if (rc) return rc;
	const struct catalog_item *item = catalog_find(cat, fields_text(body, "item"));
	if (!item) {
		refuse(v, "item_unknown", "/item", "no such item in the catalog");
	} else if (item->offers[st->tier] == OFFER_NONE) {
		refuse(v, "item_not_offered", "/item", "this station's level does not offer the item");
	} else if (!receipt_parse(fields_text(body, "receipt_number"), &r) || strcmp(r.station, st->code) != 0) {
		refuse(v, "receipt_number", "/receipt_number", "not a number of this station");
	} else if (r.box != box) {
		/* re-appended from a left log: the number keeps the old box, which was this station's too */
		if (r.box > st->box_used)
			refuse(v, "receipt_number", "/receipt_number", "a box number that was never granted");
	}
	if (item) (void)snprintf(f->department, sizeof f->department, "%s", item->department);
	return ERR_OK;
}

static int refused_before(struct casefile *f, const char *station, bool *yes, struct err *e)
{
	struct db_stmt *q = db_query(f->store->db, Q_event_refused_of_case, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "case_id", f->view.id, UUID_LEN);
	db_bind_text(q, "station", station);
	int r = db_step(q, e);
	*yes = r > 0;
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

static int level_of(struct casefile *f, enum tier tier, enum offer *out, struct err *e)
{
	struct catalog *cat = NULL;
	int rc = store_catalog(f->store, &cat, e);
	if (rc) return rc;
	const struct catalog_item *item = catalog_find(cat, f->view.item);
	*out = item ? item->offers[tier] : OFFER_NONE;
	return ERR_OK;
}

static int judge_fit(struct casefile *f, const struct store_station *st, enum case_event type, const struct event *ev,
                     const json_t *body, struct verdict *v, struct err *e)
{
	const struct state_row *row = NULL;
	enum offer offer = OFFER_NONE;
	struct caseview_event ce = {
	    .type = ev->type, .body = body, .origin = st->code, .actor = ev->actor, .at = ev->at};
	int rc = ERR_OK;
	bool before = false;
	enum caseview_fit fit = type != EVENT_RECEIVE && !f->view.exists ? FIT_NO_CASE
	                        : type == EVENT_RECEIVE && f->view.exists
	                            ? FIT_EXISTS
	                            : caseview_may(&f->view, type, st->code, &row);
	if (fit == FIT_OK && type != EVENT_RECEIVE) {
		rc = level_of(f, st->tier, &offer, e);
		if (!rc && !caseview_level(row, offer)) fit = FIT_LEVEL;
	}
	if (!rc && fit == FIT_OK) fit = caseview_apply(&f->view, &ce, &rc);
	if (rc || fit == FIT_OK) return rc ? err_set(e, (enum err_code)rc, "case view") : ERR_OK;
	rc = refused_before(f, st->code, &before, e);
	refuse(v, before ? "after_refused" : caseview_fit_name(fit), "",
	       before ? "an earlier event of this case was refused" : "does not fit the case as the county has it");
	return rc;
}

static int judge(struct casefile *f, const struct store_station *st, int box, const struct event *ev,
                 const json_t *body, struct verdict *v, struct err *e)
{
	enum case_event type;
	struct problem p = {0};
	int rc = ERR_OK;
	if (!state_event_parse(ev->type, &type) || !body_known(type)) {
		refuse(v, HELD, "", "a type of a newer release");
		return ERR_OK;
	}
	if (!body) {
		refuse(v, "erased", "", "the body was erased before the county had it");
		return ERR_OK;
	}
	/* People are judged by the day of the event, so that a late arrival is not judged otherwise than at the window. */
	if (!body_check(type, body, ev->at, &p))
		refuse_body(v, &p);
	else if (type == EVENT_RECEIVE)
		rc = judge_receive(f, st, box, body, v, e);
	problem_release(&p);
	return rc || *v->code ? rc : judge_fit(f, st, type, ev, body, v, e);
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
	if (n != DIGEST_LEN || memcmp(mac, ev->mac, DIGEST_LEN) != 0) {
		refuse(v, "id_reused", "", "this id was used for another event");
	} else if (!db_is_null(q, 1)) {
		db_copy_text(q, 1, v->code, sizeof v->code);
		db_copy_text(q, 2, v->pointer, sizeof v->pointer);
		db_copy_text(q, 3, v->message, sizeof v->message);
	}
	db_reset(q);
	return 1;
}

static int apply_counted(struct casefile *f, const struct feed_event *fe, bool settled, struct err *e)
{
	f->view.revision = f->next_place++; /* by its place, so that a batch's cut does not matter */
	f->dirty = true;
	return settled ? after_apply(f, fe, e) : ERR_OK;
}

int casefile_take(struct casefile *f, const struct store_station *st, int box, const struct event *ev, int64_t now,
                  struct verdict *out, struct err *e)
{
	*out = (struct verdict){0};
	int r = seen_before(f->store, st->code, ev, out, e);
	if (r) return r < 0 ? -r : ERR_OK;
	if (!ev->has_case) return insert_event(f->store, st->code, ev, 0, now, out, e);
	json_t *body = event_body(ev);
	/* want of memory is no erased body: the batch is taken another time, nothing is refused for it */
	int rc = ev->body && !body ? err_set(e, ERR_NOMEM, "event body") : ERR_OK;
	if (!rc) rc = casefile_load(f, ev->case_id, e);
	if (!rc) rc = judge(f, st, box, ev, body, out, e);
	if (!rc) rc = insert_event(f->store, st->code, ev, f->next_place, now, out, e);
	if (!rc) {
		struct feed_event fe = {.case_id = ev->case_id,
		                        .id = ev->id,
		                        .type = ev->type,
		                        .at = ev->at,
		                        .actor = ev->actor,
		                        .origin = st->code,
		                        .body = ev->body};
		rc = apply_counted(f, &fe, !*out->code, e);
	}
	json_decref(body);
	return rc;
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
	if (!f->view.exists) return err_set(e, ERR_NOTFOUND, "no such case");
	enum caseview_fit fit =
	    state_event_parse(ev->type, &type) ? caseview_may(&f->view, type, EVENT_COUNTY, &row) : FIT_UNKNOWN;
	struct caseview_event ce = {
	    .type = ev->type, .body = body, .origin = EVENT_COUNTY, .actor = ev->actor, .at = ev->at};
	if (fit == FIT_OK) fit = caseview_apply(&f->view, &ce, &rc);
	if (rc) return err_set(e, (enum err_code)rc, "case view");
	if (fit == FIT_STALE) problem_field(p, "/body/old", "stale", "is not what stands there now");
	if (fit != FIT_OK) {
		problem_set(p, PROBLEM_TRANSITION, "%s in state %s", ev->type, state_name(f->view.state));
		return ERR_OK;
	}
	rc = insert_event(f->store, EVENT_COUNTY, ev, f->next_place, now, &settled, e);
	if (rc) return rc;
	struct feed_event fe = {.case_id = ev->case_id,
	                        .id = ev->id,
	                        .type = ev->type,
	                        .at = ev->at,
	                        .actor = ev->actor,
	                        .origin = EVENT_COUNTY,
	                        .body = ev->body};
	return apply_counted(f, &fe, true, e);
}
