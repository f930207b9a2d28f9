/* See acts.h. What can be told from the call alone is checked on the thread that serves; whether the case's state, its
 * holder and the revision allow it, in the writer's transaction. */
#include "gateway/acts.h"
#include "shared/ledger/read.h"
#include "shared/ledger/write.h"

#include "gateway/answer.h"
#include "gateway/calls.h"
#include "gateway/days.h"
#include "gateway/present.h"
#include "gateway/readers.h"
#include "gateway/registers.h"
#include "shared/body.h"
#include "shared/fields.h"
#include "shared/mask.h"
#include "shared/registers.h"
#include "shared/states.h"
#include "shared/terms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct field shape[] = {
    {.name = "type", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = EVENT_TYPE_MAX - 1},
    {.name = "body", .kind = FIELD_ANY, .flags = FIELD_REQUIRED},
    {.name = NULL},
};

/* Moves the field errors of a body to where it stands in the call. */
static void prefix(const struct problem *p)
{
	size_t i;
	json_t *one;
	json_array_foreach(p->errors, i, one) {
		char pointer[256];
		const char *at = fields_text(one, "pointer");
		if (strncmp(at, "/body", 5) == 0) continue;
		(void)snprintf(pointer, sizeof pointer, "/body%s", at);
		(void)json_object_set_new(one, "pointer", json_string(pointer));
	}
}

static int append(struct ledger *l, struct call *c, struct err *e)
{
	if (c->type == EVENT_RECEIVE) {
		int again = ledger_register_again(l, &c->lc, c->case_id, c->body, c->item, &c->problem, e);
		prefix(&c->problem);
		return again;
	}
	int rc = ledger_act(l, &c->lc, c->case_id, c->revision, c->type, c->body, c->offer, &c->problem, e);
	prefix(&c->problem);
	return rc;
}

/* On an application that was made in advance (网上申请): it is made again, or its papers are taken in. */
static int append_advance(struct ledger *l, struct call *c, struct err *e)
{
	int rc = c->type == EVENT_RESUBMIT
	             ? ledger_resubmit(l, &c->lc, c->case_id, c->revision, c->body, c->offer, &c->problem, e)
	             : ledger_take_in(l, &c->lc, c->case_id, c->revision, c->body, c->item, c->offer, &c->problem, e);
	prefix(&c->problem);
	return rc;
}

/* A box passes a case up to its own township, or to the department that the item belonged to when the case was opened. */
static void check_forward(struct call *c, const struct ledger_identity *id)
{
	const char *to = fields_text(c->body, "to");
	bool township = *id->township && strcmp(to, id->township) == 0;
	bool department = c->department && *c->department && strcmp(to, c->department) == 0;
	if (!township && !department)
		problem_field(&c->problem, "/body/to", "value",
		              "neither this station's township nor the item's department");
}

/* An entry goes to the township, to a department that the catalog names, or to the county's service centre. */
static void check_pass(struct call *c, const struct ledger_identity *id)
{
	const char *to = fields_text(c->body, "to");
	const struct catalog *cat = c->edition ? items_catalog(c->edition) : NULL;
	bool known = !*to || strcmp(to, EVENT_COUNTY) == 0 || (*id->township && strcmp(to, id->township) == 0);
	for (size_t i = 0; cat && !known && i < catalog_count(cat); i++)
		known = strcmp(catalog_at(cat, i)->department, to) == 0;
	if (!known)
		problem_field(&c->problem, "/body/to", "value",
		              "neither this station's township, nor a department, nor county");
}

static void check_advance(struct call *c, const struct ledger_case *seen)
{
	struct problem *p = &c->problem;
	json_t *again = c->type == EVENT_RESUBMIT ? fields_copy(c->body) : NULL;
	c->append = append_advance;
	if (!c->item)
		problem_field(p, "", "value", "the catalog in force has no item %s", seen->view.item);
	else if (c->type == EVENT_RECEIVE)
		(void)body_check_taking_in(c->body, p);
	else if (!again || json_object_set_new(again, "in_advance", json_true()))
		problem_set(p, PROBLEM_BUSY, "out of memory");
	else
		(void)body_check_registration(again, c->item, c->lc.now.wall, p);
	json_decref(again);
	prefix(p);
}

