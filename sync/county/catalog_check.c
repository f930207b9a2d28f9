/* See catalog_check.h. The rules are the ones that the box and the county go by (shared/catalog.h) and those of domain
 * rules, sections 1 to 3: what a reader of the catalog would silently take for nothing is a mistake here. */
#include "sync/county/catalog_check.h"

#include "shared/catalog.h"
#include "shared/fields.h"
#include "shared/text.h"

#include <string.h>

#define POINTER_MAX 160
#define CODE_CHARS  40
#define NAME_CHARS  200
#define LINE_CHARS  500
#define DAYS_MAX    365
#define QUOTE_BYTES 60 /* of a wrong value that is shown */

/* Where in an item: "/items/3" and a member. */
struct at {
	struct catalog_faults *f;
	const json_t *item;
	char base[64];
	char path[POINTER_MAX];
};

static const char *at(struct at *a, const char *member)
{
	(void)snprintf(a->path, sizeof a->path, "%s/%s", a->base, member);
	return a->path;
}

const char *catalog_check_type(const char *category)
{
	static const struct {
		const char *category, *type;
	} types[] = {
	    {"行政许可", "01"}, {"行政给付", "05"}, {"行政确认", "07"}, {"行政奖励", "08"}, {"公共服务", "20"}};
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(category, types[i].category) == 0) return types[i].type;
	return NULL;
}

json_t *catalog_check_find(const json_t *doc, const char *code)
{
	size_t i;
	json_t *one;
	json_array_foreach(json_object_get(doc, "items"), i, one) {
		if (strcmp(fields_text(one, "code"), code) == 0) return one;
	}
	return NULL;
}

/* --- texts --- */

enum need { NEED_TEXT, NEED_STRING /* may be empty */, NEED_OPTIONAL /* may be null or missing too */ };

static bool check_line(struct at *a, const char *name, enum need need, size_t max)
{
	const json_t *v = json_object_get(a->item, name);
	const char *s = json_string_value(v);
	if (need == NEED_OPTIONAL && (!v || json_is_null(v))) return true;
	if (!s)
		catalog_faults_add(a->f, at(a, name), v ? "a text is wanted" : "it is missing");
	else if (!*s && need == NEED_TEXT)
		catalog_faults_add(a->f, at(a, name), "it is empty");
	else if (text_utf8_count(s, strlen(s)) > max)
		catalog_faults_add(a->f, at(a, name), "longer than %zu characters", max);
	else if (text_has_control(s, strlen(s), false))
		catalog_faults_add(a->f, at(a, name), "a line break or a control character");
	else
		return true;
	return false;
}

static void check_members(struct at *a, const json_t *object, const char *under, const char *const *known)
{
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)(uintptr_t)object, key, v) {
		size_t i = 0;
		char member[80];
		while (known[i] && strcmp(known[i], key) != 0)
			i++;
		(void)snprintf(member, sizeof member, "%s%.60s", under, key);
		if (!known[i]) catalog_faults_add(a->f, at(a, member), "nobody knows this member");
	}
}

/* --- an item --- */

static void tell_twice(struct at *a, const char *code, json_int_t first)
{
	char pointer[32];
	(void)snprintf(pointer, sizeof pointer, "/items/%lld", (long long)first);
	size_t row = catalog_faults_row(a->f, pointer);
	if (row)
		catalog_faults_add(a->f, at(a, "code"), "%s stands twice: first in row %zu", code, row);
	else
		catalog_faults_add(a->f, at(a, "code"), "%s stands twice: first at %s", code, pointer);
}

