/* Pages that are built in, with places for values: {{name}} becomes the value, escaped for HTML text and attributes, and what
 * stands between {{?name}} and {{/name}} is left out where the value is NULL. Nothing else is a sign. */
#ifndef XINKE_GATEWAY_FILL_H
#define XINKE_GATEWAY_FILL_H

#include "shared/buf.h"
#include "shared/err.h"

struct fill_value {
	const char *name;  /* NULL ends the list */
	const char *value; /* UTF-8, or NULL */
};

/* Adds PAGE to OUT. ERR_INVALID names a place that has no value or no end; ERR_NOMEM past OUT's ceiling or memory. */
int fill(const char *page, const struct fill_value *values, struct buf *out, struct err *e);

#endif
