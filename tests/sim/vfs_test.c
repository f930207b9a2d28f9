/* The disk of the simulator: it loses what a disk may lose, never what was synced, and SQLite lives on it. */
#include "tests/sim/vfs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>

#define DB "m1/test.db"

struct conn {
	struct vfs_proc *p;
	sqlite3 *h;
};

static void run(struct conn *c, const char *sql, int want)
{
	vfs_as(c->p);
	assert_int_equal(sqlite3_exec(c->h, sql, NULL, NULL, NULL) & 0xff, want);
}

static int64_t number(struct conn *c, const char *sql)
{
	sqlite3_stmt *s = NULL;
	vfs_as(c->p);
	assert_int_equal(sqlite3_prepare_v2(c->h, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	int64_t v = sqlite3_column_int64(s, 0);
	(void)sqlite3_finalize(s);
	return v;
}

static void open_on(struct conn *c, int machine, const char *name)
{
	c->p = vfs_proc_new(machine);
	vfs_as(c->p);
	assert_int_equal(sqlite3_open_v2(name, &c->h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL), SQLITE_OK);
	run(c, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-64", SQLITE_OK);
}

static void open_db(struct conn *c)
{
	open_on(c, 1, DB);
}

static void close_db(struct conn *c)
{
	assert_int_equal(sqlite3_close(c->h), SQLITE_OK);
	vfs_proc_free(c->p);
}

static void make_table(struct conn *c)
{
	open_db(c);
	run(c, "CREATE TABLE t (n INTEGER PRIMARY KEY, x BLOB)", SQLITE_OK);
}

/* Inserts rows from FROM on until one is not acknowledged, at most N; the first that was not. */
static int64_t insert(struct conn *c, int64_t from, int n)
{
	char sql[128];
	for (int i = 0; i < n; i++, from++) {
		(void)snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%lld, randomblob(%d))", (long long)from,
		               (int)(from * 37 % 9000));
		vfs_as(c->p);
		if (sqlite3_exec(c->h, sql, NULL, NULL, NULL) != SQLITE_OK) break;
	}
	return from;
}

static int64_t sound(struct conn *c)
{
	assert_int_equal(number(c, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
	int64_t rows = number(c, "SELECT count(*) FROM t");
	assert_int_equal(rows, number(c, "SELECT coalesce(max(n), 0) FROM t"));
	return rows;
}

/* Power cuts at any write: what was acknowledged is there, and nothing but the one that was under way. */
static void power_cuts(void **state)
{
	struct sim_rng r;
	struct vfs_counts n = {0};
	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct conn c;
		vfs_reset();
		sim_rng_init(&r, seed, 1);
		make_table(&c);
		run(&c, "PRAGMA wal_autocheckpoint=7", SQLITE_OK);
		int64_t next = 1;
		for (int life = 0; life < 3; life++) {
			vfs_proc_die_at(c.p, (int)sim_range(&r, 1, 120));
			next = insert(&c, next, 40);
			vfs_proc_die(c.p);
			close_db(&c);
			vfs_crash(1, &r);
			open_db(&c);
			int64_t rows = sound(&c);
			assert_true(rows == next - 1 || rows == next);
			next = rows + 1;
		}
		close_db(&c);
		struct vfs_counts one = vfs_counted();
		n.kept += one.kept;
		n.dropped += one.dropped;
		n.torn += one.torn;
	}
	assert_true(n.kept > 100 && n.dropped > 100 && n.torn > 100);
}

/* The same without the syncs that FULL asks for: the disk must bite. */
static void unsynced_is_lost(void **state)
{
	struct sim_rng r;
	int lost = 0;
	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct conn c;
		vfs_reset();
		sim_rng_init(&r, seed, 1);
		make_table(&c);
		run(&c, "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA synchronous=NORMAL", SQLITE_OK);
		int64_t next = insert(&c, 1, 10);
		vfs_proc_die(c.p);
		close_db(&c);
		vfs_crash(1, &r);
		open_db(&c);
		lost += sound(&c) < next - 1;
		close_db(&c);
	}
	assert_true(lost > 10);
}

/* A process dies inside a transaction, its neighbour goes on. */
static void deaths(void **state)
{
	struct sim_rng r;
	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct conn a, b;
		vfs_reset();
		sim_rng_init(&r, seed, 1);
		make_table(&a);
		int64_t next = insert(&a, 1, 3);
		for (int life = 0; life < 4; life++) {
			open_db(&b);
			assert_true(number(&b, "SELECT count(*) FROM t") == next - 1);
			vfs_proc_die_at(b.p, (int)sim_range(&r, 1, 40));
			next = insert(&b, next, 20);
			vfs_proc_die(b.p);
			close_db(&b);
			int64_t rows = sound(&a);
			assert_true(rows == next - 1 || rows == next);
			next = insert(&a, rows + 1, 2);
		}
		assert_int_equal(sound(&a), next - 1);
		close_db(&a);
	}
}

static void locks(void **state)
{
	struct conn a, b;
	(void)state;
	vfs_reset();
	make_table(&a);
	open_db(&b);
	run(&a, "BEGIN IMMEDIATE; INSERT INTO t VALUES (1, NULL)", SQLITE_OK);
	run(&b, "BEGIN IMMEDIATE", SQLITE_BUSY);
	assert_int_equal(number(&b, "SELECT count(*) FROM t"), 0);
	run(&a, "COMMIT", SQLITE_OK);
	run(&b, "BEGIN IMMEDIATE; INSERT INTO t VALUES (2, NULL); COMMIT", SQLITE_OK);
	assert_int_equal(sound(&a), 2);
	/* the dead hold no lock */
	run(&b, "BEGIN IMMEDIATE", SQLITE_OK);
	vfs_proc_die(b.p);
	close_db(&b);
	run(&a, "INSERT INTO t VALUES (3, NULL)", SQLITE_OK);
	assert_int_equal(sound(&a), 3);
	close_db(&a);
}

static void full_and_failing(void **state)
{
	struct conn c;
	(void)state;
	vfs_reset();
	make_table(&c);
	int64_t next = insert(&c, 1, 5);
	vfs_limit(1, vfs_used(1));
	run(&c, "INSERT INTO t VALUES (100, zeroblob(100000))", SQLITE_FULL);
	vfs_limit(1, 0);
	next = insert(&c, next, 5);
	vfs_proc_fail_at(c.p, 2, 1);
	run(&c, "INSERT INTO t VALUES (100, zeroblob(10000))", SQLITE_IOERR);
	next = insert(&c, next, 5);
	assert_int_equal(sound(&c), next - 1);
	close_db(&c);
}

/* A copy of a running machine's files is a machine of its own. */
static void images(void **state)
{
	struct conn a, b;
	(void)state;
	vfs_reset();
	make_table(&a);
	int64_t next = insert(&a, 1, 20);
	struct vfs_image *i = vfs_save(1);
	(void)insert(&a, next, 20);
	vfs_load(2, i);
	vfs_image_free(i);
	open_on(&b, 2, "m2/test.db");
	assert_int_equal(sound(&b), next - 1);
	assert_int_equal(sound(&a), next + 19);
	close_db(&b);
	close_db(&a);
	vfs_reset();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(power_cuts), cmocka_unit_test(unsynced_is_lost), cmocka_unit_test(deaths),
	    cmocka_unit_test(locks),      cmocka_unit_test(full_and_failing), cmocka_unit_test(images),
	};
	vfs_register();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
