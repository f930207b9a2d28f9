/* What the two halves of the column form's writer share: columns_write.c (the whole) and columns_put.c (one column). */
#ifndef XINKE_COLUMNS_PUT_H
#define XINKE_COLUMNS_PUT_H

#include "sync/engine/bits.h"
#include "sync/engine/columns_sort.h"

struct columns_writer {
	const struct wire_request *r;
	struct columns_sorted *s;
	struct buf *out;
	struct bits_out bits;
	/* room for the cells of one column */
	int64_t numbers[LIMIT_BATCH_EVENTS];
	json_t *cells[LIMIT_BATCH_EVENTS];
	int first[LIMIT_BATCH_EVENTS]; /* the first cell of each distinct value */
};

/* N numbers (section 9.2): one where all are the same, else the shorter of the two codes. */
void columns_put_ints(struct columns_writer *w, const int64_t *v, int n);
void columns_put_ids(struct columns_writer *w, uint8_t (*ids)[UUID_LEN], int n);
/* The N values of w->cells, all of KIND: code and arguments, but not the brackets around them. */
void columns_put_cells(struct columns_writer *w, enum cell_kind kind, int n);

#endif
