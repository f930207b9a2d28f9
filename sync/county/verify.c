/* See verify.h.
 *
 * Chains: the rows of each log are dense, every event that is stored gives its mac and its hash, the last is the log's
 * head. Feeds: dense, every hash follows under the station's key, the last is the station's. Cases: every row is the
 * fold of its settled events in the county's order; what is kept beside them is held against it in verify_kept.c. Faults name logs, places and cases, never people. */
#include "sync/county/verify_internal.h"

#include "shared/feed.h"
#include "shared/json_parse.h"
#include "shared/limits.h"
#include "sync/county/dues.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH (LIMIT_DEPTH + 8)
#define ALL   INT32_MAX

void verify_fault(struct verify *x, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	x->out->faults++;
	if (x->fn) x->fn(text, x->arg);
}

/* Fixed-size keys of many rows, read before any is looked at. */
struct keys {
	uint8_t (*id)[UUID_LEN];
	size_t n, cap;
};

static int keys_read(struct verify *x, size_t query, struct keys *k, struct err *e)
{
	int r = 0;
	size_t len;
	*k = (struct keys){0};
	struct db_stmt *q = db_query(x->s->db, query, e);
	if (!q) return ERR_IO;
	while ((r = db_step(q, e)) > 0) {
		if (k->n == k->cap) {
			uint8_t(*more)[UUID_LEN] = realloc(k->id, (k->cap + 1024) * UUID_LEN);
			if (!more) {
				db_reset(q);
				return err_set(e, ERR_NOMEM, "verify");
			}
			k->id = more;
			k->cap += 1024;
		}
		const void *p = db_blob(q, 0, &len);
		memset(k->id[k->n], 0, UUID_LEN);
		if (p && len == UUID_LEN) memcpy(k->id[k->n], p, UUID_LEN);
		k->n++;
	}
	return r < 0 ? -r : ERR_OK;
}

/* --- chains --- */

/* The stored event with ID, as it stands in log L at SEQ; *OWN when it was stored from there. 0 = it is not stored. */
static int load_event(struct verify *x, const struct store_log *l, int64_t seq, const uint8_t id[UUID_LEN],
                      struct event *ev, bool *own, struct err *e)
{
	uint8_t log[UUID_LEN] = {0};
	*ev = (struct event){.seq = seq};
	struct db_stmt *q = db_query(x->s->db, Q_event_of_chain, e);
	if (!q) return -(int)ERR_IO;
	db_bind_text(q, "station", l->station);
	db_bind_blob(q, "id", id, UUID_LEN);
	int r = db_step(q, e);
	if (r <= 0) return r;
	*own = db_copy_blob(q, 0, log, UUID_LEN) && memcmp(log, l->log, UUID_LEN) == 0 && db_int(q, 1) == seq;
	memcpy(ev->log, l->log, UUID_LEN);
	memcpy(ev->id, id, UUID_LEN);
	memcpy(ev->station, l->station, sizeof l->station);
	memcpy(ev->origin, l->station, sizeof l->station);
	ev->has_case = db_copy_blob(q, 2, ev->case_id, UUID_LEN);
	db_copy_text(q, 3, ev->type, sizeof ev->type);
	ev->at = db_int(q, 4);
	ev->quality = (enum clock_quality)db_int(q, 5);
	db_copy_text(q, 6, ev->boot, sizeof ev->boot);
	ev->mono = db_int(q, 7);
	db_copy_text(q, 8, ev->actor, sizeof ev->actor);
	db_copy_text(q, 9, ev->device, sizeof ev->device);
	(void)db_copy_blob(q, 11, ev->mac, DIGEST_LEN);
	const char *body = db_text(q, 10);
	ev->body = body ? strdup(body) : NULL;
	ev->body_len = ev->body ? strlen(ev->body) : 0;
	db_reset(q);
	return body && !ev->body ? -(int)err_set(e, ERR_NOMEM, "verify") : 1;
}

