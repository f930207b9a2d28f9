/* The accounts of a station (`staff`): who may change what of whom, and the county's orders by the feed. One implementation
 * for the gateway's API, `xinke staff` and the courier. Each change leaves its row in the audit, in the same transaction.
 *
 * Whose account one may change by the API [ours]: a lead (负责人) those of clerks and leads, a technician those of clerks and
 * technicians, so that nobody makes himself more than he is; nobody his own role, state or (but by showing the old one)
 * password. The last lead that can sign in stays one. The technician at the box itself and the county may do all, the box's
 * technician but for the last lead. */
#ifndef XINKE_LEDGER_STAFF_H
#define XINKE_LEDGER_STAFF_H

#include "shared/account.h"
#include "shared/ledger/audit.h"
#include "shared/password.h"

#define STAFF_AT_THE_BOX "technician at the box" /* the actor of `xinke staff` */
#define STAFF_COUNTY     "county"                /* the actor of the feed's orders */

#define STAFF_TEXT_MAX   168 /* bytes of a name, NUL included: of an actor (event.h) */

struct staff {
	int64_t id;
	char name[STAFF_TEXT_MAX], display[STAFF_TEXT_MAX], role[16];
	bool disabled, must_change;
	int64_t created_at;
};

enum staff_rank {
	STAFF_ACCOUNT,
	STAFF_BOX,
	STAFF_ABOVE
}; /* one of the accounts, the technician at the box, the county */

struct staff_actor {
	enum staff_rank rank;
	const char *role; /* of an account */
	struct audit_actor who;
};

/* ERR_NOTFOUND when there is none. */
int ledger_staff_get(struct ledger *l, int64_t id, struct staff *out, struct err *e);
int ledger_staff_named(struct ledger *l, const char *name, struct staff *out, struct err *e);
int ledger_staff_list(struct ledger *l, void (*fn)(const struct staff *, void *), void *arg, struct err *e);

/* Is ROLE one of an account? */
bool ledger_staff_role(const char *role);
/* What is wrong with a new account's NAME ("length", "characters", "reserved"), or NULL. Valid UTF-8. */
const char *ledger_staff_name_fault(const char *name);

struct staff_change {
	const char *display, *role; /* NULL = as it is */
	const char *password;       /* encoded hash of a new one, NULL = as it is */
	bool once;                  /* of that: it must be changed at the first sign-in */
	int disabled;               /* 1, 0, or -1 = as it is */
};

/* The acts. Each in the caller's transaction; a refusal goes to P (and to the audit, so commit it too) and changes nothing. */

/* A new account from C, whose members must all be given; its id into *ID. */
int ledger_staff_add(struct ledger *l, const struct staff_actor *by, const char *name, const struct staff_change *c,
                     int64_t *id, struct problem *p, struct err *e);
/* Changes account ID. Whoever is disabled or gets a password from others is signed out everywhere, and the PINs go. */
int ledger_staff_change(struct ledger *l, const struct staff_actor *by, int64_t id, const struct staff_change *c,
                        struct problem *p, struct err *e);
/* A new password of one's own, the old one shown: the caller's other sessions end, and other phones ask for it. */
int ledger_staff_own_password(struct ledger *l, const struct account *who, const char *hash, struct err *e);
/* What the feed's entry N of kind `staff` orders (sync/PROTOCOL.md, section 5). Each once: a rebuild changes nothing, and what
 * cannot be read is noted in the audit and passed over. */
int ledger_staff_order(struct ledger *l, int64_t n, const json_t *body, struct err *e);
/* The county has lost its feed above N: what it says from there on are new orders. */
int ledger_staff_orders_cut(struct ledger *l, int64_t n, struct err *e);

#endif
