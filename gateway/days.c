/* See days.h. A calendar is small and a new one is rare: those before stay until the end, so that nobody counts readers. */
#include "gateway/days.h"

#include "shared/ledger/read.h"

#include <stdatomic.h>
#include <stdlib.h>

struct edition {
	struct workdays *w;
	struct edition *before;
};

struct days {
	struct edition *_Atomic now;
	int64_t version; /* that NOW was made from, or that was found wrong; 0 = none yet */
};

int days_new(struct days **out, struct err *e)
{
	*out = calloc(1, sizeof **out);
	return *out ? ERR_OK : err_set(e, ERR_NOMEM, "calendar");
}

void days_free(struct days *d)
{
	if (!d) return;
	for (struct edition *x = atomic_load(&d->now), *next; x; x = next) {
		next = x->before;
		workdays_free(x->w);
		free(x);
	}
	free(d);
}

static int put(struct days *d, struct ledger *l, int64_t version, struct err *e)
{
	json_t *doc = NULL;
	struct edition *x = calloc(1, sizeof *x);
	int rc = x ? ledger_thing_at(l, "calendar", version, &doc, e) : err_set(e, ERR_NOMEM, "calendar");
	if (!rc) rc = workdays_new(doc, &x->w, e);
	json_decref(doc);
	if (rc) {
		free(x);
		return rc;
	}
	x->before = atomic_load(&d->now);
	atomic_store(&d->now, x);
	return ERR_OK;
}

void days_refresh(struct days *d, struct ledger *l, const struct log *log)
{
	struct err e = {0}, none = {0};
	int64_t version[2] = {0};
	int n = 0;
	int rc = ledger_thing_versions(l, "calendar", version, 2, &n, &e);
	if (!rc && (n == 0 || version[0] == d->version)) return;
	if (!rc && n == 2 && !atomic_load(&d->now)) (void)put(d, l, version[1], &none); /* to compare with, no more */
	if (!rc) rc = put(d, l, version[0], &e);
	if (rc != (int)ERR_NOMEM) d->version = version[0]; /* else it is tried again */
	if (rc)
		log_error(log, "calendar", "version=%lld text=\"%s\"", (long long)version[0], e.msg);
	else
		log_info(log, "calendar", "version=%lld", (long long)version[0]);
}

const struct workdays *days_get(const struct days *d)
{
	const struct edition *x = atomic_load(&d->now);
	return x ? x->w : NULL;
}

const struct workdays *days_before(const struct days *d)
{
	const struct edition *x = atomic_load(&d->now);
	return x && x->before ? x->before->w : NULL;
}
