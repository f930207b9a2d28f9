/* See log.h. */
#include "shared/log.h"

#include "shared/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const names[] = {"error", "warn", "info", "debug"};

bool log_level_parse(const char *name, enum log_level *out)
{
	for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
		if (strcmp(name, names[i]) != 0) continue;
		*out = (enum log_level)i;
		return true;
	}
	return false;
}

void log_line(const struct log *l, enum log_level level, const char *event, const char *fmt, ...)
{
	if (!l || level > l->level) return;
	char line[1024], when[CLOCK_TEXT];
	struct timespec ts;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	clock_text((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000, when);
	int n = snprintf(line, sizeof line - 1, "%s %s %s %s ", when, names[level], l->program, event);
	if (n < 0) return;
	va_list ap;
	va_start(ap, fmt);
	int m = vsnprintf(line + n, sizeof line - 1 - (size_t)n, fmt, ap);
	va_end(ap);
	size_t len = m < 0 ? (size_t)n : strlen(line);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) line[i] = '?'; /* one event, one line */
	line[len++] = '\n';
	ssize_t w = write(STDERR_FILENO, line, len);
	(void)w; /* nobody is left to tell */
}
