/* See present.h. Members follow schema/openapi/common.yaml in name and order; what a case does not have is null. */
#include "sync/county/present.h"

#include "shared/entryjson.h"

#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/limits.h"
#include "shared/mask.h"

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

const struct catalog *present_edition(struct present *p, struct store *s, int64_t version)
{
	struct err none = {0};
	struct catalog *cat = NULL;
	if (store_catalog(s, &cat, &none) == ERR_OK && catalog_version(cat) == version) return cat;
	for (size_t i = 0; i < PRESENT_CATALOGS; i++)
		if (p->old[i].catalog && p->old[i].version == version) return p->old[i].catalog;
	struct catalog *old = load_old(p, s, version);
	return old ? old : cat;
}

/* The case's item in the version that it was opened under; NULL where nobody knows it. */
static const struct catalog_item *present_item(struct present *p, struct store *s, const struct caseview *v)
{
	const struct catalog *cat = present_edition(p, s, fields_int(v->doc, "catalog_version", 0));
	return cat ? catalog_find(cat, v->item) : NULL;
}

const char *present_item_name(struct present *p, struct store *s, const struct caseview *v)
{
	const struct catalog_item *it = present_item(p, s, v);
	return it ? it->name : v->item;
}

/* --- members --- */

json_t *present_summary(struct present *p, struct store *s, const struct caseview *v, int64_t now)
{
	int rc = ERR_OK;
	const struct workdays *w = NULL;
	struct err none = {0};
	struct term_days days = terms_days(present_item(p, s, v));
	json_t *o = casejson_base(v, present_item_name(p, s, v), &rc);
	(void)store_workdays(s, &w, &none);
	casejson_title(o, v, &rc);
	casejson_next_term(o, v, &days, w, now, &rc);
	return casejson_finish(o, rc);
}

json_t *present_case(struct present *p, struct store *s, const struct caseview *v, int64_t now, json_t *actions)
{
	int rc = ERR_OK;
	json_t *o = casejson_base(v, present_item_name(p, s, v), &rc);
	const struct workdays *w = NULL;
	struct err none = {0};
	struct term_days days = terms_days(present_item(p, s, v));
	(void)store_workdays(s, &w, &none); /* before the first calendar there are no terms to show */
	casejson_details(o, v, &rc);
	casejson_terms(o, v, &days, w, now, &rc);
	caseview_set(o, "actions", actions, &rc);
	return casejson_finish(o, rc);
}

/* --- an entry of a register --- */

json_t *present_entry_summary(struct store *s, const struct caseview *v, const struct register_days *days, int64_t now)
{
	int rc = ERR_OK;
	const struct workdays *w = NULL;
	struct err none = {0};
	(void)store_workdays(s, &w, &none); /* before the first calendar nothing is due */
	json_t *o = entryjson_summary(v, days, w, now, &rc);
	return casejson_finish(o, rc);
}

json_t *present_entry(struct store *s, const struct caseview *v, const struct register_days *days, int64_t now,
                      bool rating, json_t *actions)
{
	int rc = ERR_OK;
	json_t *o = present_entry_summary(s, v, days, now);
	if (!o) {
		json_decref(actions);
		return NULL;
	}
	entryjson_details(o, v, rating, &rc);
	caseview_set(o, "actions", actions, &rc);
	return casejson_finish(o, rc);
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
	casejson_id(o, "id", id, rc);
	caseview_set(o, "seq", db_int(q, 2) ? json_integer(db_int(q, 2)) : json_null(), rc);
	casejson_text(o, "type", text_of(q, 4), rc);
	casejson_time(o, "at", db_int(q, 5), rc);
	casejson_text(o, "clock", clock_quality_name((enum clock_quality)db_int(q, 6)), rc);
	casejson_text(o, "actor", text_of(q, 7), rc);
	caseview_set(o, "device", *text_of(q, 8) ? json_string(text_of(q, 8)) : json_null(), rc);
	casejson_text(o, "origin", text_of(q, 0), rc);
	caseview_set(o, "body", mask_body(text_of(q, 4), body), rc);
	json_decref(body);
	caseview_set(o, "order", json_integer(db_int(q, 3)), rc);
	casejson_text(o, "verdict", refused ? "refused" : "settled", rc);
	caseview_set(o, "refusal", refusal(q), rc);
	if (*rc) (void)err_set(e, ERR_NOMEM, "event");
	return casejson_finish(o, *rc);
}
