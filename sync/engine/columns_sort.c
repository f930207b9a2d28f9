/* See columns_sort.h. Decides what goes as a row: whatever would not come back to the byte. */
#include "sync/engine/columns_sort.h"

#include "shared/canon.h"
#include "shared/fields.h"

#include <stdlib.h>
#include <string.h>

#define NEST_MAX 8 /* of an array in a cell: deeper than any body of ours, and within what a request may nest */

struct leaf {
	char path[CELL_PATH_MAX];
	json_t *value;
	enum cell_kind kind;
};

struct leaves {
	struct leaf all[COLUMNS_MAX];
	int n;
	const struct event *ev;
	const char *station;
};

static bool nests(const json_t *v, int deep)
{
	size_t i;
	json_t *item;
	const char *key;
	if (deep > NEST_MAX) return false;
	json_array_foreach(v, i, item)
		if (!nests(item, deep + 1)) return false;
	json_object_foreach((json_t *)v, key, item)
		if (!nests(item, deep + 1)) return false;
	return true;
}

static bool add_leaf(struct leaves *l, const char *path, json_t *v)
{
	if (l->n == COLUMNS_MAX || !nests(v, 0)) return false;
	struct leaf *leaf = &l->all[l->n++];
	memcpy(leaf->path, path, strlen(path) + 1);
	leaf->value = v;
	leaf->kind = cell_kind_of(v, l->station, l->ev->at);
	return true;
}

/* Takes O apart into what stands at its ends. False where it cannot be told by paths. */
static bool take_apart(struct leaves *l, const json_t *o, char path[CELL_PATH_MAX], size_t len, int deep)
{
	const char *key;
	json_t *v;
	if (deep > COLUMNS_DEPTH) return false;
	json_object_foreach((json_t *)o, key, v) {
		size_t n = strlen(key);
		if (!n || strchr(key, '/') || len + n + 2 > CELL_PATH_MAX) return false;
		memcpy(path + len, key, n + 1);
		if (json_is_object(v) && json_object_size(v)) {
			path[len + n] = '/';
			if (!take_apart(l, v, path, len + n + 1, deep + 1)) return false;
		} else if (!add_leaf(l, path, v)) {
			return false;
		}
	}
	return true;
}

/* Is the body what the canonical form of BODY is? One that came otherwise into the ledger stays as it is. */
static bool is_canonical(const struct event *ev, const json_t *body)
{
	struct buf b;
	buf_init(&b, EVENT_BODY_MAX);
	bool same = !canon_write(body, &b, NULL) && b.len == ev->body_len && memcmp(b.data, ev->body, b.len) == 0;
	buf_release(&b);
	return same;
}

static struct columns_group *group_of(struct columns_sorted *s, const char *type, int *at)
{
	for (*at = 0; *at < s->n_groups; (*at)++)
		if (strcmp(s->groups[*at]->type, type) == 0) return s->groups[*at];
	if (s->n_groups == COLUMNS_GROUPS) return NULL;
	struct columns_group *g = calloc(1, sizeof *g);
	if (!g) return NULL;
	g->type = type;
	return s->groups[s->n_groups++] = g;
}

/* The place of a leaf's column; members come in the order of their names, so it is mostly the one after HINT. */
static int column_of(struct columns_group *g, const struct leaf *l, int hint)
{
	for (int k = 0; k < g->n_columns; k++) {
		int i = (hint + 1 + k) % g->n_columns;
		if (g->columns[i].kind == l->kind && strcmp(g->columns[i].path, l->path) == 0) return i;
	}
	if (g->n_columns == COLUMNS_MAX) return -1;
	struct columns_column *c = &g->columns[g->n_columns];
	memcpy(c->path, l->path, sizeof c->path);
	c->kind = l->kind;
	return g->n_columns++;
}

static bool add_cell(struct columns_column *c, json_t *v, int event)
{
	if (c->n == c->cap) {
		int cap = c->cap ? 2 * c->cap : 16;
		struct columns_cell *p = realloc(c->cells, (size_t)cap * sizeof *p);
		if (!p) return false;
		c->cells = p;
		c->cap = cap;
	}
	c->cells[c->n++] = (struct columns_cell){v, event};
	return true;
}

