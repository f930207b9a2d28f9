/* Reading a ledger: one case, lists, look-ups, history, changes, things (read.c). Any connection, no transaction needed. */
#ifndef XINKE_LEDGER_READ_H
#define XINKE_LEDGER_READ_H

#include "shared/ledger/ledger.h"

enum ledger_sync { SYNC_LOCAL, SYNC_SENT, SYNC_RECEIVED, SYNC_SETTLED, SYNC_REFUSED };
const char *ledger_sync_name(enum ledger_sync s);

struct ledger_case {
	struct caseview view;
	enum ledger_sync sync; /* the least advanced of its own events; refused overrides */
};
void ledger_case_release(struct ledger_case *c);

/* ERR_NOTFOUND when there is no such case. */
int ledger_case_get(struct ledger *l, const uint8_t id[UUID_LEN], struct ledger_case *out, struct err *e);

/* A page of cases, newest receipt first. */
struct ledger_page {
	const char *state,
	    *item;         /* filters, NULL = all; at most one is used by index, the other is looked at per row */
	int64_t before_at; /* cursor: start below (before_at, before_id); INT64_MAX = from the newest */
	uint8_t before_id[UUID_LEN];
	int limit;
};
/* Calls FN for each row until it returns false or the page is full; *MORE tells whether rows are left. */
int ledger_case_list(struct ledger *l, const struct ledger_page *page, bool (*fn)(const struct ledger_case *, void *),
                     void *arg, bool *more, struct err *e);
/* Cases by document number, by phone or by receipt number, at most LIMIT ids into OUT; *N of them. */
int ledger_case_find(struct ledger *l, const char *text, uint8_t (*out)[UUID_LEN], int limit, int *n, struct err *e);

struct ledger_history {
	struct event ev; /* borrowed during the call */
	bool own;        /* false: the county's or another station's, by the feed */
	bool fits;       /* was applied to the case's view */
	int64_t
	    corrected; /* in a case's history: when it truly was, Unix ms, where the clock was wrong and was put right in that boot; else 0 */
	enum ledger_sync sync;
	const char *code, *pointer, *message; /* of a refusal, else NULL */
};
/* A refused event, as a list that a reader of the history keeps (read.c): what mends one takes it off. */
struct ledger_refusal {
	uint8_t id[UUID_LEN], amends[UUID_LEN];
	bool mends; /* it was itself to mend another */
	char type[EVENT_TYPE_MAX], code[32], pointer[96], message[160];
	struct ledger_refusal *next;
};
/* Takes own event H into account, whose body is BODY (NULL = erased): puts it on LIST if it was refused, takes off what
 * it mends if it was not; how many were taken off goes to *MENDED. Free with ledger_refusals_free. */
int ledger_refusals_note(struct ledger_refusal **list, const struct ledger_history *h, const json_t *body, int *mended,
                         struct err *e);
void ledger_refusals_free(struct ledger_refusal **list);

/* The case's events in order; ERR_NOTFOUND when it has none. */
int ledger_case_history(struct ledger *l, const uint8_t id[UUID_LEN], bool (*fn)(const struct ledger_history *, void *),
                        void *arg, struct err *e);
/* The station's self-checks (自查), newest first by the time that they were made, at most LIMIT; those of a replaced box
 * among them. FN returns false to stop. */
int ledger_selfchecks(struct ledger *l, int limit, bool (*fn)(const struct ledger_history *, void *), void *arg,
                      struct err *e);
/* Cases changed after AFTER, oldest change first, at most LIMIT. */
int ledger_changes(struct ledger *l, int64_t after, int limit,
                   void (*fn)(const uint8_t id[UUID_LEN], int64_t change, void *), void *arg, struct err *e);
/* The last change and this ledger's epoch (new at every rebuild: older cursors have expired). */
int ledger_change_head(struct ledger *l, int64_t *change, int64_t *epoch, struct err *e);
/* The newest document of KIND ("catalog", "calendar") that the feed brought; new reference. ERR_NOTFOUND. */
int ledger_thing(struct ledger *l, const char *kind, json_t **out, int64_t *version, struct err *e);
/* The same of one VERSION. */
int ledger_thing_at(struct ledger *l, const char *kind, int64_t version, json_t **out, struct err *e);
/* The versions of KIND that the feed brought, newest first, at most MAX into OUT; *N of them. */
int ledger_thing_versions(struct ledger *l, const char *kind, int64_t *out, int max, int *n, struct err *e);

struct ledger_counts {
	int64_t cases, refused, feed;
};
int ledger_counts(struct ledger *l, struct ledger_counts *out, struct err *e);
/* What the courier last wrote of the link (meta "sync_status", hands.c): new JSON object, empty when it never ran. */
int ledger_sync_status(struct ledger *l, json_t **out, struct err *e);

/* A log of this ledger. */
struct ledger_log {
	uint8_t log[UUID_LEN];
	uint8_t hash[DIGEST_LEN]; /* after its head */
	int box;
	int64_t opened_at, head_seq, received_seq;
	int64_t kept; /* last sequence that counts in a log that was left; -1 = it is open */
};
/* Every log, oldest first; each goes on from the one before it, at that one's KEPT. */
int ledger_logs(struct ledger *l, void (*fn)(const struct ledger_log *, void *), void *arg, struct err *e);

#endif
