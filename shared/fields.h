/* Checks a JSON object against a table of fields: presence, type, length, range, form. Unknown members are refused.
 *
 * One validator a field; every fault is told with its JSON pointer, so that a form can show it at its place. What a
 * table cannot say (two fields together, a number against a catalog) the caller checks afterwards. */
#ifndef XINKE_FIELDS_H
#define XINKE_FIELDS_H

#include "shared/problem.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum field_kind {
	FIELD_LINE, /* string of MIN to MAX characters, one line, no controls */
	FIELD_TEXT, /* as line; line breaks and tabs allowed */
	FIELD_NAME, /* a person's or organisation's name (idnum_name) */
	FIELD_INT,  /* integer from MIN to MAX */
	FIELD_BOOL,
	FIELD_TIME, /* RFC 3339 text */
	FIELD_UUID,
	FIELD_ENUM,   /* one of the words in WORDS, separated by '|' */
	FIELD_OBJECT, /* an object by SUB */
	FIELD_ARRAY,  /* MIN to MAX objects by SUB */
	FIELD_ANY,    /* checked elsewhere */
};

enum field_flags {
	FIELD_REQUIRED = 1,
	FIELD_NULLABLE = 2, /* null is as good as absent */
};

struct field {
	const char *name;
	enum field_kind kind;
	unsigned flags;
	int64_t min, max;
	const char *words;
	const struct field *sub; /* table that ends with a NULL name */
};

/* Checks OBJECT (any JSON) by TABLE; POINTER is where it stands ("" for the root). True when nothing was wrong. */
bool fields_check(const json_t *object, const struct field *table, const char *pointer, struct problem *p);
/* The string member NAME, or "" when it is absent, null or no string. Borrowed. */
const char *fields_text(const json_t *object, const char *name);
/* The member, or NULL when it is absent or null. Borrowed. */
json_t *fields_get(const json_t *object, const char *name);
/* New copy of V (deep: of all that it holds), NULL when memory is out. jansson's own copies leave members out in silence
 * then, and what was left out of a body would be chained. */
json_t *fields_copy(const json_t *v);
json_t *fields_deep_copy(const json_t *v);
/* The integer member NAME, or DEF. */
int64_t fields_int(const json_t *object, const char *name, int64_t def);

#endif
