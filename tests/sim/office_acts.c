/* What happens at the county besides exchanges: departments act on cases, operators bring catalogs, retire and revoke
 * boxes, put the store back to an old copy. See office.h. */
#include "shared/body.h"
#include "shared/fields.h"
#include "shared/registers.h"
#include "sync/county/boxes.h"
#include "sync/county/casefile.h"
#include "sync/county/casefile_internal.h"
#include "sync/county/erase.h"
#include "sync/county/feed.h"
#include "sync/county/import.h"
#include "tests/sim/courier.h"
#include "tests/sim/inspect.h"
#include "tests/sim/work.h"
#include "tests/sim/world.h"

#include <stdio.h>
#include <string.h>

static const char *const targets[] = {"民政局", "社保局", "652323101200", "652323101201", KIT_TOWNSHIP};

static bool boxed(struct store *s, const char *holder)
{
	struct err e = {0};
	struct db_stmt *q = db_query(s->db, Q_station_active, &e);
	if (!q) return false;
	db_bind_text(q, "station", holder);
	bool yes = db_step(q, &e) > 0;
	db_reset(q);
	return yes;
}

/* As the API allows it (sync/county/acts.c). */
static bool may(const struct caseview *v, enum case_event type, bool has_box)
{
	const struct state_row *row = NULL;
	if (state_event_opens(type) || !body_known(type)) return false;
	if (registers_is_item(v->item) && !registers_action(v, type)) return false;
	if (caseview_may(v, type, EVENT_COUNTY, &row) != FIT_OK || row->who == WHO_SYSTEM) return false;
	if (type == EVENT_AMEND && !json_object_get(v->doc, "applicant")) return false;
	return !has_box || row->by == BY_COUNTY_OR_REGISTERING || row->by == BY_ANY;
}

static bool choose(struct world *w, const struct caseview *v, bool has_box, enum case_event *out)
{
	enum case_event some[EVENT_COUNT];
	int n = 0;
	for (int t = 0; t < EVENT_COUNT; t++)
		if (may(v, (enum case_event)t, has_box)) some[n++] = (enum case_event)t;
	if (n) *out = some[sim_draw(&w->user, n)];
	return n > 0;
}

static int append(struct world *w, struct casefile *f, struct call *c, struct problem *p, struct err *e)
{
	static const uint8_t no_key[EVENT_KEY_LEN];
	enum case_event type;
	struct event ev = {.has_case = true, .at = world_wall(w), .quality = CLOCK_SYNCED};
	bool has_box = boxed(f->store, f->view.holder);
	if (!f->view.exists || !choose(w, &f->view, has_box, &type)) return err_set(e, ERR_NOTFOUND, "nothing to do");
	const char *to = targets[sim_draw(&w->user, 5)];
	c->body = work_body(w, type, &f->view, to, c->marker);
	(void)snprintf(c->type, sizeof c->type, "%s", state_event_name(type));
	memcpy(ev.id, c->key, UUID_LEN);
	memcpy(ev.case_id, f->view.id, UUID_LEN);
	(void)snprintf(ev.boot, sizeof ev.boot, "%s", "00000000-0000-4000-8000-000000000000");
	(void)event_set(ev.type, sizeof ev.type, c->type, "type", e);
	(void)event_set(ev.actor, sizeof ev.actor, "center", "actor", e);
	(void)event_set(ev.origin, sizeof ev.origin, EVENT_COUNTY, "origin", e);
	int rc = event_set_body(&ev, c->body, no_key, e);
	if (!rc) rc = casefile_act(f, &ev, c->body, world_wall(w), p, e);
	if (!rc && !problem_any(p)) rc = casefile_flush(f, e);
	event_release(&ev);
	return rc;
}

static int transact(struct world *w, struct office *o, const struct call *about, struct call *c, struct problem *p,
                    struct err *e)
{
	struct casefile f;
	int rc = store_begin(o->s, e);
	if (rc) return rc;
	casefile_init(&f, o->s);
	rc = casefile_load(&f, about->case_id, e);
	if (!rc) rc = append(w, &f, c, p, e);
	casefile_drop(&f);
	if (!rc && !problem_any(p)) rc = store_commit(o->s, e);
	store_rollback(o->s);
	return rc;
}

void office_act(struct world *w)
{
	const struct call *about = model_case(w);
	struct office *o = about ? office_any(w) : NULL;
	struct call *c = o ? model_new(w) : NULL;
	struct err e = {0};
	struct problem p = {0};
	if (!c) return;
	(void)snprintf(c->station, sizeof c->station, "%s", EVENT_COUNTY);
	memcpy(c->case_id, about->case_id, UUID_LEN);
	if (world_may(w, FAULT_OFFICE) && sim_chance(&w->plan, 30))
		vfs_proc_die_at(o->p, (int)sim_range(&w->plan, 1, 20));
	int rc = transact(w, o, about, c, &p, &e);
	courier_disarm(o->p);
	if (!rc && !problem_any(&p))
		model_ack(w, c);
	else if (!vfs_proc_dead(o->p))
		c->state = CALL_REFUSED;
	problem_release(&p);
	office_reap(w);
}

