/* See account.h. Signing in runs on a worker thread, looking a token up on the thread that serves. */
#include "shared/account.h"

#include "shared/crypto/rng.h"
#include "shared/password.h"
#include "shared/text.h"

#include <stdio.h>
#include <string.h>

#define TRIES         5  /* of one account */
#define ADDRESS_TRIES 20 /* of one address: behind it may stand a whole office */
#define TOKEN_BYTES   32

struct found {
	struct account a;
	char hash[PASSWORD_HASH_MAX];
	bool known, usable;
};

static int find(struct db *db, const struct account_queries *q, const char *name, struct found *f, struct err *e)
{
	*f = (struct found){0};
	struct db_stmt *s = db_query(db, q->by_name, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "name", name);
	int r = db_step(s, e);
	if (r <= 0) return -r;
	f->a.id = db_int(s, 0);
	db_copy_text(s, 1, f->a.name, sizeof f->a.name);
	db_copy_text(s, 2, f->a.display, sizeof f->a.display);
	db_copy_text(s, 3, f->a.role, sizeof f->a.role);
	db_copy_text(s, 4, f->a.office, sizeof f->a.office);
	db_copy_text(s, 5, f->hash, sizeof f->hash);
	f->known = true;
	f->usable = db_int(s, 6) == 0;
	db_reset(s);
	return ERR_OK;
}

static void token_hash(const char *token, uint8_t out[DIGEST_LEN])
{
	digest_sha256(token, strlen(token), out);
}

static int open_session(struct db *db, const struct account_queries *q, const char *peer, int64_t now,
                        struct account *a, char token[ACCOUNT_TOKEN_MAX], struct err *e)
{
	uint8_t raw[TOKEN_BYTES], hash[DIGEST_LEN];
	rng_bytes(raw, sizeof raw);
	(void)text_b64url(raw, sizeof raw, token);
	token_hash(token, hash);
	a->expires_at = now + ACCOUNT_LIFE_MS;
	a->seen_at = now;
	struct db_stmt *s = db_query(db, q->session_purge, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "at", now);
	int rc = db_run(s, e);
	if (rc) return rc;
	s = db_query(db, q->session_insert, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "token", hash, sizeof hash);
	db_bind_int(s, "account", a->id);
	db_bind_int(s, "at", now);
	db_bind_int(s, "expires_at", a->expires_at);
	db_bind_text(s, "peer", peer);
	return db_run(s, e);
}

struct subjects {
	char account[192], address[80];
};

static int locked(struct db *db, const struct account_queries *q, const struct subjects *who, int64_t now,
                  struct problem *p, struct err *e)
{
	int64_t account = 0, address = 0;
	int rc = lockout_wait(db, &q->lockout, who->account, now, &account, e);
	if (!rc) rc = lockout_wait(db, &q->lockout, who->address, now, &address, e);
	int64_t wait = account > address ? account : address;
	if (rc || wait == 0) return rc;
	problem_set(p, PROBLEM_LOCKED, "locked for a while after failed attempts");
	problem_member(p, "retry_after_s", json_integer((wait + 999) / 1000));
	return ERR_OK;
}

static int record(struct db *db, const struct account_queries *q, const struct subjects *who, bool good,
                  const char *peer, int64_t now, struct account *a, char token[ACCOUNT_TOKEN_MAX], struct err *e)
{
	int rc = db_begin(db, e);
	if (!rc && good) {
		rc = lockout_clear(db, &q->lockout, who->account, e);
		if (!rc) rc = lockout_clear(db, &q->lockout, who->address, e);
		if (!rc) rc = open_session(db, q, peer, now, a, token, e);
	} else if (!rc) {
		rc = lockout_fail(db, &q->lockout, who->account, TRIES, now, e);
		if (!rc) rc = lockout_fail(db, &q->lockout, who->address, ADDRESS_TRIES, now, e);
	}
	if (!rc) rc = db_commit(db, e);
	if (rc) db_rollback(db);
	return rc;
}

int account_sign_in(struct db *db, const struct account_queries *q, const char *name, const char *password,
                    const char *peer, int64_t now, struct account *out, char token[ACCOUNT_TOKEN_MAX],
                    struct problem *p, struct err *e)
{
	struct found f;
	struct subjects who;
	(void)snprintf(who.account, sizeof who.account, "account:%s", name);
	(void)snprintf(who.address, sizeof who.address, "address:%s", peer);
	int rc = locked(db, q, &who, now, p, e);
	if (rc || problem_any(p)) return rc;
	rc = find(db, q, name, &f, e);
	if (rc) return rc;
	bool good = password_verify(password, f.known ? f.hash : NULL) && f.usable;
	rc = record(db, q, &who, good, peer, now, &f.a, token, e);
	if (rc) return rc;
	*out = f.a;
	if (!good) problem_set(p, PROBLEM_BAD_CREDENTIALS, "name or password is wrong");
	return ERR_OK;
}

int account_of_token(struct db *db, const struct account_queries *q, const char *token, int64_t now,
                     struct account *out, struct err *e)
{
	uint8_t hash[DIGEST_LEN];
	*out = (struct account){0};
	token_hash(token, hash);
	struct db_stmt *s = db_query(db, q->session_get, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "token", hash, sizeof hash);
	int r = db_step(s, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_DENIED, "no such session");
	out->id = db_int(s, 0);
	db_copy_text(s, 1, out->name, sizeof out->name);
	db_copy_text(s, 2, out->display, sizeof out->display);
	db_copy_text(s, 3, out->role, sizeof out->role);
	db_copy_text(s, 4, out->office, sizeof out->office);
	out->expires_at = db_int(s, 5);
	out->seen_at = db_int(s, 6);
	db_reset(s);
	if (now >= out->expires_at || now - out->seen_at > ACCOUNT_IDLE_MS)
		return err_set(e, ERR_DENIED, "the session is over");
	return ERR_OK;
}

static int by_token(struct db *db, size_t query, const char *token, const int64_t *at, struct err *e)
{
	uint8_t hash[DIGEST_LEN];
	token_hash(token, hash);
	struct db_stmt *s = db_query(db, query, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "token", hash, sizeof hash);
	if (at) db_bind_int(s, "at", *at);
	return db_run(s, e); /* one statement: a transaction of its own */
}

int account_seen(struct db *db, const struct account_queries *q, const char *token, int64_t now, struct err *e)
{
	return by_token(db, q->session_seen, token, &now, e);
}

int account_sign_out(struct db *db, const struct account_queries *q, const char *token, struct err *e)
{
	return by_token(db, q->session_delete, token, NULL, e);
}
