/* The phones of a station (`devices`): asked for by whoever holds one, approved or revoked by a lead or a technician. On an
 * approved phone a name and a PIN open a session, for twelve hours after the password was last shown on it; five wrong PINs
 * lock the PIN until it is shown again. A phone proves itself by a token, of which the hash alone is stored.
 *
 * What changes runs in the caller's transaction and leaves its row in the audit; a refusal goes to P and changes nothing. */
#ifndef XINKE_LEDGER_DEVICE_H
#define XINKE_LEDGER_DEVICE_H

#include "shared/ledger/outbox.h"
#include "shared/ledger/staff.h"

#define DEVICE_PIN_TRIES   5
#define DEVICE_PASSWORD_MS ACCOUNT_LIFE_MS /* so long after the password a PIN will do */

struct device {
	int64_t n; /* of its row, 0 = none */
	uint8_t id[UUID_LEN];
	char name[EVENT_DEVICE_MAX];
	int64_t staff; /* who asked */
	char staff_name[STAFF_TEXT_MAX];
	char state[12];                  /* "pending", "approved", "revoked" */
	char decided_by[STAFF_TEXT_MAX]; /* "" = nobody has yet */
	int64_t created_at, decided_at, seen_at;
};

/* The phone of a token, of a session, by its id; n = 0 and ERR_OK where there is none. */
int ledger_device_of_token(struct ledger *l, const char *token, struct device *out, struct err *e);
int ledger_device_of_session(struct ledger *l, const uint8_t session[UUID_LEN], struct device *out, struct err *e);
int ledger_device_get(struct ledger *l, const uint8_t id[UUID_LEN], struct device *out, struct err *e);
/* Newest first; STAFF 0 = everybody's. */
int ledger_device_list(struct ledger *l, int64_t staff, void (*fn)(const struct device *, void *), void *arg,
                       struct err *e);

/* A new phone called NAME, pending, whose token is TOKEN; the session of WHO goes on as one of this phone. */
int ledger_device_add(struct ledger *l, const struct staff_actor *by, const struct account *who, const char *name,
                      const char *token, struct device *out, struct problem *p, struct err *e);
/* Approves (STATE "approved") or revokes ("revoked"); a revoked phone's sessions end, its PINs and
 * the keys of its outbox are forgotten. Again it does nothing. */
int ledger_device_decide(struct ledger *l, const struct staff_actor *by, const uint8_t id[UUID_LEN], const char *state,
                         struct device *out, struct problem *p, struct err *e);
/* WHO has shown the password on D in the session that was opened under TOKEN, a hash. */
int ledger_device_password(struct ledger *l, const struct device *d, const struct account *who,
                           const uint8_t token[DIGEST_LEN], int64_t now, struct err *e);
/* Sets the PIN of WHO on D to HASH, encoded. */
int ledger_device_set_pin(struct ledger *l, const struct staff_actor *by, const struct device *d, const char *hash,
                          struct err *e);

struct pin_try {
	const char *name, *pin, *device; /* the phone's token */
	const char *peer;
	int64_t now;
	struct outbox_key *outbox; /* filled by a good one */
};
/* Signs in with a PIN: as account_sign_in, with PASSWORD_WANTED beside its refusals. The session ends when the password is
 * due again. Begins and commits by itself. */
int ledger_pin_sign_in(struct ledger *l, const struct account_queries *q, const struct pin_try *t, struct account *out,
                       char token[ACCOUNT_TOKEN_MAX], struct problem *p, struct err *e);

#endif
