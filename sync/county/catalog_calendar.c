/* The calendar's checks (catalog_check.h) and its table (catalog_read.h). Days are "YYYY-MM-DD"; a plain Saturday or Sunday
 * is off without being listed. */
#include "sync/county/catalog_check.h"
#include "sync/county/catalog_read.h"

#include "shared/clock.h"
#include "shared/fields.h"

#include <stdlib.h>
#include <string.h>

#define POINTER_MAX 160

/* Reads a day of YEAR; false with the mistake told. */
static bool check_day(const char *year, const char *day, const char *pointer, int64_t *days, struct catalog_faults *f)
{
	static const char form[] = "0000-00-00";
	bool ok = strlen(day) == sizeof form - 1;
	for (size_t i = 0; ok && i < sizeof form - 1; i++)
		ok = form[i] == '0' ? day[i] >= '0' && day[i] <= '9' : day[i] == form[i];
	if (ok)
		ok = clock_date_days((int)strtol(day, NULL, 10), (int)strtol(day + 5, NULL, 10),
		                     (int)strtol(day + 8, NULL, 10), days);
	if (!ok)
		catalog_faults_add(f, pointer, "\"%.40s\" is no day: YYYY-MM-DD is wanted", day);
	else if (strncmp(day, year, 4) != 0)
		catalog_faults_add(f, pointer, "%s is not in %s", day, year);
	return ok;
}

static void check_list(const json_t *one, const char *year, const char *list, json_t *seen, struct catalog_faults *f)
{
	const json_t *days = json_object_get(one, list), *v;
	char pointer[POINTER_MAX];
	size_t i;
	(void)snprintf(pointer, sizeof pointer, "/years/%s/%s", year, list);
	if (!json_is_array(days)) catalog_faults_add(f, pointer, "a list of days is wanted");
	json_array_foreach(days, i, v) {
		int64_t n;
		const char *day = json_is_string(v) ? json_string_value(v) : "";
		(void)snprintf(pointer, sizeof pointer, "/years/%s/%s/%zu", year, list, i);
		if (!check_day(year, day, pointer, &n, f)) continue;
		bool weekend = (n + 3) % 7 >= 5; /* 1970-01-01 was a Thursday */
		if (json_object_get(seen, day))
			catalog_faults_add(f, pointer, "%s stands twice", day);
		else if (strcmp(list, "work") == 0 && !weekend)
			catalog_faults_add(f, pointer, "%s is no Saturday or Sunday: it needs no making up", day);
		f->nomem |= json_object_set_new(seen, day, json_true()) != 0;
	}
}

static void check_year(const char *year, const json_t *one, struct catalog_faults *f)
{
	char pointer[POINTER_MAX];
	const char *status = fields_text(one, "status");
	json_t *seen = json_object();
	(void)snprintf(pointer, sizeof pointer, "/years/%.60s", year);
	if (strlen(year) != 4 || strncmp(year, "20", 2) != 0 || strspn(year, "0123456789") != 4) {
		catalog_faults_add(f, pointer, "no year from 2000 to 2099");
	} else {
		(void)snprintf(pointer, sizeof pointer, "/years/%s/status", year);
		if (strcmp(status, "published") != 0 && strcmp(status, "provisional") != 0)
			catalog_faults_add(f, pointer, "\"%.40s\" is neither published nor provisional", status);
		check_list(one, year, "off", seen, f);
		check_list(one, year, "work", seen, f);
	}
	json_decref(seen);
}

void catalog_check_calendar(const json_t *doc, const json_t *base, struct catalog_faults *f)
{
	const json_t *years = json_object_get(doc, "years");
	const char *year, *name = fields_text(doc, "calendar");
	json_t *one;
	if (!*name) catalog_faults_add(f, "/calendar", "the calendar's name is missing");
	if (*name && base && strcmp(name, fields_text(base, "calendar")) != 0)
		catalog_faults_add(f, "/calendar", "the calendar in force is %s", fields_text(base, "calendar"));
	if (!json_is_object(years) || json_object_size(years) == 0)
		catalog_faults_add(f, "/years", "at least one year is wanted");
	json_object_foreach((json_t *)(uintptr_t)years, year, one) {
		check_year(year, one, f);
	}
	json_object_foreach(json_object_get(base, "years"), year, one) {
		if (!json_object_get(years, year))
			catalog_faults_add(f, "/years", "%s of the calendar in force is missing", year);
	}
}

