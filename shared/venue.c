/* See venue.h. Called by the self-check routes of box and county and by the county's judge. What is handed out is copied
 * whole: the standard itself is shared by threads. */
#include "shared/venue.h"

#include "shared/casejson.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 100000 /* of a figure, in its unit */

struct venue {
	json_t *doc;           /* owned */
	const json_t *current; /* the edition in force; of DOC */
};

static const char built_in[] =
#include "venue_standard.inc"
    ;

static const struct field answer[] = {
    {.name = "point", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 40},
    {.name = "value", .kind = FIELD_INT, .flags = FIELD_NULLABLE, .min = 0, .max = VALUE_MAX},
    {.name = "yes", .kind = FIELD_BOOL, .flags = FIELD_NULLABLE},
    {.name = "note", .kind = FIELD_TEXT, .flags = FIELD_NULLABLE, .min = 1, .max = 500},
    {.name = NULL},
};

static const struct field shape[] = {
    {.name = "standard", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 64},
    {.name = "version", .kind = FIELD_INT, .flags = FIELD_REQUIRED, .min = 1, .max = 1000000},
    {.name = "answers",
     .kind = FIELD_ARRAY,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = VENUE_ANSWERS_MAX,
     .sub = answer},
    {.name = NULL},
};

/* --- the standard --- */

int venue_new(struct venue **out, struct err *e)
{
	size_t i;
	json_t *one;
	struct venue *v = calloc(1, sizeof *v);
	*out = NULL;
	if (!v) return err_set(e, ERR_NOMEM, "venue standard");
	int rc = json_parse_strict(built_in, sizeof built_in - 1, LIMIT_DEPTH, &v->doc, e);
	json_array_foreach(json_object_get(v->doc, "editions"), i, one) {
		if (!v->current || fields_int(one, "version", 0) > fields_int(v->current, "version", 0))
			v->current = one;
	}
	if (!rc && !v->current) rc = err_set(e, ERR_CORRUPT, "the venue standard has no edition");
	if (rc)
		venue_free(v);
	else
		*out = v;
	return rc;
}

void venue_free(struct venue *v)
{
	if (!v) return;
	json_decref(v->doc);
	free(v);
}

int64_t venue_version(const struct venue *v)
{
	return fields_int(v->current, "version", 0);
}

/* What POINT wants of TIER; NULL where it asks that tier nothing. A point without a least figure asks for the figure. */
static bool asks(const json_t *point, enum tier tier, const json_t **wanted)
{
	*wanted = fields_get(json_object_get(point, "wanted"), tier_name(tier));
	return *wanted || strcmp(fields_text(point, "kind"), "number") == 0;
}

static json_t *point_json(const json_t *point, const json_t *wanted)
{
	json_t *o = fields_deep_copy(point), *w = wanted ? fields_copy(wanted) : json_null();
	if (o && w && json_object_set(o, "wanted", w) == 0) {
		json_decref(w);
		return o;
	}
	json_decref(o);
	json_decref(w);
	return NULL;
}

json_t *venue_standard(const struct venue *v, enum tier tier)
{
	size_t i;
	json_t *point, *points = json_array();
	const json_t *wanted;
	bool ok = points != NULL;
	json_array_foreach(json_object_get(v->current, "points"), i, point) {
		if (ok && asks(point, tier, &wanted))
			ok = json_array_append_new(points, point_json(point, wanted)) == 0;
	}
	if (ok)
		return json_pack("{s:s, s:s, s:I, s:s, s:o, s:o}", "standard", fields_text(v->doc, "standard"),
		                 "source", fields_text(v->doc, "source"), "version", (json_int_t)venue_version(v),
		                 "issued", fields_text(v->current, "issued"), "sections",
		                 fields_deep_copy(json_object_get(v->current, "sections")), "points", points);
	json_decref(points);
	return NULL;
}

/* --- a self-check --- */

static const json_t *find(const json_t *list, const char *point)
{
	size_t i;
	const json_t *one;
	json_array_foreach(list, i, one) {
		if (strcmp(fields_text(one, "point"), point) == 0) return one;
	}
	return NULL;
}

/* One answer against its point: known, of this tier, given once, and of its kind. */
static void check_answer(const struct venue *v, enum tier tier, const json_t *answers, size_t i, struct problem *p)
{
	char at[48];
	const json_t *one = json_array_get(answers, i), *wanted;
	const char *code = fields_text(one, "point");
	const json_t *point = find(json_object_get(v->current, "points"), code);
	(void)snprintf(at, sizeof at, "/answers/%zu/point", i);
	if (!point || !asks(point, tier, &wanted)) {
		problem_field(p, at, "unknown", "the standard asks this station no such point");
		return;
	}
	if (find(answers, code) != one) {
		problem_field(p, at, "duplicate", "this point is answered before");
		return;
	}
	bool number = strcmp(fields_text(point, "kind"), "number") == 0;
	const char *is = number ? "value" : "yes", *not = number ? "yes" : "value";
	(void)snprintf(at, sizeof at, "/answers/%zu/%s", i, is);
	if (!fields_get(one, is))
		problem_field(p, at, "required", number ? "a figure is wanted" : "yes or no is wanted");
	(void)snprintf(at, sizeof at, "/answers/%zu/%s", i, not );
	if (fields_get(one, not )) problem_field(p, at, "not_allowed", "the point is of the other kind");
}

