/* Photos and papers over HTTP: boxes bring them by tus (/sync/v1/uploads), ask for them and fetch them (/sync/v1/blobs);
 * departments look at those of their cases (/api/v1/blobs). A box is known by its certificate, and an upload by its station: the
 * box that takes another's place goes on with it. */
#ifndef XINKE_COUNTY_BLOB_FACE_H
#define XINKE_COUNTY_BLOB_FACE_H

#include "sync/county/serve.h"

struct blob_face; /* opaque */

/* Opens the folder and starts the workers. New (blob_face_stop once no handler runs, then blob_face_free). */
int blob_face_new(struct serve *sv, struct blob_face **out, struct err *e);
/* NULL is legal in all three. */
void blob_face_stop(struct blob_face *b);
void blob_face_free(struct blob_face *b);
struct blob_store *blob_face_store(struct blob_face *b);
/* Gives up what has expired; from the minute, with its store. */
void blob_face_round(struct blob_face *b, struct store *s, int64_t now);

http_handler blob_face_options, blob_face_post, blob_face_head, blob_face_patch, blob_face_delete, blob_face_get,
    blob_face_case_get;

#endif
