/* The commands `catalog` and `calendar` (commands.h): from a file that somebody keeps to what is in force at every
 * station. They work on the database beside a running server. */
#include "sync/county/commands.h"

#include "shared/buf.h"
#include "shared/casejson.h"
#include "shared/fields.h"
#include "shared/text.h"
#include "sync/county/catalog_check.h"
#include "sync/county/catalog_diff.h"
#include "sync/county/catalog_edition.h"
#include "sync/county/catalog_read.h"
#include "sync/county/dues.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WHO_CHARS    64
#define REASON_CHARS 500

/* One command under way. */
struct work {
	struct cli *cli;
	struct catalog_work w;
	const char *arg[2]; /* what follows the act; NULL = not given */
};

typedef int act_fn(struct work *x, struct err *e);

static int print(json_t *j, struct err *e)
{
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	json_decref(j);
	if (!text) return err_set(e, ERR_NOMEM, "output");
	(void)printf("%s\n", text);
	free(text);
	return ERR_OK;
}

static bool as_json(const struct work *x)
{
	return x->cli->value[O_JSON] != NULL;
}

/* "12" -> 12; 0 = no version. */
static int64_t version_of(const char *text)
{
	size_t n = text ? strlen(text) : 0;
	return n && n < 10 && strspn(text, "0123456789") == n ? strtoll(text, NULL, 10) : 0;
}

static int want_version(const struct work *x, int64_t *out, struct err *e)
{
	*out = version_of(x->arg[0]);
	return *out ? ERR_OK : err_set(e, ERR_INVALID, "VERSION is a number from 1: see `%s log`", x->w.kind);
}

/* --- files --- */

/* Reads FILE against what is in force; *DOC only where it is right, otherwise the mistakes are told and status is 1. */
static int read_file(struct work *x, json_t **doc, struct err *e)
{
	int64_t in_force;
	json_t *base = NULL;
	struct catalog_faults f;
	*doc = NULL;
	int rc = catalog_edition_in_force(&x->w, &in_force, &base, e);
	if (rc) return rc;
	struct catalog_source src = {.kind = x->w.kind, .base = base, .add = x->cli->value[O_ADD] != NULL};
	rc = catalog_faults_init(&f) ? catalog_read_file(&src, x->arg[0], doc, &f, e) : err_set(e, ERR_NOMEM, "list");
	if (!rc && f.n) {
		x->cli->status = 1;
		json_decref(*doc);
		*doc = NULL;
		if (as_json(x))
			rc =
			    print(json_pack("{s:b, s:I, s:O}", "ok", 0, "count", (json_int_t)f.n, "faults", f.list), e);
		else
			catalog_faults_print(&f, stdout);
	}
	catalog_faults_release(&f);
	json_decref(base);
	return rc;
}

static size_t without_spelling(const json_t *doc)
{
	size_t i, n = 0;
	const json_t *one;
	json_array_foreach(json_object_get(doc, "items"), i, one) {
		n += !*fields_text(one, "pinyin") || !*fields_text(one, "initials");
	}
	return n;
}

static const char *unit(const struct work *x, const json_t *doc, size_t *n)
{
	bool catalog = strcmp(x->w.kind, "catalog") == 0;
	*n = catalog ? json_array_size(json_object_get(doc, "items")) : json_object_size(json_object_get(doc, "years"));
	return catalog ? "items" : "years";
}

static int summary(struct work *x, const json_t *doc, int64_t version, struct err *e)
{
	size_t n, silent = without_spelling(doc);
	const char *what = unit(x, doc, &n);
	if (as_json(x))
		return print(json_pack("{s:b, s:I?, s:I, s:I}", "ok", 1, "version", (json_int_t)version, what,
		                       (json_int_t)n, "without_spelling", (json_int_t)silent),
		             e);
	if (version) (void)printf("draft %" PRId64 ", ", version);
	(void)printf("%zu %s, no mistakes\n", n, what);
	if (silent)
		(void)printf("%zu items have no pinyin or initials: a search by letters does not find them\n", silent);
	return ERR_OK;
}

