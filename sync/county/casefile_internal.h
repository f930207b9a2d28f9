/* What the files of a case at the county share: casefile.c keeps it, judge.c decides, again.c decides once more, route.c
 * tells the stations. */
#ifndef XINKE_CASEFILE_INTERNAL_H
#define XINKE_CASEFILE_INTERNAL_H

#include "sync/county/casefile.h"
#include "sync/county/feed.h"

#define CASEFILE_HELD "held" /* stored, not judged: this release, or this county, does not know enough yet */

void casefile_refuse(struct verdict *v, const char *code, const char *pointer, const char *message);
/* The verdict on EV of station ST, whose body is BODY (NULL: erased); folds it into the case when it settles. */
int casefile_judge(struct casefile *f, const struct store_station *st, const struct event *ev, const json_t *body,
                   struct verdict *v, struct err *e);
/* The verdict on EV, an event of no case: a self-check (自查) whose body has not its form is refused, anything else settles. */
int casefile_judge_caseless(const struct event *ev, struct verdict *v, struct err *e);
/* EV has its verdict: gives it its place in the case's order and, settled, tells whoever follows the case. */
int casefile_placed(struct casefile *f, const struct event *ev, const char *origin, bool settled, struct err *e);
/* Stores EV at the case's next place (0: it is of no case). */
int casefile_insert(struct casefile *f, const char *station, const struct event *ev, int64_t now,
                    const struct verdict *v, struct err *e);
/* Appends an event of the county's own that no account asked for, by ACTOR ("system", "applicant"). BODY is taken. */
int casefile_own_event(struct casefile *f, const char *actor, const char *type, json_t *body,
                       const uint8_t id[UUID_LEN], int64_t now, struct err *e);
/* V's item by the catalog that the case was opened under (NULL: nobody knows it), and the calendar in force; borrowed until
 * the store's next call. ERR_NOTFOUND before there are any. */
int casefile_terms(struct store *s, const struct caseview *v, const struct catalog_item **item,
                   const struct workdays **w, struct err *e);
/* 视为受理: has the case's notice term passed at AT by our calendar, and does its item deem? The last ms of the term's day
 * goes to *DAY. */
int casefile_deems(struct casefile *f, int64_t at, bool *yes, int64_t *day, struct err *e);
/* Tells the stations that follow the case, after FE was folded into it; a new holder gets the history. */
int casefile_route(struct casefile *f, const struct feed_event *fe, struct err *e);

#endif
