/* The courier's side of a ledger: what is unsent, and what a signed answer changes (courier.c). */
#ifndef XINKE_LEDGER_COURIER_H
#define XINKE_LEDGER_COURIER_H

#include "shared/ledger/ledger.h"

/* Own events of the open log above AFTER, at most LIMIT and MAX_BYTES of bodies (one at least). OUT has room for LIMIT;
 * release each. */
int ledger_unsent(struct ledger *l, int64_t after, int limit, size_t max_bytes, struct event *out, int *n,
                  struct err *e);
/* The chain's hash after SEQ of the open log (0 = the start). ERR_NOTFOUND past its head. */
int ledger_hash_at(struct ledger *l, int64_t seq, uint8_t hash[DIGEST_LEN], struct err *e);
int ledger_mark_sent(struct ledger *l, int64_t seq, struct err *e);
/* The place in the feed from which the county is to go on: the head here, or how far a feed that began anew agrees. */
int ledger_feed_head(struct ledger *l, int64_t *n, uint8_t hash[DIGEST_LEN], struct err *e);
/* What a verified answer says; all borrowed. */
struct ledger_answer {
	int64_t received_seq; /* the county's head of the open log */
	uint8_t received_hash[DIGEST_LEN];
	bool rewind;        /* take it although it lies below what was believed: the county was restored */
	const json_t *feed; /* entries in order; NULL = none */
	int64_t feed_seq;   /* the county's place after them */
	bool more;          /* entries are left */
};
/* Applies it in one transaction: the head, then the entries. A gap or a hash that does not follow is ERR_CORRUPT, a head
 * that is not this log's ERR_CONFLICT or ERR_NOTFOUND, and nothing is stored.
 *
 * A county that was restored may have lost entries: then its feed begins anew at 1. Entries that are the same are passed
 * over; from the first that differs ours is kept apart (feed_lost), the projections are made anew, and whatever the
 * county has lost of this station's events is appended again under its old identity. */
int ledger_apply(struct ledger *l, const struct ledger_answer *a, struct err *e);

/* The county has signed that it is NOW (Unix ms), good to ERROR ms either way: the clock follows it (clock_told), the
 * floor and the county's time of this boot are kept for the next start and for the gateway. *FIXED when the clock was off
 * by more than CLOCK_OFF_MS: then clock_fixed is appended, from which the times of this boot's earlier events are put
 * right. */
int ledger_clock_told(struct ledger *l, int64_t now, int64_t error, bool *fixed, struct err *e);

#endif
