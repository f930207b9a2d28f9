/* Writes the column form: sorts a request's events into groups (columns_sort.c), then writes each group's heads and bodies.
 * See columns.h. */
#include "sync/engine/columns_put.h"

#include "shared/canon.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- heads --- */

static const char *head_text(const struct event *ev, int which)
{
	return which == 0   ? clock_quality_name(ev->quality)
	       : which == 1 ? ev->boot
	       : which == 2 ? ev->actor
	                    : ev->device;
}

/* Each text of a head: as the event before has it, or a column. */
static void put_head_texts(struct columns_writer *w, const struct columns_group *g)
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
		if (!w->out->bad) columns_put_cells(w, CELL_TEXT, g->n);
		buf_addc(w->out, ']');
		for (int i = 0; i < g->n; i++)
			json_decref(w->cells[i]);
	}
}

static void put_numbers(struct columns_writer *w, const struct columns_group *g, const char *name, size_t offset)
{
	for (int i = 0; i < g->n; i++)
		w->numbers[i] = *(const int64_t *)(const void *)((const char *)&w->s->places[g->events[i]] + offset);
	buf_addf(w->out, ",\"%s\":", name);
	columns_put_ints(w, w->numbers, g->n);
}

/* The ids that no other event gives: of the events, or of their cases. */
static void put_new_ids(struct columns_writer *w, const struct columns_group *g, const char *name, bool cases)
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
	columns_put_ids(w, ids, n);
}

static void put_head(struct columns_writer *w, const struct columns_group *g)
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
	columns_put_ints(w, w->numbers, g->n);
	buf_addc(w->out, '}');
}

/* --- bodies --- */

static void put_body_ints(struct columns_writer *w, const struct columns_column *c)
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
	columns_put_ints(w, w->numbers, c->n);
}

static void put_body(struct columns_writer *w, const struct columns_group *g)
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
			columns_put_cells(w, c->kind, c->n);
		buf_addc(w->out, ']');
	}
	buf_addc(w->out, ']');
}

static void put_all(struct columns_writer *w)
{
	const struct columns_sorted *s = w->s;
	for (int i = 0; i < w->r->n_events; i++)
		w->numbers[i] = s->places[i].group < 0 ? s->n_groups : s->places[i].group;
	buf_adds(w->out, "{\"order\":");
	columns_put_ints(w, w->numbers, w->r->n_events);
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
	struct columns_writer *w = calloc(1, sizeof *w);
	if (!w) return err_set(e, ERR_NOMEM, "columns");
	*w = (struct columns_writer){.r = r, .out = out};
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
