/* See calls.h. `run` is on the writer's thread inside its transaction; `done` there too, after the
 * commit. */
#include "gateway/calls.h"
#include "shared/ledger/read.h"
#include "shared/ledger/write.h"

#include "gateway/answer.h"
#include "gateway/days.h"
#include "gateway/follow.h"
#include "gateway/present.h"
#include "gateway/sessions.h"
#include "shared/registers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Drops the outcome, so that the call can run again. */
static void forget(struct call *c)
{
	ledger_case_release(&c->seen);
	json_decref(c->refused);
	json_decref(c->files);
	c->refused = c->files = NULL;
	json_decref(c->told);
	c->told = NULL;
	problem_release(&c->problem);
	c->lc.appended = 0;
	c->replayed = false;
}

static void release(struct call *c)
{
	forget(c);
	ledger_draft_free(c->draft);
	items_put(c->edition);
	json_decref(c->made);
	json_decref(c->recent);
	free(c);
}

struct call *calls_new(struct gateway *gw, struct ledger *l, struct http_req *req, const char *target)
{
	struct err e = {0};
	struct call *c = calloc(1, sizeof *c);
	if (!c) {
		answer_later(req, PROBLEM_BUSY, 1);
		return NULL;
	}
	c->gw = gw;
	c->req = req;
	c->edition = items_get(gw->items);
	c->lc.actor = sessions_caller(req)->account.name;
	c->lc.device = sessions_caller(req)->account.device;
	c->lc.seen = &c->seen;
	c->lc.now = ledger_now(l);
	c->identity = ledger_identity(l);
	memcpy(c->lc.key, http_req_key(req), UUID_LEN);
	int rc = ledger_request_mac(l, target, c->lc.actor, http_req_json(req), c->lc.request, &e);
	c->odd = rc == (int)ERR_INVALID; /* a real number or a member whose name is not ASCII, which no call has */
	if (!rc || c->odd) return c;
	answer_error(gw, req, rc, &e);
	release(c);
	return NULL;
}

/* Was the key used? Fills in `replayed` or a problem; otherwise the call is new. */
static int replay(struct ledger *l, struct call *c, struct err *e)
{
	static const uint8_t no_case[UUID_LEN];
	struct err clash = {0};
	uint8_t id[UUID_LEN];
	int rc = ledger_replay(l, &c->lc, id, &clash);
	/* what a replaced box was asked is not known, but whether it was of a case */
	if (rc == -1 && (memcmp(id, no_case, UUID_LEN) == 0) != (c->look != NULL)) rc = (int)ERR_CONFLICT;
	if (rc == -1) {
		c->replayed = true;
		memcpy(c->case_id, id, UUID_LEN);
		return ERR_OK;
	}
	if (rc == (int)ERR_CONFLICT) {
		problem_release(&c->problem); /* says more than whatever was found wrong before */
		problem_set(&c->problem, PROBLEM_KEY_REUSED, NULL);
		return ERR_OK;
	}
	return rc ? err_set(e, (enum err_code)rc, "%s", clash.msg) : ERR_OK;
}

/* The case as it stands, for the answer. REPLAYED calls have to read it; others were handed it by what they did. */
static int look(struct ledger *l, struct call *c, struct err *e)
{
	if (c->look) return c->look(l, c, e);
	int rc = c->replayed ? ledger_case_get(l, c->case_id, &c->seen, e) : ERR_OK;
	if (!rc) c->refused = present_refusals(l, &c->seen, e);
	if (!rc && c->refused && !c->entry) c->files = present_files(l, &c->seen.view, e);
	bool all = c->refused && (c->files || c->entry);
	return rc || all ? rc : e ? (int)e->code : (int)ERR_NOMEM;
}

static int run(struct ledger *l, struct writer_job *job, struct err *e)
{
	struct call *c = (struct call *)job;
	forget(c);
	int rc = replay(l, c, e);
	if (!rc && !c->replayed && !problem_any(&c->problem)) rc = c->append(l, c, e);
	/* seen in the same transaction: nobody can have come between */
	return rc || problem_any(&c->problem) ? rc : look(l, c, e);
}

