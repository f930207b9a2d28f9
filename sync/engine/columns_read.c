/* Reads the column form: heads first, then what follows from the order of the events, then the bodies' columns into one
 * object an event. What comes here was written by anybody. See columns.h. */
#include "sync/engine/columns_read.h"

#include "shared/canon.h"
#include "shared/fields.h"

#include <stdlib.h>
#include <string.h>

static int bad(struct columns_reader *d, const char *what)
{
	return err_set(d->e, ERR_INVALID, "columns: %s", what);
}

/* The integer J within LEAST and MOST. */
static bool integer(const json_t *j, int64_t least, int64_t most, int64_t *out)
{
	*out = json_is_integer(j) ? json_integer_value(j) : 0;
	return json_is_integer(j) && *out >= least && *out <= most;
}

int columns_ints(struct columns_reader *d, const json_t *j, int n, int64_t least, int64_t most, int64_t *out)
{
	int64_t min = 0, k = 0;
	size_t size = json_array_size(j);
	bool signs = size == 1, same = json_is_integer(j);
	if (same) min = json_integer_value(j);
	if (!same && (size < 1 || size > 2 || !integer(json_array_get(j, size - 1), 0, BITS_WIDTH_MAX - 2, &k) ||
	              (!signs && !integer(json_array_get(j, 0), -COLUMNS_INT, COLUMNS_INT, &min))))
		return bad(d, "a list of numbers");
	for (int i = 0; i < n; i++) {
		uint64_t v = same ? 0 : bits_get_golomb(&d->bits, (unsigned)k);
		int64_t half = (int64_t)(v >> 1);
		out[i] = signs ? v & 1 ? -half - 1 : half : min + (int64_t)v;
		if (d->bits.bad || out[i] < least || out[i] > most) return bad(d, "a number is out of its range");
	}
	return ERR_OK;
}

static int read_ids(struct columns_reader *d, const json_t *j, int n, uint8_t (*ids)[UUID_LEN])
{
	const char *code = json_is_string(j) ? json_string_value(j) : "";
	bool v4 = strcmp(code, "v") == 0;
	if (!v4 && strcmp(code, "u") != 0) return bad(d, "a list of ids");
	for (int i = 0; i < n; i++)
		columns_id(d, v4, ids[i]);
	return d->bits.bad ? bad(d, "ids end early") : ERR_OK;
}

/* --- heads --- */

/* A text of a head; NULL in the events where it is that of the event before. */
static int read_head_texts(struct columns_reader *d, const json_t *head, struct columns_read_group *g)
{
	static const char *const names[COLUMNS_TEXTS] = {"clock", "boot", "actor", "device"};
	for (int which = 0; which < COLUMNS_TEXTS; which++) {
		const json_t *j = json_object_get(head, names[which]);
		const json_t *code = json_array_get(j, 0);
		if (json_is_string(code) && strcmp(json_string_value(code), "~") == 0) continue;
		int rc = columns_cells(d, j, 0, g->events, g->n);
		for (int i = 0; i < g->n && !rc; i++) {
			if (!json_is_string(d->cells[i])) rc = bad(d, "a head's text is no string");
			d->places[g->events[i]].texts[which] = json_incref(d->cells[i]);
		}
		columns_drop_cells(d);
		if (rc) return rc;
	}
	return ERR_OK;
}

static int read_shapes(struct columns_reader *d, const json_t *head, struct columns_read_group *g)
{
	const json_t *all = json_object_get(head, "shapes");
	int64_t column;
	size_t i, k, n = json_array_size(all);
	json_t *shape, *one;
	if (n < 1 || n > COLUMNS_SHAPES) return bad(d, "shapes");
	json_array_foreach(all, i, shape) {
		g->shapes[i] = UINT64_MAX;
		if (!json_is_array(shape)) return bad(d, "a shape");
		json_array_foreach(shape, k, one) {
			if (!integer(one, 0, COLUMNS_MAX - 1, &column)) return bad(d, "a shape");
			g->shapes[i] &= ~(1ULL << column);
		}
	}
	int rc = columns_ints(d, json_object_get(head, "shape"), g->n, 0, (int64_t)n - 1, d->numbers);
	for (int m = 0; m < g->n && !rc; m++)
		d->places[g->events[m]].shape = g->shapes[d->numbers[m]];
	return rc;
}

