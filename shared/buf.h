/* A growing byte buffer with a ceiling.
 *
 * Adding past the ceiling, or running out of memory, sets `bad` and leaves what was there; later calls are
 * then no-ops, so a long series of adds needs one check at its end. The bytes are always NUL-terminated. */
#ifndef XINKE_BUF_H
#define XINKE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data; /* LEN bytes and a NUL; "" while empty; owned */
	size_t len; /* bytes in use, the NUL not counted */
	size_t cap; /* bytes allocated */
	size_t max; /* most bytes that LEN may reach */
	bool bad;   /* an add was refused */
	bool full;  /* ... for the ceiling, not for want of memory */
};

/* Makes B empty with ceiling MAX. Nothing is allocated. */
void buf_init(struct buf *b, size_t max);
/* Frees what B holds and makes it empty again, ceiling kept. */
void buf_release(struct buf *b);
/* Empties B and wipes the bytes, keeping the memory. */
void buf_reset(struct buf *b);
void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
/* V in decimal. */
void buf_addi(struct buf *b, int64_t v);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Makes room for LEN more bytes and returns where they go, or NULL (and sets bad). The caller adds to `len`. */
char *buf_reserve(struct buf *b, size_t len);
/* Gives the bytes to the caller (free with free()), NULL when bad; B is empty afterwards. */
char *buf_steal(struct buf *b, size_t *len);

#endif
