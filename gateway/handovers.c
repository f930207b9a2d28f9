/* See handovers.h. Nothing is stored for them: a hand-over is the `forward` in a case's history, its list is what that
 * event says or else what the case held then, and the receiver's first act is the receipt. The rows of the cases are
 * looked at newest first; only those that were handed over are read whole. */
#include "gateway/handovers.h"

#include "gateway/answer.h"
#include "gateway/documents.h"
#include "gateway/items.h"
#include "gateway/readers.h"
#include "shared/casejson.h"
#include "shared/db/db.h"
#include "shared/fields.h"
#include "shared/ledger/read.h"
#include "shared/papers.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MAX 1000 /* rows that one page looks at; where filters find less, it ends early with a cursor */
#define READ_MAX 150  /* and histories that it reads */
#define TO_MAX   50   /* characters of an office */

/* What became of it: the receiver's first act, and after a notice the act that ends it. */
enum outcome { WAITING, ACCEPTED, NOTICED, REFUSED, RETURNED, SENT_BACK, PASSED_ON, LAPSED, WITHDRAWN, OUTCOMES };
static const char *const outcome_names[OUTCOMES] = {"waiting",   "accepted",  "noticed", "refused",  "returned",
                                                    "sent_back", "passed_on", "lapsed",  "withdrawn"};
static const struct {
	enum case_event type;
	enum outcome outcome;
} answers[] = {
    {EVENT_ACCEPT, ACCEPTED},     {EVENT_DEEM_ACCEPT, ACCEPTED}, {EVENT_SUPPLEMENT_NOTICE, NOTICED},
    {EVENT_REFUSE, REFUSED},      {EVENT_NOT_REQUIRED, REFUSED}, {EVENT_RETURN, RETURNED},
    {EVENT_SEND_BACK, SENT_BACK}, {EVENT_FORWARD, PASSED_ON},    {EVENT_SUPPLEMENT_LAPSE, LAPSED},
    {EVENT_WITHDRAW, WITHDRAWN},
};

struct query {
	const char *to; /* NULL = any */
	bool in;        /* what came to this station; else what it passed on */
	int outcome;    /* -1 = any */
	int64_t after;  /* handed over later than this, ms */
	int limit;
	int64_t before_at;
	uint8_t before_id[UUID_LEN];
};

/* The last hand-over of one case in the direction asked for. */
struct handover {
	const char *me;
	bool in;
	int rc;
	/* as the history is walked */
	char holder[CASEVIEW_OFFICE_MAX], station[CASEVIEW_OFFICE_MAX];
	json_t *held; /* materials; owned */
	/* the hand-over; FOUND tells whether there is one */
	bool found;
	char from[CASEVIEW_OFFICE_MAX], to[CASEVIEW_OFFICE_MAX];
	int64_t at, taken_at; /* ms; TAKEN_AT 0 = nobody has yet */
	enum outcome outcome;
	json_t *body, *materials; /* owned */
};

static void release(struct handover *h)
{
	json_decref(h->held);
	json_decref(h->body);
	json_decref(h->materials);
}

static void copy(char out[CASEVIEW_OFFICE_MAX], const char *text)
{
	(void)snprintf(out, CASEVIEW_OFFICE_MAX, "%s", text);
}

/* What is brought later takes the place of what had its name. */
static void hold(struct handover *h, const json_t *materials)
{
	size_t i, k;
	json_t *one;
	if (!h->held) h->held = json_array();
	json_array_foreach(materials, i, one) {
		const char *name = fields_text(one, "name");
		for (k = 0; k < json_array_size(h->held); k++)
			if (strcmp(fields_text(json_array_get(h->held, k), "name"), name) == 0) break;
		if (k < json_array_size(h->held) ? json_array_set(h->held, k, one) : json_array_append(h->held, one))
			h->rc = ERR_NOMEM;
	}
}

static void hand_over(struct handover *h, json_t *body, int64_t at)
{
	json_t *list = fields_get(body, "materials");
	json_decref(h->body);
	json_decref(h->materials);
	h->body = json_incref(body);
	h->materials = list ? json_incref(list) : h->held ? fields_copy(h->held) : json_array();
	if (!h->materials) h->rc = ERR_NOMEM;
	copy(h->from, h->holder);
	copy(h->to, fields_text(body, "to"));
	h->at = at;
	h->taken_at = 0;
	h->outcome = WAITING;
	h->found = true;
}

static void answer(struct handover *h, enum case_event type, int64_t at)
{
	if (!h->found || (h->outcome != WAITING && h->outcome != NOTICED)) return;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		if (answers[i].type != type) continue;
		h->outcome = answers[i].outcome;
		h->taken_at = at;
	}
}

