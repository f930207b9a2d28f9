/* AES-256-GCM: test cases 13 to 16 of McGrew and Viega's paper, and a refusal for every byte changed. */
#include "shared/crypto/rng.h"
#include "shared/crypto/seal.h"
#include "shared/err.h"
#include "shared/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define ZERO_KEY "0000000000000000000000000000000000000000000000000000000000000000"
#define TEST_KEY "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define PLAIN60                                                                                                        \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"             \
	"b16aedf5aa0de657ba637b39"
#define CIPHER60                                                                                                       \
	"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"             \
	"c5f61e6393ba7a0abcc9f662"

/* Sealed = nonce, cipher text, tag. */
static const struct {
	const char *key, *aad, *plain, *sealed;
} vectors[] = {
    {ZERO_KEY, "", "",
     "000000000000000000000000"
     "530f8afbc74536b9a963b4f1c4cb738b"},
    {ZERO_KEY, "", "00000000000000000000000000000000",
     "000000000000000000000000"
     "cea7403d4d606b6e074ec5d3baf39d18"
     "d0d1c8a799996bf0265b98b5d48ab919"},
    {TEST_KEY, "feedfacedeadbeeffeedfacedeadbeefabaddad2", PLAIN60,
     "cafebabefacedbaddecaf888" CIPHER60 "76fc6ece0f4e1768cddf8853bb2d551b"},
};

static void known_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		uint8_t key[SEAL_KEY_LEN], aad[64], plain[64], sealed[128], out[64];
		size_t a = strlen(vectors[i].aad) / 2, p = strlen(vectors[i].plain) / 2,
		       n = strlen(vectors[i].sealed) / 2;
		assert_true(text_unhex(vectors[i].key, key, sizeof key) && text_unhex(vectors[i].aad, aad, a));
		assert_true(text_unhex(vectors[i].plain, plain, p) && text_unhex(vectors[i].sealed, sealed, n));
		assert_int_equal(n, p + SEAL_OVERHEAD);
		struct seal *s = seal_new(key);
		assert_non_null(s);
		assert_int_equal(seal_open(s, aad, a, sealed, n, out), ERR_OK);
		assert_memory_equal(out, plain, p);
		seal_free(s);
	}
}

static void round_trip(void **state)
{
	uint8_t key[SEAL_KEY_LEN], plain[300], sealed[300 + SEAL_OVERHEAD], again[300 + SEAL_OVERHEAD], out[300];
	(void)state;
	rng_bytes(key, sizeof key);
	rng_bytes(plain, sizeof plain);
	struct seal *s = seal_new(key);
	assert_non_null(s);
	for (size_t n = 0; n <= sizeof plain; n += 25) {
		assert_int_equal(seal_close(s, "aad", 3, plain, n, sealed), ERR_OK);
		assert_int_equal(seal_close(s, "aad", 3, plain, n, again), ERR_OK);
		assert_memory_not_equal(sealed, again, 12); /* a new nonce each time */
		assert_int_equal(seal_open(s, "aad", 3, sealed, n + SEAL_OVERHEAD, out), ERR_OK);
		assert_memory_equal(out, plain, n);
	}
	assert_int_equal(seal_close(s, NULL, 0, NULL, 0, sealed), ERR_OK);
	assert_int_equal(seal_open(s, NULL, 0, sealed, SEAL_OVERHEAD, out), ERR_OK);
	seal_free(s);
	seal_free(NULL);
}

static void tamper(void **state)
{
	enum { N = 20, LEN = N + SEAL_OVERHEAD };
	uint8_t key[SEAL_KEY_LEN] = {1}, sealed[LEN], out[N], aad[] = "log 1, seq 7, register";
	(void)state;
	struct seal *s = seal_new(key);
	assert_non_null(s);
	assert_int_equal(seal_close(s, aad, sizeof aad, "twenty bytes of text", N, sealed), ERR_OK);
	for (size_t bit = 0; bit < 8 * LEN; bit++) { /* nonce, cipher text, tag */
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		memset(out, 'x', sizeof out);
		assert_int_equal(seal_open(s, aad, sizeof aad, sealed, LEN, out), ERR_CORRUPT);
		assert_memory_not_equal(out, "twenty bytes of text", N); /* and no plain text leaks */
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t i = 0; i < sizeof aad; i++) {
		aad[i] ^= 1;
		assert_int_equal(seal_open(s, aad, sizeof aad, sealed, LEN, out), ERR_CORRUPT);
		aad[i] ^= 1;
	}
	assert_int_equal(seal_open(s, aad, sizeof aad - 1, sealed, LEN, out), ERR_CORRUPT);
	for (size_t n = 0; n < LEN; n++)
		assert_int_equal(seal_open(s, aad, sizeof aad, sealed, n, out), ERR_CORRUPT);
	assert_int_equal(seal_open(s, aad, sizeof aad, sealed, LEN, out), ERR_OK);
	seal_free(s);
	key[31] ^= 1;
	s = seal_new(key);
	assert_non_null(s);
	assert_int_equal(seal_open(s, aad, sizeof aad, sealed, LEN, out), ERR_CORRUPT);
	seal_free(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_answers),
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(tamper),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
