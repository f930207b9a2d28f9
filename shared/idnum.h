/* Numbers that name people, organisations and phones, and names: the checks of domain rules, section "Numbers".
 *
 * Each check gives NULL when the value is right, else a short stable reason ("length", "characters", "check_digit",
 * "birth_date", "prefix"). Nothing here says that a number was issued, only that it can have been. */
#ifndef XINKE_IDNUM_H
#define XINKE_IDNUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum id_type {
	ID_CITIZEN,     /* 居民身份证, GB 11643-1999 */
	ID_HMT,         /* 港澳台居民居住证, 18 digits from 81, 82 or 83 */
	ID_FOREIGN,     /* 外国人永久居留身份证, 2023: 18 digits from 9; 2017: 3 letters and 12 digits */
	ID_PASSPORT,    /* 护照: 5 to 20 letters and digits */
	ID_CREDIT_CODE, /* 统一社会信用代码, GB 32100-2015 */
	ID_NONE,        /* no document; a reason is asked for */
	ID_TYPE_COUNT
};

/* "citizen_id", "hmt_residence", "foreign_residence", "passport", "credit_code", "none". */
const char *id_type_name(enum id_type t);
bool id_type_parse(const char *s, enum id_type *out);

/* Checks NUMBER as a document of TYPE; TODAY is days since 1970, no birth lies after it. ID_NONE wants "". */
const char *idnum_check(enum id_type type, const char *number, int64_t today);
/* Days since 1970 of the birth date that a number of TYPE holds; false when it holds none. */
bool idnum_birth(enum id_type type, const char *number, int64_t *days);
/* "male" or "female" by the 17th digit of such a number; NULL when it says none. */
const char *idnum_sex(enum id_type type, const char *number);
/* Whole years from BIRTH to TODAY (days since 1970). */
int idnum_age(int64_t birth, int64_t today);
/* Mobile ^1[3-9]\d{9}$, or a fixed line with area code: 0 and 2-3 digits, optional '-', 7-8 digits. */
const char *idnum_phone(const char *phone);
/* 1 to 50 characters, no controls, not blank at either end; U+00B7 stands in Uyghur and Kazakh names. */
const char *idnum_name(const char *name, size_t len);

#endif
