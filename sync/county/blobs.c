/* See blobs.h. Called where a case is written back (casefile.c), by the face that takes blobs in, and by the minute. */
#include "sync/county/blobs.h"

#include "shared/casejson.h"
#include "shared/fields.h"
#include "shared/files.h"
#include "shared/text.h"
#include "sync/county/feed.h"

#include <string.h>

#define ROUND 100

static int run(struct store *s, size_t query, const uint8_t sha256[DIGEST_LEN], const char *station, struct err *e)
{
	struct db_stmt *q = db_query(s->db, query, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "sha256", sha256, DIGEST_LEN);
	if (station) db_bind_text(q, "station", station);
	return db_run(q, e);
}

/* --- telling --- */

struct untold {
	char station[13], media[32];
	uint8_t sha256[DIGEST_LEN];
	int64_t size;
};

static int next_untold(struct store *s, const uint8_t case_id[UUID_LEN], struct untold *u, bool *found, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_blob_untold, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "case_id", case_id, UUID_LEN);
	int r = db_step(q, e);
	*found = r > 0;
	if (r > 0) {
		db_copy_text(q, 0, u->station, sizeof u->station);
		(void)db_copy_blob(q, 1, u->sha256, DIGEST_LEN);
		u->size = db_int(q, 2);
		db_copy_text(q, 3, u->media, sizeof u->media);
	}
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

static int tell(struct store *s, const uint8_t case_id[UUID_LEN], struct err *e)
{
	struct untold u = {0};
	bool found = true;
	int rc = ERR_OK;
	while (!rc && found) {
		rc = next_untold(s, case_id, &u, &found, e);
		if (!rc && found) rc = run(s, Q_blob_told_put, u.sha256, u.station, e);
		if (!rc && found) rc = feed_put_blob(s, u.station, u.sha256, u.size, u.media, e);
	}
	return rc;
}

/* --- cases --- */

struct link {
	struct store *s;
	const uint8_t *case_id;
	int n;
	struct err *e;
};

static int put_link(const struct file_ref *f, void *arg)
{
	struct link *x = arg;
	struct db_stmt *q = db_query(x->s->db, Q_case_file_put, x->e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "sha256", f->sha256, DIGEST_LEN);
	db_bind_blob(q, "case_id", x->case_id, UUID_LEN);
	x->n++;
	return db_run(q, x->e);
}

static int count_one(const struct file_ref *f, void *arg)
{
	(void)f;
	++*(int *)arg;
	return ERR_OK;
}

int blobs_of_case(struct store *s, const struct caseview *v, struct err *e)
{
	struct link x = {.s = s, .case_id = v->id, .e = e};
	int n = 0;
	(void)files_each(json_object_get(v->doc, "materials"), count_one, &n);
	if (!n && v->state != STATE_ERASED) return ERR_OK; /* files are added and replaced, and go with all else */
	struct db_stmt *q = db_query(s->db, Q_case_files_drop, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "case_id", v->id, UUID_LEN);
	int rc = db_run(q, e);
	if (!rc) rc = files_each(json_object_get(v->doc, "materials"), put_link, &x);
	return rc || !x.n ? rc : tell(s, v->id, e);
}

int blobs_here(struct store *s, const uint8_t case_id[UUID_LEN], const uint8_t sha256[DIGEST_LEN], bool *yes,
               struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_blob_here, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "case_id", case_id, UUID_LEN);
	db_bind_blob(q, "sha256", sha256, DIGEST_LEN);
	int r = db_step(q, e);
	*yes = r > 0;
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

int blobs_each_case(struct store *s, const uint8_t sha256[DIGEST_LEN],
                    int (*fn)(const uint8_t case_id[UUID_LEN], void *arg, bool *enough, struct err *e), void *arg,
                    struct err *e)
{
	uint8_t id[UUID_LEN] = {0};
	bool enough = false;
	int r = 1, rc = ERR_OK;
	while (!rc && !enough && r > 0) {
		struct db_stmt *q = db_query(s->db, Q_blob_cases, e);
		if (!q) return ERR_IO;
		db_bind_blob(q, "sha256", sha256, DIGEST_LEN);
		db_bind_blob(q, "after", id, UUID_LEN);
		r = db_step(q, e);
		if (r > 0) (void)db_copy_blob(q, 0, id, UUID_LEN);
		db_reset(q);
		if (r > 0) rc = fn(id, arg, &enough, e);
	}
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

/* --- coming --- */

static int tell_case(const uint8_t case_id[UUID_LEN], void *arg, bool *enough, struct err *e)
{
	*enough = false;
	return tell(arg, case_id, e);
}

static int note(struct store *s, const char *station, const uint8_t sha256[DIGEST_LEN], int64_t size, const char *media,
                int64_t now, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_blob_put, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "sha256", sha256, DIGEST_LEN);
	db_bind_int(q, "size", size);
	db_bind_text(q, "media", media);
	db_bind_int(q, "at", now);
	int rc = db_run(q, e);
	if (!rc) rc = run(s, Q_blob_source_put, sha256, station, e);
	return rc ? rc : blobs_each_case(s, sha256, tell_case, s, e);
}

