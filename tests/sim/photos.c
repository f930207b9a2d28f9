/* See photos.h. */
#include "tests/sim/photos.h"

#include "shared/fields.h"
#include "shared/files.h"
#include "shared/ledger/blob.h"
#include "shared/text.h"
#include "sync/agent/carrying.h"
#include "sync/county/blobs.h"
#include "tests/sim/inspect.h"
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX                                                                                                         \
	"/sync/v1/photo/" /* what is asked, upload, offset, length, hash: as one path, for the network carries no headers */

/* --- taking --- */

void photos_name(struct world *w, json_t *registration)
{
	char hex[TEXT_HEX_LEN(DIGEST_LEN)];
	if (w->photos.n == PHOTOS_MAX || !sim_chance(&w->user, 200)) return;
	struct photo *p = &w->photos.photo[w->photos.n++];
	*p = (struct photo){.size = sim_range(&w->user, 5000, 400000)};
	digest_sha256(&w->photos.n, sizeof w->photos.n, p->sha256);
	text_hex(p->sha256, DIGEST_LEN, hex);
	json_t *m = json_array_get(json_object_get(registration, "materials"), 0);
	(void)json_object_set_new(
	    m, "files",
	    json_pack("[{s:s, s:I, s:s}]", "sha256", hex, "size", (json_int_t)p->size, "media", "image/jpeg"));
}

struct storing {
	struct ledger *l;
	struct err *e;
};

static int store_one(const struct file_ref *f, void *arg)
{
	struct storing *x = arg;
	struct ledger_blob b = {.size = f->size, .media = "image/jpeg", .stored_at = ledger_now(x->l).wall};
	memcpy(b.sha256, f->sha256, DIGEST_LEN);
	return ledger_blob_put(x->l, &b, x->e);
}

int photos_store(struct ledger *l, const json_t *body, struct err *e)
{
	struct storing x = {l, e};
	return files_each(json_object_get(body, "materials"), store_one, &x);
}

/* --- carrying --- */

static int64_t mono(struct hands *h)
{
	return clock_read(h->clock).mono;
}

static int64_t wall(struct hands *h)
{
	return clock_read(h->clock).wall;
}

static void pick(struct hands *h, const struct carry_step *s)
{
	struct carry_item it;
	struct err e = {0};
	int rc = carrying_next(h->l, s->turn, wall(h), &it, &e);
	if (rc && rc != (int)ERR_NOTFOUND)
		engine_carry_store_failed(h->g, mono(h));
	else
		engine_carry_picked(h->g, rc ? NULL : &it,
		                    mono(h) + (((struct box *)h->arg)->w->faults >> FAULT_DOWN & 1
		                                   ? 6 * HOUR_MS /* weeks in few steps */
		                                   : 60000));
}

static void note(struct hands *h, const struct carry_step *s)
{
	struct err e = {0};
	int rc = ledger_begin(h->l, &e);
	if (!rc) rc = carrying_note(h->l, s, wall(h), &e);
	if (!rc) rc = ledger_commit(h->l, &e);
	if (rc) {
		ledger_rollback(h->l);
		engine_carry_store_failed(h->g, mono(h));
	} else {
		engine_carry_noted(h->g, mono(h));
	}
}

static void call(struct hands *h, const struct carry_step *s)
{
	char path[192], hex[TEXT_HEX_LEN(DIGEST_LEN)];
	struct transport_answer a = {0};
	struct err e = {0};
	int64_t start = mono(h);
	text_hex(s->item->sha256, DIGEST_LEN, hex);
	(void)snprintf(path, sizeof path, PREFIX "%d/%s/%lld/%zu/%s", (int)s->what,
	               *s->item->upload ? s->item->upload : "0", (long long)s->offset, s->len, hex);
	int rc = h->call(h->arg, path, NULL, 0, s->timeout_ms, &a, &e);
	if (rc)
		engine_carry_failed(h->g, mono(h), e.msg);
	else
		engine_carry_answered(h->g, mono(h), a.status, a.offset, a.location, mono(h) - start);
	transport_answer_release(&a);
}

void photos_carry(struct hands *h, const struct carry_step *s)
{
	if (s->what == CARRY_PICK)
		pick(h, s);
	else if (s->what == CARRY_NOTE)
		note(h, s);
	else
		call(h, s);
}

/* --- the county --- */

bool photos_path(const char *path)
{
	return strncmp(path, PREFIX, sizeof PREFIX - 1) == 0;
}

static struct photo *find(struct world *w, const uint8_t sha256[DIGEST_LEN])
{
	for (int i = 0; i < w->photos.n; i++)
		if (memcmp(w->photos.photo[i].sha256, sha256, DIGEST_LEN) == 0) return &w->photos.photo[i];
	return NULL;
}

static struct photo_upload *upload_of(struct world *w, int id)
{
	bool known = id > 0 && id <= w->photos.uploads && w->photos.upload[id - 1].photo >= 0;
	return known ? &w->photos.upload[id - 1] : NULL;
}

