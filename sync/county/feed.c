/* See feed.h. Feed rows of many processes may be written at once; only a station's own exchange, one at a time by its
 * transaction, gives them numbers and hashes. */
#include "sync/county/feed.h"

#include "shared/buf.h"
#include "shared/canon.h"
#include "shared/feed.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/limits.h"
#include "shared/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH (LIMIT_DEPTH + 4)

/* CASE_ID is NULL for what is no event. */
static int put(struct store *s, const char *station, const char *entry, const char *case_id, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_feed_insert, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", station);
	db_bind_text(q, "entry", entry);
	db_bind_text(q, "case_id", case_id);
	return db_run(q, e);
}

static int put_json(struct store *s, const char *station, json_t *entry, struct err *e)
{
	struct buf b;
	if (!entry) return err_set(e, ERR_NOMEM, "feed entry");
	buf_init(&b, LIMIT_EXCHANGE);
	int rc = canon_write(entry, &b, e);
	if (!rc) rc = put(s, station, b.data, NULL, e);
	buf_release(&b);
	json_decref(entry);
	return rc;
}

int feed_put_event(struct store *s, const char *station, const struct feed_event *ev, struct err *e)
{
	char id[UUID_TEXT], case_id[UUID_TEXT];
	struct buf b;
	buf_init(&b, LIMIT_EXCHANGE);
	uuid_text(ev->id, id);
	uuid_text(ev->case_id, case_id);
	/* members in order, the body as it stands: it is canonical already */
	buf_adds(&b, "{\"actor\":");
	canon_string(&b, ev->actor, strlen(ev->actor));
	buf_addf(&b, ",\"at\":%" PRId64, ev->at);
	if (ev->body) {
		buf_adds(&b, ",\"body\":");
		buf_adds(&b, ev->body);
	}
	buf_addf(&b, ",\"case_id\":\"%s\",\"id\":\"%s\",\"kind\":\"event\",\"origin\":", case_id, id);
	canon_string(&b, ev->origin, strlen(ev->origin));
	buf_adds(&b, ",\"type\":");
	canon_string(&b, ev->type, strlen(ev->type));
	buf_addc(&b, '}');
	int rc = b.bad ? err_set(e, ERR_NOMEM, "feed entry") : put(s, station, b.data, case_id, e);
	buf_release(&b);
	return rc;
}

/* The chain's hash after SEQ of LOG as hex: a mark names events by more than their numbers, which another copy of the box
 * may have given to others. */
static int head_of(struct store *s, const uint8_t log[UUID_LEN], int64_t seq, char hex[TEXT_HEX_LEN(DIGEST_LEN)],
                   struct err *e)
{
	uint8_t hash[DIGEST_LEN];
	struct db_stmt *q = db_query(s->db, Q_chain_hash, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "log", log, UUID_LEN);
	db_bind_int(q, "seq", seq);
	int r = db_step(q, e);
	bool ok = r > 0 && db_copy_blob(q, 0, hash, DIGEST_LEN);
	db_reset(q);
	if (!ok) return r < 0 ? -r : err_set(e, ERR_CORRUPT, "the chain has no event %" PRId64, seq);
	text_hex(hash, sizeof hash, hex);
	return ERR_OK;
}

int feed_put_settled(struct store *s, const char *station, const uint8_t log[UUID_LEN], int64_t from, int64_t to,
                     struct err *e)
{
	char id[UUID_TEXT], head[TEXT_HEX_LEN(DIGEST_LEN)];
	int rc = ERR_OK;
	uuid_text(log, id);
	for (; from <= to && !rc; from += LIMIT_MARK_SPAN) {
		int64_t end = from + LIMIT_MARK_SPAN - 1 < to ? from + LIMIT_MARK_SPAN - 1 : to;
		rc = head_of(s, log, end, head, e);
		if (!rc)
			rc = put_json(s, station,
			              json_pack("{s:s,s:s,s:I,s:I,s:s}", "kind", "settled", "log", id, "from",
			                        (json_int_t)from, "to", (json_int_t)end, "head", head),
			              e);
	}
	return rc;
}

