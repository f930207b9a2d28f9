/* `xinke-county person`: what the county keeps about one person, for that person (个人信息保护法 article 45), and its erasure
 * before the term (article 47). The document's number comes on standard input, so that no list of processes and no shell's
 * history has it. Rare: it reads every case once. Each case that is handed out gets a `reveal` event, each that is erased an
 * `erase`: both name who did it and why. */
#include "sync/county/commands.h"

#include "shared/fields.h"
#include "shared/idnum.h"
#include "shared/personjson.h"
#include "shared/registers.h"
#include "shared/retention.h"
#include "shared/text.h"
#include "sync/county/casefile_internal.h"
#include "sync/county/erase.h"
#include "sync/county/present.h"

#include <stdlib.h>
#include <string.h>

#define PAGE         500
#define NUMBER_MAX   40
#define WHO_CHARS    50
#define REASON_CHARS 200
#define DAY_MS       86400000LL
#define CHINA_MS     (8 * 3600000LL)

struct found {
	uint8_t id[UUID_LEN];
	enum person_part part;
};

struct person {
	struct cli *cli;
	struct county c;
	struct store *s;
	struct present present;
	const char *type, *by, *reason;
	char number[NUMBER_MAX];
	int64_t now;
	struct found *cases; /* owned */
	size_t n;
};

/* --- finding --- */

static int keep(struct person *x, const uint8_t id[UUID_LEN], enum person_part part, struct err *e)
{
	struct found *more = realloc(x->cases, (x->n + 1) * sizeof *more);
	if (!more) return err_set(e, ERR_NOMEM, "person");
	x->cases = more;
	memcpy(more[x->n].id, id, UUID_LEN);
	more[x->n++].part = part;
	return ERR_OK;
}

