/* See deem.h. The serving process looks once a minute, so what passed while the county had no power is said at the start.
 * The walk over the cases is sweep.c's. */
#include "sync/county/deem.h"

#include "shared/clock.h"
#include "shared/terms.h"
#include "sync/county/casefile_internal.h"
#include "sync/county/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_LEAST 432000000LL /* ms: five working days are five days at least */
#define NTH      1001        /* of the ids that are derived from a case's own: far above what a call appends */

struct when {
	int64_t now, due; /* DUE: of the case that was looked at last */
};

/* Does the county have to answer for the case now? */
static int passed(struct casefile *f, void *arg, bool *yes, struct err *e)
{
	struct when *t = arg;
	bool boxed = false;
	*yes = false;
	if (!f->view.exists || !state_row_find(f->view.state, EVENT_DEEM_ACCEPT)) return ERR_OK;
	int rc = casefile_has_box(f->store, f->view.holder, &boxed, e);
	return rc || boxed ? rc : casefile_deems(f, t->now, yes, &t->due, e);
}

static int say(struct casefile *f, void *arg, struct err *e)
{
	const struct when *t = arg;
	char text[CLOCK_TEXT];
	uint8_t id[UUID_LEN];
	clock_text(t->due, text);
	uuid_derive(f->view.id, NTH, id);
	return casefile_own_event(f, "system", state_event_name(EVENT_DEEM_ACCEPT), json_pack("{s:s}", "due", text), id,
	                          t->now, e);
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
	struct when t = {.now = now};
	for (size_t i = 0; i < count && !rc; i++) {
		const struct sweep sw = {.query = Q_case_unanswered,
		                         .value = codes[i],
		                         .before = now - AT_LEAST,
		                         .wants = passed,
		                         .say = say,
		                         .arg = &t};
		rc = sweep_run(s, &sw, n, e);
	}
	free(codes);
	return rc;
}
