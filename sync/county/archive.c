/* See archive.h. What is found by reading is looked at again in the write transaction; the event's id follows from the
 * case's, so that it cannot be there twice. */
#include "sync/county/archive.h"

#include "sync/county/casefile_internal.h"

#include <string.h>

#define ROUND 50   /* cases that are read before any is worked on */
#define NTH   1002 /* of the ids that are derived from a case's own: far above what a call appends */

struct found {
	uint8_t id[UUID_LEN];
	int64_t received_at;
};

/* Is it the county that archives the case, and now? */
static int ready(struct casefile *f, int64_t before, bool *yes, struct err *e)
{
	const struct caseview *v = &f->view;
	bool boxed = false;
	*yes = v->exists && v->updated_at < before && state_row_find(v->state, EVENT_ARCHIVE) &&
	       caseview_once(v, EVENT_ARCHIVE, NULL) == FIT_OK;
	if (!*yes) return ERR_OK;
	int rc = casefile_has_box(f->store, v->holder, &boxed, e);
	*yes = !boxed;
	return rc;
}

static int one(struct store *s, const uint8_t id[UUID_LEN], int64_t before, int64_t now, int *n, struct err *e)
{
	struct casefile f;
	uint8_t event[UUID_LEN];
	bool yes = false;
	int rc = store_begin(s, e);
	if (rc) return rc;
	uuid_derive(id, NTH, event);
	casefile_init(&f, s);
	rc = casefile_load(&f, id, e);
	if (!rc) rc = ready(&f, before, &yes, e);
	if (!rc && yes)
		rc = casefile_own_event(&f, "system", state_event_name(EVENT_ARCHIVE), json_object(), event, now, e);
	if (!rc && yes) rc = casefile_flush(&f, e);
	casefile_drop(&f);
	if (!rc && yes) rc = store_commit(s, e);
	if (!rc && yes) ++*n;
	store_rollback(s); /* after the commit there is nothing left to roll back */
	return rc;
}

static int read_some(struct store *s, enum case_state state, const struct found *after, int64_t before,
                     struct found out[ROUND], int *n, struct err *e)
{
	int r = 0;
	*n = 0;
	struct db_stmt *q = db_query(s->db, Q_case_ended, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "state", state_name(state));
	db_bind_int(q, "received_at", after->received_at);
	db_bind_blob(q, "id", after->id, UUID_LEN);
	db_bind_int(q, "before", before);
	db_bind_int(q, "limit", ROUND);
	while (*n < ROUND && (r = db_step(q, e)) > 0) {
		struct found *f = &out[(*n)++];
		(void)db_copy_blob(q, 0, f->id, UUID_LEN);
		f->received_at = db_int(q, 1);
	}
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

/* Looked at with a case of its own, without the write lock: most have a box to archive them. */
static int worth(struct store *s, const uint8_t id[UUID_LEN], int64_t before, bool *yes, struct err *e)
{
	struct casefile f;
	casefile_init(&f, s);
	int rc = casefile_load(&f, id, e);
	if (!rc) rc = ready(&f, before, yes, e);
	casefile_drop(&f);
	return rc;
}

static int of_state(struct store *s, enum case_state state, int64_t before, int64_t now, int *n, struct err *e)
{
	struct found batch[ROUND], after = {.received_at = INT64_MIN};
	int count = 0, rc;
	do {
		rc = read_some(s, state, &after, before, batch, &count, e);
		for (int i = 0; i < count && !rc; i++) {
			bool yes = false;
			rc = worth(s, batch[i].id, before, &yes, e);
			if (!rc && yes) rc = one(s, batch[i].id, before, now, n, e);
			after = batch[i];
		}
	} while (!rc && count == ROUND);
	return rc;
}

int archive_round(struct store *s, int64_t before, int64_t now, int *n, struct err *e)
{
	int rc = ERR_OK;
	*n = 0;
	for (int i = 0; i < STATE_COUNT && !rc; i++)
		if (state_row_find((enum case_state)i, EVENT_ARCHIVE))
			rc = of_state(s, (enum case_state)i, before, now, n, e);
	return rc;
}
