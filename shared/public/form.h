/* Bodies that browsers send: application/x-www-form-urlencoded (WHATWG URL standard, section 5). */
#ifndef XINKE_PUBLIC_FORM_H
#define XINKE_PUBLIC_FORM_H

#include <stdbool.h>
#include <stddef.h>

/* Is the value of Content-Type that of a form? */
bool form_is(const char *content_type);
/* The value of NAME in BODY (LEN bytes) into OUT (CAP bytes, NUL included); "" where it is not there. False where it is not
 * UTF-8, holds a NUL or does not fit: what somebody says is never cut. */
bool form_value(const char *body, size_t len, const char *name, char *out, size_t cap);

#endif
