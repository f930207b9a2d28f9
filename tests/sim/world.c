/* See world.h. */
#include "tests/sim/world.h"

#include "tests/sim/link.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool world_may(const struct world *w, enum fault f)
{
	return !w->quiet && (w->faults >> f & 1);
}

int64_t world_wall(const struct world *w)
{
	return KIT_EPOCH + w->now;
}

static void set_now(struct world *w, int64_t now)
{
	if (now > w->now) w->now = now;
	vfs_time(world_wall(w));
	sim_system_time(world_wall(w));
}

void world_put(struct world *w, const struct world_event *ev)
{
	int i = w->n_events;
	assert(w->n_events < WORLD_EVENTS);
	struct world_event one = *ev;
	one.order = w->order++;
	if (one.at < w->now) one.at = w->now;
	for (; i > 0 && w->events[i - 1].at <= one.at; i--) /* the next is the last of the array */
		w->events[i] = w->events[i - 1];
	w->events[i] = one;
	w->n_events++;
}

void world_at(struct world *w, int64_t at, void (*run)(struct world *, int64_t, void *), int64_t a, void *p)
{
	struct world_event ev = {.at = at, .run = run, .a = a, .p = p};
	world_put(w, &ev);
}

static struct world_event take(struct world *w, int i)
{
	struct world_event ev = w->events[i];
	memmove(&w->events[i], &w->events[i + 1], (size_t)(w->n_events - i - 1) * sizeof ev);
	w->n_events--;
	return ev;
}

/* The next that may run, or -1. */
static int next(const struct world *w, int64_t until, bool nested)
{
	for (int i = w->n_events - 1; i >= 0 && w->events[i].at <= until; i--)
		if (!nested || !w->events[i].blocks) return i;
	return -1;
}

void world_advance(struct world *w, int64_t until, bool nested)
{
	int i;
	while (!*w->failed && (i = next(w, until, nested)) >= 0) {
		struct world_event ev = take(w, i);
		set_now(w, ev.at);
		ev.run(w, ev.a, ev.p);
	}
	set_now(w, until);
}

bool world_next(struct world *w)
{
	if (w->n_events == 0) return false;
	struct world_event ev = take(w, w->n_events - 1);
	set_now(w, ev.at);
	ev.run(w, ev.a, ev.p);
	return true;
}

void world_fail(struct world *w, const char *invariant, const char *fmt, ...)
{
	char what[400];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	world_trace(w, "FAILED %s: %s", invariant, what);
	if (!*w->failed) (void)snprintf(w->failed, sizeof w->failed, "%s: %s", invariant, what);
}

void world_drop_events(struct world *w)
{
	for (int i = 0; i < w->n_events; i++)
		if (w->events[i].drop) w->events[i].drop(w->events[i].p);
	w->n_events = 0;
}
