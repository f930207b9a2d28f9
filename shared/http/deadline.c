/* Connections as we see them, and the thread that watches their absolute deadlines.
 *
 * The library only knows inactivity: a client that sends a byte every few seconds holds a connection for ever. Here
 * each connection is listed from the library's STARTED notice to its CLOSED one, which comes before the descriptor is
 * closed; the watch thread shuts down late ones under the same lock, so that it can never hit a reused descriptor.
 * That bytes of a request have begun to arrive is read from TCP's own counter, as the library tells nobody.
 *
 * The thread also drains what a client goes on sending after its request was refused early: closing with unread bytes
 * makes TCP reset the connection, and the client would often lose the answer. */
#include "shared/http/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h> /* struct tcp_info with tcpi_bytes_received, which glibc's lacks */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TICK_MIN_MS    50
#define TICK_MAX_MS    500
#define LAST_LINGER_MS 200 /* what a drain may still take once the server ends */

int64_t http_now_us(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t http_now_ms(void)
{
	return http_now_us() / 1000;
}

/* Bytes that TCP has received on FD; 0 where the kernel does not say, which leaves only the library's timeout. */
static uint64_t received(int fd)
{
	struct tcp_info info;
	memset(&info, 0, sizeof info);
	socklen_t len = sizeof info;
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 ? info.tcpi_bytes_received : 0;
}

static void wake(struct http_server *s)
{
	uint64_t one = 1;
	while (write(s->wake, &one, sizeof one) < 0 && errno == EINTR)
		;
}

struct http_conn *http_conn_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return i ? i->socket_context : NULL;
}

/* Numeric address of the peer; an IPv4 one that came through an IPv6 socket is shown as IPv4. */
static void read_peer(struct http_conn *c, const struct sockaddr *sa)
{
	if (sa && sa->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, sa, sizeof in);
		c->loopback = ntohl(in.sin_addr.s_addr) >> 24 == 127;
		(void)inet_ntop(AF_INET, &in.sin_addr, c->peer, sizeof c->peer);
	} else if (sa && sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in;
		memcpy(&in, sa, sizeof in);
		bool v4 = IN6_IS_ADDR_V4MAPPED(&in.sin6_addr);
		c->loopback = IN6_IS_ADDR_LOOPBACK(&in.sin6_addr) || (v4 && in.sin6_addr.s6_addr[12] == 127);
		(void)inet_ntop(v4 ? AF_INET : AF_INET6, in.sin6_addr.s6_addr + (v4 ? 12 : 0), c->peer, sizeof c->peer);
	}
}

static void conn_opened(struct http_server *s, struct MHD_Connection *mhd, void **slot)
{
	const union MHD_ConnectionInfo *fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	const union MHD_ConnectionInfo *peer = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct http_conn *c = calloc(1, sizeof *c);
	if (!c || !fd) {
		/* unlisted it would be neither watched nor verified: end it; every callback bears a missing context */
		if (fd) (void)shutdown(fd->connect_fd, SHUT_RDWR);
		free(c);
		return;
	}
	c->server = s;
	c->fd = fd->connect_fd;
	c->phase = HTTP_IDLE;
	read_peer(c, peer ? peer->client_addr : NULL);
	if (s->cfg.cert_file) {
		c->phase = HTTP_HANDSHAKE;
		c->since = http_now_ms();
		http_tls_session(c, MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session);
	}
	*slot = c;
	pthread_mutex_lock(&s->lock);
	c->next = s->conns;
	if (c->next) c->next->prev = c;
	s->conns = c;
	bool first = s->n_conns++ == 0;
	pthread_mutex_unlock(&s->lock);
	if (first) wake(s);
}

/* Hands a duplicate of C's socket to the watch thread for draining. Called under the lock. */
static void linger(struct http_server *s, const struct http_conn *c)
{
	if (s->n_linger == HTTP_LINGER_MAX) return;
	int fd = fcntl(c->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0) return;
	(void)shutdown(fd, SHUT_WR);
	s->linger[s->n_linger++] = (struct http_linger){.fd = fd, .until = http_now_ms() + HTTP_LINGER_MS};
	wake(s);
}

static void conn_closed(struct http_server *s, struct http_conn *c)
{
	if (c->req) http_req_abandon(c->req);
	pthread_mutex_lock(&s->lock);
	if (c->prev)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	if (c->next) c->next->prev = c->prev;
	s->n_conns--;
	if (c->linger && !c->killed) linger(s, c);
	pthread_mutex_unlock(&s->lock);
	if (c->creds) http_tls_unref(c->creds); /* the session is gone already */
	free(c->cert);
	free(c);
}

