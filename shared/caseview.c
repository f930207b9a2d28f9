/* See caseview.h. Called by the ledger's projections, the county's judge and, in tests, by the simulator. */
#include "shared/caseview.h"

#include "shared/canon.h"
#include "shared/event.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/registers.h"
#include "shared/retention.h"
#include "shared/text.h"

#include <stdio.h>
#include <string.h>

#define CASEVIEW_DEPTH 20 /* bodies nest at most 16 deep, the view adds few levels */

void caseview_init(struct caseview *v, const uint8_t id[UUID_LEN])
{
	*v = (struct caseview){.state = STATE_DRAFT, .asked_state = STATE_DRAFT};
	memcpy(v->id, id, UUID_LEN);
}

void caseview_release(struct caseview *v)
{
	json_decref(v->doc);
	v->doc = NULL;
}

const char *caseview_fit_name(enum caseview_fit f)
{
	static const char *const names[] = {
	    [FIT_OK] = "ok",
	    [FIT_TRANSITION] = "transition",
	    [FIT_HOLDER] = "not_holder",
	    [FIT_LEVEL] = "level",
	    [FIT_BODY] = "body",
	    [FIT_STALE] = "stale_amend",
	    [FIT_EXISTS] = "case_exists",
	    [FIT_NO_CASE] = "no_such_case",
	    [FIT_SECOND] = "second",
	    [FIT_STEP] = "step",
	    [FIT_UNKNOWN] = "unknown_type",
	};
	return names[f];
}

void caseview_set(json_t *object, const char *name, json_t *value, int *rc)
{
	if (!value || json_object_set_new(object, name, value)) *rc = ERR_NOMEM;
}

/* What does not fit is cut, but never inside a character: a text that is not UTF-8 could not be written down again. */
static void copy(char *dst, size_t cap, const char *src)
{
	int n = snprintf(dst, cap, "%s", src);
	if (n < 0 || (size_t)n < cap) return;
	for (size_t len = cap - 1; len && !text_utf8_valid(dst, len); len--)
		dst[len - 1] = '\0';
}

enum caseview_fit caseview_may(const struct caseview *v, enum case_event type, const char *origin,
                               const struct state_row **out)
{
	const struct state_row *row = state_row_find(v->state, type);
	*out = row;
	if (!row) return FIT_TRANSITION;
	bool county = strcmp(origin, EVENT_COUNTY) == 0;
	bool registering = v->exists ? strcmp(origin, v->station) == 0 : !county;
	/* The county acts for a holder that has no box of its own; its API checks that, the order of events does not. */
	bool holder = v->exists ? county || strcmp(origin, v->holder) == 0 : registering;
	switch (row->by) {
	case BY_HOLDER:
	case BY_PROGRAM: return holder ? FIT_OK : FIT_HOLDER;
	case BY_REGISTERING: return registering ? FIT_OK : FIT_HOLDER;
	case BY_EITHER: return holder || registering ? FIT_OK : FIT_HOLDER;
	case BY_COUNTY_OR_REGISTERING: return county || registering ? FIT_OK : FIT_HOLDER;
	case BY_ANY: return FIT_OK;
	case BY_COUNTY: return county ? FIT_OK : FIT_HOLDER;
	}
	return FIT_HOLDER;
}

bool caseview_level(const struct state_row *row, enum offer offer)
{
	switch (row->who) {
	case WHO_ORGAN:
	case WHO_HANDLER_OR_ORGAN:
	case WHO_HEAD: return offer == OFFER_HANDLE;
	case WHO_WINDOW_ACCEPT: return offer == OFFER_ACCEPT;
	default: return offer != OFFER_NONE;
	}
}

enum caseview_fit caseview_there(const struct caseview *v, enum case_event type)
{
	if (!state_event_opens(type)) return v->exists ? FIT_OK : FIT_NO_CASE;
	/* what was applied for in advance (网上申请) is received when its papers come */
	bool goes_on = type == EVENT_RECEIVE && v->state == STATE_SUBMITTED;
	return v->exists && !goes_on ? FIT_EXISTS : FIT_OK;
}

