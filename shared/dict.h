/* The exchange dictionaries that this build holds, newest last; schema/dict/README.md tells what they are made of.
 *
 * A frame names its dictionary (RFC 8878), so a county that has got a newer one still reads older boxes: old ones stay
 * here until no box uses them. A dictionary that has been released is never made anew under the same id. */
#ifndef XINKE_DICT_H
#define XINKE_DICT_H

#include "shared/pack.h"

#include <stddef.h>

/* Ids of 32768 to 2^31-1 are for private use: RFC 8878 section 6.2. */
#define DICT_EXCHANGE_1 32769
#define DICT_EXCHANGE   DICT_EXCHANGE_1 /* what a box writes with */

/* The dictionary DICT_EXCHANGE; borrowed for ever. */
const void *dict_exchange(size_t *len);
/* All of them, for pack_new; borrowed for ever. */
const struct pack_dict *dict_all(size_t *n);

#endif
