/* See deem.h. What is found by reading is looked at again in the writer's transaction, where it cannot change. */
#include "gateway/deem.h"

#include "gateway/days.h"
#include "gateway/items.h"
#include "shared/db/db.h"
#include "shared/fields.h"
#include "shared/ledger/read.h"
#include "shared/ledger/write.h"
#include "shared/ledger/writer.h"
#include "shared/terms.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MS  60000
#define ROUND    50          /* cases that are read before any is looked at */
#define AT_LEAST 432000000LL /* ms: five working days are five days at least */

struct deem_job {
	struct writer_job job; /* first: the writer hands this back */
	struct gateway *gw;
	uint8_t case_id[UUID_LEN];
	bool done;
};

struct said {
	int64_t due;
	bool refused;
};

static bool note_said(const struct ledger_history *h, void *arg)
{
	struct said *s = arg;
	int64_t due = 0;
	if (!h->own || h->sync != SYNC_REFUSED || strcmp(h->ev.type, state_event_name(EVENT_DEEM_ACCEPT)) != 0)
		return true;
	json_t *body = event_body(&h->ev);
	s->refused |= clock_parse(fields_text(body, "due"), &due) && due == s->due;
	json_decref(body);
	return true;
}

/* Did the county refuse this before? It would refuse it every minute. By another calendar the term has another day, and
 * that has not been said yet. */
static bool refused_before(struct ledger *l, const struct ledger_case *c, int64_t due)
{
	struct err none = {0};
	struct said s = {.due = due};
	if (c->sync != SYNC_REFUSED) return false;
	return ledger_case_history(l, c->view.id, note_said, &s, &none) || s.refused;
}

/* Has the term of the case passed? */
static bool passed(struct gateway *gw, struct ledger *l, const struct ledger_case *c, int64_t *due)
{
	const struct caseview *v = &c->view;
	const struct workdays *w = days_get(gw->days);
	struct items_edition *ed = items_get(gw->items);
	struct term_days d = items_case_days(ed, v);
	bool yes = w && items_case_deems(ed, v) && terms_notice_passed(v, &d, w, clock_read(&gw->clock).wall, due);
	items_put(ed);
	return yes && !refused_before(l, c, *due);
}

static int append(struct ledger *l, struct deem_job *j, int64_t due, enum offer offer, struct err *e)
{
	char text[CLOCK_TEXT];
	struct problem p = {0};
	struct ledger_call call = {.actor = "system", .device = "", .now = ledger_now(l)};
	clock_text(due, text);
	json_t *body = json_pack("{s:s}", "due", text);
	if (!body) return err_set(e, ERR_NOMEM, "deem_accept");
	uuid_random(call.key);
	int rc = ledger_act(l, &call, j->case_id, 0, EVENT_DEEM_ACCEPT, body, offer, &p, e);
	j->done = !rc && !problem_any(&p);
	problem_release(&p);
	json_decref(body);
	return rc;
}

static int run(struct ledger *l, struct writer_job *job, struct err *e)
{
	struct deem_job *j = (struct deem_job *)job;
	struct ledger_case c = {0};
	int64_t due = 0;
	int rc = ledger_case_get(l, j->case_id, &c, e);
	bool yes = !rc && passed(j->gw, l, &c, &due);
	struct items_edition *ed = items_get(j->gw->items);
	enum offer offer = items_case_offer(ed, &c.view, ledger_identity(l)->tier);
	items_put(ed);
	ledger_case_release(&c);
	j->done = false;
	return yes ? append(l, j, due, offer, e) : rc;
}

static void done(struct writer_job *job, int rc, const struct err *e)
{
	struct deem_job *j = (struct deem_job *)job;
	char id[UUID_TEXT];
	uuid_text(j->case_id, id);
	if (rc)
		log_error(&j->gw->log, "deem_accept", "case=%s text=\"%s\"", id, e->msg);
	else if (j->done)
		log_info(&j->gw->log, "deem_accept", "case=%s", id);
	free(j);
}

static void submit(struct gateway *gw, const uint8_t id[UUID_LEN])
{
	struct deem_job *j = calloc(1, sizeof *j);
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

static int find(struct ledger *l, const char *item, const struct found *after, int64_t before, struct found out[ROUND],
                int *n, struct err *e)
{
	int r = 0;
	*n = 0;
	struct db_stmt *q = db_query(ledger_db(l), QUERY_cases_unanswered, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "item", item);
	db_bind_text(q, "holder", ledger_identity(l)->station);
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

/* All that lie long enough: one that stays (its term runs anew, or the county has refused it) keeps no other waiting. */
static void look_at_item(struct gateway *gw, struct ledger *l, const char *item, int64_t now)
{
	struct found batch[ROUND], after = {.received_at = INT64_MIN};
	struct err e = {0};
	int n = 0, rc;
	do {
		rc = find(l, item, &after, now - AT_LEAST, batch, &n, &e);
		for (int i = 0; i < n && !rc; i++) {
			struct ledger_case c = {0};
			int64_t due;
			rc = ledger_case_get(l, batch[i].id, &c, &e);
			if (!rc && passed(gw, l, &c, &due)) submit(gw, batch[i].id);
			ledger_case_release(&c);
			after = batch[i];
		}
	} while (!rc && n == ROUND);
	if (rc) log_warn(&gw->log, "deem_accept", "text=\"%s\"", e.msg);
}

void deem_round(struct gateway *gw, struct ledger *l)
{
	struct clock_now now = clock_read(&gw->clock);
	if (gw->deem_next > now.mono || !ledger_identity(l)->enrolled || now.quality == CLOCK_FLOOR) return;
	gw->deem_next = now.mono + LOOK_MS;
	struct items_edition *ed = items_get(gw->items);
	const struct catalog *cat = ed ? items_catalog(ed) : NULL;
	for (size_t i = 0; cat && i < catalog_count(cat); i++)
		if (terms_deems(catalog_at(cat, i))) look_at_item(gw, l, catalog_at(cat, i)->code, now.wall);
	items_put(ed);
}
