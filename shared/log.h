/* Log lines: one event a line on standard error, "time level name key=value ...", no personal data. */
#ifndef XINKE_LOG_H
#define XINKE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Who logs and from which level on; made by main(), borrowed by the parts. NULL logs nothing. */
struct log {
	const char *program;
	enum log_level level;
};

/* "error", "warn", "info" or "debug"; false on anything else. */
bool log_level_parse(const char *name, enum log_level *out);
/* One line; safe from any thread (one write(2) a line). */
void log_line(const struct log *l, enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#define log_error(l, event, ...) log_line(l, LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define log_warn(l, event, ...)  log_line(l, LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_info(l, event, ...)  log_line(l, LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(l, event, ...) log_line(l, LOG_LEVEL_DEBUG, event, __VA_ARGS__)

#endif
