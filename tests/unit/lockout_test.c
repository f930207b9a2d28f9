/* Lock-out: how many tries, how the delay doubles, who is meant, and that a clock set back locks nobody out for years. */
#include "shared/lockout.h"
#include "tests/unit/support.h"

#include <string.h>

#define MINUTE 60000LL
#define HOUR   (60 * MINUTE)
#define NOW    SUPPORT_NOW

enum { Q_GET, Q_PUT, Q_CLEAR, Q_N };

static const struct db_query queries[] = {
    {"get", "SELECT failures, locked_until, last_at FROM lockouts WHERE subject = :subject"},
    {"put",
     "INSERT INTO lockouts (subject, failures, locked_until, last_at) VALUES (:subject, :failures, :locked_until, :at) "
     "ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures, locked_until = excluded.locked_until, "
     "last_at = excluded.last_at"},
    {"clear", "DELETE FROM lockouts WHERE subject = :subject"},
};
static const struct lockout_queries lq = {Q_GET, Q_PUT, Q_CLEAR};

static const struct db_migration schema[] = {
    {1, "1",
     "CREATE TABLE lockouts (subject TEXT PRIMARY KEY, failures INTEGER, locked_until INTEGER, last_at INTEGER) "
     "STRICT;"},
};

static const struct lockout_rule five = {.tries = 5};

static struct support_folder folder;
static char path[SUPPORT_PATH_MAX];
static struct db *db;

static struct db *open_db(void)
{
	struct db *d = NULL;
	struct err e = {0};
	const struct db_config cfg = {.path = path, .mode = DB_CREATE, .queries = queries, .n_queries = Q_N};
	if (db_open(&cfg, &d, &e) || db_migrate(d, schema, 1, &e)) fail_msg("%s", e.msg);
	return d;
}

static int make(void **state)
{
	(void)state;
	support_folder_make(&folder);
	support_path(&folder, "l.db", path);
	db = open_db();
	return 0;
}

static int drop(void **state)
{
	(void)state;
	db_close(db);
	support_folder_remove(&folder);
	return 0;
}

static int64_t wait_of(const char *subject, int64_t now)
{
	int64_t wait = -1;
	struct err e = {0};
	assert_int_equal(lockout_wait(db, &lq, subject, now, &wait, &e), ERR_OK);
	return wait;
}

static void fail_once(const char *subject, int64_t now)
{
	struct err e = {0};
	assert_int_equal(lockout_fail(db, &lq, subject, &five, now, &e), ERR_OK);
}

/* Time alone forgives, where the rule says so: one failure for each span, none for a part of it, and none for a clock that
 * was set back. */
static void quiet_forgives(void **state)
{
	static const struct lockout_rule slow = {.tries = 5, .forget_ms = HOUR};
	struct err e = {0};
	int64_t now = NOW;
	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(lockout_fail(db, &lq, "address:a", &slow, now, &e), ERR_OK);
	now += 2 * HOUR; /* four less two */
	assert_int_equal(lockout_fail(db, &lq, "address:a", &slow, now, &e), ERR_OK);
	assert_int_equal(lockout_fail(db, &lq, "address:a", &slow, now + HOUR - 1, &e), ERR_OK);
	assert_int_equal(wait_of("address:a", now + HOUR - 1), 0);
	assert_int_equal(lockout_fail(db, &lq, "address:a", &slow, now - 9 * HOUR, &e), ERR_OK);
	assert_int_equal(wait_of("address:a", now - 9 * HOUR), MINUTE);
	assert_int_equal(lockout_fail(db, &lq, "address:a", &slow, now + 900 * HOUR, &e), ERR_OK);
	assert_int_equal(wait_of("address:a", now + 900 * HOUR), 0);
	assert_int_equal(support_sql_int(path, "SELECT failures FROM lockouts WHERE subject = 'address:a'"), 1);
}

static void five_tries_then_doubling(void **state)
{
	static const int64_t delays[] = {MINUTE,      2 * MINUTE, 4 * MINUTE, 8 * MINUTE, 16 * MINUTE,
	                                 32 * MINUTE, HOUR,       HOUR,       HOUR};
	int64_t now = NOW;
	(void)state;
	assert_int_equal(wait_of("account:a", now), 0);
	for (int i = 0; i < 4; i++) {
		fail_once("account:a", now);
		assert_int_equal(wait_of("account:a", now), 0);
	}
	for (size_t i = 0; i < COUNT(delays); i++) {
		fail_once("account:a", now);
		assert_int_equal(wait_of("account:a", now), delays[i]);
		assert_int_equal(wait_of("account:a", now + delays[i] - 1), 1);
		now += delays[i];
		assert_int_equal(wait_of("account:a", now), 0);
	}
	assert_int_equal(wait_of("account:b", NOW), 0); /* somebody else */
	struct err e = {0};
	assert_int_equal(lockout_clear(db, &lq, "account:a", &e), ERR_OK);
	assert_int_equal(wait_of("account:a", NOW), 0);
	fail_once("account:a", NOW); /* counting starts anew */
	assert_int_equal(wait_of("account:a", NOW), 0);
	assert_int_equal(lockout_clear(db, &lq, "nobody", &e), ERR_OK);
}

static void survives_a_restart(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		fail_once("address:192.0.2.1", NOW);
	db_close(db);
	db = open_db();
	assert_int_equal(wait_of("address:192.0.2.1", NOW + 1000), MINUTE - 1000);
}

static void a_clock_that_was_set_back(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		fail_once("enrol:x", NOW + 10LL * 365 * SUPPORT_DAY_MS);
	assert_int_equal(wait_of("enrol:x", NOW), HOUR);
}

static void many_failures(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++)
		fail_once("account:x", NOW);
	assert_int_equal(wait_of("account:x", NOW), HOUR);
}

static void rolled_back_with_its_transaction(void **state)
{
	struct err e = {0};
	(void)state;
	assert_int_equal(db_begin(db, &e), ERR_OK);
	for (int i = 0; i < 5; i++)
		fail_once("account:y", NOW);
	db_rollback(db);
	assert_int_equal(wait_of("account:y", NOW), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(five_tries_then_doubling),
	    cmocka_unit_test(survives_a_restart),
	    cmocka_unit_test(a_clock_that_was_set_back),
	    cmocka_unit_test(many_failures),
	    cmocka_unit_test(quiet_forgives),
	    cmocka_unit_test(rolled_back_with_its_transaction),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
