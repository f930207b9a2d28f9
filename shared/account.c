/* See account.h. Signing in runs on a worker thread, looking a token up on the thread that serves. */
#include "shared/account.h"

#include "shared/crypto/rng.h"
#include "shared/password.h"
#include "shared/text.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_BYTES 32

/* Of one account; a good sign-in forgives. Of one address, behind which a whole office may stand: see lockout.h. */
static const struct lockout_rule account_rule = {.tries = 5};
static const struct lockout_rule address_rule = {.tries = 20, .forget_ms = 20 * 60000LL};

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
	f->a.must_change = db_int(s, 7) != 0;
	db_reset(s);
	return ERR_OK;
}

void account_token_hash(const char *token, uint8_t out[DIGEST_LEN])
{
	digest_sha256(token, strlen(token), out);
}

void account_token_new(char token[ACCOUNT_TOKEN_MAX], uint8_t hash[DIGEST_LEN])
{
	uint8_t raw[TOKEN_BYTES];
	rng_bytes(raw, sizeof raw);
	(void)text_b64url(raw, sizeof raw, token);
	explicit_bzero(raw, sizeof raw);
	account_token_hash(token, hash);
}

int account_open_session(struct db *db, const struct account_queries *q, const struct account *a, const char *peer,
                         const uint8_t token[DIGEST_LEN], struct err *e)
{
	struct db_stmt *s = db_query(db, q->session_purge, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "at", a->seen_at);
	int rc = db_run(s, e);
	if (rc) return rc;
	s = db_query(db, q->session_insert, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "token", token, DIGEST_LEN);
	db_bind_int(s, "account", a->id);
	db_bind_int(s, "at", a->seen_at);
	db_bind_int(s, "expires_at", a->expires_at);
	db_bind_text(s, "peer", peer);
	return db_run(s, e);
}

/* --- lock-out --- */

struct subjects {
	char account[192], address[80];
};

static struct subjects subjects_of(const char *name, const char *peer)
{
	struct subjects s;
	(void)snprintf(s.account, sizeof s.account, "account:%s", name);
	(void)snprintf(s.address, sizeof s.address, "address:%s", peer);
	return s;
}

int account_locked(struct db *db, const struct account_queries *q, const char *name, const char *peer, int64_t now,
                   struct problem *p, struct err *e)
{
	struct subjects who = subjects_of(name, peer);
	int64_t account = 0, address = 0;
	int rc = lockout_wait(db, &q->lockout, who.account, now, &account, e);
	if (!rc) rc = lockout_wait(db, &q->lockout, who.address, now, &address, e);
	int64_t wait = account > address ? account : address;
	if (rc || wait == 0) return rc;
	problem_set(p, PROBLEM_LOCKED, "locked for a while after failed attempts");
	problem_member(p, "retry_after_s", json_integer((wait + 999) / 1000));
	return ERR_OK;
}

/* Counts a failure of SUBJECT; does it lock? */
static int fail_one(struct db *db, const struct account_queries *q, const char *subject,
                    const struct lockout_rule *rule, int64_t now, bool *locks, struct err *e)
{
	int64_t wait = 0;
	int rc = lockout_fail(db, &q->lockout, subject, rule, now, e);
	if (!rc) rc = lockout_wait(db, &q->lockout, subject, now, &wait, e);
	*locks = wait > 0;
	return rc;
}

int account_failed_at(struct db *db, const struct account_queries *q, const char *peer, int64_t now, bool *locks,
                      struct err *e)
{
	struct subjects who = subjects_of("", peer);
	return fail_one(db, q, who.address, &address_rule, now, locks, e);
}

static int failed(struct db *db, const struct account_queries *q, const struct account_try *t, struct account_result *r,
                  struct err *e)
{
	struct subjects who = subjects_of(t->name, t->peer);
	int rc = fail_one(db, q, who.account, &account_rule, t->now, &r->locks, e);
	return rc ? rc : account_failed_at(db, q, t->peer, t->now, &r->locks_address, e);
}

/* --- a try --- */

