/* The citizens' pages. */
#ifndef XINKE_COUNTY_PUBLIC_H
#define XINKE_COUNTY_PUBLIC_H

#include "shared/http/http.h"

http_handler public_progress;

#endif
