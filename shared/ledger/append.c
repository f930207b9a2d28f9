/* Writing to the ledger: one event, a registration, an act. Runs in the write transaction of the caller (the gateway's
 * writer thread), so that state, revision, key and head are checked where they cannot change. See ledger.h. */
#include "shared/ledger/internal.h"
#include "shared/ledger/read.h"
#include "shared/ledger/write.h"

#include "shared/body.h"
#include "shared/canon.h"
#include "shared/crypto/rng.h"
#include "shared/fields.h"

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

int ledger_replay(struct ledger *l, const struct ledger_call *call, uint8_t case_id[UUID_LEN], struct err *e)
{
	size_t n, m;
	struct db_stmt *s = db_query(l->db, Q_event_by_id, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "id", call->key, UUID_LEN);
	int r = db_step(s, e);
	if (r <= 0) return -r;
	const void *id = db_blob(s, 0, &n);
	const void *request = db_blob(s, 1, &m);
	const char *actor = db_text(s, 2);
	bool same = id && n == UUID_LEN && request && m == DIGEST_LEN && memcmp(request, call->request, m) == 0 &&
	            actor && strcmp(actor, call->actor) == 0;
	if (same) memcpy(case_id, id, UUID_LEN);
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
		db_bind_blob(s, "id", ev->id, UUID_LEN);
		db_bind_blob(s, "case_id", ev->has_case ? ev->case_id : NULL, UUID_LEN);
		db_bind_text(s, "type", ev->type);
		db_bind_int(s, "at", ev->at);
		db_bind_int(s, "clock", ev->quality);
		db_bind_text(s, "boot", ev->boot);
		db_bind_int(s, "mono", ev->mono);
		db_bind_text(s, "actor", ev->actor);
		db_bind_text(s, "device", ev->device);
		db_bind_text(s, "origin", ev->origin);
		db_bind_blob(s, "body", sealed, n);
		db_bind_blob(s, "mac", ev->mac, DIGEST_LEN);
		db_bind_blob(s, "hash", ev->hash, DIGEST_LEN);
		db_bind_blob(s, "request", request, DIGEST_LEN);
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

int ledger_append(struct ledger *l, struct ledger_call *call, const uint8_t *case_id, const char *type,
                  const json_t *body, struct err *e)
{
	const struct ledger_identity *id = ledger_identity(l);
	struct event ev = {
	    .at = call->now.wall, .quality = call->now.quality, .mono = call->now.mono, .has_case = case_id != NULL};
	if (!id->enrolled) return err_set(e, ERR_NOTFOUND, "this box is not enrolled");
	if (call->appended == 0)
		memcpy(ev.id, call->key, UUID_LEN);
	else
		uuid_derive(call->key, call->appended, ev.id);
	if (case_id) memcpy(ev.case_id, case_id, UUID_LEN);
	memcpy(ev.boot, l->clock->boot, sizeof ev.boot);
	int rc = event_set(ev.type, sizeof ev.type, type, "type", e);
	if (!rc) rc = event_set(ev.actor, sizeof ev.actor, call->actor, "actor", e);
	if (!rc) rc = event_set(ev.device, sizeof ev.device, call->device, "device", e);
	if (!rc) rc = event_set(ev.station, sizeof ev.station, id->station, "station", e);
	if (!rc) rc = event_set(ev.origin, sizeof ev.origin, id->station, "origin", e);
	if (!rc) rc = event_set_body(&ev, body, id->station_key, e);
	if (!rc) rc = ledger_chain(l, &ev, call->appended == 0 ? call->request : NULL, e);
	if (!rc) call->appended++;
	event_release(&ev);
	return rc;
}

/* --- a registration --- */

static int next_receipt(struct ledger *l, int64_t at, char out[RECEIPT_MAX], struct err *e)
{
	struct ledger_head *h = NULL;
	int rc = ledger_tx_head(l, &h, e);
	if (rc) return rc;
	struct receipt r = {.day = clock_day(at), .box = h->box};
	memcpy(r.station, l->id.station, sizeof r.station);
	struct db_stmt *s = db_query(l->db, Q_serial_next, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "log", h->n);
	db_bind_int(s, "day", r.day);
	int step = db_step(s, e);
	if (step <= 0) return step < 0 ? -step : err_set(e, ERR_IO, "no serial");
	r.serial = db_int(s, 0);
	rc = db_run(s, e);
	if (rc) return rc;
	return receipt_format(&r, out) ? ERR_OK : err_set(e, ERR_INVALID, "no receipt number can be made");
}

/* 80 random bits in Crockford's base32: the QR of the receipt leads to the public progress page with it. */
static void random_token(char out[17])
{
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint8_t raw[16];
	rng_bytes(raw, sizeof raw);
	for (size_t i = 0; i < 16; i++)
		out[i] = alphabet[raw[i] & 31];
	out[16] = '\0';
}

/* The true time of receipt: what the clerk says (back-entry), or captured on a home visit: now less the phone's own
 * measure of the time since. */
static int64_t received_at(const json_t *request, int64_t now)
{
	int64_t at, then, seen;
	const json_t *cap = fields_get(request, "captured");
	if (clock_parse(fields_text(request, "received_at"), &at)) return at;
	if (cap && clock_parse(fields_text(cap, "at"), &then) && clock_parse(fields_text(cap, "now"), &seen) &&
	    then <= seen)
		return now - (seen - then);
	return now;
}

static json_t *receive_body(const json_t *request, const struct catalog *cat, const struct catalog_item *item,
                            const char *receipt, int64_t at)
{
	char token[17];
	int rc = ERR_OK;
	json_t *b = fields_copy(request);
	if (!b) return NULL;
	random_token(token);
	caseview_set(b, "catalog", json_string(catalog_name(cat)), &rc);
	caseview_set(b, "catalog_version", json_integer(catalog_version(cat)), &rc);
	caseview_set(b, "receipt_number", json_string(receipt), &rc);
	caseview_set(b, "received_at", json_integer(at), &rc);
	caseview_set(b, "record", json_string(record_name(item->record)), &rc);
	caseview_set(b, "token", json_string(token), &rc);
	if (rc) {
		json_decref(b);
		return NULL;
	}
	return b;
}

/* A registration's case is folded from what was just written, not read back: the same events give the same case, and
 * `xinke verify` holds every row to that. */
static int fold_fresh(struct ledger *l, const struct ledger_call *call, const json_t *receive, const json_t *forward,
                      struct err *e)
{
	struct ledger_fold f = {.own = call->appended, .last_seq = l->head.seq};
	struct caseview_event ev = {
	    .type = "receive", .body = receive, .origin = l->id.station, .actor = call->actor, .at = call->now.wall};
	int rc = ERR_OK;
	caseview_init(&f.view, call->key);
	enum caseview_fit fit = caseview_apply(&f.view, &ev, &rc);
	if (!rc && forward) {
		ev.type = "forward";
		ev.body = forward;
		if (fit == FIT_OK) fit = caseview_apply(&f.view, &ev, &rc);
	}
	f.view.revision = call->appended;
	if (!rc && fit == FIT_OK) return ledger_put_fold(l, &f, true, call->seen, e);
	caseview_release(&f.view);
	return rc ? err_set(e, (enum err_code)rc, "case view")
	          : err_set(e, ERR_INVALID, "the registration makes no case");
}

int ledger_register(struct ledger *l, struct ledger_call *call, const json_t *request, const struct catalog *cat,
                    const struct catalog_item *item, struct err *e)
{
	const struct ledger_identity *id = ledger_identity(l);
	char receipt[RECEIPT_MAX];
	json_t *body = NULL, *forward = NULL;
	if (!id->enrolled) return err_set(e, ERR_NOTFOUND, "this box is not enrolled");
	int64_t at = received_at(request, call->now.wall);
	/* The number carries the day it was given, not the day of a back-entry: serials stay in the order of writing. */
	int rc = next_receipt(l, call->now.wall, receipt, e);
	if (rc) goto out;
	body = receive_body(request, cat, item, receipt, at);
	if (!body) {
		rc = err_set(e, ERR_NOMEM, "registration");
		goto out;
	}
	rc = ledger_append(l, call, call->key, "receive", body, e);
	if (rc) goto out;
	if (item->offers[id->tier] == OFFER_ACCEPT &&
	    !body_lacks_material(json_object_get(request, "materials"), item)) {
		const char *to = id->tier == TIER_TOWNSHIP ? item->department : id->township;
		forward = json_pack("{s:s}", "to", to);
		rc = forward ? ledger_append(l, call, call->key, "forward", forward, e)
		             : err_set(e, ERR_NOMEM, "registration");
	}
	if (!rc) rc = fold_fresh(l, call, body, forward, e);
out:
	json_decref(forward);
	json_decref(body);
	return rc;
}

/* --- an act --- */

static void judge(struct ledger *l, const struct ledger_case *c, enum case_event type, const json_t *body,
                  enum offer offer, int64_t now, struct problem *p)
{
	const struct state_row *row = NULL;
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

int ledger_act(struct ledger *l, struct ledger_call *call, const uint8_t case_id[UUID_LEN], int64_t if_revision,
               enum case_event type, const json_t *body, enum offer offer, struct problem *p, struct err *e)
{
	struct ledger_case c = {0};
	(void)ledger_identity(l);
	int rc = ledger_case_get(l, case_id, &c, e);
	if (rc) return rc;
	if (if_revision && if_revision != c.view.revision)
		problem_set(p, PROBLEM_STALE, "the case has revision %lld", (long long)c.view.revision);
	else
		judge(l, &c, type, body, offer, call->now.wall, p);
	ledger_case_release(&c);
	if (problem_any(p)) return ERR_OK;
	rc = ledger_append(l, call, case_id, state_event_name(type), body, e);
	return rc ? rc : ledger_project_seen(l, case_id, call->seen, e);
}
