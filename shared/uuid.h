/* UUIDs (RFC 9562): 16 bytes inside, lower-case text outside. */
#ifndef XINKE_UUID_H
#define XINKE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#define UUID_LEN  16
#define UUID_TEXT 37 /* bytes of its text, NUL included */

/* Random UUID, version 4. */
void uuid_random(uint8_t out[UUID_LEN]);
/* UUIDv5 in the name space NS of the decimal text of N: the further events of one call (design: event identity). */
void uuid_derive(const uint8_t ns[UUID_LEN], unsigned n, uint8_t out[UUID_LEN]);
/* Reads the 36-character form, either case, any version. */
bool uuid_parse(const char *s, uint8_t out[UUID_LEN]);
void uuid_text(const uint8_t id[UUID_LEN], char out[UUID_TEXT]);

#endif