static int check_version(struct work *x, int64_t version, struct err *e)
{
	struct catalog_edition ed;
	struct err why = {0};
	int rc = catalog_edition_get(&x->w, version, &ed, e);
	if (rc) return rc;
	rc = catalog_edition_verify(&x->w, &ed, &why);
	const char *state = ed.published_at ? "published" : ed.signature ? "signed" : "draft";
	x->cli->status = rc ? 1 : 0;
	if (as_json(x))
		rc = print(json_pack("{s:b, s:I, s:s, s:s?}", "ok", rc == 0, "version", (json_int_t)ed.version, "state",
		                     state, "signature", rc ? why.msg : NULL),
		           e);
	else
		rc = printf("version %" PRId64 ": %s, %s\n", ed.version, state,
		            rc ? why.msg : "the signature is right") < 0
		         ? err_set(e, ERR_IO, "output")
		         : ERR_OK;
	catalog_edition_release(&ed);
	return rc;
}

static int act_check(struct work *x, struct err *e)
{
	json_t *doc = NULL;
	if (version_of(x->arg[0])) return check_version(x, version_of(x->arg[0]), e);
	int rc = read_file(x, &doc, e);
	if (!rc && doc) rc = summary(x, doc, 0, e);
	json_decref(doc);
	return rc;
}

static int act_import(struct work *x, struct err *e)
{
	json_t *doc = NULL;
	int64_t version = 0;
	int rc = read_file(x, &doc, e);
	if (!rc && doc) rc = catalog_edition_draft(&x->w, doc, &version, e);
	if (!rc && doc) rc = summary(x, doc, version, e);
	json_decref(doc);
	return rc;
}

static int act_export(struct work *x, struct err *e)
{
	json_t *doc = NULL;
	struct buf out;
	struct catalog_edition ed = {0};
	int64_t version;
	if (strcmp(x->w.kind, "catalog") != 0) return err_set(e, ERR_INVALID, "a catalog alone is exported");
	int rc = x->arg[0] ? want_version(x, &version, e) : catalog_edition_in_force(&x->w, &version, &doc, e);
	json_decref(doc);
	if (!rc) rc = catalog_edition_get(&x->w, version, &ed, e);
	buf_init(&out, CATALOG_READ_MAX);
	if (!rc) rc = catalog_read_export(ed.doc, &out, e);
	if (!rc && fwrite(out.data, 1, out.len, stdout) != out.len) rc = err_set(e, ERR_IO, "output");
	buf_release(&out);
	catalog_edition_release(&ed);
	return rc;
}

/* --- versions --- */

/* FROM is the one in force and TO the newest draft where they are not given. */
static int act_diff(struct work *x, struct err *e)
{
	json_t *doc = NULL;
	struct catalog_edition from = {0}, to = {0};
	int64_t a = 0, b = version_of(x->arg[1]);
	int rc = x->arg[0] ? want_version(x, &a, e) : catalog_edition_in_force(&x->w, &a, &doc, e);
	json_decref(doc);
	if (!rc && x->arg[1] && !b) rc = err_set(e, ERR_INVALID, "TO is a version");
	if (!rc && !a) rc = err_set(e, ERR_NOTFOUND, "no %s is in force", x->w.kind);
	if (!rc) rc = catalog_edition_get(&x->w, a, &from, e);
	if (!rc) rc = catalog_edition_get(&x->w, b, &to, e);
	json_t *diff = rc ? NULL : catalog_diff(from.doc, to.doc);
	if (!rc && !diff) rc = err_set(e, ERR_NOMEM, "diff");
	if (!rc && as_json(x)) {
		rc = print(json_pack("{s:I, s:I, s:O}", "from", (json_int_t)from.version, "to", (json_int_t)to.version,
		                     "changes", diff),
		           e);
	} else if (!rc) {
		(void)printf("%s %" PRId64 " -> %" PRId64 "\n", x->w.kind, from.version, to.version);
		catalog_diff_print(diff, stdout);
	}
	json_decref(diff);
	catalog_edition_release(&from);
	catalog_edition_release(&to);
	return rc;
}

static int told(struct work *x, int64_t version, const char *what, struct err *e)
{
	if (as_json(x)) return print(json_pack("{s:I, s:s}", "version", (json_int_t)version, "state", what), e);
	(void)printf("%s %" PRId64 ": %s\n", x->w.kind, version, what);
	return ERR_OK;
}

static int act_sign(struct work *x, struct err *e)
{
	int64_t version;
	int rc = want_version(x, &version, e);
	if (!rc) rc = catalog_edition_sign(&x->w, version, e);
	return rc ? rc : told(x, version, "signed", e);
}

