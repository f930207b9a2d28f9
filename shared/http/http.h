/* HTTP server glue over libmicrohttpd: a table of routes, bodies whole or as they come, strict request checks, answers now or later.
 *
 * One daemon with its own epoll thread(s). A handler runs on such a thread once the whole body is in, and either
 * answers (http_reply*, http_problem) or suspends the request and has another thread answer it. What the library
 * lets pass is refused before any handler: duplicate or conflicting Content-Length and Transfer-Encoding, any coding
 * but chunked, NUL and other controls in header values, folded lines and bare LF in the head, %00 and malformed escapes
 * in the target, repeated query parameters, a missing or doubled Host, bodies over the route's limit. Handlers never
 * see a request that was refused. Every answer to a request carries X-Request-Id and, unless the handler says otherwise,
 * Cache-Control: no-store and the headers for browsers (reply.c, `guards`); a 401 also WWW-Authenticate: Bearer. What is refused while its body is still
 * coming ends the connection; a chunked body that outgrows its limit is read to its end (1 MiB further at most) before
 * the 413, because the library takes no answer in its middle.
 * The library answers some requests itself, in HTML, before it calls us: see README. */
#ifndef XINKE_HTTP_H
#define XINKE_HTTP_H

#include "shared/crypto/digest.h"
#include "shared/err.h"
#include "shared/problem.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_server; /* opaque */
struct http_req;    /* opaque: one request, valid until answered */

typedef void http_handler(struct http_req *req, void *ctx);

enum http_flags {
	HTTP_OPEN = 1,     /* no session needed */
	HTTP_JSON = 2,     /* the body must be application/json and is parsed strictly before the handler runs */
	HTTP_KEY = 4,      /* Idempotency-Key is required and parsed */
	HTTP_LOOPBACK = 8, /* answered to loopback peers only; 404 to others */
	HTTP_CERT = 16,    /* a verified client certificate is required (403 problem without) */
	HTTP_STREAM = 32,  /* the body is taken as it comes: the handler runs before it, see http_stream */
};

#define HTTP_PARAMS_MAX 4                 /* {names} in one route */
#define HTTP_DEPTH_MAX  16                /* nesting of a JSON body */
#define HTTP_STREAM_MAX ((size_t)1 << 30) /* body_max of streams, whose handlers know the limit */

struct http_route {
	const char *method; /* "GET" (HEAD follows it), "POST", ... */
	const char *path;   /* "/api/v1/cases/{id}"; a {name} matches one non-empty segment */
	unsigned roles;     /* bit set of the program's roles that may call it; 0 = any signed-in account */
	size_t body_max;    /* bytes; 0 = a body is refused */
	unsigned flags;     /* enum http_flags */
	http_handler *fn;
	const char *summary; /* one line for "/" and the docs */
};

/* The client certificate of a request, verified against the trust list when `verified`. */
struct http_peer_cert {
	bool verified;
	char cn[128];                    /* subject common name */
	char uri[256];                   /* first URI SAN, or "" */
	uint8_t fingerprint[DIGEST_LEN]; /* SHA-256 of the DER */
	int64_t not_after;               /* ms */
	bool expired;                    /* past not_after; only where `client_expired` lets it through */
};

struct http_config {
	const char *bind;         /* numeric address; NULL = 127.0.0.1 */
	uint16_t port;            /* 0 = any, see http_port */
	const char *cert_file;    /* PEM chain; NULL = plain HTTP */
	const char *key_file;     /* PEM key */
	const char *client_ca;    /* PEM trust list for client certificates; NULL = none is asked for */
	bool client_expired;      /* one whose only fault is its last day is let through and told as expired */
	bool tls13_only;          /* county link */
	bool terse;               /* programs alone call it, on a metered line: no headers for browsers but nosniff */
	unsigned threads;         /* epoll threads; 0 = 1 */
	unsigned max_connections; /* 0 = 256 */
	unsigned max_per_ip;      /* 0 = unlimited */
	unsigned idle_timeout_s;  /* inactivity between and inside requests; 0 = 30 */
	unsigned request_deadline_ms; /* absolute, from a request's first byte to its last, and for the TLS handshake;
	                               * past it the connection is shut down; 0 = 20000 */
	size_t header_memory;         /* libmicrohttpd pool per connection; 0 = 8192 */
	const struct http_route *routes; /* borrowed for the server's life */
	size_t n_routes;
	/* Answers GET and HEAD of paths that no row fits; its own method and path are not looked at. NULL: they are 404. */
	const struct http_route *fallback;
	/* Runs for every route without HTTP_OPEN, on the server's thread, when the headers are in and the body is not,
	 * so that strangers cannot make us keep bodies; params, query, headers and certificate can be read. It answers
	 * the request and returns false to refuse, and may not suspend. It may set the user pointer. NULL = nobody may
	 * call such routes. */
	bool (*authorize)(struct http_req *req, const struct http_route *route, void *ctx);
	/* One call a finished request, refused ones too, from the server's thread: method, route path (or NULL), status
	 * (0 = the connection ended without an answer), microseconds since its first line. */
	void (*on_done)(const char *method, const char *route, int status, int64_t us, void *ctx);
	void *ctx; /* handed to handlers and hooks */
};

