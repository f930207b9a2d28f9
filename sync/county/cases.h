/* Cases at the county's API: lists, single cases, histories. */
#ifndef XINKE_COUNTY_CASES_H
#define XINKE_COUNTY_CASES_H

#include "shared/caseview.h"
#include "sync/county/call.h"

/* May this account see case V, whose item is DEPARTMENT's? A department sees its own items, and what it holds or held. */
int cases_visible(const struct session *who, struct worker *w, const struct caseview *v, const char *department,
                  bool *yes, struct err *e);
/* Reads case C->id if the caller may see it, ERR_NOTFOUND otherwise. Release the view. */
int cases_read(struct call *c, struct worker *w, struct caseview *out, struct err *e);
/* Answers STATUS with the case as it is now, with its ETag; takes V. */
void cases_answer(struct call *c, struct worker *w, int status, struct caseview *v);

/* The register of the path into C; answers 404, frees C and returns false when there is none. */
bool cases_path_register(struct call *c);

http_handler cases_get, cases_one_get, cases_events_get;
/* The same of the registers' entries (制度登记簿). */
http_handler cases_entries_get, cases_entry_get, cases_entry_events_get;

#endif
