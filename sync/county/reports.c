/* See reports.h. The handler reads the query and parks the request; the one worker of reports walks the cases by pages
 * of the index that leaves least, so that no statement stays open for long, and answers. A department is shown its own
 * items and what it holds or held, as in its lists. */
#include "sync/county/reports.h"

#include "shared/fields.h"
#include "shared/registers.h"
#include "shared/reports.h"
#include "sync/county/call.h"
#include "sync/county/casefile.h"
#include "sync/county/cases.h"

#include <stdlib.h>
#include <string.h>

#define QUEUE_MAX 4     /* reports that wait */
#define PAGE      500   /* cases that one statement reads */
#define TIME_MAX  60000 /* ms for one report */

struct walk {
	struct call *c;
	struct worker *w;
	struct report *report;
	bool looks;    /* each row is held against what the caller may see */
	int64_t until; /* monotonic ms */
	int64_t version;
	const struct catalog *catalog; /* of VERSION; the last that was asked for */
	int64_t last_at;
	uint8_t last_id[UUID_LEN];
};

/* --- one case --- */

static const struct catalog_item *item_of(struct walk *x, const struct caseview *v)
{
	int64_t version = fields_int(v->doc, "catalog_version", 0);
	if (!x->catalog || version != x->version) {
		x->catalog = present_edition(&x->w->present, x->w->store, version);
		x->version = version;
	}
	return x->catalog ? catalog_find(x->catalog, v->item) : NULL;
}

static int add(struct walk *x, const struct caseview *v, struct err *e)
{
	if (registers_is_item(v->item)) return reports_add(x->report, v, NULL, NULL, e);
	const struct catalog_item *item = item_of(x, v);
	struct term_days d = terms_days(item);
	return reports_add(x->report, v, item ? item->name : v->item, &d, e);
}

static int take(struct walk *x, struct db_stmt *q, struct err *e)
{
	struct caseview v;
	char department[sizeof((struct casefile *)NULL)->department];
	bool seen = true;
	db_copy_text(q, 4, department, sizeof department);
	int rc = casefile_row(q, &v, e);
	if (!rc && x->looks) rc = cases_visible(&x->c->who, x->w, &v, department, &seen, e);
	if (!rc && seen) rc = add(x, &v, e);
	x->last_at = v.received_at;
	memcpy(x->last_id, v.id, UUID_LEN);
	caseview_release(&v);
	return rc;
}

/* --- walking --- */

