/* See sync.h. The courier writes what it last saw as JSON under the meta key "sync_status"; marks, counts and space are
 * read here. */
#include "gateway/sync.h"
#include "shared/ledger/read.h"

#include "gateway/answer.h"
#include "gateway/readers.h"
#include "gateway/waker.h"
#include "shared/caseview.h"
#include "shared/fields.h"
#include "shared/file.h"
#include "shared/ledger/blob.h"

#include <string.h>

#define DAY_MS    86400000LL
#define PACE_DAYS 28
#define DAYS_MAX  3650 /* more is no news */

static void set_time(json_t *o, const char *name, const json_t *status, int *rc)
{
	char text[CLOCK_TEXT];
	int64_t ms = fields_int(status, name, 0);
	clock_text(ms, text);
	caseview_set(o, name, ms > 0 ? json_string(text) : json_null(), rc);
}

static void set_courier(json_t *o, const json_t *status, int *rc)
{
	const char *link = fields_text(status, "link"), *error = fields_text(status, "last_error");
	bool known = strcmp(link, "up") == 0 || strcmp(link, "down") == 0;
	caseview_set(o, "link", json_string(known ? link : "unknown"), rc);
	set_time(o, "last_success_at", status, rc);
	set_time(o, "last_attempt_at", status, rc);
	caseview_set(o, "last_error", *error ? json_string(error) : json_null(), rc);
	set_time(o, "next_attempt_at", status, rc);
	caseview_set(o, "traffic",
	             json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "calls", (json_int_t)fields_int(status, "calls", 0),
	                       "failures", (json_int_t)fields_int(status, "failures", 0), "bytes_sent",
	                       (json_int_t)fields_int(status, "bytes_sent", 0), "bytes_received",
	                       (json_int_t)fields_int(status, "bytes_received", 0), "rate",
	                       (json_int_t)fields_int(status, "rate", 0), "batch",
	                       (json_int_t)fields_int(status, "batch", 0)),
	             rc);
}

static void set_log(json_t *o, const struct ledger_identity *id, const struct ledger_head *h, int *rc)
{
	char log[UUID_TEXT];
	bool open = h->box != 0;
	uuid_text(h->log, log);
	caseview_set(o, "enrolled", json_boolean(id->enrolled), rc);
	caseview_set(o, "station", id->enrolled ? json_string(id->station) : json_null(), rc);
	caseview_set(o, "log", open ? json_string(log) : json_null(), rc);
	caseview_set(o, "box", open ? json_integer(h->box) : json_null(), rc);
	caseview_set(o, "head", json_integer(h->seq), rc);
	caseview_set(o, "received", json_integer(h->received_seq), rc);
	caseview_set(o, "backlog", json_integer(h->seq - h->received_seq), rc);
}

/* For how many days there is space at the pace of the last weeks; -1 where nothing was stored in them. */
static int days_left(struct gateway *gw, struct ledger *l, int64_t avail, int64_t *days, struct err *e)
{
	int64_t bytes = 0, since = 0, now = ledger_now(l).wall, left = avail - gw->cfg.space_reserve_bytes;
	int rc = ledger_blob_pace(l, now - PACE_DAYS * DAY_MS, &bytes, &since, e);
	int64_t span = now - since < DAY_MS ? DAY_MS : now - since; /* a first day is no pace of hours */
	*days = -1;
	if (rc || bytes <= 0) return rc;
	*days = left <= 0 ? 0 : (int64_t)((double)left / ((double)bytes / ((double)span / (double)DAY_MS)));
	if (*days > DAYS_MAX) *days = DAYS_MAX;
	return ERR_OK;
}

static json_t *build(struct gateway *gw, struct ledger *l, struct err *e)
{
	struct ledger_head head = {0};
	struct ledger_counts counts = {0};
	struct err none = {0};
	json_t *status = NULL;
	int64_t avail = 0, total = 0, days = -1;
	struct ledger_blob_backlog blobs = {0};
	int rc = ledger_head(l, &head, &none);
	if (rc && rc != (int)ERR_NOTFOUND) {
		(void)err_set(e, (enum err_code)rc, "%s", none.msg);
		return NULL;
	}
	if (ledger_counts(l, &counts, e) || file_space(gw->cfg.data, &avail, &total, e)) return NULL;
	if (ledger_blob_backlog(l, &blobs, e) || days_left(gw, l, avail, &days, e)) return NULL;
	if (ledger_sync_status(l, &status, e)) return NULL;
	json_t *o = json_object();
	rc = ERR_OK;
	set_log(o, ledger_identity(l), &head, &rc);
	set_courier(o, status, &rc);
	caseview_set(o, "refused", json_integer(counts.refused), &rc);
	caseview_set(o, "feed", json_integer(counts.feed), &rc);
	caseview_set(o, "blobs",
	             json_pack("{s:I, s:I, s:I}", "waiting", (json_int_t)blobs.blobs, "bytes", (json_int_t)blobs.bytes,
	                       "refused", (json_int_t)blobs.refused),
	             &rc);
	caseview_set(o, "space",
	             json_pack("{s:I, s:I, s:o}", "free_bytes", (json_int_t)avail, "total_bytes", (json_int_t)total,
	                       "days_left", days < 0 ? json_null() : json_integer(days)),
	             &rc);
	json_decref(status);
	if (!rc) return o;
	json_decref(o);
	(void)err_set(e, ERR_NOMEM, "sync state");
	return NULL;
}

static void answer(struct gateway *gw, struct http_req *req, int status)
{
	struct err e = {0};
	struct ledger *l = readers_take(gw->readers);
	json_t *o = build(gw, l, &e);
	readers_give(gw->readers, l);
	if (o)
		http_reply_json(req, status, o);
	else
		answer_error(gw, req, (int)e.code, &e);
}

void sync_get(struct http_req *req, void *ctx)
{
	if (answer_no_query(req)) answer(ctx, req, 200);
}

void sync_post(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	if (!answer_no_query(req)) return;
	waker_call_courier(gw->waker);
	answer(gw, req, 202);
}
