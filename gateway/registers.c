/* See registers.h. An entry is a record of the ledger as a case is: the writer's transaction, replays, history and sync are
 * those of cases (calls.c, acts.c). */
#include "gateway/registers.h"

#include "gateway/acts.h"
#include "gateway/answer.h"
#include "gateway/calls.h"
#include "gateway/days.h"
#include "gateway/present.h"
#include "gateway/readers.h"
#include "gateway/sessions.h"
#include "shared/body.h"
#include "shared/fields.h"
#include "shared/ledger/read.h"
#include "shared/ledger/write.h"
#include "shared/registers.h"

#include <stdio.h>
#include <string.h>

static const struct field shape[] = {
    {.name = "entry", .kind = FIELD_ANY, .flags = FIELD_REQUIRED},
    {.name = "opened_at", .kind = FIELD_TIME, .flags = FIELD_NULLABLE},
    {.name = "note", .kind = FIELD_ANY, .flags = FIELD_NULLABLE},
    {.name = "answer", .kind = FIELD_ANY, .flags = FIELD_NULLABLE},
    {.name = "close", .kind = FIELD_ANY, .flags = FIELD_NULLABLE},
    {.name = NULL},
};

/* The register of the path; answers 404 and returns false where there is none. */
static bool read_kind(struct http_req *req, enum register_kind *kind)
{
	if (registers_parse(http_req_param(req, "register"), kind)) return true;
	http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
	return false;
}

/* --- opening --- */

static int append(struct ledger *l, struct call *c, struct err *e)
{
	const json_t *request = http_req_json(c->req);
	memcpy(c->case_id, c->lc.key, UUID_LEN);
	return ledger_entry(l, &c->lc, c->made, fields_get(request, "answer"), fields_get(request, "close"), e);
}

/* Who was asked first, or served outside of hours, is who writes it down unless another is named. */
static void fill_in(json_t *entry, enum register_kind kind, const char *display, int *rc)
{
	const char *name = kind == REGISTER_INQUIRY ? "first_asked" : kind == REGISTER_HOURS ? "staff" : NULL;
	if (name && !fields_get(entry, name)) caseview_set(entry, name, json_string(display), rc);
}

/* The body of entry_open from REQUEST, opened at AT where it does not say; NULL without memory. */
static json_t *opening(const struct call *c, const json_t *request, enum register_kind kind, int64_t at)
{
	int rc = ERR_OK;
	json_t *body = json_object(), *entry = fields_copy(fields_get(request, "entry")),
	       *note = fields_get(request, "note");
	(void)clock_parse(fields_text(request, "opened_at"), &at);
	if (json_is_object(entry)) fill_in(entry, kind, sessions_caller(c->req)->account.display, &rc);
	caseview_set(body, "register", json_string(registers_name(kind)), &rc);
	caseview_set(body, "opened_at", json_integer(at), &rc);
	caseview_set(body, registers_name(kind), entry, &rc);
	if (note) caseview_set(body, "note", json_incref(note), &rc);
	if (!rc) return body;
	json_decref(body);
	return NULL;
}

/* Moves the field errors of an event's body to where its parts stand in the request. */
static void tell(const struct problem *inner, const char *was, const char *is, struct problem *p)
{
	size_t i, len = strlen(was);
	json_t *one;
	json_array_foreach(inner->errors, i, one) {
		char pointer[160];
		const char *at = fields_text(one, "pointer");
		bool moved = strncmp(at, was, len) == 0;
		(void)snprintf(pointer, sizeof pointer, "%s%s", moved ? is : "", moved ? at + len : at);
		problem_field(p, pointer, fields_text(one, "code"), "%s", fields_text(one, "message"));
	}
}

static void check_part(const struct call *c, enum case_event type, const char *name, struct problem *p)
{
	char is[16];
	struct problem inner = {0};
	const json_t *part = fields_get(http_req_json(c->req), name);
	(void)snprintf(is, sizeof is, "/%s", name);
	if (part && !body_check(type, part, c->lc.now.wall, &inner)) tell(&inner, "", is, p);
	problem_release(&inner);
}

