/* Accounts of people: sign-in with lock-out, sessions with hashed tokens. The box's staff and the county's accounts use
 * the same code over tables of the same shape (staff or accounts, lockouts, sessions).
 *
 * Lock-out (lockout.h) after five failures of an account or twenty of an address. A session ends after 15 idle minutes or
 * 12 hours. Source: conventions, "Security figures". */
#ifndef XINKE_ACCOUNT_H
#define XINKE_ACCOUNT_H

#include "shared/crypto/digest.h"
#include "shared/db/db.h"
#include "shared/err.h"
#include "shared/event.h"
#include "shared/lockout.h"
#include "shared/problem.h"
#include "shared/uuid.h"

#include <stdbool.h>
#include <stdint.h>

#define ACCOUNT_TOKEN_MAX    48 /* bytes of a token as text, NUL included: 32 random bytes, base64url */
#define ACCOUNT_IDLE_MS      (15 * 60000LL)
#define ACCOUNT_LIFE_MS      (12 * 3600000LL)
#define ACCOUNT_SEEN_MS      60000LL /* last use is written at most this often */
#define ACCOUNT_PASSWORD_MAX 256

/* The program's queries, by index into its table. */
struct account_queries {
	size_t by_name; /* :name -> id, name, display, role, office, password, disabled, must_change */
	struct lockout_queries lockout;
	size_t session_insert; /* :token, :account, :at, :expires_at, :peer */
	size_t session_get; /* :token -> id, name, display, role, office, expires_at, seen_at, opened_at, must_change,
	                        * device, session */
	size_t session_seen, session_delete, session_purge;
};

struct account {
	int64_t id;
	char name[168]; /* the actor of its events */
	char display[168];
	char role[16];
	char office[168]; /* county: department or station it acts for; "" else */
	bool must_change; /* its password was given out by others: it may do nothing but choose its own */
	/* of its session */
	int64_t expires_at, seen_at, opened_at;
	char device[EVENT_DEVICE_MAX]; /* box: the phone's name; "" else */
	uint8_t session[UUID_LEN];     /* box: what the session is called by others */
};

/* What a try came to, for whoever writes more of it in its transaction. */
struct account_result {
	const struct account *account; /* NULL: there is none of that name */
	bool good;
	bool locks, locks_address; /* this failure was one too many of the account, of the address */
	const uint8_t *token;      /* hash of the session that was opened, or NULL */
};

struct account_try {
	const char *name, *password;
	const char *peer; /* numeric address */
	int64_t now;
	/* Runs in the transaction that records the outcome; an error takes all of it back. NULL = nothing more. */
	int (*then)(const struct account_result *r, void *arg, struct err *e);
	void *arg;
};

/* Checks name and password and opens a session: *OUT and TOKEN are filled. A refusal goes to P (BAD_CREDENTIALS, LOCKED
 * with retry_after_s) and is no error. Takes the time of one argon2id; begins and commits by itself, but never while
 * hashing. */
int account_sign_in(struct db *db, const struct account_queries *q, const struct account_try *t, struct account *out,
                    char token[ACCOUNT_TOKEN_MAX], struct problem *p, struct err *e);
/* The same without a session: somebody who is signed in shows the password once more. */
int account_prove(struct db *db, const struct account_queries *q, const struct account_try *t, struct problem *p,
                  struct err *e);

/* Puts LOCKED into P where NAME or PEER must wait. */
int account_locked(struct db *db, const struct account_queries *q, const char *name, const char *peer, int64_t now,
                   struct problem *p, struct err *e);
/* Counts a failure of PEER alone, in the caller's transaction; *LOCKS: it was one too many. */
int account_failed_at(struct db *db, const struct account_queries *q, const char *peer, int64_t now, bool *locks,
                      struct err *e);
/* A new random token and its hash, which is all that is stored of it. */
void account_token_new(char token[ACCOUNT_TOKEN_MAX], uint8_t hash[DIGEST_LEN]);
void account_token_hash(const char *token, uint8_t out[DIGEST_LEN]);
/* Opens a session of A under TOKEN, a hash, from A's seen_at to its expires_at; in the caller's transaction. */
int account_open_session(struct db *db, const struct account_queries *q, const struct account *a, const char *peer,
                         const uint8_t token[DIGEST_LEN], struct err *e);

/* The account of a token; ERR_DENIED when there is no such session, or it is over. Reads only. */
int account_of_token(struct db *db, const struct account_queries *q, const char *token, int64_t now,
                     struct account *out, struct err *e);
/* Writes the time of last use. */
int account_seen(struct db *db, const struct account_queries *q, const char *token, int64_t now, struct err *e);
/* Ends the session; one that is gone is no error. */
int account_sign_out(struct db *db, const struct account_queries *q, const char *token, struct err *e);

#endif
