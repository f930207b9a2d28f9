/* What the files of shared/tus/ know of each other. */
#ifndef XINKE_TUS_INTERNAL_H
#define XINKE_TUS_INTERNAL_H

#include "shared/tus/parse.h"
#include "shared/tus/tus.h"
#include "shared/work.h"

#include <pthread.h>
#include <stdatomic.h>

enum tus_count {
	TUS_CREATED,
	TUS_COMPLETED,
	TUS_REMOVED,
	TUS_BYTES,
	TUS_CUT,
	TUS_CHECKSUMS,
	TUS_WRONG_HASH,
	TUS_REFUSED,
	TUS_NO_SPACE,
	TUS_COUNTS
};

struct tus {
	struct tus_config cfg;
	pthread_mutex_t lock;
	struct work *work; /* NULL once stopped; under lock */
	atomic_int_fast64_t counts[TUS_COUNTS];
};

/* One request on its way; its job is queued again for each step. */
struct tus_call {
	struct work_job job; /* first: the pool hands this back */
	struct tus *t;
	struct http_req *req; /* NULL once the body was cut off */
	char owner[UPLOAD_OWNER_MAX];
	char id[UPLOAD_ID_TEXT];
	bool create;    /* POST */
	int64_t length; /* Upload-Length, -1 = not given */
	int64_t offset; /* Upload-Offset of a PATCH */
	int64_t body;   /* bytes announced, -1 = chunked */
	bool summed;    /* a checksum was given */
	struct tus_checksum sum;
	struct upload_meta meta;
	/* the body; on the server's thread or, while parked, on a worker */
	struct upload *u;
	struct digest *digest;
	uint8_t *piece;
	size_t fill;
	int64_t piece_ms, commit_ms; /* monotonic: when the last piece was handed over, when last acknowledged */
};

/* tus.c */
/* New call of REQ's owner with the id of its path (free); answers and returns NULL when it cannot be. */
struct tus_call *tus_call_new(struct tus *t, struct http_req *req);
void tus_call_free(struct tus_call *c);
/* Parks C's request and has RUN called on a worker; answers BUSY when too many wait (and C stays the caller's). */
bool tus_call_park(struct tus_call *c, void (*run)(struct work_job *job, void *state));
bool tus_submit(struct tus *t, struct work_job *job);
void tus_count(struct tus *t, enum tus_count what, int64_t n);
/* Answers with a problem and the headers that every answer has. */
void tus_refuse(struct tus *t, struct http_req *req, enum problem_code code, const char *detail);
/* Answers for an error of the store; BUSY is what a busy one means here. */
void tus_refuse_err(struct tus_call *c, int rc, const struct err *e, enum problem_code busy);
/* Makes the blob of an upload whose bytes are all here, and answers where it is refused. True when it stands. Answers
 * nothing when C has no request. */
bool tus_complete(struct tus_call *c, struct upload *u);
void tus_header_int(struct http_req *req, const char *name, int64_t v);
void tus_header_expires(struct http_req *req, int64_t ms);

#endif
