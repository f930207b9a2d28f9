/* The courier's side of the ledger: what is unsent, and what a signed answer says of it. What the feed brings is feed.c's.
 * Called by xinke-sync, which holds the write lock for one transaction an answer. See courier.h and sync/PROTOCOL.md. */
#include "shared/ledger/courier.h"
#include "shared/ledger/internal.h"

#include "shared/canon.h"
#include "shared/feed.h"
#include "shared/fields.h"
#include "shared/limits.h"
#include "shared/mutant.h"
#include "shared/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A row of events_after. */
int ledger_event_row(struct ledger *l, struct db_stmt *s, int64_t log, struct event *ev, struct err *e)
{
	size_t n;
	*ev = (struct event){0};
	(void)db_copy_blob(s, 0, ev->log, UUID_LEN);
	ev->seq = db_int(s, 1);
	(void)db_copy_blob(s, 2, ev->id, UUID_LEN);
	ev->has_case = !db_is_null(s, 3);
	(void)db_copy_blob(s, 3, ev->case_id, UUID_LEN);
	db_copy_text(s, 4, ev->type, sizeof ev->type);
	ev->at = db_int(s, 5);
	ev->quality = (enum clock_quality)db_int(s, 6);
	db_copy_text(s, 7, ev->boot, sizeof ev->boot);
	ev->mono = db_int(s, 8);
	db_copy_text(s, 9, ev->actor, sizeof ev->actor);
	db_copy_text(s, 10, ev->device, sizeof ev->device);
	db_copy_text(s, 11, ev->origin, sizeof ev->origin);
	memcpy(ev->station, l->id.station, sizeof ev->station);
	const void *sealed = db_blob(s, 12, &n);
	int rc = sealed ? ledger_unseal(l, ev->type, log, ev->seq, sealed, n, &ev->body, &ev->body_len, e) : ERR_OK;
	(void)db_copy_blob(s, 13, ev->mac, DIGEST_LEN);
	(void)db_copy_blob(s, 14, ev->hash, DIGEST_LEN);
	return rc;
}

/* A body that does not open blocks nobody: the event goes on with its mac, as an erased one does, and verify tells. */
int ledger_event_row_or_mac(struct ledger *l, struct db_stmt *s, int64_t log, struct event *ev, struct err *e)
{
	struct err bad = {0};
	int rc = ledger_event_row(l, s, log, ev, &bad);
	if (rc == (int)ERR_CORRUPT || rc == (int)ERR_VERSION) return ERR_OK;
	return rc ? err_set(e, (enum err_code)rc, "%s", bad.msg) : ERR_OK;
}

int ledger_unsent(struct ledger *l, int64_t after, int limit, size_t max_bytes, struct event *out, int *n,
                  struct err *e)
{
	struct ledger_head h;
	size_t bytes = 0;
	int r = 0;
	*n = 0;
	(void)ledger_identity(l);
	int rc = ledger_head(l, &h, e);
	if (rc) return rc;
	struct db_stmt *s = db_query(l->db, Q_events_after, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "log", h.n);
	db_bind_int(s, "seq", after);
	db_bind_int(s, "limit", limit);
	while (!rc && *n < limit && (r = db_step(s, e)) > 0) {
		rc = ledger_event_row_or_mac(l, s, h.n, &out[*n], e);
		bytes += out[*n].body_len;
		if (*n > 0 && bytes > max_bytes) { /* over: this one waits for the next batch */
			event_release(&out[*n]);
			break;
		}
		(*n)++;
	}
	db_reset(s);
	if (!rc && r < 0) rc = -r;
	if (rc)
		while (*n)
			event_release(&out[--*n]);
	return rc;
}

static int hash_at(struct ledger *l, int64_t log, int64_t seq, uint8_t hash[DIGEST_LEN], struct err *e)
{
	if (seq == 0) {
		memset(hash, 0, DIGEST_LEN);
		return ERR_OK;
	}
	struct db_stmt *s = db_query(l->db, Q_event_hash_at, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "log", log);
	db_bind_int(s, "seq", seq);
	int r = db_step(s, e);
	if (r > 0) (void)db_copy_blob(s, 0, hash, DIGEST_LEN);
	db_reset(s);
	return r > 0 ? ERR_OK : r < 0 ? -r : err_set(e, ERR_NOTFOUND, "the log has no event %lld", (long long)seq);
}

