/* The data folder's first content, and the plain page that hands out the county's root. */
#ifndef XINKE_GATEWAY_SETUP_H
#define XINKE_GATEWAY_SETUP_H

#include "gateway/gateway.h"

/* Makes what is missing: folder, field key, database, server key and its request. What is there stays. */
int setup_init(const struct settings *cfg, struct clock *clock, struct err *e);
/* Opens the plain server for /setup when the configuration has one; *OUT stays NULL when not. */
int setup_open(struct gateway *gw, struct http_server **out, struct err *e);

#endif
