/* See rating.h. The rating and, where it is bad, the entry of the register by which it is put right stand in one
 * transaction of the writer; no account is their actor. */
#include "gateway/rating.h"

#include "gateway/answer.h"
#include "gateway/public.h"
#include "gateway/readers.h"
#include "shared/ledger/citizen.h"
#include "shared/ledger/write.h"
#include "shared/ledger/writer.h"
#include "shared/public/ratings.h"

#include <stdlib.h>
#include <string.h>

struct rating_job {
	struct writer_job job; /* first: the writer hands this back */
	struct gateway *gw;
	struct http_req *req;
	struct ask ask;
	json_t *body; /* owned */
	/* outcome */
	struct problem problem;
	int rc;
	struct err err;
};

void rating_get(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	struct ask a;
	struct ledger_case c = {0};
	struct ledger_identity id;
	struct err e = {0};
	if (!public_ask(req, gw, false, false, &a)) return;
	struct ledger *l = readers_take(gw->readers);
	id = *ledger_identity(l);
	int rc = ledger_case_by_token(l, a.token, &c, &e);
	readers_give(gw->readers, l);
	struct items_edition *ed = items_get(gw->items);
	if (rc && rc != (int)ERR_NOTFOUND)
		answer_error(gw, req, rc, &e);
	else
		ratings_show(req, &a, rc ? NULL : &c.view, rc ? "" : items_case_name(ed, &c.view), id.station);
	items_put(ed);
	ledger_case_release(&c);
}

/* --- in the write transaction --- */

/* Where the county opened it already, because the case was rated there, there is nothing to open. */
static int open_correction(struct ledger *l, const struct caseview *v, const json_t *body, struct clock_now now,
                           struct err *e)
{
	struct ledger_case there = {0};
	struct ledger_call call = {.actor = "system", .device = "", .now = now};
	struct err none = {0};
	ratings_correction_id(v, json_is_true(json_object_get(body, "again")), call.key);
	int rc = ledger_case_get(l, call.key, &there, &none);
	ledger_case_release(&there);
	if (rc != (int)ERR_NOTFOUND) return rc ? err_set(e, (enum err_code)rc, "%s", none.msg) : ERR_OK;
	json_t *opening = ratings_correction(v, body, NULL, now.wall);
	if (!opening) return err_set(e, ERR_NOMEM, "correction");
	rc = ledger_entry(l, &call, opening, NULL, NULL, e);
	json_decref(opening);
	return rc;
}

static int rate(struct ledger *l, const struct caseview *v, const json_t *body, struct problem *p, struct err *e)
{
	struct ledger_call call = {.actor = RATINGS_ACTOR, .device = "", .now = ledger_now(l)};
	if (!ratings_check(v, ledger_identity(l)->station, body, p)) return ERR_OK;
	ratings_id(v, json_is_true(json_object_get(body, "again")), call.key);
	int rc = ledger_act(l, &call, v->id, 0, EVENT_RATE, body, OFFER_HANDLE, p, e);
	if (rc || problem_any(p) || !ratings_bad(body)) return rc;
	return open_correction(l, v, body, call.now, e);
}

static int run(struct ledger *l, struct writer_job *job, struct err *e)
{
	struct rating_job *j = (struct rating_job *)job;
	struct ledger_case c = {0};
	problem_release(&j->problem);
	int rc = ledger_case_by_token(l, j->ask.token, &c, e);
	if (rc == (int)ERR_NOTFOUND)
		problem_set(&j->problem, PROBLEM_NOT_FOUND, NULL);
	else if (!rc)
		rc = rate(l, &c.view, j->body, &j->problem, e);
	ledger_case_release(&c);
	return rc == (int)ERR_NOTFOUND ? ERR_OK : rc;
}

/* --- the answer --- */

static void end(struct http_req *req, void *arg)
{
	struct rating_job *j = arg;
	if (req && j->rc)
		answer_error(j->gw, req, j->rc, &j->err);
	else if (req)
		ratings_done(req, &j->ask, &j->problem);
	problem_release(&j->problem);
	json_decref(j->body);
	free(j);
}

static void done(struct writer_job *job, int rc, const struct err *e)
{
	struct rating_job *j = (struct rating_job *)job;
	j->rc = rc;
	j->err = *e;
	http_resume_with(j->req, end, j);
}

void rating_post(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	struct ask a;
	struct problem p = {0};
	if (!public_ask(req, gw, false, false, &a)) return;
	json_t *body = ratings_read(req, &a, "screen", clock_read(&gw->clock).wall, &p);
	if (!body) {
		ratings_done(req, &a, &p);
		return;
	}
	struct rating_job *j = calloc(1, sizeof *j);
	if (!j) {
		json_decref(body);
		answer_later(req, PROBLEM_BUSY, 1);
		return;
	}
	*j = (struct rating_job){.job = {.run = run, .done = done}, .gw = gw, .req = req, .ask = a, .body = body};
	http_suspend(req);
	if (writer_submit(gw->writer, &j->job)) return;
	answer_later(req, PROBLEM_BUSY, 1);
	http_resume(req);
	json_decref(j->body);
	free(j);
}
