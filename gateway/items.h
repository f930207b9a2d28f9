/* The catalog in force with what is needed of the ones before, and its part of the API.
 *
 * A newer version replaces it whole; whoever works with the one before keeps it until items_put. Any thread. A case keeps
 * the version that it was opened under: of older ones the edition holds names and levels. */
#ifndef XINKE_GATEWAY_ITEMS_H
#define XINKE_GATEWAY_ITEMS_H

#include "gateway/gateway.h"
#include "shared/caseview.h"
#include "shared/catalog.h"
#include "shared/terms.h"

struct items;         /* opaque: holds the edition in force */
struct items_edition; /* opaque: one version, counted */

int items_new(struct items **out, struct err *e);
void items_free(struct items *it);
/* Takes the newest catalog of the ledger when it is not the one in force. True when the edition changed. */
bool items_refresh(struct items *it, struct ledger *l, const struct log *log);
/* The edition in force (give back with items_put), NULL before the first has arrived. */
struct items_edition *items_get(struct items *it);
void items_put(struct items_edition *ed);
const struct catalog *items_catalog(const struct items_edition *ed);
/* What TIER offers of the item with CODE; OFFER_NONE where ED is NULL or has no such item. */
enum offer items_offer(const struct items_edition *ed, const char *code, enum tier tier);
/* The name of CASE's item in the version that the case was opened under; the newest one's where that version is not here,
 * the code where nobody knows it. Borrowed from ED and V. */
const char *items_case_name(const struct items_edition *ed, const struct caseview *v);
/* The department that the case's item belongs to, by the same version; "" where nobody knows it. Borrowed from ED. */
const char *items_case_department(const struct items_edition *ed, const struct caseview *v);
/* Is or was there an item with CODE? */
bool items_known(const struct items_edition *ed, const char *code);
/* What TIER offers of the case's item, by the same version. */
enum offer items_case_offer(const struct items_edition *ed, const struct caseview *v, enum tier tier);
/* Does it count as accepted when nobody answers in time, by the same version? */
bool items_case_deems(const struct items_edition *ed, const struct caseview *v);
/* Whose the item is and by which law, by the same version: borrowed from ED; "" and false where nobody knows it. */
struct item_law {
	const char *department;
	bool permit; /* 行政许可 */
};
struct item_law items_case_law(const struct items_edition *ed, const struct caseview *v);
/* Its terms, by the same version. */
struct term_days items_case_days(const struct items_edition *ed, const struct caseview *v);
/* {level, name} of who does offer IT when TIER does not. New reference. */
json_t *items_office(const struct catalog_item *it, enum tier tier);

http_handler items_catalog_get, items_list_get, items_one_get;

#endif
