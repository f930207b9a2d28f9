/* Signing in and out, and who a request comes from.
 *
 * Passwords are checked on a worker thread, one at a time; a token is looked up on the thread that serves. */
#ifndef XINKE_GATEWAY_SESSIONS_H
#define XINKE_GATEWAY_SESSIONS_H

#include "gateway/gateway.h"
#include "shared/account.h"

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

http_handler sessions_post, sessions_current_get, sessions_current_delete;

#endif
