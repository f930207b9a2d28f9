/* 好差评 on a turned screen: the citizen's own word, an event of the station that registered the case. */
#ifndef XINKE_GATEWAY_RATING_H
#define XINKE_GATEWAY_RATING_H

#include "shared/http/http.h"

http_handler rating_get, rating_post;

#endif