/* A page of all cases, newest first, below (AT, ID); *ROWS of it. */
static int find_page(struct person *x, int64_t *at, uint8_t id[UUID_LEN], int *rows, struct err *e)
{
	int r = 0, rc = ERR_OK;
	*rows = 0;
	struct db_stmt *q = db_query(x->s->db, Q_case_list, e);
	if (!q) return ERR_IO;
	db_bind_int(q, "received_at", *at);
	db_bind_blob(q, "id", id, UUID_LEN);
	db_bind_int(q, "limit", PAGE);
	while (!rc && (r = db_step(q, e)) > 0) {
		struct caseview v;
		rc = casefile_row(q, &v, e);
		enum person_part part = rc ? PERSON_NONE : personjson_part(&v, x->type, x->number);
		if (!rc && part != PERSON_NONE) rc = keep(x, v.id, part, e);
		*at = v.received_at;
		memcpy(id, v.id, UUID_LEN);
		caseview_release(&v);
		++*rows;
	}
	db_reset(q);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

static int find(struct person *x, struct err *e)
{
	int64_t at = INT64_MAX;
	uint8_t id[UUID_LEN] = {0};
	int rows, rc;
	do
		rc = find_page(x, &at, id, &rows, e);
	while (!rc && rows == PAGE);
	return rc;
}

/* --- handing out --- */

static int history(struct person *x, const uint8_t id[UUID_LEN], json_t **out, struct err *e)
{
	int r = 0;
	*out = json_array();
	struct db_stmt *q = *out ? db_query(x->s->db, Q_case_events, e) : NULL;
	if (!q) return *out ? (int)ERR_IO : err_set(e, ERR_NOMEM, "person");
	db_bind_blob(q, "case_id", id, UUID_LEN);
	int rc = ERR_OK;
	while (!rc && (r = db_step(q, e)) > 0) {
		const char *type = db_text(q, 4);
		if (json_array_append_new(*out, personjson_event(type ? type : "", db_int(q, 5))))
			rc = err_set(e, ERR_NOMEM, "person");
	}
	db_reset(q);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

/* The reveal stands before anything is shown. */
static int note(struct person *x, const struct found *f, struct err *e)
{
	static const char *const what[] = {"", "applicant", "guardian", "agent"};
	struct casefile file;
	uint8_t id[UUID_LEN];
	json_t *body = json_pack("{s:s, s:s}", "what", what[f->part], "reason", x->reason);
	uuid_random(id);
	int rc = store_begin(x->s, e);
	casefile_init(&file, x->s);
	if (!rc) rc = casefile_load(&file, f->id, e);
	if (!rc)
		rc = casefile_own_event(&file, x->by, state_event_name(EVENT_REVEAL), body, id, x->now, e);
	else
		json_decref(body);
	if (!rc) rc = casefile_flush(&file, e);
	casefile_drop(&file);
	if (!rc) rc = store_commit(x->s, e);
	store_rollback(x->s);
	return rc;
}

static int hand_out(struct person *x, const struct found *f, json_t *cases, struct err *e)
{
	struct caseview v;
	json_t *list = NULL;
	int rc = note(x, f, e);
	if (!rc) rc = casefile_get(x->s, f->id, &v, e);
	if (rc) return rc;
	rc = history(x, f->id, &list, e);
	json_t *one = rc ? NULL : personjson_case(&v, present_item_name(&x->present, x->s, &v), f->part, list);
	if (rc) json_decref(list);
	caseview_release(&v);
	if (!rc && json_array_append_new(cases, one)) rc = err_set(e, ERR_NOMEM, "person");
	return rc;
}

static int act_export(struct person *x, json_t *out, struct err *e)
{
	json_t *cases = json_array();
	int rc = cases && !json_object_set(out, "cases", cases) ? ERR_OK : err_set(e, ERR_NOMEM, "person");
	for (size_t i = 0; i < x->n && !rc; i++)
		rc = hand_out(x, &x->cases[i], cases, e);
	json_decref(cases);
	return rc;
}

/* --- erasing --- */

/* Why a case is not erased; NULL where it may be. */
static int obstacle(struct person *x, const struct found *f, const struct caseview *v, const char **why, struct err *e)
{
	int64_t years = 0;
	*why = NULL;
	if (f->part == PERSON_AGENT)
		*why = "another is the applicant";
	else if (!retention_ended(v))
		*why = "it has not gone to the archive yet";
	if (*why || x->cli->value[O_BEFORE_TERM]) return ERR_OK;
	int rc = erase_years(x->s, v, 0, &years, e);
	if (!rc && years && !retention_over(v, years, x->now)) *why = "its term has not passed: --before-term";
	return rc;
}

static int erase_found(struct person *x, const struct found *f, const char **why, char receipt[RECEIPT_MAX],
                       struct err *e)
{
	const struct erase_request asked = {x->reason, x->by};
	struct casefile file;
	uint8_t id[UUID_LEN];
	uuid_random(id);
	int rc = store_begin(x->s, e);
	casefile_init(&file, x->s);
	if (!rc) rc = casefile_load(&file, f->id, e);
	if (!rc) (void)snprintf(receipt, RECEIPT_MAX, "%s", file.view.receipt);
	if (!rc) rc = obstacle(x, f, &file.view, why, e);
	if (!rc && !*why) rc = erase_case(&file, 0, &asked, x->by, id, x->now, e);
	if (!rc && !*why) rc = casefile_flush(&file, e);
	casefile_drop(&file);
	if (!rc && !*why) rc = store_commit(x->s, e);
	store_rollback(x->s);
	return rc;
}

static int act_erase(struct person *x, json_t *out, struct err *e)
{
	int rc = ERR_OK;
	json_t *erased = json_array(), *kept = json_array();
	if (!erased || !kept || json_object_set(out, "erased", erased) || json_object_set(out, "kept", kept))
		rc = err_set(e, ERR_NOMEM, "person");
	for (size_t i = 0; i < x->n && !rc; i++) {
		const char *why = NULL;
		char receipt[RECEIPT_MAX] = "", id[UUID_TEXT];
		uuid_text(x->cases[i].id, id);
		rc = erase_found(x, &x->cases[i], &why, receipt, e);
		json_t *one = json_pack("{s:s, s:s, s:s?}", "id", id, "receipt_number", receipt, "why", why);
		if (json_array_append_new(why ? kept : erased, one) && !rc) rc = err_set(e, ERR_NOMEM, "person");
	}
	json_decref(erased);
	json_decref(kept);
	if (!rc) (void)db_scrub(x->s->db);
	return rc;
}

/* --- from the command line --- */

static int check_line(const char *what, const char *text, size_t min, size_t max, struct err *e)
{
	size_t n = text ? strlen(text) : 0;
	bool ok = text && text_utf8_valid(text, n) && text_utf8_count(text, n) >= min &&
	          text_utf8_count(text, n) <= max && !text_has_control(text, n, false);
	return ok ? ERR_OK : err_set(e, ERR_INVALID, "%s is wanted: one line of %zu to %zu characters", what, min, max);
}

static int read_number(struct person *x, struct err *e)
{
	enum id_type type;
	if (!id_type_parse(x->type, &type) || type == ID_NONE)
		return err_set(e, ERR_INVALID, "no such kind of document: citizen_id, hmt_residence, ...");
	if (!fgets(x->number, sizeof x->number, stdin)) x->number[0] = '\0';
	x->number[strcspn(x->number, "\r\n")] = '\0';
	const char *why = idnum_check(type, x->number, (x->now + CHINA_MS) / DAY_MS);
	return why ? err_set(e, ERR_INVALID, "standard input holds no valid number of type %s", x->type) : ERR_OK;
}

static int run(struct person *x, int (*act)(struct person *, json_t *, struct err *), struct err *e)
{
	json_t *out = json_object();
	int rc = out ? find(x, e) : err_set(e, ERR_NOMEM, "person");
	if (!rc) rc = act(x, out, e);
	char *text = rc ? NULL : json_dumps(out, JSON_INDENT(1));
	if (!rc && !text) rc = err_set(e, ERR_NOMEM, "person");
	if (!rc) (void)puts(text);
	free(text);
	json_decref(out);
	return rc;
}

int command_person(struct cli *cli, struct err *e)
{
	struct person x = {
	    .cli = cli, .type = cli->operands[1], .by = cli->value[O_BY], .reason = cli->value[O_REASON]};
	bool erases = strcmp(cli->operands[0], "erase") == 0;
	if (!erases && strcmp(cli->operands[0], "export") != 0)
		return err_set(e, ERR_INVALID, "export or erase is wanted");
	int rc = check_line("--by NAME", x.by, 1, WHO_CHARS, e);
	if (!rc) rc = check_line("--reason TEXT", x.reason, 2, REASON_CHARS, e);
	if (rc) return rc;
	rc = county_init(&x.c, &cli->cfg, &cli->log, e);
	if (!rc) rc = county_store(&x.c, STORE_OPEN, &x.s, e);
	if (!rc) x.now = county_now(&x.c);
	if (!rc) rc = read_number(&x, e);
	if (!rc) rc = run(&x, erases ? act_erase : act_export, e);
	present_release(&x.present);
	store_close(x.s);
	county_release(&x.c);
	free(x.cases);
	explicit_bzero(x.number, sizeof x.number);
	return rc;
}