/* One page of the list INDEX of VALUE, after the last case that was taken. */
static int page(struct walk *x, size_t index, const char *value, int *n, struct err *e)
{
	int r = 0, rc = ERR_OK;
	*n = 0;
	struct db_stmt *q = db_query(x->w->store->db, index, e);
	if (!q) return ERR_IO;
	if (value) db_bind_text(q, "value", value);
	db_bind_int(q, "received_at", x->last_at);
	db_bind_blob(q, "id", x->last_id, UUID_LEN);
	db_bind_int(q, "limit", PAGE);
	for (; !rc && (r = db_step(q, e)) > 0; ++*n)
		rc = take(x, q, e);
	db_reset(q);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

/* ERR_BUSY when the time is up or the county stops. */
static int list(struct walk *x, size_t index, const char *value, struct err *e)
{
	int n = PAGE, rc = ERR_OK;
	x->last_at = INT64_MAX;
	memset(x->last_id, 0, UUID_LEN);
	while (!rc && n == PAGE) {
		if (x->c->serve->ending || serve_mono(x->c->serve) > x->until)
			return err_set(e, ERR_BUSY, "the report takes too long");
		rc = page(x, index, value, &n, e);
	}
	return rc;
}

/* Names every place, and counts those of the township asked for into *N, at most CAP of them into CODES. */
static int places(struct walk *x, const char *township, char (*codes)[13], size_t cap, size_t *n, struct err *e)
{
	int r = 0, rc = ERR_OK;
	char of[13];
	*n = 0;
	struct db_stmt *q = db_query(x->w->store->db, Q_station_list, e);
	if (!q) return ERR_IO;
	while (!rc && (r = db_step(q, e)) > 0) {
		const char *code = db_text(q, 0), *title = db_text(q, 2);
		if (!code || !title) continue;
		rc = reports_place(x->report, code, title, e);
		reports_township(code, of);
		if (strcmp(of, township) != 0 || strlen(code) != 12) continue;
		if (*n == cap) rc = err_set(e, ERR_CORRUPT, "a township has too many stations");
		if (!rc) memcpy(codes[(*n)++], code, 13);
	}
	db_reset(q);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

static int walk_entries(struct walk *x, struct err *e)
{
	int rc = ERR_OK;
	for (int k = 0; k < REGISTER_KINDS && !rc; k++)
		rc = list(x, Q_case_list_item, registers_item((enum register_kind)k), e);
	return rc;
}

/* By the index that leaves least; the report itself passes over what else is not asked for. */
static int walk(struct walk *x, struct err *e)
{
	const struct report_query *q = &x->c->report;
	char codes[100][13]; /* a township has 25 at most */
	size_t n;
	bool own = x->c->who.role == ROLE_DEPARTMENT;
	int rc = places(x, q->township, codes, sizeof codes / sizeof *codes, &n, e);
	x->looks = own;
	if (rc) return rc;
	if (reports_of_entries(q->kind)) return walk_entries(x, e);
	if (*q->station) return list(x, Q_case_list_station, q->station, e);
	if (*q->item) return list(x, Q_case_list_item, q->item, e);
	for (size_t i = 0; i < n && !rc; i++)
		rc = list(x, Q_case_list_station, codes[i], e);
	if (*q->township) return rc;
	x->looks = false; /* a department's own list brings nothing else */
	return own ? list(x, Q_case_list_department, x->c->who.account.office, e) : list(x, Q_case_list, NULL, e);
}

static int make(struct call *c, struct worker *w, json_t **out, bool *too_many, struct err *e)
{
	struct walk x = {.c = c, .w = w, .until = serve_mono(c->serve) + TIME_MAX};
	const struct workdays *days = NULL;
	struct err none = {0};
	*too_many = false;
	int rc = store_workdays(w->store, &days, &none);
	if (rc == (int)ERR_NOTFOUND) rc = ERR_OK; /* before the first calendar no term is known */
	if (rc) return err_set(e, (enum err_code)rc, "%s", none.msg);
	rc = reports_new(&c->report, days, &c->county->cfg->registers, county_now(c->county), &x.report, e);
	if (rc) return rc;
	rc = walk(&x, e);
	if (!rc) rc = reports_json(x.report, out, e);
	*too_many = reports_full(x.report);
	reports_free(x.report);
	return rc;
}

/* --- the answer --- */

static void answer_csv(struct call *c, const json_t *report)
{
	char disposition[REPORTS_DISPOSITION_MAX];
	struct buf b;
	struct err e = {0};
	buf_init(&b, REPORTS_CSV_MAX);
	int rc = reports_csv(c->report.kind, report, &b, &e);
	if (rc) {
		call_error(c, rc, &e);
	} else {
		reports_disposition(c->report.kind, report, disposition);
		http_reply_header(c->req, "Content-Disposition", disposition);
		http_reply(c->req, 200, "text/csv; charset=utf-8", b.data, b.len);
	}
	buf_release(&b);
}

static void run(struct call *c, struct worker *w)
{
	struct err e = {0};
	struct problem p = {0};
	json_t *report = NULL;
	bool too_many;
	int64_t start = serve_mono(c->serve);
	int rc = make(c, w, &report, &too_many, &e);
	log_info(c->county->log, "report", "request=%s report=%s ms=%lld", http_req_id(c->req),
	         reports_name(c->report.kind), (long long)(serve_mono(c->serve) - start));
	if (too_many) {
		reports_too_many(&p);
		http_problem(c->req, &p);
	} else if (rc) {
		call_error(c, rc, &e);
	} else if (c->csv) {
		answer_csv(c, report);
	} else {
		http_reply_json(c->req, 200, json_incref(report));
	}
	json_decref(report);
}

static bool read_query(struct call *c, enum report_kind kind, struct problem *p)
{
	struct http_req *req = c->req;
	c->csv = call_read_format(c, p);
	(void)reports_query(&c->report, kind, http_req_query(req, "from"), http_req_query(req, "to"),
	                    http_req_query(req, "item"), county_now(c->county), p);
	return reports_query_places(&c->report, http_req_query(req, "by"), http_req_query(req, "township"),
	                            http_req_query(req, "station"), p);
}

void reports_get(struct http_req *req, void *ctx)
{
	static const char *const known[] = {"from", "to", "item", "by", "township", "station", "format", NULL};
	struct serve *sv = ctx;
	struct problem p = {0};
	enum report_kind kind;
	if (!http_req_query_only(req, known)) return;
	if (!reports_parse(http_req_param(req, "report"), &kind)) {
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
		return;
	}
	struct call *c = call_new(sv, req, run);
	if (!c) return;
	if (read_query(c, kind, &p))
		call_submit_to(c, sv->reports);
	else
		call_refuse(c, &p);
}

int reports_open(struct serve *sv, struct work **out, struct err *e)
{
	struct work_config wc = {.threads = 1,
	                         .queue_max = QUEUE_MAX,
	                         .state_new = serve_worker_new,
	                         .state_free = serve_worker_free,
	                         .arg = sv};
	return work_open(&wc, out, e);
}
