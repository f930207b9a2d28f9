/* See audit.h. */
#include "gateway/audit.h"

#include "gateway/answer.h"
#include "gateway/readers.h"
#include "gateway/sessions.h"
#include "shared/ledger/writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS  86400000
#define SOON_MS 60000 /* until the rest, where more was to be removed than one transaction may */

int audit_note(struct ledger *l, const struct http_req *req, const struct audit_entry *what, struct err *e)
{
	const struct staff_actor by = sessions_actor(req);
	return ledger_audit(l, &by.who, what, e);
}

int audit_locked(struct ledger *l, const struct audit_actor *by, const struct account_result *r, struct err *e)
{
	const struct audit_entry account = {.action = AUDIT_LOCKED, .subject = by->name, .reason = "account"};
	const struct audit_entry address = {.action = AUDIT_LOCKED, .subject = by->name, .reason = "address"};
	int rc = r->locks ? ledger_audit(l, by, &account, e) : ERR_OK;
	return rc || !r->locks_address ? rc : ledger_audit(l, by, &address, e);
}

/* --- before a worker acts --- */

static int run_ticket(struct ledger *l, struct writer_job *job, struct err *e)
{
	const struct audit_ticket *t = (struct audit_ticket *)job;
	const struct audit_entry what = {.action = t->action, .subject = t->subject, .reason = t->reason};
	return audit_note(l, t->req, &what, e);
}

static void ticket_done(struct writer_job *job, int rc, const struct err *e)
{
	struct audit_ticket *t = (struct audit_ticket *)job;
	if (rc) answer_error(t->gw, t->req, rc, e);
	t->then(t, rc == ERR_OK);
}

bool audit_submit(struct audit_ticket *t)
{
	t->job.run = run_ticket;
	t->job.done = ticket_done;
	return writer_submit(t->gw->writer, &t->job);
}

/* --- housekeeping --- */

struct purge {
	struct writer_job job;
	struct gateway *gw;
	int64_t removed;
};

static int run(struct ledger *l, struct writer_job *job, struct err *e)
{
	struct purge *p = (struct purge *)job;
	return ledger_audit_purge(l, p->gw->cfg.audit_days, &p->removed, e);
}

static void done(struct writer_job *job, int rc, const struct err *e)
{
	struct purge *p = (struct purge *)job;
	if (rc)
		log_error(&p->gw->log, "audit", "text=\"%s\"", e->msg);
	else if (p->removed)
		log_info(&p->gw->log, "audit", "removed=%" PRId64, p->removed);
	free(p);
}

void audit_round(struct gateway *gw)
{
	struct clock_now now = clock_read(&gw->clock);
	if (gw->audit_next > now.mono) return;
	struct purge *p = calloc(1, sizeof *p);
	gw->audit_next = now.mono + SOON_MS;
	if (!p) return;
	*p = (struct purge){.job = {.run = run, .done = done}, .gw = gw};
	if (!writer_submit(gw->writer, &p->job)) {
		free(p);
		return;
	}
	gw->audit_next = now.mono + DAY_MS;
}

/* --- reading --- */

struct list {
	json_t *items;
	int64_t last;
	bool failed;
};

static void add(const struct audit_row *r, void *arg)
{
	struct list *x = arg;
	char at[CLOCK_TEXT];
	clock_text(r->at, at);
	json_t *row =
	    json_pack("{s:I, s:s, s:s, s:o, s:s, s:s?, s:s?, s:s, s:s, s:s, s:s}", "n", (json_int_t)r->n, "at", at,
	              "clock", clock_quality_name(r->quality), "staff", r->staff ? json_integer(r->staff) : json_null(),
	              "name", r->name, "device", *r->device ? r->device : NULL, "peer", *r->peer ? r->peer : NULL,
	              "action", r->action, "subject", r->subject, "reason", r->reason, "outcome", r->outcome);
	x->last = r->n;
	x->failed |= json_array_append_new(x->items, row) != 0;
}

static bool read_query(struct http_req *req, struct audit_page *page, struct problem *p)
{
	static const char *const names[] = {"staff", "action", "cursor", "limit", NULL};
	enum audit_action action;
	uint8_t unused[UUID_LEN];
	if (!http_req_query_only(req, names)) return false;
	page->before = INT64_MAX;
	page->limit = (int)answer_query_int(req, "limit", 1, 200, 50, p);
	page->staff = answer_query_int(req, "staff", 1, INT64_MAX, 0, p);
	page->action = http_req_query(req, "action");
	if (page->action && !audit_action_parse(page->action, &action))
		problem_field(p, "/?action", "value", "the audit knows no such action");
	const char *cursor = http_req_query(req, "cursor");
	if (cursor && !answer_cursor_read(cursor, &page->before, unused))
		problem_field(p, "/?cursor", "format", "it is the `next` of the page before");
	if (!problem_any(p)) return true;
	http_problem(req, p);
	return false;
}

void audit_get(struct http_req *req, void *ctx)
{
	static const uint8_t none[UUID_LEN];
	struct gateway *gw = ctx;
	struct audit_page page = {0};
	struct problem p = {0};
	struct err e = {0};
	char next[ANSWER_CURSOR_MAX] = "";
	bool more = false;
	if (!read_query(req, &page, &p)) return;
	struct list x = {.items = json_array()};
	struct ledger *l = readers_take(gw->readers);
	int rc = ledger_audit_list(l, &page, add, &x, &more, &e);
	readers_give(gw->readers, l);
	if (!rc && x.failed) rc = err_set(&e, ERR_NOMEM, "audit");
	if (more) answer_cursor_write(x.last, none, next);
	if (rc)
		answer_error(gw, req, rc, &e);
	else
		http_reply_json(req, 200, json_pack("{s:O, s:s?}", "items", x.items, "next", more ? next : NULL));
	json_decref(x.items);
}
