/* Cells of the column form: what kind of value a member of a body is, and the parts of those kinds that have some. A value
 * is of a kind only where its parts give it back byte for byte; all else is plain text. PROTOCOL.md section 9. */
#ifndef XINKE_CELL_H
#define XINKE_CELL_H

#include "shared/receipt.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define CELL_PATH_MAX    96 /* bytes of a column's path, NUL included */
#define CELL_CITIZEN_MAX 19 /* bytes of each kind's text, NUL included */
#define CELL_MOBILE_MAX  12
#define CELL_TOKEN_MAX   17
#define CELL_DAY_MAX     100000    /* days around 1970: years of four digits */
#define CELL_SERIAL_MAX  999999999 /* of a receipt number */
#define CELL_SERIAL_BITS 10        /* of a citizen number's serial, 000 to 999 */
#define CELL_MOBILE_BITS 34        /* of the ten digits behind a mobile number's 1 */
#define CELL_LETTER_BITS 5         /* of one of a token's 16 letters */

enum cell_kind {
	CELL_TEXT,
	CELL_OTHER, /* null, true, false, an array, an empty object */
	CELL_INT,
	CELL_UUID,    /* lower case */
	CELL_CITIZEN, /* 18 digits of GB 11643-1999 with the right check */
	CELL_MOBILE,  /* 11 digits from 1 */
	CELL_RECEIPT, /* of the request's station and the event's day */
	CELL_TOKEN,   /* 16 letters of Crockford's base32, lower case */
};

struct cell_citizen {
	int division; /* six digits */
	int64_t day;  /* of birth, since 1970 */
	int serial;
};

/* What V is in an event that station STATION made at AT (Unix ms). */
enum cell_kind cell_kind_of(const json_t *v, const char *station, int64_t at);
/* Each false where S, or the parts, are no such thing. */
bool cell_citizen_parse(const char *s, struct cell_citizen *out);
bool cell_citizen_text(const struct cell_citizen *c, char out[CELL_CITIZEN_MAX]);
bool cell_mobile_parse(const char *s, int64_t *out);
bool cell_mobile_text(int64_t v, char out[CELL_MOBILE_MAX]);
bool cell_token_parse(const char *s, uint8_t letters[CELL_TOKEN_MAX - 1]);
void cell_token_text(const uint8_t letters[CELL_TOKEN_MAX - 1], char out[CELL_TOKEN_MAX]);

#endif
