/* The courier's side of the ledger: what is unsent, and what a signed answer changes. Called by xinke-sync, which holds
 * the write lock for one transaction an answer. See ledger.h and sync/PROTOCOL.md. */
#include "shared/ledger/courier.h"
#include "shared/ledger/internal.h"

#include "shared/canon.h"
#include "shared/feed.h"
#include "shared/fields.h"
#include "shared/limits.h"
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
		rc = ledger_event_row(l, s, h.n, &out[*n], e);
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
static int touch_range(struct ledger *l, int64_t log, int64_t from, int64_t to,
                       int (*fn)(struct ledger *, const uint8_t *, struct err *), struct err *e)
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
		rc = touch_range(l, h.n, h.sent_seq, seq, ledger_touch, e);
		if (!rc) rc = run_log_seq(l, Q_log_sent, h.n, seq, NULL, e);
	}
	if (!rc) rc = ledger_commit(l, e);
	if (rc) ledger_rollback(l);
	return rc;
}

int ledger_feed_head(struct ledger *l, int64_t *n, uint8_t hash[DIGEST_LEN], struct err *e)
{
	*n = 0;
	memset(hash, 0, DIGEST_LEN);
	struct db_stmt *s = db_query(l->db, Q_feed_head, e);
	if (!s) return ERR_IO;
	int r = db_step(s, e);
	if (r > 0) {
		*n = db_int(s, 0);
		(void)db_copy_blob(s, 1, hash, DIGEST_LEN);
	}
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

/* --- the feed --- */

/* The local number of a log, 0 when it is not on this box, and the highest seq of it that takes marks: what lies above
 * in a left log lives on in the next one. */
static int log_number(struct ledger *l, const char *text, int64_t *n, int64_t *last, struct err *e)
{
	uint8_t log[UUID_LEN];
	*n = *last = 0;
	if (!uuid_parse(text, log)) return ERR_OK;
	struct db_stmt *s = db_query(l->db, Q_log_by_id, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "log", log, UUID_LEN);
	int r = db_step(s, e);
	if (r > 0) {
		*n = db_int(s, 0);
		*last = db_is_null(s, 1) ? INT64_MAX : db_int(s, 1);
	}
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

typedef int case_fn(struct ledger *, const uint8_t *, struct err *);

static int effect_settled(struct ledger *l, int64_t n, const json_t *entry, case_fn *fn, struct err *e)
{
	int64_t log, last, from = fields_int(entry, "from", 0), to = fields_int(entry, "to", 0);
	int rc = log_number(l, fields_text(entry, "log"), &log, &last, e);
	if (to > last) to = last;
	if (rc || !log || from < 1 || to < from) return rc; /* a log that is not on this box: nothing of ours */
	struct db_stmt *s = db_query(l->db, Q_verdict_settle, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "log", log);
	db_bind_int(s, "from", from);
	db_bind_int(s, "to", to);
	db_bind_int(s, "feed", n);
	rc = db_run(s, e);
	return rc || !fn ? rc : touch_range(l, log, from - 1, to, fn, e);
}

static int effect_refused(struct ledger *l, int64_t n, const json_t *entry, case_fn *fn, struct err *e)
{
	int64_t log, last, seq = fields_int(entry, "seq", 0);
	int rc = log_number(l, fields_text(entry, "log"), &log, &last, e);
	if (rc || !log || seq < 1 || seq > last) return rc;
	struct db_stmt *s = db_query(l->db, Q_verdict_refuse, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "log", log);
	db_bind_int(s, "seq", seq);
	db_bind_int(s, "feed", n);
	db_bind_text(s, "code", fields_text(entry, "code"));
	db_bind_text(s, "pointer", fields_text(entry, "pointer"));
	db_bind_text(s, "message", fields_text(entry, "message"));
	rc = db_run(s, e);
	return rc || !fn ? rc : touch_range(l, log, seq - 1, seq, fn, e);
}

static int effect_thing(struct ledger *l, int64_t n, const char *kind, const json_t *entry, struct err *e)
{
	int64_t version = fields_int(json_object_get(entry, "body"), "version", 0);
	if (version < 1) return ERR_OK; /* kept raw; nothing to point at */
	struct db_stmt *s = db_query(l->db, Q_thing_put, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "kind", kind);
	db_bind_int(s, "version", version);
	db_bind_int(s, "feed", n);
	return db_run(s, e);
}

int ledger_feed_effect(struct ledger *l, int64_t n, const json_t *entry, case_fn *fn, struct err *e)
{
	uint8_t id[UUID_LEN];
	const char *kind = fields_text(entry, "kind");
	if (strcmp(kind, "settled") == 0) return effect_settled(l, n, entry, fn, e);
	if (strcmp(kind, "refused") == 0) return effect_refused(l, n, entry, fn, e);
	if (strcmp(kind, "catalog") == 0 || strcmp(kind, "calendar") == 0) return effect_thing(l, n, kind, entry, e);
	if (strcmp(kind, "event") == 0 && fn && uuid_parse(fields_text(entry, "case_id"), id)) return fn(l, id, e);
	return ERR_OK; /* a kind of a newer county: stored raw, applied after an upgrade by rebuild */
}

static int store_entry(struct ledger *l, int64_t n, const json_t *entry, const uint8_t hash[DIGEST_LEN], struct err *e)
{
	struct buf raw;
	uint8_t *sealed = NULL, id[UUID_LEN];
	size_t len = 0;
	const char *kind = fields_text(entry, "kind");
	bool has_case = strcmp(kind, "event") == 0 && uuid_parse(fields_text(entry, "case_id"), id);
	buf_init(&raw, LIMIT_EXCHANGE);
	int rc = canon_write(entry, &raw, e);
	if (!rc) rc = ledger_seal(l, "feed", n, 0, raw.data, raw.len, &sealed, &len, e);
	struct db_stmt *s = rc ? NULL : db_query(l->db, Q_feed_insert, e);
	if (s) {
		db_bind_int(s, "n", n);
		db_bind_text(s, "kind", kind);
		db_bind_blob(s, "case_id", has_case ? id : NULL, UUID_LEN);
		db_bind_blob(s, "raw", sealed, len);
		db_bind_blob(s, "hash", hash, DIGEST_LEN);
		rc = db_run(s, e);
	} else if (!rc) {
		rc = ERR_IO;
	}
	free(sealed);
	buf_release(&raw);
	return rc;
}

static int apply_entry(struct ledger *l, const json_t *entry, int64_t *n, uint8_t hash[DIGEST_LEN], struct err *e)
{
	uint8_t next[DIGEST_LEN], said[DIGEST_LEN];
	if (fields_int(entry, "n", 0) != *n + 1)
		return err_set(e, ERR_CORRUPT, "the feed has a gap after entry %lld", (long long)*n);
	int rc = feed_hash(entry, l->id.station_key, hash, next, e);
	if (rc) return rc;
	if (!text_unhex(fields_text(entry, "hash"), said, DIGEST_LEN) || memcmp(said, next, DIGEST_LEN) != 0)
		return err_set(e, ERR_CORRUPT, "feed entry %lld does not follow from the one before",
		               (long long)*n + 1);
	(*n)++;
	memcpy(hash, next, DIGEST_LEN);
	rc = store_entry(l, *n, entry, hash, e);
	return rc ? rc : ledger_feed_effect(l, *n, entry, ledger_project, e);
}

static int apply_received(struct ledger *l, int64_t seq, const uint8_t hash[DIGEST_LEN], struct err *e)
{
	struct ledger_head h;
	uint8_t mine[DIGEST_LEN];
	int rc = ledger_head(l, &h, e);
	if (rc || seq <= h.received_seq) return rc; /* an older answer that came late says nothing new */
	rc = hash_at(l, h.n, seq, mine, e);
	if (rc) return rc;
	if (memcmp(mine, hash, DIGEST_LEN) != 0)
		return err_set(e, ERR_CONFLICT, "the county's head at %lld is not this log's", (long long)seq);
	rc = run_log_seq(l, Q_log_received, h.n, seq, hash, e);
	return rc ? rc : touch_range(l, h.n, h.received_seq, seq, ledger_touch, e);
}

int ledger_apply(struct ledger *l, int64_t received_seq, const uint8_t received_hash[DIGEST_LEN], const json_t *entries,
                 struct err *e)
{
	size_t i;
	json_t *entry;
	int64_t n;
	uint8_t hash[DIGEST_LEN];
	(void)ledger_identity(l);
	int rc = ledger_begin(l, e);
	if (rc) return rc;
	rc = apply_received(l, received_seq, received_hash, e);
	if (!rc) rc = ledger_feed_head(l, &n, hash, e);
	if (!rc) {
		json_array_foreach(entries, i, entry) {
			rc = apply_entry(l, entry, &n, hash, e);
			if (rc) break;
		}
	}
	if (!rc) rc = ledger_commit(l, e);
	if (rc) ledger_rollback(l);
	return rc;
}

int ledger_rewind(struct ledger *l, int64_t seq, struct err *e)
{
	struct ledger_head h = {0};
	uint8_t hash[DIGEST_LEN];
	int rc = ledger_begin(l, e);
	if (!rc) rc = ledger_head(l, &h, e);
	if (!rc) rc = hash_at(l, h.n, seq, hash, e);
	if (!rc) rc = run_log_seq(l, Q_log_rewind, h.n, seq, hash, e);
	int64_t low = seq < h.received_seq ? seq : h.received_seq;
	if (!rc) rc = touch_range(l, h.n, low, h.seq, ledger_touch, e);
	if (!rc) rc = ledger_commit(l, e);
	if (rc) ledger_rollback(l);
	return rc;
}
