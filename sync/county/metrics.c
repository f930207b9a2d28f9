/* See metrics.h. Counters alone; what the database knows is added by health.c. */
#include "sync/county/metrics.h"

#include <inttypes.h>
#include <string.h>

#define PREFIX "xinke_county_"

static const struct {
	const char *name, *kind, *help;
} rows[METRIC_COUNT] = {
#define METRIC(id, name, kind, help) {name, kind, help},
#include "sync/county/metrics.def"
#undef METRIC
};

void metrics_add(struct metrics *m, enum metric id, int64_t n)
{
	if (m) (void)atomic_fetch_add_explicit(&m->v[id], n, memory_order_relaxed);
}

static enum metrics_face face_of(const char *route)
{
	static const char *const prefixes[] = {
	    [FACE_SYNC] = "/sync/", [FACE_API] = "/api/", [FACE_PUBLIC] = "/public/"};
	for (size_t i = 0; route && i < sizeof prefixes / sizeof *prefixes; i++)
		if (strncmp(route, prefixes[i], strlen(prefixes[i])) == 0) return (enum metrics_face)i;
	return FACE_SERVICE;
}

void metrics_request(struct metrics *m, const char *route, int status)
{
	int class = status >= 100 && status < 600 ? status / 100 : 0;
	if (m) (void)atomic_fetch_add_explicit(&m->requests[face_of(route)][class], 1, memory_order_relaxed);
}

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_addf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

void metrics_write(struct metrics *m, struct buf *out)
{
	static const char *const faces[FACE_COUNT] = {"sync", "api", "public", "service"};
	for (size_t i = 0; i < METRIC_COUNT; i++) {
		int64_t v = atomic_load_explicit(&m->v[i], memory_order_relaxed);
		head(out, rows[i].name, "counter", rows[i].help);
		if (strcmp(rows[i].kind, "seconds") == 0)
			buf_addf(out, PREFIX "%s %" PRId64 ".%06" PRId64 "\n", rows[i].name, v / 1000000, v % 1000000);
		else
			buf_addf(out, PREFIX "%s %" PRId64 "\n", rows[i].name, v);
	}
	head(out, "requests_total", "counter",
	     "HTTP requests by face and class of status; 0xx ended without an answer.");
	for (size_t f = 0; f < FACE_COUNT; f++)
		for (int c = 0; c < 6; c++) {
			int64_t v = atomic_load_explicit(&m->requests[f][c], memory_order_relaxed);
			if (v)
				buf_addf(out, PREFIX "requests_total{face=\"%s\",status=\"%dxx\"} %" PRId64 "\n",
				         faces[f], c, v);
		}
}
