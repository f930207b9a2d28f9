/* The HTTP server's life: configuration, start, counters, orderly end.
 *
 * Called by the programs' main threads. The order of the end is fixed by libmicrohttpd 0.9.75: stopping the daemon
 * while answers are under way loses them, and stopping it while a request is suspended aborts the process. */
#include "shared/http/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG   511
#define FORCED_MS 500 /* for the answers to requests that had to be taken back */

static void set_defaults(struct http_config *c)
{
	if (!c->bind) c->bind = "127.0.0.1";
	if (!c->threads) c->threads = 1;
	if (!c->max_connections) c->max_connections = HTTP_CONNECTIONS_DEFAULT;
	if (c->max_connections < c->threads) c->max_connections = c->threads; /* the library divides it among threads */
	if (!c->idle_timeout_s) c->idle_timeout_s = HTTP_IDLE_DEFAULT_S;
	if (!c->request_deadline_ms) c->request_deadline_ms = HTTP_DEADLINE_DEFAULT_MS;
	if (!c->header_memory) c->header_memory = HTTP_MEMORY_DEFAULT;
}

static int parse_bind(const struct http_config *c, struct sockaddr_storage *out, socklen_t *len, struct err *e)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(c->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(c->port)};
	memset(out, 0, sizeof *out);
	if (inet_pton(AF_INET, c->bind, &v4.sin_addr) == 1) {
		memcpy(out, &v4, *len = sizeof v4);
	} else if (inet_pton(AF_INET6, c->bind, &v6.sin6_addr) == 1) {
		memcpy(out, &v6, *len = sizeof v6);
	} else {
		return err_set(e, ERR_INVALID, "%s is not a numeric address", c->bind);
	}
	return ERR_OK;
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0) return 0;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	memcpy(&v4, &a, sizeof v4);
	memcpy(&v6, &a, sizeof v6);
	return ntohs(a.ss_family == AF_INET ? v4.sin_port : v6.sin6_port);
}

/* A listening socket, so that a taken port is told from other failures and close-on-exec is ours. */
static int listen_on(const struct http_config *c, int *out, struct err *e)
{
	struct sockaddr_storage a;
	socklen_t len = 0;
	int rc = parse_bind(c, &a, &len, e);
	if (rc) return rc;
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) return err_sys(e, errno, "socket");
	int on = 1, off = 0;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (a.ss_family == AF_INET6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (bind(fd, (struct sockaddr *)&a, len) < 0 || listen(fd, BACKLOG) < 0) {
		rc = err_sys(e, errno, "listen on %s port %u", c->bind, (unsigned)c->port);
		(void)close(fd);
		return rc;
	}
	*out = fd;
	return ERR_OK;
}

