/* Photos and papers of the station: the blob store beside the database, and tus in front of it. */
#ifndef XINKE_GATEWAY_UPLOADS_H
#define XINKE_GATEWAY_UPLOADS_H

#include "gateway/gateway.h"
#include "shared/blob/blob.h"
#include "shared/tus/tus.h"

struct uploads; /* opaque */

/* Opens the store, reconciles its folder with the table `blobs`, starts the workers. Before the writer, whose connection
 * it uses. New (uploads_stop, then uploads_free). */
int uploads_new(struct gateway *gw, struct uploads **out, struct err *e);
/* Finishes what is under way; later calls are refused. NULL is legal. */
void uploads_stop(struct uploads *u);
void uploads_free(struct uploads *u);
struct blob_store *uploads_store(struct uploads *u);
void uploads_counts(struct uploads *u, struct tus_counts *out);

/* OPTIONS /api/v1/uploads and /api/v1/uploads/{id} */
void uploads_options(struct http_req *req, void *ctx);
/* POST /api/v1/uploads */
void uploads_post(struct http_req *req, void *ctx);
/* HEAD, PATCH, DELETE /api/v1/uploads/{id} */
void uploads_head(struct http_req *req, void *ctx);
void uploads_patch(struct http_req *req, void *ctx);
void uploads_delete(struct http_req *req, void *ctx);

#endif
