/* Accounts of people: sign-in with lock-out, sessions with hashed tokens. The box's staff and the county's accounts use
 * the same code over tables of the same shape (staff or accounts, lockouts, sessions).
 *
 * Lock-out (lockout.h) after five failures of an account or twenty of an address. A session ends after 15 idle minutes or 12 hours. Source: conventions, "Security figures". */
#ifndef XINKE_ACCOUNT_H
#define XINKE_ACCOUNT_H

#include "shared/crypto/digest.h"
#include "shared/db/db.h"
#include "shared/err.h"
#include "shared/lockout.h"
#include "shared/problem.h"

#include <stdbool.h>
#include <stdint.h>

#define ACCOUNT_TOKEN_MAX    48 /* bytes of a token as text, NUL included: 32 random bytes, base64url */
#define ACCOUNT_IDLE_MS      (15 * 60000LL)
#define ACCOUNT_LIFE_MS      (12 * 3600000LL)
#define ACCOUNT_SEEN_MS      60000LL /* last use is written at most this often */
#define ACCOUNT_PASSWORD_MAX 256

/* The program's queries, by index into its table. */
struct account_queries {
	size_t by_name; /* :name -> id, name, display, role, office, password, disabled */
	struct lockout_queries lockout;
	size_t session_insert; /* :token, :account, :at, :expires_at, :peer */
	size_t session_get;    /* :token -> id, name, display, role, office, expires_at, seen_at */
	size_t session_seen, session_delete, session_purge;
};

struct account {
	int64_t id;
	char name[168]; /* the actor of its events */
	char display[168];
	char role[16];
	char office[168]; /* county: department or station it acts for; "" else */
	int64_t expires_at, seen_at;
};

/* Checks NAME and PASSWORD and opens a session: *OUT and TOKEN are filled. A refusal goes to P (BAD_CREDENTIALS, LOCKED
 * with retry_after_s) and is no error. Takes the time of one argon2id; begins and commits by itself, but never while
 * hashing. */
int account_sign_in(struct db *db, const struct account_queries *q, const char *name, const char *password,
                    const char *peer, int64_t now, struct account *out, char token[ACCOUNT_TOKEN_MAX],
                    struct problem *p, struct err *e);
/* The account of a token; ERR_DENIED when there is no such session, or it is over. Reads only. */
int account_of_token(struct db *db, const struct account_queries *q, const char *token, int64_t now,
                     struct account *out, struct err *e);
/* Writes the time of last use. */
int account_seen(struct db *db, const struct account_queries *q, const char *token, int64_t now, struct err *e);
/* Ends the session; one that is gone is no error. */
int account_sign_out(struct db *db, const struct account_queries *q, const char *token, struct err *e);

#endif
