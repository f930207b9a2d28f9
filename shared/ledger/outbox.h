/* The key of a phone's outbox (`outbox_keys`): what is recorded away from the box lies on the phone enciphered under it.
 *
 * One for each who signs in on an approved phone, made at the first such sign-in and the same at each later one, so that
 * what one of them has not sent yet no other reads. It is stored sealed under the field key, leaves the box in the answer to
 * a sign-in alone, and is gone when the phone is revoked. */
#ifndef XINKE_LEDGER_OUTBOX_H
#define XINKE_LEDGER_OUTBOX_H

#include "shared/ledger/ledger.h"

#include <stdbool.h>

#define OUTBOX_KEY_LEN 32 /* AES-256 */

struct outbox_key {
	bool has; /* false: the phone is not approved, and there is no key */
	uint8_t key[OUTBOX_KEY_LEN];
};

/* The key of STAFF on the phone of row DEVICE, in the caller's transaction. */
int ledger_outbox_key(struct ledger *l, int64_t device, int64_t staff, struct outbox_key *out, struct err *e);
/* Forgets every key of the phone of row DEVICE: what was enciphered under them is read no more. */
int ledger_outbox_forget(struct ledger *l, int64_t device, struct err *e);

#endif
