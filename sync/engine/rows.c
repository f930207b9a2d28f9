/* See rows.h. */
#include "sync/engine/rows.h"

#include "shared/canon.h"
#include "shared/fields.h"
#include "shared/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put_string(struct buf *b, const char *name, const char *v)
{
	buf_addf(b, "\"%s\":", name);
	canon_string(b, v, strlen(v));
}

void rows_put(struct buf *b, const struct event *ev, bool detail)
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

int rows_text(const json_t *o, const char *name, char *out, size_t cap, bool required, struct err *e)
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
	if (ev->seq < 1 || ev->at < 0 || ev->at > WIRE_TIME_MAX || ev->mono < 0 ||
	    !uuid_parse(fields_text(j, "id"), ev->id))
		return err_set(e, ERR_INVALID, "an event has a bad seq, id, at or mono");
	ev->has_case = fields_get(j, "case_id") != NULL;
	if (ev->has_case && !uuid_parse(fields_text(j, "case_id"), ev->case_id))
		return err_set(e, ERR_INVALID, "event %" PRId64 ": case_id", ev->seq);
	if (!clock_quality_parse(quality, &ev->quality))
		return err_set(e, ERR_INVALID, "event %" PRId64 ": clock", ev->seq);
	memcpy(ev->log, r->log, UUID_LEN);
	memcpy(ev->station, r->station, sizeof ev->station);
	memcpy(ev->origin, r->station, sizeof r->station);
	int rc = rows_text(j, "type", ev->type, sizeof ev->type, true, e);
	if (!rc) rc = rows_text(j, "actor", ev->actor, sizeof ev->actor, true, e);
	if (!rc) rc = rows_text(j, "device", ev->device, sizeof ev->device, false, e);
	if (!rc) rc = rows_text(j, "boot", ev->boot, sizeof ev->boot, true, e);
	return rc ? rc : get_body(j, ev, e);
}

int rows_get(const json_t *j, const struct wire_request *r, int64_t seq, struct event *ev, struct wire_said *said,
             struct err *e)
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
