/* The state machine of a case: states, events and transitions, compiled in from schema/states.
 *
 * The table is data; nobody switches on a state. Source: 行政许可法 and the county's state list (schema/states). */
#ifndef XINKE_STATES_H
#define XINKE_STATES_H

#include <stdbool.h>

enum case_state {
#define STATE(id, name, zh, final) STATE_##id,
#include "states.inc"
#undef STATE
	STATE_COUNT,
	STATE_SAME,  /* in a row: the state stays */
	STATE_ASKED, /* in a row: the state, and the holder, that asked for the supplement (补正) */
	STATE_ANY,   /* in a row: any state, but archived where BY is holder or registering, and never erased */
};

enum case_event {
#define EVENT(id, name) EVENT_##id,
#include "events.inc"
#undef EVENT
	EVENT_COUNT
};

/* Whose act a row is. */
enum case_who {
	WHO_WINDOW,           /* clerk or lead of a station */
	WHO_APPLICANT,        /* the applicant; the window records it */
	WHO_ORGAN,            /* the holder where the item is 办理, or a county department */
	WHO_HANDLER_OR_ORGAN, /* as organ: accepting one's own */
	WHO_HEAD,             /* lead, or county head */
	WHO_SYSTEM,           /* the holder's program by itself */
	WHO_HOLDER,           /* whoever holds the case */
	WHO_WINDOW_ACCEPT,    /* clerk or lead of a station that only takes the item in (受理) */
	WHO_ANY,
};

/* Whose log it enters. */
enum case_by { BY_HOLDER, BY_REGISTERING, BY_EITHER, BY_PROGRAM, BY_COUNTY_OR_REGISTERING, BY_ANY, BY_COUNTY };

struct state_row {
	enum case_state from;
	enum case_event event;
	enum case_state to;
	enum case_who who;
	enum case_by by;
};

const char *state_name(enum case_state s);
const char *state_zh(enum case_state s);
bool state_final(enum case_state s);
bool state_parse(const char *name, enum case_state *out);
const char *state_event_name(enum case_event ev);
bool state_event_parse(const char *name, enum case_event *out);
/* The row for EV in state FROM, or NULL where the table has none. */
const struct state_row *state_row_find(enum case_state from, enum case_event ev);
/* Is EV the first of a case or of an entry? A receive may also follow a submit. */
bool state_event_opens(enum case_event ev);
/* Does only a program append EV, and nobody by a call? */
bool state_event_by_program(enum case_event ev);
/* All rows, for tests and for printing. */
const struct state_row *state_rows(int *n);

#endif
