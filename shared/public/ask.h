/* What a citizen asks of a public page, read from the request and checked; what both ends answer where there is nothing to
 * look up.
 *
 * No account and no cookie: a session that the browser holds is neither read nor shown. Each end (sync/county/public.c,
 * gateway/public.c) looks up what is asked and hands it to the drawing parts: guides.h, progress.h, ratings.h. */
#ifndef XINKE_PUBLIC_ASK_H
#define XINKE_PUBLIC_ASK_H

#include "shared/http/http.h"
#include "shared/public/limiter.h"

#define ASK_TOKEN_MAX 64    /* bytes of the token in an address */
#define ASK_BODY_MAX  12288 /* bytes of a body: 1,000 characters of three bytes, each written %XX, and the rest */
#define ASK_QUERY_MAX 50    /* characters that are searched for */

struct ask {
	bool html;   /* a page is wanted, not JSON */
	bool large;  /* 大字版 */
	bool form;   /* what was sent is a form */
	bool screen; /* it is for a turned screen, which may have a scanner: set by the box */
	char token[ASK_TOKEN_MAX + 1];
	char code[161];                /* of an item */
	char q[4 * ASK_QUERY_MAX + 1]; /* what is searched for */
};

/* Reads Accept, `large` and, where SEARCH, `q`, and the route's token or code. Takes a place of LIMITER (borrowed) for the
 * caller's address at MONO (ms). Answers REQ and returns false where it may not go on; *LIMITED tells whether for that. */
bool ask_read(struct http_req *req, struct limiter *limiter, int64_t mono, bool search, struct ask *a, bool *limited);

/* 429 with the words of a page or a problem of CODE, for WAIT ms. */
void ask_wait(struct http_req *req, const struct ask *a, enum problem_code code, int64_t wait);
/* 404 in either form: TITLE and WORDS for people. */
void ask_missing(struct http_req *req, const struct ask *a, const char *title, const char *words);
/* A page of TITLE and WORDS alone. */
void ask_words(struct http_req *req, const struct ask *a, int status, const char *title, const char *words);
/* The first page: what can be asked here. STATION is the name of the place it stands at, NULL at the county. */
void ask_home(struct http_req *req, const struct ask *a, const char *station);

#endif
