/* The list of the phone app's files, files.json, which `make web` writes: an array of
 *
 *   {"path": "/assets/a-1f2e.js", "type": "text/javascript; charset=utf-8", "etag": "0a1b...", "immutable": true,
 *    "encodings": {"identity": "assets/a-1f2e.js", "gzip": "assets/a-1f2e.js.gz", "br": "assets/a-1f2e.js.br"}}
 *
 * PATH is what a browser asks for, the encodings name files relative to the list's folder, the etag (no quotation marks) names the
 * plain bytes. Also the two choices that a list's row leaves to the request. No I/O, no state. */
#ifndef XINKE_GATEWAY_WEB_LIST_H
#define XINKE_GATEWAY_WEB_LIST_H

#include "shared/err.h"

#include <stdbool.h>
#include <stddef.h>

#define WEB_LIST_BYTES_MAX (256 * 1024) /* of files.json */
#define WEB_FILES_MAX      512
#define WEB_PATH_MAX       200 /* bytes of a path, NUL included */
#define WEB_ETAG_MAX       80  /* bytes of an entity tag with its marks, NUL included */

enum web_encoding { WEB_BR, WEB_GZIP, WEB_IDENTITY, WEB_ENCODINGS }; /* in the order of choice */

struct web_file {
	const char *path, *type, *etag;
	bool immutable;                  /* its bytes never change under this path */
	const char *file[WEB_ENCODINGS]; /* NULL: not made; IDENTITY always is */
};

struct web_list; /* opaque; its strings live as long as it does */

/* Reads LEN bytes of TEXT. ERR_INVALID names the row and what is wrong with it: a path or file that leaves the folder, one twice,
 * a type or etag that no header could hold, more than the limits above. New (web_list_free). */
int web_list_parse(const char *text, size_t len, struct web_list **out, struct err *e);
void web_list_free(struct web_list *l);
size_t web_list_count(const struct web_list *l);
const struct web_file *web_list_at(const struct web_list *l, size_t i);
/* The file of PATH, or NULL. */
const struct web_file *web_list_find(const struct web_list *l, const char *path);

/* As HTTP names it: "br", "gzip", "identity". */
const char *web_encoding_name(enum web_encoding c);
/* The form of F for this Accept-Encoding (NULL: the plain bytes), RFC 9110 section 12.5.3. Who refuses all gets the plain one. */
enum web_encoding web_encoding_pick(const struct web_file *f, const char *accept);
/* The entity tag of F in that form: another one each, as its bytes are others. */
void web_etag(const struct web_file *f, enum web_encoding c, char out[WEB_ETAG_MAX]);
/* Does this If-None-Match (NULL: none) name TAG? Weak comparison, RFC 9110 section 13.1.2. */
bool web_etag_matches(const char *header, const char *tag);

#endif
