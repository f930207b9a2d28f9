/* The station's self-check (自查) against the venue standard, see shared/venue.h. */
#ifndef XINKE_GATEWAY_SELFCHECK_H
#define XINKE_GATEWAY_SELFCHECK_H

#include "shared/http/http.h"

http_handler selfcheck_get, selfcheck_post;

#endif
