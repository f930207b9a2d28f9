/* Writes one list of numbers, of ids, or of any values in the shortest of its forms. See columns_put.h. */
#include "sync/engine/columns_put.h"

#include "shared/canon.h"

#include <inttypes.h>
#include <string.h>

#define REPEAT_BITS 20 /* what zstd pays for a text that stood before, about */
#define LETTER_BITS 5  /* and for a byte of a new one */

static uint64_t zigzag(int64_t v)
{
	return v < 0 ? ((uint64_t)(-(v + 1)) << 1) + 1 : (uint64_t)v << 1;
}

static uint64_t code_of(int64_t v, int64_t min, bool signs)
{
	return signs ? zigzag(v) : (uint64_t)(v - min);
}

/* Bits of the N numbers at the best order of the code. */
static uint64_t cost(const int64_t *v, int n, int64_t min, bool signs, unsigned *best)
{
	uint64_t least = UINT64_MAX;
	for (unsigned k = 0; k < BITS_WIDTH_MAX - 2; k++) {
		uint64_t bits = 0;
		for (int i = 0; i < n; i++)
			bits += bits_golomb_width(code_of(v[i], min, signs), k);
		if (bits >= least) break; /* past the best order it rises; a second dip is not worth the search */
		least = bits;
		*best = k;
	}
	return least;
}

void columns_put_ints(struct columns_writer *w, const int64_t *v, int n)
{
	int64_t min = n ? v[0] : 0, max = min;
	unsigned k = 0, ks = 0;
	for (int i = 1; i < n; i++) {
		if (v[i] < min) min = v[i];
		if (v[i] > max) max = v[i];
	}
	if (min == max) {
		buf_addi(w->out, min);
		return;
	}
	bool signs = cost(v, n, 0, true, &ks) < cost(v, n, min, false, &k);
	if (signs) k = ks;
	if (signs)
		buf_addf(w->out, "[%u]", k);
	else
		buf_addf(w->out, "[%" PRId64 ",%u]", min, k);
	for (int i = 0; i < n; i++)
		bits_put_golomb(&w->bits, code_of(v[i], min, signs), k);
}

/* --- columns of JSON values --- */

