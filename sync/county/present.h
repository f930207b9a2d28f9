/* The JSON that the county's API shows of cases and events; schema/openapi/county.yaml is the authority. */
#ifndef XINKE_COUNTY_PRESENT_H
#define XINKE_COUNTY_PRESENT_H

#include "shared/caseview.h"
#include "shared/registers.h"
#include "sync/county/session.h"
#include "sync/county/store.h"

#define PRESENT_CATALOGS 4
#define PRESENT_ETAG_MAX 32

/* Catalogs that cases were opened under and that are not in force any more. One thread. */
struct present {
	struct {
		int64_t version;
		struct catalog *catalog;
	} old[PRESENT_CATALOGS];
	unsigned next; /* the place that gives way */
};
void present_release(struct present *p);

void present_etag(const struct caseview *v, char out[PRESENT_ETAG_MAX]);
/* The catalog of VERSION, the one in force where that is not to be had; NULL before any. Borrowed until the next call. */
const struct catalog *present_edition(struct present *p, struct store *s, int64_t version);
/* The item's name in the catalog that the case was opened under; its code where that is not to be had. Borrowed until
 * the next call. */
const char *present_item_name(struct present *p, struct store *s, const struct caseview *v);
/* New JSON; NULL when memory is out. */
json_t *present_summary(struct present *p, struct store *s, const struct caseview *v, int64_t now);
/* ACTIONS (taken) is what the caller may do. */
json_t *present_case(struct present *p, struct store *s, const struct caseview *v, int64_t now, json_t *actions);
/* An entry of a register, whole (ACTIONS is taken; RATING: with what a citizen said) or as a row. New, NULL without memory. */
json_t *present_entry(struct store *s, const struct caseview *v, const struct register_days *days, int64_t now,
                      bool rating, json_t *actions);
json_t *present_entry_summary(struct store *s, const struct caseview *v, const struct register_days *days, int64_t now);
/* A row of case_events; NULL (no error) for what has no verdict yet, *RC for errors. */
json_t *present_event(struct db_stmt *q, int *rc, struct err *e);

#endif
