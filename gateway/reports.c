/* See reports.h. The handler reads the query and parks the request; the worker walks the cases, or the entries of the
 * registers, from the newest down, and answers. */
#include "gateway/reports.h"

#include "gateway/answer.h"
#include "gateway/audit.h"
#include "gateway/days.h"
#include "gateway/items.h"
#include "gateway/sessions.h"
#include "shared/ledger/read.h"
#include "shared/registers.h"
#include "shared/reports.h"
#include "shared/work.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_MAX 4     /* reports that wait */
#define PAGE      500   /* cases that one statement reads */
#define TIME_MAX  60000 /* ms for one report */
#define RETRY_S   5
#define CACHE_KIB 512
#define CLERK     (1U << REPORT_OPEN | 1U << REPORT_DUE_SOON | 1U << REPORT_OVERDUE) /* what a clerk works by */

struct reporter {
	struct gateway *gw;
	pthread_mutex_t lock;
	atomic_bool stopped;
	struct work *work;
};

struct report_job {
	struct work_job job; /* first: the pool hands this back */
	struct audit_ticket ticket;
	struct gateway *gw;
	struct http_req *req;
	struct report_query q;
	bool csv, too_many;
};

/* --- life --- */

int reports_worker_new(struct gateway *gw, struct reporter **out, struct err *e)
{
	const struct work_config wc = {.threads = 1, .queue_max = QUEUE_MAX};
	struct reporter *r = calloc(1, sizeof *r);
	*out = NULL;
	if (!r) return err_set(e, ERR_NOMEM, "reports");
	r->gw = gw;
	(void)pthread_mutex_init(&r->lock, NULL);
	int rc = work_open(&wc, &r->work, e);
	if (rc)
		reports_worker_free(r);
	else
		*out = r;
	return rc;
}

void reports_worker_stop(struct reporter *r)
{
	if (!r) return;
	(void)pthread_mutex_lock(&r->lock);
	r->stopped = true;
	(void)pthread_mutex_unlock(&r->lock);
	work_close(r->work);
	r->work = NULL;
}

