/* What the two halves of the column form's reader share: columns_read.c (the whole) and columns_cells.c (one column). */
#ifndef XINKE_COLUMNS_READ_H
#define XINKE_COLUMNS_READ_H

#include "sync/engine/bits.h"
#include "sync/engine/columns.h"
#include "sync/engine/columns_sort.h"

#define COLUMNS_INT   (1LL << 55) /* no number of this form lies beyond */
#define COLUMNS_TEXTS 4           /* of a head: clock, boot, actor, device */

struct columns_read_place {
	int group, before;                /* as in struct columns_place */
	int64_t derived, cased, at, mono; /* so, too */
	json_t *texts[COLUMNS_TEXTS];     /* owned */
	uint64_t shape;                   /* the columns that its body has, a bit each */
	json_t *body;                     /* owned */
};

struct columns_read_group {
	int events[LIMIT_BATCH_EVENTS];
	int n;
	uint64_t shapes[COLUMNS_SHAPES];
};

struct columns_reader {
	struct wire_request *r;
	struct bits_in bits;
	struct columns_read_place places[LIMIT_BATCH_EVENTS];
	struct columns_read_group *groups[COLUMNS_GROUPS];
	int n_groups;
	json_t *cells[LIMIT_BATCH_EVENTS]; /* of the column that is read; owned */
	int64_t numbers[LIMIT_BATCH_EVENTS];
	struct err *e;
};

/* N numbers of J (section 9.2), each from LEAST to MOST. */
int columns_ints(struct columns_reader *d, const json_t *j, int n, int64_t least, int64_t most, int64_t *out);
/* The next id of the bits; V4: one of version 4. */
void columns_id(struct columns_reader *d, bool v4, uint8_t id[UUID_LEN]);
/* The column J, whose code is its element FROM, of the N events EVENTS into d->cells. */
int columns_cells(struct columns_reader *d, const json_t *j, size_t from, const int *events, int n);
void columns_drop_cells(struct columns_reader *d);

#endif
