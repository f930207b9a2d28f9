/* The first error wins, messages are cut and not overrun, errno becomes the code that tells what may be done. */
#include "shared/err.h"
#include "tests/unit/support.h"

#include <errno.h>
#include <string.h>

static void first_wins(void **state)
{
	struct err e = {0};
	(void)state;
	assert_int_equal(err_set(&e, ERR_INVALID, "first %d", 1), ERR_INVALID);
	assert_int_equal(err_set(&e, ERR_BUSY, "second"), ERR_BUSY);
	assert_int_equal(err_sys(&e, ENOSPC, "third"), ERR_NOSPACE);
	assert_int_equal(e.code, ERR_INVALID);
	assert_string_equal(e.msg, "first 1");
}

static void null_is_legal(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, ERR_CORRUPT, "nobody looks"), ERR_CORRUPT);
	assert_int_equal(err_sys(NULL, EACCES, "nobody looks"), ERR_DENIED);
}

static void errno_codes(void **state)
{
	static const struct {
		int errnum;
		enum err_code code;
	} cases[] = {
	    {ENOSPC, ERR_NOSPACE}, {EDQUOT, ERR_NOSPACE}, {ENOMEM, ERR_NOMEM}, {ENOENT, ERR_NOTFOUND},
	    {EACCES, ERR_DENIED},  {EPERM, ERR_DENIED},   {EIO, ERR_IO},       {ECONNRESET, ERR_IO},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err e = {0};
		assert_int_equal(err_sys(&e, cases[i].errnum, "open %s", "x"), cases[i].code);
		assert_int_equal(e.code, cases[i].code);
		assert_memory_equal(e.msg, "open x: ", 8);
		assert_true(strlen(e.msg) > 8);
	}
}

static void long_messages(void **state)
{
	char text[2 * ERR_MSG_MAX];
	struct err set = {0}, sys = {0};
	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	(void)err_set(&set, ERR_IO, "%s", text);
	assert_int_equal(strlen(set.msg), ERR_MSG_MAX - 1);
	(void)err_sys(&sys, EIO, "%s", text);
	assert_int_equal(strlen(sys.msg), ERR_MSG_MAX - 1);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(err_name(ERR_OK), "ok");
	assert_string_equal(err_name(ERR_VERSION), "version");
	assert_string_equal(err_name((enum err_code)(ERR_VERSION + 1)), "unknown");
	for (int i = ERR_OK; i <= ERR_VERSION; i++) {
		assert_string_not_equal(err_name((enum err_code)i), "unknown");
		for (int j = ERR_OK; j < i; j++)
			assert_string_not_equal(err_name((enum err_code)i), err_name((enum err_code)j));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_wins),    cmocka_unit_test(null_is_legal), cmocka_unit_test(errno_codes),
	    cmocka_unit_test(long_messages), cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
