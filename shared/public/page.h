/* Small pages without scripts, for people who come with a browser: what a citizen sees of box and county alike.
 *
 * Large type (适老化, 国办发〔2020〕45号): every page exists twice, the second with `?large=1`, which links and forms keep. Body
 * text is 18 px, 22 px there; what is touched is 44 px high, 60 px there; every colour has a contrast of 7:1 or more to
 * its ground; nothing is wider than 320 px. Whatever comes from outside goes through page_text. */
#ifndef XINKE_PUBLIC_PAGE_H
#define XINKE_PUBLIC_PAGE_H

#include "shared/buf.h"
#include "shared/http/http.h"

#define PAGE_MAX 1048576 /* bytes: a catalog of 2,000 items */

/* A page being put together; open, add, reply. */
struct page {
	struct buf b;
	bool large; /* 大字版 */
	bool form;  /* it holds a form, which may be sent to where it came from */
};

/* Begins a page in Chinese with TITLE (text) into P, which is initialised here. */
void page_open(struct page *p, bool large, const char *title);
/* Adds markup of ours, as it is. */
void page_html(struct page *p, const char *html);
/* Adds text from outside: escaped, and isolated, so that marks of its direction end with it. */
void page_text(struct page *p, const char *text);
/* Adds text from outside as the value of an attribute, in double quotes. */
void page_attribute(struct page *p, const char *text);
/* A paragraph, a term with what it is, a heading; all texts. */
void page_para(struct page *p, const char *text);
void page_row(struct page *p, const char *term, const char *text);
void page_heading(struct page *p, const char *text);
/* A link to PATH (of ours, percent-encoded), drawn as something to press. */
void page_link(struct page *p, const char *path, const char *text);
/* Begins a form that goes to PATH by METHOD ("get", "post"), and ends it with a button. */
void page_form(struct page *p, const char *method, const char *path);
void page_form_end(struct page *p, const char *button);
/* The last lines: home, and the switch between the types. SELF is the page's own path and query (percent-encoded) without
 * `large`; NULL where it cannot be asked for again. */
void page_foot(struct page *p, const char *self);
/* Adds TEXT percent-encoded (RFC 3986, unreserved characters alone as they are): for paths and queries. */
void page_encode(struct buf *out, const char *text);
/* Ends the page and answers STATUS with it, not to be kept by anybody; releases P. */
void page_reply(struct http_req *req, int status, struct page *p);
/* The same for what is everybody's and changes seldom: kept for minutes, asked for again by its ETag. */
void page_reply_kept(struct http_req *req, struct page *p);
/* Answers with JSON of that kind; takes BODY (NULL: out of memory). */
void page_reply_kept_json(struct http_req *req, json_t *body);

#endif
