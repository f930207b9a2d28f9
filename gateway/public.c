/* The box's side of the citizens' pages: finds what is asked on its ledger, with the county reachable or not, and leaves the
 * drawing to shared/public.
 *
 * Whoever stands before a turned screen has no account: these routes read no session, and nothing of the staff is in what
 * they show. A try with a typed number is a job of the writer, because it is counted in the database. */
#include "gateway/public.h"

#include "gateway/answer.h"
#include "gateway/readers.h"
#include "gateway/sessions.h"
#include "shared/account.h"
#include "shared/ledger/citizen.h"
#include "shared/ledger/writer.h"
#include "shared/public/guides.h"
#include "shared/public/limiter.h"
#include "shared/public/progress.h"
#include "shared/public/ratings.h"
#include "shared/public/typed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everybody at the screen has one address. */
#define BURST            60
#define PER_MINUTE       60
#define TYPED_BURST      20
#define TYPED_PER_MINUTE 6

struct public_limits {
	struct limiter *all, *typed;
};

int public_limits_new(struct public_limits **out, struct err *e)
{
	struct public_limits *l = calloc(1, sizeof *l);
	*out = l;
	if (!l) return err_set(e, ERR_NOMEM, "limits");
	l->all = limiter_new(BURST, PER_MINUTE);
	l->typed = limiter_new(TYPED_BURST, TYPED_PER_MINUTE);
	return l->all && l->typed ? ERR_OK : err_set(e, ERR_NOMEM, "limits");
}

void public_limits_free(struct public_limits *l)
{
	if (!l) return;
	limiter_free(l->all);
	limiter_free(l->typed);
	free(l);
}

bool public_ask(struct http_req *req, struct gateway *gw, bool typed, bool search, struct ask *a)
{
	bool limited = false;
	struct limiter *l = typed ? gw->limits->typed : gw->limits->all;
	bool ok = ask_read(req, l, clock_read(&gw->clock).mono, search, a, &limited);
	a->screen = true;
	return ok;
}

/* --- a case --- */

struct history {
	struct progress *progress;
	int rc;
	struct err err;
};

static bool add_event(const struct ledger_history *h, void *arg)
{
	struct history *x = arg;
	if (!h->fits) return true;
	json_t *body = event_body(&h->ev);
	struct caseview_event ce = {.type = h->ev.type,
	                            .body = body,
	                            .origin = h->ev.origin,
	                            .actor = h->ev.actor,
	                            .at = h->corrected ? h->corrected : h->ev.at};
	x->rc = progress_add(x->progress, &ce, &x->err);
	json_decref(body);
	return !x->rc;
}

/* What is shown of the case whose view P holds. Of another station the box knows the code alone. */
static int fill(struct gateway *gw, struct ledger *l, struct progress *p, struct err *e)
{
	const struct ledger_identity *id = ledger_identity(l);
	bool own = strcmp(id->station, p->view.station) == 0;
	struct history x = {.progress = p};
	struct items_edition *ed = items_get(gw->items);
	(void)snprintf(p->title, sizeof p->title, "%s", own ? id->name : p->view.station);
	(void)snprintf(p->item, sizeof p->item, "%s", items_case_name(ed, &p->view));
	items_put(ed);
	p->rates = ratings_may(&p->view, id->station, false) || ratings_may(&p->view, id->station, true);
	int rc = progress_begin(p, e);
	if (!rc) rc = ledger_case_history(l, p->view.id, add_event, &x, e);
	return rc ? rc : x.rc ? err_set(e, (enum err_code)x.rc, "%s", x.err.msg) : ERR_OK;
}

/* AGAIN: the page can be asked for again, its address holds the token. */
static void by_token(struct http_req *req, struct gateway *gw, const struct ask *a, bool again)
{
	struct ledger_case c = {0};
	struct progress p = {0};
	struct err e = {0};
	char self[sizeof "/public/progress/" + sizeof p.view.token];
	struct ledger *l = readers_take(gw->readers);
	int rc = ledger_case_by_token(l, a->token, &c, &e);
	p.view = c.view; /* taken */
	if (!rc) rc = fill(gw, l, &p, &e);
	readers_give(gw->readers, l);
	(void)snprintf(self, sizeof self, "/public/progress/%s", p.view.token);
	if (rc == (int)ERR_NOTFOUND)
		progress_missing(req, a);
	else if (rc)
		answer_error(gw, req, rc, &e);
	else
		progress_reply(req, a, &p, again ? self : NULL);
	progress_release(&p);
}

void public_progress(struct http_req *req, void *ctx)
{
	struct ask a;
	if (public_ask(req, ctx, false, false, &a)) by_token(req, ctx, &a, true);
}

void public_scanned(struct http_req *req, void *ctx)
{
	struct problem p = {0};
	struct ask a;
	if (!public_ask(req, ctx, false, false, &a)) return;
	if (typed_scanned(req, &a, &p))
		by_token(req, ctx, &a, false);
	else
		typed_invalid(req, &a, NULL, &p);
}

/* --- what is typed --- */

