/* The SQLite back end of db.h, and the one file that includes sqlite3.h.
 *
 * Called by the ledger and by the county's store, one connection a thread (SQLITE_OPEN_NOMUTEX). What always holds:
 * statements are prepared once and finalised in one loop before the connection closes, every return code is looked at,
 * and a connection is WAL with synchronous=FULL, because NORMAL can lose a commit that was acknowledged. */
#include "shared/db/db.h"
#include "shared/mutant.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct db_stmt {
	struct db *db;
	sqlite3_stmt *h;
	const char *name;
	int bind_rc; /* the first binding that failed (out of memory) */
};

/* Transaction control, said for every group and every job: prepared like the queries. */
enum control { BEGIN_WRITE, BEGIN_VIEW, COMMIT, SAVEPOINT, RELEASE, ROLLBACK_TO, ROLLBACK, N_CONTROL };

static const char *const control_sql[N_CONTROL] = {"BEGIN IMMEDIATE", "BEGIN",         "COMMIT",  "SAVEPOINT s",
                                                   "RELEASE s",       "ROLLBACK TO s", "ROLLBACK"};

#define SCRUB_MS 200 /* that the others are waited for */

struct db {
	int busy_ms;
	sqlite3 *h;
	sqlite3_stmt *control[N_CONTROL];
	const struct db_query *queries;
	size_t n;
	struct db_stmt *stmts;
	bool owes_rollback; /* one had no memory: the transaction that it was to end is still there */
};

static enum err_code code_of(int rc)
{
	if (rc == SQLITE_IOERR_NOMEM) return ERR_NOMEM;
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return ERR_BUSY;
	case SQLITE_FULL: return ERR_NOSPACE;
	case SQLITE_NOMEM: return ERR_NOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return ERR_CORRUPT;
	case SQLITE_CONSTRAINT: return ERR_CONFLICT;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH: return ERR_DENIED;
	default: return ERR_IO;
	}
}

static int fail(struct db *db, int rc, const char *what, struct err *e)
{
	bool told = db->h && (sqlite3_errcode(db->h) & 0xff) == (rc & 0xff); /* a failed binding may leave no message */
	return err_set(e, code_of(rc), "%s: %s (%d)", what, told ? sqlite3_errmsg(db->h) : sqlite3_errstr(rc),
	               told ? sqlite3_extended_errcode(db->h) : rc);
}

static int exec(struct db *db, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(db->h, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? ERR_OK : fail(db, rc, sql, e);
}

bool db_scrub(struct db *db)
{
	int left = -1, done = -1;
	int rc = sqlite3_busy_timeout(db->h, SCRUB_MS);
	if (rc == SQLITE_OK) rc = sqlite3_wal_checkpoint_v2(db->h, NULL, SQLITE_CHECKPOINT_TRUNCATE, &left, &done);
	(void)sqlite3_busy_timeout(db->h, db->busy_ms);
	return rc == SQLITE_OK;
}

static int prepare_control(struct db *db, enum control what)
{
	if (db->control[what]) return SQLITE_OK;
	return sqlite3_prepare_v3(db->h, control_sql[what], -1, SQLITE_PREPARE_PERSISTENT, &db->control[what], NULL);
}

static int control(struct db *db, enum control what, struct err *e)
{
	int rc = prepare_control(db, what);
	if (rc == SQLITE_OK) rc = sqlite3_step(db->control[what]);
	int err = rc == SQLITE_DONE ? ERR_OK : fail(db, rc, control_sql[what], e);
	(void)sqlite3_reset(db->control[what]); /* repeats the error of the step */
	return err;
}

static int pragma_int(struct db *db, const char *sql, int64_t *out, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db->h, sql, -1, &st, NULL);
	if (rc == SQLITE_OK) {
		rc = sqlite3_step(st);
		if (rc == SQLITE_ROW) *out = sqlite3_column_int64(st, 0);
	}
	int err = rc == SQLITE_ROW ? ERR_OK : fail(db, rc, sql, e);
	(void)sqlite3_finalize(st); /* repeats the error of the step */
	return err;
}

