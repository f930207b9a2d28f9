/* What a file is, told by its own structure and never by its name: JPEG, PNG, WebP, HEIC, PDF, and nothing else.
 *
 * A real look at the beginning and, where it is cheap, at the end: what begins as a picture and ends as something else, or
 * has markup where browsers look for it, is none. Pure; the bytes come by a function, so that nothing is held whole. */
#ifndef XINKE_BLOB_SNIFF_H
#define XINKE_BLOB_SNIFF_H

#include "shared/err.h"

#include <stddef.h>
#include <stdint.h>

enum sniff_media { SNIFF_NONE, SNIFF_JPEG, SNIFF_PNG, SNIFF_WEBP, SNIFF_HEIC, SNIFF_PDF, SNIFF_MEDIA_COUNT };

#define SNIFF_PIXELS_MAX 100000000LL /* width times height: more is a bomb for whoever unpacks it */

struct sniff_source {
	int64_t size;
	/* Reads exactly LEN bytes at OFF, which lie within SIZE. 0 or an error code. */
	int (*read)(void *arg, int64_t off, void *out, size_t len, struct err *e);
	void *arg;
};

struct sniff {
	enum sniff_media media; /* SNIFF_NONE: none of ours, or malformed */
	int64_t width, height;  /* pixels; 0 of a PDF, and of a HEIC that says none */
	const char *why;        /* what is wrong, a constant; NULL where nothing is */
};

/* Looks. 0, or the code of a read that failed. */
int sniff_look(const struct sniff_source *s, struct sniff *out, struct err *e);
/* "image/jpeg" and so on; "application/octet-stream" of SNIFF_NONE. */
const char *sniff_media_type(enum sniff_media m);

#endif
