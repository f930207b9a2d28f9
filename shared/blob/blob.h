/* The blob store: photos and papers by the SHA-256 of their bytes, enciphered in a folder.
 *
 *   DIR/ab/<sha256 in hex>      a complete blob, never changed, a file of shared/crypto/stream.h
 *   DIR/uploads/<id>.info       an upload: whose, how long, what was said of it; sealed (upload.h)
 *   DIR/uploads/<id>.data       its whole segments, as they will stand in the blob
 *   DIR/uploads/<id>.tail       what is acknowledged and fills no segment, in two slots that take turns
 *
 * Any thread may call with one store; several processes may share a folder. Nothing here knows of cases or of HTTP. */
#ifndef XINKE_BLOB_H
#define XINKE_BLOB_H

#include "shared/blob/sniff.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/seal.h"
#include "shared/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob_store; /* opaque */
struct blob;       /* opaque: a complete blob, open for reading; one thread */

struct blob_config {
	const char *dir;           /* made where it is missing; its parent must be there */
	const uint8_t *master;     /* SEAL_KEY_LEN bytes; keys of blobs and of records are derived from it */
	int64_t max_bytes;         /* of one blob */
	int64_t reserve_bytes;     /* of the file system, which blobs leave free for events */
	int64_t upload_ms;         /* after which an unfinished upload expires */
	int64_t (*now)(void *arg); /* Unix ms */
	void *arg;
};

/* What lies in the store. */
struct blob_stats {
	int64_t blobs, bytes;   /* complete ones, bytes on disk */
	int64_t uploads;        /* unfinished ones */
	int64_t avail, reserve; /* bytes free on the file system, and those that are kept */
};

/* Opens the folder and counts what lies there. New (close with blob_store_close). ERR_DENIED when the key is not the one
 * that the folder was made with. */
int blob_store_open(const struct blob_config *cfg, struct blob_store **out, struct err *e);
/* NULL is legal. All uploads and blobs must be closed. */
void blob_store_close(struct blob_store *s);
const struct blob_config *blob_store_config(const struct blob_store *s);
int blob_store_stats(struct blob_store *s, struct blob_stats *out, struct err *e);
/* ERR_NOSPACE unless WANT more bytes leave the reserve untouched. */
int blob_store_room(struct blob_store *s, int64_t want, struct err *e);

/* Is it here, complete? */
bool blob_exists(struct blob_store *s, const uint8_t sha256[DIGEST_LEN]);
/* Opens one. New (blob_close). ERR_NOTFOUND, ERR_CORRUPT. */
int blob_open(struct blob_store *s, const uint8_t sha256[DIGEST_LEN], struct blob **out, struct err *e);
void blob_close(struct blob *b);
int64_t blob_size(const struct blob *b);
/* What it is, by its content. */
int blob_media(struct blob *b, enum sniff_media *out, struct err *e);
/* Reads exactly LEN bytes at OFF, which must lie within it. ERR_CORRUPT when the file is not what was written. */
int blob_read(struct blob *b, int64_t off, void *out, size_t len, struct err *e);
/* Removes one, durably. ERR_NOTFOUND. Whoever has it open reads on. */
int blob_remove(struct blob_store *s, const uint8_t sha256[DIGEST_LEN], struct err *e);
/* Calls FN for each complete blob, in no order; a code of its other than 0 ends the walk. */
int blob_each(struct blob_store *s, int (*fn)(const uint8_t sha256[DIGEST_LEN], void *arg, struct err *e), void *arg,
              struct err *e);

#endif
