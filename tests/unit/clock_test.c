/* RFC 3339 both ways, days, the floor and its quality, the day's boundary in China. */
#include "shared/clock.h"
#include "tests/unit/support.h"

#include <string.h>

static void good_times(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
	    {"1970-01-01T00:00:00Z", 0},
	    {"1969-12-31T23:59:59.999Z", -1},
	    {"2026-11-24T00:00:00Z", SUPPORT_NOW},
	    {"2026-11-24t08:00:00+08:00", SUPPORT_NOW},
	    {"2026-11-23T18:30:00-05:30", SUPPORT_NOW},
	    {"2026-11-24T00:00:00-00:00", SUPPORT_NOW},
	    {"2026-11-24T00:00:00.1z", SUPPORT_NOW + 100},
	    {"2026-11-24T00:00:00.123456789Z", SUPPORT_NOW + 123},
	    {"2024-02-29T12:00:00Z", 1709208000000},
	    {"2000-02-29T00:00:00Z", 951782400000},
	    {"1985-04-12T23:20:50.52Z", 482196050520}, /* RFC 3339 section 5.8 */
	    {"1996-12-19T16:39:57-08:00", 851042397000},
	    {"9999-12-31T23:59:59Z", 253402300799000},
	    {"2026-11-24T23:59:00+23:59", SUPPORT_NOW},
	};
	int64_t ms;
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (!clock_parse(cases[i].text, &ms)) fail_msg("refused: %s", cases[i].text);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void bad_times(void **state)
{
	static const char *const bad[] = {
	    "",
	    "2026",
	    "2026-11-24",
	    "2026-11-24 00:00:00Z",
	    "2026-11-24T00:00:00",
	    "2026-11-24T00:00Z",
	    "2026-11-24T00:00:00.Z",
	    "2026-11-24T00:00:00.1234567890Z",
	    "2026-11-24T00:00:00,5Z",
	    "2026-11-24T00:00:00+0800",
	    "2026-11-24T00:00:00+08",
	    "2026-11-24T00:00:00+8:00",
	    "2026-11-24T00:00:00+24:00",
	    "2026-11-24T00:00:00+08:60",
	    "2026-11-24T00:00:00 Z",
	    "2026-11-24T00:00:00Zx",
	    " 2026-11-24T00:00:00Z",
	    "2026-11-24T24:00:00Z",
	    "2026-11-24T00:60:00Z",
	    "2026-11-24T00:00:60Z",
	    "2026-02-29T00:00:00Z",
	    "2100-02-29T00:00:00Z",
	    "2026-04-31T00:00:00Z",
	    "2026-00-10T00:00:00Z",
	    "2026-13-10T00:00:00Z",
	    "2026-11-00T00:00:00Z",
	    "2026-11-32T00:00:00Z",
	    "26-11-24T00:00:00Z",
	    "+2026-11-24T00:00:00Z",
	    "2026-1-24T00:00:00Z",
	    "2026/11/24T00:00:00Z",
	    "20261124T000000Z",
	    "2026-11-24T0-:00:00Z",
	    "\xef\xbc\x92\xef\xbc\x90\xef\xbc\x92\xef\xbc\x96-11-24T00:00:00Z",
	};
	int64_t ms;
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (clock_parse(bad[i], &ms)) fail_msg("taken: %s", bad[i]);
}

static void text(void **state)
{
	char out[CLOCK_TEXT];
	int64_t back;
	(void)state;
	clock_text(SUPPORT_NOW, out);
	assert_string_equal(out, "2026-11-24T08:00:00.000+08:00");
	clock_text(-1, out);
	assert_string_equal(out, "1970-01-01T07:59:59.999+08:00");
	clock_text(SUPPORT_NOW + 16 * 3600000LL - 1, out);
	assert_string_equal(out, "2026-11-24T23:59:59.999+08:00");
	for (int64_t ms = -7777777777777; ms < 9999999999999; ms += 123456789123) {
		clock_text(ms, out);
		if (!clock_parse(out, &back)) fail_msg("its own text is refused: %s", out);
		assert_int_equal(back, ms);
	}
	clock_text(INT64_MAX / 2, out); /* nonsense in, no more than CLOCK_TEXT out */
	assert_true(strlen(out) < CLOCK_TEXT);
}

