/* `xinke staff`: accounts of the station. A new password is random and printed once; none is ever a default. */
#include "gateway/cli/cli.h"

#include "shared/db/db.h"
#include "shared/fields.h"
#include "shared/idnum.h"
#include "shared/ledger/queries.h"
#include "shared/password.h"
#include "shared/text.h"

#include <stdio.h>
#include <string.h>

static int fresh_password(struct cli *c, char plain[PASSWORD_RANDOM_MAX], char hash[PASSWORD_HASH_MAX])
{
	password_random(plain, PASSWORD_RANDOM_MAX);
	return password_hash(plain, hash) ? err_set(&c->err, ERR_NOMEM, "password") : ERR_OK;
}

static int name_of(struct cli *c, const char **name)
{
	size_t n = c->argc > 1 ? strlen(c->argv[1]) : 0;
	if (n == 0 || !text_utf8_valid(c->argv[1], n) || idnum_name(c->argv[1], n))
		return err_set(&c->err, ERR_INVALID, "a name of 1 to 50 characters is wanted");
	*name = c->argv[1];
	return ERR_OK;
}

static const char *option(struct cli *c, const char *flag)
{
	for (int i = 2; i + 1 < c->argc; i++)
		if (strcmp(c->argv[i], flag) == 0) return c->argv[i + 1];
	return NULL;
}

static void print_password(struct cli *c, const char *name, const char *plain)
{
	(void)printf(c->json ? "{\"name\":\"%s\",\"password\":\"%s\"}\n" : "%s %s\n", name, plain);
}

static int add(struct cli *c, struct ledger *l)
{
	const char *name, *role = option(c, "--role"), *display = option(c, "--display");
	char plain[PASSWORD_RANDOM_MAX], hash[PASSWORD_HASH_MAX];
	int rc = name_of(c, &name);
	if (!rc &&
	    (!role || (strcmp(role, "clerk") != 0 && strcmp(role, "lead") != 0 && strcmp(role, "technician") != 0)))
		rc = err_set(&c->err, ERR_INVALID, "--role clerk, lead or technician");
	if (!rc) rc = fresh_password(c, plain, hash);
	struct db_stmt *s = rc ? NULL : db_query(ledger_db(l), Q_staff_insert, &c->err);
	if (!s) return rc ? rc : (int)ERR_IO;
	db_bind_text(s, "name", name);
	db_bind_text(s, "display", display ? display : name);
	db_bind_text(s, "role", role);
	db_bind_text(s, "password", hash);
	db_bind_int(s, "at", ledger_now(l).wall);
	rc = db_run(s, &c->err);
	if (!rc) print_password(c, name, plain);
	return rc;
}

/* A changed or disabled account is signed out everywhere, and its lock-out is forgotten. */
static int sign_out(struct cli *c, struct ledger *l, const char *name)
{
	char subject[192];
	(void)snprintf(subject, sizeof subject, "account:%s", name);
	struct db_stmt *s = db_query(ledger_db(l), Q_session_delete_staff, &c->err);
	if (!s) return ERR_IO;
	db_bind_text(s, "name", name);
	int rc = db_run(s, &c->err);
	s = rc ? NULL : db_query(ledger_db(l), Q_lockout_clear, &c->err);
	if (!s) return rc ? rc : (int)ERR_IO;
	db_bind_text(s, "subject", subject);
	return db_run(s, &c->err);
}

static int changed(struct cli *c, struct ledger *l, struct db_stmt *s, const char *name)
{
	int rc = db_run(s, &c->err);
	if (!rc && db_changes(ledger_db(l)) == 0) rc = err_set(&c->err, ERR_NOTFOUND, "no account has that name");
	return rc ? rc : sign_out(c, l, name);
}

static int password(struct cli *c, struct ledger *l)
{
	const char *name;
	char plain[PASSWORD_RANDOM_MAX], hash[PASSWORD_HASH_MAX];
	int rc = name_of(c, &name);
	if (!rc) rc = fresh_password(c, plain, hash);
	struct db_stmt *s = rc ? NULL : db_query(ledger_db(l), Q_staff_password, &c->err);
	if (!s) return rc ? rc : (int)ERR_IO;
	db_bind_text(s, "name", name);
	db_bind_text(s, "password", hash);
	rc = changed(c, l, s, name);
	if (!rc) print_password(c, name, plain);
	return rc;
}

static int set_disabled(struct cli *c, struct ledger *l, int disabled)
{
	const char *name;
	int rc = name_of(c, &name);
	struct db_stmt *s = rc ? NULL : db_query(ledger_db(l), Q_staff_disable, &c->err);
	if (!s) return rc ? rc : (int)ERR_IO;
	db_bind_text(s, "name", name);
	db_bind_int(s, "disabled", disabled);
	return changed(c, l, s, name);
}

static int list(struct cli *c, struct ledger *l)
{
	int r;
	struct db_stmt *s = db_query(ledger_db(l), Q_staff_list, &c->err);
	if (!s) return ERR_IO;
	while ((r = db_step(s, &c->err)) > 0)
		(void)printf("%-12s %-11s %s%s\n", db_text(s, 1), db_text(s, 3), db_text(s, 2),
		             db_int(s, 4) ? " (disabled)" : "");
	return -r;
}

static int dispatch(struct cli *c, struct ledger *l)
{
	const char *what = c->argc > 0 ? c->argv[0] : "";
	if (strcmp(what, "add") == 0) return add(c, l);
	if (strcmp(what, "password") == 0) return password(c, l);
	if (strcmp(what, "disable") == 0) return set_disabled(c, l, 1);
	if (strcmp(what, "enable") == 0) return set_disabled(c, l, 0);
	if (strcmp(what, "list") == 0) return list(c, l);
	return err_set(&c->err, ERR_INVALID, "staff add, password, disable, enable or list");
}

int cli_staff(struct cli *c)
{
	struct ledger *l = NULL;
	int rc = cli_ledger(c, LEDGER_WRITE, &l);
	if (!rc) rc = dispatch(c, l);
	ledger_close(l);
	return rc ? 2 : 0;
}
