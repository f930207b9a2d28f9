/* GET /api/v1/blobs/{sha256}: a photo or paper, whole or a range of it. */
#ifndef XINKE_GATEWAY_BLOBS_H
#define XINKE_GATEWAY_BLOBS_H

#include "shared/http/http.h"

void blobs_get(struct http_req *req, void *ctx);

#endif
