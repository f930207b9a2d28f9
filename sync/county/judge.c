/* The county's verdict on one event of a station: is it whole, does it fit the case as the county has it, does it mend
 * what was refused. Only the county refuses. See casefile.h and sync/PROTOCOL.md, section 5. */
#include "sync/county/casefile_internal.h"

#include "shared/body.h"
#include "shared/fields.h"
#include "shared/receipt.h"
#include "shared/registers.h"
#include "shared/terms.h"
#include "shared/venue.h"

#include <stdio.h>
#include <string.h>

void casefile_refuse(struct verdict *v, const char *code, const char *pointer, const char *message)
{
	(void)snprintf(v->code, sizeof v->code, "%s", code);
	(void)snprintf(v->pointer, sizeof v->pointer, "%s", pointer);
	(void)snprintf(v->message, sizeof v->message, "%s", message);
}

static void refuse_body(struct verdict *v, const struct problem *p)
{
	const json_t *first = json_array_get(p->errors, 0);
	casefile_refuse(v, "body", fields_text(first, "pointer"), fields_text(first, "message"));
}

/* The catalog that a registration names. *CAT is NULL where this county does not have it yet. */
static int catalog_of(struct casefile *f, const json_t *body, struct catalog **cat, struct err *e)
{
	struct err none = {0};
	int rc = store_catalog_at(f->store, fields_int(body, "catalog_version", 0), cat, &none);
	if (rc == (int)ERR_NOTFOUND) {
		*cat = NULL;
		return ERR_OK;
	}
	return rc ? err_set(e, (enum err_code)rc, "%s", none.msg) : ERR_OK;
}

/* The number must be this station's and of a box that was granted here: it may be an older box's, for what is appended
 * again from a left log keeps its number. */
static bool receipt_fits(const struct store_station *st, const char *number)
{
	struct receipt r;
	return receipt_parse(number, &r) && strcmp(r.station, st->code) == 0 && r.box >= 1 && r.box <= st->box_used;
}

/* What only a registration is asked: item, level, record kind and, when it is received, receipt number. */
static int judge_registration(struct casefile *f, const struct store_station *st, const struct event *ev,
                              const json_t *body, struct verdict *v, struct err *e)
{
	struct catalog *cat = NULL;
	bool numbered = strcmp(ev->type, "receive") == 0;
	int rc = catalog_of(f, body, &cat, e);
	if (rc) return rc;
	if (!cat) {
		casefile_refuse(v, CASEFILE_HELD, "/catalog_version", "a catalog that has not arrived");
		return ERR_OK;
	}
	const struct catalog_item *item = catalog_find(cat, fields_text(body, "item"));
	if (!item)
		casefile_refuse(v, "item_unknown", "/item", "no such item in the catalog");
	else if (item->offers[st->tier] == OFFER_NONE)
		casefile_refuse(v, "item_not_offered", "/item", "this station's level does not offer the item");
	else if (strcmp(record_name(item->record), fields_text(body, "record")) != 0)
		casefile_refuse(v, "body", "/record", "not the item's kind of record");
	else if (numbered && !receipt_fits(st, fields_text(body, "receipt_number")))
		casefile_refuse(v, "receipt_number", "/receipt_number", "not a number that a box here was granted");
	if (item) (void)snprintf(f->department, sizeof f->department, "%s", item->department);
	return ERR_OK;
}

