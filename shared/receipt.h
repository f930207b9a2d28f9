/* Receipt numbers (收件编号): <12-digit station>-<YYYYMMDD>-<2-digit box><serial, 4 digits or more>-<check>.
 *
 * Made offline and never reused: the county grants each log its box number, the log counts its own serials a day. The
 * check is ISO 7064 MOD 11-2 over the digits, "X" for ten. */
#ifndef XINKE_RECEIPT_H
#define XINKE_RECEIPT_H

#include <stdbool.h>
#include <stdint.h>

#define RECEIPT_MAX 48 /* bytes of one, NUL included */

struct receipt {
	char station[13];
	int day;        /* YYYYMMDD in China */
	int box;        /* 1-99; 0 = given anew by the county */
	int64_t serial; /* from 1, that log's and that day's */
};

/* Writes the number. False when a part is out of range. */
bool receipt_format(const struct receipt *r, char out[RECEIPT_MAX]);
/* Reads and checks one; false when the form or the check is wrong. */
bool receipt_parse(const char *s, struct receipt *out);

#endif
