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

void days_refresh(struct days *d, struct ledger *l, const struct log *log)
{
	struct err e = {0};
	int64_t version = 0;
	int n = 0;
	json_t *doc = NULL;
	int rc = ledger_thing_versions(l, "calendar", &version, 1, &n, &e);
	if (!rc && (n == 0 || version == d->version)) return;
	struct edition *x = calloc(1, sizeof *x);
	if (!x) rc = err_set(&e, ERR_NOMEM, "calendar");
	if (!rc) rc = ledger_thing_at(l, "calendar", version, &doc, &e);
	if (!rc) rc = workdays_new(doc, &x->w, &e);
	json_decref(doc);
	if (rc == (int)ERR_NOMEM) version = d->version; /* it is tried again */
	d->version = version;
	if (rc) {
		free(x);
		log_error(log, "calendar", "version=%lld text=\"%s\"", (long long)version, e.msg);
		return;
	}
	x->before = atomic_load(&d->now);
	atomic_store(&d->now, x);
	log_info(log, "calendar", "version=%lld", (long long)version);
}

const struct workdays *days_get(const struct days *d)
{
	const struct edition *x = atomic_load(&d->now);
	return x ? x->w : NULL;
}
