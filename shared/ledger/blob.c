/* See blob.h. Written by the gateway's writer and at its start, by the courier, and by the projection of cases and feed. */
#include "shared/ledger/blob.h"
#include "shared/ledger/internal.h"

#include "shared/files.h"
#include "shared/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs QUERY for one blob; AT goes to :at where the query has it. */
static int run(struct ledger *l, size_t query, const uint8_t sha256[DIGEST_LEN], const int64_t *at, struct err *e)
{
	struct db_stmt *s = db_query(l->db, query, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "sha256", sha256, DIGEST_LEN);
	if (at) db_bind_int(s, "at", *at);
	return db_run(s, e);
}

int ledger_blob_put(struct ledger *l, const struct ledger_blob *b, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_blob_put, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "sha256", b->sha256, DIGEST_LEN);
	db_bind_int(s, "size", b->size);
	db_bind_text(s, "media", b->media);
	db_bind_int(s, "at", b->stored_at);
	return db_run(s, e);
}

int ledger_blob_get(struct ledger *l, const uint8_t sha256[DIGEST_LEN], struct ledger_blob *out, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_blob_get, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "sha256", sha256, DIGEST_LEN);
	int r = db_step(s, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_NOTFOUND, "no such blob");
	*out = (struct ledger_blob){
	    .size = db_int(s, 0), .stored_at = db_int(s, 2), .dropped_at = db_int(s, 3), .marked = db_int(s, 4) != 0};
	memcpy(out->sha256, sha256, DIGEST_LEN);
	db_copy_text(s, 1, out->media, sizeof out->media);
	db_reset(s);
	return ERR_OK;
}

int ledger_blob_lost(struct ledger *l, const uint8_t sha256[DIGEST_LEN], struct err *e)
{
	int64_t now = ledger_now(l).wall;
	return run(l, Q_blob_lost, sha256, &now, e);
}

int ledger_blob_forget(struct ledger *l, const uint8_t sha256[DIGEST_LEN], struct err *e)
{
	return run(l, Q_blob_forget, sha256, NULL, e);
}

/* The hashes that S gives, MAX of them at most. */
static int collect(struct db_stmt *s, uint8_t (*out)[DIGEST_LEN], int max, int *n, struct err *e)
{
	int r = 0;
	*n = 0;
	while (*n < max && (r = db_step(s, e)) > 0)
		if (db_copy_blob(s, 0, out[*n], DIGEST_LEN)) (*n)++;
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

int ledger_blob_some(struct ledger *l, const uint8_t after[DIGEST_LEN], uint8_t (*out)[DIGEST_LEN], int max, int *n,
                     struct err *e)
{
	*n = 0;
	struct db_stmt *s = db_query(l->db, Q_blob_each, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "after", after, DIGEST_LEN);
	db_bind_int(s, "limit", max);
	return collect(s, out, max, n, e);
}

int ledger_blob_leaving(struct ledger *l, bool orphans, int64_t at, uint8_t (*out)[DIGEST_LEN], int max, int *n,
                        struct err *e)
{
	*n = 0;
	struct db_stmt *s = db_query(l->db, orphans ? Q_blob_orphans : Q_blob_old, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "at", at);
	db_bind_int(s, "limit", max);
	return collect(s, out, max, n, e);
}

int ledger_blob_mark_get(struct ledger *l, const uint8_t sha256[DIGEST_LEN], struct ledger_blob *out, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_blob_mark_get, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "sha256", sha256, DIGEST_LEN);
	int r = db_step(s, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_NOTFOUND, "the county has no such blob");
	*out = (struct ledger_blob){.size = db_int(s, 0), .marked = true};
	memcpy(out->sha256, sha256, DIGEST_LEN);
	db_copy_text(s, 1, out->media, sizeof out->media);
	db_reset(s);
	return ERR_OK;
}

int ledger_blob_linked(struct ledger *l, const uint8_t sha256[DIGEST_LEN], bool *yes, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_blob_linked, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "sha256", sha256, DIGEST_LEN);
	int r = db_step(s, e);
	*yes = r > 0;
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

