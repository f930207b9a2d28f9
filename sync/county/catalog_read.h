/* Catalogs and calendars as people keep them: JSON in our form, or a table (CSV) with Chinese headings.
 *
 * A table has the columns of catalog_read_columns; what it does not say (guides, titles) is taken from the catalog in
 * force. */
#ifndef XINKE_COUNTY_CATALOG_READ_H
#define XINKE_COUNTY_CATALOG_READ_H

#include "sync/county/catalog_faults.h"
#include "sync/county/catalog_table.h"

#define CATALOG_READ_MAX (4 * 1048576) /* bytes of a file */

/* What is read, and against what. */
struct catalog_source {
	const char *kind;   /* "catalog" or "calendar" */
	const json_t *base; /* in force; NULL = none */
	bool add;           /* items that the base does not have are new ones, no mistakes */
};

/* Reads LEN bytes of TEXT and checks them: the document into OUT (new) where it could be made out, mistakes into F.
 * ERR_OK with F->n > 0 or *OUT NULL: it is wrong. */
int catalog_read(const struct catalog_source *src, const char *text, size_t len, json_t **out, struct catalog_faults *f,
                 struct err *e);
/* The same of a file; one that is too large is ERR_INVALID. */
int catalog_read_file(const struct catalog_source *src, const char *path, json_t **out, struct catalog_faults *f,
                      struct err *e);

/* The table of items into a catalog; ERR_INVALID where its header is wrong. */
int catalog_read_items(const struct catalog_table *t, const json_t *base, json_t **out, struct catalog_faults *f,
                       struct err *e);
/* The table of days into a calendar (catalog_calendar.c). */
int catalog_read_calendar(const struct catalog_table *t, const json_t *base, json_t **out, struct catalog_faults *f,
                          struct err *e);
/* Appends DOC, a catalog, to OUT as such a table. */
int catalog_read_export(const json_t *doc, struct buf *out, struct err *e);
/* Prints the columns, for --help. */
void catalog_read_columns(FILE *out);

#endif
