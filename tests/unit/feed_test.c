/* A feed entry's hash: the body stands as its mac, an erased body gives the same, every other member counts. */
#include "shared/feed.h"
#include "shared/text.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t key[EVENT_KEY_LEN] = {4, 5, 6}, zero[DIGEST_LEN];

static void hash_of(const char *json, const uint8_t *k, const uint8_t *prev, uint8_t out[DIGEST_LEN])
{
	struct err e = {0};
	json_t *v = support_json(json), *before = json_deep_copy(v);
	assert_int_equal(feed_hash(v, k, prev, out, &e), ERR_OK);
	assert_true(json_equal(v, before)); /* the entry is only read */
	json_decref(before);
	json_decref(v);
}

static void known_form(void **state)
{
	uint8_t mac[DIGEST_LEN], got[DIGEST_LEN], want[DIGEST_LEN];
	char hex[TEXT_HEX_LEN(DIGEST_LEN)], text[256];
	static const char body[] = "{\"reason\":\"不符\",\"x\":1}";
	(void)state;
	digest_hmac(key, sizeof key, body, sizeof body - 1, mac);
	text_hex(mac, sizeof mac, hex);
	(void)snprintf(text, sizeof text, "{\"kind\":\"event\",\"mac\":\"%s\",\"n\":3}", hex);
	const struct digest_part parts[] = {{zero, sizeof zero}, {text, strlen(text)}};
	digest_sha256_parts(parts, 2, want);
	hash_of("{'n':3,'kind':'event','body':{'x':1,'reason':'不符'}}", key, zero, got);
	assert_memory_equal(got, want, DIGEST_LEN);
	/* the body erased: its mac travels in its place, and the chain still fits */
	(void)snprintf(text, sizeof text, "{'n':3,'kind':'event','mac':'%s'}", hex);
	hash_of(text, key, zero, got);
	assert_memory_equal(got, want, DIGEST_LEN);
	/* the hash that it carries is not part of it */
	hash_of("{'n':3,'kind':'event','body':{'x':1,'reason':'不符'},'hash':'00'}", key, zero, got);
	assert_memory_equal(got, want, DIGEST_LEN);
}

static void every_member_counts(void **state)
{
	static const char *const entries[] = {
	    "{'n':1,'kind':'settled','log':'a','from':1,'to':2}",
	    "{'n':2,'kind':'settled','log':'a','from':1,'to':2}",
	    "{'n':1,'kind':'refused','log':'a','from':1,'to':2}",
	    "{'n':1,'kind':'settled','log':'b','from':1,'to':2}",
	    "{'n':1,'kind':'settled','log':'a','from':2,'to':2}",
	    "{'n':1,'kind':'settled','log':'a','from':1,'to':3}",
	    "{'n':1,'kind':'settled','log':'a','from':1,'to':2,'more':null}",
	    "{'n':1,'kind':'settled','log':'a','from':1,'to':2,'body':{}}",
	    "{'n':1,'kind':'settled','log':'a','from':1,'to':2,'body':{'a':1}}",
	    "{'n':1,'kind':'settled','log':'a','from':1,'to':2,'body':[]}",
	};
	uint8_t hashes[COUNT(entries) + 2][DIGEST_LEN];
	(void)state;
	for (size_t i = 0; i < COUNT(entries); i++)
		hash_of(entries[i], key, zero, hashes[i]);
	hash_of(entries[0], key, key, hashes[COUNT(entries)]);       /* after another entry */
	hash_of(entries[8], zero, zero, hashes[COUNT(entries) + 1]); /* under another station's key */
	for (size_t i = 0; i < COUNT(hashes); i++)
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(hashes[i], hashes[j], DIGEST_LEN);
	uint8_t same[DIGEST_LEN];
	hash_of("{'to':2,'from':1,'log':'a','kind':'settled','n':1}", key, zero, same);
	assert_memory_equal(same, hashes[0], DIGEST_LEN);
	hash_of(entries[0], zero, zero, same); /* where there is no body the key says nothing */
	assert_memory_equal(same, hashes[0], DIGEST_LEN);
}

static void refused(void **state)
{
	static const char *const bad[] = {"{'n':1.5}", "{'n':1,'body':{'a':0.5}}", "{'n':9007199254740992}",
	                                  "{'n':1,'字':1}"};
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		uint8_t out[DIGEST_LEN];
		struct err e = {0};
		json_t *v = support_json(bad[i]);
		assert_int_equal(feed_hash(v, key, zero, out, &e), ERR_INVALID);
		json_decref(v);
	}
}

/* A whole catalog travels as the body of one entry. */
static void a_large_body(void **state)
{
	uint8_t out[DIGEST_LEN];
	struct err e = {0};
	json_t *doc = support_json_file("schema/catalog/hutubi-2022.json");
	json_t *entry = json_pack("{s:i,s:s,s:o}", "n", 1, "kind", "catalog", "body", doc);
	(void)state;
	if (feed_hash(entry, key, zero, out, &e)) fail_msg("%s", e.msg);
	json_decref(entry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_form),
	    cmocka_unit_test(every_member_counts),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(a_large_body),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