void http_conn_notify(void *cls, struct MHD_Connection *mhd, void **slot, enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		conn_opened(cls, mhd, slot);
	} else if (*slot) {
		conn_closed(cls, *slot);
		*slot = NULL;
	}
}

void http_conn_phase(struct http_conn *c, enum http_phase phase)
{
	struct http_server *s = c->server;
	pthread_mutex_lock(&s->lock);
	if (phase == HTTP_IDLE) {
		c->streams = false;
		c->since = 0;
		c->base = received(c->fd);
	} else if (phase == HTTP_ARRIVING && (c->phase != HTTP_IDLE || c->since == 0)) {
		c->since = http_now_ms();
	}
	c->phase = phase;
	pthread_mutex_unlock(&s->lock);
}

void http_conn_handshaken(struct http_conn *c)
{
	http_conn_phase(c, HTTP_IDLE);
}

static bool is_late(struct http_conn *c, int64_t now, unsigned deadline)
{
	if (c->killed || c->phase == HTTP_WORKING) return false;
	if (c->phase == HTTP_IDLE && c->since == 0) {
		if (received(c->fd) > c->base) c->since = now;
		return false;
	}
	return now - c->since > (int64_t)deadline;
}

static void kill_late(struct http_server *s)
{
	int64_t now = http_now_ms();
	for (struct http_conn *c = s->conns; c; c = c->next) {
		bool over = s->stopping && c->streams && c->phase == HTTP_ARRIVING && !c->killed;
		if (!over && !is_late(c, now, s->cfg.request_deadline_ms)) continue;
		c->killed = true;
		(void)shutdown(c->fd, SHUT_RDWR);
	}
}

/* True when FD is at its end or broken. */
static bool drained(int fd)
{
	char waste[4096];
	for (int i = 0; i < 64; i++) {
		ssize_t n = recv(fd, waste, sizeof waste, MSG_DONTWAIT);
		if (n > 0) continue;
		return n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
	}
	return false;
}

static void drain_lingering(struct http_server *s)
{
	int64_t now = http_now_ms();
	for (unsigned i = 0; i < s->n_linger;) {
		struct http_linger *l = &s->linger[i];
		if (s->quit && l->until > now + LAST_LINGER_MS) l->until = now + LAST_LINGER_MS;
		if (now < l->until && !drained(l->fd)) {
			i++;
			continue;
		}
		(void)close(l->fd);
		*l = s->linger[--s->n_linger];
	}
}

static int tick_ms(const struct http_server *s)
{
	unsigned t = s->cfg.request_deadline_ms / 8;
	return (int)(t < TICK_MIN_MS ? TICK_MIN_MS : t > TICK_MAX_MS ? TICK_MAX_MS : t);
}

static void *watch(void *arg)
{
	struct http_server *s = arg;
	pthread_mutex_lock(&s->lock);
	while (!s->quit || s->n_linger) {
		struct pollfd fds[1 + HTTP_LINGER_MAX] = {{.fd = s->wake, .events = POLLIN}};
		unsigned n = 1;
		for (unsigned i = 0; i < s->n_linger; i++)
			fds[n++] = (struct pollfd){.fd = s->linger[i].fd, .events = POLLIN};
		int wait = s->n_linger ? TICK_MIN_MS : s->n_conns ? tick_ms(s) : -1;
		pthread_mutex_unlock(&s->lock);
		(void)poll(fds, n, wait);
		uint64_t count;
		if (fds[0].revents && read(s->wake, &count, sizeof count) < 0) count = 0;
		pthread_mutex_lock(&s->lock);
		kill_late(s);
		drain_lingering(s);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

int http_watch_start(struct http_server *s, struct err *e)
{
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->wake < 0) return err_sys(e, errno, "eventfd");
	int rc = pthread_create(&s->watch, NULL, watch, s);
	if (rc == 0) return ERR_OK;
	(void)close(s->wake);
	return err_sys(e, rc, "thread for deadlines");
}

void http_watch_stop(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->quit = true;
	pthread_mutex_unlock(&s->lock);
	wake(s);
	(void)pthread_join(s->watch, NULL);
	(void)close(s->wake);
}
