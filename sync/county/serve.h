/* The running county: its servers, its workers, what they share. Made by the command `serve`. */
#ifndef XINKE_COUNTY_SERVE_H
#define XINKE_COUNTY_SERVE_H

#include "shared/http/http.h"
#include "shared/public/limiter.h"
#include "shared/work.h"
#include "sync/county/county.h"
#include "sync/county/metrics.h"
#include "sync/county/session.h"

struct blob_face;

struct serve {
	struct county *county;
	struct metrics metrics;
	struct sessions *sessions;
	struct limiter *limiter;
	struct blob_face *blobs;
	struct work *pool; /* each thread has a struct worker */
	int64_t started;   /* monotonic ms */
	struct limiter *typed;   /* likewise of what is typed there */
	struct http_server *sync, *api, *pub;
};

/* Monotonic ms. */
int64_t serve_mono(struct serve *sv);
/* Runs until SIGTERM or SIGINT, which the caller has blocked in every thread. */
int serve_run(struct county *c, struct err *e);

#endif
