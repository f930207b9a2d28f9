/* The stations' self-checks (自查) against the venue standard, as the county has them; see shared/venue.h. */
#ifndef XINKE_COUNTY_SELFCHECK_H
#define XINKE_COUNTY_SELFCHECK_H

#include "shared/http/http.h"
#include "sync/county/casefile.h"

/* The verdict on EV, an event of no case: a self-check whose body has not its form is refused, anything else settles. */
int selfcheck_judge(const struct event *ev, struct verdict *v, struct err *e);

http_handler selfcheck_get;

#endif
