/* See blobs.h. A blob goes out as it lies on the disk and comes in by the store's own uploads, so that a fetch, too, goes on after a
 * kill where it was. That the county has one, only its feed says; what it answers here ends the sending. */
#include "sync/agent/blobs.h"

#include "shared/ledger/blob.h"
#include "shared/text.h"
#include "sync/agent/carrying.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EMPTY_MS    60000 /* nothing waits: the gateway's wake-up comes sooner */
#define DAY_MS      86400000LL
#define MINUTE_MS   60000LL
#define CHINA_MS    (8 * 3600000LL)
#define BUFFER_MIN  16384
#define OWNER       "courier"
#define UPLOADS     "/sync/v1/uploads"
#define UPLOAD_DAYS 7

static int64_t mono(struct hands *h)
{
	return clock_read(h->clock).mono;
}

/* --- life --- */

static int64_t wall(void *arg)
{
	struct hands *h = arg;
	return clock_read(h->clock).wall;
}

int blobs_open(struct blobs *b, const struct blobs_config *cfg, struct transport *t, struct hands *h, struct err *e)
{
	*b = (struct blobs){.cfg = *cfg, .t = t};
	const struct blob_config bc = {.dir = cfg->dir,
	                               .master = ledger_field_key(h->l),
	                               .max_bytes = INT64_MAX / 2, /* what the county has, it let in */
	                               .reserve_bytes = cfg->reserve,
	                               .upload_ms = UPLOAD_DAYS * DAY_MS,
	                               .now = wall,
	                               .arg = h};
	return blob_store_open(&bc, &b->store, e);
}

void blobs_close(struct blobs *b)
{
	blob_close(b->open);
	upload_close(b->in);
	blob_store_close(b->store);
	free(b->piece);
	*b = (struct blobs){0};
}

static bool two_digits(const char *p, int max, int *out)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9') return false;
	*out = (p[0] - '0') * 10 + (p[1] - '0');
	return *out <= max;
}

static bool time_of_day(const char *p, int *out)
{
	int hour, minute;
	if (!two_digits(p, 23, &hour) || p[2] != ':' || !two_digits(p + 3, 59, &minute)) return false;
	*out = hour * 60 + minute;
	return true;
}

int blobs_window(const char *text, int *from, int *to, struct err *e)
{
	*from = *to = 0;
	if (!*text) return ERR_OK;
	bool ok = strlen(text) == 11 && text[5] == '-' && time_of_day(text, from) && time_of_day(text + 6, to);
	return ok ? ERR_OK : err_set(e, ERR_INVALID, "blob_window: HH:MM-HH:MM is wanted, as in 22:00-07:00");
}

/* --- which --- */

/* Milliseconds until the window opens (0 = it is open), and then until it closes (0 = never). */
static int64_t until_open(const struct blobs *b, int64_t now, int64_t *closes)
{
	int64_t at = (now + CHINA_MS) % DAY_MS, from = b->cfg.window_from * MINUTE_MS,
	        to = b->cfg.window_to * MINUTE_MS;
	*closes = 0;
	if (from == to) return 0;
	bool open = from < to ? at >= from && at < to : at >= from || at < to;
	if (!open) return (from - at + DAY_MS) % DAY_MS;
	*closes = (to - at + DAY_MS) % DAY_MS;
	return 0;
}

/* How much of what is wanted is here; its upload is made where there is none. */
static int prepare(struct blobs *b, struct hands *h, struct ledger_blob_next *n, int64_t *offset, struct err *e)
{
	struct upload_info info;
	struct err none = {0};
	struct upload_meta meta = {.declared = true};
	memcpy(meta.sha256, n->sha256, DIGEST_LEN);
	int rc = *n->upload ? upload_stat(b->store, n->upload, OWNER, &info, &none) : (int)ERR_NOTFOUND;
	if (rc == (int)ERR_NOTFOUND) {
		rc = upload_create(b->store, OWNER, n->size, &meta, &info, e);
		if (!rc) rc = ledger_begin(h->l, e);
		if (!rc) rc = ledger_blob_want_begun(h->l, n->sha256, info.id, e);
		if (!rc) rc = ledger_commit(h->l, e);
		if (rc) ledger_rollback(h->l);
		(void)snprintf(n->upload, sizeof n->upload, "%s", info.id);
	} else if (rc) {
		return err_set(e, none.code, "%s", none.msg);
	}
	*offset = rc ? 0 : info.offset;
	return rc;
}