/* --- its table --- */

/* The year's own object in DOC, made anew the first time that the table names it. */
static json_t *year_of(json_t *doc, json_t *fresh, const char *day)
{
	char year[5];
	json_t *years = json_object_get(doc, "years");
	(void)snprintf(year, sizeof year, "%.4s", day);
	if (!json_object_get(fresh, year)) {
		const char *note = fields_text(json_object_get(years, year), "note");
		json_t *one = json_pack("{s:s, s:[], s:[], s:s?}", "status", "published", "off", "work", "note",
		                        *note ? note : NULL);
		if (json_object_set_new(years, year, one) || json_object_set_new(fresh, year, json_true())) return NULL;
	}
	return json_object_get(years, year);
}

static void take_row(const struct catalog_table *t, size_t row, const int col[3], json_t *doc, json_t *fresh,
                     struct catalog_faults *f)
{
	char pointer[POINTER_MAX];
	const char *day = catalog_table_cell(t, row, (size_t)col[0]),
	           *kind = catalog_table_cell(t, row, (size_t)col[1]);
	const char *status = col[2] < 0 ? "" : catalog_table_cell(t, row, (size_t)col[2]);
	const char *list = strcmp(kind, "放假") == 0 ? "off" : strcmp(kind, "上班") == 0 ? "work" : NULL;
	if (!list)
		catalog_faults_cell(f, t->row_no[row], (size_t)col[1] + 1, "\"%.40s\" is neither 放假 nor 上班", kind);
	if (*status && strcmp(status, "已公布") != 0 && strcmp(status, "暂定") != 0)
		catalog_faults_cell(f, t->row_no[row], (size_t)col[2] + 1, "\"%.40s\" is neither 已公布 nor 暂定",
		                    status);
	if (strlen(day) < 4 || strspn(day, "0123456789") < 4) {
		catalog_faults_cell(f, t->row_no[row], (size_t)col[0] + 1, "\"%.40s\" is no day: YYYY-MM-DD is wanted",
		                    day);
		return;
	}
	json_t *one = year_of(doc, fresh, day), *days = json_object_get(one, list ? list : "off");
	if (!one || json_array_append_new(days, json_string(day))) f->nomem = true;
	if (strcmp(status, "暂定") == 0)
		f->nomem |= json_object_set_new(one, "status", json_string("provisional")) != 0;
	(void)snprintf(pointer, sizeof pointer, "/years/%.4s/%s/%zu", day, list ? list : "off",
	               json_array_size(days) - 1);
	catalog_faults_place(f, pointer, t->row_no[row], (size_t)col[0] + 1);
}

int catalog_read_calendar(const struct catalog_table *t, const json_t *base, json_t **out, struct catalog_faults *f,
                          struct err *e)
{
	static const char *const names[] = {"日期", "类别", "状态"};
	int col[3];
	*out = NULL;
	for (int i = 0; i < 3; i++) {
		col[i] = catalog_table_column(t, names[i]);
		if (col[i] < 0 && i < 2) catalog_faults_cell(f, 1, 0, "the column %s is missing", names[i]);
	}
	if (!base) return err_set(e, ERR_NOTFOUND, "a table goes with a calendar that is in force");
	if (f->n) return ERR_OK;
	json_t *doc = fields_deep_copy(base), *fresh = json_object();
	for (size_t row = 1; doc && fresh && row < t->rows; row++)
		take_row(t, row, col, doc, fresh, f);
	bool nomem = !doc || !fresh || f->nomem;
	json_decref(fresh);
	if (t->rows < 2) catalog_faults_cell(f, 1, 0, "the table has no row under its header");
	if (!nomem) {
		*out = doc;
		return ERR_OK;
	}
	json_decref(doc);
	return err_set(e, ERR_NOMEM, "calendar");
}
