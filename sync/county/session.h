/* Signing in and out at the county's API, and who a request comes from.
 *
 * Passwords are checked by one worker at a time; a token is looked up on the thread that serves. */
#ifndef XINKE_COUNTY_SESSION_H
#define XINKE_COUNTY_SESSION_H

#include "shared/account.h"
#include "shared/http/http.h"
#include "sync/county/county.h"

#include <stdbool.h>

enum county_role { ROLE_DEPARTMENT = 1, ROLE_HEAD = 2, ROLE_CENTRE = 4, ROLE_OPERATOR = 8, ROLE_AUDITOR = 16 };
#define ROLE_ACTS (ROLE_DEPARTMENT | ROLE_HEAD | ROLE_CENTRE) /* who may act on cases */

struct serve;
struct sessions; /* opaque */

/* Who calls. */
struct session {
	struct account account;
	unsigned role; /* one bit of enum county_role, 0 = nobody */
	char token[ACCOUNT_TOKEN_MAX];
};

/* The bit of a role's name, 0 when there is no such role. */
unsigned session_role(const char *name);

/* Starts the worker. New (session_stop, then session_free). */
int session_new(struct serve *sv, struct sessions **out, struct err *e);
/* Finishes what waits; later sign-ins are refused. */
void session_stop(struct sessions *s);
void session_free(struct sessions *s);
/* The `authorize` hook of the API's server. CTX is the struct serve. */
bool session_authorize(struct http_req *req, const struct http_route *route, void *ctx);
/* The caller of a request that session_authorize let in; NULL on open routes. */
const struct session *session_caller(const struct http_req *req);

http_handler session_post, session_get, session_delete;

#endif
