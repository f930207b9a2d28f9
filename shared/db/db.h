/* A database connection: named statements prepared once, transactions, values by column.
 *
 * The face that every store back end has; sqlite.c is the first. SQL lives in schema/sql as named queries with named
 * parameters; a program hands its table of queries to db_open and speaks of them by index. One connection belongs to
 * one thread. Every call checks its return code; a failed step leaves the transaction to be rolled back. */
#ifndef XINKE_DB_H
#define XINKE_DB_H

#include "shared/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;      /* opaque: one connection */
struct db_stmt; /* opaque: one prepared query, owned by its db */

struct db_query {
	const char *name; /* for messages */
	const char *sql;
};

struct db_migration {
	int version;      /* 1, 2, 3, ... */
	const char *name; /* file name, for messages */
	const char *sql;
};

enum db_mode {
	DB_READ,   /* refuses writes */
	DB_WRITE,  /* the file must exist */
	DB_CREATE, /* made when it does not exist */
};

struct db_config {
	const char *path; /* file name */
	const char *vfs;  /* SQLite VFS name, NULL = default */
	enum db_mode mode;
	int busy_ms;                    /* wait for another writer; 0 = 5000 */
	int cache_kib;                  /* page cache; 0 = 2048 */
	const struct db_query *queries; /* borrowed for the connection's life */
	size_t n_queries;
};

/* Opens PATH: WAL, synchronous=FULL, foreign keys, trusted_schema off, cell_size_check on. New (close with db_close).
 * Statements are prepared at their first use, so that migrations can run before. ERR_CORRUPT when it is no database. */
int db_open(const struct db_config *cfg, struct db **out, struct err *e);
/* Finalises every statement and closes; NULL is legal. */
void db_close(struct db *db);
/* The schema version stored in the file (PRAGMA user_version); -1 on error. */
int db_version(struct db *db, struct err *e);
/* Runs the migrations above the stored version, each in its own transaction. ERR_VERSION when the file is newer than
 * the last of them. */
int db_migrate(struct db *db, const struct db_migration *m, size_t n, struct err *e);
/* Checks that the stored version is WANT; ERR_VERSION otherwise. */
int db_expect_version(struct db *db, int want, struct err *e);
/* PRAGMA quick_check; ERR_CORRUPT with the first finding. */
int db_quick_check(struct db *db, struct err *e);
/* Prepares every query of the table now: a typing mistake shows at start, not in use. */
int db_prepare_all(struct db *db, struct err *e);

/* Empties the write-ahead log into the file, so that what was overwritten or deleted is in neither: deleted content is
 * overwritten with zeros (secure_delete). Outside a transaction; false where readers or writers are in the way, which is
 * no error: another time. */
bool db_scrub(struct db *db);

/* BEGIN IMMEDIATE, COMMIT, ROLLBACK. Rolling back outside a transaction is legal. */
int db_begin(struct db *db, struct err *e);
int db_commit(struct db *db, struct err *e);
void db_rollback(struct db *db);
bool db_in_transaction(struct db *db);
/* A deferred read transaction: one consistent view over several queries. */
int db_begin_read(struct db *db, struct err *e);
/* One level of savepoint inside a transaction. */
int db_savepoint(struct db *db, struct err *e);
int db_release_savepoint(struct db *db, struct err *e);
int db_rollback_savepoint(struct db *db, struct err *e);

/* The statement of query INDEX, reset and with no bindings; borrowed. NULL with the error in E. */
struct db_stmt *db_query(struct db *db, size_t index, struct err *e);
/* Binding by name, without the colon. Bytes are copied. A name that the query lacks is a bug of ours: asserts. */
void db_bind_int(struct db_stmt *s, const char *name, int64_t v);
void db_bind_text(struct db_stmt *s, const char *name, const char *v);             /* NULL binds SQL NULL */
void db_bind_blob(struct db_stmt *s, const char *name, const void *v, size_t len); /* NULL binds SQL NULL */
void db_bind_null(struct db_stmt *s, const char *name);
/* The same without a copy: the bytes must stand until the statement has run to its end. */
void db_lend_text(struct db_stmt *s, const char *name, const char *v);
void db_lend_blob(struct db_stmt *s, const char *name, const void *v, size_t len);
/* One step: 1 = a row is there, 0 = done (and reset), negative = -enum err_code with the error in E (and reset). */
int db_step(struct db_stmt *s, struct err *e);
/* Steps to the end, dropping rows. 0 or an error code. */
int db_run(struct db_stmt *s, struct err *e);
/* Ends a query before its last row. */
void db_reset(struct db_stmt *s);
/* Columns of the present row, from 0; borrowed until the next step. */
int64_t db_int(struct db_stmt *s, int col);
const char *db_text(struct db_stmt *s, int col);              /* NULL for SQL NULL */
const void *db_blob(struct db_stmt *s, int col, size_t *len); /* NULL for SQL NULL; an empty blob is "" */
bool db_is_null(struct db_stmt *s, int col);
/* Copies a column of exactly WANT bytes into OUT; false, and OUT as it was, when it has another length. */
bool db_copy_blob(struct db_stmt *s, int col, uint8_t *out, size_t want);
/* Copies text, cut at CAP; "" for SQL NULL. */
void db_copy_text(struct db_stmt *s, int col, char *out, size_t cap);
/* Rows that the last write changed. */
int64_t db_changes(struct db *db);
/* Number of the row that the last insert made. */
int64_t db_last_row(struct db *db);
/* Rows that this connection has ever changed: whoever sees the same number twice knows that nothing was written. */
int64_t db_writes(struct db *db);
/* Bytes on disk by page count. */
int64_t db_size(struct db *db, struct err *e);
/* Runs EXPLAIN QUERY PLAN on query INDEX and hands each line to FN; for the test that no query scans unmarked. */
int db_explain(struct db *db, size_t index, void (*fn)(const char *detail, void *arg), void *arg, struct err *e);
/* Copies the database page by page into the file DEST, consistent while others write. */
int db_backup(struct db *db, const char *dest, struct err *e);

#endif