static int choose(struct blobs *b, struct hands *h, const struct carry_step *s, struct carry_item *it, struct err *e)
{
	struct ledger_blob_next n;
	struct err none = {0};
	int64_t now = wall(h);
	int rc = ledger_blob_want_next(h->l, now, &n, &none);
	if (rc == (int)ERR_NOTFOUND) return carrying_next(h->l, s->turn, now, it, e);
	if (rc) return err_set(e, (enum err_code)rc, "%s", none.msg);
	/* what somebody waits for is fetched first, and at any hour */
	*it = (struct carry_item){.fetch = true, .size = n.size};
	rc = prepare(b, h, &n, &it->offset, e);
	memcpy(it->sha256, n.sha256, DIGEST_LEN);
	(void)snprintf(it->upload, sizeof it->upload, "%s", n.upload);
	return rc;
}

static void pick(struct blobs *b, struct hands *h, const struct carry_step *s)
{
	struct carry_item it;
	struct err e = {0};
	int64_t closes = 0, now = mono(h), wait = until_open(b, wall(h), &closes);
	int rc = choose(b, h, s, &it, &e);
	if (!rc && !it.fetch && wait) rc = ERR_NOTFOUND;
	if (rc == (int)ERR_NOTFOUND) {
		engine_carry_picked(h->g, NULL, now + (wait && wait < EMPTY_MS ? wait : EMPTY_MS));
	} else if (rc) {
		log_warn(h->log, "blob", "%s", e.msg);
		engine_carry_store_failed(h->g, now);
	} else {
		if (closes && !it.fetch) it.until = now + closes;
		engine_carry_picked(h->g, &it, 0);
	}
}

/* --- calls --- */

static bool room_for(struct blobs *b, size_t len)
{
	if (len <= b->cap) return true;
	uint8_t *more = realloc(b->piece, len);
	if (!more) return false;
	b->piece = more;
	b->cap = len;
	return true;
}

/* The piece that S asks for, from the disk. */
static int read_piece(struct blobs *b, const struct carry_step *s, struct err *e)
{
	bool other = !b->open || memcmp(b->open_sha256, s->item->sha256, DIGEST_LEN) != 0;
	if (!room_for(b, s->len)) return err_set(e, ERR_NOMEM, "a piece");
	if (other) {
		blob_close(b->open);
		b->open = NULL;
		memcpy(b->open_sha256, s->item->sha256, DIGEST_LEN);
		int rc = blob_open(b->store, s->item->sha256, &b->open, e);
		if (rc) return rc;
	}
	return blob_read(b->open, s->offset, b->piece, s->len, e);
}

static void report(struct hands *h, int rc, const struct transport_answer *a, int64_t offset, int64_t start,
                   const struct err *e)
{
	char upload[CARRY_UPLOAD_MAX] = "";
	const char *id = strrchr(a->location, '/');
	if (id && strlen(id + 1) < sizeof upload) (void)snprintf(upload, sizeof upload, "%s", id + 1);
	if (rc)
		engine_carry_failed(h->g, mono(h), e->msg);
	else
		engine_carry_answered(h->g, mono(h), a->status, offset, upload, mono(h) - start);
}

static void ask(struct blobs *b, struct hands *h, const struct transport_ask *q)
{
	struct transport_answer a = {0};
	struct err e = {0};
	int64_t start = mono(h);
	int rc = transport_send(b->t, q, &a, &e);
	report(h, rc, &a, a.offset, start, &e);
	transport_answer_release(&a);
}

static void do_ask(struct blobs *b, struct hands *h, const struct carry_step *s)
{
	char path[128], hex[TEXT_HEX_LEN(DIGEST_LEN)];
	text_hex(s->item->sha256, DIGEST_LEN, hex);
	(void)snprintf(path, sizeof path, "/sync/v1/blobs/%s", hex);
	ask(b, h, &(struct transport_ask){.method = "HEAD", .path = path, .timeout_ms = s->timeout_ms});
}

