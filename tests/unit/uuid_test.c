/* RFC 9562: version and variant bits, text both ways, version 5 against the RFC's vector and computed ones. */
#include "shared/crypto/digest.h"
#include "shared/uuid.h"
#include "tests/unit/support.h"

#include <string.h>

static void text(void **state)
{
	static const uint8_t id[UUID_LEN] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
	                                     0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
	uint8_t back[UUID_LEN];
	char out[UUID_TEXT];
	(void)state;
	uuid_text(id, out);
	assert_string_equal(out, "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
	assert_true(uuid_parse("6BA7b810-9DAD-11d1-80b4-00c04FD430C8", back));
	assert_memory_equal(back, id, UUID_LEN);
	assert_true(uuid_parse("00000000-0000-0000-0000-000000000000", back));
}

static void refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    "6ba7b810-9dad-11d1-80b4-00c04fd430c",
	    "6ba7b810-9dad-11d1-80b4-00c04fd430c81",
	    "6ba7b8109dad11d180b400c04fd430c8",
	    "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}",
	    "6ba7b810-9dad-11d1-80b4-00c04fd430cg",
	    "6ba7b81-09dad-11d1-80b4-00c04fd430c8",
	    "6ba7b810 9dad 11d1 80b4 00c04fd430c8",
	    "6ba7b810-9dad-11d1-80b4-00c04fd430c ",
	    "-ba7b810-9dad-11d1-80b4-00c04fd430c8",
	};
	uint8_t out[UUID_LEN];
	(void)state;
	assert_false(uuid_parse(NULL, out));
	for (size_t i = 0; i < COUNT(bad); i++)
		if (uuid_parse(bad[i], out)) fail_msg("taken: %s", bad[i]);
}

static void random_ones(void **state)
{
	uint8_t seen[64][UUID_LEN];
	(void)state;
	for (size_t i = 0; i < COUNT(seen); i++) {
		uuid_random(seen[i]);
		assert_int_equal(seen[i][6] >> 4, 4);
		assert_int_equal(seen[i][8] >> 6, 2);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(seen[i], seen[j], UUID_LEN);
	}
}

/* RFC 9562 appendix A.4: "www.example.com" in the DNS name space. The construction is checked here on the name of the
 * RFC, then uuid_derive, whose names are decimal numbers, on values from Python's uuid.uuid5. */
static void version_5(void **state)
{
	static const struct {
		unsigned n;
		const char *id;
	} cases[] = {
	    {0, "6af613b6-569c-5c22-9c37-2ed93f31d3af"},
	    {1, "b04965e6-a9bb-591f-8f8a-1adcb2c8dc39"},
	    {42, "7c411b5e-9d3f-50b5-9c28-62096e41c4ed"},
	    {4294967295u, "281a39fd-2c62-56d5-9b28-624e53d4d9de"},
	};
	uint8_t ns[UUID_LEN], out[UUID_LEN], sum[DIGEST_SHA1_LEN];
	char got[UUID_TEXT];
	(void)state;
	assert_true(uuid_parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8", ns));
	const struct digest_part parts[] = {{ns, UUID_LEN}, {"www.example.com", 15}};
	digest_sha1_parts(parts, 2, sum);
	sum[6] = (uint8_t)((sum[6] & 0x0f) | 0x50);
	sum[8] = (uint8_t)((sum[8] & 0x3f) | 0x80);
	uuid_text(sum, got);
	assert_string_equal(got, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
	for (size_t i = 0; i < COUNT(cases); i++) {
		uuid_derive(ns, cases[i].n, out);
		uuid_text(out, got);
		assert_string_equal(got, cases[i].id);
		assert_int_equal(out[6] >> 4, 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(random_ones),
	    cmocka_unit_test(version_5),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
