/* See event.h. Both ends of the exchange compute hashes with this file and no other. */
#include "shared/event.h"

#include "shared/buf.h"
#include "shared/canon.h"
#include "shared/json_parse.h"
#include "shared/text.h"

#include <stdlib.h>
#include <string.h>

#define BODY_DEPTH 64 /* what was taken was judged by a lower limit */

void event_release(struct event *ev)
{
	if (ev->body) explicit_bzero(ev->body, ev->body_len);
	free(ev->body);
	*ev = (struct event){0};
}

int event_set(char *dst, size_t cap, const char *src, const char *what, struct err *e)
{
	size_t n = strlen(src);
	if (n >= cap) return err_set(e, ERR_INVALID, "%s is longer than %zu bytes", what, cap - 1);
	memcpy(dst, src, n + 1);
	return ERR_OK;
}

void event_mac(const uint8_t key[EVENT_KEY_LEN], const void *body, size_t len, uint8_t mac[DIGEST_LEN])
{
	digest_hmac(key, EVENT_KEY_LEN, body, len, mac);
}

int event_set_body(struct event *ev, const json_t *body, const uint8_t key[EVENT_KEY_LEN], struct err *e)
{
	struct buf b;
	buf_init(&b, EVENT_BODY_MAX);
	(void)buf_reserve(&b, 1000);
	int rc = canon_write(body, &b, e);
	if (rc) {
		buf_release(&b);
		return rc;
	}
	free(ev->body);
	ev->body = buf_steal(&b, &ev->body_len);
	if (!ev->body) return err_set(e, ERR_NOMEM, "event body");
	event_mac(key, ev->body, ev->body_len, ev->mac);
	return ERR_OK;
}

static void member(struct buf *b, const char *key, const char *value)
{
	buf_adds(b, b->len > 1 ? ",\"" : "\"");
	buf_adds(b, key);
	buf_adds(b, "\":");
	canon_string(b, value, strlen(value));
}

static void number(struct buf *b, const char *key, int64_t v)
{
	buf_adds(b, ",\"");
	buf_adds(b, key);
	buf_adds(b, "\":");
	buf_addi(b, v);
}

int event_hash(const struct event *ev, const uint8_t prev[DIGEST_LEN], uint8_t hash[DIGEST_LEN])
{
	char id[UUID_TEXT], case_id[UUID_TEXT], log[UUID_TEXT], mac[TEXT_HEX_LEN(DIGEST_LEN)];
	uuid_text(ev->id, id);
	uuid_text(ev->log, log);
	text_hex(ev->mac, DIGEST_LEN, mac);
	struct buf b;
	buf_init(&b, 4096);
	(void)buf_reserve(&b, 600); /* what it comes to as a rule */
	/* the members in the order of their names, which is what RFC 8785 asks for */
	buf_addc(&b, '{');
	member(&b, "actor", ev->actor);
	number(&b, "at", ev->at);
	member(&b, "boot", ev->boot);
	if (ev->has_case) {
		uuid_text(ev->case_id, case_id);
		member(&b, "case_id", case_id);
	}
	member(&b, "clock", clock_quality_name(ev->quality));
	member(&b, "device", ev->device);
	member(&b, "id", id);
	member(&b, "log", log);
	member(&b, "mac", mac);
	number(&b, "mono", ev->mono);
	member(&b, "origin", ev->origin);
	number(&b, "seq", ev->seq);
	member(&b, "station", ev->station);
	member(&b, "type", ev->type);
	buf_addc(&b, '}');
	int rc = b.bad ? (int)ERR_NOMEM : ERR_OK;
	if (!rc) {
		struct digest_part parts[] = {{prev, DIGEST_LEN}, {b.data, b.len}};
		digest_sha256_parts(parts, 2, hash);
	}
	buf_release(&b);
	return rc;
}

json_t *event_body(const struct event *ev)
{
	json_t *v = NULL; /* not by jansson, which may lose bytes of it where memory is short */
	if (ev->body) (void)json_parse_strict(ev->body, ev->body_len, BODY_DEPTH, &v, NULL);
	return v;
}
