/* Problems: every refusal that the REST faces give, as RFC 9457 problem details.
 *
 * The registry (problems.def) is the one list of codes: status, English title, Chinese title. A code is stable, is the
 * i18n key of the app, and names the help page /problems/<code>, which `type` refers to. */
#ifndef XINKE_PROBLEM_H
#define XINKE_PROBLEM_H

#include "shared/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum problem_code {
#define PROBLEM(id, name, status, title, zh, help) PROBLEM_##id,
#include "shared/problems.def"
#undef PROBLEM
	PROBLEM_COUNT
};

struct problem_row {
	const char *name;  /* lower case, the wire's `code` */
	int status;        /* HTTP status */
	const char *title; /* English */
	const char *zh;    /* Chinese */
	const char *help;  /* what to do about it, one sentence of English */
};

#define PROBLEM_FIELDS_MAX 32 /* field errors listed in one answer; more are counted, not shown */

/* One refusal being put together. Zero-initialise; release with problem_release. */
struct problem {
	enum problem_code code;
	char detail[256]; /* English, or "" */
	json_t *errors;   /* array of {pointer, code, message}, or NULL; owned */
	json_t *members;  /* further members (office, retry_after_s, ...), or NULL; owned */
};

/* The row of CODE, never NULL. */
const struct problem_row *problem_row(enum problem_code code);
/* The row whose name is NAME, or NULL. */
const struct problem_row *problem_by_name(const char *name);
/* The code that answers for an error of ours: ERR_BUSY -> BUSY, ERR_NOSPACE -> NO_SPACE, else INTERNAL. */
enum problem_code problem_from_err(enum err_code code);
/* Sets code and a printf-style detail, unless P already holds field errors or a code: the first wins. */
void problem_set(struct problem *p, enum problem_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Adds a field error: JSON pointer (RFC 6901), stable code ("required", "unknown", "type", "format", "range", ...),
 * message. Sets the code to VALIDATION when none was set. */
void problem_field(struct problem *p, const char *pointer, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Adds a further member; takes VALUE. */
void problem_member(struct problem *p, const char *key, json_t *value);
/* Has anything been refused? */
bool problem_any(const struct problem *p);
/* New JSON object with type, title, status, code, detail, errors, members, request_id (NULL to leave out). */
json_t *problem_json(const struct problem *p, const char *request_id);
void problem_release(struct problem *p);

#endif
