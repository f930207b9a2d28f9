/* Projections: a case folded from its events in the county's order, its row, its look-up keys, its change.
 *
 * Always made from the stored events, never from what a caller believes, so that rebuilding gives the same. Runs in
 * the write transaction of whoever appended or applied. See ledger.h. */
#include "shared/ledger/internal.h"
#include "shared/ledger/read.h"

#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAW_DEPTH (LIMIT_DEPTH + 4) /* a body inside an entry */

/* An own event from a row of case_events; the columns from 2 on. */
static int read_own(struct ledger *l, struct db_stmt *s, struct event *ev, int64_t log_n, struct err *e)
{
	size_t n;
	(void)db_copy_blob(s, 2, ev->log, UUID_LEN);
	ev->seq = db_int(s, 3);
	(void)db_copy_blob(s, 4, ev->id, UUID_LEN);
	db_copy_text(s, 5, ev->type, sizeof ev->type);
	ev->at = db_int(s, 6);
	ev->quality = (enum clock_quality)db_int(s, 7);
	db_copy_text(s, 8, ev->boot, sizeof ev->boot);
	ev->mono = db_int(s, 9);
	db_copy_text(s, 10, ev->actor, sizeof ev->actor);
	db_copy_text(s, 11, ev->device, sizeof ev->device);
	db_copy_text(s, 12, ev->origin, sizeof ev->origin);
	const void *sealed = db_blob(s, 13, &n);
	return sealed ? ledger_unseal(l, ev->type, log_n, ev->seq, sealed, n, &ev->body, &ev->body_len, e) : ERR_OK;
}

int ledger_feed_entry(struct ledger *l, int64_t n, const void *raw, size_t len, json_t **out, struct err *e)
{
	char *text = NULL;
	size_t size = 0;
	int rc = ledger_unseal(l, "feed", n, 0, raw, len, &text, &size, e);
	if (!rc) rc = json_parse_strict(text, size, RAW_DEPTH, out, e);
	free(text);
	return rc;
}

/* A foreign event from a raw feed entry; *BODY is a new reference or NULL. */
static int read_foreign(struct ledger *l, struct db_stmt *s, struct event *ev, json_t **body, struct err *e)
{
	size_t n;
	json_t *entry = NULL;
	const void *raw = db_blob(s, 13, &n);
	int rc = ledger_feed_entry(l, db_int(s, 1), raw, n, &entry, e);
	if (rc) return rc;
	(void)uuid_parse(fields_text(entry, "id"), ev->id);
	ev->at = fields_int(entry, "at", 0);
	ev->quality = CLOCK_SYNCED;
	(void)snprintf(ev->type, sizeof ev->type, "%s", fields_text(entry, "type"));
	(void)snprintf(ev->actor, sizeof ev->actor, "%s", fields_text(entry, "actor"));
	(void)snprintf(ev->origin, sizeof ev->origin, "%s", fields_text(entry, "origin"));
	*body = json_incref(fields_get(entry, "body"));
	json_decref(entry);
	return ERR_OK;
}

static enum ledger_sync sync_of_event(const struct ledger_head *h, bool current, int64_t seq, bool has_verdict,
                                      bool settled)
{
	if (has_verdict) return settled ? SYNC_SETTLED : SYNC_REFUSED;
	if (!current) return SYNC_RECEIVED; /* kept in a left log: the county had confirmed it */
	return seq > h->sent_seq ? SYNC_LOCAL : seq > h->received_seq ? SYNC_SENT : SYNC_RECEIVED;
}

static int apply(struct ledger_fold *f, struct ledger_history *h, const json_t *body)
{
	struct caseview_event ce = {
	    .type = h->ev.type, .body = body, .origin = h->ev.origin, .actor = h->ev.actor, .at = h->ev.at};
	int rc = ERR_OK;
	/* a refusal changes the case as an event does: whoever read it before it came holds a stale ETag */
	f->view.revision += h->sync == SYNC_REFUSED ? 2 : 1;
	/* A refused registration is shown as it was written, so that it can be read and mended; nothing else that was
	 * refused counts. */
	bool refused = h->sync == SYNC_REFUSED;
	if (refused && (f->view.exists || strcmp(h->ev.type, "receive") != 0)) return ERR_OK;
	h->fits = caseview_apply(&f->view, &ce, &rc) == FIT_OK && !refused;
	return rc;
}