static void do_make(struct blobs *b, struct hands *h, const struct carry_step *s)
{
	char hex[TEXT_HEX_LEN(DIGEST_LEN)], b64[TEXT_B64_LEN(2 * DIGEST_LEN)], meta[160], length[48];
	text_hex(s->item->sha256, DIGEST_LEN, hex);
	(void)text_b64(hex, 2 * DIGEST_LEN, b64);
	(void)snprintf(meta, sizeof meta, "Upload-Metadata: sha256 %s", b64);
	(void)snprintf(length, sizeof length, "Upload-Length: %" PRId64, s->item->size);
	const char *const headers[] = {"Tus-Resumable: 1.0.0", length, meta, "Content-Type:", NULL};
	ask(b, h,
	    &(struct transport_ask){
	        .method = "POST", .path = UPLOADS, .headers = headers, .timeout_ms = s->timeout_ms});
}

static void do_find(struct blobs *b, struct hands *h, const struct carry_step *s)
{
	static const char *const headers[] = {"Tus-Resumable: 1.0.0", NULL};
	char path[128];
	(void)snprintf(path, sizeof path, UPLOADS "/%s", s->item->upload);
	ask(b, h,
	    &(struct transport_ask){.method = "HEAD", .path = path, .headers = headers, .timeout_ms = s->timeout_ms});
}

/* A blob that cannot be read here is no fault of the link: the others go on. */
static void unreadable(struct hands *h, const struct carry_step *s, const struct err *e)
{
	struct err inner = {0};
	log_error(h->log, "blob", "cannot be read: %s", e->msg);
	int rc = ledger_begin(h->l, &inner);
	if (!rc) rc = ledger_blob_later(h->l, s->item->sha256, wall(h) + CARRYING_LATER_MS, &inner);
	if (!rc) rc = ledger_commit(h->l, &inner);
	if (rc) ledger_rollback(h->l);
	engine_carry_store_failed(h->g, mono(h));
}

static void do_send(struct blobs *b, struct hands *h, const struct carry_step *s)
{
	char path[128], offset[48];
	struct err e = {0};
	(void)snprintf(path, sizeof path, UPLOADS "/%s", s->item->upload);
	(void)snprintf(offset, sizeof offset, "Upload-Offset: %" PRId64, s->offset);
	const char *const headers[] = {"Tus-Resumable: 1.0.0", "Content-Type: application/offset+octet-stream", offset,
	                               NULL};
	if (read_piece(b, s, &e)) {
		unreadable(h, s, &e);
		return;
	}
	ask(b, h,
	    &(struct transport_ask){.method = "PATCH",
	                            .path = path,
	                            .headers = headers,
	                            .body = b->piece,
	                            .len = s->len,
	                            .timeout_ms = s->timeout_ms,
	                            .send_buffer = s->len > BUFFER_MIN ? (int)s->len : BUFFER_MIN});
}

/* Keeps what came before it is told. */
static int keep(struct blobs *b, const struct carry_step *s, const struct transport_answer *a, struct err *e)
{
	if (a->status != 206) return ERR_OK;
	if (a->from != s->offset || a->len > s->len) return err_set(e, ERR_CORRUPT, "another range than was asked for");
	int rc = b->in ? ERR_OK : upload_open(b->store, s->item->upload, OWNER, &b->in, e);
	if (!rc && upload_info(b->in)->offset != s->offset) rc = err_set(e, ERR_CONFLICT, "the file stands elsewhere");
	if (!rc) rc = upload_write(b->in, a->body, a->len, e);
	if (!rc) rc = upload_commit(b->in, e);
	if (rc) {
		upload_close(b->in);
		b->in = NULL;
	}
	return rc;
}

