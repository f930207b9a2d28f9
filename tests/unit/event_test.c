/* An event's hash depends on every member and on what came before; the body enters it as its mac alone. */
#include "shared/event.h"
#include "shared/text.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t key[EVENT_KEY_LEN] = {1, 2, 3}, zero[DIGEST_LEN];

static void fill(struct event *ev)
{
	struct err e = {0};
	json_t *body = support_json("{'text':'字','a':1}");
	*ev = (struct event){.seq = 7, .has_case = true, .at = SUPPORT_NOW, .quality = CLOCK_RTC, .mono = 55};
	support_id(1, ev->log);
	support_id(2, ev->id);
	support_id(3, ev->case_id);
	assert_int_equal(event_set(ev->type, sizeof ev->type, "note", "type", &e), ERR_OK);
	assert_int_equal(event_set(ev->station, sizeof ev->station, SUPPORT_STATION, "station", &e), ERR_OK);
	assert_int_equal(event_set(ev->actor, sizeof ev->actor, "clerk \"1\"", "actor", &e), ERR_OK);
	assert_int_equal(event_set(ev->device, sizeof ev->device, "phone", "device", &e), ERR_OK);
	assert_int_equal(event_set(ev->origin, sizeof ev->origin, SUPPORT_STATION, "origin", &e), ERR_OK);
	assert_int_equal(event_set(ev->boot, sizeof ev->boot, "0b0f3a52-7a4e-4d52-8a57-0f1f6a1c2d3e", "boot", &e),
	                 ERR_OK);
	assert_int_equal(event_set_body(ev, body, key, &e), ERR_OK);
	json_decref(body);
}

static void hash_of(const struct event *ev, const uint8_t *prev, uint8_t out[DIGEST_LEN])
{
	assert_int_equal(event_hash(ev, prev, out), ERR_OK);
}

/* Written down by hand from the design: what an independent program would have to compute. */
static void known_form(void **state)
{
	struct event ev;
	uint8_t got[DIGEST_LEN], want[DIGEST_LEN], mac[DIGEST_LEN];
	char text[1024], hex[TEXT_HEX_LEN(DIGEST_LEN)], id[3][UUID_TEXT];
	(void)state;
	fill(&ev);
	assert_string_equal(ev.body, "{\"a\":1,\"text\":\"字\"}");
	digest_hmac(key, sizeof key, ev.body, ev.body_len, mac);
	assert_memory_equal(ev.mac, mac, sizeof mac);
	text_hex(mac, sizeof mac, hex);
	uuid_text(ev.log, id[0]);
	uuid_text(ev.id, id[1]);
	uuid_text(ev.case_id, id[2]);
	(void)snprintf(
	    text, sizeof text,
	    "{\"actor\":\"clerk \\\"1\\\"\",\"at\":1795478400000,\"boot\":\"0b0f3a52-7a4e-4d52-8a57-0f1f6a1c2d3e\","
	    "\"case_id\":\"%s\",\"clock\":\"rtc\",\"device\":\"phone\",\"id\":\"%s\",\"log\":\"%s\",\"mac\":\"%s\","
	    "\"mono\":55,"
	    "\"origin\":\"652323101200\",\"seq\":7,\"station\":\"652323101200\",\"type\":\"note\"}",
	    id[2], id[1], id[0], hex);
	const struct digest_part parts[] = {{zero, sizeof zero}, {text, strlen(text)}};
	digest_sha256_parts(parts, 2, want);
	hash_of(&ev, zero, got);
	assert_memory_equal(got, want, DIGEST_LEN);
	event_release(&ev);
}