static bool is_application(const struct caseview *v)
{
	const char *record = fields_text(v->doc, "record");
	return !*record || strcmp(record, record_name(RECORD_APPLICATION)) == 0;
}

/* 好差评: once the case has come to its end, once, and after a bad one once more (追评). */
static enum caseview_fit may_rate(const struct caseview *v, const json_t *body)
{
	const json_t *first = fields_get(v->doc, "rating");
	bool again = json_is_true(json_object_get(body, "again"));
	if (!state_final(v->state) && v->state != STATE_COMPLETED) return FIT_STEP;
	if (!again) return first ? FIT_SECOND : FIT_OK;
	if (!first || fields_int(json_object_get(first, "body"), "grade", 0) < REGISTERS_GRADE_BAD) return FIT_STEP;
	return fields_get(v->doc, "rating_again") ? FIT_SECOND : FIT_OK;
}

/* A document that nobody has fetched keeps a case from the archive. */
static enum caseview_fit may_archive(const struct caseview *v)
{
	const json_t *done = json_object_get(json_object_get(v->doc, "completion"), "body");
	return v->state == STATE_COMPLETED && *fields_text(done, "document") ? FIT_STEP : FIT_OK;
}

enum caseview_fit caseview_once(const struct caseview *v, enum case_event type, const json_t *body)
{
	enum caseview_fit fit = registers_may(v, type, body);
	if (fit != FIT_OK) return fit;
	switch (type) {
	case EVENT_RATE: return may_rate(v, body);
	case EVENT_ARCHIVE: return may_archive(v);
	case EVENT_COMPLETE: return v->state == STATE_RECEIVED && is_application(v) ? FIT_STEP : FIT_OK;
	case EVENT_SUPPLEMENT_NOTICE:
	case EVENT_ASK_SUPPLEMENT:
		return fields_int(v->doc, "notices", 0) && !*fields_text(body, "superior_reason") ? FIT_SECOND : FIT_OK;
	case EVENT_EXTEND: return fields_get(v->doc, "extension") ? FIT_SECOND : FIT_OK;
	default: return FIT_OK;
	}
}

/* receive, and submit and resubmit, which give no receipt number yet. */
static enum caseview_fit do_register(struct caseview *v, const struct caseview_event *ev, int *rc)
{
	static const char *const kept[] = {"applicant", "service",         "activity", "mediation",       "agent",
	                                   "materials", "channel",         "note",     "received_reason", "captured",
	                                   "catalog",   "catalog_version", "record"};
	if (!*fields_text(ev->body, "item")) return FIT_BODY;
	json_t *doc = json_object();
	if (!doc) {
		*rc = ERR_NOMEM;
		return FIT_OK;
	}
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		json_t *m = fields_get(ev->body, kept[i]);
		if (m) caseview_set(doc, kept[i], json_incref(m), rc); /* shared: nothing changes it, see do_amend */
	}
	json_decref(v->doc);
	v->doc = doc;
	v->exists = true;
	v->received_at = fields_int(ev->body, "received_at", ev->at);
	copy(v->station, sizeof v->station, ev->origin);
	copy(v->holder, sizeof v->holder, ev->origin);
	copy(v->item, sizeof v->item, fields_text(ev->body, "item"));
	copy(v->receipt, sizeof v->receipt, fields_text(ev->body, "receipt_number"));
	copy(v->token, sizeof v->token, fields_text(ev->body, "token"));
	return FIT_OK;
}

/* The string that an amend's field names: the member's object and name. NULL when the case has no such object. */
static json_t *amended(const struct caseview *v, const char *field, const char **name)
{
	*name = strrchr(field, '/');
	if (!*name) return NULL;
	(*name)++;
	return strncmp(field, "/applicant/", 11) == 0 ? json_object_get(v->doc, "applicant") : v->doc;
}

static enum caseview_fit do_amend(struct caseview *v, const struct caseview_event *ev, int *rc)
{
	const char *name;
	json_t *object = amended(v, fields_text(ev->body, "field"), &name);
	if (!json_is_object(object)) return FIT_BODY;
	if (strcmp(fields_text(object, name), fields_text(ev->body, "old")) != 0) return FIT_STALE;
	/* the members are shared with the event's body: a block changes in a copy of its own */
	bool block = object != v->doc;
	if (block && !(object = fields_copy(object))) {
		*rc = ERR_NOMEM;
		return FIT_OK;
	}
	caseview_set(object, name, json_string(fields_text(ev->body, "new")), rc);
	if (block) caseview_set(v->doc, "applicant", object, rc);
	return FIT_OK;
}

