/* See commands.h. What they print on standard output is for people, or JSON with --json. They work on the database by
 * themselves, beside a running server too. */
#include "sync/county/commands.h"

#include "shared/password.h"
#include "shared/text.h"
#include "sync/county/boxes.h"
#include "sync/county/import.h"
#include "sync/county/session.h"
#include "sync/county/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND_ACTOR  "command line"
#define NAME_MAX_CHARS 64
#define PASSWORD_MIN   10

/* Keys and store of one command. */
struct opened {
	struct county c;
	struct store *s;
};

static int open_county(struct cli *cli, struct opened *o, struct err *e)
{
	o->s = NULL;
	int rc = county_init(&o->c, &cli->cfg, &cli->log, e);
	return rc ? rc : county_store(&o->c, STORE_OPEN, &o->s, e);
}

static void close_county(struct opened *o)
{
	store_close(o->s);
	county_release(&o->c);
}

/* Prints JSON (taken) on one line. */
static int print_json(json_t *j, struct err *e)
{
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	json_decref(j);
	if (!text) return err_set(e, ERR_NOMEM, "output");
	(void)printf("%s\n", text);
	free(text);
	return ERR_OK;
}

/* --- init, import --- */

static int files_of(const struct cli *cli, struct import_paths *paths, struct import_files *f, struct err *e)
{
	*f = (struct import_files){.first = true};
	int rc = cli->value[O_SCHEMA] ? import_schema(cli->value[O_SCHEMA], paths, e) : ERR_OK;
	if (!rc && cli->value[O_SCHEMA])
		*f = (struct import_files){paths->stations, paths->catalog, paths->calendar, true};
	if (cli->value[O_STATIONS]) f->stations = cli->value[O_STATIONS];
	if (cli->value[O_CATALOG]) f->catalog = cli->value[O_CATALOG];
	if (cli->value[O_CALENDAR]) f->calendar = cli->value[O_CALENDAR];
	return rc;
}

static int import_into(struct opened *o, const struct import_files *f, struct err *e)
{
	struct import_report r;
	int rc = import_run(o->s, f, county_now(&o->c), &r, e);
	if (!rc) (void)printf("%d stations, %d new catalogs, %d new calendars\n", r.stations, r.catalogs, r.calendars);
	return rc;
}

int command_init(struct cli *cli, struct err *e)
{
	struct import_paths paths = {0};
	struct import_files f;
	struct opened o = {0};
	char name[200], root[TEXT_HEX_LEN(DIGEST_LEN)];
	int rc = files_of(cli, &paths, &f, e);
	if (!rc && (!f.stations || !f.catalog || !f.calendar))
		rc = err_set(e, ERR_INVALID, "--schema, or --stations, --catalog and --calendar are wanted");
	if (!rc) rc = import_county_name(f.stations, name, sizeof name, e);
	if (!rc) rc = county_keys_make(&cli->cfg, name, e);
	if (rc) return rc;
	rc = county_init(&o.c, &cli->cfg, &cli->log, e);
	if (!rc) rc = county_store(&o.c, STORE_MIGRATE, &o.s, e);
	if (!rc) rc = import_into(&o, &f, e);
	if (!rc) {
		text_hex(ca_root_info(o.c.ca)->fingerprint, DIGEST_LEN, root);
		(void)printf("%s: %s\nroot SHA-256: %s\n", cli->cfg.data, name, root);
	}
	close_county(&o);
	return rc;
}

int command_import(struct cli *cli, struct err *e)
{
	struct import_paths paths = {0};
	struct import_files f;
	struct opened o = {0};
	int rc = files_of(cli, &paths, &f, e);
	if (!rc && !f.stations && !f.catalog && !f.calendar)
		rc = err_set(e, ERR_INVALID, "nothing to import: see --help");
	if (rc) return rc;
	rc = open_county(cli, &o, e);
	if (!rc) rc = import_into(&o, &f, e);
	close_county(&o);
	return rc;
}

/* --- accounts --- */

static int check_text(const char *what, const char *text, struct err *e)
{
	size_t len = strlen(text);
	bool ok = text_utf8_valid(text, len) && text_utf8_count(text, len) >= 1 &&
	          text_utf8_count(text, len) <= NAME_MAX_CHARS && !text_has_control(text, len, false);
	return ok ? ERR_OK
	          : err_set(e, ERR_INVALID, "%s: 1 to %d characters in UTF-8, without controls", what, NAME_MAX_CHARS);
}

/* A department's account names its office as the catalog does, or it would see nothing. */
static int check_office(struct store *s, unsigned role, const char *office, struct err *e)
{
	struct catalog *cat = NULL;
	if (role != ROLE_DEPARTMENT) return *office ? check_text("--office", office, e) : ERR_OK;
	int rc = store_catalog(s, &cat, e);
	for (size_t i = 0; !rc && i < catalog_count(cat); i++)
		if (strcmp(catalog_at(cat, i)->department, office) == 0) return ERR_OK;
	return rc ? rc : err_set(e, ERR_INVALID, "--office: a department account wants one that the catalog names");
}

