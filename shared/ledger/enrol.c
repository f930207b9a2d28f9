/* Opening a log: at the enrolment, and when the box finds that it is a copy. One transaction opens the log and appends
 * again every event that the county has not confirmed, with its old identity, so that nothing acknowledged is lost and
 * nothing counts twice. The gateway answers 503 meanwhile. See ledger.h. */
#include "shared/ledger/courier.h"
#include "shared/ledger/internal.h"
#include "shared/ledger/write.h"

#include "shared/mutant.h"
#include "shared/text.h"

#include <stdlib.h>
#include <string.h>

#define COPY_BATCH 64

static int store_identity(struct ledger *l, const struct ledger_enrolment *en, struct err *e)
{
	uint8_t *sealed = NULL;
	size_t n = 0;
	int rc = ledger_meta_set_text(l, "station", en->station, e);
	if (!rc) rc = ledger_meta_set_text(l, "name", en->name, e);
	if (!rc) rc = ledger_meta_set_text(l, "township", en->township, e);
	if (!rc) rc = ledger_meta_set_text(l, "tier", tier_name(en->tier), e);
	if (!rc) rc = ledger_seal(l, "station_key", 0, 0, en->station_key, EVENT_KEY_LEN, &sealed, &n, e);
	struct db_stmt *s = rc ? NULL : db_query(l->db, Q_meta_put, e);
	if (s) {
		db_bind_text(s, "key", "station_key");
		db_bind_blob(s, "value", sealed, n);
		rc = db_run(s, e);
	} else if (!rc) {
		rc = ERR_IO;
	}
	free(sealed);
	return rc;
}

static json_t *opened_body(const struct ledger_head *parent, int box)
{
	char log[UUID_TEXT], hash[TEXT_HEX_LEN(DIGEST_LEN)];
	if (!parent) return json_pack("{s:i,s:n,s:n,s:i}", "box", box, "parent", "parent_hash", "parent_seq", 0);
	uuid_text(parent->log, log);
	text_hex(parent->received_hash, DIGEST_LEN, hash);
	return json_pack("{s:i,s:s,s:s,s:I}", "box", box, "parent", log, "parent_hash", hash, "parent_seq",
	                 (json_int_t)parent->received_seq);
}

static int insert_log(struct ledger *l, const uint8_t log[UUID_LEN], int box, struct err *e)
{
	static const uint8_t zero[DIGEST_LEN];
	struct db_stmt *s = db_query(l->db, Q_log_insert, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "log", log, UUID_LEN);
	db_bind_int(s, "box", box);
	db_bind_int(s, "at", ledger_now(l).wall);
	db_bind_blob(s, "hash", zero, DIGEST_LEN);
	return db_run(s, e);
}

static int keep_up_to(struct ledger *l, int64_t log, int64_t seq, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_log_leave, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "n", log);
	db_bind_int(s, "kept", seq);
	return db_run(s, e);
}

static int leave_log(struct ledger *l, const struct ledger_head *old, struct err *e)
{
	int rc = keep_up_to(l, old->n, old->received_seq, e);
	if (rc) return rc;
	/* last_seq of a case means the open log; what is appended again sets it anew */
	struct db_stmt *s = db_query(l->db, Q_case_new_log, e);
	return s ? db_run(s, e) : (int)ERR_IO;
}

