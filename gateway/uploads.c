/* See uploads.h. An upload belongs to the account that began it, whichever phone it goes on from. A blob is in the table
 * before its sender gets the last answer: the worker waits for the writer's commit. */
#include "gateway/uploads.h"

#include "gateway/sessions.h"
#include "shared/ledger/blob.h"
#include "shared/ledger/writer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 2   /* one may wait for the disk while another answers */
#define BATCH   100 /* rows read or changed at once */
#define DAY_MS  86400000LL

struct uploads {
	struct gateway *gw;
	struct blob_store *store;
	struct tus *tus;
	int rows; /* changed in the transaction that is open at the start; 0 = none is */
};

/* --- the table --- */

struct note {
	struct writer_job job; /* first: the writer hands this back */
	struct blob_store *store;
	struct ledger_blob blob;
	pthread_mutex_t lock;
	pthread_cond_t said;
	bool done;
	int rc;
	struct err err;
};

static int note_run(struct ledger *l, struct writer_job *job, struct err *e)
{
	struct note *n = (struct note *)job;
	/* one that was here already may have been tidied away since (tidy.c): then it is made again */
	if (!blob_exists(n->store, n->blob.sha256)) return err_set(e, ERR_BUSY, "the file went meanwhile");
	return ledger_blob_put(l, &n->blob, e);
}

static void note_done(struct writer_job *job, int rc, const struct err *e)
{
	struct note *n = (struct note *)job;
	(void)pthread_mutex_lock(&n->lock);
	n->done = true;
	n->rc = rc;
	n->err = *e;
	(void)pthread_cond_signal(&n->said);
	(void)pthread_mutex_unlock(&n->lock);
}

static int note_wait(struct gateway *gw, struct note *n, struct err *e)
{
	if (!writer_submit(gw->writer, &n->job)) return err_set(e, ERR_BUSY, "the writer has too much to do");
	(void)pthread_mutex_lock(&n->lock);
	while (!n->done)
		(void)pthread_cond_wait(&n->said, &n->lock);
	(void)pthread_mutex_unlock(&n->lock);
	return n->rc ? err_set(e, (enum err_code)n->rc, "%s", n->err.msg) : ERR_OK;
}

static int stored(const struct upload_info *info, const struct upload_end *end, void *arg, struct err *e)
{
	struct gateway *gw = arg;
	struct note n = {.job = {.run = note_run, .done = note_done}, .store = gw->uploads->store};
	(void)info;
	memcpy(n.blob.sha256, end->sha256, DIGEST_LEN);
	n.blob.size = end->size;
	n.blob.stored_at = clock_read(&gw->clock).wall;
	(void)snprintf(n.blob.media, sizeof n.blob.media, "%s", sniff_media_type(end->media));
	(void)pthread_mutex_init(&n.lock, NULL);
	(void)pthread_cond_init(&n.said, NULL);
	int rc = note_wait(gw, &n, e);
	(void)pthread_cond_destroy(&n.said);
	(void)pthread_mutex_destroy(&n.lock);
	return rc;
}

/* --- folder and table, at the start --- */

static int rows_end(struct uploads *u, struct err *e)
{
	if (!u->rows) return ERR_OK;
	u->rows = 0;
	return ledger_commit(u->gw->ledger, e);
}

/* One more row is to be changed: in a transaction, of which none grows long. */
static int rows_next(struct uploads *u, struct err *e)
{
	int rc = u->rows >= BATCH ? rows_end(u, e) : ERR_OK;
	if (!rc && !u->rows) rc = ledger_begin(u->gw->ledger, e);
	if (!rc) u->rows++;
	return rc;
}

/* One that lies in the folder and that the table does not know: a crash came between. */
static int adopt(struct uploads *u, const uint8_t sha256[DIGEST_LEN], struct err *e)
{
	struct ledger_blob row = {.stored_at = clock_read(&u->gw->clock).wall};
	struct err inner = {0};
	struct blob *b = NULL;
	enum sniff_media media = SNIFF_NONE;
	int rc = blob_open(u->store, sha256, &b, &inner);
	if (!rc) rc = blob_media(b, &media, &inner);
	if (!rc) row.size = blob_size(b);
	blob_close(b);
	if (rc) { /* it stays where it is, for whoever looks */
		log_error(&u->gw->log, "blob", "error=%s text=\"%s\"", err_name((enum err_code)rc), inner.msg);
		return rc == (int)ERR_NOMEM ? err_set(e, ERR_NOMEM, "a blob") : ERR_OK;
	}
	memcpy(row.sha256, sha256, DIGEST_LEN);
	(void)snprintf(row.media, sizeof row.media, "%s", sniff_media_type(media));
	rc = rows_next(u, e);
	return rc ? rc : ledger_blob_put(u->gw->ledger, &row, e);
}

static int lost(struct uploads *u, const uint8_t sha256[DIGEST_LEN], struct err *e)
{
	log_error(&u->gw->log, "blob", "text=\"a blob of the table is not in the folder\"");
	int rc = rows_next(u, e);
	return rc ? rc : ledger_blob_lost(u->gw->ledger, sha256, e);
}

