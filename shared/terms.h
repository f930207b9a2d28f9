/* The terms of a case (期限): when the organ must have told what is missing, decided, kept its promise, delivered.
 *
 * A projection of the case as its events make it, of the item's days and of a calendar; nothing is stored, so a new
 * calendar or a new day gives new terms. Sources: 行政许可法 articles 32, 42, 44, 45 and 82; the item may override days. */
#ifndef XINKE_TERMS_H
#define XINKE_TERMS_H

#include "shared/caseview.h"
#include "shared/catalog.h"
#include "shared/workdays.h"

enum term_kind {
	TERM_NOTICE,   /* accept, refuse or say what is missing: from receipt, and anew from each supplement */
	TERM_DECISION, /* decide: from acceptance, with one extension, less special procedures */
	TERM_PROMISE,  /* the same by the item's own promise, less supplements too */
	TERM_DELIVERY, /* hand the document over: from the decision */
	TERM_KINDS
};

enum term_state {
	TERM_RUNNING,
	TERM_PAUSED,
	TERM_MET,
	TERM_OVERDUE, /* it runs and has passed its day, or it ended after it */
	TERM_ENDED,   /* the case ended otherwise before the day came */
};

struct term {
	enum term_kind kind;
	enum term_state state;
	int64_t start, due, end; /* Unix ms; due is the last ms of its day; end 0 = not yet */
	int days;                /* allowed, extension included */
	int left;                /* working days from today to the due day; negative once it has passed; 0 when ended */
	bool provisional;        /* the due day lies in a year whose calendar is not published */
	bool half, last;         /* warnings while it runs: half is used up, one day or none is left */
};

/* Working days that an item allows; 0 = it has no such term. */
struct term_days {
	int days[TERM_KINDS];
};
/* Those of ITEM in its version of the catalog; NULL = the law's. */
struct term_days terms_days(const struct catalog_item *item);
/* Does a case of ITEM count as accepted when its notice term passes (视为受理)? A permit does, and what the catalog flags. */
bool terms_deems(const struct catalog_item *item);
/* Has V's notice term passed without an answer? The last ms of its day goes to *DUE. */
bool terms_notice_passed(const struct caseview *v, const struct term_days *d, const struct workdays *w, int64_t now,
                         int64_t *due);
/* The terms that V has, in the order of the kinds, at NOW (Unix ms); their number. */
int terms_of(const struct caseview *v, const struct term_days *d, const struct workdays *w, int64_t now,
             struct term out[TERM_KINDS]);
/* The terms that V has open and overdue at NOW and that TYPE ends by the organ's own act: whoever appends it gives a reason
 * (超期原因). An applicant's withdrawal and what a program does ask for none. */
int terms_late(const struct caseview *v, enum case_event type, const struct term_days *d, const struct workdays *w,
               int64_t now, enum term_kind out[TERM_KINDS]);
/* The open term of V whose day comes first, a paused one after all that run; false where none is open. */
bool terms_next(const struct caseview *v, const struct term_days *d, const struct workdays *w, int64_t now,
                struct term *out);
/* The first day (workdays_day) on which T, which runs, shows a warning; its first day where it does so from the start. */
int64_t terms_warn_day(const struct term *t, const struct workdays *w);
/* An open term whose day another calendar has moved. */
struct term_move {
	enum term_kind kind;
	int64_t before, after; /* last ms of the due day by the one calendar and by the other */
	bool provisional;      /* by the other */
};
/* Those of V, a paused one too, from calendar OLD to W at NOW; their number. */
int terms_moved(const struct caseview *v, const struct term_days *d, const struct workdays *old,
                const struct workdays *w, int64_t now, struct term_move out[TERM_KINDS]);
/* "notice", ... and "running", ... */
const char *term_kind_name(enum term_kind k);
const char *term_state_name(enum term_state s);

#endif
