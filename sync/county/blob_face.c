/* See blob_face.h. The certificate is looked up on the serving thread, by a connection of its own: one row by its key, as sessions
 * are. What is complete is noted in a transaction of a worker's before the box gets its last answer. */
#include "sync/county/blob_face.h"

#include "shared/text.h"
#include "shared/tus/send.h"
#include "shared/tus/tus.h"
#include "sync/county/blobs.h"
#include "sync/county/call.h"
#include "sync/county/cases.h"
#include "sync/county/sync_face.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS   2
#define DAY_MS    86400000LL
#define ORPHAN_MS (30 * DAY_MS) /* what no case names may be named by one that is still on its way */
#define OWNER     "station:"

struct blob_face {
	struct serve *serve;
	struct blob_store *folder;
	struct tus *tus;
	pthread_mutex_t lock;
	struct store *reader, *writer; /* under lock */
};

static struct blob_face *of(void *ctx)
{
	return ((struct serve *)ctx)->blobs;
}

/* --- who --- */

/* The station of a certificate that counts; a refusal goes to P. */
static int station_of(struct blob_face *b, struct http_req *req, char station[13], struct problem *p, struct err *e)
{
	struct county_peer peer = {0};
	struct store_log log;
	struct err none = {0};
	sync_face_peer(req, &peer, p);
	if (problem_any(p)) return ERR_OK;
	if (peer.expired) {
		problem_set(p, PROBLEM_CERTIFICATE_EXPIRED, NULL);
		return ERR_OK;
	}
	(void)pthread_mutex_lock(&b->lock);
	int rc = store_log_of_cert(b->reader, peer.fingerprint, &log, &none);
	(void)pthread_mutex_unlock(&b->lock);
	bool fits = !rc && log.state != LOG_REVOKED && strcmp(log.station, peer.station) == 0;
	if (rc && rc != (int)ERR_NOTFOUND) return err_set(e, none.code, "%s", none.msg);
	if (!fits) problem_set(p, PROBLEM_CERTIFICATE_REFUSED, NULL);
	memcpy(station, peer.station, sizeof peer.station);
	return ERR_OK;
}

static bool owner_of(struct http_req *req, char out[UPLOAD_OWNER_MAX], void *arg)
{
	char station[13] = "";
	struct problem p = {0};
	struct err e = {0};
	struct blob_face *b = arg;
	int rc = station_of(b, req, station, &p, &e);
	bool ok = !rc && !problem_any(&p);
	if (rc) log_error(b->serve->county->log, "uploads", "text=\"%s\"", e.msg);
	problem_release(&p);
	return ok && snprintf(out, UPLOAD_OWNER_MAX, OWNER "%s", station) > 0;
}

/* The refusals of a certificate are told as the exchange tells them; true when REQ goes on. */
static bool let_in(struct blob_face *b, struct http_req *req, char station[13])
{
	struct problem p = {0};
	struct err e = {0};
	int rc = station_of(b, req, station, &p, &e);
	bool ok = !rc && !problem_any(&p); /* answering releases it */
	if (rc) {
		log_error(b->serve->county->log, "uploads", "text=\"%s\"", e.msg);
		http_problem_code(req, PROBLEM_INTERNAL, NULL);
	} else if (!ok) {
		http_problem(req, &p);
	}
	problem_release(&p);
	return ok;
}

/* --- coming --- */

static int stored(const struct upload_info *info, const struct upload_end *end, void *arg, struct err *e)
{
	struct blob_face *b = arg;
	(void)pthread_mutex_lock(&b->lock);
	int rc = blobs_stored(b->writer, info->owner + strlen(OWNER), end->sha256, end->size,
	                      sniff_media_type(end->media), county_now(b->serve->county), e);
	(void)pthread_mutex_unlock(&b->lock);
	return rc;
}

static int64_t wall(void *arg)
{
	return county_now(((struct serve *)arg)->county);
}

static int open_parts(struct blob_face *b, struct err *e)
{
	struct serve *sv = b->serve;
	const struct county_config *cfg = sv->county->cfg;
	char dir[FILE_PATH_MAX];
	int rc = county_path(cfg, "blobs", dir, e);
	if (!rc) rc = county_store(sv->county, STORE_OPEN, &b->reader, e);
	if (!rc) rc = county_store(sv->county, STORE_OPEN, &b->writer, e);
	const struct blob_config bc = {.dir = dir,
	                               .master = sv->county->recovery,
	                               .max_bytes = cfg->blob_max_bytes,
	                               .reserve_bytes = cfg->blob_reserve_bytes,
	                               .upload_ms = cfg->upload_days * DAY_MS,
	                               .now = wall,
	                               .arg = sv};
	if (!rc) rc = blob_store_open(&bc, &b->folder, e);
	const struct tus_config tc = {.store = b->folder,
	                              .path = "/sync/v1/uploads",
	                              .threads = THREADS,
	                              .log = sv->county->log,
	                              .owner = owner_of,
	                              .stored = stored,
	                              .arg = b};
	return rc ? rc : tus_new(&tc, &b->tus, e);
}

