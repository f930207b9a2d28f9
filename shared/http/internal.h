/* What the files of shared/http/ know of each other; nobody else includes this.
 *
 * Three kinds of threads meet here: the library's (all callbacks of one connection run on one of them), the watch
 * thread of deadline.c, and the program's own that answer parked requests. Fields say who may touch them. */
#ifndef XINKE_HTTP_INTERNAL_H
#define XINKE_HTTP_INTERNAL_H

#include "shared/buf.h"
#include "shared/http/http.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#define HTTP_CONNECTIONS_DEFAULT 256
#define HTTP_IDLE_DEFAULT_S      30
#define HTTP_DEADLINE_DEFAULT_MS 20000
#define HTTP_MEMORY_DEFAULT      8192
#define HTTP_QUERY_MAX           64            /* parameters in one query */
#define HTTP_DROP_MAX            (1024 * 1024) /* bytes of a refused body that are read before the line is cut */
#define HTTP_LINGER_MAX          32            /* closed connections whose rest is still being drained */
#define HTTP_LINGER_MS           2000
#define HTTP_ID_LEN              24    /* hex digits of a request id */
#define HTTP_STREAM_STEP         16384 /* bytes of a stream that renew the deadline */

struct http_creds; /* certificate, key and trust list in use; reference-counted (tls.c) */

enum http_phase {
	HTTP_HANDSHAKE, /* TLS is being agreed */
	HTTP_IDLE,      /* between requests; `since` is 0 until bytes of the next one are seen */
	HTTP_ARRIVING,  /* request line is in, headers or body are not */
	HTTP_WORKING,   /* whole request is in: handler, parked, or answer on its way; no arrival deadline */
};

struct http_conn {
	struct http_server *server;
	int fd;        /* open for as long as this is in the server's list */
	bool loopback; /* of the peer's address */
	char peer[INET6_ADDRSTRLEN];
	struct http_req *req;        /* the request under way; library thread */
	bool linger;                 /* refused while the client is still sending; library thread */
	struct http_creds *creds;    /* what the TLS session uses, or NULL */
	bool cert_expired;           /* it was, but for its last day */
	bool cert_ok;                /* the peer's certificate was verified; library thread, before any request */
	struct http_peer_cert *cert; /* read once, at the first request */
	/* under server->lock: */
	enum http_phase phase;
	bool killed;   /* shut down for being late */
	bool streams;  /* its request's body is taken as it comes: cut when the server ends */
	int64_t since; /* monotonic ms when the phase's clock began */
	uint64_t base; /* bytes that TCP had received when the last request ended */
	struct http_conn *prev, *next;
};

struct http_linger {
	int fd;        /* ours, a duplicate */
	int64_t until; /* monotonic ms */
};

/* How many of the headers for browsers an answer carries (reply.c). */
enum http_guarded { HTTP_TERSE, HTTP_PLAIN, HTTP_SECURE };

struct http_server {
	struct http_config cfg; /* strings of it are not kept beyond http_open, but for the TLS files (copies below) */
	char *cert_file, *key_file, *client_ca;
	struct MHD_Daemon *daemon;
	uint16_t port;
	pthread_t watch;
	int wake; /* eventfd that wakes the watch thread */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* monotonic clock; a counter below went down */
	/* under lock: */
	bool stopping, quit;
	unsigned n_conns, in_flight, running, suspended;
	struct http_conn *conns;
	struct http_req *parked;
	struct http_creds *creds;
	struct http_linger linger[HTTP_LINGER_MAX];
	unsigned n_linger;
};

struct http_header {
	struct http_header *next;
	char *value; /* behind the name, in the same block */
	char name[];
};

enum http_streaming {
	HTTP_BUFFERED, /* the body is kept whole */
	HTTP_OPENING,  /* the handler of a stream was called, and has not decided if it is parked */
	HTTP_FLOWING,  /* pieces go to the sink */
	HTTP_ENDED,    /* the sink has had all */
};

enum http_claim { HTTP_UNCLAIMED, HTTP_RESUMED, HTTP_FORCED };

