/* Known answers: FIPS 180-4, RFC 3174, RFC 4231, RFC 5869. */
#include "shared/crypto/digest.h"
#include "shared/crypto/rng.h"
#include "shared/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void expect(const uint8_t *got, size_t n, const char *hex)
{
	char out[TEXT_HEX_LEN(128)];
	assert_true(n <= 128);
	text_hex(got, n, out);
	assert_string_equal(out, hex);
}

static void sha256(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
	    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	uint8_t out[DIGEST_LEN];
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		digest_sha256(cases[i].in, strlen(cases[i].in), out);
		expect(out, sizeof out, cases[i].out);
	}
	enum { MILLION = 1000000 };
	char *a = malloc(MILLION);
	assert_non_null(a);
	memset(a, 'a', MILLION);
	digest_sha256(a, MILLION, out);
	expect(out, sizeof out, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(a);
}

static void parts(void **state)
{
	uint8_t out[DIGEST_LEN], sha1[DIGEST_SHA1_LEN];
	const struct digest_part p[] = {{"a", 1}, {NULL, 0}, {"b", 1}, {"c", 1}};
	(void)state;
	digest_sha256_parts(p, COUNT(p), out);
	expect(out, sizeof out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest_sha256_parts(NULL, 0, out);
	expect(out, sizeof out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest_sha1_parts(p, COUNT(p), sha1);
	expect(sha1, sizeof sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

static void sha1(void **state)
{
	static const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	uint8_t out[DIGEST_SHA1_LEN];
	struct digest_part eight[80];
	(void)state;
	digest_sha1_parts(&(struct digest_part){two, sizeof two - 1}, 1, out);
	expect(out, sizeof out, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
	for (size_t i = 0; i < COUNT(eight); i++) /* TEST4 of RFC 3174 */
		eight[i] = (struct digest_part){"01234567", 8};
	digest_sha1_parts(eight, COUNT(eight), out);
	expect(out, sizeof out, "dea356a2cddd90c7a7ecedc5ebb563934f460452");
}

static void hmac(void **state)
{
	static const struct {
		int key_byte; /* -1: KEY is text */
		const char *key;
		size_t key_len;
		int data_byte;
		const char *data;
		size_t data_len;
		const char *out;
	} cases[] = {
	    {0x0b, NULL, 20, -1, "Hi There", 8, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	    {-1, "Jefe", 4, -1, "what do ya want for nothing?", 28,
	     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	    {0xaa, NULL, 20, 0xdd, NULL, 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
	    {0xaa, NULL, 131, -1, "Test Using Larger Than Block-Size Key - Hash Key First", 54,
	     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	    {0xaa, NULL, 131, -1,
	     "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
	     "hashed before being used by the HMAC algorithm.",
	     152, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char key[131], data[152];
		uint8_t out[DIGEST_LEN];
		if (cases[i].key_byte < 0)
			memcpy(key, cases[i].key, cases[i].key_len);
		else
			memset(key, cases[i].key_byte, cases[i].key_len);
		if (cases[i].data_byte < 0)
			memcpy(data, cases[i].data, cases[i].data_len);
		else
			memset(data, cases[i].data_byte, cases[i].data_len);
		digest_hmac(key, cases[i].key_len, data, cases[i].data_len, out);
		expect(out, sizeof out, cases[i].out);
	}
	uint8_t out[DIGEST_LEN];
	digest_hmac(NULL, 0, NULL, 0, out);
	expect(out, sizeof out, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void hkdf(void **state)
{
	uint8_t key[22], out[64], most[255 * DIGEST_LEN];
	(void)state;
	memset(key, 0x0b, sizeof key);
	digest_hkdf(key, sizeof key, "", out, 42); /* test case 3 of RFC 5869: no salt, no info */
	expect(out, 42, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
	digest_hkdf(key, sizeof key, "xinke field key", out, sizeof out); /* worked out with Python's hmac */
	expect(out, sizeof out,
	       "dd82ac408891456b4d0cc4d8c16bf615fc2d0954fc45ed81f40269c898ace3ee"
	       "37872d0b9c50cdd1ffa8996b85d4f2a59f7cf4121ed76f7693764a8b20cf5ddd");
	digest_hkdf(key, sizeof key, "xinke field key", most, sizeof most);
	assert_memory_equal(out, most, sizeof out);
}

static void rng(void **state)
{
	uint8_t a[600] = {0}, b[600] = {0};
	(void)state;
	rng_bytes(a, sizeof a);
	assert_int_equal(rng_mbedtls(NULL, b, sizeof b), 0);
	assert_memory_not_equal(a, b, sizeof a);
	assert_memory_not_equal(a + 560, b + 560, 40); /* the tail is filled, too */
	rng_bytes(a, 0);
}

static void pieces(void **state)
{
	uint8_t data[300], want[DIGEST_LEN], got[DIGEST_LEN];
	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(7 * i);
	const struct digest_part all = {data, sizeof data};
	for (size_t step = 1; step <= sizeof data; step += 13) {
		struct digest *two = digest_new(DIGEST_SHA256), *one = digest_new(DIGEST_SHA1);
		assert_true(two && one);
		for (size_t at = 0; at < sizeof data; at += step) {
			size_t n = sizeof data - at < step ? sizeof data - at : step;
			digest_add(two, data + at, n);
			digest_add(one, data + at, n);
		}
		digest_add(two, NULL, 0);
		digest_sha256(data, sizeof data, want);
		assert_int_equal(digest_end(two, got), DIGEST_LEN);
		assert_memory_equal(got, want, DIGEST_LEN);
		digest_sha1_parts(&all, 1, want);
		assert_int_equal(digest_end(one, got), DIGEST_SHA1_LEN);
		assert_memory_equal(got, want, DIGEST_SHA1_LEN);
		digest_free(two);
		digest_free(one);
	}
	digest_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sha256), cmocka_unit_test(parts), cmocka_unit_test(sha1),   cmocka_unit_test(hmac),
	    cmocka_unit_test(hkdf),   cmocka_unit_test(rng),   cmocka_unit_test(pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