/* What the table says is here, in the order of its key, and which of it the folder has. */
struct known {
	struct uploads *u;
	uint8_t (*sha256)[DIGEST_LEN];
	bool *seen;
	size_t n, cap;
};

static int grow(struct known *k, struct err *e)
{
	size_t cap = k->cap ? 2 * k->cap : 4 * (size_t)BATCH;
	void *all = realloc(k->sha256, cap * sizeof *k->sha256);
	if (!all) return err_set(e, ERR_NOMEM, "blobs");
	k->sha256 = all;
	k->cap = cap;
	return ERR_OK;
}

static int read_table(struct known *k, struct err *e)
{
	static const uint8_t none[DIGEST_LEN];
	int n = 0, rc;
	do {
		rc = k->cap - k->n < BATCH ? grow(k, e) : ERR_OK;
		if (!rc)
			rc = ledger_blob_some(k->u->gw->ledger, k->n ? k->sha256[k->n - 1] : none, k->sha256 + k->n,
			                      BATCH, &n, e);
		if (!rc) k->n += (size_t)n;
	} while (!rc && n == BATCH);
	if (!rc) k->seen = calloc(k->n + 1, sizeof *k->seen);
	return rc || k->seen ? rc : err_set(e, ERR_NOMEM, "blobs");
}

static int by_hash(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_LEN);
}

static int look_up(const uint8_t sha256[DIGEST_LEN], void *arg, struct err *e)
{
	struct known *k = arg;
	uint8_t(*row)[DIGEST_LEN] = k->n ? bsearch(sha256, k->sha256, k->n, DIGEST_LEN, by_hash) : NULL;
	if (!row) return adopt(k->u, sha256, e);
	k->seen[row - k->sha256] = true;
	return ERR_OK;
}

static int reconcile(struct uploads *u, struct err *e)
{
	struct known k = {.u = u};
	int rc = read_table(&k, e);
	if (!rc) rc = blob_each(u->store, look_up, &k, e);
	for (size_t i = 0; i < k.n && !rc; i++)
		if (!k.seen[i]) rc = lost(u, k.sha256[i], e);
	if (!rc) rc = rows_end(u, e);
	if (rc) ledger_rollback(u->gw->ledger);
	free(k.sha256);
	free(k.seen);
	return rc;
}

/* --- life --- */

static bool owner_of(struct http_req *req, char out[UPLOAD_OWNER_MAX], void *arg)
{
	(void)arg;
	int n = snprintf(out, UPLOAD_OWNER_MAX, "staff:%lld", (long long)sessions_caller(req)->account.id);
	return n > 0 && n < UPLOAD_OWNER_MAX;
}

static int64_t wall(void *arg)
{
	return clock_read(&((struct gateway *)arg)->clock).wall;
}

int uploads_new(struct gateway *gw, struct uploads **out, struct err *e)
{
	struct uploads *u = calloc(1, sizeof *u);
	*out = NULL;
	if (!u) return err_set(e, ERR_NOMEM, "uploads");
	u->gw = gw;
	const struct blob_config bc = {.dir = gw->cfg.blobs,
	                               .master = ledger_field_key(gw->ledger),
	                               .max_bytes = gw->cfg.upload_max_bytes,
	                               .reserve_bytes = gw->cfg.space_reserve_bytes,
	                               .upload_ms = gw->cfg.upload_days * DAY_MS,
	                               .now = wall,
	                               .arg = gw};
	int rc = blob_store_open(&bc, &u->store, e);
	if (!rc) rc = reconcile(u, e);
	const struct tus_config tc = {.store = u->store,
	                              .path = "/api/v1/uploads",
	                              .threads = THREADS,
	                              .log = &gw->log,
	                              .owner = owner_of,
	                              .stored = stored,
	                              .arg = gw};
	if (!rc) rc = tus_new(&tc, &u->tus, e);
	if (rc)
		uploads_free(u);
	else
		*out = u;
	return rc;
}

void uploads_stop(struct uploads *u)
{
	if (u) tus_stop(u->tus);
}

void uploads_free(struct uploads *u)
{
	if (!u) return;
	tus_free(u->tus);
	blob_store_close(u->store);
	free(u);
}

struct blob_store *uploads_store(struct uploads *u)
{
	return u->store;
}

void uploads_counts(struct uploads *u, struct tus_counts *out)
{
	tus_counts(u->tus, out);
}

/* --- the calls --- */

static struct tus *tus_of(void *ctx)
{
	return ((struct gateway *)ctx)->uploads->tus;
}

void uploads_options(struct http_req *req, void *ctx)
{
	tus_options(tus_of(ctx), req);
}

void uploads_post(struct http_req *req, void *ctx)
{
	tus_post(tus_of(ctx), req);
}

void uploads_head(struct http_req *req, void *ctx)
{
	tus_head(tus_of(ctx), req);
}

void uploads_patch(struct http_req *req, void *ctx)
{
	tus_patch(tus_of(ctx), req);
}

void uploads_delete(struct http_req *req, void *ctx)
{
	tus_delete(tus_of(ctx), req);
}
