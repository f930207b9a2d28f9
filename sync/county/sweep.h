/* What the county's own programs do about cases that lie: a walk over the candidates of a query, each looked at without the
 * write lock, then once more inside a transaction of its own, where the event is appended. */
#ifndef XINKE_COUNTY_SWEEP_H
#define XINKE_COUNTY_SWEEP_H

#include "sync/county/casefile.h"

struct sweep {
	size_t
	    query; /* id and received_at of cases by :value, above (:received_at, :id) and below :before, in that order */
	const char *value; /* an item, a state */
	int64_t before;    /* Unix ms */
	/* Is there something to say of the case, and is it the county that says it? */
	int (*wants)(struct casefile *f, void *arg, bool *yes, struct err *e);
	/* Appends it; its id follows from the case's, so that it cannot be there twice. */
	int (*say)(struct casefile *f, void *arg, struct err *e);
	void *arg;
};
/* Adds to *N how many cases got their event. Each has a transaction of its own; what stays keeps nothing waiting. */
int sweep_run(struct store *s, const struct sweep *sw, int *n, struct err *e);

#endif
