/* See printer.h. One printer, one job at a time; every wait is bounded, because printers hang. */
#include "gateway/print/printer.h"

#include "gateway/print/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ASK_OFFLINE "\x10\x04\x02" /* DLE EOT 2: why it is off line */
#define ASK_PAPER   "\x10\x04\x04" /* DLE EOT 4: paper */
#define ASK_DONE    "\x1dr\x01"    /* GS r 1: paper, in its turn behind what was sent */
#define ASK_LEN     3
/* bits of the answers */
#define COVER_OPEN 0x04 /* of ASK_OFFLINE */
#define PAPER_STOP 0x20
#define ERROR_STOP 0x40
#define PAPER_END  0x60 /* of ASK_PAPER */
#define DONE_END   0x0c /* of ASK_DONE */

static bool digits(const char *s)
{
	return *s && strlen(s) <= 5 && strspn(s, "0123456789") == strlen(s);
}

/* "ADDRESS:PORT", an IPv6 address in brackets. */
static int parse_tcp(const char *s, struct printer *out, struct err *e)
{
	const char *colon = strrchr(s, ':');
	bool six = *s == '[' && colon && colon > s && colon[-1] == ']';
	const char *from = six ? s + 1 : s;
	size_t len = colon ? (size_t)((six ? colon - 1 : colon) - from) : 0;
	if (!len || len >= sizeof out->host || !digits(colon + 1))
		return err_set(e, ERR_INVALID, "tcp:ADDRESS:PORT is wanted, the address numeric");
	(void)snprintf(out->host, sizeof out->host, "%.*s", (int)len, from);
	(void)snprintf(out->port, sizeof out->port, "%s", colon + 1);
	out->kind = PRINTER_TCP;
	return ERR_OK;
}

int printer_parse(const char *setting, struct printer *out, struct err *e)
{
	*out = (struct printer){.kind = PRINTER_NONE};
	if (!*setting) return ERR_OK;
	if (strncmp(setting, "tcp:", 4) == 0) return parse_tcp(setting + 4, out, e);
	if (strncmp(setting, "file:/", 6) != 0)
		return err_set(e, ERR_INVALID, "tcp:ADDRESS:PORT or file:/PATH is wanted");
	out->kind = PRINTER_FILE;
	out->path = setting + 5;
	return ERR_OK;
}

/* --- reaching it --- */

/* 1 when FD is ready for EVENTS, 0 when UNTIL has passed, -1 when poll failed. */
static int wait_for(int fd, short events, int64_t until)
{
	for (;;) {
		int64_t left = until - frame_mono();
		struct pollfd p = {.fd = fd, .events = events};
		int r = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (r >= 0 || errno != EINTR) return r;
	}
}

static int connect_within(int fd, const struct addrinfo *a, int64_t until)
{
	int why = 0;
	socklen_t n = sizeof why;
	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0) return 0;
	if (errno != EINPROGRESS) return errno;
	if (wait_for(fd, POLLOUT, until) <= 0) return ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n) ? errno : why;
}

static int open_tcp(const struct printer *p, int64_t deadline, struct err *e)
{
	struct addrinfo *a = NULL, hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	int64_t until = frame_mono() + PRINTER_CONNECT_MS;
	if (getaddrinfo(p->host, p->port, &hints, &a) || !a) {
		(void)err_set(e, ERR_NOTFOUND, "%s:%s is no numeric address", p->host, p->port);
		return -1;
	}
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int why = fd < 0 ? errno : connect_within(fd, a, until < deadline ? until : deadline);
	freeaddrinfo(a);
	if (!why) return fd;
	if (fd >= 0) (void)close(fd);
	(void)err_set(e, ERR_NOTFOUND, "the printer at %s:%s cannot be reached: %s", p->host, p->port, strerror(why));
	return -1;
}

static int open_file(const struct printer *p, struct err *e)
{
	int fd = open(p->path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_APPEND);
	if (fd < 0) (void)err_set(e, ERR_NOTFOUND, "%s cannot be opened: %s", p->path, strerror(errno));
	return fd;
}

/* --- talking to it --- */

static int send_all(int fd, const uint8_t *data, size_t len, int64_t deadline, struct err *e)
{
	size_t sent = 0;
	while (sent < len) {
		ssize_t n = write(fd, data + sent, len - sent);
		if (n > 0) {
			sent += (size_t)n;
			continue;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return err_set(e, ERR_IO, "the printer went away after %zu of %zu bytes: %s", sent, len,
			               strerror(errno));
		if (wait_for(fd, POLLOUT, deadline) <= 0)
			return err_set(e, ERR_IO, "the printer stopped taking after %zu of %zu bytes", sent, len);
	}
	return ERR_OK;
}

/* Asks COMMAND; the answer's byte, -1 when none came before UNTIL, -2 when the printer has gone. */
static int ask(int fd, const char *command, int64_t until)
{
	uint8_t byte = 0;
	struct err ignored = {0};
	if (send_all(fd, (const uint8_t *)command, ASK_LEN, until, &ignored)) return -2;
	for (;;) {
		if (wait_for(fd, POLLIN, until) <= 0) return -1;
		ssize_t n = read(fd, &byte, 1);
		if (n == 1) return byte;
		if (n == 0) return -2;
		if (errno != EAGAIN && errno != EINTR) return -2;
	}
}

/* Does it answer, and is it well? ERR_IO names what keeps it from printing. */
static int look(int fd, int64_t deadline, bool *answers, struct err *e)
{
	int64_t until = frame_mono() + PRINTER_ANSWER_MS;
	int state = ask(fd, ASK_OFFLINE, until < deadline ? until : deadline);
	*answers = state >= 0;
	if (state == -2) return err_set(e, ERR_IO, "the printer went away before anything was sent");
	if (state < 0) return ERR_OK; /* it does not talk: it may print all the same */
	if (state & COVER_OPEN) return err_set(e, ERR_IO, "the printer's cover is open");
	int paper = ask(fd, ASK_PAPER, until < deadline ? until : deadline);
	if ((paper >= 0 && (paper & PAPER_END)) || state & PAPER_STOP)
		return err_set(e, ERR_IO, "the printer has no paper");
	return state & ERROR_STOP ? err_set(e, ERR_IO, "the printer reports an error") : ERR_OK;
}

/* Has it taken all that was sent? */
static int finish(int fd, int64_t deadline, bool *confirmed, struct err *e)
{
	int done = ask(fd, ASK_DONE, deadline);
	if (done == -2) return err_set(e, ERR_IO, "the printer went away before it confirmed");
	if (done < 0) return err_set(e, ERR_IO, "the printer did not confirm in time: look whether the paper came");
	if (done & DONE_END) return err_set(e, ERR_IO, "the printer ran out of paper");
	*confirmed = true;
	return ERR_OK;
}

int printer_send(const struct printer *p, const void *data, size_t len, int64_t deadline, bool *confirmed,
                 struct err *e)
{
	bool answers = false;
	*confirmed = false;
	if (p->kind == PRINTER_NONE) return err_set(e, ERR_NOTFOUND, "no printer is set");
	int fd = p->kind == PRINTER_TCP ? open_tcp(p, deadline, e) : open_file(p, e);
	if (fd < 0) return ERR_NOTFOUND;
	int rc = p->kind == PRINTER_TCP ? look(fd, deadline, &answers, e) : ERR_OK;
	if (!rc) rc = send_all(fd, data, len, deadline, e);
	if (!rc && answers) rc = finish(fd, deadline, confirmed, e);
	if (close(fd) && !rc && errno != EINTR) rc = err_set(e, ERR_IO, "the printer: %s", strerror(errno));
	return rc;
}
