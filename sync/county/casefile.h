/* A case at the county: judged, folded, kept, routed. Runs in the caller's write transaction.
 *
 * The county's order of a case is the order in which its events were judged here (place). Only the county refuses. */
#ifndef XINKE_CASEFILE_H
#define XINKE_CASEFILE_H

#include "shared/caseview.h"
#include "shared/problem.h"
#include "shared/terms.h"
#include "sync/county/store.h"

/* The case that is being worked on; kept between the events of one batch, written back by casefile_flush. */
struct casefile {
	struct store *store;
	struct caseview view;
	char department[96];
	int64_t next_place;
	bool loaded, dirty;
	int64_t below; /* what is held or refused counts as earlier below this place; 0 = all */
};

/* Verdict on one event. Empty code = settled; "held" = none yet. */
struct verdict {
	char code[32], pointer[96], message[160];
	bool renumber; /* settled, but its receipt number is another case's */
	bool mends;    /* settled in the place of a refused one */
};

void casefile_init(struct casefile *f, struct store *s);
/* Writes the present case if it changed, and forgets it. */
int casefile_flush(struct casefile *f, struct err *e);
/* Frees without writing. */
void casefile_drop(struct casefile *f);
/* Makes CASE_ID the present one (empty where the county has no such case). */
int casefile_load(struct casefile *f, const uint8_t case_id[UUID_LEN], struct err *e);

/* Judges EV of STATION, stores it with its verdict, folds it into its case, and routes it to the other stations that
 * follow the case. An id that was seen before with the same mac gets that one's verdict and is not stored again. */
int casefile_take(struct casefile *f, const struct store_station *st, const struct event *ev, int64_t now,
                  struct verdict *out, struct err *e);
/* What follows from a settled EV whose verdict V says `renumber` or `mends`, after its own mark was put: the county's new
 * number (with an alarm), the refused event marked as mended, what stood behind it judged again and marked anew. */
int casefile_follow_up(struct casefile *f, const struct store_station *st, const struct event *ev,
                       const struct verdict *v, int64_t now, struct err *e);
/* Judges what is held, now that this release or this county may know more: at start and when a catalog arrives. Runs in
 * the caller's transaction; *N = how many got their verdict. */
int casefile_judge_held(struct store *s, int64_t now, int *n, struct err *e);
/* Appends an event of the county's own: EV's type, body, actor, id and at are set. A refusal goes to P. */
int casefile_act(struct casefile *f, const struct event *ev, const json_t *body, int64_t now, struct problem *p,
                 struct err *e);
/* Is the office that holds a case a station, by the form of its code? Else it is a department, or the county. */
bool casefile_is_station(const char *office);
/* Is it noted that OFFICE held a case whose item is DEPARTMENT's? Only of departments, and not of its own. */
bool casefile_held_notes(const char *office, const char *department);
/* Does the holder take its cases with a box of its own? */
int casefile_has_box(struct store *s, const char *holder, bool *yes, struct err *e);
/* The terms of the case that have passed at NOW and that TYPE ends, *N of them: see terms_late. */
int casefile_late(struct casefile *f, enum case_event type, int64_t now, enum term_kind out[TERM_KINDS], int *n,
                  struct err *e);
/* Reads a case; ERR_NOTFOUND. Release the view. */
int casefile_get(struct store *s, const uint8_t case_id[UUID_LEN], struct caseview *out, struct err *e);
/* Reads the case whose receipt holds TOKEN; looked up by its SHA-256, so that the time of an answer tells nothing of it. The same
 * otherwise. */
int casefile_by_token(struct store *s, const char *token, struct caseview *out, struct err *e);
/* Fills a view from a row of a case_* query. */
int casefile_row(struct db_stmt *q, struct caseview *v, struct err *e);

#endif
