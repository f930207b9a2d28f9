/* See feed.h. The county makes the chain with it, the box checks it. */
#include "shared/feed.h"

#include "shared/buf.h"
#include "shared/canon.h"
#include "shared/fields.h"
#include "shared/limits.h"
#include "shared/states.h"
#include "shared/text.h"

#include <string.h>

static int body_mac(const json_t *body, const uint8_t key[EVENT_KEY_LEN], char hex[TEXT_HEX_LEN(DIGEST_LEN)],
                    struct err *e)
{
	uint8_t mac[DIGEST_LEN];
	struct buf b;
	buf_init(&b, LIMIT_EXCHANGE);
	int rc = canon_write(body, &b, e);
	if (!rc) event_mac(key, b.data, b.len, mac);
	if (!rc) text_hex(mac, sizeof mac, hex);
	buf_release(&b);
	return rc;
}

int feed_hash(const json_t *entry, const uint8_t key[EVENT_KEY_LEN], const uint8_t prev[DIGEST_LEN],
              uint8_t out[DIGEST_LEN], struct err *e)
{
	char hex[TEXT_HEX_LEN(DIGEST_LEN)];
	const json_t *body = json_object_get(entry, "body");
	json_t *bare = fields_copy(entry);
	struct buf b;
	buf_init(&b, EVENT_BODY_MAX);
	int rc = bare ? ERR_OK : err_set(e, ERR_NOMEM, "feed entry");
	if (!rc) (void)json_object_del(bare, "hash"); /* absent while the county makes it */
	/* a mark's events come only with marks on another log than the reader's: they are vouched for by their own logs */
	if (!rc) (void)json_object_del(bare, "events");
	if (!rc && body) {
		rc = body_mac(body, key, hex, e);
		(void)json_object_del(bare, "body");
		if (!rc && json_object_set_new(bare, "mac", json_string(hex))) rc = err_set(e, ERR_NOMEM, "feed entry");
	}
	if (!rc) rc = canon_write(bare, &b, e);
	if (!rc) {
		struct digest_part parts[] = {{prev, DIGEST_LEN}, {b.data, b.len}};
		digest_sha256_parts(parts, 2, out);
	}
	buf_release(&b);
	json_decref(bare);
	return rc;
}

int feed_strip(json_t *entry, const uint8_t key[EVENT_KEY_LEN], bool *gone, struct err *e)
{
	char hex[TEXT_HEX_LEN(DIGEST_LEN)];
	const json_t *body = json_object_get(entry, "body");
	*gone = body && strcmp(fields_text(entry, "type"), state_event_name(EVENT_ERASE)) != 0;
	if (!*gone) return ERR_OK;
	int rc = body_mac(body, key, hex, e);
	if (rc) return rc;
	(void)json_object_del(entry, "body");
	return json_object_set_new(entry, "mac", json_string(hex)) ? err_set(e, ERR_NOMEM, "erase") : ERR_OK;
}
