/* See work.h. A call runs as the gateway runs it: replay first, then the act, all in the writer's group commit. */
#include "tests/sim/work.h"

#include "shared/body.h"
#include "shared/fields.h"
#include "shared/ledger/read.h"
#include "shared/ledger/write.h"
#include "shared/ledger/writer.h"
#include "shared/registers.h"
#include "shared/venue.h"
#include "tests/sim/courier.h"
#include "tests/sim/force.h"
#include "tests/sim/world.h"

#include <stdio.h>
#include <string.h>

#define GROUP_MAX 4

struct job {
	struct writer_job job; /* first */
	struct world *w;
	struct box *b;
	struct call *c;
	struct catalog *catalog;
	struct ledger_case seen;
	struct problem p;
	bool replayed, taken;
};

/* --- bodies --- */

static const char *const entry_steps[] = {"accept",    "handle", "deliver", "archive", "report",
                                          "call_back", "own",    "cause",   "correct"};

json_t *work_body(struct world *w, enum case_event type, const struct caseview *v, const char *to, const char *marker)
{
	char text[64];
	(void)snprintf(text, sizeof text, "说明 %s", marker);
	switch (type) {
	case EVENT_FORWARD: return json_pack("{s:s,s:s}", "to", to, "note", text);
	case EVENT_WITHDRAW:
	case EVENT_RETURN:
	case EVENT_SUPPLEMENT_LAPSE:
	case EVENT_SEND_BACK: return json_pack("{s:s}", "reason", text);
	case EVENT_NOT_REQUIRED: return json_pack("{s:s,s:s}", "reason", text, "basis", "行政许可法");
	case EVENT_SUPPLEMENT_COMPLETE:
		return json_pack("{s:[{s:s,s:s,s:i}],s:s}", "materials", "name", "户口簿", "form", "copy", "copies", 1,
		                 "note", text);
	case EVENT_SUSPEND:
		return json_pack("{s:s,s:s,s:s}", "kind", "test", "reason", text, "told_at",
		                 "2026-11-20T10:00:00+08:00");
	case EVENT_EXTEND: return json_pack("{s:i,s:s,s:s}", "days", 10, "reason", text, "approver", "王局长");
	case EVENT_DECIDE:
	case EVENT_DECIDE_NOW: return json_pack("{s:s,s:s}", "result", "granted", "note", text);
	case EVENT_COMPLETE: return json_pack("{s:i,s:s,s:s}", "result_code", 0, "document", "证明", "note", text);
	case EVENT_DELIVER:
		return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "document", "证明", "way", "direct", "place", "本站",
		                 "receiver", "本人", "delivered_at", "2026-11-20T10:00:00+08:00", "note", text);
	case EVENT_ADD_MATERIAL:
		return json_pack("{s:[{s:s,s:s,s:i,s:s}],s:s}", "materials", "name", "照片", "form", "electronic",
		                 "copies", 1, "trust", "C", "note", text);
	case EVENT_RATE:
		return json_pack("{s:i,s:s,s:s,s:b}", "grade", (int)sim_range(&w->user, 1, 5), "way", "screen", "text",
		                 text, "again", sim_chance(&w->user, 300));
	case EVENT_REVEAL: return json_pack("{s:s,s:s}", "what", "applicant", "reason", text);
	case EVENT_ENTRY_ANSWER: return json_pack("{s:s}", "text", text);
	case EVENT_ENTRY_PASS: return json_pack("{s:s,s:s}", "to", to, "note", text);
	case EVENT_ENTRY_STEP:
		return json_pack("{s:s,s:s}", "step",
		                 entry_steps[sim_draw(&w->user, sizeof entry_steps / sizeof *entry_steps)], "text",
		                 text);
	case EVENT_ENTRY_REOPEN: return json_pack("{s:s}", "reason", text);
	case EVENT_ENTRY_CLOSE: return json_pack("{s:s}", "result", text);
	case EVENT_TERMINATE: return json_pack("{s:s,s:s}", "reason", text, "authoriser", "王局长");
	case EVENT_NOTE: return json_pack("{s:s}", "text", text);
	case EVENT_ACCEPT: return json_pack("{s:s}", "note", text);
	case EVENT_REFUSE:
		return json_pack("{s:s,s:s,s:s}", "reason", text, "basis", "行政许可法", "remedies", "60日内复议");
	case EVENT_SUPPLEMENT_NOTICE:
	case EVENT_ASK_SUPPLEMENT:
		return json_pack("{s:s,s:[{s:s,s:s}],s:s,s:s?}", "basis", "行政许可法", "materials", "name", "户口簿",
		                 "standard", "原件", "note", text, "superior_reason",
		                 sim_chance(&w->user, 500) ? "经负责人同意" : NULL);
	case EVENT_AMEND: {
		char phone[16];
		const char *old = fields_text(json_object_get(v->doc, "applicant"), "phone");
		(void)snprintf(phone, sizeof phone, "138%08d", (int)sim_draw(&w->user, 100000000));
		return json_pack("{s:s,s:s,s:s,s:s}", "field", "/applicant/phone", "old", old, "new", phone, "reason",
		                 text);
	}
	default: return json_object();
	}
}

