/* The HTTP server over plain sockets: routing, every refusal, deadlines, parking, the orderly end.
 *
 * Requests are written byte for byte, since no client library would send the malformed ones. Times have wide bounds:
 * they tell working from hanging, not fast from slow. */
#include "shared/http/http.h"

#include <arpa/inet.h>
#include <assert.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define S(text)    (text), sizeof(text) - 1
#define ANSWER_MAX 65536
#define PATIENCE_S 20

/* --- a small client --- */

struct answer {
	int status; /* 0 = closed without one */
	size_t len;
	bool closed; /* the server ended the connection */
	char text[ANSWER_MAX];
};

static int dial(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	struct timeval t = {PATIENCE_S, 0};
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static bool put(int fd, const void *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = send(fd, (const char *)data + done, len - done, MSG_NOSIGNAL);
		if (n <= 0) return false;
		done += (size_t)n;
	}
	return true;
}

static const char *header(const struct answer *a, const char *name)
{
	for (const char *p = strstr(a->text, "\r\n"); p && strncmp(p, "\r\n\r\n", 4) != 0; p = strstr(p + 2, "\r\n"))
		if (strncasecmp(p + 2, name, strlen(name)) == 0 && p[2 + strlen(name)] == ':')
			return p + 4 + strlen(name);
	return NULL;
}

static bool complete(const struct answer *a, bool head)
{
	const char *end = strstr(a->text, "\r\n\r\n");
	if (!end) return false;
	const char *cl = header(a, "Content-Length");
	return cl && (head || a->len >= (size_t)(end + 4 - a->text) + strtoul(cl, NULL, 10));
}

/* Reads one answer; a further one may follow on the same connection. */
static void get_answer(int fd, struct answer *a, bool head)
{
	memset(a, 0, sizeof *a);
	while (a->len < ANSWER_MAX - 1 && !complete(a, head)) {
		ssize_t n = recv(fd, a->text + a->len, ANSWER_MAX - 1 - a->len, 0);
		if (n <= 0) {
			a->closed = true;
			break;
		}
		a->len += (size_t)n;
		if (strncmp(a->text, "HTTP/1.1 100", 12) == 0 && strstr(a->text, "\r\n\r\n")) {
			size_t skip = (size_t)(strstr(a->text, "\r\n\r\n") + 4 - a->text);
			memmove(a->text, a->text + skip, a->len - skip + 1);
			a->len -= skip;
		}
	}
	if (strncmp(a->text, "HTTP/1.1 ", 9) == 0) a->status = (int)strtol(a->text + 9, NULL, 10);
}

static bool ended(int fd)
{
	char c;
	return recv(fd, &c, 1, 0) <= 0;
}

static void ask(uint16_t port, const char *data, size_t len, struct answer *a)
{
	int fd = dial(port);
	(void)put(fd, data, len);
	get_answer(fd, a, strncmp(data, "HEAD", 4) == 0);
	close(fd);
}

static int64_t now_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void nap(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
	(void)nanosleep(&t, NULL);
}

/* --- the server under test --- */

#define PARK_MAX 256

struct world {
	struct http_server *server;
	uint16_t port;
	atomic_int done, done_refused, freed, bodies_started;
	pthread_mutex_t lock;
	pthread_cond_t some;
	struct http_req *parked[PARK_MAX];
	unsigned n_parked;
	bool hold; /* the answering thread leaves parked ones alone */
	bool quit;
	pthread_t answerer;
};

static void text(struct http_req *req, void *ctx)
{
	(void)ctx;
	http_reply(req, 200, "text/plain", "pong", 4);
}

static void show(struct http_req *req, void *ctx)
{
	(void)ctx;
	static const char *const names[] = {"q", "limit", NULL};
	if (!http_req_query_only(req, names)) return;
	const char *q = http_req_query(req, "q"), *id = http_req_param(req, "id");
	http_reply_header(req, "X-Route", http_req_route(req)->path);
	http_reply_json(req, 200,
	                json_pack("{s:s?, s:s?, s:s, s:s}", "id", id, "q", q, "path", http_req_path(req), "peer",
	                          http_req_peer(req)));
}

static void echo(struct http_req *req, void *ctx)
{
	(void)ctx;
	size_t len;
	const void *body = http_req_body(req, &len);
	http_reply(req, 200, "application/octet-stream", body, len);
}

static void json(struct http_req *req, void *ctx)
{
	(void)ctx;
	http_reply_json(req, 201, json_incref(http_req_json(req)));
}

static void key(struct http_req *req, void *ctx)
{
	(void)ctx;
	const uint8_t *k = http_req_key(req);
	char out[8];
	(void)snprintf(out, sizeof out, "%02x%02x", k[0], k[15]);
	http_reply(req, 200, "text/plain", out, 4);
}

static void counted_free(void *p)
{
	atomic_fetch_add((atomic_int *)p, 1);
}