/* --- the courier's --- */

static int next(struct db_stmt *s, struct ledger_blob_next *out, struct err *e)
{
	int r = db_step(s, e);
	*out = (struct ledger_blob_next){0};
	if (r > 0) {
		(void)db_copy_blob(s, 0, out->sha256, DIGEST_LEN);
		out->size = db_int(s, 1);
		db_copy_text(s, 2, out->upload, sizeof out->upload);
	}
	db_reset(s);
	return r > 0 ? ERR_OK : r < 0 ? -r : err_set(e, ERR_NOTFOUND, "no blob waits");
}

int ledger_blob_next(struct ledger *l, bool smallest, int64_t now, struct ledger_blob_next *out, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_blob_next, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "now", now);
	db_bind_int(s, "smallest", smallest);
	return next(s, out, e);
}

int ledger_blob_want_next(struct ledger *l, int64_t now, struct ledger_blob_next *out, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_blob_want_next, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "now", now);
	return next(s, out, e);
}

static int put_upload(struct ledger *l, size_t query, const uint8_t sha256[DIGEST_LEN], const char *id, struct err *e)
{
	struct db_stmt *s = db_query(l->db, query, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "sha256", sha256, DIGEST_LEN);
	db_bind_text(s, "upload", id);
	return db_run(s, e);
}

int ledger_blob_begun(struct ledger *l, const uint8_t sha256[DIGEST_LEN], const char *id, struct err *e)
{
	return put_upload(l, Q_blob_upload, sha256, id, e);
}

int ledger_blob_want_begun(struct ledger *l, const uint8_t sha256[DIGEST_LEN], const char *id, struct err *e)
{
	return put_upload(l, Q_blob_want_upload, sha256, id, e);
}

int ledger_blob_sent(struct ledger *l, const uint8_t sha256[DIGEST_LEN], int64_t at, struct err *e)
{
	return run(l, Q_blob_sent, sha256, &at, e);
}

int ledger_blob_later(struct ledger *l, const uint8_t sha256[DIGEST_LEN], int64_t at, struct err *e)
{
	return run(l, Q_blob_later, sha256, &at, e);
}

int ledger_blob_tries(struct ledger *l, const uint8_t sha256[DIGEST_LEN], int *n, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_blob_tries, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "sha256", sha256, DIGEST_LEN);
	int r = db_step(s, e);
	*n = r > 0 ? (int)db_int(s, 0) : 0;
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

int ledger_blob_want(struct ledger *l, const uint8_t sha256[DIGEST_LEN], int64_t at, struct err *e)
{
	return run(l, Q_blob_want, sha256, &at, e);
}

int ledger_blob_want_drop(struct ledger *l, const uint8_t sha256[DIGEST_LEN], struct err *e)
{
	return run(l, Q_blob_want_drop, sha256, NULL, e);
}

int ledger_blob_want_later(struct ledger *l, const uint8_t sha256[DIGEST_LEN], int64_t at, struct err *e)
{
	return run(l, Q_blob_want_later, sha256, &at, e);
}

int ledger_blob_backlog(struct ledger *l, struct ledger_blob_backlog *out, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_blob_waiting, e);
	*out = (struct ledger_blob_backlog){0};
	if (!s) return ERR_IO;
	int r = db_step(s, e);
	if (r > 0)
		*out =
		    (struct ledger_blob_backlog){.blobs = db_int(s, 0), .bytes = db_int(s, 1), .refused = db_int(s, 2)};
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

int ledger_blob_pace(struct ledger *l, int64_t at, int64_t *bytes, int64_t *since, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_blob_pace, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "at", at);
	int r = db_step(s, e);
	*bytes = r > 0 ? db_int(s, 0) : 0;
	*since = r > 0 ? db_int(s, 1) : at;
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

/* --- projections --- */

struct links {
	struct ledger *l;
	int64_t n;
	struct err *e;
};

