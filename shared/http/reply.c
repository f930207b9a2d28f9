/* Answers: headers common to all, plain bodies, JSON, problems, and the help page of a problem.
 *
 * Functions here run on the library's thread or, while a request is parked, on the thread that answers it; they touch
 * the request alone, never the server, which may have taken a parked request back. Only http_reply_queue, always on
 * the library's thread, hands the answer over. Without memory the answer becomes a constant 500, or the line is cut. */
#include "shared/http/internal.h"

#include "shared/canon.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PROBLEM_MEDIA "application/problem+json"
#define HELP_MAX      4096
#define CONTENT_BLOCK 65536              /* asked for at once */
#define REPLY_MAX     (64 * 1024 * 1024) /* no answer of ours comes near it */

void http_reply_header(struct http_req *req, const char *name, const char *value)
{
	size_t n = strlen(name) + 1, v = strlen(value) + 1;
	for (size_t i = 0; i + 1 < v; i++)
		assert((unsigned char)value[i] >= ' ' && value[i] != 0x7f);
	struct http_header *h = malloc(sizeof *h + n + v);
	if (!h) {
		req->lost = true;
		return;
	}
	memcpy(h->name, name, n);
	h->value = h->name + n;
	memcpy(h->value, value, v);
	h->next = req->headers;
	req->headers = h;
}

static void free_headers(struct http_req *req)
{
	for (struct http_header *h = req->headers, *next; h; h = next) {
		next = h->next;
		free(h);
	}
	req->headers = NULL;
}

void http_reply_release(struct http_req *req)
{
	free_headers(req);
	if (req->response) MHD_destroy_response(req->response);
	req->response = NULL;
	req->status = 0;
	req->lost = false;
}

