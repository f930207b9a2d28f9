/* See staff.h. Called on the gateway's worker, by `xinke staff`, and by whoever applies or replays the feed. */
#include "shared/ledger/staff.h"
#include "shared/ledger/internal.h"

#include "shared/idnum.h"
#include "shared/text.h"

#include <stdio.h>
#include <string.h>

static void read_row(struct db_stmt *s, struct staff *out)
{
	*out = (struct staff){.id = db_int(s, 0),
	                      .disabled = db_int(s, 4) != 0,
	                      .must_change = db_int(s, 5) != 0,
	                      .created_at = db_int(s, 6)};
	db_copy_text(s, 1, out->name, sizeof out->name);
	db_copy_text(s, 2, out->display, sizeof out->display);
	db_copy_text(s, 3, out->role, sizeof out->role);
}

static int one(struct db_stmt *s, struct staff *out, struct err *e)
{
	int r = db_step(s, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_NOTFOUND, "no such account");
	read_row(s, out);
	db_reset(s);
	return ERR_OK;
}

int ledger_staff_get(struct ledger *l, int64_t id, struct staff *out, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_staff_get, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "id", id);
	return one(s, out, e);
}

int ledger_staff_named(struct ledger *l, const char *name, struct staff *out, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_staff_named, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "name", name);
	return one(s, out, e);
}

int ledger_staff_list(struct ledger *l, void (*fn)(const struct staff *, void *), void *arg, struct err *e)
{
	int r;
	struct staff row;
	struct db_stmt *s = db_query(l->db, Q_staff_list, e);
	if (!s) return ERR_IO;
	while ((r = db_step(s, e)) > 0) {
		read_row(s, &row);
		fn(&row, arg);
	}
	return -r;
}

bool ledger_staff_role(const char *role)
{
	return strcmp(role, "clerk") == 0 || strcmp(role, "lead") == 0 || strcmp(role, "technician") == 0;
}

/* Signs that do not show, or turn the text round: two names could look the same. All are U+200x, U+202x, U+206x or U+FEFF. */
static bool has_hidden(const char *s)
{
	for (; *s; s++) {
		const unsigned char *u = (const unsigned char *)s;
		if (u[0] == 0xef && u[1] == 0xbb && u[2] == 0xbf) return true;
		if (u[0] != 0xe2) continue;
		if (u[1] == 0x80 && ((u[2] >= 0x8b && u[2] <= 0x8f) || (u[2] >= 0xa8 && u[2] <= 0xae))) return true;
		if (u[1] == 0x81 && u[2] >= 0xa0 && u[2] <= 0xaf) return true;
	}
	return false;
}

const char *ledger_staff_name_fault(const char *name)
{
	static const char *const reserved[] = {"system", "applicant", STAFF_COUNTY,
	                                       STAFF_AT_THE_BOX}; /* actors that are no accounts */
	const char *fault = idnum_name(name, strlen(name));
	if (fault) return fault;
	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
		if (strcmp(name, reserved[i]) == 0) return "reserved";
	return has_hidden(name) ? "characters" : strlen(name) >= STAFF_TEXT_MAX ? "length" : NULL;
}

/* --- what may be --- */

static bool manages(const struct staff_actor *by, const char *role)
{
	return by->rank != STAFF_ACCOUNT || strcmp(role, "clerk") == 0 || strcmp(role, by->role) == 0;
}

/* What is shown may be longer in bytes than its characters tell. */
static void check_display(const struct staff_change *c, struct problem *p)
{
	if (c->display && strlen(c->display) >= STAFF_TEXT_MAX)
		problem_field(p, "/display", "length", "at most %d bytes", STAFF_TEXT_MAX - 1);
}

/* The actor may have been disabled, or made something else, since the call came in. */
static int still_may(struct ledger *l, const struct staff_actor *by, struct problem *p, struct err *e)
{
	struct staff now;
	struct err none = {0};
	if (by->rank != STAFF_ACCOUNT) return ERR_OK;
	int rc = ledger_staff_get(l, by->who.staff, &now, &none);
	if (rc && rc != (int)ERR_NOTFOUND) return err_set(e, (enum err_code)rc, "%s", none.msg);
	if (rc || now.disabled || strcmp(now.role, by->role) != 0) problem_set(p, PROBLEM_FORBIDDEN, NULL);
	return ERR_OK;
}

