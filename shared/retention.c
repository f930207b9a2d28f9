/* See retention.h. Called by body.c and caseview.c at box and county, and by the county's program. */
#include "shared/retention.h"

#include "shared/clock.h"
#include "shared/event.h"
#include "shared/receipt.h"
#include "shared/registers.h"

#include <stdio.h>
#include <string.h>

#define SAFE_MS 4102444800000LL /* 2100-01-01: no time of ours lies past it */
#define YEAR    10000           /* in a day as clock_day has it */

#define REQ     FIELD_REQUIRED
#define OPT     FIELD_NULLABLE

const struct field retention_table[] = {
    {"item", FIELD_LINE, REQ, 1, 40, 0, 0},
    {"record", FIELD_LINE, REQ, 1, 40, 0, 0},
    {"channel", FIELD_LINE, OPT, 1, 40, 0, 0},
    {"catalog", FIELD_LINE, OPT, 1, 64, 0, 0},
    {"catalog_version", FIELD_INT, OPT, 1, 1000000, 0, 0},
    {"receipt_number", FIELD_LINE, OPT, 1, RECEIPT_MAX - 1, 0, 0},
    {"station", FIELD_LINE, REQ, 1, 12, 0, 0}, /* or the county, of an entry that it opened */
    {"received_at", FIELD_INT, REQ, 0, SAFE_MS, 0, 0},
    {"ended_at", FIELD_INT, REQ, 0, SAFE_MS, 0, 0},
    {"why", FIELD_ENUM, REQ, 0, 0, "term|request", 0},
    {"retention_years", FIELD_INT, OPT, 1, CATALOG_YEARS_MAX, 0, 0},
    {"basis", FIELD_TEXT, OPT, 1, 500, 0, 0},
    {"approver", FIELD_NAME, OPT, 1, 50, 0, 0},
    {.name = NULL},
};

int64_t retention_ended(const struct caseview *v)
{
	const json_t *path = json_object_get(v->doc, "path");
	const json_t *last = json_array_get(path, json_array_size(path) - 1);
	if (!v->exists || (v->state != STATE_ARCHIVED && v->state != STATE_CLOSED)) return 0;
	/* an entry has no path, and of one that is too long the end is not in it */
	bool told = last && strcmp(fields_text(last, "state"), state_name(v->state)) == 0;
	return told ? fields_int(last, "at", v->updated_at) : v->updated_at;
}

bool retention_over(const struct caseview *v, int64_t years, int64_t now)
{
	int64_t ended = retention_ended(v);
	return ended && years > 0 && clock_day(now) > clock_day(ended) + years * YEAR;
}

static void text(json_t *o, const char *name, const char *value, int *rc)
{
	if (value && *value) caseview_set(o, name, json_string(value), rc);
}

json_t *retention_body(const struct caseview *v, const char *why, int64_t years, const char *basis,
                       const char *approver)
{
	int rc = ERR_OK;
	int64_t version = fields_int(v->doc, "catalog_version", 0);
	json_t *o = json_object();
	if (!o) return NULL;
	text(o, "item", v->item, &rc);
	text(o, "record", fields_text(v->doc, "record"), &rc);
	text(o, "channel", fields_text(v->doc, "channel"), &rc);
	text(o, "catalog", fields_text(v->doc, "catalog"), &rc);
	if (version) caseview_set(o, "catalog_version", json_integer(version), &rc);
	text(o, "receipt_number", v->receipt, &rc);
	text(o, "station", v->station, &rc);
	caseview_set(o, "received_at", json_integer(v->received_at), &rc);
	caseview_set(o, "ended_at", json_integer(retention_ended(v)), &rc);
	text(o, "why", why, &rc);
	if (years) caseview_set(o, "retention_years", json_integer(years), &rc);
	text(o, "basis", basis, &rc);
	text(o, "approver", approver, &rc);
	if (!rc) return o;
	json_decref(o);
	return NULL;
}

void retention_check(const json_t *body, struct problem *p)
{
	bool term = strcmp(fields_text(body, "why"), "term") == 0;
	if (term && !fields_get(body, "retention_years"))
		problem_field(p, "/retention_years", "required", "say which term has passed");
	if (!term && !fields_get(body, "basis"))
		problem_field(p, "/basis", "required", "say why it is erased before its term");
	if (!term && !fields_get(body, "approver")) problem_field(p, "/approver", "required", "say who decided it");
}

enum caseview_fit retention_effect(struct caseview *v, const struct caseview_event *ev, int *rc)
{
	static const char *const kept[] = {"record", "channel", "catalog", "catalog_version"};
	static const char *const said[] = {"why", "retention_years", "basis", "approver", "ended_at"};
	if (strcmp(ev->origin, EVENT_COUNTY) != 0) return FIT_HOLDER;
	if (!*fields_text(ev->body, "item") || !*fields_text(ev->body, "station")) return FIT_BODY;
	json_t *doc = json_object(), *erased = json_object();
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		json_t *m = fields_get(ev->body, kept[i]);
		if (m) caseview_set(doc, kept[i], json_incref(m), rc);
	}
	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		json_t *m = fields_get(ev->body, said[i]);
		if (m) caseview_set(erased, said[i], json_incref(m), rc);
	}
	caseview_set(erased, "at", json_integer(ev->at), rc);
	caseview_set(doc, "erased", erased, rc);
	caseview_release(v);
	v->doc = doc;
	v->exists = true;
	v->state = STATE_ERASED;
	v->asked_state = STATE_DRAFT;
	v->asked_holder[0] = v->token[0] = '\0';
	v->accepted_at = 0;
	v->received_at = fields_int(ev->body, "received_at", ev->at);
	v->updated_at = ev->at;
	(void)snprintf(v->item, sizeof v->item, "%s", fields_text(ev->body, "item"));
	(void)snprintf(v->receipt, sizeof v->receipt, "%s", fields_text(ev->body, "receipt_number"));
	(void)snprintf(v->station, sizeof v->station, "%s", fields_text(ev->body, "station"));
	(void)snprintf(v->holder, sizeof v->holder, "%s", v->station);
	return FIT_OK;
}
