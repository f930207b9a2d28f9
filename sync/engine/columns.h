/* The column form of a request's events: each member of the events of one type stands together, so that like follows like,
 * and what cannot be guessed is packed as bits. PROTOCOL.md section 9 is the text. Called by wire.c.
 *
 * What is read back is what was written, to the byte, or it was not put into columns: an event that has no exact column
 * form stays a row. */
#ifndef XINKE_COLUMNS_H
#define XINKE_COLUMNS_H

#include "sync/engine/wire.h"

#define COLUMNS_GROUPS 32             /* types in one request; an event beyond any of these limits goes as a row */
#define COLUMNS_MAX    64             /* columns of a type */
#define COLUMNS_DEPTH  LIMIT_DEPTH    /* names in a column's path */
#define COLUMNS_SHAPES 64             /* sets of columns that events of a type have */
#define COLUMNS_BYTES  LIMIT_EXCHANGE /* of the bodies that columns may give, together */
#define COLUMNS_MONO   (1LL << 50)    /* ms; above any monotonic clock */

/* Appends the value of `columns`, an object, for R's events. IS_ROW[i], R's n_events of them, tells which events are not
 * in it: they go as rows, in their order. */
int columns_write(const struct wire_request *r, bool *is_row, struct buf *out, struct err *e);
/* Reads J, the value of `columns`, into R's n_events events, which are zero and are released by the caller, after a failure
 * too. IS_ROW[i] tells which were left, ROWS of them. ERR_INVALID where J is not to the letter what the protocol says. */
int columns_read(const json_t *j, int rows, struct wire_request *r, bool *is_row, struct err *e);

#endif