/* --- what a new calendar moves --- */

static int add_moved(const struct caseview *v, const struct term_move *m, int n, void *arg)
{
	int rc = ERR_OK;
	for (int i = 0; i < n; i++) {
		json_t *o = json_object();
		casejson_id(o, "case", v->id, &rc);
		casejson_text(o, "receipt_number", v->receipt, &rc);
		casejson_text(o, "holder", v->holder, &rc);
		casejson_text(o, "kind", term_kind_name(m[i].kind), &rc);
		casejson_time(o, "before", m[i].before, &rc);
		casejson_time(o, "after", m[i].after, &rc);
		caseview_set(o, "provisional", json_boolean(m[i].provisional), &rc);
		if (json_array_append_new(arg, o)) rc = ERR_NOMEM;
	}
	return rc;
}

/* Counts the open cases anew by the calendar that has just come into force. DOC is the one before; NULL = none. */
static int recount(struct work *x, const json_t *doc, json_t *moved, struct err *e)
{
	struct workdays *before = NULL;
	int rc = doc ? workdays_new(doc, &before, e) : ERR_OK;
	if (!rc) rc = dues_recount(x->w.s, before, x->w.now, add_moved, moved, e);
	workdays_free(before);
	return rc;
}

static int tell_moved(struct work *x, int64_t version, json_t *moved, struct err *e)
{
	size_t i;
	json_t *one;
	if (as_json(x))
		return print(
		    json_pack("{s:I, s:s, s:O}", "version", (json_int_t)version, "state", "published", "moved", moved),
		    e);
	(void)printf("calendar %" PRId64 ": published, %zu due days moved\n", version, json_array_size(moved));
	json_array_foreach(moved, i, one) {
		(void)printf("%s %-8s %.10s -> %.10s%s\n", fields_text(one, "receipt_number"), fields_text(one, "kind"),
		             fields_text(one, "before"), fields_text(one, "after"),
		             json_is_true(json_object_get(one, "provisional")) ? " (provisional)" : "");
	}
	return ERR_OK;
}

/* Into force by PUBLISH, which says the version that it became in *VERSION. */
static int in_force(struct work *x, int64_t *version, int (*publish)(struct work *, int64_t *, struct err *),
                    struct err *e)
{
	json_t *before = NULL, *moved = json_array();
	int64_t was;
	bool calendar = strcmp(x->w.kind, "calendar") == 0;
	int rc = moved ? ERR_OK : err_set(e, ERR_NOMEM, "due days");
	if (!rc && calendar) rc = catalog_edition_in_force(&x->w, &was, &before, e);
	if (!rc) rc = publish(x, version, e);
	if (!rc && calendar) rc = recount(x, before, moved, e);
	if (!rc) rc = calendar ? tell_moved(x, *version, moved, e) : told(x, *version, "published", e);
	json_decref(before);
	json_decref(moved);
	return rc;
}

static int publish(struct work *x, int64_t *version, struct err *e)
{
	return catalog_edition_publish(&x->w, *version, e);
}

static int act_publish(struct work *x, struct err *e)
{
	int64_t version;
	int rc = want_version(x, &version, e);
	return rc ? rc : in_force(x, &version, publish, e);
}

static int roll_back(struct work *x, int64_t *version, struct err *e)
{
	return catalog_edition_rollback(&x->w, *version, version, e);
}

static int act_rollback(struct work *x, struct err *e)
{
	int64_t version = 0; /* first the old one, 0 = the one before */
	int rc = x->arg[0] ? want_version(x, &version, e) : ERR_OK;
	if (!rc && !*x->w.reason) rc = err_set(e, ERR_INVALID, "--reason is wanted");
	return rc ? rc : in_force(x, &version, roll_back, e);
}

static int act_log(struct work *x, struct err *e)
{
	size_t i;
	json_t *list = NULL, *one;
	int rc = catalog_edition_acts(&x->w, &list, e);
	if (!rc && as_json(x)) {
		rc = print(json_pack("{s:O}", "acts", list), e);
	} else if (!rc) {
		json_array_foreach(list, i, one) {
			(void)printf("%s %4lld %-8s %s %s\n", fields_text(one, "at"),
			             (long long)fields_int(one, "version", 0), fields_text(one, "act"),
			             fields_text(one, "by"), fields_text(one, "reason"));
		}
	}
	json_decref(list);
	return rc;
}

