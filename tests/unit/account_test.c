/* Signing in over the box's own tables and queries: right, wrong, locked, disabled; sessions that end. */
#include "shared/account.h"
#include "shared/fields.h"
#include "shared/password.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

enum {
#define QUERY(name, sql) Q_##name,
#include "box_queries.inc"
#undef QUERY
	Q_COUNT
};

static const struct db_query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "box_queries.inc"
#undef QUERY
};

static const struct db_migration migrations[] = {
#define MIGRATION(version, name, sql) {version, name, sql},
#include "box_migrations.inc"
#undef MIGRATION
};

static const struct account_queries aq = {
    .by_name = Q_staff_by_name,
    .lockout = {Q_lockout_get, Q_lockout_put, Q_lockout_clear},
    .session_insert = Q_session_insert,
    .session_get = Q_session_get,
    .session_seen = Q_session_seen,
    .session_delete = Q_session_delete,
    .session_purge = Q_session_purge,
};

#define NOW      SUPPORT_NOW
#define PASSWORD "correct horse 电池"

static struct support_folder folder;
static char path[SUPPORT_PATH_MAX], hash[PASSWORD_HASH_MAX];
static struct db *db;

static void add(const char *name, const char *role)
{
	struct err e = {0};
	struct db_stmt *s = db_query(db, Q_staff_insert, &e);
	assert_non_null(s);
	db_bind_text(s, "name", name);
	db_bind_text(s, "display", "王建国");
	db_bind_text(s, "role", role);
	db_bind_text(s, "password", hash);
	db_bind_int(s, "at", NOW);
	assert_int_equal(db_run(s, &e), ERR_OK);
}

static int make(void **state)
{
	struct err e = {0};
	const struct db_config cfg = {.path = path, .mode = DB_CREATE, .queries = queries, .n_queries = Q_COUNT};
	(void)state;
	support_folder_make(&folder);
	support_path(&folder, "a.db", path);
	if (!*hash) assert_int_equal(password_hash(PASSWORD, hash), 0);
	if (db_open(&cfg, &db, &e) || db_migrate(db, migrations, COUNT(migrations), &e)) fail_msg("%s", e.msg);
	add("clerk", "clerk");
	add("lead", "lead");
	return 0;
}

static int drop(void **state)
{
	(void)state;
	db_close(db);
	support_folder_remove(&folder);
	return 0;
}

/* Signs in from PEER; the refusal's code, PROBLEM_NONE when the door opened. */
static enum problem_code enter(const char *name, const char *password, const char *peer, int64_t now,
                               char token[ACCOUNT_TOKEN_MAX])
{
	struct account a;
	struct problem p = {0};
	struct err e = {0};
	token[0] = '\0';
	const struct account_try t = {.name = name, .password = password, .peer = peer, .now = now};
	if (account_sign_in(db, &aq, &t, &a, token, &p, &e)) fail_msg("%s", e.msg);
	assert_false(db_in_transaction(db));
	enum problem_code code = p.code;
	if (code == PROBLEM_NONE) {
		assert_string_equal(a.name, name);
		assert_int_equal(a.expires_at, now + ACCOUNT_LIFE_MS);
		assert_int_equal(strlen(token), 43); /* 32 bytes as base64url */
	} else {
		assert_string_equal(token, "");
	}
	if (code == PROBLEM_LOCKED) assert_true(fields_int(p.members, "retry_after_s", 0) > 0);
	problem_release(&p);
	return code;
}

static int look(const char *token, int64_t now, struct account *a)
{
	struct err e = {0};
	return account_of_token(db, &aq, token, now, a, &e);
}

static void right(void **state)
{
	char token[ACCOUNT_TOKEN_MAX], other[ACCOUNT_TOKEN_MAX];
	struct account a;
	(void)state;
	assert_int_equal(enter("clerk", PASSWORD, "192.0.2.1", NOW, token), PROBLEM_NONE);
	assert_int_equal(look(token, NOW, &a), ERR_OK);
	assert_string_equal(a.name, "clerk");
	assert_string_equal(a.display, "王建国");
	assert_string_equal(a.role, "clerk");
	assert_string_equal(a.office, "");
	assert_int_equal(a.seen_at, NOW);
	assert_int_equal(enter("lead", PASSWORD, "192.0.2.1", NOW, other), PROBLEM_NONE);
	assert_string_not_equal(token, other);
	assert_int_equal(look(token, NOW, &a), ERR_OK); /* both hold */
	assert_string_equal(a.role, "clerk");
	/* the token itself is nowhere in the file */
	assert_int_equal(support_sql_int(path, "SELECT count(*) FROM sessions WHERE length(token) = 32"), 2);
}

