/* What the boxes call: enrolment, exchange, renewal, the time, the answer key's certificate, the root. sync/PROTOCOL.md. */
#ifndef XINKE_COUNTY_SYNC_FACE_H
#define XINKE_COUNTY_SYNC_FACE_H

#include "shared/http/http.h"
#include "sync/county/county.h"

/* Who calls, by its verified certificate; a refusal goes to P. Whether the certificate still counts the store tells. */
void sync_face_peer(struct http_req *req, struct county_peer *out, struct problem *p);

http_handler sync_face_enroll, sync_face_exchange, sync_face_key, sync_face_now, sync_face_renew, sync_face_root;

#endif
