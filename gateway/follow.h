/* Keeps the search list current: from the ledger's changes, and from what the writer has just written. */
#ifndef XINKE_GATEWAY_FOLLOW_H
#define XINKE_GATEWAY_FOLLOW_H

#include "gateway/days.h"
#include "gateway/items.h"
#include "gateway/search.h"
#include "shared/ledger/ledger.h"
#include "shared/ledger/read.h"

#include <stdbool.h>

struct follow; /* opaque */

/* S is borrowed and filled by follow_round alone; DAYS and IT, borrowed, give the terms. */
int follow_new(struct search *s, struct days *days, struct items *it, struct follow **out, struct err *e);
void follow_free(struct follow *f);
/* A case that was just registered, so that nobody has to read it again. Any thread. */
void follow_offer(struct follow *f, const struct ledger_case *c);
/* One stretch of work, at most some milliseconds. *MORE tells whether changes are left. One thread. */
int follow_round(struct follow *f, struct ledger *l, bool *more, struct err *e);

#endif
