/* See waker.h. One round does a bounded piece of everything, so that filling the search list after a start keeps no phone
 * waiting. Nudges are collected for a few milliseconds: under load one round serves many commits. */
#include "gateway/waker.h"

#include "gateway/archive.h"
#include "gateway/audit.h"
#include "gateway/changes.h"
#include "gateway/days.h"
#include "gateway/deem.h"
#include "gateway/follow.h"
#include "gateway/items.h"
#include "gateway/readers.h"
#include "gateway/tidy.h"
#include "gateway/web.h"
#include "shared/wake.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS    1000 /* a lost wake-up costs at most this */
#define COLLECT_MS 20   /* between a commit and the round that serves it */

struct waker {
	struct gateway *gw;
	int fd;  /* bound, ours */
	int out; /* for sending; kept, because a socket a commit would cost more than the datagram */
	struct sockaddr_un courier, self;
	pthread_t thread;
	bool started;
	atomic_bool nudged, stop;
	struct timespec cert; /* the server certificate in use */
};

static void set_address(struct sockaddr_un *a, const char *path)
{
	size_t len = strnlen(path, sizeof a->sun_path - 1); /* wake_bind has refused what does not fit */
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(a->sun_path, path, len);
}

static struct timespec cert_time(const struct gateway *gw)
{
	struct stat st;
	return stat(gw->cfg.server_crt, &st) == 0 ? st.st_mtim : (struct timespec){0};
}

int waker_new(struct gateway *gw, struct waker **out, struct err *e)
{
	*out = NULL;
	struct waker *w = calloc(1, sizeof *w);
	if (!w) return err_set(e, ERR_NOMEM, "waker");
	w->gw = gw;
	w->out = -1;
	w->fd = wake_bind(gw->cfg.wake, e);
	if (w->fd >= 0) w->out = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (w->out < 0) {
		int rc = w->fd < 0 ? ERR_IO : err_sys(e, errno, "socket");
		waker_close(w);
		return rc;
	}
	set_address(&w->courier, gw->cfg.courier);
	set_address(&w->self, gw->cfg.wake);
	w->cert = cert_time(gw);
	*out = w;
	return ERR_OK;
}

static void send_to(struct waker *w, const struct sockaddr_un *to, char what)
{
	/* best effort: nobody there, or too many wait there already */
	(void)sendto(w->out, &what, 1, MSG_NOSIGNAL, (const struct sockaddr *)to, sizeof *to);
}

void waker_nudge(struct waker *w)
{
	send_to(w, &w->courier, WAKE_EVENTS);
	if (!atomic_exchange(&w->nudged, true)) send_to(w, &w->self, WAKE_EVENTS);
}

void waker_call_courier(struct waker *w)
{
	send_to(w, &w->courier, WAKE_RUN);
}

/* The courier brings a new certificate by renaming it into place. */
static void refresh_cert(struct waker *w)
{
	struct err e = {0};
	struct timespec now = cert_time(w->gw);
	struct http_server *http = w->gw->http;
	if (!w->gw->cfg.tls || !http || (now.tv_sec == w->cert.tv_sec && now.tv_nsec == w->cert.tv_nsec)) return;
	w->cert = now;
	if (http_reload_tls(http, &e))
		log_error(&w->gw->log, "certificate", "text=\"%s\"", e.msg);
	else
		log_info(&w->gw->log, "certificate", "state=reloaded");
}

/* The ms until the next round. */
static int round_once(struct waker *w)
{
	struct gateway *gw = w->gw;
	struct err e = {0};
	bool more = false;
	struct ledger *l = readers_take(gw->readers);
	if (ledger_clock_load(l, &e)) log_warn(&gw->log, "clock", "text=\"%s\"", e.msg);
	(void)items_refresh(gw->items, l, &gw->log);
	days_refresh(gw->days, l, &gw->log);
	deem_round(gw, l);
	archive_round(gw, l);
	audit_round(gw);
	tidy_round(gw);
	int ms = changes_serve(gw, l, TICK_MS);
	if (follow_round(gw->follow, l, &more, &e)) log_warn(&gw->log, "search_list", "text=\"%s\"", e.msg);
	readers_give(gw->readers, l);
	refresh_cert(w);
	web_refresh(gw->web);
	return more ? 0 : ms;
}

static void pause_ms(int ms)
{
	struct timespec t = {.tv_sec = 0, .tv_nsec = ms * 1000000L};
	(void)nanosleep(&t, NULL);
}

/* The whole file is looked at while phones are served already: with many events it takes longer than they should wait.
 * A damaged one ends the program, before more is written to it. */
static void check_file(struct gateway *gw)
{
	struct err e = {0};
	struct ledger *l = readers_take(gw->readers);
	int rc = ledger_check(l, &e);
	readers_give(gw->readers, l);
	if (rc) log_error(&gw->log, "check", "error=%s text=\"%s\"", err_name((enum err_code)rc), e.msg);
	if (rc != (int)ERR_CORRUPT) return;
	gw->damaged = true;
	(void)kill(getpid(), SIGTERM);
}

static void *loop(void *arg)
{
	struct waker *w = arg;
	int ms = 0;
	check_file(w->gw);
	while (!atomic_load(&w->stop)) {
		int what = wake_wait(w->fd, ms);
		if (what < 0) pause_ms(TICK_MS / 2); /* a broken socket must not spin */
		if (what == WAKE_EVENTS && !atomic_load(&w->stop)) pause_ms(COLLECT_MS);
		atomic_store(&w->nudged, false);
		if (!atomic_load(&w->stop)) ms = round_once(w);
	}
	return NULL;
}

int waker_start(struct waker *w, struct err *e)
{
	int errnum = pthread_create(&w->thread, NULL, loop, w);
	if (errnum) return err_sys(e, errnum, "waker thread");
	w->started = true;
	return ERR_OK;
}

void waker_close(struct waker *w)
{
	if (!w) return;
	if (w->started) {
		atomic_store(&w->stop, true);
		send_to(w, &w->self, WAKE_STOP);
		(void)pthread_join(w->thread, NULL);
	}
	if (w->out >= 0) (void)close(w->out);
	if (w->fd >= 0) {
		(void)close(w->fd);
		(void)unlink(w->gw->cfg.wake);
	}
	free(w);
}
