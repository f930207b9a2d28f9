/* See receipt.h. Pure functions. */
#include "shared/receipt.h"

#include "shared/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SERIAL_DIGITS_MAX 9

/* ISO 7064 MOD 11-2: p = (p + digit) * 2 mod 11 over the digits; the check makes p + check = 1 mod 11. */
static char check_of(const char *s)
{
	int p = 0;
	for (; *s; s++)
		if (*s >= '0' && *s <= '9') p = (p + (*s - '0')) * 2 % 11;
	return "0123456789X"[(12 - p) % 11];
}

static bool is_day(int day)
{
	int64_t days;
	return clock_date_days(day / 10000, day / 100 % 100, day % 100, &days);
}

bool receipt_format(const struct receipt *r, char out[RECEIPT_MAX])
{
	if (strlen(r->station) != 12 || strspn(r->station, "0123456789") != 12 || !is_day(r->day)) return false;
	if (r->box < 0 || r->box > 99 || r->serial < 1 || r->serial > 999999999) return false;
	int n = snprintf(out, RECEIPT_MAX - 2, "%s-%08d-%02d%04" PRId64, r->station, r->day, r->box, r->serial);
	if (n < 0 || n >= RECEIPT_MAX - 2) return false;
	char check = check_of(out);
	(void)snprintf(out + n, 3, "-%c", check);
	return true;
}

static bool number(const char *s, size_t n, int64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9') return false;
		*out = *out * 10 + (s[i] - '0');
	}
	return true;
}

bool receipt_parse(const char *s, struct receipt *out)
{
	size_t len = strlen(s);
	int64_t station, day, box;
	if (len < 12 + 1 + 8 + 1 + 6 + 2 || len >= RECEIPT_MAX) return false;
	size_t serial_len = len - (12 + 1 + 8 + 1 + 2) - 2;
	if (serial_len > SERIAL_DIGITS_MAX || s[12] != '-' || s[21] != '-' || s[len - 2] != '-') return false;
	if (!number(s, 12, &station) || !number(s + 13, 8, &day) || !number(s + 22, 2, &box)) return false;
	if (!number(s + 24, serial_len, &out->serial)) return false;
	(void)snprintf(out->station, sizeof out->station, "%.12s", s);
	out->day = (int)day;
	out->box = (int)box;
	char again[RECEIPT_MAX]; /* one number has one spelling: leading zeros beyond the fourth digit are refused */
	return receipt_format(out, again) && strcmp(again, s) == 0;
}