static enum caseview_fit do_note(struct caseview *v, const struct caseview_event *ev, int *rc)
{
	json_t *notes = json_object_get(v->doc, "notes");
	if (!notes) {
		notes = json_array();
		caseview_set(v->doc, "notes", notes, rc);
		if (*rc) return FIT_OK;
	}
	if (json_array_size(notes) >= CASEVIEW_NOTES_MAX) return FIT_OK;
	json_t *n = json_pack("{s:I,s:s,s:s}", "at", (json_int_t)ev->at, "actor", ev->actor, "text",
	                      fields_text(ev->body, "text"));
	if (!n || json_array_append_new(notes, n)) *rc = ERR_NOMEM;
	return FIT_OK;
}

/* The number on the citizen's paper stays an alias: it must still find the case. */
static enum caseview_fit do_renumber(struct caseview *v, const struct caseview_event *ev, int *rc)
{
	json_t *aliases = json_object_get(v->doc, "aliases");
	if (strcmp(fields_text(ev->body, "old"), v->receipt) != 0) return FIT_STALE;
	if (!aliases) {
		aliases = json_array();
		caseview_set(v->doc, "aliases", aliases, rc);
		if (*rc) return FIT_OK;
	}
	if (json_array_append_new(aliases, json_string(v->receipt))) *rc = ERR_NOMEM;
	copy(v->receipt, sizeof v->receipt, fields_text(ev->body, "new"));
	return FIT_OK;
}

/* What ended or turned the case stays in view: who said it, when, and the body's reasons. */
static void set_outcome(struct caseview *v, const struct caseview_event *ev, int *rc)
{
	json_t *o = fields_deep_copy(ev->body);
	if (!o) {
		*rc = ERR_NOMEM;
		return;
	}
	caseview_set(o, "type", json_string(ev->type), rc);
	caseview_set(o, "at", json_integer(ev->at), rc);
	caseview_set(v->doc, "outcome", o, rc);
}

/* What an event made of the case, kept under NAME: who, when, and its body. */
static enum caseview_fit keep(struct caseview *v, const char *name, const struct caseview_event *ev, int *rc)
{
	json_t *body = fields_deep_copy(ev->body);
	json_t *o =
	    body ? json_pack("{s:I,s:s,s:o}", "at", (json_int_t)ev->at, "actor", ev->actor, "body", body) : NULL;
	caseview_set(v->doc, name, o, rc);
	return FIT_OK;
}

/* A second rating (追评) stands beside the first. */
static enum caseview_fit do_rate(struct caseview *v, const struct caseview_event *ev, int *rc)
{
	return keep(v, json_is_true(json_object_get(ev->body, "again")) ? "rating_again" : "rating", ev, rc);
}

/* What was brought takes the place of what had its name, or is added. */
static void bring(struct caseview *v, const struct caseview_event *ev, int *rc)
{
	json_t *list = json_deep_copy(json_object_get(v->doc, "materials")), *one;
	size_t i, k;
	if (!list) list = json_array();
	json_array_foreach(json_object_get(ev->body, "materials"), i, one) {
		const char *name = fields_text(one, "name");
		for (k = 0; k < json_array_size(list); k++)
			if (strcmp(fields_text(json_array_get(list, k), "name"), name) == 0) break;
		json_t *files = fields_get(json_array_get(list, k), "files"), *with = one;
		if (files && !fields_get(one, "files")) {
			with = fields_copy(one);
			caseview_set(with, "files", json_incref(files), rc);
		} else {
			(void)json_incref(with);
		}
		if (k < json_array_size(list) ? json_array_set_new(list, k, with) : json_array_append_new(list, with))
			*rc = ERR_NOMEM;
	}
	caseview_set(v->doc, "materials", list, rc);
}

