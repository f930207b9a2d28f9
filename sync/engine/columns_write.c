/* Writes the column form: sorts a request's events into groups (columns_sort.c), then writes each group's heads and bodies.
 * See columns.h. */
#include "sync/engine/columns_sort.h"

#include "shared/canon.h"
#include "shared/fields.h"
#include "sync/engine/bits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REPEAT_BITS 20 /* what zstd pays for a text that stood before, about */
#define LETTER_BITS 5  /* and for a byte of a new one */

struct writer {
	const struct wire_request *r;
	struct columns_sorted *s;
	struct buf *out;
	struct bits_out bits;
	/* room for the cells of one column */
	int64_t numbers[LIMIT_BATCH_EVENTS];
	json_t *cells[LIMIT_BATCH_EVENTS];
	int first[LIMIT_BATCH_EVENTS]; /* the first cell of each distinct value */
};

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
		if (bits >= least) break; /* it falls, and then rises */
		least = bits;
		*best = k;
	}
	return least;
}

/* N numbers: one where all are the same, [k] for signed codes of order k, [min, k] for codes of what is above min. */
static void put_ints(struct writer *w, const int64_t *v, int n)
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
	if (signs)
		buf_addf(w->out, "[%u]", k = ks);
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
static int distinct(struct writer *w, int n)
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
static bool is_list(const struct writer *w, enum cell_kind kind, int n, int d)
{
	uint64_t places = 0, values = 0;
	for (int rest = d - 1; rest; rest >>= 1)
		places += (uint64_t)n;
	if (kind == CELL_TEXT || kind == CELL_OTHER) return places < (uint64_t)(n - d) * REPEAT_BITS;
	for (int i = 0; i < d; i++)
		values += LETTER_BITS * json_string_length(w->cells[w->first[i]]);
	return places + values < (uint64_t)n * width(kind);
}

static void put_list(struct writer *w, int n, int d)
{
	buf_adds(w->out, "\"d\",[");
	for (int i = 0; i < d; i++) {
		if (i) buf_addc(w->out, ',');
		canon_compact(w->cells[w->first[i]], w->out);
	}
	buf_adds(w->out, "],");
	put_ints(w, w->numbers, n);
}

static void put_values(struct writer *w, int n)
{
	buf_adds(w->out, "\"j\",[");
	for (int i = 0; i < n; i++) {
		if (i) buf_addc(w->out, ',');
		canon_compact(w->cells[i], w->out);
	}
	buf_addc(w->out, ']');
}

/* In one string where no value has the bar that parts them. */
static void put_texts(struct writer *w, int n)
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

static void put_ids(struct writer *w, uint8_t (*ids)[UUID_LEN], int n)
{
	bool v4 = true;
	for (int i = 0; i < n; i++)
		v4 = v4 && ids[i][6] >> 4 == 4 && ids[i][8] >> 6 == 2;
	buf_adds(w->out, v4 ? "\"v\"" : "\"u\"");
	for (int i = 0; i < n; i++)
		for (int k = 0; k < UUID_LEN; k++)
			bits_put(&w->bits, ids[i][k], !v4 ? 8 : k == 6 ? 4 : k == 8 ? 6 : 8);
}

static void put_uuids(struct writer *w, int n)
{
	uint8_t ids[LIMIT_BATCH_EVENTS][UUID_LEN];
	for (int i = 0; i < n; i++)
		(void)uuid_parse(json_string_value(w->cells[i]), ids[i]);
	put_ids(w, ids, n);
}

static void put_citizens(struct writer *w, int n)
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
	put_ints(w, w->numbers, n);
	for (int i = 0; i < n; i++) {
		(void)cell_citizen_parse(json_string_value(w->cells[i]), &c);
		w->numbers[i] = c.day;
		bits_put(&w->bits, (uint64_t)c.serial, CELL_SERIAL_BITS);
	}
	buf_addc(w->out, ',');
	put_ints(w, w->numbers, n);
}

static void put_mobiles(struct writer *w, int n)
{
	buf_adds(w->out, "\"m\"");
	for (int i = 0; i < n; i++) {
		int64_t v = 0;
		(void)cell_mobile_parse(json_string_value(w->cells[i]), &v);
		bits_put(&w->bits, (uint64_t)v, CELL_MOBILE_BITS);
	}
}

static void put_tokens(struct writer *w, int n)
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
static void put_receipts(struct writer *w, int n)
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
	put_ints(w, boxes, n);
	buf_addf(w->out, ",%" PRId64 ",", one.serial);
	put_ints(w, w->numbers, n);
}

/* The N values of w->cells, all of KIND, but for the brackets. */
static void put_cells(struct writer *w, enum cell_kind kind, int n)
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

/* --- heads --- */

static const char *head_text(const struct event *ev, int which)
{
	return which == 0   ? clock_quality_name(ev->quality)
	       : which == 1 ? ev->boot
	       : which == 2 ? ev->actor
	                    : ev->device;
}

/* Each text of a head: as the event before has it, or a column. */
static void put_head_texts(struct writer *w, const struct columns_group *g)
{
	static const char *const names[] = {"clock", "boot", "actor", "device"};
	for (int which = 0; which < 4; which++) {
		bool same = true;
		for (int i = 0; i < g->n && same; i++) {
			const struct event *ev = &w->r->events[g->events[i]];
			int before = w->s->places[g->events[i]].before;
			same =
			    before >= 0 && strcmp(head_text(ev, which), head_text(&w->r->events[before], which)) == 0;
		}
		buf_addf(w->out, ",\"%s\":[", names[which]);
		if (same) {
			buf_adds(w->out, "\"~\"]");
			continue;
		}
		for (int i = 0; i < g->n; i++) {
			w->cells[i] = json_string(head_text(&w->r->events[g->events[i]], which));
			w->out->bad = w->out->bad || !w->cells[i];
		}
		if (!w->out->bad) put_cells(w, CELL_TEXT, g->n);
		buf_addc(w->out, ']');
		for (int i = 0; i < g->n; i++)
			json_decref(w->cells[i]);
	}
}

