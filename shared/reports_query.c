/* What is asked of a report: period, item and place; see reports.h. Called by the report routes of box and county. */
#include "shared/reports_internal.h"

#include "shared/clock.h"
#include "shared/text.h"

#include <stdio.h>
#include <string.h>

#define YEAR_MIN   1900
#define YEAR_MAX   2100
#define ITEM_CHARS 40

/* "2026-11-24" as a day; what is wrong goes to P under "/?NAME". */
static void read_day(const char *text, const char *name, int64_t *out, struct problem *p)
{
	char pointer[16];
	int year = 0, month = 0, day = 0, end = 0;
	(void)snprintf(pointer, sizeof pointer, "/?%s", name);
	bool form = strlen(text) == 10 && strspn(text, "0123456789-") == 10 &&
	            sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) == 3 && end == 10 && text[5] != '-' &&
	            text[8] != '-';
	if (!form || !clock_date_days(year, month, day, out))
		problem_field(p, pointer, "format", "a date is wanted: YYYY-MM-DD");
	else if (year < YEAR_MIN || year > YEAR_MAX)
		problem_field(p, pointer, "range", "a date from %d to %d is wanted", YEAR_MIN, YEAR_MAX);
}

static int month_of(int64_t day)
{
	return clock_day(workdays_end(day)) / 100;
}

/* From a month's first day to a month's last: between two periods that differ by a day lies no single rating. */
static void whole_months(struct report_query *q)
{
	while (month_of(q->from - 1) == month_of(q->from))
		q->from--;
	while (month_of(q->to + 1) == month_of(q->to))
		q->to++;
}

static void read_period(struct report_query *q, const char *from, const char *to, int64_t now, struct problem *p)
{
	bool bad = problem_any(p);
	q->bounded = from || to || !reports_shape(q->kind)->as_now;
	q->to = workdays_day(now);
	if (to) read_day(to, "to", &q->to, p);
	q->from = q->to - (REPORTS_PERIOD_DAYS - 1);
	if (from) read_day(from, "from", &q->from, p);
	if (bad || problem_any(p)) return;
	if (q->from > q->to)
		problem_field(p, "/?from", "range", "lies after `to`");
	else if (q->to - q->from >= REPORTS_PERIOD_MAX)
		problem_field(p, "/?from", "range", "a period has %d days at most", REPORTS_PERIOD_MAX);
	else if (q->kind == REPORT_RATINGS)
		whole_months(q);
}

static void read_item(struct report_query *q, const char *item, struct problem *p)
{
	size_t len = strlen(item), count = text_utf8_count(item, len);
	if (reports_of_entries(q->kind))
		problem_field(p, "/?item", "not_allowed", "an entry of a register has no item");
	else if (count < 1 || count > ITEM_CHARS || len >= sizeof q->item || text_has_control(item, len, false))
		problem_field(p, "/?item", "length", "1 to %d characters", ITEM_CHARS);
	else
		memcpy(q->item, item, len + 1);
}

bool reports_query(struct report_query *q, enum report_kind k, const char *from, const char *to, const char *item,
                   int64_t now, struct problem *p)
{
	*q = (struct report_query){.kind = k};
	read_period(q, from, to, now, p);
	if (item) read_item(q, item, p);
	return !problem_any(p);
}

static void read_code(const char *text, const char *name, char out[13], struct problem *p)
{
	char pointer[16];
	(void)snprintf(pointer, sizeof pointer, "/?%s", name);
	if (strlen(text) == 12 && strspn(text, "0123456789") == 12)
		memcpy(out, text, 13);
	else
		problem_field(p, pointer, "format", "12 digits are wanted");
}

const char *reports_by_name(enum report_by by)
{
	static const char *const names[] = {
	    [REPORT_BY_NONE] = "", [REPORT_BY_TOWNSHIP] = "township", [REPORT_BY_STATION] = "station"};
	return names[by];
}

static void read_by(struct report_query *q, const char *by, struct problem *p)
{
	bool township = strcmp(by, reports_by_name(REPORT_BY_TOWNSHIP)) == 0;
	q->by = township ? REPORT_BY_TOWNSHIP : REPORT_BY_STATION;
	if (!township && strcmp(by, reports_by_name(REPORT_BY_STATION)) != 0)
		problem_field(p, "/?by", "value", "station or township is wanted");
}

bool reports_query_places(struct report_query *q, const char *by, const char *township, const char *station,
                          struct problem *p)
{
	q->county = true;
	if (q->kind == REPORT_RATINGS) {
		const char *one = by ? "/?by" : township ? "/?township" : station ? "/?station" : NULL;
		if (one) problem_field(p, one, "not_allowed", "ratings are not told by place");
		return !problem_any(p);
	}
	if (reports_shape(q->kind)->list) q->by = REPORT_BY_STATION;
	if (by) read_by(q, by, p);
	if (township) read_code(township, "township", q->township, p);
	if (station) read_code(station, "station", q->station, p);
	return !problem_any(p);
}
