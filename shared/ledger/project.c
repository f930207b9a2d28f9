/* Projections: a case folded from its events in the county's order, its row, its look-up keys, its change.
 *
 * Always made from the stored events, never from what a caller believes, so that rebuilding gives the same. Runs in
 * the write transaction of whoever appended or applied. See ledger.h. */
#include "shared/ledger/internal.h"
#include "shared/ledger/read.h"

#include "shared/canon.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/limits.h"
#include "shared/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum source { SOURCE_LOG, SOURCE_FEED, SOURCE_RECOVERED }; /* first column of case_events */

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
	if (!rc) rc = json_parse_strict(text, size, LEDGER_RAW_DEPTH, out, e);
	free(text);
	return rc;
}

int ledger_recovered_event(struct ledger *l, int64_t seq, const void *raw, size_t len, struct event *ev, struct err *e)
{
	char *text = NULL;
	size_t size = 0;
	json_t *j = NULL;
	struct buf body;
	int rc = ledger_unseal(l, "recovered", seq, 0, raw, len, &text, &size, e);
	if (!rc) rc = json_parse_strict(text, size, LEDGER_RAW_DEPTH, &j, e);
	free(text);
	if (rc) return rc;
	ev->seq = seq;
	(void)uuid_parse(fields_text(j, "id"), ev->id);
	ev->at = fields_int(j, "at", 0);
	ev->mono = fields_int(j, "mono", 0);
	(void)clock_quality_parse(fields_text(j, "clock"), &ev->quality);
	(void)snprintf(ev->boot, sizeof ev->boot, "%s", fields_text(j, "boot"));
	(void)snprintf(ev->type, sizeof ev->type, "%s", fields_text(j, "type"));
	(void)snprintf(ev->actor, sizeof ev->actor, "%s", fields_text(j, "actor"));
	(void)snprintf(ev->device, sizeof ev->device, "%s", fields_text(j, "device"));
	(void)snprintf(ev->origin, sizeof ev->origin, "%s", l->id.station);
	(void)snprintf(ev->station, sizeof ev->station, "%s", l->id.station);
	const json_t *b = json_object_get(j, "body");
	if (b) {
		buf_init(&body, EVENT_BODY_MAX);
		rc = canon_write(b, &body, e);
		if (!rc) ev->body = buf_steal(&body, &ev->body_len);
		if (!rc && !ev->body) rc = err_set(e, ERR_NOMEM, "event body");
		buf_release(&body);
		if (!rc) event_mac(l->id.station_key, ev->body, ev->body_len, ev->mac);
	} else {
		(void)text_unhex(fields_text(j, "mac"), ev->mac, DIGEST_LEN);
	}
	json_decref(j);
	return rc;
}

