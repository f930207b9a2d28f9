/* See setup_page.h. A phone installs the root before it can speak HTTPS to the box, so the root comes in plain, with its fingerprint to
 * compare with the poster's. Page, style and script are files of gateway/pages/, built in. Runs on the setup server's thread. */
#include "gateway/setup_page.h"

#include "gateway/answer.h"
#include "gateway/fill.h"
#include "gateway/trust.h"

#include <string.h>

#define PAGE_MAX 32768
/* The picture of the check comes from another origin, the HTTPS one. */
#define POLICY                                                                                                         \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src https:; base-uri 'none'; "                   \
	"form-action 'none'; frame-ancestors 'none'"

static const char page[] =
#include "setup_html.inc"
    ;
static const char style[] =
#include "setup_css.inc"
    ;
static const char script[] =
#include "setup_js.inc"
    ;
static const char picture[] = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1\" height=\"1\"/>\n";

static bool load_root(struct gateway *gw, struct http_req *req, struct trust_root *root)
{
	struct err e = {0};
	if (!answer_no_query(req)) return false;
	if (!trust_root_load(&gw->cfg, root, &e)) return true;
	log_warn(&gw->log, "setup", "text=\"%s\"", e.msg);
	http_problem_code(req, e.code == ERR_NOTFOUND ? PROBLEM_NOT_ENROLLED : PROBLEM_INTERNAL, NULL);
	return false;
}

/* Android installs a file, from the settings; Safari takes what it shows for a profile. */
static void root_get(struct http_req *req, void *ctx)
{
	struct trust_root root;
	if (!load_root(ctx, req, &root)) return;
	bool file = strcmp(http_req_route(req)->path, "/setup/root.crt") == 0;
	if (file) http_reply_header(req, "Content-Disposition", "attachment; filename=\"xinke-root.crt\"");
	http_reply(req, 200, "application/x-x509-ca-cert", root.pem, strlen(root.pem));
}

/* Every HTTPS address of the box to ALL, the first one to FIRST. */
static int add_addresses(struct gateway *gw, struct buf *all, char first[TRUST_URL_MAX], struct err *e)
{
	struct x509_san names[X509_SAN_MAX];
	char url[TRUST_URL_MAX];
	size_t n = 0;
	int rc = trust_names(&gw->cfg, names, &n, e);
	for (size_t i = 0; i < n && !rc; i++) {
		trust_url(&names[i], http_port(gw->http), i ? url : first);
		buf_addf(all, "%s%s", i ? " " : "", i ? url : first);
	}
	return rc;
}

static void page_get(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	struct trust_root root;
	char first[TRUST_URL_MAX];
	struct err e = {0};
	struct buf all, b;
	if (!load_root(gw, req, &root)) return;
	buf_init(&all, X509_SAN_MAX * TRUST_URL_MAX);
	buf_init(&b, PAGE_MAX);
	int rc = add_addresses(gw, &all, first, &e);
	const struct fill_value values[] = {{"fingerprint", root.fingerprint},
	                                    {"name", root.name},
	                                    {"addresses", all.data},
	                                    {"address", first},
	                                    {NULL, NULL}};
	if (!rc) rc = fill(page, values, &b, &e);
	http_reply_header(req, "Content-Security-Policy", POLICY);
	if (rc)
		answer_error(gw, req, rc, &e);
	else
		http_reply(req, 200, "text/html; charset=utf-8", b.data, b.len);
	buf_release(&all);
	buf_release(&b);
}

static void style_get(struct http_req *req, void *ctx)
{
	(void)ctx;
	if (answer_no_query(req)) http_reply(req, 200, "text/css; charset=utf-8", style, sizeof style - 1);
}

static void script_get(struct http_req *req, void *ctx)
{
	(void)ctx;
	if (answer_no_query(req)) http_reply(req, 200, "text/javascript; charset=utf-8", script, sizeof script - 1);
}

void setup_page_check(struct http_req *req, void *ctx)
{
	static const char *const names[] = {"n", NULL}; /* another number each time, so that no picture is kept */
	(void)ctx;
	if (!http_req_query_only(req, names)) return;
	http_reply_header(req, "Cross-Origin-Resource-Policy", "cross-origin"); /* the plain page is another origin */
	http_reply(req, 200, "image/svg+xml", picture, sizeof picture - 1);
}

static const struct http_route table[] = {
    {"GET", "/setup", 0, 0, HTTP_OPEN, page_get, "How a phone comes to trust the box"},
    {"GET", "/setup/setup.css", 0, 0, HTTP_OPEN, style_get, "Its style"},
    {"GET", "/setup/setup.js", 0, 0, HTTP_OPEN, script_get, "Its check"},
    {"GET", "/setup/root.crt", 0, 0, HTTP_OPEN, root_get, "The root as PEM, to be kept as a file"},
    {"GET", "/setup/root.cer", 0, 0, HTTP_OPEN, root_get, "The same for Safari, which makes a profile of it"},
};

int setup_page_open(struct gateway *gw, struct http_server **out, struct err *e)
{
	*out = NULL;
	if (!gw->cfg.setup_port) return ERR_OK;
	struct http_config hc = {
	    .bind = gw->cfg.setup_bind,
	    .port = (uint16_t)gw->cfg.setup_port,
	    .max_connections = 16,
	    .idle_timeout_s = 10,
	    .routes = table,
	    .n_routes = sizeof table / sizeof *table,
	    .ctx = gw,
	};
	return http_open(&hc, out, e);
}
