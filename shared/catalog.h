/* The catalog of service items (事项目录): what each tier takes in (受理), handles (办理) or does not offer.
 *
 * Parsed once from the county's signed document and read-only afterwards, so that threads may share it. A case freezes
 * the version that it was opened under; printed numbers of the annex are not keys, codes are. */
#ifndef XINKE_CATALOG_H
#define XINKE_CATALOG_H

#include "shared/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tier { TIER_TOWNSHIP, TIER_VILLAGE, TIER_COMMUNITY, TIER_COUNT };
enum offer { OFFER_NONE, OFFER_ACCEPT, OFFER_HANDLE }; /* 不提供, 受理, 办理 */
enum record { RECORD_APPLICATION, RECORD_SERVICE, RECORD_ACTIVITY, RECORD_MEDIATION, RECORD_COUNT };

struct catalog_item {
	const char *code, *name, *category, *type, *window, *department; /* borrowed from the document */
	const char *pinyin, *initials;
	enum record record;
	enum offer offers[TIER_COUNT];
	int retention_years; /* 保存期限, from the archive on; 0 = none is set */
	bool permit;         /* 行政许可 */
	bool published;      /* the guide is published, so its material list binds */
	const json_t *json;  /* the whole item, borrowed */
};

#define CATALOG_ITEMS_MAX 2000
#define CATALOG_YEARS_MAX 100 /* that an item may be kept */

struct catalog; /* opaque */

/* Parses DOC (its reference is kept). ERR_INVALID names the item that is wrong. New (free with catalog_free). */
int catalog_new(json_t *doc, struct catalog **out, struct err *e);
void catalog_free(struct catalog *c);
const char *catalog_name(const struct catalog *c);
int64_t catalog_version(const struct catalog *c);
size_t catalog_count(const struct catalog *c);
const struct catalog_item *catalog_at(const struct catalog *c, size_t i);
/* The item with CODE, or NULL. */
const struct catalog_item *catalog_find(const struct catalog *c, const char *code);
/* Does the item fit a search: part of the name, of the pinyin, or of the initials? An empty text fits all. */
bool catalog_matches(const struct catalog_item *it, const char *text);
/* Who does offer ITEM when TIER does not: "township" or "community" with its window, or "county"; Chinese in *ZH. */
const char *catalog_office(const struct catalog_item *it, enum tier t, const char **zh);

const char *tier_name(enum tier t);
bool tier_parse(const char *s, enum tier *out);
/* "handle", "accept", or NULL. */
const char *offer_name(enum offer o);
const char *record_name(enum record r);

#endif
