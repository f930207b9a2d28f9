/* See present.h. Members follow schema/openapi/common.yaml in name and order; what a case does not have is null. */
#include "sync/county/present.h"

#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void present_release(struct present *p)
{
	for (size_t i = 0; i < PRESENT_CATALOGS; i++)
		catalog_free(p->old[i].catalog);
	*p = (struct present){0};
}

void present_etag(const struct caseview *v, char out[PRESENT_ETAG_MAX])
{
	(void)snprintf(out, PRESENT_ETAG_MAX, "\"%lld\"", (long long)v->revision);
}

/* --- names of items --- */

static struct catalog *load_old(struct present *p, struct store *s, int64_t version)
{
	struct err none = {0};
	json_t *doc = NULL;
	struct catalog *cat = NULL;
	struct db_stmt *q = db_query(s->db, Q_thing_get, &none);
	if (!q) return NULL;
	db_bind_text(q, "kind", "catalog");
	db_bind_int(q, "version", version);
	const char *text = db_step(q, &none) > 0 ? db_text(q, 0) : NULL;
	if (text) (void)json_parse_strict(text, strlen(text), LIMIT_DEPTH, &doc, &none);
	db_reset(q);
	if (doc) (void)catalog_new(doc, &cat, &none);
	json_decref(doc);
	if (!cat) return NULL;
	unsigned at = p->next++ % PRESENT_CATALOGS;
	catalog_free(p->old[at].catalog);
	p->old[at].version = version;
	p->old[at].catalog = cat;
	return cat;
}

static struct catalog *edition(struct present *p, struct store *s, int64_t version)
{
	struct err none = {0};
	struct catalog *cat = NULL;
	if (store_catalog(s, &cat, &none) == ERR_OK && catalog_version(cat) == version) return cat;
	for (size_t i = 0; i < PRESENT_CATALOGS; i++)
		if (p->old[i].catalog && p->old[i].version == version) return p->old[i].catalog;
	struct catalog *old = load_old(p, s, version);
	return old ? old : cat;
}

const char *present_item_name(struct present *p, struct store *s, const struct caseview *v)
{
	const struct catalog *cat = edition(p, s, fields_int(v->doc, "catalog_version", 0));
	const struct catalog_item *it = cat ? catalog_find(cat, v->item) : NULL;
	return it ? it->name : v->item;
}

/* --- members --- */

static void set_text(json_t *o, const char *name, const char *text, int *rc)
{
	caseview_set(o, name, json_string(text), rc);
}

void present_time(json_t *o, const char *name, int64_t ms, int *rc)
{
	char text[CLOCK_TEXT];
	clock_text(ms, text);
	set_text(o, name, text, rc);
}

static void set_id(json_t *o, const char *name, const uint8_t id[UUID_LEN], int *rc)
{
	char text[UUID_TEXT];
	uuid_text(id, text);
	set_text(o, name, text, rc);
}

/* Shares the member of the case's document, or null. */
static void share(json_t *o, const char *name, const json_t *doc, int *rc)
{
	json_t *m = fields_get(doc, name);
	caseview_set(o, name, m ? json_incref(m) : json_null(), rc);
}

static json_t *finish(json_t *o, int rc)
{
	if (!rc) return o;
	json_decref(o);
	return NULL;
}

/* What summary and whole case have in common. */
static json_t *base(struct present *p, struct store *s, const struct caseview *v, int *rc)
{
	json_t *o = json_object();
	if (!o) *rc = ERR_NOMEM;
	set_id(o, "id", v->id, rc);
	set_text(o, "receipt_number", v->receipt, rc);
	set_text(o, "station", v->station, rc);
	set_text(o, "item", v->item, rc);
	set_text(o, "item_name", present_item_name(p, s, v), rc);
	set_text(o, "record", fields_text(v->doc, "record"), rc);
	set_text(o, "state", state_name(v->state), rc);
	set_text(o, "holder", v->holder, rc);
	present_time(o, "received_at", v->received_at, rc);
	present_time(o, "updated_at", v->updated_at, rc);
	caseview_set(o, "revision", json_integer(v->revision), rc);
	return o;
}

json_t *present_summary(struct present *p, struct store *s, const struct caseview *v)
{
	int rc = ERR_OK;
	json_t *o = base(p, s, v, &rc);
	set_text(o, "title", caseview_title(v), &rc);
	return finish(o, rc);
}

