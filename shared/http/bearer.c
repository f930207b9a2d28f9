/* See bearer.h. Called on the thread that serves. */
#include "shared/http/bearer.h"

#include <stdio.h>
#include <string.h>

#define COOKIE            "__Host-xinke"
#define COOKIE_ATTRIBUTES "; Path=/; Secure; HttpOnly; SameSite=Strict"

static bool copy_token(const char *from, size_t len, char out[ACCOUNT_TOKEN_MAX])
{
	if (len == 0 || len >= ACCOUNT_TOKEN_MAX) return false;
	memcpy(out, from, len);
	out[len] = '\0';
	return true;
}

bool bearer_token(const struct http_req *req, char out[ACCOUNT_TOKEN_MAX], bool *by_cookie)
{
	const char *h = http_req_header(req, "Authorization");
	*by_cookie = !h;
	if (h) return strncmp(h, "Bearer ", 7) == 0 && copy_token(h + 7, strlen(h + 7), out);
	for (h = http_req_header(req, "Cookie"); h && *h; h += strcspn(h, ";"), h += strspn(h, "; ")) {
		if (strncmp(h, COOKIE "=", sizeof COOKIE) != 0) continue;
		h += sizeof COOKIE;
		return copy_token(h, strcspn(h, ";"), out);
	}
	return false;
}

bool bearer_own_page(const struct http_req *req, const struct http_route *route)
{
	const char *site = http_req_header(req, "Sec-Fetch-Site"), *origin = http_req_header(req, "Origin");
	const char *host = http_req_header(req, "Host");
	if (strcmp(route->method, "GET") == 0) return true;
	if (site) return strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
	return origin && host && strncmp(origin, "https://", 8) == 0 && strcmp(origin + 8, host) == 0;
}

void bearer_set_cookie(struct http_req *req, const char *token)
{
	char cookie[sizeof COOKIE COOKIE_ATTRIBUTES "; Max-Age=0" + ACCOUNT_TOKEN_MAX];
	(void)snprintf(cookie, sizeof cookie, COOKIE "=%s" COOKIE_ATTRIBUTES "%s", token ? token : "",
	               token ? "" : "; Max-Age=0");
	http_reply_header(req, "Set-Cookie", cookie);
	explicit_bzero(cookie, sizeof cookie);
}
