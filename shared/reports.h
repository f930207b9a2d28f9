/* Reports for putting right (整改), never for ranking: what is open, due soon and overdue, and what became of it.
 *
 * Pure: fed with cases one by one, in any order, it gives JSON; box and county share it. No report names a person, tells
 * one member of the staff from another or puts stations in an order by a figure (国办函〔2026〕12号). Ratings are counted by
 * item and whole month, and a cell with fewer than five shows nothing, so that nobody can be picked out. One thread a
 * report. */
#ifndef XINKE_REPORTS_H
#define XINKE_REPORTS_H

#include "shared/buf.h"
#include "shared/caseview.h"
#include "shared/problem.h"
#include "shared/registers.h"
#include "shared/terms.h"
#include "shared/workdays.h"

enum report_kind {
	REPORT_OPEN,           /* open cases by item and state, with their ages */
	REPORT_DUE_SOON,       /* terms that run and show a warning */
	REPORT_OVERDUE,        /* terms that passed, with the reason that was given */
	REPORT_SECOND_NOTICES, /* a second supplement notice (二次补正), with the superior's reason */
	REPORT_DEEMED,         /* 视为受理 */
	REPORT_RATINGS,        /* 好差评, by grade */
	REPORT_TASKS,          /* the correction register (差评整改) */
	REPORT_REGISTERS,      /* the other registers, by month */
	REPORT_TERMS,          /* how terms were kept */
	REPORT_KINDS
};

#define REPORTS_ROWS_MAX    5000 /* rows; what comes after them in a list, by due day or receipt, is counted */
#define REPORTS_CELL_MIN    5    /* ratings that a cell must hold to be shown */
#define REPORTS_PERIOD_DAYS 30   /* where none is asked for */
#define REPORTS_PERIOD_MAX  366  /* days */
#define REPORTS_CSV_MAX     (8 * 1048576)

/* "open", "due_soon", ... and the Chinese name. */
const char *reports_name(enum report_kind k);
const char *reports_zh(enum report_kind k);
bool reports_parse(const char *name, enum report_kind *out);
/* Is it of the entries of registers, not of cases? */
bool reports_of_entries(enum report_kind k);

/* The places that rows are told by, in the order of their division codes (行政区划代码) and never of a figure. */
enum report_by { REPORT_BY_NONE, REPORT_BY_TOWNSHIP, REPORT_BY_STATION };

/* What is asked for. */
struct report_query {
	enum report_kind kind;
	bool bounded; /* by FROM and TO; what is open now may be asked for without a period */
	int64_t from,
	    to; /* days in China (workdays_day), both included; of ratings from a month's first day to one's last */
	char item[41]; /* "" = all */
	/* of a county's report, which says in `by`, `township` and `station` what it was asked for */
	bool county;
	enum report_by by;
	char township[13], station[13]; /* of the registering station; "" = all */
};
/* Reads the parameters FROM, TO (dates in China) and ITEM, each NULL where absent. False with the faults in P at "/?from",
 * "/?to" and "/?item". */
bool reports_query(struct report_query *q, enum report_kind k, const char *from, const char *to, const char *item,
                   int64_t now, struct problem *p);

/* Makes Q a county's query: BY, TOWNSHIP and STATION, each NULL where absent; a list tells stations where none is asked for.
 * Ratings are never told by place: between two such figures a single one could be picked out. As above. */
bool reports_query_places(struct report_query *q, const char *by, const char *township, const char *station,
                          struct problem *p);

struct report; /* opaque */
/* W is borrowed; NULL before a calendar has come: then no term is known. BOOKS are the registers' days, copied. NOW is Unix
 * ms. New (reports_free). */
int reports_new(const struct report_query *q, const struct workdays *w, const struct register_days *books, int64_t now,
                struct report **out, struct err *e);
/* What the place of CODE, a station or a township, is called. */
int reports_place(struct report *r, const char *code, const char *name, struct err *e);
/* The township's code that a station's belongs to: its nine digits, followed by 000. */
void reports_township(const char *station, char out[13]);
/* Takes V into account: a case with its item's name and days, or an entry of a register (both NULL). What the report is
 * not about is passed over. ERR_INVALID: it would have more than REPORTS_ROWS_MAX cells (reports_full). */
int reports_add(struct report *r, const struct caseview *v, const char *item_name, const struct term_days *d,
                struct err *e);
bool reports_full(const struct report *r);
/* Says so to whoever asked. */
void reports_too_many(struct problem *p);
/* {report, report_name, from, to, item, made_at, calendar_version, rows, totals}; nothing may be added after it. New. */
int reports_json(struct report *r, json_t **out, struct err *e);
void reports_free(struct report *r);

#define REPORTS_BOM "\xEF\xBB\xBF" /* without it a spreadsheet takes UTF-8 for GBK */
/* One text as a cell of such a CSV, quoted where it must be; for tables that are no reports. */
void reports_csv_text(struct buf *b, const char *text);
/* A report's JSON as CSV (RFC 4180): UTF-8 with BOM, CRLF, a header in Chinese and English; a text that a spreadsheet
 * would take for a formula gets an apostrophe. Where rows were left out, a last line says how many. */
int reports_csv(enum report_kind k, const json_t *report, struct buf *out, struct err *e);
/* The name under which it is saved, "xinke-overdue-20261026-20261124.csv", for Content-Disposition. */
#define REPORTS_DISPOSITION_MAX 96
void reports_disposition(enum report_kind k, const json_t *report, char out[REPORTS_DISPOSITION_MAX]);

#endif
