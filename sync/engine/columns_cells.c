/* One column of the column form, by its code. See columns_read.h. */
#include "sync/engine/columns_read.h"

#include "shared/clock.h"

#include <string.h>

/* A column being read: its arguments stand from element FIRST of J on. */
struct column {
	const json_t *j;
	size_t first;
	const int *events;
	int n;
};

static int bad(struct columns_reader *d, const char *what)
{
	return err_set(d->e, ERR_INVALID, "columns: %s", what);
}

static const json_t *argument(const struct column *c, size_t i)
{
	return json_array_get(c->j, c->first + i);
}

static int put(struct columns_reader *d, int i, json_t *v)
{
	d->cells[i] = v;
	return v ? ERR_OK : err_set(d->e, ERR_NOMEM, "columns");
}

static int put_text(struct columns_reader *d, int i, const char *s, size_t len)
{
	return put(d, i, json_stringn_nocheck(s, len)); /* it was checked as a part of the request */
}

static int read_same(struct columns_reader *d, const struct column *c)
{
	json_t *v = json_array_get(c->j, c->first);
	if (!v) return bad(d, "a value is missing");
	for (int i = 0; i < c->n; i++)
		d->cells[i] = json_incref(v);
	return ERR_OK;
}

static int read_list(struct columns_reader *d, const struct column *c)
{
	const json_t *values = argument(c, 0);
	int rc = columns_ints(d, argument(c, 1), c->n, 0, (int64_t)json_array_size(values) - 1, d->numbers);
	for (int i = 0; i < c->n && !rc; i++)
		d->cells[i] = json_incref(json_array_get(values, (size_t)d->numbers[i]));
	return rc;
}

static int read_values(struct columns_reader *d, const struct column *c)
{
	const json_t *values = argument(c, 0);
	if (json_array_size(values) != (size_t)c->n) return bad(d, "a column's length");
	for (int i = 0; i < c->n; i++)
		d->cells[i] = json_incref(json_array_get(values, (size_t)i));
	return ERR_OK;
}

static int read_texts(struct columns_reader *d, const struct column *c)
{
	const json_t *all = argument(c, 0);
	if (!json_is_string(all) || c->n == 0) return bad(d, "a column of texts");
	const char *s = json_string_value(all);
	for (int i = 0; i < c->n; i++) {
		const char *bar = strchr(s, '|');
		if (!bar != (i == c->n - 1)) return bad(d, "a column's length");
		int rc = put_text(d, i, s, bar ? (size_t)(bar - s) : strlen(s));
		if (rc) return rc;
		s = bar ? bar + 1 : s;
	}
	return ERR_OK;
}

static int read_numbers(struct columns_reader *d, const struct column *c)
{
	int rc = columns_ints(d, argument(c, 0), c->n, -COLUMNS_INT, COLUMNS_INT, d->numbers);
	for (int i = 0; i < c->n && !rc; i++)
		rc = put(d, i, json_integer(d->numbers[i]));
	return rc;
}

static int read_times(struct columns_reader *d, const struct column *c)
{
	int rc = ERR_OK;
	for (int i = 0; i < c->n && !rc; i++)
		rc = put(d, i, json_integer(d->r->events[c->events[i]].at));
	return rc;
}

void columns_id(struct columns_reader *d, bool v4, uint8_t id[UUID_LEN])
{
	for (int k = 0; k < UUID_LEN; k++)
		id[k] = (uint8_t)bits_get(&d->bits, !v4 ? 8 : k == 6 ? 4 : k == 8 ? 6 : 8);
	if (!v4) return;
	id[6] |= 0x40;
	id[8] |= 0x80;
}

static int read_ids(struct columns_reader *d, const struct column *c, bool v4)
{
	uint8_t id[UUID_LEN];
	char text[UUID_TEXT];
	int rc = ERR_OK;
	for (int i = 0; i < c->n && !rc; i++) {
		columns_id(d, v4, id);
		uuid_text(id, text);
		rc = put_text(d, i, text, UUID_TEXT - 1);
	}
	return rc;
}

static int read_v4(struct columns_reader *d, const struct column *c)
{
	return read_ids(d, c, true);
}

static int read_uuids(struct columns_reader *d, const struct column *c)
{
	return read_ids(d, c, false);
}