int ledger_hash_at(struct ledger *l, int64_t seq, uint8_t hash[DIGEST_LEN], struct err *e)
{
	struct ledger_head h;
	int rc = ledger_head(l, &h, e);
	return rc ? rc : hash_at(l, h.n, seq, hash, e);
}

static int run_log_seq(struct ledger *l, size_t q, int64_t log, int64_t seq, const uint8_t *hash, struct err *e)
{
	struct db_stmt *s = db_query(l->db, q, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "n", log);
	db_bind_int(s, "seq", seq);
	if (hash) db_bind_blob(s, "hash", hash, DIGEST_LEN);
	return db_run(s, e);
}

/* Every case with an own event in (from, to] moved: its sync is another now. */
int ledger_touch_range(struct ledger *l, int64_t log, int64_t from, int64_t to, ledger_case_fn *fn, struct err *e)
{
	uint8_t(*ids)[UUID_LEN] = NULL;
	size_t n = 0, cap = 0;
	int r, rc = ERR_OK;
	struct db_stmt *s = db_query(l->db, Q_event_case_range, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "log", log);
	db_bind_int(s, "from", from);
	db_bind_int(s, "to", to);
	while ((r = db_step(s, e)) > 0) {
		if (n == cap) {
			cap = cap ? cap * 2 : 64;
			uint8_t(*more)[UUID_LEN] = realloc(ids, cap * UUID_LEN);
			if (!more) {
				db_reset(s);
				rc = err_set(e, ERR_NOMEM, "cases of a range");
				break;
			}
			ids = more;
		}
		(void)db_copy_blob(s, 0, ids[n++], UUID_LEN);
	}
	if (r < 0) rc = -r;
	for (size_t i = 0; i < n && !rc; i++)
		rc = fn(l, ids[i], e);
	free(ids);
	return rc;
}

int ledger_mark_sent(struct ledger *l, int64_t seq, struct err *e)
{
	struct ledger_head h = {0};
	int rc = ledger_begin(l, e);
	if (!rc) rc = ledger_head(l, &h, e);
	if (!rc && seq > h.sent_seq) {
		rc = ledger_touch_range(l, h.n, h.sent_seq, seq, ledger_touch, e);
		if (!rc) rc = run_log_seq(l, Q_log_sent, h.n, seq, NULL, e);
	}
	if (!rc) rc = ledger_commit(l, e);
	if (rc) ledger_rollback(l);
	return rc;
}

/* The county's head of the open log, by a signed answer. It may lie above what was believed (an answer was lost) or below
 * (the county was restored): what is above is local again, and no verdict on it can hold. */
static int take_received(struct ledger *l, const struct ledger_answer *a, struct err *e)
{
	struct ledger_head h;
	uint8_t mine[DIGEST_LEN];
	int rc = ledger_head(l, &h, e);
	if (rc || (a->received_seq <= h.received_seq && !a->rewind)) return rc;
	rc = hash_at(l, h.n, a->received_seq, mine, e);
	if (rc) return rc;
	if (memcmp(mine, a->received_hash, DIGEST_LEN) != 0)
		return err_set(e, ERR_CONFLICT, "the county's head at %lld is not this log's",
		               (long long)a->received_seq);
	bool back = a->received_seq < h.received_seq;
	rc = run_log_seq(l, back ? Q_log_rewind : Q_log_received, h.n, a->received_seq, mine, e);
	int64_t low = back ? a->received_seq : h.received_seq;
	if (!rc) rc = ledger_touch_range(l, h.n, low, h.seq, ledger_touch, e);
	return rc || !back ? rc : ledger_feed_distrust(l, h.n, a->received_seq, e);
}

int ledger_apply(struct ledger *l, const struct ledger_answer *a, struct err *e)
{
	(void)ledger_identity(l);
	int rc = ledger_begin(l, e);
	if (rc) return rc;
	rc = take_received(l, a, e);
	if (!rc) rc = ledger_feed_apply(l, a, e);
	if (MUTANT(feed_cursor_before_apply, !rc, true)) rc = ledger_commit(l, e);
	if (rc) ledger_rollback(l);
	return rc;
}
