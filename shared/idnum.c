/* See idnum.h. Pure functions; called by the body checks of both the box and the county. */
#include "shared/idnum.h"

#include "shared/clock.h"
#include "shared/text.h"

#include <string.h>

#define NAME_MAX_CHARS 50
#define OLDEST_BIRTH   (-32872) /* 1880-01-01, days since 1970: nobody alive was born before */

static const char *const type_names[] = {
    [ID_CITIZEN] = "citizen_id", [ID_HMT] = "hmt_residence",       [ID_FOREIGN] = "foreign_residence",
    [ID_PASSPORT] = "passport",  [ID_CREDIT_CODE] = "credit_code", [ID_NONE] = "none",
};

const char *id_type_name(enum id_type t)
{
	return type_names[t];
}

bool id_type_parse(const char *s, enum id_type *out)
{
	for (int i = 0; i < ID_TYPE_COUNT; i++) {
		if (strcmp(s, type_names[i]) != 0) continue;
		*out = (enum id_type)i;
		return true;
	}
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool all_digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_digit(s[i])) return false;
	return true;
}

static bool birth_of(const char *s, int64_t *days)
{
	int v[8];
	for (int i = 0; i < 8; i++)
		v[i] = s[6 + i] - '0';
	return clock_date_days(v[0] * 1000 + v[1] * 100 + v[2] * 10 + v[3], v[4] * 10 + v[5], v[6] * 10 + v[7], days);
}

/* GB 11643-1999: 17 digits weighted 2^(17-i) mod 11, the check by table. */
static const char *check18(const char *s, int64_t today)
{
	static const int weight[17] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
	int64_t birth;
	int sum = 0;
	if (strlen(s) != 18) return "length";
	if (!all_digits(s, 17) || !(is_digit(s[17]) || s[17] == 'X')) return "characters";
	if (!birth_of(s, &birth) || birth > today || birth < OLDEST_BIRTH) return "birth_date";
	for (int i = 0; i < 17; i++)
		sum += (s[i] - '0') * weight[i];
	return s[17] == "10X98765432"[sum % 11] ? NULL : "check_digit";
}

static const char *check_foreign(const char *s, int64_t today)
{
	size_t n = strlen(s);
	if (n == 18) return s[0] == '9' ? check18(s, today) : "prefix";
	if (n != 15) return "length";
	for (size_t i = 0; i < 3; i++)
		if (s[i] < 'A' || s[i] > 'Z') return "characters";
	return all_digits(s + 3, 12) ? NULL : "characters";
}

/* GB 32100-2015: 17 characters of a 31-letter alphabet weighted 3^i mod 31. */
static const char *check_credit(const char *s)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
	int sum = 0, weight = 1, last = 0;
	if (strlen(s) != 18) return "length";
	for (size_t i = 0; i < 18; i++) {
		const char *p = strchr(alphabet, s[i]);
		if (!p) return "characters";
		last = (int)(p - alphabet);
		if (i == 17) break;
		sum += last * weight;
		weight = weight * 3 % 31;
	}
	return last == (31 - sum % 31) % 31 ? NULL : "check_digit";
}

static const char *check_passport(const char *s)
{
	size_t n = strlen(s);
	if (n < 5 || n > 20) return "length";
	for (size_t i = 0; i < n; i++)
		if (!is_digit(s[i]) && (s[i] < 'A' || s[i] > 'Z')) return "characters";
	return NULL;
}

const char *idnum_check(enum id_type type, const char *s, int64_t today)
{
	switch (type) {
	case ID_CITIZEN: return s[0] == '8' || s[0] == '9' ? "prefix" : check18(s, today);
	case ID_HMT: return s[0] == '8' && s[1] >= '1' && s[1] <= '3' ? check18(s, today) : "prefix";
	case ID_FOREIGN: return check_foreign(s, today);
	case ID_PASSPORT: return check_passport(s);
	case ID_CREDIT_CODE: return check_credit(s);
	case ID_NONE: return *s ? "length" : NULL;
	case ID_TYPE_COUNT: break;
	}
	return "type";
}

bool idnum_birth(enum id_type type, const char *s, int64_t *days)
{
	if (type != ID_CITIZEN && type != ID_HMT && type != ID_FOREIGN) return false;
	return strlen(s) == 18 && all_digits(s, 17) && birth_of(s, days);
}

const char *idnum_sex(enum id_type type, const char *s)
{
	int64_t birth;
	if (!idnum_birth(type, s, &birth)) return NULL;
	return (s[16] - '0') % 2 ? "male" : "female";
}

int idnum_age(int64_t birth, int64_t today)
{
	/* Compared as calendar days: someone born on 29 February comes of age on 1 March of a common year. */
	int b = clock_day(birth * 86400000LL), t = clock_day(today * 86400000LL);
	return (t - b) / 10000;
}

static const char *check_fixed_line(const char *s)
{
	size_t area = 3, n;
	if (s[1] != '1' && s[1] != '2') area = 4; /* 010 and 02x are three digits, all others four */
	if (!all_digits(s, strnlen(s, area)) || strlen(s) < area) return "characters";
	s += area;
	if (*s == '-') s++;
	n = strlen(s);
	if (n < 7 || n > 8) return "length";
	return all_digits(s, n) ? NULL : "characters";
}

const char *idnum_phone(const char *s)
{
	size_t n = strlen(s);
	if (s[0] == '0') return check_fixed_line(s);
	if (!all_digits(s, n)) return "characters";
	if (n != 11) return "length";
	return s[0] == '1' && s[1] >= '3' ? NULL : "prefix";
}

const char *idnum_name(const char *s, size_t len)
{
	size_t n = text_utf8_count(s, len);
	if (n < 1 || n > NAME_MAX_CHARS) return "length";
	if (text_has_control(s, len, false)) return "characters";
	if (s[0] == ' ' || s[len - 1] == ' ') return "characters";
	/* U+3000, the ideographic space, at either end is a slip of an input method */
	if (len >= 3 && (memcmp(s, "\xe3\x80\x80", 3) == 0 || memcmp(s + len - 3, "\xe3\x80\x80", 3) == 0))
		return "characters";
	return NULL;
}
