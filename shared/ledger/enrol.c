/* Opening a log: at the enrolment, and when the box finds that it is a copy. One transaction opens the log and appends
 * again every event that the county has not confirmed, with its old identity, so that nothing acknowledged is lost and
 * nothing counts twice. The gateway answers 503 meanwhile. See ledger.h. */
#include "shared/ledger/internal.h"
#include "shared/ledger/write.h"

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

static int leave_log(struct ledger *l, const struct ledger_head *old, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_log_leave, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "n", old->n);
	db_bind_int(s, "kept", old->received_seq);
	int rc = db_run(s, e);
	if (rc) return rc;
	/* last_seq of a case means the open log; what is appended again sets it anew */
	s = db_query(l->db, Q_case_new_log, e);
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
		rc = ledger_event_row(l, s, old, &out[*n], e);
		const void *p = db_blob(s, 16, &len);
		has[*n] = p && len == DIGEST_LEN;
		if (has[*n]) memcpy(request[*n], p, DIGEST_LEN);
		(*n)++;
	}
	db_reset(s);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

static int append_again(struct ledger *l, const struct ledger_head *old, struct err *e)
{
	struct event ev[COPY_BATCH];
	uint8_t request[COPY_BATCH][DIGEST_LEN];
	bool has[COPY_BATCH];
	int n = 0, rc = ERR_OK;
	int64_t seq = old->received_seq;
	do {
		rc = read_batch(l, old->n, seq, ev, request, has, &n, e);
		for (int i = 0; i < n; i++) {
			seq = ev[i].seq;
			/* where the old log was opened is told by the new one */
			if (!rc && strcmp(ev[i].type, EVENT_LOG_OPENED) != 0)
				rc = ledger_chain(l, &ev[i], has[i] ? request[i] : NULL, e);
			if (!rc && ev[i].has_case) rc = ledger_project(l, ev[i].case_id, e);
			event_release(&ev[i]);
		}
	} while (!rc && n == COPY_BATCH);
	return rc;
}

static int open_log(struct ledger *l, const uint8_t log[UUID_LEN], int box, struct err *e)
{
	struct ledger_head old;
	struct ledger_call call = {.actor = "system", .device = "", .now = ledger_now(l)};
	struct err none = {0};
	int rc = ledger_head(l, &old, &none);
	bool had = rc == ERR_OK;
	if (!had && rc != (int)ERR_NOTFOUND) return err_set(e, (enum err_code)rc, "%s", none.msg);
	json_t *body = opened_body(had ? &old : NULL, box);
	rc = body ? ERR_OK : err_set(e, ERR_NOMEM, "log_opened");
	uuid_random(call.key);
	if (!rc && had) rc = leave_log(l, &old, e);
	if (!rc) rc = insert_log(l, log, box, e);
	if (!rc) rc = ledger_append(l, &call, NULL, EVENT_LOG_OPENED, body, e);
	if (!rc && had) rc = append_again(l, &old, e);
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
