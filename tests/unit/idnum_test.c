/* The numbers of the domain rules and further ones computed from the standards; any one wrong character is refused. */
#include "shared/idnum.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

static const int64_t today = SUPPORT_NOW / SUPPORT_DAY_MS; /* 2026-11-24 */

struct number {
	enum id_type type;
	const char *text;
	const char *why; /* NULL = right */
};

static void check(const struct number *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *why = idnum_check(cases[i].type, cases[i].text, today);
		if (!why != !cases[i].why || (why && strcmp(why, cases[i].why) != 0))
			fail_msg("%s %s: %s, not %s", id_type_name(cases[i].type), cases[i].text, why ? why : "right",
			         cases[i].why ? cases[i].why : "right");
	}
}

static void citizens(void **state)
{
	static const struct number cases[] = {
	    {ID_CITIZEN, "11010519491231002X", NULL},
	    {ID_CITIZEN, "652323198506151237", NULL},
	    {ID_CITIZEN, "652323200002290022", NULL},         /* a leap day */
	    {ID_CITIZEN, "54232319370101001X", NULL},         /* a division that is no more */
	    {ID_CITIZEN, "652323202611240011", NULL},         /* born today */
	    {ID_CITIZEN, "652323188001010018", NULL},         /* the oldest that is believed */
	    {ID_CITIZEN, "652323202611250017", "birth_date"}, /* tomorrow */
	    {ID_CITIZEN, "652323187912310017", "birth_date"},
	    {ID_CITIZEN, "652323199002290019", "birth_date"}, /* 1990 had no leap day */
	    {ID_CITIZEN, "65230119000101999X", NULL},
	    {ID_CITIZEN, "652323198513151237", "birth_date"},
	    {ID_CITIZEN, "652323198506321237", "birth_date"},
	    {ID_CITIZEN, "652323198500151237", "birth_date"},
	    {ID_CITIZEN, "652323198506151238", "check_digit"},
	    {ID_CITIZEN, "11010519491231002x", "characters"}, /* one spelling */
	    {ID_CITIZEN, "110105194912310020", "check_digit"},
	    {ID_CITIZEN, "65232319850615123", "length"},
	    {ID_CITIZEN, "6523231985061512377", "length"},
	    {ID_CITIZEN, "652323850615123", "length"}, /* the 15 digits of before 2013 */
	    {ID_CITIZEN, "", "length"},
	    {ID_CITIZEN, " 52323198506151237", "characters"},
	    {ID_CITIZEN, "65232319850615123X", "check_digit"},
	    {ID_CITIZEN, "6523231985X6151237", "characters"},
	    {ID_CITIZEN, "810000198506151234", "prefix"},
	    {ID_CITIZEN, "931156197001010015", "prefix"},
	};
	(void)state;
	check(cases, COUNT(cases));
}

static void residents(void **state)
{
	static const struct number cases[] = {
	    {ID_HMT, "810000198506151234", NULL},
	    {ID_HMT, "820000198506151236", NULL},
	    {ID_HMT, "830000198506151238", NULL},
	    {ID_HMT, "84000019850615123X", "prefix"},
	    {ID_HMT, "652323198506151237", "prefix"},
	    {ID_HMT, "810000198506151235", "check_digit"},
	    {ID_HMT, "8", "prefix"},
	    {ID_HMT, "81", "length"},
	    {ID_HMT, "", "prefix"},
	    {ID_FOREIGN, "931156197001010015", NULL},
	    {ID_FOREIGN, "990000198506151232", NULL},
	    {ID_FOREIGN, "931156197001010016", "check_digit"},
	    {ID_FOREIGN, "652323198506151237", "prefix"},
	    {ID_FOREIGN, "USA310000000001", NULL},
	    {ID_FOREIGN, "USA31000000000", "length"},
	    {ID_FOREIGN, "USa310000000001", "characters"},
	    {ID_FOREIGN, "US1310000000001", "characters"},
	    {ID_FOREIGN, "USA31000000000A", "characters"},
	    {ID_FOREIGN, "", "length"},
	};
	(void)state;
	check(cases, COUNT(cases));
}

