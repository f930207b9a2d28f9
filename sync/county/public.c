/* The county's side of the citizens' pages: finds what is asked in its store, and leaves the drawing to shared/public.
 *
 * A token (80 random bits) is looked up by its SHA-256, so that the time of an answer tells nothing of tokens that are near
 * it. What is typed goes by typed.h, whose tries are limited more narrowly by address too. */
#include "sync/county/public.h"

#include "shared/json_parse.h"
#include "shared/public/guides.h"
#include "shared/public/progress.h"
#include "shared/public/typed.h"
#include "sync/county/casefile.h"

#include <stdlib.h>
#include <string.h>

/* --- a case --- */

/* Takes one settled event of case_events. */
static int add_row(struct progress *x, struct db_stmt *q, struct err *e)
{
	json_t *body = NULL;
	const char *text = db_text(q, 9);
	int rc = text ? json_parse_strict(text, strlen(text), LIMIT_DEPTH + 8, &body, e) : ERR_OK;
	if (rc) return rc;
	struct caseview_event ce = {
	    .type = db_text(q, 4), .body = body, .origin = db_text(q, 0), .actor = db_text(q, 7), .at = db_int(q, 5)};
	rc = progress_add(x, &ce, e);
	json_decref(body);
	return rc;
}

static int read_timeline(struct store *s, struct progress *x, struct err *e)
{
	int r = 0, rc = progress_begin(x, e);
	if (rc) return rc;
	struct db_stmt *q = db_query(s->db, Q_case_events, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "case_id", x->view.id, UUID_LEN);
	while (!rc && (r = db_step(q, e)) > 0)
		if (db_is_null(q, 10)) rc = add_row(x, q, e);
	db_reset(q);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

/* What is shown of the case whose view X holds. */
static int fill(struct worker *w, struct progress *x, struct err *e)
{
	struct store_station st;
	int rc = store_station(w->store, x->view.station, &st, e);
	if (rc) return rc;
	(void)snprintf(x->title, sizeof x->title, "%s", st.title);
	explicit_bzero(&st, sizeof st);
	(void)snprintf(x->item, sizeof x->item, "%s", present_item_name(&w->present, w->store, &x->view));
	x->rates = state_final(x->view.state) || x->view.state == STATE_COMPLETED;
	return read_timeline(w->store, x, e);
}

static void progress(struct call *c, struct worker *w)
{
	struct progress x = {0};
	struct err e = {0};
	char self[sizeof "/public/progress/" + sizeof x.view.token];
	int rc = casefile_by_token(w->store, c->ask.token, &x.view, &e);
	if (!rc) rc = fill(w, &x, &e);
	(void)snprintf(self, sizeof self, "/public/progress/%s", x.view.token);
	if (rc == (int)ERR_NOTFOUND)
		progress_missing(c->req, &c->ask);
	else if (rc)
		call_error(c, rc, &e);
	else
		progress_reply(c->req, &c->ask, &x, self);
	progress_release(&x);
}

/* --- what is typed --- */

static int read_first(struct db_stmt *q, struct caseview *out, int *n, struct err *e)
{
	int r = db_step(q, e), rc = r > 0 ? casefile_row(q, out, e) : ERR_OK;
	if (r > 0 && !rc) (*n)++;
	db_reset(q);
	return r < 0 ? -r : rc;
}

/* The case at the number or, where nobody has it, the one beside it; and the same of former numbers. */
static int find(void *arg, const char *receipt, struct caseview out[TYPED_CASES], int *n, struct err *e)
{
	static const size_t queries[TYPED_CASES] = {Q_case_near_receipt, Q_case_near_alias};
	struct store *s = arg;
	int rc = ERR_OK;
	*n = 0;
	for (size_t i = 0; i < TYPED_CASES && !rc; i++) {
		struct db_stmt *q = db_query(s->db, queries[i], e);
		if (!q) return ERR_IO;
		db_bind_text(q, "receipt", receipt);
		rc = read_first(q, &out[*n], n, e);
	}
	return rc;
}

static int try_typed(struct call *c, struct worker *w, const struct typed *t, struct progress *x, bool *found,
                     int64_t *wait, struct err *e)
{
	struct typed_store s = {
	    .db = w->store->db, .lockout = &store_account_queries()->lockout, .find = find, .arg = w->store};
	typed_key(c->county->recovery, sizeof c->county->recovery, s.key);
	int rc = store_begin(w->store, e);
	if (rc) return rc;
	rc = typed_try(&s, t, county_now(c->county), &x->view, found, wait, e);
	if (!rc) rc = store_commit(w->store, e);
	store_rollback(w->store); /* after the commit there is nothing left to roll back */
	return rc ? rc : *found ? fill(w, x, e) : ERR_OK;
}

static void typed(struct call *c, struct worker *w)
{
	struct progress x = {0};
	struct problem p = {0};
	struct typed t;
	struct err e = {0};
	bool found = false;
	int64_t wait = 0;
	bool read = typed_read(c->req, &c->ask, &t, &p);
	int rc = read ? try_typed(c, w, &t, &x, &found, &wait, &e) : ERR_OK;
	if (rc)
		call_error(c, rc, &e);
	else if (!read)
		typed_invalid(c->req, &c->ask, &t, &p);
	else if (found)
		progress_reply(c->req, &c->ask, &x, NULL);
	else if (wait)
		ask_wait(c->req, &c->ask, PROBLEM_LOCKED, wait);
	else
		typed_wrong(c->req, &c->ask, &t);
	progress_release(&x);
}

/* --- guides --- */

static struct catalog *in_force(struct worker *w, int *rc, struct err *e)
{
	struct catalog *cat = NULL;
	*rc = store_catalog(w->store, &cat, e);
	if (*rc == (int)ERR_NOTFOUND) *rc = ERR_OK;
	return *rc ? NULL : cat;
}

static void guides(struct call *c, struct worker *w)
{
	struct err e = {0};
	int rc;
	const struct catalog *cat = in_force(w, &rc, &e);
	if (rc)
		call_error(c, rc, &e);
	else
		guides_list(c->req, &c->ask, cat, NULL);
}

static void guide(struct call *c, struct worker *w)
{
	struct err e = {0};
	int rc;
	const struct catalog *cat = in_force(w, &rc, &e);
	if (rc)
		call_error(c, rc, &e);
	else
		guides_one(c->req, &c->ask, cat, NULL);
}

/* --- on the serving thread --- */

static bool read_ask(struct http_req *req, struct serve *sv, struct limiter *l, bool search, struct ask *a)
{
	bool limited = false, ok = ask_read(req, l, serve_mono(sv), search, a, &limited);
	if (limited) metrics_add(&sv->metrics, METRIC_LIMITED, 1);
	return ok;
}

static void submit(struct http_req *req, struct serve *sv, const struct ask *a, call_fn *fn)
{
	struct call *c = call_new(sv, req, fn);
	if (!c) return;
	c->ask = *a;
	call_submit(c);
}

void public_ask(struct http_req *req, struct serve *sv, bool search, call_fn *fn)
{
	struct ask a;
	if (read_ask(req, sv, sv->limiter, search, &a)) submit(req, sv, &a, fn);
}

void public_home(struct http_req *req, void *ctx)
{
	struct serve *sv = ctx;
	struct ask a;
	if (read_ask(req, sv, sv->limiter, false, &a)) ask_home(req, &a, NULL);
}

void public_guides(struct http_req *req, void *ctx)
{
	public_ask(req, ctx, true, guides);
}

void public_guide(struct http_req *req, void *ctx)
{
	public_ask(req, ctx, false, guide);
}

void public_progress(struct http_req *req, void *ctx)
{
	public_ask(req, ctx, false, progress);
}

void public_typed_form(struct http_req *req, void *ctx)
{
	struct serve *sv = ctx;
	struct ask a;
	if (read_ask(req, sv, sv->limiter, false, &a)) typed_form(req, &a);
}

void public_typed(struct http_req *req, void *ctx)
{
	struct serve *sv = ctx;
	struct ask a;
	if (read_ask(req, sv, sv->typed, false, &a)) submit(req, sv, &a, typed);
}
