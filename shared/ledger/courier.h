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
/* The feed's head here. */
int ledger_feed_head(struct ledger *l, int64_t *n, uint8_t hash[DIGEST_LEN], struct err *e);
/* Applies a verified answer in one transaction: the county's head (received), then feed ENTRIES in order. A gap or a
 * hash that does not follow is ERR_CORRUPT and nothing is stored. */
int ledger_apply(struct ledger *l, int64_t received_seq, const uint8_t received_hash[DIGEST_LEN], const json_t *entries,
                 struct err *e);
/* The county is behind or ahead of what was believed: takes SEQ as received, all above is local again. */
int ledger_rewind(struct ledger *l, int64_t seq, struct err *e);

#endif
