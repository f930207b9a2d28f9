/* Authenticated encryption of files: AES-256-GCM in the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: Online
 * Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance, 2015), in segments, so that a range can be read.
 *
 * A sealed file is a header of STREAM_HEADER bytes, then the segments: STREAM_SEGMENT bytes of plain text each, the last
 * one 0 to STREAM_SEGMENT, every one followed by its tag. The header is a magic of eight bytes, its last the version, and
 * a random salt of 32. The file's key is HKDF-SHA-256(salt, master key, INFO); a segment's nonce is its number in 11
 * bytes, big-endian, and a byte that is 1 in the last segment and 0 in all others; the additional data is the header.
 * Truncation, extension, reordering and segments of another file are therefore found.
 *
 * The caller sees to it that one number of one file never seals two different plain texts: a file whose written segments
 * are given up is begun again under a new header. */
#ifndef XINKE_CRYPTO_STREAM_H
#define XINKE_CRYPTO_STREAM_H

#include "shared/crypto/seal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_HEADER  40
#define STREAM_SEGMENT 65536 /* bytes of plain text in a segment */
#define STREAM_TAG     16    /* bytes that sealing adds to a segment */
#define STREAM_SEALED  (STREAM_SEGMENT + STREAM_TAG)

struct stream; /* opaque; one thread */

/* A new file's header. */
void stream_header(uint8_t out[STREAM_HEADER]);
/* Is this the header of a file that this version can read? */
bool stream_header_known(const uint8_t header[STREAM_HEADER]);
/* New context for the file with HEADER under MASTER, for the use that INFO names (free with stream_free); NULL when out of
 * memory. */
struct stream *stream_new(const uint8_t master[SEAL_KEY_LEN], const char *info, const uint8_t header[STREAM_HEADER]);
/* Wipes and frees; NULL is legal. */
void stream_free(struct stream *s);
/* Seals LEN bytes (STREAM_SEGMENT unless LAST) as segment INDEX into OUT (LEN + STREAM_TAG bytes). 0 or ERR_IO. */
int stream_seal(struct stream *s, uint64_t index, bool last, const void *plain, size_t len, uint8_t *out);
/* Opens LEN sealed bytes into OUT (LEN - STREAM_TAG bytes). ERR_CORRUPT when anything does not fit. */
int stream_open(struct stream *s, uint64_t index, bool last, const uint8_t *sealed, size_t len, void *out);

/* Bytes of a file with SIZE bytes of plain text, and back; -1 where no file has that many. */
int64_t stream_sealed_size(int64_t size);
int64_t stream_plain_size(int64_t sealed);
/* Where segment INDEX begins in the file. */
int64_t stream_at(uint64_t index);

#endif
