/* The county's orders on the accounts of stations: who ordered what and when. */
#ifndef XINKE_COUNTY_ORDERS_H
#define XINKE_COUNTY_ORDERS_H

#include "shared/http/http.h"
#include "sync/county/store.h"

/* The orders on STATION ("" = all) below number BEFORE, newest first, at most LIMIT: [{at, station, name, act, role, by}].
 * New, in *OUT. Where there are more the number of the last goes to *NEXT, else 0. */
int orders_read(struct store *s, const char *station, int64_t before, int limit, json_t **out, int64_t *next,
                struct err *e);

http_handler orders_get;

#endif