struct typed_job {
	struct writer_job job; /* first: the writer hands this back */
	struct gateway *gw;
	struct http_req *req;
	struct ask ask;
	struct typed typed;
	/* outcome */
	struct caseview view;
	bool found;
	int64_t wait;
	int rc;
	struct err err;
};

static int find(void *arg, const char *receipt, struct caseview out[TYPED_CASES], int *n, struct err *e)
{
	_Static_assert(LEDGER_NEAR <= TYPED_CASES, "as many as are looked at");
	return ledger_cases_near(arg, receipt, out, n, e);
}

static void drop(struct typed_job *j)
{
	caseview_release(&j->view);
	j->view = (struct caseview){0};
	j->found = false;
}

static int run(struct ledger *l, struct writer_job *job, struct err *e)
{
	struct typed_job *j = (struct typed_job *)job;
	struct typed_store s = {.db = ledger_db(l), .lockout = &sessions_queries()->lockout, .find = find, .arg = l};
	drop(j);
	typed_key(ledger_field_key(l), SEAL_KEY_LEN, s.key);
	int rc = typed_try(&s, &j->typed, ledger_now(l).wall, &j->view, &j->found, &j->wait, e);
	explicit_bzero(s.key, sizeof s.key);
	return rc;
}

static void show(struct typed_job *j)
{
	struct progress p = {.view = j->view};
	struct err e = {0};
	j->view = (struct caseview){0};
	struct ledger *l = readers_take(j->gw->readers);
	int rc = fill(j->gw, l, &p, &e);
	readers_give(j->gw->readers, l);
	if (rc)
		answer_error(j->gw, j->req, rc, &e);
	else
		progress_reply(j->req, &j->ask, &p, NULL);
	progress_release(&p);
}

/* On the thread that serves. REQ is NULL when nobody waits any more. */
static void end(struct http_req *req, void *arg)
{
	struct typed_job *j = arg;
	if (req && j->rc)
		answer_error(j->gw, req, j->rc, &j->err);
	else if (req && j->found)
		show(j);
	else if (req && j->wait)
		ask_wait(req, &j->ask, PROBLEM_LOCKED, j->wait);
	else if (req)
		typed_wrong(req, &j->ask, &j->typed);
	drop(j);
	free(j);
}

static void done(struct writer_job *job, int rc, const struct err *e)
{
	struct typed_job *j = (struct typed_job *)job;
	j->rc = rc;
	j->err = *e;
	http_resume_with(j->req, end, j);
}

void public_typed(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	struct problem p = {0};
	struct ask a;
	if (!public_ask(req, gw, true, false, &a)) return;
	struct typed_job *j = calloc(1, sizeof *j);
	if (!j) {
		answer_later(req, PROBLEM_BUSY, 1);
		return;
	}
	*j = (struct typed_job){.job = {.run = run, .done = done}, .gw = gw, .req = req, .ask = a};
	if (!typed_read(req, &j->ask, &j->typed, &p)) {
		typed_invalid(req, &j->ask, &j->typed, &p);
		free(j);
		return;
	}
	http_suspend(req);
	if (writer_submit(gw->writer, &j->job)) return;
	answer_later(req, PROBLEM_BUSY, 1);
	http_resume(req);
	free(j);
}

void public_typed_form(struct http_req *req, void *ctx)
{
	struct ask a;
	if (public_ask(req, ctx, false, false, &a)) typed_form(req, &a);
}

/* --- first page, guides --- */

static void home(struct http_req *req, struct gateway *gw, const struct ask *a)
{
	struct ledger *l = readers_take(gw->readers);
	struct ledger_identity id = *ledger_identity(l);
	readers_give(gw->readers, l);
	ask_home(req, a, id.enrolled ? id.name : NULL);
}

void public_home(struct http_req *req, void *ctx)
{
	struct ask a;
	if (public_ask(req, ctx, false, false, &a)) home(req, ctx, &a);
}

/* Where a turned screen begins: large type, until somebody asks for the other. */
void public_screen(struct http_req *req, void *ctx)
{
	struct ask a;
	if (!public_ask(req, ctx, false, false, &a)) return;
	a.large = true;
	home(req, ctx, &a);
}

/* What stands of this station beside the county's words; ID is the caller's. */
static struct guides_station station_of(struct gateway *gw, struct ledger_identity *id)
{
	struct ledger *l = readers_take(gw->readers);
	*id = *ledger_identity(l);
	readers_give(gw->readers, l);
	return (struct guides_station){.title = id->name, .phone = gw->cfg.station_phone, .tier = id->tier};
}

static void guides(struct http_req *req, struct gateway *gw, bool one)
{
	struct ask a;
	struct ledger_identity id;
	if (!public_ask(req, gw, false, !one, &a)) return;
	struct guides_station st = station_of(gw, &id);
	struct items_edition *ed = id.enrolled ? items_get(gw->items) : NULL;
	const struct catalog *cat = ed ? items_catalog(ed) : NULL;
	if (one)
		guides_one(req, &a, cat, &st);
	else
		guides_list(req, &a, cat, &st);
	items_put(ed);
}

void public_guides(struct http_req *req, void *ctx)
{
	guides(req, ctx, false);
}

void public_guide(struct http_req *req, void *ctx)
{
	guides(req, ctx, true);
}
