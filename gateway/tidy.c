/* See tidy.h. Each file goes in the writer's transaction that says so, looked at once more there: a case may have come to name
 * it, or somebody may have brought it again. */
#include "gateway/tidy.h"

#include "gateway/readers.h"
#include "gateway/uploads.h"
#include "shared/blob/upload.h"
#include "shared/ledger/blob.h"
#include "shared/ledger/writer.h"

#include <stdlib.h>
#include <string.h>

#define DAY_MS   86400000LL
#define LOOK_MS  3600000LL
#define SHORT_MS 60000LL /* while space is short */
#define BATCH    100
#define TIMES    2 /* space is short below so many times the reserve */

struct drop {
	struct writer_job job; /* first: the writer hands this back */
	struct gateway *gw;
	uint8_t sha256[DIGEST_LEN];
	bool orphan;
	int64_t before; /* stored earlier than that (Unix ms) */
};

static int still_may(struct ledger *l, const struct drop *d, bool *yes, struct err *e)
{
	struct ledger_blob b;
	struct err none = {0};
	bool linked = false;
	int rc = ledger_blob_get(l, d->sha256, &b, &none);
	*yes = false;
	if (rc == (int)ERR_NOTFOUND) return ERR_OK;
	if (rc) return err_set(e, (enum err_code)rc, "%s", none.msg);
	rc = ledger_blob_linked(l, d->sha256, &linked, e);
	*yes = !rc && !b.dropped_at && b.stored_at < d->before && (d->orphan ? !linked : b.marked);
	return rc;
}

static int run(struct ledger *l, struct writer_job *job, struct err *e)
{
	struct drop *d = (struct drop *)job;
	struct err none = {0};
	bool yes = false;
	int rc = still_may(l, d, &yes, e);
	if (rc || !yes) return rc;
	rc = d->orphan ? ledger_blob_forget(l, d->sha256, e) : ledger_blob_lost(l, d->sha256, e);
	if (rc) return rc;
	int gone = blob_remove(uploads_store(d->gw->uploads), d->sha256, &none);
	return gone && gone != (int)ERR_NOTFOUND ? err_set(e, none.code, "%s", none.msg) : ERR_OK;
}

static void done(struct writer_job *job, int rc, const struct err *e)
{
	struct drop *d = (struct drop *)job;
	if (rc) log_warn(&d->gw->log, "tidy", "text=\"%s\"", e->msg);
	free(d);
}

static void drop(struct gateway *gw, const uint8_t sha256[DIGEST_LEN], bool orphan, int64_t before)
{
	struct drop *d = calloc(1, sizeof *d);
	if (!d) return; /* another hour */
	*d = (struct drop){.job = {.run = run, .done = done}, .gw = gw, .orphan = orphan, .before = before};
	memcpy(d->sha256, sha256, DIGEST_LEN);
	if (!writer_submit(gw->writer, &d->job)) free(d);
}

static int drop_some(struct gateway *gw, struct ledger *l, bool orphans, int64_t before, struct err *e)
{
	uint8_t some[BATCH][DIGEST_LEN];
	int n = 0;
	int rc = ledger_blob_leaving(l, orphans, before, some, BATCH, &n, e);
	for (int i = 0; i < n; i++)
		drop(gw, some[i], orphans, before);
	if (n) log_info(&gw->log, "tidy", "files=%d orphans=%d", n, orphans);
	return rc;
}

/* Is space so short that what the county has goes before its days are over? */
static bool is_short(struct gateway *gw)
{
	struct blob_stats st;
	struct err e = {0};
	return !blob_store_stats(uploads_store(gw->uploads), &st, &e) && st.avail < TIMES * st.reserve;
}

void tidy_round(struct gateway *gw)
{
	struct clock_now now = clock_read(&gw->clock);
	struct err e = {0};
	int64_t expired = 0;
	/* a clock that nobody set could make everything expire */
	if (gw->tidy_next > now.mono || now.quality == CLOCK_FLOOR) return;
	bool short_of = is_short(gw);
	gw->tidy_next = now.mono + (short_of ? SHORT_MS : LOOK_MS);
	int rc = upload_sweep(uploads_store(gw->uploads), &expired, &e);
	if (expired) log_info(&gw->log, "uploads_expired", "count=%lld", (long long)expired);
	struct ledger *l = readers_take(gw->readers);
	if (!rc) rc = drop_some(gw, l, true, now.wall - gw->cfg.upload_days * DAY_MS, &e);
	if (!rc) rc = drop_some(gw, l, false, short_of ? now.wall : now.wall - gw->cfg.blob_keep_days * DAY_MS, &e);
	readers_give(gw->readers, l);
	if (rc) log_warn(&gw->log, "tidy", "text=\"%s\"", e.msg);
}
