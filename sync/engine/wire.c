/* See wire.h. Called by the engine at the box and by the exchange at the county; no state. */
#include "sync/engine/wire.h"

#include "shared/canon.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH    (LIMIT_DEPTH + 8)
#define TIME_MAX 253402271999999LL /* ms; the last moment that RFC 3339 can tell in China's time: answers show it */

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

static void put_event(struct buf *b, const struct event *ev, bool detail)
{
	char id[UUID_TEXT], hex[TEXT_HEX_LEN(DIGEST_LEN)];
	uuid_text(ev->id, id);
	buf_addf(b, "{\"seq\":%" PRId64 ",\"id\":\"%s\",", ev->seq, id);
	if (ev->has_case) {
		uuid_text(ev->case_id, id);
		buf_addf(b, "\"case_id\":\"%s\",", id);
	}
	put_string(b, "type", ev->type);
	buf_addf(b, ",\"at\":%" PRId64 ",\"clock\":\"%s\",\"boot\":\"%s\",\"mono\":%" PRId64 ",", ev->at,
	         clock_quality_name(ev->quality), ev->boot, ev->mono);
	put_string(b, "actor", ev->actor);
	if (*ev->device) {
		buf_addc(b, ',');
		put_string(b, "device", ev->device);
	}
	/* A body that was erased travels as its mac; so does every event's of a detailed request. */
	if (detail || !ev->body) {
		text_hex(ev->mac, DIGEST_LEN, hex);
		buf_addf(b, ",\"mac\":\"%s\"", hex);
	}
	if (detail) {
		text_hex(ev->hash, DIGEST_LEN, hex);
		buf_addf(b, ",\"hash\":\"%s\"", hex);
	}
	if (ev->body) {
		buf_adds(b, ",\"body\":");
		buf_add(b, ev->body, ev->body_len);
	}
	buf_addc(b, '}');
}

