/* See bearer.h. Called on the thread that serves. */
#include "shared/http/bearer.h"

#include <stdio.h>
#include <string.h>

#define COOKIE            "__Host-xinke"
#define DEVICE_COOKIE     "__Host-xinke-device"
#define DEVICE_HEADER     "Xinke-Device"
#define CLIENT_HEADER     "Xinke-Client"
#define DEVICE_AGE        "; Max-Age=31536000" /* a year after it was last set */
#define COOKIE_ATTRIBUTES "; Path=/; Secure; HttpOnly; SameSite=Strict"

static bool copy_token(const char *from, size_t len, char out[ACCOUNT_TOKEN_MAX])
{
	if (len == 0 || len >= ACCOUNT_TOKEN_MAX) return false;
	memcpy(out, from, len);
	out[len] = '\0';
	return true;
}

static bool cookie_token(const struct http_req *req, const char *name, char out[ACCOUNT_TOKEN_MAX])
{
	size_t n = strlen(name);
	const char *h = http_req_header(req, "Cookie");
	for (; h && *h; h += strcspn(h, ";"), h += strspn(h, "; ")) {
		if (strncmp(h, name, n) != 0 || h[n] != '=') continue;
		h += n + 1;
		return copy_token(h, strcspn(h, ";"), out);
	}
	return false;
}

bool bearer_token(const struct http_req *req, char out[ACCOUNT_TOKEN_MAX], bool *by_cookie)
{
	const char *h = http_req_header(req, "Authorization");
	*by_cookie = !h;
	if (h) return strncmp(h, "Bearer ", 7) == 0 && copy_token(h + 7, strlen(h + 7), out);
	return cookie_token(req, COOKIE, out);
}

bool bearer_device(const struct http_req *req, char out[ACCOUNT_TOKEN_MAX])
{
	const char *h = http_req_header(req, DEVICE_HEADER);
	return h ? copy_token(h, strlen(h), out) : cookie_token(req, DEVICE_COOKIE, out);
}

bool bearer_own_page(const struct http_req *req, const struct http_route *route)
{
	const char *client = http_req_header(req, CLIENT_HEADER), *host = http_req_header(req, "Host");
	const char *site = http_req_header(req, "Sec-Fetch-Site"), *origin = http_req_header(req, "Origin");
	if (strcmp(route->method, "GET") == 0 || strcmp(route->method, "HEAD") == 0) return true;
	if (!client || !*client) return false;
	if (site && strcmp(site, "same-origin") != 0) return false;
	return !origin || (host && strncmp(origin, "https://", 8) == 0 && strcmp(origin + 8, host) == 0);
}

static void set_cookie(struct http_req *req, const char *name, const char *token, const char *more)
{
	char cookie[sizeof DEVICE_COOKIE COOKIE_ATTRIBUTES DEVICE_AGE + ACCOUNT_TOKEN_MAX];
	(void)snprintf(cookie, sizeof cookie, "%s=%s" COOKIE_ATTRIBUTES "%s", name, token, more);
	http_reply_header(req, "Set-Cookie", cookie);
	explicit_bzero(cookie, sizeof cookie);
}

void bearer_set_cookie(struct http_req *req, const char *token)
{
	set_cookie(req, COOKIE, token ? token : "", token ? "" : "; Max-Age=0");
}

void bearer_set_device(struct http_req *req, const char *token)
{
	set_cookie(req, DEVICE_COOKIE, token, DEVICE_AGE);
}
