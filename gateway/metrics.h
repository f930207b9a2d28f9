/* Counters of what was served, and /metrics. */
#ifndef XINKE_GATEWAY_METRICS_H
#define XINKE_GATEWAY_METRICS_H

#include "gateway/gateway.h"

struct metrics; /* opaque */

int metrics_new(struct metrics **out, struct err *e);
void metrics_free(struct metrics *m);
/* The server's on_done hook. CTX is the gateway. */
void metrics_done(const char *method, const char *route, int status, int64_t us, void *ctx);

http_handler metrics_get;

#endif
