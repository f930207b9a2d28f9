/* The connection: error codes, transactions and savepoints, versions, damaged files, what a query returns. */
#include "shared/db/db.h"
#include "shared/file.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

enum { Q_PUT, Q_GET, Q_COUNT_ALL, Q_BY_VALUE, Q_BY_ID, Q_BROKEN, Q_N };

static const struct db_query queries[] = {
    [Q_PUT] = {"put", "INSERT INTO t (id, v, b) VALUES (:id, :v, :b)"},
    [Q_GET] = {"get", "SELECT id, v, b FROM t WHERE id >= :id ORDER BY id"},
    [Q_COUNT_ALL] = {"count", "SELECT count(*) FROM t"},
    [Q_BY_VALUE] = {"by_value", "SELECT id FROM t WHERE v = :v"},
    [Q_BY_ID] = {"by_id", "SELECT v FROM t WHERE id = :id"},
    [Q_BROKEN] = {"broken", "SELECT nothing FROM nowhere"},
};

static const struct db_migration migrations[] = {
    {1, "001.sql",
     "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, b BLOB);\nCREATE TABLE u (t INTEGER REFERENCES t(id));\n"},
    {2, "002.sql", "ALTER TABLE t ADD COLUMN w INTEGER;\n"},
};

struct fixture {
	struct support_folder folder;
	char path[SUPPORT_PATH_MAX];
	struct db *db;
};

static struct db *open_db(const char *path, enum db_mode mode, struct err *e)
{
	struct db *db = NULL;
	const struct db_config cfg = {.path = path, .mode = mode, .busy_ms = 50, .queries = queries, .n_queries = Q_N};
	int rc = db_open(&cfg, &db, e);
	assert_int_equal(rc == ERR_OK, db != NULL);
	if (rc && e) assert_int_equal(rc, e->code);
	return db;
}

static int make(void **state)
{
	static struct fixture f;
	struct err e = {0};
	support_folder_make(&f.folder);
	support_path(&f.folder, "x.db", f.path);
	f.db = open_db(f.path, DB_CREATE, &e);
	if (!f.db || db_migrate(f.db, migrations, 2, &e)) fail_msg("%s", e.msg);
	*state = &f;
	return 0;
}

static int drop(void **state)
{
	struct fixture *f = *state;
	db_close(f->db);
	support_folder_remove(&f->folder);
	return 0;
}

static int put(struct db *db, int64_t id, const char *v, struct err *e)
{
	struct db_stmt *s = db_query(db, Q_PUT, e);
	assert_non_null(s);
	db_bind_int(s, "id", id);
	db_bind_text(s, "v", v);
	db_bind_null(s, "b");
	return db_run(s, e);
}

static int64_t count(struct db *db)
{
	struct err e = {0};
	struct db_stmt *s = db_query(db, Q_COUNT_ALL, &e);
	assert_int_equal(db_step(s, &e), 1);
	int64_t n = db_int(s, 0);
	db_reset(s);
	return n;
}

static void values(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	size_t n = 9;
	struct db_stmt *s = db_query(f->db, Q_PUT, &e);
	db_bind_int(s, "id", INT64_MIN);
	db_bind_text(s, "v", NULL);
	db_bind_blob(s, "b", NULL, 5);
	assert_int_equal(db_run(s, &e), ERR_OK);
	s = db_query(f->db, Q_PUT, &e);
	db_bind_int(s, "id", INT64_MAX);
	db_bind_text(s, "v", "");
	db_bind_blob(s, "b", "a\0b", 3);
	assert_int_equal(db_run(s, &e), ERR_OK);
	assert_int_equal(db_changes(f->db), 1);
	s = db_query(f->db, Q_PUT, &e);
	db_bind_int(s, "id", 0);
	db_bind_text(s, "v", "字");
	db_bind_blob(s, "b", "", 0);
	assert_int_equal(db_run(s, &e), ERR_OK);
	s = db_query(f->db, Q_GET, &e);
	db_bind_int(s, "id", INT64_MIN);
	assert_int_equal(db_step(s, &e), 1);
	assert_true(db_int(s, 0) == INT64_MIN);
	assert_null(db_text(s, 1));
	assert_true(db_is_null(s, 2));
	assert_null(db_blob(s, 2, &n));
	assert_int_equal(n, 0);
	assert_int_equal(db_step(s, &e), 1);
	assert_string_equal(db_text(s, 1), "字");
	assert_non_null(db_blob(s, 2, &n)); /* an empty blob is not NULL */
	assert_int_equal(n, 0);
	assert_int_equal(db_step(s, &e), 1);
	assert_true(db_int(s, 0) == INT64_MAX);
	assert_string_equal(db_text(s, 1), "");
	assert_memory_equal(db_blob(s, 2, &n), "a\0b", 3);
	assert_int_equal(n, 3);
	assert_int_equal(db_step(s, &e), 0);
	assert_int_equal(db_step(s, &e), 1); /* done means reset: it begins anew */
	db_reset(s);
	assert_true(db_size(f->db, &e) >= 4096);
}

