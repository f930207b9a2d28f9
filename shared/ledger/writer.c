/* See writer.h. The queue is a list under one mutex; the thread takes all that waits, at most WRITER_GROUP_MAX, so that
 * a group grows with the load and a single call never waits for company. A savepoint copies every page that its job
 * touches, so it is used only where something has to be put back. */
#include "shared/ledger/writer.h"

#include "shared/db/db.h"
#include "shared/mutant.h"

#include <pthread.h>
#include <stdlib.h>

struct writer {
	struct writer_config cfg;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct writer_job *first, **last;
	int waiting;
	bool closing;
	int64_t jobs, groups;
};

static struct writer_job *take(struct writer *w)
{
	struct writer_job *group = NULL;
	(void)pthread_mutex_lock(&w->lock);
	while (!w->first && !w->closing)
		(void)pthread_cond_wait(&w->wake, &w->lock);
	int n = 0;
	struct writer_job **at = &w->first;
	while (*at && n < WRITER_GROUP_MAX) {
		at = &(*at)->next;
		n++;
	}
	if (n) {
		group = w->first;
		w->first = *at;
		*at = NULL;
		if (!w->first) w->last = &w->first;
		w->waiting -= n;
	}
	(void)pthread_mutex_unlock(&w->lock);
	return group;
}

/* Runs one job in its own part. An answer other than 0 is the whole group's: the transaction is gone, or the part could
 * not be closed and can no longer be told from its neighbours. */
static int run_one(struct ledger *l, struct writer_job *j, struct err *e)
{
	j->err = (struct err){0};
	j->rc = ledger_part_begin(l, &j->err);
	bool part = j->rc == ERR_OK;
	if (part) j->rc = j->run(l, j, &j->err);
	if (!db_in_transaction(ledger_db(l))) { /* a full or failing disk took the whole group with it */
		*e = j->err;
		return j->rc ? j->rc : err_set(e, ERR_IO, "the transaction is gone");
	}
	int rc = part ? ledger_part_end(l, j->rc == ERR_OK, e) : ERR_OK;
	if (rc) ledger_rollback(l);
	return rc;
}

static void fail_all(struct writer_job *group, int rc, const struct err *e)
{
	for (struct writer_job *j = group; j; j = j->next) {
		if (j->rc) continue; /* its own refusal says more */
		j->rc = rc;
		j->err = *e;
	}
}

/* The whole group without parts: a job that fails before it has written anything, as refused calls do, leaves nothing to
 * be put back. False when one failed later: the group has to be run again, each job in its part. */
static bool run_together(struct ledger *l, struct writer_job *group)
{
	struct db *db = ledger_db(l);
	for (struct writer_job *j = group; j; j = j->next) {
		int64_t before = db_writes(db);
		ledger_note(l);
		j->err = (struct err){0};
		j->rc = j->run(l, j, &j->err);
		if (!j->rc) continue;
		if (!db_in_transaction(db) || db_writes(db) != before) return false;
		ledger_recall(l);
	}
	return true;
}

static int run_apart(struct ledger *l, struct writer_job *group, struct err *e)
{
	for (struct writer_job *j = group; j; j = j->next)
		j->rc = ERR_OK;
	ledger_rollback(l);
	int rc = ledger_begin(l, e);
	for (struct writer_job *j = group; j && !rc; j = j->next)
		rc = run_one(l, j, e);
	return rc;
}

int64_t writer_run_group(const struct writer_config *cfg, struct writer_job *group)
{
	struct ledger *l = cfg->ledger;
	struct err e = {0};
	int64_t n = 0;
	for (struct writer_job *j = group; j; j = j->next)
		j->rc = ERR_OK;
	int rc = ledger_begin(l, &e);
	if (!rc && !run_together(l, group)) rc = run_apart(l, group, &e);
	if (!rc) rc = ledger_commit(l, &e);
	if (rc) {
		ledger_rollback(l);
		fail_all(group, MUTANT(ack_before_commit, rc, ERR_OK), &e);
	} else if (cfg->after_commit) {
		cfg->after_commit(cfg->arg);
	}
	for (struct writer_job *j = group, *next; j; j = next, n++) {
		next = j->next; /* done may free the job */
		j->done(j, j->rc, &j->err);
	}
	return n;
}

static void *loop(void *arg)
{
	struct writer *w = arg;
	struct writer_job *group;
	while ((group = take(w)) != NULL) {
		int64_t n = writer_run_group(&w->cfg, group);
		(void)pthread_mutex_lock(&w->lock);
		w->jobs += n;
		w->groups++;
		(void)pthread_mutex_unlock(&w->lock);
	}
	return NULL;
}

int writer_open(const struct writer_config *cfg, struct writer **out, struct err *e)
{
	*out = NULL;
	struct writer *w = calloc(1, sizeof *w);
	if (!w) return err_set(e, ERR_NOMEM, "writer");
	w->cfg = *cfg;
	w->last = &w->first;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->wake, NULL);
	int errnum = pthread_create(&w->thread, NULL, loop, w);
	if (errnum) {
		free(w);
		return err_sys(e, errnum, "writer thread");
	}
	*out = w;
	return ERR_OK;
}

bool writer_submit(struct writer *w, struct writer_job *job)
{
	bool ok = false;
	job->next = NULL;
	(void)pthread_mutex_lock(&w->lock);
	if (!w->closing && w->waiting < WRITER_QUEUE_MAX) {
		*w->last = job;
		w->last = &job->next;
		w->waiting++;
		ok = true;
		(void)pthread_cond_signal(&w->wake);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return ok;
}

void writer_close(struct writer *w)
{
	if (!w) return;
	(void)pthread_mutex_lock(&w->lock);
	w->closing = true;
	(void)pthread_cond_signal(&w->wake);
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_join(w->thread, NULL);
	(void)pthread_cond_destroy(&w->wake);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}

void writer_counts(struct writer *w, int64_t *jobs, int64_t *groups, int *waiting)
{
	(void)pthread_mutex_lock(&w->lock);
	*jobs = w->jobs;
	*groups = w->groups;
	*waiting = w->waiting;
	(void)pthread_mutex_unlock(&w->lock);
}
