/* See page.h. The one style sheet stands in the page and is allowed by its hash; nothing else may load. */
#include "shared/public/page.h"

#include "shared/crypto/digest.h"
#include "shared/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT     "max-age=300"
#define TAG_MAX  (TEXT_HEX_LEN(8) + 2)
#define HOME     "/public"
#define SWITCHES "large=1"

static const char style[] =
    "*{box-sizing:border-box}"
    "body{font:18px/1.6 sans-serif;max-width:40em;margin:0 auto;padding:0 16px 32px;color:#1a1a1a;background:#fff;"
    "overflow-wrap:anywhere}"
    ".large{font-size:22px}"
    "h1{font-size:1.3em;line-height:1.35;margin:.7em 0 .5em}"
    "h2{font-size:1.1em;line-height:1.35;margin:1.4em 0 .4em;border-bottom:2px solid #0b4a85;padding-bottom:.2em}"
    "dt{color:#4a4a4a;font-size:.9em}dd{margin:0 0 .7em}"
    "ol,ul{padding-left:1.3em;margin:.3em 0}li{margin:.3em 0}"
    "td,th{text-align:left;padding:.1em .8em .1em 0;vertical-align:top}"
    "a{color:#0b4a85}"
    ".go,button{display:flex;align-items:center;width:100%;min-height:44px;margin:8px 0;padding:8px 14px;"
    "border:2px solid #0b4a85;border-radius:8px;background:#fff;color:#0b4a85;font:inherit;text-align:left;"
    "text-decoration:none}"
    "button{justify-content:center;background:#0b4a85;color:#fff;font-weight:bold}"
    ".go:focus,button:focus,input:focus,textarea:focus{outline:3px solid #8a4b00;outline-offset:2px}"
    "label{display:block;margin:12px 0 4px}"
    "input[type=text],input[type=search],textarea{display:block;width:100%;min-height:44px;padding:8px;font:inherit;"
    "border:2px solid #4a4a4a;border-radius:8px}"
    ".pick{display:flex;align-items:center;min-height:44px;margin:8px 0;padding:4px 12px;border:2px solid #4a4a4a;"
    "border-radius:8px}"
    ".pick input{width:24px;height:24px;margin:0 12px 0 0;flex:none}"
    "fieldset{border:0;margin:0;padding:0}legend{padding:0;font-weight:bold}"
    ".large .go,.large button,.large .pick,.large input[type=text],.large input[type=search]{min-height:60px}"
    ".mark{display:inline-block;padding:0 8px;border:2px solid #8a2a00;border-radius:6px;color:#8a2a00}"
    ".why{border-left:6px solid #8a2a00;padding-left:12px}"
    "footer{color:#4a4a4a;font-size:.9em;margin-top:1.5em}nav{margin-top:1.5em}";

void page_html(struct page *p, const char *html)
{
	buf_adds(&p->b, html);
}

static void escaped(struct buf *b, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&': buf_adds(b, "&amp;"); break;
		case '<': buf_adds(b, "&lt;"); break;
		case '>': buf_adds(b, "&gt;"); break;
		case '"': buf_adds(b, "&quot;"); break;
		case '\'': buf_adds(b, "&#39;"); break;
		default: buf_addc(b, *s);
		}
	}
}

void page_text(struct page *p, const char *text)
{
	page_html(p, "<bdi>");
	escaped(&p->b, text);
	page_html(p, "</bdi>");
}

void page_attribute(struct page *p, const char *text)
{
	escaped(&p->b, text);
}

void page_para(struct page *p, const char *text)
{
	page_html(p, "<p>");
	page_text(p, text);
	page_html(p, "</p>\n");
}

void page_row(struct page *p, const char *term, const char *text)
{
	page_html(p, "<dt>");
	page_text(p, term);
	page_html(p, "</dt><dd>");
	page_text(p, text);
	page_html(p, "</dd>\n");
}

void page_heading(struct page *p, const char *text)
{
	page_html(p, "<h2>");
	page_text(p, text);
	page_html(p, "</h2>\n");
}

void page_open(struct page *p, bool large, const char *title)
{
	*p = (struct page){.large = large};
	buf_init(&p->b, PAGE_MAX);
	page_html(p, "<!doctype html>\n<html lang=\"zh-CN\"><head><meta charset=\"utf-8\">"
	             "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
	             "<meta name=\"robots\" content=\"noindex\"><title>");
	escaped(&p->b, title);
	page_html(p, "</title><style>");
	page_html(p, style);
	page_html(p, "</style></head>\n<body");
	page_html(p, large ? " class=\"large\">\n<h1>" : ">\n<h1>");
	page_text(p, title);
	page_html(p, "</h1>\n");
}

