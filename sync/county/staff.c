/* `xinke-county staff`: the county's orders on the accounts of a station, which its boxes apply as their feed brings them
 * (sync/PROTOCOL.md, section 5). The county keeps no list of a station's accounts: whether an order fits, the box finds out
 * and notes in its audit. Of a password only the hash leaves this process; it is printed once and good for one sign-in. */
#include "sync/county/commands.h"
#include "sync/county/feed.h"
#include "sync/county/orders.h"

#include "shared/fields.h"
#include "shared/ledger/staff.h"
#include "shared/password.h"
#include "shared/text.h"

#include <string.h>

struct order {
	const char *act, *station, *name;
	json_t *body;
	char plain[PASSWORD_RANDOM_MAX]; /* "" = none is made */
};

static int check_text(const char *option, const char *text, struct err *e)
{
	size_t len = text ? strlen(text) : 0;
	bool ok = len > 0 && len < STAFF_TEXT_MAX && text_utf8_valid(text, len) && !ledger_staff_name_fault(text);
	return ok ? ERR_OK : err_set(e, ERR_INVALID, "%s: 1 to 50 characters in UTF-8 that can be seen", option);
}

static int set(struct order *o, const char *name, json_t *value, struct err *e)
{
	return json_object_set_new(o->body, name, value) ? err_set(e, ERR_NOMEM, "order") : ERR_OK;
}

static int put_password(struct order *o, struct err *e)
{
	char hash[PASSWORD_HASH_MAX];
	password_random(o->plain, sizeof o->plain);
	if (password_hash(o->plain, hash)) return err_set(e, ERR_NOMEM, "password");
	int rc = set(o, "password", json_string(hash), e);
	return rc ? rc : set(o, "reset", json_true(), e);
}

static int add(struct order *o, const struct cli *cli, struct err *e)
{
	const char *role = cli->value[O_ROLE], *display = cli->value[O_DISPLAY] ? cli->value[O_DISPLAY] : o->name;
	if (!role || !ledger_staff_role(role))
		return err_set(e, ERR_INVALID, "--role: clerk, lead or technician is wanted");
	int rc = check_text("--display", display, e);
	if (!rc) rc = set(o, "display", json_string(display), e);
	if (!rc) rc = set(o, "role", json_string(role), e);
	if (!rc) rc = set(o, "disabled", json_false(), e);
	return rc ? rc : put_password(o, e);
}

static int disable(struct order *o, const struct cli *cli, struct err *e)
{
	(void)cli;
	return set(o, "disabled", json_true(), e);
}

static int enable(struct order *o, const struct cli *cli, struct err *e)
{
	(void)cli;
	return set(o, "disabled", json_false(), e);
}

static int reset(struct order *o, const struct cli *cli, struct err *e)
{
	(void)cli;
	return put_password(o, e);
}

static const struct act {
	const char *name;
	int (*make)(struct order *o, const struct cli *cli, struct err *e);
	bool describes; /* takes --role and --display */
} acts[] = {{"add", add, true}, {"disable", disable, false}, {"enable", enable, false}, {"reset", reset, false}};

static int make(struct order *o, const struct cli *cli, struct err *e)
{
	const struct act *act = NULL;
	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
		if (strcmp(acts[i].name, o->act) == 0) act = &acts[i];
	if (!act)
		return err_set(e, ERR_INVALID, "staff add, disable, enable or reset STATION NAME, or orders [STATION]");
	if (!act->describes && (cli->value[O_ROLE] || cli->value[O_DISPLAY]))
		return err_set(e, ERR_INVALID, "--role and --display are for `staff add`");
	int rc = check_text("NAME", o->name, e);
	if (!rc) rc = check_text("--by", cli->value[O_BY], e);
	if (rc) return rc;
	o->body = json_pack("{s:s, s:s}", "name", o->name, "by", cli->value[O_BY]);
	return o->body ? act->make(o, cli, e) : err_set(e, ERR_NOMEM, "order");
}

