/* See health.h. Health and metrics ask the database, so they run on a worker: a county that has no worker free answers
 * "busy", which is what a monitor should hear. */
#include "sync/county/health.h"

#include "shared/caseview.h"
#include "shared/http/accept.h"
#include "shared/public/page.h"
#include "shared/version.h"
#include "sync/county/call.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define METRICS_MAX 65536
#define DOCS        "schema/openapi/county.yaml, sync/PROTOCOL.md"

static void health(struct call *c, struct worker *w)
{
	struct err e = {0};
	int version = db_version(w->store->db, &e);
	int64_t up = (serve_mono(c->serve) - c->serve->started) / 1000;
	if (version < 0)
		call_later(c->req, PROBLEM_BUSY, 5);
	else
		http_reply_json(c->req, 200,
		                json_pack("{s:s, s:s, s:i, s:I}", "status", "ok", "version", XINKE_VERSION,
		                          "schema_version", version, "uptime_s", (json_int_t)(up < 0 ? 0 : up)));
}

void health_get(struct http_req *req, void *ctx)
{
	call_plain(ctx, req, health);
}

/* --- metrics --- */

static int gauge(struct store *s, size_t query, const char *name, const char *help, struct buf *b, struct err *e)
{
	struct db_stmt *q = db_query(s->db, query, e);
	if (!q) return ERR_IO;
	int r = db_step(q, e);
	if (r > 0)
		buf_addf(b, "# HELP xinke_county_%s %s\n# TYPE xinke_county_%s gauge\nxinke_county_%s %" PRId64 "\n",
		         name, help, name, name, db_int(q, 0));
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

static int boxes(struct store *s, struct buf *b, struct err *e)
{
	int64_t n[LOG_REVOKED + 1] = {0};
	int r;
	struct db_stmt *q = db_query(s->db, Q_log_states, e);
	if (!q) return ERR_IO;
	while ((r = db_step(q, e)) > 0)
		for (int i = 0; i <= LOG_REVOKED; i++)
			if (strcmp(db_text(q, 0), log_state_name((enum log_state)i)) == 0) n[i] = db_int(q, 1);
	buf_adds(b, "# HELP xinke_county_boxes Boxes by state.\n# TYPE xinke_county_boxes gauge\n");
	for (int i = 0; i <= LOG_REVOKED; i++)
		buf_addf(b, "xinke_county_boxes{state=\"%s\"} %" PRId64 "\n", log_state_name((enum log_state)i), n[i]);
	return r < 0 ? -r : ERR_OK;
}

static void connections(const struct serve *sv, struct buf *b)
{
	const struct {
		const char *name;
		const struct http_server *s;
	} servers[] = {{"sync", sv->sync}, {"api", sv->api}, {"public", sv->pub}};
	buf_adds(b, "# HELP xinke_county_connections Connections open now.\n# TYPE xinke_county_connections gauge\n");
	for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
		unsigned n = 0;
		if (servers[i].s) http_counts(servers[i].s, &n, NULL, NULL);
		buf_addf(b, "xinke_county_connections{face=\"%s\"} %u\n", servers[i].name, n);
	}
}

static void metrics(struct call *c, struct worker *w)
{
	struct buf b;
	struct err e = {0};
	buf_init(&b, METRICS_MAX);
	metrics_write(&c->serve->metrics, &b);
	connections(c->serve, &b);
	int rc = gauge(w->store, Q_event_count, "events", "Events in the store.", &b, &e);
	if (!rc) rc = gauge(w->store, Q_case_count, "cases", "Cases in the store.", &b, &e);
	if (!rc) rc = gauge(w->store, Q_alarm_count, "alarms", "Alarms ever raised.", &b, &e);
	if (!rc) rc = boxes(w->store, &b, &e);
	if (!rc && b.bad) rc = err_set(&e, ERR_NOMEM, "metrics");
	if (rc)
		call_error(c, rc, &e);
	else
		http_reply(c->req, 200, "text/plain; version=0.0.4; charset=utf-8", b.data, b.len);
	buf_release(&b);
}

void health_metrics(struct http_req *req, void *ctx)
{
	call_plain(ctx, req, metrics);
}

/* --- what is here --- */

static void describe_json(struct http_req *req, const struct health_face *f)
{
	json_t *routes = json_array();
	for (size_t i = 0; routes && i < f->n; i++) {
		const struct http_route *r = &f->routes[i];
		if (json_array_append_new(routes, json_pack("{s:s, s:s, s:s}", "method", r->method, "path", r->path,
		                                            "summary", r->summary))) {
			json_decref(routes);
			routes = NULL;
		}
	}
	http_reply_json(req, 200,
	                json_pack("{s:s, s:s, s:s, s:o, s:s}", "name", "xinke-county", "version", XINKE_VERSION,
	                          "description", f->en, "routes", routes, "docs", DOCS));
}

static void describe_page(struct http_req *req, const struct health_face *f)
{
	struct page p;
	page_open(&p, false, f->title);
	page_para(&p, f->zh);
	if (f->home) page_link(&p, f->home, "打开");
	page_html(&p, "<div lang=\"en\">");
	page_para(&p, f->en);
	page_html(&p, "<table>\n");
	for (size_t i = 0; i < f->n; i++) {
		page_html(&p, "<tr><td><code>");
		page_text(&p, f->routes[i].method);
		page_html(&p, " ");
		page_text(&p, f->routes[i].path);
		page_html(&p, "</code></td><td>");
		page_text(&p, f->routes[i].summary);
		page_html(&p, "</td></tr>\n");
	}
	page_html(&p, "</table><p>Xinke " XINKE_VERSION "; " DOCS "</p></div>\n");
	page_reply(req, 200, &p);
}

void health_describe(struct http_req *req, const struct health_face *f)
{
	static const char *const none[] = {NULL};
	if (!http_req_query_only(req, none)) return;
	switch (accept_form(http_req_header(req, "Accept"))) {
	case ACCEPT_HTML: describe_page(req, f); break;
	case ACCEPT_JSON: describe_json(req, f); break;
	case ACCEPT_NONE: http_problem_code(req, PROBLEM_NOT_ACCEPTABLE, NULL); break;
	}
}