static enum caseview_fit ask(struct caseview *v, const struct caseview_event *ev, int *rc)
{
	v->asked_state = v->state;
	copy(v->asked_holder, sizeof v->asked_holder, v->holder);
	caseview_set(v->doc, "supplement", fields_deep_copy(ev->body), rc);
	caseview_set(v->doc, "notices", json_integer(fields_int(v->doc, "notices", 0) + 1), rc);
	return FIT_OK;
}

/* Where the case was when, for its terms: from the first turn after taking in and passing up, which most cases never take. */
static void note_path(struct caseview *v, enum case_event type, int64_t at, int *rc)
{
	if (state_event_opens(type) || type == EVENT_FORWARD || !*v->receipt) return;
	json_t *path = json_object_get(v->doc, "path");
	if (!path) {
		path = json_array();
		caseview_set(v->doc, "path", path, rc);
		if (*rc) return;
	}
	if (json_array_size(path) >= CASEVIEW_PATH_MAX) return;
	json_t *one = json_pack("{s:s,s:I}", "state", state_name(v->state), "at", (json_int_t)at);
	if (type == EVENT_DEEM_ACCEPT) caseview_set(one, "from", json_integer(v->received_at), rc);
	if (!one || json_array_append_new(path, one)) *rc = ERR_NOMEM;
}

static void move_to(struct caseview *v, enum case_event type, const struct state_row *row, int64_t at, int *rc)
{
	if (row->to == STATE_SAME) return;
	v->state = row->to;
	if (row->to == STATE_ASKED) {
		v->state = v->asked_state;
		copy(v->holder, sizeof v->holder, v->asked_holder);
	}
	if (row->from != row->to) note_path(v, type, at, rc);
}

static enum caseview_fit effect(struct caseview *v, enum case_event type, const struct caseview_event *ev, int *rc)
{
	switch (type) {
	case EVENT_RECEIVE: return *fields_text(ev->body, "receipt_number") ? do_register(v, ev, rc) : FIT_BODY;
	case EVENT_SUBMIT: return do_register(v, ev, rc);
	case EVENT_RESUBMIT: return do_register(v, ev, rc);
	case EVENT_PRE_RETURN: return keep(v, "pre_return", ev, rc);
	case EVENT_ADD_MATERIAL: bring(v, ev, rc); return FIT_OK;
	case EVENT_RATE: return do_rate(v, ev, rc);
	case EVENT_AMEND: return do_amend(v, ev, rc);
	case EVENT_NOTE: return do_note(v, ev, rc);
	case EVENT_RENUMBER: return do_renumber(v, ev, rc);
	case EVENT_FORWARD:
		if (!*fields_text(ev->body, "to")) return FIT_BODY;
		copy(v->holder, sizeof v->holder, fields_text(ev->body, "to"));
		return FIT_OK;
	case EVENT_ACCEPT: v->accepted_at = ev->at; return FIT_OK;
	case EVENT_DEEM_ACCEPT: /* from the day of receipt */
		v->accepted_at = v->received_at;
		caseview_set(v->doc, "deemed", json_true(), rc);
		return FIT_OK;
	case EVENT_SUPPLEMENT_NOTICE:
	case EVENT_ASK_SUPPLEMENT: return ask(v, ev, rc);
	case EVENT_SUPPLEMENT_COMPLETE: bring(v, ev, rc); return FIT_OK;
	case EVENT_SUSPEND: return keep(v, "suspension", ev, rc);
	case EVENT_EXTEND: return keep(v, "extension", ev, rc);
	case EVENT_DECIDE:
	case EVENT_DECIDE_NOW: return keep(v, "decision", ev, rc);
	case EVENT_COMPLETE: return keep(v, "completion", ev, rc);
	case EVENT_DELIVER: return keep(v, "delivery", ev, rc);
	case EVENT_SEND_BACK:
		copy(v->holder, sizeof v->holder, v->station);
		set_outcome(v, ev, rc);
		return FIT_OK;
	case EVENT_REFUSE:
	case EVENT_RETURN:
	case EVENT_NOT_REQUIRED:
	case EVENT_SUPPLEMENT_LAPSE:
	case EVENT_TERMINATE:
	case EVENT_WITHDRAW: set_outcome(v, ev, rc); return FIT_OK;
	default: return registers_effect(v, type, ev, rc); /* where it is none of an entry's, the state alone changes */
	}
}

