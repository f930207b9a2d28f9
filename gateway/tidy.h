/* What leaves the box's disk by itself: uploads that were given up, files that no case names, and, the oldest first, photos
 * that the county has, after their days here or when space runs short. Those can be fetched back. */
#ifndef XINKE_GATEWAY_TIDY_H
#define XINKE_GATEWAY_TIDY_H

#include "gateway/gateway.h"

/* Looks once an hour; from the waker. */
void tidy_round(struct gateway *gw);

#endif