static int set_pragmas(struct db *db, const struct db_config *cfg, struct err *e)
{
	char sql[96];
	(void)snprintf(sql, sizeof sql, "PRAGMA cache_size=-%d", cfg->cache_kib ? cfg->cache_kib : 2048);
	db->busy_ms = cfg->busy_ms ? cfg->busy_ms : 5000;
	int rc = sqlite3_busy_timeout(db->h, db->busy_ms);
	if (rc != SQLITE_OK) return fail(db, rc, "busy_timeout", e);
	if (sqlite3_db_config(db->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK)
		return fail(db, SQLITE_ERROR, "defensive", e);
	int err = exec(db, sql, e);
	if (!err) err = exec(db, "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON", e);
	/* what is erased is gone from the file, not only from its index */
	if (!err) err = exec(db, "PRAGMA secure_delete=ON", e);
	/* A savepoint keeps what it may have to put back; past 64 KiB SQLite would write that to a file in /tmp, page by
	 * page, at every registration. */
	if (!err) err = exec(db, "PRAGMA temp_store=MEMORY", e);
	if (!err && cfg->mode == DB_CREATE) err = exec(db, "PRAGMA journal_mode=WAL", e);
	if (!err) err = exec(db, MUTANT(sync_normal, "PRAGMA synchronous=FULL", "PRAGMA synchronous=NORMAL"), e);
	if (!err && cfg->mode == DB_READ) err = exec(db, "PRAGMA query_only=ON", e);
	if (err) return err;
	/* made now: the way back must not need memory that has just run out */
	rc = prepare_control(db, ROLLBACK);
	return rc == SQLITE_OK ? ERR_OK : fail(db, rc, control_sql[ROLLBACK], e);
}

int db_open(const struct db_config *cfg, struct db **out, struct err *e)
{
	*out = NULL;
	struct db *db = calloc(1, sizeof *db);
	if (!db) return err_set(e, ERR_NOMEM, "db_open");
	db->queries = cfg->queries;
	db->n = cfg->n_queries;
	db->stmts = calloc(db->n ? db->n : 1, sizeof *db->stmts);
	if (!db->stmts) {
		free(db);
		return err_set(e, ERR_NOMEM, "db_open");
	}
	/* A reader opens read-write too: a WAL file whose writer died needs recovery by whoever comes first. */
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE;
	if (cfg->mode == DB_CREATE) flags |= SQLITE_OPEN_CREATE;
	int rc = sqlite3_open_v2(cfg->path, &db->h, flags, cfg->vfs);
	int err = rc == SQLITE_OK ? set_pragmas(db, cfg, e)
	                          : err_set(e, rc == SQLITE_CANTOPEN ? ERR_NOTFOUND : code_of(rc), "%s: %s", cfg->path,
	                                    sqlite3_errstr(rc));
	if (err) {
		db_close(db);
		return err;
	}
	*out = db;
	return ERR_OK;
}

void db_close(struct db *db)
{
	if (!db) return;
	for (size_t i = 0; i < db->n; i++)
		(void)sqlite3_finalize(db->stmts[i].h); /* repeats the error of its last step */
	for (int i = 0; i < N_CONTROL; i++)
		(void)sqlite3_finalize(db->control[i]);
	int rc = sqlite3_close(db->h);
	assert(rc == SQLITE_OK); /* a statement of ours is still alive */
	(void)rc;
	free(db->stmts);
	free(db);
}

int db_version(struct db *db, struct err *e)
{
	int64_t v = -1;
	return pragma_int(db, "PRAGMA user_version", &v, e) ? -1 : (int)v;
}

int db_expect_version(struct db *db, int want, struct err *e)
{
	int have = db_version(db, e);
	if (have < 0) return ERR_IO;
	if (have == want) return ERR_OK;
	return err_set(e, ERR_VERSION, "the database has schema version %d, this program needs %d", have, want);
}

static int migrate_one(struct db *db, const struct db_migration *m, struct err *e)
{
	char set[64];
	(void)snprintf(set, sizeof set, "PRAGMA user_version=%d", m->version);
	int err = exec(db, "BEGIN IMMEDIATE", e);
	if (!err) err = exec(db, m->sql, e);
	if (!err) err = exec(db, set, e);
	if (!err) err = exec(db, "COMMIT", e);
	if (err) db_rollback(db);
	return err;
}

int db_migrate(struct db *db, const struct db_migration *m, size_t n, struct err *e)
{
	int have = db_version(db, e);
	if (have < 0) return ERR_IO;
	int last = n ? m[n - 1].version : 0;
	if (have > last)
		return err_set(e, ERR_VERSION, "the database has schema version %d, this program knows %d: upgrade it",
		               have, last);
	for (size_t i = 0; i < n; i++) {
		if (m[i].version <= have) continue;
		int err = migrate_one(db, &m[i], e);
		if (err) return err;
	}
	return ERR_OK;
}

int db_quick_check(struct db *db, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db->h, "PRAGMA quick_check(1)", -1, &st, NULL);
	if (rc == SQLITE_OK) rc = sqlite3_step(st);
	int err = ERR_OK;
	if (rc != SQLITE_ROW) {
		err = fail(db, rc, "quick_check", e);
	} else {
		const unsigned char *t = sqlite3_column_text(st, 0);
		if (!t || strcmp((const char *)t, "ok") != 0)
			err = err_set(e, ERR_CORRUPT, "quick_check: %s", t ? (const char *)t : "?");
	}
	(void)sqlite3_finalize(st);
	return err;
}