static json_t *registration(const struct catalog_item *item, const char *marker)
{
	json_t *r = json_pack("{s:s,s:s,s:[{s:s,s:s,s:i}],s:s}", "item", item->code, "channel", "window", "materials",
	                      "name", "申请书", "form", "original", "copies", 1, "note", marker);
	json_t *block = NULL;
	switch (item->record) {
	case RECORD_SERVICE: block = json_pack("{s:s,s:s}", "topic", "找工作", "advice", "介绍了三家企业"); break;
	case RECORD_ACTIVITY:
		block = json_pack("{s:s,s:s,s:i}", "topic", "普法宣传", "place", "村委会", "headcount", 35);
		break;
	case RECORD_MEDIATION:
		block = json_pack("{s:[{s:s},{s:s}],s:s,s:s}", "parties", "name", "张三", "name", "李四", "matter",
		                  "宅基地界线", "outcome", "双方同意");
		break;
	default:
		block =
		    json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "kind", "person", "name", "王建国", "id_type", "citizen_id",
		              "id_number", "652323198506151237", "phone", "13899990001", "address", "大丰镇一村");
	}
	const char *member = item->record == RECORD_APPLICATION ? "applicant" : record_name(item->record);
	json_object_set_new(r, member, block);
	return r;
}

/* --- a job --- */

static int append(struct ledger *l, struct job *j, struct ledger_call *lc, struct err *e)
{
	struct call *c = j->c;
	enum case_event type;
	struct ledger_case k = {0};
	if (c->of_station) return ledger_append(l, lc, NULL, c->type, c->body, e);
	if (c->forced) return force_append(l, lc, c->case_id, c->type, c->body, e);
	if (c->registers && registers_is_item(c->item)) return ledger_entry(l, lc, c->body, NULL, NULL, e);
	if (c->registers) {
		const struct catalog_item *item = catalog_find(j->catalog, c->item);
		if (!item || !body_check_registration(c->body, item, lc->now.wall, &j->p)) {
			problem_set(&j->p, PROBLEM_ITEM_UNKNOWN, NULL);
			return ERR_OK;
		}
		int rc = photos_store(l, c->body, e);
		return rc ? rc : ledger_register(l, lc, c->body, j->catalog, item, e);
	}
	int rc = ledger_case_get(l, c->case_id, &k, e);
	const struct catalog_item *item = rc ? NULL : catalog_find(j->catalog, k.view.item);
	enum offer offer = item                             ? item->offers[ledger_identity(l)->tier]
	                   : registers_is_item(k.view.item) ? OFFER_HANDLE
	                                                    : OFFER_NONE;
	ledger_case_release(&k);
	if (rc == (int)ERR_NOTFOUND) {
		problem_set(&j->p, PROBLEM_NOT_FOUND, NULL);
		*e = (struct err){0};
		return ERR_OK;
	}
	(void)state_event_parse(c->type, &type);
	return rc ? rc : ledger_act(l, lc, c->case_id, 0, type, c->body, offer, &j->p, e);
}

