/* The pool: every job once, a bounded queue, one state a thread, a close that finishes what waits. */
#include "shared/work.h"
#include "tests/unit/support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct job {
	struct work_job job; /* first */
	atomic_int *ran;
	pthread_mutex_t *gate; /* NULL = does not wait */
};

static void run(struct work_job *j, void *state)
{
	struct job *me = (struct job *)j;
	if (me->gate) {
		(void)pthread_mutex_lock(me->gate);
		(void)pthread_mutex_unlock(me->gate);
	}
	if (state) atomic_fetch_add((atomic_int *)state, 1);
	atomic_fetch_add(me->ran, 1);
	free(me);
}

static struct job *job_new(atomic_int *ran, pthread_mutex_t *gate)
{
	struct job *j = calloc(1, sizeof *j);
	assert_non_null(j);
	*j = (struct job){.job = {.run = run}, .ran = ran, .gate = gate};
	return j;
}

struct states {
	atomic_int made, freed, used;
	int fail_at; /* that state cannot be made; 0 = none */
};

static int state_new(void *arg, void **state, struct err *e)
{
	struct states *s = arg;
	if (atomic_load(&s->made) + 1 == s->fail_at) return err_set(e, ERR_IO, "no state");
	atomic_fetch_add(&s->made, 1);
	*state = &s->used;
	return ERR_OK;
}

static struct states *freed_of; /* state_free has no argument of its own */

static void state_free(void *state)
{
	assert_non_null(state);
	atomic_fetch_add(&freed_of->freed, 1);
}

static void every_job_once(void **state)
{
	struct states s = {0};
	struct work_config cfg = {
	    .threads = 4, .queue_max = 10000, .state_new = state_new, .state_free = state_free, .arg = &s};
	struct work *w = NULL;
	struct err e = {0};
	atomic_int ran = 0;
	(void)state;
	freed_of = &s;
	assert_int_equal(work_open(&cfg, &w, &e), ERR_OK);
	for (int i = 0; i < 5000; i++)
		assert_true(work_submit(w, &job_new(&ran, NULL)->job));
	work_close(w);
	assert_int_equal(atomic_load(&ran), 5000);
	assert_int_equal(atomic_load(&s.used), 5000);
	assert_int_equal(atomic_load(&s.made), 4);
	assert_int_equal(atomic_load(&s.freed), 4);
}

static void full_queue(void **state)
{
	struct work_config cfg = {.threads = 1, .queue_max = 3};
	struct work *w = NULL;
	struct err e = {0};
	atomic_int ran = 0;
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	int taken = 0;
	(void)state;
	assert_int_equal(work_open(&cfg, &w, &e), ERR_OK);
	(void)pthread_mutex_lock(&gate);
	for (int i = 0; i < 10; i++) { /* one at work, perhaps, and three that wait */
		struct job *j = job_new(&ran, &gate);
		if (work_submit(w, &j->job))
			taken++;
		else
			free(j); /* it stayed ours */
	}
	assert_true(taken == 3 || taken == 4);
	assert_int_equal(atomic_load(&ran), 0);
	(void)pthread_mutex_unlock(&gate);
	work_close(w);
	assert_int_equal(atomic_load(&ran), taken);
}

static void bad_configs(void **state)
{
	struct work *w = NULL;
	(void)state;
	for (int threads = -1; threads <= 17; threads += 18) {
		struct work_config cfg = {.threads = threads, .queue_max = 1};
		assert_int_equal(work_open(&cfg, &w, NULL), ERR_INVALID);
		assert_null(w);
	}
	struct work_config none = {.threads = 0, .queue_max = 1};
	assert_int_equal(work_open(&none, &w, NULL), ERR_INVALID);
	work_close(NULL);
}

static void a_state_that_cannot_be_made(void **state)
{
	struct states s = {.fail_at = 3};
	struct work_config cfg = {
	    .threads = 4, .queue_max = 1, .state_new = state_new, .state_free = state_free, .arg = &s};
	struct work *w = NULL;
	struct err e = {0};
	(void)state;
	freed_of = &s;
	assert_int_equal(work_open(&cfg, &w, &e), ERR_IO);
	assert_null(w);
	assert_string_equal(e.msg, "no state");
	assert_int_equal(atomic_load(&s.made), 2);
	assert_int_equal(atomic_load(&s.freed), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_job_once),
	    cmocka_unit_test(full_queue),
	    cmocka_unit_test(bad_configs),
	    cmocka_unit_test(a_state_that_cannot_be_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
