/* POST and PATCH: see tus.h. A handler reads the headers on the server's thread and parks the request; a worker makes or
 * opens the upload and lets the body in. Pieces are gathered to PIECE bytes (or for a second) and written by a worker
 * while the request is parked, so that the disk holds the sender back and nobody else. What came before a line was cut is
 * written and acknowledged, too; what came under a checksum that did not fit, or did not come whole, is given up. */
#include "shared/tus/internal.h"

#include "shared/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define PIECE        65536
#define PIECE_MS     1000      /* a piece waits no longer for its rest */
#define COMMIT_BYTES (1 << 20) /* acknowledged at least so often */
#define COMMIT_MS    1000
#define MEDIA        "application/offset+octet-stream"

static int64_t now_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- headers --- */

/* NULL, or what is wrong. */
static const char *read_length(struct tus_call *c)
{
	const char *length = http_req_header(c->req, "Upload-Length");
	const char *defer = http_req_header(c->req, "Upload-Defer-Length");
	c->length = -1;
	if (defer && (strcmp(defer, "1") != 0 || length || !c->create)) return "Upload-Defer-Length: 1, or not at all";
	if (length && !tus_parse_number(length, &c->length)) return "Upload-Length: a whole number is wanted";
	return length || defer || !c->create ? NULL : "Upload-Length is missing";
}

static const char *read_offset(struct tus_call *c)
{
	const char *offset = http_req_header(c->req, "Upload-Offset");
	if (c->create) return NULL;
	if (!offset) return "Upload-Offset is missing";
	return tus_parse_number(offset, &c->offset) ? NULL : "Upload-Offset: a whole number is wanted";
}

static const char *read_headers(struct tus_call *c)
{
	const char *sum = http_req_header(c->req, "Upload-Checksum");
	const char *meta = c->create ? http_req_header(c->req, "Upload-Metadata") : NULL;
	const char *why = read_length(c);
	if (!why) why = read_offset(c);
	if (!why && http_req_header(c->req, "Upload-Concat")) why = "Upload-Concat: not among the extensions here";
	c->body = http_req_length(c->req);
	c->summed = sum != NULL;
	if (!why && sum) why = tus_parse_checksum(sum, &c->sum);
	if (!why && meta && *meta) why = tus_parse_metadata(meta, &c->meta);
	return why;
}

/* True when all that can be said without the disk is right; else it is answered. */
static bool headers_fit(struct tus_call *c)
{
	const char *type = http_req_header(c->req, "Content-Type");
	const char *why = read_headers(c);
	int64_t max = blob_store_config(c->t->cfg.store)->max_bytes;
	/* an upload may be made without a body, and then a type says nothing */
	if ((!c->create || c->body) && (!type || strcasecmp(type, MEDIA) != 0))
		tus_refuse(c->t, c->req, PROBLEM_UNSUPPORTED_MEDIA, MEDIA " is wanted");
	else if (why)
		tus_refuse(c->t, c->req, PROBLEM_MALFORMED_REQUEST, why);
	else if (c->length > max || c->body > max || (c->create && c->length >= 0 && c->body > c->length))
		tus_refuse(c->t, c->req, PROBLEM_TOO_LARGE, NULL);
	else
		return true;
	return false;
}

/* --- the body --- */

/* The upload is let go before the answer: who has it may open it again at once. */
static void let_go(struct tus_call *c)
{
	upload_close(c->u);
	c->u = NULL;
}

/* The same without success. An upload whose creation failed is removed: nobody was told where it is. */
static void give_up(struct tus_call *c)
{
	struct err none = {0};
	let_go(c);
	if (c->create && *c->id) (void)upload_remove(c->t->cfg.store, c->id, c->owner, &none);
}

static int write_piece(struct tus_call *c, struct err *e)
{
	if (!c->fill) return ERR_OK;
	if (c->digest) digest_add(c->digest, c->piece, c->fill);
	int rc = upload_write(c->u, c->piece, c->fill, e);
	if (!rc) tus_count(c->t, TUS_BYTES, (int64_t)c->fill);
	c->fill = 0;
	return rc;
}

static int commit(struct tus_call *c, struct err *e)
{
	c->commit_ms = now_ms();
	return upload_commit(c->u, e);
}