/* Whoever amends a number gives its old value as it is shown to everybody: what stands there takes the mask's place. */
static void fill_in_old(struct call *c, const struct ledger_case *seen)
{
	const json_t *applicant = json_object_get(seen->view.doc, "applicant");
	const char *field = fields_text(c->body, "field");
	if (!applicant || !mask_is_of(applicant, field, fields_text(c->body, "old"))) return;
	c->made = fields_copy(c->body);
	if (!c->made ||
	    json_object_set_new(c->made, "old", json_string(fields_text(applicant, strrchr(field, '/') + 1))))
		problem_set(&c->problem, PROBLEM_BUSY, "out of memory");
	else
		c->body = c->made;
}

/* A registration in the place of a refused one: the same shape as the first, and `amends`. */
static void check_again(struct call *c, const struct ledger_identity *id)
{
	uint8_t refused[UUID_LEN];
	struct problem *p = &c->problem;
	json_t *bare = fields_copy(c->body);
	if (!bare) {
		problem_set(p, PROBLEM_INTERNAL, NULL);
		return;
	}
	(void)json_object_del(bare, "amends");
	c->item = catalog_find(items_catalog(c->edition), fields_text(bare, "item"));
	if (fields_get(bare, "on_the_spot"))
		problem_field(p, "/on_the_spot", "not_allowed", "the case goes on from its registration");
	if (!body_amends(c->body, refused))
		problem_field(p, "/amends", "required", "the id of the refused registration");
	(void)body_check_registration(bare, c->item, c->lc.now.wall, p);
	json_decref(bare);
	if (!problem_any(p) && !c->item)
		problem_field(p, "/item", "value", "the catalog has no such item");
	else if (!problem_any(p) && c->item->offers[id->tier] == OFFER_NONE)
		problem_field(p, "/item", "value", "this station's level does not offer it");
	prefix(p);
}

static void check_opened_again(struct call *c, const struct ledger_case *seen)
{
	registers_check_again(c, seen);
	prefix(&c->problem);
}

/* 超期原因: whoever ends a term that has passed says why. The county asks for none of what boxes have written. */
static void check_overtime(struct call *c, const struct ledger_case *seen)
{
	enum term_kind late[TERM_KINDS];
	const struct workdays *w = days_get(c->gw->days);
	struct term_days d = items_case_days(c->edition, &seen->view);
	if (!w || *fields_text(c->body, "overtime_reason")) return;
	int n = terms_late(&seen->view, c->type, &d, w, c->lc.now.wall, late);
	if (n)
		problem_field(&c->problem, "/body/overtime_reason", "required", "the %s term has passed: say why",
		              term_kind_name(late[0]));
}

static void check(struct call *c, const struct ledger_case *seen, const struct ledger_identity *id)
{
	const json_t *call = http_req_json(c->req);
	struct problem *p = &c->problem;
	if (!fields_check(call, shape, "", p)) return;
	c->body = json_object_get(call, "body");
	if (!state_event_parse(fields_text(call, "type"), &c->type))
		problem_field(p, "/type", "value", "no such event type");
	else if (c->type == EVENT_RESUBMIT && json_is_object(c->body))
		check_advance(c, seen);
	else if (c->type == EVENT_RECEIVE && seen->view.state == STATE_SUBMITTED && json_is_object(c->body))
		check_advance(c, seen);
	else if (c->type == EVENT_RECEIVE && json_is_object(c->body) && c->edition)
		check_again(c, id);
	else if (c->entry && c->type == EVENT_ENTRY_OPEN && json_is_object(c->body))
		check_opened_again(c, seen);
	else if (!(c->entry ? registers_is_act(c->type) : body_is_act(c->type)))
		problem_field(p, "/type", "not_allowed", "a station does not append this");
	else if (!json_is_object(c->body))
		problem_field(p, "/body", "type", "an object is wanted");
	else if (!body_check(c->type, c->body, c->lc.now.wall, p))
		prefix(p);
	else if (c->type == EVENT_FORWARD)
		check_forward(c, id);
	else if (c->type == EVENT_AMEND)
		fill_in_old(c, seen);
	else if (c->type == EVENT_ENTRY_PASS)
		check_pass(c, id);
	else
		check_overtime(c, seen);
}

/* "17", or * for any state. Weak tags never match (RFC 9110 section 13.1.1); a list of tags is not taken. */
static bool read_if_match(const struct http_req *req, int64_t *revision)
{
	const char *h = http_req_header(req, "If-Match");
	char *end = NULL;
	*revision = 0;
	if (!h || strcmp(h, "*") == 0) return true;
	if (h[0] != '"' || h[1] < '1' || h[1] > '9') return false;
	*revision = strtoll(h + 1, &end, 10);
	return end[0] == '"' && end[1] == '\0';
}

