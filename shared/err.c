/* See err.h. No state of its own; safe from any thread. */
#include "shared/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void put(struct err *e, enum err_code code, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));

static void put(struct err *e, enum err_code code, const char *fmt, va_list ap)
{
	e->code = code;
	if (vsnprintf(e->msg, sizeof e->msg, fmt, ap) < 0) e->msg[0] = '\0';
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	if (e && e->code == ERR_OK) {
		va_list ap;
		va_start(ap, fmt);
		put(e, code, fmt, ap);
		va_end(ap);
	}
	return (int)code;
}

static enum err_code from_errno(int errnum)
{
	switch (errnum) {
	case ENOSPC:
	case EDQUOT: return ERR_NOSPACE;
	case ENOMEM: return ERR_NOMEM;
	case ENOENT: return ERR_NOTFOUND;
	case EACCES:
	case EPERM: return ERR_DENIED;
	default: return ERR_IO;
	}
}

int err_sys(struct err *e, int errnum, const char *fmt, ...)
{
	enum err_code code = from_errno(errnum);
	if (e && e->code == ERR_OK) {
		va_list ap;
		va_start(ap, fmt);
		put(e, code, fmt, ap);
		va_end(ap);
		size_t n = strlen(e->msg);
		char text[96];
		/* the XSI form: POSIX.1-2017, kept apart from GNU's by the feature macro in the Makefile */
		if (strerror_r(errnum, text, sizeof text) != 0) (void)snprintf(text, sizeof text, "errno %d", errnum);
		(void)snprintf(e->msg + n, sizeof e->msg - n, ": %s", text);
	}
	return (int)code;
}

const char *err_name(enum err_code code)
{
	static const char *const names[] = {
	    [ERR_OK] = "ok",
	    [ERR_INVALID] = "invalid",
	    [ERR_NOTFOUND] = "not_found",
	    [ERR_CONFLICT] = "conflict",
	    [ERR_DENIED] = "denied",
	    [ERR_BUSY] = "busy",
	    [ERR_NOSPACE] = "no_space",
	    [ERR_NOMEM] = "no_memory",
	    [ERR_IO] = "io",
	    [ERR_CORRUPT] = "corrupt",
	    [ERR_VERSION] = "version",
	};
	return (size_t)code < sizeof names / sizeof *names && names[code] ? names[code] : "unknown";
}
