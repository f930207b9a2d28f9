/* See wake.h. */
#include "shared/wake.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int address(const char *path, struct sockaddr_un *a)
{
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	int n = snprintf(a->sun_path, sizeof a->sun_path, "%s", path);
	return n > 0 && (size_t)n < sizeof a->sun_path;
}

int wake_bind(const char *path, struct err *e)
{
	struct sockaddr_un a;
	if (!address(path, &a)) {
		(void)err_set(e, ERR_INVALID, "%s: too long for a socket's name", path);
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		(void)err_sys(e, errno, "socket");
		return -1;
	}
	(void)unlink(path); /* left by a program that was killed */
	if (bind(fd, (struct sockaddr *)&a, sizeof a)) {
		(void)err_sys(e, errno, "%s", path);
		(void)close(fd);
		return -1;
	}
	return fd;
}

void wake_send(const char *path, char what)
{
	struct sockaddr_un a;
	if (!address(path, &a)) return;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) return;
	(void)sendto(fd, &what, 1, MSG_NOSIGNAL, (struct sockaddr *)&a, sizeof a); /* best effort */
	(void)close(fd);
}

int wake_wait(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int r = poll(&p, 1, ms);
	if (r < 0) return errno == EINTR ? 0 : -1;
	if (r == 0) return 0;
	int what = 0;
	char c;
	while (recv(fd, &c, 1, 0) == 1)
		if (!what || c != WAKE_EVENTS) what = c;
	return what;
}