static uint32_t hash_of(const json_t *v)
{
	uint32_t h = 2166136261u;
	if (!json_is_string(v)) return 0;
	for (const char *s = json_string_value(v); *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	return h;
}

/* Puts the place of each cell's value among the distinct ones into numbers; returns how many there are. */
static int distinct(struct columns_writer *w, int n)
{
	uint32_t hashes[LIMIT_BATCH_EVENTS];
	int d = 0;
	for (int i = 0, k; i < n; i++) {
		uint32_t h = hash_of(w->cells[i]);
		for (k = 0; k < d; k++)
			if (hashes[k] == h && json_equal(w->cells[w->first[k]], w->cells[i])) break;
		w->numbers[i] = k;
		if (k < d) continue;
		hashes[d] = h;
		w->first[d++] = i;
	}
	return d;
}

static uint64_t width(enum cell_kind kind)
{
	switch (kind) {
	case CELL_UUID: return 8 * UUID_LEN;
	case CELL_CITIZEN: return 32;
	case CELL_MOBILE: return CELL_MOBILE_BITS;
	case CELL_TOKEN: return (uint64_t)CELL_LETTER_BITS * (CELL_TOKEN_MAX - 1);
	default: return 0;
	}
}

/* Is a list of the D distinct values and N places shorter than the N values as their kind is written? */
static bool is_list(const struct columns_writer *w, enum cell_kind kind, int n, int d)
{
	uint64_t places = 0, values = 0;
	for (int rest = d - 1; rest; rest >>= 1)
		places += (uint64_t)n;
	if (kind == CELL_TEXT || kind == CELL_OTHER) return places < (uint64_t)(n - d) * REPEAT_BITS;
	for (int i = 0; i < d; i++)
		values += LETTER_BITS * json_string_length(w->cells[w->first[i]]);
	return places + values < (uint64_t)n * width(kind);
}

static void put_list(struct columns_writer *w, int n, int d)
{
	buf_adds(w->out, "\"d\",[");
	for (int i = 0; i < d; i++) {
		if (i) buf_addc(w->out, ',');
		canon_compact(w->cells[w->first[i]], w->out);
	}
	buf_adds(w->out, "],");
	columns_put_ints(w, w->numbers, n);
}

static void put_values(struct columns_writer *w, int n)
{
	buf_adds(w->out, "\"j\",[");
	for (int i = 0; i < n; i++) {
		if (i) buf_addc(w->out, ',');
		canon_compact(w->cells[i], w->out);
	}
	buf_addc(w->out, ']');
}

/* In one string where no value has the bar that parts them. */
static void put_texts(struct columns_writer *w, int n)
{
	struct buf all;
	for (int i = 0; i < n; i++)
		if (strchr(json_string_value(w->cells[i]), '|')) {
			put_values(w, n);
			return;
		}
	buf_init(&all, LIMIT_EXCHANGE);
	for (int i = 0; i < n; i++) {
		if (i) buf_addc(&all, '|');
		buf_adds(&all, json_string_value(w->cells[i]));
	}
	buf_adds(w->out, "\"t\",");
	canon_string(w->out, all.data, all.len);
	w->out->bad = w->out->bad || all.bad;
	buf_release(&all);
}

void columns_put_ids(struct columns_writer *w, uint8_t (*ids)[UUID_LEN], int n)
{
	bool v4 = true;
	for (int i = 0; i < n; i++)
		v4 = v4 && ids[i][6] >> 4 == 4 && ids[i][8] >> 6 == 2;
	buf_adds(w->out, v4 ? "\"v\"" : "\"u\"");
	for (int i = 0; i < n; i++)
		for (int k = 0; k < UUID_LEN; k++)
			bits_put(&w->bits, ids[i][k], !v4 ? 8 : k == 6 ? 4 : k == 8 ? 6 : 8);
}

static void put_uuids(struct columns_writer *w, int n)
{
	uint8_t ids[LIMIT_BATCH_EVENTS][UUID_LEN];
	for (int i = 0; i < n; i++)
		(void)uuid_parse(json_string_value(w->cells[i]), ids[i]);
	columns_put_ids(w, ids, n);
}

static void put_citizens(struct columns_writer *w, int n)
{
	struct cell_citizen c;
	json_t *divisions = json_array();
	for (int i = 0, k; i < n; i++) {
		(void)cell_citizen_parse(json_string_value(w->cells[i]), &c);
		for (k = 0; k < (int)json_array_size(divisions); k++)
			if (json_integer_value(json_array_get(divisions, (size_t)k)) == c.division) break;
		w->numbers[i] = k;
		if (k < (int)json_array_size(divisions)) continue;
		if (json_array_append_new(divisions, json_integer(c.division))) {
			w->out->bad = true;
			break;
		}
	}
	buf_adds(w->out, "\"c\",");
	if (divisions) canon_compact(divisions, w->out);
	json_decref(divisions);
	buf_addc(w->out, ',');
	columns_put_ints(w, w->numbers, n);
	for (int i = 0; i < n; i++) {
		(void)cell_citizen_parse(json_string_value(w->cells[i]), &c);
		w->numbers[i] = c.day;
		bits_put(&w->bits, (uint64_t)c.serial, CELL_SERIAL_BITS);
	}
	buf_addc(w->out, ',');
	columns_put_ints(w, w->numbers, n);
}

static void put_mobiles(struct columns_writer *w, int n)
{
	buf_adds(w->out, "\"m\"");
	for (int i = 0; i < n; i++) {
		int64_t v = 0;
		(void)cell_mobile_parse(json_string_value(w->cells[i]), &v);
		bits_put(&w->bits, (uint64_t)v, CELL_MOBILE_BITS);
	}
}

static void put_tokens(struct columns_writer *w, int n)
{
	buf_adds(w->out, "\"b\"");
	for (int i = 0; i < n; i++) {
		uint8_t letters[CELL_TOKEN_MAX - 1] = {0};
		(void)cell_token_parse(json_string_value(w->cells[i]), letters);
		for (int k = 0; k < CELL_TOKEN_MAX - 1; k++)
			bits_put(&w->bits, letters[k], CELL_LETTER_BITS);
	}
}

/* Serials count on within a day of a box: what is written is how far each is from that. */
static void put_receipts(struct columns_writer *w, int n)
{
	int64_t boxes[LIMIT_BATCH_EVENTS];
	struct receipt last = {0}, one;
	for (int i = 0; i < n; i++) {
		(void)receipt_parse(json_string_value(w->cells[i]), &one);
		boxes[i] = one.box;
		w->numbers[i] = one.serial - (one.day == last.day ? last.serial + 1 : 1);
		last = one;
	}
	(void)receipt_parse(json_string_value(w->cells[0]), &one);
	w->numbers[0] = 0;
	buf_adds(w->out, "\"r\",");
	columns_put_ints(w, boxes, n);
	buf_addf(w->out, ",%" PRId64 ",", one.serial);
	columns_put_ints(w, w->numbers, n);
}

void columns_put_cells(struct columns_writer *w, enum cell_kind kind, int n)
{
	int d = distinct(w, n);
	if (d == 1) {
		buf_adds(w->out, "\"=\",");
		canon_compact(w->cells[0], w->out);
		return;
	}
	if (kind != CELL_RECEIPT && is_list(w, kind, n, d)) {
		put_list(w, n, d);
		return;
	}
	switch (kind) {
	case CELL_UUID: put_uuids(w, n); break;
	case CELL_CITIZEN: put_citizens(w, n); break;
	case CELL_MOBILE: put_mobiles(w, n); break;
	case CELL_TOKEN: put_tokens(w, n); break;
	case CELL_RECEIPT: put_receipts(w, n); break;
	case CELL_TEXT: put_texts(w, n); break;
	default: put_values(w, n);
	}
}
