/* The photos and scans of a case's materials: a material names each by the SHA-256 of its bytes, which travel apart
 * (sync/PROTOCOL.md). Pure. */
#ifndef XINKE_FILES_H
#define XINKE_FILES_H

#include "shared/crypto/digest.h"
#include "shared/fields.h"

#include <jansson.h>

#define FILES_OF_MATERIAL 12 /* that one material may have */
#define FILES_MEDIA       "image/jpeg|image/png|image/webp|image/heic|application/pdf"

/* One member of a material's `files`. */
extern const struct field files_table[];

struct file_ref {
	uint8_t sha256[DIGEST_LEN];
	int64_t size;      /* bytes; of a thumbnail, which says none, 0 */
	const char *media; /* borrowed; of a thumbnail image/jpeg */
	bool thumb;        /* the small picture of another, made on the phone */
};

/* What the table cannot say of MATERIALS, an array that stands at POINTER of a body: hashes in lower-case hex, none twice in
 * one material. */
void files_check(const json_t *materials, const char *pointer, struct problem *p);
/* Calls FN for each file of MATERIALS and for its thumbnail, until it returns a code other than 0, which is handed on. */
int files_each(const json_t *materials, int (*fn)(const struct file_ref *f, void *arg), void *arg);

#endif
