/* The stations' self-checks (自查) against the venue standard, as the county has them; see shared/venue.h. */
#ifndef XINKE_COUNTY_SELFCHECK_H
#define XINKE_COUNTY_SELFCHECK_H

#include "shared/http/http.h"

http_handler selfcheck_get;

#endif
