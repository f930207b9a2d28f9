/* Lock-out after failures: after TRIES, a delay that doubles from one minute to one hour; kept in the database.
 *
 * A subject is what is counted: "account:<name>", "address:<ip>", "enrol:<ip>". Source: conventions, "Security figures". */
#ifndef XINKE_LOCKOUT_H
#define XINKE_LOCKOUT_H

#include "shared/db/db.h"
#include "shared/err.h"

#include <stdint.h>

/* The program's queries over its table lockouts, by index. */
struct lockout_queries {
	size_t get;   /* :subject -> failures, locked_until */
	size_t put;   /* :subject, :failures, :locked_until, :at */
	size_t clear; /* :subject */
};

/* Ms until SUBJECT may try again, into *WAIT; 0 = now. */
int lockout_wait(struct db *db, const struct lockout_queries *q, const char *subject, int64_t now, int64_t *wait,
                 struct err *e);
/* Counts a failure; in the caller's transaction. */
int lockout_fail(struct db *db, const struct lockout_queries *q, const char *subject, int tries, int64_t now,
                 struct err *e);
/* Forgets the failures; in the caller's transaction. */
int lockout_clear(struct db *db, const struct lockout_queries *q, const char *subject, struct err *e);

#endif
