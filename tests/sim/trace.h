/* What a run did, as a hash and, when asked, as lines: two runs of one seed must give the same. */
#ifndef XINKE_SIM_TRACE_H
#define XINKE_SIM_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trace {
	uint64_t hash;
	int64_t lines;
	bool print;
};

void trace_init(struct trace *t, bool print);
/* One line at simulated time NOW (ms since the run began). */
void trace_line(struct trace *t, int64_t now, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Bytes that went over the network. */
void trace_bytes(struct trace *t, const void *p, size_t n);

#endif
