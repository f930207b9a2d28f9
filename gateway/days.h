/* The calendar in force. Any thread reads; the waker looks for a newer one. */
#ifndef XINKE_GATEWAY_DAYS_H
#define XINKE_GATEWAY_DAYS_H

#include "shared/ledger/ledger.h"
#include "shared/log.h"
#include "shared/workdays.h"

struct days; /* opaque */

int days_new(struct days **out, struct err *e);
void days_free(struct days *d);
/* Takes the newest calendar of the ledger when it is not the one in force; at the start the one before it, too. */
void days_refresh(struct days *d, struct ledger *l, const struct log *log);
/* The one in force, good until days_free; NULL before the first has come. */
const struct workdays *days_get(const struct days *d);
/* The one that was in force before it, good as long; NULL where there was none. */
const struct workdays *days_before(const struct days *d);

#endif
