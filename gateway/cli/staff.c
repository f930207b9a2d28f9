/* `xinke staff`: accounts of the station, for the technician at the box. A new password is random and printed once; none is
 * ever a default, and it must be changed at the first sign-in unless --keep says that it may stay. */
#include "gateway/cli/cli.h"

#include "shared/ledger/staff.h"
#include "shared/text.h"

#include <stdio.h>
#include <string.h>

static const struct staff_actor technician = {
    .rank = STAFF_BOX, .role = "technician", .who = {.name = STAFF_AT_THE_BOX}};

static int name_of(struct cli *c, const char **name)
{
	size_t n = c->argc > 1 ? strlen(c->argv[1]) : 0;
	if (n == 0 || !text_utf8_valid(c->argv[1], n)) return err_set(&c->err, ERR_INVALID, "a name is wanted");
	*name = c->argv[1];
	return ERR_OK;
}

static const char *option(struct cli *c, const char *flag)
{
	for (int i = 2; i + 1 < c->argc; i++)
		if (strcmp(c->argv[i], flag) == 0) return c->argv[i + 1];
	return NULL;
}

static bool given(struct cli *c, const char *flag)
{
	for (int i = 2; i < c->argc; i++)
		if (strcmp(c->argv[i], flag) == 0) return true;
	return false;
}

static void print_password(struct cli *c, const char *name, const char *plain)
{
	(void)printf(c->json ? "{\"name\":\"%s\",\"password\":\"%s\"}\n" : "%s %s\n", name, plain);
}

/* The first thing that is wrong, as an error. */
static int refusal(struct cli *c, const struct problem *p)
{
	const json_t *first = json_array_get(p->errors, 0);
	const char *text = json_string_value(json_object_get(first, "message"));
	const char *other = *p->detail ? p->detail : problem_row(p->code)->title;
	return err_set(&c->err, p->code == PROBLEM_NOT_FOUND ? ERR_NOTFOUND : ERR_INVALID, "%s",
	               text                           ? text
	               : p->code == PROBLEM_NOT_FOUND ? "no account has that name"
	                                              : other);
}

/* Adds account NAME, or changes it where C says nothing of a new one. */
static int act(struct cli *c, struct ledger *l, const char *name, const struct staff_change *ch, bool fresh)
{
	struct staff s = {0};
	struct problem p = {0};
	int64_t id = 0;
	int rc = ledger_begin(l, &c->err);
	if (!rc && !fresh) rc = ledger_staff_named(l, name, &s, &c->err);
	if (!rc)
		rc = fresh ? ledger_staff_add(l, &technician, name, ch, &id, &p, &c->err)
		           : ledger_staff_change(l, &technician, s.id, ch, &p, &c->err);
	if (!rc) rc = ledger_commit(l, &c->err);
	if (rc) ledger_rollback(l);
	if (!rc && problem_any(&p)) rc = refusal(c, &p);
	problem_release(&p);
	return rc;
}

/* Gives account NAME a random password, and prints it once that stands. */
static int with_password(struct cli *c, struct ledger *l, const char *name, struct staff_change *ch, bool fresh)
{
	char plain[PASSWORD_RANDOM_MAX], hash[PASSWORD_HASH_MAX];
	password_random(plain, sizeof plain);
	ch->password = hash;
	ch->once = !given(c, "--keep");
	int rc = password_hash(plain, hash) ? err_set(&c->err, ERR_NOMEM, "password") : act(c, l, name, ch, fresh);
	if (!rc) print_password(c, name, plain);
	explicit_bzero(plain, sizeof plain);
	return rc;
}

static int add(struct cli *c, struct ledger *l)
{
	const char *name = NULL, *role = option(c, "--role"), *display = option(c, "--display");
	int rc = name_of(c, &name);
	if (!rc && (!role || !ledger_staff_role(role)))
		rc = err_set(&c->err, ERR_INVALID, "--role clerk, lead or technician");
	if (!rc && display && !text_utf8_valid(display, strlen(display)))
		rc = err_set(&c->err, ERR_INVALID, "--display is not UTF-8");
	struct staff_change ch = {.display = display ? display : name, .role = role, .disabled = -1};
	return rc ? rc : with_password(c, l, name, &ch, true);
}

static int password(struct cli *c, struct ledger *l)
{
	const char *name = NULL;
	struct staff_change ch = {.disabled = -1};
	int rc = name_of(c, &name);
	return rc ? rc : with_password(c, l, name, &ch, false);
}

static int set_disabled(struct cli *c, struct ledger *l, int disabled)
{
	const char *name = NULL;
	const struct staff_change ch = {.disabled = disabled};
	int rc = name_of(c, &name);
	return rc ? rc : act(c, l, name, &ch, false);
}

static void print_row(const struct staff *s, void *arg)
{
	(void)arg;
	(void)printf("%-12s %-11s %s%s%s\n", s->name, s->role, s->display, s->disabled ? " (disabled)" : "",
	             s->must_change ? " (one-time password)" : "");
}

static int dispatch(struct cli *c, struct ledger *l)
{
	const char *what = c->argc > 0 ? c->argv[0] : "";
	if (strcmp(what, "add") == 0) return add(c, l);
	if (strcmp(what, "password") == 0) return password(c, l);
	if (strcmp(what, "disable") == 0) return set_disabled(c, l, 1);
	if (strcmp(what, "enable") == 0) return set_disabled(c, l, 0);
	if (strcmp(what, "list") == 0) return ledger_staff_list(l, print_row, NULL, &c->err);
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
