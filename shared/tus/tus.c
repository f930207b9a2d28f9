/* See tus.h. Options, head, delete, and what they share with body.c. Handlers run on the server's thread, their jobs on
 * workers; errors are problem+json with tus's headers. */
#include "shared/tus/internal.h"

#include "shared/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define VERSION    "1.0.0"
#define EXTENSIONS "creation,creation-with-upload,creation-defer-length,checksum,expiration,termination"
#define ALGORITHMS "sha1,sha256"
#define QUEUE_MAX  1024 /* a job a connection */
#define RETRY_S    1

/* --- life --- */

int tus_new(const struct tus_config *cfg, struct tus **out, struct err *e)
{
	const struct work_config wc = {.threads = cfg->threads, .queue_max = QUEUE_MAX};
	struct tus *t = calloc(1, sizeof *t);
	*out = NULL;
	if (!t) return err_set(e, ERR_NOMEM, "uploads");
	t->cfg = *cfg;
	(void)pthread_mutex_init(&t->lock, NULL);
	int rc = work_open(&wc, &t->work, e);
	if (rc)
		tus_free(t);
	else
		*out = t;
	return rc;
}

void tus_stop(struct tus *t)
{
	if (!t) return;
	(void)pthread_mutex_lock(&t->lock);
	struct work *w = t->work;
	t->work = NULL;
	(void)pthread_mutex_unlock(&t->lock);
	work_close(w);
}