/* In the transaction that puts the order into the feed. */
static int note(struct county *c, struct store *s, const struct order *o, const struct cli *cli, struct err *e)
{
	struct db_stmt *q = db_query(s->db, Q_staff_order_insert, e);
	if (!q) return ERR_IO;
	db_bind_int(q, "at", county_now(c));
	db_bind_text(q, "station", o->station);
	db_bind_text(q, "name", o->name);
	db_bind_text(q, "act", o->act);
	db_bind_text(q, "role", cli->value[O_ROLE]);
	db_bind_text(q, "by", cli->value[O_BY]);
	return db_run(q, e);
}

static int send(struct cli *cli, struct order *o, struct err *e)
{
	struct county c;
	struct store *s = NULL;
	struct store_station st;
	int rc = county_init(&c, &cli->cfg, &cli->log, e);
	if (!rc) rc = county_store(&c, STORE_OPEN, &s, e);
	if (!rc) rc = store_station(s, o->station, &st, e);
	if (!rc && !st.has_key)
		rc = err_set(e, ERR_CONFLICT, "%s: no box of this station was ever enrolled", o->station);
	if (!rc) rc = store_begin(s, e);
	if (!rc) {
		rc = feed_put_staff(s, o->station, json_incref(o->body), e);
		if (!rc) rc = note(&c, s, o, cli, e);
		if (!rc) rc = store_commit(s, e);
		if (rc) store_rollback(s);
	}
	store_close(s);
	county_release(&c);
	return rc;
}

static int print(const struct cli *cli, const struct order *o, struct err *e)
{
	if (!cli->value[O_JSON]) {
		(void)printf("%s%s%s\n", o->name, *o->plain ? " " : ": goes with the next exchange", o->plain);
		return ERR_OK;
	}
	json_t *j = json_pack("{s:s, s:s, s:s, s:s?}", "act", o->act, "station", o->station, "name", o->name,
	                      "password", *o->plain ? o->plain : NULL);
	int bad = j ? json_dumpf(j, stdout, JSON_COMPACT) : -1;
	json_decref(j);
	if (bad) return err_set(e, ERR_NOMEM, "output");
	(void)putchar('\n');
	return ERR_OK;
}

static int orders(struct cli *cli, struct err *e)
{
	struct county c;
	struct store *s = NULL;
	json_t *list = NULL, *one;
	size_t i;
	int64_t next;
	int rc = county_init(&c, &cli->cfg, &cli->log, e);
	if (!rc) rc = county_store(&c, STORE_OPEN, &s, e);
	if (!rc)
		rc = orders_read(s, cli->n_operands > 1 ? cli->operands[1] : "", INT64_MAX, INT32_MAX, &list, &next, e);
	if (!rc && cli->value[O_JSON]) {
		if (json_dumpf(list, stdout, JSON_COMPACT)) rc = err_set(e, ERR_IO, "output");
		(void)putchar('\n');
	}
	if (!rc && !cli->value[O_JSON]) {
		json_array_foreach(list, i, one) {
			(void)printf("%s %s %-8s %s (%s)\n", fields_text(one, "at"), fields_text(one, "station"),
			             fields_text(one, "act"), fields_text(one, "name"), fields_text(one, "by"));
		}
	}
	json_decref(list);
	store_close(s);
	county_release(&c);
	return rc;
}

int command_staff(struct cli *cli, struct err *e)
{
	if (strcmp(cli->operands[0], "orders") == 0 && cli->n_operands < 3) return orders(cli, e);
	if (cli->n_operands < 3)
		return err_set(e, ERR_INVALID,
		               "staff ACT STATION NAME, or staff orders [STATION]: operands are missing");
	struct order o = {.act = cli->operands[0], .station = cli->operands[1], .name = cli->operands[2]};
	int rc = make(&o, cli, e);
	if (!rc) rc = send(cli, &o, e);
	if (!rc) rc = print(cli, &o, e);
	explicit_bzero(o.plain, sizeof o.plain);
	json_decref(o.body);
	return rc;
}
