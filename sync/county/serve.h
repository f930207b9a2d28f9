/* The running county: its servers, its workers, what they share. Made by the command `serve`. */
#ifndef XINKE_COUNTY_SERVE_H
#define XINKE_COUNTY_SERVE_H

#include "shared/http/http.h"
#include "shared/public/limiter.h"
#include "shared/work.h"
#include "sync/county/county.h"
#include "sync/county/metrics.h"
#include "sync/county/session.h"

#include <stdatomic.h>
struct blob_face;

struct serve {
	struct county *county;
	struct metrics metrics;
	struct sessions *sessions;
	struct limiter *limiter;
	struct blob_face *blobs;
	struct limiter *typed; /* of what is typed on the public pages */
	struct work *pool;     /* each thread has a struct worker */
	struct work *reports;  /* likewise, its one */
	struct venue *venue;   /* the standard that stations check themselves by */
	atomic_bool ending;    /* what takes long gives up */
	int64_t started;       /* monotonic ms */
	struct http_server *sync, *api, *pub;
};

/* Monotonic ms. */
int64_t serve_mono(struct serve *sv);
/* A struct worker as the state of a pool's thread (shared/work.h); ARG is the struct serve. */
int serve_worker_new(void *arg, void **state, struct err *e);
void serve_worker_free(void *state);
/* Runs until SIGTERM or SIGINT, which the caller has blocked in every thread. */
int serve_run(struct county *c, struct err *e);

#endif