int db_prepare_all(struct db *db, struct err *e)
{
	for (size_t i = 0; i < db->n; i++)
		if (!db_query(db, i, e)) return ERR_IO;
	return ERR_OK;
}

/* Nothing is said in a transaction that was given up: first the rollback that is still owed. */
static int pay_rollback(struct db *db, struct err *e)
{
	if (!db->owes_rollback) return ERR_OK;
	int err = db_in_transaction(db) ? control(db, ROLLBACK, e) : ERR_OK;
	db->owes_rollback = err != ERR_OK;
	return err;
}

int db_begin(struct db *db, struct err *e)
{
	int err = pay_rollback(db, e);
	return err ? err : control(db, BEGIN_WRITE, e);
}

int db_begin_read(struct db *db, struct err *e)
{
	int err = pay_rollback(db, e);
	return err ? err : control(db, BEGIN_VIEW, e);
}

int db_commit(struct db *db, struct err *e)
{
	return control(db, COMMIT, e);
}

void db_rollback(struct db *db)
{
	/* Some errors have already rolled back by themselves (SQLITE_FULL, IOERR): ask before saying it. */
	db->owes_rollback = db_in_transaction(db) && control(db, ROLLBACK, NULL) != ERR_OK;
}

bool db_in_transaction(struct db *db)
{
	return !sqlite3_get_autocommit(db->h);
}

int db_savepoint(struct db *db, struct err *e)
{
	return control(db, SAVEPOINT, e);
}

int db_release_savepoint(struct db *db, struct err *e)
{
	return control(db, RELEASE, e);
}

int db_rollback_savepoint(struct db *db, struct err *e)
{
	int err = control(db, ROLLBACK_TO, e);
	return err ? err : control(db, RELEASE, e);
}

struct db_stmt *db_query(struct db *db, size_t index, struct err *e)
{
	assert(index < db->n);
	struct db_stmt *s = &db->stmts[index];
	if (pay_rollback(db, e)) return NULL;
	if (!s->h) {
		s->db = db;
		s->name = db->queries[index].name;
		int rc = sqlite3_prepare_v3(db->h, db->queries[index].sql, -1, SQLITE_PREPARE_PERSISTENT, &s->h, NULL);
		if (rc != SQLITE_OK) {
			(void)fail(db, rc, s->name, e);
			return NULL;
		}
	}
	(void)sqlite3_reset(s->h); /* repeats the error of its last step, told then */
	(void)sqlite3_clear_bindings(s->h);
	s->bind_rc = SQLITE_OK;
	return s;
}

static int param(struct db_stmt *s, const char *name)
{
	char full[48];
	size_t n = strlen(name);
	assert(n > 0 && n + 1 < sizeof full);
	full[0] = ':';
	memcpy(full + 1, name, n + 1);
	int i = sqlite3_bind_parameter_index(s->h, full);
	assert(i > 0);
	return i;
}

static void bound(struct db_stmt *s, int rc)
{
	if (s->bind_rc == SQLITE_OK) s->bind_rc = rc;
}

void db_bind_int(struct db_stmt *s, const char *name, int64_t v)
{
	bound(s, sqlite3_bind_int64(s->h, param(s, name), v));
}

void db_bind_text(struct db_stmt *s, const char *name, const char *v)
{
	bound(s, v ? sqlite3_bind_text(s->h, param(s, name), v, -1, SQLITE_TRANSIENT)
	           : sqlite3_bind_null(s->h, param(s, name)));
}