/* A text that was stored with a NUL inside by other hands is read up to it, and compares as what it is. */
static void text_with_nul(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	support_sql(f->path, "INSERT INTO t (id, v) VALUES (1, 'ab' || char(0) || 'cd')");
	struct db_stmt *s = db_query(f->db, Q_BY_ID, &e);
	db_bind_int(s, "id", 1);
	assert_int_equal(db_step(s, &e), 1);
	assert_string_equal(db_text(s, 0), "ab");
	db_reset(s);
	s = db_query(f->db, Q_BY_VALUE, &e);
	db_bind_text(s, "v", "ab");
	assert_int_equal(db_step(s, &e), 0);
}

static void bindings_do_not_stay(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	assert_int_equal(put(f->db, 1, "a", &e), ERR_OK);
	struct db_stmt *s = db_query(f->db, Q_BY_VALUE, &e);
	db_bind_text(s, "v", "a");
	assert_int_equal(db_step(s, &e), 1);
	s = db_query(f->db, Q_BY_VALUE, &e); /* asked for anew in the middle of a result */
	assert_int_equal(db_step(s, &e), 0); /* NULL equals nothing */
}

static void constraints(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	assert_int_equal(put(f->db, 1, "a", &e), ERR_OK);
	assert_int_equal(put(f->db, 1, "b", &e), ERR_CONFLICT);
	assert_int_equal(e.code, ERR_CONFLICT);
	assert_non_null(strstr(e.msg, "put"));
	e = (struct err){0};
	assert_int_equal(put(f->db, 2, "b", &e), ERR_OK); /* the statement is fit to be used again */
	assert_int_equal(count(f->db), 2);
}

static void transactions(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	assert_false(db_in_transaction(f->db));
	db_rollback(f->db); /* legal outside */
	assert_int_equal(db_begin(f->db, &e), ERR_OK);
	assert_true(db_in_transaction(f->db));
	assert_int_equal(put(f->db, 1, "a", &e), ERR_OK);
	db_rollback(f->db);
	assert_int_equal(count(f->db), 0);
	assert_int_equal(db_begin(f->db, &e), ERR_OK);
	assert_int_equal(put(f->db, 1, "a", &e), ERR_OK);
	assert_int_not_equal(db_begin(f->db, NULL), ERR_OK); /* no transaction inside a transaction */
	assert_int_equal(db_commit(f->db, &e), ERR_OK);
	assert_int_equal(count(f->db), 1);
	assert_int_not_equal(db_commit(f->db, NULL), ERR_OK);
}

static void savepoints(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	assert_int_equal(db_begin(f->db, &e), ERR_OK);
	for (int64_t i = 1; i <= 6; i++) { /* every other part is rolled back */
		assert_int_equal(db_savepoint(f->db, &e), ERR_OK);
		assert_int_equal(put(f->db, i, "a", &e), ERR_OK);
		assert_int_equal(i % 2 ? db_release_savepoint(f->db, &e) : db_rollback_savepoint(f->db, &e), ERR_OK);
	}
	assert_int_equal(db_savepoint(f->db, &e), ERR_OK);
	assert_int_equal(put(f->db, 7, "a", &e), ERR_OK);
	assert_int_equal(put(f->db, 7, "a", NULL), ERR_CONFLICT);
	assert_int_equal(db_rollback_savepoint(f->db, &e), ERR_OK);
	assert_int_equal(db_commit(f->db, &e), ERR_OK);
	assert_int_equal(count(f->db), 3);
}