static int in_quarantine(struct verify *x, const uint8_t log[UUID_LEN], int64_t seq, bool *yes, struct err *e)
{
	struct db_stmt *q = db_query(x->s->db, Q_quarantine_has, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "log", log, UUID_LEN);
	db_bind_int(q, "seq", seq);
	int r = db_step(q, e);
	*yes = r > 0;
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

static int check_event(struct verify *x, const struct store_log *l, const uint8_t key[EVENT_KEY_LEN], int64_t seq,
                       const uint8_t id[UUID_LEN], const uint8_t prev[DIGEST_LEN], const uint8_t want[DIGEST_LEN],
                       struct err *e)
{
	char log[UUID_TEXT];
	uint8_t mac[DIGEST_LEN], hash[DIGEST_LEN];
	struct event ev;
	bool own = false;
	uuid_text(l->log, log);
	x->out->events++;
	int r = load_event(x, l, seq, id, &ev, &own, e);
	if (r < 0) return -r;
	if (r == 0) {
		bool kept = false;
		int found = in_quarantine(x, l->log, seq, &kept, e);
		if (!found && !kept) verify_fault(x, "log %s: event %" PRId64 " is not stored", log, seq);
		return found;
	}
	if (ev.body) {
		event_mac(key, ev.body, ev.body_len, mac);
		if (memcmp(mac, ev.mac, DIGEST_LEN) != 0)
			verify_fault(x, "log %s: event %" PRId64 ": its body is not what was received", log, seq);
	}
	int rc = event_hash(&ev, prev, hash);
	/* Seen first in another log, it is stored as it came from there; one refused for its id is not stored at all. */
	if (!rc && own && memcmp(hash, want, DIGEST_LEN) != 0)
		verify_fault(x, "log %s: event %" PRId64 " does not give its hash", log, seq);
	event_release(&ev);
	return rc ? err_set(e, ERR_NOMEM, "verify") : ERR_OK;
}

static int check_log(struct verify *x, const uint8_t id[UUID_LEN], struct err *e)
{
	char log[UUID_TEXT];
	struct store_log l;
	struct store_station st;
	struct wire_mark at = {0};
	int r = 0;
	uuid_text(id, log);
	int rc = store_log(x->s, id, &l, e);
	if (!rc) rc = store_station(x->s, l.station, &st, e);
	if (rc) return rc;
	struct db_stmt *q = db_query(x->s->db, Q_chain_walk, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "log", id, UUID_LEN);
	while (!rc && (r = db_step(q, e)) > 0) {
		uint8_t ev[UUID_LEN] = {0}, hash[DIGEST_LEN] = {0};
		if (db_int(q, 0) != at.seq + 1) verify_fault(x, "log %s: a gap above %" PRId64, log, at.seq);
		at.seq = db_int(q, 0);
		(void)db_copy_blob(q, 1, ev, UUID_LEN);
		(void)db_copy_blob(q, 2, hash, DIGEST_LEN);
		rc = check_event(x, &l, st.station_key, at.seq, ev, at.hash, hash, e);
		memcpy(at.hash, hash, DIGEST_LEN);
	}
	db_reset(q);
	explicit_bzero(&st, sizeof st);
	if (!rc && r < 0) rc = -r;
	if (!rc && (at.seq != l.head.seq || memcmp(at.hash, l.head.hash, DIGEST_LEN) != 0))
		verify_fault(x, "log %s: its head is not its last event", log);
	x->out->logs++;
	return rc;
}

/* --- feeds --- */

static int check_entry(struct verify *x, const struct store_station *st, struct db_stmt *q, struct wire_mark *at,
                       struct err *e)
{
	json_t *entry = NULL;
	struct err bad = {0};
	uint8_t stored[DIGEST_LEN] = {0}, hash[DIGEST_LEN] = {0};
	const char *t = db_text(q, 2);
	if (db_int(q, 0) != at->seq + 1) verify_fault(x, "feed of %s: a gap above %" PRId64, st->code, at->seq);
	at->seq = db_int(q, 0);
	(void)db_copy_blob(q, 1, stored, DIGEST_LEN);
	int rc = json_parse_strict(t ? t : "", t ? strlen(t) : 0, DEPTH, &entry, &bad);
	if (!rc && json_object_set_new(entry, "n", json_integer(at->seq))) rc = err_set(&bad, ERR_NOMEM, "verify");
	if (!rc) rc = feed_hash(entry, st->station_key, at->hash, hash, &bad);
	json_decref(entry);
	if (rc == (int)ERR_NOMEM) return err_set(e, ERR_NOMEM, "verify");
	if (rc || memcmp(hash, stored, DIGEST_LEN) != 0)
		verify_fault(x, "feed of %s: entry %" PRId64 " does not give its hash", st->code, at->seq);
	memcpy(at->hash, stored, DIGEST_LEN);
	x->out->feed++;
	return ERR_OK;
}

static int check_feed(struct verify *x, const char *code, struct err *e)
{
	struct store_station st;
	struct wire_mark at = {0};
	int r = 0, rc = store_station(x->s, code, &st, e);
	if (rc) return rc;
	struct db_stmt *q = db_query(x->s->db, Q_feed_after, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", code);
	db_bind_int(q, "n", 0);
	db_bind_int(q, "limit", ALL);
	while (!rc && (r = db_step(q, e)) > 0)
		rc = check_entry(x, &st, q, &at, e);
	db_reset(q);
	if (!rc && r < 0) rc = -r;
	if (!rc && (at.seq != st.feed.seq || memcmp(at.hash, st.feed.hash, DIGEST_LEN) != 0))
		verify_fault(x, "feed of %s: its head is not its last entry", code);
	explicit_bzero(&st, sizeof st);
	x->out->stations++;
	return rc;
}

static int check_feeds(struct verify *x, struct err *e)
{
	char(*codes)[13] = NULL;
	size_t n = 0;
	int r = 0, rc = ERR_OK;
	struct db_stmt *q = db_query(x->s->db, Q_feed_stations, e);
	if (!q) return ERR_IO;
	while ((r = db_step(q, e)) > 0) {
		char(*more)[13] = realloc(codes, (n + 1) * sizeof *codes);
		if (!more) {
			db_reset(q);
			free(codes);
			return err_set(e, ERR_NOMEM, "verify");
		}
		codes = more;
		db_copy_text(q, 0, codes[n++], sizeof *codes);
	}
	if (r < 0) rc = -r;
	for (size_t i = 0; i < n && !rc; i++)
		rc = check_feed(x, codes[i], e);
	free(codes);
	return rc;
}

/* --- cases --- */

/* A case that is being folded, and the bodies of its events. */
struct folded {
	struct caseview view;
	const char *id;
	int64_t gone, left;
};

static int fold_event(struct verify *x, struct folded *c, struct db_stmt *q, struct err *e)
{
	json_t *body = NULL;
	struct err bad = {0};
	struct caseview *v = &c->view;
	const char *t = db_text(q, 9), *type = db_text(q, 4);
	/* what was judged again has left its first place: gaps are no fault, two at one place are */
	if (db_int(q, 3) <= v->revision) verify_fault(x, "case %s: two events at place %" PRId64, c->id, v->revision);
	v->revision = db_int(q, 3);
	const char *code = db_text(q, 10);
	c->gone += !t && !(code && strcmp(code, "erased") == 0); /* that one came without */
	c->left += t && type && strcmp(type, state_event_name(EVENT_ERASE)) != 0;
	if (!db_is_null(q, 10) || !t) return ERR_OK; /* refused, not judged yet, or erased: see check_bodies */
	int rc = json_parse_strict(t, strlen(t), DEPTH, &body, &bad);
	if (rc == (int)ERR_NOMEM) return err_set(e, ERR_NOMEM, "verify");
	struct caseview_event ce = {
	    .type = type, .body = body, .origin = db_text(q, 0), .actor = db_text(q, 7), .at = db_int(q, 5)};
	rc = ERR_OK;
	bool fits = caseview_apply(v, &ce, &rc) == FIT_OK;
	if (!fits) verify_fault(x, "case %s: event at place %" PRId64 " settled and does not fit", c->id, v->revision);
	json_decref(body);
	if (rc) return err_set(e, ERR_NOMEM, "verify");
	return fits && strcmp(ce.type, "forward") == 0 ? verify_holder(x, v, e) : ERR_OK;
}

/* Bodies go by an erase, and by that all of them. */
static void check_bodies(struct verify *x, const struct folded *c)
{
	bool erased = c->view.state == STATE_ERASED;
	x->out->erased += erased;
	if (erased && c->left)
		verify_fault(x, "case %s: it is erased, and bodies of %" PRId64 " events are left", c->id, c->left);
	if (!erased && c->gone)
		verify_fault(x, "case %s: bodies of %" PRId64 " events are gone, and no erase says so", c->id, c->gone);
}

static int fold(struct verify *x, struct folded *c, struct err *e)
{
	int r = 0, rc = ERR_OK;
	struct db_stmt *q = db_query(x->s->db, Q_case_events, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "case_id", c->view.id, UUID_LEN);
	while (!rc && (r = db_step(q, e)) > 0)
		rc = fold_event(x, c, q, e);
	db_reset(q);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

static bool is(struct db_stmt *q, int col, const char *want)
{
	const char *t = db_text(q, col);
	return t && strcmp(t, want) == 0;
}

/* The row of case_get against the fold; the name of the first column that differs, or NULL. */
static const char *differs(struct db_stmt *q, const struct caseview *v, const char *doc)
{
	const struct {
		const char *name;
		bool same;
	} columns[] = {
	    {"receipt", is(q, 1, v->receipt)},
	    {"station", is(q, 2, v->station)},
	    {"item", is(q, 3, v->item)},
	    {"state", is(q, 5, state_name(v->state))},
	    {"holder", is(q, 6, v->holder)},
	    {"received_at", db_int(q, 7) == v->received_at},
	    {"updated_at", db_int(q, 8) == v->updated_at},
	    {"revision", db_int(q, 9) == v->revision},
	    {"doc", is(q, 10, doc)},
	};
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		if (!columns[i].same) return columns[i].name;
	return NULL;
}

static int compare(struct verify *x, const struct caseview *v, const char *id, struct err *e)
{
	uint8_t token[DIGEST_LEN], found[UUID_LEN] = {0};
	struct buf doc;
	buf_init(&doc, LIMIT_EXCHANGE);
	int rc = caseview_doc(v, &doc, e);
	struct db_stmt *q = rc ? NULL : db_query(x->s->db, Q_case_get, e);
	if (!q) {
		buf_release(&doc);
		return rc ? rc : (int)ERR_IO;
	}
	db_bind_blob(q, "id", v->id, UUID_LEN);
	int r = db_step(q, e);
	const char *column = r > 0 ? differs(q, v, doc.data) : NULL;
	if (column) verify_fault(x, "case %s: %s is not what its events make", id, column);
	db_reset(q);
	buf_release(&doc);
	if (r >= 0 && !*v->token) return ERR_OK; /* an entry of a register: no page leads to it */
	q = r < 0 ? NULL : db_query(x->s->db, Q_case_by_token, e);
	if (!q) return r < 0 ? -r : (int)ERR_IO;
	digest_sha256(v->token, strlen(v->token), token);
	db_bind_blob(q, "token", token, sizeof token);
	r = db_step(q, e);
	if (r >= 0 && (r == 0 || !db_copy_blob(q, 0, found, UUID_LEN) || memcmp(found, v->id, UUID_LEN) != 0))
		verify_fault(x, "case %s: its progress token does not lead to it", id);
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

static int check_case(struct verify *x, const uint8_t key[UUID_LEN], struct err *e)
{
	char id[UUID_TEXT];
	struct folded c = {.id = id};
	uuid_text(key, id);
	caseview_init(&c.view, key);
	int rc = fold(x, &c, e);
	if (!rc) check_bodies(x, &c);
	if (!rc && !c.view.exists) verify_fault(x, "case %s: no settled event registers it", id);
	if (!rc && c.view.exists) rc = compare(x, &c.view, id, e);
	if (!rc && c.view.exists) rc = verify_files(x, &c.view, id, e);
	if (!rc && c.view.exists && c.view.state != STATE_ERASED) rc = verify_kept(x, &c.view, id, e);
	x->n_holders = 0;
	caseview_release(&c.view);
	x->out->cases++;
	return rc;
}

static int check_lost(struct verify *x, struct err *e)
{
	struct db_stmt *q = db_query(x->s->db, Q_case_lost, e);
	if (!q) return ERR_IO;
	int r = db_step(q, e);
	if (r > 0 && db_int(q, 0)) verify_fault(x, "%" PRId64 " registrations settled and have no case", db_int(q, 0));
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

static int each(struct verify *x, size_t query, int (*check)(struct verify *, const uint8_t *, struct err *),
                struct err *e)
{
	struct keys k;
	int rc = keys_read(x, query, &k, e);
	for (size_t i = 0; i < k.n && !rc; i++)
		rc = check(x, k.id[i], e);
	free(k.id);
	return rc;
}

int verify_run(struct store *s, struct verify_report *out, void (*fn)(const char *fault, void *arg), void *arg,
               struct err *e)
{
	struct verify x = {.s = s, .out = out, .fn = fn, .arg = arg};
	*out = (struct verify_report){0};
	int rc = db_begin_read(s->db, e);
	if (rc) return rc;
	rc = dues_counted(s, &x.dues, e);
	if (!rc) rc = each(&x, Q_log_all, check_log, e);
	if (!rc) rc = check_feeds(&x, e);
	if (!rc) rc = each(&x, Q_case_ids, check_case, e);
	if (!rc) rc = verify_held(&x, e);
	if (!rc) rc = check_lost(&x, e);
	free(x.holders);
	db_rollback(s->db);
	return rc;
}
