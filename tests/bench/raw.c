/* The raw limit: how fast SQLite takes rows that were made beforehand, with nothing around it.
 *
 *   raw box TEMPLATE OUT PRODUCERS SECONDS   each unit = every row and index entry of one registration; PRODUCERS threads
 *                                            hand units to one writer, which commits what waits together (FULL)
 *   raw county TEMPLATE OUT BATCH SECONDS    one thread, BATCH events and what they made a transaction
 *
 * TEMPLATE is a database that the real program filled; its schema and rows are copied. Prints one JSON line. A program
 * for `make bench` alone; it speaks to SQLite directly, because it is the yardstick. */
#include <inttypes.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define UNIT_ROWS 12
#define COLUMNS   24
#define GROUP_MAX 128
#define UNITS_MAX 60000

struct row {
	int table;
	sqlite3_value *v[COLUMNS];
};

struct unit {
	struct row rows[UNIT_ROWS];
	int n;
	bool done;
};

static const struct table {
	const char *name, *from,
	    *key; /* from, key: where the rows of a case are read, and the column that says whose */
	int by;   /* 0: that column holds the case's id, 1: its row number */
} box_tables[] = {{"events", "events", "case_id", 0}, {"cases", "cases", "id", 0}, {"case_keys", "temp.keys", "n", 1}},
  county_tables[] = {
      {"events", "events", "case_id", 0}, {"cases", "cases", "id", 0}, {"followers", "followers", "case_id", 0}};
#define N_BOX    3
#define N_COUNTY 3

struct bench {
	const struct table *tables;
	int n_tables;
	sqlite3 *out;
	sqlite3_stmt *insert[4], *extra[3];
	struct unit *units;
	int n_units;
	int producers;
	double seconds;
	int log_rows; /* county: rows of chain that stand for the events of a unit */

	pthread_mutex_t lock;
	pthread_cond_t wake, done;
	struct unit *queue[4096];
	int waiting, next, finished;
	bool stop;
};

static void die(sqlite3 *db, const char *what)
{
	(void)fprintf(stderr, "raw: %s: %s\n", what, db ? sqlite3_errmsg(db) : "failed");
	exit(1);
}

static double now(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Seconds of CPU that this process has used, user and system. */
static double cpu(void)
{
	struct rusage u;
	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void run_sql(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) die(db, sql);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s = NULL;
	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) die(db, sql);
	return s;
}

