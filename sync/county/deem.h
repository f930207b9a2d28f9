/* 视为受理 at the county: what nobody with a box of its own answers for (行政许可法 article 32). */
#ifndef XINKE_COUNTY_DEEM_H
#define XINKE_COUNTY_DEEM_H

#include "sync/county/store.h"

/* Appends deem_accept to every case whose notice term has passed at NOW (Unix ms), whose item deems, and which a
 * department or a station without a box holds; *N of them. A box says it for its own. Each case has a transaction of its
 * own and gets the event once, however many processes look. For who may trust the clock alone. */
int deem_round(struct store *s, int64_t now, int *n, struct err *e);

#endif
