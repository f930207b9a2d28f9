/* Bodies that are taken as they come, over plain sockets: in pieces, with a sink that has no room, refused with the headers
 * and half-way, by a sender that is slow, silent or gone, and at the server's end. And answers that are given in pieces. */
#include "shared/http/http.h"
#include "tests/unit/support.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_MS 1200
#define PATIENCE_S  20
#define BIG         3000000
#define ROOM        5000 /* bytes that the sink takes before it wants a rest */

enum mode { PLAIN, PARKS, REFUSES, REFUSES_LATER, FAILS_HALFWAY, NEITHER };

struct world {
	struct http_server *server;
	uint16_t port;
	enum mode mode;
	atomic_int opened, ended, cut; /* releases by kind */
	atomic_long took, rests;
	atomic_ulong sum; /* of the bytes, by their place */
	size_t room;
	struct http_req *waiting; /* under lock: parked, for the helper to go on with */
	void (*then)(struct world *w, struct http_req *req);
	pthread_mutex_t lock;
	pthread_cond_t some;
	bool quit;
	pthread_t helper;
};

/* --- the sink --- */

static void later(struct world *w, struct http_req *req, void (*then)(struct world *, struct http_req *))
{
	http_suspend(req);
	pthread_mutex_lock(&w->lock);
	assert_null(w->waiting);
	w->waiting = req;
	w->then = then;
	pthread_cond_signal(&w->some);
	pthread_mutex_unlock(&w->lock);
}

static void *help(void *arg)
{
	struct world *w = arg;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->waiting && !w->quit)
			pthread_cond_wait(&w->some, &w->lock);
		struct http_req *req = w->waiting;
		if (!req) break;
		w->waiting = NULL;
		pthread_mutex_unlock(&w->lock);
		w->then(w, req);
		http_resume(req);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void make_room(struct world *w, struct http_req *req)
{
	w->room = ROOM;
	atomic_fetch_add(&w->rests, 1);
	if (w->mode == FAILS_HALFWAY && w->took > 3L * ROOM) http_problem_code(req, PROBLEM_UPLOAD_SPACE, NULL);
}

static size_t take(struct http_req *req, void *arg, const void *data, size_t len)
{
	struct world *w = arg;
	const uint8_t *p = data;
	size_t n = w->mode == PLAIN || len < w->room ? len : w->room;
	for (size_t i = 0; i < n; i++)
		w->sum += (unsigned long)p[i] * (unsigned long)(w->took + (long)i + 1);
	w->took += (long)n;
	if (w->mode == PLAIN) return n;
	w->room -= n;
	if (!w->room) later(w, req, make_room);
	return n;
}

static void say(struct world *w, struct http_req *req)
{
	char text[32];
	int n = snprintf(text, sizeof text, "%ld", (long)w->took);
	http_reply(req, 200, "text/plain", text, (size_t)n);
}

static void end(struct http_req *req, void *arg)
{
	struct world *w = arg;
	if (w->mode == PLAIN)
		say(w, req);
	else
		later(w, req, say);
}

static void release(void *arg, bool ended)
{
	struct world *w = arg;
	atomic_fetch_add(ended ? &w->ended : &w->cut, 1);
}

static const struct http_sink sink = {.data = take, .end = end, .release = release};

static void let_in(struct world *w, struct http_req *req)
{
	w->opened++;
	w->room = ROOM;
	http_stream(req, &sink, w);
}

static void refuse(struct world *w, struct http_req *req)
{
	(void)w;
	http_problem_code(req, PROBLEM_UPLOAD_OFFSET, NULL);
}

static void put_body(struct http_req *req, void *ctx)
{
	struct world *w = ctx;
	switch (w->mode) {
	case PLAIN: let_in(w, req); break;
	case REFUSES: refuse(w, req); break;
	case REFUSES_LATER: later(w, req, refuse); break;
	case NEITHER: break;
	case PARKS:
	case FAILS_HALFWAY: later(w, req, let_in); break;
	}
}

/* --- an answer in pieces --- */

