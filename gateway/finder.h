/* Which cases a list shows: all, those of a text, or those of a number. Any thread with a connection of its own. */
#ifndef XINKE_GATEWAY_FINDER_H
#define XINKE_GATEWAY_FINDER_H

#include "gateway/present.h"
#include "gateway/search.h"
#include "shared/ledger/ledger.h"
#include "shared/ledger/read.h"

struct finder_query {
	const char *text;         /* NULL or without a word: all cases */
	const char *state, *item; /* filters, NULL = any; the state is a valid name */
	int limit;
	int64_t before_at; /* cursor; INT64_MAX = from the newest; BY_DUE: the due day after which it starts, 0 = all */
	uint8_t before_id[UUID_LEN];
	enum search_due due;
	bool by_due;             /* the first due first; not together with a text */
	const struct present *v; /* whose calendar and time say what is due */
	/* outcome: the place of the last case that was shown, for the next cursor */
	int64_t last_at;
	uint8_t last_id[UUID_LEN];
};

/* Calls FN for each case, newest receipt first, until it returns false or LIMIT is reached; *MORE tells whether others
 * follow. ERR_BUSY while the search list is being filled. */
int finder_list(struct search *s, struct ledger *l, struct finder_query *q,
                bool (*fn)(const struct ledger_case *, void *), void *arg, bool *more, struct err *e);

#endif
