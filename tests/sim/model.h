/* What people were told, kept outside the machines: every call, its key, and whether it was answered with 201. */
#ifndef XINKE_SIM_MODEL_H
#define XINKE_SIM_MODEL_H

#include "shared/crypto/digest.h"
#include "shared/receipt.h"
#include "shared/uuid.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define MODEL_CALLS 640

enum call_state {
	CALL_OPEN,    /* not answered, or the answer was lost: whoever asked will ask again */
	CALL_ACKED,   /* 201 */
	CALL_REFUSED, /* a problem: it counts for nothing */
	CALL_EXCUSED, /* the one disk that had it was lost before the county had it */
};

struct call {
	enum call_state state;
	char station[13]; /* "county" for its own */
	uint8_t key[UUID_LEN], case_id[UUID_LEN];
	bool registers, forced;
	bool of_station;                     /* a self-check: of no case */
	char type[32], item[32], marker[16]; /* MARKER stands in the body and nowhere else */
	json_t *body;                        /* as it was asked, owned */
	int box;                             /* whose window was asked */
	char receipt[RECEIPT_MAX];
};

struct model {
	struct call calls[MODEL_CALLS];
	int n;
	/* by station: a copy of a box wrote too, so that numbers may repeat; a disk rots, and its copies with it */
	bool copied[8], rotten[8];
};

struct world;

/* A new call, or NULL when there have been enough. */
struct call *model_new(struct world *w);
void model_release(struct model *m);
/* A random acked registration, or NULL. */
struct call *model_case(struct world *w);
/* The call with KEY at STATION, or NULL. */
struct call *model_find(struct model *m, const char *station, const uint8_t key[UUID_LEN]);
/* Has STATION had a copy of a box that wrote? */
bool *model_copied(struct model *m, const char *station);
/* Is there an event that rots on a disk of STATION? */
bool *model_rotten(struct model *m, const char *station);
/* 201: from now on it may not be lost. */
void model_ack(struct world *w, struct call *c);

#endif
