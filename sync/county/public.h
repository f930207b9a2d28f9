/* The citizens' pages at the county's public address. */
#ifndef XINKE_COUNTY_PUBLIC_H
#define XINKE_COUNTY_PUBLIC_H

#include "shared/http/http.h"
#include "sync/county/call.h"

http_handler public_home, public_guides, public_guide, public_progress, public_typed_form, public_typed;

/* Reads what is asked and hands it to a worker; SEARCH: the query may hold `q`. */
void public_ask(struct http_req *req, struct serve *sv, bool search, call_fn *fn);

#endif