/* Another case has the number already: an undeclared copy of a box gave it out again. Both cases stay. */
static int taken_number(struct casefile *f, bool *taken, struct err *e)
{
	size_t n;
	struct db_stmt *q = db_query(f->store->db, Q_case_by_receipt, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "receipt", f->view.receipt);
	int r = db_step(q, e);
	const void *id = r > 0 ? db_blob(q, 0, &n) : NULL;
	*taken = id && n == UUID_LEN && memcmp(id, f->view.id, n) != 0;
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

static int refused_before(struct casefile *f, const char *station, bool *yes, struct err *e)
{
	struct db_stmt *q = db_query(f->store->db, Q_event_refused_of_case, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "case_id", f->view.id, UUID_LEN);
	db_bind_text(q, "station", station);
	db_bind_int(q, "place", f->below ? f->below : INT64_MAX);
	int r = db_step(q, e);
	*yes = r > 0;
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

/* Does an earlier event of the case wait for its verdict? What does not fit may fit behind it. */
static int held_before(struct casefile *f, bool *yes, struct err *e)
{
	struct db_stmt *q = db_query(f->store->db, Q_events_held_of_case, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "case_id", f->view.id, UUID_LEN);
	db_bind_int(q, "place", f->below ? f->below : INT64_MAX);
	int r = db_step(q, e);
	*yes = r > 0;
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

/* By the catalog that the case was opened under. Every level keeps registers. */
static int level_of(struct casefile *f, enum tier tier, enum offer *out, struct err *e)
{
	struct catalog *cat = NULL;
	*out = OFFER_HANDLE;
	if (registers_is_item(f->view.item)) return ERR_OK;
	int rc = store_catalog_at(f->store, fields_int(f->view.doc, "catalog_version", 0), &cat, e);
	if (rc == (int)ERR_NOTFOUND) rc = store_catalog(f->store, &cat, e);
	if (rc) return rc;
	const struct catalog_item *item = catalog_find(cat, f->view.item);
	*out = item ? item->offers[tier] : OFFER_NONE;
	return ERR_OK;
}

int casefile_terms(struct store *s, const struct caseview *v, const struct catalog_item **item,
                   const struct workdays **w, struct err *e)
{
	struct catalog *cat = NULL;
	struct err none = {0};
	int rc = store_catalog_at(s, fields_int(v->doc, "catalog_version", 0), &cat, &none);
	if (rc == (int)ERR_NOTFOUND) rc = store_catalog(s, &cat, e);
	if (!rc) rc = store_workdays(s, w, e);
	if (rc) return err_set(e, (enum err_code)rc, "%s", none.msg);
	*item = catalog_find(cat, v->item);
	return ERR_OK;
}

/* A box's word on it is judged again by this. */
int casefile_deems(struct casefile *f, int64_t at, bool *yes, int64_t *day, struct err *e)
{
	const struct catalog_item *item = NULL;
	const struct workdays *w = NULL;
	int rc = casefile_terms(f->store, &f->view, &item, &w, e);
	if (rc) return rc;
	struct term_days d = terms_days(item);
	*yes = terms_deems(item) && terms_notice_passed(&f->view, &d, w, at, day);
	return ERR_OK;
}

int casefile_late(struct casefile *f, enum case_event type, int64_t now, enum term_kind out[TERM_KINDS], int *n,
                  struct err *e)
{
	const struct catalog_item *item = NULL;
	const struct workdays *w = NULL;
	struct err none = {0};
	*n = 0;
	int rc = casefile_terms(f->store, &f->view, &item, &w, &none);
	if (rc == (int)ERR_NOTFOUND) return ERR_OK; /* without a calendar nothing passes */
	if (rc) return err_set(e, (enum err_code)rc, "%s", none.msg);
	struct term_days d = terms_days(item);
	*n = terms_late(&f->view, type, &d, w, now, out);
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
	enum caseview_fit fit = caseview_there(&f->view, type);
	if (fit == FIT_OK) fit = caseview_may(&f->view, type, st->code, &row);
	if (fit == FIT_OK && f->view.exists) {
		rc = level_of(f, st->tier, &offer, e);
		if (!rc && !caseview_level(row, offer)) fit = FIT_LEVEL;
	}
	if (!rc && fit == FIT_OK && type == EVENT_DEEM_ACCEPT) {
		bool due = false;
		int64_t day;
		rc = casefile_deems(f, ev->at, &due, &day, e);
		if (!rc && !due) {
			casefile_refuse(v, "not_due", "/due",
			                "the notice term has not passed, or the item does not deem");
			return ERR_OK;
		}
	}
	if (!rc && fit == FIT_OK) fit = caseview_apply(&f->view, &ce, &rc);
	if (rc) return err_set(e, (enum err_code)rc, "case view");
	if (fit == FIT_OK) return type == EVENT_RECEIVE ? taken_number(f, &v->renumber, e) : ERR_OK;
	rc = held_before(f, &before, e);
	if (!rc && before) {
		casefile_refuse(v, CASEFILE_HELD, "", "an earlier event of the case is held");
		return ERR_OK;
	}
	if (!rc) rc = refused_before(f, st->code, &before, e);
	casefile_refuse(v, before ? "after_refused" : caseview_fit_name(fit), "",
	                before ? "an earlier event of this case was refused"
	                       : "does not fit the case as the county has it");
	return rc;
}

/* --- mends --- */

/* The refused event that BODY mends must be one of this case and type that nothing has mended yet. */
static int judge_mend(struct casefile *f, const struct store_station *st, const struct event *ev,
                      const uint8_t id[UUID_LEN], struct verdict *v, struct err *e)
{
	uint8_t case_id[UUID_LEN] = {0};
	struct db_stmt *q = db_query(f->store->db, Q_event_refusal, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", st->code);
	db_bind_blob(q, "id", id, UUID_LEN);
	int r = db_step(q, e);
	if (r < 0) return -r;
	const char *type = r > 0 ? db_text(q, 1) : NULL, *code = r > 0 ? db_text(q, 2) : NULL;
	bool ok = type && strcmp(type, ev->type) == 0 && code && strcmp(code, CASEFILE_HELD) != 0 && db_is_null(q, 3) &&
	          db_copy_blob(q, 0, case_id, UUID_LEN) && memcmp(case_id, ev->case_id, UUID_LEN) == 0;
	db_reset(q);
	if (!ok) casefile_refuse(v, "nothing_to_mend", "/amends", "no refused event of this case and type has this id");
	return ERR_OK;
}

static int judge_body(struct casefile *f, const struct store_station *st, enum case_event type, const struct event *ev,
                      const json_t *body, struct verdict *v, struct err *e)
{
	uint8_t mends[UUID_LEN];
	struct problem p = {0};
	int rc = ERR_OK;
	/* People are judged by the day of the event, so that a late arrival is not judged otherwise than at the window. */
	if (!body_check(type, body, ev->at, &p))
		refuse_body(v, &p);
	else if (body_amends(body, mends))
		rc = judge_mend(f, st, ev, mends, v, e);
	problem_release(&p);
	bool registers = state_event_opens(type) && type != EVENT_ENTRY_OPEN;
	if (!rc && !*v->code && registers) rc = judge_registration(f, st, ev, body, v, e);
	return rc || *v->code ? rc : judge_fit(f, st, type, ev, body, v, e);
}

int casefile_judge(struct casefile *f, const struct store_station *st, const struct event *ev, const json_t *body,
                   struct verdict *v, struct err *e)
{
	enum case_event type;
	if (!state_event_parse(ev->type, &type) || !body_known(type))
		casefile_refuse(v, CASEFILE_HELD, "", "a type of a newer release");
	else if (!body)
		casefile_refuse(v, "erased", "", "the body was erased before the county had it");
	else
		return judge_body(f, st, type, ev, body, v, e);
	return ERR_OK;
}

int casefile_judge_caseless(const struct event *ev, struct verdict *v, struct err *e)
{
	struct problem p = {0};
	if (strcmp(ev->type, EVENT_SELFCHECK) != 0 || !ev->body) return ERR_OK;
	json_t *body = event_body(ev);
	if (!body) return err_set(e, ERR_NOMEM, "event body");
	if (!venue_check_body(body, &p)) refuse_body(v, &p);
	problem_release(&p);
	json_decref(body);
	return ERR_OK;
}