static int read_password(char out[ACCOUNT_PASSWORD_MAX * 4 + 2], struct err *e)
{
	if (!fgets(out, ACCOUNT_PASSWORD_MAX * 4 + 2, stdin))
		return err_set(e, ERR_INVALID, "no password on standard input");
	out[strcspn(out, "\r\n")] = '\0';
	size_t len = strlen(out), n = text_utf8_valid(out, len) ? text_utf8_count(out, len) : 0;
	if (n < PASSWORD_MIN || n > ACCOUNT_PASSWORD_MAX || text_has_control(out, len, false))
		return err_set(e, ERR_INVALID, "a password of %d to %d characters in one line is wanted", PASSWORD_MIN,
		               ACCOUNT_PASSWORD_MAX);
	return ERR_OK;
}

static int insert_account(struct opened *o, struct cli *cli, const char *name, const char *hash, struct err *e)
{
	struct err bad = {0};
	const char *display = cli->value[O_DISPLAY] ? cli->value[O_DISPLAY] : name;
	struct db_stmt *q = db_query(o->s->db, Q_account_insert, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "name", name);
	db_bind_text(q, "display", display);
	db_bind_text(q, "role", cli->value[O_ROLE]);
	db_bind_text(q, "office", cli->value[O_OFFICE] ? cli->value[O_OFFICE] : "");
	db_bind_text(q, "password", hash);
	db_bind_int(q, "at", county_now(&o->c));
	int rc = db_run(q, &bad);
	if (rc == (int)ERR_CONFLICT) return err_set(e, ERR_CONFLICT, "there is an account %s already", name);
	return rc ? err_set(e, bad.code, "%s", bad.msg) : ERR_OK;
}

static int add_account(struct opened *o, struct cli *cli, struct err *e)
{
	char password[ACCOUNT_PASSWORD_MAX * 4 + 2], hash[PASSWORD_HASH_MAX];
	const char *name = cli->operands[1], *role = cli->value[O_ROLE];
	bool given = cli->value[O_PASSWORD_STDIN] != NULL;
	if (!role || !session_role(role))
		return err_set(e, ERR_INVALID, "--role: department, head, centre, operator or auditor is wanted");
	int rc = check_text("NAME", name, e);
	if (!rc && cli->value[O_DISPLAY]) rc = check_text("--display", cli->value[O_DISPLAY], e);
	if (!rc) rc = check_office(o->s, session_role(role), cli->value[O_OFFICE] ? cli->value[O_OFFICE] : "", e);
	if (!rc && given) rc = read_password(password, e);
	if (!rc && !given) password_random(password, sizeof password);
	if (!rc && password_hash(password, hash)) rc = err_set(e, ERR_NOMEM, "password");
	if (!rc) rc = insert_account(o, cli, name, hash, e);
	if (!rc && cli->value[O_JSON])
		rc = print_json(
		    json_pack("{s:s, s:s, s:s?}", "name", name, "role", role, "password", given ? NULL : password), e);
	else if (!rc && !given)
		(void)printf("%s\n", password);
	explicit_bzero(password, sizeof password);
	return rc;
}

static int list_accounts(struct opened *o, struct cli *cli, struct err *e)
{
	int r;
	json_t *rows = json_array();
	struct db_stmt *q = db_query(o->s->db, Q_account_list, e);
	while (q && (r = db_step(q, e)) > 0) {
		const char *office = db_text(q, 3);
		if (!cli->value[O_JSON])
			(void)printf("%-20s %-10s %s\n", db_text(q, 0), db_text(q, 2), office);
		else if (json_array_append_new(rows,
		                               json_pack("{s:s, s:s, s:s, s:s?, s:b}", "name", db_text(q, 0), "display",
		                                         db_text(q, 1), "role", db_text(q, 2), "office",
		                                         *office ? office : NULL, "disabled", db_int(q, 4) != 0)))
			break;
	}
	if (cli->value[O_JSON]) return print_json(rows, e);
	json_decref(rows);
	return q ? ERR_OK : (int)ERR_IO;
}

int command_account(struct cli *cli, struct err *e)
{
	struct opened o = {0};
	bool add = strcmp(cli->operands[0], "add") == 0 && cli->n_operands == 2;
	bool list = strcmp(cli->operands[0], "list") == 0 && cli->n_operands == 1;
	if (!add && !list) return err_set(e, ERR_INVALID, "account add NAME, or account list");
	int rc = open_county(cli, &o, e);
	if (!rc) rc = add ? add_account(&o, cli, e) : list_accounts(&o, cli, e);
	close_county(&o);
	return rc;
}

/* --- boxes --- */

