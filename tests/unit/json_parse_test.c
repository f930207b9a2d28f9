/* Strict JSON: what is taken, what is refused, and that messages name the byte and quote nothing. */
#include "shared/json_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define S(text) (text), sizeof(text) - 1

struct one {
	const char *text;
	size_t len;
	const char *says; /* NULL = accepted */
};

static const struct one cases[] = {
    {S("{}"), NULL},
    {S(" [1, 2.5, -3, 1e5, true, null, \"a\"] "), NULL},
    {S("\"\\u4fe1\\u5ba2\""), NULL},
    {S("\"信客\""), NULL},
    {S("7"), NULL},
    {S("9007199254740991"), NULL},
    {S("-9007199254740991"), NULL},
    {S("\"9007199254740992[[[[[[[[\""), NULL},
    {S("\"a\\\"[[[[[[\""), NULL},
    {S("[[[[]]]]"), NULL},
    {S("[[],[],[],[],[],[]]"), NULL},
    {S("[1e17]"), NULL},
    {S(""), "empty at byte 0"},
    {S("  "), "ends too early"},
    {S("{\"a\":9007199254740992}"), "integer beyond 2^53-1 at byte 5"},
    {S("[-9007199254740992]"), "integer beyond 2^53-1 at byte 1"},
    {S("123456789012345678901234567890"), "integer beyond 2^53-1 at byte 0"},
    {S("1e999"), "number out of range"},
    {S("[[[[[]]]]]"), "nested deeper than 4 at byte 4"},
    {S("{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}"), "nested deeper than 4 at byte 20"},
    {S("{\"a\":1,\"a\":2}"), "duplicate key at byte"},
    {S("{\"a\":1,\"\\u0061\":2}"), "duplicate key at byte"},
    {S("\"a\\u0000b\""), "NUL character"},
    {S("\"a\0b\""), "NUL character at byte 2"},
    {S("{}\0"), "NUL character at byte 2"},
    {S("\"\xc3\x28\""), "invalid UTF-8 at byte"},
    {S("\"\xc0\xaf\""), "invalid UTF-8 at byte"},
    {S("\"\xed\xa0\x80\""), "invalid UTF-8 at byte"},
    {S("\"\\ud800\""), "syntax error at byte"},
    {S("\xef\xbb\xbf{}"), "syntax error at byte 3"},
    {S("{} {}"), "something follows the value"},
    {S("{\"name\":\"张三\" x}"), "syntax error at byte"},
    {S("[1,]"), "syntax error"},
    {S("{'a':1}"), "syntax error"},
    {S("[01]"), "syntax error"},
    {S("[1"), "ends too early"},
    {S("\"abc"), "ends too early"},
    {S("\"abc\\"), "at byte"},
    {S("NaN"), "syntax error"},
};

static void judges(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = {0};
		json_t *v = NULL;
		int rc = json_parse_strict(cases[i].text, cases[i].len, 4, &v, &e);
		if (!cases[i].says) {
			if (rc) fail_msg("case %zu refused: %s", i, e.msg);
			assert_non_null(v);
		} else {
			assert_null(v);
			if (rc != ERR_INVALID || !strstr(e.msg, cases[i].says))
				fail_msg("case %zu: %d %s", i, rc, e.msg);
			assert_null(strstr(e.msg, "张三"));
		}
		json_decref(v);
	}
}

static void every_cut_is_safe(void **state)
{
	(void)state;
	static const char text[] = "{\"a\":[1,-2.5e3,\"x\\n\\u4fe1\",{\"b\":null}],\"信\":true}";
	for (size_t n = 0; n < sizeof text - 1; n++) {
		json_t *v = NULL;
		assert_int_equal(json_parse_strict(text, n, 16, &v, NULL), ERR_INVALID);
		assert_null(v);
	}
}

static int budget;

static void *poor_malloc(size_t n)
{
	if (budget-- <= 0) return NULL;
	return test_malloc(n);
}

static void poor_free(void *p)
{
	test_free(p);
}

static void survives_without_memory(void **state)
{
	(void)state;
	static const char text[] = "{\"a\":[1,2.5,\"x\",{\"b\":null}],\"c\":true}";
	json_set_alloc_funcs(poor_malloc, poor_free);
	int rc = ERR_NOMEM;
	for (int n = 0; rc != ERR_OK && n < 100; n++) {
		budget = n;
		json_t *v = NULL;
		rc = json_parse_strict(S(text), 16, &v, NULL);
		assert_true(rc == ERR_OK || rc == ERR_NOMEM || rc == ERR_INVALID); /* see json_parse.h */
		assert_true(rc == ERR_OK || !v);
		json_decref(v);
	}
	assert_int_equal(rc, ERR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(judges),
	    cmocka_unit_test(every_cut_is_safe),
	    cmocka_unit_test(survives_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
