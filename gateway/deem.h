/* 视为受理: where nobody said within the notice term what is missing, a permit's case counts as accepted from the day of
 * receipt (行政许可法 article 32). Only the holder's program says so, and the county judges it again. */
#ifndef XINKE_GATEWAY_DEEM_H
#define XINKE_GATEWAY_DEEM_H

#include "gateway/gateway.h"

/* Looks once a minute, and at the first call, for cases that this station holds and whose term has passed, and hands each
 * to the writer. L is a connection to read with. The waker's thread. */
void deem_round(struct gateway *gw, struct ledger *l);

#endif