static bool walk(const struct ledger_history *row, void *arg)
{
	struct handover *h = arg;
	enum case_event type;
	int64_t at = row->corrected ? row->corrected : row->ev.at;
	if (!row->fits || !row->ev.body || !state_event_parse(row->ev.type, &type)) return true;
	json_t *body = event_body(&row->ev);
	if (type == EVENT_RECEIVE) {
		copy(h->station, row->ev.origin);
		copy(h->holder, row->ev.origin);
	}
	if (type == EVENT_RECEIVE || type == EVENT_SUPPLEMENT_COMPLETE) hold(h, json_object_get(body, "materials"));
	if (type == EVENT_FORWARD && strcmp(h->in ? fields_text(body, "to") : h->holder, h->me) == 0)
		hand_over(h, body, at);
	else
		answer(h, type, at);
	if (type == EVENT_FORWARD) copy(h->holder, fields_text(body, "to"));
	if (type == EVENT_SEND_BACK) copy(h->holder, h->station);
	json_decref(body);
	return !h->rc;
}

/* --- a row --- */

static json_t *row_json(const struct items_edition *ed, const struct ledger_case *c, struct handover *h)
{
	int rc = ERR_OK;
	json_t *o = json_object();
	const char *carrier = fields_text(h->body, "carrier");
	if (!o) rc = ERR_NOMEM;
	casejson_id(o, "case", c->view.id, &rc);
	casejson_text(o, "receipt_number", c->view.receipt, &rc);
	casejson_text(o, "item", c->view.item, &rc);
	casejson_text(o, "item_name", items_case_name(ed, &c->view), &rc);
	casejson_title(o, &c->view, &rc);
	casejson_text(o, "state", state_name(c->view.state), &rc);
	casejson_text(o, "sync", ledger_sync_name(c->sync), &rc);
	casejson_text(o, "from", h->from, &rc);
	casejson_text(o, "to", h->to, &rc);
	casejson_time(o, "passed_at", h->at, &rc);
	caseview_set(o, "materials", json_incref(h->materials), &rc);
	caseview_set(o, "carrier", *carrier ? json_string(carrier) : json_null(), &rc);
	casejson_text(o, "note", fields_text(h->body, "note"), &rc);
	casejson_text(o, "outcome", outcome_names[h->outcome], &rc);
	if (h->taken_at)
		casejson_time(o, "outcome_at", h->taken_at, &rc);
	else
		caseview_set(o, "outcome_at", json_null(), &rc);
	return casejson_finish(o, rc);
}

static bool passes(const struct query *q, const struct handover *h)
{
	return h->found && h->at > q->after && (!q->to || strcmp(q->to, h->to) == 0) &&
	       (q->outcome < 0 || q->outcome == (int)h->outcome);
}

/* The case's hand-over onto ROWS, where it has one that is asked for. */
static int take(struct ledger *l, const struct items_edition *ed, const struct query *q, const uint8_t id[UUID_LEN],
                json_t *rows, struct err *e)
{
	struct ledger_case c = {0};
	struct handover h = {.me = ledger_identity(l)->station, .in = q->in};
	int rc = ledger_case_history(l, id, walk, &h, e);
	if (!rc && h.rc) rc = err_set(e, ERR_NOMEM, "hand-over");
	if (!rc && passes(q, &h)) {
		rc = ledger_case_get(l, id, &c, e);
		if (!rc && json_array_append_new(rows, row_json(ed, &c, &h))) rc = err_set(e, ERR_NOMEM, "hand-over");
		ledger_case_release(&c);
	}
	release(&h);
	return rc;
}

/* --- the list --- */

struct page {
	json_t *rows;
	bool more;
	int64_t at; /* the last row that was looked at */
	uint8_t id[UUID_LEN];
};

/* May the case have been handed over in that direction? An own forward tells, or, where another box wrote it, the holder. */
static bool candidate(struct db_stmt *s, const struct query *q, const char *me)
{
	const char *station = db_text(s, 1), *holder = db_text(s, 2);
	bool ours = station && strcmp(station, me) == 0;
	if (q->in) return !ours;
	return db_int(s, 4) || (ours && holder && strcmp(holder, me) != 0);
}

