/* Group commit: everybody is told once and truly, failures stay alone, a full disk leaves nothing half-written. */
#include "shared/db/db.h"
#include "shared/ledger/read.h"
#include "shared/ledger/write.h"
#include "shared/ledger/writer.h"
#include "tests/unit/support.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static struct support_ledger t;

static int make(void **state)
{
	(void)state;
	support_ledger_make(&t);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	support_ledger_release(&t);
	return 0;
}

enum kind { GOOD, FAILS, FAILS_AFTER_WRITING };

struct job {
	struct writer_job job; /* first */
	unsigned n;
	enum kind kind;
	struct ledger_call call;
	json_t *req;
	pthread_mutex_t *lock; /* of what done() changes */
	pthread_cond_t *wake;
	int *left;
	int done, rc;
	int64_t turn; /* when it ran, from 1 */
	struct err err;
	pthread_mutex_t *gate; /* run() waits for it; NULL = does not */
};

static int64_t turns; /* the writer's thread alone */

static int run(struct ledger *l, struct writer_job *wj, struct err *e)
{
	struct job *j = (struct job *)wj;
	j->turn = ++turns;
	j->call.appended = 0;
	if (j->gate) {
		(void)pthread_mutex_lock(j->gate);
		(void)pthread_mutex_unlock(j->gate);
	}
	if (j->kind == FAILS) return err_set(e, ERR_DENIED, "job %u may not", j->n);
	int rc = ledger_register(l, &j->call, j->req, t.catalog, catalog_find(t.catalog, SUPPORT_ACCEPT_ITEM), e);
	return !rc && j->kind == FAILS_AFTER_WRITING ? err_set(e, ERR_INVALID, "job %u thought better of it", j->n)
	                                             : rc;
}