static int run(struct ledger *l, struct writer_job *wj, struct err *e)
{
	struct job *j = (struct job *)wj;
	struct call *c = j->c;
	uint8_t id[UUID_LEN];
	struct err clash = {0};
	char target[64];
	struct ledger_call lc = {.actor = "clerk", .device = "", .now = ledger_now(l), .seen = &j->seen};
	(void)snprintf(target, sizeof target, "POST %s", c->registers ? "/cases" : c->type);
	memcpy(lc.key, c->key, UUID_LEN);
	int rc = ledger_request_mac(l, target, lc.actor, c->body, lc.request, e);
	if (rc) return rc;
	rc = ledger_replay(l, &lc, id, &clash);
	if (rc == -1) {
		j->replayed = true;
		rc = c->registers ? ledger_case_get(l, c->case_id, &j->seen, e) : ERR_OK;
		return rc;
	}
	if (rc == (int)ERR_CONFLICT) world_fail(j->w, "keys", "%s: its key is said to be another's", c->marker);
	return rc ? err_set(e, (enum err_code)rc, "%s", clash.msg) : append(l, j, &lc, e);
}

/* Here an answer goes to the phone: the commit is said to be on disk. */
static void done(struct writer_job *wj, int rc, const struct err *e)
{
	struct job *j = (struct job *)wj;
	struct world *w = j->w;
	struct call *c = j->c;
	if (rc) {
		world_trace(w, "box %d: %s: %s", j->b->i, c->marker, e->msg);
		if (rc != (int)ERR_NOSPACE && rc != (int)ERR_IO && rc != (int)ERR_NOMEM && rc != (int)ERR_NOTFOUND)
			world_fail(w, "window", "box %d: %s: %s", j->b->i, c->marker, e->msg);
	} else if (problem_any(&j->p)) {
		world_trace(w, "box %d: %s refused at the window: %s", j->b->i, c->marker,
		            problem_row(j->p.code)->name);
		if (c->state == CALL_OPEN) c->state = CALL_REFUSED;
	} else if (c->state == CALL_OPEN && !(world_may(w, FAULT_LOSS) && sim_chance(&w->user, 60))) {
		c->box = j->b->i;
		if (c->registers) (void)snprintf(c->receipt, sizeof c->receipt, "%s", j->seen.view.receipt);
		model_ack(w, c);
	}
	ledger_case_release(&j->seen);
	problem_release(&j->p);
}

/* --- what is asked --- */

static void new_registration(struct world *w, struct box *b, struct catalog *cat, struct call *c)
{
	const struct catalog_item *item = catalog_at(cat, (size_t)sim_draw(&w->user, (int64_t)catalog_count(cat)));
	(void)b;
	c->registers = true;
	memcpy(c->case_id, c->key, UUID_LEN);
	(void)snprintf(c->type, sizeof c->type, "receive");
	(void)snprintf(c->item, sizeof c->item, "%s", item->code);
	c->body = registration(item, c->marker);
	photos_name(w, c->body);
}

/* An entry of a register, the marker in its matter. */
static void new_entry(struct world *w, struct call *c)
{
	enum register_kind k = (enum register_kind)sim_draw(&w->user, REGISTER_KINDS);
	json_t *block = NULL;
	switch (k) {
	case REGISTER_INQUIRY:
		block = json_pack("{s:s,s:s,s:s}", "channel", "visit", "matter", c->marker, "first_asked", "古丽");
		break;
	case REGISTER_AGENCY:
		block = json_pack("{s:s,s:s,s:s,s:s}", "principal", "王建国", "agent", "李代办", "matter", c->marker,
		                  "scope", "递交");
		break;
	case REGISTER_HOURS:
		block = json_pack("{s:s,s:s,s:s,s:s,s:s}", "kind", "noon", "start", "2020-11-20T13:30:00+08:00", "end",
		                  "2020-11-20T14:10:00+08:00", "staff", "李", "matter", c->marker);
		break;
	case REGISTER_STUCK: block = json_pack("{s:s,s:s}", "class", "office", "matter", c->marker); break;
	default:
		block = json_pack("{s:s,s:s,s:i,s:s}", "case", "0b0f1bfe-29c5-4c1d-9d3e-2f6f5f1f9c11", "rating",
		                  "0b0f1bfe-29c5-4c1d-9d3e-2f6f5f1f9c12", "grade", 5, "text", c->marker);
	}
	c->registers = true;
	memcpy(c->case_id, c->key, UUID_LEN);
	(void)snprintf(c->type, sizeof c->type, "entry_open");
	(void)snprintf(c->item, sizeof c->item, "%s", registers_item(k));
	c->body = json_pack("{s:s,s:I,s:o}", "register", registers_name(k), "opened_at", (json_int_t)0,
	                    registers_name(k), block);
}

