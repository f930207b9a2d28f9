/* See reveal.h. The event and the audit's row stand in one transaction, and the numbers are answered once they are on the
 * disk. A replay says that it was done, and shows nothing: who wants to see it again says why again. */
#include "gateway/reveal.h"

#include "gateway/answer.h"
#include "gateway/audit.h"
#include "gateway/calls.h"
#include "gateway/readers.h"
#include "shared/body.h"
#include "shared/fields.h"
#include "shared/ledger/write.h"
#include "shared/mask.h"
#include "shared/registers.h"

#include <stdio.h>
#include <string.h>

static int append(struct ledger *l, struct call *c, struct err *e)
{
	char id[UUID_TEXT];
	uuid_text(c->case_id, id);
	int rc = ledger_act(l, &c->lc, c->case_id, 0, EVENT_REVEAL, c->body, OFFER_HANDLE, &c->problem, e);
	if (rc || problem_any(&c->problem)) return rc;
	return audit_note(
	    l, c->req,
	    &(struct audit_entry){.action = AUDIT_REVEAL, .subject = id, .reason = fields_text(c->body, "reason")}, e);
}

static json_t *shape(const struct call *c)
{
	const char *what = fields_text(c->body, "what");
	json_t *block = c->replayed ? json_null() : mask_revealed(c->seen.view.doc, what);
	return json_pack("{s:s, s:o}", "what", what, "block", block);
}

/* There must be something to reveal, of the kind that the path names. */
static int check(struct call *c, struct ledger *l, const char *register_name, struct err *e)
{
	struct ledger_case seen = {0};
	enum register_kind k;
	int rc = ledger_case_get(l, c->case_id, &seen, e);
	if (rc) return rc;
	bool entry = registers_of(&seen.view, &k), whole = strcmp(fields_text(c->body, "what"), "entry") == 0;
	bool named = register_name ? entry && strcmp(registers_name(k), register_name) == 0 : !entry;
	json_t *block = mask_revealed(seen.view.doc, fields_text(c->body, "what"));
	if (!named)
		problem_set(&c->problem, PROBLEM_NOT_FOUND, NULL);
	else if (whole != entry || json_is_null(block))
		problem_field(&c->problem, "/what", "value", "there is nothing of that");
	json_decref(block);
	ledger_case_release(&seen);
	return ERR_OK;
}

static void start(struct call *c, struct ledger *l, const char *register_name)
{
	struct err e = {0};
	c->append = append;
	c->shape = shape;
	c->entry = register_name != NULL;
	c->body = http_req_json(c->req);
	int rc =
	    body_check(EVENT_REVEAL, c->body, c->lc.now.wall, &c->problem) ? check(c, l, register_name, &e) : ERR_OK;
	if (rc == (int)ERR_NOTFOUND) {
		problem_set(&c->problem, PROBLEM_NOT_FOUND, NULL);
		rc = ERR_OK;
	}
	if (rc)
		calls_fail(c, rc, &e);
	else if (problem_any(&c->problem))
		calls_refuse(c, l);
	else
		calls_submit(c);
}

static void post(struct gateway *gw, struct http_req *req, const char *register_name)
{
	uint8_t id[UUID_LEN];
	char text[UUID_TEXT], target[sizeof "POST /api/v1/registers/correction//reveal" + UUID_TEXT];
	if (!answer_no_query(req)) return;
	if (!uuid_parse(http_req_param(req, "id"), id)) {
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
		return;
	}
	uuid_text(id, text);
	(void)snprintf(target, sizeof target, "POST /api/v1/%s%s/%s/reveal", register_name ? "registers/" : "cases",
	               register_name ? register_name : "", text);
	struct ledger *l = readers_take(gw->readers);
	struct call *c = calls_new(gw, l, req, target);
	if (c) {
		memcpy(c->case_id, id, UUID_LEN);
		start(c, l, register_name);
	}
	readers_give(gw->readers, l);
}

void reveal_post(struct http_req *req, void *ctx)
{
	post(ctx, req, NULL);
}

void reveal_entry_post(struct http_req *req, void *ctx)
{
	enum register_kind k;
	if (registers_parse(http_req_param(req, "register"), &k))
		post(ctx, req, registers_name(k));
	else
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
}
