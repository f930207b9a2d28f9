/* See present.h. Members follow schema/openapi/common.yaml in name and order; what a case does not have is null. */
#include "gateway/present.h"
#include "shared/files.h"
#include "shared/ledger/blob.h"
#include "shared/ledger/read.h"
#include "shared/text.h"

#include "shared/entryjson.h"

#include "shared/body.h"
#include "shared/caseview.h"
#include "shared/fields.h"
#include "shared/mask.h"

#include <stdio.h>
#include <string.h>

void present_etag(const struct ledger_case *c, char out[PRESENT_ETAG_MAX])
{
	(void)snprintf(out, PRESENT_ETAG_MAX, "\"%lld\"", (long long)c->view.revision);
}

static json_t *base(const struct present *v, const struct ledger_case *c, int *rc)
{
	json_t *o = casejson_base(&c->view, items_case_name(v->edition, &c->view), rc);
	casejson_text(o, "sync", ledger_sync_name(c->sync), rc);
	return o;
}

json_t *present_summary(const struct present *v, const struct ledger_case *c)
{
	int rc = ERR_OK;
	json_t *o = base(v, c, &rc);
	struct term_days days = items_case_days(v->edition, &c->view);
	casejson_title(o, &c->view, &rc);
	casejson_next_term(o, &c->view, &days, v->days, v->now, &rc);
	return casejson_finish(o, rc);
}

bool present_next_term(const struct present *v, const struct ledger_case *c, struct term *out)
{
	struct term_days days = items_case_days(v->edition, &c->view);
	return v->days && terms_next(&c->view, &days, v->days, v->now, out);
}

/* --- the whole case --- */

static json_t *actions(const struct present *v, const struct ledger_case *c)
{
	json_t *list = json_array();
	enum offer offer = items_case_offer(v->edition, &c->view, v->identity->tier);
	for (int t = 0; t < EVENT_COUNT && v->role & ROLE_WINDOW; t++) {
		const struct state_row *row = NULL;
		enum case_event type = (enum case_event)t;
		bool take_in = type == EVENT_RECEIVE && c->view.state == STATE_SUBMITTED;
		if (!take_in && (!body_is_act(type) || caseview_once(&c->view, type, NULL) == FIT_STEP)) continue;
		if (caseview_may(&c->view, type, v->identity->station, &row) != FIT_OK) continue;
		if (!caseview_level(row, offer)) continue;
		if (row->who == WHO_HEAD && v->role != ROLE_LEAD) continue;
		(void)json_array_append_new(list, json_string(state_event_name(type)));
	}
	return list;
}

json_t *present_case_with(const struct present *v, const struct ledger_case *c, json_t *refused, json_t *files)
{
	const struct caseview *w = &c->view;
	int rc = ERR_OK;
	json_t *o = base(v, c, &rc);
	struct term_days days = items_case_days(v->edition, w);
	casejson_details(o, w, &rc);
	casejson_terms(o, w, &days, v->days, v->now, &rc);
	caseview_set(o, "actions", actions(v, c), &rc);
	caseview_set(o, "refused", refused, &rc);
	caseview_set(o, "files", files, &rc);
	bool ours = strcmp(w->station, v->identity->station) == 0 && *w->token;
	caseview_set(o, "progress_token", ours ? json_string(w->token) : json_null(), &rc);
	return casejson_finish(o, rc);
}

/* --- an entry of a register --- */

json_t *present_entry_summary(const struct present *v, const struct ledger_case *c)
{
	int rc = ERR_OK;
	json_t *o = entryjson_summary(&c->view, v->registers, v->days, v->now, &rc);
	casejson_text(o, "sync", ledger_sync_name(c->sync), &rc);
	return casejson_finish(o, rc);
}

json_t *present_entry(const struct present *v, const struct ledger_case *c, json_t *refused)
{
	int rc = ERR_OK;
	json_t *o = present_entry_summary(v, c);
	if (!o) {
		json_decref(refused);
		return NULL;
	}
	entryjson_details(o, &c->view, v->role == ROLE_LEAD, &rc);
	json_t *actions = v->role & ROLE_WINDOW ? entryjson_actions(&c->view, v->identity->station, &rc) : json_array();
	caseview_set(o, "actions", actions, &rc);
	caseview_set(o, "refused", refused, &rc);
	return casejson_finish(o, rc);
}

/* --- refusals --- */

struct refusals {
	struct ledger_refusal *list;
	int rc;
};

static bool note_refusal(const struct ledger_history *h, void *arg)
{
	struct refusals *r = arg;
	int mended = 0;
	if (!h->own) return true;
	json_t *body = event_body(&h->ev);
	r->rc = ledger_refusals_note(&r->list, h, body, &mended, NULL);
	json_decref(body);
	return r->rc == ERR_OK;
}

