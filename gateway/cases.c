/* See cases.h. A registration is checked on the thread that serves, so that the writer's transaction holds only what
 * must be there; lists and single cases are read there too, each with a connection of its own. */
#include "gateway/cases.h"
#include "shared/ledger/read.h"
#include "shared/ledger/write.h"

#include "gateway/answer.h"
#include "gateway/calls.h"
#include "gateway/days.h"
#include "gateway/finder.h"
#include "gateway/people.h"
#include "gateway/present.h"
#include "gateway/readers.h"
#include "gateway/sessions.h"
#include "shared/body.h"
#include "shared/fields.h"
#include "shared/registers.h"
#include "shared/states.h"

#include <stdlib.h>
#include <string.h>

#define ITEM_MAX  40 /* characters of an item's code */
#define QUERY_MAX 100

/* --- registering --- */

static int append(struct ledger *l, struct call *c, struct err *e)
{
	const json_t *spot = fields_get(http_req_json(c->req), "on_the_spot");
	struct ledger_case *seen = c->lc.seen;
	memcpy(c->case_id, c->lc.key, UUID_LEN);
	if (spot) c->lc.seen = NULL; /* wanted as the last event leaves it */
	int rc = ledger_register_draft(l, &c->lc, c->draft, e);
	c->lc.seen = seen;
	return rc || !spot ? rc : ledger_register_end(l, &c->lc, spot, e);
}

static int append_submit(struct ledger *l, struct call *c, struct err *e)
{
	memcpy(c->case_id, c->lc.key, UUID_LEN);
	return ledger_submit(l, &c->lc, http_req_json(c->req), items_catalog(c->edition), c->item, e);
}

/* Only what this tier brings to its end can be ended at the window, and only with all its papers. */
static void check_spot(struct call *c, enum offer offer, struct problem *p)
{
	const json_t *request = http_req_json(c->req);
	if (!fields_get(request, "on_the_spot")) return;
	if (offer != OFFER_HANDLE)
		problem_field(p, "/on_the_spot", "not_allowed", "this station only takes the item in");
	else if (c->item->record != RECORD_APPLICATION)
		problem_field(p, "/on_the_spot", "not_allowed", "there is nothing to decide");
	else if (body_lacks_material(json_object_get(request, "materials"), c->item))
		problem_field(p, "/on_the_spot", "not_allowed", "a material is missing");
}

/* Shape and people first, then what the catalog says of the item at this tier. */
static void check(struct call *c, const struct ledger_identity *id)
{
	const json_t *request = http_req_json(c->req);
	struct problem *p = &c->problem;
	c->item = catalog_find(items_catalog(c->edition), fields_text(request, "item"));
	if (!body_check_registration(request, c->item, c->lc.now.wall, p)) return;
	if (!c->item) {
		problem_set(p, PROBLEM_ITEM_UNKNOWN, NULL);
		problem_field(p, "/item", "value", "the catalog has no such item");
	} else if (c->item->offers[id->tier] == OFFER_NONE) {
		problem_set(p, PROBLEM_ITEM_NOT_OFFERED, NULL);
		problem_member(p, "office", items_office(c->item, id->tier));
	} else {
		check_spot(c, c->item->offers[id->tier], p);
	}
}

/* The same person and item within weeks is told, and taken all the same: there may be a reason. */
static void look_for_recent(struct call *c, struct ledger *l)
{
	struct err e = {0};
	const json_t *a = json_object_get(http_req_json(c->req), "applicant");
	if (!a) return;
	if (people_recent(l, fields_text(a, "id_type"), fields_text(a, "id_number"), c->item->code, c->lc.now.wall,
	                  &c->recent, &e))
		log_warn(&c->gw->log, "recent", "request=%s text=\"%s\"", http_req_id(c->req), e.msg);
}

/* What was received long ago and is ended only now has passed a term: whoever ends it says why. */
static void check_overtime(struct call *c)
{
	enum term_kind late[TERM_KINDS];
	const json_t *spot = fields_get(http_req_json(c->req), "on_the_spot");
	const struct workdays *w = days_get(c->gw->days);
	struct term_days d = terms_days(c->item);
	if (!spot || !c->draft || !w || *fields_text(fields_get(spot, "decision"), "overtime_reason")) return;
	int n = terms_late(ledger_draft_view(c->draft), EVENT_ACCEPT, &d, w, c->lc.now.wall, late);
	if (n)
		problem_field(&c->problem, "/on_the_spot/decision/overtime_reason", "required",
		              "the %s term has passed: say why", term_kind_name(late[0]));
}

/* All that can be made here is made here: one thread writes for all. */
static void submit(struct call *c, struct ledger *l)
{
	struct err e = {0};
	int rc = ERR_OK;
	look_for_recent(c, l);
	if (json_is_true(json_object_get(http_req_json(c->req), "in_advance")))
		c->append = append_submit;
	else if (!c->odd)
		rc = ledger_draft_new(l, &c->lc, http_req_json(c->req), items_catalog(c->edition), c->item, &c->draft,
		                      &e);
	if (!rc) check_overtime(c);
	if (rc)
		calls_fail(c, rc, &e);
	else if (problem_any(&c->problem))
		calls_refuse(c, l);
	else
		calls_submit(c);
}

void cases_post(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	if (!answer_no_query(req)) return;
	struct ledger *l = readers_take(gw->readers);
	const struct ledger_identity *id = ledger_identity(l);
	struct call *c = calls_new(gw, l, req, "POST /api/v1/cases");
	if (c) {
		c->append = append;
		c->registers = true;
		if (!id->enrolled || !c->edition) {
			problem_set(&c->problem, PROBLEM_NOT_ENROLLED, NULL);
			problem_member(&c->problem, "retry_after_s", json_integer(30));
		} else {
			check(c, id);
		}
		if (problem_any(&c->problem))
			calls_refuse(c, l);
		else
			submit(c, l);
	}
	readers_give(gw->readers, l);
}

