/* The enrolment's code and URI: what is taken, what is refused. */
#include "shared/enrolcode.h"
#include "tests/unit/support.h"

#include <string.h>

static void codes(void **state)
{
	uint8_t raw[ENROLCODE_CHARS], a[DIGEST_LEN], b[DIGEST_LEN];
	char text[ENROLCODE_MAX];
	(void)state;
	for (size_t i = 0; i < sizeof raw; i++)
		raw[i] = (uint8_t)(i * 17);
	enrolcode_text(raw, text);
	assert_int_equal(strlen(text), 19);
	assert_true(enrolcode_hash(text, a));
	assert_true(enrolcode_hash("0123-4567-89AB-CDEF", a));
	assert_true(enrolcode_hash("0123456789abcdef", b));
	assert_memory_equal(a, b, DIGEST_LEN);
	static const char *const bad[] = {
	    "",        "-", "0123-4567-89AB-CDE", "0123-4567-89AB-CDEFG", "0123-4567-89AB-CDEU", "0123-4567-89AB-CDE ",
	    "0123\xff"};
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(enrolcode_hash(bad[i], a));
}

static void values(void **state)
{
	char out[16];
	(void)state;
	assert_true(enrolcode_value("url=https%3A%2F%2Fc&root=ab&code=X-Y", "url", out, sizeof out));
	assert_string_equal(out, "https://c");
	assert_true(enrolcode_value("url=a&code=X-Y", "code", out, sizeof out));
	assert_string_equal(out, "X-Y");
	assert_true(enrolcode_value("a=%4", "a", out, sizeof out)); /* no escape: taken as it stands */
	assert_string_equal(out, "%4");
	assert_false(enrolcode_value("url=a&code=", "code", out, sizeof out));
	assert_false(enrolcode_value("xcode=1", "code", out, sizeof out));
	assert_false(enrolcode_value("code=a%00b", "code", out, sizeof out));
	assert_true(enrolcode_value("a=123456789012345", "a", out, sizeof out));
	assert_false(enrolcode_value("a=1234567890123456", "a", out, sizeof out)); /* cut short it would be another */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(codes), cmocka_unit_test(values)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