static void wrong(void **state)
{
	char token[ACCOUNT_TOKEN_MAX];
	struct account a;
	(void)state;
	assert_int_equal(enter("clerk", "wrong", "192.0.2.1", NOW, token), PROBLEM_BAD_CREDENTIALS);
	assert_int_equal(enter("clerk", "", "192.0.2.1", NOW, token), PROBLEM_BAD_CREDENTIALS);
	assert_int_equal(enter("nobody", PASSWORD, "192.0.2.1", NOW, token), PROBLEM_BAD_CREDENTIALS);
	assert_int_equal(look("", NOW, &a), ERR_DENIED);
	assert_int_equal(look("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NOW, &a), ERR_DENIED);
	support_sql(path, "UPDATE staff SET disabled = 1 WHERE name = 'lead'");
	assert_int_equal(enter("lead", PASSWORD, "192.0.2.1", NOW, token), PROBLEM_BAD_CREDENTIALS);
	assert_int_equal(support_sql_int(path, "SELECT count(*) FROM sessions"), 0);
}

static void locked_after_five(void **state)
{
	char token[ACCOUNT_TOKEN_MAX];
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(enter("clerk", "wrong", "192.0.2.1", NOW, token), PROBLEM_BAD_CREDENTIALS);
	assert_int_equal(enter("clerk", PASSWORD, "192.0.2.1", NOW, token), PROBLEM_LOCKED);
	assert_int_equal(enter("clerk", PASSWORD, "192.0.2.9", NOW + 59999, token), PROBLEM_LOCKED); /* from wherever */
	assert_int_equal(enter("lead", PASSWORD, "192.0.2.1", NOW, token), PROBLEM_NONE); /* others are not held up */
	assert_int_equal(enter("clerk", "wrong", "192.0.2.1", NOW + 60000, token), PROBLEM_BAD_CREDENTIALS);
	assert_int_equal(enter("clerk", PASSWORD, "192.0.2.1", NOW + 60000 + 119999, token),
	                 PROBLEM_LOCKED); /* doubled */
	assert_int_equal(enter("clerk", PASSWORD, "192.0.2.1", NOW + 60000 + 120000, token), PROBLEM_NONE);
	assert_int_equal(enter("clerk", "wrong", "192.0.2.1", NOW + 200000, token),
	                 PROBLEM_BAD_CREDENTIALS); /* counting anew */
	assert_int_equal(enter("clerk", PASSWORD, "192.0.2.1", NOW + 200000, token), PROBLEM_NONE);
}

static void failures_at(const char *peer, int n)
{
	char sql[160];
	(void)snprintf(
	    sql, sizeof sql,
	    "INSERT INTO lockouts (subject, failures, locked_until, last_at) VALUES ('address:%s', %d, 0, %lld)", peer,
	    n, (long long)NOW);
	support_sql(path, sql);
}

/* Twenty names from one address lock the address; an account that was never tried is locked with it, from there alone. */
static void address_locked(void **state)
{
	char token[ACCOUNT_TOKEN_MAX], name[16];
	(void)state;
	failures_at("192.0.2.1", 19);
	(void)snprintf(name, sizeof name, "guess%d", 1);
	assert_int_equal(enter(name, "x", "192.0.2.1", NOW, token), PROBLEM_BAD_CREDENTIALS); /* the twentieth */
	assert_int_equal(enter("clerk", PASSWORD, "192.0.2.1", NOW, token), PROBLEM_LOCKED);
	assert_int_equal(enter("clerk", PASSWORD, "192.0.2.2", NOW, token), PROBLEM_NONE);
}

/* Whoever has one good account may not go on guessing at the others by signing in with it now and then; time alone
 * forgives the address. */
static void a_good_sign_in_forgives_the_account_alone(void **state)
{
	char token[ACCOUNT_TOKEN_MAX];
	(void)state;
	failures_at("192.0.2.1", 18);
	assert_int_equal(enter("lead", "wrong", "192.0.2.1", NOW, token), PROBLEM_BAD_CREDENTIALS);
	assert_int_equal(enter("lead", PASSWORD, "192.0.2.1", NOW, token), PROBLEM_NONE);
	assert_int_equal(support_sql_int(path, "SELECT count(*) FROM lockouts WHERE subject = 'account:lead'"), 0);
	assert_int_equal(enter("guess", "x", "192.0.2.1", NOW, token), PROBLEM_BAD_CREDENTIALS); /* the twentieth */
	assert_int_equal(enter("lead", PASSWORD, "192.0.2.1", NOW, token), PROBLEM_LOCKED);
	/* an office that mistypes twice an hour never comes to it */
	support_sql(path, "DELETE FROM lockouts");
	bool locks;
	for (int i = 0; i < 60; i++) {
		int64_t at = NOW + i * 1800000LL;
		assert_int_equal(account_failed_at(db, &aq, "192.0.2.7", at, &locks, &(struct err){0}), ERR_OK);
	}
	assert_int_equal(enter("lead", PASSWORD, "192.0.2.7", NOW + 60 * 1800000LL, token), PROBLEM_NONE);
}

/* --- what belongs into a try's transaction --- */

struct seen {
	int calls;
	bool good, known, locks, locks_address, has_token;
	int fail; /* what `then` gives */
};

static int look_at(const struct account_result *r, void *arg, struct err *e)
{
	struct seen *s = arg;
	assert_true(db_in_transaction(db));
	s->calls++;
	s->good = r->good;
	s->known = r->account != NULL;
	s->locks = r->locks;
	s->locks_address = r->locks_address;
	s->has_token = r->token != NULL;
	return s->fail ? err_set(e, ERR_IO, "as asked") : ERR_OK;
}

static void told_in_the_transaction(void **state)
{
	char token[ACCOUNT_TOKEN_MAX];
	struct account a;
	struct seen s = {0};
	struct problem p = {0};
	struct err e = {0};
	struct account_try t = {"clerk", "wrong", "192.0.2.1", NOW, look_at, &s};
	(void)state;
	for (int i = 1; i <= 5; i++) {
		assert_int_equal(account_prove(db, &aq, &t, &p, &e), ERR_OK);
		assert_int_equal(p.code, PROBLEM_BAD_CREDENTIALS);
		problem_release(&p);
		assert_true(s.calls == i && !s.good && s.known && s.locks == (i == 5) && !s.locks_address);
	}
	assert_int_equal(account_prove(db, &aq, &t, &p, &e), ERR_OK);
	assert_int_equal(p.code, PROBLEM_LOCKED);
	problem_release(&p);
	assert_int_equal(s.calls, 5); /* a try that is not made is no result */
	support_sql(path, "DELETE FROM lockouts");
	t.password = PASSWORD;
	assert_int_equal(account_prove(db, &aq, &t, &p, &e), ERR_OK);
	assert_true(s.calls == 6 && s.good && !s.has_token && !problem_any(&p));
	assert_int_equal(support_sql_int(path, "SELECT count(*) FROM sessions"), 0);
	s.fail = 1; /* nothing of a sign-in stands that could not be noted */
	assert_int_equal(account_sign_in(db, &aq, &t, &a, token, &p, &e), ERR_IO);
	assert_true(s.has_token && !db_in_transaction(db));
	assert_int_equal(support_sql_int(path, "SELECT count(*) FROM sessions"), 0);
	t.name = "nobody";
	s.fail = 0;
	assert_int_equal(account_prove(db, &aq, &t, &p, &e), ERR_OK);
	assert_true(!s.known && !s.good && p.code == PROBLEM_BAD_CREDENTIALS);
	problem_release(&p);
}

static void a_one_time_password(void **state)
{
	char token[ACCOUNT_TOKEN_MAX];
	struct account a;
	struct problem p = {0};
	struct err e = {0};
	const struct account_try t = {.name = "clerk", .password = PASSWORD, .peer = "192.0.2.1", .now = NOW};
	(void)state;
	support_sql(path, "UPDATE staff SET must_change = 1 WHERE name = 'clerk'");
	assert_int_equal(account_sign_in(db, &aq, &t, &a, token, &p, &e), ERR_OK);
	assert_true(a.must_change);
	assert_int_equal(look(token, NOW, &a), ERR_OK);
	assert_true(a.must_change && a.opened_at == NOW);
}

static void idle_end(void **state)
{
	char token[ACCOUNT_TOKEN_MAX];
	struct account a;
	struct err e = {0};
	(void)state;
	assert_int_equal(enter("clerk", PASSWORD, "192.0.2.1", NOW, token), PROBLEM_NONE);
	assert_int_equal(look(token, NOW + ACCOUNT_IDLE_MS, &a), ERR_OK);
	assert_int_equal(look(token, NOW + ACCOUNT_IDLE_MS + 1, &a), ERR_DENIED);
	assert_int_equal(account_seen(db, &aq, token, NOW + ACCOUNT_IDLE_MS, &e), ERR_OK);
	assert_int_equal(look(token, NOW + 2 * ACCOUNT_IDLE_MS, &a), ERR_OK);
	assert_int_equal(a.seen_at, NOW + ACCOUNT_IDLE_MS);
	assert_int_equal(account_seen(db, &aq, token, NOW, &e), ERR_OK); /* never goes back */
	assert_int_equal(look(token, NOW + 2 * ACCOUNT_IDLE_MS, &a), ERR_OK);
}

static void absolute_end(void **state)
{
	char token[ACCOUNT_TOKEN_MAX];
	struct account a;
	struct err e = {0};
	(void)state;
	assert_int_equal(enter("clerk", PASSWORD, "192.0.2.1", NOW, token), PROBLEM_NONE);
	for (int64_t t = NOW; t < NOW + ACCOUNT_LIFE_MS; t += ACCOUNT_IDLE_MS) {
		assert_int_equal(look(token, t, &a), ERR_OK);
		assert_int_equal(account_seen(db, &aq, token, t, &e), ERR_OK);
	}
	assert_int_equal(account_seen(db, &aq, token, NOW + ACCOUNT_LIFE_MS - 1, &e), ERR_OK);
	assert_int_equal(look(token, NOW + ACCOUNT_LIFE_MS - 1, &a), ERR_OK);
	assert_int_equal(look(token, NOW + ACCOUNT_LIFE_MS, &a), ERR_DENIED);
}

static void sign_out_and_purge(void **state)
{
	char token[ACCOUNT_TOKEN_MAX], other[ACCOUNT_TOKEN_MAX];
	struct account a;
	struct err e = {0};
	(void)state;
	assert_int_equal(enter("clerk", PASSWORD, "192.0.2.1", NOW, token), PROBLEM_NONE);
	assert_int_equal(enter("clerk", PASSWORD, "192.0.2.1", NOW, other), PROBLEM_NONE);
	assert_int_equal(account_sign_out(db, &aq, token, &e), ERR_OK);
	assert_int_equal(look(token, NOW, &a), ERR_DENIED);
	assert_int_equal(look(other, NOW, &a), ERR_OK);
	assert_int_equal(account_sign_out(db, &aq, token, &e), ERR_OK); /* gone already: no error */
	/* whoever signs in next sweeps what has ended */
	assert_int_equal(enter("lead", PASSWORD, "192.0.2.1", NOW + ACCOUNT_LIFE_MS + 1, token), PROBLEM_NONE);
	assert_int_equal(support_sql_int(path, "SELECT count(*) FROM sessions"), 1);
}

static void a_disabled_account_loses_its_session(void **state)
{
	char token[ACCOUNT_TOKEN_MAX];
	struct account a;
	(void)state;
	assert_int_equal(enter("lead", PASSWORD, "192.0.2.1", NOW, token), PROBLEM_NONE);
	support_sql(path, "UPDATE staff SET disabled = 1 WHERE name = 'lead'");
	assert_int_equal(look(token, NOW, &a), ERR_DENIED);
}

#define T(f) cmocka_unit_test_setup_teardown(f, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(right),
	    T(wrong),
	    T(locked_after_five),
	    T(address_locked),
	    T(idle_end),
	    T(absolute_end),
	    T(sign_out_and_purge),
	    T(a_disabled_account_loses_its_session),
	    T(a_good_sign_in_forgives_the_account_alone),
	    T(told_in_the_transaction),
	    T(a_one_time_password),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