static void check_code(struct at *a, const json_t *base, bool add, json_t *seen)
{
	const char *code = fields_text(a->item, "code");
	if (!check_line(a, "code", NEED_TEXT, CODE_CHARS)) return;
	const json_t *first = json_object_get(seen, code);
	if (code[strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.")])
		catalog_faults_add(a->f, at(a, "code"), "letters, digits, - _ and . alone");
	else if (first)
		tell_twice(a, code, json_integer_value(first));
	else if (base && !add && !catalog_check_find(base, code))
		catalog_faults_add(a->f, at(a, "code"), "the annex in force has no item %s (--add takes new ones)",
		                   code);
}

static void check_category(struct at *a)
{
	const char *type = catalog_check_type(fields_text(a->item, "category"));
	const json_t *permit = json_object_get(a->item, "permit");
	if (!check_line(a, "category", NEED_TEXT, NAME_CHARS)) return;
	if (!type) {
		catalog_faults_add(a->f, at(a, "category"),
		                   "\"%.*s\" is none of 行政许可, 行政给付, 行政确认, 行政奖励, 公共服务", QUOTE_BYTES,
		                   fields_text(a->item, "category"));
		return;
	}
	if (strcmp(fields_text(a->item, "type"), type) != 0)
		catalog_faults_add(a->f, at(a, "type"), "%s is wanted for %s", type, fields_text(a->item, "category"));
	if (!json_is_boolean(permit) || json_is_true(permit) != (strcmp(type, "01") == 0))
		catalog_faults_add(a->f, at(a, "permit"), "true for 行政许可 and false for everything else");
}

static void check_record(struct at *a)
{
	const char *record = fields_text(a->item, "record");
	for (int i = 0; i < RECORD_COUNT; i++)
		if (strcmp(record, record_name((enum record)i)) == 0) return;
	catalog_faults_add(a->f, at(a, "record"),
	                   "\"%.*s\" is no record kind: application, service, activity, mediation", QUOTE_BYTES,
	                   record);
}

static void check_levels(struct at *a)
{
	static const char *const known[] = {"township", "village", "community", NULL};
	const json_t *levels = json_object_get(a->item, "levels");
	bool offered = false, right = true;
	if (!json_is_object(levels)) {
		catalog_faults_add(a->f, at(a, "levels"), "an object with township, village and community is wanted");
		return;
	}
	check_members(a, levels, "levels/", known);
	for (size_t i = 0; known[i]; i++) {
		char member[32];
		const json_t *v = json_object_get(levels, known[i]);
		const char *s = json_string_value(v);
		(void)snprintf(member, sizeof member, "levels/%s", known[i]);
		if (s && (strcmp(s, "accept") == 0 || strcmp(s, "handle") == 0)) {
			offered = true;
		} else if (!v || !json_is_null(v)) {
			right = false;
			catalog_faults_add(a->f, at(a, member),
			                   "\"%.*s\" is no level: accept (受理), handle (办理) or null (不提供)",
			                   QUOTE_BYTES, s ? s : "");
		}
	}
	if (right && !offered) catalog_faults_add(a->f, at(a, "levels"), "no level offers the item");
}

static void check_days(struct at *a)
{
	static const char *const known[] = {"notice", "decision", "promise", "delivery", NULL};
	const json_t *days = json_object_get(a->item, "days");
	int64_t decision = fields_int(days, "decision", 0), promise = fields_int(days, "promise", 0);
	if (!json_is_object(days)) {
		catalog_faults_add(a->f, at(a, "days"),
		                   "an object with notice, decision, promise and delivery is wanted");
		return;
	}
	check_members(a, days, "days/", known);
	for (size_t i = 0; known[i]; i++) {
		char member[32];
		const json_t *v = json_object_get(days, known[i]);
		(void)snprintf(member, sizeof member, "days/%s", known[i]);
		if (strcmp(known[i], "promise") == 0 && (!v || json_is_null(v))) continue;
		if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > DAYS_MAX)
			catalog_faults_add(a->f, at(a, member), "a whole number of working days from 1 to %d is wanted",
			                   DAYS_MAX);
	}
	if (decision >= 1 && promise > decision && promise <= DAYS_MAX)
		catalog_faults_add(a->f, at(a, "days/promise"), "more days than the decision may take (%lld)",
		                   (long long)decision);
}

/* Does the guide say something under NAME? */
static bool disclosed(const json_t *guide, const char *name)
{
	const json_t *v = json_object_get(guide, name);
	if (json_is_object(v)) v = json_object_get(v, "text");
	return json_is_string(v) ? json_string_length(v) > 0 : json_is_array(v);
}

static void check_guide(struct at *a)
{
	static const char *const eight[] = {"basis",      "conditions", "materials", "process",
	                                    "time_limit", "fee",        "contact",   "place"};
	const json_t *guide = json_object_get(a->item, "guide"), *one;
	const char *status = fields_text(guide, "status");
	size_t k;
	if (!json_is_object(guide)) {
		catalog_faults_add(a->f, at(a, "guide"), "a guide is wanted; its status may be \"none\"");
		return;
	}
	bool published = strcmp(status, "published") == 0;
	if (!published && strcmp(status, "draft") != 0 && strcmp(status, "none") != 0)
		catalog_faults_add(a->f, at(a, "guide/status"), "none, draft or published is wanted");
	for (size_t i = 0; published && i < sizeof eight / sizeof *eight; i++) {
		char member[32];
		(void)snprintf(member, sizeof member, "guide/%s", eight[i]);
		if (!disclosed(guide, eight[i]))
			catalog_faults_add(a->f, at(a, member), "a published guide holds all eight disclosures");
	}
	if (published && json_array_size(json_object_get(guide, "pending")))
		catalog_faults_add(a->f, at(a, "guide/pending"), "a published guide has nothing pending");
	json_array_foreach(json_object_get(guide, "materials"), k, one) {
		char member[48];
		(void)snprintf(member, sizeof member, "guide/materials/%zu/name", k);
		if (!*fields_text(one, "name")) catalog_faults_add(a->f, at(a, member), "a material has no name");
	}
}

static void check_spelling(struct at *a, const char *name)
{
	const char *s = fields_text(a->item, name);
	if (check_line(a, name, NEED_OPTIONAL, LINE_CHARS) && s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789")])
		catalog_faults_add(a->f, at(a, name), "small letters and digits alone");
}

static void check_retention(struct at *a)
{
	const json_t *v = json_object_get(a->item, "retention_years");
	if (!v || json_is_null(v)) return;
	if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > CATALOG_YEARS_MAX)
		catalog_faults_add(a->f, at(a, "retention_years"), "a whole number of years from 1 to %d is wanted",
		                   CATALOG_YEARS_MAX);
}

static void check_item(struct at *a, const json_t *base, bool add, json_t *seen)
{
	static const char *const known[] = {"code",       "order",       "annex_no",        "name",   "category",
	                                    "type",       "permit",      "record",          "levels", "window",
	                                    "department", "note",        "pinyin",          "days",   "guide",
	                                    "initials",   "deem_accept", "retention_years", NULL};
	if (!json_is_object(a->item)) {
		catalog_faults_add(a->f, a->base, "an item is wanted");
		return;
	}
	check_members(a, a->item, "", known);
	check_code(a, base, add, seen);
	(void)check_line(a, "name", NEED_TEXT, NAME_CHARS);
	(void)check_line(a, "department", NEED_TEXT, NAME_CHARS);
	(void)check_line(a, "window", NEED_OPTIONAL, NAME_CHARS);
	(void)check_line(a, "note", NEED_OPTIONAL, LINE_CHARS);
	check_spelling(a, "pinyin");
	check_spelling(a, "initials");
	check_category(a);
	check_record(a);
	check_levels(a);
	check_days(a);
	check_retention(a);
	check_guide(a);
	if (!json_is_boolean(json_object_get(a->item, "deem_accept")))
		catalog_faults_add(a->f, at(a, "deem_accept"), "yes or no (JSON: true or false) is wanted");
}

/* --- the whole --- */

static void check_top(const json_t *doc, const json_t *base, struct catalog_faults *f)
{
	static const char *const known[] = {"catalog",   "version", "title", "source",
	                                    "published", "county",  "items", NULL};
	struct at a = {.f = f, .item = doc};
	check_members(&a, doc, "", known);
	bool named = check_line(&a, "catalog", NEED_TEXT, NAME_CHARS);
	(void)check_line(&a, "title", NEED_TEXT, NAME_CHARS);
	(void)check_line(&a, "source", NEED_OPTIONAL, LINE_CHARS);
	(void)check_line(&a, "published", NEED_OPTIONAL, CODE_CHARS);
	if (named && base && strcmp(fields_text(doc, "catalog"), fields_text(base, "catalog")) != 0)
		catalog_faults_add(f, "/catalog", "the catalog in force is %s: a case names it by this",
		                   fields_text(base, "catalog"));
	if (!*fields_text(json_object_get(doc, "county"), "name"))
		catalog_faults_add(f, "/county/name", "the county's name is missing");
}

void catalog_check(const json_t *doc, const json_t *base, bool add, struct catalog_faults *f)
{
	const json_t *items = json_object_get(doc, "items"), *one;
	json_t *seen = json_object();
	size_t i;
	if (!json_is_object(doc)) {
		catalog_faults_add(f, "", "an object is wanted");
		json_decref(seen);
		return;
	}
	check_top(doc, base, f);
	if (!json_is_array(items) || json_array_size(items) < 1 || json_array_size(items) > CATALOG_ITEMS_MAX)
		catalog_faults_add(f, "/items", "1 to %d items are wanted, not %zu", CATALOG_ITEMS_MAX,
		                   json_array_size(items));
	else
		json_array_foreach(items, i, one) {
			struct at a = {.f = f, .item = one};
			(void)snprintf(a.base, sizeof a.base, "/items/%zu", i);
			check_item(&a, base, add, seen);
			const char *code = fields_text(one, "code");
			if (*code && !json_object_get(seen, code))
				f->nomem |= json_object_set_new(seen, code, json_integer((json_int_t)i)) != 0;
		}
	json_decref(seen);
}