static const struct act {
	const char *name, *operands;
	int min, max;
	bool signs; /* wants --by */
	act_fn *run;
	const char *summary;
} acts[] = {
    {"check", "FILE|VERSION", 1, 1, false, act_check,
     "every mistake with its row and column, or a version's signature"},
    {"import", "FILE", 1, 1, true, act_import, "check, then keep as a draft with the next version"},
    {"export", "[VERSION]", 0, 1, false, act_export, "print the catalog as a table (CSV)"},
    {"diff", "[FROM] [TO]", 0, 2, false, act_diff, "what changes; from the one in force to the newest draft"},
    {"sign", "VERSION", 1, 1, true, act_sign, "sign a draft with the county's answer key"},
    {"publish", "VERSION", 1, 1, true, act_publish, "put a signed version in force at every station"},
    {"rollback", "[OLD]", 0, 1, true, act_rollback, "publish the version before, or OLD, anew under a higher number"},
    {"log", "", 0, 0, false, act_log, "who did what, when and why"},
};
#define N_ACTS (sizeof acts / sizeof *acts)

void catalog_commands_help(FILE *out)
{
	(void)fprintf(out, "\nCatalog and calendar (`catalog ACT`, `calendar ACT`):\n");
	for (size_t i = 0; i < N_ACTS; i++)
		(void)fprintf(out, "  %-9s%-14s%s\n", acts[i].name, acts[i].operands, acts[i].summary);
	(void)fprintf(out,
	              "\nA FILE is JSON as in schema/catalog and schema/calendars, or CSV in UTF-8, a row an item:\n");
	catalog_read_columns(out);
	(void)fprintf(out, "Of a calendar, a row a day; a year that it names replaces that year:\n"
	                   "  日期 (required): YYYY-MM-DD\n  类别 (required): 放假 or 上班\n"
	                   "  状态: 已公布 or 暂定, which makes the year provisional\n");
}

/* --- from the command line --- */

static int check_line(const char *what, const char *text, size_t max, struct err *e)
{
	size_t n = strlen(text);
	bool ok = text_utf8_valid(text, n) && text_utf8_count(text, n) <= max && !text_has_control(text, n, false);
	return ok ? ERR_OK : err_set(e, ERR_INVALID, "%s: one line of at most %zu characters in UTF-8", what, max);
}

static int names(struct work *x, const struct act *a, struct err *e)
{
	const char *by = x->cli->value[O_BY], *reason = x->cli->value[O_REASON];
	if (a->signs && (!by || !*by)) return err_set(e, ERR_INVALID, "--by NAME is wanted: it is kept who did this");
	x->w.who = by ? by : "";
	x->w.reason = reason ? reason : "";
	int rc = check_line("--by", x->w.who, WHO_CHARS, e);
	return rc ? rc : check_line("--reason", x->w.reason, REASON_CHARS, e);
}

static const struct act *find(const struct cli *cli, struct err *e)
{
	for (size_t i = 0; i < N_ACTS; i++) {
		if (strcmp(acts[i].name, cli->operands[0]) != 0) continue;
		int n = cli->n_operands - 1;
		if (n >= acts[i].min && n <= acts[i].max) return &acts[i];
		(void)err_set(e, ERR_INVALID, "%s %s", acts[i].name, acts[i].operands);
		return NULL;
	}
	(void)err_set(e, ERR_INVALID, "no such act; see --help");
	return NULL;
}

static int run(struct cli *cli, const char *kind, struct err *e)
{
	struct county c;
	struct work x = {.cli = cli, .w = {.c = &c, .kind = kind}};
	const struct act *a = find(cli, e);
	if (!a) return ERR_INVALID;
	for (int i = 1; i < cli->n_operands; i++)
		x.arg[i - 1] = cli->operands[i];
	int rc = names(&x, a, e);
	if (rc) return rc;
	rc = county_init(&c, &cli->cfg, &cli->log, e);
	if (!rc) rc = county_store(&c, STORE_OPEN, &x.w.s, e);
	x.w.now = county_now(&c);
	if (!rc) rc = a->run(&x, e);
	store_close(x.w.s);
	county_release(&c);
	return rc;
}

int command_catalog(struct cli *cli, struct err *e)
{
	return run(cli, "catalog", e);
}

int command_calendar(struct cli *cli, struct err *e)
{
	return run(cli, "calendar", e);
}
