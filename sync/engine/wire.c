/* See wire.h. Called by the engine at the box and by the exchange at the county; no state. */
#include "sync/engine/wire.h"

#include "shared/canon.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/text.h"
#include "sync/engine/columns.h"
#include "sync/engine/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH (LIMIT_DEPTH + 8)

static void put_string(struct buf *b, const char *name, const char *v)
{
	buf_addf(b, "\"%s\":", name);
	canon_string(b, v, strlen(v));
}

static void put_mark(struct buf *b, const char *name, const struct wire_mark *m)
{
	char hex[TEXT_HEX_LEN(DIGEST_LEN)];
	text_hex(m->hash, DIGEST_LEN, hex);
	buf_addf(b, "\"%s\":{\"seq\":%" PRId64 ",\"hash\":\"%s\"}", name, m->seq, hex);
}

static int put_events(const struct wire_request *r, struct buf *b, struct err *e)
{
	bool is_row[LIMIT_BATCH_EVENTS], first = true;
	bool columns = r->form == WIRE_COLUMNS && !r->detail && r->n_events && r->n_events <= LIMIT_BATCH_EVENTS;
	if (columns) {
		buf_adds(b, ",\"columns\":");
		int rc = columns_write(r, is_row, b, e);
		if (rc) return rc;
	}
	buf_adds(b, ",\"events\":[");
	for (int i = 0; i < r->n_events; i++) {
		if (columns && !is_row[i]) continue;
		if (!first) buf_addc(b, ',');
		rows_put(b, &r->events[i], r->detail);
		first = false;
	}
	buf_addc(b, ']');
	return ERR_OK;
}

int wire_request_encode(const struct wire_request *r, struct buf *b, struct err *e)
{
	char log[UUID_TEXT];
	uuid_text(r->log, log);
	buf_addf(b, "{\"protocol\":%d,\"station\":\"%s\",\"log\":\"%s\",", WIRE_PROTOCOL, r->station, log);
	put_string(b, "software", r->software);
	buf_addf(b, ",\"clock\":{\"now\":%" PRId64 ",\"quality\":\"%s\"},", r->now, clock_quality_name(r->quality));
	put_mark(b, "have", &r->have);
	int rc = put_events(r, b, e);
	if (rc) return rc;
	buf_addc(b, ',');
	put_mark(b, "head", &r->head);
	buf_addc(b, ',');
	put_mark(b, "feed", &r->feed);
	if (r->health) {
		buf_adds(b, ",\"health\":");
		rc = canon_write(r->health, b, e);
		if (rc) return rc;
	}
	buf_addc(b, '}');
	if (b->full) return err_set(e, ERR_INVALID, "the request is too large");
	return b->bad ? err_set(e, ERR_NOMEM, "request") : ERR_OK;
}

static bool get_mark(const json_t *o, const char *name, struct wire_mark *m)
{
	const json_t *j = json_object_get(o, name);
	m->seq = fields_int(j, "seq", -1);
	return m->seq >= 0 && text_unhex(fields_text(j, "hash"), m->hash, DIGEST_LEN);
}

/* Detailed is what carries a hash: every event, or none. */
static bool is_detailed(const json_t *events)
{
	return json_object_get(json_array_get(events, 0), "hash") != NULL;
}

/* Columns that cannot be read: as if none of the events could, for the county then asks for each in detail. */
static void all_unreadable(struct wire_request *r, const char *why)
{
	for (int i = 0; i < r->n_events; i++) {
		event_release(&r->events[i]);
		r->events[i].seq = r->have.seq + 1 + i;
		(void)snprintf(r->said[i].why, sizeof r->said[i].why, "%.79s", why);
	}
}

static int get_rows(const json_t *j, struct wire_request *r, const bool *is_row, struct err *e)
{
	size_t k = 0;
	for (int i = 0; i < r->n_events; i++) {
		if (is_row && !is_row[i]) continue;
		int rc = rows_get(json_array_get(j, k++), r, r->have.seq + 1 + i, &r->events[i], &r->said[i], e);
		if (rc) return rc;
	}
	return ERR_OK;
}

