/* See documents.h. A handler reads the case and makes the paper's data on the thread that serves, then parks the request;
 * the worker asks xinke-print and answers. */
#include "gateway/documents.h"
#include "shared/ledger/read.h"

#include "gateway/answer.h"
#include "gateway/audit.h"
#include "gateway/days.h"
#include "gateway/items.h"
#include "gateway/printcall.h"
#include "gateway/readers.h"
#include "gateway/sessions.h"
#include "shared/fields.h"
#include "shared/papers.h"
#include "shared/work.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_MAX 16 /* papers that wait, of either kind */
/* The page has its style sheet in itself and nothing else; the app may show it in a frame of its own to print it. */
#define CSP                                                                                                            \
	"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "          \
	"frame-ancestors 'self'"

struct documents {
	struct gateway *gw;
	pthread_mutex_t lock;
	bool stopped;
	struct work *pages, *prints;
};

/* A paper on its way. */
struct paper_job {
	struct work_job job; /* first: the pool hands this back */
	struct audit_ticket ticket;
	struct gateway *gw;
	struct http_req *req;
	json_t *request; /* to xinke-print; owned */
	bool print;
};

/* --- life --- */

int documents_new(struct gateway *gw, struct documents **out, struct err *e)
{
	const struct work_config wc = {.threads = 1, .queue_max = QUEUE_MAX};
	struct documents *d = calloc(1, sizeof *d);
	*out = NULL;
	if (!d) return err_set(e, ERR_NOMEM, "documents");
	d->gw = gw;
	(void)pthread_mutex_init(&d->lock, NULL);
	int rc = work_open(&wc, &d->pages, e);
	if (!rc) rc = work_open(&wc, &d->prints, e);
	if (rc)
		documents_free(d);
	else
		*out = d;
	return rc;
}

void documents_stop(struct documents *d)
{
	if (!d) return;
	(void)pthread_mutex_lock(&d->lock);
	d->stopped = true;
	(void)pthread_mutex_unlock(&d->lock);
	work_close(d->pages);
	work_close(d->prints);
	d->pages = d->prints = NULL;
}

void documents_free(struct documents *d)
{
	if (!d) return;
	documents_stop(d);
	(void)pthread_mutex_destroy(&d->lock);
	free(d);
}

static bool submit(struct documents *d, struct paper_job *j)
{
	(void)pthread_mutex_lock(&d->lock);
	bool ok = !d->stopped && work_submit(j->print ? d->prints : d->pages, &j->job);
	(void)pthread_mutex_unlock(&d->lock);
	return ok;
}

static void job_free(struct paper_job *j)
{
	json_decref(j->request);
	free(j);
}

/* --- the worker --- */

static void answer_done(struct paper_job *j, const json_t *answer)
{
	const json_t *html = json_object_get(answer, "html");
	bool confirmed = json_is_true(json_object_get(answer, "confirmed"));
	if (j->print) {
		http_reply_json(j->req, confirmed ? 200 : 202, json_pack("{s:b}", "confirmed", confirmed));
		return;
	}
	http_reply_header(j->req, "Content-Security-Policy", CSP);
	http_reply(j->req, 200, "text/html; charset=utf-8", json_string_value(html), json_string_length(html));
}

static void run(struct work_job *job, void *state)
{
	struct paper_job *j = (struct paper_job *)job;
	struct problem p = {0};
	struct err e = {0};
	(void)state;
	json_t *answer = printcall_do(j->gw->cfg.print, j->request, &p, &e);
	if (answer && (j->print || json_is_string(json_object_get(answer, "html")))) {
		answer_done(j, answer);
	} else {
		log_warn(&j->gw->log, "paper", "request=%s kind=%s text=\"%s\"", http_req_id(j->req),
		         fields_text(j->request, "kind"), e.msg);
		if (answer) problem_set(&p, PROBLEM_INTERNAL, NULL);
		http_problem(j->req, &p);
	}
	json_decref(answer);
	http_resume(j->req);
	job_free(j);
}