/* --- erasure --- */

/* A case at its end that was not erased yet, taken to the archive where it is not there. */
static bool find_ended(struct office *o, uint8_t id[UUID_LEN], bool *archived, struct err *e)
{
	bool found = false;
	for (int s = 0; s < STATE_COUNT && !found; s++) {
		enum case_state st = (enum case_state)s;
		*archived = state_row_find(st, EVENT_ERASE) != NULL;
		if (!*archived && !state_row_find(st, EVENT_ARCHIVE)) continue;
		struct db_stmt *q = db_query(o->s->db, Q_case_ended, e);
		if (!q) return false;
		db_bind_text(q, "value", state_name(st));
		db_bind_int(q, "received_at", INT64_MIN);
		db_bind_blob(q, "id", id, UUID_LEN);
		db_bind_int(q, "before", INT64_MAX);
		db_bind_int(q, "limit", 1);
		found = db_step(q, e) > 0 && db_copy_blob(q, 0, id, UUID_LEN);
		db_reset(q);
	}
	return found;
}

static int erase_one(struct world *w, struct office *o, const uint8_t id[UUID_LEN], bool archived, struct err *e)
{
	static const struct erase_request asked = {"本人申请", "主任"};
	struct casefile f;
	uint8_t event[UUID_LEN];
	casefile_init(&f, o->s);
	int rc = casefile_load(&f, id, e);
	uuid_derive(id, 1002, event);
	if (!rc && !archived)
		rc = casefile_own_event(&f, "system", state_event_name(EVENT_ARCHIVE), json_object(), event,
		                        world_wall(w), e);
	uuid_derive(id, 1003, event);
	if (!rc) rc = erase_case(&f, 0, &asked, "center", event, world_wall(w), e);
	if (!rc) rc = casefile_flush(&f, e);
	casefile_drop(&f);
	return rc;
}

void office_erase(struct world *w)
{
	struct err e = {0};
	uint8_t id[UUID_LEN] = {0};
	bool archived = false;
	char text[UUID_TEXT];
	struct office *o = w->faults >> FAULT_ROLLBACK & 1 ? NULL : office_any(w);
	if (!o || !find_ended(o, id, &archived, &e)) return;
	if (world_may(w, FAULT_OFFICE) && sim_chance(&w->plan, 100))
		vfs_proc_die_at(o->p, (int)sim_range(&w->plan, 1, 30));
	int rc = store_begin(o->s, &e);
	if (!rc) rc = erase_one(w, o, id, archived, &e);
	if (!rc) rc = store_commit(o->s, &e);
	store_rollback(o->s);
	courier_disarm(o->p);
	uuid_text(id, text);
	world_trace(w, "county: case %s is erased: %s", text, rc ? e.msg : "ok");
	office_reap(w);
}

void office_catalog(struct world *w)
{
	struct err e = {0};
	struct import_report r;
	struct office *o = w->county.catalog < KIT_CATALOGS ? office_any(w) : NULL;
	if (!o) return;
	struct import_files f = {.catalog = w->kit->catalog[w->county.catalog]};
	int rc = import_run(o->s, &f, world_wall(w), &r, &e);
	world_trace(w, "county: catalog %d: %s", w->county.catalog + 1, rc ? e.msg : "ok");
	if (!rc) w->county.catalog++;
}

void office_future(struct world *w)
{
	struct err e = {0};
	char doc[64];
	struct office *o = office_any(w);
	const struct box *b = &w->box[sim_draw(&w->plan, 3)];
	if (!o || !b->machine) return;
	(void)snprintf(doc, sizeof doc, "{\"version\":%lld,\"word\":\"later\"}", (long long)++w->county.future);
	int rc = store_begin(o->s, &e);
	if (!rc) rc = feed_put_thing(o->s, b->station, "proclamation", doc, &e);
	if (!rc) rc = store_commit(o->s, &e);
	if (rc) store_rollback(o->s);
}

void office_log_state(struct world *w, struct box *b, enum log_state st)
{
	struct err e = {0};
	struct problem p = {0};
	struct store_log l;
	struct office *o = office_any(w);
	if (!o || store_log_of_cert(o->s, b->peer.fingerprint, &l, &e)) return;
	int rc = boxes_set(&w->kit->county[office_index(w, o)], o->s, l.log, st, "sim", "by chance", &p, &e);
	world_trace(w, "county: log of box %d is %s: %s", b->i, log_state_name(st), rc ? e.msg : "ok");
	problem_release(&p);
}

void office_keep(struct world *w)
{
	vfs_image_free(w->county.old);
	w->county.old = vfs_save(0);
}

void office_rollback(struct world *w)
{
	if (!w->county.old) return;
	world_trace(w, "county: put back to an old copy");
	for (int i = 0; i < KIT_OFFICES; i++) {
		struct office *o = &w->county.o[i];
		if (!o->p) continue;
		vfs_proc_die(o->p);
		vfs_as(o->p);
		store_close(o->s);
		vfs_proc_free(o->p);
		*o = (struct office){0};
	}
	vfs_load(0, w->county.old);
	w->county.epoch++;
	office_start(w);
	inspect_excuse(w);
}