static void fail(struct tus_call *c, int rc, const struct err *e)
{
	give_up(c);
	if (rc != (int)ERR_CONFLICT) {
		tus_refuse_err(c, rc, e, PROBLEM_UPLOAD_LOCKED);
	} else if (c->req) { /* another writer of the same upload took over */
		tus_refuse(c->t, c->req, PROBLEM_UPLOAD_LOCKED, NULL);
	}
}

static void run_piece(struct work_job *job, void *state)
{
	struct tus_call *c = (struct tus_call *)job;
	struct http_req *req = c->req;
	struct err e = {0};
	(void)state;
	int rc = write_piece(c, &e);
	int64_t open = upload_written(c->u) - upload_info(c->u)->offset;
	bool due = open >= COMMIT_BYTES || now_ms() - c->commit_ms >= COMMIT_MS;
	if (!rc && due && !c->summed) rc = commit(c, &e);
	c->piece_ms = now_ms();
	if (rc) fail(c, rc, &e);
	http_resume(req);
}

static size_t body_data(struct http_req *req, void *arg, const void *data, size_t len)
{
	struct tus_call *c = arg;
	size_t n = PIECE - c->fill < len ? PIECE - c->fill : len;
	(void)req;
	memcpy(c->piece + c->fill, data, n);
	c->fill += n;
	if (c->fill == PIECE || now_ms() - c->piece_ms >= PIECE_MS) (void)tus_call_park(c, run_piece);
	return n;
}

/* The whole body's sum, where one was given; a wrong one is answered. */
static bool sum_fits(struct tus_call *c)
{
	uint8_t sum[DIGEST_LEN];
	if (!c->summed) return true;
	size_t n = digest_end(c->digest, sum);
	if (n == c->sum.len && text_equal_const(sum, c->sum.sum, n)) return true;
	give_up(c);
	tus_count(c->t, TUS_CHECKSUMS, 1);
	tus_refuse(c->t, c->req, PROBLEM_UPLOAD_CHECKSUM, NULL);
	return false;
}

static void answer(struct tus_call *c, int64_t offset, int64_t expires)
{
	char location[128];
	(void)snprintf(location, sizeof location, "%s/%s", c->t->cfg.path, c->id);
	if (c->create) http_reply_header(c->req, "Location", location);
	http_reply_header(c->req, "Tus-Resumable", "1.0.0");
	tus_header_int(c->req, "Upload-Offset", offset);
	tus_header_expires(c->req, expires);
	http_reply(c->req, c->create ? 201 : 204, NULL, "", 0);
}

static void run_end(struct work_job *job, void *state)
{
	struct tus_call *c = (struct tus_call *)job;
	struct http_req *req = c->req;
	struct err e = {0};
	(void)state;
	int rc = write_piece(c, &e);
	if (!rc && !sum_fits(c)) {
		http_resume(req);
		return;
	}
	if (!rc) rc = commit(c, &e);
	if (rc) {
		fail(c, rc, &e);
	} else {
		const struct upload_info *i = upload_info(c->u);
		int64_t offset = i->offset, expires = i->expires;
		bool fine = offset != i->length || tus_complete(c, c->u);
		if (fine) {
			let_go(c);
			answer(c, offset, expires);
		} else {
			give_up(c);
		}
	}
	http_resume(req);
}

static void body_end(struct http_req *req, void *arg)
{
	(void)req;
	(void)tus_call_park(arg, run_end);
}

/* The line was cut: what came is kept. If it was all, the blob is made when its sender asks how far it is. Of a creation no
 * sender can ask, as it never learnt where the upload is. */
static void run_cut(struct work_job *job, void *state)
{
	struct tus_call *c = (struct tus_call *)job;
	struct err e = {0};
	(void)state;
	tus_count(c->t, TUS_CUT, 1);
	bool keep = !c->summed && !c->create;
	int rc = keep ? write_piece(c, &e) : ERR_OK;
	if (!rc && keep) rc = commit(c, &e);
	if (rc)
		fail(c, rc, &e);
	else if (c->create)
		give_up(c);
	tus_call_free(c);
}