/* --- one --- */

void cases_one_get(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	struct ledger_case c = {0};
	struct err e = {0};
	uint8_t id[UUID_LEN];
	char etag[PRESENT_ETAG_MAX];
	if (!answer_no_query(req)) return;
	if (!uuid_parse(http_req_param(req, "id"), id)) {
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
		return;
	}
	struct ledger *l = readers_take(gw->readers);
	struct present v = {.edition = items_get(gw->items),
	                    .identity = ledger_identity(l),
	                    .role = sessions_caller(req)->role,
	                    .days = days_get(gw->days),
	                    .now = clock_read(&gw->clock).wall};
	int rc = ledger_case_get(l, id, &c, &e);
	if (!rc && registers_is_item(c.view.item)) rc = ERR_NOTFOUND; /* an entry of a register */
	json_t *out = rc ? NULL : present_case(&v, l, &c, &e);
	if (out) {
		present_etag(&c, etag);
		http_reply_header(req, "ETag", etag);
		http_reply_json(req, 200, out);
	} else if (rc == (int)ERR_NOTFOUND) {
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
	} else {
		answer_error(gw, req, rc ? rc : (int)e.code, &e);
	}
	ledger_case_release(&c);
	items_put(v.edition);
	readers_give(gw->readers, l);
}

/* --- many --- */

static void read_list(const struct http_req *req, const struct items_edition *ed, struct finder_query *q,
                      struct problem *p)
{
	static const char *const dues[] = {[DUE_ANY] = "",
	                                   [DUE_OVERDUE] = "overdue",
	                                   [DUE_TODAY] = "today",
	                                   [DUE_SOON] = "soon",
	                                   [DUE_PAUSED] = "paused"};
	enum case_state state;
	const char *due = http_req_query(req, "due"), *sort = http_req_query(req, "sort");
	q->text = answer_query_text(req, "q", QUERY_MAX, true, p);
	q->item = answer_query_text(req, "item", ITEM_MAX, false, p);
	q->state = http_req_query(req, "state");
	q->limit = (int)answer_query_int(req, "limit", 1, LIMIT_PAGE, LIMIT_PAGE_DEFAULT, p);
	q->by_due = sort != NULL;
	q->before_at = q->by_due ? 0 : INT64_MAX;
	for (int i = DUE_OVERDUE; due && i <= DUE_PAUSED; i++)
		if (strcmp(due, dues[i]) == 0) q->due = (enum search_due)i;
	if (due && q->due == DUE_ANY) problem_field(p, "/?due", "value", "overdue, today, soon or paused is wanted");
	if (q->due == DUE_PAUSED && sort) problem_field(p, "/?sort", "not_allowed", "a paused term has no day yet");
	if (sort && strcmp(sort, "due") != 0) problem_field(p, "/?sort", "value", "due is wanted");
	if (sort && q->text) problem_field(p, "/?sort", "not_allowed", "not together with a search");
	const char *cursor = http_req_query(req, "cursor");
	if (q->state && !state_parse(q->state, &state)) problem_field(p, "/?state", "value", "no such state");
	if (q->item && ed && !items_known(ed, q->item))
		problem_field(p, "/?item", "value", "the catalog has no such item");
	if (cursor && !answer_cursor_read(cursor, &q->before_at, q->before_id))
		problem_field(p, "/?cursor", "format", "not a cursor of this list");
}

struct page {
	const struct present *v;
	json_t *rows;
	bool failed;
};

static bool add_row(const struct ledger_case *c, void *arg)
{
	struct page *p = arg;
	p->failed = json_array_append_new(p->rows, present_summary(p->v, c)) != 0;
	return !p->failed;
}

static void answer_page(struct http_req *req, const struct page *p, const struct finder_query *q, bool more)
{
	char cursor[ANSWER_CURSOR_MAX];
	answer_cursor_write(q->last_at, q->last_id, cursor);
	http_reply_json(req, 200, json_pack("{s:O, s:s?}", "items", p->rows, "next", more ? cursor : NULL));
}

void cases_get(struct http_req *req, void *ctx)
{
	static const char *const known[] = {"q", "state", "item", "due", "sort", "cursor", "limit", NULL};
	struct gateway *gw = ctx;
	struct finder_query q = {0};
	struct problem p = {0};
	struct err e = {0};
	bool more = false;
	if (!http_req_query_only(req, known)) return;
	struct ledger *l = readers_take(gw->readers);
	struct present v = {.edition = items_get(gw->items),
	                    .identity = ledger_identity(l),
	                    .days = days_get(gw->days),
	                    .now = clock_read(&gw->clock).wall};
	struct page page = {.v = &v, .rows = json_array()};
	q.v = &v;
	read_list(req, v.edition, &q, &p);
	int rc = problem_any(&p) ? ERR_OK : finder_list(gw->search, l, &q, add_row, &page, &more, &e);
	if (problem_any(&p))
		http_problem(req, &p);
	else if (rc == (int)ERR_BUSY)
		answer_later(req, PROBLEM_BUSY, 2);
	else if (rc)
		answer_error(gw, req, rc, &e);
	else if (!page.rows || page.failed)
		answer_later(req, PROBLEM_BUSY, 1);
	else
		answer_page(req, &page, &q, more);
	json_decref(page.rows);
	items_put(v.edition);
	readers_give(gw->readers, l);
}
