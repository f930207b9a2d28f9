/* Cases and their events as the API shows them (schema/openapi: Case, CaseSummary, CaseEvent). Any thread. */
#ifndef XINKE_GATEWAY_PRESENT_H
#define XINKE_GATEWAY_PRESENT_H

#include "gateway/gateway.h"
#include "gateway/items.h"
#include "shared/ledger/read.h"
#include "shared/registers.h"
#include "shared/terms.h"
#include "shared/workdays.h"

/* Whose eyes it is made for. */
struct present {
	struct items_edition *edition;          /* borrowed; NULL before a catalog has come */
	const struct ledger_identity *identity; /* of this box */
	unsigned role;                          /* of the caller, for `actions` */
	const struct workdays *days;            /* for the terms; NULL before a calendar has come */
	const struct register_days *registers;  /* of entries, which alone need them */
	int64_t now;                            /* Unix ms, likewise */
};

/* The whole case; L is asked only for what the county refused. New, NULL with the error in E. */
json_t *present_case(const struct present *v, struct ledger *l, const struct ledger_case *c, struct err *e);
/* The refused events of a case as an array. New, NULL with the error in E. */
json_t *present_refusals(struct ledger *l, const struct ledger_case *c, struct err *e);
/* Where each file of the case's materials is: a record may be settled before its photos have come. New, NULL with the error
 * in E. */
json_t *present_files(struct ledger *l, const struct caseview *v, struct err *e);
/* As present_case, with refusals and files at hand (taken). NULL without memory. */
json_t *present_case_with(const struct present *v, const struct ledger_case *c, json_t *refused, json_t *files);
/* A row of a list. New, NULL without memory. */
json_t *present_summary(const struct present *v, const struct ledger_case *c);
/* An entry of a register, whole (REFUSED is taken) or as a row. New, NULL without memory. */
json_t *present_entry(const struct present *v, const struct ledger_case *c, json_t *refused);
json_t *present_entry_summary(const struct present *v, const struct ledger_case *c);
/* The open term of the case whose day comes first; false where it has none, or no calendar has come. */
bool present_next_term(const struct present *v, const struct ledger_case *c, struct term *out);
/* One event of a history. New, NULL without memory. */
json_t *present_event(const struct ledger_history *h);
/* The ETag of a case at REVISION. */
#define PRESENT_ETAG_MAX 24
void present_etag(const struct ledger_case *c, char out[PRESENT_ETAG_MAX]);

#endif