static int get_events(const json_t *columns, const json_t *j, struct wire_request *r, struct err *e)
{
	bool is_row[LIMIT_BATCH_EVENTS], bad = false;
	struct err why = {0};
	size_t rows = json_array_size(j);
	int64_t n = r->head.seq - r->have.seq;
	if (!json_is_array(j) || rows > LIMIT_BATCH_EVENTS || n > LIMIT_BATCH_EVENTS)
		return err_set(e, ERR_INVALID, "events: at most %d", LIMIT_BATCH_EVENTS);
	if (n < 0 || (!columns && n != (int64_t)rows)) return err_set(e, ERR_INVALID, "head is not have plus events");
	r->events = calloc(n ? (size_t)n : 1, sizeof *r->events);
	r->said = calloc(n ? (size_t)n : 1, sizeof *r->said);
	if (!r->events || !r->said) return err_set(e, ERR_NOMEM, "events");
	r->n_events = (int)n;
	r->detail = !columns && is_detailed(j);
	r->form = columns ? WIRE_COLUMNS : WIRE_ROWS;
	int rc = columns ? columns_read(columns, (int)rows, r, is_row, &why) : ERR_OK;
	if (rc == (int)ERR_INVALID) {
		all_unreadable(r, why.msg);
		return ERR_OK;
	}
	if (rc) return err_set(e, (enum err_code)rc, "%s", why.msg);
	rc = get_rows(j, r, columns ? is_row : NULL, e);
	if (rc) return rc;
	for (int i = 0; i < r->n_events; i++)
		bad = bad || r->said[i].why[0];
	if (!bad && !r->detail) {
		free(r->said);
		r->said = NULL;
	}
	return ERR_OK;
}

static int decode_request(const json_t *j, struct wire_request *r, struct err *e)
{
	const json_t *clock = json_object_get(j, "clock");
	if (fields_int(j, "protocol", 0) != WIRE_PROTOCOL)
		return err_set(e, ERR_VERSION, "protocol %d is wanted", WIRE_PROTOCOL);
	int rc = rows_text(j, "station", r->station, sizeof r->station, true, e);
	if (!rc) rc = rows_text(j, "software", r->software, sizeof r->software, false, e);
	if (rc) return rc;
	if (strlen(r->station) != 12 || !uuid_parse(fields_text(j, "log"), r->log))
		return err_set(e, ERR_INVALID, "station or log");
	r->now = fields_int(clock, "now", 0);
	if (!clock_quality_parse(fields_text(clock, "quality"), &r->quality)) return err_set(e, ERR_INVALID, "clock");
	if (!get_mark(j, "have", &r->have) || !get_mark(j, "head", &r->head) || !get_mark(j, "feed", &r->feed))
		return err_set(e, ERR_INVALID, "have, head or feed");
	r->health = json_incref(fields_get(j, "health"));
	if (r->health && !json_is_object(r->health)) return err_set(e, ERR_INVALID, "health is not an object");
	return get_events(fields_get(j, "columns"), json_object_get(j, "events"), r, e);
}

int wire_request_decode(const char *text, size_t len, struct wire_request *r, struct err *e)
{
	json_t *j = NULL;
	*r = (struct wire_request){0};
	int rc = json_parse_strict(text, len, DEPTH, &j, e);
	if (!rc) rc = decode_request(j, r, e);
	json_decref(j);
	if (rc) wire_request_release(r);
	return rc;
}

void wire_request_release(struct wire_request *r)
{
	for (int i = 0; i < r->n_events; i++)
		event_release(&r->events[i]);
	for (int i = 0; i < r->n_events && r->said; i++)
		free(r->said[i].raw);
	free(r->said);
	free(r->events);
	json_decref(r->health);
	*r = (struct wire_request){0};
}