static int fold_row(struct ledger *l, struct db_stmt *s, const struct ledger_head *head, struct ledger_fold *f,
                    struct ledger_history *h, struct err *e)
{
	json_t *body = NULL;
	int rc;
	h->own = db_int(s, 0) == 0;
	if (h->own) {
		bool current = db_int(s, 19) != 0, verdict = !db_is_null(s, 14);
		rc = read_own(l, s, &h->ev, db_int(s, 20), e);
		if (rc) return rc;
		h->sync = sync_of_event(head, current, h->ev.seq, verdict, verdict && db_int(s, 14));
		h->code = db_text(s, 15);
		h->pointer = db_text(s, 16);
		h->message = db_text(s, 17);
		f->own++;
		f->settled += h->sync == SYNC_SETTLED;
		f->refused += h->sync == SYNC_REFUSED;
		if (current && h->ev.seq > f->last_seq) f->last_seq = h->ev.seq;
		body = event_body(&h->ev);
		if (!body && h->ev.body) return err_set(e, ERR_NOMEM, "event body"); /* which is not: erased */
	} else {
		rc = read_foreign(l, s, &h->ev, &body, e);
		if (rc) return rc;
		h->sync = SYNC_SETTLED;
		if (body) h->ev.body = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
		if (body && !h->ev.body) {
			json_decref(body);
			return err_set(e, ERR_NOMEM, "event body");
		}
		h->ev.body_len = h->ev.body ? strlen(h->ev.body) : 0;
	}
	rc = apply(f, h, body);
	json_decref(body);
	return rc ? err_set(e, ERR_NOMEM, "case view") : ERR_OK;
}

int ledger_fold_case(struct ledger *l, const uint8_t id[UUID_LEN], struct ledger_fold *out, ledger_history_fn *fn,
                     void *arg, struct err *e)
{
	struct ledger_head head = {0};
	bool go = true;
	*out = (struct ledger_fold){0};
	caseview_init(&out->view, id);
	int rc = l->head_loaded ? ERR_OK : ledger_head(l, &head, NULL);
	if (l->head_loaded) head = l->head;
	if (rc && rc != (int)ERR_NOTFOUND) return err_set(e, (enum err_code)rc, "log head");
	struct db_stmt *s = db_query(l->db, Q_case_events, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "case_id", id, UUID_LEN);
	int r = 0;
	rc = ERR_OK;
	while (go && !rc && (r = db_step(s, e)) > 0) {
		struct ledger_history h = {0};
		memcpy(h.ev.case_id, id, UUID_LEN);
		h.ev.has_case = true;
		rc = fold_row(l, s, &head, out, &h, e);
		if (!rc && fn) go = fn(&h, arg);
		event_release(&h.ev);
	}
	db_reset(s);
	if (!rc && r < 0) rc = -r;
	if (rc) caseview_release(&out->view);
	return rc;
}

static int put_key(struct ledger *l, const uint8_t id[UUID_LEN], const char *kind, const char *value, struct err *e)
{
	uint8_t mac[UUID_LEN];
	if (!*value) return ERR_OK;
	ledger_index_mac(l, kind, value, mac);
	struct db_stmt *s = db_query(l->db, Q_case_key_put, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "hmac", mac, sizeof mac);
	db_bind_blob(s, "case_id", id, UUID_LEN);
	return db_run(s, e);
}

static int put_keys(struct ledger *l, const struct caseview *v, bool fresh, struct err *e)
{
	static const char *const people[] = {"applicant", "agent"};
	int rc = ERR_OK;
	if (!fresh) {
		struct db_stmt *s = db_query(l->db, Q_case_key_clear, e);
		if (!s) return ERR_IO;
		db_bind_blob(s, "case_id", v->id, UUID_LEN);
		rc = db_run(s, e);
	}
	for (size_t i = 0; i < sizeof people / sizeof *people && !rc; i++) {
		const json_t *who = json_object_get(v->doc, people[i]);
		rc = put_key(l, v->id, "id", fields_text(who, "id_number"), e);
		if (!rc) rc = put_key(l, v->id, "phone", fields_text(who, "phone"), e);
	}
	return rc;
}