static void do_fetch(struct blobs *b, struct hands *h, const struct carry_step *s)
{
	char path[128], hex[TEXT_HEX_LEN(DIGEST_LEN)], range[96];
	struct transport_answer a = {0};
	struct err e = {0};
	int64_t start = mono(h);
	text_hex(s->item->sha256, DIGEST_LEN, hex);
	(void)snprintf(path, sizeof path, "/sync/v1/blobs/%s", hex);
	(void)snprintf(range, sizeof range, "Range: bytes=%" PRId64 "-%" PRId64, s->offset,
	               s->offset + (int64_t)s->len - 1);
	const char *const headers[] = {range, NULL};
	const struct transport_ask q = {.method = "GET", .path = path, .headers = headers, .timeout_ms = s->timeout_ms};
	int rc = transport_send(b->t, &q, &a, &e);
	int kept = rc ? ERR_OK : keep(b, s, &a, &e);
	if (kept) {
		log_warn(h->log, "blob", "not kept: %s", e.msg);
		engine_carry_store_failed(h->g, mono(h));
	} else {
		report(h, rc, &a, s->offset + (int64_t)a.len, start, &e);
	}
	transport_answer_release(&a);
}

/* --- writing down --- */

/* Makes the blob of what was fetched, on the disk; *GOOD where it is what its name says. */
static int finish(struct blobs *b, const struct carry_step *s, struct upload_end *end, bool *good, struct err *e)
{
	*good = false;
	if (s->end != CARRY_DONE) return ERR_OK;
	int rc = b->in ? ERR_OK : upload_open(b->store, s->item->upload, OWNER, &b->in, e);
	if (!rc) rc = upload_finish(b->in, end, e);
	*good = !rc && end->verdict == UPLOAD_FINE;
	return rc;
}

static int note_fetched(struct hands *h, const struct carry_step *s, const struct upload_end *end, bool good,
                        struct err *e)
{
	const uint8_t *sha256 = s->item->sha256;
	if (!good) { /* not what its name says, or gone: from the beginning, later */
		log_warn(h->log, "blob", "what was fetched is not what was asked for");
		int rc = ledger_blob_want_begun(h->l, sha256, NULL, e);
		return rc ? rc : ledger_blob_want_later(h->l, sha256, wall(h) + CARRYING_CONFIRM_MS, e);
	}
	struct ledger_blob row = {.size = end->size, .stored_at = wall(h)};
	memcpy(row.sha256, end->sha256, DIGEST_LEN);
	(void)snprintf(row.media, sizeof row.media, "%s", sniff_media_type(end->media));
	int rc = ledger_blob_put(h->l, &row, e);
	return rc ? rc : ledger_blob_want_drop(h->l, sha256, e);
}

/* The upload may go, whatever becomes of it. */
static void let_go(struct blobs *b, struct hands *h, bool good)
{
	struct err none = {0};
	if (b->in && good && upload_done(b->in, &none)) log_warn(h->log, "blob", "%s", none.msg);
	upload_close(b->in);
	b->in = NULL;
}

static void note(struct blobs *b, struct hands *h, const struct carry_step *s)
{
	struct err e = {0};
	struct upload_end end = {0};
	bool fetch = s->item->fetch, good = false;
	int rc = fetch ? finish(b, s, &end, &good, &e) : ERR_OK;
	if (!rc) rc = ledger_begin(h->l, &e);
	if (!rc) rc = fetch ? note_fetched(h, s, &end, good, &e) : carrying_note(h->l, s, wall(h), &e);
	if (!rc) rc = ledger_commit(h->l, &e);
	if (rc) ledger_rollback(h->l);
	if (!fetch && s->end == CARRY_REFUSED) log_warn(h->log, "blob", "the county did not take it: sent again later");
	if (fetch) let_go(b, h, !rc && good);
	if (rc) {
		log_error(h->log, "blob", "%s", e.msg);
		engine_carry_store_failed(h->g, mono(h));
		return;
	}
	if (fetch && h->changed) h->changed(h->arg);
	engine_carry_noted(h->g, mono(h));
}

void blobs_step(struct blobs *b, struct hands *h, const struct carry_step *s)
{
	switch (s->what) {
	case CARRY_PICK: pick(b, h, s); break;
	case CARRY_ASK: do_ask(b, h, s); break;
	case CARRY_MAKE: do_make(b, h, s); break;
	case CARRY_FIND: do_find(b, h, s); break;
	case CARRY_SEND: do_send(b, h, s); break;
	case CARRY_FETCH: do_fetch(b, h, s); break;
	case CARRY_NOTE: note(b, h, s); break;
	}
}