static bool let_in(struct http_req *req, const struct http_route *route, void *ctx)
{
	(void)route;
	struct world *w = ctx;
	http_req_set_user(req, &w->freed, counted_free);
	const char *h = http_req_header(req, "X-Let-In");
	if (h && strcmp(h, "yes") == 0) return true;
	struct problem p = {0};
	problem_set(&p, PROBLEM_LOCKED, NULL);
	problem_member(&p, "retry_after_s", json_integer(7));
	if (h)
		http_problem(req, &p);
	else
		http_problem_code(req, PROBLEM_UNAUTHENTICATED, NULL);
	problem_release(&p);
	return false;
}

static void silent(struct http_req *req, void *ctx)
{
	(void)req;
	(void)ctx;
}

static void cached(struct http_req *req, void *ctx)
{
	(void)ctx;
	http_reply_header(req, "Cache-Control", "max-age=60");
	http_reply(req, 204, NULL, "", 0);
}

static void park(struct http_req *req, void *ctx)
{
	struct world *w = ctx;
	http_suspend(req);
	pthread_mutex_lock(&w->lock);
	assert(w->n_parked < PARK_MAX);
	w->parked[w->n_parked++] = req;
	pthread_cond_signal(&w->some);
	pthread_mutex_unlock(&w->lock);
}

static void *answer_parked(void *arg)
{
	struct world *w = arg;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->quit && (w->hold || w->n_parked == 0))
			pthread_cond_wait(&w->some, &w->lock);
		if (w->n_parked == 0) break;
		struct http_req *req = w->parked[--w->n_parked];
		pthread_mutex_unlock(&w->lock);
		const char *n = http_req_query(req, "n");
		http_reply_json(req, 200, json_pack("{s:s?}", "n", n));
		http_resume(req);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* What a program's `drain` does: answer all that is parked and be done. */
static void drain(void *arg)
{
	struct world *w = arg;
	pthread_mutex_lock(&w->lock);
	w->quit = true;
	pthread_cond_signal(&w->some);
	pthread_mutex_unlock(&w->lock);
}

static void done(const char *method, const char *route, int status, int64_t us, void *ctx)
{
	(void)method;
	struct world *w = ctx;
	assert(us >= 0);
	if (!route || status >= 400) atomic_fetch_add(&w->done_refused, 1);
	atomic_fetch_add(&w->done, 1);
}

static const struct http_route routes[] = {
    {"GET", "/", 0, 0, HTTP_OPEN, text, "root"},
    {"GET", "/ping", 0, 0, HTTP_OPEN, text, "ping"},
    {"GET", "/api/v1/cases/{id}", 0, 0, HTTP_OPEN, show, "read"},
    {"GET", "/api/v1/cases/search", 0, 0, HTTP_OPEN, show, "search"},
    {"DELETE", "/api/v1/cases/{id}", 0, 0, HTTP_OPEN, text, "delete"},
    {"GET", "/api/v1/cases/{id}/events/{n}", 0, 0, HTTP_OPEN, show, "event"},
    {"POST", "/echo", 0, 4096, HTTP_OPEN, echo, "echo"},
    {"POST", "/big", 0, 1 << 20, HTTP_OPEN, echo, "echo"},
    {"POST", "/json", 0, 1024, HTTP_OPEN | HTTP_JSON, json, "json"},
    {"POST", "/key", 0, 64, HTTP_OPEN | HTTP_KEY, key, "key"},
    {"GET", "/private", 0, 0, 0, text, "private"},
    {"POST", "/private", 0, 1 << 20, 0, echo, "private"},
    {"GET", "/cert", 0, 0, HTTP_OPEN | HTTP_CERT, text, "cert"},
    {"GET", "/park", 0, 0, HTTP_OPEN, park, "park"},
    {"POST", "/park", 0, 1024, HTTP_OPEN, park, "park"},
    {"GET", "/loop", 0, 0, HTTP_OPEN | HTTP_LOOPBACK, text, "loopback"},
    {"GET", "/silent", 0, 0, HTTP_OPEN, silent, "answers nothing"},
    {"GET", "/cached", 0, 0, HTTP_OPEN, cached, "own cache header"},
    {"GET", "/problems/{code}", 0, 0, HTTP_OPEN, http_problem_help, "help"},
};

static struct world *start(unsigned threads, unsigned deadline_ms, unsigned idle_s)
{
	struct world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->some, NULL);
	struct http_config cfg = {
	    .threads = threads,
	    .routes = routes,
	    .n_routes = sizeof routes / sizeof *routes,
	    .authorize = let_in,
	    .on_done = done,
	    .ctx = w,
	    .request_deadline_ms = deadline_ms,
	    .idle_timeout_s = idle_s,
	    .max_connections = 600,
	};
	struct err e = {0};
	if (http_open(&cfg, &w->server, &e)) fail_msg("%s", e.msg);
	w->port = http_port(w->server);
	assert_int_equal(pthread_create(&w->answerer, NULL, answer_parked, w), 0);
	return w;
}

