/* A request on its way through the work pool.
 *
 * A handler, on the serving thread, makes a call, copies into it what it needs of headers, query and path, and submits
 * it: the request is parked. A worker then runs FN with a store of its own; FN answers, the rest is done here. */
#ifndef XINKE_COUNTY_CALL_H
#define XINKE_COUNTY_CALL_H

#include "shared/account.h"
#include "shared/http/http.h"
#include "shared/limits.h"
#include "shared/public/ask.h"
#include "shared/reports.h"
#include "shared/work.h"
#include "sync/county/county.h"
#include "sync/county/present.h"
#include "sync/county/serve.h"

#define CALL_ITEM_MAX 161 /* bytes of an item code: 40 characters */

struct worker {
	struct store *store;
	struct present present; /* catalogs of older versions, for names */
};

struct call;
typedef void call_fn(struct call *c, struct worker *w);

struct call {
	struct work_job job;
	struct serve *serve;
	struct county *county;
	struct http_req *req;
	call_fn *fn;
	/* who calls */
	char peer[64];          /* numeric address */
	struct session who;     /* zero on open routes */
	struct county_peer box; /* on the exchange */
	/* what is asked, as far as the route has it */
	uint8_t id[UUID_LEN];       /* of the path: a case or a log */
	uint8_t sha256[DIGEST_LEN]; /* of the path: a blob */
	char text[129];             /* of the path: token, key id */
	bool reveals;               /* an act whose request is the body of a reveal */
	bool entry;                 /* an entry of the register whose item is `item`, not a case */
	int64_t if_revision;        /* If-Match; 0 = any */
	struct ask ask;             /* of a public page */
	char station[13], item[CALL_ITEM_MAX];
	bool has_state;
	enum case_state state;
	enum call_due { DUE_ANY, DUE_OVERDUE, DUE_TODAY, DUE_SOON, DUE_PAUSED } due;
	bool by_due;    /* the first due first */
	int64_t before; /* cursor: rows below (before, before_id); BY_DUE: above, by due day */
	uint8_t before_id[UUID_LEN];
	int limit;
	struct report_query report;
	bool csv; /* a table is wanted, not JSON */
};

/* A new call for REQ; NULL when there is no memory, and then REQ is answered. Its peer and session are filled. */
struct call *call_new(struct serve *sv, struct http_req *req, call_fn *fn);
/* Parks the request and queues the call; where the queue is full the answer is 503. Takes C. */
void call_submit(struct call *c);
/* The same into another pool, whose state is a struct worker too. */
void call_submit_to(struct call *c, struct work *pool);
/* Answers with the problem (released) instead of submitting; takes C. */
void call_refuse(struct call *c, struct problem *p);
/* For handlers that have nothing to read: no query, nothing else. */
void call_plain(struct serve *sv, struct http_req *req, call_fn *fn);
/* Reads the UUID of path parameter NAME into C->id; answers 404, frees C and returns false when it is none. */
bool call_path_id(struct call *c, const char *name);
/* Reads `format`: is a table (CSV) wanted? */
bool call_read_format(const struct call *c, struct problem *p);
/* Reads `station` into C. */
void call_read_station(struct call *c, struct problem *p);
/* Reads `limit` into C. */
void call_read_limit(struct call *c, struct problem *p);

/* Answers for error RC; its message goes to the log, never to the caller. */
void call_error(struct call *c, int rc, const struct err *e);
/* Answers with a problem that says when to come again. */
void call_later(struct http_req *req, enum problem_code code, int seconds);

/* Cursors: opaque to callers. */
#define CALL_CURSOR_MAX 40
void call_cursor(int64_t at, const uint8_t *id, size_t id_len, char out[CALL_CURSOR_MAX]);
bool call_cursor_read(const char *text, int64_t *at, uint8_t *id, size_t id_len);

#endif