int feed_put_refused(struct store *s, const char *station, const uint8_t log[UUID_LEN], int64_t seq, const char *code,
                     const char *pointer, const char *message, struct err *e)
{
	char id[UUID_TEXT], head[TEXT_HEX_LEN(DIGEST_LEN)];
	int rc = head_of(s, log, seq, head, e);
	if (rc) return rc;
	uuid_text(log, id);
	return put_json(s, station,
	                json_pack("{s:s,s:s,s:I,s:s,s:s,s:s,s:s}", "kind", "refused", "log", id, "seq", (json_int_t)seq,
	                          "head", head, "code", code, "pointer", pointer, "message", message),
	                e);
}

/* Notes that STATION's feed holds the thing. */
static int note_thing(struct store *s, const char *station, const char *kind, int64_t version, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_feed_thing_put, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", station);
	db_bind_text(q, "kind", kind);
	db_bind_int(q, "version", version);
	return db_run(q, e);
}

int feed_put_thing(struct store *s, const char *station, const char *kind, const char *doc, struct err *e)
{
	json_t *body = NULL;
	int rc = json_parse_strict(doc, strlen(doc), DEPTH, &body, e);
	if (rc) return rc;
	rc = note_thing(s, station, kind, fields_int(body, "version", 0), e);
	if (rc)
		json_decref(body);
	else
		rc = put_json(s, station, json_pack("{s:s,s:o}", "kind", kind, "body", body), e);
	return rc;
}

int feed_put_staff(struct store *s, const char *station, json_t *body, struct err *e)
{
	if (!body) return err_set(e, ERR_NOMEM, "feed");
	return put_json(s, station, json_pack("{s:s,s:o}", "kind", "staff", "body", body), e);
}

int feed_put_blob(struct store *s, const char *station, const uint8_t sha256[DIGEST_LEN], int64_t size,
                  const char *media, struct err *e)
{
	char hex[TEXT_HEX_LEN(DIGEST_LEN)];
	text_hex(sha256, DIGEST_LEN, hex);
	return put_json(s, station,
	                json_pack("{s:s, s:{s:s, s:I, s:s}}", "kind", "blob", "body", "sha256", hex, "size",
	                          (json_int_t)size, "media", media),
	                e);
}

int feed_put_things(struct store *s, const char *station, struct err *e)
{
	static const char *const kinds[] = {"catalog", "calendar"};
	int rc = ERR_OK;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !rc; i++) {
		json_t *doc = NULL;
		int64_t version;
		struct err none = {0};
		rc = store_thing(s, kinds[i], &doc, &version, &none);
		if (rc == (int)ERR_NOTFOUND) {
			rc = ERR_OK;
			continue;
		}
		char *text = rc ? NULL : json_dumps(doc, JSON_COMPACT);
		if (!rc) rc = text ? feed_put_thing(s, station, kinds[i], text, e) : err_set(e, ERR_NOMEM, "enrolment");
		free(text);
		json_decref(doc);
	}
	return rc;
}

static int number_row(struct store *s, struct store_station *st, int64_t row, const char *text, struct err *e)
{
	json_t *entry = NULL;
	struct wire_mark next = {.seq = st->feed.seq + 1};
	int rc = json_parse_strict(text, strlen(text), DEPTH, &entry, e);
	if (!rc && json_object_set_new(entry, "n", json_integer(next.seq))) rc = err_set(e, ERR_NOMEM, "feed entry");
	if (!rc) rc = feed_hash(entry, st->station_key, st->feed.hash, next.hash, e);
	json_decref(entry);
	struct db_stmt *q = rc ? NULL : db_query(s->db, Q_feed_number, e);
	if (!q) return rc ? rc : (int)ERR_IO;
	db_bind_int(q, "row", row);
	db_bind_int(q, "n", next.seq);
	db_bind_blob(q, "hash", next.hash, DIGEST_LEN);
	rc = db_run(q, e);
	if (!rc) st->feed = next;
	return rc;
}

/* The rows are read before any is numbered: an update must not move the ground under its own scan. */
struct waiting {
	int64_t row;
	char *entry;
};