static struct MHD_Daemon *start_daemon(struct http_server *s, int fd, char *cert, char *key)
{
	const struct http_config *c = &s->cfg;
	struct MHD_OptionItem opts[20];
	size_t n = 0;
#define OPT(id, number, pointer)                                                                                       \
	opts[n++] = (struct MHD_OptionItem){MHD_OPTION_##id, (intptr_t)(number), (void *)(pointer)}
	OPT(LISTEN_SOCKET, fd, NULL);
	OPT(CONNECTION_LIMIT, c->max_connections, NULL);
	OPT(CONNECTION_TIMEOUT, c->idle_timeout_s, NULL);
	OPT(CONNECTION_MEMORY_LIMIT, c->header_memory, NULL);
	OPT(STRICT_FOR_CLIENT, 1, NULL);
	OPT(NOTIFY_COMPLETED, http_req_end, s);
	OPT(NOTIFY_CONNECTION, http_conn_notify, s);
	OPT(URI_LOG_CALLBACK, http_req_begin, s);
	OPT(UNESCAPE_CALLBACK, http_req_unescape, s);
	if (c->max_per_ip) OPT(PER_IP_CONNECTION_LIMIT, c->max_per_ip, NULL);
	if (c->threads > 1) OPT(THREAD_POOL_SIZE, c->threads, NULL);
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
	if (strchr(c->bind, ':')) flags |= MHD_USE_IPv6;
	if (cert) {
		flags |= MHD_USE_TLS;
		/* it insists on a pair of its own, though every session gets ours (http_tls_session) */
		OPT(HTTPS_MEM_CERT, 0, cert);
		OPT(HTTPS_MEM_KEY, 0, key);
		OPT(HTTPS_PRIORITIES, 0, http_tls_priority(c->tls13_only));
	}
	OPT(END, 0, NULL);
#undef OPT
	return MHD_start_daemon(flags, 0, NULL, NULL, http_req_step, s, MHD_OPTION_ARRAY, opts, MHD_OPTION_END);
}

/* Starts the threads with all signals blocked, so that the program's own thread gets them. */
static int start_threads(struct http_server *s, int fd, char *cert, char *key, struct err *e)
{
	sigset_t all, old;
	sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &old);
	int rc = http_watch_start(s, e);
	if (rc == ERR_OK) {
		s->daemon = start_daemon(s, fd, cert, key);
		if (!s->daemon) {
			rc = err_set(e, ERR_IO, "the HTTP library did not start");
			http_watch_stop(s);
		}
	}
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

static void release(struct http_server *s)
{
	if (s->creds) http_tls_unref(s->creds);
	(void)pthread_cond_destroy(&s->changed);
	(void)pthread_mutex_destroy(&s->lock);
	free(s->cert_file);
	free(s->key_file);
	free(s->client_ca);
	free(s);
}

static int init_locks(struct http_server *s, struct err *e)
{
	pthread_condattr_t a;
	if (pthread_condattr_init(&a) != 0) return err_set(e, ERR_NOMEM, "condition");
	(void)pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	int bad = pthread_mutex_init(&s->lock, NULL);
	if (!bad && pthread_cond_init(&s->changed, &a) != 0) {
		(void)pthread_mutex_destroy(&s->lock);
		bad = 1;
	}
	(void)pthread_condattr_destroy(&a);
	return bad ? err_set(e, ERR_NOMEM, "lock") : ERR_OK;
}

/* The TLS file names outlive http_open, for reloading. */
static bool copy_names(struct http_server *s)
{
	struct http_config *c = &s->cfg;
	if (c->cert_file && !(s->cert_file = strdup(c->cert_file))) return false;
	if (c->key_file && !(s->key_file = strdup(c->key_file))) return false;
	if (c->client_ca && !(s->client_ca = strdup(c->client_ca))) return false;
	c->cert_file = s->cert_file;
	c->key_file = s->key_file;
	c->client_ca = s->client_ca;
	return true;
}

int http_open(const struct http_config *cfg, struct http_server **out, struct err *e)
{
	*out = NULL;
	int fd = -1;
	char *cert = NULL, *key = NULL;
	int rc = http_route_check(cfg->routes, cfg->n_routes, e);
	if (rc) return rc;
	if (cfg->cert_file && !cfg->key_file) return err_set(e, ERR_INVALID, "a certificate without its key");
	struct http_server *s = calloc(1, sizeof *s);
	if (!s) return err_set(e, ERR_NOMEM, "server");
	s->cfg = *cfg;
	rc = init_locks(s, e);
	if (rc) {
		free(s);
		return rc;
	}
	set_defaults(&s->cfg);
	if (!copy_names(s)) rc = err_set(e, ERR_NOMEM, "server");
	if (!rc && s->cert_file) rc = http_tls_init(s, &cert, &key, e);
	if (!rc) rc = listen_on(&s->cfg, &fd, e);
	if (!rc) {
		s->port = bound_port(fd);
		rc = start_threads(s, fd, cert, key, e);
	}
	http_tls_wipe(cert);
	http_tls_wipe(key);
	if (rc) {
		/* a daemon that fails to start has closed the socket or has not, depending on where it failed */
		if (fd >= 0 && fcntl(fd, F_GETFD) >= 0) (void)close(fd);
		release(s);
		return rc;
	}
	s->cfg.bind = NULL; /* the caller's; not ours beyond this call */
	*out = s;
	return ERR_OK;
}

uint16_t http_port(const struct http_server *s)
{
	return s->port;
}

static void add_ms(struct timespec *t, unsigned ms)
{
	t->tv_sec += (time_t)(ms / 1000);
	t->tv_nsec += (long)(ms % 1000) * 1000000L;
	if (t->tv_nsec < 1000000000L) return;
	t->tv_sec++;
	t->tv_nsec -= 1000000000L;
}

/* Waits until COUNTER is 0 or UNTIL has come (NULL = for ever). Under the lock. */
static void wait_zero(struct http_server *s, const unsigned *counter, const struct timespec *until)
{
	while (*counter) {
		int rc = until ? pthread_cond_timedwait(&s->changed, &s->lock, until)
		               : pthread_cond_wait(&s->changed, &s->lock);
		if (rc == ETIMEDOUT) return;
	}
}

void http_close(struct http_server *s, void (*drain)(void *), void *arg, unsigned wait_ms)
{
	if (!s) return;
	int fd = MHD_quiesce_daemon(s->daemon);
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	add_ms(&until, wait_ms);

	/* no handler starts any more; once those that run have returned, DRAIN sees all that will ever be parked */
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	wait_zero(s, &s->running, &until);
	pthread_mutex_unlock(&s->lock);
	if (drain) drain(arg);

	pthread_mutex_lock(&s->lock);
	wait_zero(s, &s->in_flight, &until);
	wait_zero(s, &s->running, NULL); /* stopping the daemon would wait for it just the same */
	pthread_mutex_unlock(&s->lock);
	http_req_force_all(s);
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	add_ms(&until, FORCED_MS);
	pthread_mutex_lock(&s->lock);
	wait_zero(s, &s->suspended, NULL); /* those that their owners are resuming this moment */
	wait_zero(s, &s->in_flight, &until);
	pthread_mutex_unlock(&s->lock);

	MHD_stop_daemon(s->daemon);
	http_watch_stop(s);
	if (fd >= 0) (void)close(fd);
	release(s);
}

/* A server that a caller may only read still has a lock to take. */
static struct http_server *open_up(const struct http_server *s)
{
	return (struct http_server *)(uintptr_t)s;
}

bool http_stopping(const struct http_server *s)
{
	struct http_server *m = open_up(s);
	pthread_mutex_lock(&m->lock);
	bool stopping = m->stopping;
	pthread_mutex_unlock(&m->lock);
	return stopping;
}

void http_counts(const struct http_server *s, unsigned *connections, unsigned *requests, unsigned *suspended)
{
	struct http_server *m = open_up(s);
	pthread_mutex_lock(&m->lock);
	if (connections) *connections = m->n_conns;
	if (requests) *requests = m->in_flight;
	if (suspended) *suspended = m->suspended;
	pthread_mutex_unlock(&m->lock);
}