int command_code(struct cli *cli, struct err *e)
{
	static const char *const members[] = {"code", "station", "url", "root_sha256", "expires_at", "uri"};
	struct opened o = {0};
	json_t *out = NULL;
	int rc = open_county(cli, &o, e);
	if (!rc) rc = boxes_code(&o.c, o.s, cli->operands[0], COMMAND_ACTOR, &out, e);
	if (!rc && cli->value[O_JSON])
		rc = print_json(json_incref(out), e);
	else if (!rc)
		for (size_t i = 0; i < sizeof members / sizeof *members; i++)
			(void)printf("%-12s %s\n", members[i], json_string_value(json_object_get(out, members[i])));
	json_decref(out);
	close_county(&o);
	return rc;
}

static void print_station(const json_t *st)
{
	size_t i;
	json_t *box;
	(void)printf("%s %-10s %s\n", json_string_value(json_object_get(st, "code")),
	             json_string_value(json_object_get(st, "tier")), json_string_value(json_object_get(st, "title")));
	json_array_foreach(json_object_get(st, "boxes"), i, box) {
		const char *seen = json_string_value(json_object_get(box, "last_seen_at"));
		(void)printf("             box %02d %-8s log %s head %lld seen %s\n",
		             (int)json_integer_value(json_object_get(box, "box")),
		             json_string_value(json_object_get(box, "state")),
		             json_string_value(json_object_get(box, "log")),
		             (long long)json_integer_value(json_object_get(box, "head")), seen ? seen : "never");
	}
}

int command_stations(struct cli *cli, struct err *e)
{
	struct opened o = {0};
	json_t *out = NULL, *st;
	size_t i;
	int rc = open_county(cli, &o, e);
	if (!rc) rc = boxes_stations(o.s, &out, e);
	if (!rc && cli->value[O_JSON]) {
		rc = print_json(json_incref(out), e);
	} else if (!rc) {
		json_array_foreach(json_object_get(out, "items"), i, st) {
			print_station(st);
		}
	}
	json_decref(out);
	close_county(&o);
	return rc;
}

static int set_box(struct cli *cli, enum log_state st, struct err *e)
{
	uint8_t log[UUID_LEN];
	struct opened o = {0};
	struct problem p = {0};
	const char *reason = cli->value[O_REASON];
	if (!uuid_parse(cli->operands[0], log))
		return err_set(e, ERR_INVALID, "LOG is the UUID of a box's log: see `stations`");
	if (!reason) return err_set(e, ERR_INVALID, "--reason is wanted");
	int rc = open_county(cli, &o, e);
	if (!rc && !text_utf8_valid(reason, strlen(reason))) rc = err_set(e, ERR_INVALID, "--reason is not UTF-8");
	if (!rc) rc = boxes_set(&o.c, o.s, log, st, COMMAND_ACTOR, reason, &p, e);
	if (!rc && problem_any(&p))
		rc = err_set(e, ERR_CONFLICT, "%s", *p.detail ? p.detail : problem_row(p.code)->title);
	problem_release(&p);
	close_county(&o);
	return rc;
}

int command_retire(struct cli *cli, struct err *e)
{
	return set_box(cli, LOG_RETIRED, e);
}

int command_revoke(struct cli *cli, struct err *e)
{
	return set_box(cli, LOG_REVOKED, e);
}

/* --- verify --- */

struct faults {
	json_t *list; /* NULL = print them */
};

static void tell(const char *text, void *arg)
{
	struct faults *f = arg;
	if (!f->list)
		(void)printf("%s\n", text);
	else
		(void)json_array_append_new(f->list, json_string(text));
}

int command_verify(struct cli *cli, struct err *e)
{
	struct opened o = {0};
	struct verify_report r = {0};
	struct faults f = {.list = cli->value[O_JSON] ? json_array() : NULL};
	int rc = open_county(cli, &o, e);
	if (!rc) rc = db_quick_check(o.s->db, e);
	if (!rc) rc = verify_run(o.s, &r, tell, &f, e);
	if (!rc && f.list)
		rc = print_json(json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "ok", r.faults == 0, "logs",
		                          (json_int_t)r.logs, "events", (json_int_t)r.events, "stations",
		                          (json_int_t)r.stations, "feed", (json_int_t)r.feed, "cases",
		                          (json_int_t)r.cases, "erased", (json_int_t)r.erased, "faults", f.list),
		                e);
	else if (!rc)
		(void)printf("%" PRId64 " logs, %" PRId64 " events, %" PRId64 " feeds with %" PRId64
		             " entries, %" PRId64 " cases (%" PRId64 " erased): %" PRId64 " faults\n",
		             r.logs, r.events, r.stations, r.feed, r.cases, r.erased, r.faults);
	if (!rc) cli->status = r.faults ? 1 : 0;
	json_decref(f.list);
	close_county(&o);
	return rc;
}