static int read_waiting(struct store *s, const char *station, struct waiting *out, int limit, int *n, struct err *e)
{
	int r = 0;
	*n = 0;
	struct db_stmt *q = db_query(s->db, Q_feed_unnumbered, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", station);
	db_bind_int(q, "limit", limit);
	while (*n < limit && (r = db_step(q, e)) > 0) {
		const char *t = db_text(q, 1);
		out[*n].row = db_int(q, 0);
		out[*n].entry = strdup(t ? t : "");
		if (!out[(*n)++].entry) {
			db_reset(q);
			return err_set(e, ERR_NOMEM, "feed");
		}
	}
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

int feed_number(struct store *s, struct store_station *st, int limit, struct err *e)
{
	int n = 0;
	struct waiting *w = calloc((size_t)limit, sizeof *w);
	if (!w) return err_set(e, ERR_NOMEM, "feed");
	int rc = read_waiting(s, st->code, w, limit, &n, e);
	for (int i = 0; i < n; i++) {
		if (!rc) rc = number_row(s, st, w[i].row, w[i].entry, e);
		free(w[i].entry);
	}
	free(w);
	if (rc || n == 0) return rc;
	struct db_stmt *q = db_query(s->db, Q_station_feed, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "code", st->code);
	db_bind_int(q, "n", st->feed.seq);
	db_bind_blob(q, "hash", st->feed.hash, DIGEST_LEN);
	return db_run(q, e);
}

int feed_knows(struct store *s, const char *station, const struct wire_mark *at, bool *yes, struct err *e)
{
	static const uint8_t zero[DIGEST_LEN];
	size_t n;
	*yes = at->seq == 0 && memcmp(at->hash, zero, DIGEST_LEN) == 0;
	if (at->seq == 0) return ERR_OK;
	struct db_stmt *q = db_query(s->db, Q_feed_hash_at, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", station);
	db_bind_int(q, "n", at->seq);
	int r = db_step(q, e);
	const void *hash = r > 0 ? db_blob(q, 0, &n) : NULL;
	*yes = hash && n == DIGEST_LEN && memcmp(hash, at->hash, n) == 0;
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

static int append_row(json_t *out, struct db_stmt *q, struct wire_mark *last, size_t *bytes, struct err *e)
{
	char hex[TEXT_HEX_LEN(DIGEST_LEN)];
	size_t n;
	json_t *entry = NULL;
	const char *text = db_text(q, 2);
	const void *hash = db_blob(q, 1, &n);
	int rc = json_parse_strict(text ? text : "", text ? strlen(text) : 0, DEPTH, &entry, e);
	if (rc) return rc;
	last->seq = db_int(q, 0);
	if (hash && n == DIGEST_LEN) memcpy(last->hash, hash, n);
	text_hex(last->hash, DIGEST_LEN, hex);
	*bytes += strlen(text);
	if (json_object_set_new(entry, "n", json_integer(last->seq)) ||
	    json_object_set_new(entry, "hash", json_string(hex)) || json_array_append(out, entry))
		rc = err_set(e, ERR_NOMEM, "feed");
	json_decref(entry);
	return rc;
}

/* An event of another log as its box would send it. */
static json_t *event_json(struct db_stmt *q, size_t *bytes, struct err *e)
{
	size_t n;
	char id[UUID_TEXT];
	uint8_t raw[UUID_LEN] = {0};
	json_t *body = NULL;
	const char *text = db_text(q, 10);
	if (text && json_parse_strict(text, strlen(text), DEPTH, &body, e)) return NULL;
	*bytes += text ? strlen(text) : 0;
	(void)db_copy_blob(q, 1, raw, UUID_LEN);
	uuid_text(raw, id);
	json_t *j = json_pack("{s:I,s:s,s:s,s:I,s:s,s:s,s:I,s:s,s:s}", "seq", (json_int_t)db_int(q, 0), "id", id,
	                      "type", db_text(q, 3), "at", (json_int_t)db_int(q, 4), "clock",
	                      clock_quality_name((enum clock_quality)db_int(q, 5)), "boot", db_text(q, 6), "mono",
	                      (json_int_t)db_int(q, 7), "actor", db_text(q, 8), "device", db_text(q, 9));
	int rc = j ? ERR_OK : ERR_NOMEM;
	const void *c = db_blob(q, 2, &n);
	if (!rc && c && n == UUID_LEN) {
		uuid_text(c, id);
		rc = json_object_set_new(j, "case_id", json_string(id)) ? ERR_NOMEM : ERR_OK;
	}
	const void *mac = db_blob(q, 11, &n);
	if (!rc && body) {
		rc = json_object_set(j, "body", body) ? ERR_NOMEM : ERR_OK;
	} else if (!rc && mac && n == DIGEST_LEN) {
		char hex[TEXT_HEX_LEN(DIGEST_LEN)];
		text_hex(mac, DIGEST_LEN, hex);
		rc = json_object_set_new(j, "mac", json_string(hex)) ? ERR_NOMEM : ERR_OK;
	}
	json_decref(body);
	if (!rc) return j;
	json_decref(j);
	(void)err_set(e, ERR_NOMEM, "feed");
	return NULL;
}

/* The span of events that a mark covers; false for what is no mark on another log than LOG. */
static bool span_of(const json_t *entry, const uint8_t log[UUID_LEN], uint8_t other[UUID_LEN], int64_t *from,
                    int64_t *to)
{
	bool settled = strcmp(fields_text(entry, "kind"), "settled") == 0;
	if (!settled && strcmp(fields_text(entry, "kind"), "refused") != 0) return false;
	if (!uuid_parse(fields_text(entry, "log"), other) || memcmp(other, log, UUID_LEN) == 0) return false;
	*from = fields_int(entry, settled ? "from" : "seq", 0);
	*to = settled ? fields_int(entry, "to", 0) : *from;
	return true;
}

/* Gives a mark on another log its events; they are not in its hash. */
static int add_events(struct store *s, const char *station, const uint8_t log[UUID_LEN], json_t *entry, size_t *bytes,
                      struct err *e)
{
	uint8_t other[UUID_LEN];
	int64_t from, to;
	int r = 0;
	if (!span_of(entry, log, other, &from, &to)) return ERR_OK;
	json_t *list = json_array();
	struct db_stmt *q = list ? db_query(s->db, Q_chain_events, e) : NULL;
	if (!q) {
		json_decref(list);
		return list ? (int)ERR_IO : err_set(e, ERR_NOMEM, "feed");
	}
	db_bind_text(q, "station", station);
	db_bind_blob(q, "log", other, UUID_LEN);
	db_bind_int(q, "from", from);
	db_bind_int(q, "to", to);
	int rc = ERR_OK;
	while (!rc && (r = db_step(q, e)) > 0) {
		json_t *one = event_json(q, bytes, e);
		if (!one || json_array_append_new(list, one)) rc = e->code ? (int)e->code : (int)ERR_NOMEM;
	}
	db_reset(q);
	if (!rc && r < 0) rc = -r;
	/* what is in quarantine, or was refused for another event's id, is not stored under its own */
	bool whole =
	    (int64_t)json_array_size(list) == to - from + 1 && strcmp(fields_text(entry, "code"), "id_reused") != 0;
	if (!rc && whole && json_object_set(entry, "events", list)) rc = err_set(e, ERR_NOMEM, "feed");
	json_decref(list);
	return rc;
}

int feed_read(struct store *s, const struct store_station *st, const uint8_t log[UUID_LEN], int64_t n, int limit,
              size_t max_bytes, json_t **out, struct wire_mark *last, bool *more, struct err *e)
{
	size_t bytes = 0;
	int r = 0, rc = ERR_OK;
	*more = false;
	*out = json_array();
	if (!*out) return err_set(e, ERR_NOMEM, "feed");
	struct db_stmt *q = db_query(s->db, Q_feed_after, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", st->code);
	db_bind_int(q, "n", n);
	db_bind_int(q, "limit", limit);
	while (!rc && bytes < max_bytes && (r = db_step(q, e)) > 0) {
		rc = append_row(*out, q, last, &bytes, e);
		if (!rc) rc = add_events(s, st->code, log, json_array_get(*out, json_array_size(*out) - 1), &bytes, e);
	}
	db_reset(q);
	*more = last->seq < st->feed.seq;
	return rc ? rc : r < 0 ? -r : ERR_OK;
}