static void stop(struct world *w)
{
	http_close(w->server, drain, w, 5000);
	pthread_join(w->answerer, NULL);
	pthread_cond_destroy(&w->some);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static int up(void **state)
{
	*state = start(1, 0, 0);
	return 0;
}

static int down(void **state)
{
	stop(*state);
	return 0;
}

/* --- requests and what they must get --- */

struct exchange {
	const char *name;
	const char *request;
	size_t len;
	int status;
	const char *holds; /* in the answer, or NULL */
};

#define GET(target)        "GET " target " HTTP/1.1\r\nHost: box\r\n\r\n"
#define POST(target, more) "POST " target " HTTP/1.1\r\nHost: box\r\n" more
#define UUID               "3f2504e0-4f89-41d3-9a0c-0305e82c3301"

static const struct exchange exchanges[] = {
    /* routing */
    {"plain", S(GET("/ping")), 200, "pong"},
    {"root", S(GET("/")), 200, "pong"},
    {"head follows get", S("HEAD /ping HTTP/1.1\r\nHost: box\r\n\r\n"), 200, "Content-Length: 4"},
    {"parameter", S(GET("/api/v1/cases/a1")), 200, "\"id\":\"a1\""},
    {"decoded parameter", S(GET("/api/v1/cases/%E4%BF%A1%20x")), 200, "\"id\":\"信 x\""},
    {"literal wins over name", S(GET("/api/v1/cases/search")), 200, "X-Route: /api/v1/cases/search"},
    {"two parameters", S(GET("/api/v1/cases/a/events/7")), 200, "\"id\":\"a\""},
    {"query", S(GET("/api/v1/cases/a?q=%E4%BF%A1+b%2Bc&limit=")), 200, "\"q\":\"信 b+c\""},
    {"bare query", S(GET("/api/v1/cases/a?q")), 200, "\"q\":\"\""},
    {"absent query", S(GET("/api/v1/cases/a")), 200, "\"q\":null"},
    {"peer", S(GET("/api/v1/cases/a")), 200, "\"peer\":\"127.0.0.1\""},
    {"unknown query", S(GET("/api/v1/cases/a?zz=1")), 422, "/?zz"},
    {"empty parameter", S(GET("/api/v1/cases/")), 404, "not_found"},
    {"trailing slash", S(GET("/ping/")), 404, "not_found"},
    {"unknown path", S(GET("/nowhere")), 404, "\"type\":\"/problems/not_found\""},
    {"unknown method", S("BREW /ping HTTP/1.1\r\nHost: box\r\n\r\n"), 405, "Allow: GET, HEAD"},
    {"other method", S("PUT /api/v1/cases/a HTTP/1.1\r\nHost: box\r\nContent-Length: 0\r\n\r\n"), 405,
     "Allow: GET, HEAD, DELETE"},
    {"lower-case method", S("get /ping HTTP/1.1\r\nHost: box\r\n\r\n"), 405, NULL},
    {"loopback", S(GET("/loop")), 200, "pong"},
    {"no certificate", S(GET("/cert")), 403, "certificate_required"},
    {"answers nothing", S(GET("/silent")), 500, "internal"},
    {"own cache header", S(GET("/cached")), 204, "Cache-Control: max-age=60"},
    {"help", S(GET("/problems/stale")), 200, "内容已被更新"},
    {"no help", S(GET("/problems/none")), 404, "not_found"},
    /* authorization */
    {"not let in", S(GET("/private")), 401, "WWW-Authenticate: Bearer"},
    {"refused with retry", S("GET /private HTTP/1.1\r\nHost: box\r\nX-Let-In: no\r\n\r\n"), 429, "Retry-After: 7"},
    {"let in", S("GET /private HTTP/1.1\r\nHost: box\r\nX-Let-In: yes\r\n\r\n"), 200, "pong"},
    {"body of a stranger", S(POST("/private", "Content-Length: 1000000\r\n\r\nabc")), 401, "Connection: close"},
    /* target */
    {"%00", S(GET("/ping%00zzz")), 400, "malformed_request"},
    {"%00 in query", S(GET("/api/v1/cases/a?q=a%00b")), 400, "control"},
    {"escaped newline", S(GET("/api/v1/cases/a%0Ab")), 400, "control"},
    {"escaped DEL", S(GET("/api/v1/cases/a%7f")), 400, "control"},
    {"escaped C1", S(GET("/api/v1/cases/a%c2%85")), 400, "control"},
    {"escaped slash", S(GET("/api/v1/cases/a%2Fb")), 400, "slash"},
    {"bad escape", S(GET("/api/v1/cases/a%4")), 400, "escape"},
    {"bad escape 2", S(GET("/api/v1/cases/%zz")), 400, "escape"},
    {"bad escape in query", S(GET("/api/v1/cases/a?q=%")), 400, "escape"},
    {"not UTF-8", S(GET("/api/v1/cases/%ff")), 400, "UTF-8"},
    {"overlong UTF-8", S(GET("/api/v1/cases/%c0%af")), 400, "UTF-8"},
    {"raw UTF-8", S(GET("/api/v1/cases/\xe4\xbf\xa1")), 400, "escaped"},
    {"dot segment", S(GET("/api/v1/cases/..")), 400, "dot segment"},
    {"escaped dot segment", S(GET("/api/%2e%2e/ping")), 400, "dot segment"},
    {"fragment", S(GET("/ping#x")), 400, "escaped"},
    {"raw NUL", S(GET("/ping\0zzz")), 400, "request line"},
    {"absolute form", S(GET("http://box/ping")), 400, "begin with"},
    {"repeated parameter", S(GET("/api/v1/cases/a?q=1&q=2")), 400, "repeated"},
    {"repeated escaped parameter", S(GET("/api/v1/cases/a?q=1&%71=2")), 400, "repeated"},
    /* headers */
    {"two spaces", S("GET  /ping HTTP/1.1\r\nHost: box\r\n\r\n"), 400, "request line"},
    {"no Host", S("GET /ping HTTP/1.1\r\nX: y\r\n\r\n"), 400, NULL},
    {"no Host in 1.0", S("GET /ping HTTP/1.0\r\nX: y\r\n\r\n"), 400, "Host"},
    {"HTTP/1.0", S("GET /ping HTTP/1.0\r\nHost: box\r\n\r\n"), 200, "pong"},
    {"empty Host", S("GET /ping HTTP/1.1\r\nHost:\r\n\r\n"), 400, "Host"},
    {"odd Host", S("GET /ping HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400, "Host"},
    {"two Hosts", S("GET /ping HTTP/1.1\r\nHost: box\r\nHost: box\r\n\r\n"), 400, "repeated"},
    {"two Hosts, cases", S("GET /ping HTTP/1.1\r\nHost: box\r\nhOST: box\r\n\r\n"), 400, "repeated"},
    {"two Authorizations", S("GET /ping HTTP/1.1\r\nHost: box\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n"), 400,
     "repeated"},
    {"two If-Match", S("GET /ping HTTP/1.1\r\nHost: box\r\nIf-Match: a\r\nIf-Match: b\r\n\r\n"), 400, "repeated"},
    {"two of another", S("GET /ping HTTP/1.1\r\nHost: box\r\nVia: a\r\nVia: b\r\n\r\n"), 200, "pong"},
    {"empty value", S("GET /ping HTTP/1.1\r\nX-Empty:\r\nHost: box\r\nX-Blank:   \r\n\r\n"), 200, "pong"},
    {"NUL in a value", S("GET /ping HTTP/1.1\r\nHost: box\r\nX: a\0b\r\nY: c\r\n\r\n"), 400, "NUL"},
    {"NUL in the last value", S("GET /ping HTTP/1.1\r\nHost: box\r\nX: a\0b\r\n\r\n"), 400, "NUL"},
    {"control in a value", S("GET /ping HTTP/1.1\r\nHost: box\r\nX: a\x01z\r\n\r\n"), 400, "control"},
    {"CR in a value", S("GET /ping HTTP/1.1\r\nHost: box\r\nX: a\rb\r\n\r\n"), 400, "control"},
    {"tab in a value", S("GET /ping HTTP/1.1\r\nHost: box\r\nX: a\tb\r\n\r\n"), 200, "pong"},
    {"bare LF after the line", S("GET /ping HTTP/1.1\nHost: box\r\nX: a\r\n\r\n"), 400, "CR LF"},
    {"bare LF between", S("GET /ping HTTP/1.1\r\nHost: box\nX: a\r\n\r\n"), 400, "CR LF"},
    {"bare LF after the last", S("GET /ping HTTP/1.1\r\nHost: box\r\nX: a\n\r\n"), 400, "CR LF"},
    {"bare LF at the end", S("GET /ping HTTP/1.1\r\nHost: box\r\nX: a\r\n\n"), 400, "CR LF"},
    {"all bare LF", S("GET /ping HTTP/1.1\nHost: box\n\n"), 400, "CR LF"},
    {"folded", S("GET /ping HTTP/1.1\r\nHost: box\r\nX: a\r\n b\r\nY: c\r\n\r\n"), 400, "folded"},
    {"folded last", S("GET /ping HTTP/1.1\r\nHost: box\r\nX: a\r\n b\r\n\r\n"), 400, NULL},
    {"space in a name", S("GET /ping HTTP/1.1\r\nHost: box\r\nX y: a\r\n\r\n"), 400, "name"},
    {"space before colon", S("GET /ping HTTP/1.1\r\nHost: box\r\nX : a\r\n\r\n"), 400, "name"},
    {"no colon", S("GET /ping HTTP/1.1\r\nHost: box\r\nnonsense\r\n\r\n"), 400, NULL},
    /* framing */
    {"body", S(POST("/echo", "Content-Length: 5\r\n\r\nhello")), 200, "hello"},
    {"chunked", S(POST("/echo", "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n")), 200,
     "hello"},
    {"empty body", S(POST("/echo", "Content-Length: 0\r\n\r\n")), 200, "Content-Length: 0"},
    {"two lengths", S(POST("/echo", "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello")), 400, "repeated"},
    {"two equal lengths", S(POST("/echo", "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello")), 400, "repeated"},
    {"length list", S(POST("/echo", "Content-Length: 5, 5\r\n\r\nhello")), 400, NULL},
    {"signed length", S(POST("/echo", "Content-Length: +5\r\n\r\nhello")), 400, NULL},
    {"huge length", S(POST("/echo", "Content-Length: 99999999999999999999999\r\n\r\nhello")), 413, NULL},
    {"length and coding", S(POST("/echo", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")), 400,
     "both"},
    {"coding and length", S(POST("/echo", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n")), 400,
     "both"},
    {"other coding", S(POST("/echo", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n")), 400, "coding"},
    {"coding list", S(POST("/echo", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")), 400, "coding"},
    {"two codings", S(POST("/echo", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")), 400,
     "repeated"},
    {"coding in 1.0", S("POST /echo HTTP/1.0\r\nHost: box\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400,
     "coding"},
    {"bad chunk", S(POST("/echo", "Transfer-Encoding: chunked\r\n\r\nzz\r\n")), 400, NULL},
    {"declared too large", S(POST("/echo", "Content-Length: 4097\r\n\r\n")), 413, "too_large"},
    {"too large before 100", S(POST("/echo", "Content-Length: 4097\r\nExpect: 100-continue\r\n\r\n")), 413,
     "too_large"},
    {"body where none is", S("GET /ping HTTP/1.1\r\nHost: box\r\nContent-Length: 3\r\n\r\nabc"), 413, "too_large"},
    {"chunks where none are", S("GET /ping HTTP/1.1\r\nHost: box\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 413,
     NULL},
    /* JSON */
    {"json", S(POST("/json", "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{\"a\":[1]}")), 201,
     "{\"a\":[1]}"},
    {"json charset",
     S(POST("/json", "Content-Type: Application/JSON; charset=\"UTF-8\"\r\nContent-Length: 2\r\n\r\n{}")), 201, "{}"},
    {"other charset", S(POST("/json", "Content-Type: application/json; charset=gbk\r\nContent-Length: 2\r\n\r\n{}")),
     415, NULL},
    {"no type", S(POST("/json", "Content-Length: 2\r\n\r\n{}")), 415, "unsupported_media"},
    {"other type", S(POST("/json", "Content-Type: application/jsonx\r\nContent-Length: 2\r\n\r\n{}")), 415, NULL},
    {"two types",
     S(POST("/json", "Content-Type: application/json\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}")), 400,
     "repeated"},
    {"empty json", S(POST("/json", "Content-Type: application/json\r\nContent-Length: 0\r\n\r\n")), 400,
     "malformed_json"},
    {"json array", S(POST("/json", "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n[]")), 400, "object"},
    {"duplicate key", S(POST("/json", "Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"a\":1,\"a\":2}")),
     400, "duplicate key at byte"},
    {"deep json",
     S(POST("/json", "Content-Type: application/json\r\nContent-Length: 36\r\n\r\n"
                     "[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]")),
     400, "deeper than 16 at byte 16"},
    /* Idempotency-Key */
    {"key", S(POST("/key", "Idempotency-Key: \"" UUID "\"\r\nContent-Length: 0\r\n\r\n")), 200, "3f01"},
    {"bare key", S(POST("/key", "Idempotency-Key: 3F2504E0-4F89-41D3-9A0C-0305E82C3301\r\nContent-Length: 0\r\n\r\n")),
     200, "3f01"},
    {"no key", S(POST("/key", "Content-Length: 0\r\n\r\n")), 400, "key_missing"},
    {"half quoted", S(POST("/key", "Idempotency-Key: \"" UUID "\r\nContent-Length: 0\r\n\r\n")), 400, "key_missing"},
    {"short key", S(POST("/key", "Idempotency-Key: 3f2504e0\r\nContent-Length: 0\r\n\r\n")), 400, "key_missing"},
    {"misplaced dash",
     S(POST("/key", "Idempotency-Key: 3f2504e04-f89-41d3-9a0c-0305e82c3301\r\nContent-Length: 0\r\n\r\n")), 400,
     "key_missing"},
    {"two keys", S(POST("/key", "Idempotency-Key: " UUID "\r\nIdempotency-Key: " UUID "\r\nContent-Length: 0\r\n\r\n")),
     400, "repeated"},
};

static void answers(void **state)
{
	struct world *w = *state;
	static struct answer a;
	for (size_t i = 0; i < sizeof exchanges / sizeof *exchanges; i++) {
		const struct exchange *x = &exchanges[i];
		ask(w->port, x->request, x->len, &a);
		if (a.status != x->status || (x->holds && !strstr(a.text, x->holds)))
			fail_msg("%s: %d instead of %d, wanted \"%s\" in:\n%s", x->name, a.status, x->status,
			         x->holds ? x->holds : "", a.text);
		if (x->holds && a.status >= 400) {
			assert_non_null(strstr(a.text, "application/problem+json"));
			assert_non_null(strstr(a.text, "\"request_id\":"));
		}
	}
}

static void every_answer_has_its_headers(void **state)
{
	struct world *w = *state;
	static struct answer a;
	const char *id;
	static const char *const targets[] = {GET("/ping"), GET("/nowhere"), GET("/private"), GET("/ping%00")};
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		ask(w->port, targets[i], strlen(targets[i]), &a);
		assert_non_null(id = header(&a, "X-Request-Id"));
		assert_int_equal(strspn(id, "0123456789abcdef"), 24);
		assert_non_null(strstr(a.text, "Cache-Control: no-store\r\n"));
		assert_non_null(strstr(a.text, "X-Content-Type-Options: nosniff\r\n"));
		assert_non_null(strstr(a.text, "Content-Security-Policy: default-src 'none'; "));
		assert_null(strstr(a.text, "Strict-Transport-Security")); /* this line is plain */
		if (a.status >= 400)
			assert_non_null(strstr(strstr(a.text, "\r\n\r\n"), (char[]){id[0], id[1], id[2], id[3], 0}));
	}
}

static void refusals_keep_the_connection(void **state)
{
	struct world *w = *state;
	static struct answer a;
	int fd = dial(w->port);
	for (int i = 0; i < 3; i++) {
		assert_true(put(fd, S(GET("/nowhere"))));
		get_answer(fd, &a, false);
		assert_int_equal(a.status, 404);
		assert_true(put(fd, S(GET("/private") GET("/ping")))); /* pipelined */
		get_answer(fd, &a, false);
		assert_int_equal(a.status, 401);
		if (!strstr(a.text, "pong")) get_answer(fd, &a, false);
		assert_non_null(strstr(a.text, "pong"));
	}
	close(fd);
}

static void continue_is_sent(void **state)
{
	struct world *w = *state;
	static struct answer a;
	char buf[64] = "";
	int fd = dial(w->port);
	assert_true(put(fd, S(POST("/echo", "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"))));
	assert_true(recv(fd, buf, sizeof buf - 1, 0) > 0);
	assert_non_null(strstr(buf, " 100 "));
	assert_true(put(fd, S("hello")));
	get_answer(fd, &a, false);
	assert_int_equal(a.status, 200);
	close(fd);
}

static void large_bodies(void **state)
{
	struct world *w = *state;
	static struct answer a;
	static char block[8192];
	memset(block, 'x', sizeof block);

	/* chunked past the limit: the rest is swallowed, then refused and closed */
	int fd = dial(w->port);
	assert_true(put(fd, S(POST("/echo", "Transfer-Encoding: chunked\r\n\r\n2000\r\n"))));
	assert_true(put(fd, block, sizeof block));
	assert_true(put(fd, S("\r\n0\r\n\r\n")));
	get_answer(fd, &a, false);
	assert_int_equal(a.status, 413);
	assert_non_null(strstr(a.text, "Connection: close"));
	assert_true(ended(fd));
	close(fd);

	/* chunked without end: cut */
	fd = dial(w->port);
	assert_true(put(fd, S(POST("/echo", "Transfer-Encoding: chunked\r\n\r\n"))));
	bool open = true;
	for (int i = 0; i < 4096 && open; i++)
		open = put(fd, S("2000\r\n")) && put(fd, block, sizeof block) && put(fd, S("\r\n"));
	assert_false(open);
	close(fd);

	/* a stranger's large body is not read, and the answer reaches the client all the same */
	fd = dial(w->port);
	assert_true(put(fd, S(POST("/private", "Content-Length: 1000000\r\n\r\n"))));
	for (int i = 0; i < 120; i++)
		if (!put(fd, block, sizeof block)) break;
	get_answer(fd, &a, false);
	assert_int_equal(a.status, 401);
	close(fd);
}

static void headers_too_large(void **state)
{
	struct world *w = *state;
	static struct answer a;
	static char big[20000];
	int n = snprintf(big, sizeof big, "GET /ping HTTP/1.1\r\nHost: box\r\nX: ");
	memset(big + n, 'a', 12000);
	memcpy(big + n + 12000, "\r\n\r\n", 5);
	ask(w->port, big, strlen(big), &a);
	assert_true(a.status == 431 || a.status == 413 || a.status == 0);
	ask(w->port, S(GET("/ping")), &a);
	assert_int_equal(a.status, 200);
}

static void done_and_user_once(void **state)
{
	(void)state;
	struct world *w = start(2, 1000, 0);
	static struct answer a;
	ask(w->port, S(GET("/ping")), &a);
	ask(w->port, S(GET("/nowhere")), &a);
	ask(w->port, S(GET("/ping%00")), &a);
	ask(w->port, S(GET("/private")), &a);
	ask(w->port, S(POST("/private", "X-Let-In: yes\r\nContent-Length: 2\r\n\r\nhi")), &a);
	ask(w->port, S(POST("/echo", "Content-Length: 5000\r\n\r\n")), &a);
	int fd = dial(w->port); /* left in the middle of its body; the library may see that only by the deadline */
	assert_true(put(fd, S(POST("/echo", "Content-Length: 50\r\n\r\nx"))));
	close(fd);
	for (int64_t end = now_ms() + 10000; atomic_load(&w->done) < 7 && now_ms() < end;)
		nap(10);
	nap(50);
	assert_int_equal(atomic_load(&w->done), 7);
	assert_int_equal(atomic_load(&w->done_refused), 4);
	assert_int_equal(atomic_load(&w->freed), 2);
	unsigned c, r, s;
	http_counts(w->server, &c, &r, &s);
	assert_int_equal(r, 0);
	assert_int_equal(s, 0);
	stop(w);
}

/* --- deadlines --- */

/* Sends FIRST, then DRIP one byte each 200 ms; returns after how long the server ended it, or -1. */
static int64_t drip(uint16_t port, const char *first, const char *bytes)
{
	int fd = dial(port);
	struct timeval t = {0, 200000};
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	int64_t begin = now_ms(), took = -1;
	(void)put(fd, first, strlen(first));
	for (size_t i = 0; took < 0 && now_ms() - begin < 15000; i++) {
		char c = bytes[i % strlen(bytes)];
		char in[512];
		if (!put(fd, &c, 1) || recv(fd, in, sizeof in, 0) == 0) took = now_ms() - begin;
	}
	close(fd);
	return took;
}

static void slow_requests_are_ended(void **state)
{
	(void)state;
	struct world *w = start(1, 1000, 30);
	static const char *const firsts[] = {
	    "G",
	    "GET /ping HTTP/1.1\r\nHost: b\r\nX: ",
	    "POST /big HTTP/1.1\r\nHost: b\r\nContent-Length: 1000\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
		int64_t took = drip(w->port, firsts[i], "E");
		if (took < 500 || took > 12000) fail_msg("%zu: ended after %lld ms", i, (long long)took);
	}
	stop(w);
}

static void idle_and_parked_are_left_alone(void **state)
{
	(void)state;
	struct world *w = start(1, 500, 30);
	static struct answer a;
	int fd = dial(w->port);
	nap(1500); /* connected, nothing sent */
	assert_true(put(fd, S(GET("/ping"))));
	get_answer(fd, &a, false);
	assert_int_equal(a.status, 200);
	nap(1500); /* between requests */
	pthread_mutex_lock(&w->lock);
	w->hold = true;
	pthread_mutex_unlock(&w->lock);
	assert_true(put(fd, S(GET("/park?n=1"))));
	nap(1500); /* parked */
	pthread_mutex_lock(&w->lock);
	w->hold = false;
	pthread_cond_signal(&w->some);
	pthread_mutex_unlock(&w->lock);
	get_answer(fd, &a, false);
	assert_non_null(strstr(a.text, "{\"n\":\"1\"}"));
	close(fd);
	stop(w);
}

static void second_slow_request_is_ended(void **state)
{
	(void)state;
	struct world *w = start(1, 1000, 30);
	int64_t took = drip(w->port, GET("/ping"), "G");
	if (took < 500 || took > 12000) fail_msg("ended after %lld ms", (long long)took);
	stop(w);
}

static void idle_ones_time_out(void **state)
{
	(void)state;
	struct world *w = start(1, 0, 1);
	int fd = dial(w->port);
	int64_t begin = now_ms();
	assert_true(ended(fd));
	assert_true(now_ms() - begin < 15000);
	close(fd);
	stop(w);
}

/* --- parking --- */

#define PARKED 200

static void park_many(struct world *w, int fds[PARKED])
{
	pthread_mutex_lock(&w->lock);
	w->hold = true;
	pthread_mutex_unlock(&w->lock);
	for (int i = 0; i < PARKED; i++) {
		char req[128];
		int n = snprintf(req, sizeof req,
		                 i % 2 ? "GET /park?n=%d HTTP/1.1\r\nHost: box\r\n\r\n"
		                       : "POST /park?n=%d HTTP/1.1\r\nHost: box\r\nContent-Length: 2\r\n\r\nhi",
		                 i);
		fds[i] = dial(w->port);
		assert_true(put(fds[i], req, (size_t)n));
	}
	unsigned parked = 0;
	for (int64_t end = now_ms() + 15000; parked < PARKED && now_ms() < end; nap(5))
		http_counts(w->server, NULL, NULL, &parked);
	assert_int_equal(parked, PARKED);
	/* counted is not yet published: wait for the last one's hand-over */
	for (unsigned n = 0; n < PARKED; nap(1)) {
		pthread_mutex_lock(&w->lock);
		n = w->n_parked;
		pthread_mutex_unlock(&w->lock);
	}
}

static void all_get_theirs(int fds[PARKED])
{
	static struct answer a;
	for (int i = 0; i < PARKED; i++) {
		char want[32];
		(void)snprintf(want, sizeof want, "{\"n\":\"%d\"}", i);
		get_answer(fds[i], &a, false);
		if (a.status != 200 || !strstr(a.text, want)) fail_msg("%d: %d %s", i, a.status, a.text);
		close(fds[i]);
	}
}

static void parked_are_answered(void **state)
{
	(void)state;
	for (unsigned threads = 1; threads <= 2; threads++) {
		struct world *w = start(threads, 0, 0);
		int fds[PARKED];
		park_many(w, fds);
		pthread_mutex_lock(&w->lock);
		w->hold = false;
		pthread_cond_signal(&w->some);
		pthread_mutex_unlock(&w->lock);
		all_get_theirs(fds);
		stop(w);
	}
}

static void *closer(void *arg)
{
	stop(arg);
	return NULL;
}

static void shutdown_loses_none(void **state)
{
	(void)state;
	for (unsigned threads = 1; threads <= 2; threads++) {
		struct world *w = start(threads, 0, 0);
		int fds[PARKED];
		park_many(w, fds);
		pthread_t t;
		assert_int_equal(pthread_create(&t, NULL, closer, w), 0);
		all_get_theirs(fds);
		pthread_join(t, NULL);
	}
}

/* The owner never drains: the server takes them back with a 503, and a resume that comes after the end is harmless. */
static void undrained_are_taken_back(void **state)
{
	(void)state;
	struct world *w = start(2, 0, 0);
	int fds[PARKED];
	static struct answer a;
	park_many(w, fds);
	http_close(w->server, NULL, NULL, 100);
	for (int i = 0; i < PARKED; i++) {
		get_answer(fds[i], &a, false);
		assert_int_equal(a.status, 503);
		assert_non_null(strstr(a.text, "stopping"));
		close(fds[i]);
	}
	for (unsigned i = 0; i < PARKED; i++) {
		http_reply(w->parked[i], 200, "text/plain", "late", 4);
		http_resume(w->parked[i]);
	}
	w->n_parked = 0;
	drain(w);
	pthread_join(w->answerer, NULL);
	pthread_cond_destroy(&w->some);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* --- opening --- */

static void refuses_to_open(void **state)
{
	struct world *w = *state;
	struct http_server *s = NULL;
	struct http_config cfg = {.routes = routes, .n_routes = 1, .port = w->port};
	struct err e = {0};
	assert_int_equal(http_open(&cfg, &s, &e), ERR_IO);
	assert_null(s);
	cfg = (struct http_config){.routes = routes, .n_routes = 1, .bind = "localhost"};
	assert_int_equal(http_open(&cfg, &s, NULL), ERR_INVALID);
	cfg = (struct http_config){
	    .routes = routes, .n_routes = 1, .cert_file = "/nonexistent/c", .key_file = "/nonexistent/k"};
	assert_int_equal(http_open(&cfg, &s, NULL), ERR_NOTFOUND);
	static const struct http_route bad[] = {{"GET", "/a/x{id}", 0, 0, HTTP_OPEN, text, ""}};
	cfg = (struct http_config){.routes = bad, .n_routes = 1};
	assert_int_equal(http_open(&cfg, &s, NULL), ERR_INVALID);
	http_close(NULL, NULL, NULL, 0);
}

static void nobody_without_authorize(void **state)
{
	(void)state;
	struct http_server *s = NULL;
	static struct answer a;
	struct http_config cfg = {.routes = routes, .n_routes = sizeof routes / sizeof *routes};
	assert_int_equal(http_open(&cfg, &s, NULL), ERR_OK);
	ask(http_port(s), S("GET /private HTTP/1.1\r\nHost: box\r\nX-Let-In: yes\r\n\r\n"), &a);
	assert_int_equal(a.status, 401);
	assert_false(http_stopping(s));
	http_close(s, NULL, NULL, 1000);
}

static void ipv6(void **state)
{
	(void)state;
	struct http_server *s = NULL;
	static struct answer a;
	struct http_config cfg = {.routes = routes, .n_routes = sizeof routes / sizeof *routes, .bind = "::"};
	if (http_open(&cfg, &s, NULL) != ERR_OK) {
		print_message("skipped: no IPv6 here\n");
		return;
	}
	ask(http_port(s), S(GET("/api/v1/cases/a")), &a);
	assert_non_null(strstr(a.text, "\"peer\":\"127.0.0.1\""));
	ask(http_port(s), S(GET("/loop")), &a);
	assert_int_equal(a.status, 200);
	http_close(s, NULL, NULL, 1000);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest parking[] = {
	    cmocka_unit_test(parked_are_answered),
	    cmocka_unit_test(shutdown_loses_none),
	    cmocka_unit_test(undrained_are_taken_back),
	};
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers),
	    cmocka_unit_test(every_answer_has_its_headers),
	    cmocka_unit_test(refusals_keep_the_connection),
	    cmocka_unit_test(continue_is_sent),
	    cmocka_unit_test(large_bodies),
	    cmocka_unit_test(headers_too_large),
	    cmocka_unit_test(done_and_user_once),
	    cmocka_unit_test(slow_requests_are_ended),
	    cmocka_unit_test(second_slow_request_is_ended),
	    cmocka_unit_test(idle_and_parked_are_left_alone),
	    cmocka_unit_test(idle_ones_time_out),
	    cmocka_unit_test(refuses_to_open),
	    cmocka_unit_test(nobody_without_authorize),
	    cmocka_unit_test(ipv6),
	};
	/* "parking" alone is what is worth running under the thread sanitizer */
	int failed = cmocka_run_group_tests(parking, NULL, NULL);
	if (argc > 1 && strcmp(argv[1], "parking") == 0) return failed;
	return failed + cmocka_run_group_tests(tests, up, down);
}
