/* The registry of refusals and their JSON form; see problem.h.
 *
 * Called by handlers and by shared/http, from any thread: the table is constant and a struct problem belongs to its
 * caller. Running out of memory costs members and field errors, never the code itself. */
#include "shared/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct problem_row rows[PROBLEM_COUNT] = {
#define PROBLEM(id, name, status, title, zh, help) [PROBLEM_##id] = {name, status, title, zh, help},
#include "shared/problems.def"
#undef PROBLEM
};

const struct problem_row *problem_row(enum problem_code code)
{
	return (size_t)code < PROBLEM_COUNT ? &rows[code] : &rows[PROBLEM_INTERNAL];
}

const struct problem_row *problem_by_name(const char *name)
{
	for (size_t i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++)
		if (strcmp(rows[i].name, name) == 0) return &rows[i];
	return NULL;
}

enum problem_code problem_from_err(enum err_code code)
{
	switch (code) {
	case ERR_BUSY: return PROBLEM_BUSY;
	case ERR_NOSPACE: return PROBLEM_NO_SPACE;
	default: return PROBLEM_INTERNAL;
	}
}

bool problem_any(const struct problem *p)
{
	return p->code != PROBLEM_NONE || p->errors;
}

void problem_set(struct problem *p, enum problem_code code, const char *fmt, ...)
{
	if (problem_any(p)) return;
	p->code = code;
	if (!fmt) return;
	va_list ap;
	va_start(ap, fmt);
	if (vsnprintf(p->detail, sizeof p->detail, fmt, ap) < 0) p->detail[0] = '\0';
	va_end(ap);
}

/* Field errors past the limit are only counted, so that a hostile body cannot make the answer grow. */
static void count_omitted(struct problem *p)
{
	json_int_t n = p->members ? json_integer_value(json_object_get(p->members, "errors_omitted")) : 0;
	problem_member(p, "errors_omitted", json_integer(n + 1));
}

void problem_field(struct problem *p, const char *pointer, const char *code, const char *fmt, ...)
{
	if (p->code == PROBLEM_NONE) p->code = PROBLEM_VALIDATION;
	if (!p->errors) p->errors = json_array();
	if (json_array_size(p->errors) >= PROBLEM_FIELDS_MAX) {
		count_omitted(p);
		return;
	}
	char message[256];
	va_list ap;
	va_start(ap, fmt);
	if (vsnprintf(message, sizeof message, fmt, ap) < 0) message[0] = '\0';
	va_end(ap);
	/* a pointer made of a hostile member name may not be UTF-8, and a cut message may end inside a character */
	json_t *one = json_pack("{s:s, s:s, s:s}", "pointer", pointer, "code", code, "message", message);
	if (!one) one = json_pack("{s:s, s:s}", "pointer", "", "code", code);
	(void)json_array_append_new(p->errors, one);
}

void problem_member(struct problem *p, const char *key, json_t *value)
{
	if (!p->members) p->members = json_object();
	(void)json_object_set_new(p->members, key, value);
}

json_t *problem_json(const struct problem *p, const char *request_id)
{
	const struct problem_row *row = problem_row(p->code == PROBLEM_NONE ? PROBLEM_INTERNAL : p->code);
	json_t *out = json_pack("{s:s+, s:s, s:i, s:s}", "type", "/problems/", row->name, "title", row->title, "status",
	                        row->status, "code", row->name);
	if (!out) return NULL;
	if (p->detail[0]) (void)json_object_set_new(out, "detail", json_string(p->detail));
	if (p->errors) (void)json_object_set(out, "errors", p->errors);
	if (request_id) (void)json_object_set_new(out, "request_id", json_string(request_id));
	/* the members of the RFC and of the registry win over those of the caller */
	if (p->members) (void)json_object_update_missing(out, p->members);
	return out;
}

void problem_release(struct problem *p)
{
	json_decref(p->errors);
	json_decref(p->members);
	*p = (struct problem){0};
}