/* What comes with the opening must be allowed behind it: an answer where questions are asked, the end where it is reached. */
static void check_order(const struct call *c, enum register_kind kind, struct problem *p)
{
	const json_t *request = http_req_json(c->req);
	bool asks = kind == REGISTER_INQUIRY || kind == REGISTER_STUCK,
	     answered = fields_get(request, "answer") != NULL;
	bool ends = kind == REGISTER_HOURS || (asks && answered);
	if (answered && !asks) problem_field(p, "/answer", "not_allowed", "an entry of this register has none");
	if (fields_get(request, "close") && !ends)
		problem_field(p, "/close", "not_allowed", "something else comes before the end");
}

/* Makes C's body of entry_open and checks it; false when nothing could be made. */
static bool make_opening(struct call *c, const json_t *request, enum register_kind kind, int64_t at)
{
	char was[24];
	struct problem inner = {0}, *p = &c->problem;
	if (kind == REGISTER_CORRECTION) {
		problem_field(p, "", "not_allowed", "a bad rating opens it, nobody does by hand");
		return false;
	}
	c->made = opening(c, request, kind, at);
	if (!c->made) {
		problem_set(p, PROBLEM_BUSY, "out of memory");
		return false;
	}
	(void)snprintf(was, sizeof was, "/%s", registers_name(kind));
	if (!body_check(EVENT_ENTRY_OPEN, c->made, c->lc.now.wall, &inner)) tell(&inner, was, "/entry", p);
	problem_release(&inner);
	return true;
}

void registers_check_again(struct call *c, const struct ledger_case *seen)
{
	static const char *const later[] = {"answer", "close"};
	enum register_kind kind;
	uint8_t refused[UUID_LEN];
	struct problem *p = &c->problem;
	json_t *bare = fields_copy(c->body);
	if (!bare || !registers_of(&seen->view, &kind)) {
		problem_set(p, PROBLEM_INTERNAL, NULL);
		json_decref(bare);
		return;
	}
	(void)json_object_del(bare, "amends");
	for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
		char pointer[16];
		(void)snprintf(pointer, sizeof pointer, "/%s", later[i]);
		if (fields_get(bare, later[i]))
			problem_field(p, pointer, "not_allowed", "the entry goes on from its opening");
	}
	if (!body_amends(c->body, refused)) problem_field(p, "/amends", "required", "the id of the refused opening");
	if (fields_check(bare, shape, "", p) && make_opening(c, bare, kind, seen->view.received_at) &&
	    !problem_any(p) && json_object_set(c->made, "amends", json_object_get(c->body, "amends")))
		problem_set(p, PROBLEM_BUSY, "out of memory");
	c->body = c->made;
	json_decref(bare);
}

static void check(struct call *c, enum register_kind kind)
{
	struct problem *p = &c->problem;
	if (!fields_check(http_req_json(c->req), shape, "", p)) return;
	if (!make_opening(c, http_req_json(c->req), kind, c->lc.now.wall)) return;
	check_part(c, EVENT_ENTRY_ANSWER, "answer", p);
	check_part(c, EVENT_ENTRY_CLOSE, "close", p);
	check_order(c, kind, p);
}

void registers_post(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	enum register_kind kind;
	char target[64];
	if (!answer_no_query(req) || !read_kind(req, &kind)) return;
	(void)snprintf(target, sizeof target, "POST /api/v1/registers/%s", registers_name(kind));
	struct ledger *l = readers_take(gw->readers);
	struct call *c = calls_new(gw, l, req, target);
	if (c) {
		c->append = append;
		c->entry = true;
		c->registers = true;
		if (!ledger_identity(l)->enrolled)
			problem_set(&c->problem, PROBLEM_NOT_ENROLLED, NULL);
		else
			check(c, kind);
		if (problem_any(&c->problem))
			calls_refuse(c, l);
		else
			calls_submit(c);
	}
	readers_give(gw->readers, l);
}

/* --- reading --- */

static struct present eyes(struct gateway *gw, struct ledger *l, struct http_req *req)
{
	return (struct present){.identity = ledger_identity(l),
	                        .role = sessions_caller(req)->role,
	                        .days = days_get(gw->days),
	                        .registers = &gw->cfg.registers,
	                        .now = clock_read(&gw->clock).wall};
}

struct page {
	const struct present *v;
	json_t *rows;
	int64_t last_at;
	uint8_t last_id[UUID_LEN];
	bool failed;
};

