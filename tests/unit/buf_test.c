/* Growth, the ceiling, and that a refused add leaves what was there and closes the buffer to later ones. */
#include "shared/buf.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

static void grows(void **state)
{
	struct buf b;
	(void)state;
	buf_init(&b, 100000);
	assert_string_equal(b.data, "");
	for (int i = 0; i < 1000; i++) {
		buf_addc(&b, '<');
		buf_adds(&b, "ab");
		buf_add(&b, "c\0d", 3);
		buf_addf(&b, "%03d>", i);
	}
	assert_false(b.bad);
	assert_int_equal(b.len, 10000);
	assert_int_equal(strlen(b.data + b.len), 0);
	assert_memory_equal(b.data + 9990, "<abc\0d999>", 10);
	buf_release(&b);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.max, 100000);
}

static void ceiling(void **state)
{
	struct buf b;
	(void)state;
	buf_init(&b, 10);
	buf_adds(&b, "0123456789"); /* as much as it may hold */
	assert_false(b.bad);
	buf_add(&b, "", 0);
	assert_false(b.bad);
	buf_addc(&b, 'x');
	assert_true(b.bad);
	assert_true(b.full);
	assert_string_equal(b.data, "0123456789");
	buf_addf(&b, "%d", 1);
	assert_null(buf_reserve(&b, 0));
	assert_int_equal(b.len, 10);
	assert_null(buf_steal(&b, NULL));
	assert_false(b.bad); /* empty again, ceiling kept */
	buf_adds(&b, "abc");
	assert_string_equal(b.data, "abc");
	buf_release(&b);
}

static void refused_at_once(void **state)
{
	struct buf b;
	(void)state;
	buf_init(&b, 3);
	buf_addf(&b, "%s", "four");
	assert_true(b.bad);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
	buf_release(&b);
	assert_null(buf_reserve(&b, SIZE_MAX));
	buf_release(&b);
}

static void reset_wipes(void **state)
{
	struct buf b;
	(void)state;
	buf_init(&b, 64);
	buf_adds(&b, "a secret");
	const char *at = b.data;
	buf_reset(&b);
	assert_int_equal(b.len, 0);
	assert_ptr_equal(b.data, at); /* the memory is kept, */
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(b.data[i], 0); /* its bytes are not */
	buf_release(&b);
	buf_reset(&b); /* with nothing allocated */
	assert_string_equal(b.data, "");
}

static void reserve_and_steal(void **state)
{
	struct buf b;
	size_t n = 99;
	(void)state;
	buf_init(&b, 1000);
	char *p = buf_reserve(&b, 500);
	assert_non_null(p);
	memset(p, 'z', 500);
	b.len += 500;
	p = buf_steal(&b, &n);
	assert_non_null(p);
	assert_int_equal(n, 500);
	assert_int_equal(b.len, 0);
	free(p);
	p = buf_steal(&b, &n); /* an empty buffer gives an empty text, not NULL */
	assert_non_null(p);
	assert_int_equal(n, 0);
	assert_string_equal(p, "");
	free(p);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(grows),       cmocka_unit_test(ceiling),           cmocka_unit_test(refused_at_once),
	    cmocka_unit_test(reset_wipes), cmocka_unit_test(reserve_and_steal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