/* What the path names: a case (REGISTER NULL) or an entry of the register. */
static bool named(const struct caseview *v, const char *register_name)
{
	enum register_kind k;
	bool entry = registers_of(v, &k);
	return register_name ? entry && strcmp(registers_name(k), register_name) == 0 : !entry;
}

/* The case, or the entry of the register, as it stands, and what the catalog says of its item. */
static int find_case(struct call *c, struct ledger *l, const char *register_name, struct ledger_case *seen,
                     struct err *e)
{
	int rc = ledger_case_get(l, c->case_id, seen, e);
	if (rc) return rc;
	if (!named(&seen->view, register_name)) return err_set(e, ERR_NOTFOUND, "another kind of record");
	if (c->edition) c->item = catalog_find(items_catalog(c->edition), seen->view.item);
	c->offer = c->entry ? OFFER_HANDLE : items_case_offer(c->edition, &seen->view, ledger_identity(l)->tier);
	c->department = items_case_department(c->edition, &seen->view);
	return ERR_OK;
}

static void act(struct call *c, struct ledger *l, const char *register_name)
{
	struct err e = {0};
	struct ledger_case seen = {0};
	int rc = find_case(c, l, register_name, &seen, &e);
	if (rc && rc != (int)ERR_NOTFOUND) {
		problem_set(&c->problem, problem_from_err((enum err_code)rc), NULL);
		log_error(&c->gw->log, "case", "request=%s text=\"%s\"", http_req_id(c->req), e.msg);
	} else if (rc) {
		problem_set(&c->problem, PROBLEM_NOT_FOUND, NULL);
	} else if (!read_if_match(c->req, &c->revision)) {
		problem_set(&c->problem, PROBLEM_MALFORMED_REQUEST, "If-Match wants the ETag of the case");
	} else {
		check(c, &seen, ledger_identity(l));
	}
	ledger_case_release(&seen);
	if (problem_any(&c->problem))
		calls_refuse(c, l);
	else
		calls_submit(c);
}

void acts_post(struct http_req *req, void *ctx)
{
	acts_on(ctx, req, NULL);
}

void acts_on(struct gateway *gw, struct http_req *req, const char *register_name)
{
	uint8_t id[UUID_LEN];
	char text[UUID_TEXT], target[sizeof "POST /api/v1/registers/correction//events" + UUID_TEXT];
	if (!answer_no_query(req)) return;
	if (!uuid_parse(http_req_param(req, "id"), id)) {
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
		return;
	}
	uuid_text(id, text);
	(void)snprintf(target, sizeof target, "POST /api/v1/%s%s/%s/events", register_name ? "registers/" : "cases",
	               register_name ? register_name : "", text);
	struct ledger *l = readers_take(gw->readers);
	struct call *c = calls_new(gw, l, req, target);
	if (c) {
		c->append = append;
		c->entry = register_name != NULL;
		memcpy(c->case_id, id, UUID_LEN);
		act(c, l, register_name);
	}
	readers_give(gw->readers, l);
}

/* --- the history --- */

struct history {
	json_t *rows;
	bool failed, entry;
};

static bool add_event(const struct ledger_history *h, void *arg)
{
	struct history *x = arg;
	if (strcmp(h->ev.type, "entry_open") == 0) x->entry = true;
	x->failed = json_array_append_new(x->rows, present_event(h)) != 0;
	return !x->failed;
}

void acts_get(struct http_req *req, void *ctx)
{
	acts_history(ctx, req, false);
}

void acts_history(struct gateway *gw, struct http_req *req, bool entry)
{
	uint8_t id[UUID_LEN];
	struct err e = {0};
	struct history x = {0};
	if (!answer_no_query(req)) return;
	if (!uuid_parse(http_req_param(req, "id"), id)) {
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
		return;
	}
	x.rows = json_array();
	struct ledger *l = readers_take(gw->readers);
	int rc = x.rows ? ledger_case_history(l, id, add_event, &x, &e) : err_set(&e, ERR_NOMEM, "history");
	if (!rc && x.failed) rc = err_set(&e, ERR_NOMEM, "history");
	readers_give(gw->readers, l);
	if (rc == (int)ERR_NOTFOUND || (!rc && x.entry != entry))
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
	else if (rc)
		answer_error(gw, req, rc, &e);
	else
		http_reply_json(req, 200, json_pack("{s:O, s:n}", "items", x.rows, "next"));
	json_decref(x.rows);
}
