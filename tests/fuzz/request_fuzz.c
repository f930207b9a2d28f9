/* The county's side of an exchange: a frame is opened, a request read. What could be read can be written down and read
 * again, and is the same; what a box would pack comes out of its frame unchanged. */
#include "shared/dict.h"
#include "shared/pack.h"
#include "sync/engine/wire.h"
#include "tests/fuzz/fuzz.h"

static struct pack *pack;

static struct pack *packer(void)
{
	size_t n;
	const struct pack_dict *dicts = dict_all(&n);
	if (!pack) MUST(pack_new(dicts, n, &pack, NULL) == ERR_OK);
	return pack;
}

static void same(const struct wire_request *a, const struct wire_request *b)
{
	MUST(strcmp(a->station, b->station) == 0 && strcmp(a->software, b->software) == 0);
	MUST(memcmp(a->log, b->log, UUID_LEN) == 0 && a->now == b->now && a->quality == b->quality);
	MUST(a->have.seq == b->have.seq && a->head.seq == b->head.seq && a->feed.seq == b->feed.seq);
	MUST(a->n_events == b->n_events && a->detail == b->detail);
	for (int i = 0; i < a->n_events; i++) {
		const struct event *x = &a->events[i], *y = &b->events[i];
		MUST(x->seq == y->seq && memcmp(x->id, y->id, UUID_LEN) == 0 && strcmp(x->type, y->type) == 0);
		MUST(x->has_case == y->has_case && x->at == y->at && x->mono == y->mono);
		MUST(x->body_len == y->body_len && !x->body == !y->body);
		MUST(!x->body || memcmp(x->body, y->body, x->body_len) == 0);
	}
}

static void read_request(const char *text, size_t len)
{
	struct wire_request r, again;
	struct err e = {0};
	struct buf b;
	if (wire_request_decode(text, len, &r, &e)) {
		MUST(e.code == ERR_INVALID || e.code == ERR_VERSION);
		return;
	}
	buf_init(&b, LIMIT_EXCHANGE);
	if (!r.said && wire_request_encode(&r, &b, &e) == ERR_OK) {
		MUST(wire_request_decode(b.data, b.len, &again, &e) == ERR_OK);
		same(&r, &again);
		wire_request_release(&again);
	}
	buf_release(&b);
	wire_request_release(&r);
}

static void round_trip(const uint8_t *data, size_t len)
{
	struct buf frame, text;
	struct err e = {0};
	buf_init(&frame, LIMIT_EXCHANGE);
	buf_init(&text, LIMIT_EXCHANGE);
	MUST(pack_close(packer(), PACK_LEVEL_MIN, len % 2 ? DICT_EXCHANGE : 0, data, len, &frame, &e) == ERR_OK);
	MUST(pack_open(packer(), frame.data, frame.len, LIMIT_EXCHANGE, &text, &e) == ERR_OK);
	MUST(text.len == len && (!len || memcmp(text.data, data, len) == 0));
	buf_release(&frame);
	buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf text;
	struct err e = {0};
	(void)pack_dict_of(data, len);
	if (!pack_is(data, len)) {
		read_request((const char *)data, len);
		round_trip(data, len);
		return 0;
	}
	buf_init(&text, LIMIT_EXCHANGE);
	if (!pack_open(packer(), data, len, LIMIT_EXCHANGE, &text, &e))
		read_request(text.data ? text.data : "", text.len);
	buf_release(&text);
	return 0;
}