/* --- the case --- */

/* A case that is being read, with what its papers are made from. */
struct desk {
	struct gateway *gw;
	struct ledger *l;
	struct items_edition *edition;
	struct ledger_case c;
	struct item_law law;
	char url[CONFIG_TEXT_MAX];
	struct papers_case papers;
};

static void desk_close(struct desk *k)
{
	ledger_case_release(&k->c);
	items_put(k->edition);
	readers_give(k->gw->readers, k->l);
}

/* The county's public address: by the configuration, else as the enrolment brought it. */
static int read_url(struct desk *k, struct err *e)
{
	(void)snprintf(k->url, sizeof k->url, "%s", k->gw->cfg.public_url);
	int rc = *k->url ? ERR_OK : ledger_meta_text(k->l, "public_url", k->url, sizeof k->url, e);
	for (size_t n = strlen(k->url); n && k->url[n - 1] == '/'; n--)
		k->url[n - 1] = '\0';
	return rc;
}

void documents_office(struct gateway *gw, struct ledger *l, const struct http_req *req, struct papers_case *paper)
{
	const struct ledger_identity *id = ledger_identity(l);
	paper->now = clock_read(&gw->clock).wall;
	paper->office = id->name;
	paper->office_code = id->station;
	paper->seal = id->tier == TIER_TOWNSHIP;
	paper->phone = gw->cfg.station_phone;
	paper->address = gw->cfg.station_address;
	paper->officer = sessions_caller(req)->account.display;
}

static void fill(struct desk *k, const struct http_req *req)
{
	const struct caseview *v = &k->c.view;
	k->law = items_case_law(k->edition, v);
	k->papers = (struct papers_case){
	    .view = v,
	    .item_name = items_case_name(k->edition, v),
	    .department = k->law.department,
	    .permit = k->law.permit,
	    .deems = items_case_deems(k->edition, v),
	    .settled = k->c.sync == SYNC_SETTLED,
	    .days = items_case_days(k->edition, v),
	    .work = days_get(k->gw->days),
	    .public_url = k->url,
	};
	documents_office(k->gw, k->l, req, &k->papers);
}

/* Opens the case that the request names; answers and returns false when that cannot be. */
static bool desk_open(struct gateway *gw, struct http_req *req, struct desk *k)
{
	uint8_t id[UUID_LEN];
	struct err e = {0};
	*k = (struct desk){.gw = gw};
	if (!uuid_parse(http_req_param(req, "id"), id)) {
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
		return false;
	}
	k->l = readers_take(gw->readers);
	k->edition = items_get(gw->items);
	int rc = ledger_case_get(k->l, id, &k->c, &e);
	if (!rc) rc = read_url(k, &e);
	if (!rc) {
		fill(k, req);
		return true;
	}
	desk_close(k);
	if (rc == (int)ERR_NOTFOUND)
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
	else
		answer_error(gw, req, rc, &e);
	return false;
}

/* --- the list --- */

