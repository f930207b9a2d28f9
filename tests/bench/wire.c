/* Bytes and time of exchanges on the wire: lines of tests/lib/records.mjs on the input, written down by the wire's own code
 * and closed by shared/pack.c. For `make bench-wire`.
 *
 *   wire rows|columns LEVEL...     a JSON line each for LEVEL without and with the dictionary
 *   wire rows|columns text         the requests as they are before, one a line, for others to compress
 */
#include "shared/dict.h"
#include "tests/lib/exchanges.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct text {
	char *data;
	size_t len;
	bool is_answer;
};

struct load {
	struct text *texts;
	size_t n;
	long events, records;
	double writing, reading; /* seconds that requests took before zstd */
};

static double now(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* What is written in FORM must be read as what is written in rows. */
static void check(struct load *all, struct exchanges_line *l, const struct text *t)
{
	struct exchanges_line back = {0};
	struct err e = {0};
	size_t n, m;
	double start = now();
	if (wire_request_decode(t->data, t->len, &back.request, &e)) exchanges_die("read", e.msg);
	all->reading += now() - start;
	l->request.form = back.request.form = WIRE_ROWS;
	char *was = exchanges_text(l, &n), *is = exchanges_text(&back, &m);
	if (n != m || memcmp(was, is, n) != 0) exchanges_die("read", "not what was written");
	free(was);
	free(is);
	exchanges_release(&back);
}

static void add(struct load *all, struct exchanges_line *l, enum wire_form form)
{
	struct text *t = realloc(all->texts, (all->n + 1) * sizeof *t);
	if (!t) exchanges_die("wire", "out of memory");
	all->texts = t;
	t += all->n++;
	t->is_answer = l->is_answer;
	l->request.form = form;
	double start = now();
	t->data = exchanges_text(l, &t->len);
	if (!t->is_answer) {
		all->writing += now() - start;
		check(all, l, t);
	}
	all->events += l->request.n_events;
	for (int i = 0; i < l->request.n_events; i++)
		all->records += strcmp(l->request.events[i].type, "receive") == 0;
}

/* Closes T and opens it again; returns the frame's bytes. */
static size_t travel(struct pack *p, int level, unsigned id, const struct text *t, double *closing, double *opening)
{
	struct buf frame, back;
	struct err e = {0};
	buf_init(&frame, LIMIT_EXCHANGE * 2);
	buf_init(&back, LIMIT_EXCHANGE);
	double start = now();
	if (pack_close(p, level, id, t->data, t->len, &frame, &e)) exchanges_die("close", e.msg);
	double half = now();
	if (pack_open(p, frame.data, frame.len, LIMIT_EXCHANGE, &back, &e)) exchanges_die("open", e.msg);
	*closing += half - start;
	*opening += now() - half;
	if (back.len != t->len || memcmp(back.data, t->data, t->len) != 0) exchanges_die("open", "not what was closed");
	size_t n = frame.len;
	buf_release(&frame);
	buf_release(&back);
	return n;
}

static void measure(struct pack *p, const struct load *all, int level, unsigned id)
{
	double closing = 0, opening = 0, ignored = 0;
	size_t up = 0, down = 0, raw = 0, requests = 0;
	for (size_t i = 0; i < all->n; i++) {
		const struct text *t = &all->texts[i];
		if (t->is_answer) {
			down += travel(p, level, id, t, &ignored, &ignored);
			continue;
		}
		up += travel(p, level, id, t, &closing, &opening);
		raw += t->len;
		requests++;
	}
	(void)printf(
	    "{\"level\":%d,\"dict\":%s,\"events\":%ld,\"records\":%ld,\"requests\":%zu,\"raw\":%zu,\"up\":%zu,"
	    "\"down\":%zu,\"write_us\":%.2f,\"read_us\":%.2f,\"close_us\":%.2f,\"open_us\":%.2f,\"held\":%zu}\n",
	    level, id ? "true" : "false", all->events, all->records, requests, raw, up, down,
	    all->writing * 1e6 / (double)all->events, all->reading * 1e6 / (double)all->events,
	    closing * 1e6 / (double)all->events, opening * 1e6 / (double)all->events, pack_size(p));
	pack_trim(p);
}

static void print_requests(const struct load *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (!all->texts[i].is_answer) (void)puts(all->texts[i].data);
}

int main(int argc, char **argv)
{
	struct load all = {0};
	struct exchanges_line l;
	struct pack *p = NULL;
	struct err e = {0};
	size_t n;
	const struct pack_dict *dicts = dict_all(&n);
	if (argc < 3) {
		(void)fprintf(stderr, "usage: wire rows|columns LEVEL... | text\n");
		return 2;
	}
	for (; exchanges_next(stdin, &l); exchanges_release(&l))
		add(&all, &l, strcmp(argv[1], "rows") == 0 ? WIRE_ROWS : WIRE_COLUMNS);
	if (pack_new(dicts, n, &p, &e)) exchanges_die("dictionary", e.msg);
	if (strcmp(argv[2], "text") == 0) {
		print_requests(&all);
		argc = 2;
	}
	for (int i = 2; i < argc; i++) {
		int level = (int)strtol(argv[i], NULL, 10);
		measure(p, &all, level, 0);
		measure(p, &all, level, DICT_EXCHANGE);
	}
	pack_free(p);
	for (size_t i = 0; i < all.n; i++)
		free(all.texts[i].data);
	free(all.texts);
	return 0;
}
