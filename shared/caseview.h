/* A case as its events make it: the fold that box and county share.
 *
 * Events are applied in the county's order, then the station's own unconfirmed ones. An event that does not fit is left
 * out and says why; the county refuses on the same answer that the box only marks. Nothing here reads a clock or a
 * store, so the same events always give the same case. */
#ifndef XINKE_CASEVIEW_H
#define XINKE_CASEVIEW_H

#include "shared/buf.h"
#include "shared/catalog.h"
#include "shared/err.h"
#include "shared/receipt.h"
#include "shared/states.h"
#include "shared/uuid.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define CASEVIEW_OFFICE_MAX 204 /* bytes of an office: a station's code or a name of 50 characters, four bytes each */
#define CASEVIEW_PATH_MAX   64  /* changes of state kept for the terms */
#define CASEVIEW_NOTES_MAX  100 /* notes kept in the view; the history has them all */

enum caseview_fit {
	FIT_OK,
	FIT_TRANSITION, /* the table has no such row */
	FIT_HOLDER,     /* the event's origin may not append it: another office holds the case */
	FIT_LEVEL, /* the station only takes this item in; judged by the county and by the box's call, not by the fold */
	FIT_BODY,  /* the body cannot be used */
	FIT_STALE,   /* amend: the old value is not what stands there */
	FIT_EXISTS,  /* receive: the case is there already */
	FIT_NO_CASE, /* the case has not been received */
	FIT_SECOND, /* what may be done once was done: a second notice without a superior's reason, a second extension */
	FIT_STEP,   /* something else must come before */
	FIT_UNKNOWN, /* a type that this release does not know */
};

struct caseview {
	uint8_t id[UUID_LEN];
	bool exists; /* a receive was applied */
	enum case_state state;
	enum case_state asked_state; /* who asked for the supplement stands here until it is complete */
	char asked_holder[CASEVIEW_OFFICE_MAX];
	char station[13]; /* the registering station */
	char holder[CASEVIEW_OFFICE_MAX];
	char item[41];
	char receipt[RECEIPT_MAX];
	char token[17];                               /* of the public progress page */
	int64_t received_at, accepted_at, updated_at; /* ms; accepted_at 0 = not accepted; a rating is no update */
	int64_t revision;                             /* events applied or refused so far */
	json_t *doc;                                  /* applicant or record block, materials, notes, ...; owned */
};

/* What the fold needs of an event; all borrowed. */
struct caseview_event {
	const char *type;
	const json_t *body; /* NULL when erased */
	const char *origin; /* station code or "county" */
	const char *actor;
	int64_t at; /* ms */
};

/* An empty case with this id. Release with caseview_release. */
void caseview_init(struct caseview *v, const uint8_t id[UUID_LEN]);
void caseview_release(struct caseview *v);
/* Applies EV, or leaves V as it is and says why not. ERR_NOMEM only through *RC. The revision is the caller's. */
enum caseview_fit caseview_apply(struct caseview *v, const struct caseview_event *ev, int *rc);
/* Would ORIGIN be allowed to append TYPE now? The row is handed back in *ROW. */
enum caseview_fit caseview_may(const struct caseview *v, enum case_event type, const char *origin,
                               const struct state_row **row);
/* FIT_EXISTS where TYPE would open what is there, FIT_NO_CASE where it comes to nothing, else FIT_OK. */
enum caseview_fit caseview_there(const struct caseview *v, enum case_event type);
/* FIT_SECOND where BODY of TYPE would do again what may be done once (行政许可法 articles 32 and 42), FIT_STEP where it
 * comes too early, what registers_may says of an entry, else FIT_OK. */
enum caseview_fit caseview_once(const struct caseview *v, enum case_event type, const json_t *body);
/* Does a station that offers the item as OFFER have the level that ROW asks for? */
bool caseview_level(const struct state_row *row, enum offer offer);
/* "transition", "not_holder", ...: the code of a refusal. */
const char *caseview_fit_name(enum caseview_fit f);
/* The view's canonical document with every member that is not a column of its own, for storing and comparing. */
int caseview_doc(const struct caseview *v, struct buf *out, struct err *e);
/* Fills a view from such a document; columns come from the caller. */
int caseview_load_doc(struct caseview *v, const char *doc, size_t len, struct err *e);
/* One line that names the case for people: the applicant's name, the topic or the matter. Borrowed from V. */
const char *caseview_title(const struct caseview *v);
/* Sets NAME in OBJECT to VALUE (taken); ERR_NOMEM through RC. */
void caseview_set(json_t *object, const char *name, json_t *value, int *rc);

#endif
