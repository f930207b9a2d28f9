/* Checking and rebuilding: every chain, every mac, the feed, and each projection against its own fold.
 *
 * Verify only reads and may run beside the daemons; rebuild is one long transaction and wants them stopped. Called by
 * `xinke verify` and `xinke rebuild`, and by tests. See ledger.h. */
#include "shared/ledger/verify.h"
#include "shared/ledger/internal.h"
#include "shared/ledger/read.h"

#include "shared/body.h"
#include "shared/feed.h"
#include "shared/fields.h"
#include "shared/limits.h"
#include "shared/text.h"
#include "shared/version.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct verify {
	struct ledger *l;
	struct ledger_report *r;
	void (*fn)(const char *, void *);
	void *arg;
};

static void fault(struct verify *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void fault(struct verify *v, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	v->r->faults++;
	if (v->fn) v->fn(line, v->arg);
}

/* Is this the fault of what is stored? JSON that was sealed by us and does not parse is want of memory (json_parse.h). */
static bool unreadable(int rc)
{
	return rc == (int)ERR_CORRUPT || rc == (int)ERR_VERSION;
}

struct log_row {
	int64_t n, head_seq;
	uint8_t head_hash[DIGEST_LEN];
};

static int check_event(struct verify *v, int64_t log, const struct event *ev, int64_t want_seq,
                       uint8_t hash[DIGEST_LEN])
{
	uint8_t next[DIGEST_LEN], mac[DIGEST_LEN];
	v->r->events++;
	if (ev->seq != want_seq)
		fault(v, "log %lld: event %lld follows %lld", (long long)log, (long long)ev->seq,
		      (long long)want_seq - 1);
	int rc = event_hash(ev, hash, next);
	if (rc) return rc;
	if (memcmp(next, ev->hash, DIGEST_LEN) != 0)
		fault(v, "log %lld: event %lld breaks the chain", (long long)log, (long long)ev->seq);
	if (ev->body) {
		event_mac(v->l->id.station_key, ev->body, ev->body_len, mac);
		if (memcmp(mac, ev->mac, DIGEST_LEN) != 0)
			fault(v, "log %lld: the body of event %lld is not the one that was chained", (long long)log,
			      (long long)ev->seq);
	}
	memcpy(hash, ev->hash, DIGEST_LEN);
	return ERR_OK;
}

static int verify_log(struct verify *v, const struct log_row *row, struct err *e)
{
	uint8_t hash[DIGEST_LEN] = {0};
	int64_t seq = 0;
	int r, rc = ERR_OK;
	struct db_stmt *s = db_query(v->l->db, Q_events_after, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "log", row->n);
	db_bind_int(s, "seq", 0);
	db_bind_int(s, "limit", -1);
	while ((r = db_step(s, e)) > 0) {
		struct event ev;
		struct err inner = {0};
		int bad = ledger_event_row(v->l, s, row->n, &ev, &inner);
		if (bad && !unreadable(bad)) rc = err_set(e, (enum err_code)bad, "%s", inner.msg);
		if (unreadable(bad))
			fault(v, "log %lld: event %lld: %s", (long long)row->n, (long long)ev.seq, inner.msg);
		if (!rc && check_event(v, row->n, &ev, ++seq, hash)) rc = err_set(e, ERR_NOMEM, "verify");
		event_release(&ev);
		if (rc) {
			db_reset(s);
			return rc;
		}
	}
	if (r < 0) return -r;
	if (seq != row->head_seq || memcmp(hash, row->head_hash, DIGEST_LEN) != 0)
		fault(v, "log %lld: its head says %lld, its last event is %lld", (long long)row->n,
		      (long long)row->head_seq, (long long)seq);
	return ERR_OK;
}

static int verify_logs(struct verify *v, struct err *e)
{
	struct log_row rows[100]; /* box numbers have two digits */
	int n = 0, r, rc = ERR_OK;
	size_t len;
	struct db_stmt *s = db_query(v->l->db, Q_log_list, e);
	if (!s) return ERR_IO;
	while (n < 100 && (r = db_step(s, e)) > 0) {
		const void *hash = db_blob(s, 5, &len);
		rows[n] = (struct log_row){.n = db_int(s, 0), .head_seq = db_int(s, 4)};
		if (hash && len == DIGEST_LEN) memcpy(rows[n].head_hash, hash, len);
		n++;
	}
	db_reset(s);
	if (r < 0) return -r;
	v->r->logs = n;
	for (int i = 0; i < n && !rc; i++)
		rc = verify_log(v, &rows[i], e);
	return rc;
}

/* Walks the feed in order; FN sees each opened entry, or NULL with the reason in E where one does not open. */
static int walk_feed(struct ledger *l,
                     int (*fn)(int64_t n, const json_t *entry, const uint8_t *hash, void *arg, struct err *e),
                     void *arg, struct err *e)
{
	int r, rc = ERR_OK;
	size_t len;
	struct db_stmt *s = db_query(l->db, Q_feed_after, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "n", 0);
	db_bind_int(s, "limit", -1);
	while (!rc && (r = db_step(s, e)) > 0) {
		json_t *entry = NULL;
		struct err bad = {0};
		uint8_t hash[DIGEST_LEN] = {0};
		int64_t n = db_int(s, 0);
		const void *h = db_blob(s, 4, &len);
		if (h && len == DIGEST_LEN) memcpy(hash, h, len);
		const void *raw = db_blob(s, 3, &len);
		(void)ledger_feed_entry(l, n, raw, len, &entry, &bad);
		rc = fn(n, entry, hash, arg, entry ? e : &bad);
		if (rc && !entry) rc = err_set(e, (enum err_code)rc, "%s", bad.msg);
		json_decref(entry);
	}
	db_reset(s);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

struct feed_check {
	struct verify *v;
	int64_t n;
	uint8_t hash[DIGEST_LEN];
};

static int check_entry(int64_t n, const json_t *entry, const uint8_t *hash, void *arg, struct err *e)
{
	struct feed_check *c = arg;
	uint8_t next[DIGEST_LEN];
	if (!entry && !unreadable((int)e->code)) return (int)e->code;
	if (!entry) fault(c->v, "feed: entry %lld: %s", (long long)n, e->msg);
	int rc = entry ? feed_hash(entry, c->v->l->id.station_key, c->hash, next, e) : ERR_OK;
	if (rc) return rc;
	c->v->r->feed++;
	if (n != c->n + 1) fault(c->v, "feed: entry %lld follows %lld", (long long)n, (long long)c->n);
	if (entry && memcmp(next, hash, DIGEST_LEN) != 0)
		fault(c->v, "feed: entry %lld breaks the chain", (long long)n);
	c->n = n;
	memcpy(c->hash, hash, DIGEST_LEN);
	return ERR_OK;
}

/* What a row says of its own events: the sync of a case is made from it. */
static int stored_counts(struct ledger *l, const uint8_t id[UUID_LEN], struct ledger_fold *out, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_case_get, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "id", id, UUID_LEN);
	int r = db_step(s, e);
	if (r > 0)
		*out = (struct ledger_fold){
		    .own = db_int(s, 9), .settled = db_int(s, 10), .refused = db_int(s, 11), .last_seq = db_int(s, 12)};
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

static bool same_row(const struct ledger_fold *f, const struct caseview *b, const struct ledger_fold *counts)
{
	const struct caseview *a = &f->view;
	return a->exists && a->state == b->state && strcmp(a->station, b->station) == 0 &&
	       strcmp(a->holder, b->holder) == 0 && strcmp(a->receipt, b->receipt) == 0 &&
	       strcmp(a->item, b->item) == 0 && a->received_at == b->received_at && a->updated_at == b->updated_at &&
	       a->revision == b->revision && f->own == counts->own && f->settled == counts->settled &&
	       f->refused == counts->refused && f->last_seq == counts->last_seq;
}

/* Bodies that are there and that are not, of a case. */
struct bodies {
	int64_t gone, left;
};

static bool count_body(const struct ledger_history *h, void *arg)
{
	struct bodies *b = arg;
	bool judged = !h->own || h->sync == SYNC_SETTLED || h->sync == SYNC_REFUSED;
	if (!h->ev.body)
		b->gone += h->own; /* another's may have come without, ahead of the erase that took it */
	else if (judged && strcmp(h->ev.type, state_event_name(EVENT_ERASE)) != 0)
		b->left++;
	return true;
}

/* Did a county that was restored since say that the case is erased? */
static int was_lost(struct ledger *l, const uint8_t id[UUID_LEN], bool *yes, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_lost_has_case, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "case_id", id, UUID_LEN);
	int r = db_step(s, e);
	*yes = r > 0;
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

/* An own body goes by an erase, and by that all of them. */
static int check_bodies(struct verify *v, const struct ledger_fold *f, const struct bodies *b, const char *text,
                        struct err *e)
{
	bool erased = f->view.state == STATE_ERASED, lost = false;
	v->r->erased += erased;
	if (erased && b->left)
		fault(v, "case %s: it is erased, and bodies of %lld events are left", text, (long long)b->left);
	if (erased || f->unreadable || !b->gone) return ERR_OK;
	int rc = was_lost(v->l, f->view.id, &lost, e);
	if (!rc && !lost)
		fault(v, "case %s: bodies of %lld events are gone, and no erase says so", text, (long long)b->gone);
	return rc;
}

static int compare_case(struct verify *v, const uint8_t id[UUID_LEN], const char *text, struct err *e)
{
	struct ledger_fold f = {0}, counts = {0};
	struct ledger_case c = {0};
	struct err none = {0};
	struct buf want, have;
	buf_init(&want, LIMIT_EXCHANGE);
	buf_init(&have, LIMIT_EXCHANGE);
	struct bodies bodies = {0};
	int rc = ledger_fold_case(v->l, id, &f, count_body, &bodies, e);
	if (!rc) rc = check_bodies(v, &f, &bodies, text, e);
	if (!rc) rc = stored_counts(v->l, id, &counts, e);
	int got = rc ? rc : ledger_case_get(v->l, id, &c, &none);
	if (got == (int)ERR_NOTFOUND) {
		if (f.view.exists) fault(v, "case %s: its row is missing", text);
		goto out;
	}
	if (!rc && got) rc = err_set(e, (enum err_code)got, "%s", none.msg);
	v->r->cases++;
	if (!rc) rc = caseview_doc(&f.view, &want, e);
	if (!rc) rc = caseview_doc(&c.view, &have, e);
	if (!rc &&
	    (!same_row(&f, &c.view, &counts) || want.len != have.len || memcmp(want.data, have.data, want.len) != 0))
		fault(v, "case %s: its row is not what its events make", text);
	bool keys = true;
	if (!rc) rc = ledger_keys_stand(v->l, &f.view, &keys, e);
	if (!keys) fault(v, "case %s: its look-up keys are not what its events make", text);
	bool files = true;
	if (!rc) rc = ledger_case_files_stand(v->l, &f.view, &files, e);
	if (!files) fault(v, "case %s: its files are not what its events name", text);
out:
	buf_release(&want);
	buf_release(&have);
	caseview_release(&f.view);
	ledger_case_release(&c);
	return rc;
}

/* The case's row against a fresh fold of its events. What cannot be read is a fault of this case, the others are still
 * looked at. */
static int verify_case(struct verify *v, const uint8_t id[UUID_LEN], struct err *e)
{
	char text[UUID_TEXT];
	struct err inner = {0};
	uuid_text(id, text);
	int rc = compare_case(v, id, text, &inner);
	if (!unreadable(rc)) return rc ? err_set(e, (enum err_code)rc, "%s", inner.msg) : ERR_OK;
	fault(v, "case %s: %s", text, inner.msg);
	return ERR_OK;
}

/* A row to which no events belong is in no list of theirs: there are more rows than cases then. */
static int verify_row_count(struct verify *v, struct err *e)
{
	struct ledger_counts n;
	int rc = ledger_counts(v->l, &n, e);
	if (!rc && n.cases != v->r->cases)
		fault(v, "cases: %lld rows, %lld of them by events", (long long)n.cases, (long long)v->r->cases);
	struct db_stmt *s = rc ? NULL : db_query(v->l->db, Q_case_key_stray, e);
	if (!s) return rc ? rc : (int)ERR_IO;
	int r = db_step(s, e);
	if (r > 0 && db_int(s, 0)) fault(v, "cases: look-up keys are not those of the rows");
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

/* All ids that a query of one blob column gives, in a new array (free). */
static int ids_of(struct ledger *l, size_t q, uint8_t (**out)[UUID_LEN], size_t *n, struct err *e)
{
	size_t cap = 0, len;
	int r;
	*out = NULL;
	*n = 0;
	struct db_stmt *s = db_query(l->db, q, e);
	if (!s) return ERR_IO;
	while ((r = db_step(s, e)) > 0) {
		if (*n == cap) {
			cap = cap ? cap * 2 : 256;
			uint8_t(*more)[UUID_LEN] = realloc(*out, cap * UUID_LEN);
			if (!more) {
				db_reset(s);
				return err_set(e, ERR_NOMEM, "list of cases");
			}
			*out = more;
		}
		const void *id = db_blob(s, 0, &len);
		if (id && len == UUID_LEN) memcpy((*out)[(*n)++], id, UUID_LEN);
	}
	return -r;
}

int ledger_verify(struct ledger *l, struct ledger_report *out, void (*fn)(const char *, void *), void *arg,
                  struct err *e)
{
	struct verify v = {l, out, fn, arg};
	struct feed_check c = {.v = &v};
	uint8_t(*ids)[UUID_LEN] = NULL;
	size_t n = 0;
	*out = (struct ledger_report){0};
	(void)ledger_identity(l);
	int rc = db_begin_read(l->db, e); /* one view, however long the walk takes */
	if (!rc) rc = db_quick_check(l->db, e);
	if (!rc) rc = verify_logs(&v, e);
	if (!rc) rc = walk_feed(l, check_entry, &c, e);
	if (!rc) rc = ids_of(l, Q_all_case_ids, &ids, &n, e);
	for (size_t i = 0; i < n && !rc; i++)
		rc = verify_case(&v, ids[i], e);
	if (!rc) rc = verify_row_count(&v, e);
	db_rollback(l->db);
	free(ids);
	return rc;
}

/* --- rebuild --- */

static int effect_only(int64_t n, const json_t *entry, const uint8_t *hash, void *arg, struct err *e)
{
	(void)hash;
	return entry ? ledger_feed_effect(arg, n, entry, NULL, e) : (int)e->code;
}

static int raise_serials(struct ledger *l, const struct log_row *row, struct err *e)
{
	int r, rc = ERR_OK;
	struct db_stmt *s = db_query(l->db, Q_events_after, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "log", row->n);
	db_bind_int(s, "seq", 0);
	db_bind_int(s, "limit", -1);
	while (!rc && (r = db_step(s, e)) > 0) {
		const char *type = db_text(s, 4);
		if (!type || strcmp(type, "receive") != 0) continue;
		struct event ev;
		rc = ledger_event_row(l, s, row->n, &ev, e);
		json_t *body = rc ? NULL : event_body(&ev);
		if (!rc && !body && ev.body) rc = err_set(e, ERR_NOMEM, "event body");
		if (body) rc = ledger_raise_serial(l, row->n, fields_text(body, "receipt_number"), e);
		json_decref(body);
		event_release(&ev);
	}
	db_reset(s);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

int ledger_raise_serial(struct ledger *l, int64_t log, const char *receipt, struct err *e)
{
	struct receipt r;
	if (!receipt_parse(receipt, &r)) return ERR_OK;
	struct db_stmt *s = db_query(l->db, Q_serial_raise, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "log", log);
	db_bind_int(s, "day", r.day);
	db_bind_int(s, "last", r.serial);
	return db_run(s, e);
}

static int wipe(struct ledger *l, struct err *e)
{
	static const size_t tables[] = {Q_wipe_cases,      Q_wipe_case_keys,  Q_wipe_verdicts,
	                                Q_wipe_things,     Q_wipe_serials,    Q_recovered_forget,
	                                Q_wipe_case_files, Q_wipe_blob_marks, Q_wipe_blob_marked};
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		struct db_stmt *s = db_query(l->db, tables[i], e);
		int rc = s ? db_run(s, e) : (int)ERR_IO;
		if (rc) return rc;
	}
	return ERR_OK;
}

static int rebuild_serials(struct ledger *l, struct err *e)
{
	struct log_row rows[100];
	int n = 0, r, rc = ERR_OK;
	struct db_stmt *s = db_query(l->db, Q_log_list, e);
	if (!s) return ERR_IO;
	while (n < 100 && (r = db_step(s, e)) > 0) {
		rows[n] = (struct log_row){.n = db_int(s, 0)};
		n++;
	}
	db_reset(s);
	if (r < 0) return -r;
	for (int i = 0; i < n && !rc; i++)
		rc = raise_serials(l, &rows[i], e);
	return rc;
}

int ledger_rebuild_all(struct ledger *l, struct err *e)
{
	uint8_t(*ids)[UUID_LEN] = NULL;
	size_t n = 0;
	int64_t epoch = 0;
	int rc = wipe(l, e);
	if (!rc) rc = ledger_meta_int(l, "epoch", 0, &epoch, e);
	if (!rc) rc = ledger_meta_set_int(l, "epoch", epoch + 1, e); /* change numbers start anew: old cursors expire */
	if (!rc) rc = walk_feed(l, effect_only, l, e);
	if (!rc) rc = rebuild_serials(l, e);
	if (!rc) rc = ids_of(l, Q_all_case_ids, &ids, &n, e);
	l->change = -1;
	for (size_t i = 0; i < n && !rc; i++)
		rc = ledger_project(l, ids[i], e);
	free(ids);
	return rc;
}

int ledger_rebuild(struct ledger *l, struct err *e)
{
	(void)ledger_identity(l);
	int rc = ledger_begin(l, e);
	if (rc) return rc;
	rc = ledger_meta_set_text(l, LEDGER_UNKNOWN_BY, "",
	                          e); /* the walk sets it again where a kind is still unknown */
	if (!rc) rc = ledger_rebuild_all(l, e);
	if (!rc) rc = ledger_commit(l, e);
	if (rc) ledger_rollback(l);
	return rc;
}

int ledger_catch_up(struct ledger *l, bool *rebuilt, struct err *e)
{
	char by[64];
	int rc = ledger_meta_text(l, LEDGER_UNKNOWN_BY, by, sizeof by, e);
	*rebuilt = !rc && *by && strcmp(by, XINKE_VERSION) != 0;
	return *rebuilt ? ledger_rebuild(l, e) : rc;
}
