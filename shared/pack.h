/* Compression with named dictionaries: zstd frames (RFC 8878) between box and county. Only pack.c includes zstd's headers.
 *
 * A frame of ours holds its content size, the id of its dictionary and no checksum (what it carries is signed or
 * chained), and its window is at most 128 KiB, so that a reader needs no more. One thread a context.
 *
 * A context keeps what is costly to make, each part up to PACK_KEEP bytes, until pack_trim: 1 MiB at most. What a large
 * input or a high level wants besides (at most 2.3 MiB) is given back before the call returns. */
#ifndef XINKE_PACK_H
#define XINKE_PACK_H

#include "shared/buf.h"
#include "shared/err.h"

#include <stdbool.h>
#include <stddef.h>

#define PACK_LEVEL_MIN 1
#define PACK_LEVEL_MAX 19
#define PACK_KEEP      524288

/* A trained dictionary, as ZDICT writes it; it says its own id. */
struct pack_dict {
	const void *data; /* borrowed as long as the context lives */
	size_t len;
};

struct pack;

/* A context that knows the N dictionaries of DICTS. New: free with pack_free. ERR_INVALID: one of them is none, or two
 * have the same id. */
int pack_new(const struct pack_dict *dicts, size_t n, struct pack **out, struct err *e);
void pack_free(struct pack *p);
/* Gives back what was made on the way; the next call makes it again. */
void pack_trim(struct pack *p);
/* Bytes that P holds besides the dictionaries. */
size_t pack_size(const struct pack *p);

/* Appends LEN bytes of IN to OUT as one frame, with the dictionary DICT_ID or 0 for none. ERR_NOTFOUND: no such
 * dictionary here; ERR_INVALID: OUT's ceiling. */
int pack_close(struct pack *p, int level, unsigned dict_id, const void *in, size_t len, struct buf *out, struct err *e);
/* Appends the content of the one frame that IN is to OUT. IN may come from anybody: memory grows with what is there,
 * never with what the frame says. ERR_NOTFOUND: it needs a dictionary that is not here. ERR_INVALID: no frame of ours,
 * cut, followed by other bytes, a window above 128 KiB, a content without size, above MAX or not of the size it says.
 * What an OUT holds after a failure is of no use. */
int pack_open(struct pack *p, const void *in, size_t len, size_t max, struct buf *out, struct err *e);

/* Does IN begin as a zstd frame does? */
bool pack_is(const void *in, size_t len);
/* The dictionary that the frame IN names, 0 for none or no frame. */
unsigned pack_dict_of(const void *in, size_t len);

#endif