void tus_free(struct tus *t)
{
	if (!t) return;
	tus_stop(t);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

bool tus_submit(struct tus *t, struct work_job *job)
{
	(void)pthread_mutex_lock(&t->lock);
	bool ok = t->work && work_submit(t->work, job);
	(void)pthread_mutex_unlock(&t->lock);
	return ok;
}

void tus_count(struct tus *t, enum tus_count what, int64_t n)
{
	(void)atomic_fetch_add_explicit(&t->counts[what], n, memory_order_relaxed);
}

void tus_counts(const struct tus *t, struct tus_counts *out)
{
	int64_t *const to[TUS_COUNTS] = {
	    [TUS_CREATED] = &out->created,
	    [TUS_COMPLETED] = &out->completed,
	    [TUS_REMOVED] = &out->removed,
	    [TUS_BYTES] = &out->bytes,
	    [TUS_CUT] = &out->cut,
	    [TUS_CHECKSUMS] = &out->checksums,
	    [TUS_WRONG_HASH] = &out->wrong_hash,
	    [TUS_REFUSED] = &out->refused,
	    [TUS_NO_SPACE] = &out->no_space,
	};
	for (int i = 0; i < TUS_COUNTS; i++)
		*to[i] = atomic_load_explicit(&t->counts[i], memory_order_relaxed);
}

/* --- answers --- */

void tus_header_int(struct http_req *req, const char *name, int64_t v)
{
	char text[24];
	(void)snprintf(text, sizeof text, "%lld", (long long)v);
	http_reply_header(req, name, text);
}

/* IMF-fixdate, RFC 9110 section 5.6.7: English names whatever the locale. */
void tus_header_expires(struct http_req *req, int64_t ms)
{
	static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	char text[64];
	struct tm tm;
	time_t s = (time_t)(ms / 1000);
	if (!gmtime_r(&s, &tm)) return;
	(void)snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday,
	               months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
	http_reply_header(req, "Upload-Expires", text);
}

static void refuse(struct tus *t, struct http_req *req, struct problem *p)
{
	http_reply_header(req, "Tus-Resumable", VERSION);
	if (p->code == PROBLEM_TUS_VERSION) http_reply_header(req, "Tus-Version", VERSION);
	if (p->code == PROBLEM_TOO_LARGE)
		tus_header_int(req, "Tus-Max-Size", blob_store_config(t->cfg.store)->max_bytes);
	http_problem(req, p);
}

void tus_refuse(struct tus *t, struct http_req *req, enum problem_code code, const char *detail)
{
	struct problem p = {0};
	problem_set(&p, code, detail ? "%s" : NULL, detail);
	refuse(t, req, &p);
}

void tus_refuse_err(struct tus_call *c, int rc, const struct err *e, enum problem_code busy)
{
	static const enum problem_code codes[] = {
	    [ERR_INVALID] = PROBLEM_TOO_LARGE,
	    [ERR_NOTFOUND] = PROBLEM_NOT_FOUND,
	    [ERR_CONFLICT] = PROBLEM_UPLOAD_OFFSET,
	    [ERR_NOSPACE] = PROBLEM_UPLOAD_SPACE,
	    [ERR_NOMEM] = PROBLEM_BUSY,
	    [ERR_IO] = PROBLEM_BUSY,
	};
	struct problem p = {0};
	enum problem_code code = (size_t)rc < sizeof codes / sizeof *codes ? codes[rc] : PROBLEM_NONE;
	if (rc == (int)ERR_BUSY) code = busy;
	if (code == PROBLEM_NONE) code = PROBLEM_INTERNAL;
	if (rc == (int)ERR_NOSPACE) tus_count(c->t, TUS_NO_SPACE, 1);
	if (rc == (int)ERR_IO || code == PROBLEM_INTERNAL)
		log_error(c->t->cfg.log, "upload_failed", "request=%s error=%s text=\"%s\"",
		          c->req ? http_req_id(c->req) : "", err_name((enum err_code)rc), e->msg);
	if (!c->req) return;
	problem_set(&p, code, NULL);
	if (code == PROBLEM_BUSY) problem_member(&p, "retry_after_s", json_integer(RETRY_S));
	refuse(c->t, c->req, &p);
}

/* --- calls --- */

static bool version_fits(struct tus *t, struct http_req *req)
{
	const char *version = http_req_header(req, "Tus-Resumable");
	if (version && strcmp(version, VERSION) == 0) return true;
	tus_refuse(t, req, PROBLEM_TUS_VERSION, NULL);
	return false;
}

struct tus_call *tus_call_new(struct tus *t, struct http_req *req)
{
	static const char *const none[] = {NULL};
	if (!http_req_query_only(req, none) || !version_fits(t, req)) return NULL;
	struct tus_call *c = calloc(1, sizeof *c);
	if (!c) {
		tus_refuse(t, req, PROBLEM_BUSY, NULL);
		return NULL;
	}
	c->t = t;
	c->req = req;
	const char *id = strchr(http_req_route(req)->path, '{') ? http_req_param(req, "id") : "";
	bool known = !*id || upload_id_valid(id);
	if (known) (void)snprintf(c->id, sizeof c->id, "%s", id);
	if (known && t->cfg.owner(req, c->owner, t->cfg.arg)) return c;
	tus_refuse(t, req, PROBLEM_NOT_FOUND, NULL);
	free(c);
	return NULL;
}

void tus_call_free(struct tus_call *c)
{
	upload_close(c->u);
	digest_free(c->digest);
	free(c->piece);
	free(c);
}

bool tus_call_park(struct tus_call *c, void (*run)(struct work_job *job, void *state))
{
	struct http_req *req = c->req;
	struct tus *t = c->t;
	c->job.run = run;
	http_suspend(req);
	if (tus_submit(t, &c->job)) return true;
	tus_refuse(t, req, PROBLEM_BUSY, NULL);
	http_resume(req);
	return false;
}

/* --- completion --- */

static void refuse_whole(struct tus_call *c, const struct upload_end *end)
{
	static const enum problem_code codes[] = {[UPLOAD_WRONG_HASH] = PROBLEM_UPLOAD_HASH,
	                                          [UPLOAD_WRONG_TYPE] = PROBLEM_BLOB_TYPE,
	                                          [UPLOAD_BOMB] = PROBLEM_BLOB_PIXELS};
	tus_count(c->t, end->verdict == UPLOAD_WRONG_HASH ? TUS_WRONG_HASH : TUS_REFUSED, 1);
	log_warn(c->t->cfg.log, "upload_refused", "upload=%s text=\"%s\"", c->id, end->why ? end->why : "");
	if (c->req) tus_refuse(c->t, c->req, codes[end->verdict], end->why);
}

bool tus_complete(struct tus_call *c, struct upload *u)
{
	struct upload_end end;
	struct err e = {0};
	const struct tus_config *cfg = &c->t->cfg;
	int rc = upload_finish(u, &end, &e);
	if (!rc && end.verdict != UPLOAD_FINE) {
		refuse_whole(c, &end);
		return false;
	}
	if (!rc && cfg->stored) rc = cfg->stored(upload_info(u), &end, cfg->arg, &e);
	if (!rc) rc = upload_done(u, &e);
	if (rc) {
		/* all bytes are acknowledged; the next question after the upload tries once more */
		tus_refuse_err(c, rc == (int)ERR_CONFLICT ? ERR_IO : rc, &e, PROBLEM_BUSY);
		return false;
	}
	tus_count(c->t, TUS_COMPLETED, 1);
	return true;
}

/* --- options, head, delete --- */

void tus_options(struct tus *t, struct http_req *req)
{
	http_reply_header(req, "Tus-Resumable", VERSION);
	http_reply_header(req, "Tus-Version", VERSION);
	http_reply_header(req, "Tus-Extension", EXTENSIONS);
	http_reply_header(req, "Tus-Checksum-Algorithm", ALGORITHMS);
	tus_header_int(req, "Tus-Max-Size", blob_store_config(t->cfg.store)->max_bytes);
	http_reply(req, 204, NULL, "", 0);
}

static void say(struct http_req *req, const struct upload_info *i)
{
	http_reply_header(req, "Tus-Resumable", VERSION);
	tus_header_int(req, "Upload-Offset", i->offset);
	if (i->length >= 0)
		tus_header_int(req, "Upload-Length", i->length);
	else
		http_reply_header(req, "Upload-Defer-Length", "1");
	if (*i->meta.raw) http_reply_header(req, "Upload-Metadata", i->meta.raw);
	tus_header_expires(req, i->expires);
	http_reply_header(req, "Cache-Control", "no-store");
	http_reply(req, 200, NULL, "", 0);
}

/* An upload whose last bytes were acknowledged, and whose blob a crash kept from being made. */
static bool mend(struct tus_call *c)
{
	struct err e = {0};
	int rc = upload_open(c->t->cfg.store, c->id, c->owner, &c->u, &e);
	if (rc == (int)ERR_CONFLICT) return true; /* somebody else made it */
	if (rc) {                                 /* busy: somebody else is about to make it, or to refuse it */
		tus_refuse_err(c, rc, &e, PROBLEM_UPLOAD_LOCKED);
		return false;
	}
	return tus_complete(c, c->u);
}

static void run_head(struct work_job *job, void *state)
{
	struct tus_call *c = (struct tus_call *)job;
	struct http_req *req = c->req;
	struct upload_info info;
	struct err e = {0};
	(void)state;
	int rc = upload_stat(c->t->cfg.store, c->id, c->owner, &info, &e);
	if (rc)
		tus_refuse_err(c, rc, &e, PROBLEM_UPLOAD_LOCKED);
	else if (info.complete || info.offset != info.length || mend(c))
		say(req, &info);
	tus_call_free(c);
	http_resume(req);
}

void tus_head(struct tus *t, struct http_req *req)
{
	struct tus_call *c = tus_call_new(t, req);
	if (c && !tus_call_park(c, run_head)) tus_call_free(c);
}

static void run_delete(struct work_job *job, void *state)
{
	struct tus_call *c = (struct tus_call *)job;
	struct http_req *req = c->req;
	struct err e = {0};
	(void)state;
	int rc = upload_remove(c->t->cfg.store, c->id, c->owner, &e);
	if (rc) {
		tus_refuse_err(c, rc, &e, PROBLEM_UPLOAD_LOCKED);
	} else {
		tus_count(c->t, TUS_REMOVED, 1);
		http_reply_header(req, "Tus-Resumable", VERSION);
		http_reply(req, 204, NULL, "", 0);
	}
	tus_call_free(c);
	http_resume(req);
}

void tus_delete(struct tus *t, struct http_req *req)
{
	struct tus_call *c = tus_call_new(t, req);
	if (c && !tus_call_park(c, run_delete)) tus_call_free(c);
}
