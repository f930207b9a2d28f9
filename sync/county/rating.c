/* See rating.h. The rating and, where it is bad, the entry of the station's register by which it is put right stand in one
 * transaction. */
#include "sync/county/rating.h"

#include "shared/fields.h"
#include "shared/public/ratings.h"
#include "sync/county/call.h"
#include "sync/county/casefile_internal.h"
#include "sync/county/public.h"

#include <string.h>

static int open_correction(struct casefile *f, const struct caseview *v, const json_t *body, int64_t now, struct err *e)
{
	uint8_t id[UUID_LEN];
	ratings_correction_id(v, json_is_true(json_object_get(body, "again")), id);
	json_t *opening = ratings_correction(v, body, v->station, now);
	int rc = casefile_load(f, id, e);
	if (rc) {
		json_decref(opening);
		return rc;
	}
	rc = casefile_own_event(f, "system", state_event_name(EVENT_ENTRY_OPEN), opening, id, now, e);
	return rc ? rc : casefile_flush(f, e);
}

static int rate(struct store *s, const struct caseview *v, const json_t *body, int64_t now, struct err *e)
{
	struct casefile f;
	uint8_t id[UUID_LEN];
	ratings_id(v, json_is_true(json_object_get(body, "again")), id);
	casefile_init(&f, s);
	int rc = casefile_load(&f, v->id, e);
	if (!rc)
		rc = casefile_own_event(&f, RATINGS_ACTOR, state_event_name(EVENT_RATE), fields_copy(body), id, now, e);
	if (!rc) rc = casefile_flush(&f, e);
	if (!rc && ratings_bad(body)) rc = open_correction(&f, v, body, now, e);
	casefile_drop(&f);
	return rc;
}

/* Looked at where it cannot change: two who press at once make one rating. */
static int transact(struct call *c, struct worker *w, const json_t *body, struct caseview *v, struct problem *p,
                    struct err *e)
{
	int rc = store_begin(w->store, e);
	if (rc) return rc;
	rc = casefile_by_token(w->store, c->ask.token, v, e);
	bool may = !rc && ratings_check(v, EVENT_COUNTY, body, p);
	if (may) rc = rate(w->store, v, body, county_now(c->county), e);
	if (may && !rc) rc = store_commit(w->store, e);
	store_rollback(w->store); /* after the commit there is nothing left to roll back */
	return rc;
}

static void show(struct call *c, struct worker *w)
{
	struct caseview v = {0};
	struct err e = {0};
	int rc = casefile_by_token(w->store, c->ask.token, &v, &e);
	const char *item = rc ? "" : present_item_name(&w->present, w->store, &v);
	if (rc && rc != (int)ERR_NOTFOUND)
		call_error(c, rc, &e);
	else
		ratings_show(c->req, &c->ask, rc ? NULL : &v, item, EVENT_COUNTY);
	caseview_release(&v);
}

static void take(struct call *c, struct worker *w)
{
	struct caseview v = {0};
	struct problem p = {0};
	struct err e = {0};
	json_t *body = ratings_read(c->req, &c->ask, "phone", county_now(c->county), &p);
	int rc = body ? transact(c, w, body, &v, &p, &e) : ERR_OK;
	if (rc == (int)ERR_NOTFOUND) {
		problem_set(&p, PROBLEM_NOT_FOUND, NULL);
		rc = ERR_OK;
	}
	if (rc) {
		call_error(c, rc, &e);
		problem_release(&p);
	} else {
		ratings_done(c->req, &c->ask, &p);
	}
	caseview_release(&v);
	json_decref(body);
}

void rating_get(struct http_req *req, void *ctx)
{
	public_ask(req, ctx, false, show);
}

void rating_post(struct http_req *req, void *ctx)
{
	public_ask(req, ctx, false, take);
}
