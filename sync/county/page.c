/* See page.h. The one style sheet stands in the page and is allowed by its hash; nothing else may load. */
#include "sync/county/page.h"

#include "shared/crypto/digest.h"
#include "shared/text.h"

#include <stdio.h>
#include <string.h>

static const char style[] = "body{font:16px/1.6 sans-serif;max-width:40em;margin:1em auto;padding:0 1em;color:#222}"
                            "h1{font-size:1.3em}dt{color:#666;font-size:.9em}dd{margin:0 0 .6em}ol{padding-left:1.2em}"
                            "td,th{text-align:left;padding:.1em .8em .1em "
                            "0;vertical-align:top}footer{color:#666;font-size:.9em;margin-top:2em}";

void page_text(struct buf *b, const char *s)
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

void page_open(struct buf *b, const char *lang, const char *title)
{
	buf_init(b, PAGE_MAX);
	buf_addf(b, "<!doctype html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">", lang);
	buf_adds(
	    b,
	    "<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\"><title>");
	page_text(b, title);
	buf_adds(b, "</title><style>");
	buf_adds(b, style);
	buf_adds(b, "</style></head>\n<body>\n<h1>");
	page_text(b, title);
	buf_adds(b, "</h1>\n");
}

static void reply(struct http_req *req, int status, struct buf *b, const char *forms)
{
	uint8_t hash[DIGEST_LEN];
	char b64[TEXT_B64_LEN(DIGEST_LEN)], csp[256];
	buf_adds(b, "</body></html>\n");
	digest_sha256(style, sizeof style - 1, hash);
	(void)text_b64(hash, sizeof hash, b64);
	(void)snprintf(
	    csp, sizeof csp,
	    "default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action %s; frame-ancestors 'none'", b64,
	    forms);
	if (b->bad) {
		http_problem_code(req, PROBLEM_INTERNAL, NULL);
	} else {
		http_reply_header(req, "Content-Security-Policy", csp);
		http_reply_header(req, "Referrer-Policy", "no-referrer");
		http_reply(req, status, "text/html; charset=utf-8", b->data, b->len);
	}
	buf_release(b);
}

void page_reply(struct http_req *req, int status, struct buf *b)
{
	reply(req, status, b, "'none'");
}

void page_reply_form(struct http_req *req, int status, struct buf *b)
{
	reply(req, status, b, "'self'");
}