/* A self-check of the station, the marker in a note. */
static void new_selfcheck(struct world *w, struct call *c)
{
	c->of_station = true;
	(void)snprintf(c->type, sizeof c->type, EVENT_SELFCHECK);
	c->body = json_pack("{s:s, s:i, s:[{s:s, s:I, s:s}]}", "standard", "hutubi-venue", "version", 1, "answers",
	                    "point", "area", "value", (json_int_t)sim_range(&w->user, 20, 300), "note", c->marker);
}

static bool may(struct box *b, const struct caseview *v, enum case_event type, const struct catalog_item *item)
{
	const struct state_row *row = NULL;
	const struct ledger_identity *id = ledger_identity(b->gw);
	if (registers_is_item(v->item))
		return registers_action(v, type) && caseview_may(v, type, id->station, &row) == FIT_OK;
	return !state_event_opens(type) && body_known(type) && caseview_may(v, type, id->station, &row) == FIT_OK &&
	       item && caseview_level(row, item->offers[id->tier]);
}

static enum case_event choose(struct world *w, struct box *b, const struct caseview *v, const struct catalog_item *item)
{
	enum case_event some[EVENT_COUNT];
	int n = 0;
	for (int t = 0; t < EVENT_COUNT; t++) {
		if (!may(b, v, (enum case_event)t, item)) continue;
		if (t == EVENT_AMEND && !json_object_get(v->doc, "applicant")) continue;
		some[n++] = (enum case_event)t;
	}
	if (n == 0 || sim_chance(&w->user, 60)) return EVENT_ACCEPT;
	return some[sim_draw(&w->user, n)];
}

static bool new_act(struct world *w, struct box *b, struct catalog *cat, struct call *c)
{
	struct ledger_case k = {0};
	struct err e = {0};
	const struct call *about = model_case(w);
	vfs_as(b->gp);
	if (!about || ledger_case_get(b->gw, about->case_id, &k, &e)) {
		ledger_case_release(&k);
		return false;
	}
	const struct catalog_item *item = catalog_find(cat, k.view.item);
	const struct ledger_identity *id = ledger_identity(b->gw);
	enum case_event type = choose(w, b, &k.view, item);
	const char *to = id->tier == TIER_TOWNSHIP ? (item ? item->department : "民政局") : id->township;
	memcpy(c->case_id, about->case_id, UUID_LEN);
	(void)snprintf(c->type, sizeof c->type, "%s", state_event_name(type));
	c->body = work_body(w, type, &k.view, to, c->marker);
	ledger_case_release(&k);
	return true;
}

/* What no gateway of ours writes: a body that is none, an act that does not fit, a type of a later release. */
static bool new_forced(struct world *w, struct box *b, struct call *c)
{
	struct ledger_case k = {0};
	struct err e = {0};
	const struct call *about = model_case(w);
	bool future = world_may(w, FAULT_FUTURE) && (!world_may(w, FAULT_REFUSED) || sim_chance(&w->user, 400));
	vfs_as(b->gp);
	if (!about || ledger_case_get(b->gw, about->case_id, &k, &e)) return false;
	ledger_case_release(&k);
	memcpy(c->case_id, about->case_id, UUID_LEN);
	c->forced = true;
	if (future) {
		(void)snprintf(c->type, sizeof c->type, "later_thing");
		c->body = json_pack("{s:s,s:i}", "thing", c->marker, "x", 1);
	} else if (sim_chance(&w->user, 500)) {
		(void)snprintf(c->type, sizeof c->type, "note");
		c->body = json_pack("{s:s,s:i}", "txet", c->marker, "x", 1);
	} else {
		(void)snprintf(c->type, sizeof c->type, "return");
		c->body = work_body(w, EVENT_RETURN, NULL, "", c->marker);
	}
	return true;
}

struct refused {
	uint8_t id[UUID_LEN];
	char type[EVENT_TYPE_MAX];
	bool any;
};

