/* The venue standard (服务场所标准) of the county's plan and what a station's self-check (自查) against it says.
 *
 * The standard is schema/venue/standard.json, built in; it has editions, and a self-check names the one that it answered.
 * A self-check is an event `selfcheck` of no case. It is for putting right (整改): what falls short is told point by
 * point, there is no score. Source: 呼县政办〔2022〕22号, section on venues. Read-only after venue_new; any thread. */
#ifndef XINKE_VENUE_H
#define XINKE_VENUE_H

#include "shared/catalog.h"
#include "shared/problem.h"
#include "shared/uuid.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define EVENT_SELFCHECK   "selfcheck" /* {standard, version, answers: [{point, value, yes, note}]} */
#define VENUE_ANSWERS_MAX 100
#define VENUE_HISTORY_MAX 50 /* self-checks of one station that are told */

struct venue; /* opaque */

/* Reads the standard that is built in. New (free with venue_free). */
int venue_new(struct venue **out, struct err *e);
void venue_free(struct venue *v);

/* The edition in force. */
int64_t venue_version(const struct venue *v);
/* What a station of TIER is asked: {standard, source, version, issued, sections, points}, each point with `wanted` of
 * its tier. New; NULL without memory. */
json_t *venue_standard(const struct venue *v, enum tier tier);
/* The body of a self-check from the ANSWERS of a lead at a station of TIER, by the edition in force. New; NULL without
 * memory, or with P saying what is wrong at "/answers/...": every point is answered once, with a figure or yes or no. */
json_t *venue_body(const struct venue *v, enum tier tier, const json_t *answers, struct problem *p);
/* Has BODY the form of a self-check? Of whatever standard and edition, so that a county takes those it does not know. */
bool venue_check_body(const json_t *body, struct problem *p);
/* What falls short: [{point, name, unit, wanted, value, note}], in the standard's order; JSON null where BODY is of a
 * standard or edition that is not known here. New; NULL without memory. */
json_t *venue_short(const struct venue *v, enum tier tier, const json_t *body);
/* A self-check as it is shown: {id, at, actor, standard, version, answers, short}, the last four null where BODY is NULL
 * (erased). AT is Unix ms. New; NULL without memory. */
json_t *venue_record(const struct venue *v, enum tier tier, const uint8_t id[UUID_LEN], int64_t at, const char *actor,
                     const json_t *body);

#endif