/* Without memory for anything better. */
static struct MHD_Response *last_resort(void)
{
	static const char text[] = "{\"type\":\"/problems/internal\",\"title\":\"Something broke here\",\"status\":500,"
	                           "\"code\":\"internal\"}";
	struct MHD_Response *r =
	    MHD_create_response_from_buffer(sizeof text - 1, (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
	if (r) (void)MHD_add_response_header(r, "Content-Type", PROBLEM_MEDIA);
	return r;
}

/* What every answer carries unless its handler says otherwise: for pages that are ours and for all that is none, which a
 * browser must not take for one. A page that needs more (a style, a picture) names its own policy, and no wider than that.
 * Sources: OWASP ASVS 5.0 chapter V3.4, RFC 6797 for HSTS. */
static const struct guard {
	const char *name, *value;
	enum http_guarded from; /* answers guarded so much carry it */
} guards[] = {
    {"Cache-Control", "no-store", HTTP_TERSE},
    {"X-Content-Type-Options", "nosniff", HTTP_TERSE},
    {"Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
     HTTP_PLAIN},
    {"Referrer-Policy", "no-referrer", HTTP_PLAIN},
    {"Permissions-Policy", "camera=(self), geolocation=(), microphone=(), payment=(), usb=()", HTTP_PLAIN},
    {"Cross-Origin-Opener-Policy", "same-origin", HTTP_SECURE}, /* browsers heed it there alone */
    {"Cross-Origin-Resource-Policy", "same-origin", HTTP_PLAIN},
    {"Strict-Transport-Security", "max-age=31536000", HTTP_SECURE},
};

static bool has_header(const struct http_req *req, const char *name)
{
	const struct http_header *h = req->headers;
	while (h && strcasecmp(h->name, name) != 0)
		h = h->next;
	return h != NULL;
}

static bool add_guards(const struct http_req *req, struct MHD_Response *r)
{
	bool ok = true;
	for (size_t i = 0; i < sizeof guards / sizeof *guards && ok; i++)
		if (guards[i].from <= req->guarded && !has_header(req, guards[i].name))
			ok = MHD_add_response_header(r, guards[i].name, guards[i].value) == MHD_YES;
	return ok;
}

static bool add_headers(struct http_req *req, struct MHD_Response *r, const char *media)
{
	bool ok = !req->lost && (!media || MHD_add_response_header(r, "Content-Type", media) == MHD_YES);
	for (struct http_header *h = req->headers; h && ok; h = h->next)
		ok = MHD_add_response_header(r, h->name, h->value) == MHD_YES;
	return ok && add_guards(req, r);
}

/* Takes R (NULL = no memory) as the answer. */
static void answer(struct http_req *req, int status, const char *media, struct MHD_Response *r)
{
	assert(!req->status);
	if (r && !add_headers(req, r, media)) {
		MHD_destroy_response(r);
		r = NULL;
	}
	if (!r) {
		free_headers(req); /* they were for another answer */
		status = 500;
		r = last_resort();
		if (r) (void)add_guards(req, r);
	}
	if (r) (void)MHD_add_response_header(r, "X-Request-Id", req->id);
	free_headers(req);
	req->response = r;
	req->status = status;
}

void http_reply(struct http_req *req, int status, const char *media, const void *body, size_t len)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(len, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
	answer(req, status, media, r);
}

static ssize_t give(void *cls, uint64_t pos, char *out, size_t len)
{
	const struct http_content *c = cls;
	return c->read(c->arg, (int64_t)pos, out, len) ? MHD_CONTENT_READER_END_WITH_ERROR : (ssize_t)len;
}

static void give_free(void *cls)
{
	struct http_content *c = cls;
	c->release(c->arg);
	free(c);
}

void http_reply_content(struct http_req *req, int status, const char *media, int64_t size,
                        const struct http_content *content)
{
	struct MHD_Response *r = NULL;
	struct http_content *c = malloc(sizeof *c);
	if (c) {
		*c = *content;
		r = MHD_create_response_from_callback((uint64_t)size, CONTENT_BLOCK, give, c, give_free);
		if (!r) free(c);
	}
	if (!r) content->release(content->arg);
	answer(req, status, media, r);
}

static void reply_json(struct http_req *req, int status, const char *media, json_t *body)
{
	struct buf b;
	size_t len = 0;
	buf_init(&b, REPLY_MAX);
	(void)buf_reserve(&b, 2000);
	if (body) canon_compact(body, &b);
	char *text = body ? buf_steal(&b, &len) : NULL; /* NULL when it did not fit into memory */
	json_decref(body);
	buf_release(&b);
	struct MHD_Response *r = NULL;
	if (text) r = MHD_create_response_from_buffer_with_free_callback(len, text, free);
	if (text && !r) free(text);
	answer(req, status, media, r);
}

void http_reply_json(struct http_req *req, int status, json_t *body)
{
	reply_json(req, status, "application/json", body);
}

static void add_retry_after(struct http_req *req, const struct problem *p)
{
	const json_t *s = json_object_get(p->members, "retry_after_s");
	if (!json_is_integer(s)) return;
	struct buf b;
	buf_init(&b, 24);
	buf_addf(&b, "%lld", (long long)json_integer_value(s));
	if (!b.bad) http_reply_header(req, "Retry-After", b.data);
	buf_release(&b);
}

void http_problem(struct http_req *req, struct problem *p)
{
	if (p->code == PROBLEM_NONE) p->code = PROBLEM_INTERNAL;
	int status = problem_row(p->code)->status;
	add_retry_after(req, p);
	if (status == 401) http_reply_header(req, "WWW-Authenticate", "Bearer"); /* RFC 9110 section 11.6.1 */
	reply_json(req, status, PROBLEM_MEDIA, problem_json(p, req->id));
	problem_release(p);
}

void http_problem_code(struct http_req *req, enum problem_code code, const char *detail)
{
	struct problem p = {0};
	problem_set(&p, code, detail ? "%s" : NULL, detail);
	http_problem(req, &p);
}

/* Queues what was put together; a handler that answered nothing gets a 500. */
enum MHD_Result http_reply_queue(struct http_req *req)
{
	if (atomic_load(&req->claim) == HTTP_FORCED) {
		/* whoever was to answer may still be writing to REQ: make the answer beside it */
		struct http_req plain = {
		    .mhd = req->mhd, .server = req->server, .guarded = req->guarded, .close = true};
		memcpy(plain.id, req->id, sizeof plain.id);
		http_problem_code(&plain, PROBLEM_STOPPING, NULL);
		enum MHD_Result ok = http_reply_queue(&plain);
		http_reply_release(&plain);
		return ok;
	}
	if (!req->status) http_problem_code(req, PROBLEM_INTERNAL, NULL);
	if (!req->response) return MHD_NO;
	if (req->close || http_stopping(req->server))
		(void)MHD_add_response_header(req->response, "Connection", "close");
	return MHD_queue_response(req->mhd, (unsigned)req->status, req->response);
}

struct allowed {
	const char *const *names;
	struct problem problem;
};

static enum MHD_Result judge_key(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	(void)kind;
	(void)value;
	struct allowed *a = cls;
	for (size_t i = 0; a->names[i]; i++)
		if (strcmp(a->names[i], key) == 0) return MHD_YES;
	struct buf pointer;
	buf_init(&pointer, 256);
	buf_addf(&pointer, "/?%s", key);
	problem_field(&a->problem, pointer.bad ? "/?" : pointer.data, "unknown", "no such query parameter");
	buf_release(&pointer);
	return MHD_YES;
}

bool http_req_query_only(struct http_req *req, const char *const *names)
{
	struct allowed a = {.names = names};
	(void)MHD_get_connection_values(req->mhd, MHD_GET_ARGUMENT_KIND, judge_key, &a);
	if (!problem_any(&a.problem)) return true;
	http_problem(req, &a.problem);
	return false;
}

static void add_escaped(struct buf *b, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&': buf_adds(b, "&amp;"); break;
		case '<': buf_adds(b, "&lt;"); break;
		case '>': buf_adds(b, "&gt;"); break;
		case '"': buf_adds(b, "&quot;"); break;
		default: buf_addc(b, *s);
		}
	}
}

void http_problem_help(struct http_req *req, void *ctx)
{
	(void)ctx;
	const char *code = http_req_param(req, "code");
	const struct problem_row *row = code ? problem_by_name(code) : NULL;
	if (!row) {
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
		return;
	}
	struct buf b;
	buf_init(&b, HELP_MAX);
	buf_adds(&b, "<!doctype html>\n<html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>");
	add_escaped(&b, row->name);
	buf_adds(&b, "</title>\n<h1>");
	add_escaped(&b, row->zh);
	buf_adds(&b, "</h1>\n<div lang=\"en\"><h2>");
	add_escaped(&b, row->title);
	buf_adds(&b, "</h2>\n<p>");
	add_escaped(&b, row->help);
	buf_addf(&b, "</p>\n<p><code>%s</code>, HTTP %d</p></div></html>\n", row->name, row->status);
	if (b.bad)
		http_problem_code(req, PROBLEM_INTERNAL, NULL);
	else
		http_reply(req, 200, "text/html; charset=utf-8", b.data, b.len);
	buf_release(&b);
}
