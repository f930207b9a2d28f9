/* Acting on a case, and reading what happened to it. */
#ifndef XINKE_GATEWAY_ACTS_H
#define XINKE_GATEWAY_ACTS_H

#include "shared/http/http.h"

http_handler acts_post, acts_get;

#endif
