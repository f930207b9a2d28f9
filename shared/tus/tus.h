/* Resumable uploads over HTTP: tus 1.0.0 with creation, creation-with-upload, creation-defer-length, checksum, expiration
 * and termination, as one face over the blob store, for whichever program has a server, a store and callers.
 *
 * Routes (PATH is the program's, e.g. /api/v1/uploads): OPTIONS, POST on PATH; OPTIONS, HEAD, PATCH, DELETE on PATH/{id}.
 * POST and PATCH are HTTP_STREAM with HTTP_STREAM_MAX. What blocks runs on workers; requests are parked meanwhile. The
 * offset that is told is what lies on the disk. An upload is its owner's; to others it does not exist. */
#ifndef XINKE_TUS_H
#define XINKE_TUS_H

#include "shared/blob/upload.h"
#include "shared/http/http.h"
#include "shared/log.h"

struct tus; /* opaque */

struct tus_config {
	struct blob_store *store; /* borrowed */
	const char *path;         /* constant */
	int threads;              /* that wait for the disk */
	const struct log *log;    /* borrowed */
	/* Whose uploads this caller may touch. False: nobody's. On the server's thread. */
	bool (*owner)(struct http_req *req, char out[UPLOAD_OWNER_MAX], void *arg);
	/* A blob is complete and on disk, and nobody has been told: the program notes it. On a worker; may block. Comes again
	 * for the same blob after an error or a crash. NULL = nothing to note. */
	int (*stored)(const struct upload_info *info, const struct upload_end *end, void *arg, struct err *e);
	void *arg;
};

/* Since the start. */
struct tus_counts {
	int64_t created, completed, removed;
	int64_t bytes;      /* taken */
	int64_t cut;        /* bodies that never came to their end */
	int64_t checksums;  /* pieces dropped for a wrong sum */
	int64_t wrong_hash; /* files dropped because the whole was another than declared */
	int64_t refused;    /* files of no kind that is taken */
	int64_t no_space;   /* refused for want of space */
};

/* Starts the workers. New (tus_stop once no handler runs any more, then tus_free). */
int tus_new(const struct tus_config *cfg, struct tus **out, struct err *e);
/* Finishes what is under way; later calls are refused. NULL is legal. */
void tus_stop(struct tus *t);
void tus_free(struct tus *t);
void tus_counts(const struct tus *t, struct tus_counts *out);

/* The handlers of the routes above. */
void tus_options(struct tus *t, struct http_req *req);
void tus_post(struct tus *t, struct http_req *req);
void tus_head(struct tus *t, struct http_req *req);
void tus_patch(struct tus *t, struct http_req *req);
void tus_delete(struct tus *t, struct http_req *req);

#endif
