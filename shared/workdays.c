/* See workdays.h. Two sorted lists of days; whoever counts walks day by day, and terms are short. */
#include "shared/workdays.h"

#include "shared/clock.h"
#include "shared/fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS    86400000LL
#define CHINA_MS  (8 * 3600000LL)
#define YEARS_MAX 50
#define DAYS_MAX  400  /* in one list of one year */
#define WALK_MAX  4000 /* days that a count walks at most: about ten years */

struct list {
	int64_t *days;
	size_t n;
};

struct workdays {
	int64_t version;
	struct list off, work;
	int published[YEARS_MAX];
	size_t n_published;
};

int64_t workdays_day(int64_t ms)
{
	int64_t china = ms + CHINA_MS;
	return china / DAY_MS - (china % DAY_MS < 0);
}

int64_t workdays_end(int64_t day)
{
	return (day + 1) * DAY_MS - CHINA_MS - 1;
}

void workdays_free(struct workdays *w)
{
	if (!w) return;
	free(w->off.days);
	free(w->work.days);
	free(w);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static bool has(const struct list *l, int64_t day)
{
	return l->n && bsearch(&day, l->days, l->n, sizeof *l->days, compare);
}

static bool parse(const char *text, int year, int64_t *day)
{
	int y, m, d;
	char rest;
	return text && strlen(text) == 10 && sscanf(text, "%4d-%2d-%2d%c", &y, &m, &d, &rest) == 3 && y == year &&
	       clock_date_days(y, m, d, day);
}

static int add_days(struct list *l, const json_t *days, const char *year, const char *name, struct err *e)
{
	size_t i;
	json_t *one;
	if (!days) return ERR_OK;
	if (!json_is_array(days) || json_array_size(days) > DAYS_MAX)
		return err_set(e, ERR_INVALID, "%s: %s is no list of days", year, name);
	int64_t *more = realloc(l->days, (l->n + json_array_size(days) + 1) * sizeof *more);
	if (!more) return err_set(e, ERR_NOMEM, "calendar");
	l->days = more;
	json_array_foreach(days, i, one) {
		if (!parse(json_string_value(one), (int)strtol(year, NULL, 10), &l->days[l->n]))
			return err_set(e, ERR_INVALID, "%s: %s/%zu is no day of that year", year, name, i);
		l->n++;
	}
	return ERR_OK;
}

static int add_year(struct workdays *w, const char *year, const json_t *j, struct err *e)
{
	const char *status = fields_text(j, "status");
	if (strlen(year) != 4 || strspn(year, "0123456789") != 4)
		return err_set(e, ERR_INVALID, "%.20s is no year", year);
	if (strcmp(status, "published") == 0) {
		if (w->n_published == YEARS_MAX) return err_set(e, ERR_INVALID, "more than %d years", YEARS_MAX);
		w->published[w->n_published++] = (int)strtol(year, NULL, 10);
	}
	int rc = add_days(&w->off, json_object_get(j, "off"), year, "off", e);
	return rc ? rc : add_days(&w->work, json_object_get(j, "work"), year, "work", e);
}

int workdays_new(const json_t *doc, struct workdays **out, struct err *e)
{
	const char *year;
	json_t *j;
	int rc = ERR_OK;
	*out = NULL;
	struct workdays *w = calloc(1, sizeof *w);
	if (!w) return err_set(e, ERR_NOMEM, "calendar");
	w->version = fields_int(doc, "version", 0);
	if (!json_is_object(json_object_get(doc, "years"))) rc = err_set(e, ERR_INVALID, "a calendar has years");
	json_object_foreach(json_object_get(doc, "years"), year, j) {
		if (!rc) rc = add_year(w, year, j, e);
	}
	if (rc) {
		workdays_free(w);
		return rc;
	}
	if (w->off.n) qsort(w->off.days, w->off.n, sizeof *w->off.days, compare);
	if (w->work.n) qsort(w->work.days, w->work.n, sizeof *w->work.days, compare);
	*out = w;
	return ERR_OK;
}

int64_t workdays_version(const struct workdays *w)
{
	return w->version;
}

bool workdays_is(const struct workdays *w, int64_t day)
{
	int64_t weekday = (day + 3) % 7; /* 1970-01-01 was a Thursday; 0 = Monday */
	if (weekday < 0) weekday += 7;
	if (has(&w->work, day)) return true;
	return weekday < 5 && !has(&w->off, day);
}

bool workdays_published(const struct workdays *w, int64_t day)
{
	int year = clock_day(day * DAY_MS - CHINA_MS) / 10000;
	for (size_t i = 0; i < w->n_published; i++)
		if (w->published[i] == year) return true;
	return false;
}

int64_t workdays_add(const struct workdays *w, int64_t day, int n)
{
	for (int walked = 0; n > 0 && walked < WALK_MAX; walked++)
		n -= workdays_is(w, ++day);
	return day;
}

int workdays_between(const struct workdays *w, int64_t from, int64_t to)
{
	int n = 0, walked = 0;
	if (to < from) return -workdays_between(w, to, from);
	while (from < to && walked++ < WALK_MAX)
		n += workdays_is(w, ++from);
	return n;
}
