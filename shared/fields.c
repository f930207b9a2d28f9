/* See fields.h. Pure; called for every request body and every event body. */
#include "shared/fields.h"

#include "shared/clock.h"
#include "shared/idnum.h"
#include "shared/text.h"
#include "shared/uuid.h"

#include <stdio.h>
#include <string.h>

#define POINTER_MAX 192

static void check_value(const json_t *v, const struct field *f, const char *at, struct problem *p);

static void check_chars(const json_t *v, const struct field *f, const char *at, struct problem *p)
{
	const char *s = json_string_value(v);
	size_t len = json_string_length(v);
	int64_t n = (int64_t)text_utf8_count(s, len);
	if (text_has_control(s, len, f->kind == FIELD_TEXT))
		problem_field(p, at, "characters", "holds control characters");
	else if (f->min > 0 && strspn(s, " \t\r\n") == len)
		problem_field(p, at, "required", "is blank");
	else if (n < f->min)
		problem_field(p, at, n == 0 ? "required" : "length", "at least %lld characters are wanted",
		              (long long)f->min);
	else if (n > f->max)
		problem_field(p, at, "length", "at most %lld characters are allowed", (long long)f->max);
}

static bool in_words(const char *words, const char *s)
{
	size_t n = strlen(s);
	if (strchr(s, '|')) return false;
	for (const char *w = words; n && w; w = strchr(w, '|') ? strchr(w, '|') + 1 : NULL)
		if (strncmp(w, s, n) == 0 && (w[n] == '|' || w[n] == '\0')) return true;
	return false;
}

static void check_string(const json_t *v, const struct field *f, const char *at, struct problem *p)
{
	const char *s = json_string_value(v), *why;
	uint8_t id[UUID_LEN];
	int64_t ms;
	if (!s) {
		problem_field(p, at, "type", "a string is wanted");
		return;
	}
	switch (f->kind) {
	case FIELD_NAME:
		why = idnum_name(s, json_string_length(v));
		if (why) problem_field(p, at, why, "not a name of 1 to 50 characters");
		break;
	case FIELD_TIME:
		if (!clock_parse(s, &ms)) problem_field(p, at, "format", "a time as in RFC 3339 is wanted");
		break;
	case FIELD_UUID:
		if (!uuid_parse(s, id)) problem_field(p, at, "format", "a UUID is wanted");
		break;
	case FIELD_ENUM:
		if (!in_words(f->words, s)) problem_field(p, at, "value", "one of %s is wanted", f->words);
		break;
	default: check_chars(v, f, at, p);
	}
}

static void check_array(const json_t *v, const struct field *f, const char *at, struct problem *p)
{
	size_t i, n = json_array_size(v);
	json_t *item;
	char sub[POINTER_MAX + 24];
	if (!json_is_array(v)) {
		problem_field(p, at, "type", "an array is wanted");
		return;
	}
	if ((int64_t)n < f->min || (int64_t)n > f->max) {
		problem_field(p, at, "length", "%lld to %lld entries are wanted", (long long)f->min, (long long)f->max);
		return;
	}
	json_array_foreach(v, i, item) {
		(void)snprintf(sub, sizeof sub, "%s/%zu", at, i);
		(void)fields_check(item, f->sub, sub, p);
	}
}

static void check_value(const json_t *v, const struct field *f, const char *at, struct problem *p)
{
	switch (f->kind) {
	case FIELD_INT:
		if (!json_is_integer(v))
			problem_field(p, at, "type", "an integer is wanted");
		else if (json_integer_value(v) < f->min || json_integer_value(v) > f->max)
			problem_field(p, at, "range", "from %lld to %lld is wanted", (long long)f->min,
			              (long long)f->max);
		break;
	case FIELD_BOOL:
		if (!json_is_boolean(v)) problem_field(p, at, "type", "true or false is wanted");
		break;
	case FIELD_OBJECT: (void)fields_check(v, f->sub, at, p); break;
	case FIELD_ARRAY: check_array(v, f, at, p); break;
	case FIELD_ANY: break;
	default: check_string(v, f, at, p);
	}
}

static const struct field *find(const struct field *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0) return table;
	return NULL;
}

/* A member's name in a JSON pointer: ~ and / are written ~0 and ~1 (RFC 6901); overlong names are cut. */
static void pointer_to(char *out, const char *base, const char *name)
{
	size_t n = strlen(base);
	if (n > POINTER_MAX / 2) n = POINTER_MAX / 2;
	memcpy(out, base, n);
	out[n++] = '/';
	for (; *name && n < POINTER_MAX - 4; name++) {
		unsigned char c = (unsigned char)*name;
		if (c == '~' || c == '/') {
			out[n++] = '~';
			out[n++] = c == '~' ? '0' : '1';
		} else {
			out[n++] = c < 0x20 ? '?' : (char)c;
		}
	}
	while (n && !text_utf8_valid(out, n)) /* the cut may have split a character */
		n--;
	out[n] = '\0';
}

bool fields_check(const json_t *object, const struct field *table, const char *pointer, struct problem *p)
{
	char at[POINTER_MAX];
	bool had = problem_any(p);
	size_t before = p->errors ? json_array_size(p->errors) : 0;
	const char *key;
	json_t *v;
	if (!json_is_object(object)) {
		problem_field(p, pointer, "type", "an object is wanted");
		return false;
	}
	json_object_foreach((json_t *)object, key, v) {
		const struct field *f = find(table, key);
		pointer_to(at, pointer, key);
		if (!f)
			problem_field(p, at, "unknown", "no such field");
		else if (!json_is_null(v))
			check_value(v, f, at, p);
		else if (!(f->flags & FIELD_NULLABLE))
			problem_field(p, at, "type", "null is not allowed");
	}
	for (const struct field *f = table; f->name; f++) {
		if (!(f->flags & FIELD_REQUIRED) || json_object_get(object, f->name)) continue;
		pointer_to(at, pointer, f->name);
		problem_field(p, at, "required", "is missing");
	}
	return had ? (p->errors ? json_array_size(p->errors) : 0) == before : !problem_any(p);
}

json_t *fields_get(const json_t *object, const char *name)
{
	json_t *v = json_object_get(object, name);
	return json_is_null(v) ? NULL : v;
}

const char *fields_text(const json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));
	return s ? s : "";
}

int64_t fields_int(const json_t *object, const char *name, int64_t def)
{
	const json_t *v = json_object_get(object, name);
	return json_is_integer(v) ? (int64_t)json_integer_value(v) : def;
}

static json_t *whole(json_t *copy, const json_t *v)
{
	if (json_equal(copy, v)) return copy;
	json_decref(copy);
	return NULL;
}

json_t *fields_copy(const json_t *v)
{
	return whole(json_copy((json_t *)(uintptr_t)v), v);
}

json_t *fields_deep_copy(const json_t *v)
{
	return whole(json_deep_copy(v), v);
}