static void put_numbers(struct writer *w, const struct columns_group *g, const char *name, size_t offset)
{
	for (int i = 0; i < g->n; i++)
		w->numbers[i] = *(const int64_t *)(const void *)((const char *)&w->s->places[g->events[i]] + offset);
	buf_addf(w->out, ",\"%s\":", name);
	put_ints(w, w->numbers, g->n);
}

/* The ids that no other event gives: of the events, or of their cases. */
static void put_new_ids(struct writer *w, const struct columns_group *g, const char *name, bool cases)
{
	uint8_t ids[LIMIT_BATCH_EVENTS][UUID_LEN];
	int n = 0;
	for (int i = 0; i < g->n; i++) {
		const struct columns_place *p = &w->s->places[g->events[i]];
		const struct event *ev = &w->r->events[g->events[i]];
		if (cases ? p->cased != COLUMNS_CASE_NEW : p->derived) continue;
		memcpy(ids[n++], cases ? ev->case_id : ev->id, UUID_LEN);
	}
	buf_addf(w->out, ",\"%s\":", name);
	put_ids(w, ids, n);
}

static void put_head(struct writer *w, const struct columns_group *g)
{
	buf_adds(w->out, "{\"type\":");
	canon_string(w->out, g->type, strlen(g->type));
	put_numbers(w, g, "derived", offsetof(struct columns_place, derived));
	put_new_ids(w, g, "ids", false);
	put_numbers(w, g, "cased", offsetof(struct columns_place, cased));
	put_new_ids(w, g, "cases", true);
	put_numbers(w, g, "at", offsetof(struct columns_place, at));
	put_numbers(w, g, "mono", offsetof(struct columns_place, mono));
	put_head_texts(w, g);
	buf_adds(w->out, ",\"shapes\":[");
	for (int i = 0; i < g->n_shapes; i++) {
		buf_adds(w->out, i ? ",[" : "[");
		bool first = true;
		for (int c = 0; c < g->n_columns; c++) {
			if (g->shapes[i] >> c & 1) continue;
			buf_addf(w->out, first ? "%d" : ",%d", c);
			first = false;
		}
		buf_addc(w->out, ']');
	}
	buf_adds(w->out, "],\"shape\":");
	for (int i = 0; i < g->n; i++)
		w->numbers[i] = g->shape_of[i];
	put_ints(w, w->numbers, g->n);
	buf_addc(w->out, '}');
}

/* --- bodies --- */

static void put_body_ints(struct writer *w, const struct columns_column *c)
{
	bool is_at = true;
	for (int i = 0; i < c->n; i++) {
		w->numbers[i] = json_integer_value(c->cells[i].value);
		is_at = is_at && w->numbers[i] == w->r->events[c->cells[i].event].at;
	}
	if (is_at) {
		buf_adds(w->out, "\"a\"");
		return;
	}
	buf_adds(w->out, "\"i\",");
	put_ints(w, w->numbers, c->n);
}

static void put_body(struct writer *w, const struct columns_group *g)
{
	buf_addc(w->out, '[');
	for (int i = 0; i < g->n_columns; i++) {
		const struct columns_column *c = &g->columns[i];
		buf_adds(w->out, i ? ",[" : "[");
		canon_string(w->out, c->path, strlen(c->path));
		buf_addc(w->out, ',');
		for (int k = 0; k < c->n; k++)
			w->cells[k] = c->cells[k].value;
		if (c->kind == CELL_INT)
			put_body_ints(w, c);
		else
			put_cells(w, c->kind, c->n);
		buf_addc(w->out, ']');
	}
	buf_addc(w->out, ']');
}

static void put_all(struct writer *w)
{
	const struct columns_sorted *s = w->s;
	for (int i = 0; i < w->r->n_events; i++)
		w->numbers[i] = s->places[i].group < 0 ? s->n_groups : s->places[i].group;
	buf_adds(w->out, "{\"order\":");
	put_ints(w, w->numbers, w->r->n_events);
	buf_addf(w->out, ",\"at\":%" PRId64 ",\"mono\":%" PRId64 ",\"heads\":[", s->at, s->mono);
	for (int i = 0; i < s->n_groups; i++) {
		if (i) buf_addc(w->out, ',');
		put_head(w, s->groups[i]);
	}
	buf_adds(w->out, "],\"bodies\":[");
	for (int i = 0; i < s->n_groups; i++) {
		if (i) buf_addc(w->out, ',');
		put_body(w, s->groups[i]);
	}
	buf_adds(w->out, "],\"bits\":\"");
	if (!bits_text(&w->bits, w->out)) w->out->bad = true;
	buf_adds(w->out, "\"}");
}

int columns_write(const struct wire_request *r, bool *is_row, struct buf *out, struct err *e)
{
	struct writer *w = calloc(1, sizeof *w);
	if (!w) return err_set(e, ERR_NOMEM, "columns");
	*w = (struct writer){.r = r, .out = out};
	bits_out_init(&w->bits, LIMIT_EXCHANGE);
	int rc = columns_sort(r, &w->s, e);
	if (!rc) {
		for (int i = 0; i < r->n_events; i++)
			is_row[i] = w->s->places[i].group < 0;
		put_all(w);
		if (out->bad) rc = out->full ? err_set(e, ERR_INVALID, "columns") : err_set(e, ERR_NOMEM, "columns");
	}
	columns_sorted_free(w->s);
	bits_out_release(&w->bits);
	free(w);
	return rc;
}