static int read_citizens(struct columns_reader *d, const struct column *c)
{
	const json_t *divisions = argument(c, 0);
	int64_t at[LIMIT_BATCH_EVENTS], serials[LIMIT_BATCH_EVENTS];
	char text[CELL_CITIZEN_MAX];
	int rc = columns_ints(d, argument(c, 1), c->n, 0, (int64_t)json_array_size(divisions) - 1, at);
	if (rc) return rc;
	for (int i = 0; i < c->n; i++)
		serials[i] = (int64_t)bits_get(&d->bits, CELL_SERIAL_BITS);
	rc = columns_ints(d, argument(c, 2), c->n, -CELL_DAY_MAX, CELL_DAY_MAX, d->numbers);
	for (int i = 0; i < c->n && !rc; i++) {
		const json_t *j = json_array_get(divisions, (size_t)at[i]);
		int64_t division = json_is_integer(j) ? json_integer_value(j) : -1;
		struct cell_citizen one = {division < 0 || division > 999999 ? -1 : (int)division, d->numbers[i],
		                           (int)serials[i]};
		rc = cell_citizen_text(&one, text) ? put_text(d, i, text, CELL_CITIZEN_MAX - 1)
		                                   : bad(d, "a citizen's number");
	}
	return rc;
}

static int read_mobiles(struct columns_reader *d, const struct column *c)
{
	char text[CELL_MOBILE_MAX];
	int rc = ERR_OK;
	for (int i = 0; i < c->n && !rc; i++)
		rc = cell_mobile_text((int64_t)bits_get(&d->bits, CELL_MOBILE_BITS), text)
		         ? put_text(d, i, text, CELL_MOBILE_MAX - 1)
		         : bad(d, "a mobile number");
	return rc;
}

static int read_tokens(struct columns_reader *d, const struct column *c)
{
	uint8_t letters[CELL_TOKEN_MAX - 1];
	char text[CELL_TOKEN_MAX];
	int rc = ERR_OK;
	for (int i = 0; i < c->n && !rc; i++) {
		for (int k = 0; k < CELL_TOKEN_MAX - 1; k++)
			letters[k] = (uint8_t)bits_get(&d->bits, CELL_LETTER_BITS);
		cell_token_text(letters, text);
		rc = put_text(d, i, text, CELL_TOKEN_MAX - 1);
	}
	return rc;
}

static int read_receipts(struct columns_reader *d, const struct column *c)
{
	int64_t boxes[LIMIT_BATCH_EVENTS];
	char text[RECEIPT_MAX];
	struct receipt last = {0};
	int rc = columns_ints(d, argument(c, 0), c->n, 0, 99, boxes);
	const json_t *first = argument(c, 1);
	if (rc) return rc;
	if (!json_is_integer(first)) return bad(d, "the first serial");
	rc = columns_ints(d, argument(c, 2), c->n, -CELL_SERIAL_MAX, CELL_SERIAL_MAX, d->numbers);
	for (int i = 0; i < c->n && !rc; i++) {
		const struct event *ev = &d->r->events[c->events[i]];
		struct receipt one = {.day = clock_day(ev->at), .box = (int)boxes[i]};
		memcpy(one.station, d->r->station, sizeof one.station);
		one.serial = (one.day == last.day ? last.serial + 1 : 1) + d->numbers[i];
		if (!i) one.serial = json_integer_value(first);
		rc = receipt_format(&one, text) ? put_text(d, i, text, strlen(text)) : bad(d, "a receipt number");
		last = one;
	}
	return rc;
}

int columns_cells(struct columns_reader *d, const json_t *j, size_t from, const int *events, int n)
{
	static const struct {
		const char *code;
		int (*read)(struct columns_reader *d, const struct column *c);
	} all[] = {
	    {"=", read_same},     {"d", read_list},    {"t", read_texts},    {"j", read_values},
	    {"i", read_numbers},  {"a", read_times},   {"v", read_v4},       {"u", read_uuids},
	    {"c", read_citizens}, {"m", read_mobiles}, {"r", read_receipts}, {"b", read_tokens},
	};
	const char *code = json_is_string(json_array_get(j, from)) ? json_string_value(json_array_get(j, from)) : "";
	const struct column c = {j, from + 1, events, n};
	if (!n) return bad(d, "a column of nothing");
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (strcmp(all[i].code, code) != 0) continue;
		int rc = all[i].read(d, &c);
		return rc || !d->bits.bad ? rc : bad(d, "bits end early");
	}
	return bad(d, "a column's code");
}

void columns_drop_cells(struct columns_reader *d)
{
	for (int i = 0; i < LIMIT_BATCH_EVENTS; i++) {
		json_decref(d->cells[i]);
		d->cells[i] = NULL;
	}
}