/* A member of a head that is a list of numbers: where it goes in a place, and what it may be. */
struct member {
	const char *name;
	size_t offset;
	int64_t least, most;
};

static int read_numbers(struct columns_reader *d, const json_t *head, const struct columns_read_group *g,
                        const struct member *m)
{
	int rc = columns_ints(d, json_object_get(head, m->name), g->n, m->least, m->most, d->numbers);
	for (int i = 0; i < g->n && !rc; i++)
		*(int64_t *)(void *)((char *)&d->places[g->events[i]] + m->offset) = d->numbers[i];
	return rc;
}

static int read_new_ids(struct columns_reader *d, const json_t *head, const struct columns_read_group *g,
                        const char *name, bool cases)
{
	uint8_t ids[LIMIT_BATCH_EVENTS][UUID_LEN];
	int n = 0;
	for (int i = 0; i < g->n; i++) {
		const struct columns_read_place *p = &d->places[g->events[i]];
		n += cases ? p->cased == COLUMNS_CASE_NEW : !p->derived;
	}
	int rc = read_ids(d, json_object_get(head, name), n, ids);
	for (int i = g->n - 1; i >= 0 && !rc; i--) {
		const struct columns_read_place *p = &d->places[g->events[i]];
		struct event *ev = &d->r->events[g->events[i]];
		if (cases ? p->cased == COLUMNS_CASE_NEW : !p->derived)
			memcpy(cases ? ev->case_id : ev->id, ids[--n], UUID_LEN);
	}
	return rc;
}

static int read_head(struct columns_reader *d, const json_t *head, struct columns_read_group *g)
{
#define PLACE(member) #member, offsetof(struct columns_read_place, member)
	static const struct member derived = {PLACE(derived), 0, 1},
	                           cased = {PLACE(cased), 0, COLUMNS_CASE_BACK + LIMIT_BATCH_EVENTS},
	                           at = {PLACE(at), -WIRE_TIME_MAX, WIRE_TIME_MAX},
	                           mono = {PLACE(mono), -COLUMNS_INT, COLUMNS_INT};
#undef PLACE
	const char *type = fields_text(head, "type");
	for (int i = 0; i < g->n; i++)
		if (!*type || event_set(d->r->events[g->events[i]].type, EVENT_TYPE_MAX, type, "type", d->e))
			return bad(d, "a type");
	int rc = read_numbers(d, head, g, &derived);
	if (!rc) rc = read_new_ids(d, head, g, "ids", false);
	if (!rc) rc = read_numbers(d, head, g, &cased);
	if (!rc) rc = read_new_ids(d, head, g, "cases", true);
	if (!rc) rc = read_numbers(d, head, g, &at);
	if (!rc) rc = read_numbers(d, head, g, &mono);
	if (!rc) rc = read_head_texts(d, head, g);
	return rc ? rc : read_shapes(d, head, g);
}

/* --- what follows from the events before --- */

static int set_texts(struct columns_reader *d, int i, int before)
{
	struct columns_read_place *p = &d->places[i];
	struct event *ev = &d->r->events[i];
	for (int k = 0; k < COLUMNS_TEXTS; k++) {
		if (!p->texts[k] && before >= 0) p->texts[k] = json_incref(d->places[before].texts[k]);
		if (!p->texts[k]) return bad(d, "nothing stands before the first event");
	}
	if (!clock_quality_parse(json_string_value(p->texts[0]), &ev->quality)) return bad(d, "clock");
	int rc = event_set(ev->boot, sizeof ev->boot, json_string_value(p->texts[1]), "boot", d->e);
	if (!rc) rc = event_set(ev->actor, sizeof ev->actor, json_string_value(p->texts[2]), "actor", d->e);
	if (!rc) rc = event_set(ev->device, sizeof ev->device, json_string_value(p->texts[3]), "device", d->e);
	return rc || (*ev->boot && *ev->actor) ? rc : bad(d, "boot or actor");
}

