/* See trace.h. FNV-1a. */
#include "tests/sim/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void trace_init(struct trace *t, bool print)
{
	*t = (struct trace){.hash = 0xcbf29ce484222325ULL, .print = print};
}

void trace_bytes(struct trace *t, const void *p, size_t n)
{
	const unsigned char *b = p;
	for (size_t i = 0; i < n; i++)
		t->hash = (t->hash ^ b[i]) * 0x100000001b3ULL;
}

void trace_line(struct trace *t, int64_t now, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	trace_bytes(t, &now, sizeof now);
	trace_bytes(t, line, strlen(line) + 1);
	t->lines++;
	if (!t->print) return;
	printf("%9lld.%03lld  %s\n", (long long)(now / 1000), (long long)(now % 1000), line);
	(void)fflush(stdout);
}
