/* Checking a county's store against itself: chains, feeds, cases. */
#ifndef XINKE_COUNTY_VERIFY_H
#define XINKE_COUNTY_VERIFY_H

#include "sync/county/store.h"

struct verify_report {
	int64_t logs, events, stations, feed, cases; /* looked at */
	int64_t erased;                              /* cases among them of which only the erase tells */
	int64_t faults;                              /* wrong; each told through FN */
};

/* Walks everything in one read transaction, beside a running server too. 0 when it could look; faults are in OUT. */
int verify_run(struct store *s, struct verify_report *out, void (*fn)(const char *fault, void *arg), void *arg,
               struct err *e);

#endif