static void body_release(void *arg, bool ended)
{
	struct tus_call *c = arg;
	c->req = NULL;
	if (ended || !c->u) {
		tus_call_free(c);
		return;
	}
	c->job.run = run_cut;
	if (!tus_submit(c->t, &c->job)) run_cut(&c->job, NULL); /* at the end of the program */
}

static const struct http_sink sink = {.data = body_data, .end = body_end, .release = body_release};

/* --- opening --- */

/* A PATCH of what is complete: a sender that lost the last answer may send nothing once more. */
static void answer_complete(struct tus_call *c)
{
	struct upload_info info;
	struct err e = {0};
	int rc = upload_stat(c->t->cfg.store, c->id, c->owner, &info, &e);
	if (rc)
		tus_refuse_err(c, rc, &e, PROBLEM_UPLOAD_LOCKED);
	else if (c->body == 0 && c->offset == info.offset)
		answer(c, info.offset, info.expires);
	else
		tus_refuse(c->t, c->req, PROBLEM_UPLOAD_OFFSET, "the upload is complete");
}

static int make(struct tus_call *c, struct err *e)
{
	struct upload_info info;
	int rc = upload_create(c->t->cfg.store, c->owner, c->length, &c->meta, &info, e);
	if (rc) return rc;
	tus_count(c->t, TUS_CREATED, 1);
	memcpy(c->id, info.id, sizeof c->id);
	c->offset = 0;
	return ERR_OK;
}

static bool offset_fits(struct tus_call *c)
{
	const struct upload_info *i = upload_info(c->u);
	if (c->offset == i->offset) return true;
	struct problem p = {0};
	problem_set(&p, PROBLEM_UPLOAD_OFFSET, NULL);
	problem_member(&p, "offset", json_integer(i->offset));
	http_reply_header(c->req, "Tus-Resumable", "1.0.0");
	tus_header_int(c->req, "Upload-Offset", i->offset);
	http_problem(c->req, &p);
	return false;
}

/* Everything that a body needs, and room for it. */
static int prepare(struct tus_call *c, struct err *e)
{
	int rc = !c->create && c->length >= 0 ? upload_set_length(c->u, c->length, e) : ERR_OK;
	if (rc) return rc;
	const struct upload_info *i = upload_info(c->u);
	int64_t most = i->length >= 0 ? i->length : blob_store_config(c->t->cfg.store)->max_bytes;
	if (c->body > most - i->offset) return err_set(e, ERR_INVALID, "more bytes than there may be");
	rc = blob_store_room(c->t->cfg.store, c->body > 0 ? c->body : 0, e);
	if (rc) return rc;
	c->piece = malloc(PIECE);
	if (c->summed) {
		c->digest = digest_new(c->sum.kind);
		upload_hold(c->u);
	}
	c->piece_ms = c->commit_ms = now_ms();
	return c->piece && (c->digest || !c->summed) ? ERR_OK : err_set(e, ERR_NOMEM, "an upload");
}

static void run_open(struct work_job *job, void *state)
{
	struct tus_call *c = (struct tus_call *)job;
	struct http_req *req = c->req;
	struct err e = {0};
	(void)state;
	int rc = c->create ? make(c, &e) : ERR_OK;
	enum problem_code busy = rc ? PROBLEM_BUSY : PROBLEM_UPLOAD_LOCKED;
	if (!rc) rc = upload_open(c->t->cfg.store, c->id, c->owner, &c->u, &e);
	if (rc == (int)ERR_CONFLICT) {
		answer_complete(c);
	} else if (rc) {
		tus_refuse_err(c, rc, &e, busy);
	} else if (offset_fits(c)) {
		rc = prepare(c, &e);
		if (rc) tus_refuse_err(c, rc, &e, busy);
		if (!rc) {
			http_stream(req, &sink, c); /* the request's from here on */
			c = NULL;
		}
	}
	if (c) {
		give_up(c);
		tus_call_free(c);
	}
	http_resume(req);
}

static void start(struct tus *t, struct http_req *req, bool create)
{
	struct tus_call *c = tus_call_new(t, req);
	if (!c) return;
	c->create = create;
	if (!headers_fit(c) || !tus_call_park(c, run_open)) tus_call_free(c);
}

void tus_post(struct tus *t, struct http_req *req)
{
	start(t, req, true);
}

void tus_patch(struct tus *t, struct http_req *req)
{
	start(t, req, false);
}
