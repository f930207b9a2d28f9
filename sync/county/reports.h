/* Reports over the county's cases (整改, never ranking): the same figures as a box tells of its own, see shared/reports.h. */
#ifndef XINKE_COUNTY_REPORTS_H
#define XINKE_COUNTY_REPORTS_H

#include "shared/http/http.h"
#include "sync/county/serve.h"

/* Opens the pool that makes reports, apart from the workers that answer the boxes. *OUT is closed with work_close. */
int reports_open(struct serve *sv, struct work **out, struct err *e);

http_handler reports_get;

#endif