/* The members that every ending shares, then those that only a refusal has. */
static json_t *outcome(const json_t *doc)
{
	static const char *const more[] = {"basis", "competent_organ", "remedies"};
	int rc = ERR_OK;
	const json_t *from = fields_get(doc, "outcome");
	if (!from) return json_null();
	json_t *o = json_object();
	set_text(o, "type", fields_text(from, "type"), &rc);
	set_text(o, "reason", fields_text(from, "reason"), &rc);
	present_time(o, "at", fields_int(from, "at", 0), &rc);
	for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
		json_t *m = json_object_get(from, more[i]);
		if (m) caseview_set(o, more[i], json_incref(m), &rc);
	}
	return finish(o, rc);
}

json_t *present_case(struct present *p, struct store *s, const struct caseview *v, json_t *actions)
{
	static const char *const blocks[] = {"applicant", "service",  "activity",       "mediation",
	                                     "agent",     "captured", "received_reason"};
	int rc = ERR_OK;
	bool asked = v->state == STATE_SUPPLEMENT || v->state == STATE_REVIEW_SUPPLEMENT;
	json_t *o = base(p, s, v, &rc), *materials = fields_get(v->doc, "materials");
	set_text(o, "channel", fields_text(v->doc, "channel"), &rc);
	if (v->accepted_at)
		present_time(o, "accepted_at", v->accepted_at, &rc);
	else
		caseview_set(o, "accepted_at", json_null(), &rc);
	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
		share(o, blocks[i], v->doc, &rc);
	caseview_set(o, "materials", materials ? json_incref(materials) : json_array(), &rc);
	set_text(o, "note", fields_text(v->doc, "note"), &rc);
	if (asked)
		share(o, "supplement", v->doc, &rc);
	else
		caseview_set(o, "supplement", json_null(), &rc);
	caseview_set(o, "outcome", outcome(v->doc), &rc);
	caseview_set(o, "actions", actions, &rc);
	return finish(o, rc);
}

/* --- events --- */

static const char *text_of(struct db_stmt *q, int col)
{
	const char *t = db_text(q, col);
	return t ? t : "";
}

static json_t *refusal(struct db_stmt *q)
{
	if (db_is_null(q, 10)) return json_null();
	return json_pack("{s:s, s:s, s:s}", "code", text_of(q, 10), "pointer", text_of(q, 11), "message",
	                 text_of(q, 12));
}

static json_t *body_of(struct db_stmt *q, int *rc, struct err *e)
{
	json_t *body = NULL;
	const char *text = db_text(q, 9);
	if (!text) return json_null();
	*rc = json_parse_strict(text, strlen(text), LIMIT_DEPTH + 8, &body, e);
	return body;
}

json_t *present_event(struct db_stmt *q, int *rc, struct err *e)
{
	size_t n;
	bool refused = !db_is_null(q, 10);
	uint8_t id[UUID_LEN] = {0};
	if (refused && strcmp(text_of(q, 10), "held") == 0) return NULL; /* of a type that is not judged yet */
	json_t *body = body_of(q, rc, e), *o = *rc ? NULL : json_object();
	if (*rc) return NULL;
	if (!o) *rc = ERR_NOMEM;
	const void *p = db_blob(q, 1, &n);
	if (p && n == UUID_LEN) memcpy(id, p, n);
	set_id(o, "id", id, rc);
	caseview_set(o, "seq", db_int(q, 2) ? json_integer(db_int(q, 2)) : json_null(), rc);
	set_text(o, "type", text_of(q, 4), rc);
	present_time(o, "at", db_int(q, 5), rc);
	set_text(o, "clock", clock_quality_name((enum clock_quality)db_int(q, 6)), rc);
	set_text(o, "actor", text_of(q, 7), rc);
	caseview_set(o, "device", *text_of(q, 8) ? json_string(text_of(q, 8)) : json_null(), rc);
	set_text(o, "origin", text_of(q, 0), rc);
	caseview_set(o, "body", body, rc);
	caseview_set(o, "order", json_integer(db_int(q, 3)), rc);
	set_text(o, "verdict", refused ? "refused" : "settled", rc);
	caseview_set(o, "refusal", refusal(q), rc);
	if (*rc) (void)err_set(e, ERR_NOMEM, "event");
	return finish(o, *rc);
}