static bool look_refused(const struct ledger_history *h, void *arg)
{
	struct refused *r = arg;
	if (!h->own || h->sync != SYNC_REFUSED || strcmp(h->ev.type, "receive") == 0) return true;
	r->any = true;
	memcpy(r->id, h->ev.id, UUID_LEN);
	(void)snprintf(r->type, sizeof r->type, "%s", h->ev.type);
	return false;
}

/* The same once more, and rightly, in the place of what was refused. */
static bool new_mend(struct world *w, struct box *b, struct call *c)
{
	struct err e = {0};
	struct refused r = {.any = false};
	struct ledger_case k = {0};
	char id[UUID_TEXT];
	enum case_event type;
	const struct call *about = model_case(w);
	vfs_as(b->gp);
	if (!about || ledger_case_history(b->gw, about->case_id, look_refused, &r, &e) || !r.any) return false;
	if (!state_event_parse(r.type, &type) || ledger_case_get(b->gw, about->case_id, &k, &e)) return false;
	uuid_text(r.id, id);
	memcpy(c->case_id, about->case_id, UUID_LEN);
	(void)snprintf(c->type, sizeof c->type, "%s", r.type);
	c->body = work_body(w, type, &k.view, KIT_TOWNSHIP, c->marker);
	json_object_set_new(c->body, "amends", json_string(id));
	ledger_case_release(&k);
	return true;
}

static struct call *ask(struct world *w, struct box *b, struct catalog *cat)
{
	bool force = (world_may(w, FAULT_REFUSED) || world_may(w, FAULT_FUTURE)) && sim_chance(&w->user, 100);
	struct call *c = model_new(w);
	bool ok = true;
	if (!c) return NULL;
	memcpy(c->station, b->station, sizeof c->station);
	if (force)
		ok = new_forced(w, b, c);
	else if (world_may(w, FAULT_MEND) && sim_chance(&w->user, 150))
		ok = new_mend(w, b, c);
	else if (w->model.n < 3 || sim_chance(&w->user, 400))
		new_registration(w, b, cat, c);
	else if (sim_chance(&w->user, 120))
		new_entry(w, c);
	else if (sim_chance(&w->user, 40))
		new_selfcheck(w, c);
	else
		ok = new_act(w, b, cat, c);
	if (ok) return c;
	w->model.n--;
	return NULL;
}

static void submit(struct world *w, struct box *b, struct catalog *cat, struct call *const *calls, int n)
{
	struct job jobs[GROUP_MAX];
	struct writer_config cfg = {.ledger = b->gw};
	for (int i = 0; i < n; i++) {
		jobs[i] = (struct job){.w = w, .b = b, .c = calls[i], .catalog = cat};
		jobs[i].job =
		    (struct writer_job){.run = run, .done = done, .next = i + 1 < n ? &jobs[i + 1].job : NULL};
	}
	vfs_as(b->gp);
	courier_arm(w, b->gp);
	(void)writer_run_group(&cfg, &jobs[0].job);
	courier_disarm(b->gp);
	box_reap(w, b);
	box_wake(w, b);
}

void work_window(struct world *w, struct box *b)
{
	struct call *calls[GROUP_MAX];
	int n = 0, want = sim_chance(&w->user, 700) ? 1 : (int)sim_range(&w->user, 2, GROUP_MAX);
	if (!b->gw) return;
	struct catalog *cat = box_catalog(w, b);
	if (!cat || !ledger_identity(b->gw)->enrolled) return;
	for (int i = 0; i < want; i++)
		if ((calls[n] = ask(w, b, cat)) != NULL) n++;
	if (n) submit(w, b, cat, calls, n);
}

void work_again(struct world *w)
{
	for (int i = 0; i < w->model.n; i++) {
		struct call *c = &w->model.calls[i];
		if (c->state != CALL_OPEN || strcmp(c->station, EVENT_COUNTY) == 0) continue;
		for (int k = 0; k < WORLD_BOXES; k++) {
			struct box *b = &w->box[k];
			struct catalog *cat = b->gw && strcmp(b->station, c->station) == 0 ? box_catalog(w, b) : NULL;
			if (!cat) continue;
			submit(w, b, cat, &c, 1);
			break;
		}
	}
}