static int is_last_lead(struct ledger *l, const struct staff *s, bool *yes, struct err *e)
{
	*yes = false;
	if (strcmp(s->role, "lead") != 0 || s->disabled) return ERR_OK;
	struct db_stmt *q = db_query(l->db, Q_staff_leads, e);
	if (!q) return ERR_IO;
	int r = db_step(q, e);
	*yes = r > 0 && db_int(q, 0) == 1;
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

static int check_change(struct ledger *l, const struct staff_actor *by, const struct staff *s,
                        const struct staff_change *c, struct problem *p, struct err *e)
{
	bool last = false, other_role = c->role && strcmp(c->role, s->role) != 0;
	bool weighs = other_role || c->password || c->disabled >= 0;
	int rc = still_may(l, by, p, e);
	if (rc || problem_any(p)) return rc;
	if (!manages(by, s->role) || (c->role && !manages(by, c->role)))
		problem_set(p, PROBLEM_FORBIDDEN, "not an account, or a role, that this role manages");
	else if (weighs && by->rank == STAFF_ACCOUNT && by->who.staff == s->id)
		problem_set(p, PROBLEM_FORBIDDEN, "nobody changes his own role, state or, by this call, password");
	if (problem_any(p) || by->rank == STAFF_ABOVE || (!other_role && c->disabled != 1)) return ERR_OK;
	rc = is_last_lead(l, s, &last, e);
	if (!rc && last) problem_set(p, PROBLEM_CONFLICT, "the last lead of the station stays one");
	return rc;
}

/* --- the audit --- */

static int note(struct ledger *l, const struct staff_actor *by, enum audit_action action, const char *subject,
                const char *reason, struct err *e)
{
	return ledger_audit(l, &by->who, &(struct audit_entry){.action = action, .subject = subject, .reason = reason},
	                    e);
}

static int note_refused(struct ledger *l, const struct staff_actor *by, enum audit_action action, const char *subject,
                        const struct problem *p, struct err *e)
{
	const struct audit_entry what = {
	    .action = action, .subject = subject, .reason = problem_row(p->code)->name, .refused = true};
	return ledger_audit(l, &by->who, &what, e);
}

/* One row for each thing that C changes of S. */
static int note_change(struct ledger *l, const struct staff_actor *by, const struct staff *s,
                       const struct staff_change *c, struct err *e)
{
	char what[400] = "";
	int rc = ERR_OK;
	bool role = c->role && strcmp(c->role, s->role) != 0,
	     display = c->display && strcmp(c->display, s->display) != 0;
	if (role) (void)snprintf(what, sizeof what, "role %s -> %s", s->role, c->role);
	if (display) (void)snprintf(what + strlen(what), sizeof what - strlen(what), "%sdisplay", role ? ", " : "");
	if (*what) rc = note(l, by, AUDIT_STAFF_CHANGE, s->name, what, e);
	if (!rc && c->disabled >= 0 && s->disabled != (c->disabled == 1))
		rc = note(l, by, c->disabled ? AUDIT_STAFF_DISABLE : AUDIT_STAFF_ENABLE, s->name, NULL, e);
	if (!rc && c->password) rc = note(l, by, AUDIT_STAFF_RESET, s->name, NULL, e);
	return rc;
}

/* --- the acts --- */

static int put_password(struct ledger *l, int64_t id, const char *hash, bool once, struct err *e)
{
	struct db_stmt *q = db_query(l->db, Q_staff_password, e);
	if (!q) return ERR_IO;
	db_bind_int(q, "id", id);
	db_bind_text(q, "password", hash);
	db_bind_int(q, "must_change", once);
	return db_run(q, e);
}

/* Ends the sessions of account ID but KEEP (NULL = all of them). */
static int end_sessions(struct ledger *l, int64_t id, const uint8_t *keep, struct err *e)
{
	struct db_stmt *q = db_query(l->db, Q_session_delete_staff, e);
	if (!q) return ERR_IO;
	db_bind_int(q, "staff", id);
	db_bind_blob(q, "keep", keep, UUID_LEN);
	return db_run(q, e);
}

static int forget(struct ledger *l, const struct staff *s, struct err *e)
{
	char subject[192];
	int rc = end_sessions(l, s->id, NULL, e);
	if (rc) return rc;
	struct db_stmt *q = db_query(l->db, Q_staff_phones_forget, e);
	if (!q) return ERR_IO;
	db_bind_int(q, "staff", s->id);
	rc = db_run(q, e);
	if (rc) return rc;
	(void)snprintf(subject, sizeof subject, "account:%s", s->name);
	q = db_query(l->db, Q_lockout_clear, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "subject", subject);
	return db_run(q, e);
}

static int put_row(struct ledger *l, const struct staff *s, const struct staff_change *c, struct err *e)
{
	struct db_stmt *q = db_query(l->db, Q_staff_update, e);
	if (!q) return ERR_IO;
	db_bind_int(q, "id", s->id);
	db_bind_text(q, "display", c->display ? c->display : s->display);
	db_bind_text(q, "role", c->role ? c->role : s->role);
	db_bind_int(q, "disabled", c->disabled >= 0 ? c->disabled : s->disabled);
	db_bind_int(q, "must_change", s->must_change);
	return db_run(q, e);
}

int ledger_staff_change(struct ledger *l, const struct staff_actor *by, int64_t id, const struct staff_change *c,
                        struct problem *p, struct err *e)
{
	struct staff s;
	struct err none = {0};
	int rc = ledger_staff_get(l, id, &s, &none);
	if (rc == (int)ERR_NOTFOUND) {
		problem_set(p, PROBLEM_NOT_FOUND, NULL);
		return ERR_OK;
	}
	if (rc) return err_set(e, (enum err_code)rc, "%s", none.msg);
	check_display(c, p);
	if (problem_any(p)) return ERR_OK;
	rc = check_change(l, by, &s, c, p, e);
	if (!rc && problem_any(p))
		return note_refused(l, by, c->password ? AUDIT_STAFF_RESET : AUDIT_STAFF_CHANGE, s.name, p, e);
	if (!rc) rc = put_row(l, &s, c, e);
	if (!rc && c->password) rc = put_password(l, id, c->password, c->once, e);
	if (!rc && (c->password || c->disabled == 1)) rc = forget(l, &s, e);
	return rc ? rc : note_change(l, by, &s, c, e);
}

/* Is NAME free? A fault of it, or that it is taken, goes to P. */
static int check_name(struct ledger *l, const char *name, struct problem *p, struct err *e)
{
	struct staff other;
	struct err none = {0};
	const char *fault = ledger_staff_name_fault(name);
	if (fault) {
		problem_field(p, "/name", fault, "1 to 50 characters that can be seen, and no name of the system's");
		return ERR_OK;
	}
	int rc = ledger_staff_named(l, name, &other, &none);
	if (rc == (int)ERR_NOTFOUND) return ERR_OK;
	if (rc) return err_set(e, (enum err_code)rc, "%s", none.msg);
	problem_field(p, "/name", "taken", "an account has that name");
	return ERR_OK;
}

static int insert(struct ledger *l, const char *name, const struct staff_change *c, int64_t *id, struct err *e)
{
	struct db_stmt *q = db_query(l->db, Q_staff_insert, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "name", name);
	db_bind_text(q, "display", c->display);
	db_bind_text(q, "role", c->role);
	db_bind_text(q, "password", c->password);
	db_bind_int(q, "at", ledger_now(l).wall);
	int rc = db_run(q, e);
	*id = db_last_row(l->db);
	return rc || !c->once ? rc : put_password(l, *id, c->password, true, e);
}

int ledger_staff_add(struct ledger *l, const struct staff_actor *by, const char *name, const struct staff_change *c,
                     int64_t *id, struct problem *p, struct err *e)
{
	char what[32];
	*id = 0;
	int rc = still_may(l, by, p, e);
	if (!rc && !problem_any(p) && !manages(by, c->role))
		problem_set(p, PROBLEM_FORBIDDEN, "not a role that this role gives");
	if (!rc && !problem_any(p)) rc = check_name(l, name, p, e);
	check_display(c, p);
	if (rc) return rc;
	if (problem_any(p))
		return p->code == PROBLEM_FORBIDDEN ? note_refused(l, by, AUDIT_STAFF_ADD, name, p, e) : ERR_OK;
	(void)snprintf(what, sizeof what, "role %s", c->role);
	rc = insert(l, name, c, id, e);
	return rc ? rc : note(l, by, AUDIT_STAFF_ADD, name, what, e);
}

int ledger_staff_own_password(struct ledger *l, const struct account *who, const char *hash, struct err *e)
{
	int rc = put_password(l, who->id, hash, false, e);
	if (!rc) rc = end_sessions(l, who->id, who->session, e);
	if (rc) return rc;
	struct db_stmt *q = db_query(l->db, Q_staff_phones_doubt, e);
	if (!q) return ERR_IO;
	db_bind_int(q, "staff", who->id);
	db_bind_blob(q, "session", who->session, UUID_LEN);
	return db_run(q, e);
}
