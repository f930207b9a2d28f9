/* See sweep.h. Called by deem.c and archive.c from the serving process's minute. */
#include "sync/county/sweep.h"

#include <string.h>

#define ROUND 50 /* cases that are read before any is worked on */

struct found {
	uint8_t id[UUID_LEN];
	int64_t received_at;
};

static int one(struct store *s, const struct sweep *sw, const uint8_t id[UUID_LEN], int *n, struct err *e)
{
	struct casefile f;
	bool yes = false;
	int rc = store_begin(s, e);
	if (rc) return rc;
	casefile_init(&f, s);
	rc = casefile_load(&f, id, e);
	if (!rc) rc = sw->wants(&f, sw->arg, &yes, e);
	if (!rc && yes) rc = sw->say(&f, sw->arg, e);
	if (!rc && yes) rc = casefile_flush(&f, e);
	casefile_drop(&f);
	if (!rc && yes) rc = store_commit(s, e);
	if (!rc && yes) ++*n;
	store_rollback(s); /* after the commit there is nothing left to roll back */
	return rc;
}

/* Looked at with a case of its own, without the write lock: most that lie long have a box of their own. */
static int worth(struct store *s, const struct sweep *sw, const uint8_t id[UUID_LEN], bool *yes, struct err *e)
{
	struct casefile f;
	casefile_init(&f, s);
	int rc = casefile_load(&f, id, e);
	if (!rc) rc = sw->wants(&f, sw->arg, yes, e);
	casefile_drop(&f);
	return rc;
}

static int read_some(struct store *s, const struct sweep *sw, const struct found *after, struct found out[ROUND],
                     int *n, struct err *e)
{
	int r = 0;
	*n = 0;
	struct db_stmt *q = db_query(s->db, sw->query, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "value", sw->value);
	db_bind_int(q, "received_at", after->received_at);
	db_bind_blob(q, "id", after->id, UUID_LEN);
	db_bind_int(q, "before", sw->before);
	db_bind_int(q, "limit", ROUND);
	while (*n < ROUND && (r = db_step(q, e)) > 0) {
		struct found *f = &out[(*n)++];
		(void)db_copy_blob(q, 0, f->id, UUID_LEN);
		f->received_at = db_int(q, 1);
	}
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

int sweep_run(struct store *s, const struct sweep *sw, int *n, struct err *e)
{
	struct found batch[ROUND], after = {.received_at = INT64_MIN};
	int count = 0, rc;
	do {
		rc = read_some(s, sw, &after, batch, &count, e);
		for (int i = 0; i < count && !rc; i++) {
			bool yes = false;
			rc = worth(s, sw, batch[i].id, &yes, e);
			if (!rc && yes) rc = one(s, sw, batch[i].id, n, e);
			after = batch[i];
		}
	} while (!rc && count == ROUND);
	return rc;
}
