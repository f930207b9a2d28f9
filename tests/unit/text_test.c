/* Hex, base64, UTF-8: vectors of RFC 4648 section 10, and tables of well- and ill-formed UTF-8. */
#include "shared/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void hex(void **state)
{
	static const uint8_t bytes[] = {0x00, 0x0f, 0xa5, 0xff};
	char out[TEXT_HEX_LEN(sizeof bytes)];
	uint8_t back[sizeof bytes];
	(void)state;
	text_hex(bytes, sizeof bytes, out);
	assert_string_equal(out, "000fa5ff");
	assert_true(text_unhex("000FA5fF", back, sizeof back));
	assert_memory_equal(back, bytes, sizeof bytes);
	assert_true(text_unhex("", back, 0));
	static const char *const bad[] = {"", "000fa5f", "000fa5fg", "000fa5ff0", "000fa5ff ", " 00fa5ff", "0x0fa5ff"};
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(text_unhex(bad[i], back, sizeof back));
}

static void base64(void **state)
{
	static const struct {
		const char *plain, *b64, *url;
	} cases[] = {
	    {"", "", ""},
	    {"f", "Zg==", "Zg"},
	    {"fo", "Zm8=", "Zm8"},
	    {"foo", "Zm9v", "Zm9v"},
	    {"foob", "Zm9vYg==", "Zm9vYg"},
	    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
	    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
	    {"\xfb\xff\xbf", "+/+/", "-_-_"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[16];
		uint8_t back[8];
		size_t n = strlen(cases[i].plain);
		assert_int_equal(text_b64(cases[i].plain, n, out), strlen(cases[i].b64));
		assert_string_equal(out, cases[i].b64);
		assert_int_equal(text_b64url(cases[i].plain, n, out), strlen(cases[i].url));
		assert_string_equal(out, cases[i].url);
		assert_int_equal(text_unb64(cases[i].b64, strlen(cases[i].b64), back, sizeof back), n);
		assert_memory_equal(back, cases[i].plain, n);
		assert_int_equal(text_unb64(cases[i].url, strlen(cases[i].url), back, n), n);
		assert_memory_equal(back, cases[i].plain, n);
		if (n) assert_int_equal(text_unb64(cases[i].url, strlen(cases[i].url), back, n - 1), -1);
	}
}

static void base64_refused(void **state)
{
	static const char *const bad[] = {"Z",  "Zg=",  "Zm8==", "Zg===", "====",  "=",    "Zm9v=", "Zm9vY", "Zh==",
	                                  "Zh", "Zm9=", "Z g=",  "Zg\n",  "Zg==a", "Zm.v", "Z===",  "=g=="};
	uint8_t out[32];
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(text_unb64(bad[i], strlen(bad[i]), out, sizeof out), -1);
	assert_int_equal(text_unb64("Zg\0v", 4, out, sizeof out), -1);
}

static void base64_lengths(void **state)
{
	uint8_t in[64], back[64];
	char out[TEXT_B64_LEN(64)];
	(void)state;
	for (size_t n = 0; n <= sizeof in; n++) {
		for (size_t i = 0; i < n; i++)
			in[i] = (uint8_t)(i * 37 + n);
		size_t len = text_b64(in, n, out);
		assert_int_equal(len + 1, TEXT_B64_LEN(n));
		assert_int_equal(text_unb64(out, len, back, sizeof back), n);
		assert_memory_equal(in, back, n);
	}
}

static void utf8(void **state)
{
	static const struct {
		const char *s;
		size_t count;
	} good[] = {
	    {"", 0},
	    {"Xinke", 5},
	    {"信客", 2},
	    {"\x7f\xc2\x80\xdf\xbf", 3},
	    {"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 4}, /* both sides of the surrogates */
	    {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 2},
	    {"\xf0\xa0\xae\xb7", 1}, /* U+20BB7, a character of personal names */
	};
	static const char *const bad[] = {
	    "\x80",
	    "\xbf",
	    "\xc0\x80",
	    "\xc1\xbf",
	    "\xc2",
	    "\xc2\x41",
	    "\xe0\x80\x80",
	    "\xe0\x9f\xbf",
	    "\xed\xa0\x80",
	    "\xed\xbf\xbf",
	    "\xe4\xbf",
	    "\xe4\xbf\xc0",
	    "\xf0\x80\x80",
	    "\xf0\x8f\xbf\xbf",
	    "\xf4\x90\x80\x80",
	    "\xf5\x80\x80\x80",
	    "\xff",
	    "\xfe",
	    "\xf8\x88\x80\x80\x80",
	};
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_true(text_utf8_valid(good[i].s, strlen(good[i].s)));
		assert_int_equal(text_utf8_count(good[i].s, strlen(good[i].s)), good[i].count);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(text_utf8_valid(bad[i], strlen(bad[i])));
	assert_true(text_utf8_valid("a\0b", 3)); /* NUL is UTF-8, and a control */
	assert_false(text_utf8_valid("信", 2));
}

static void controls(void **state)
{
	static const char *const bad[] = {
	    "\x01",         "a\rb",         "\x1b[0m",      "\x7f",         "\xc2\x80",         "\xc2\x9f",
	    "\xef\xb7\x90", "\xef\xb7\xaf", "\xef\xbf\xbe", "\xef\xbf\xbf", "\xf0\x9f\xbf\xbe", "\xf4\x8f\xbf\xbf",
	};
	static const char *const good[] = {
	    "", "张三", " ~", "\xc2\xa0", "\xef\xb7\x8f", "\xef\xb7\xb0", "\xef\xbf\xbd"};
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_true(text_has_control(bad[i], strlen(bad[i]), true));
	for (size_t i = 0; i < COUNT(good); i++)
		assert_false(text_has_control(good[i], strlen(good[i]), false));
	assert_true(text_has_control("a\0b", 3, true));
	assert_true(text_has_control("a\nb", 3, false));
	assert_false(text_has_control("a\n\tb", 4, true));
}

static void equal(void **state)
{
	(void)state;
	assert_true(text_equal_const("abc", "abc", 3));
	assert_true(text_equal_const("abc", "abd", 2));
	assert_false(text_equal_const("abc", "abd", 3));
	assert_false(text_equal_const("xbc", "abc", 3));
	assert_true(text_equal_const("a", "b", 0));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hex),
	    cmocka_unit_test(base64),
	    cmocka_unit_test(base64_refused),
	    cmocka_unit_test(base64_lengths),
	    cmocka_unit_test(utf8),
	    cmocka_unit_test(controls),
	    cmocka_unit_test(equal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