static void done(struct writer_job *wj, int rc, const struct err *e)
{
	struct job *j = (struct job *)wj;
	(void)pthread_mutex_lock(j->lock);
	j->rc = rc;
	j->err = *e;
	j->done++;
	if (j->left) (*j->left)--;
	(void)pthread_cond_broadcast(j->wake);
	(void)pthread_mutex_unlock(j->lock);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;

static void fill(struct job *j, unsigned n, enum kind kind)
{
	*j = (struct job){.job = {.run = run, .done = done},
	                  .n = n,
	                  .kind = kind,
	                  .call = support_call(&t, n),
	                  .lock = &lock,
	                  .wake = &wake};
	j->req =
	    support_registration(catalog_find(t.catalog, SUPPORT_ACCEPT_ITEM), "王建国", SUPPORT_PERSON, SUPPORT_PHONE);
}

static void wait_for(struct job *j)
{
	(void)pthread_mutex_lock(&lock);
	while (!j->done)
		(void)pthread_cond_wait(&wake, &lock);
	(void)pthread_mutex_unlock(&lock);
}

static struct writer *open_writer(void (*after)(void *), void *arg)
{
	struct writer *w = NULL;
	struct err e = {0};
	const struct writer_config cfg = {.ledger = t.l, .after_commit = after, .arg = arg};
	if (writer_open(&cfg, &w, &e)) fail_msg("%s", e.msg);
	return w;
}

static int64_t seq(void)
{
	struct ledger_head h;
	struct err e = {0};
	assert_int_equal(ledger_head(t.l, &h, &e), ERR_OK);
	return h.seq;
}

static bool there(unsigned n)
{
	struct ledger_case c = {0};
	uint8_t id[UUID_LEN];
	support_id(n, id);
	int rc = ledger_case_get(t.l, id, &c, NULL);
	assert_true(rc == ERR_OK || rc == ERR_NOTFOUND);
	ledger_case_release(&c);
	return rc == ERR_OK;
}

static void count_one(void *arg)
{
	(*(int64_t *)arg)++; /* the writer's thread alone */
}

/* --- many at once --- */

enum { THREADS = 32, EACH = 50 };

struct client {
	pthread_t thread;
	struct writer *w;
	struct job jobs[EACH];
};

static void *post(void *arg)
{
	struct client *c = arg;
	for (int i = 0; i < EACH; i++) {
		while (!writer_submit(c->w, &c->jobs[i].job))
			(void)sched_yield();
		if (i % 10 == 9) wait_for(&c->jobs[i]); /* some wait for their answer, as a phone does */
	}
	return NULL;
}

static void many_threads(void **state)
{
	static struct client clients[THREADS];
	int64_t jobs = 0, groups = 0, commits = 0, good = 0;
	int waiting = -1;
	(void)state;
	struct writer *w = open_writer(count_one, &commits);
	for (unsigned c = 0; c < THREADS; c++) {
		clients[c].w = w;
		for (unsigned i = 0; i < EACH; i++)
			fill(&clients[c].jobs[i], c * EACH + i + 1,
			     i % 7 == 3    ? FAILS
			     : i % 11 == 5 ? FAILS_AFTER_WRITING
			                   : GOOD);
	}
	for (int c = 0; c < THREADS; c++)
		assert_int_equal(pthread_create(&clients[c].thread, NULL, post, &clients[c]), 0);
	for (int c = 0; c < THREADS; c++)
		assert_int_equal(pthread_join(clients[c].thread, NULL), 0);
	for (int c = 0; c < THREADS; c++)
		wait_for(&clients[c].jobs[EACH - 1]);
	(void)pthread_mutex_lock(&lock); /* a done() may still be running */
	(void)pthread_mutex_unlock(&lock);
	writer_counts(w, &jobs, &groups, &waiting);
	assert_int_equal(waiting, 0);
	writer_close(w);
	for (int c = 0; c < THREADS; c++) {
		for (int i = 0; i < EACH; i++) {
			struct job *j = &clients[c].jobs[i];
			assert_int_equal(j->done, 1); /* told once, */
			assert_int_equal(j->rc, j->kind == GOOD    ? ERR_OK
			                        : j->kind == FAILS ? ERR_DENIED
			                                           : ERR_INVALID); /* each its own, */
			assert_int_equal(there(j->n), j->kind == GOOD);            /* and truly */
			assert_true(i == 0 || j->turn > j[-1].turn); /* a thread's jobs run as it handed them over */
			good += j->kind == GOOD;
			json_decref(j->req);
		}
	}
	assert_int_equal(seq(), 1 + 2 * good);
	assert_true(commits > 0 && commits < THREADS * EACH); /* groups were formed */
	support_verified(&t);
}

/* --- one group --- */

static void failures_stay_alone(void **state)
{
	static struct job jobs[9];
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	int64_t n = 0, groups = 0;
	int waiting = 0;
	(void)state;
	struct writer *w = open_writer(NULL, NULL);
	(void)pthread_mutex_lock(&gate);
	for (unsigned i = 0; i < COUNT(jobs); i++) {
		fill(&jobs[i], i + 1, i == 0 ? GOOD : (enum kind)(i % 3));
		if (i == 0) jobs[i].gate = &gate; /* the first holds the writer up until the others have lined up */
		assert_true(writer_submit(w, &jobs[i].job));
	}
	(void)pthread_mutex_unlock(&gate);
	writer_close(w); /* finishes what is queued */
	for (unsigned i = 0; i < COUNT(jobs); i++) {
		char text[16];
		struct job *j = &jobs[i];
		assert_int_equal(j->done, 1);
		assert_int_equal(there(j->n), j->kind == GOOD);
		(void)snprintf(text, sizeof text, "job %u ", j->n);
		if (j->rc) assert_memory_equal(j->err.msg, text, strlen(text)); /* nobody gets another's words */
		json_decref(j->req);
	}
	assert_int_equal(seq(), 1 + 2 * 3);
	w = open_writer(NULL, NULL);
	writer_counts(w, &n, &groups, &waiting);
	assert_int_equal(n, 0);
	writer_close(w);
	writer_close(NULL);
	support_verified(&t);
}

static void full_queue_and_close(void **state)
{
	enum { N = WRITER_QUEUE_MAX + 200 };
	struct job *jobs = calloc(N, sizeof *jobs);
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	int taken = 0;
	(void)state;
	assert_non_null(jobs);
	struct writer *w = open_writer(NULL, NULL);
	(void)pthread_mutex_lock(&gate);
	for (unsigned i = 0; i < N; i++) {
		fill(&jobs[i], i + 1, FAILS);
		if (i == 0) jobs[i].gate = &gate;
		if (!writer_submit(w, &jobs[i].job)) continue;
		taken++;
	}
	assert_true(taken >= WRITER_QUEUE_MAX && taken <= WRITER_QUEUE_MAX + WRITER_GROUP_MAX);
	(void)pthread_mutex_unlock(&gate);
	writer_close(w);
	int told = 0;
	for (int i = 0; i < N; i++) {
		told += jobs[i].done;
		assert_true(jobs[i].done <= 1);
		json_decref(jobs[i].req);
	}
	assert_int_equal(told, taken);
	free(jobs);
}

static void *close_it(void *arg)
{
	writer_close(arg);
	return NULL;
}

/* While it closes: nothing more is taken, and what was taken is done. */
static void closing_refuses(void **state)
{
	enum { N = 200 };
	static struct job jobs[N];
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	pthread_t closer;
	int taken = 0;
	(void)state;
	struct writer *w = open_writer(NULL, NULL);
	(void)pthread_mutex_lock(&gate);
	for (unsigned i = 0; i < N; i++) {
		fill(&jobs[i], i + 1, FAILS);
		jobs[i].gate = &gate; /* whichever the writer has taken holds it up, so that it cannot end meanwhile */
	}
	assert_true(writer_submit(w, &jobs[taken++].job));
	assert_int_equal(pthread_create(&closer, NULL, close_it, w), 0);
	/* the queue has room for all of them: the first refusal is the closing's */
	while (taken < N && writer_submit(w, &jobs[taken].job)) {
		taken++;
		(void)nanosleep(&(struct timespec){.tv_nsec = taken < 100 ? 1000000 : 100000000}, NULL);
	}
	assert_true(taken < N);
	assert_false(writer_submit(w, &jobs[taken].job)); /* and it stays closed */
	(void)pthread_mutex_unlock(&gate);
	assert_int_equal(pthread_join(closer, NULL), 0);
	for (int i = 0; i < N; i++) {
		assert_int_equal(jobs[i].done, i < taken);
		if (i < taken) assert_int_equal(jobs[i].rc, ERR_DENIED);
		json_decref(jobs[i].req);
	}
}

/* --- a disk without room --- */

/* What holds before, under and after the shortage; SQUEEZE and RELIEVE make and end it. */
static void shortage(void (*squeeze)(void), void (*relieve)(void))
{
	enum { N = 60 };
	static struct job jobs[N], later[3];
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	int stored = 0, refused = 0;
	squeeze();
	struct writer *w = open_writer(NULL, NULL);
	(void)pthread_mutex_lock(&gate);
	for (unsigned i = 0; i < N; i++) {
		fill(&jobs[i], i + 1, GOOD);
		if (i == 0) jobs[i].gate = &gate;
		assert_true(writer_submit(w, &jobs[i].job));
	}
	(void)pthread_mutex_unlock(&gate);
	for (unsigned i = 0; i < N; i++)
		wait_for(&jobs[i]);
	relieve();
	for (unsigned i = 0; i < COUNT(later); i++) {
		fill(&later[i], 1000 + i, GOOD);
		assert_true(writer_submit(w, &later[i].job));
	}
	writer_close(w);
	for (unsigned i = 0; i < N; i++) {
		struct job *j = &jobs[i];
		assert_int_equal(j->done, 1);
		if (j->rc) assert_true(j->rc == ERR_NOSPACE || j->rc == ERR_IO);
		assert_int_equal(there(j->n), j->rc == ERR_OK); /* whoever was told 201 has a case, nobody else has */
		stored += j->rc == ERR_OK;
		refused += j->rc != ERR_OK;
		json_decref(j->req);
	}
	assert_true(refused > 0);
	for (unsigned i = 0; i < COUNT(later); i++) { /* with room again all goes on */
		if (later[i].rc) fail_msg("%s", later[i].err.msg);
		assert_true(there(later[i].n));
		json_decref(later[i].req);
	}
	assert_int_equal(seq(), 1 + 2 * (stored + (int)COUNT(later)));
	support_verified(&t);
	support_ledger_reopen(&t);
	support_verified(&t);
}

static struct rlimit old_limit;

static void limit_files(void)
{
	struct rlimit r;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
	r = old_limit;
	r.rlim_cur = 128 * 1024; /* less than the WAL of sixty cases */
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void unlimit_files(void)
{
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old_limit), 0);
}

