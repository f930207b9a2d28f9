/* See device.h. Called on the gateway's worker; the reads also on threads that serve. */
#include "shared/ledger/device.h"
#include "shared/ledger/internal.h"

#include "shared/text.h"

#include <stdio.h>
#include <string.h>

static void read_row(struct db_stmt *s, struct device *out)
{
	*out = (struct device){.n = db_int(s, 0),
	                       .staff = db_int(s, 3),
	                       .created_at = db_int(s, 7),
	                       .decided_at = db_int(s, 8),
	                       .seen_at = db_int(s, 9)};
	(void)db_copy_blob(s, 1, out->id, UUID_LEN);
	db_copy_text(s, 2, out->name, sizeof out->name);
	db_copy_text(s, 4, out->staff_name, sizeof out->staff_name);
	db_copy_text(s, 5, out->state, sizeof out->state);
	db_copy_text(s, 6, out->decided_by, sizeof out->decided_by);
}

static int by_blob(struct ledger *l, size_t query, const char *name, const void *v, size_t len, struct device *out,
                   struct err *e)
{
	*out = (struct device){0};
	struct db_stmt *s = db_query(l->db, query, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, name, v, len);
	int r = db_step(s, e);
	if (r > 0) read_row(s, out);
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

int ledger_device_of_token(struct ledger *l, const char *token, struct device *out, struct err *e)
{
	uint8_t hash[DIGEST_LEN];
	account_token_hash(token, hash);
	return by_blob(l, Q_device_by_token, "token", hash, DIGEST_LEN, out, e);
}

int ledger_device_of_session(struct ledger *l, const uint8_t session[UUID_LEN], struct device *out, struct err *e)
{
	return by_blob(l, Q_device_of_session, "session", session, UUID_LEN, out, e);
}

int ledger_device_get(struct ledger *l, const uint8_t id[UUID_LEN], struct device *out, struct err *e)
{
	return by_blob(l, Q_device_by_id, "id", id, UUID_LEN, out, e);
}

int ledger_device_list(struct ledger *l, int64_t staff, void (*fn)(const struct device *, void *), void *arg,
                       struct err *e)
{
	int r;
	struct device d;
	struct db_stmt *s = db_query(l->db, Q_device_list, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "staff", staff);
	while ((r = db_step(s, e)) > 0) {
		read_row(s, &d);
		fn(&d, arg);
	}
	return -r;
}

static int note(struct ledger *l, const struct staff_actor *by, enum audit_action action, const struct device *d,
                struct err *e)
{
	return ledger_audit(l, &by->who, &(struct audit_entry){.action = action, .subject = d->name}, e);
}

/* --- asking --- */

static int check_name(struct ledger *l, const char *name, struct problem *p, struct err *e)
{
	if (strlen(name) >= EVENT_DEVICE_MAX) {
		problem_field(p, "/name", "length", "at most %d bytes", EVENT_DEVICE_MAX - 1);
		return ERR_OK;
	}
	struct db_stmt *s = db_query(l->db, Q_device_named, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "name", name);
	int r = db_step(s, e);
	db_reset(s);
	if (r > 0) problem_field(p, "/name", "taken", "a phone has, or had, that name");
	return r < 0 ? -r : ERR_OK;
}

static int insert(struct ledger *l, const struct account *who, const char *name, const char *token, struct device *out,
                  struct err *e)
{
	uint8_t hash[DIGEST_LEN], id[UUID_LEN];
	account_token_hash(token, hash);
	uuid_random(id);
	struct db_stmt *s = db_query(l->db, Q_device_insert, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "id", id, UUID_LEN);
	db_bind_text(s, "name", name);
	db_bind_blob(s, "token", hash, DIGEST_LEN);
	db_bind_int(s, "staff", who->id);
	db_bind_int(s, "at", ledger_now(l).wall);
	int rc = db_run(s, e);
	return rc ? rc : ledger_device_get(l, id, out, e);
}

static int put_password(struct ledger *l, const struct device *d, int64_t staff, int64_t at, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_device_password, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "device", d->n);
	db_bind_int(s, "staff", staff);
	db_bind_int(s, "at", at);
	return db_run(s, e);
}