struct http_req {
	struct http_server *server;
	struct http_conn *conn;
	struct MHD_Connection *mhd;
	enum http_guarded guarded;      /* of its server, which may be gone when it is answered */
	const struct http_route *route; /* NULL until found */
	const char *method, *path;      /* the library's memory, until the request ends */
	/* target, as the request line came */
	const char *raw;
	size_t raw_len;
	const char *bad; /* first thing found wrong before the handler call, or NULL */
	/* progress; library thread */
	bool started;   /* first handler call was made */
	bool more;      /* a body is announced */
	bool parked;    /* http_suspend was called and the library has not come back */
	size_t dropped; /* body bytes read after the refusal */
	int64_t start_us;
	/* a body as it comes */
	enum http_streaming stream;
	const struct http_sink *sink; /* set by the handler, or by whoever resumes it */
	void *sink_arg;
	size_t step; /* bytes since the deadline was last renewed */
	/* content */
	struct buf body;
	json_t *json;
	uint8_t key[16];
	char id[HTTP_ID_LEN + 1];
	char *param_text;
	const char *params[HTTP_PARAMS_MAX];
	void *user;
	void (*user_free)(void *);
	/* the answer; written by the library's thread or, while parked, by the one that answers */
	struct http_header *headers;
	struct MHD_Response *response;
	int status; /* 0 until answered */
	bool close; /* end the connection with this answer */
	bool lost;  /* a header could not be kept: no memory */
	/* parking */
	atomic_int refs;                         /* the library's, and the answering thread's while parked */
	atomic_int claim;                        /* enum http_claim: who ends the parking */
	struct http_req *park_prev, *park_next;  /* under server->lock */
	void (*then)(struct http_req *, void *); /* answers once resumed, or NULL; set by whoever resumes */
	void *then_arg;
};

/* clocks, monotonic */
int64_t http_now_ms(void);
int64_t http_now_us(void);

/* deadline.c: connections and their watch thread */
int http_watch_start(struct http_server *s, struct err *e);
void http_watch_stop(struct http_server *s);
void http_conn_notify(void *cls, struct MHD_Connection *mhd, void **slot, enum MHD_ConnectionNotificationCode what);
void http_conn_handshaken(struct http_conn *c);
void http_conn_phase(struct http_conn *c, enum http_phase phase);
struct http_conn *http_conn_of(struct MHD_Connection *mhd);

/* request.c: one request's life; these four are the library's callbacks */
void *http_req_begin(void *cls, const char *uri, struct MHD_Connection *mhd);
size_t http_req_unescape(void *cls, struct MHD_Connection *mhd, char *s);
enum MHD_Result http_req_step(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                              const char *version, const char *data, size_t *size, void **slot);
void http_req_end(void *cls, struct MHD_Connection *mhd, void **slot, enum MHD_RequestTerminationCode why);
/* Ends a request of whose end the library said nothing: without memory for its own error page it closes in silence. */
void http_req_abandon(struct http_req *req);
/* Gives every request that is still parked back with a 503; only once no handler runs. */
void http_req_force_all(struct http_server *s);

/* Goes on with a request that was answered before its body: at once when there is one, else at the last step. */
enum MHD_Result http_req_refused(struct http_req *req);
/* The handler, or the end of a stream, unless the server is ending. */
void http_req_run(struct http_req *req);
/* What whoever resumed REQ left to be done on this thread. */
void http_req_resumed(struct http_req *req);
/* Drops N bytes more of a refused body; MHD_NO once it is too much. */
enum MHD_Result http_req_drop(struct http_req *req, size_t n);

/* stream.c: the steps of a request whose body is taken as it comes */
enum MHD_Result http_stream_open(struct http_req *req);
enum MHD_Result http_stream_opened(struct http_req *req);
enum MHD_Result http_stream_data(struct http_req *req, const char *data, size_t *size);
void http_stream_end(struct http_req *req);

/* check.c: what is refused before any handler */
const char *http_check_target(const char *raw);
const char *http_check_decode(char *s, bool is_path);
const char *http_check_head(struct http_req *req, const char *version);
const char *http_check_query(struct http_req *req);
bool http_check_media_json(const char *type);
bool http_check_key(const char *text, uint8_t out[16]);

/* route.c */
int http_route_check(const struct http_route *routes, size_t n, struct err *e);
/* The row for REQ's method and path, or NULL with ALLOW (of CAP bytes) listing the methods that the path knows. */
const struct http_route *http_route_find(const struct http_req *req, char *allow, size_t cap);
/* Cuts the parameters of REQ's path out; false without memory. */
bool http_route_params(struct http_req *req);

/* reply.c */
enum MHD_Result http_reply_queue(struct http_req *req);
/* Drops what the answer holds so far. */
void http_reply_release(struct http_req *req);

/* tls.c */
int http_tls_init(struct http_server *s, char **cert_pem, char **key_pem, struct err *e);
void http_tls_wipe(char *pem);
const char *http_tls_priority(bool tls13_only);
void http_tls_session(struct http_conn *c, void *session);
struct http_peer_cert *http_tls_peer_cert(void *session);
void http_tls_unref(struct http_creds *creds);

#endif
