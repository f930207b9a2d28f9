/* See casejson.h. Called by the gateway's and the county's presenters; pure. */
#include "shared/casejson.h"

#include "shared/clock.h"
#include "shared/fields.h"
#include "shared/mask.h"

void casejson_text(json_t *o, const char *name, const char *text, int *rc)
{
	caseview_set(o, name, json_string(text), rc);
}

void casejson_time(json_t *o, const char *name, int64_t ms, int *rc)
{
	char text[CLOCK_TEXT];
	clock_text(ms, text);
	casejson_text(o, name, text, rc);
}

void casejson_id(json_t *o, const char *name, const uint8_t id[UUID_LEN], int *rc)
{
	char text[UUID_TEXT];
	uuid_text(id, text);
	casejson_text(o, name, text, rc);
}

json_t *casejson_finish(json_t *o, int rc)
{
	if (!rc) return o;
	json_decref(o);
	return NULL;
}

json_t *casejson_base(const struct caseview *v, const char *item_name, int *rc)
{
	json_t *o = json_object();
	if (!o) *rc = ERR_NOMEM;
	casejson_id(o, "id", v->id, rc);
	caseview_set(o, "receipt_number", *v->receipt ? json_string(v->receipt) : json_null(), rc);
	casejson_text(o, "station", v->station, rc);
	casejson_text(o, "item", v->item, rc);
	casejson_text(o, "item_name", item_name, rc);
	casejson_text(o, "record", fields_text(v->doc, "record"), rc);
	casejson_text(o, "state", state_name(v->state), rc);
	casejson_text(o, "holder", v->holder, rc);
	casejson_time(o, "received_at", v->received_at, rc);
	casejson_time(o, "updated_at", v->updated_at, rc);
	caseview_set(o, "revision", json_integer(v->revision), rc);
	return o;
}

void casejson_title(json_t *o, const struct caseview *v, int *rc)
{
	casejson_text(o, "title", caseview_title(v), rc);
}

/* Shares the member of the case's document, or null. */
static void share(json_t *o, const char *name, const json_t *doc, int *rc)
{
	json_t *m = fields_get(doc, name);
	caseview_set(o, name, m ? json_incref(m) : json_null(), rc);
}

/* The members that every ending shares, then those that some have. */
static json_t *outcome(const json_t *doc)
{
	static const char *const more[] = {"basis", "competent_organ", "remedies", "authoriser"};
	int rc = ERR_OK;
	const json_t *from = fields_get(doc, "outcome");
	if (!from) return json_null();
	json_t *o = json_object();
	casejson_text(o, "type", fields_text(from, "type"), &rc);
	casejson_text(o, "reason", fields_text(from, "reason"), &rc);
	casejson_time(o, "at", fields_int(from, "at", 0), &rc);
	for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
		json_t *m = json_object_get(from, more[i]);
		if (m) caseview_set(o, more[i], json_incref(m), &rc);
	}
	return casejson_finish(o, rc);
}

/* What an event made of the case: who, when, and its body as it was written. */
static json_t *fact(const json_t *from)
{
	int rc = ERR_OK;
	if (!from) return json_null();
	json_t *o = json_object();
	if (!o) return NULL;
	casejson_time(o, "at", fields_int(from, "at", 0), &rc);
	casejson_text(o, "actor", fields_text(from, "actor"), &rc);
	caseview_set(o, "body", json_incref(json_object_get(from, "body")), &rc);
	return casejson_finish(o, rc);
}

void casejson_details(json_t *o, const struct caseview *v, int *rc)
{
	static const char *const people[] = {"applicant", "service", "mediation", "agent"};
	static const char *const blocks[] = {"activity", "captured", "received_reason"};
	static const char *const facts[] = {"suspension", "extension", "decision", "completion", "delivery"};
	bool asked = v->state == STATE_SUPPLEMENT || v->state == STATE_REVIEW_SUPPLEMENT;
	json_t *materials = fields_get(v->doc, "materials");
	json_t *aliases = fields_get(v->doc, "aliases");
	caseview_set(o, "receipt_aliases", aliases ? json_incref(aliases) : json_array(), rc);
	casejson_text(o, "channel", fields_text(v->doc, "channel"), rc);
	if (v->accepted_at)
		casejson_time(o, "accepted_at", v->accepted_at, rc);
	else
		caseview_set(o, "accepted_at", json_null(), rc);
	for (size_t i = 0; i < sizeof people / sizeof *people; i++)
		caseview_set(o, people[i], mask_block(json_object_get(v->doc, people[i])), rc);
	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
		share(o, blocks[i], v->doc, rc);
	caseview_set(o, "rated", json_boolean(fields_get(v->doc, "rating") != NULL), rc);
	caseview_set(o, "deemed", json_boolean(json_is_true(json_object_get(v->doc, "deemed"))), rc);
	caseview_set(o, "materials", materials ? json_incref(materials) : json_array(), rc);
	casejson_text(o, "note", fields_text(v->doc, "note"), rc);
	if (asked)
		share(o, "supplement", v->doc, rc);
	else
		caseview_set(o, "supplement", json_null(), rc);
	caseview_set(o, "outcome", outcome(v->doc), rc);
	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
		caseview_set(o, facts[i], fact(json_object_get(v->doc, facts[i])), rc);
	casejson_erased(o, v, rc);
}

