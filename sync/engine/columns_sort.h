/* A request's events sorted for the column form: groups by type, columns by member, and how each event follows from those
 * before it. Called by columns_write.c. */
#ifndef XINKE_COLUMNS_SORT_H
#define XINKE_COLUMNS_SORT_H

#include "sync/engine/cell.h"
#include "sync/engine/columns.h"

/* Which case an event is of. */
enum columns_case {
	COLUMNS_CASE_NONE,
	COLUMNS_CASE_OWN,  /* its own id */
	COLUMNS_CASE_NEW,  /* written in `cases` */
	COLUMNS_CASE_BACK, /* the case of the event before; above it, of an event as many more back */
};

/* An event in its order; `before` and `back` count only events in columns. */
struct columns_place {
	int group;       /* -1: a row */
	int before;      /* the event before, -1 = none */
	int64_t derived; /* 1: its id follows from that of the last event whose id does not (uuid_derive) */
	int64_t cased;   /* enum columns_case */
	int64_t at;      /* ms since the event before */
	int64_t mono;    /* the same of its monotonic clock, less `at` */
};

struct columns_cell {
	json_t *value; /* borrowed from bodies */
	int event;
};

struct columns_column {
	char path[CELL_PATH_MAX];
	enum cell_kind kind;
	struct columns_cell *cells; /* owned */
	int n, cap;
};

struct columns_group {
	const char *type; /* borrowed from the request */
	struct columns_column columns[COLUMNS_MAX];
	int n_columns;
	uint64_t shapes[COLUMNS_SHAPES]; /* a bit a column */
	int n_shapes;
	int events[LIMIT_BATCH_EVENTS], shape_of[LIMIT_BATCH_EVENTS];
	int n;
};

struct columns_sorted {
	struct columns_place places[LIMIT_BATCH_EVENTS];
	json_t *bodies[LIMIT_BATCH_EVENTS]; /* owned; NULL = none */
	struct columns_group *groups[COLUMNS_GROUPS];
	int n_groups;
	int64_t at, mono; /* before the first event in columns: its own */
};

/* New: columns_sorted_free. */
int columns_sort(const struct wire_request *r, struct columns_sorted **out, struct err *e);
void columns_sorted_free(struct columns_sorted *s);

#endif
