/* See people.h. The number comes in the body and goes nowhere else: not into an address, not into a log. Each look is a row
 * of the audit, with the case that was found and without the number. */
#include "gateway/people.h"

#include "gateway/answer.h"
#include "gateway/audit.h"
#include "gateway/sessions.h"
#include "shared/body.h"
#include "shared/casejson.h"
#include "shared/clock.h"
#include "shared/db/db.h"
#include "shared/fields.h"
#include "shared/idnum.h"
#include "shared/ledger/read.h"

#include <string.h>

#define DAY_MS    86400000LL
#define CHINA_MS  (8 * 3600000LL)
#define CASES_MAX 64 /* of one person that are looked at */
#define HOUR_MS   3600000LL
#define AN_HOUR   120 /* look-ups of one account: a window is never so quick, a curious hand may be */
#define ADULT     18  /* 民法典 article 17 */

static const struct field shape[] = {
    {.name = "id_type", .kind = FIELD_ENUM, .flags = FIELD_REQUIRED, .words = PEOPLE_ID_TYPES},
    {.name = "id_number", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 32},
    {.name = "item", .kind = FIELD_LINE, .flags = FIELD_NULLABLE, .min = 1, .max = 40},
    {.name = NULL},
};

/* Calls FN for each case whose applicant has this document. */
static int each(struct ledger *l, const char *id_type, const char *id_number,
                int (*fn)(const struct ledger_case *c, void *arg), void *arg, struct err *e)
{
	uint8_t ids[CASES_MAX][UUID_LEN];
	int n = 0, rc = ledger_case_find(l, id_number, ids, CASES_MAX, &n, e);
	for (int i = 0; i < n && !rc; i++) {
		struct ledger_case c = {0};
		rc = ledger_case_get(l, ids[i], &c, e);
		const json_t *a = json_object_get(c.view.doc, "applicant");
		if (!rc && strcmp(fields_text(a, "id_type"), id_type) == 0 &&
		    strcmp(fields_text(a, "id_number"), id_number) == 0)
			rc = fn(&c, arg);
		ledger_case_release(&c);
	}
	return rc;
}

struct recent {
	const char *item;
	int64_t after;
	json_t *list;
};

static int add_recent(const struct ledger_case *c, void *arg)
{
	struct recent *r = arg;
	int rc = ERR_OK;
	if (strcmp(c->view.item, r->item) != 0 || c->view.received_at < r->after) return ERR_OK;
	json_t *o = json_object();
	if (!o) return ERR_NOMEM;
	casejson_id(o, "case", c->view.id, &rc);
	caseview_set(o, "receipt_number", *c->view.receipt ? json_string(c->view.receipt) : json_null(), &rc);
	casejson_text(o, "state", state_name(c->view.state), &rc);
	casejson_time(o, "received_at", c->view.received_at, &rc);
	return json_array_append_new(r->list, casejson_finish(o, rc)) ? (int)ERR_NOMEM : (int)ERR_OK;
}

int people_recent(struct ledger *l, const char *id_type, const char *id_number, const char *item, int64_t now,
                  json_t **out, struct err *e)
{
	struct recent r = {.item = item, .after = now - PEOPLE_RECENT_DAYS * DAY_MS, .list = json_array()};
	*out = r.list;
	if (!r.list) return err_set(e, ERR_NOMEM, "recent cases");
	return *id_number ? each(l, id_type, id_number, add_recent, &r, e) : (int)ERR_OK;
}

/* --- the look-up --- */

struct last {
	json_t *found;
	int64_t at;
	uint8_t id[UUID_LEN];
};

/* The newest case says how the person is called and reached now. */
static int note_last(const struct ledger_case *c, void *arg)
{
	static const char *const members[] = {"kind", "name", "phone", "address"};
	struct last *x = arg;
	int rc = ERR_OK;
	const json_t *a = json_object_get(c->view.doc, "applicant");
	if (x->found && c->view.received_at <= x->at) return ERR_OK;
	json_t *o = json_object();
	if (!o) return ERR_NOMEM;
	casejson_id(o, "case", c->view.id, &rc);
	casejson_time(o, "received_at", c->view.received_at, &rc);
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		casejson_text(o, members[i], fields_text(a, members[i]), &rc);
	json_decref(x->found);
	x->found = casejson_finish(o, rc);
	x->at = c->view.received_at;
	memcpy(x->id, c->view.id, UUID_LEN);
	return x->found ? ERR_OK : ERR_NOMEM;
}

