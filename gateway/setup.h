/* The data folder's first content. */
#ifndef XINKE_GATEWAY_SETUP_H
#define XINKE_GATEWAY_SETUP_H

#include "gateway/gateway.h"

/* Makes what is missing: folder, field key, database, server key and its request. What is there stays. */
int setup_init(const struct settings *cfg, struct clock *clock, struct err *e);

#endif
