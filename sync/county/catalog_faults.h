/* The mistakes of a catalog or calendar that somebody wrote, each with its place: all of them, not the first alone.
 *
 * A mistake is found in the document (JSON) and told by its pointer. Where the document was made from a table, the
 * reader of the table notes which cell each member came from, and the mistake is told by row and column. */
#ifndef XINKE_COUNTY_CATALOG_FAULTS_H
#define XINKE_COUNTY_CATALOG_FAULTS_H

#include "shared/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CATALOG_FAULTS_MAX 200 /* that are kept; the rest is counted */

struct catalog_faults {
	json_t *list;   /* {pointer | row, column, header; message} */
	json_t *places; /* pointer: [row, column]; NULL = the document is the file itself */
	json_t *header; /* the table's column names */
	size_t n;       /* found in all */
	bool nomem;     /* something could not be noted: the list says too little */
};

/* False without memory. Release in either case. */
bool catalog_faults_init(struct catalog_faults *f);
void catalog_faults_release(struct catalog_faults *f);
/* The member at POINTER came from this cell; rows and columns count from 1, the header is row 1. Column 0 = the row. */
void catalog_faults_place(struct catalog_faults *f, const char *pointer, size_t row, size_t column);
/* The row that POINTER came from; 0 where the document is the file itself. */
size_t catalog_faults_row(const struct catalog_faults *f, const char *pointer);
/* A mistake at POINTER, "" for the whole document. */
void catalog_faults_add(struct catalog_faults *f, const char *pointer, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A mistake in a cell that no member came from. */
void catalog_faults_cell(struct catalog_faults *f, size_t row, size_t column, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* One line each; says how many more there are. */
void catalog_faults_print(const struct catalog_faults *f, FILE *out);

#endif
