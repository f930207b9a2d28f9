/* 网上申请: an application that is made before anybody takes its papers in. It has no receipt number and no terms run; the
 * window looks it over (预审), gives it back or takes it in. See write.h. */
#include "shared/ledger/internal.h"
#include "shared/ledger/write.h"

#include "shared/fields.h"

#include <string.h>

static bool set(json_t *o, const char *name, json_t *value)
{
	return value && json_object_set_new(o, name, value) == 0;
}

int ledger_submit(struct ledger *l, struct ledger_call *call, const json_t *request, const struct catalog *cat,
                  const struct catalog_item *item, struct err *e)
{
	char token[17];
	ledger_random_token(token);
	json_t *b = fields_copy(request);
	bool ok = b && json_object_del(b, "in_advance") == 0 && set(b, "catalog", json_string(catalog_name(cat))) &&
	          set(b, "catalog_version", json_integer(catalog_version(cat))) &&
	          set(b, "record", json_string(record_name(item->record))) && set(b, "token", json_string(token));
	int rc = ok ? ledger_append(l, call, call->key, "submit", b, e) : err_set(e, ERR_NOMEM, "application");
	if (!rc) rc = ledger_project_seen(l, call->key, call->seen, e);
	json_decref(b);
	return rc;
}

/* What stays of an application: the catalog that it was made under, its kind, its token. */
static bool keep(json_t *b, const struct caseview *v)
{
	static const char *const kept[] = {"catalog", "catalog_version", "record"};
	bool ok = set(b, "token", json_string(v->token));
	for (size_t i = 0; i < sizeof kept / sizeof *kept && ok; i++)
		ok = set(b, kept[i], fields_deep_copy(json_object_get(v->doc, kept[i])));
	return ok;
}

int ledger_resubmit(struct ledger *l, struct ledger_call *call, const uint8_t case_id[UUID_LEN], int64_t if_revision,
                    const json_t *request, enum offer offer, struct problem *p, struct err *e)
{
	struct ledger_case c = {0};
	const struct ledger_act a = {case_id, if_revision, EVENT_RESUBMIT, request, offer};
	int rc = ledger_may_act(l, &a, call->now.wall, &c, p, e);
	if (!rc && !problem_any(p) && strcmp(fields_text(request, "item"), c.view.item) != 0)
		problem_field(p, "/body/item", "value", "another item is another application");
	json_t *b = rc || problem_any(p) ? NULL : fields_copy(request);
	if (!rc && !problem_any(p)) {
		rc = b && keep(b, &c.view) ? ledger_append(l, call, case_id, "resubmit", b, e)
		                           : err_set(e, ERR_NOMEM, "application");
		if (!rc) rc = ledger_project_seen(l, case_id, call->seen, e);
	}
	json_decref(b);
	ledger_case_release(&c);
	return rc;
}

/* The application as the window takes it in: as it was made, with what the window changes. New, NULL without memory. */
static json_t *taken_in(const struct caseview *v, const json_t *changes, int64_t now, const char *receipt)
{
	static const char *const asked[] = {"applicant", "service", "activity", "mediation",
	                                    "agent",     "channel", "note",     "materials"};
	json_t *b = json_object();
	bool ok = b && keep(b, v) && set(b, "item", json_string(v->item)) && set(b, "received_at", json_integer(now)) &&
	          set(b, "receipt_number", json_string(receipt));
	for (size_t i = 0; i < sizeof asked / sizeof *asked && ok; i++) {
		json_t *m = fields_get(changes, asked[i]);
		if (!m) m = fields_get(v->doc, asked[i]);
		if (m) ok = set(b, asked[i], json_incref(m));
	}
	if (ok) return b;
	json_decref(b);
	return NULL;
}

static int append_taken_in(struct ledger *l, struct ledger_call *call, const struct caseview *v, const json_t *changes,
                           const struct catalog_item *item, struct err *e)
{
	char receipt[RECEIPT_MAX];
	json_t *second = NULL;
	int rc = ledger_next_receipt(l, call->now.wall, receipt, e);
	if (rc) return rc;
	json_t *b = taken_in(v, changes, call->now.wall, receipt);
	rc = b ? ledger_append(l, call, v->id, "receive", b, e) : err_set(e, ERR_NOMEM, "application");
	const char *then = rc ? NULL : ledger_what_follows(&l->id, json_object_get(b, "materials"), item);
	if (then) {
		second = ledger_body_of_second(&l->id, then, item);
		rc = second ? ledger_append(l, call, v->id, then, second, e) : err_set(e, ERR_NOMEM, "application");
	}
	json_decref(second);
	json_decref(b);
	return rc ? rc : ledger_project_seen(l, v->id, call->seen, e);
}

int ledger_take_in(struct ledger *l, struct ledger_call *call, const uint8_t case_id[UUID_LEN], int64_t if_revision,
                   const json_t *changes, const struct catalog_item *item, enum offer offer, struct problem *p,
                   struct err *e)
{
	struct ledger_case c = {0};
	const struct ledger_act a = {case_id, if_revision, EVENT_RECEIVE, changes, offer};
	int rc = ledger_may_act(l, &a, call->now.wall, &c, p, e);
	if (!rc && !problem_any(p)) rc = append_taken_in(l, call, &c.view, changes, item, e);
	ledger_case_release(&c);
	return rc;
}
