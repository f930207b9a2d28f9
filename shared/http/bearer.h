/* A session's token on its way: Authorization header for tools, a __Host- cookie for browsers, and the check that a
 * browser's unsafe call comes from our own page. Both faces, box and county, use it. */
#ifndef XINKE_BEARER_H
#define XINKE_BEARER_H

#include "shared/account.h"
#include "shared/http/http.h"

/* The request's token, by Authorization before Cookie; false when it has none of a token's size. */
bool bearer_token(const struct http_req *req, char out[ACCOUNT_TOKEN_MAX], bool *by_cookie);
/* The token of the phone that the request comes from: Xinke-Device header for tools, a cookie of its own for browsers. */
bool bearer_device(const struct http_req *req, char out[ACCOUNT_TOKEN_MAX]);
/* May a call that a cookie vouches for change anything? A browser sends its cookie whoever wrote the page. Other than GET
 * and HEAD must carry Xinke-Client, which no form of another site can (and no script of one without leave by CORS, which
 * nothing here gives); and where the browser says whence it comes (Sec-Fetch-Site, Origin), it must be this very origin. */
bool bearer_own_page(const struct http_req *req, const struct http_route *route);
/* Adds Set-Cookie with TOKEN, or one that ends the cookie (NULL). */
void bearer_set_cookie(struct http_req *req, const char *token);
/* Adds Set-Cookie with a phone's TOKEN; it outlives the sessions. */
void bearer_set_device(struct http_req *req, const char *token);

#endif
