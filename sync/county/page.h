/* Small pages without scripts, for people who come with a browser. */
#ifndef XINKE_COUNTY_PAGE_H
#define XINKE_COUNTY_PAGE_H

#include "shared/buf.h"
#include "shared/http/http.h"

#define PAGE_MAX 65536

/* Begins a page with TITLE (text) in LANG; adds into B, which is initialised here. */
void page_open(struct buf *b, const char *lang, const char *title);
/* Adds text, escaped. */
void page_text(struct buf *b, const char *text);
/* Ends the page and answers STATUS with it; releases B. */
void page_reply(struct http_req *req, int status, struct buf *b);
/* The same of a page with a form that goes back to where the page came from. */
void page_reply_form(struct http_req *req, int status, struct buf *b);

#endif