int blob_face_new(struct serve *sv, struct blob_face **out, struct err *e)
{
	struct blob_face *b = calloc(1, sizeof *b);
	*out = NULL;
	if (!b) return err_set(e, ERR_NOMEM, "blobs");
	b->serve = sv;
	(void)pthread_mutex_init(&b->lock, NULL);
	int rc = open_parts(b, e);
	if (rc)
		blob_face_free(b);
	else
		*out = b;
	return rc;
}

void blob_face_stop(struct blob_face *b)
{
	if (b) tus_stop(b->tus);
}

void blob_face_free(struct blob_face *b)
{
	if (!b) return;
	tus_free(b->tus);
	blob_store_close(b->folder);
	store_close(b->reader);
	store_close(b->writer);
	(void)pthread_mutex_destroy(&b->lock);
	free(b);
}

struct blob_store *blob_face_store(struct blob_face *b)
{
	return b->folder;
}

void blob_face_round(struct blob_face *b, struct store *s, int64_t now)
{
	struct err e = {0};
	int64_t expired = 0;
	int n = 0;
	const struct log *log = b->serve->county->log;
	if (upload_sweep(b->folder, &expired, &e)) log_error(log, "uploads", "text=\"%s\"", e.msg);
	e = (struct err){0};
	if (blobs_sweep(s, b->folder, now - ORPHAN_MS, &n, &e)) log_error(log, "blobs", "text=\"%s\"", e.msg);
	if (expired || n) log_info(log, "blobs", "expired=%lld removed=%d", (long long)expired, n);
}

/* --- tus --- */

void blob_face_options(struct http_req *req, void *ctx)
{
	tus_options(of(ctx)->tus, req);
}

void blob_face_post(struct http_req *req, void *ctx)
{
	char station[13];
	if (let_in(of(ctx), req, station)) tus_post(of(ctx)->tus, req);
}

void blob_face_head(struct http_req *req, void *ctx)
{
	char station[13];
	if (let_in(of(ctx), req, station)) tus_head(of(ctx)->tus, req);
}

void blob_face_patch(struct http_req *req, void *ctx)
{
	char station[13];
	if (let_in(of(ctx), req, station)) tus_patch(of(ctx)->tus, req);
}

void blob_face_delete(struct http_req *req, void *ctx)
{
	char station[13];
	if (let_in(of(ctx), req, station)) tus_delete(of(ctx)->tus, req);
}

/* --- reading --- */

static bool read_hash(struct http_req *req, uint8_t sha256[DIGEST_LEN])
{
	static const char *const none[] = {NULL};
	if (!http_req_query_only(req, none)) return false;
	const char *text = http_req_param(req, "sha256");
	if (strlen(text) == 2 * DIGEST_LEN && text_unhex(text, sha256, DIGEST_LEN)) return true;
	http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
	return false;
}

static void send_or_say(struct call *c, int rc, const uint8_t sha256[DIGEST_LEN], struct err *e)
{
	if (!rc) rc = tus_send(c->req, c->serve->blobs->folder, sha256, e);
	if (rc == (int)ERR_NOTFOUND)
		http_problem_code(c->req, PROBLEM_NOT_FOUND, NULL);
	else if (rc)
		call_error(c, rc, e);
}

/* GET and HEAD of a box: what it sent, or what a case has that its station follows. */
static void for_box(struct call *c, struct worker *w)
{
	struct err e = {0};
	int64_t size = 0;
	int rc = blobs_for_station(w->store, c->station, c->sha256, &size, &e);
	send_or_say(c, rc, c->sha256, &e);
}

void blob_face_get(struct http_req *req, void *ctx)
{
	char station[13];
	uint8_t sha256[DIGEST_LEN];
	if (!let_in(of(ctx), req, station) || !read_hash(req, sha256)) return;
	struct call *c = call_new(ctx, req, for_box);
	if (!c) return;
	memcpy(c->station, station, sizeof station);
	memcpy(c->sha256, sha256, sizeof sha256);
	call_submit(c);
}

/* Of a case that this account may see. */
static void of_case(struct call *c, struct worker *w)
{
	struct err e = {0};
	struct caseview v;
	bool here = false;
	int rc = cases_read(c, w, &v, &e);
	if (!rc) caseview_release(&v);
	if (!rc) rc = blobs_here(w->store, c->id, c->sha256, &here, &e);
	if (!rc && !here) rc = err_set(&e, ERR_NOTFOUND, "not of this case, or not here");
	send_or_say(c, rc, c->sha256, &e);
}

void blob_face_case_get(struct http_req *req, void *ctx)
{
	uint8_t sha256[DIGEST_LEN];
	if (!read_hash(req, sha256)) return;
	struct call *c = call_new(ctx, req, of_case);
	if (!c || !call_path_id(c, "id")) return;
	memcpy(c->sha256, sha256, sizeof sha256);
	call_submit(c);
}
