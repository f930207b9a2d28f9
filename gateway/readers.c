/* See readers.h. A stack under a mutex: the connection given back last has the warmest page cache and goes out first. */
#include "gateway/readers.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct readers {
	pthread_mutex_t lock;
	pthread_cond_t given;
	int n, free;
	struct ledger *stack[];
};

int readers_open(const struct ledger_config *cfg, int n, struct readers **out, struct err *e)
{
	*out = NULL;
	struct readers *r = calloc(1, sizeof *r + (size_t)n * sizeof *r->stack);
	if (!r) return err_set(e, ERR_NOMEM, "readers");
	(void)pthread_mutex_init(&r->lock, NULL);
	(void)pthread_cond_init(&r->given, NULL);
	struct ledger_config read = *cfg;
	read.mode = LEDGER_READ;
	for (; r->n < n; r->n++, r->free++) {
		int rc = ledger_open(&read, &r->stack[r->n], e);
		if (!rc) continue;
		readers_close(r);
		return rc;
	}
	*out = r;
	return ERR_OK;
}

struct ledger *readers_take(struct readers *r)
{
	(void)pthread_mutex_lock(&r->lock);
	while (!r->free)
		(void)pthread_cond_wait(&r->given, &r->lock);
	struct ledger *l = r->stack[--r->free];
	(void)pthread_mutex_unlock(&r->lock);
	return l;
}

void readers_give(struct readers *r, struct ledger *l)
{
	(void)pthread_mutex_lock(&r->lock);
	r->stack[r->free++] = l;
	(void)pthread_cond_signal(&r->given);
	(void)pthread_mutex_unlock(&r->lock);
}

void readers_close(struct readers *r)
{
	if (!r) return;
	assert(r->free == r->n);
	for (int i = 0; i < r->n; i++)
		ledger_close(r->stack[i]);
	(void)pthread_cond_destroy(&r->given);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}