void reports_worker_free(struct reporter *r)
{
	if (!r) return;
	reports_worker_stop(r);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

static bool submit(struct reporter *r, struct report_job *j)
{
	(void)pthread_mutex_lock(&r->lock);
	bool ok = !r->stopped && work_submit(r->work, &j->job);
	(void)pthread_mutex_unlock(&r->lock);
	return ok;
}

/* --- walking the ledger --- */

struct walk {
	struct gateway *gw;
	struct ledger *l;
	struct items_edition *edition;
	struct report *report;
	int64_t until; /* monotonic ms */
	int64_t last_at;
	uint8_t last_id[UUID_LEN];
	int rc;
	struct err *e;
};

static bool add_case(const struct ledger_case *c, void *arg)
{
	struct walk *x = arg;
	const struct caseview *v = &c->view;
	struct term_days d = items_case_days(x->edition, v);
	bool entry = registers_is_item(v->item);
	x->last_at = v->received_at;
	memcpy(x->last_id, v->id, UUID_LEN);
	x->rc = reports_add(x->report, v, entry ? NULL : items_case_name(x->edition, v), entry ? NULL : &d, x->e);
	return !x->rc;
}

/* All cases, or those of ITEM; ERR_BUSY when the time is up or the box stops. */
static int walk_list(struct walk *x, const char *item)
{
	struct ledger_page page = {.item = item, .before_at = INT64_MAX, .limit = PAGE};
	bool more = true;
	while (more) {
		if (x->gw->reporter->stopped || clock_read(&x->gw->clock).mono > x->until)
			return err_set(x->e, ERR_BUSY, "the report takes too long");
		int rc = ledger_case_list(x->l, &page, add_case, x, &more, x->e);
		if (rc || x->rc) return rc ? rc : x->rc;
		page.before_at = x->last_at;
		memcpy(page.before_id, x->last_id, UUID_LEN);
	}
	return ERR_OK;
}

static int walk(struct walk *x, const struct report_query *q)
{
	int rc = ERR_OK;
	if (!reports_of_entries(q->kind)) return walk_list(x, *q->item ? q->item : NULL);
	for (int k = 0; k < REGISTER_KINDS && !rc; k++)
		rc = walk_list(x, registers_item((enum register_kind)k));
	return rc;
}

static int make(struct report_job *j, json_t **out, struct err *e)
{
	struct gateway *gw = j->gw;
	struct clock_now now = clock_read(&gw->clock);
	struct ledger_config lc = {.path = gw->cfg.db,
	                           .field_key = gw->cfg.field_key,
	                           .mode = LEDGER_READ,
	                           .clock = &gw->clock,
	                           .cache_kib = CACHE_KIB};
	struct walk x = {.gw = gw, .until = now.mono + TIME_MAX, .e = e};
	int rc = ledger_open(&lc, &x.l, e);
	if (rc) return rc;
	x.edition = items_get(gw->items);
	rc = reports_new(&j->q, days_get(gw->days), &gw->cfg.registers, now.wall, &x.report, e);
	if (!rc) rc = walk(&x, &j->q);
	if (!rc) rc = reports_json(x.report, out, e);
	j->too_many = x.report && reports_full(x.report);
	reports_free(x.report);
	items_put(x.edition);
	ledger_close(x.l);
	return rc;
}

/* --- the answer --- */

static void answer_csv(struct report_job *j, const json_t *report)
{
	char disposition[REPORTS_DISPOSITION_MAX];
	struct buf b;
	struct err e = {0};
	buf_init(&b, REPORTS_CSV_MAX);
	int rc = reports_csv(j->q.kind, report, &b, &e);
	if (rc) {
		answer_error(j->gw, j->req, rc, &e);
	} else {
		reports_disposition(j->q.kind, report, disposition);
		http_reply_header(j->req, "Content-Disposition", disposition);
		http_reply(j->req, 200, "text/csv; charset=utf-8", b.data, b.len);
	}
	buf_release(&b);
}

static void answer_too_many(struct http_req *req)
{
	struct problem p = {0};
	reports_too_many(&p);
	http_problem(req, &p);
}

static void run(struct work_job *job, void *state)
{
	struct report_job *j = (struct report_job *)job;
	struct err e = {0};
	json_t *report = NULL;
	int64_t start = clock_read(&j->gw->clock).mono;
	(void)state;
	int rc = make(j, &report, &e);
	log_info(&j->gw->log, "report", "request=%s report=%s ms=%lld", http_req_id(j->req), reports_name(j->q.kind),
	         (long long)(clock_read(&j->gw->clock).mono - start));
	if (j->too_many)
		answer_too_many(j->req);
	else if (rc)
		answer_error(j->gw, j->req, rc, &e);
	else if (j->csv)
		answer_csv(j, report);
	else
		http_reply_json(j->req, 200, json_incref(report));
	json_decref(report);
	http_resume(j->req);
	free(j);
}

static void give_up(struct report_job *j)
{
	struct http_req *req = j->req;
	free(j);
	answer_later(req, PROBLEM_BUSY, RETRY_S);
	http_resume(req);
}

/* What leaves the box as a file is noted before it is made. */
static void noted(struct audit_ticket *t, bool yes)
{
	struct report_job *j = (struct report_job *)(void *)((char *)t - offsetof(struct report_job, ticket));
	if (!yes) {
		http_resume(j->req);
		free(j);
	} else if (!submit(j->gw->reporter, j)) { /* else the worker's from here on */
		give_up(j);
	}
}

static void hand_over(struct gateway *gw, struct http_req *req, const struct report_query *q, bool csv)
{
	struct report_job *j = calloc(1, sizeof *j);
	if (!j) {
		answer_later(req, PROBLEM_BUSY, 1);
		return;
	}
	*j = (struct report_job){.job.run = run, .gw = gw, .req = req, .q = *q, .csv = csv};
	j->ticket = (struct audit_ticket){.gw = gw, .req = req, .action = AUDIT_EXPORT, .reason = "csv", .then = noted};
	(void)snprintf(j->ticket.subject, sizeof j->ticket.subject, "report %s", reports_name(q->kind));
	http_suspend(req);
	if (csv ? !audit_submit(&j->ticket) : !submit(gw->reporter, j)) give_up(j);
}

void reports_get(struct http_req *req, void *ctx)
{
	static const char *const known[] = {"from", "to", "item", "format", NULL};
	struct gateway *gw = ctx;
	struct problem p = {0};
	struct report_query q;
	enum report_kind kind;
	if (!http_req_query_only(req, known)) return;
	if (!reports_parse(http_req_param(req, "report"), &kind)) {
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
		return;
	}
	if (sessions_caller(req)->role == ROLE_CLERK && !(CLERK & 1U << kind)) {
		http_problem_code(req, PROBLEM_FORBIDDEN, "a lead reads this report");
		return;
	}
	const char *format = http_req_query(req, "format");
	if (format && strcmp(format, "json") != 0 && strcmp(format, "csv") != 0)
		problem_field(&p, "/?format", "value", "json or csv is wanted");
	if (reports_query(&q, kind, http_req_query(req, "from"), http_req_query(req, "to"), http_req_query(req, "item"),
	                  clock_read(&gw->clock).wall, &p))
		hand_over(gw, req, &q, format && strcmp(format, "csv") == 0);
	else
		http_problem(req, &p);
}
