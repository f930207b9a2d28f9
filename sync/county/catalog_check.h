/* What a catalog or a calendar must keep before it may go into force: every mistake with its place. */
#ifndef XINKE_COUNTY_CATALOG_CHECK_H
#define XINKE_COUNTY_CATALOG_CHECK_H

#include "sync/county/catalog_faults.h"

/* DOC as schema/catalog has it. BASE is the catalog in force, whose items are the annex: others are mistakes unless
 * ADD; NULL = there is none yet. */
void catalog_check(const json_t *doc, const json_t *base, bool add, struct catalog_faults *f);
/* DOC as schema/calendars has it; a year that BASE has may not be missing. */
void catalog_check_calendar(const json_t *doc, const json_t *base, struct catalog_faults *f);

/* The national type code (GB/T 39046-2020) of a category, NULL where there is no such category. */
const char *catalog_check_type(const char *category);
/* The item of DOC with CODE, or NULL. Borrowed. */
json_t *catalog_check_find(const json_t *doc, const char *code);

#endif
