/* A complete blob as the answer to a request: whole, or the one range that is asked for (RFC 9110 section 14). */
#ifndef XINKE_TUS_SEND_H
#define XINKE_TUS_SEND_H

#include "shared/blob/blob.h"
#include "shared/http/http.h"

/* Answers REQ with the blob. Nobody but the caller may keep it, and no browser runs it. It is read and deciphered a segment at
 * a time while it goes out, on the thread that serves. Where it cannot be opened nothing is answered: ERR_NOTFOUND,
 * ERR_CORRUPT, ERR_IO. */
int tus_send(struct http_req *req, struct blob_store *store, const uint8_t sha256[DIGEST_LEN], struct err *e);

#endif