static int set_ids(struct columns_reader *d, int i, int before)
{
	const struct columns_read_place *p = &d->places[i];
	struct event *ev = &d->r->events[i];
	int k = before;
	unsigned n = 1;
	if (p->derived) {
		for (; k >= 0 && d->places[k].derived; k = d->places[k].before)
			n++;
		if (k < 0) return bad(d, "an id follows from none");
		uuid_derive(d->r->events[k].id, n, ev->id);
	}
	ev->has_case = p->cased != COLUMNS_CASE_NONE;
	if (p->cased == COLUMNS_CASE_OWN) memcpy(ev->case_id, ev->id, UUID_LEN);
	if (p->cased < COLUMNS_CASE_BACK) return ERR_OK;
	k = before;
	for (int64_t back = p->cased - COLUMNS_CASE_BACK; back && k >= 0; back--)
		k = d->places[k].before;
	if (k < 0 || !d->r->events[k].has_case) return bad(d, "a case of no event");
	memcpy(ev->case_id, d->r->events[k].case_id, UUID_LEN);
	return ERR_OK;
}

static int follow(struct columns_reader *d, int64_t at, int64_t mono)
{
	int before = -1;
	for (int i = 0; i < d->r->n_events; i++) {
		struct columns_read_place *p = &d->places[i];
		struct event *ev = &d->r->events[i];
		if (p->group < 0) continue;
		p->before = before;
		ev->seq = d->r->have.seq + 1 + i;
		memcpy(ev->log, d->r->log, UUID_LEN);
		memcpy(ev->station, d->r->station, sizeof ev->station);
		memcpy(ev->origin, d->r->station, sizeof d->r->station);
		ev->at = at += p->at;
		ev->mono = mono += p->mono + p->at;
		if (at < 0 || at > WIRE_TIME_MAX || mono < 0 || mono > COLUMNS_MONO) return bad(d, "a time");
		int rc = set_ids(d, i, before);
		if (!rc) rc = set_texts(d, i, before);
		if (rc) return rc;
		before = i;
	}
	return ERR_OK;
}

/* --- bodies --- */

/* Sets the member at PATH of O, making the objects on the way. */
static int set_path(struct columns_reader *d, json_t *o, const char *path, json_t *v)
{
	char name[CELL_PATH_MAX];
	int deep = 1;
	for (const char *slash; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
		size_t n = (size_t)(slash - path);
		if (++deep > COLUMNS_DEPTH) return bad(d, "a path is too deep");
		memcpy(name, path, n);
		name[n] = '\0';
		json_t *in = json_object_get(o, name);
		if (n && !in && json_object_set_new(o, name, json_object()) == 0) in = json_object_get(o, name);
		if (!in) return n ? err_set(d->e, ERR_NOMEM, "columns") : bad(d, "a path");
		if (!json_is_object(in)) return bad(d, "a member within another's value");
		o = in;
	}
	if (!*path || json_object_get(o, path)) return bad(d, "a path, or one that stands twice");
	/* an empty object may be shared among events, and another column may add to it: each event gets its own */
	int rc = json_is_object(v) ? json_object_set_new(o, path, json_object()) : json_object_set(o, path, v);
	return rc ? err_set(d->e, ERR_NOMEM, "columns") : ERR_OK;
}

static int read_column(struct columns_reader *d, const json_t *j, int column, const struct columns_read_group *g)
{
	const json_t *path = json_array_get(j, 0);
	int events[LIMIT_BATCH_EVENTS], n = 0;
	if (!json_is_string(path) || json_string_length(path) >= CELL_PATH_MAX) return bad(d, "a column's path");
	for (int i = 0; i < g->n; i++)
		if (d->places[g->events[i]].shape >> column & 1) events[n++] = g->events[i];
	int rc = columns_cells(d, j, 1, events, n);
	for (int i = 0; i < n && !rc; i++) {
		const json_t *v = d->cells[i];
		if (json_is_real(v) || (json_is_object(v) && json_object_size(v)))
			rc = bad(d, "a cell");
		else
			rc = set_path(d, d->places[events[i]].body, json_string_value(path), d->cells[i]);
	}
	columns_drop_cells(d);
	return rc;
}

static int write_body(struct columns_reader *d, int i, size_t *left)
{
	struct event *ev = &d->r->events[i];
	struct buf b;
	buf_init(&b, *left < EVENT_BODY_MAX ? *left : EVENT_BODY_MAX);
	int rc = canon_write(d->places[i].body, &b, d->e);
	if (!rc) {
		*left -= b.len;
		ev->body = buf_steal(&b, &ev->body_len);
		if (!ev->body) rc = err_set(d->e, ERR_NOMEM, "event body");
	}
	buf_release(&b);
	return rc;
}

