/* A station's self-checks on its ledger: events of no case. Those that a replaced box wrote came back with the county's
 * marks and stand among the recovered events. See read.h and shared/venue.h. */
#include "shared/ledger/internal.h"
#include "shared/ledger/read.h"

#include "shared/venue.h"

#include <stdlib.h>
#include <string.h>

struct found {
	struct ledger_history *rows; /* owned, with their events */
	int n, cap;
};

static void release(struct found *f)
{
	for (int i = 0; i < f->n; i++)
		event_release(&f->rows[i].ev);
	free(f->rows);
}

/* Keeps the row as it is told later, when its statement is gone: without the texts of a refusal. */
static int keep(struct found *f, struct ledger_history *h, struct err *e)
{
	if (f->n == f->cap) {
		int cap = f->cap ? 2 * f->cap : 16;
		struct ledger_history *rows = realloc(f->rows, (size_t)cap * sizeof *rows);
		if (!rows) return err_set(e, ERR_NOMEM, "self-checks");
		f->rows = rows;
		f->cap = cap;
	}
	h->code = h->pointer = h->message = NULL;
	f->rows[f->n++] = *h;
	h->ev = (struct event){0};
	return ERR_OK;
}

static int collect(struct ledger *l, struct db_stmt *s, struct found *f, struct err *e)
{
	struct ledger_head head = {0};
	int r = 0, rc = ledger_head_now(l, &head, e);
	while (!rc && (r = db_step(s, e)) > 0) {
		struct ledger_history h = {0};
		rc = ledger_own_row(l, s, &head, &h, e);
		if (!rc && strcmp(h.ev.type, EVENT_SELFCHECK) == 0) rc = keep(f, &h, e);
		event_release(&h.ev);
	}
	db_reset(s);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

static int newest_first(const void *a, const void *b)
{
	const struct ledger_history *x = a, *y = b;
	int c = (x->ev.at < y->ev.at) - (x->ev.at > y->ev.at);
	return c ? c : (x->ev.seq < y->ev.seq) - (x->ev.seq > y->ev.seq);
}

int ledger_selfchecks(struct ledger *l, int limit, bool (*fn)(const struct ledger_history *, void *), void *arg,
                      struct err *e)
{
	struct found f = {0};
	(void)ledger_identity(l); /* the station key opens what was recovered */
	struct db_stmt *s = db_query(l->db, Q_selfcheck_events, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "limit", limit);
	int rc = collect(l, s, &f, e);
	s = rc ? NULL : db_query(l->db, Q_recovered_other, e);
	if (!rc) rc = s ? collect(l, s, &f, e) : ERR_IO;
	if (f.n) qsort(f.rows, (size_t)f.n, sizeof *f.rows, newest_first);
	for (int i = 0; i < f.n && i < limit && !rc; i++) {
		rc = ledger_clock_corrected(l, &f.rows[i].ev, &f.rows[i].corrected, e);
		if (!rc && !fn(&f.rows[i], arg)) break;
	}
	release(&f);
	return rc;
}