/* Puts event I into G, whole or not at all. */
static bool add_event(struct columns_group *g, const struct leaves *l, int i)
{
	int at[COLUMNS_MAX], columns = g->n_columns, shape;
	uint64_t set = 0;
	for (int k = 0; k < l->n; k++) {
		at[k] = column_of(g, &l->all[k], k ? at[k - 1] : -1);
		if (at[k] < 0) goto undo;
		set |= 1ULL << at[k];
	}
	for (shape = 0; shape < g->n_shapes; shape++)
		if (g->shapes[shape] == set) break;
	if (shape == COLUMNS_SHAPES) goto undo;
	for (int k = 0; k < l->n; k++)
		if (!add_cell(&g->columns[at[k]], l->all[k].value, i)) {
			while (k--)
				g->columns[at[k]].n--;
			goto undo;
		}
	if (shape == g->n_shapes) g->shapes[g->n_shapes++] = set;
	g->events[g->n] = i;
	g->shape_of[g->n++] = shape;
	return true;
undo:
	for (; g->n_columns > columns; g->n_columns--) {
		free(g->columns[g->n_columns - 1].cells);
		g->columns[g->n_columns - 1] = (struct columns_column){0};
	}
	return false;
}

/* What every reader takes, and what the numbers of this form can hold. */
static bool is_plain(const struct wire_request *r, int i)
{
	const struct event *ev = &r->events[i];
	return ev->body && ev->seq == r->have.seq + 1 + i && *ev->type && *ev->actor && *ev->boot && ev->at >= 0 &&
	       ev->at <= WIRE_TIME_MAX && ev->mono >= 0 && ev->mono < COLUMNS_MONO;
}

static bool sort_one(const struct wire_request *r, struct columns_sorted *s, int i)
{
	struct leaves l = {.ev = &r->events[i], .station = r->station};
	char path[CELL_PATH_MAX];
	int at;
	if (!is_plain(r, i)) return false;
	json_t *body = s->bodies[i] = event_body(l.ev);
	if (!json_is_object(body) || !is_canonical(l.ev, body) || !take_apart(&l, body, path, 0, 1)) return false;
	int groups = s->n_groups;
	struct columns_group *g = group_of(s, l.ev->type, &at);
	if (!g) return false;
	if (!add_event(g, &l, i)) {
		if (s->n_groups > groups) free(s->groups[--s->n_groups]);
		return false;
	}
	s->places[i].group = at;
	return true;
}

/* --- what follows from the events before --- */

static int64_t case_of(const struct wire_request *r, const struct columns_sorted *s, int i)
{
	const struct event *ev = &r->events[i];
	if (!ev->has_case) return COLUMNS_CASE_NONE;
	if (memcmp(ev->case_id, ev->id, UUID_LEN) == 0) return COLUMNS_CASE_OWN;
	int64_t code = COLUMNS_CASE_BACK;
	for (int k = s->places[i].before; k >= 0; k = s->places[k].before, code++)
		if (r->events[k].has_case && memcmp(r->events[k].case_id, ev->case_id, UUID_LEN) == 0) return code;
	return COLUMNS_CASE_NEW;
}

/* Ids are derived from the first event of a call: the last before that is not derived itself. */
static int64_t derived_of(const struct wire_request *r, const struct columns_sorted *s, int i)
{
	const struct event *ev = &r->events[i];
	uint8_t id[UUID_LEN];
	int64_t n = 1;
	int k = s->places[i].before;
	if (ev->id[6] >> 4 != 5) return 0;
	for (; k >= 0 && s->places[k].derived; k = s->places[k].before)
		n++;
	if (k < 0) return 0;
	uuid_derive(r->events[k].id, (unsigned)n, id);
	return memcmp(id, ev->id, UUID_LEN) == 0;
}

static void follow(const struct wire_request *r, struct columns_sorted *s)
{
	int before = -1;
	for (int i = 0; i < r->n_events; i++) {
		struct columns_place *p = &s->places[i];
		const struct event *ev = &r->events[i];
		if (p->group < 0) continue;
		if (before < 0) {
			s->at = ev->at;
			s->mono = ev->mono;
		}
		p->before = before;
		p->at = ev->at - (before < 0 ? ev->at : r->events[before].at);
		p->mono = ev->mono - (before < 0 ? ev->mono : r->events[before].mono) - p->at;
		p->derived = derived_of(r, s, i);
		p->cased = case_of(r, s, i);
		before = i;
	}
}

int columns_sort(const struct wire_request *r, struct columns_sorted **out, struct err *e)
{
	struct columns_sorted *s = *out = calloc(1, sizeof *s);
	if (!s) return err_set(e, ERR_NOMEM, "columns");
	for (int i = 0; i < r->n_events; i++) {
		s->places[i].group = s->places[i].before = -1;
		(void)sort_one(r, s, i);
	}
	follow(r, s);
	return ERR_OK;
}

void columns_sorted_free(struct columns_sorted *s)
{
	if (!s) return;
	for (int i = 0; i < s->n_groups; i++) {
		for (int k = 0; k < s->groups[i]->n_columns; k++)
			free(s->groups[i]->columns[k].cells);
		free(s->groups[i]);
	}
	for (int i = 0; i < LIMIT_BATCH_EVENTS; i++)
		json_decref(s->bodies[i]);
	free(s);
}