static int fill(struct ledger *l, const struct items_edition *ed, const struct query *q, struct page *pg, struct err *e)
{
	int r = 0, rc = ERR_OK, looked = 0, read = 0;
	const char *me = ledger_identity(l)->station;
	struct db_stmt *s = db_query(ledger_db(l), QUERY_handover_rows, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "received_at", q->before_at);
	db_bind_blob(s, "id", q->before_id, UUID_LEN);
	db_bind_int(s, "limit", LOOK_MAX + 1);
	while (!rc && (r = db_step(s, e)) > 0) {
		if (looked++ == LOOK_MAX || read == READ_MAX || (int)json_array_size(pg->rows) == q->limit) {
			pg->more = true;
			break;
		}
		pg->at = db_int(s, 3);
		if (!db_copy_blob(s, 0, pg->id, UUID_LEN)) continue;
		if (!candidate(s, q, me)) continue;
		read++;
		rc = take(l, ed, q, pg->id, pg->rows, e);
	}
	db_reset(s);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

static bool one_of(const char *text, const char *const *names, int n, int *out)
{
	for (*out = 0; *out < n; (*out)++)
		if (strcmp(text, names[*out]) == 0) return true;
	return false;
}

static void read_query(const struct http_req *req, struct query *q, struct problem *p)
{
	static const char *const directions[] = {"out", "in"};
	const char *state = http_req_query(req, "state"), *after = http_req_query(req, "after");
	const char *direction = http_req_query(req, "direction"), *cursor = http_req_query(req, "cursor");
	int way = 0;
	*q = (struct query){.outcome = -1, .before_at = INT64_MAX};
	q->to = answer_query_text(req, "to", TO_MAX, false, p);
	q->limit = (int)answer_query_int(req, "limit", 1, LIMIT_PAGE, LIMIT_PAGE_DEFAULT, p);
	if (direction && !one_of(direction, directions, 2, &way))
		problem_field(p, "/?direction", "value", "out or in is wanted");
	q->in = way == 1;
	if (state && !one_of(state, outcome_names, OUTCOMES, &q->outcome))
		problem_field(p, "/?state", "value", "a hand-over has no such state");
	if (after && !clock_parse(after, &q->after)) problem_field(p, "/?after", "format", "not an RFC 3339 time");
	if (cursor && !answer_cursor_read(cursor, &q->before_at, q->before_id))
		problem_field(p, "/?cursor", "format", "not a cursor of this list");
}

static void answer_page(struct http_req *req, const struct page *pg)
{
	char cursor[ANSWER_CURSOR_MAX];
	answer_cursor_write(pg->at, pg->id, cursor);
	http_reply_json(req, 200, json_pack("{s:O, s:s?}", "items", pg->rows, "next", pg->more ? cursor : NULL));
}

/* The page that Q asks for; answers and returns false when it cannot be read. Release PG->rows. */
static bool read_page(struct gateway *gw, struct http_req *req, const struct query *q, struct page *pg,
                      struct papers_case *office)
{
	struct err e = {0};
	struct ledger *l = readers_take(gw->readers);
	struct items_edition *ed = items_get(gw->items);
	*pg = (struct page){.rows = json_array()};
	int rc = pg->rows ? fill(l, ed, q, pg, &e) : err_set(&e, ERR_NOMEM, "hand-overs");
	if (office) documents_office(gw, l, req, office);
	items_put(ed);
	readers_give(gw->readers, l);
	if (!rc) return true;
	json_decref(pg->rows);
	answer_error(gw, req, rc, &e);
	return false;
}

void handovers_get(struct http_req *req, void *ctx)
{
	static const char *const known[] = {"direction", "to", "after", "state", "cursor", "limit", NULL};
	struct query q;
	struct page pg;
	struct problem p = {0};
	if (!http_req_query_only(req, known)) return;
	read_query(req, &q, &p);
	if (problem_any(&p)) {
		http_problem(req, &p);
		return;
	}
	if (!read_page(ctx, req, &q, &pg, NULL)) return;
	answer_page(req, &pg);
	json_decref(pg.rows);
}

/* --- as a paper: a page of the list that goes to one office, signed by both sides --- */

static void paper(struct gateway *gw, struct http_req *req, const char *format, bool print)
{
	struct query q;
	struct page pg;
	struct problem p = {0};
	struct papers_case office = {.office = ""};
	read_query(req, &q, &p);
	if (!http_req_query(req, "to")) problem_field(&p, "/?to", "required", "a list is for one receiver");
	if (problem_any(&p)) {
		http_problem(req, &p);
		return;
	}
	if (!read_page(gw, req, &q, &pg, &office)) return;
	const struct documents_order order = {q.to, PAPERS_HANDOVERS, format, print};
	if (json_array_size(pg.rows))
		documents_make(gw, req, &order, papers_handovers(&office, q.to, pg.rows, pg.more));
	else
		http_problem_code(req, PROBLEM_NOT_FOUND, "nothing was passed on that the list would hold");
	json_decref(pg.rows);
}

void handovers_document_get(struct http_req *req, void *ctx)
{
	static const char *const known[] = {"to", "after", "state", "cursor", "limit", "format", NULL};
	if (!http_req_query_only(req, known)) return;
	const char *format = documents_format(req);
	if (format) paper(ctx, req, format, false);
}

void handovers_print_post(struct http_req *req, void *ctx)
{
	static const char *const known[] = {"to", "after", "state", "cursor", "limit", NULL};
	if (http_req_query_only(req, known) && documents_print_body(req)) paper(ctx, req, "roll", true);
}
