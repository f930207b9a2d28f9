/* Calls that append events: from the handler through the writer to the answer.
 *
 * A handler begins one, fills in what is to be done and hands it over; it is answered once its group is on the disk.
 * A key that was used before answers with the case as it is now, whatever the rules say by then. */
#ifndef XINKE_GATEWAY_CALLS_H
#define XINKE_GATEWAY_CALLS_H

#include "gateway/gateway.h"
#include "gateway/items.h"
#include "shared/ledger/read.h"
#include "shared/ledger/write.h"
#include "shared/ledger/writer.h"

struct call {
	struct writer_job job; /* first: the writer hands this back */
	struct gateway *gw;
	struct http_req *req;
	/* Appends, in the write transaction; a refusal goes to `problem` and is no error. */
	int (*append)(struct ledger *l, struct call *c, struct err *e);
	struct ledger_call lc;
	struct items_edition *edition;   /* held; NULL before a catalog has come */
	struct ledger_draft *draft;      /* of a registration; owned */
	const struct catalog_item *item; /* of the case, in that edition; NULL when it has none */
	enum offer offer;                /* what this level does of the case's item, by the case's own catalog */
	const char *department;          /* that the case's item belongs to, by the same; borrowed from the edition */
	uint8_t case_id[UUID_LEN];
	json_t *recent; /* of a registration: the person's cases of the item in the last weeks; owned */
	json_t *made;   /* a body that is made from the request; owned */
	bool registers; /* the answer names where the case is */
	bool entry;     /* it is an entry of a register */
	bool odd;       /* the request has no canonical form: the checks must find out where */
	/* Reads in the same transaction what the answer tells instead of a case, for a call that is of none, into `told`; NULL
	 * = the call is of a case. */
	int (*look)(struct ledger *l, struct call *c, struct err *e);
	json_t *told; /* the whole answer, owned */
	/* What the answer holds instead of the case (new, NULL without memory); NULL = the case. */
	json_t *(*shape)(const struct call *c);
	/* of an act */
	enum case_event type;
	const json_t *body;                     /* borrowed from the request */
	int64_t revision;                       /* of If-Match, 0 = any */
	const struct ledger_identity *identity; /* the reader's; never another once enrolled */
	/* outcome */
	int rc;
	struct err err;
	bool replayed;
	struct problem problem;
	struct ledger_case seen; /* the case afterwards */
	json_t *refused;         /* its refused events */
	json_t *files;           /* where its files are; NULL of an entry */
};

/* New call for REQ whose target is "METHOD PATH" (free by handing it to calls_submit or calls_refuse). Answers and
 * returns NULL when that cannot be. L is a connection to read with. */
struct call *calls_new(struct gateway *gw, struct ledger *l, struct http_req *req, const char *target);
/* Parks the request and hands C to the writer; answers BUSY when its queue is full. Takes C. */
void calls_submit(struct call *c);
/* Answers with the error RC. Takes C. */
void calls_fail(struct call *c, int rc, const struct err *e);
/* Answers with the problem of C, unless the key was used by this very call before: then as a replay. Takes C. */
void calls_refuse(struct call *c, struct ledger *l);

#endif
