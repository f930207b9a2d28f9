/* The headers of tus 1.0.0 (https://tus.io/protocols/resumable-upload), read strictly. Pure; fuzzed. */
#ifndef XINKE_TUS_PARSE_H
#define XINKE_TUS_PARSE_H

#include "shared/blob/upload.h"

#include <stdbool.h>

#define TUS_PAIRS_MAX 16 /* keys in one Upload-Metadata */

struct tus_checksum {
	enum digest_kind kind;
	uint8_t sum[DIGEST_LEN];
	size_t len;
};

/* A whole number up to 2^53 - 1 in decimal digits and nothing else. */
bool tus_parse_number(const char *text, int64_t *out);
/* "sha1 <base64>" or "sha256 <base64>". NULL, or what is wrong: a constant fit for a `detail`. */
const char *tus_parse_checksum(const char *text, struct tus_checksum *out);
/* Pairs of a key and its value in base64, separated by commas. Keys that nobody here knows are checked and left; of a file
 * name only what stands behind the last slash is kept. NULL, or what is wrong, as above. */
const char *tus_parse_metadata(const char *text, struct upload_meta *out);

#endif
