/* The one-time code of an enrolment, and the URI that carries it to the technician (sync/PROTOCOL.md, section 3):
 * xinke-enrol:?url=<county>&root=<SHA-256 of the root>&code=<code>. */
#ifndef XINKE_ENROLCODE_H
#define XINKE_ENROLCODE_H

#include "shared/crypto/digest.h"

#include <stdbool.h>
#include <stddef.h>

#define ENROLCODE_CHARS    16                                 /* 80 bits in Crockford's base32 */
#define ENROLCODE_MAX      32                                 /* bytes of its text with dashes, NUL included */
#define ENROLCODE_ALPHABET "0123456789ABCDEFGHJKMNPQRSTVWXYZ" /* of 32 */
#define ENROLCODE_SCHEME   "xinke-enrol:?"

/* Writes the code that RAW makes, five bits a byte, as XXXX-XXXX-XXXX-XXXX. */
void enrolcode_text(const uint8_t raw[ENROLCODE_CHARS], char out[ENROLCODE_MAX]);
/* The hash under which the county keeps a code: dashes and case do not matter. False when CODE cannot be one. */
bool enrolcode_hash(const char *code, uint8_t out[DIGEST_LEN]);
/* The value of NAME in a URI's query "a=1&b=%41", unescaped. False where there is none, it is empty, holds a NUL, or
 * does not fit. */
bool enrolcode_value(const char *query, const char *name, char *out, size_t cap);

#endif