/* PATH as it stands in an attribute, with the type that was chosen or the OTHER one. */
static void target(struct page *p, const char *path, bool other)
{
	escaped(&p->b, path);
	if (p->large != other) buf_addf(&p->b, "%s" SWITCHES, strchr(path, '?') ? "&amp;" : "?");
}

static void link_to(struct page *p, const char *path, bool other, const char *text)
{
	page_html(p, "<a class=\"go\" href=\"");
	target(p, path, other);
	page_html(p, "\">");
	page_text(p, text);
	page_html(p, "</a>\n");
}

void page_link(struct page *p, const char *path, const char *text)
{
	link_to(p, path, false, text);
}

void page_form(struct page *p, const char *method, const char *path)
{
	bool get = strcmp(method, "get") == 0;
	p->form = true;
	buf_addf(&p->b, "<form method=\"%s\" action=\"", method);
	if (get)
		escaped(&p->b, path); /* a GET form's own fields take the place of its query */
	else
		target(p, path, false);
	page_html(p, "\" autocomplete=\"off\">\n");
	if (get && p->large) page_html(p, "<input type=\"hidden\" name=\"large\" value=\"1\">\n");
}

void page_form_end(struct page *p, const char *button)
{
	page_html(p, "<button>");
	page_text(p, button);
	page_html(p, "</button>\n</form>\n");
}

void page_foot(struct page *p, const char *self)
{
	page_html(p, "<nav aria-label=\"导航\">\n");
	if (self) link_to(p, self, true, p->large ? "普通字号" : "大字版");
	if (!self || strcmp(self, HOME) != 0) page_link(p, HOME, "返回首页");
	page_html(p, "</nav>\n");
}

void page_encode(struct buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || strchr("-._~", c);
		if (plain)
			buf_addc(out, (char)c);
		else
			buf_addf(out, "%%%02X", (unsigned)c);
	}
}

/* --- answers --- */

static void policy(struct http_req *req, bool form)
{
	uint8_t hash[DIGEST_LEN];
	char b64[TEXT_B64_LEN(DIGEST_LEN)], csp[256];
	digest_sha256(style, sizeof style - 1, hash);
	(void)text_b64(hash, sizeof hash, b64);
	(void)snprintf(
	    csp, sizeof csp,
	    "default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action %s; frame-ancestors 'none'", b64,
	    form ? "'self'" : "'none'");
	http_reply_header(req, "Content-Security-Policy", csp);
}

/* Answers 304 where the client has these very bytes. */
static void reply_kept(struct http_req *req, const char *media, const char *data, size_t len)
{
	uint8_t hash[DIGEST_LEN];
	char hex[TEXT_HEX_LEN(8)], tag[TAG_MAX];
	const char *have = http_req_header(req, "If-None-Match");
	digest_sha256(data, len, hash);
	text_hex(hash, 8, hex);
	(void)snprintf(tag, sizeof tag, "\"%s\"", hex);
	http_reply_header(req, "ETag", tag);
	http_reply_header(req, "Cache-Control", KEPT);
	http_reply_header(req, "Vary", "Accept");
	bool same = have && (strcmp(have, "*") == 0 || strstr(have, tag));
	http_reply(req, same ? 304 : 200, media, same ? "" : data, same ? 0 : len);
}

static void reply(struct http_req *req, int status, struct page *p, bool kept)
{
	page_html(p, "</body></html>\n");
	if (p->b.bad) {
		http_problem_code(req, PROBLEM_INTERNAL, NULL);
	} else {
		policy(req, p->form);
		if (kept)
			reply_kept(req, "text/html; charset=utf-8", p->b.data, p->b.len);
		else
			http_reply(req, status, "text/html; charset=utf-8", p->b.data, p->b.len);
	}
	buf_release(&p->b);
}

void page_reply(struct http_req *req, int status, struct page *p)
{
	reply(req, status, p, false);
}

void page_reply_kept(struct http_req *req, struct page *p)
{
	reply(req, 200, p, true);
}

void page_reply_kept_json(struct http_req *req, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	if (text)
		reply_kept(req, "application/json", text, strlen(text));
	else
		http_problem_code(req, PROBLEM_INTERNAL, NULL);
	free(text);
}
