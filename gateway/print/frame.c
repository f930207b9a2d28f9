/* See frame.h. Used by the gateway's worker threads and by xinke-print; every wait is a poll with what is left of the
 * deadline. */
#include "gateway/print/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG     8
#define HEAD        4
#define FIRST_PIECE 65536 /* memory is taken as bytes come, not by what a length claims */

int64_t frame_mono(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A Unix stream socket and the address of PATH; -1 with E. */
static int make(const char *path, struct sockaddr_un *a, struct err *e)
{
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	int n = snprintf(a->sun_path, sizeof a->sun_path, "%s", path);
	if (n <= 0 || (size_t)n >= sizeof a->sun_path) {
		(void)err_set(e, ERR_INVALID, "%s: too long for a socket's name", path);
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) (void)err_sys(e, errno, "socket");
	return fd;
}

int frame_connect(const char *path, struct err *e)
{
	struct sockaddr_un a;
	int fd = make(path, &a, e);
	if (fd < 0) return -1;
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0) return fd;
	int why = errno;
	(void)close(fd);
	if (why == ENOENT || why == ECONNREFUSED)
		(void)err_set(e, ERR_NOTFOUND, "%s: nobody listens", path);
	else if (why == EAGAIN)
		(void)err_set(e, ERR_BUSY, "%s: too many wait", path);
	else
		(void)err_sys(e, why, "%s", path);
	return -1;
}

int frame_listen(const char *path, struct err *e)
{
	struct sockaddr_un a;
	int other = frame_connect(path, NULL);
	if (other >= 0) {
		(void)close(other);
		(void)err_set(e, ERR_CONFLICT, "%s: another one listens there", path);
		return -1;
	}
	int fd = make(path, &a, e);
	if (fd < 0) return -1;
	(void)unlink(path); /* left by a program that was killed */
	if (bind(fd, (struct sockaddr *)&a, sizeof a) || chmod(path, 0660) || listen(fd, BACKLOG)) {
		(void)err_sys(e, errno, "%s", path);
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* Waits for EVENTS; false with E when time is up. */
static bool ready(int fd, short events, int64_t deadline, struct err *e)
{
	for (;;) {
		int64_t left = deadline - frame_mono();
		struct pollfd p = {.fd = fd, .events = events};
		int r = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (r > 0) return true;
		if (r < 0 && errno == EINTR) continue;
		(void)err_set(e, r ? ERR_IO : ERR_BUSY, r ? "poll" : "the time is up");
		return false;
	}
}

static int send_all(int fd, const uint8_t *p, size_t len, int64_t deadline, struct err *e)
{
	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR) return err_sys(e, errno, "sending");
		if (!ready(fd, POLLOUT, deadline, e)) return ERR_BUSY;
	}
	return ERR_OK;
}

int frame_send(int fd, const void *data, size_t len, int64_t deadline, struct err *e)
{
	uint8_t head[HEAD] = {(uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};
	if (len > FRAME_ANSWER_MAX) return err_set(e, ERR_INVALID, "a frame of %zu bytes", len);
	int rc = send_all(fd, head, sizeof head, deadline, e);
	return rc ? rc : send_all(fd, data, len, deadline, e);
}

/* Exactly LEN bytes into P. */
static int receive_all(int fd, uint8_t *p, size_t len, int64_t deadline, struct err *e)
{
	while (len) {
		ssize_t n = recv(fd, p, len, 0);
		if (n == 0) return err_set(e, ERR_IO, "the other end has gone");
		if (n > 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR) return err_sys(e, errno, "receiving");
		if (!ready(fd, POLLIN, deadline, e)) return ERR_BUSY;
	}
	return ERR_OK;
}

int frame_receive(int fd, size_t max, int64_t deadline, char **out, size_t *len, struct err *e)
{
	uint8_t head[HEAD];
	char *data = NULL;
	size_t have = 0;
	*out = NULL;
	int rc = receive_all(fd, head, sizeof head, deadline, e);
	if (rc) return rc;
	size_t want = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (!want || want > max) return err_set(e, ERR_INVALID, "a frame of %zu bytes", want);
	while (!rc && have < want) {
		size_t piece = have ? have : FIRST_PIECE; /* doubles */
		if (piece > want - have) piece = want - have;
		char *more = realloc(data, have + piece + 1);
		if (!more) {
			rc = err_set(e, ERR_NOMEM, "a frame");
			break;
		}
		data = more;
		rc = receive_all(fd, (uint8_t *)data + have, piece, deadline, e);
		have += piece;
	}
	if (rc) {
		free(data);
		return rc;
	}
	data[want] = '\0';
	*out = data;
	*len = want;
	return ERR_OK;
}
