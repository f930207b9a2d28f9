/* Canonical JSON (RFC 8785) for what is hashed: keys sorted, no white space, integers within ±(2^53-1) only.
 *
 * Keys must be ASCII, so that sorting bytes equals sorting UTF-16 units. Control characters come as lower-case \u00xx
 * (jansson writes upper case). Real numbers are refused: nothing that Xinke hashes has one. */
#ifndef XINKE_CANON_H
#define XINKE_CANON_H

#include "shared/buf.h"
#include "shared/err.h"

#include <jansson.h>

/* Appends the canonical form of V to OUT. ERR_INVALID for a real, an integer out of range, a key that is not
 * ASCII, or more than OUT may hold. */
int canon_write(const json_t *v, struct buf *out, struct err *e);
/* Appends V as compact JSON, its members in the order in which they were set: for answers. */
void canon_compact(const json_t *v, struct buf *out);
/* Appends S (UTF-8, LEN bytes) as a canonical string, quotes included. */
void canon_string(struct buf *out, const char *s, size_t len);

#endif
