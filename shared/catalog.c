/* See catalog.h. The document is the one of schema/catalog; the box gets it through the feed. */
#include "shared/catalog.h"

#include "shared/fields.h"

#include <stdlib.h>
#include <string.h>

struct catalog {
	json_t *doc;
	size_t n;
	struct catalog_item items[];
};

static const char *const tiers[] = {
    [TIER_TOWNSHIP] = "township", [TIER_VILLAGE] = "village", [TIER_COMMUNITY] = "community"};
static const char *const records[] = {[RECORD_APPLICATION] = "application",
                                      [RECORD_SERVICE] = "service",
                                      [RECORD_ACTIVITY] = "activity",
                                      [RECORD_MEDIATION] = "mediation"};

const char *tier_name(enum tier t)
{
	return tiers[t];
}

bool tier_parse(const char *s, enum tier *out)
{
	for (int i = 0; i < TIER_COUNT; i++) {
		if (strcmp(s, tiers[i]) != 0) continue;
		*out = (enum tier)i;
		return true;
	}
	return false;
}

const char *offer_name(enum offer o)
{
	return o == OFFER_HANDLE ? "handle" : o == OFFER_ACCEPT ? "accept" : NULL;
}

const char *record_name(enum record r)
{
	return records[r];
}

static bool parse_record(const char *s, enum record *out)
{
	for (int i = 0; i < RECORD_COUNT; i++) {
		if (strcmp(s, records[i]) != 0) continue;
		*out = (enum record)i;
		return true;
	}
	return false;
}

static bool parse_offers(const json_t *levels, enum offer out[TIER_COUNT])
{
	for (int i = 0; i < TIER_COUNT; i++) {
		const char *s = fields_text(levels, tiers[i]);
		if (strcmp(s, "handle") == 0)
			out[i] = OFFER_HANDLE;
		else if (strcmp(s, "accept") == 0)
			out[i] = OFFER_ACCEPT;
		else if (*s)
			return false;
		else
			out[i] = OFFER_NONE;
	}
	return true;
}

static int parse_item(const json_t *j, size_t i, struct catalog_item *it, struct err *e)
{
	const json_t *guide = json_object_get(j, "guide");
	*it = (struct catalog_item){
	    .code = fields_text(j, "code"),
	    .name = fields_text(j, "name"),
	    .category = fields_text(j, "category"),
	    .type = fields_text(j, "type"),
	    .window = fields_text(j, "window"),
	    .department = fields_text(j, "department"),
	    .pinyin = fields_text(j, "pinyin"),
	    .initials = fields_text(j, "initials"),
	    .permit = json_is_true(json_object_get(j, "permit")),
	    .published = strcmp(fields_text(guide, "status"), "published") == 0,
	    .json = j,
	};
	int64_t years = fields_int(j, "retention_years", 0);
	if (years < 0 || years > CATALOG_YEARS_MAX)
		return err_set(e, ERR_INVALID, "catalog item %zu: retention_years", i);
	it->retention_years = (int)years;
	if (!*it->code || !*it->name || !*it->department)
		return err_set(e, ERR_INVALID, "item %zu has no code, name or department", i);
	if (!parse_record(fields_text(j, "record"), &it->record))
		return err_set(e, ERR_INVALID, "%s: no such record kind", it->code);
	if (!parse_offers(json_object_get(j, "levels"), it->offers))
		return err_set(e, ERR_INVALID, "%s: levels", it->code);
	return ERR_OK;
}

int catalog_new(json_t *doc, struct catalog **out, struct err *e)
{
	const json_t *items = json_object_get(doc, "items");
	size_t n = json_array_size(items);
	*out = NULL;
	if (n == 0 || n > CATALOG_ITEMS_MAX || fields_int(doc, "version", 0) < 1 || !*fields_text(doc, "catalog"))
		return err_set(e, ERR_INVALID, "a catalog needs a name, a version and 1 to %d items",
		               CATALOG_ITEMS_MAX);
	struct catalog *c = calloc(1, sizeof *c + n * sizeof c->items[0]);
	if (!c) return err_set(e, ERR_NOMEM, "catalog");
	c->doc = json_incref(doc);
	for (size_t i = 0; i < n; i++) {
		int rc = parse_item(json_array_get(items, i), i, &c->items[i], e);
		if (!rc && catalog_find(c, c->items[i].code))
			rc = err_set(e, ERR_INVALID, "%s stands twice", c->items[i].code);
		if (rc) {
			catalog_free(c);
			return rc;
		}
		c->n++;
	}
	*out = c;
	return ERR_OK;
}

void catalog_free(struct catalog *c)
{
	if (!c) return;
	json_decref(c->doc);
	free(c);
}

const char *catalog_name(const struct catalog *c)
{
	return fields_text(c->doc, "catalog");
}

int64_t catalog_version(const struct catalog *c)
{
	return fields_int(c->doc, "version", 0);
}

size_t catalog_count(const struct catalog *c)
{
	return c->n;
}

const struct catalog_item *catalog_at(const struct catalog *c, size_t i)
{
	return &c->items[i];
}

const struct catalog_item *catalog_find(const struct catalog *c, const char *code)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->items[i].code, code) == 0) return &c->items[i];
	return NULL;
}

/* Pinyin and initials are stored in lower case: fold the ASCII letters of what was typed, drop its spaces. */
static void fold(const char *s, char *out, size_t cap)
{
	size_t n = 0;
	for (; *s && n + 1 < cap; s++)
		if (*s != ' ') out[n++] = (char)(*s >= 'A' && *s <= 'Z' ? *s + 32 : *s);
	out[n] = '\0';
}

bool catalog_matches(const struct catalog_item *it, const char *text)
{
	char t[160];
	if (!*text || strstr(it->name, text)) return true;
	fold(text, t, sizeof t);
	return *t && (strstr(it->pinyin, t) || strstr(it->initials, t) || strstr(it->code, t));
}

const char *catalog_office(const struct catalog_item *it, enum tier t, const char **zh)
{
	if (t != TIER_TOWNSHIP && it->offers[TIER_TOWNSHIP] != OFFER_NONE) {
		*zh = "乡镇便民服务中心";
		return tiers[TIER_TOWNSHIP];
	}
	if (t != TIER_COMMUNITY && it->offers[TIER_COMMUNITY] != OFFER_NONE) {
		*zh = "社区便民服务站";
		return tiers[TIER_COMMUNITY];
	}
	*zh = "县政务服务中心";
	return "county";
}