static void copy_schema(sqlite3 *from, sqlite3 *to)
{
	sqlite3_stmt *s = prepare(
	    from, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid");
	while (sqlite3_step(s) == SQLITE_ROW)
		run_sql(to, (const char *)sqlite3_column_text(s, 0));
	(void)sqlite3_finalize(s);
}

static int columns_of(sqlite3 *db, const char *table)
{
	char sql[128];
	(void)snprintf(sql, sizeof sql, "SELECT * FROM %s LIMIT 0", table);
	sqlite3_stmt *s = prepare(db, sql);
	int n = sqlite3_column_count(s);
	(void)sqlite3_finalize(s);
	return n;
}

static void prepare_inserts(struct bench *b)
{
	for (int t = 0; t < b->n_tables; t++) {
		char sql[256];
		int n = columns_of(b->out, b->tables[t].name),
		    at = snprintf(sql, sizeof sql, "INSERT INTO %s VALUES (?", b->tables[t].name);
		for (int i = 1; i < n; i++)
			at += snprintf(sql + at, sizeof sql - (size_t)at, ",?");
		(void)snprintf(sql + at, sizeof sql - (size_t)at, ")");
		b->insert[t] = prepare(b->out, sql);
	}
}

/* In the order in which the template got them. */
static void load_units(struct bench *b, sqlite3 *from, bool box)
{
	if (box)
		run_sql(from,
		        "CREATE TEMP TABLE keys AS SELECT * FROM case_keys; CREATE INDEX temp.keys_n ON keys (n)");
	sqlite3_stmt *rows[4], *ids = prepare(from, box ? "SELECT id, n FROM cases ORDER BY n LIMIT 60000"
	                                                : "SELECT id, 0 FROM cases LIMIT 60000");
	for (int t = 0; t < b->n_tables; t++) {
		char sql[128];
		(void)snprintf(sql, sizeof sql, "SELECT * FROM %s WHERE %s = ?", b->tables[t].from, b->tables[t].key);
		rows[t] = prepare(from, sql);
	}
	b->units = calloc(UNITS_MAX, sizeof *b->units);
	if (!b->units) die(NULL, "memory");
	while (b->n_units < UNITS_MAX && sqlite3_step(ids) == SQLITE_ROW) {
		struct unit *u = &b->units[b->n_units++];
		for (int t = 0; t < b->n_tables; t++) {
			(void)sqlite3_reset(rows[t]);
			(void)sqlite3_bind_value(rows[t], 1, sqlite3_column_value(ids, b->tables[t].by));
			while (u->n < UNIT_ROWS && sqlite3_step(rows[t]) == SQLITE_ROW) {
				struct row *r = &u->rows[u->n++];
				r->table = t;
				for (int c = 0; c < sqlite3_column_count(rows[t]); c++)
					r->v[c] = sqlite3_value_dup(sqlite3_column_value(rows[t], c));
			}
		}
	}
	for (int t = 0; t < b->n_tables; t++)
		(void)sqlite3_finalize(rows[t]);
	(void)sqlite3_finalize(ids);
}

static void step_done(struct bench *b, sqlite3_stmt *s)
{
	if (sqlite3_step(s) != SQLITE_DONE) die(b->out, "insert");
	(void)sqlite3_reset(s);
}

static int insert_unit(struct bench *b, const struct unit *u)
{
	int events = 0;
	for (int i = 0; i < u->n; i++) {
		sqlite3_stmt *s = b->insert[u->rows[i].table];
		for (int c = 0; c < sqlite3_bind_parameter_count(s); c++)
			(void)sqlite3_bind_value(s, c + 1, u->rows[i].v[c]);
		step_done(b, s);
		events += u->rows[i].table == 0;
	}
	return events;
}

/* --- box: many producers, one writer --- */

static void *producer(void *arg)
{
	struct bench *b = arg;
	(void)pthread_mutex_lock(&b->lock);
	while (!b->stop && b->next < b->n_units) {
		struct unit *u = &b->units[b->next++];
		b->queue[b->waiting++] = u;
		(void)pthread_cond_signal(&b->wake);
		while (!u->done && !b->stop)
			(void)pthread_cond_wait(&b->done, &b->lock);
	}
	(void)pthread_mutex_unlock(&b->lock);
	return NULL;
}

static double run_box(struct bench *b)
{
	pthread_t threads[256];
	struct unit *group[GROUP_MAX];
	b->extra[0] =
	    prepare(b->out, "INSERT INTO serials VALUES (1, 20261124, 1) ON CONFLICT DO UPDATE SET last = last + 1");
	b->extra[1] = prepare(b->out, "UPDATE meta SET value = value WHERE key = 'epoch'");
	for (int i = 0; i < b->producers; i++)
		(void)pthread_create(&threads[i], NULL, producer, b);
	double start = now(), end = start;
	while (end - start < b->seconds && b->finished < b->n_units) {
		(void)pthread_mutex_lock(&b->lock);
		while (!b->waiting)
			(void)pthread_cond_wait(&b->wake, &b->lock);
		int n = b->waiting < GROUP_MAX ? b->waiting : GROUP_MAX;
		memcpy(group, b->queue, (size_t)n * sizeof *group);
		memmove(b->queue, b->queue + n, (size_t)(b->waiting - n) * sizeof *group);
		b->waiting -= n;
		(void)pthread_mutex_unlock(&b->lock);
		run_sql(b->out, "BEGIN IMMEDIATE");
		for (int i = 0; i < n; i++) {
			(void)insert_unit(b, group[i]);
			step_done(b, b->extra[0]);
		}
		step_done(b, b->extra[1]);
		run_sql(b->out, "COMMIT");
		(void)pthread_mutex_lock(&b->lock);
		for (int i = 0; i < n; i++)
			group[i]->done = true;
		b->finished += n;
		(void)pthread_cond_broadcast(&b->done);
		(void)pthread_mutex_unlock(&b->lock);
		end = now();
	}
	(void)pthread_mutex_lock(&b->lock);
	b->stop = true;
	(void)pthread_cond_broadcast(&b->done);
	(void)pthread_mutex_unlock(&b->lock);
	for (int i = 0; i < b->producers; i++)
		(void)pthread_join(threads[i], NULL);
	return end - start;
}

/* --- county: one thread, batches; the chain row of each event and one feed row a batch stand for the exchange's own --- */

static double run_county(struct bench *b, int *events)
{
	sqlite3_stmt *chain =
	    prepare(b->out, "INSERT INTO chain VALUES (zeroblob(16), ?, randomblob(16), randomblob(32))");
	sqlite3_stmt *feed =
	    prepare(b->out, "INSERT INTO feed (station, n, hash, entry) VALUES ('652323101200', ?, randomblob(32), ?)");
	char mark[] = "{\"from\":1,\"kind\":\"settled\",\"log\":\"00000000-0000-4000-8000-000000000000\",\"to\":200}";
	int seq = 0, fed = 0;
	double start = now(), end = start;
	run_sql(b->out, "PRAGMA foreign_keys=OFF");
	while (end - start < b->seconds && b->finished < b->n_units) {
		run_sql(b->out, "BEGIN IMMEDIATE");
		for (int in_batch = 0; in_batch < b->producers && b->finished < b->n_units;) {
			int n = insert_unit(b, &b->units[b->finished++]);
			for (int i = 0; i < n; i++, in_batch++) {
				(void)sqlite3_bind_int(chain, 1, ++seq);
				step_done(b, chain);
			}
		}
		for (int i = 0; i < 3; i++) {
			(void)sqlite3_bind_int(feed, 1, ++fed);
			(void)sqlite3_bind_text(feed, 2, mark, -1, SQLITE_STATIC);
			step_done(b, feed);
		}
		run_sql(b->out, "COMMIT");
		end = now();
	}
	(void)sqlite3_finalize(chain);
	(void)sqlite3_finalize(feed);
	*events = seq;
	return end - start;
}

int main(int argc, char **argv)
{
	struct bench b = {
	    .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};
	sqlite3 *from = NULL;
	int events = 0;
	if (argc != 6) {
		(void)fprintf(stderr, "usage: raw box|county TEMPLATE OUT PRODUCERS|BATCH SECONDS\n");
		return 2;
	}
	bool box = strcmp(argv[1], "box") == 0;
	b.tables = box ? box_tables : county_tables;
	b.n_tables = box ? N_BOX : N_COUNTY;
	b.producers = (int)strtol(argv[4], NULL, 10);
	b.seconds = strtod(argv[5], NULL);
	if (b.producers < 1 || (box && b.producers > 256)) return 2;
	if (sqlite3_open_v2(argv[2], &from, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) die(from, argv[2]);
	(void)unlink(argv[3]);
	if (sqlite3_open(argv[3], &b.out) != SQLITE_OK) die(b.out, argv[3]);
	run_sql(b.out, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-2048");
	copy_schema(from, b.out);
	if (box)
		run_sql(b.out, "INSERT INTO meta VALUES ('epoch', 1); INSERT INTO logs VALUES (1, zeroblob(16), 1, 0, "
		               "0, zeroblob(32), 0, 0, zeroblob(32), NULL)");
	prepare_inserts(&b);
	load_units(&b, from, box);
	(void)sqlite3_close(from);
	double before = cpu(), took = box ? run_box(&b) : run_county(&b, &events);
	int n = box ? b.finished : events;
	(void)printf("{\"units\":%d,\"events\":%d,\"seconds\":%.3f,\"per_second\":%.1f,\"cpu_us\":%.1f}\n", b.finished,
	             events, took, n / took, n ? (cpu() - before) / n * 1e6 : 0.0);
	return 0;
}
