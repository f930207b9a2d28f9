/* The audit at the gateway: noting what a caller does, reading it, and the daily removal of what is past its term. */
#ifndef XINKE_GATEWAY_AUDIT_H
#define XINKE_GATEWAY_AUDIT_H

#include "gateway/gateway.h"
#include "shared/account.h"
#include "shared/ledger/audit.h"

/* Notes WHAT the caller of REQ does (account, phone and address are the session's); in the transaction of the act where L has
 * one open, else in one of its own. No name and no number of a citizen: a case is its id. An act that cannot be noted must
 * not be answered. */
int audit_note(struct ledger *l, const struct http_req *req, const struct audit_entry *what, struct err *e);

/* Notes the lock-outs of R, a failed try of the account BY (0 and "": of none). */
int audit_locked(struct ledger *l, const struct audit_actor *by, const struct account_result *r, struct err *e);

/* Once a day asks the writer to remove rows older than limits.audit_days. On the waker's thread. */
void audit_round(struct gateway *gw);

http_handler audit_get;

#endif
