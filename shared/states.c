/* See states.h. The .inc files are made by awk from schema/states/{states,transitions}.csv. */
#include "shared/states.h"

#include <string.h>

static const struct {
	const char *name, *zh;
	bool final;
} states[] = {
#define STATE(id, n, z, f) [STATE_##id] = {n, z, f},
#include "states.inc"
#undef STATE
};

static const char *const events[] = {
#define EVENT(id, n) [EVENT_##id] = n,
#include "events.inc"
#undef EVENT
};

static const struct state_row rows[] = {
#define ROW(from, event, to, who, by) {STATE_##from, EVENT_##event, STATE_##to, WHO_##who, BY_##by},
#include "transitions.inc"
#undef ROW
};

#define N_ROWS ((int)(sizeof rows / sizeof *rows))

const char *state_name(enum case_state s)
{
	return states[s].name;
}

const char *state_zh(enum case_state s)
{
	return states[s].zh;
}

bool state_final(enum case_state s)
{
	return states[s].final;
}

bool state_parse(const char *name, enum case_state *out)
{
	for (int i = 0; i < STATE_COUNT; i++) {
		if (strcmp(states[i].name, name) != 0) continue;
		*out = (enum case_state)i;
		return true;
	}
	return false;
}

const char *state_event_name(enum case_event ev)
{
	return events[ev];
}

bool state_event_parse(const char *name, enum case_event *out)
{
	for (int i = 0; i < EVENT_COUNT; i++) {
		if (strcmp(events[i], name) != 0) continue;
		*out = (enum case_event)i;
		return true;
	}
	return false;
}

const struct state_row *state_row_find(enum case_state from, enum case_event ev)
{
	for (int i = 0; i < N_ROWS; i++) {
		const struct state_row *r = &rows[i];
		if (r->event != ev) continue;
		if (r->from == from) return r;
		if (r->from != STATE_ANY) continue;
		bool closed =
		    from == STATE_ARCHIVED && (r->by == BY_HOLDER || r->by == BY_REGISTERING || r->by == BY_EITHER);
		if (!closed && from != STATE_DRAFT && from != STATE_ERASED) return r;
	}
	return NULL;
}

bool state_event_opens(enum case_event ev)
{
	return ev == EVENT_RECEIVE || ev == EVENT_SUBMIT || ev == EVENT_ENTRY_OPEN;
}

bool state_event_by_program(enum case_event ev)
{
	bool any = false;
	for (int i = 0; i < N_ROWS; i++) {
		if (rows[i].event != ev) continue;
		if (rows[i].who != WHO_SYSTEM) return false;
		any = true;
	}
	return any;
}

const struct state_row *state_rows(int *n)
{
	*n = N_ROWS;
	return rows;
}
