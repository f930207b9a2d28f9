/* 好差评 by the citizen's own hand: who has the token of a receipt says how it went, once the case has come to its end. No
 * account, no default, and no word of it to whoever handled the case.
 *
 * The ids of the rating and of the correction (差评整改) that a bad one opens follow from the case's own, so that no second try,
 * and no second end, makes a second one. Source: 国办发〔2019〕51号. */
#ifndef XINKE_PUBLIC_RATINGS_H
#define XINKE_PUBLIC_RATINGS_H

#include "shared/caseview.h"
#include "shared/public/ask.h"

#define RATINGS_ACTOR "applicant" /* who rates; no account may be called so */

/* The body of the event from what was sent, with WAY ("phone", "screen"). New; or NULL, and P says why. */
json_t *ratings_read(struct http_req *req, struct ask *a, const char *way, int64_t now, struct problem *p);
/* May ORIGIN (a station, or the county) take a rating of V now, or one more (追评, AGAIN)? */
bool ratings_may(const struct caseview *v, const char *origin, bool again);
/* The same of the body; where not, P says why. */
bool ratings_check(const struct caseview *v, const char *origin, const json_t *body, struct problem *p);
/* The ids of the event that rates V and of the entry that a bad rating opens. */
void ratings_id(const struct caseview *v, bool again, uint8_t out[UUID_LEN]);
void ratings_correction_id(const struct caseview *v, bool again, uint8_t out[UUID_LEN]);
/* Does BODY open a correction? */
bool ratings_bad(const json_t *body);
/* The body of that correction's opening, for STATION to put right (NULL: whose log it enters). New, NULL without memory. */
json_t *ratings_correction(const struct caseview *v, const json_t *body, const char *station, int64_t now);

/* --- answers --- */

/* The form, or what stands in its place; V NULL: there is no such case. */
void ratings_show(struct http_req *req, const struct ask *a, const struct caseview *v, const char *item,
                  const char *origin);
/* It was taken, or P (released) says why not. */
void ratings_done(struct http_req *req, const struct ask *a, struct problem *p);

#endif