void casejson_erased(json_t *o, const struct caseview *v, int *rc)
{
	static const char *const told[] = {"why", "retention_years", "basis", "approver"};
	const json_t *from = fields_get(v->doc, "erased");
	if (!from) return;
	int bad = ERR_OK;
	json_t *e = json_object();
	casejson_time(e, "at", fields_int(from, "at", 0), &bad);
	casejson_time(e, "ended_at", fields_int(from, "ended_at", 0), &bad);
	for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
		json_t *m = fields_get(from, told[i]);
		if (m) caseview_set(e, told[i], json_incref(m), &bad);
	}
	caseview_set(o, "erased", casejson_finish(e, bad), rc);
}

/* Why the term was ended late, by whoever ended it; "" where nobody said. */
static const char *overtime_of(const struct caseview *v, const struct term *t)
{
	size_t i;
	json_t *one;
	json_array_foreach(json_object_get(v->doc, "overtime"), i, one) {
		if (t->end && fields_int(one, "at", 0) == t->end) return fields_text(one, "reason");
	}
	return "";
}

static json_t *warning(const struct term *t)
{
	return t->last ? json_string("last") : t->half ? json_string("half") : json_null();
}

static json_t *term(const struct caseview *v, const struct term *t)
{
	int rc = ERR_OK;
	json_t *o = json_object();
	if (!o) return NULL;
	casejson_text(o, "kind", term_kind_name(t->kind), &rc);
	casejson_text(o, "state", term_state_name(t->state), &rc);
	casejson_time(o, "start", t->start, &rc);
	casejson_time(o, "due", t->due, &rc);
	if (t->end)
		casejson_time(o, "end", t->end, &rc);
	else
		caseview_set(o, "end", json_null(), &rc);
	caseview_set(o, "days", json_integer(t->days), &rc);
	caseview_set(o, "left", json_integer(t->left), &rc);
	caseview_set(o, "provisional", json_boolean(t->provisional), &rc);
	caseview_set(o, "warning", warning(t), &rc);
	const char *why = overtime_of(v, t);
	caseview_set(o, "overtime_reason", *why ? json_string(why) : json_null(), &rc);
	return casejson_finish(o, rc);
}

void casejson_terms(json_t *o, const struct caseview *v, const struct term_days *d, const struct workdays *w,
                    int64_t now, int *rc)
{
	struct term t[TERM_KINDS];
	json_t *list = json_array();
	int n = w ? terms_of(v, d, w, now, t) : 0;
	for (int i = 0; i < n; i++)
		if (json_array_append_new(list, term(v, &t[i]))) *rc = ERR_NOMEM;
	caseview_set(o, "terms", list, rc);
}

void casejson_next_term(json_t *o, const struct caseview *v, const struct term_days *d, const struct workdays *w,
                        int64_t now, int *rc)
{
	struct term t;
	json_t *one = json_null();
	if (w && terms_next(v, d, w, now, &t)) {
		int bad = ERR_OK;
		one = json_object();
		if (!one) bad = ERR_NOMEM;
		casejson_text(one, "kind", term_kind_name(t.kind), &bad);
		casejson_text(one, "state", term_state_name(t.state), &bad);
		casejson_time(one, "due", t.due, &bad);
		caseview_set(one, "left", json_integer(t.left), &bad);
		caseview_set(one, "provisional", json_boolean(t.provisional), &bad);
		caseview_set(one, "warning", warning(&t), &bad);
		one = casejson_finish(one, bad);
	}
	caseview_set(o, "next_term", one, rc);
}
