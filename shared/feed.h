/* Feed entries: what the county sends down, one dense hash-chained sequence a station.
 *
 * An entry is a JSON object with `n` (from 1), `kind` and its members, and `hash`. For the hash a `body` stands as its
 * mac under the receiver's station key, and an erased body travels as that mac. Design section 5, point 3. */
#ifndef XINKE_FEED_H
#define XINKE_FEED_H

#include "shared/err.h"
#include "shared/event.h"

#include <jansson.h>

/* hash = SHA-256(previous hash, canonical entry without `hash`, `body` replaced by `mac`). */
int feed_hash(const json_t *entry, const uint8_t key[EVENT_KEY_LEN], const uint8_t prev[DIGEST_LEN],
              uint8_t out[DIGEST_LEN], struct err *e);

/* Puts the mac of its body under KEY into the place of the body, as an erased entry stands; its hash does not change. *GONE is
 * false where there is no body, or where it is an erase's own. */
int feed_strip(json_t *entry, const uint8_t key[EVENT_KEY_LEN], bool *gone, struct err *e);

#endif