int wire_answer_encode(const struct wire_answer *a, struct buf *b, struct err *e)
{
	buf_addf(b, "{\"protocol\":%d,", WIRE_PROTOCOL);
	put_mark(b, "received", &a->received);
	if (a->detail) buf_adds(b, ",\"detail\":true");
	if (a->box) buf_addf(b, ",\"box\":%d", a->box);
	buf_adds(b, ",\"feed\":");
	int rc = a->feed ? canon_write(a->feed, b, e) : ERR_OK;
	if (!a->feed) buf_adds(b, "[]");
	buf_addc(b, ',');
	put_mark(b, "feed_head", &a->feed_head);
	buf_addf(b, ",\"more\":%s,\"now\":%" PRId64 ",\"retry_after\":%d}", a->more ? "true" : "false", a->now,
	         a->retry_after_s);
	if (rc) return rc;
	if (b->full) return err_set(e, ERR_INVALID, "the answer is too large");
	return b->bad ? err_set(e, ERR_NOMEM, "answer") : ERR_OK;
}

static int decode_answer(const json_t *j, struct wire_answer *a, struct err *e)
{
	if (fields_int(j, "protocol", 0) != WIRE_PROTOCOL)
		return err_set(e, ERR_VERSION, "the county speaks another protocol");
	if (!get_mark(j, "received", &a->received) || !get_mark(j, "feed_head", &a->feed_head))
		return err_set(e, ERR_INVALID, "received or feed_head");
	a->feed = json_incref(json_object_get(j, "feed"));
	if (!json_is_array(a->feed)) return err_set(e, ERR_INVALID, "feed is not an array");
	a->detail = json_is_true(json_object_get(j, "detail"));
	int64_t box = fields_int(j, "box", 0);
	a->more = json_is_true(json_object_get(j, "more"));
	a->now = fields_int(j, "now", 0);
	int64_t retry = fields_int(j, "retry_after", 0);
	a->retry_after_s = retry < 0 ? 0 : retry > 86400 ? 86400 : (int)retry;
	if (box < 0 || box > 99 || a->now <= 0) return err_set(e, ERR_INVALID, "box or now");
	a->box = (int)box;
	return ERR_OK;
}

int wire_answer_decode(const char *text, size_t len, struct wire_answer *a, struct err *e)
{
	json_t *j = NULL;
	*a = (struct wire_answer){0};
	int rc = json_parse_strict(text, len, DEPTH, &j, e);
	if (!rc) rc = decode_answer(j, a, e);
	json_decref(j);
	if (rc) wire_answer_release(a);
	return rc;
}

void wire_answer_release(struct wire_answer *a)
{
	json_decref(a->feed);
	*a = (struct wire_answer){0};
}

void wire_digest(const void *request, size_t request_len, const void *answer, size_t answer_len,
                 uint8_t out[DIGEST_LEN])
{
	static const char label[] = "xinke-answer-1";
	uint8_t asked[DIGEST_LEN];
	digest_sha256(request, request_len, asked);
	struct digest_part parts[] = {{label, sizeof label - 1}, {asked, sizeof asked}, {answer, answer_len}};
	digest_sha256_parts(parts, 3, out);
}

bool wire_signature_parse(const char *header, char key_id[WIRE_KEY_ID_MAX], uint8_t *sig, size_t cap, size_t *sig_len)
{
	const char *comma = strchr(header, ',');
	size_t n = comma ? (size_t)(comma - header) : 0;
	if (n == 0 || n >= WIRE_KEY_ID_MAX) return false;
	memcpy(key_id, header, n);
	key_id[n] = '\0';
	if (strspn(key_id, "0123456789abcdef") != n) return false;
	long len = text_unb64(comma + 1, strlen(comma + 1), sig, cap);
	if (len <= 0) return false;
	*sig_len = (size_t)len;
	return true;
}
