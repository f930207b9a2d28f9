/* A line between two network namespaces: the one that this program is started in and one of its own. Each has a TUN device
 * (`line0`) whose frames are carried to the other after a delay, in order, or lost while the line is off. Nothing here
 * limits the rate: that is the devices' `tc tbf`. All of it goes when the program ends. For `make bench-link`; root only.
 *
 *   relay      prints "ready"; then reads commands, a line each, and answers each by a line
 *     delay MS   one way, from the next frame on
 *     on, off    what is under way when the line goes off is lost too
 *     count      frames, their bytes (IP) and TCP payload bytes since the last count, lost ones too, and the payload that came;
 *                here = from this side
 *   The end of the input ends it.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define DEVICE    "line0"
#define FRAME_MAX 2048
#define QUEUE     4096 /* frames under way; what comes above is lost, as on any line */

struct frame {
	int64_t due; /* monotonic us */
	size_t len;
	uint8_t data[FRAME_MAX];
};

struct way {
	int from, to; /* TUN descriptors */
	struct frame *frames;
	size_t first, n;
	long count, lost;
	long long bytes, payload, came; /* CAME: payload that was not lost */
};

struct line {
	struct way ways[2];
	int64_t delay; /* us */
	bool off;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int open_tun(void)
{
	struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	(void)snprintf(r.ifr_name, sizeof r.ifr_name, DEVICE);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r) != 0) die("relay: /dev/net/tun");
	return fd;
}

/* Bytes of TCP payload in an IPv4 packet. */
static long payload_of(const uint8_t *p, size_t len)
{
	if (len < 40 || p[0] >> 4 != 4 || p[9] != 6) return 0;
	size_t ip = (size_t)(p[0] & 15) * 4, total = (size_t)p[2] << 8 | p[3];
	if (ip + 20 > len) return 0;
	size_t tcp = (size_t)(p[ip + 12] >> 4) * 4;
	return total > ip + tcp ? (long)(total - ip - tcp) : 0;
}

static void take(struct line *l, struct way *w)
{
	uint8_t data[FRAME_MAX];
	ssize_t n = read(w->from, data, sizeof data);
	if (n <= 0) return;
	w->count++;
	w->bytes += n;
	w->payload += payload_of(data, (size_t)n);
	if (l->off || w->n == QUEUE) {
		w->lost++;
		return;
	}
	struct frame *f = &w->frames[(w->first + w->n++) % QUEUE];
	f->due = now() + l->delay;
	f->len = (size_t)n;
	memcpy(f->data, data, f->len);
}

static void deliver(struct way *w)
{
	while (w->n && w->frames[w->first].due <= now()) {
		const struct frame *f = &w->frames[w->first];
		bool came = write(w->to, f->data, f->len) >= 0;
		if (came)
			w->came += payload_of(f->data, f->len);
		else
			w->lost++; /* the device is down */
		w->first = (w->first + 1) % QUEUE;
		w->n--;
	}
}

static void count(const char *name, struct way *w)
{
	(void)printf("\"%s\":{\"frames\":%ld,\"lost\":%ld,\"bytes\":%lld,\"payload\":%lld,\"came\":%lld}", name,
	             w->count, w->lost, w->bytes, w->payload, w->came);
	w->count = w->lost = 0;
	w->bytes = w->payload = w->came = 0;
}

static void obey(struct line *l, const char *command)
{
	if (strncmp(command, "delay ", 6) == 0) l->delay = strtol(command + 6, NULL, 10) * 1000;
	if (strcmp(command, "on") == 0) l->off = false;
	if (strcmp(command, "off") == 0) {
		for (int i = 0; i < 2; i++) {
			l->ways[i].lost += (long)l->ways[i].n;
			l->ways[i].n = 0;
		}
		l->off = true;
	}
	(void)putchar('{');
	if (strcmp(command, "count") == 0) {
		count("here", &l->ways[0]);
		(void)putchar(',');
		count("there", &l->ways[1]);
	}
	(void)puts("}");
	(void)fflush(stdout);
}

/* Commands out of what came; false at the input's end. */
static bool listen_to(struct line *l)
{
	static const char ends[] = "\n";
	char text[256];
	ssize_t n = read(STDIN_FILENO, text, sizeof text - 1);
	if (n <= 0) return false;
	text[n] = '\0';
	for (char *at = text; *at;) {
		size_t len = strcspn(at, ends);
		bool more = at[len] != '\0';
		at[len] = '\0';
		obey(l, at);
		at += len + more;
	}
	return true;
}

static void wait_for(struct line *l, struct pollfd p[3])
{
	int64_t due = INT64_MAX, at = now();
	for (int i = 0; i < 2; i++)
		if (l->ways[i].n && l->ways[i].frames[l->ways[i].first].due < due)
			due = l->ways[i].frames[l->ways[i].first].due;
	struct timespec ts = {0};
	if (due > at) ts = (struct timespec){.tv_sec = (due - at) / 1000000, .tv_nsec = (due - at) % 1000000 * 1000};
	if (ppoll(p, 3, due == INT64_MAX ? NULL : &ts, NULL) < 0) die("relay: poll");
}

int main(void)
{
	struct line l = {0};
	int here = open_tun();
	if (unshare(CLONE_NEWNET) != 0) die("relay: a network namespace");
	int there = open_tun();
	l.ways[0] = (struct way){.from = here, .to = there};
	l.ways[1] = (struct way){.from = there, .to = here};
	for (int i = 0; i < 2; i++) {
		l.ways[i].frames = malloc(QUEUE * sizeof *l.ways[i].frames);
		if (!l.ways[i].frames) die("relay");
	}
	(void)puts("ready");
	(void)fflush(stdout);
	for (;;) {
		struct pollfd p[3] = {{.fd = STDIN_FILENO, .events = POLLIN},
		                      {.fd = here, .events = POLLIN},
		                      {.fd = there, .events = POLLIN}};
		wait_for(&l, p);
		if (p[0].revents && !listen_to(&l)) break;
		for (int i = 0; i < 2; i++) {
			if (p[i + 1].revents & POLLIN) take(&l, &l.ways[i]);
			deliver(&l.ways[i]);
		}
	}
	free(l.ways[0].frames);
	free(l.ways[1].frames);
	return 0;
}