static void dates(void **state)
{
	static const struct {
		int y, m, d;
		int64_t days;
	} good[] = {
	    {1970, 1, 1, 0},       {1969, 12, 31, -1},    {2000, 2, 29, 11016},
	    {1900, 2, 28, -25509}, {2026, 11, 24, 20781}, {1880, 1, 1, -32872},
	};
	static const int bad[][3] = {
	    {2026, 2, 29}, {1900, 2, 29}, {2026, 4, 31}, {2026, 0, 1},
	    {2026, 13, 1}, {2026, 1, 0},  {2026, 1, 32}, {2026, -1, 1},
	};
	int64_t days;
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_true(clock_date_days(good[i].y, good[i].m, good[i].d, &days));
		assert_int_equal(days, good[i].days);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(clock_date_days(bad[i][0], bad[i][1], bad[i][2], &days));
}

static void day_in_china(void **state)
{
	const int64_t midnight = SUPPORT_NOW - 8 * 3600000LL; /* 2026-11-24T00:00:00+08:00 */
	(void)state;
	assert_int_equal(clock_day(midnight), 20261124);
	assert_int_equal(clock_day(midnight - 1), 20261123);
	assert_int_equal(clock_day(midnight + SUPPORT_DAY_MS - 1), 20261124);
	assert_int_equal(clock_day(midnight + SUPPORT_DAY_MS), 20261125);
	assert_int_equal(clock_day(0), 19700101);
	assert_int_equal(clock_day(-8 * 3600000LL - 1), 19691231);
}

static void floor_and_quality(void **state)
{
	struct support_clock c;
	(void)state;
	support_clock_init(&c);
	struct clock_now n = clock_read(&c.clock);
	assert_int_equal(n.wall, SUPPORT_NOW);
	assert_int_equal(n.mono, 1000);
	assert_int_equal(n.quality, CLOCK_SYNCED);
	c.synced = false;
	assert_int_equal(clock_read(&c.clock).quality, CLOCK_RTC);
	clock_raise_floor(&c.clock, SUPPORT_NOW + 5);
	n = clock_read(&c.clock);
	assert_int_equal(n.wall, SUPPORT_NOW + 5);
	assert_int_equal(n.quality, CLOCK_FLOOR);
	clock_raise_floor(&c.clock, SUPPORT_NOW); /* never lowers */
	assert_int_equal(clock_read(&c.clock).wall, SUPPORT_NOW + 5);
	c.wall = SUPPORT_NOW + 5; /* at the floor is good enough */
	assert_int_equal(clock_read(&c.clock).quality, CLOCK_RTC);
	c.wall = 0; /* a dead battery */
	c.synced = true;
	n = clock_read(&c.clock);
	assert_int_equal(n.wall, SUPPORT_NOW + 5);
	assert_int_equal(n.quality, CLOCK_FLOOR);
}

static void quality_names(void **state)
{
	enum clock_quality q;
	(void)state;
	for (int i = CLOCK_FLOOR; i <= CLOCK_SYNCED; i++) {
		assert_true(clock_quality_parse(clock_quality_name((enum clock_quality)i), &q));
		assert_int_equal(q, i);
	}
	assert_string_equal(clock_quality_name(CLOCK_RTC), "rtc");
	assert_false(clock_quality_parse("", &q));
	assert_false(clock_quality_parse("RTC", &q));
}

static void the_system(void **state)
{
	struct clock c;
	(void)state;
	clock_init(&c);
	assert_int_equal(c.floor, (int64_t)XINKE_BUILD_EPOCH * 1000);
	assert_int_equal(strlen(c.boot), 36);
	struct clock_now a = clock_read(&c), b = clock_read(&c);
	assert_true(a.wall >= c.floor);
	assert_true(b.mono >= a.mono);
	assert_true(a.mono > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_times), cmocka_unit_test(bad_times),         cmocka_unit_test(text),
	    cmocka_unit_test(dates),      cmocka_unit_test(day_in_china),      cmocka_unit_test(quality_names),
	    cmocka_unit_test(the_system), cmocka_unit_test(floor_and_quality),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