static bool add_row(const struct ledger_case *c, void *arg)
{
	struct page *p = arg;
	p->failed = json_array_append_new(p->rows, present_entry_summary(p->v, c)) != 0;
	p->last_at = c->view.received_at;
	memcpy(p->last_id, c->view.id, UUID_LEN);
	return !p->failed;
}

static void read_list(const struct http_req *req, struct ledger_page *page, struct problem *p)
{
	enum case_state state;
	const char *cursor = http_req_query(req, "cursor");
	page->state = http_req_query(req, "state");
	page->limit = (int)answer_query_int(req, "limit", 1, LIMIT_PAGE, LIMIT_PAGE_DEFAULT, p);
	page->before_at = INT64_MAX;
	if (page->state && (!state_parse(page->state, &state) || state < STATE_OPEN))
		problem_field(p, "/?state", "value", "no such state of an entry");
	if (cursor && !answer_cursor_read(cursor, &page->before_at, page->before_id))
		problem_field(p, "/?cursor", "format", "not a cursor of this list");
}

void registers_get(struct http_req *req, void *ctx)
{
	static const char *const known[] = {"state", "cursor", "limit", NULL};
	struct gateway *gw = ctx;
	enum register_kind kind;
	struct ledger_page lp = {0};
	struct problem p = {0};
	struct err e = {0};
	bool more = false;
	char cursor[ANSWER_CURSOR_MAX];
	if (!http_req_query_only(req, known) || !read_kind(req, &kind)) return;
	read_list(req, &lp, &p);
	if (problem_any(&p)) {
		http_problem(req, &p);
		return;
	}
	lp.item = registers_item(kind);
	struct ledger *l = readers_take(gw->readers);
	struct present v = eyes(gw, l, req);
	struct page page = {.v = &v, .rows = json_array()};
	int rc = page.rows ? ledger_case_list(l, &lp, add_row, &page, &more, &e) : err_set(&e, ERR_NOMEM, "entries");
	if (!rc && page.failed) rc = err_set(&e, ERR_NOMEM, "entries");
	readers_give(gw->readers, l);
	if (rc) {
		answer_error(gw, req, rc, &e);
	} else {
		answer_cursor_write(page.last_at, page.last_id, cursor);
		http_reply_json(req, 200, json_pack("{s:O, s:s?}", "items", page.rows, "next", more ? cursor : NULL));
	}
	json_decref(page.rows);
}

/* Reads the entry of the path, of the register of the path; answers and returns false where there is none. */
static bool read_entry(struct gateway *gw, struct ledger *l, struct http_req *req, struct ledger_case *c)
{
	enum register_kind kind, is;
	uint8_t id[UUID_LEN];
	struct err e = {0};
	if (!read_kind(req, &kind)) return false;
	int rc = uuid_parse(http_req_param(req, "id"), id) ? ledger_case_get(l, id, c, &e) : (int)ERR_NOTFOUND;
	if (!rc && registers_of(&c->view, &is) && is == kind) return true;
	ledger_case_release(c);
	if (!rc || rc == (int)ERR_NOTFOUND)
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
	else
		answer_error(gw, req, rc, &e);
	return false;
}

void registers_one_get(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	struct ledger_case c = {0};
	struct err e = {0};
	char etag[PRESENT_ETAG_MAX];
	if (!answer_no_query(req)) return;
	struct ledger *l = readers_take(gw->readers);
	if (read_entry(gw, l, req, &c)) {
		struct present v = eyes(gw, l, req);
		json_t *refused = present_refusals(l, &c, &e);
		present_etag(&c, etag);
		http_reply_header(req, "ETag", etag);
		if (refused)
			http_reply_json(req, 200, present_entry(&v, &c, refused));
		else
			answer_error(gw, req, (int)e.code, &e);
		ledger_case_release(&c);
	}
	readers_give(gw->readers, l);
}

void registers_events_get(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	struct ledger_case c = {0};
	if (!answer_no_query(req)) return;
	struct ledger *l = readers_take(gw->readers);
	bool there = read_entry(gw, l, req, &c);
	ledger_case_release(&c);
	readers_give(gw->readers, l);
	if (there) acts_history(gw, req, true);
}

void registers_events_post(struct http_req *req, void *ctx)
{
	enum register_kind kind;
	if (!answer_no_query(req) || !read_kind(req, &kind)) return;
	acts_on(ctx, req, registers_name(kind));
}