/* What one try has found out; `token` is filled where a session is opened. */
struct outcome {
	struct found f;
	bool good;
	char *token; /* NULL = none is wanted */
	uint8_t token_hash[DIGEST_LEN];
};

static int succeed(struct db *db, const struct account_queries *q, const struct account_try *t, struct outcome *o,
                   struct account_result *r, struct err *e)
{
	struct subjects who = subjects_of(t->name, t->peer);
	int rc = lockout_clear(db, &q->lockout, who.account, e);
	if (!rc && o->token) {
		account_token_new(o->token, o->token_hash);
		o->f.a.expires_at = t->now + ACCOUNT_LIFE_MS;
		o->f.a.seen_at = o->f.a.opened_at = t->now;
		rc = account_open_session(db, q, &o->f.a, t->peer, o->token_hash, e);
		r->token = o->token_hash;
	}
	return rc || !t->then ? rc : t->then(r, t->arg, e);
}

/* The account may have been disabled, or its password replaced, while it was hashed. */
static int look_again(struct db *db, const struct account_queries *q, const struct account_try *t, struct outcome *o,
                      struct err *e)
{
	struct found now;
	int rc = o->good ? find(db, q, t->name, &now, e) : ERR_OK;
	if (!rc && o->good) o->good = now.known && now.usable && strcmp(now.hash, o->f.hash) == 0;
	return rc;
}

static int record(struct db *db, const struct account_queries *q, const struct account_try *t, struct outcome *o,
                  struct err *e)
{
	int rc = db_begin(db, e);
	if (!rc) rc = look_again(db, q, t, o, e);
	struct account_result r = {.account = o->f.known ? &o->f.a : NULL, .good = o->good};
	if (!rc && o->good) {
		rc = succeed(db, q, t, o, &r, e);
	} else if (!rc) {
		rc = failed(db, q, t, &r, e);
		if (!rc && t->then) rc = t->then(&r, t->arg, e);
	}
	if (!rc) rc = db_commit(db, e);
	if (rc) db_rollback(db);
	return rc;
}

static int attempt(struct db *db, const struct account_queries *q, const struct account_try *t, struct outcome *o,
                   struct problem *p, struct err *e)
{
	int rc = account_locked(db, q, t->name, t->peer, t->now, p, e);
	if (rc || problem_any(p)) return rc;
	rc = find(db, q, t->name, &o->f, e);
	if (rc) return rc;
	o->good = password_verify(t->password, o->f.known ? o->f.hash : NULL) && o->f.usable;
	rc = record(db, q, t, o, e);
	if (!rc && !o->good) problem_set(p, PROBLEM_BAD_CREDENTIALS, "name or password is wrong");
	return rc;
}

int account_sign_in(struct db *db, const struct account_queries *q, const struct account_try *t, struct account *out,
                    char token[ACCOUNT_TOKEN_MAX], struct problem *p, struct err *e)
{
	struct outcome o = {.token = token};
	int rc = attempt(db, q, t, &o, p, e);
	*out = o.f.a;
	return rc;
}

int account_prove(struct db *db, const struct account_queries *q, const struct account_try *t, struct problem *p,
                  struct err *e)
{
	struct outcome o = {0};
	return attempt(db, q, t, &o, p, e);
}

/* --- sessions --- */

int account_of_token(struct db *db, const struct account_queries *q, const char *token, int64_t now,
                     struct account *out, struct err *e)
{
	uint8_t hash[DIGEST_LEN];
	*out = (struct account){0};
	account_token_hash(token, hash);
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
	out->opened_at = db_int(s, 7);
	out->must_change = db_int(s, 8) != 0;
	db_copy_text(s, 9, out->device, sizeof out->device);
	(void)db_copy_blob(s, 10, out->session, UUID_LEN);
	db_reset(s);
	if (now >= out->expires_at || now - out->seen_at > ACCOUNT_IDLE_MS)
		return err_set(e, ERR_DENIED, "the session is over");
	return ERR_OK;
}

static int by_token(struct db *db, size_t query, const char *token, const int64_t *at, struct err *e)
{
	uint8_t hash[DIGEST_LEN];
	account_token_hash(token, hash);
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
