/* See blobs.h. What a case of this box names may be seen here; what this box no longer has, or never had, and the county has, the
 * courier is asked to fetch. */
#include "gateway/blobs.h"

#include "gateway/answer.h"
#include "gateway/readers.h"
#include "gateway/sessions.h"
#include "gateway/uploads.h"
#include "gateway/waker.h"
#include "shared/ledger/blob.h"
#include "shared/text.h"
#include "shared/tus/send.h"

#define FETCH_S 5 /* after which a phone asks again */

/* Notes that somebody waits for it, and sends the courier. */
static void want(struct gateway *gw, struct http_req *req, struct ledger *l)
{
	struct problem p = {0};
	struct err e = {0};
	uint8_t sha256[DIGEST_LEN];
	(void)text_unhex(http_req_param(req, "sha256"), sha256, sizeof sha256);
	int rc = ledger_begin(l, &e);
	if (!rc) rc = ledger_blob_want(l, sha256, ledger_now(l).wall, &e);
	if (!sessions_end(gw, req, l, rc, &p, &e)) return;
	waker_call_courier(gw->waker);
	problem_set(&p, PROBLEM_BLOB_COMING, NULL);
	problem_member(&p, "retry_after_s", json_integer(FETCH_S));
	http_problem(req, &p);
	problem_release(&p);
}

static int look(struct gateway *gw, const uint8_t sha256[DIGEST_LEN], bool *linked, bool *marked, struct err *e)
{
	struct ledger_blob b;
	struct err none = {0};
	struct ledger *l = readers_take(gw->readers);
	int rc = ledger_blob_linked(l, sha256, linked, e);
	int found = rc ? rc : ledger_blob_mark_get(l, sha256, &b, &none);
	readers_give(gw->readers, l);
	*marked = !found;
	if (rc || !found || found == (int)ERR_NOTFOUND) return rc;
	return err_set(e, (enum err_code)found, "%s", none.msg);
}

void blobs_get(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	uint8_t sha256[DIGEST_LEN];
	struct err e = {0};
	bool linked = false, marked = false;
	if (!answer_no_query(req)) return;
	int rc = text_unhex(http_req_param(req, "sha256"), sha256, sizeof sha256) ? ERR_OK : ERR_NOTFOUND;
	if (!rc) rc = look(gw, sha256, &linked, &marked, &e);
	if (!rc) rc = tus_send(req, uploads_store(gw->uploads), sha256, &e);
	if (rc == (int)ERR_NOTFOUND && linked && marked)
		sessions_run(gw, req, want);
	else if (rc == (int)ERR_NOTFOUND)
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
	else if (rc)
		answer_error(gw, req, rc, &e);
}