/* Opens the daemon and starts its threads. New server (close with http_close). ERR_IO when the port is taken. */
int http_open(const struct http_config *cfg, struct http_server **out, struct err *e);
/* The port that it listens on. */
uint16_t http_port(const struct http_server *s);
/* Orderly end, in order: stop accepting and start no more handlers (they would get PROBLEM_STOPPING), wait for those
 * that run, call DRAIN (NULL = nothing) so that the owner resumes all that it suspended, wait until no request is in
 * flight or WAIT_MS passed, stop the daemon. What is still suspended then is taken back and answered with
 * PROBLEM_STOPPING; of such a request only http_reply*, http_problem* and http_resume may still be called.
 * NULL is legal. */
void http_close(struct http_server *s, void (*drain)(void *), void *arg, unsigned wait_ms);
/* Reads certificate and key again; new connections use them. The old pair stays on error. */
int http_reload_tls(struct http_server *s, struct err *e);
/* True once http_close began: handlers should end long work with PROBLEM_STOPPING. */
bool http_stopping(const struct http_server *s);
/* Connections open now, requests being worked on now, requests suspended now. */
void http_counts(const struct http_server *s, unsigned *connections, unsigned *requests, unsigned *suspended);

/* --- reading a request; all borrowed until it is answered --- */
const struct http_route *http_req_route(const struct http_req *req);
const char *http_req_path(const struct http_req *req);                     /* decoded, without the query */
const char *http_req_id(const struct http_req *req);                       /* random, in X-Request-Id */
const char *http_req_peer(const struct http_req *req);                     /* numeric address */
const char *http_req_param(const struct http_req *req, const char *name);  /* of the route; never NULL for its names */
const char *http_req_query(const struct http_req *req, const char *name);  /* NULL when absent, "" when bare */
const char *http_req_header(const struct http_req *req, const char *name); /* first value, NULL when absent */
const void *http_req_body(const struct http_req *req, size_t *len);
json_t *http_req_json(const struct http_req *req);       /* of HTTP_JSON routes */
const uint8_t *http_req_key(const struct http_req *req); /* 16 bytes, of HTTP_KEY routes */
/* The peer's certificate; false when it sent none or it was not verified. */
bool http_req_cert(const struct http_req *req, struct http_peer_cert *out);
/* Refuses (with a field problem on "/?name") any query parameter not in the NULL-ended list; false when it answered. */
bool http_req_query_only(struct http_req *req, const char *const *names);
/* A pointer of the program's, for its session and the like; FREE_FN runs when the request ends, on the server's thread
 * (on the answering one, if the server had to take a suspended request back). */
void http_req_set_user(struct http_req *req, void *user, void (*free_fn)(void *));
void *http_req_user(const struct http_req *req);

/* --- answering, once --- */
/* Adds a header to the coming answer. Values with controls are a bug of ours and end in an assertion. */
void http_reply_header(struct http_req *req, const char *name, const char *value);
/* Answers with a copy of BODY. */
void http_reply(struct http_req *req, int status, const char *media, const void *body, size_t len);
/* Answers with compact JSON; takes BODY (NULL = out of memory, answered as 500). */
void http_reply_json(struct http_req *req, int status, json_t *body);
/* Answers with the problem and releases it. Adds Retry-After when it has the member retry_after_s. */
void http_problem(struct http_req *req, struct problem *p);
/* Answers with a problem that has only a code and a detail (NULL = none). */
void http_problem_code(struct http_req *req, enum problem_code code, const char *detail);
/* A handler for "/problems/{code}", to which the `type` of every problem refers: a small page, Chinese and English. */
void http_problem_help(struct http_req *req, void *ctx);

/* Answers with SIZE bytes that READ gives piece by piece, on the server's thread: it fills OUT with the LEN bytes at OFF, or
 * returns an error code, which cuts the answer off. RELEASE(ARG) runs once, at the latest when the connection ends. */
struct http_content {
	int (*read)(void *arg, int64_t off, void *out, size_t len);
	void (*release)(void *arg);
	void *arg;
};
void http_reply_content(struct http_req *req, int status, const char *media, int64_t size,
                        const struct http_content *content);

/* --- a body as it comes --- */

/* Where the body of an HTTP_STREAM route goes. Its handler runs when the headers are in; it answers, and the body is
 * refused unread; or it calls http_stream; or it suspends, and whoever resumes has done one of the two. */
struct http_sink {
	/* LEN bytes more; how many of them were taken. One that does not take all has suspended the request (whoever makes
	 * room resumes) or has answered it. After an answer the rest is dropped, 1 MiB at most: then the line is cut. */
	size_t (*data)(struct http_req *req, void *arg, const void *data, size_t len);
	/* The body is whole: answers or suspends, as a handler does. */
	void (*end)(struct http_req *req, void *arg);
	/* The request is over, and nobody uses ARG any more. When ENDED is false the body never came to its end: what came
	 * is all that there will be. On the server's thread as a rule. */
	void (*release)(void *arg, bool ended);
};
/* Takes the body. The deadline of a request then holds for each 16 KiB of it, and not while it is suspended. */
void http_stream(struct http_req *req, const struct http_sink *sink, void *arg);
/* Bytes of the body as announced; -1 when it is chunked. */
int64_t http_req_length(const struct http_req *req);

/* --- answering later --- */
/* Parks the request: call it in the handler, then publish REQ to the other thread, then touch it no more. That thread
 * answers as above and then calls http_resume, exactly once, after which REQ is not its own any more. */
void http_suspend(struct http_req *req);
void http_resume(struct http_req *req);
/* The same, but FN answers, on the server's thread, where the request's memory comes from. FN runs exactly once; with NULL
 * for REQ where there is nobody left to be answered. */
void http_resume_with(struct http_req *req, void (*fn)(struct http_req *req, void *arg), void *arg);

#endif