static void busy(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	struct db *other = open_db(f->path, DB_WRITE, &e);
	assert_non_null(other);
	assert_int_equal(db_begin(f->db, &e), ERR_OK);
	assert_int_equal(db_begin(other, &e), ERR_BUSY);
	assert_int_equal(e.code, ERR_BUSY);
	assert_false(db_in_transaction(other));
	assert_int_equal(count(other), 0); /* readers are not kept out */
	assert_int_equal(db_commit(f->db, NULL), ERR_OK);
	assert_int_equal(db_begin(other, NULL), ERR_OK);
	assert_int_equal(db_commit(other, NULL), ERR_OK);
	db_close(other);
}

static void one_view(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	struct db *reader = open_db(f->path, DB_READ, &e);
	assert_non_null(reader);
	assert_int_equal(db_begin_read(reader, &e), ERR_OK);
	assert_int_equal(count(reader), 0);
	assert_int_equal(put(f->db, 1, "a", &e), ERR_OK);
	assert_int_equal(count(reader), 0);
	db_rollback(reader);
	assert_int_equal(count(reader), 1);
	db_close(reader);
}

static void read_only(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	struct db *reader = open_db(f->path, DB_READ, &e);
	assert_non_null(reader);
	assert_int_equal(put(reader, 1, "a", &e), ERR_DENIED);
	assert_int_equal(count(reader), 0);
	db_close(reader);
}

static void opening(void **state)
{
	struct fixture *f = *state;
	char path[SUPPORT_PATH_MAX];
	struct err e = {0};
	support_path(&f->folder, "none.db", path);
	assert_null(open_db(path, DB_WRITE, &e));
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_false(file_exists(path));
	e = (struct err){0};
	assert_null(open_db(path, DB_READ, &e));
	assert_int_equal(e.code, ERR_NOTFOUND);
	support_path(&f->folder, "none/none.db", path);
	e = (struct err){0};
	assert_null(open_db(path, DB_CREATE, &e));
	assert_int_equal(e.code, ERR_NOTFOUND);
	db_close(NULL);
}

static void not_a_database(void **state)
{
	static const enum db_mode modes[] = {DB_CREATE, DB_WRITE, DB_READ};
	struct fixture *f = *state;
	char path[SUPPORT_PATH_MAX], text[8192];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	support_path(&f->folder, "text.db", path);
	support_put(path, text);
	for (size_t i = 0; i < COUNT(modes); i++) {
		struct err e = {0};
		struct db *db = open_db(path, modes[i], &e);
		if (db) { /* opening has not looked at the file yet: the first look says it, in the code too */
			assert_int_equal(db_expect_version(db, 2, &e), ERR_CORRUPT);
			struct err e2 = {0};
			assert_int_equal(db_migrate(db, migrations, 2, &e2), ERR_CORRUPT);
			assert_int_equal(db_version(db, NULL), -1);
			db_close(db);
		}
		assert_int_equal(e.code, ERR_CORRUPT);
	}
}

static void versions(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	assert_int_equal(db_version(f->db, &e), 2);
	assert_int_equal(db_expect_version(f->db, 2, &e), ERR_OK);
	assert_int_equal(db_expect_version(f->db, 1, NULL), ERR_VERSION);
	assert_int_equal(db_migrate(f->db, migrations, 2, &e), ERR_OK); /* nothing to do */
	assert_int_equal(put(f->db, 1, "a", &e), ERR_OK);
	assert_int_equal(db_migrate(f->db, migrations, 1, &e), ERR_VERSION); /* an older program */
	assert_int_equal(e.code, ERR_VERSION);
	assert_int_equal(count(f->db), 1);
}

static void a_migration_that_fails(void **state)
{
	static const struct db_migration bad[] = {
	    {1, "001.sql", ""},
	    {2, "002.sql", ""},
	    {3, "003.sql", "CREATE TABLE w (a);\nCREATE TABLE t (b);\n"},
	};
	struct fixture *f = *state;
	struct err e = {0};
	assert_int_not_equal(db_migrate(f->db, bad, 3, &e), ERR_OK);
	assert_false(db_in_transaction(f->db));
	assert_int_equal(db_version(f->db, NULL), 2);
	assert_int_equal(support_sql_int(f->path, "SELECT count(*) FROM sqlite_schema WHERE name = 'w'"), 0);
}

