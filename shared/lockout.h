/* Lock-out after failures: after so many tries, a delay that doubles from one minute to one hour; kept in the database.
 *
 * A success forgets the failures of the account that it proves (lockout_clear). It proves nothing of the address: whoever
 * holds one good account could otherwise guess at the others for ever, so an address is forgiven by time alone. A subject is what is counted: "account:<name>", "address:<ip>", "enrol:<ip>". Source: conventions, "Security figures". */
#ifndef XINKE_LOCKOUT_H
#define XINKE_LOCKOUT_H

#include "shared/db/db.h"
#include "shared/err.h"

#include <stdint.h>

/* The program's queries over its table lockouts, by index. */
struct lockout_queries {
	size_t get;   /* :subject -> failures, locked_until, last_at */
	size_t put;   /* :subject, :failures, :locked_until, :at */
	size_t clear; /* :subject */
};

struct lockout_rule {
	int tries;         /* failures that lock */
	int64_t forget_ms; /* so long without a failure takes one off the count; 0 = only lockout_clear does */
};

/* Ms until SUBJECT may try again, into *WAIT; 0 = now. */
int lockout_wait(struct db *db, const struct lockout_queries *q, const char *subject, int64_t now, int64_t *wait,
                 struct err *e);
/* Counts a failure by RULE; in the caller's transaction. */
int lockout_fail(struct db *db, const struct lockout_queries *q, const char *subject, const struct lockout_rule *rule,
                 int64_t now, struct err *e);
/* Forgets the failures; in the caller's transaction. */
int lockout_clear(struct db *db, const struct lockout_queries *q, const char *subject, struct err *e);

#endif
