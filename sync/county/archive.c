/* See archive.h. */
#include "sync/county/archive.h"

#include "sync/county/casefile_internal.h"
#include "sync/county/sweep.h"

#define NTH 1002 /* of the ids that are derived from a case's own: far above what a call appends */

struct when {
	int64_t before, now;
};

/* Is it the county that archives the case, and now? */
static int ready(struct casefile *f, void *arg, bool *yes, struct err *e)
{
	const struct when *t = arg;
	const struct caseview *v = &f->view;
	bool boxed = false;
	*yes = v->exists && v->updated_at < t->before && state_row_find(v->state, EVENT_ARCHIVE) &&
	       caseview_once(v, EVENT_ARCHIVE, NULL) == FIT_OK;
	if (!*yes) return ERR_OK;
	int rc = casefile_has_box(f->store, v->holder, &boxed, e);
	*yes = !boxed;
	return rc;
}

static int say(struct casefile *f, void *arg, struct err *e)
{
	const struct when *t = arg;
	uint8_t id[UUID_LEN];
	uuid_derive(f->view.id, NTH, id);
	return casefile_own_event(f, "system", state_event_name(EVENT_ARCHIVE), json_object(), id, t->now, e);
}

int archive_round(struct store *s, int64_t before, int64_t now, int *n, struct err *e)
{
	struct when t = {before, now};
	int rc = ERR_OK;
	*n = 0;
	for (int i = 0; i < STATE_COUNT && !rc; i++) {
		const struct sweep sw = {.query = Q_case_ended,
		                         .value = state_name((enum case_state)i),
		                         .before = before,
		                         .wants = ready,
		                         .say = say,
		                         .arg = &t};
		if (state_row_find((enum case_state)i, EVENT_ARCHIVE)) rc = sweep_run(s, &sw, n, e);
	}
	return rc;
}
