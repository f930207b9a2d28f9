/* What the files of reports share: the rows of a report and the columns in which they are told. */
#ifndef XINKE_REPORTS_INTERNAL_H
#define XINKE_REPORTS_INTERNAL_H

#include "shared/reports.h"

#define REPORTS_VALUES  9
#define REPORTS_COUNTS  4
#define REPORTS_COLUMNS 14

/* What a column shows of a row. */
enum report_show {
	SHOW_RECEIPT,
	SHOW_PLACE,
	SHOW_PLACE_NAME, /* null where it is not known */
	SHOW_ENTRY,      /* the id of an entry, which has no number; kept as the receipt is */
	SHOW_ITEM,
	SHOW_ITEM_NAME,
	SHOW_TEXT,  /* null where there is none */
	SHOW_DAY,   /* of values[at], as are those below; null where it is 0 */
	SHOW_MONTH, /* YYYYMM; null likewise */
	SHOW_STATE, /* enum case_state */
	SHOW_TERM,  /* enum term_kind */
	SHOW_DUE,   /* enum report_due */
	SHOW_BOOK,  /* enum register_kind */
	SHOW_BOOK_ZH,
	SHOW_NUMBER,
	SHOW_COUNT, /* a number that the totals add up; null in a row that may not show it */
};

enum report_due { REPORT_DUE_RUNS, REPORT_DUE_MET, REPORT_DUE_LATE, REPORT_DUE_PASSED };

struct report_column {
	const char *name, *zh;
	enum report_show show;
	int at; /* in values */
};

struct report_row {
	char place[13]; /* "" where the report does not tell it */
	char receipt[RECEIPT_MAX];
	char item[41];
	char *text; /* owned; NULL = none */
	int64_t values[REPORTS_VALUES];
	bool hidden; /* its counts may not be shown */
};

struct report_shape {
	const char *name, *zh;
	bool
	    list; /* a row a case, in the order of values[0] and the receipt; else cells by item, values[0] and values[1] */
	bool as_now;  /* it tells how things stand, so that it needs no period */
	bool entries; /* of registers */
	int (*take)(struct report *r, const struct caseview *v, const struct term_days *d, struct err *e);
	const char *counts[REPORTS_COUNTS]; /* further totals */
	struct report_column columns[REPORTS_COLUMNS];
};
const struct report_shape *reports_shape(enum report_kind k);
/* Its I-th column, those of the place first where it is told (PLACED); NULL after the last. */
const struct report_column *reports_column(const struct report_shape *s, bool placed, size_t i);
/* "township", "station". */
const char *reports_by_name(enum report_by by);

struct report {
	struct report_query q;
	const struct report_shape *shape;
	const struct workdays *w;
	struct register_days books;
	int64_t now;
	struct report_row *rows; /* sorted where they are cells */
	size_t n, cap;
	json_t *names, *places;         /* of items and places, by code */
	char place[13];                 /* of what is being taken */
	bool full;                      /* more cells are wanted than a report may have */
	int64_t found;                  /* rows, those left out too */
	int64_t counts[REPORTS_COUNTS]; /* of shape->counts */
};

/* Does DAY lie in the period? */
bool reports_in(const struct report *r, int64_t day);
/* The cell of ITEM, GROUP and MONTH, zero when it is new. NULL without memory or when the report is full. Good until the next one. */
struct report_row *reports_cell(struct report *r, const char *item, int64_t group, int64_t month);
/* A further row of a list, of case V; its values are the caller's. NULL without memory. Good until the next one. */
struct report_row *reports_row(struct report *r, const struct caseview *v);

#endif
