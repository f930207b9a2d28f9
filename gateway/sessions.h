/* Who a request comes from, and the worker on which passwords and PINs are checked.
 *
 * They are checked one at a time, on a thread with a write connection of its own, and so is everything else that changes
 * accounts, phones and sessions; a token is looked up on the thread that serves. */
#ifndef XINKE_GATEWAY_SESSIONS_H
#define XINKE_GATEWAY_SESSIONS_H

#include "gateway/gateway.h"
#include "shared/ledger/staff.h"

#include <stdbool.h>

struct sessions; /* opaque */

/* Who calls; what http_req_user gives on routes that want a session. */
struct session {
	struct account account;
	unsigned role; /* one bit of enum gateway_role */
	char token[ACCOUNT_TOKEN_MAX];
};

/* Starts the worker with a write connection of its own. New (sessions_stop, then sessions_free). */
int sessions_new(struct gateway *gw, const struct ledger_config *cfg, struct sessions **out, struct err *e);
/* Finishes what waits; later calls are refused. */
void sessions_stop(struct sessions *s);
void sessions_free(struct sessions *s);

/* The `authorize` hook of the server. CTX is the gateway. */
bool sessions_authorize(struct http_req *req, const struct http_route *route, void *ctx);
/* The caller of a request that sessions_authorize let in. */
const struct session *sessions_caller(const struct http_req *req);

/* The same as an actor; what it points to lives as long as the request. */
struct staff_actor sessions_actor(const struct http_req *req);
const struct account_queries *sessions_queries(void);

/* Work for REQ on the worker; L is its connection. It answers, and does not resume. */
typedef void sessions_fn(struct gateway *gw, struct http_req *req, struct ledger *l);
/* Parks REQ and has FN run; answers BUSY when too many wait. */
void sessions_run(struct gateway *gw, struct http_req *req, sessions_fn *fn);
/* Ends the transaction that such work began, and answers what went wrong. With RC, or where the commit fails, all is rolled
 * back; a refusal in P is answered, and what was noted of it stays. True when the act stands and is still to be answered. */
bool sessions_end(struct gateway *gw, struct http_req *req, struct ledger *l, int rc, struct problem *p, struct err *e);

#endif