static void every_member_counts(void **state)
{
	struct event ev;
	uint8_t hashes[17][DIGEST_LEN];
	size_t n = 0;
	(void)state;
	fill(&ev);
	hash_of(&ev, zero, hashes[n++]);
	hash_of(&ev, key, hashes[n++]); /* the previous hash */
#define CHANGED(change, back)                                                                                          \
	do {                                                                                                           \
		change;                                                                                                \
		hash_of(&ev, zero, hashes[n++]);                                                                       \
		back;                                                                                                  \
	} while (0)
	CHANGED(ev.log[15] ^= 1, ev.log[15] ^= 1);
	CHANGED(ev.seq++, ev.seq--);
	CHANGED(ev.id[0] ^= 1, ev.id[0] ^= 1);
	CHANGED(ev.case_id[0] ^= 1, ev.case_id[0] ^= 1);
	CHANGED(ev.has_case = false, ev.has_case = true);
	CHANGED(ev.type[0]++, ev.type[0]--);
	CHANGED(ev.station[0]++, ev.station[0]--);
	CHANGED(ev.actor[0]++, ev.actor[0]--);
	CHANGED(ev.device[0]++, ev.device[0]--);
	CHANGED(ev.origin[0]++, ev.origin[0]--);
	CHANGED(ev.at++, ev.at--);
	CHANGED(ev.quality = CLOCK_FLOOR, ev.quality = CLOCK_RTC);
	CHANGED(ev.boot[0]++, ev.boot[0]--);
	CHANGED(ev.mono++, ev.mono--);
	CHANGED(ev.mac[31] ^= 1, ev.mac[31] ^= 1);
#undef CHANGED
	assert_int_equal(n, COUNT(hashes));
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(hashes[i], hashes[j], DIGEST_LEN);
	uint8_t again[DIGEST_LEN];
	hash_of(&ev, zero, again);
	assert_memory_equal(again, hashes[0], DIGEST_LEN);
	event_release(&ev);
}

static void erased_body_keeps_the_chain(void **state)
{
	struct event ev;
	uint8_t before[DIGEST_LEN], after[DIGEST_LEN];
	(void)state;
	fill(&ev);
	hash_of(&ev, zero, before);
	json_t *body = event_body(&ev);
	assert_non_null(body);
	json_decref(body);
	free(ev.body);
	ev.body = NULL;
	hash_of(&ev, zero, after);
	assert_memory_equal(before, after, DIGEST_LEN);
	assert_null(event_body(&ev));
	event_release(&ev);
}

static void mac_is_of_the_canonical_body(void **state)
{
	struct event a, b;
	struct err e = {0};
	static const uint8_t other[EVENT_KEY_LEN] = {9};
	json_t *body = support_json("{ 'a' : 1 , 'text' : '\\u5b57' }"); /* the same value, written differently */
	(void)state;
	fill(&a);
	fill(&b);
	assert_int_equal(event_set_body(&b, body, key, &e), ERR_OK);
	assert_memory_equal(a.mac, b.mac, DIGEST_LEN);
	assert_int_equal(event_set_body(&b, body, other, &e), ERR_OK);
	assert_memory_not_equal(a.mac, b.mac, DIGEST_LEN); /* another station's key */
	json_decref(body);
	event_release(&a);
	event_release(&b);
	event_release(&b); /* zeroed: again is legal */
}

static void bodies_refused(void **state)
{
	struct event ev;
	struct err e = {0};
	json_t *big = json_object(), *real = support_json("{'a':1.5}");
	char text[EVENT_BODY_MAX];
	(void)state;
	fill(&ev);
	memset(text, 'x', sizeof text);
	assert_int_equal(event_set_body(&ev, real, key, &e), ERR_INVALID);
	e = (struct err){0};
	/* {"a":"..."} adds eight bytes: as many as may stand, and one more */
	assert_int_equal(json_object_set_new(big, "a", json_stringn(text, EVENT_BODY_MAX - 8)), 0);
	assert_int_equal(event_set_body(&ev, big, key, &e), ERR_OK);
	assert_int_equal(ev.body_len, EVENT_BODY_MAX);
	assert_int_equal(json_object_set_new(big, "a", json_stringn(text, EVENT_BODY_MAX - 7)), 0);
	assert_int_equal(event_set_body(&ev, big, key, &e), ERR_INVALID);
	assert_int_equal(ev.body_len, EVENT_BODY_MAX); /* what stood there stands */
	json_decref(big);
	json_decref(real);
	event_release(&ev);
}

static void members_fit(void **state)
{
	char small[4] = "old";
	struct err e = {0};
	(void)state;
	assert_int_equal(event_set(small, sizeof small, "abcd", "type", &e), ERR_INVALID);
	assert_string_equal(small, "old");
	assert_non_null(strstr(e.msg, "type"));
	assert_int_equal(event_set(small, sizeof small, "abc", "type", NULL), ERR_OK);
	assert_string_equal(small, "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_form),
	    cmocka_unit_test(every_member_counts),
	    cmocka_unit_test(erased_body_keeps_the_chain),
	    cmocka_unit_test(mac_is_of_the_canonical_body),
	    cmocka_unit_test(bodies_refused),
	    cmocka_unit_test(members_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
