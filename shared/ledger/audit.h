/* The audit of a box's users (等保 level 2: kept six months or more). Truth of this box, no projection, and never sent.
 *
 * Rows are written in the transaction of what they tell of and never changed. They hold no personal data of citizens: a case
 * stands there by its id. */
#ifndef XINKE_LEDGER_AUDIT_H
#define XINKE_LEDGER_AUDIT_H

#include "shared/event.h"
#include "shared/ledger/ledger.h"

#define LEDGER_AUDIT_DAYS_MIN 183 /* the least term that is allowed, in days */

enum audit_action {
#define AUDIT(id, name) AUDIT_##id,
#include "shared/ledger/audit.def"
#undef AUDIT
	AUDIT_COUNT
};

const char *audit_action_name(enum audit_action a);
bool audit_action_parse(const char *name, enum audit_action *out);

/* Who does it. */
struct audit_actor {
	int64_t staff;    /* account of this box, 0 = none */
	const char *name; /* of the account, or what stands in its place */
	const char *device, *peer;
};

struct audit_entry {
	enum audit_action action;
	const char *subject, *reason; /* NULL = "" */
	bool refused;                 /* outcome "refused"; "done" otherwise */
};

/* Writes a row; in the caller's transaction, or in one of its own where there is none. ERR_INVALID when subject or reason
 * are over 200 characters long. */
int ledger_audit(struct ledger *l, const struct audit_actor *by, const struct audit_entry *what, struct err *e);

struct audit_row {
	int64_t n, at;
	enum clock_quality quality;
	int64_t staff; /* 0 = none */
	const char *name, *device, *peer, *action, *subject, *reason, *outcome;
};
struct audit_page {
	int64_t before;     /* cursor: rows below this number; INT64_MAX = from the newest */
	int64_t staff;      /* filter, 0 = all */
	const char *action; /* filter, NULL = all */
	int limit;
};
/* Calls FN for each row, newest first; *MORE tells whether rows are left. */
int ledger_audit_list(struct ledger *l, const struct audit_page *page, void (*fn)(const struct audit_row *, void *),
                      void *arg, bool *more, struct err *e);
/* Removes what is older than DAYS, a bounded number of rows; *REMOVED of them. The time is the county's last signed word
 * (meta "floor") and never a clock of this box: setting that one forward would empty the audit. In the caller's
 * transaction. */
int ledger_audit_purge(struct ledger *l, int64_t days, int64_t *removed, struct err *e);

#endif
