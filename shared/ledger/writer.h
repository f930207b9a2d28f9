/* Group commit: one thread, one transaction for all calls that wait together; what fails is rolled back alone.
 *
 * A call is a job: its function runs inside the write transaction on the writer's thread; when the commit is on disk
 * (or has failed) its done function runs, and only then may anybody be told. */
#ifndef XINKE_LEDGER_WRITER_H
#define XINKE_LEDGER_WRITER_H

#include "shared/err.h"
#include "shared/ledger/ledger.h"

#include <stdbool.h>
#include <stdint.h>

struct writer; /* opaque */

#define WRITER_QUEUE_MAX 1024 /* jobs waiting; more are refused */
#define WRITER_GROUP_MAX 128  /* jobs in one transaction */

struct writer_job {
	/* Runs in the transaction. An error code rolls this job's part back, the others stand. Runs once more, from the
	 * start, when the group had to be rolled back because one of it failed half-way. */
	int (*run)(struct ledger *l, struct writer_job *job, struct err *e);
	/* Runs after the commit with the outcome: run's code, or the commit's failure. It owns the job again. */
	void (*done)(struct writer_job *job, int rc, const struct err *e);
	struct writer_job *next; /* the queue's */
	int rc;                  /* the queue's */
	struct err err;          /* the queue's */
};

struct writer_config {
	struct ledger *ledger;           /* borrowed, used by the writer's thread alone from now on */
	void (*after_commit)(void *arg); /* once a group; NULL = nobody is told */
	void *arg;
};

/* One transaction over a list of jobs, and their done functions: what the thread does again and again. For callers that
 * have no thread (the simulator). The number of jobs. */
int64_t writer_run_group(const struct writer_config *cfg, struct writer_job *group);
/* Starts the thread. New (close with writer_close). */
int writer_open(const struct writer_config *cfg, struct writer **out, struct err *e);
/* Hands JOB over; false when the queue is full or closing, and JOB stays the caller's. Any thread. */
bool writer_submit(struct writer *w, struct writer_job *job);
/* Finishes what is queued, then stops the thread. NULL is legal. */
void writer_close(struct writer *w);
/* Jobs done, groups committed, jobs waiting now. */
void writer_counts(struct writer *w, int64_t *jobs, int64_t *groups, int *waiting);

#endif