int blobs_stored(struct store *s, const char *station, const uint8_t sha256[DIGEST_LEN], int64_t size,
                 const char *media, int64_t now, struct err *e)
{
	int rc = store_begin(s, e);
	if (!rc) rc = note(s, station, sha256, size, media, now, e);
	if (!rc) rc = store_commit(s, e);
	if (rc) store_rollback(s);
	return rc;
}

int blobs_for_station(struct store *s, const char *station, const uint8_t sha256[DIGEST_LEN], int64_t *size,
                      struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_blob_for_station, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "sha256", sha256, DIGEST_LEN);
	db_bind_text(q, "station", station);
	int r = db_step(q, e);
	db_reset(q);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_NOTFOUND, "not this station's");
	q = db_query(s->db, Q_blob_get, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "sha256", sha256, DIGEST_LEN);
	r = db_step(q, e);
	if (r > 0) *size = db_int(q, 0);
	db_reset(q);
	return r > 0 ? ERR_OK : r < 0 ? -r : err_set(e, ERR_NOTFOUND, "it has not come");
}

/* --- going --- */

static int orphans(struct store *s, int64_t before, uint8_t (*out)[DIGEST_LEN], int *n, struct err *e)
{
	int r = 0;
	*n = 0;
	struct db_stmt *q = db_query(s->db, Q_blob_orphans, e);
	if (!q) return ERR_IO;
	db_bind_int(q, "before", before);
	db_bind_int(q, "limit", ROUND);
	while (*n < ROUND && (r = db_step(q, e)) > 0)
		if (db_copy_blob(q, 0, out[*n], DIGEST_LEN)) (*n)++;
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

/* The row first: a file without one is found by the next upload of it, a row without a file would lie. */
static int forget(struct store *s, struct blob_store *folder, const uint8_t sha256[DIGEST_LEN], struct err *e)
{
	struct err none = {0};
	int rc = store_begin(s, e);
	if (!rc) rc = run(s, Q_blob_delete, sha256, NULL, e);
	if (!rc) rc = run(s, Q_blob_source_delete, sha256, NULL, e);
	if (!rc) rc = run(s, Q_blob_told_delete, sha256, NULL, e);
	if (!rc) rc = store_commit(s, e);
	if (rc) {
		store_rollback(s);
		return rc;
	}
	rc = blob_remove(folder, sha256, &none);
	return rc && rc != (int)ERR_NOTFOUND ? err_set(e, none.code, "%s", none.msg) : ERR_OK;
}

int blobs_sweep(struct store *s, struct blob_store *folder, int64_t before, int *n, struct err *e)
{
	uint8_t some[ROUND][DIGEST_LEN];
	int count = 0;
	*n = 0;
	int rc = orphans(s, before, some, &count, e);
	for (int i = 0; i < count && !rc; i++) {
		rc = forget(s, folder, some[i], e);
		*n += !rc;
	}
	return rc;
}

/* --- showing --- */

struct show {
	struct store *s;
	const uint8_t *case_id;
	json_t *list;
	struct err *e;
};

static int show_one(const struct file_ref *f, void *arg)
{
	struct show *x = arg;
	char hex[TEXT_HEX_LEN(DIGEST_LEN)];
	bool here = false;
	text_hex(f->sha256, DIGEST_LEN, hex);
	int rc = blobs_here(x->s, x->case_id, f->sha256, &here, x->e);
	if (!rc && json_array_append_new(x->list, json_pack("{s:s, s:b}", "sha256", hex, "here", here)))
		rc = err_set(x->e, ERR_NOMEM, "files");
	return rc;
}

json_t *blobs_json(struct store *s, const struct caseview *v, struct err *e)
{
	struct show x = {.s = s, .case_id = v->id, .list = json_array(), .e = e};
	if (x.list && files_each(json_object_get(v->doc, "materials"), show_one, &x) == ERR_OK) return x.list;
	if (!x.list) (void)err_set(e, ERR_NOMEM, "files");
	json_decref(x.list);
	return NULL;
}