/* Reads up to COPY_BATCH events of log OLD above SEQ with their request macs. */
static int read_batch(struct ledger *l, int64_t old, int64_t seq, struct event *out, uint8_t (*request)[DIGEST_LEN],
                      bool *has, int *n, struct err *e)
{
	int r = 0, rc = ERR_OK;
	size_t len;
	*n = 0;
	struct db_stmt *s = db_query(l->db, Q_events_after, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "log", old);
	db_bind_int(s, "seq", seq);
	db_bind_int(s, "limit", COPY_BATCH);
	while (!rc && *n < COPY_BATCH && (r = db_step(s, e)) > 0) {
		rc = ledger_event_row_or_mac(l, s, old, &out[*n], e);
		const void *p = db_blob(s, 16, &len);
		has[*n] = p && len == DIGEST_LEN;
		if (has[*n]) memcpy(request[*n], p, DIGEST_LEN);
		(*n)++;
	}
	db_reset(s);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

/* The county's verdict on an event stays with it when it moves to another log. */
static int move_verdict(struct ledger *l, int64_t log, int64_t seq, const struct event *ev, struct err *e)
{
	struct ledger_head *h = NULL;
	int rc = ledger_tx_head(l, &h, e);
	if (rc) return rc;
	struct db_stmt *s = db_query(l->db, Q_verdict_move, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "log", log);
	db_bind_int(s, "seq", seq);
	db_bind_int(s, "to_log", h->n);
	db_bind_int(s, "to_seq", ev->seq);
	return db_run(s, e);
}

/* Appends again to the open log what stands in log OLD above SEQ, up to LAST. */
static int append_again(struct ledger *l, int64_t old, int64_t seq, int64_t last, struct err *e)
{
	struct event ev[COPY_BATCH];
	uint8_t request[COPY_BATCH][DIGEST_LEN];
	bool has[COPY_BATCH];
	int n = 0, rc = ERR_OK;
	do {
		rc = read_batch(l, old, seq, ev, request, has, &n, e);
		for (int i = 0; i < n; i++) {
			seq = ev[i].seq;
			/* where the old log was opened is told by the new one */
			bool moves = !rc && seq <= last && strcmp(ev[i].type, EVENT_LOG_OPENED) != 0;
			if (moves) rc = ledger_chain(l, &ev[i], has[i] ? request[i] : NULL, e);
			if (moves && !rc) rc = move_verdict(l, old, seq, &ev[i], e);
			if (moves && !rc && ev[i].has_case) rc = ledger_project(l, ev[i].case_id, e);
			event_release(&ev[i]);
		}
	} while (!rc && n == COPY_BATCH && seq < last);
	return rc;
}

/* --- what a restored county has lost --- */

/* The event after the last that has a verdict, 0 where that is KEPT itself. The county takes a log in its order: what it has
 * lost lies at the end, and what stands before a judged event (held, as yet) is there. */
static int first_unjudged(struct ledger *l, int64_t log, int64_t kept, int64_t *seq, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_verdict_last, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "log", log);
	db_bind_int(s, "kept", kept);
	int r = db_step(s, e);
	int64_t last = r > 0 && !db_is_null(s, 0) ? db_int(s, 0) : 0;
	db_reset(s);
	*seq = last < kept ? last + 1 : 0;
	return r < 0 ? -r : ERR_OK;
}

/* From the first event on that no mark names, a left log counts no more: all that follows lives on in the open one. */
static int append_left(struct ledger *l, struct err *e)
{
	int64_t log[100], kept[100], seq; /* box numbers have two digits */
	int n = 0, r, rc = ERR_OK;
	struct db_stmt *s = db_query(l->db, Q_log_left, e);
	if (!s) return ERR_IO;
	while ((r = db_step(s, e)) > 0 && n < 100) {
		log[n] = db_int(s, 0);
		kept[n++] = db_int(s, 1);
	}
	db_reset(s);
	if (r < 0) return -r;
	for (int i = 0; i < n && !rc; i++) {
		rc = first_unjudged(l, log[i], kept[i], &seq, e);
		if (rc || !seq) continue;
		rc = keep_up_to(l, log[i], seq - 1, e);
		if (!rc) rc = append_again(l, log[i], seq - 1, kept[i], e);
	}
	return rc;
}

