/* See entryjson.h. Called by the gateway's and the county's registers. */
#include "shared/entryjson.h"

#include "shared/fields.h"
#include "shared/mask.h"

static json_t *due_json(const struct register_due *d)
{
	int rc = ERR_OK;
	json_t *o = json_object();
	if (!o) return NULL;
	casejson_text(o, "what", d->what, &rc);
	casejson_time(o, "due", d->due, &rc);
	caseview_set(o, "met", json_boolean(d->met), &rc);
	caseview_set(o, "overdue", json_boolean(d->overdue), &rc);
	return casejson_finish(o, rc);
}

static json_t *dues_json(const struct caseview *v, const struct register_days *d, const struct workdays *w, int64_t now,
                         int *rc)
{
	struct register_due due[REGISTERS_DUES];
	json_t *list = json_array();
	int n = registers_dues(v, d, w, now, due);
	if (!list) *rc = ERR_NOMEM;
	for (int i = 0; i < n; i++)
		if (json_array_append_new(list, due_json(&due[i]))) *rc = ERR_NOMEM;
	return list;
}

json_t *entryjson_summary(const struct caseview *v, const struct register_days *d, const struct workdays *w,
                          int64_t now, int *rc)
{
	enum register_kind k = REGISTER_INQUIRY;
	json_t *o = json_object();
	if (!o) *rc = ERR_NOMEM;
	(void)registers_of(v, &k);
	casejson_id(o, "id", v->id, rc);
	casejson_text(o, "register", registers_name(k), rc);
	casejson_text(o, "register_name", registers_zh(k), rc);
	casejson_text(o, "station", v->station, rc);
	casejson_text(o, "state", state_name(v->state), rc);
	casejson_text(o, "holder", v->holder, rc);
	casejson_time(o, "opened_at", v->received_at, rc);
	casejson_time(o, "updated_at", v->updated_at, rc);
	caseview_set(o, "revision", json_integer(v->revision), rc);
	casejson_text(o, "title", registers_title(v), rc);
	caseview_set(o, "dues", dues_json(v, d, w, now, rc), rc);
	return o;
}

/* One of a list that the fold keeps: who and when, and the body as it was written. */
static json_t *said(const json_t *from)
{
	int rc = ERR_OK;
	json_t *o = json_object(), *body = fields_copy(from);
	if (body) {
		(void)json_object_del(body, "at");
		(void)json_object_del(body, "actor");
	}
	casejson_time(o, "at", fields_int(from, "at", 0), &rc);
	casejson_text(o, "actor", fields_text(from, "actor"), &rc);
	caseview_set(o, "body", body, &rc);
	return casejson_finish(o, rc);
}

void entryjson_details(json_t *o, const struct caseview *v, bool rating, int *rc)
{
	static const char *const lists[] = {"answers", "passed", "steps", "reopened", "closed", "notes"};
	enum register_kind k = REGISTER_INQUIRY;
	(void)registers_of(v, &k);
	const json_t *block = json_object_get(v->doc, registers_name(k));
	json_t *one;
	bool hidden = k == REGISTER_CORRECTION && !rating;
	caseview_set(o, "entry", hidden ? mask_rating(block) : mask_block(block), rc);
	casejson_text(o, "note", fields_text(v->doc, "note"), rc);
	casejson_erased(o, v, rc);
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		size_t n;
		json_t *list = json_array();
		json_array_foreach(json_object_get(v->doc, lists[i]), n, one) {
			if (json_array_append_new(list, said(one))) *rc = ERR_NOMEM;
		}
		caseview_set(o, lists[i], list, rc);
	}
}

json_t *entryjson_actions(const struct caseview *v, const char *origin, int *rc)
{
	json_t *list = json_array();
	if (!list) *rc = ERR_NOMEM;
	for (int t = 0; t < EVENT_COUNT; t++) {
		const struct state_row *row;
		enum case_event type = (enum case_event)t;
		if (!registers_action(v, type) || caseview_may(v, type, origin, &row) != FIT_OK) continue;
		if (json_array_append_new(list, json_string(state_event_name(type)))) *rc = ERR_NOMEM;
	}
	return list;
}