static int put_session(struct ledger *l, size_t query, const char *name, const void *v, size_t len,
                       const struct device *d, struct err *e)
{
	struct db_stmt *s = db_query(l->db, query, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, name, v, len);
	db_bind_int(s, "device", d->n);
	return db_run(s, e);
}

int ledger_device_add(struct ledger *l, const struct staff_actor *by, const struct account *who, const char *name,
                      const char *token, struct device *out, struct problem *p, struct err *e)
{
	struct device has;
	int rc = ledger_device_of_session(l, who->session, &has, e);
	if (!rc && has.n) problem_set(p, PROBLEM_CONFLICT, "this session is of a phone already");
	if (!rc && !problem_any(p)) rc = check_name(l, name, p, e);
	if (rc || problem_any(p)) return rc;
	rc = insert(l, who, name, token, out, e);
	if (!rc) rc = put_session(l, Q_session_device, "id", who->session, UUID_LEN, out, e);
	/* a session of no phone was opened with the password */
	if (!rc) rc = put_password(l, out, who->id, who->opened_at, e);
	return rc ? rc : note(l, by, AUDIT_DEVICE_ADD, out, e);
}

/* --- deciding --- */

static int forget(struct ledger *l, const struct device *d, struct err *e)
{
	static const size_t queries[] = {Q_session_delete_device, Q_device_pins_forget};
	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
		struct db_stmt *s = db_query(l->db, queries[i], e);
		if (!s) return ERR_IO;
		db_bind_int(s, "device", d->n);
		int rc = db_run(s, e);
		if (rc) return rc;
	}
	return ledger_outbox_forget(l, d->n, e);
}

int ledger_device_decide(struct ledger *l, const struct staff_actor *by, const uint8_t id[UUID_LEN], const char *state,
                         struct device *out, struct problem *p, struct err *e)
{
	bool revoke = strcmp(state, "revoked") == 0;
	int rc = ledger_device_get(l, id, out, e);
	if (rc) return rc;
	if (!out->n) problem_set(p, PROBLEM_NOT_FOUND, NULL);
	if (out->n && !revoke && strcmp(out->state, "revoked") == 0)
		problem_set(p, PROBLEM_CONFLICT, "a phone that was revoked is registered anew");
	if (problem_any(p) || strcmp(out->state, state) == 0) return ERR_OK;
	struct db_stmt *s = db_query(l->db, Q_device_decide, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "n", out->n);
	db_bind_text(s, "state", state);
	db_bind_int(s, "by", by->who.staff);
	db_bind_int(s, "at", ledger_now(l).wall);
	rc = db_run(s, e);
	if (!rc && revoke) rc = forget(l, out, e);
	if (!rc) rc = note(l, by, revoke ? AUDIT_DEVICE_REVOKE : AUDIT_DEVICE_APPROVE, out, e);
	return rc ? rc : ledger_device_get(l, id, out, e);
}

/* --- signing in --- */

static int seen(struct ledger *l, int64_t n, int64_t now, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_device_seen, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "n", n);
	db_bind_int(s, "at", now);
	return db_run(s, e);
}

int ledger_device_password(struct ledger *l, const struct device *d, const struct account *who,
                           const uint8_t token[DIGEST_LEN], int64_t now, struct err *e)
{
	int rc = put_session(l, Q_session_token_device, "token", token, DIGEST_LEN, d, e);
	if (!rc) rc = seen(l, d->n, now, e);
	return rc ? rc : put_password(l, d, who->id, now, e);
}

int ledger_device_set_pin(struct ledger *l, const struct staff_actor *by, const struct device *d, const char *hash,
                          struct err *e)
{
	int64_t now = ledger_now(l).wall;
	int rc = put_password(l, d, by->who.staff, now, e); /* it was shown with the PIN */
	struct db_stmt *s = rc ? NULL : db_query(l->db, Q_device_pin_put, e);
	if (!s) return rc ? rc : (int)ERR_IO;
	db_bind_int(s, "device", d->n);
	db_bind_int(s, "staff", by->who.staff);
	db_bind_text(s, "pin", hash);
	db_bind_int(s, "at", now);
	rc = db_run(s, e);
	return rc ? rc : note(l, by, AUDIT_PIN_SET, d, e);
}
