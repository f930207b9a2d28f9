/* Registering, listing, searching and reading cases. */
#ifndef XINKE_GATEWAY_CASES_H
#define XINKE_GATEWAY_CASES_H

#include "shared/http/http.h"

http_handler cases_post, cases_get, cases_one_get;

#endif
