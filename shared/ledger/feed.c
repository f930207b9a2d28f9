/* The feed at the box: entries stored in order, verdicts, events that a replaced box had written, and the cut where a
 * restored county no longer has what it once said. All in the transaction of ledger_apply (courier.c), or of a rebuild.
 * See courier.h and sync/PROTOCOL.md, section 5. */
#include "shared/feed.h"
#include "shared/ledger/courier.h"
#include "shared/ledger/internal.h"
#include "shared/ledger/staff.h"

#include "shared/canon.h"
#include "shared/fields.h"
#include "shared/limits.h"
#include "shared/receipt.h"
#include "shared/text.h"
#include "shared/version.h"

#include <stdlib.h>
#include <string.h>

/* While the county's feed is compared with ours from its start: how far they agree. Absent otherwise. */
#define CURSOR_KEY "feed_cursor"
#define NO_CURSOR  (-1)

struct place {
	int64_t n;
	uint8_t hash[DIGEST_LEN];
};

static int head(struct ledger *l, struct place *at, struct err *e)
{
	*at = (struct place){0};
	struct db_stmt *s = db_query(l->db, Q_feed_head, e);
	if (!s) return ERR_IO;
	int r = db_step(s, e);
	if (r > 0) {
		at->n = db_int(s, 0);
		(void)db_copy_blob(s, 1, at->hash, DIGEST_LEN);
	}
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

/* The hash of our entry N into AT (N = 0: the start). ERR_NOTFOUND past the head. */
static int place_at(struct ledger *l, int64_t n, struct place *at, struct err *e)
{
	*at = (struct place){.n = n};
	if (n == 0) return ERR_OK;
	struct db_stmt *s = db_query(l->db, Q_feed_hash_at, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "n", n);
	int r = db_step(s, e);
	if (r > 0) (void)db_copy_blob(s, 0, at->hash, DIGEST_LEN);
	db_reset(s);
	return r > 0 ? ERR_OK : r < 0 ? -r : err_set(e, ERR_NOTFOUND, "the feed has no entry %lld", (long long)n);
}

int ledger_feed_head(struct ledger *l, int64_t *n, uint8_t hash[DIGEST_LEN], struct err *e)
{
	struct place at;
	int64_t cursor;
	int rc = ledger_meta_int(l, CURSOR_KEY, NO_CURSOR, &cursor, e);
	if (!rc) rc = cursor == NO_CURSOR ? head(l, &at, e) : place_at(l, cursor, &at, e);
	if (rc) return rc;
	*n = at.n;
	memcpy(hash, at.hash, DIGEST_LEN);
	return ERR_OK;
}

/* --- verdicts --- */

struct verdict {
	int64_t feed, pos;
	bool settled;
	const char *code, *pointer, *message;
};

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
		*last = db_is_null(s, 1) ? db_int(s, 2) : db_int(s, 1);
	}
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

static int settle_range(struct ledger *l, int64_t feed, int64_t log, int64_t from, int64_t to, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_verdict_settle, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "log", log);
	db_bind_int(s, "from", from);
	db_bind_int(s, "to", to);
	db_bind_int(s, "feed", feed);
	return db_run(s, e);
}

static void bind_verdict(struct db_stmt *s, const struct verdict *v)
{
	db_bind_int(s, "feed", v->feed);
	db_bind_int(s, "pos", v->pos);
	db_bind_int(s, "settled", v->settled);
	db_bind_text(s, "code", v->code);
	db_bind_text(s, "pointer", v->pointer);
	db_bind_text(s, "message", v->message);
}

static int put_verdict(struct ledger *l, int64_t log, int64_t seq, const struct verdict *v, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_verdict_put, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "log", log);
	db_bind_int(s, "seq", seq);
	bind_verdict(s, v);
	return db_run(s, e);
}

/* Where one of this station's events stands on this box. */
struct found {
	bool own, recovered;
	int64_t log, seq, at;
	uint8_t mac[DIGEST_LEN];
	bool has_case;
	uint8_t case_id[UUID_LEN];
};

