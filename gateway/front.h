/* What anybody may ask: what this address is, whether it is well, what a problem means. */
#ifndef XINKE_GATEWAY_FRONT_H
#define XINKE_GATEWAY_FRONT_H

#include "shared/http/http.h"

http_handler front_get, front_health_get, front_problem_get, front_version_get;

#endif
