/* A table as a spreadsheet saves it: CSV by RFC 4180, UTF-8 with or without byte order mark.
 *
 * A reader of our own: libcsv, the one that Debian 12 has, stops at the first mistake (CSV_STRICT) or mends it in silence,
 * and here every one is told with its place. */
#ifndef XINKE_COUNTY_CATALOG_TABLE_H
#define XINKE_COUNTY_CATALOG_TABLE_H

#include "sync/county/catalog_faults.h"

#define CATALOG_TABLE_ROWS    4000 /* the header counted */
#define CATALOG_TABLE_COLUMNS 64
#define CATALOG_TABLE_CELL    4096 /* bytes of a cell */

struct catalog_table {
	size_t rows, cols; /* rows with the header; empty rows are left out */
	char **cells;      /* rows * cols, owned; a cell that a row lacks is "" */
	size_t *row_no;    /* of each row as the spreadsheet numbers it, from 1 */
};

/* Reads LEN bytes of TEXT. What is wrong goes to F: bytes that are no UTF-8, quotes, cells beyond the header, cells that a
 * spreadsheet would take for a formula, controls, too many rows. ERR_INVALID where it could not be read to its end. The
 * header goes to F for its messages. Release in any case. */
int catalog_table_read(const char *text, size_t len, struct catalog_table *out, struct catalog_faults *f,
                       struct err *e);
void catalog_table_release(struct catalog_table *t);
/* The cell, blanks at its ends left out when it was read. */
const char *catalog_table_cell(const struct catalog_table *t, size_t row, size_t col);
/* The column called NAME, or -1. */
int catalog_table_column(const struct catalog_table *t, const char *name);
/* Appends TEXT to OUT as a cell, quoted where it must be. */
struct buf;
void catalog_table_put(struct buf *out, const char *text, bool first);

#endif