static int give(void *arg, int64_t off, void *out, size_t len)
{
	struct world *w = arg;
	if (w->mode == FAILS_HALFWAY && off > BIG / 2) return ERR_CORRUPT;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = (uint8_t)((off + (int64_t)i) % 251);
	return ERR_OK;
}

static void given(void *arg)
{
	((struct world *)arg)->ended++;
}

static void get_content(struct http_req *req, void *ctx)
{
	const struct http_content content = {.read = give, .release = given, .arg = ctx};
	http_reply_content(req, 200, "application/octet-stream", BIG, &content);
}

/* --- the world --- */

static const struct http_route routes[] = {
    {"PATCH", "/body", 0, HTTP_STREAM_MAX, HTTP_OPEN | HTTP_STREAM, put_body, "takes a body"},
    {"GET", "/content", 0, 0, HTTP_OPEN, get_content, "gives one"},
};

static int up(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	struct err e = {0};
	assert_non_null(w);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->some, NULL);
	const struct http_config cfg = {
	    .routes = routes, .n_routes = COUNT(routes), .request_deadline_ms = DEADLINE_MS, .ctx = w};
	if (http_open(&cfg, &w->server, &e)) fail_msg("%s", e.msg);
	w->port = http_port(w->server);
	assert_int_equal(pthread_create(&w->helper, NULL, help, w), 0);
	*state = w;
	return 0;
}

static int down(void **state)
{
	struct world *w = *state;
	http_close(w->server, NULL, NULL, 5000);
	pthread_mutex_lock(&w->lock);
	w->quit = true;
	pthread_cond_signal(&w->some);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->helper, NULL);
	pthread_cond_destroy(&w->some);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return 0;
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

static bool comes(atomic_int *n, int want)
{
	for (int64_t until = now_ms() + 1000L * PATIENCE_S; now_ms() < until; nap(5))
		if (atomic_load(n) == want) return true;
	return false;
}

