/* The one table of routes. */
#ifndef XINKE_GATEWAY_ROUTES_H
#define XINKE_GATEWAY_ROUTES_H

#include "shared/http/http.h"

/* All rows; *N of them. */
const struct http_route *routes_table(size_t *n);

#endif