/* An own event that stands in no log here, from a row of case_events. */
static int read_recovered(struct ledger *l, struct db_stmt *s, struct event *ev, struct err *e)
{
	size_t n;
	const void *raw = db_blob(s, 13, &n);
	(void)db_copy_blob(s, 2, ev->log, UUID_LEN);
	return ledger_recovered_event(l, db_int(s, 3), raw, n, ev, e);
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

/* A registration in the place of a refused one begins the case anew: what was shown of that one goes. */
static void begin_anew(struct ledger_fold *f)
{
	uint8_t id[UUID_LEN];
	int64_t revision = f->view.revision;
	memcpy(id, f->view.id, UUID_LEN);
	caseview_release(&f->view);
	caseview_init(&f->view, id);
	f->view.revision = revision;
	f->as_written = false;
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
	enum case_event type;
	bool refused = h->sync == SYNC_REFUSED;
	bool opens = state_event_parse(h->ev.type, &type) && state_event_opens(type);
	if (refused && (!opens || (f->view.exists && !f->as_written))) return ERR_OK;
	if (opens && f->as_written) begin_anew(f);
	h->fits = caseview_apply(&f->view, &ce, &rc) == FIT_OK && !refused;
	if (refused && f->view.exists) f->as_written = true;
	return rc;
}

/* Counts an own event, and uncounts what it mends. */
static int count_own(struct ledger_fold *f, const struct ledger_history *h, const json_t *body, bool current,
                     struct err *e)
{
	int mended = 0;
	int rc = ledger_refusals_note(&f->open, h, body, &mended, e);
	f->own += 1 - mended;
	f->pending += h->sync != SYNC_SETTLED && h->sync != SYNC_REFUSED;
	f->settled += h->sync == SYNC_SETTLED;
	f->refused += (h->sync == SYNC_REFUSED) - mended;
	if (current && h->ev.seq > f->last_seq) f->last_seq = h->ev.seq;
	return rc;
}

int ledger_own_row(struct ledger *l, struct db_stmt *s, const struct ledger_head *head, struct ledger_history *h,
                   struct err *e)
{
	bool verdict = !db_is_null(s, 14);
	h->own = true;
	int rc =
	    db_int(s, 0) == SOURCE_LOG ? read_own(l, s, &h->ev, db_int(s, 20), e) : read_recovered(l, s, &h->ev, e);
	h->sync = sync_of_event(head, db_int(s, 19) != 0, h->ev.seq, verdict, verdict && db_int(s, 14));
	h->code = db_text(s, 15);
	h->pointer = db_text(s, 16);
	h->message = db_text(s, 17);
	return rc;
}

static int fold_row(struct ledger *l, struct db_stmt *s, const struct ledger_head *head, struct ledger_fold *f,
                    struct ledger_history *h, struct err *e)
{
	json_t *body = NULL;
	int rc;
	h->own = db_int(s, 0) != SOURCE_FEED;
	if (h->own) {
		struct err bad = {0};
		rc = ledger_own_row(l, s, head, h, &bad);
		if (rc == (int)ERR_CORRUPT || rc == (int)ERR_VERSION) {
			f->unreadable = true;
			rc = ERR_OK;
		}
		if (rc) return err_set(e, (enum err_code)rc, "%s", bad.msg);
		body = event_body(&h->ev);
		if (!body && h->ev.body) return err_set(e, ERR_NOMEM, "event body"); /* which is not: erased */
		rc = count_own(f, h, body, db_int(s, 19) != 0, e);
		if (rc) {
			json_decref(body);
			return rc;
		}
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

int ledger_head_now(struct ledger *l, struct ledger_head *out, struct err *e)
{
	int rc = l->head_loaded ? ERR_OK : ledger_head(l, out, NULL);
	if (l->head_loaded) *out = l->head;
	return rc && rc != (int)ERR_NOTFOUND ? err_set(e, (enum err_code)rc, "log head") : ERR_OK;
}

int ledger_fold_case(struct ledger *l, const uint8_t id[UUID_LEN], struct ledger_fold *out, ledger_history_fn *fn,
                     void *arg, struct err *e)
{
	struct ledger_head head = {0};
	bool go = true;
	*out = (struct ledger_fold){0};
	caseview_init(&out->view, id);
	int rc = ledger_head_now(l, &head, e);
	if (rc) return rc;
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
	ledger_refusals_free(&out->open);
	if (!rc && r < 0) rc = -r;
	/* nothing is to be mended any more, and what was mended can no longer be told: what waits for the county counts */
	if (out->view.state == STATE_ERASED) {
		out->own = out->pending;
		out->settled = out->refused = 0;
	}
	if (rc) caseview_release(&out->view);
	return rc;
}

static void add_key(struct ledger *l, struct ledger_keys *k, const char *kind, const char *value)
{
	if (!*value || k->n == (int64_t)(sizeof k->key / sizeof *k->key)) return;
	int64_t key = ledger_index_key(l, kind, value);
	for (int64_t i = 0; i < k->n; i++)
		if (k->key[i] == key) return; /* agent and applicant may share a telephone */
	k->key[k->n++] = key;
}

static void keys_of(struct ledger *l, const struct caseview *v, struct ledger_keys *out)
{
	static const char *const people[] = {"applicant", "agent"};
	out->n = 0;
	for (size_t i = 0; i < sizeof people / sizeof *people; i++) {
		const json_t *who = json_object_get(v->doc, people[i]);
		add_key(l, out, "id", fields_text(who, "id_number"));
		add_key(l, out, "phone", fields_text(who, "phone"));
	}
	add_key(l, out, "token", v->token);
	const json_t *aliases = json_object_get(v->doc, "aliases");
	for (size_t i = 0; i < json_array_size(aliases); i++)
		add_key(l, out, "receipt", json_string_value(json_array_get(aliases, i)));
}

static int run_key(struct ledger *l, size_t query, int64_t key, int64_t n, struct err *e)
{
	struct db_stmt *s = db_query(l->db, query, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "hmac", key);
	db_bind_int(s, "n", n);
	return db_run(s, e);
}

/* Makes the entries of the case in row N the keys WANT, where HAD are there. */
static int move_keys(struct ledger *l, int64_t n, const struct ledger_keys *had, const struct ledger_keys *want,
                     struct err *e)
{
	int rc = ERR_OK;
	if (had->n == want->n && memcmp(had->key, want->key, (size_t)had->n * sizeof *had->key) == 0) return ERR_OK;
	for (int64_t i = 0; i < had->n && !rc; i++)
		rc = run_key(l, Q_case_key_delete, had->key[i], n, e);
	for (int64_t i = 0; i < want->n && !rc; i++)
		rc = run_key(l, Q_case_key_put, want->key[i], n, e);
	return rc;
}

/* The case's row and the keys that it has; *N is 0 where it has none. */
static int find_row(struct ledger *l, const uint8_t id[UUID_LEN], int64_t *n, struct ledger_keys *had, struct err *e)
{
	size_t len = 0;
	*n = had->n = 0;
	struct db_stmt *s = db_query(l->db, Q_case_place, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "id", id, UUID_LEN);
	int r = db_step(s, e);
	if (r > 0) {
		*n = db_int(s, 0);
		const void *keys = db_blob(s, 1, &len);
		if (keys && len <= sizeof had->key) memcpy(had->key, keys, len);
		had->n = (int64_t)(len / sizeof *had->key);
		db_reset(s);
	}
	return r < 0 ? -r : ERR_OK;
}

int ledger_keys_stand(struct ledger *l, const struct caseview *v, bool *ok, struct err *e)
{
	struct ledger_keys have, want;
	int64_t n;
	keys_of(l, v, &want);
	int rc = find_row(l, v->id, &n, &have, e);
	*ok = have.n == want.n && memcmp(have.key, want.key, (size_t)want.n * sizeof *want.key) == 0;
	for (int64_t i = 0; i < want.n && !rc && *ok; i++) {
		struct db_stmt *s = db_query(l->db, Q_case_key_has, e);
		if (!s) return ERR_IO;
		db_bind_int(s, "hmac", want.key[i]);
		db_bind_int(s, "n", n);
		int r = db_step(s, e);
		*ok = r > 0;
		db_reset(s);
		if (r < 0) rc = -r;
	}
	return rc;
}

int ledger_case_files_stand(struct ledger *l, const struct caseview *v, bool *ok, struct err *e)
{
	struct ledger_keys had;
	int64_t n;
	int rc = find_row(l, v->id, &n, &had, e);
	return rc ? rc : ledger_files_stand(l, n, v, ok, e);
}

void ledger_case_kind(const uint8_t id[UUID_LEN], char out[48])
{
	char text[UUID_TEXT];
	uuid_text(id, text);
	(void)snprintf(out, 48, "case:%s", text);
}

/* The next change number of this transaction. */
static int next_change(struct ledger *l, int64_t *out, struct err *e)
{
	if (l->change < 0) {
		struct db_stmt *h = db_query(l->db, Q_change_head, e);
		if (!h) return ERR_IO;
		int r = db_step(h, e);
		if (r < 0) return -r;
		l->change = r > 0 ? db_int(h, 0) : 0;
		db_reset(h);
	}
	*out = ++l->change;
	return ERR_OK;
}

static int put_row(struct ledger *l, const struct ledger_fold *f, int64_t *n, const struct ledger_row *row,
                   struct err *e)
{
	const struct caseview *v = &f->view;
	int64_t change;
	int rc = next_change(l, &change, e);
	if (rc) return rc;
	struct db_stmt *s = db_query(l->db, *n ? Q_case_update : Q_case_insert, e);
	if (!s) return ERR_IO;
	db_lend_blob(s, "id", v->id, UUID_LEN);
	db_lend_text(s, "receipt", v->receipt);
	db_lend_text(s, "station", v->station);
	db_lend_text(s, "item", v->item);
	db_lend_text(s, "state", state_name(v->state));
	db_lend_text(s, "holder", v->holder);
	db_bind_int(s, "received_at", v->received_at);
	db_bind_int(s, "updated_at", v->updated_at);
	db_bind_int(s, "revision", v->revision);
	db_bind_int(s, "own", f->own);
	db_bind_int(s, "settled", f->settled);
	db_bind_int(s, "refused", f->refused);
	db_bind_int(s, "last_seq", f->last_seq);
	db_bind_int(s, "change", change);
	db_lend_blob(s, "keys", row->keys.key, (size_t)row->keys.n * sizeof *row->keys.key);
	db_lend_blob(s, "doc", row->doc, row->len);
	rc = db_run(s, e);
	if (!rc && !*n) *n = db_last_row(l->db);
	return rc;
}

static int run_change(struct ledger *l, size_t query, const uint8_t *id, struct err *e)
{
	int64_t change;
	int rc = next_change(l, &change, e);
	struct db_stmt *s = rc ? NULL : db_query(l->db, query, e);
	if (!s) return rc ? rc : (int)ERR_IO;
	if (id) db_bind_blob(s, "id", id, UUID_LEN);
	db_bind_int(s, "change", change);
	return db_run(s, e);
}

int ledger_touch(struct ledger *l, const uint8_t id[UUID_LEN], struct err *e)
{
	return run_change(l, Q_change_put, id, e);
}

/* The newest change may go with the row: then the one before gets a number again, or the head would step back. */
static int drop_row(struct ledger *l, const uint8_t id[UUID_LEN], struct err *e)
{
	static const struct ledger_keys none;
	struct ledger_keys had;
	int64_t n;
	int rc = find_row(l, id, &n, &had, e);
	if (rc || !n) return rc;
	rc = move_keys(l, n, &had, &none, e);
	if (!rc) rc = ledger_files_drop(l, n, e);
	struct db_stmt *s = rc ? NULL : db_query(l->db, Q_case_delete, e);
	if (!s) return rc ? rc : (int)ERR_IO;
	db_bind_blob(s, "id", id, UUID_LEN);
	rc = db_run(s, e);
	return rc ? rc : run_change(l, Q_change_again, NULL, e);
}

int ledger_row_make(struct ledger *l, const struct caseview *v, struct ledger_row *out, struct err *e)
{
	struct buf doc;
	char kind[48];
	buf_init(&doc, LIMIT_EXCHANGE);
	(void)buf_reserve(&doc, 1000);
	ledger_case_kind(v->id, kind);
	keys_of(l, v, &out->keys);
	int rc = caseview_doc(v, &doc, e);
	if (!rc) rc = ledger_seal(l, kind, 0, 0, doc.data, doc.len, &out->doc, &out->len, e);
	buf_release(&doc);
	return rc;
}

void ledger_row_release(struct ledger_row *row)
{
	free(row->doc);
	*row = (struct ledger_row){0};
}

/* The row of a case, in place of the one that it may have. */
static int put_case(struct ledger *l, const struct ledger_fold *f, struct err *e)
{
	struct ledger_row row = {0};
	struct ledger_keys had;
	int64_t n = 0;
	int rc = find_row(l, f->view.id, &n, &had, e);
	if (!rc) rc = ledger_row_make(l, &f->view, &row, e);
	bool there = n > 0;
	if (!rc) rc = put_row(l, f, &n, &row, e);
	if (!rc) rc = move_keys(l, n, &had, &row.keys, e);
	if (!rc && there) rc = ledger_files_drop(l, n, e);
	if (!rc) rc = ledger_files_put(l, n, &f->view, e);
	ledger_row_release(&row);
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

static int put_fold(struct ledger *l, struct ledger_fold *f, struct ledger_case *seen, struct err *e)
{
	int rc = f->unreadable ? ERR_OK
	         : f->view.exists
	             ? put_case(l, f, e)
	             : drop_row(l, f->view.id, e); /* its registration never came: the events wait in the history */
	if (!rc && f->view.state == STATE_ERASED) rc = ledger_erase_bodies(l, f->view.id, e);
	if (!rc && seen) rc = hand_over(l, f, seen, e);
	caseview_release(&f->view);
	return rc;
}

int ledger_put_new(struct ledger *l, struct ledger_fold *f, const struct ledger_row *row, struct ledger_case *seen,
                   struct err *e)
{
	static const struct ledger_keys none;
	int64_t n = 0;
	int rc = put_row(l, f, &n, row, e);
	if (!rc) rc = move_keys(l, n, &none, &row->keys, e);
	if (!rc) rc = ledger_files_put(l, n, &f->view, e);
	if (!rc && seen) rc = hand_over(l, f, seen, e);
	caseview_release(&f->view);
	return rc;
}

int ledger_project_seen(struct ledger *l, const uint8_t id[UUID_LEN], struct ledger_case *seen, struct err *e)
{
	struct ledger_fold f;
	int rc = ledger_fold_case(l, id, &f, NULL, NULL, e);
	return rc ? rc : put_fold(l, &f, seen, e);
}

int ledger_project(struct ledger *l, const uint8_t id[UUID_LEN], struct err *e)
{
	return ledger_project_seen(l, id, NULL, e);
}
