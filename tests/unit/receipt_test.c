/* Receipt numbers: both ways, one spelling, and what MOD 11-2 promises: every single wrong digit and every adjacent
 * transposition is caught. */
#include "shared/receipt.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

static void expect(const char *station, int day, int box, int64_t serial, const char *text)
{
	struct receipt r = {.day = day, .box = box, .serial = serial}, back;
	char out[RECEIPT_MAX];
	memcpy(r.station, station, sizeof r.station);
	assert_true(receipt_format(&r, out));
	assert_string_equal(out, text);
	assert_true(receipt_parse(out, &back));
	assert_string_equal(back.station, station);
	assert_int_equal(back.day, day);
	assert_int_equal(back.box, box);
	assert_int_equal(back.serial, serial);
}

static void known(void **state)
{
	(void)state;
	expect("652323101201", 20261124, 1, 1, "652323101201-20261124-010001-2");
	expect("652323101200", 20261124, 1, 1, "652323101200-20261124-010001-1");
	expect("652323100001", 20260101, 99, 9999, "652323100001-20260101-999999-3");
	expect("652323201203", 20280229, 7, 10000, "652323201203-20280229-0710000-0");
	expect("652323101000", 20261231, 12, 999999999, "652323101000-20261231-12999999999-1");
	expect("000000000000", 20260101, 1, 1, "000000000000-20260101-010001-1");
	expect("652323101200", 20261124, 1, 2, "652323101200-20261124-010002-X");
}

static void round_trip(void **state)
{
	unsigned seed = 99;
	char seen_x = 0;
	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct receipt r = {.day = 20260101 + i % 28, .box = i % 99 + 1}, back;
		char out[RECEIPT_MAX];
		seed = seed * 1103515245u + 12345u;
		r.serial = (seed >> 3) % 999999999 + 1;
		(void)snprintf(r.station, sizeof r.station, "652323%06u", seed >> 16);
		assert_true(receipt_format(&r, out));
		if (!receipt_parse(out, &back)) fail_msg("refused: %s", out);
		assert_int_equal(back.serial, r.serial);
		assert_int_equal(back.box, r.box);
		if (out[strlen(out) - 1] == 'X') seen_x = 1;
	}
	assert_true(seen_x);
}

static void out_of_range(void **state)
{
	static const struct receipt bad[] = {
	    {"65232310120", 20261124, 1, 1},
	    {"65232310120a", 20261124, 1, 1},
	    {"652323101201", 20261131, 1, 1},
	    {"652323101201", 20261124, -1, 1},
	    {"652323101201", 20261124, 100, 1},
	    {"652323101201", 20261124, 1, 0},
	    {"652323101201", 20261124, -1, 1},
	    {"652323101201", 20261124, 1, 1000000000},
	    {"652323101201", 0, 1, 1},
	    {"652323101201", -20261124, 1, 1},
	    {"", 20261124, 1, 1},
	};
	char out[RECEIPT_MAX];
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(receipt_format(&bad[i], out));
}

static void refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    "652323101201-20261124-010001",
	    "652323101201-20261124-010001-",
	    "652323101201-20261124-010001-2 ",
	    " 652323101201-20261124-010001-2",
	    "652323101201-20261124-010001-22",
	    "652323101201-20261124-010001_2",
	    "652323101201_20261124-010001-2",
	    "65232310120120261124010001-2-",
	    "652323101201-20261124-01001-2",
	    "652323101201-20261124-0100001-2", /* a zero too many: another spelling of the serial */
	    "652323101201-20261124-010000-",
	    "652323101201-20261124-01000A-2",
	    "652323101201-20261124-010001-x",
	    "6523231012011-20261124-010001-2",
	};
	struct receipt r;
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (receipt_parse(bad[i], &r)) fail_msg("taken: %s", bad[i]);
}

static void one_wrong_digit(void **state)
{
	static const char *const good[] = {"652323101201-20261124-010001-2", "652323101200-20261124-010002-X",
	                                   "652323100001-20260101-999999-3", "652323201203-20280229-0710000-0"};
	struct receipt r;
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		size_t n = strlen(good[i]);
		char s[RECEIPT_MAX];
		assert_true(receipt_parse(good[i], &r));
		for (size_t at = 0; at < n; at++) {
			for (const char *c = "0123456789X-"; *c; c++) {
				memcpy(s, good[i], n + 1);
				if (s[at] == *c) continue;
				s[at] = *c;
				if (receipt_parse(s, &r)) fail_msg("taken: %s for %s", s, good[i]);
			}
			memcpy(s, good[i], n + 1); /* a digit left out, */
			memmove(s + at, s + at + 1, n - at);
			if (receipt_parse(s, &r)) fail_msg("taken: %s for %s", s, good[i]);
		}
		for (size_t a = 0, b; a + 1 < n; a++) { /* two neighbours swapped, a hyphen between them or not */
			memcpy(s, good[i], n + 1);
			if (s[a] == '-') continue;
			b = s[a + 1] == '-' ? a + 2 : a + 1;
			if (s[a] == s[b]) continue;
			char t = s[a];
			s[a] = s[b];
			s[b] = t;
			if (receipt_parse(s, &r)) fail_msg("taken: %s for %s", s, good[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known),   cmocka_unit_test(round_trip),      cmocka_unit_test(out_of_range),
	    cmocka_unit_test(refused), cmocka_unit_test(one_wrong_digit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