static void say_where(struct call *c)
{
	enum register_kind k;
	char text[UUID_TEXT], location[sizeof "/api/v1/registers/correction/" + UUID_TEXT];
	bool entry = registers_of(&c->seen.view, &k);
	uuid_text(c->case_id, text);
	(void)snprintf(location, sizeof location, "/api/v1/%s%s/%s", entry ? "registers/" : "cases",
	               entry ? registers_name(k) : "", text);
	http_reply_header(c->req, "Location", location);
}

static void answer_case(struct call *c, const struct ledger_identity *id)
{
	char etag[PRESENT_ETAG_MAX];
	struct present v = {.edition = c->edition,
	                    .identity = id,
	                    .role = sessions_caller(c->req)->role,
	                    .days = days_get(c->gw->days),
	                    .registers = &c->gw->cfg.registers,
	                    .now = clock_read(&c->gw->clock).wall};
	if (c->replayed) http_reply_header(c->req, "Idempotency-Replayed", "true");
	if (c->look) {
		http_reply_json(c->req, 201, json_incref(c->told));
		return;
	}
	present_etag(&c->seen, etag);
	http_reply_header(c->req, "ETag", etag);
	if (c->registers) say_where(c);
	json_t *refused = c->refused, *files = c->files;
	c->refused = c->files = NULL;
	if (c->shape) {
		json_decref(refused);
		json_decref(files);
		http_reply_json(c->req, 201, c->shape(c));
		return;
	}
	json_t *o = c->entry ? present_entry(&v, &c->seen, refused) : present_case_with(&v, &c->seen, refused, files);
	if (o && !c->replayed && json_array_size(c->recent))
		(void)json_object_set(o, "recent", c->recent); /* said, not enforced */
	http_reply_json(c->req, 201, o);
}

static void answer(struct call *c, int rc, const struct err *e)
{
	if (rc == (int)ERR_NOTFOUND)
		answer_later(c->req, PROBLEM_NOT_ENROLLED, 30); /* acts have looked before */
	else if (rc)
		answer_error(c->gw, c->req, rc, e);
	else if (problem_any(&c->problem))
		http_problem(c->req, &c->problem);
	else
		answer_case(c, c->identity);
}

/* On the thread that serves: the answer is made where the request was read, so that the writer's thread neither does the
 * work nor gives back another's memory. REQ is NULL when nobody waits any more. */
static void end(struct http_req *req, void *arg)
{
	struct call *c = arg;
	bool fresh = !c->rc && c->registers && !c->entry && !c->replayed && !problem_any(&c->problem);
	/* a new case goes to the search list as it is, so that nobody has to read it once more */
	if (fresh) follow_offer(c->gw->follow, &c->seen);
	if (req) answer(c, c->rc, &c->err);
	release(c);
}

static void done(struct writer_job *job, int rc, const struct err *e)
{
	struct call *c = (struct call *)job;
	c->rc = rc;
	c->err = *e;
	http_resume_with(c->req, end, c);
}

void calls_submit(struct call *c)
{
	struct http_req *req = c->req;
	if (c->odd) {
		problem_field(&c->problem, "", "type", "it holds what has no canonical form");
		http_problem(req, &c->problem);
		release(c);
		return;
	}
	c->job.run = run;
	c->job.done = done;
	http_suspend(req);
	if (writer_submit(c->gw->writer, &c->job)) return;
	answer_later(req, PROBLEM_BUSY, 1);
	http_resume(req);
	release(c);
}

void calls_fail(struct call *c, int rc, const struct err *e)
{
	answer_error(c->gw, c->req, rc, e);
	release(c);
}

void calls_refuse(struct call *c, struct ledger *l)
{
	struct err e = {0};
	int rc = replay(l, c, &e);
	if (!rc && c->replayed) {
		problem_release(&c->problem);
		rc = look(l, c, &e);
	}
	answer(c, rc, &e);
	release(c);
}
