/* Working days by a calendar that the county sends down: weekdays, less holidays, plus make-up workdays.
 *
 * Days are days since 1970-01-01 in China (shared/clock.h). All terms of 行政许可法 are working days (article 82); the day
 * of the event itself is not counted. A year that is not published yet counts by weekdays and statutory days, and what
 * reaches into it is provisional. */
#ifndef XINKE_WORKDAYS_H
#define XINKE_WORKDAYS_H

#include "shared/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct workdays; /* opaque, read-only: any thread */

/* From a calendar document (schema/calendars). ERR_INVALID names the year and the day that is wrong. New (workdays_free). */
int workdays_new(const json_t *doc, struct workdays **out, struct err *e);
void workdays_free(struct workdays *w);
int64_t workdays_version(const struct workdays *w);
bool workdays_is(const struct workdays *w, int64_t day);
/* Is the year of DAY published in full? */
bool workdays_published(const struct workdays *w, int64_t day);
/* The day N working days after DAY (N of 0 or less: DAY). */
int64_t workdays_add(const struct workdays *w, int64_t day, int n);
/* Working days after FROM up to TO; negative where TO lies before FROM. */
int workdays_between(const struct workdays *w, int64_t from, int64_t to);
/* The day in China of MS (Unix ms), and the last ms of DAY there. */
int64_t workdays_day(int64_t ms);
int64_t workdays_end(int64_t day);

#endif