static int find(struct ledger *l, const uint8_t id[UUID_LEN], struct found *f, struct err *e)
{
	*f = (struct found){0};
	struct db_stmt *s = db_query(l->db, Q_event_kept_by_id, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "id", id, UUID_LEN);
	int r = db_step(s, e);
	if (r > 0) {
		*f = (struct found){.own = true, .log = db_int(s, 0), .seq = db_int(s, 1), .at = db_int(s, 4)};
		f->has_case = db_copy_blob(s, 2, f->case_id, UUID_LEN);
		(void)db_copy_blob(s, 3, f->mac, DIGEST_LEN);
	}
	db_reset(s);
	if (r < 0) return -r;
	s = db_query(l->db, Q_recovered_by_id, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "id", id, UUID_LEN);
	r = db_step(s, e);
	if (r > 0) {
		f->recovered = true;
		f->has_case = db_copy_blob(s, 1, f->case_id, UUID_LEN);
	}
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

static int judge_by_id(struct ledger *l, const uint8_t id[UUID_LEN], const struct verdict *v, ledger_case_fn *fn,
                       struct err *e)
{
	struct found f;
	int rc = find(l, id, &f, e);
	if (!rc && f.own && !f.recovered) {
		rc = put_verdict(l, f.log, f.seq, v, e);
	} else if (!rc &&
	           f.recovered) { /* where there are both, a key was asked at two boxes: the county took the other's */
		struct db_stmt *s = db_query(l->db, Q_recovered_verdict, e);
		if (!s) return ERR_IO;
		db_bind_blob(s, "id", id, UUID_LEN);
		bind_verdict(s, v);
		rc = db_run(s, e);
	}
	return rc || !fn || !f.has_case ? rc : fn(l, f.case_id, e);
}

/* A mark that came with its events: they are matched by station and id, whatever log they stand in here. */
static int judge_events(struct ledger *l, const json_t *events, struct verdict *v, ledger_case_fn *fn, struct err *e)
{
	size_t i;
	json_t *text;
	uint8_t id[UUID_LEN];
	int rc = ERR_OK;
	json_array_foreach(events, i, text) {
		const char *t = json_string_value(text);
		if (t && uuid_parse(t, id)) rc = judge_by_id(l, id, v, fn, e);
		if (rc) break;
		v->pos++;
	}
	return rc;
}

/* Does a mark up to SEQ speak of the chain that LOG has here, and not of one that a copy of this box wrote under the same
 * numbers? A mark without the chain's hash is believed by its numbers. */
static int speaks_of(struct ledger *l, const json_t *entry, int64_t log, int64_t seq, bool *yes, struct err *e)
{
	uint8_t said[DIGEST_LEN], mine[DIGEST_LEN];
	*yes = true;
	if (!text_unhex(fields_text(entry, "head"), said, DIGEST_LEN)) return ERR_OK;
	struct db_stmt *s = db_query(l->db, Q_event_hash_at, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "log", log);
	db_bind_int(s, "seq", seq);
	int r = db_step(s, e);
	*yes = r > 0 && db_copy_blob(s, 0, mine, DIGEST_LEN) && memcmp(said, mine, DIGEST_LEN) == 0;
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

static int effect_settled(struct ledger *l, int64_t n, const json_t *entry, ledger_case_fn *fn, struct err *e)
{
	int64_t log, last, from = fields_int(entry, "from", 0), to = fields_int(entry, "to", 0);
	const json_t *events = json_object_get(entry, "events");
	struct verdict v = {.feed = n, .pos = from, .settled = true};
	if (from < 1 || to < from) return ERR_OK;
	if (events) return judge_events(l, events, &v, fn, e);
	bool ours = false;
	int rc = log_number(l, fields_text(entry, "log"), &log, &last, e);
	if (!rc && log) rc = speaks_of(l, entry, log, to, &ours, e);
	if (to > last) to = last;
	if (rc || !ours || to < from) return rc; /* a log that is not on this box: nothing of ours */
	rc = settle_range(l, n, log, from, to, e);
	return rc || !fn ? rc : ledger_touch_range(l, log, from - 1, to, fn, e);
}

static int effect_refused(struct ledger *l, int64_t n, const json_t *entry, ledger_case_fn *fn, struct err *e)
{
	int64_t log, last, seq = fields_int(entry, "seq", 0);
	const json_t *events = json_object_get(entry, "events");
	struct verdict v = {.feed = n,
	                    .pos = seq,
	                    .code = fields_text(entry, "code"),
	                    .pointer = fields_text(entry, "pointer"),
	                    .message = fields_text(entry, "message")};
	if (events) return judge_events(l, events, &v, fn, e);
	bool ours = false;
	int rc = log_number(l, fields_text(entry, "log"), &log, &last, e);
	if (!rc && log) rc = speaks_of(l, entry, log, seq, &ours, e);
	if (rc || !ours || seq < 1 || seq > last) return rc;
	rc = put_verdict(l, log, seq, &v, e);
	return rc || !fn ? rc : ledger_touch_range(l, log, seq - 1, seq, fn, e);
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

/* The number of a case that was erased stays given, though nothing but the erase tells of it. */
static int effect_erase(struct ledger *l, const json_t *entry, struct err *e)
{
	struct receipt r;
	const char *number = fields_text(json_object_get(entry, "body"), "receipt_number");
	if (strcmp(fields_text(entry, "type"), state_event_name(EVENT_ERASE)) != 0 || !receipt_parse(number, &r) ||
	    strcmp(r.station, l->id.station) != 0)
		return ERR_OK;
	struct db_stmt *s = db_query(l->db, Q_log_by_box, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "box", r.box);
	int step = db_step(s, e);
	int64_t log = step > 0 ? db_int(s, 0) : 0;
	db_reset(s);
	if (step < 0) return -step;
	return log ? ledger_raise_serial(l, log, number, e) : ERR_OK;
}

int ledger_feed_effect(struct ledger *l, int64_t n, const json_t *entry, ledger_case_fn *fn, struct err *e)
{
	uint8_t id[UUID_LEN];
	const char *kind = fields_text(entry, "kind");
	if (strcmp(kind, "settled") == 0) return effect_settled(l, n, entry, fn, e);
	if (strcmp(kind, "refused") == 0) return effect_refused(l, n, entry, fn, e);
	if (strcmp(kind, "catalog") == 0 || strcmp(kind, "calendar") == 0) return effect_thing(l, n, kind, entry, e);
	if (strcmp(kind, "staff") == 0) return ledger_staff_order(l, n, json_object_get(entry, "body"), e);
	if (strcmp(kind, "blob") == 0)
		return ledger_blob_effect(l, json_object_get(entry, "body"), fn ? ledger_touch : NULL, e);
	if (strcmp(kind, "event") == 0) {
		int rc = effect_erase(l, entry, e);
		return !rc && fn && uuid_parse(fields_text(entry, "case_id"), id) ? fn(l, id, e) : rc;
	}
	/* of a newer county: it is stored as it came, and the release that knows it makes the projections anew */
	return ledger_meta_set_text(l, LEDGER_UNKNOWN_BY, XINKE_VERSION, e);
}

/* --- events that this box does not have --- */

/* Is EV of a mark the event that was found here, and not another under the same id? */
static int same_event(struct ledger *l, const struct found *f, const json_t *ev, bool *same, struct err *e)
{
	uint8_t mac[DIGEST_LEN] = {0};
	const json_t *body = json_object_get(ev, "body");
	struct buf b;
	buf_init(&b, EVENT_BODY_MAX);
	int rc = body ? canon_write(body, &b, e) : ERR_OK;
	if (!rc && body) event_mac(l->id.station_key, b.data, b.len, mac);
	if (!body) (void)text_unhex(fields_text(ev, "mac"), mac, DIGEST_LEN);
	*same = memcmp(mac, f->mac, DIGEST_LEN) == 0 && fields_int(ev, "at", -1) == f->at;
	buf_release(&b);
	return rc;
}

static int keep_event(struct ledger *l, const uint8_t log[UUID_LEN], const json_t *ev, struct err *e)
{
	uint8_t id[UUID_LEN], case_id[UUID_LEN], *sealed = NULL;
	size_t len = 0;
	struct found f;
	if (!uuid_parse(fields_text(ev, "id"), id)) return err_set(e, ERR_CORRUPT, "a mark's event has no id");
	bool same = false;
	int rc = find(l, id, &f, e);
	if (!rc && f.own) rc = same_event(l, &f, ev, &same, e);
	if (rc || same || f.recovered) return rc;
	bool has_case = uuid_parse(fields_text(ev, "case_id"), case_id);
	rc = ledger_seal_json(l, "recovered", fields_int(ev, "seq", 0), ev, &sealed, &len, e);
	struct db_stmt *s = rc ? NULL : db_query(l->db, Q_recovered_put, e);
	if (s) {
		db_bind_blob(s, "id", id, UUID_LEN);
		db_bind_blob(s, "case_id", has_case ? case_id : NULL, UUID_LEN);
		db_bind_blob(s, "log", log, UUID_LEN);
		db_bind_int(s, "seq", fields_int(ev, "seq", 0));
		db_bind_blob(s, "raw", sealed, len);
		rc = db_run(s, e);
	} else if (!rc) {
		rc = ERR_IO;
	}
	free(sealed);
	return rc;
}

/* Keeps what a mark's events bring, and makes the entry that is stored: their ids in their place. *OUT is a new
 * reference, ENTRY itself where there is nothing to do. */
static int keep_events(struct ledger *l, json_t *entry, json_t **out, struct err *e)
{
	size_t i;
	json_t *ev;
	uint8_t log[UUID_LEN];
	const json_t *events = json_object_get(entry, "events");
	const char *kind = fields_text(entry, "kind");
	bool settled = strcmp(kind, "settled") == 0;
	if (!events || (!settled && strcmp(kind, "refused") != 0)) {
		*out = json_incref(entry);
		return ERR_OK;
	}
	int64_t from = fields_int(entry, settled ? "from" : "seq", 0), to = settled ? fields_int(entry, "to", 0) : from;
	if (!uuid_parse(fields_text(entry, "log"), log) || (int64_t)json_array_size(events) != to - from + 1)
		return err_set(e, ERR_CORRUPT, "a mark comes with other events than it names");
	json_t *ids = json_array();
	int rc = ids ? ERR_OK : err_set(e, ERR_NOMEM, "feed entry");
	json_array_foreach(events, i, ev) {
		if (!rc && fields_int(ev, "seq", 0) != from + (int64_t)i)
			rc = err_set(e, ERR_CORRUPT, "a mark's events are not in order");
		if (!rc) rc = keep_event(l, log, ev, e);
		if (!rc && json_array_append_new(ids, json_string(fields_text(ev, "id"))))
			rc = err_set(e, ERR_NOMEM, "feed entry");
	}
	*out = rc ? NULL : fields_copy(entry);
	if (!rc && (!*out || json_object_set(*out, "events", ids))) rc = err_set(e, ERR_NOMEM, "feed entry");
	json_decref(ids);
	if (!rc) return ERR_OK;
	json_decref(*out);
	*out = NULL;
	return rc;
}

/* --- storing --- */

static int store_entry(struct ledger *l, const struct place *at, const json_t *entry, struct err *e)
{
	uint8_t *sealed = NULL, id[UUID_LEN];
	size_t len = 0;
	const char *kind = fields_text(entry, "kind");
	bool has_case = strcmp(kind, "event") == 0 && uuid_parse(fields_text(entry, "case_id"), id);
	int rc = ledger_seal_json(l, "feed", at->n, entry, &sealed, &len, e);
	struct db_stmt *s = rc ? NULL : db_query(l->db, Q_feed_insert, e);
	if (s) {
		db_bind_int(s, "n", at->n);
		db_bind_text(s, "kind", kind);
		db_bind_blob(s, "case_id", has_case ? id : NULL, UUID_LEN);
		db_bind_blob(s, "raw", sealed, len);
		db_bind_blob(s, "hash", at->hash, DIGEST_LEN);
		rc = db_run(s, e);
	} else if (!rc) {
		rc = ERR_IO;
	}
	free(sealed);
	return rc;
}

static int append_entry(struct ledger *l, json_t *entry, struct place *at, struct err *e)
{
	struct place next = {.n = at->n + 1};
	uint8_t said[DIGEST_LEN];
	json_t *kept = NULL;
	if (fields_int(entry, "n", 0) != next.n)
		return err_set(e, ERR_CORRUPT, "the feed has a gap after entry %lld", (long long)at->n);
	int rc = feed_hash(entry, l->id.station_key, at->hash, next.hash, e);
	if (rc) return rc;
	if (!text_unhex(fields_text(entry, "hash"), said, DIGEST_LEN) || memcmp(said, next.hash, DIGEST_LEN) != 0)
		return err_set(e, ERR_CORRUPT, "feed entry %lld does not follow from the one before",
		               (long long)next.n);
	rc = keep_events(l, entry, &kept, e);
	if (!rc) rc = store_entry(l, &next, kept, e);
	if (!rc) rc = ledger_feed_effect(l, next.n, kept, ledger_project, e);
	json_decref(kept);
	if (!rc) *at = next;
	return rc;
}

/* --- a county that no longer has what it said --- */

static int run_n(struct ledger *l, size_t q, int64_t n, int64_t gen, struct err *e)
{
	struct db_stmt *s = db_query(l->db, q, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "n", n);
	if (gen) db_bind_int(s, "gen", gen);
	return db_run(s, e);
}

/* Our feed ends at N from now on. What lay above is kept apart, and every projection is made anew without it. */
static int cut(struct ledger *l, int64_t n, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_feed_lost_head, e);
	if (!s) return ERR_IO;
	int r = db_step(s, e);
	int64_t gen = r > 0 ? db_int(s, 0) + 1 : 1;
	db_reset(s);
	int rc = r < 0 ? -r : run_n(l, Q_feed_move_lost, n, gen, e);
	if (!rc) rc = run_n(l, Q_feed_cut, n, 0, e);
	if (!rc) rc = ledger_staff_orders_cut(l, n, e);
	return rc ? rc : ledger_rebuild_all(l, e);
}

int ledger_feed_distrust(struct ledger *l, int64_t log, int64_t seq, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_verdict_first_above, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "log", log);
	db_bind_int(s, "seq", seq);
	int r = db_step(s, e);
	int64_t first = r > 0 && !db_is_null(s, 0) ? db_int(s, 0) : 0;
	db_reset(s);
	if (r < 0) return -r;
	return first ? cut(l, first - 1, e) : ERR_OK;
}

/* Is ENTRY the one that stands here under its number? */
static int same_entry(struct ledger *l, const json_t *entry, int64_t n, bool *same, struct err *e)
{
	struct place mine;
	uint8_t said[DIGEST_LEN];
	*same = false;
	if (fields_int(entry, "n", 0) != n)
		return err_set(e, ERR_CORRUPT, "the feed has a gap after entry %lld", (long long)n - 1);
	int rc = place_at(l, n, &mine, e);
	if (!rc)
		*same = text_unhex(fields_text(entry, "hash"), said, DIGEST_LEN) &&
		        memcmp(said, mine.hash, DIGEST_LEN) == 0;
	return rc;
}

static int put_cursor(struct ledger *l, int64_t was, int64_t now, struct err *e)
{
	return was == now ? ERR_OK : ledger_meta_set_int(l, CURSOR_KEY, now, e);
}

/* Does the answer begin anew, below what this box has? */
static bool begins_anew(const struct ledger_answer *a, const struct place *at)
{
	const json_t *first = json_array_get(a->feed, 0);
	if (first) return at->n > 0 && fields_int(first, "n", 0) == 1;
	return at->n > 0 && a->feed_seq == 0;
}

/* Appends ENTRIES from index I on. */
static int append_from(struct ledger *l, const struct ledger_answer *a, size_t i, struct place *at, struct err *e)
{
	int rc = ERR_OK;
	for (; i < json_array_size(a->feed) && !rc; i++)
		rc = append_entry(l, json_array_get(a->feed, i), at, e);
	return rc;
}

/* The county's feed is read again from its start and held against ours: equal entries are passed over, at the first that
 * differs, or at its end, ours is cut. CURSOR is how far both agree. */
static int compare(struct ledger *l, const struct ledger_answer *a, const struct place *end, int64_t *cursor,
                   struct err *e)
{
	bool same = true;
	int rc = ERR_OK;
	size_t i = 0, n = json_array_size(a->feed);
	while (!rc && i < n && *cursor < end->n) {
		rc = same_entry(l, json_array_get(a->feed, i), *cursor + 1, &same, e);
		if (rc || !same) break;
		(*cursor)++;
		i++;
	}
	bool over = *cursor == end->n, shorter = i == n && !a->more && !over;
	if (rc || (same && !shorter && !over)) return rc; /* the rest comes with the next answers */
	struct place at;
	rc = place_at(l, *cursor, &at, e);
	if (!rc && !over) rc = cut(l, *cursor, e);
	if (!rc) rc = append_from(l, a, i, &at, e);
	*cursor = NO_CURSOR;
	return rc ? rc : ledger_append_lost(l, e);
}

int ledger_feed_apply(struct ledger *l, const struct ledger_answer *a, struct err *e)
{
	struct place at, end;
	int64_t was, cursor;
	if (!a->feed) return ERR_OK;
	int rc = ledger_meta_int(l, CURSOR_KEY, NO_CURSOR, &was, e);
	if (!rc) rc = head(l, &end, e);
	if (rc) return rc;
	cursor = was > end.n ? end.n : was; /* ours was cut meanwhile */
	at = end;
	if (cursor != NO_CURSOR) at.n = cursor;
	if (begins_anew(a, &at)) cursor = 0;
	rc = cursor == NO_CURSOR ? append_from(l, a, 0, &at, e) : compare(l, a, &end, &cursor, e);
	return rc ? rc : put_cursor(l, was, cursor, e);
}
