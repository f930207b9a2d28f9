/* Signing in with a PIN on an approved phone. See device.h. Called on the gateway's worker: a PIN takes as long to check as a
 * password does, so that a stolen database does not give its PINs away in an afternoon for each of its phones. */
#include "shared/ledger/device.h"
#include "shared/ledger/internal.h"

#include <stdlib.h>
#include <string.h>

#define CLOCK_BACK_MS 60000 /* a clock that was put right by less is no reason to ask for the password */

/* A PIN that may be tried, and whose it is. */
struct pin {
	bool may;
	int64_t device;
	struct account a;
	char hash[PASSWORD_HASH_MAX];
	int64_t password_at, failures;
};

static int find(struct ledger *l, const struct pin_try *t, struct pin *out, struct err *e)
{
	uint8_t hash[DIGEST_LEN];
	*out = (struct pin){0};
	account_token_hash(t->device, hash);
	struct db_stmt *s = db_query(l->db, Q_device_pin_get, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "name", t->name);
	db_bind_blob(s, "token", hash, DIGEST_LEN);
	int r = db_step(s, e);
	if (r > 0) {
		out->device = db_int(s, 0);
		db_copy_text(s, 1, out->a.device, sizeof out->a.device);
		out->a.id = db_int(s, 2);
		(void)strncpy(out->a.name, t->name, sizeof out->a.name - 1);
		db_copy_text(s, 3, out->a.display, sizeof out->a.display);
		db_copy_text(s, 4, out->a.role, sizeof out->a.role);
		db_copy_text(s, 5, out->hash, sizeof out->hash);
		out->password_at = db_int(s, 6);
		out->failures = db_int(s, 7);
		int64_t since = t->now - out->password_at;
		out->may = since > -CLOCK_BACK_MS && since < DEVICE_PASSWORD_MS && out->failures < DEVICE_PIN_TRIES;
	}
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

static int put_failures(struct ledger *l, const struct pin *pin, int64_t failures, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_device_pin_failures, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "device", pin->device);
	db_bind_int(s, "staff", pin->a.id);
	db_bind_int(s, "failures", failures);
	return db_run(s, e);
}

static int note_good(struct ledger *l, const struct pin_try *t, const struct pin *pin, struct err *e)
{
	const struct audit_actor who = {pin->a.id, pin->a.name, pin->a.device, t->peer};
	return ledger_audit(l, &who, &(struct audit_entry){.action = AUDIT_SIGN_IN, .reason = "pin"}, e);
}

/* The failure, and what it was one too many of. */
static int note_bad(struct ledger *l, const struct pin_try *t, const struct pin *pin, int64_t failures, bool address,
                    struct err *e)
{
	const char *name = pin->a.name;
	const struct audit_actor who = {pin->a.id, name, pin->a.device, t->peer};
	const struct audit_entry rows[] = {{AUDIT_SIGN_IN_FAILED, name, "pin", true},
	                                   {AUDIT_PIN_LOCKED, name, NULL, false},
	                                   {AUDIT_LOCKED, name, "address", false}};
	int rc = ledger_audit(l, &who, &rows[0], e);
	if (!rc && failures == DEVICE_PIN_TRIES) rc = ledger_audit(l, &who, &rows[1], e);
	return rc || !address ? rc : ledger_audit(l, &who, &rows[2], e);
}

static int succeed(struct ledger *l, const struct account_queries *q, const struct pin_try *t, struct pin *pin,
                   char token[ACCOUNT_TOKEN_MAX], struct err *e)
{
	uint8_t hash[DIGEST_LEN];
	account_token_new(token, hash);
	pin->a.seen_at = pin->a.opened_at = t->now;
	pin->a.expires_at = pin->password_at + DEVICE_PASSWORD_MS;
	int rc = account_open_session(l->db, q, &pin->a, t->peer, hash, e);
	struct db_stmt *s = rc ? NULL : db_query(l->db, Q_session_token_device, e);
	if (!s) return rc ? rc : (int)ERR_IO;
	db_bind_blob(s, "token", hash, DIGEST_LEN);
	db_bind_int(s, "device", pin->device);
	rc = db_run(s, e);
	s = rc ? NULL : db_query(l->db, Q_device_seen, e);
	if (!s) return rc ? rc : (int)ERR_IO;
	db_bind_int(s, "n", pin->device);
	db_bind_int(s, "at", t->now);
	rc = db_run(s, e);
	if (!rc) rc = ledger_outbox_key(l, pin->device, pin->a.id, t->outbox, e);
	return rc ? rc : put_failures(l, pin, 0, e);
}

/* Looks again inside the transaction: the phone may have been revoked, the PIN changed, while it was hashed. */
static int record(struct ledger *l, const struct account_queries *q, const struct pin_try *t, struct pin *pin,
                  bool *good, char token[ACCOUNT_TOKEN_MAX], struct err *e)
{
	struct pin now;
	bool address = false;
	int rc = find(l, t, &now, e);
	if (rc) return rc;
	*good = *good && now.may && strcmp(now.hash, pin->hash) == 0;
	if (*good) {
		rc = succeed(l, q, t, pin, token, e);
		return rc ? rc : note_good(l, t, pin, e);
	}
	rc = put_failures(l, pin, now.failures + 1, e);
	if (!rc) rc = account_failed_at(l->db, q, t->peer, t->now, &address, e);
	return rc ? rc : note_bad(l, t, pin, now.failures + 1, address, e);
}

int ledger_pin_sign_in(struct ledger *l, const struct account_queries *q, const struct pin_try *t, struct account *out,
                       char token[ACCOUNT_TOKEN_MAX], struct problem *p, struct err *e)
{
	struct pin pin;
	*out = (struct account){0};
	int rc = account_locked(l->db, q, t->name, t->peer, t->now, p, e);
	if (rc || problem_any(p)) return rc;
	rc = find(l, t, &pin, e);
	if (rc) return rc;
	if (!pin.may) {
		problem_set(p, PROBLEM_PASSWORD_WANTED, NULL);
		return ERR_OK;
	}
	bool good = password_verify(t->pin, pin.hash);
	rc = ledger_begin(l, e);
	if (!rc) rc = record(l, q, t, &pin, &good, token, e);
	if (!rc) rc = ledger_commit(l, e);
	if (rc) ledger_rollback(l);
	if (rc) return rc;
	*out = pin.a;
	if (!good) problem_set(p, PROBLEM_BAD_CREDENTIALS, "name or PIN is wrong");
	return ERR_OK;
}