static int read_bodies(struct columns_reader *d, const json_t *all)
{
	size_t left = COLUMNS_BYTES;
	if (json_array_size(all) != (size_t)d->n_groups) return bad(d, "bodies");
	for (int i = 0; i < d->r->n_events; i++)
		if (d->places[i].group >= 0 && !(d->places[i].body = json_object()))
			return err_set(d->e, ERR_NOMEM, "columns");
	for (int i = 0; i < d->n_groups; i++) {
		const json_t *body = json_array_get(all, (size_t)i), *column;
		size_t k, n = json_array_size(body);
		if (!json_is_array(body) || n > COLUMNS_MAX) return bad(d, "a body's columns");
		json_array_foreach(body, k, column) {
			int rc = read_column(d, column, (int)k, d->groups[i]);
			if (rc) return rc;
		}
	}
	for (int i = 0; i < d->r->n_events; i++) {
		int rc = d->places[i].group < 0 ? ERR_OK : write_body(d, i, &left);
		if (rc) return rc;
	}
	return ERR_OK;
}

/* --- the whole --- */

static int read_order(struct columns_reader *d, const json_t *j, int rows, bool *is_row)
{
	int n = d->r->n_events, left = 0;
	int rc = columns_ints(d, json_object_get(j, "order"), n, 0, d->n_groups, d->numbers);
	for (int i = 0; i < n && !rc; i++) {
		int at = (int)d->numbers[i];
		d->places[i].group = at < d->n_groups ? at : -1;
		is_row[i] = at == d->n_groups;
		left += is_row[i];
		if (!is_row[i]) d->groups[at]->events[d->groups[at]->n++] = i;
	}
	for (int i = 0; i < d->n_groups && !rc; i++)
		if (!d->groups[i]->n) rc = bad(d, "a group without events");
	return rc || left == rows ? rc : bad(d, "rows are missing, or too many");
}

static int read_all(struct columns_reader *d, const json_t *j, int rows, bool *is_row)
{
	const json_t *heads = json_object_get(j, "heads"), *bits = json_object_get(j, "bits");
	int64_t at, mono;
	bool nomem = false;
	size_t n = json_array_size(heads);
	if (!json_is_array(heads) || n > COLUMNS_GROUPS || !json_is_string(bits) ||
	    !integer(json_object_get(j, "at"), 0, WIRE_TIME_MAX, &at) ||
	    !integer(json_object_get(j, "mono"), 0, COLUMNS_MONO, &mono))
		return bad(d, "heads, bits, at or mono");
	if (!bits_in_init(&d->bits, json_string_value(bits), json_string_length(bits), &nomem))
		return nomem ? err_set(d->e, ERR_NOMEM, "columns") : bad(d, "bits");
	for (; d->n_groups < (int)n; d->n_groups++)
		if (!(d->groups[d->n_groups] = calloc(1, sizeof **d->groups)))
			return err_set(d->e, ERR_NOMEM, "columns");
	int rc = read_order(d, j, rows, is_row);
	for (int i = 0; i < d->n_groups && !rc; i++)
		rc = read_head(d, json_array_get(heads, (size_t)i), d->groups[i]);
	if (!rc) rc = follow(d, at, mono);
	if (!rc) rc = read_bodies(d, json_object_get(j, "bodies"));
	return rc || bits_end(&d->bits) ? rc : bad(d, "bits are left");
}

int columns_read(const json_t *j, int rows, struct wire_request *r, bool *is_row, struct err *e)
{
	struct columns_reader *d = calloc(1, sizeof *d);
	if (!d) return err_set(e, ERR_NOMEM, "columns");
	d->r = r;
	d->e = e;
	for (int i = 0; i < r->n_events; i++)
		d->places[i].group = d->places[i].before = -1;
	int rc = read_all(d, j, rows, is_row);
	for (int i = 0; i < r->n_events; i++) {
		json_decref(d->places[i].body);
		for (int k = 0; k < COLUMNS_TEXTS; k++)
			json_decref(d->places[i].texts[k]);
	}
	for (int i = 0; i < COLUMNS_GROUPS; i++)
		free(d->groups[i]);
	bits_in_release(&d->bits);
	free(d);
	return rc;
}
