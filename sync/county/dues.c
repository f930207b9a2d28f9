/* See dues.h. Written with the case by casefile.c; read by the lists. What is kept are days, not states, so nothing has to
 * be touched when a day begins. */
#include "sync/county/dues.h"

#include "sync/county/casefile_internal.h"

#include <stdlib.h>
#include <string.h>

#define BATCH 200 /* cases in one transaction */

static const char meta_key[] = "due_calendar"; /* the version that the columns were counted by */

static struct due next_of(const struct caseview *v, const struct catalog_item *item, const struct workdays *w)
{
	struct term t;
	struct term_days d = terms_days(item);
	/* what day it is does not move the last days, unless the term is paused */
	if (!terms_next(v, &d, w, v->updated_at, &t)) return (struct due){0};
	if (t.state == TERM_PAUSED) return (struct due){.paused = true};
	return (struct due){.day = workdays_day(t.due), .warn = terms_warn_day(&t, w)};
}

int dues_of(struct store *s, const struct caseview *v, struct due *out, struct err *e)
{
	const struct catalog_item *item = NULL;
	const struct workdays *w = NULL;
	struct err none = {0};
	*out = (struct due){0};
	int rc = casefile_terms(s, v, &item, &w, &none);
	/* a calendar that cannot be read keeps no case from being taken */
	if (rc == (int)ERR_NOTFOUND || rc == (int)ERR_INVALID) return ERR_OK;
	if (rc) return err_set(e, (enum err_code)rc, "%s", none.msg);
	*out = next_of(v, item, w);
	return ERR_OK;
}

bool dues_same(const struct due *a, const struct due *b)
{
	return a->day == b->day && a->warn == b->warn && a->paused == b->paused;
}

void dues_bind(struct db_stmt *q, const struct due *d)
{
	db_bind_int(q, "paused", d->paused);
	if (d->day) {
		db_bind_int(q, "due", d->day);
		db_bind_int(q, "warn", d->warn);
	} else {
		db_bind_null(q, "due");
		db_bind_null(q, "warn");
	}
}

/* --- anew --- */

struct recount {
	struct store *s;
	const struct workdays *before;
	int64_t now;
	dues_moved *fn;
	void *arg;
	uint8_t last[UUID_LEN];
	struct caseview cases[BATCH];
	struct due kept[BATCH];
	int n;
};

static int read_batch(struct recount *x, struct err *e)
{
	int r = 0, rc = ERR_OK;
	x->n = 0;
	struct db_stmt *q = db_query(x->s->db, Q_case_walk, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "id", x->last, UUID_LEN);
	db_bind_int(q, "limit", BATCH);
	while (!rc && x->n < BATCH && (r = db_step(q, e)) > 0) {
		x->kept[x->n] = (struct due){.day = db_int(q, 11), .warn = db_int(q, 12), .paused = db_int(q, 13) != 0};
		rc = casefile_row(q, &x->cases[x->n++], e);
	}
	db_reset(q);
	if (!rc && x->n) memcpy(x->last, x->cases[x->n - 1].id, UUID_LEN);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

static int keep(struct recount *x, int i, const struct due *d, struct err *e)
{
	if (dues_same(d, &x->kept[i])) return ERR_OK;
	struct db_stmt *q = db_query(x->s->db, Q_case_due, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "id", x->cases[i].id, UUID_LEN);
	dues_bind(q, d);
	return db_run(q, e);
}

static int one(struct recount *x, int i, struct err *e)
{
	const struct catalog_item *item = NULL;
	const struct workdays *w = NULL;
	const struct caseview *v = &x->cases[i];
	struct term_move m[TERM_KINDS];
	int rc = casefile_terms(x->s, v, &item, &w, e);
	if (rc) return rc;
	struct due d = next_of(v, item, w);
	struct term_days days = terms_days(item);
	int n = x->fn && x->before ? terms_moved(v, &days, x->before, w, x->now, m) : 0;
	rc = n ? x->fn(v, m, n, x->arg) : ERR_OK;
	return rc ? err_set(e, (enum err_code)rc, "due days") : keep(x, i, &d, e);
}

static int batch(struct recount *x, struct err *e)
{
	int rc = store_begin(x->s, e);
	if (rc) return rc;
	rc = read_batch(x, e);
	for (int i = 0; i < x->n; i++) {
		if (!rc) rc = one(x, i, e);
		caseview_release(&x->cases[i]);
	}
	if (!rc) rc = store_commit(x->s, e);
	if (rc) store_rollback(x->s);
	return rc;
}

static int remember(struct store *s, int64_t version, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_meta_put, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "key", meta_key);
	db_bind_int(q, "value", version);
	return db_run(q, e);
}

int dues_recount(struct store *s, const struct workdays *before, int64_t now, dues_moved *fn, void *arg, struct err *e)
{
	const struct workdays *w = NULL;
	int rc = store_workdays(s, &w, e);
	if (rc) return rc;
	int64_t version = workdays_version(w);
	struct recount *x = calloc(1, sizeof *x);
	if (!x) return err_set(e, ERR_NOMEM, "due days");
	*x = (struct recount){.s = s, .before = before, .now = now, .fn = fn, .arg = arg};
	do
		rc = batch(x, e);
	while (!rc && x->n == BATCH);
	free(x);
	return rc ? rc : remember(s, version, e);
}

/* *NONE: there is no calendar, or none that can be read. */
static int counted(struct store *s, bool *none, bool *yes, struct err *e)
{
	const struct workdays *w = NULL;
	struct err bad = {0};
	*yes = false;
	int rc = store_workdays(s, &w, &bad);
	*none = rc == (int)ERR_NOTFOUND || rc == (int)ERR_INVALID;
	if (rc) return *none ? ERR_OK : err_set(e, (enum err_code)rc, "%s", bad.msg);
	struct db_stmt *q = db_query(s->db, Q_meta_get, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "key", meta_key);
	int r = db_step(q, e);
	*yes = r > 0 && db_int(q, 0) == workdays_version(w);
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

int dues_counted(struct store *s, bool *yes, struct err *e)
{
	bool none;
	return counted(s, &none, yes, e);
}

int dues_check(struct store *s, int64_t now, struct err *e)
{
	bool none, yes;
	int rc = counted(s, &none, &yes, e);
	return rc || none || yes ? rc : dues_recount(s, NULL, now, NULL, NULL, e);
}