static void check_answers(const struct venue *v, enum tier tier, const json_t *answers, struct problem *p)
{
	size_t i;
	json_t *point;
	const json_t *wanted;
	for (i = 0; i < json_array_size(answers); i++)
		check_answer(v, tier, answers, i, p);
	json_array_foreach(json_object_get(v->current, "points"), i, point) {
		const char *code = fields_text(point, "point");
		if (asks(point, tier, &wanted) && !find(answers, code))
			problem_field(p, "/answers", "required", "the point %s is not answered", code);
	}
}

bool venue_check_body(const json_t *body, struct problem *p)
{
	return fields_check(body, shape, "", p);
}

json_t *venue_body(const struct venue *v, enum tier tier, const json_t *answers, struct problem *p)
{
	json_t *body = json_pack("{s:s, s:I, s:O}", "standard", fields_text(v->doc, "standard"), "version",
	                         (json_int_t)venue_version(v), "answers", answers);
	if (!body) return NULL;
	if (venue_check_body(body, p)) check_answers(v, tier, answers, p);
	if (!problem_any(p)) return body;
	json_decref(body);
	return NULL;
}

/* --- what falls short --- */

static const json_t *edition_of(const struct venue *v, const json_t *body)
{
	size_t i;
	const json_t *one;
	if (strcmp(fields_text(body, "standard"), fields_text(v->doc, "standard")) != 0) return NULL;
	json_array_foreach(json_object_get(v->doc, "editions"), i, one) {
		if (fields_int(one, "version", 0) == fields_int(body, "version", -1)) return one;
	}
	return NULL;
}

/* A point that was not answered falls short too. */
static bool meets(const json_t *wanted, const json_t *given)
{
	if (!wanted) return true;
	if (json_is_true(wanted)) return json_is_true(json_object_get(given, "yes"));
	return fields_int(given, "value", -1) >= json_integer_value(wanted);
}

static json_t *short_json(const json_t *point, const json_t *wanted, const json_t *given)
{
	static const char *const copied[] = {"point", "name", "unit"};
	bool number = json_is_integer(wanted);
	json_t *o = json_object(), *value = fields_get(given, number ? "value" : "yes"),
	       *note = fields_get(given, "note");
	bool ok = o != NULL;
	for (size_t i = 0; i < sizeof copied / sizeof *copied && ok; i++)
		ok = json_object_set_new(o, copied[i], fields_copy(json_object_get(point, copied[i]))) == 0;
	if (ok) ok = json_object_set_new(o, "wanted", fields_copy(wanted)) == 0;
	if (ok) ok = json_object_set_new(o, "value", value ? fields_copy(value) : json_null()) == 0;
	if (ok) ok = json_object_set_new(o, "note", note ? fields_copy(note) : json_null()) == 0;
	if (ok) return o;
	json_decref(o);
	return NULL;
}

json_t *venue_short(const struct venue *v, enum tier tier, const json_t *body)
{
	size_t i;
	const json_t *point, *wanted, *edition = edition_of(v, body), *answers = json_object_get(body, "answers");
	if (!edition) return json_null();
	json_t *list = json_array();
	bool ok = list != NULL;
	json_array_foreach(json_object_get(edition, "points"), i, point) {
		const json_t *given = find(answers, fields_text(point, "point"));
		if (ok && asks(point, tier, &wanted) && !meets(wanted, given))
			ok = json_array_append_new(list, short_json(point, wanted, given)) == 0;
	}
	if (ok) return list;
	json_decref(list);
	return NULL;
}

json_t *venue_record(const struct venue *v, enum tier tier, const uint8_t id[UUID_LEN], int64_t at, const char *actor,
                     const json_t *body)
{
	static const char *const members[] = {"standard", "version", "answers"};
	int rc = ERR_OK;
	json_t *o = json_object();
	if (!o) rc = ERR_NOMEM;
	casejson_id(o, "id", id, &rc);
	casejson_time(o, "at", at, &rc);
	casejson_text(o, "actor", actor, &rc);
	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		const json_t *m = fields_get(body, members[i]);
		caseview_set(o, members[i], m ? fields_deep_copy(m) : json_null(), &rc);
	}
	caseview_set(o, "short", venue_short(v, tier, body), &rc);
	return casejson_finish(o, rc);
}
