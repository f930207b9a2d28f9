/* See front.h. The page and its JSON are made from the table of routes, so they cannot leave one out. */
#include "gateway/front.h"
#include "shared/ledger/read.h"

#include "gateway/answer.h"
#include "gateway/readers.h"
#include "gateway/routes.h"
#include "gateway/trust.h"
#include "gateway/web.h"
#include "shared/buf.h"
#include "shared/version.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_MAX    16384
#define NAME        "xinke-gateway"
#define DESCRIPTION "信客: a village station's box for government service. It works while the county is out of reach."
#define DOCS        "schema/openapi/gateway.yaml"

static json_t *service_json(void)
{
	size_t n;
	const struct http_route *t = routes_table(&n);
	json_t *routes = json_array();
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(routes, json_pack("{s:s, s:s, s:s}", "method", t[i].method, "path",
		                                              t[i].path, "summary", t[i].summary));
	return json_pack("{s:s, s:s, s:s, s:o, s:s}", "name", NAME, "version", XINKE_VERSION, "description",
	                 DESCRIPTION, "routes", routes, "docs", DOCS);
}

static void reply_page(struct http_req *req)
{
	size_t n;
	const struct http_route *t = routes_table(&n);
	struct buf b;
	buf_init(&b, PAGE_MAX);
	buf_adds(&b, "<!doctype html>\n<html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>信客 Xinke</title>\n"
	             "<h1>信客 Xinke</h1>\n<p>" DESCRIPTION "</p>\n<p><code>" NAME " " XINKE_VERSION "</code>, " DOCS
	             "</p>\n<table>\n");
	for (size_t i = 0; i < n; i++)
		buf_addf(&b, "<tr><td><code>%s</code><td><code>%s</code><td>%s\n", t[i].method, t[i].path,
		         t[i].summary);
	buf_adds(&b, "</table></html>\n");
	if (b.bad)
		http_problem_code(req, PROBLEM_INTERNAL, NULL);
	else
		http_reply(req, 200, "text/html; charset=utf-8", b.data, b.len);
	buf_release(&b);
}

/* Weights are left aside: browsers name text/html, programs name JSON or anything. */
static bool accepts(const char *accept, const char *exact, const char *range)
{
	return strstr(accept, exact) || strstr(accept, range);
}

void front_get(struct http_req *req, void *ctx)
{
	if (web_index(ctx, req) || !answer_no_query(req)) return;
	const char *accept = http_req_header(req, "Accept");
	http_reply_header(req, "Vary", "Accept");
	if (accept && accepts(accept, "text/html", "text/*"))
		reply_page(req);
	else if (!accept || accepts(accept, "application/json", "application/*") || strstr(accept, "*/*"))
		http_reply_json(req, 200, service_json());
	else
		http_problem_code(req, PROBLEM_NOT_ACCEPTABLE, "text/html or application/json");
}

void front_health_get(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	struct err e = {0};
	int64_t change, epoch;
	if (!answer_no_query(req)) return;
	struct ledger *l = readers_take(gw->readers);
	bool enrolled = ledger_identity(l)->enrolled;
	int rc = ledger_change_head(l, &change, &epoch, &e);
	readers_give(gw->readers, l);
	if (rc) {
		log_error(&gw->log, "health", "text=\"%s\"", e.msg);
		answer_later(req, PROBLEM_BUSY, 5);
		return;
	}
	http_reply_json(req, 200,
	                json_pack("{s:s, s:s, s:i, s:b, s:I}", "status", "ok", "version", XINKE_VERSION,
	                          "schema_version", LEDGER_SCHEMA, "enrolled", enrolled, "uptime_s",
	                          (json_int_t)((clock_read(&gw->clock).mono - gw->started) / 1000)));
}

void front_version_get(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	struct err none = {0};
	char setup[TRUST_URL_MAX];
	if (!answer_no_query(req)) return;
	bool page = trust_setup_url(&gw->cfg, setup, &none) == ERR_OK;
	http_reply_json(req, 200,
	                json_pack("{s:s, s:s, s:s, s:s, s:s?}", "program", NAME, "version", XINKE_VERSION, "api",
	                          XINKE_API_VERSION, "app_min", XINKE_APP_MIN, "setup", page ? setup : NULL));
}

void front_problem_get(struct http_req *req, void *ctx)
{
	if (answer_no_query(req)) http_problem_help(req, ctx);
}