static void organisations_and_others(void **state)
{
	static const struct number cases[] = {
	    {ID_CREDIT_CODE, "91350100M000100Y43", NULL},
	    {ID_CREDIT_CODE, "11652323010203045U", NULL},
	    {ID_CREDIT_CODE, "52652323MJY00000XB", NULL},
	    {ID_CREDIT_CODE, "N2652323MF4567890D", NULL},
	    {ID_CREDIT_CODE, "91350100m000100y43", "characters"},
	    {ID_CREDIT_CODE, "91350100M000100Y44", "check_digit"},
	    {ID_CREDIT_CODE, "91350100I000100Y43", "characters"}, /* I, O, S, V and Z are not in the alphabet */
	    {ID_CREDIT_CODE, "91350100O000100Y43", "characters"},
	    {ID_CREDIT_CODE, "91350100S000100Y43", "characters"},
	    {ID_CREDIT_CODE, "91350100V000100Y43", "characters"},
	    {ID_CREDIT_CODE, "91350100Z000100Y43", "characters"},
	    {ID_CREDIT_CODE, "91350100M000100Y4", "length"},
	    {ID_CREDIT_CODE, "91350100M000100Y433", "length"},
	    {ID_CREDIT_CODE, "", "length"},
	    {ID_PASSPORT, "E12345678", NULL},
	    {ID_PASSPORT, "AB123", NULL},
	    {ID_PASSPORT, "AB12", "length"},
	    {ID_PASSPORT, "ABCDEFGHIJ0123456789", NULL},
	    {ID_PASSPORT, "ABCDEFGHIJ01234567890", "length"},
	    {ID_PASSPORT, "E1234567a", "characters"},
	    {ID_PASSPORT, "E1234-678", "characters"},
	    {ID_NONE, "", NULL},
	    {ID_NONE, "652323198506151237", "length"},
	    {ID_TYPE_COUNT, "652323198506151237", "type"},
	};
	(void)state;
	check(cases, COUNT(cases));
}

/* Both standards promise it: no single wrong character gives another valid number. */
static void one_wrong_character(void **state)
{
	static const struct {
		enum id_type type;
		const char *text, *alphabet;
	} cases[] = {
	    {ID_CITIZEN, "11010519491231002X", "0123456789X"},
	    {ID_CITIZEN, "652323198506151237", "0123456789X"},
	    {ID_CITIZEN, "652323200002290022", "0123456789X"},
	    {ID_CITIZEN, "65230119000101999X", "0123456789X"},
	    {ID_HMT, "820000198506151236", "0123456789X"},
	    {ID_FOREIGN, "931156197001010015", "0123456789X"},
	    {ID_CREDIT_CODE, "91350100M000100Y43", "0123456789ABCDEFGHJKLMNPQRTUWXYIOSVZ"},
	    {ID_CREDIT_CODE, "52652323MJY00000XB", "0123456789ABCDEFGHJKLMNPQRTUWXYIOSVZ"},
	    {ID_CREDIT_CODE, "N2652323MF4567890D", "0123456789ABCDEFGHJKLMNPQRTUWXYIOSVZ"},
	};
	int tried = 0;
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_null(idnum_check(cases[i].type, cases[i].text, today));
		for (size_t at = 0; at < 18; at++) {
			for (const char *c = cases[i].alphabet; *c; c++) {
				char wrong[19];
				memcpy(wrong, cases[i].text, sizeof wrong);
				if (wrong[at] == *c) continue;
				wrong[at] = *c;
				tried++;
				if (!idnum_check(cases[i].type, wrong, today))
					fail_msg("taken: %s for %s", wrong, cases[i].text);
			}
		}
	}
	assert_true(tried > 2500);
}

/* Of random numbers one in eleven (thirty-one) passes, and the one that does is the one with the computed check. */
static void random_numbers(void **state)
{
	unsigned seed = 7;
	(void)state;
	for (int round = 0; round < 2000; round++) {
		static const int weight[17] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
		char s[19];
		int sum = 0, right = 0;
		for (int i = 0; i < 17; i++) {
			seed = seed * 1103515245u + 12345u;
			s[i] = (char)('0' + (seed >> 16) % 10);
		}
		if (s[0] >= '8') s[0] = '6';
		memcpy(s + 6, "1985", 4);
		memcpy(s + 10, "0615", 4);
		for (int i = 0; i < 17; i++)
			sum += (s[i] - '0') * weight[i];
		s[18] = '\0';
		for (const char *c = "0123456789X"; *c; c++) {
			s[17] = *c;
			if (idnum_check(ID_CITIZEN, s, today)) continue;
			right++;
			assert_int_equal(*c, "10X98765432"[sum % 11]);
		}
		assert_int_equal(right, 1);
	}
}

