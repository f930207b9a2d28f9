/* Due days of cases at the county: kept in columns, for lists, and counted anew when there is another calendar. */
#ifndef XINKE_COUNTY_DUES_H
#define XINKE_COUNTY_DUES_H

#include "shared/terms.h"
#include "sync/county/store.h"

/* Of a case's next term that runs, in days (workdays_day): the last one and the first of a warning; 0 = none runs. */
struct due {
	int64_t day, warn;
	bool paused; /* there are open terms, and all of them are paused */
};
/* V's, by the calendar in force; none before there is one. */
int dues_of(struct store *s, const struct caseview *v, struct due *out, struct err *e);
bool dues_same(const struct due *a, const struct due *b);
/* Binds :due, :warn and :paused of Q, the days NULL where none runs. */
void dues_bind(struct db_stmt *q, const struct due *d);

/* Hears of an open case whose due days have moved, N of them in M; not 0 ends the walk with that error. */
typedef int dues_moved(const struct caseview *v, const struct term_move *m, int n, void *arg);
/* Counts every case anew by the calendar in force, in transactions of some hundred cases, and tells FN (NULL = nobody)
 * what is another day than by BEFORE (NULL = nothing to compare with). NOW in ms. */
int dues_recount(struct store *s, const struct workdays *before, int64_t now, dues_moved *fn, void *arg, struct err *e);
/* Is what is kept counted by the calendar in force? False while another one waits for dues_check. */
int dues_counted(struct store *s, bool *yes, struct err *e);
/* The same, where what is kept was counted by another calendar: an upgrade, or a publishing that was cut off. */
int dues_check(struct store *s, int64_t now, struct err *e);

#endif