/* 超期原因: stays with the case, by the time of the act that ended the term. */
static void note_overtime(struct caseview *v, const struct caseview_event *ev, int *rc)
{
	const char *reason = fields_text(ev->body, "overtime_reason");
	if (!*reason) return;
	json_t *list = json_object_get(v->doc, "overtime");
	if (!list) {
		list = json_array();
		caseview_set(v->doc, "overtime", list, rc);
		if (*rc) return;
	}
	if (json_array_size(list) >= CASEVIEW_PATH_MAX) return;
	json_t *one = json_pack("{s:I,s:s,s:s}", "at", (json_int_t)ev->at, "actor", ev->actor, "reason", reason);
	if (!one || json_array_append_new(list, one)) *rc = ERR_NOMEM;
}

/* Does the event leave the case's last change where it was? A rating does: whoever handled the case should not learn by a
 * list when its citizen spoke. */
static bool is_quiet(enum case_event type)
{
	return type == EVENT_REVEAL || type == EVENT_RATE;
}

enum caseview_fit caseview_apply(struct caseview *v, const struct caseview_event *ev, int *rc)
{
	enum case_event type;
	const struct state_row *row;
	*rc = ERR_OK;
	if (!state_event_parse(ev->type, &type)) return FIT_UNKNOWN;
	enum caseview_fit fit = caseview_there(v, type);
	/* once its bodies are gone, the erase alone says what the case was */
	if (type == EVENT_ERASE && ev->body) return retention_effect(v, ev, rc);
	if (fit != FIT_OK) return fit;
	if (!ev->body) return FIT_BODY;
	fit = caseview_may(v, type, ev->origin, &row);
	if (fit == FIT_OK) fit = caseview_once(v, type, ev->body);
	if (fit == FIT_OK) fit = effect(v, type, ev, rc);
	if (fit != FIT_OK || *rc) return fit;
	note_overtime(v, ev, rc);
	move_to(v, type, row, ev->at, rc);
	if (!is_quiet(type) && ev->at > v->updated_at) v->updated_at = ev->at;
	return FIT_OK;
}

int caseview_doc(const struct caseview *v, struct buf *out, struct err *e)
{
	int rc = ERR_OK;
	json_t *d = v->doc ? fields_copy(v->doc) : json_object();
	if (!d) return err_set(e, ERR_NOMEM, "case document");
	caseview_set(d, "accepted_at", json_integer(v->accepted_at), &rc);
	caseview_set(d, "asked_holder", json_string(v->asked_holder), &rc);
	caseview_set(d, "asked_state", json_string(state_name(v->asked_state)), &rc);
	caseview_set(d, "token", json_string(v->token), &rc);
	if (!rc)
		rc = canon_write(d, out, e);
	else
		(void)err_set(e, ERR_NOMEM, "case document");
	json_decref(d);
	return rc;
}

int caseview_load_doc(struct caseview *v, const char *doc, size_t len, struct err *e)
{
	json_t *d = NULL;
	int rc = json_parse_strict(doc, len, CASEVIEW_DEPTH, &d, e);
	if (rc) return rc;
	v->doc = d;
	v->accepted_at = fields_int(d, "accepted_at", 0);
	copy(v->asked_holder, sizeof v->asked_holder, fields_text(d, "asked_holder"));
	copy(v->token, sizeof v->token, fields_text(d, "token"));
	(void)state_parse(fields_text(d, "asked_state"), &v->asked_state);
	static const char *const columns[] = {"accepted_at", "asked_holder", "asked_state", "token"};
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		(void)json_object_del(d, columns[i]);
	return ERR_OK;
}

const char *caseview_title(const struct caseview *v)
{
	const char *name = fields_text(json_object_get(v->doc, "applicant"), "name");
	if (*name) return name;
	name = fields_text(json_object_get(v->doc, "service"), "topic");
	if (*name) return name;
	name = fields_text(json_object_get(v->doc, "activity"), "topic");
	if (*name) return name;
	name = fields_text(json_object_get(v->doc, "mediation"), "matter");
	return *name ? name : registers_title(v);
}
