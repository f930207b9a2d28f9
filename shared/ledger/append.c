/* Writing to the ledger: one event, an act. Runs in the write transaction of the caller (the gateway's
 * writer thread), so that state, revision, key and head are checked where they cannot change. See ledger.h. */
#include "shared/ledger/internal.h"
#include "shared/ledger/read.h"
#include "shared/ledger/write.h"

#include "shared/body.h"
#include "shared/canon.h"
#include "shared/fields.h"
#include "shared/mutant.h"
#include "shared/venue.h"

#include <stdlib.h>
#include <string.h>

int ledger_request_mac(struct ledger *l, const char *target, const char *principal, const json_t *body,
                       uint8_t out[DIGEST_LEN], struct err *e)
{
	struct buf b;
	buf_init(&b, EVENT_BODY_MAX * 2);
	buf_addf(&b, "%s\n%s\n", target, principal);
	int rc = canon_write(body, &b, e);
	if (!rc) digest_hmac(l->index_key, sizeof l->index_key, b.data, b.len, out);
	buf_release(&b);
	return rc;
}

/* A key that a replaced box took: what it asked for is not known here, but that it was done is. */
static int replay_recovered(struct ledger *l, const uint8_t key[UUID_LEN], uint8_t case_id[UUID_LEN], struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_recovered_by_id, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "id", key, UUID_LEN);
	int r = db_step(s, e);
	if (r <= 0) return -r;
	memset(case_id, 0, UUID_LEN);
	(void)db_copy_blob(s, 1, case_id, UUID_LEN);
	db_reset(s);
	return -1;
}

int ledger_replay(struct ledger *l, const struct ledger_call *call, uint8_t case_id[UUID_LEN], struct err *e)
{
	size_t n, m;
	struct db_stmt *s = db_query(l->db, Q_event_by_id, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "id", MUTANT(key_forgotten, call->key, call->request), UUID_LEN);
	int r = db_step(s, e);
	if (r <= 0) return r < 0 ? -r : replay_recovered(l, call->key, case_id, e);
	const void *id = db_blob(s, 0, &n);
	const void *request = db_blob(s, 1, &m);
	const char *actor = db_text(s, 2);
	/* none: this box took the event over from one that it replaced, and knows that it was done, not what was asked;
	 * or the id was derived for a further event of a call (UUIDv5) and is nobody's key */
	bool taken_over = !request && call->key[6] >> 4 != 5;
	bool asked = taken_over || (request && m == DIGEST_LEN && memcmp(request, call->request, m) == 0);
	/* what callers ask for and is of no case */
	const char *type = db_text(s, 3);
	bool whole = id ? n == UUID_LEN : type && strcmp(type, EVENT_SELFCHECK) == 0;
	bool same = whole && asked && actor && strcmp(actor, call->actor) == 0;
	memset(case_id, 0, UUID_LEN);
	if (same && id) memcpy(case_id, id, UUID_LEN);
	db_reset(s);
	return same ? -1 : err_set(e, ERR_CONFLICT, "the key was used for another request");
}

static int insert(struct ledger *l, const struct ledger_head *h, const struct event *ev, const uint8_t *request,
                  struct err *e)
{
	uint8_t *sealed = NULL;
	size_t n = 0;
	int rc = ERR_OK;
	if (ev->body) rc = ledger_seal(l, ev->type, h->n, ev->seq, ev->body, ev->body_len, &sealed, &n, e);
	if (rc) return rc;
	struct db_stmt *s = db_query(l->db, Q_event_insert, e);
	if (s) {
		db_bind_int(s, "log", h->n);
		db_bind_int(s, "seq", ev->seq);
		db_lend_blob(s, "id", ev->id, UUID_LEN);
		db_lend_blob(s, "case_id", ev->has_case ? ev->case_id : NULL, UUID_LEN);
		db_lend_text(s, "type", ev->type);
		db_bind_int(s, "at", ev->at);
		db_bind_int(s, "clock", ev->quality);
		db_lend_text(s, "boot", ev->boot);
		db_bind_int(s, "mono", ev->mono);
		db_lend_text(s, "actor", ev->actor);
		db_lend_text(s, "device", ev->device);
		db_lend_text(s, "origin", ev->origin);
		db_lend_blob(s, "body", sealed, n);
		db_lend_blob(s, "mac", ev->mac, DIGEST_LEN);
		db_lend_blob(s, "hash", ev->hash, DIGEST_LEN);
		db_lend_blob(s, "request", request, DIGEST_LEN);
		rc = db_run(s, e);
	} else {
		rc = ERR_IO;
	}
	free(sealed);
	return rc;
}