static int dial(const struct world *w)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_port = htons(w->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct timeval t = {PATIENCE_S, 0};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
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

static bool put_text(int fd, const char *text)
{
	return put(fd, text, strlen(text));
}

static int begin(const struct world *w, size_t length, const char *more)
{
	char head[256];
	int fd = dial(w);
	int n = snprintf(head, sizeof head, "PATCH /body HTTP/1.1\r\nHost: box\r\nContent-Length: %zu\r\n%s\r\n",
	                 length, more);
	assert_true(put(fd, head, (size_t)n));
	return fd;
}

/* Reads to the end of the first answer's head and BODY bytes behind it; the status, 0 when the line was cut. */
static int answer(int fd, char *text, size_t cap)
{
	size_t len = 0;
	ssize_t n;
	text[0] = '\0';
	while (len + 1 < cap && (n = recv(fd, text + len, cap - 1 - len, 0)) > 0) {
		len += (size_t)n;
		text[len] = '\0';
		const char *end_of = strstr(text, "\r\n\r\n"), *cl = strstr(text, "Content-Length: ");
		if (end_of && cl && len >= (size_t)(end_of - text) + 4 + strtoul(cl + 16, NULL, 10)) break;
	}
	return strncmp(text, "HTTP/1.1 ", 9) == 0 ? (int)strtol(text + 9, NULL, 10) : 0;
}

static uint8_t *body_of(size_t len, unsigned long *sum)
{
	uint8_t *p = malloc(len + 1);
	assert_non_null(p);
	*sum = 0;
	for (size_t i = 0; i < len; i++) {
		p[i] = (uint8_t)(i * 7 + i / 300);
		*sum += (unsigned long)p[i] * (unsigned long)(i + 1);
	}
	return p;
}

/* --- tests --- */

static void sends_all(struct world *w, size_t len)
{
	char text[2048];
	unsigned long sum;
	uint8_t *body = body_of(len, &sum);
	w->took = 0;
	w->sum = 0;
	int was = w->ended, fd = begin(w, len, "");
	assert_true(put(fd, body, len));
	assert_int_equal(answer(fd, text, sizeof text), 200);
	assert_int_equal(w->took, len);
	assert_true(w->sum == sum); /* every byte, in its place, once */
	assert_true(comes(&w->ended, was + 1));
	close(fd);
	free(body);
}

static void whole(void **state)
{
	static const size_t sizes[] = {0, 1, ROOM - 1, ROOM, ROOM + 1, 3 * ROOM, BIG};
	struct world *w = *state;
	for (int mode = PLAIN; mode <= PARKS; mode++) {
		w->mode = (enum mode)mode;
		for (size_t i = 0; i < COUNT(sizes); i++)
			sends_all(w, sizes[i]);
	}
	assert_true(w->rests >= BIG / ROOM);
	assert_int_equal(w->cut, 0);
}

static void chunked(void **state)
{
	struct world *w = *state;
	char text[2048], piece[4200];
	w->mode = PARKS;
	int fd = dial(w);
	assert_true(put_text(fd, "PATCH /body HTTP/1.1\r\nHost: box\r\nTransfer-Encoding: chunked\r\n\r\n"));
	for (int i = 0; i < 30; i++) {
		int n = snprintf(piece, sizeof piece, "1000\r\n%4096d\r\n", i);
		assert_true(put(fd, piece, (size_t)n));
	}
	assert_true(put_text(fd, "0\r\n\r\n"));
	assert_int_equal(answer(fd, text, sizeof text), 200);
	assert_int_equal(w->took, 30 * 4096);
	close(fd);
}

/* With the headers: the answer comes although the sender is still sending, and nobody takes its bytes. */
static void refused_early(void **state)
{
	struct world *w = *state;
	char text[2048];
	unsigned long sum;
	uint8_t *body = body_of(BIG, &sum);
	for (int mode = REFUSES; mode <= REFUSES_LATER; mode++) {
		w->mode = (enum mode)mode;
		int fd = begin(w, BIG, "");
		(void)put(fd, body, 100000);
		assert_int_equal(answer(fd, text, sizeof text), 409);
		assert_non_null(strstr(text, "upload_offset"));
		close(fd);
		fd = begin(w, BIG, "Expect: 100-continue\r\n"); /* a sender that asks first sends nothing */
		assert_int_equal(answer(fd, text, sizeof text), 409);
		close(fd);
	}
	w->mode = NEITHER; /* a handler that forgot both: our bug, and an answer */
	int fd = begin(w, 10, "");
	assert_int_equal(answer(fd, text, sizeof text), 500);
	close(fd);
	assert_int_equal(w->took + w->opened + w->ended + w->cut, 0);
	free(body);
}

static void refused_halfway(void **state)
{
	struct world *w = *state;
	char text[2048];
	unsigned long sum;
	uint8_t *body = body_of(BIG, &sum);
	w->mode = FAILS_HALFWAY;
	int fd = begin(w, 200000, ""); /* the rest is little: it is read, and then answered */
	assert_true(put(fd, body, 200000));
	assert_int_equal(answer(fd, text, sizeof text), 507);
	assert_true(w->took < 5 * ROOM);
	close(fd);
	w->took = 0;
	fd = begin(w, BIG, ""); /* and is much: it is not, and the line is cut */
	(void)put(fd, body, BIG);
	assert_int_equal(answer(fd, text, sizeof text), 0);
	assert_true(w->took < 5 * ROOM);
	close(fd);
	assert_true(comes(&w->cut, 2));
	free(body);
}

static void line_cut(void **state)
{
	struct world *w = *state;
	unsigned long sum;
	uint8_t *body = body_of(BIG, &sum);
	for (int mode = PLAIN; mode <= PARKS; mode++) {
		w->mode = (enum mode)mode;
		w->took = 0;
		int was = w->cut, fd = begin(w, BIG, "");
		assert_true(put(fd, body, 12345));
		nap(100);
		close(fd);
		assert_true(comes(&w->cut, was + 1));
		assert_int_equal(w->took, 12345); /* nothing of what came is lost */
	}
	free(body);
}

/* The deadline holds for each step of a body, not for the whole. */
static void slow(void **state)
{
	struct world *w = *state;
	char text[2048];
	static const char step[20000];
	w->mode = PARKS;
	int fd = begin(w, 6 * sizeof step, "");
	int64_t began = now_ms();
	for (int i = 0; i < 6; i++) {
		nap(DEADLINE_MS / 2);
		assert_true(put(fd, step, sizeof step));
	}
	assert_int_equal(answer(fd, text, sizeof text), 200);
	assert_true(now_ms() - began > 2 * DEADLINE_MS);
	close(fd);
}

static void too_slow(void **state)
{
	struct world *w = *state;
	char c, text[64] = "";
	for (int mode = PLAIN; mode <= PARKS; mode++) {
		w->mode = (enum mode)mode;
		int was = w->cut, fd = begin(w, BIG, ""); /* silent */
		assert_true(put(fd, text, ROOM < sizeof text ? ROOM : sizeof text));
		assert_true(recv(fd, &c, 1, 0) <= 0);
		close(fd);
		assert_true(comes(&w->cut, was + 1));
		fd = begin(w, BIG, ""); /* a byte now and then */
		int64_t began = now_ms();
		while (put(fd, "x", 1) && now_ms() - began < 1000L * PATIENCE_S)
			nap(100);
		assert_true(now_ms() - began < 5 * DEADLINE_MS);
		close(fd);
		assert_true(comes(&w->cut, was + 2));
	}
}

/* A sender in the middle does not hold up the end: it is cut, and what it brought is kept. */
static void at_the_end(void **state)
{
	(void)state;
	void *inner = NULL;
	up(&inner);
	struct world *w = inner;
	w->mode = PLAIN;
	int fd = begin(w, BIG, "");
	assert_true(put(fd, "12345", 5));
	nap(50);
	int64_t began = now_ms();
	http_close(w->server, NULL, NULL, 5000);
	w->server = NULL;
	assert_true(now_ms() - began < 3000);
	assert_int_equal(w->cut, 1);
	assert_int_equal(w->took, 5);
	close(fd);
	down(&inner);
}

static void content(void **state)
{
	struct world *w = *state;
	uint8_t *got = malloc(BIG + 4096);
	assert_non_null(got);
	for (int broken = 0; broken < 2; broken++) {
		w->mode = broken ? FAILS_HALFWAY : PLAIN;
		size_t len = 0;
		ssize_t n;
		int was = w->ended, fd = dial(w);
		assert_true(put_text(fd, "GET /content HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n"));
		while ((n = recv(fd, got + len, BIG + 4095 - len, 0)) > 0)
			len += (size_t)n;
		got[len] = '\0';
		const char *body = strstr((char *)got, "\r\n\r\n");
		assert_non_null(body);
		size_t have = len - (size_t)(body + 4 - (char *)got);
		assert_non_null(strstr((char *)got, "Content-Length: 3000000\r\n"));
		if (broken)
			assert_true(have < BIG); /* cut off, and not filled up with anything */
		else
			assert_int_equal(have, BIG);
		for (size_t i = 0; i < have; i++)
			if ((uint8_t)body[4 + i] != i % 251) fail_msg("byte %zu", i);
		close(fd);
		assert_true(comes(&w->ended, was + 1));
	}
	free(got);
}

static void bad_routes(void **state)
{
	static const struct http_route bad[] = {
	    {"POST", "/a", 0, 0, HTTP_OPEN | HTTP_STREAM, put_body, "no body"},
	    {"POST", "/a", 0, 100, HTTP_OPEN | HTTP_STREAM | HTTP_JSON, put_body, "JSON"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct http_server *s = NULL;
		struct err e = {0};
		const struct http_config cfg = {.routes = &bad[i], .n_routes = 1};
		assert_int_equal(http_open(&cfg, &s, &e), ERR_INVALID);
	}
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(whole),         T(chunked),
	    T(refused_early), T(refused_halfway),
	    T(line_cut),      T(slow),
	    T(too_slow),      cmocka_unit_test(at_the_end),
	    T(content),       cmocka_unit_test(bad_routes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