/* Writing past the limit fails as a failing disk does (EFBIG). */
static void files_that_may_not_grow(void **state)
{
	(void)state;
	support_sql(t.db, "PRAGMA wal_checkpoint(TRUNCATE)");
	shortage(limit_files, unlimit_files);
}

/* --- a disk that fails where we say --- */

/* The system's VFS with one method changed: writing answers "disk full" from the n-th write on, for as many as asked. */
static struct {
	sqlite3_vfs vfs;
	struct {
		const sqlite3_io_methods *real;
		sqlite3_io_methods mine;
	} methods[4]; /* a database and its WAL have different ones */
	int (*write)(sqlite3_file *, const void *, int, sqlite3_int64);
	int (*open)(sqlite3_vfs *, sqlite3_filename, sqlite3_file *, int, int *);
	atomic_int before, failing; /* writes that still succeed; writes that then fail */
} disk;

static int disk_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
	if (atomic_load(&disk.failing) > 0 && atomic_fetch_sub(&disk.before, 1) <= 0) {
		atomic_fetch_sub(&disk.failing, 1);
		return SQLITE_FULL;
	}
	return disk.write(f, data, n, at);
}

static int disk_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *f, int flags, int *out)
{
	int rc = disk.open(vfs, name, f, flags, out);
	if (rc || !f->pMethods) return rc;
	size_t i = 0;
	while (disk.methods[i].real && disk.methods[i].real != f->pMethods)
		assert_true(++i < COUNT(disk.methods));
	assert_true(!disk.write || disk.write == f->pMethods->xWrite);
	disk.write = f->pMethods->xWrite;
	disk.methods[i].real = f->pMethods;
	disk.methods[i].mine = *f->pMethods;
	disk.methods[i].mine.xWrite = disk_write;
	f->pMethods = &disk.methods[i].mine;
	return rc;
}

