/* RFC 8785 for what we allow of it: key order, escapes, integers; and what we do not allow is refused. */
#include "shared/canon.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

static void expect(const char *in, const char *out)
{
	struct buf b;
	struct err e = {0};
	json_error_t je;
	json_t *v = json_loads(in, JSON_DECODE_ANY, &je);
	if (!v) fail_msg("%s: %s", in, je.text);
	buf_init(&b, 65536);
	assert_int_equal(canon_write(v, &b, &e), ERR_OK);
	assert_string_equal(b.data, out);
	buf_release(&b);
	json_decref(v);
}

static void expect_refused(const char *in)
{
	struct buf b;
	struct err e = {0};
	json_t *v = json_loads(in, JSON_DECODE_ANY, NULL);
	assert_non_null(v);
	buf_init(&b, 65536);
	assert_int_equal(canon_write(v, &b, &e), ERR_INVALID);
	assert_int_equal(e.code, ERR_INVALID);
	buf_release(&b);
	json_decref(v);
}

static void values(void **state)
{
	(void)state;
	expect("null", "null");
	expect(" [ true , false , null ] ", "[true,false,null]");
	expect("{}", "{}");
	expect("[]", "[]");
	expect("[ [], {} ]", "[[],{}]");
	expect("-0", "0"); /* RFC 8785 section 3.2.2.3: minus zero is written 0 */
	expect("0", "0");
}

static void key_order(void **state)
{
	(void)state;
	expect("{\"b\":1,\"a\":2,\"c\":{\"z\":1,\"y\":2}}", "{\"a\":2,\"b\":1,\"c\":{\"y\":2,\"z\":1}}");
	/* by code unit: digits, capitals, underscore, small letters; a prefix comes first */
	expect("{\"aa\":1,\"a\":2,\"_\":3,\"A\":4,\"1\":5,\"10\":6,\"\":7}",
	       "{\"\":7,\"1\":5,\"10\":6,\"A\":4,\"_\":3,\"a\":2,\"aa\":1}");
	/* the sample of RFC 8785 section 3.2.2, its reals left out */
	expect(
	    "{\"string\":\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\"literals\":[null,true,false]}",
	    "{\"literals\":[null,true,false],\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

static void escapes(void **state)
{
	struct buf b;
	(void)state;
	buf_init(&b, 4096);
	for (char c = 1; c < 0x20; c++)
		canon_string(&b, &c, 1);
	assert_string_equal(
	    b.data,
	    "\"\\u0001\"\"\\u0002\"\"\\u0003\"\"\\u0004\"\"\\u0005\"\"\\u0006\"\"\\u0007\"\"\\b\"\"\\t\"\"\\n\""
	    "\"\\u000b\"\"\\f\"\"\\r\"\"\\u000e\"\"\\u000f\"\"\\u0010\"\"\\u0011\"\"\\u0012\"\"\\u0013\"\"\\u0014\""
	    "\"\\u0015\"\"\\u0016\"\"\\u0017\"\"\\u0018\"\"\\u0019\"\"\\u001a\"\"\\u001b\"\"\\u001c\"\"\\u001d\""
	    "\"\\u001e\"\"\\u001f\"");
	buf_reset(&b);
	canon_string(&b, "a\0b\x7f", 4); /* NUL is escaped, DEL is not */
	assert_string_equal(b.data, "\"a\\u0000b\x7f\"");
	buf_release(&b);
	expect("\"\\u5b57\\ud83d\\ude00\\u00b7/\"",
	       "\"\xe5\xad\x97\xf0\x9f\x98\x80\xc2\xb7/\""); /* all else stands as it is */
}

static void integers(void **state)
{
	(void)state;
	expect("9007199254740991", "9007199254740991");
	expect("-9007199254740991", "-9007199254740991");
	expect_refused("9007199254740992");
	expect_refused("-9007199254740992");
	expect_refused("[1,{\"a\":9223372036854775807}]");
	expect_refused("1.5");
	expect_refused("1.0");
	expect_refused("1e3");
	expect_refused("{\"a\":[0.1]}");
}

static void keys_are_ascii(void **state)
{
	(void)state;
	expect_refused("{\"\xe5\xad\x97\":1}");
	expect_refused("{\"a\":{\"\xc2\xb7\":1}}");
}

static void keeps_what_was_there(void **state)
{
	struct buf b;
	struct err e = {0};
	json_t *v = support_json("{'a':1}");
	(void)state;
	buf_init(&b, 64);
	buf_adds(&b, "x");
	assert_int_equal(canon_write(v, &b, &e), ERR_OK);
	assert_string_equal(b.data, "x{\"a\":1}");
	buf_release(&b);
	buf_init(&b, 6);
	assert_int_equal(canon_write(v, &b, &e), ERR_INVALID); /* over the ceiling */
	assert_true(b.bad);
	buf_release(&b);
	json_decref(v);
}

/* However the members came in, the bytes are the same; and parsing them again changes nothing. */
static void order_never_matters(void **state)
{
	unsigned seed = 20261124;
	char last[4096] = "";
	(void)state;
	for (int round = 0; round < 50; round++) {
		int order[40];
		struct buf b;
		struct err e = {0};
		json_t *v = json_object();
		for (int i = 0; i < 40; i++)
			order[i] = i;
		for (int i = 39; i > 0; i--) {
			seed = seed * 1103515245u + 12345u;
			int j = (int)(seed >> 16) % (i + 1), t = order[i];
			order[i] = order[j];
			order[j] = t;
		}
		for (int i = 0; i < 40; i++) {
			char key[16];
			(void)snprintf(key, sizeof key, "k%d", order[i] * 7);
			assert_int_equal(json_object_set_new(v, key, json_integer(order[i])), 0);
		}
		buf_init(&b, sizeof last);
		assert_int_equal(canon_write(v, &b, &e), ERR_OK);
		if (round) assert_string_equal(b.data, last);
		(void)snprintf(last, sizeof last, "%s", b.data);
		buf_release(&b);
		json_decref(v);
	}
	expect(last, last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values),
	    cmocka_unit_test(key_order),
	    cmocka_unit_test(escapes),
	    cmocka_unit_test(integers),
	    cmocka_unit_test(keys_are_ascii),
	    cmocka_unit_test(keeps_what_was_there),
	    cmocka_unit_test(order_never_matters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