static void damage(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	for (int64_t i = 0; i < 500; i++)
		assert_int_equal(put(f->db, i, "a text that fills pages, again and again", &e), ERR_OK);
	assert_int_equal(db_quick_check(f->db, &e), ERR_OK);
	db_close(f->db);
	FILE *file = fopen(f->path, "r+be");
	assert_non_null(file);
	assert_int_equal(fseek(file, 5 * 4096, SEEK_SET), 0); /* a page of the table */
	for (int i = 0; i < 4096; i++)
		assert_int_equal(fputc(0xa5, file), 0xa5);
	assert_int_equal(fclose(file), 0);
	f->db = open_db(f->path, DB_WRITE, &e);
	assert_non_null(f->db);
	assert_int_equal(db_quick_check(f->db, &e), ERR_CORRUPT);
	assert_int_equal(e.code, ERR_CORRUPT);
}

static void a_mistake_in_a_query(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	assert_null(db_query(f->db, Q_BROKEN, &e));
	assert_non_null(strstr(e.msg, "broken"));
	assert_int_not_equal(db_prepare_all(f->db, NULL), ERR_OK);
}

static void note_line(const char *detail, void *arg)
{
	char *all = arg;
	(void)strncat(all, detail, 500 - strlen(all));
}

static void explains(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	char lines[512] = "";
	assert_int_equal(db_explain(f->db, Q_BY_VALUE, note_line, lines, &e), ERR_OK);
	assert_non_null(strstr(lines, "SCAN t"));
	lines[0] = '\0';
	assert_int_equal(db_explain(f->db, Q_BY_ID, note_line, lines, &e), ERR_OK);
	assert_non_null(strstr(lines, "SEARCH t"));
	assert_int_not_equal(db_explain(f->db, Q_BROKEN, note_line, lines, &e), ERR_OK);
}

static void backup(void **state)
{
	struct fixture *f = *state;
	char path[SUPPORT_PATH_MAX];
	struct err e = {0};
	assert_int_equal(put(f->db, 1, "a", &e), ERR_OK);
	support_path(&f->folder, "copy.db", path);
	assert_int_equal(db_backup(f->db, path, &e), ERR_OK);
	struct db *copy = open_db(path, DB_WRITE, &e);
	assert_non_null(copy);
	assert_int_equal(count(copy), 1);
	assert_int_equal(db_version(copy, &e), 2);
	db_close(copy);
	support_path(&f->folder, "none/copy.db", path);
	assert_int_not_equal(db_backup(f->db, path, NULL), ERR_OK);
}

/* Foreign keys are on, a WAL is kept, and commits are synced in full. */
static void pragmas(void **state)
{
	struct fixture *f = *state;
	static const struct db_query mine[] = {{"journal", "SELECT * FROM pragma_journal_mode"},
	                                       {"sync", "SELECT * FROM pragma_synchronous"},
	                                       {"orphan", "INSERT INTO u (t) VALUES (:t)"}};
	struct err e = {0};
	struct db *db = NULL;
	const struct db_config cfg = {.path = f->path, .mode = DB_WRITE, .queries = mine, .n_queries = COUNT(mine)};
	assert_int_equal(db_open(&cfg, &db, &e), ERR_OK);
	struct db_stmt *s = db_query(db, 0, &e);
	assert_int_equal(db_step(s, &e), 1);
	assert_string_equal(db_text(s, 0), "wal");
	db_reset(s);
	s = db_query(db, 1, &e);
	assert_int_equal(db_step(s, &e), 1);
	assert_int_equal(db_int(s, 0), 2); /* FULL */
	db_reset(s);
	s = db_query(db, 2, &e);
	db_bind_int(s, "t", 77);
	assert_int_equal(db_run(s, &e), ERR_CONFLICT);
	db_close(db);
}

#define T(f) cmocka_unit_test_setup_teardown(f, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(values),
	    T(text_with_nul),
	    T(bindings_do_not_stay),
	    T(constraints),
	    T(transactions),
	    T(savepoints),
	    T(busy),
	    T(one_view),
	    T(read_only),
	    T(opening),
	    T(not_a_database),
	    T(versions),
	    T(a_migration_that_fails),
	    T(damage),
	    T(a_mistake_in_a_query),
	    T(explains),
	    T(backup),
	    T(pragmas),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