static json_t *possible(const struct caseview *v)
{
	json_t *list = json_array();
	for (int k = 0; k < PAPERS_KINDS; k++) {
		enum papers_kind kind = (enum papers_kind)k;
		if (!papers_allowed(v, kind)) continue;
		json_t *one = json_pack("{s:s, s:s, s:s}", "kind", papers_kind_name(kind), "title",
		                        papers_kind_title(kind), "title_zh", papers_kind_zh(kind));
		if (!one || json_array_append_new(list, one)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

void documents_get(struct http_req *req, void *ctx)
{
	struct desk k;
	if (!answer_no_query(req) || !desk_open(ctx, req, &k)) return;
	json_t *items = possible(&k.c.view);
	desk_close(&k);
	http_reply_json(req, 200, items ? json_pack("{s:o, s:n}", "items", items, "next") : NULL);
}

/* --- one --- */

/* Says in what state the case is and which papers there are of it. */
static void refuse(struct http_req *req, const struct caseview *v)
{
	struct problem p = {0};
	problem_set(&p, PROBLEM_PAPER_NOT_NOW, NULL);
	problem_member(&p, "state", json_string(state_name(v->state)));
	problem_member(&p, "documents", possible(v));
	http_problem(req, &p);
}

static void give_up(struct paper_job *j)
{
	struct http_req *req = j->req;
	job_free(j);
	answer_later(req, PROBLEM_BUSY, 2);
	http_resume(req);
}

/* Who had which paper made stands in the audit before it is made. */
static void noted(struct audit_ticket *t, bool yes)
{
	struct paper_job *j = (struct paper_job *)(void *)((char *)t - offsetof(struct paper_job, ticket));
	if (!yes) {
		http_resume(j->req);
		job_free(j);
	} else if (!submit(j->gw->documents, j)) { /* else the worker's from here on */
		give_up(j);
	}
}

/* OF: the id of the case, or the office that a list goes to. */
static void hand_over(struct gateway *gw, struct http_req *req, const char *of, json_t *request, bool print)
{
	struct paper_job *j = calloc(1, sizeof *j);
	if (!j) {
		json_decref(request);
		answer_later(req, PROBLEM_BUSY, 1);
		return;
	}
	*j = (struct paper_job){.job.run = run, .gw = gw, .req = req, .request = request, .print = print};
	j->ticket = (struct audit_ticket){
	    .gw = gw, .req = req, .action = AUDIT_PRINT, .reason = print ? "printer" : "page", .then = noted};
	(void)snprintf(j->ticket.subject, sizeof j->ticket.subject, "%s %s", of, fields_text(request, "kind"));
	http_suspend(req);
	if (!audit_submit(&j->ticket)) give_up(j);
}

void documents_make(struct gateway *gw, struct http_req *req, const struct documents_order *order, json_t *data)
{
	json_t *request = json_pack("{s:s, s:s, s:s, s:o}", "job", order->print ? "print" : "page", "kind", order->kind,
	                            "format", order->format, "data", data);
	if (request)
		hand_over(gw, req, order->of, request, order->print);
	else
		answer_later(req, PROBLEM_BUSY, 1);
}

/* The paper that the path names. */
static void make(struct gateway *gw, struct http_req *req, bool print, const char *format)
{
	struct desk k;
	enum papers_kind kind;
	if (!papers_kind_parse(http_req_param(req, "kind"), &kind)) {
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
		return;
	}
	if (!desk_open(gw, req, &k)) return;
	bool allowed = papers_allowed(&k.c.view, kind);
	json_t *data = allowed ? papers_data(&k.papers, kind) : NULL;
	if (!allowed) refuse(req, &k.c.view);
	desk_close(&k);
	const struct documents_order order = {http_req_param(req, "id"), papers_kind_name(kind), format, print};
	if (allowed) documents_make(gw, req, &order, data);
}

const char *documents_format(struct http_req *req)
{
	struct problem p = {0};
	const char *format = http_req_query(req, "format");
	if (!format) return "a4";
	if (strcmp(format, "a4") == 0 || strcmp(format, "roll") == 0) return format;
	problem_field(&p, "/?format", "value", "a4 or roll is wanted");
	http_problem(req, &p);
	return NULL;
}

void documents_one_get(struct http_req *req, void *ctx)
{
	static const char *const known[] = {"format", NULL};
	if (!http_req_query_only(req, known)) return;
	const char *format = documents_format(req);
	if (format) make(ctx, req, false, format);
}

bool documents_print_body(struct http_req *req)
{
	static const struct field nothing[] = {{.name = NULL}};
	struct problem p = {0};
	if (fields_check(http_req_json(req), nothing, "", &p)) return true;
	http_problem(req, &p);
	return false;
}

void documents_print_post(struct http_req *req, void *ctx)
{
	if (answer_no_query(req) && documents_print_body(req)) make(ctx, req, true, "roll");
}
