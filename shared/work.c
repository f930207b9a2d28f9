/* See work.h. One mutex, one condition; states are made in work_open, so that a start that cannot work fails there. */
#include "shared/work.h"

#include <pthread.h>
#include <stdlib.h>

#define THREADS_MAX 16

struct worker {
	struct work *work;
	pthread_t thread;
	void *state;
};

struct work {
	struct work_config cfg;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct work_job *first, **last;
	int waiting, started;
	bool closing;
	struct worker workers[THREADS_MAX];
};

static struct work_job *take(struct work *w)
{
	(void)pthread_mutex_lock(&w->lock);
	while (!w->first && !w->closing)
		(void)pthread_cond_wait(&w->wake, &w->lock);
	struct work_job *j = w->first;
	if (j) {
		w->first = j->next;
		if (!w->first) w->last = &w->first;
		w->waiting--;
	}
	(void)pthread_mutex_unlock(&w->lock);
	return j;
}

static void *loop(void *arg)
{
	struct worker *me = arg;
	struct work_job *j;
	while ((j = take(me->work)) != NULL)
		j->run(j, me->state);
	return NULL;
}

static int start_one(struct work *w, struct err *e)
{
	struct worker *me = &w->workers[w->started];
	me->work = w;
	int rc = w->cfg.state_new ? w->cfg.state_new(w->cfg.arg, &me->state, e) : ERR_OK;
	if (rc) return rc;
	int errnum = pthread_create(&me->thread, NULL, loop, me);
	if (errnum) {
		if (w->cfg.state_free) w->cfg.state_free(me->state);
		return err_sys(e, errnum, "worker thread");
	}
	w->started++;
	return ERR_OK;
}

int work_open(const struct work_config *cfg, struct work **out, struct err *e)
{
	*out = NULL;
	if (cfg->threads < 1 || cfg->threads > THREADS_MAX)
		return err_set(e, ERR_INVALID, "1 to %d worker threads", THREADS_MAX);
	struct work *w = calloc(1, sizeof *w);
	if (!w) return err_set(e, ERR_NOMEM, "workers");
	w->cfg = *cfg;
	w->last = &w->first;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->wake, NULL);
	while (w->started < cfg->threads) {
		int rc = start_one(w, e);
		if (rc) {
			work_close(w);
			return rc;
		}
	}
	*out = w;
	return ERR_OK;
}

bool work_submit(struct work *w, struct work_job *job)
{
	bool ok = false;
	job->next = NULL;
	(void)pthread_mutex_lock(&w->lock);
	if (!w->closing && w->waiting < w->cfg.queue_max) {
		*w->last = job;
		w->last = &job->next;
		w->waiting++;
		ok = true;
		(void)pthread_cond_signal(&w->wake);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return ok;
}

void work_close(struct work *w)
{
	if (!w) return;
	(void)pthread_mutex_lock(&w->lock);
	w->closing = true;
	(void)pthread_cond_broadcast(&w->wake);
	(void)pthread_mutex_unlock(&w->lock);
	for (int i = 0; i < w->started; i++) {
		(void)pthread_join(w->workers[i].thread, NULL);
		if (w->cfg.state_free) w->cfg.state_free(w->workers[i].state);
	}
	(void)pthread_cond_destroy(&w->wake);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}
