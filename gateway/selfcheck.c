/* See selfcheck.h. A self-check is an event of no case: the writer's transaction and the memory of keys are those of every
 * call (calls.c), the answer is the self-check itself. */
#include "gateway/selfcheck.h"

#include "gateway/answer.h"
#include "gateway/calls.h"
#include "gateway/readers.h"
#include "shared/fields.h"
#include "shared/ledger/read.h"
#include "shared/ledger/write.h"
#include "shared/venue.h"

#include <limits.h>
#include <string.h>

static const struct field shape[] = {
    {.name = "answers", .kind = FIELD_ANY, .flags = FIELD_REQUIRED},
    {.name = NULL},
};

/* --- reading --- */

struct list {
	const struct gateway *gw;
	enum tier tier;
	json_t *rows;
	const uint8_t *only; /* this one alone; NULL = all */
	bool failed;
};

static bool add(const struct ledger_history *h, void *arg)
{
	struct list *x = arg;
	int rc = ERR_OK;
	if (x->only && memcmp(h->ev.id, x->only, UUID_LEN) != 0) return true;
	json_t *body = event_body(&h->ev);
	if (!body && h->ev.body) rc = ERR_NOMEM; /* without a body: erased */
	json_t *o =
	    venue_record(x->gw->venue, x->tier, h->ev.id, h->corrected ? h->corrected : h->ev.at, h->ev.actor, body);
	json_decref(body);
	if (!o) rc = ERR_NOMEM;
	caseview_set(o, "sync", json_string(ledger_sync_name(h->sync)), &rc);
	if (!rc) rc = json_array_append(x->rows, o);
	json_decref(o);
	x->failed = rc != ERR_OK;
	return !x->failed && !x->only;
}

/* The station's self-checks, newest first, or the one whose id is ONLY. New. */
static int read_all(const struct gateway *gw, struct ledger *l, const uint8_t *only, json_t **out, struct err *e)
{
	struct list x = {.gw = gw, .tier = ledger_identity(l)->tier, .rows = json_array(), .only = only};
	*out = NULL;
	int limit = only ? INT_MAX : VENUE_HISTORY_MAX;
	int rc = x.rows ? ledger_selfchecks(l, limit, add, &x, e) : (int)ERR_NOMEM;
	if (!rc && !x.failed) {
		*out = x.rows;
		return ERR_OK;
	}
	json_decref(x.rows);
	return rc && x.rows ? rc : err_set(e, ERR_NOMEM, "self-checks");
}

void selfcheck_get(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	struct err e = {0};
	json_t *rows = NULL, *standard = NULL;
	if (!answer_no_query(req)) return;
	struct ledger *l = readers_take(gw->readers);
	bool enrolled = ledger_identity(l)->enrolled;
	int rc = enrolled ? read_all(gw, l, NULL, &rows, &e) : ERR_OK;
	if (enrolled) standard = venue_standard(gw->venue, ledger_identity(l)->tier);
	readers_give(gw->readers, l);
	if (!enrolled) {
		json_decref(standard);
		answer_later(req, PROBLEM_NOT_ENROLLED, 30);
	} else if (rc) {
		json_decref(standard);
		answer_error(gw, req, rc, &e);
	} else {
		http_reply_json(req, 200, json_pack("{s:o, s:o}", "standard", standard, "items", rows));
	}
}

/* --- writing --- */

static int append(struct ledger *l, struct call *c, struct err *e)
{
	return ledger_append(l, &c->lc, NULL, EVENT_SELFCHECK, c->made, e);
}

/* The self-check that this call, or the one that it repeats, has made. */
static int look(struct ledger *l, struct call *c, struct err *e)
{
	json_t *rows = NULL;
	int rc = read_all(c->gw, l, c->lc.key, &rows, e);
	if (rc) return rc;
	c->told = json_incref(json_array_get(rows, 0));
	json_decref(rows);
	return c->told ? ERR_OK : err_set(e, ERR_CORRUPT, "the self-check is not there");
}

static void check(struct call *c, enum tier tier)
{
	const json_t *request = http_req_json(c->req);
	struct problem *p = &c->problem;
	if (!fields_check(request, shape, "", p)) return;
	c->made = venue_body(c->gw->venue, tier, json_object_get(request, "answers"), p);
	if (!c->made) problem_set(p, PROBLEM_BUSY, "out of memory");
}

void selfcheck_post(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	if (!answer_no_query(req)) return;
	struct ledger *l = readers_take(gw->readers);
	struct call *c = calls_new(gw, l, req, "POST /api/v1/selfcheck");
	if (c) {
		c->append = append;
		c->look = look;
		if (!ledger_identity(l)->enrolled)
			problem_set(&c->problem, PROBLEM_NOT_ENROLLED, NULL);
		else
			check(c, ledger_identity(l)->tier);
		if (problem_any(&c->problem))
			calls_refuse(c, l);
		else
			calls_submit(c);
	}
	readers_give(gw->readers, l);
}
