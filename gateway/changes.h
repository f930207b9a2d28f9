/* The long poll: who waits for changed cases, and waking them. */
#ifndef XINKE_GATEWAY_CHANGES_H
#define XINKE_GATEWAY_CHANGES_H

#include "gateway/gateway.h"

struct changes; /* opaque */

/* At most MAX calls may wait. */
int changes_new(int max, struct changes **out, struct err *e);
void changes_free(struct changes *ch);
/* Answers those that something has changed for and those whose time is over; for the waker's thread. Returns the ms
 * until the next one's time is over, at most MOST. */
int changes_serve(struct gateway *gw, struct ledger *l, int most);
/* Answers all that wait, with nothing; later ones do not wait. Any thread. */
void changes_stop(struct changes *ch);
/* How many wait. */
int changes_parked(struct changes *ch);

http_handler changes_get;

#endif