void db_bind_blob(struct db_stmt *s, const char *name, const void *v, size_t len)
{
	int i = param(s, name);
	if (!v)
		bound(s, sqlite3_bind_null(s->h, i));
	else
		bound(s, sqlite3_bind_blob64(s->h, i, len ? v : "", len, SQLITE_TRANSIENT));
}

void db_lend_text(struct db_stmt *s, const char *name, const char *v)
{
	bound(s, sqlite3_bind_text(s->h, param(s, name), v, -1, SQLITE_STATIC));
}

void db_lend_blob(struct db_stmt *s, const char *name, const void *v, size_t len)
{
	bound(s, sqlite3_bind_blob64(s->h, param(s, name), v, len, SQLITE_STATIC));
}

void db_bind_null(struct db_stmt *s, const char *name)
{
	bound(s, sqlite3_bind_null(s->h, param(s, name)));
}

int db_step(struct db_stmt *s, struct err *e)
{
	int rc = s->bind_rc;
	if (rc == SQLITE_OK) rc = sqlite3_step(s->h);
	if (rc == SQLITE_ROW) return 1;
	int err = rc == SQLITE_DONE ? ERR_OK : fail(s->db, rc, s->name, e);
	(void)sqlite3_reset(s->h);
	return -err;
}

int db_run(struct db_stmt *s, struct err *e)
{
	int r;
	while ((r = db_step(s, e)) > 0)
		;
	return -r;
}

void db_reset(struct db_stmt *s)
{
	(void)sqlite3_reset(s->h);
}

int64_t db_int(struct db_stmt *s, int col)
{
	return sqlite3_column_int64(s->h, col);
}

const char *db_text(struct db_stmt *s, int col)
{
	return (const char *)sqlite3_column_text(s->h, col);
}

const void *db_blob(struct db_stmt *s, int col, size_t *len)
{
	if (sqlite3_column_type(s->h, col) == SQLITE_NULL) {
		*len = 0;
		return NULL;
	}
	const void *p = sqlite3_column_blob(s->h, col);
	*len = (size_t)sqlite3_column_bytes(s->h, col);
	return p ? p : "";
}

bool db_is_null(struct db_stmt *s, int col)
{
	return sqlite3_column_type(s->h, col) == SQLITE_NULL;
}

int64_t db_changes(struct db *db)
{
	return sqlite3_changes64(db->h);
}

int64_t db_last_row(struct db *db)
{
	return sqlite3_last_insert_rowid(db->h);
}

int64_t db_writes(struct db *db)
{
	return sqlite3_total_changes64(db->h);
}

int64_t db_size(struct db *db, struct err *e)
{
	int64_t pages = 0, size = 0;
	if (pragma_int(db, "PRAGMA page_count", &pages, e) || pragma_int(db, "PRAGMA page_size", &size, e)) return -1;
	return pages * size;
}

int db_explain(struct db *db, size_t index, void (*fn)(const char *detail, void *arg), void *arg, struct err *e)
{
	char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", db->queries[index].sql);
	if (!sql) return err_set(e, ERR_NOMEM, "db_explain");
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db->h, sql, -1, &st, NULL);
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(st);
		if (rc == SQLITE_ROW) fn((const char *)sqlite3_column_text(st, 3), arg);
	}
	int err = rc == SQLITE_DONE ? ERR_OK : fail(db, rc, db->queries[index].name, e);
	(void)sqlite3_finalize(st);
	sqlite3_free(sql);
	return err;
}

int db_backup(struct db *db, const char *dest, struct err *e)
{
	sqlite3 *to = NULL;
	int rc = sqlite3_open_v2(dest, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	sqlite3_backup *b = rc == SQLITE_OK ? sqlite3_backup_init(to, "main", db->h, "main") : NULL;
	if (b) {
		(void)sqlite3_backup_step(b, -1);
		rc = sqlite3_backup_finish(b);
	} else if (rc == SQLITE_OK) {
		rc = sqlite3_errcode(to);
	}
	int err = rc == SQLITE_OK ? ERR_OK : err_set(e, code_of(rc), "backup to %s: %s", dest, sqlite3_errstr(rc));
	(void)sqlite3_close(to);
	return err;
}