int ledger_chain(struct ledger *l, struct event *ev, const uint8_t *request, struct err *e)
{
	struct ledger_head *h = NULL;
	uint8_t hash[DIGEST_LEN];
	int rc = ledger_tx_head(l, &h, e);
	if (rc) return rc;
	memcpy(ev->log, h->log, UUID_LEN);
	ev->seq = h->seq + 1;
	rc = event_hash(ev, h->hash, hash);
	if (rc) return err_set(e, ERR_NOMEM, "event hash");
	memcpy(ev->hash, hash, DIGEST_LEN);
	rc = insert(l, h, ev, request, e);
	if (rc) return rc;
	h->seq = ev->seq;
	memcpy(h->hash, hash, DIGEST_LEN);
	l->head_dirty = true;
	return ERR_OK;
}

int ledger_event_begin(struct ledger *l, const struct ledger_call *call, const uint8_t *case_id, const char *type,
                       struct event *ev, struct err *e)
{
	const struct ledger_identity *id = ledger_identity(l);
	*ev = (struct event){
	    .at = call->now.wall, .quality = call->now.quality, .mono = call->now.mono, .has_case = case_id != NULL};
	if (!id->enrolled) return err_set(e, ERR_NOTFOUND, "this box is not enrolled");
	if (call->appended == 0)
		memcpy(ev->id, call->key, UUID_LEN);
	else
		uuid_derive(call->key, call->appended, ev->id);
	if (case_id) memcpy(ev->case_id, case_id, UUID_LEN);
	memcpy(ev->boot, l->clock->boot, sizeof ev->boot);
	int rc = event_set(ev->type, sizeof ev->type, type, "type", e);
	if (!rc) rc = event_set(ev->actor, sizeof ev->actor, call->actor, "actor", e);
	if (!rc) rc = event_set(ev->device, sizeof ev->device, call->device, "device", e);
	if (!rc) rc = event_set(ev->station, sizeof ev->station, id->station, "station", e);
	if (!rc) rc = event_set(ev->origin, sizeof ev->origin, id->station, "origin", e);
	return rc;
}

int ledger_event_end(struct ledger *l, struct ledger_call *call, struct event *ev, struct err *e)
{
	int rc = ledger_chain(l, ev, call->appended == 0 ? call->request : NULL, e);
	if (!rc) call->appended++;
	return rc;
}

int ledger_append(struct ledger *l, struct ledger_call *call, const uint8_t *case_id, const char *type,
                  const json_t *body, struct err *e)
{
	struct event ev;
	int rc = ledger_event_begin(l, call, case_id, type, &ev, e);
	if (!rc) rc = event_set_body(&ev, body, l->id.station_key, e);
	if (!rc) rc = ledger_event_end(l, call, &ev, e);
	event_release(&ev);
	return rc;
}

/* --- mends --- */

struct mend {
	struct ledger_refusal *open;
	uint8_t id[UUID_LEN];
	json_t *receive; /* the body of the refused registration, new reference */
	int rc;
};

static bool look_for_refusal(const struct ledger_history *h, void *arg)
{
	struct mend *m = arg;
	int mended = 0;
	if (!h->own) return true;
	json_t *body = event_body(&h->ev);
	m->rc = ledger_refusals_note(&m->open, h, body, &mended, NULL);
	if (memcmp(h->ev.id, m->id, UUID_LEN) == 0 && strcmp(h->ev.type, "receive") == 0)
		m->receive = json_incref(body);
	json_decref(body);
	return m->rc == ERR_OK;
}

/* The refused event that BODY mends must be of this case and TYPE, and nothing may have mended it yet. Where it is a
 * registration its body goes to *RECEIVE (new reference; NULL = not wanted). */
static int check_mend(struct ledger *l, const uint8_t case_id[UUID_LEN], enum case_event type, const json_t *body,
                      json_t **receive, struct problem *p, struct err *e)
{
	struct mend m = {0};
	if (!body_amends(body, m.id)) return ERR_OK;
	int rc = ledger_case_history(l, case_id, look_for_refusal, &m, e);
	if (!rc && m.rc) rc = err_set(e, (enum err_code)m.rc, "refusals");
	const struct ledger_refusal *r = m.open;
	while (r && memcmp(r->id, m.id, UUID_LEN) != 0)
		r = r->next;
	if (!rc && (!r || strcmp(r->type, state_event_name(type)) != 0))
		problem_field(p, "/body/amends", "value", "no refused event of this case and type has this id");
	ledger_refusals_free(&m.open);
	if (receive && !rc)
		*receive = m.receive;
	else
		json_decref(m.receive);
	return rc;
}

/* What stays of a registration that is mended: its number, its token, the time of receipt, the catalog it was opened
 * under. */
static json_t *mended_body(const json_t *request, const json_t *refused, const struct catalog_item *item)
{
	static const char *const kept[] = {"catalog", "catalog_version", "receipt_number", "received_at", "token"};
	int rc = ERR_OK;
	json_t *b = fields_copy(request);
	if (!b) return NULL;
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		caseview_set(b, kept[i], fields_deep_copy(json_object_get(refused, kept[i])), &rc);
	caseview_set(b, "record", json_string(record_name(item->record)), &rc);
	if (!rc) return b;
	json_decref(b);
	return NULL;
}