/* Does the open log have an event of this id already? Then a key was asked at two boxes, and this one's is left. */
static int stands_here(struct ledger *l, const uint8_t id[UUID_LEN], bool *yes, struct err *e)
{
	struct ledger_head *h = NULL;
	int rc = ledger_tx_head(l, &h, e);
	struct db_stmt *s = rc ? NULL : db_query(l->db, Q_event_kept_by_id, e);
	if (!s) return rc ? rc : (int)ERR_IO;
	db_bind_blob(s, "id", id, UUID_LEN);
	int r = db_step(s, e);
	*yes = r > 0 && db_int(s, 0) == h->n;
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

static int adopt(struct ledger *l, int64_t n, struct event *ev, struct err *e)
{
	bool here = false;
	int rc = stands_here(l, ev->id, &here, e);
	if (!rc && !here && strcmp(ev->type, EVENT_LOG_OPENED) != 0) rc = ledger_chain(l, ev, NULL, e);
	struct db_stmt *s = rc ? NULL : db_query(l->db, Q_recovered_delete, e);
	if (!s) return rc ? rc : (int)ERR_IO;
	db_bind_int(s, "n", n);
	rc = db_run(s, e);
	return rc || !ev->has_case ? rc : ledger_project(l, ev->case_id, e);
}

/* What a replaced box had written and this one knew from the feed alone: this box is the only one that still has it. */
static int append_recovered(struct ledger *l, struct err *e)
{
	int64_t n = 0;
	for (;;) {
		struct event ev = {0};
		size_t len;
		struct db_stmt *s = db_query(l->db, Q_recovered_unjudged, e);
		if (!s) return ERR_IO;
		db_bind_int(s, "n", n);
		db_bind_int(s, "limit", 1);
		int r = db_step(s, e);
		if (r <= 0) return -r;
		n = db_int(s, 0);
		ev.has_case = db_copy_blob(s, 2, ev.case_id, UUID_LEN);
		const void *raw = db_blob(s, 3, &len);
		int rc = ledger_recovered_event(l, db_int(s, 4), raw, len, &ev, e);
		db_reset(s);
		if (!rc) rc = adopt(l, n, &ev, e);
		event_release(&ev);
		if (rc) return rc;
	}
}

int ledger_append_lost(struct ledger *l, struct err *e)
{
	int rc = append_left(l, e);
	return rc ? rc : append_recovered(l, e);
}

/* --- opening --- */

/* What is received and not judged does not count as kept: a county that was restored meanwhile may have lost it. Sent
 * again it settles as the one that was taken. */
static int keep_judged(struct ledger *l, struct ledger_head *old, struct err *e)
{
	int64_t seq;
	int rc = first_unjudged(l, old->n, old->received_seq, &seq, e);
	if (rc || !seq) return rc;
	old->received_seq = seq - 1;
	return ledger_hash_at(l, seq - 1, old->received_hash, e);
}

static int open_log(struct ledger *l, const uint8_t log[UUID_LEN], int box, struct err *e)
{
	struct ledger_head old;
	struct ledger_call call = {.actor = "system", .device = "", .now = ledger_now(l)};
	struct err none = {0};
	int rc = ledger_head(l, &old, &none);
	bool had = rc == ERR_OK;
	if (!had && rc != (int)ERR_NOTFOUND) return err_set(e, (enum err_code)rc, "%s", none.msg);
	rc = had ? keep_judged(l, &old, e) : ERR_OK;
	if (rc) return rc;
	json_t *body = opened_body(had ? &old : NULL, box);
	rc = body ? ERR_OK : err_set(e, ERR_NOMEM, "log_opened");
	uuid_random(call.key);
	if (!rc && had) rc = leave_log(l, &old, e);
	if (!rc) rc = insert_log(l, log, box, e);
	if (!rc) rc = ledger_append(l, &call, NULL, EVENT_LOG_OPENED, body, e);
	if (!rc && had) rc = append_again(l, old.n, MUTANT(copy_drops_unsent, old.received_seq, old.seq), old.seq, e);
	json_decref(body);
	return rc;
}

int ledger_enrol(struct ledger *l, const struct ledger_enrolment *en, struct err *e)
{
	const struct ledger_identity *id = ledger_identity(l);
	bool was = id->enrolled;
	if (id->enrolled && strcmp(id->station, en->station) != 0)
		return err_set(e, ERR_CONFLICT, "this ledger belongs to station %s", id->station);
	if (id->enrolled && memcmp(id->station_key, en->station_key, EVENT_KEY_LEN) != 0)
		return err_set(e, ERR_CONFLICT, "the county's station key is not this ledger's");
	int rc = ledger_begin(l, e);
	if (!rc) rc = store_identity(l, en, e);
	if (!rc && !ledger_identity(l)->enrolled) /* it has just been written: only want of memory can hide it */
		rc = err_set(e, ERR_NOMEM, "identity");
	if (!rc) rc = open_log(l, en->log, en->box, e);
	if (!rc) rc = ledger_commit(l, e);
	if (rc) ledger_rollback(l);
	if (rc && !was) l->id = (struct ledger_identity){0}; /* what was read inside the transaction never came to be */
	return rc;
}

int ledger_new_log(struct ledger *l, const uint8_t log[UUID_LEN], int box, struct err *e)
{
	(void)ledger_identity(l);
	int rc = ledger_begin(l, e);
	if (!rc) rc = open_log(l, log, box, e);
	if (!rc) rc = ledger_commit(l, e);
	if (rc) ledger_rollback(l);
	return rc;
}
