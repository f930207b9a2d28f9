/* See catalog_faults.h. Called by the checks and readers of catalogs and calendars; one thread. */
#include "sync/county/catalog_faults.h"

#include "shared/fields.h"

#include <stdarg.h>
#include <string.h>

#define POINTER_MAX 256
#define MESSAGE_MAX 512

bool catalog_faults_init(struct catalog_faults *f)
{
	*f = (struct catalog_faults){.list = json_array()};
	return f->list != NULL;
}

void catalog_faults_release(struct catalog_faults *f)
{
	json_decref(f->list);
	json_decref(f->places);
	json_decref(f->header);
	*f = (struct catalog_faults){0};
}

void catalog_faults_place(struct catalog_faults *f, const char *pointer, size_t row, size_t column)
{
	if (!f->places) f->places = json_object();
	if (json_object_set_new(f->places, pointer, json_pack("[I, I]", (json_int_t)row, (json_int_t)column)))
		f->nomem = true;
}

size_t catalog_faults_row(const struct catalog_faults *f, const char *pointer)
{
	return (size_t)json_integer_value(json_array_get(json_object_get(f->places, pointer), 0));
}

static void __attribute__((format(printf, 3, 0)))
put(struct catalog_faults *f, json_t *one, const char *fmt, va_list ap)
{
	char text[MESSAGE_MAX];
	(void)vsnprintf(text, sizeof text, fmt, ap);
	/* what was quoted may have been cut inside a character */
	json_t *message = json_string(text);
	for (size_t n = strlen(text); !message && n > 0; message = json_string(text))
		text[--n] = '\0';
	f->n++;
	if (!one || json_object_set_new(one, "message", message)) f->nomem = true;
	if (json_array_size(f->list) >= CATALOG_FAULTS_MAX)
		json_decref(one);
	else if (json_array_append_new(f->list, one))
		f->nomem = true;
}

static json_t *cell(const struct catalog_faults *f, json_int_t row, json_int_t column)
{
	const char *head = column ? json_string_value(json_array_get(f->header, (size_t)column - 1)) : NULL;
	return json_pack("{s:I, s:I, s:s?}", "row", row, "column", column, "header", head);
}

/* The cell that POINTER, or what holds it, came from. */
static json_t *place_of(const struct catalog_faults *f, const char *pointer)
{
	char p[POINTER_MAX];
	(void)snprintf(p, sizeof p, "%s", pointer);
	for (;;) {
		const json_t *at = json_object_get(f->places, p);
		if (at)
			return cell(f, json_integer_value(json_array_get(at, 0)),
			            json_integer_value(json_array_get(at, 1)));
		char *slash = strrchr(p, '/');
		if (!slash) return cell(f, 1, 0);
		*slash = '\0';
	}
}

void catalog_faults_add(struct catalog_faults *f, const char *pointer, const char *fmt, ...)
{
	va_list ap;
	json_t *one = f->places ? place_of(f, pointer) : json_pack("{s:s}", "pointer", pointer);
	va_start(ap, fmt);
	put(f, one, fmt, ap);
	va_end(ap);
}

void catalog_faults_cell(struct catalog_faults *f, size_t row, size_t column, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	put(f, cell(f, (json_int_t)row, (json_int_t)column), fmt, ap);
	va_end(ap);
}

void catalog_faults_print(const struct catalog_faults *f, FILE *out)
{
	size_t i;
	json_t *one;
	json_array_foreach(f->list, i, one) {
		const char *pointer = json_string_value(json_object_get(one, "pointer"));
		const char *head = fields_text(one, "header"), *message = fields_text(one, "message");
		long long row = (long long)fields_int(one, "row", 0), column = (long long)fields_int(one, "column", 0);
		if (pointer)
			(void)fprintf(out, "%s: %s\n", *pointer ? pointer : "/", message);
		else if (!column)
			(void)fprintf(out, "row %lld: %s\n", row, message);
		else
			(void)fprintf(out, "row %lld, column %lld%s%s%s: %s\n", row, column, *head ? " (" : "", head,
			              *head ? ")" : "", message);
	}
	if (f->n > json_array_size(f->list)) (void)fprintf(out, "and %zu more\n", f->n - json_array_size(f->list));
}
