/* 好差评 at the county's public address: who has the token of a receipt says how it went, once the case has come to its end.
 * No account, no default, and no word of it to whoever handled the case. */
#ifndef XINKE_COUNTY_RATING_H
#define XINKE_COUNTY_RATING_H

#include "shared/http/http.h"

http_handler rating_get, rating_post;

#endif
