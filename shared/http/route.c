/* The route table: which row answers a method and a path, and the {names} of its pattern.
 *
 * Paths are compared decoded; a segment can hold no slash because check.c refuses escaped ones. Where several rows fit
 * the one with the fewest {names} wins, then the earlier. Called by request.c on the library's thread; no state. */
#include "shared/http/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Number of {names} when PATTERN fits PATH, else -1. */
static int fit(const char *pattern, const char *path)
{
	int names = 0;
	while (*pattern == '/' && *path == '/') {
		pattern++;
		path++;
		size_t want = strcspn(pattern, "/"), got = strcspn(path, "/");
		if (*pattern == '{') {
			if (got == 0) return -1;
			names++;
		} else if (want != got || strncmp(pattern, path, got) != 0) {
			return -1;
		}
		pattern += want;
		path += got;
	}
	return *pattern == '\0' && *path == '\0' ? names : -1;
}

int http_route_check(const struct http_route *routes, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const struct http_route *r = &routes[i];
		if (!r->method || !r->path || !r->fn || r->path[0] != '/')
			return err_set(e, ERR_INVALID, "route %zu lacks method, path or handler", i);
		int names = 0;
		for (const char *p = r->path; *p; p++) {
			if (*p != '{') continue;
			const char *end = strchr(p, '}');
			if (p[-1] != '/' || !end || (end[1] && end[1] != '/'))
				return err_set(e, ERR_INVALID, "route %s: a {name} must be a whole segment", r->path);
			names++;
		}
		if (names > HTTP_PARAMS_MAX) return err_set(e, ERR_INVALID, "route %s has too many names", r->path);
		if ((r->flags & HTTP_JSON) && r->body_max == 0)
			return err_set(e, ERR_INVALID, "route %s wants JSON and allows no body", r->path);
		if ((r->flags & HTTP_STREAM) && (r->body_max == 0 || (r->flags & HTTP_JSON)))
			return err_set(e, ERR_INVALID, "route %s takes a body as it comes and has none, or JSON",
			               r->path);
	}
	return ERR_OK;
}

/* Appends METHOD to the comma-separated ALLOW unless it stands there. */
static void add_method(char *allow, size_t cap, const char *method)
{
	size_t len = strlen(method);
	for (const char *p = allow; *p; p += strcspn(p, ","), p += strspn(p, ", "))
		if (strcspn(p, ",") == len && strncmp(p, method, len) == 0) return;
	size_t used = strlen(allow);
	(void)snprintf(allow + used, cap - used, "%s%s", used ? ", " : "", method);
}

/* Rows for loopback peers do not exist for others. */
static bool visible(const struct http_req *req, const struct http_route *r)
{
	return !(r->flags & HTTP_LOOPBACK) || req->conn->loopback;
}

static const struct http_route *best(const struct http_req *req, const char *method)
{
	const struct http_config *c = &req->server->cfg;
	const struct http_route *found = NULL;
	int fewest = HTTP_PARAMS_MAX + 1;
	for (size_t i = 0; i < c->n_routes; i++) {
		const struct http_route *r = &c->routes[i];
		if (strcmp(r->method, method) != 0 || !visible(req, r)) continue;
		int names = fit(r->path, req->path);
		if (names < 0 || names >= fewest) continue;
		found = r;
		fewest = names;
	}
	return found;
}

const struct http_route *http_route_find(const struct http_req *req, char *allow, size_t cap)
{
	allow[0] = '\0';
	const struct http_config *c = &req->server->cfg;
	const struct http_route *found = best(req, req->method);
	if (!found && strcmp(req->method, "HEAD") == 0) found = best(req, "GET");
	if (found) return found;
	for (size_t i = 0; i < c->n_routes; i++) {
		const struct http_route *r = &c->routes[i];
		if (!visible(req, r) || fit(r->path, req->path) < 0) continue;
		add_method(allow, cap, r->method);
		if (strcmp(r->method, "GET") == 0) add_method(allow, cap, "HEAD");
	}
	return NULL;
}

bool http_route_params(struct http_req *req)
{
	const char *pattern = req->route->path;
	if (!strchr(pattern, '{')) return true;
	char *text = req->param_text = strdup(req->path);
	if (!text) return false;
	size_t n = 0;
	while (*pattern) {
		bool name = *++pattern == '{';
		*text++ = '\0';
		if (name) req->params[n++] = text;
		pattern += strcspn(pattern, "/");
		text += strcspn(text, "/");
	}
	return true;
}

const char *http_req_param(const struct http_req *req, const char *name)
{
	size_t n = 0, len = strlen(name);
	for (const char *p = strchr(req->route->path, '{'); p; p = strchr(p + 1, '{'), n++)
		if (strncmp(p + 1, name, len) == 0 && p[1 + len] == '}') return req->params[n];
	return NULL;
}