int wire_request_encode(const struct wire_request *r, struct buf *b, struct err *e)
{
	char log[UUID_TEXT];
	uuid_text(r->log, log);
	buf_addf(b, "{\"protocol\":%d,\"station\":\"%s\",\"log\":\"%s\",", WIRE_PROTOCOL, r->station, log);
	put_string(b, "software", r->software);
	buf_addf(b, ",\"clock\":{\"now\":%" PRId64 ",\"quality\":\"%s\"},", r->now, clock_quality_name(r->quality));
	put_mark(b, "have", &r->have);
	buf_adds(b, ",\"events\":[");
	for (int i = 0; i < r->n_events; i++) {
		if (i) buf_addc(b, ',');
		put_event(b, &r->events[i], r->detail);
	}
	buf_adds(b, "],");
	put_mark(b, "head", &r->head);
	buf_addc(b, ',');
	put_mark(b, "feed", &r->feed);
	if (r->health) {
		buf_adds(b, ",\"health\":");
		int rc = canon_write(r->health, b, e);
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

static int get_text(const json_t *o, const char *name, char *out, size_t cap, bool required, struct err *e)
{
	const json_t *v = json_object_get(o, name);
	const char *s = fields_text(o, name);
	if (v && !json_is_string(v)) return err_set(e, ERR_INVALID, "%s is not a string", name);
	if (required && !*s) return err_set(e, ERR_INVALID, "%s is missing", name);
	return event_set(out, cap, s, name, e);
}

static int get_body(const json_t *j, struct event *ev, struct err *e)
{
	const json_t *body = json_object_get(j, "body");
	struct buf b;
	if (!body) {
		if (!text_unhex(fields_text(j, "mac"), ev->mac, DIGEST_LEN))
			return err_set(e, ERR_INVALID, "an event has neither body nor mac");
		return ERR_OK;
	}
	if (!json_is_object(body)) return err_set(e, ERR_INVALID, "a body is not an object");
	buf_init(&b, EVENT_BODY_MAX);
	int rc = canon_write(body, &b, e);
	if (!rc) ev->body = buf_steal(&b, &ev->body_len);
	if (!rc && !ev->body) rc = err_set(e, ERR_NOMEM, "event body");
	buf_release(&b);
	return rc;
}

static int get_event(const json_t *j, const struct wire_request *r, struct event *ev, struct err *e)
{
	const char *quality = fields_text(j, "clock");
	ev->seq = fields_int(j, "seq", 0);
	ev->at = fields_int(j, "at", -1);
	ev->mono = fields_int(j, "mono", -1);
	if (ev->seq < 1 || ev->at < 0 || ev->at > TIME_MAX || ev->mono < 0 || !uuid_parse(fields_text(j, "id"), ev->id))
		return err_set(e, ERR_INVALID, "an event has a bad seq, id, at or mono");
	ev->has_case = fields_get(j, "case_id") != NULL;
	if (ev->has_case && !uuid_parse(fields_text(j, "case_id"), ev->case_id))
		return err_set(e, ERR_INVALID, "event %" PRId64 ": case_id", ev->seq);
	if (!clock_quality_parse(quality, &ev->quality))
		return err_set(e, ERR_INVALID, "event %" PRId64 ": clock", ev->seq);
	memcpy(ev->log, r->log, UUID_LEN);
	memcpy(ev->station, r->station, sizeof ev->station);
	memcpy(ev->origin, r->station, sizeof r->station);
	int rc = get_text(j, "type", ev->type, sizeof ev->type, true, e);
	if (!rc) rc = get_text(j, "actor", ev->actor, sizeof ev->actor, true, e);
	if (!rc) rc = get_text(j, "device", ev->device, sizeof ev->device, false, e);
	if (!rc) rc = get_text(j, "boot", ev->boot, sizeof ev->boot, true, e);
	return rc ? rc : get_body(j, ev, e);
}

/* An event at place SEQ. What is wrong with it goes to SAID; only want of memory is an error. */
static int get_place(const json_t *j, const struct wire_request *r, int64_t seq, struct event *ev,
                     struct wire_said *said, struct err *e)
{
	struct err bad = {0};
	int rc = json_is_object(j) ? get_event(j, r, ev, &bad) : err_set(&bad, ERR_INVALID, "not an object");
	if (!rc && ev->seq != seq) rc = err_set(&bad, ERR_INVALID, "its seq is not the one of its place");
	if (rc == (int)ERR_NOMEM) return err_set(e, ERR_NOMEM, "event");
	if (r->detail && (!text_unhex(fields_text(j, "hash"), said->hash, DIGEST_LEN) ||
	                  !text_unhex(fields_text(j, "mac"), said->mac, DIGEST_LEN)))
		return err_set(e, ERR_INVALID, "a detailed event has no hash or no mac");
	if (!rc) return ERR_OK;
	(void)snprintf(said->why, sizeof said->why, "%.79s", bad.msg);
	said->raw = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);
	ev->seq = seq;
	return said->raw ? ERR_OK : err_set(e, ERR_NOMEM, "event");
}

/* Detailed is what carries a hash: every event, or none. */
static bool is_detailed(const json_t *events)
{
	return json_object_get(json_array_get(events, 0), "hash") != NULL;
}

static int get_events(const json_t *j, struct wire_request *r, struct err *e)
{
	size_t n = json_array_size(j);
	bool bad = false;
	if (!json_is_array(j) || n > LIMIT_BATCH_EVENTS)
		return err_set(e, ERR_INVALID, "events: at most %d", LIMIT_BATCH_EVENTS);
	if (r->head.seq != r->have.seq + (int64_t)n) return err_set(e, ERR_INVALID, "head is not have plus events");
	r->events = calloc(n ? n : 1, sizeof *r->events);
	r->said = calloc(n ? n : 1, sizeof *r->said);
	if (!r->events || !r->said) return err_set(e, ERR_NOMEM, "events");
	r->detail = is_detailed(j);
	for (size_t i = 0; i < n; i++) {
		int rc =
		    get_place(json_array_get(j, i), r, r->have.seq + 1 + (int64_t)i, &r->events[i], &r->said[i], e);
		r->n_events = (int)i + 1; /* what get_event left half done is released too */
		if (rc) return rc;
		bad = bad || r->said[i].why[0];
	}
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
	int rc = get_text(j, "station", r->station, sizeof r->station, true, e);
	if (!rc) rc = get_text(j, "software", r->software, sizeof r->software, false, e);
	if (rc) return rc;
	if (strlen(r->station) != 12 || !uuid_parse(fields_text(j, "log"), r->log))
		return err_set(e, ERR_INVALID, "station or log");
	r->now = fields_int(clock, "now", 0);
	if (!clock_quality_parse(fields_text(clock, "quality"), &r->quality)) return err_set(e, ERR_INVALID, "clock");
	if (!get_mark(j, "have", &r->have) || !get_mark(j, "head", &r->head) || !get_mark(j, "feed", &r->feed))
		return err_set(e, ERR_INVALID, "have, head or feed");
	r->health = json_incref(fields_get(j, "health"));
	if (r->health && !json_is_object(r->health)) return err_set(e, ERR_INVALID, "health is not an object");
	return get_events(json_object_get(j, "events"), r, e);
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
