/* Errors: one small enum and a message that the caller keeps.
 *
 * A function that can fail returns an `int` of enum err_code (0 = ERR_OK) and takes a `struct err *`, which
 * may be NULL. The first error written wins, so a clean-up path cannot hide the cause. */
#ifndef XINKE_ERR_H
#define XINKE_ERR_H

enum err_code {
	ERR_OK = 0,
	ERR_INVALID,  /* the input is wrong: correct it, the same again will fail the same way */
	ERR_NOTFOUND, /* no such thing */
	ERR_CONFLICT, /* it clashes with what is stored: read again, then decide */
	ERR_DENIED,   /* not allowed, or not who it says it is */
	ERR_BUSY,     /* try again later, nothing was changed */
	ERR_NOSPACE,  /* disk full: nothing was changed, free space first */
	ERR_NOMEM,    /* out of memory: nothing was changed */
	ERR_IO,       /* a file, socket or disk failed */
	ERR_CORRUPT,  /* stored data is not what was written: stop and look */
	ERR_VERSION,  /* made by a newer program: upgrade first */
};

#define ERR_MSG_MAX 256

struct err {
	enum err_code code;    /* ERR_OK until something failed */
	char msg[ERR_MSG_MAX]; /* English, one line, no personal data */
};

/* Records CODE and a printf-style message unless E already holds an error. Returns CODE, for `return err_set(...)`. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As err_set, with ": " and the text of ERRNUM appended; ENOSPC and EDQUOT become ERR_NOSPACE, ENOMEM ERR_NOMEM. */
int err_sys(struct err *e, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Short stable name of CODE ("invalid", "busy", ...), never NULL. */
const char *err_name(enum err_code code);

#endif
