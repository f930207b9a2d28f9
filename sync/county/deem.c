/* See deem.h. The serving process looks once a minute, so what passed while the county had no power is said at the start.
 * What is found by reading is looked at again in the write transaction; the event's id follows from the case's, so that
 * it cannot be there twice. */
#include "sync/county/deem.h"

#include "shared/clock.h"
#include "shared/terms.h"
#include "sync/county/casefile_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUND    50          /* cases that are read before any is worked on */
#define AT_LEAST 432000000LL /* ms: five working days are five days at least */
#define NTH      1001        /* of the ids that are derived from a case's own: far above what a call appends */

struct found {
	uint8_t id[UUID_LEN];
	int64_t received_at;
};

static int say(struct casefile *f, int64_t due, int64_t now, struct err *e)
{
	char text[CLOCK_TEXT];
	uint8_t id[UUID_LEN];
	clock_text(due, text);
	uuid_derive(f->view.id, NTH, id);
	return casefile_own_event(f, "system", state_event_name(EVENT_DEEM_ACCEPT), json_pack("{s:s}", "due", text), id,
	                          now, e);
}

/* Does the county have to answer for the case now? */
static int passed(struct casefile *f, int64_t now, bool *yes, int64_t *due, struct err *e)
{
	bool boxed = false;
	*yes = false;
	if (!f->view.exists || !state_row_find(f->view.state, EVENT_DEEM_ACCEPT)) return ERR_OK;
	int rc = casefile_has_box(f->store, f->view.holder, &boxed, e);
	return rc || boxed ? rc : casefile_deems(f, now, yes, due, e);
}

static int one(struct store *s, const uint8_t id[UUID_LEN], int64_t now, int *n, struct err *e)
{
	struct casefile f;
	bool yes = false;
	int64_t due = 0;
	int rc = store_begin(s, e);
	if (rc) return rc;
	casefile_init(&f, s);
	rc = casefile_load(&f, id, e);
	if (!rc) rc = passed(&f, now, &yes, &due, e);
	if (!rc && yes) rc = say(&f, due, now, e);
	if (!rc && yes) rc = casefile_flush(&f, e);
	casefile_drop(&f);
	if (!rc && yes) rc = store_commit(s, e);
	if (!rc && yes) ++*n;
	store_rollback(s); /* after the commit there is nothing left to roll back */
	return rc;
}

static int read_some(struct store *s, const char *item, const struct found *after, int64_t before,
                     struct found out[ROUND], int *n, struct err *e)
{
	int r = 0;
	*n = 0;
	struct db_stmt *q = db_query(s->db, Q_case_unanswered, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "item", item);
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

/* Looked at with a case of its own, without the write lock: most that lie long have a box to answer for them. */
static int worth(struct store *s, const uint8_t id[UUID_LEN], int64_t now, bool *yes, struct err *e)
{
	struct casefile f;
	int64_t due;
	casefile_init(&f, s);
	int rc = casefile_load(&f, id, e);
	if (!rc) rc = passed(&f, now, yes, &due, e);
	casefile_drop(&f);
	return rc;
}

static int of_item(struct store *s, const char *item, int64_t now, int *n, struct err *e)
{
	struct found batch[ROUND], after = {.received_at = INT64_MIN};
	int count = 0, rc;
	do {
		rc = read_some(s, item, &after, now - AT_LEAST, batch, &count, e);
		for (int i = 0; i < count && !rc; i++) {
			bool yes = false;
			rc = worth(s, batch[i].id, now, &yes, e);
			if (!rc && yes) rc = one(s, batch[i].id, now, n, e);
			after = batch[i];
		}
	} while (!rc && count == ROUND);
	return rc;
}

/* The codes are copied: a case of an older catalog may put another one in its place while they are walked. */
static int codes_of(struct store *s, char (**out)[41], size_t *n, struct err *e)
{
	struct catalog *cat = NULL;
	const struct workdays *w = NULL;
	struct err none = {0};
	*n = 0;
	*out = NULL;
	int rc = store_catalog(s, &cat, &none);
	if (!rc) rc = store_workdays(s, &w, &none);
	if (rc == (int)ERR_NOTFOUND) return ERR_OK; /* a county that is not set up yet; a bad calendar is told */
	if (rc) return err_set(e, none.code, "%s", none.msg);
	*out = calloc(catalog_count(cat) + 1, sizeof **out);
	if (!*out) return err_set(e, ERR_NOMEM, "items");
	for (size_t i = 0; i < catalog_count(cat); i++)
		if (terms_deems(catalog_at(cat, i)))
			(void)snprintf((*out)[(*n)++], sizeof **out, "%s", catalog_at(cat, i)->code);
	return ERR_OK;
}

int deem_round(struct store *s, int64_t now, int *n, struct err *e)
{
	char(*codes)[41] = NULL;
	size_t count = 0;
	*n = 0;
	int rc = codes_of(s, &codes, &count, e);
	for (size_t i = 0; i < count && !rc; i++)
		rc = of_item(s, codes[i], now, n, e);
	free(codes);
	return rc;
}
