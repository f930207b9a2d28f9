/* The county: two processes on one store, on machine 0. */
#ifndef XINKE_SIM_OFFICE_H
#define XINKE_SIM_OFFICE_H

#include "sync/agent/answer.h"
#include "sync/county/county.h"
#include "tests/sim/kit.h"

struct world;
struct box;

struct office {
	struct vfs_proc *p;
	struct store *s; /* NULL = not running */
};

struct offices {
	struct office o[KIT_OFFICES];
	int64_t down_until;
	int64_t clock_offset; /* ms */
	int64_t highest_now;  /* Unix ms: the latest time that an answer has told */
	int epoch;            /* counts restores from old copies */
	int catalog;          /* version in force */
	struct vfs_image *old;
	int64_t future; /* entries of a later release so far */
};

/* Starts what is not running. */
void office_start(struct world *w);
void office_kill(struct world *w, int i);
/* The power goes. */
void office_cut(struct world *w);
/* Away with what died. */
void office_reap(struct world *w);
void office_release(struct world *w);
/* A running process, by chance; NULL when the county is down. */
struct office *office_any(struct world *w);
/* The same, and it is of W's index into the kit. */
int office_index(const struct world *w, const struct office *o);
/* Takes a request of PEER. 0 with an answer, or ERR_IO when none came. */
int office_exchange(struct world *w, const struct county_peer *peer, const char *body, size_t len,
                    struct transport_answer *out);
/* An enrolment for STATION with a fresh code: the answer, or NULL. Release it. */
json_t *office_enrol(struct world *w, const char *station, json_t *request);
/* What departments and operators do, by chance. */
void office_act(struct world *w);
/* Erases a case or an entry that came to its end, as the county's program does and as a person asks for. None in a run in
 * which the county is put back to an old copy: what was erased is years older than any copy of a day. */
void office_erase(struct world *w);
void office_catalog(struct world *w);
void office_future(struct world *w);
/* Sets the state of the log that B writes. */
void office_log_state(struct world *w, struct box *b, enum log_state st);
/* Keeps a copy of the disk; puts it back. */
void office_keep(struct world *w);
void office_rollback(struct world *w);

#endif
