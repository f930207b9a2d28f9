/* See archive.h. What is found by reading is looked at again in the writer's transaction, where it cannot change. */
#include "gateway/archive.h"

#include "shared/caseview.h"
#include "shared/db/db.h"
#include "shared/ledger/read.h"
#include "shared/ledger/write.h"
#include "shared/ledger/writer.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MS 3600000
#define DAY_MS  86400000LL
#define ROUND   50 /* cases that are read before any is looked at */

struct archive_job {
	struct writer_job job; /* first: the writer hands this back */
	struct gateway *gw;
	uint8_t case_id[UUID_LEN];
};

static bool ready(const struct ledger_case *c, int64_t before)
{
	return c->sync == SYNC_SETTLED && c->view.updated_at < before && state_row_find(c->view.state, EVENT_ARCHIVE) &&
	       caseview_once(&c->view, EVENT_ARCHIVE, NULL) == FIT_OK;
}

static int64_t before(const struct gateway *gw, int64_t now)
{
	return now - gw->cfg.archive_days * DAY_MS;
}

static int run(struct ledger *l, struct writer_job *job, struct err *e)
{
	struct archive_job *j = (struct archive_job *)job;
	struct ledger_case c = {0};
	struct problem p = {0};
	struct ledger_call call = {.actor = "system", .device = "", .now = ledger_now(l)};
	int rc = ledger_case_get(l, j->case_id, &c, e);
	bool yes = !rc && ready(&c, before(j->gw, call.now.wall));
	json_t *body = yes ? json_object() : NULL;
	ledger_case_release(&c);
	if (rc || !yes) return rc;
	if (!body) return err_set(e, ERR_NOMEM, "archive");
	uuid_random(call.key);
	rc = ledger_act(l, &call, j->case_id, 0, EVENT_ARCHIVE, body, OFFER_HANDLE, &p, e);
	problem_release(&p);
	json_decref(body);
	return rc;
}

static void done(struct writer_job *job, int rc, const struct err *e)
{
	struct archive_job *j = (struct archive_job *)job;
	char id[UUID_TEXT];
	uuid_text(j->case_id, id);
	if (rc) log_error(&j->gw->log, "archive", "case=%s text=\"%s\"", id, e->msg);
	free(j);
}

static void submit(struct gateway *gw, const uint8_t id[UUID_LEN])
{
	struct archive_job *j = calloc(1, sizeof *j);
	if (!j) return; /* the next round */
	j->job = (struct writer_job){.run = run, .done = done};
	j->gw = gw;
	memcpy(j->case_id, id, UUID_LEN);
	if (!writer_submit(gw->writer, &j->job)) free(j);
}

struct found {
	uint8_t id[UUID_LEN];
	int64_t received_at;
};

static int read_some(struct gateway *gw, struct ledger *l, enum case_state state, const struct found *after,
                     int64_t now, struct found out[ROUND], int *n, struct err *e)
{
	int r = 0;
	*n = 0;
	struct db_stmt *q = db_query(ledger_db(l), QUERY_cases_ended, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "state", state_name(state));
	db_bind_text(q, "holder", ledger_identity(l)->station);
	db_bind_int(q, "received_at", after->received_at);
	db_bind_blob(q, "id", after->id, UUID_LEN);
	db_bind_int(q, "before", before(gw, now));
	db_bind_int(q, "limit", ROUND);
	while (*n < ROUND && (r = db_step(q, e)) > 0) {
		struct found *f = &out[(*n)++];
		(void)db_copy_blob(q, 0, f->id, UUID_LEN);
		f->received_at = db_int(q, 1);
	}
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

/* The cases of STATE that lie long enough, oldest receipt first. What stays (a document is not fetched) is passed over,
 * however many there are: nothing waits behind it. */
static int look_at(struct gateway *gw, struct ledger *l, enum case_state state, int64_t now, struct err *e)
{
	struct found batch[ROUND], after = {.received_at = INT64_MIN};
	int n = 0, rc;
	do {
		rc = read_some(gw, l, state, &after, now, batch, &n, e);
		for (int i = 0; i < n && !rc; i++) {
			struct ledger_case c = {0};
			rc = ledger_case_get(l, batch[i].id, &c, e);
			if (!rc && ready(&c, before(gw, now))) submit(gw, batch[i].id);
			ledger_case_release(&c);
			after = batch[i];
		}
	} while (!rc && n == ROUND);
	return rc;
}

void archive_round(struct gateway *gw, struct ledger *l)
{
	struct clock_now now = clock_read(&gw->clock);
	struct err e = {0};
	int rc = ERR_OK;
	if (gw->archive_next > now.mono || !ledger_identity(l)->enrolled || now.quality == CLOCK_FLOOR) return;
	gw->archive_next = now.mono + LOOK_MS;
	for (int s = 0; s < STATE_COUNT && !rc; s++)
		if (state_row_find((enum case_state)s, EVENT_ARCHIVE))
			rc = look_at(gw, l, (enum case_state)s, now.wall, &e);
	if (rc) log_warn(&gw->log, "archive", "text=\"%s\"", e.msg);
}