static void reopen_on_disk(void)
{
	struct err e = {0};
	if (!disk.open) {
		disk.vfs = *sqlite3_vfs_find(NULL);
		disk.open = disk.vfs.xOpen;
		disk.vfs.xOpen = disk_open;
		disk.vfs.zName = "xinke-test-disk";
		assert_int_equal(sqlite3_vfs_register(&disk.vfs, 0), SQLITE_OK);
	}
	ledger_close(t.l);
	struct ledger_config cfg = support_ledger_config(&t, LEDGER_WRITE);
	cfg.vfs = disk.vfs.zName;
	if (ledger_open(&cfg, &t.l, &e)) fail_msg("%s", e.msg);
}

static void fill_disk(void)
{
	atomic_store(&disk.before, 40);
	atomic_store(&disk.failing, 1 << 30);
}

static void make_room(void)
{
	atomic_store(&disk.failing, 0);
}

static void a_full_disk(void **state)
{
	(void)state;
	reopen_on_disk();
	shortage(fill_disk, make_room);
}

/* Every single write of a group fails once, the first, the second, and so on until none is left to fail. */
static void every_write_fails_once(void **state)
{
	unsigned key = 1;
	int64_t want = 1;
	int n = 0;
	(void)state;
	reopen_on_disk();
	for (bool hit = true; hit; n++) {
		static struct job jobs[2];
		pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
		struct writer *w = open_writer(NULL, NULL);
		atomic_store(&disk.before, n);
		atomic_store(&disk.failing, 1);
		(void)pthread_mutex_lock(&gate);
		for (unsigned i = 0; i < COUNT(jobs); i++) {
			fill(&jobs[i], key++, GOOD);
			if (i == 0) jobs[i].gate = &gate;
			assert_true(writer_submit(w, &jobs[i].job));
		}
		(void)pthread_mutex_unlock(&gate);
		writer_close(w);
		hit = atomic_exchange(&disk.failing, 0) == 0;
		for (unsigned i = 0; i < COUNT(jobs); i++) {
			assert_int_equal(jobs[i].done, 1);
			if (jobs[i].rc && jobs[i].rc != ERR_NOSPACE) fail_msg("write %d: %s", n, jobs[i].err.msg);
			assert_int_equal(there(jobs[i].n), jobs[i].rc == ERR_OK);
			want += jobs[i].rc == ERR_OK ? 2 : 0;
			json_decref(jobs[i].req);
		}
		assert_int_equal(seq(), want);
	}
	assert_true(n > 5);
	support_verified(&t);
}

#define T(f) cmocka_unit_test_setup_teardown(f, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(many_threads),           T(failures_stay_alone),     T(full_queue_and_close),
	    T(closing_refuses),        T(files_that_may_not_grow), T(a_full_disk),
	    T(every_write_fails_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
