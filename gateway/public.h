/* The citizens' pages on a turned screen of the station. */
#ifndef XINKE_GATEWAY_PUBLIC_H
#define XINKE_GATEWAY_PUBLIC_H

#include "gateway/gateway.h"
#include "gateway/items.h"
#include "shared/public/ask.h"

struct public_limits; /* opaque: how often an address may ask */

/* New (public_limits_free). */
int public_limits_new(struct public_limits **out, struct err *e);
void public_limits_free(struct public_limits *l);

/* Reads what is asked; TYPED: it costs a place among the few tries. Answers and returns false where it may not go on. */
bool public_ask(struct http_req *req, struct gateway *gw, bool typed, bool search, struct ask *a);

http_handler public_home, public_screen, public_guides, public_guide, public_progress, public_typed_form, public_typed,
    public_scanned;

#endif
