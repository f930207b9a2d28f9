/* tests/vectors/protocol.json, made from the protocol's text by tests/lib/vectors.mjs and not by this code: canonical
 * bodies, macs, both chains, receipt numbers, request, answer and signature, as box and county read and write them. */
#include "tests/unit/support.h"

#include "shared/crypto/ec.h"
#include "shared/feed.h"
#include "shared/fields.h"
#include "shared/receipt.h"
#include "shared/text.h"
#include "sync/engine/wire.h"

#include <stdlib.h>
#include <string.h>

#define OK(call, e)                                                                                                    \
	do {                                                                                                           \
		if (call) fail_msg("%s:%d: %s", __FILE__, __LINE__, (e)->msg);                                         \
	} while (0)

static json_t *vectors;
static uint8_t key[EVENT_KEY_LEN];

static int make(void **state)
{
	(void)state;
	vectors = support_json_file("tests/vectors/protocol.json");
	assert_true(text_unhex(fields_text(vectors, "station_key"), key, sizeof key));
	return 0;
}

static int release(void **state)
{
	(void)state;
	json_decref(vectors);
	return 0;
}

static void assert_hex(const uint8_t got[DIGEST_LEN], const json_t *o, const char *name)
{
	char hex[TEXT_HEX_LEN(DIGEST_LEN)];
	text_hex(got, DIGEST_LEN, hex);
	assert_string_equal(hex, fields_text(o, name));
}

static struct wire_request read_request(void)
{
	struct err e = {0};
	struct wire_request r;
	const char *text = fields_text(vectors, "request");
	OK(wire_request_decode(text, strlen(text), &r, &e), &e);
	return r;
}

static void events(void **state)
{
	struct wire_request r = read_request();
	uint8_t prev[DIGEST_LEN] = {0}, hash[DIGEST_LEN];
	const json_t *rows = json_object_get(vectors, "events");
	(void)state;
	assert_true(r.n_events >= 4);
	assert_int_equal(r.n_events, json_array_size(rows));
	assert_null(r.said);
	for (int i = 0; i < r.n_events; i++) {
		struct event *ev = &r.events[i];
		const json_t *row = json_array_get(rows, (size_t)i);
		assert_string_equal(ev->body, fields_text(row, "body"));
		event_mac(key, ev->body, ev->body_len, ev->mac);
		assert_hex(ev->mac, row, "mac");
		assert_hex(prev, row, "previous");
		assert_int_equal(event_hash(ev, prev, hash), 0);
		assert_hex(hash, row, "hash");
		memcpy(prev, hash, sizeof prev);
	}
	assert_memory_equal(r.head.hash, prev, DIGEST_LEN);
	wire_request_release(&r);
}

/* What is written down again says the same, though its members may stand in another order. */
static void request_and_back(void **state)
{
	struct wire_request r = read_request(), again;
	struct err e = {0};
	struct buf b;
	uint8_t prev[DIGEST_LEN] = {0}, hash[DIGEST_LEN];
	(void)state;
	for (int i = 0; i < r.n_events; i++)
		event_mac(key, r.events[i].body, r.events[i].body_len, r.events[i].mac);
	buf_init(&b, 1 << 20);
	OK(wire_request_encode(&r, &b, &e), &e);
	OK(wire_request_decode(b.data, b.len, &again, &e), &e);
	assert_int_equal(again.n_events, r.n_events);
	for (int i = 0; i < again.n_events; i++) {
		event_mac(key, again.events[i].body, again.events[i].body_len, again.events[i].mac);
		assert_int_equal(event_hash(&again.events[i], prev, hash), 0);
		memcpy(prev, hash, sizeof prev);
	}
	assert_memory_equal(prev, r.head.hash, DIGEST_LEN);
	assert_string_equal(again.station, fields_text(vectors, "station"));
	assert_int_equal(again.now, r.now);
	buf_release(&b);
	wire_request_release(&again);
	wire_request_release(&r);
}

static void feed_entries(void **state)
{
	struct err e = {0};
	uint8_t prev[DIGEST_LEN] = {0}, hash[DIGEST_LEN];
	size_t i;
	json_t *row;
	(void)state;
	assert_true(json_array_size(json_object_get(vectors, "feed")) >= 5);
	json_array_foreach(json_object_get(vectors, "feed"), i, row) {
		const json_t *entry = json_object_get(row, "entry");
		assert_hex(prev, row, "previous");
		OK(feed_hash(entry, key, prev, hash, &e), &e);
		assert_hex(hash, entry, "hash");
		memcpy(prev, hash, sizeof prev);
	}
}

static void answer_and_signature(void **state)
{
	struct err e = {0};
	struct wire_answer a;
	struct ec_key *k = NULL;
	uint8_t digest[DIGEST_LEN], sig[EC_SIG_MAX];
	char id[WIRE_KEY_ID_MAX];
	size_t n = 0;
	const char *request = fields_text(vectors, "request"), *answer = fields_text(vectors, "answer"),
	           *cert = fields_text(vectors, "answer_certificate");
	(void)state;
	wire_digest(request, strlen(request), answer, strlen(answer), digest);
	assert_hex(digest, vectors, "digest");
	assert_true(wire_signature_parse(fields_text(vectors, "signature"), id, sig, sizeof sig, &n));
	OK(ec_key_from_cert(cert, strlen(cert), &k, &e), &e);
	assert_int_equal(ec_verify(k, digest, sig, n), ERR_OK);
	digest[0] ^= 1;
	assert_int_equal(ec_verify(k, digest, sig, n), ERR_DENIED);
	ec_key_free(k);
	OK(wire_answer_decode(answer, strlen(answer), &a, &e), &e);
	assert_int_equal(a.received.seq, 4);
	assert_int_equal(json_array_size(a.feed), 5);
	assert_int_equal(a.feed_head.seq, 5);
	assert_int_equal(a.box, 0);
	assert_false(a.detail || a.more);
	wire_answer_release(&a);
}

static void receipt_numbers(void **state)
{
	size_t i;
	json_t *row;
	(void)state;
	assert_true(json_array_size(json_object_get(vectors, "receipts")) >= 5);
	json_array_foreach(json_object_get(vectors, "receipts"), i, row) {
		struct receipt r = {.day = (int)strtol(fields_text(row, "day"), NULL, 10),
		                    .box = (int)fields_int(row, "box", -1),
		                    .serial = fields_int(row, "serial", 0)},
		               back;
		char text[RECEIPT_MAX];
		(void)snprintf(r.station, sizeof r.station, "%s", fields_text(row, "station"));
		assert_true(receipt_format(&r, text));
		assert_string_equal(text, fields_text(row, "number"));
		assert_true(receipt_parse(text, &back));
		assert_int_equal(back.serial, r.serial);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(events),          cmocka_unit_test(request_and_back),
	    cmocka_unit_test(feed_entries),    cmocka_unit_test(answer_and_signature),
	    cmocka_unit_test(receipt_numbers),
	};
	return cmocka_run_group_tests(tests, make, release);
}