static void births(void **state)
{
	int64_t days = 0;
	(void)state;
	assert_true(idnum_birth(ID_CITIZEN, "11010519491231002X", &days));
	assert_int_equal(days, -7306);
	assert_true(idnum_birth(ID_HMT, "810000198506151234", &days));
	assert_int_equal(days, 5644);
	assert_false(idnum_birth(ID_FOREIGN, "USA310000000001", &days)); /* the card of 2017 holds none */
	assert_false(idnum_birth(ID_CREDIT_CODE, "91350100M000100Y43", &days));
	assert_false(idnum_birth(ID_CITIZEN, "652323198502301237", &days));
	assert_false(idnum_birth(ID_CITIZEN, "", &days));
}

static int64_t day(int y, int m, int d)
{
	int64_t days = 0;
	assert_true(clock_date_days(y, m, d, &days));
	return days;
}

static void ages(void **state)
{
	(void)state;
	assert_int_equal(idnum_age(day(2008, 11, 24), day(2026, 11, 24)), 18);
	assert_int_equal(idnum_age(day(2008, 11, 25), day(2026, 11, 24)), 17);
	assert_int_equal(idnum_age(day(2008, 2, 29), day(2026, 2, 28)), 17);
	assert_int_equal(idnum_age(day(2008, 2, 29), day(2026, 3, 1)), 18);
	assert_int_equal(idnum_age(day(2026, 11, 24), day(2026, 11, 24)), 0);
	assert_int_equal(idnum_age(day(1949, 12, 31), day(2026, 1, 1)), 76);
}

static void phones(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
	    {"13899990001", NULL},
	    {"19912345678", NULL},
	    {"12899990001", "prefix"},
	    {"23899990001", "prefix"},
	    {"1389999000", "length"},
	    {"138999900011", "length"},
	    {"1389999000a", "characters"},
	    {"", "length"},
	    {"09944501234", NULL},
	    {"0994-4501234", NULL},
	    {"0991-12345678", NULL},
	    {"010-12345678", NULL},
	    {"02112345678", NULL},
	    {"0994-450123", "length"},
	    {"0994-450123456", "length"},
	    {"0994--4501234", "characters"},
	    {"0994-45o1234", "characters"},
	    {"0", "characters"},
	    {"09", "characters"},
	    {"010", "length"},
	    {"+8613899990001", "characters"},
	    {"138 9999 0001", "characters"},
	    {"\xef\xbc\x91"
	     "3899990001",
	     "characters"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *why = idnum_phone(cases[i].text);
		if (!why != !cases[i].why || (why && strcmp(why, cases[i].why) != 0))
			fail_msg("%s: %s, not %s", cases[i].text, why ? why : "right",
			         cases[i].why ? cases[i].why : "right");
	}
}

static void names(void **state)
{
	static const char *const good[] = {"王建国", "阿依努尔·买买提", "Ayinur", "J. Smith", "爱", "ئايگۈل"};
	static const struct {
		const char *text, *why;
	} bad[] = {
	    {"", "length"},
	    {" 王建国", "characters"},
	    {"王建国 ", "characters"},
	    {"王\n建国", "characters"},
	    {"王\x7f建国", "characters"},
	    {"　王建国", "characters"},
	    {"王建国　", "characters"},
	    {"　", "characters"},
	    {" ", "characters"},
	};
	char fifty[3 * 51 + 1] = "";
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (idnum_name(good[i], strlen(good[i]))) fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_string_equal(idnum_name(bad[i].text, strlen(bad[i].text)), bad[i].why);
	for (int i = 0; i < 51; i++)
		memcpy(fifty + 3 * i, "王", 4);
	assert_null(idnum_name(fifty, 150));
	assert_string_equal(idnum_name(fifty, 153), "length");
	assert_string_equal(idnum_name("a\0b", 3), "characters");
}

static void types(void **state)
{
	enum id_type t;
	(void)state;
	for (int i = 0; i < ID_TYPE_COUNT; i++) {
		assert_true(id_type_parse(id_type_name((enum id_type)i), &t));
		assert_int_equal(t, i);
	}
	assert_false(id_type_parse("", &t));
	assert_false(id_type_parse("Citizen_id", &t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(citizens),
	    cmocka_unit_test(residents),
	    cmocka_unit_test(organisations_and_others),
	    cmocka_unit_test(one_wrong_character),
	    cmocka_unit_test(random_numbers),
	    cmocka_unit_test(births),
	    cmocka_unit_test(ages),
	    cmocka_unit_test(phones),
	    cmocka_unit_test(names),
	    cmocka_unit_test(types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