int ledger_register_again(struct ledger *l, struct ledger_call *call, const uint8_t case_id[UUID_LEN],
                          const json_t *request, const struct catalog_item *item, struct problem *p, struct err *e)
{
	json_t *refused = NULL, *body = NULL;
	(void)ledger_identity(l);
	int rc = check_mend(l, case_id, EVENT_RECEIVE, request, &refused, p, e);
	if (!rc && !problem_any(p) && !refused)
		problem_field(p, "/body/amends", "required",
		              "a case is registered again only in the place of a refusal");
	if (!rc && !problem_any(p)) {
		body = mended_body(request, refused, item);
		rc = body ? ledger_append(l, call, case_id, "receive", body, e) : err_set(e, ERR_NOMEM, "registration");
		if (!rc) rc = ledger_project_seen(l, case_id, call->seen, e);
	}
	json_decref(body);
	json_decref(refused);
	return rc;
}

/* --- an act --- */

static void judge_once(const struct caseview *v, enum case_event type, const json_t *body, struct problem *p)
{
	const char *name = state_event_name(type);
	switch (caseview_once(v, type, body)) {
	case FIT_OK: break;
	case FIT_SECOND: problem_set(p, PROBLEM_TRANSITION, "%s was done before, and may be done once", name); break;
	case FIT_STEP: problem_set(p, PROBLEM_TRANSITION, "something else comes before %s", name); break;
	case FIT_BODY: problem_field(p, "", "value", "not in this register"); break;
	default: problem_set(p, PROBLEM_TRANSITION, "%s in state %s", name, state_name(v->state)); break;
	}
}

static void judge(struct ledger *l, const struct ledger_case *c, enum case_event type, const json_t *body,
                  enum offer offer, int64_t now, struct problem *p)
{
	const struct state_row *row = NULL;
	uint8_t refused[UUID_LEN];
	if (type == EVENT_ENTRY_OPEN && body_amends(body, refused)) return; /* in the place of the refused one */
	enum caseview_fit fit = caseview_may(&c->view, type, l->id.station, &row);
	if (fit == FIT_OK && !caseview_level(row, offer)) fit = FIT_LEVEL;
	switch (fit) {
	case FIT_OK: break;
	case FIT_LEVEL: problem_set(p, PROBLEM_LEVEL, "%s", state_event_name(type)); return;
	case FIT_HOLDER: problem_set(p, PROBLEM_TRANSITION, "another office holds this case"); return;
	default:
		problem_set(p, PROBLEM_TRANSITION, "%s in state %s", state_event_name(type), state_name(c->view.state));
		return;
	}
	judge_once(&c->view, type, body, p);
	if (problem_any(p)) return;
	if (type == EVENT_FORWARD && strcmp(fields_text(body, "to"), l->id.station) == 0)
		problem_field(p, "/body/to", "value", "this station cannot forward to itself");
	if (type != EVENT_AMEND) return;
	const char *field = fields_text(body, "field"), *name = strrchr(field, '/') + 1;
	const json_t *object =
	    strncmp(field, "/applicant/", 11) == 0 ? json_object_get(c->view.doc, "applicant") : c->view.doc;
	if (strcmp(fields_text(object, name), fields_text(body, "old")) != 0)
		problem_field(p, "/body/old", "stale", "is not what stands there now");
	else
		(void)body_check_amended(field, fields_text(body, "new"), c->view.doc, now, p);
}

int ledger_may_act(struct ledger *l, const struct ledger_act *a, int64_t now, struct ledger_case *c, struct problem *p,
                   struct err *e)
{
	(void)ledger_identity(l);
	int rc = ledger_case_get(l, a->case_id, c, e);
	if (rc) return rc;
	if (a->if_revision && a->if_revision != c->view.revision)
		problem_set(p, PROBLEM_STALE, "the case has revision %lld", (long long)c->view.revision);
	else
		judge(l, c, a->type, a->body, a->offer, now, p);
	return ERR_OK;
}

int ledger_act(struct ledger *l, struct ledger_call *call, const uint8_t case_id[UUID_LEN], int64_t if_revision,
               enum case_event type, const json_t *body, enum offer offer, struct problem *p, struct err *e)
{
	struct ledger_case c = {0};
	const struct ledger_act a = {case_id, if_revision, type, body, offer};
	int rc = ledger_may_act(l, &a, call->now.wall, &c, p, e);
	ledger_case_release(&c);
	if (rc) return rc;
	if (!problem_any(p)) rc = check_mend(l, case_id, type, body, NULL, p, e);
	if (rc || problem_any(p)) return rc;
	rc = ledger_append(l, call, case_id, state_event_name(type), body, e);
	return rc ? rc : ledger_project_seen(l, case_id, call->seen, e);
}
