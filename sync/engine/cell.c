/* See cell.h. Pure functions; called by the column form's writer and reader. */
#include "sync/engine/cell.h"

#include "shared/clock.h"
#include "shared/uuid.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS 86400000LL

static const char letters_of[] = "0123456789abcdefghjkmnpqrstvwxyz";

static bool number(const char *s, int n, int64_t *out)
{
	*out = 0;
	for (int i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9') return false;
		*out = *out * 10 + (s[i] - '0');
	}
	return true;
}

bool cell_citizen_text(const struct cell_citizen *c, char out[CELL_CITIZEN_MAX])
{
	static const int weight[17] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
	int sum = 0;
	if (c->division < 0 || c->division > 999999 || c->serial < 0 || c->serial > 999) return false;
	if (c->day < -CELL_DAY_MAX || c->day > CELL_DAY_MAX) return false;
	char text[40];
	(void)snprintf(text, sizeof text, "%06d%08d%03d", c->division, clock_day(c->day * DAY_MS), c->serial);
	for (int i = 0; i < 17; i++)
		sum += (text[i] - '0') * weight[i];
	(void)snprintf(out, CELL_CITIZEN_MAX, "%.17s%c", text, "10X98765432"[sum % 11]);
	return true;
}

bool cell_citizen_parse(const char *s, struct cell_citizen *out)
{
	int64_t division, year, month, day, serial;
	char again[CELL_CITIZEN_MAX];
	if (strlen(s) != CELL_CITIZEN_MAX - 1 || !number(s, 6, &division) || !number(s + 6, 4, &year) ||
	    !number(s + 10, 2, &month) || !number(s + 12, 2, &day) || !number(s + 14, 3, &serial))
		return false;
	if (!clock_date_days((int)year, (int)month, (int)day, &out->day)) return false;
	out->division = (int)division;
	out->serial = (int)serial;
	return cell_citizen_text(out, again) && strcmp(again, s) == 0;
}

bool cell_mobile_text(int64_t v, char out[CELL_MOBILE_MAX])
{
	if (v < 0 || v > 9999999999LL) return false;
	(void)snprintf(out, CELL_MOBILE_MAX, "1%010" PRId64, v);
	return true;
}

bool cell_mobile_parse(const char *s, int64_t *out)
{
	return strlen(s) == CELL_MOBILE_MAX - 1 && s[0] == '1' && number(s + 1, 10, out);
}

void cell_token_text(const uint8_t letters[CELL_TOKEN_MAX - 1], char out[CELL_TOKEN_MAX])
{
	for (int i = 0; i < CELL_TOKEN_MAX - 1; i++)
		out[i] = letters_of[letters[i] & 31];
	out[CELL_TOKEN_MAX - 1] = '\0';
}

bool cell_token_parse(const char *s, uint8_t letters[CELL_TOKEN_MAX - 1])
{
	if (strlen(s) != CELL_TOKEN_MAX - 1) return false;
	for (int i = 0; i < CELL_TOKEN_MAX - 1; i++) {
		const char *p = strchr(letters_of, s[i]);
		if (!p) return false;
		letters[i] = (uint8_t)(p - letters_of);
	}
	return true;
}

static bool is_uuid(const char *s)
{
	uint8_t id[UUID_LEN];
	char again[UUID_TEXT];
	if (!uuid_parse(s, id)) return false;
	uuid_text(id, again);
	return strcmp(again, s) == 0;
}

static enum cell_kind text_kind(const char *s, const char *station, int64_t at)
{
	struct cell_citizen citizen;
	struct receipt receipt;
	uint8_t letters[CELL_TOKEN_MAX - 1];
	int64_t mobile;
	switch (strlen(s)) { /* most are of no kind: their length tells */
	case UUID_TEXT - 1: return is_uuid(s) ? CELL_UUID : CELL_TEXT;
	case CELL_CITIZEN_MAX - 1: return cell_citizen_parse(s, &citizen) ? CELL_CITIZEN : CELL_TEXT;
	case CELL_MOBILE_MAX - 1: return cell_mobile_parse(s, &mobile) ? CELL_MOBILE : CELL_TEXT;
	case CELL_TOKEN_MAX - 1: return cell_token_parse(s, letters) ? CELL_TOKEN : CELL_TEXT;
	default: break;
	}
	if (!receipt_parse(s, &receipt)) return CELL_TEXT;
	return strcmp(receipt.station, station) == 0 && receipt.day == clock_day(at) ? CELL_RECEIPT : CELL_TEXT;
}

enum cell_kind cell_kind_of(const json_t *v, const char *station, int64_t at)
{
	if (json_is_string(v)) return text_kind(json_string_value(v), station, at);
	return json_is_integer(v) ? CELL_INT : CELL_OTHER;
}
