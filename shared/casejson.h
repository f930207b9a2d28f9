/* A case as JSON for a phone or the county's API: the members that both faces show, made in one place. Each face adds its
 * own (sync and refusals at the box). Want of memory goes to *RC and shows in casejson_finish. */
#ifndef XINKE_CASEJSON_H
#define XINKE_CASEJSON_H

#include "shared/caseview.h"
#include "shared/terms.h"

#include <jansson.h>
#include <stdint.h>

/* Set a member: text, a time (RFC 3339), a UUID. */
void casejson_text(json_t *o, const char *name, const char *text, int *rc);
void casejson_time(json_t *o, const char *name, int64_t ms, int *rc);
void casejson_id(json_t *o, const char *name, const uint8_t id[UUID_LEN], int *rc);
/* O itself, or NULL (and O released) when RC says that memory ran out on the way. */
json_t *casejson_finish(json_t *o, int rc);

/* New object with what a list and a whole case have in common; ITEM_NAME is the catalog's. */
json_t *casejson_base(const struct caseview *v, const char *item_name, int *rc);
/* Adds the title by which a list names the case. */
void casejson_title(json_t *o, const struct caseview *v, int *rc);
/* Adds what a whole case has besides: people, materials, notes, the open supplement notice, the outcome. */
void casejson_details(json_t *o, const struct caseview *v, int *rc);
/* Adds since when and why only the erase tells of it, where that is so. */
void casejson_erased(json_t *o, const struct caseview *v, int *rc);
/* Adds the terms that the case has at NOW (Unix ms); none where W is NULL, for no calendar has come yet. */
void casejson_terms(json_t *o, const struct caseview *v, const struct term_days *d, const struct workdays *w,
                    int64_t now, int *rc);
/* Adds the open term whose day comes first, as a list shows it; null where none is open. */
void casejson_next_term(json_t *o, const struct caseview *v, const struct term_days *d, const struct workdays *w,
                        int64_t now, int *rc);

#endif
