/* The network between a box and the county: what it does to a call. */
#ifndef XINKE_SIM_NET_H
#define XINKE_SIM_NET_H

#include "shared/err.h"
#include "sync/agent/answer.h"

/* The hands' call; ARG is the struct box. Other people's events run while it is under way. */
int net_call(void *arg, const char *path, const char *body, size_t len, int timeout_ms, struct transport_answer *out,
             struct err *e);
/* The hands' ask: the same without a look at anybody's certificate. */
int net_ask(void *arg, const char *path, int timeout_ms, struct transport_answer *out, struct err *e);

#endif
