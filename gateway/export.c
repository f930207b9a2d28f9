/* See export.h. Cases are found by the document's number, entries of registers by the telephone that was left there. All is
 * read before the audit's rows are written, in the same transaction, and answered once they are on the disk. */
#include "gateway/export.h"

#include "gateway/answer.h"
#include "gateway/audit.h"
#include "gateway/items.h"
#include "gateway/people.h"
#include "gateway/sessions.h"
#include "shared/fields.h"
#include "shared/ledger/read.h"
#include "shared/personjson.h"
#include "shared/registers.h"

#include <stdlib.h>
#include <string.h>

#define CASES_MAX 200 /* of one person; `more` says that there are others */

static const struct field shape[] = {
    {.name = "id_type", .kind = FIELD_ENUM, .flags = FIELD_REQUIRED, .words = PEOPLE_ID_TYPES},
    {.name = "id_number", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 32},
    {.name = "phone", .kind = FIELD_LINE, .flags = FIELD_NULLABLE, .min = 1, .max = 20},
    {.name = "reason", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 2, .max = 200},
    {.name = NULL},
};

struct take {
	struct items_edition *edition;
	struct ledger *l;
	struct http_req *req;
	const char *phone, *reason;
	json_t *cases, *entries;
	bool more;
	int rc;
	struct err *e;
};

struct history {
	json_t *list;
	bool bad;
};

static bool add_event(const struct ledger_history *h, void *arg)
{
	struct history *x = arg;
	json_t *one = personjson_event(h->ev.type, h->corrected ? h->corrected : h->ev.at);
	x->bad = json_array_append_new(x->list, one) != 0;
	return !x->bad;
}

/* Each that is handed out is noted by its id. */
static int note(struct take *x, const struct caseview *v)
{
	char id[UUID_TEXT];
	uuid_text(v->id, id);
	return audit_note(x->l, x->req,
	                  &(struct audit_entry){.action = AUDIT_EXPORT, .subject = id, .reason = x->reason}, x->e);
}

static int add_case(struct take *x, const struct caseview *v, enum person_part part)
{
	struct history h = {.list = json_array()};
	int rc = ledger_case_history(x->l, v->id, add_event, &h, x->e);
	if (!rc && h.bad) rc = err_set(x->e, ERR_NOMEM, "export");
	if (rc) {
		json_decref(h.list);
		return rc;
	}
	json_t *one = personjson_case(v, items_case_name(x->edition, v), part, h.list);
	if (json_array_append_new(x->cases, one)) return err_set(x->e, ERR_NOMEM, "export");
	return note(x, v);
}

static int add_cases(struct take *x, const char *id_type, const char *id_number)
{
	static const size_t size = sizeof(uint8_t[UUID_LEN]);
	int n = 0;
	uint8_t(*ids)[UUID_LEN] = calloc(CASES_MAX + 1, size);
	if (!ids) return err_set(x->e, ERR_NOMEM, "export");
	int rc = ledger_case_find(x->l, id_number, ids, CASES_MAX + 1, &n, x->e);
	x->more = n > CASES_MAX;
	for (int i = 0; i < n && i < CASES_MAX && !rc; i++) {
		struct ledger_case c = {0};
		rc = ledger_case_get(x->l, ids[i], &c, x->e);
		enum person_part part = rc ? PERSON_NONE : personjson_part(&c.view, id_type, id_number);
		if (!rc && part != PERSON_NONE) rc = add_case(x, &c.view, part);
		ledger_case_release(&c);
	}
	free(ids);
	return rc;
}

static bool add_entry(const struct ledger_case *c, void *arg)
{
	struct take *x = arg;
	if (!personjson_entry(&c->view, x->phone)) return true;
	if (json_array_size(x->entries) == CASES_MAX) {
		x->more = true;
		return false;
	}
	if (json_array_append_new(x->entries, personjson_of_entry(&c->view)))
		x->rc = err_set(x->e, ERR_NOMEM, "export");
	else
		x->rc = note(x, &c->view);
	return !x->rc;
}

static int add_entries(struct take *x)
{
	bool more = false;
	int rc = ERR_OK;
	for (int k = 0; k < REGISTER_KINDS && *x->phone && !rc; k++) {
		const struct ledger_page all = {
		    .item = registers_item((enum register_kind)k), .before_at = INT64_MAX, .limit = INT32_MAX - 1};
		rc = ledger_case_list(x->l, &all, add_entry, x, &more, x->e);
		if (!rc) rc = x->rc;
	}
	return rc;
}

static json_t *answer(const struct take *x)
{
	int rc = ERR_OK;
	json_t *o = json_object();
	if (!o) return NULL;
	casejson_time(o, "made_at", ledger_now(x->l).wall, &rc);
	casejson_text(o, "station", ledger_identity(x->l)->station, &rc);
	caseview_set(o, "cases", json_incref(x->cases), &rc);
	caseview_set(o, "entries", json_incref(x->entries), &rc);
	caseview_set(o, "more", json_boolean(x->more), &rc);
	return casejson_finish(o, rc);
}

static void run(struct gateway *gw, struct http_req *req, struct ledger *l)
{
	struct problem p = {0};
	struct err e = {0};
	const json_t *asked = http_req_json(req);
	struct take x = {.edition = items_get(gw->items),
	                 .l = l,
	                 .req = req,
	                 .phone = fields_text(asked, "phone"),
	                 .reason = fields_text(asked, "reason"),
	                 .cases = json_array(),
	                 .entries = json_array(),
	                 .e = &e};
	int rc = x.cases && x.entries ? ledger_begin(l, &e) : err_set(&e, ERR_NOMEM, "export");
	if (!rc) rc = add_cases(&x, fields_text(asked, "id_type"), fields_text(asked, "id_number"));
	if (!rc) rc = add_entries(&x);
	if (!rc && !json_array_size(x.cases) && !json_array_size(x.entries)) problem_set(&p, PROBLEM_NOT_FOUND, NULL);
	if (sessions_end(gw, req, l, rc, &p, &e)) {
		http_reply_header(req, "Content-Disposition", "attachment; filename=\"person.json\"");
		http_reply_json(req, 200, answer(&x));
	}
	json_decref(x.cases);
	json_decref(x.entries);
	items_put(x.edition);
}

void export_post(struct http_req *req, void *ctx)
{
	if (people_asked(ctx, req, shape)) sessions_run(ctx, req, run);
}
