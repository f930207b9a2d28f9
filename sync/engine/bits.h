/* A string of bits, most significant first, and its form in JSON: base64url without padding (RFC 4648 section 5), zeros up
 * to the last byte. What has no repetitions (ids, numbers, times) travels so in the column form: PROTOCOL.md section 9. */
#ifndef XINKE_BITS_H
#define XINKE_BITS_H

#include "shared/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITS_WIDTH_MAX 56 /* of one number */

struct bits_out {
	struct buf bytes;
	uint8_t last; /* bits that make no byte yet, and how many */
	unsigned n;
};

/* Writes into at most MAX bytes. */
void bits_out_init(struct bits_out *o, size_t max);
void bits_out_release(struct bits_out *o);
/* The lowest WIDTH bits of V, WIDTH up to BITS_WIDTH_MAX. */
void bits_put(struct bits_out *o, uint64_t v, unsigned width);
/* V below 2^55 as an exponential Golomb code of order K: v + 2^K in binary behind as many zeros as it has digits more
 * than K + 1. */
void bits_put_golomb(struct bits_out *o, uint64_t v, unsigned k);
unsigned bits_golomb_width(uint64_t v, unsigned k);
/* Appends the whole as base64url. False when memory is out or a ceiling was met. */
bool bits_text(struct bits_out *o, struct buf *text);

struct bits_in {
	uint8_t *data; /* owned */
	size_t len;    /* in bits */
	size_t at;
	bool bad; /* more was asked for than there is */
};

/* Reads TEXT. False when it is no such text (then *NOMEM says whether memory was out). */
bool bits_in_init(struct bits_in *in, const char *text, size_t len, bool *nomem);
void bits_in_release(struct bits_in *in);
/* 0 and `bad` past the end. */
uint64_t bits_get(struct bits_in *in, unsigned width);
uint64_t bits_get_golomb(struct bits_in *in, unsigned k);
/* Was all read, but for zeros that fill the last byte? */
bool bits_end(const struct bits_in *in);

#endif