static int put_link(const struct file_ref *f, void *arg)
{
	struct links *x = arg;
	struct db_stmt *s = db_query(x->l->db, Q_case_file_put, x->e);
	if (!s) return ERR_IO;
	db_bind_int(s, "n", x->n);
	db_bind_blob(s, "sha256", f->sha256, DIGEST_LEN);
	db_bind_int(s, "thumb", f->thumb);
	return db_run(s, x->e);
}

int ledger_files_drop(struct ledger *l, int64_t n, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_case_files_drop, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "n", n);
	return db_run(s, e);
}

int ledger_files_put(struct ledger *l, int64_t n, const struct caseview *v, struct err *e)
{
	struct links x = {l, n, e};
	return files_each(json_object_get(v->doc, "materials"), put_link, &x);
}

struct stand {
	uint8_t (*have)[DIGEST_LEN];
	int n;
	bool ok;
	int found; /* of what the case names, each once */
	bool *seen;
};

static int look_for(const struct file_ref *f, void *arg)
{
	struct stand *x = arg;
	for (int i = 0; i < x->n; i++) {
		if (memcmp(x->have[i], f->sha256, DIGEST_LEN) != 0) continue;
		x->found += !x->seen[i];
		x->seen[i] = true;
		return ERR_OK;
	}
	x->ok = false;
	return ERR_OK;
}

#define FILES_MAX (40 * FILES_OF_MATERIAL * 2)

int ledger_files_stand(struct ledger *l, int64_t n, const struct caseview *v, bool *ok, struct err *e)
{
	struct stand x = {.ok = true};
	struct db_stmt *s = db_query(l->db, Q_case_file_list, e);
	if (!s) return ERR_IO;
	x.have = calloc(FILES_MAX, sizeof *x.have);
	x.seen = calloc(FILES_MAX, sizeof *x.seen);
	if (!x.have || !x.seen) {
		db_reset(s);
		free(x.have);
		free(x.seen);
		return err_set(e, ERR_NOMEM, "files of a case");
	}
	db_bind_int(s, "n", n);
	int rc = collect(s, x.have, FILES_MAX, &x.n, e);
	if (!rc) (void)files_each(json_object_get(v->doc, "materials"), look_for, &x);
	*ok = x.ok && x.found == x.n;
	free(x.have);
	free(x.seen);
	return rc;
}

/* Its sync moved: whoever looks at the case is told. */
static int tell(struct ledger *l, const uint8_t sha256[DIGEST_LEN], ledger_case_fn *fn, struct err *e)
{
	uint8_t id[UUID_LEN], after[UUID_LEN] = {0};
	int rc = ERR_OK, r = 1;
	while (!rc && r > 0) {
		struct db_stmt *s = db_query(l->db, Q_blob_case_next, e);
		if (!s) return ERR_IO;
		db_bind_blob(s, "sha256", sha256, DIGEST_LEN);
		db_bind_blob(s, "after", after, UUID_LEN);
		r = db_step(s, e);
		if (r > 0) (void)db_copy_blob(s, 0, id, UUID_LEN);
		db_reset(s);
		if (r > 0) rc = fn(l, id, e);
		memcpy(after, id, UUID_LEN);
	}
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

int ledger_blob_effect(struct ledger *l, const json_t *body, ledger_case_fn *fn, struct err *e)
{
	uint8_t sha256[DIGEST_LEN];
	if (!text_unhex(fields_text(body, "sha256"), sha256, sizeof sha256)) return ERR_OK; /* nothing to point at */
	struct db_stmt *s = db_query(l->db, Q_blob_mark, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "sha256", sha256, DIGEST_LEN);
	db_bind_int(s, "size", fields_int(body, "size", 0));
	db_bind_text(s, "media", fields_text(body, "media"));
	int rc = db_run(s, e);
	if (!rc) rc = run(l, Q_blob_marked, sha256, NULL, e);
	return rc || !fn ? rc : tell(l, sha256, fn, e);
}
