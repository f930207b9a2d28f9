/* A pool of worker threads with a bounded queue, for what may block: password hashing, the county's store.
 *
 * Each thread has a state of its own (a database connection, say), made before its first job and freed after its last. */
#ifndef XINKE_WORK_H
#define XINKE_WORK_H

#include "shared/err.h"

#include <stdbool.h>

struct work; /* opaque */

struct work_job {
	void (*run)(struct work_job *job, void *state); /* on a worker; owns the job from here on */
	struct work_job *next;                          /* the queue's */
};

struct work_config {
	int threads;                                              /* 1-16 */
	int queue_max;                                            /* jobs waiting; more are refused */
	int (*state_new)(void *arg, void **state, struct err *e); /* NULL = no state */
	void (*state_free)(void *state);
	void *arg;
};

/* Starts the threads; fails when one of their states cannot be made. New (close with work_close). */
int work_open(const struct work_config *cfg, struct work **out, struct err *e);
/* False when the queue is full or closing, and JOB stays the caller's. Any thread. */
bool work_submit(struct work *w, struct work_job *job);
/* Finishes what is queued, then stops the threads. NULL is legal. */
void work_close(struct work *w);

#endif
