/* What the boxes call: enrolment, exchange, renewal, the time, the answer key's certificate, the root. sync/PROTOCOL.md. */
#ifndef XINKE_COUNTY_SYNC_FACE_H
#define XINKE_COUNTY_SYNC_FACE_H

#include "shared/http/http.h"

http_handler sync_face_enroll, sync_face_exchange, sync_face_key, sync_face_now, sync_face_renew, sync_face_root;

#endif