/* What the number itself says: birth, sex, age, and whether a guardian is wanted. */
static void derive(json_t *o, const char *id_type, const char *number, int64_t now, int *rc)
{
	enum id_type type = ID_NONE;
	int64_t birth, today = (now + CHINA_MS) / DAY_MS;
	(void)id_type_parse(id_type, &type);
	bool known = idnum_birth(type, number, &birth);
	const char *sex = idnum_sex(type, number);
	char text[CLOCK_TEXT];
	clock_text(known ? birth * DAY_MS - CHINA_MS : 0, text);
	text[10] = '\0'; /* the date alone */
	int age = known ? idnum_age(birth, today) : 0;
	caseview_set(o, "birth_date", known ? json_string(text) : json_null(), rc);
	caseview_set(o, "sex", sex ? json_string(sex) : json_null(), rc);
	caseview_set(o, "age", known ? json_integer(age) : json_null(), rc);
	caseview_set(o, "needs_guardian", json_boolean(known && age < ADULT), rc);
}

static int count_lately(struct ledger *l, int64_t staff, int64_t after, int64_t *n, struct err *e)
{
	struct db_stmt *q = db_query(ledger_db(l), QUERY_audit_count, e);
	if (!q) return ERR_IO;
	db_bind_int(q, "staff", staff);
	db_bind_text(q, "action", audit_action_name(AUDIT_PERSON_LOOK_UP));
	db_bind_int(q, "after", after);
	int r = db_step(q, e);
	*n = r > 0 ? db_int(q, 0) : 0;
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

static json_t *answer(const json_t *asked, struct last *x, json_t *recent, int64_t now)
{
	int rc = ERR_OK;
	json_t *o = json_object();
	if (!o) rc = ERR_NOMEM;
	derive(o, fields_text(asked, "id_type"), fields_text(asked, "id_number"), now, &rc);
	caseview_set(o, "last", x->found ? json_incref(x->found) : json_null(), &rc);
	caseview_set(o, "recent", recent ? json_incref(recent) : json_array(), &rc);
	return casejson_finish(o, rc);
}

/* What is known, without the write lock: it may be many cases. */
static int read_known(struct http_req *req, struct ledger *l, struct last *x, json_t **recent, struct err *e)
{
	const json_t *asked = http_req_json(req);
	const char *type = fields_text(asked, "id_type"), *number = fields_text(asked, "id_number");
	int rc = each(l, type, number, note_last, x, e);
	if (rc || !fields_get(asked, "item")) return rc;
	return people_recent(l, type, number, fields_text(asked, "item"), ledger_now(l).wall, recent, e);
}

/* The row of the audit; or the refusal, where there were too many in the hour. */
static int note(struct http_req *req, struct ledger *l, const struct last *x, struct problem *p, struct err *e)
{
	int64_t lately = 0;
	char id[UUID_TEXT] = "";
	int rc = count_lately(l, sessions_caller(req)->account.id, ledger_now(l).wall - HOUR_MS, &lately, e);
	bool many = !rc && lately >= AN_HOUR;
	if (many) {
		problem_set(p, PROBLEM_RATE_LIMITED, "too many look-ups in an hour");
		problem_member(p, "retry_after_s", json_integer(600));
	}
	if (x->found && !many) uuid_text(x->id, id);
	const struct audit_entry row = {.action = AUDIT_PERSON_LOOK_UP, .subject = id, .refused = many};
	return rc ? rc : audit_note(l, req, &row, e);
}

static void run(struct gateway *gw, struct http_req *req, struct ledger *l)
{
	struct problem p = {0};
	struct err e = {0};
	struct last x = {0};
	json_t *recent = NULL;
	int rc = read_known(req, l, &x, &recent, &e);
	if (!rc) rc = ledger_begin(l, &e);
	if (!rc) rc = note(req, l, &x, &p, &e);
	if (sessions_end(gw, req, l, rc, &p, &e))
		http_reply_json(req, 200, answer(http_req_json(req), &x, recent, ledger_now(l).wall));
	json_decref(x.found);
	json_decref(recent);
}

bool people_asked(struct gateway *gw, struct http_req *req, const struct field *fields)
{
	struct problem p = {0};
	enum id_type type;
	const json_t *asked = http_req_json(req);
	int64_t today = (clock_read(&gw->clock).wall + CHINA_MS) / DAY_MS;
	if (!answer_no_query(req)) return false;
	if (fields_check(asked, fields, "", &p) && id_type_parse(fields_text(asked, "id_type"), &type)) {
		const char *why = idnum_check(type, fields_text(asked, "id_number"), today);
		if (why) problem_field(&p, "/id_number", why, "not a valid number of type %s", id_type_name(type));
	}
	if (!problem_any(&p)) return true;
	http_problem(req, &p);
	return false;
}

void people_lookup_post(struct http_req *req, void *ctx)
{
	if (people_asked(ctx, req, shape)) sessions_run(ctx, req, run);
}
