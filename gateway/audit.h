/* The audit at the gateway: noting what a caller does, reading it, and the daily removal of what is past its term. */
#ifndef XINKE_GATEWAY_AUDIT_H
#define XINKE_GATEWAY_AUDIT_H

#include "gateway/gateway.h"
#include "shared/account.h"
#include "shared/ledger/audit.h"
#include "shared/ledger/writer.h"

/* Notes WHAT the caller of REQ does (account, phone and address are the session's); in the transaction of the act where L has
 * one open, else in one of its own. No name and no number of a citizen: a case is its id. An act that cannot be noted must
 * not be answered. */
int audit_note(struct ledger *l, const struct http_req *req, const struct audit_entry *what, struct err *e);

/* Notes the lock-outs of R, a failed try of the account BY (0 and "": of none). */
int audit_locked(struct ledger *l, const struct audit_actor *by, const struct account_result *r, struct err *e);

/* An act that is noted before a worker does it: what is to be noted, and who goes on. Lies in the job of the act. */
struct audit_ticket {
	struct writer_job job; /* first: the writer hands this back */
	struct gateway *gw;
	struct http_req *req; /* parked */
	enum audit_action action;
	char subject[160];
	const char *reason; /* a literal */
	/* On the writer's thread: NOTED, the row is on the disk; else REQ was answered and wants to be resumed. */
	void (*then)(struct audit_ticket *t, bool noted);
};
/* Hands T to the writer; false when its queue is full, and T stays the caller's. */
bool audit_submit(struct audit_ticket *t);

/* Once a day asks the writer to remove rows older than limits.audit_days. On the waker's thread. */
void audit_round(struct gateway *gw);

http_handler audit_get;

#endif
