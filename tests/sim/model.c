/* See model.h. */
#include "tests/sim/model.h"

#include "tests/sim/world.h"

#include <stdio.h>
#include <string.h>

struct call *model_new(struct world *w)
{
	struct model *m = &w->model;
	if (m->n == MODEL_CALLS) return NULL;
	struct call *c = &m->calls[m->n++];
	*c = (struct call){0};
	(void)snprintf(c->marker, sizeof c->marker, "m%d.", m->n);
	for (size_t i = 0; i < UUID_LEN; i += 8) {
		uint64_t v = sim_u64(&w->user);
		memcpy(c->key + i, &v, 8);
	}
	c->key[6] = (uint8_t)((c->key[6] & 0x0f) | 0x40);
	c->key[8] = (uint8_t)((c->key[8] & 0x3f) | 0x80);
	return c;
}

void model_release(struct model *m)
{
	for (int i = 0; i < m->n; i++)
		json_decref(m->calls[i].body);
	m->n = 0;
}

struct call *model_case(struct world *w)
{
	struct model *m = &w->model;
	if (m->n == 0) return NULL;
	/* the newer the likelier: old cases are finished */
	for (int tries = 0; tries < 12; tries++) {
		int64_t a = sim_draw(&w->user, m->n), b = sim_draw(&w->user, m->n);
		struct call *c = &m->calls[a > b ? a : b];
		if (c->state == CALL_ACKED && c->registers) return c;
	}
	return NULL;
}

struct call *model_find(struct model *m, const char *station, const uint8_t key[UUID_LEN])
{
	for (int i = 0; i < m->n; i++)
		if (memcmp(m->calls[i].key, key, UUID_LEN) == 0 && strcmp(m->calls[i].station, station) == 0)
			return &m->calls[i];
	return NULL;
}

static int station_index(const char *station)
{
	return (station[8] - '0') * 2 + (station[11] - '0');
}

bool *model_copied(struct model *m, const char *station)
{
	return &m->copied[station_index(station) & 7];
}

bool *model_rotten(struct model *m, const char *station)
{
	return &m->rotten[station_index(station) & 7];
}

void model_ack(struct world *w, struct call *c)
{
	struct model *m = &w->model;
	c->state = CALL_ACKED;
	world_trace(w, "201 at %s: %s %s", c->station, c->type, c->marker);
	if (!*c->receipt || *model_copied(m, c->station)) return;
	for (int i = 0; i < m->n; i++) {
		const struct call *o = &m->calls[i];
		if (o != c && o->state == CALL_ACKED && strcmp(o->receipt, c->receipt) == 0)
			world_fail(w, "receipt numbers", "%s was given twice", c->receipt);
	}
}