/* All bytes are there: the blob is made, or dropped where they are not what was sent. An HTTP status, 0 = no answer. */
static int complete(struct world *w, struct box *b, struct photo_upload *u)
{
	struct err e = {0};
	struct office *o = office_any(w);
	const struct photo *p = &w->photos.photo[u->photo];
	if (u->spoilt) {
		u->photo = -1;
		return 422;
	}
	if (!o) return 0;
	vfs_as(o->p);
	int rc = blobs_stored(o->s, b->station, p->sha256, p->size, "image/jpeg", world_wall(w), &e);
	office_reap(w);
	return rc ? 0 : 204;
}

static int send_piece(struct world *w, struct box *b, struct photo_upload *u, int64_t offset, int64_t len,
                      struct transport_answer *out)
{
	if (!u) return 404;
	int64_t size = w->photos.photo[u->photo].size;
	if (offset != u->here) return 409;
	if (world_may(w, FAULT_CORRUPT) && sim_chance(&w->net, 60)) u->spoilt = true;
	if (world_may(w, FAULT_LINK) && sim_chance(&w->net, 60)) len = len / 2 + 1; /* cut: what came stays */
	u->here += len < size - u->here ? len : size - u->here;
	out->offset = u->here;
	return u->here == size ? complete(w, b, u) : 204;
}

static int ask(struct world *w, struct box *b, const struct photo *p)
{
	struct err e = {0};
	int64_t size;
	struct office *o = office_any(w);
	if (!o) return 0;
	vfs_as(o->p);
	int rc = blobs_for_station(o->s, b->station, p->sha256, &size, &e);
	return !rc ? 200 : rc == (int)ERR_NOTFOUND ? 404 : 0;
}

static int answer(struct world *w, struct box *b, const struct photo *p, int what, struct photo_upload *u,
                  int64_t offset, int64_t len, struct transport_answer *out)
{
	switch (what) {
	case CARRY_ASK: return ask(w, b, p);
	case CARRY_MAKE:
		if (w->photos.uploads == UPLOADS_OF_RUN) return 507;
		w->photos.upload[w->photos.uploads++] = (struct photo_upload){.photo = (int)(p - w->photos.photo)};
		out->offset = 0;
		(void)snprintf(out->location, sizeof out->location, "%d", w->photos.uploads);
		return 201;
	case CARRY_FIND:
		if (!u) return 404;
		if (u->here == p->size && complete(w, b, u) != 204) return 0; /* the next one to ask tries once more */
		out->offset = u->here;
		return 200;
	default: return send_piece(w, b, u, offset, len, out);
	}
}

int photos_answer(struct world *w, struct box *b, const char *path, struct transport_answer *out)
{
	uint8_t sha256[DIGEST_LEN];
	int what = 0, upload = 0;
	long long offset = 0, len = 0;
	const char *hex = strrchr(path, '/') + 1;
	out->offset = out->from = -1;
	if (!text_unhex(hex, sha256, DIGEST_LEN) ||
	    sscanf(path + sizeof PREFIX - 1, "%d/%d/%lld/%lld/", &what, &upload, &offset, &len) != 4)
		abort();
	struct photo *one = find(w, sha256);
	if (!one) abort();
	out->status = answer(w, b, one, what, upload_of(w, upload), offset, len, out);
	out->body = strdup("");
	return out->status && out->body ? ERR_OK : ERR_IO;
}

/* --- what must hold --- */

static int64_t missing(struct inspect *county, const uint8_t *sha256)
{
	sqlite3_stmt *s = inspect_query(county, "SELECT count(*) FROM blobs WHERE sha256 = ?1", NULL, NULL);
	(void)sqlite3_bind_blob(s, 1, sha256, DIGEST_LEN, SQLITE_TRANSIENT);
	int64_t n = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	(void)sqlite3_finalize(s);
	return n == 0;
}

void photos_hold(struct world *w, struct box *b)
{
	struct inspect county, box;
	inspect_open(&county, 0);
	inspect_open(&box, b->machine);
	sqlite3_stmt *s = inspect_query(&box, "SELECT sha256 FROM blobs WHERE marked = 1", NULL, NULL);
	while (sqlite3_step(s) == SQLITE_ROW)
		if (missing(&county, sqlite3_column_blob(s, 0)))
			world_fail(w, "a photo that is told of is there", "box %d", b->i);
	(void)sqlite3_finalize(s);
	s = inspect_query(
	    &box,
	    "SELECT count(*) FROM blobs b WHERE marked = 0 AND dropped_at IS NULL AND tries = 0 AND EXISTS "
	    "(SELECT 1 FROM case_files f JOIN cases c ON c.n = f.n WHERE f.sha256 = b.sha256 AND "
	    "c.own = c.settled AND c.refused = 0) AND next_at = 0",
	    NULL, NULL);
	if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_int64(s, 0))
		world_fail(w, "every photo of a settled case is sent", "box %d: %d are not", b->i,
		           sqlite3_column_int(s, 0));
	(void)sqlite3_finalize(s);
	inspect_close(&box);
	inspect_close(&county);
}