static json_t *refusal_json(const struct ledger_refusal *r, int *rc)
{
	json_t *one = json_object();
	if (!one) *rc = ERR_NOMEM;
	casejson_id(one, "event", r->id, rc);
	casejson_text(one, "type", r->type, rc);
	casejson_text(one, "code", r->code, rc);
	casejson_text(one, "pointer", r->pointer, rc);
	casejson_text(one, "message", r->message, rc);
	return one;
}

json_t *present_refusals(struct ledger *l, const struct ledger_case *c, struct err *e)
{
	struct refusals r = {0};
	json_t *list = json_array();
	int rc = list ? ERR_OK : err_set(e, ERR_NOMEM, "refusals");
	if (!rc && c->sync == SYNC_REFUSED) rc = ledger_case_history(l, c->view.id, note_refusal, &r, e);
	if (!rc) rc = r.rc;
	for (const struct ledger_refusal *one = r.list; one && !rc; one = one->next)
		if (json_array_append_new(list, refusal_json(one, &rc))) rc = ERR_NOMEM;
	if (rc && e && !e->code) (void)err_set(e, ERR_NOMEM, "refusals");
	ledger_refusals_free(&r.list);
	return casejson_finish(list, rc);
}

/* --- its photos --- */

struct shown {
	struct ledger *l;
	json_t *list;
	struct err *e;
};

static int show_file(const struct file_ref *f, void *arg)
{
	struct shown *x = arg;
	struct ledger_blob b = {0};
	struct err none = {0};
	char hex[TEXT_HEX_LEN(DIGEST_LEN)];
	text_hex(f->sha256, DIGEST_LEN, hex);
	int rc = ledger_blob_get(x->l, f->sha256, &b, &none);
	bool here = !rc && !b.dropped_at;
	if (rc == (int)ERR_NOTFOUND) rc = ledger_blob_mark_get(x->l, f->sha256, &b, &none);
	if (rc && rc != (int)ERR_NOTFOUND) return err_set(x->e, (enum err_code)rc, "%s", none.msg);
	json_t *one = json_pack("{s:s, s:b, s:b}", "sha256", hex, "here", here, "at_county", b.marked);
	return json_array_append_new(x->list, one) ? err_set(x->e, ERR_NOMEM, "files") : ERR_OK;
}

json_t *present_files(struct ledger *l, const struct caseview *v, struct err *e)
{
	struct shown x = {.l = l, .list = json_array(), .e = e};
	int rc =
	    x.list ? files_each(json_object_get(v->doc, "materials"), show_file, &x) : err_set(e, ERR_NOMEM, "files");
	if (!rc) return x.list;
	json_decref(x.list);
	return NULL;
}

json_t *present_case(const struct present *v, struct ledger *l, const struct ledger_case *c, struct err *e)
{
	json_t *refused = present_refusals(l, c, e);
	if (!refused) return NULL;
	json_t *files = present_files(l, &c->view, e);
	if (!files) {
		json_decref(refused);
		return NULL;
	}
	json_t *o = present_case_with(v, c, refused, files);
	if (!o) (void)err_set(e, ERR_NOMEM, "case");
	return o;
}

/* --- events --- */

static json_t *refusal(const struct ledger_history *h)
{
	if (h->sync != SYNC_REFUSED) return json_null();
	return json_pack("{s:s, s:s, s:s}", "code", h->code ? h->code : "unknown", "pointer",
	                 h->pointer ? h->pointer : "", "message", h->message ? h->message : "");
}

json_t *present_event(const struct ledger_history *h)
{
	int rc = ERR_OK;
	json_t *o = json_object(), *body = event_body(&h->ev);
	if (!o) rc = ERR_NOMEM;
	casejson_id(o, "id", h->ev.id, &rc);
	caseview_set(o, "seq", h->ev.seq ? json_integer(h->ev.seq) : json_null(), &rc);
	casejson_text(o, "type", h->ev.type, &rc);
	casejson_time(o, "at", h->ev.at, &rc);
	casejson_text(o, "clock", clock_quality_name(h->ev.quality), &rc);
	if (h->corrected)
		casejson_time(o, "corrected_at", h->corrected, &rc);
	else
		caseview_set(o, "corrected_at", json_null(), &rc);
	casejson_text(o, "actor", h->ev.actor, &rc);
	caseview_set(o, "device", *h->ev.device ? json_string(h->ev.device) : json_null(), &rc);
	casejson_text(o, "origin", h->ev.origin, &rc);
	caseview_set(o, "body", mask_body(h->ev.type, body), &rc);
	json_decref(body);
	casejson_text(o, "sync", ledger_sync_name(h->sync), &rc);
	caseview_set(o, "fits", json_boolean(h->fits), &rc);
	caseview_set(o, "refusal", refusal(h), &rc);
	return casejson_finish(o, rc);
}
