/* See feed.h. Feed rows of many processes may be written at once; only a station's own exchange, one at a time by its
 * transaction, gives them numbers and hashes. */
#include "sync/county/feed.h"

#include "shared/buf.h"
#include "shared/canon.h"
#include "shared/feed.h"
#include "shared/json_parse.h"
#include "shared/limits.h"
#include "shared/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH (LIMIT_DEPTH + 4)

static int put(struct store *s, const char *station, const char *entry, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_feed_insert, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", station);
	db_bind_text(q, "entry", entry);
	return db_run(q, e);
}

static int put_json(struct store *s, const char *station, json_t *entry, struct err *e)
{
	struct buf b;
	if (!entry) return err_set(e, ERR_NOMEM, "feed entry");
	buf_init(&b, LIMIT_EXCHANGE);
	int rc = canon_write(entry, &b, e);
	if (!rc) rc = put(s, station, b.data, e);
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
	int rc = b.bad ? err_set(e, ERR_NOMEM, "feed entry") : put(s, station, b.data, e);
	buf_release(&b);
	return rc;
}

int feed_put_settled(struct store *s, const char *station, const uint8_t log[UUID_LEN], int64_t from, int64_t to,
                     struct err *e)
{
	char id[UUID_TEXT];
	int rc = ERR_OK;
	uuid_text(log, id);
	for (; from <= to && !rc; from += LIMIT_MARK_SPAN) {
		int64_t end = from + LIMIT_MARK_SPAN - 1 < to ? from + LIMIT_MARK_SPAN - 1 : to;
		rc = put_json(s, station,
		              json_pack("{s:s,s:s,s:I,s:I}", "kind", "settled", "log", id, "from", (json_int_t)from,
		                        "to", (json_int_t)end),
		              e);
	}
	return rc;
}

int feed_put_refused(struct store *s, const char *station, const uint8_t log[UUID_LEN], int64_t seq, const char *code,
                     const char *pointer, const char *message, struct err *e)
{
	char id[UUID_TEXT];
	uuid_text(log, id);
	return put_json(s, station,
	                json_pack("{s:s,s:s,s:I,s:s,s:s,s:s}", "kind", "refused", "log", id, "seq", (json_int_t)seq,
	                          "code", code, "pointer", pointer, "message", message),
	                e);
}

int feed_put_thing(struct store *s, const char *station, const char *kind, const char *doc, struct err *e)
{
	json_t *body = NULL;
	int rc = json_parse_strict(doc, strlen(doc), DEPTH, &body, e);
	return rc ? rc : put_json(s, station, json_pack("{s:s,s:o}", "kind", kind, "body", body), e);
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

int feed_read(struct store *s, const struct store_station *st, int64_t n, int limit, size_t max_bytes, json_t **out,
              struct wire_mark *last, bool *more, struct err *e)
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
	while (!rc && bytes < max_bytes && (r = db_step(q, e)) > 0)
		rc = append_row(*out, q, last, &bytes, e);
	db_reset(q);
	*more = last->seq < st->feed.seq;
	return rc ? rc : r < 0 ? -r : ERR_OK;
}