void ledger_case_kind(const uint8_t id[UUID_LEN], char out[48])
{
	char text[UUID_TEXT];
	uuid_text(id, text);
	(void)snprintf(out, 48, "case:%s", text);
}

static int put_row(struct ledger *l, const struct ledger_fold *f, const uint8_t *sealed, size_t n, struct err *e)
{
	const struct caseview *v = &f->view;
	struct db_stmt *s = db_query(l->db, Q_case_put, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "id", v->id, UUID_LEN);
	db_bind_text(s, "receipt", v->receipt);
	db_bind_text(s, "station", v->station);
	db_bind_text(s, "item", v->item);
	db_bind_text(s, "state", state_name(v->state));
	db_bind_text(s, "holder", v->holder);
	db_bind_int(s, "received_at", v->received_at);
	db_bind_int(s, "updated_at", v->updated_at);
	db_bind_int(s, "revision", v->revision);
	db_bind_int(s, "own", f->own);
	db_bind_int(s, "settled", f->settled);
	db_bind_int(s, "refused", f->refused);
	db_bind_int(s, "last_seq", f->last_seq);
	db_bind_blob(s, "doc", sealed, n);
	return db_run(s, e);
}

int ledger_touch(struct ledger *l, const uint8_t id[UUID_LEN], struct err *e)
{
	if (l->change < 0) {
		struct db_stmt *h = db_query(l->db, Q_change_head, e);
		if (!h) return ERR_IO;
		int r = db_step(h, e);
		if (r < 0) return -r;
		l->change = r > 0 ? db_int(h, 0) : 0;
		db_reset(h);
	}
	struct db_stmt *s = db_query(l->db, Q_change_put, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "case_id", id, UUID_LEN);
	db_bind_int(s, "change", ++l->change);
	return db_run(s, e);
}

static int drop_row(struct ledger *l, const uint8_t id[UUID_LEN], struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_case_delete, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "id", id, UUID_LEN);
	return db_run(s, e);
}

static int put_case(struct ledger *l, const struct ledger_fold *f, bool fresh, struct err *e)
{
	struct buf doc;
	char kind[48];
	uint8_t *sealed = NULL;
	size_t n = 0;
	buf_init(&doc, LIMIT_EXCHANGE);
	ledger_case_kind(f->view.id, kind);
	int rc = caseview_doc(&f->view, &doc, e);
	if (!rc) rc = ledger_seal(l, kind, 0, 0, doc.data, doc.len, &sealed, &n, e);
	if (!rc) rc = put_row(l, f, sealed, n, e);
	if (!rc) rc = put_keys(l, &f->view, fresh, e);
	free(sealed);
	buf_release(&doc);
	return rc;
}

/* Hands the view over as a reader of the row would have it. */
static int hand_over(struct ledger *l, struct ledger_fold *f, struct ledger_case *seen, struct err *e)
{
	struct ledger_head *h = NULL;
	int rc = ledger_tx_head(l, &h, e);
	if (rc) return rc;
	seen->view = f->view;
	seen->sync = ledger_sync_of(h, f->own, f->settled, f->refused, f->last_seq);
	f->view.doc = NULL;
	return ERR_OK;
}

int ledger_put_fold(struct ledger *l, struct ledger_fold *f, bool fresh, struct ledger_case *seen, struct err *e)
{
	int rc = f->view.exists
	             ? put_case(l, f, fresh, e)
	             : drop_row(l, f->view.id, e); /* its registration never came: the events wait in the history */
	if (!rc) rc = ledger_touch(l, f->view.id, e);
	if (!rc && seen) rc = hand_over(l, f, seen, e);
	caseview_release(&f->view);
	return rc;
}

int ledger_project_seen(struct ledger *l, const uint8_t id[UUID_LEN], struct ledger_case *seen, struct err *e)
{
	struct ledger_fold f;
	int rc = ledger_fold_case(l, id, &f, NULL, NULL, e);
	return rc ? rc : ledger_put_fold(l, &f, false, seen, e);
}

int ledger_project(struct ledger *l, const uint8_t id[UUID_LEN], struct err *e)
{
	return ledger_project_seen(l, id, NULL, e);
}
