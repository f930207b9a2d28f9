/* How long a case is kept, and what stays of it afterwards (保存期限与删除).
 *
 * A case is kept for the years that its item names, from the day on which it went to the archive; an entry of a register
 * from the day on which it was closed. Then the county appends `erase`: the bodies of all its events go, at the county
 * and on every box that follows the case, and with them everything that tells of a person. What the erase itself says
 * stays: item, number, station, days and why. The chains stand, for a body stands in them as its mac. Before the term a
 * person may ask for it (个人信息保护法 article 47); a named official decides. Pure; design: "The ledger: one truth". */
#ifndef XINKE_RETENTION_H
#define XINKE_RETENTION_H

#include "shared/caseview.h"
#include "shared/fields.h"

/* When V came to its end (ms); 0 where it has not, or was erased. */
int64_t retention_ended(const struct caseview *v);
/* Have YEARS passed at NOW since V came to its end, by the calendar day in China? False where YEARS is 0: no term is set. */
bool retention_over(const struct caseview *v, int64_t years, int64_t now);

/* The body of the erase: what may stay of V. WHY is "term" with YEARS, or "request" with BASIS and APPROVER (else NULL).
 * New, NULL without memory. */
json_t *retention_body(const struct caseview *v, const char *why, int64_t years, const char *basis,
                       const char *approver);
/* Its table, and what the table cannot say. */
extern const struct field retention_table[];
void retention_check(const json_t *body, struct problem *p);
/* Makes V what stays, whether its other events can still be read or not: the same either way. In what state V may be is
 * asked by whoever appends it (caseview_may): a box that hears of the last events and of the erase at once knows those by
 * their macs alone. */
enum caseview_fit retention_effect(struct caseview *v, const struct caseview_event *ev, int *rc);

#endif
