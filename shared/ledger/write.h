/* Writing to a ledger: one event, a registration, an act, an enrolment (append.c, register.c, enrol.c).
 *
 * Everything but the enrolment runs in the transaction of the caller, so that state, revision, key and head are checked
 * where they cannot change. */
#ifndef XINKE_LEDGER_WRITE_H
#define XINKE_LEDGER_WRITE_H

#include "shared/ledger/ledger.h"
#include "shared/ledger/read.h"

/* One call of a caller: its key is the id of its first event. */
struct ledger_call {
	uint8_t key[UUID_LEN];
	uint8_t request[DIGEST_LEN]; /* HMAC of principal, target and canonical request, see ledger_request_mac */
	const char *actor;           /* account name */
	const char *device;          /* phone, or "" */
	struct clock_now now;
	unsigned appended;        /* events so far; start with 0 */
	struct ledger_case *seen; /* gets the case as the call leaves it; NULL = not wanted. Release it */
};

/* HMAC under the index key over METHOD and TARGET of the call, PRINCIPAL and the canonical BODY. */
int ledger_request_mac(struct ledger *l, const char *target, const char *principal, const json_t *body,
                       uint8_t out[DIGEST_LEN], struct err *e);
/* Has this key been used? 0 = no; ERR_CONFLICT = yes, by another request or principal; -1 = yes, by this one, and
 * CASE_ID is its case, zero where it has none. Other codes: errors. */
int ledger_replay(struct ledger *l, const struct ledger_call *call, uint8_t case_id[UUID_LEN], struct err *e);
/* Appends one event to the open log. CASE_ID NULL for events of no case. */
int ledger_append(struct ledger *l, struct ledger_call *call, const uint8_t *case_id, const char *type,
                  const json_t *body, struct err *e);
/* Registers a case from REQUEST (checked by body_check_registration): receipt number, receive, then forward
 * where this tier only takes ITEM in, or complete where there is nothing to decide, and no material is missing. The case id is the call's key. */
int ledger_register(struct ledger *l, struct ledger_call *call, const json_t *request, const struct catalog *cat,
                    const struct catalog_item *item, struct err *e);
/* Registers a case again in the place of its refused registration, which REQUEST names in `amends`: case id, number, token
 * and time of receipt stay. A refusal goes to P. */
int ledger_register_again(struct ledger *l, struct ledger_call *call, const uint8_t case_id[UUID_LEN],
                          const json_t *request, const struct catalog_item *item, struct problem *p, struct err *e);
/* The same in two steps: what does not depend on the place in the log is made on any thread, with any connection of its
 * own. New (free with ledger_draft_free); CALL must be the same at both. */
struct ledger_draft; /* opaque */
int ledger_draft_new(struct ledger *l, const struct ledger_call *call, const json_t *request, const struct catalog *cat,
                     const struct catalog_item *item, struct ledger_draft **out, struct err *e);
int ledger_register_draft(struct ledger *l, struct ledger_call *call, const struct ledger_draft *d, struct err *e);
/* The case as the draft makes it, but for its number. Borrowed from D. */
const struct caseview *ledger_draft_view(const struct ledger_draft *d);
/* Behind a registration of the same call: accept, decide_now, complete and deliver with the bodies of SPOT, the request's
 * `on_the_spot` (checked by body_check_registration). The decision's overtime reason goes to the acceptance: the notice term
 * alone can have passed, the others begin in this call. */
int ledger_register_end(struct ledger *l, struct ledger_call *call, const json_t *spot, struct err *e);
void ledger_draft_free(struct ledger_draft *d);
/* 网上申请: an application in advance, whose case id is the call's key (advance.c). REQUEST and ITEM as at a registration. */
int ledger_submit(struct ledger *l, struct ledger_call *call, const json_t *request, const struct catalog *cat,
                  const struct catalog_item *item, struct err *e);
/* One that was given back (预审退回) is made again by REQUEST, under the catalog of the first. Refusals go to P. */
int ledger_resubmit(struct ledger *l, struct ledger_call *call, const uint8_t case_id[UUID_LEN], int64_t if_revision,
                    const json_t *request, enum offer offer, struct problem *p, struct err *e);
/* Its papers are taken in: receipt number, receive as it was applied for but for CHANGES (`materials`, `note`), and what
 * follows a registration of ITEM. Refusals go to P. */
int ledger_take_in(struct ledger *l, struct ledger_call *call, const uint8_t case_id[UUID_LEN], int64_t if_revision,
                   const json_t *changes, const struct catalog_item *item, enum offer offer, struct problem *p,
                   struct err *e);
/* Opens an entry of a register (shared/registers.h) with the checked body OPENING, whose id is the call's key; ANSWER and
 * CLOSING, where they are given, follow in the same transaction. */
int ledger_entry(struct ledger *l, struct ledger_call *call, const json_t *opening, const json_t *answer,
                 const json_t *closing, struct err *e);
/* Appends TYPE to a case if its state, this box's part in it and IF_REVISION (0 = any) allow; a refusal goes to P and
 * is no error. OFFER is what this tier offers of the case's item. */
int ledger_act(struct ledger *l, struct ledger_call *call, const uint8_t case_id[UUID_LEN], int64_t if_revision,
               enum case_event type, const json_t *body, enum offer offer, struct problem *p, struct err *e);

/* What an enrolment brings. */
struct ledger_enrolment {
	const char *station, *name, *township; /* codes and title */
	enum tier tier;
	uint8_t station_key[EVENT_KEY_LEN];
	uint8_t log[UUID_LEN];
	int box;
};
/* Stores the identity and opens a log in one transaction: log_opened, then every event that the county has not
 * confirmed, with its old identity. Begins and commits by itself. */
int ledger_enrol(struct ledger *l, const struct ledger_enrolment *en, struct err *e);
/* Opens a new log under a granted box number because this box is a copy; as ledger_enrol for the rest. */
int ledger_new_log(struct ledger *l, const uint8_t log[UUID_LEN], int box, struct err *e);

#endif
