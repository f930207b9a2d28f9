/* The audit and its term, the county's orders on accounts by the feed, and what a box of the release before is made into. */
#include "shared/ledger/audit.h"
#include "shared/ledger/device.h"
#include "shared/ledger/internal.h"
#include "shared/ledger/staff.h"
#include "shared/ledger/verify.h"
#include "tests/unit/support.h"

#include <stdio.h>
#include <string.h>

#define HASH "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$"

static struct support_ledger t;
static struct support_feed feed;

static int make(void **state)
{
	(void)state;
	support_ledger_make(&t);
	support_feed_init(&feed, t.station_key);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	support_feed_release(&feed);
	support_ledger_release(&t);
	return 0;
}

static int64_t sql(const char *text)
{
	return support_sql_int(t.db, text);
}

/* --- the audit --- */

static void note(const char *subject)
{
	struct err e = {0};
	const struct audit_actor who = {.name = "clerk"};
	const struct audit_entry what = {.action = AUDIT_SIGN_IN, .subject = subject};
	if (ledger_audit(t.l, &who, &what, &e)) fail_msg("%s", e.msg);
}

static void told(int64_t now)
{
	struct err e = {0};
	bool fixed;
	if (ledger_clock_told(t.l, now, 0, &fixed, &e)) fail_msg("%s", e.msg);
}

static int64_t purge(int64_t days)
{
	int64_t removed = -1;
	struct err e = {0};
	assert_int_equal(ledger_begin(t.l, &e), ERR_OK);
	if (ledger_audit_purge(t.l, days, &removed, &e)) fail_msg("%s", e.msg);
	assert_int_equal(ledger_commit(t.l, &e), ERR_OK);
	return removed;
}

static void kept_for_its_term(void **state)
{
	(void)state;
	told(SUPPORT_NOW);
	note("old");
	t.clock.wall += 100 * SUPPORT_DAY_MS;
	t.clock.mono += 100 * SUPPORT_DAY_MS;
	told(SUPPORT_NOW + 100 * SUPPORT_DAY_MS);
	note("young");
	assert_int_equal(purge(400), 0);
	told(SUPPORT_NOW + 400 * SUPPORT_DAY_MS);
	assert_int_equal(purge(400), 0); /* to the day */
	told(SUPPORT_NOW + 401 * SUPPORT_DAY_MS);
	assert_int_equal(purge(400), 1);
	assert_int_equal(purge(400), 0);
	assert_int_equal(sql("SELECT count(*) FROM audit WHERE subject = 'young'"), 1);
	/* numbers are never given twice */
	told(SUPPORT_NOW + 900 * SUPPORT_DAY_MS);
	assert_int_equal(purge(400), 1);
	note("next");
	assert_int_equal(sql("SELECT n FROM audit"), 3);
}

/* A clock of the box, however wrong, removes nothing: one that was set to 2099, and one that is dead. */
static void no_clock_of_the_box_empties_it(void **state)
{
	(void)state;
	told(SUPPORT_NOW);
	note("a");
	t.clock.synced = false;
	t.clock.wall = 4070908800000; /* 2099 */
	assert_int_equal(purge(400), 0);
	t.clock.wall = 0;
	assert_int_equal(ledger_now(t.l).quality, CLOCK_SYNCED); /* by the county's time of this boot */
	assert_int_equal(purge(183), 0);
	assert_int_equal(sql("SELECT count(*) FROM audit"), 1);
}

/* What a dead clock dated stays until something dated better, and written later, is old. */
static void a_dead_clock_dates_nothing(void **state)
{
	(void)state;
	t.clock.synced = false;
	t.clock.wall = 1000;
	assert_int_equal(ledger_now(t.l).quality, CLOCK_FLOOR);
	note("undated");
	t.clock.synced = true;
	t.clock.wall = SUPPORT_NOW + 390 * SUPPORT_DAY_MS;
	note("dated");
	told(SUPPORT_NOW + 600 * SUPPORT_DAY_MS);
	assert_int_equal(purge(400), 0);
	told(SUPPORT_NOW + 800 * SUPPORT_DAY_MS);
	assert_int_equal(purge(400), 2);
}

static void never_for_less_than_six_months(void **state)
{
	int64_t removed;
	struct err e = {0};
	(void)state;
	note("a");
	told(SUPPORT_NOW + 9000 * SUPPORT_DAY_MS);
	assert_int_equal(ledger_audit_purge(t.l, LEDGER_AUDIT_DAYS_MIN - 1, &removed, &e), ERR_INVALID);
	assert_int_equal(ledger_audit_purge(t.l, -1, &removed, &(struct err){0}), ERR_INVALID);
	assert_int_equal(sql("SELECT count(*) FROM audit"), 1);
	assert_int_equal(purge(LEDGER_AUDIT_DAYS_MIN), 1);
}

static void removed_in_pieces(void **state)
{
	int64_t n, all = 0;
	(void)state;
	support_sql(
	    t.db,
	    "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 12000) INSERT INTO audit (at, "
	    "clock, name, device, peer, action, subject, reason, outcome) SELECT 1700000000000 + i, 1, '', '', '', "
	    "'sign_in', '', '', 'done' FROM c");
	told(SUPPORT_NOW);
	for (int i = 0; i < 3; i++) {
		n = purge(400);
		assert_true(n > 0 && n <= 5000);
		all += n;
	}
	assert_int_equal(all, 12000);
	assert_int_equal(purge(400), 0);
}

/* A row goes with the act that it tells of, and no row is changed. */
static void one_with_its_act(void **state)
{
	struct err e = {0};
	char longest[802] = "";
	const struct audit_actor who = {.name = "clerk"};
	const struct audit_entry what = {.action = AUDIT_REVEAL, .subject = longest};
	(void)state;
	assert_int_equal(ledger_begin(t.l, &e), ERR_OK);
	note("gone");
	ledger_rollback(t.l);
	assert_int_equal(sql("SELECT count(*) FROM audit"), 0);
	memset(longest, 'x', 200);
	assert_int_equal(ledger_audit(t.l, &who, &what, &e), ERR_OK);
	memset(longest, 'x', 201);
	assert_int_equal(ledger_audit(t.l, &who, &what, &e), ERR_INVALID);
	assert_int_equal(sql("SELECT count(*) FROM audit WHERE action = 'reveal' AND outcome = 'done'"), 1);
	for (int i = 0; i < AUDIT_COUNT; i++) {
		enum audit_action a;
		assert_true(audit_action_parse(audit_action_name((enum audit_action)i), &a) && (int)a == i);
	}
	enum audit_action none;
	assert_false(audit_action_parse("", &none));
}

/* --- the county's orders --- */

static void order(const char *body)
{
	struct err e = {0};
	support_feed_add(&feed, json_pack("{s:s, s:o}", "kind", "staff", "body", support_json(body)));
	if (support_feed_apply(&feed, &t, &e)) fail_msg("%s", e.msg);
}

static void add(const char *name)
{
	char body[512];
	(void)snprintf(body, sizeof body,
	               "{'name': '%s', 'by': '县级', 'display': '张三', 'role': 'clerk', 'password': '" HASH
	               "x', 'reset': true, 'disabled': false}",
	               name);
	order(body);
}

static void session_for(const char *name)
{
	char text[256];
	(void)snprintf(text, sizeof text,
	               "INSERT INTO sessions (token, staff, created_at, expires_at, seen_at, peer, id) SELECT "
	               "randomblob(32), id, 0, "
	               "0, 0, '', randomblob(16) FROM staff WHERE name = '%s'",
	               name);
	support_sql(t.db, text);
}

static void orders_are_applied(void **state)
{
	struct staff s;
	struct err e = {0};
	(void)state;
	add("zhang");
	assert_int_equal(ledger_staff_named(t.l, "zhang", &s, &e), ERR_OK);
	assert_string_equal(s.display, "张三");
	assert_string_equal(s.role, "clerk");
	assert_true(s.must_change && !s.disabled);
	session_for("zhang");
	order("{'name': 'zhang', 'by': '县级', 'disabled': true}");
	assert_int_equal(ledger_staff_named(t.l, "zhang", &s, &e), ERR_OK);
	assert_true(s.disabled);
	assert_int_equal(sql("SELECT count(*) FROM sessions"), 0);
	order("{'name': 'zhang', 'by': '县级', 'disabled': false}");
	support_sql(t.db, "UPDATE staff SET must_change = 0");
	session_for("zhang");
	order("{'name': 'zhang', 'by': '县级', 'password': '" HASH "y', 'reset': true}");
	assert_int_equal(ledger_staff_named(t.l, "zhang", &s, &e), ERR_OK);
	assert_true(s.must_change && !s.disabled);
	assert_int_equal(sql("SELECT count(*) FROM sessions"), 0);
	assert_int_equal(sql("SELECT count(*) FROM staff WHERE password = '" HASH "y'"), 1);
	assert_int_equal(
	    sql("SELECT count(*) FROM audit WHERE name = 'county' AND action = 'county_order' AND reason = '县级'"), 4);
	assert_int_equal(
	    sql("SELECT count(*) FROM audit WHERE name = 'county' AND action IN ('staff_add', 'staff_disable', "
	        "'staff_enable', 'staff_reset')"),
	    4);
	support_verified(&t);
}

/* The last lead is the staff's rule, not the county's. */
static void the_county_is_above_the_rules(void **state)
{
	struct staff s;
	struct err e = {0};
	(void)state;
	order("{'name': 'only', 'by': 'x', 'role': 'lead', 'password': '" HASH "x'}");
	order("{'name': 'only', 'by': 'x', 'disabled': true}");
	assert_int_equal(ledger_staff_named(t.l, "only", &s, &e), ERR_OK);
	assert_true(s.disabled && !s.must_change); /* no reset was said */
}

/* What is not understood or does not fit blocks nothing, changes nothing, and is noted. */
static void bad_orders(void **state)
{
	static const char *const bad[] = {
	    "null",
	    "[]",
	    "{}",
	    "{'name': 'a', 'role': 'boss', 'password': 'x', 'by': 'x'}",
	    "{'name': 7, 'by': 'x'}",
	    "{'name': 'system', 'role': 'clerk', 'password': 'x', 'by': 'x'}",
	    "{'name': 'nobody', 'disabled': true, 'by': 'x'}",
	    "{'name': 'nobody', 'password': 'x', 'reset': true, 'by': 'x'}",
	    "{'name': 'a', 'unknown': 1, 'by': 'x'}",
	};
	struct err e = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		order(bad[i]);
	support_feed_add(&feed, support_json("{'kind': 'staff'}"));
	assert_int_equal(support_feed_apply(&feed, &t, &e), ERR_OK);
	assert_int_equal(sql("SELECT count(*) FROM staff"), 0);
	assert_int_equal(sql("SELECT count(*) FROM audit WHERE action = 'county_order' AND outcome = 'refused'"),
	                 COUNT(bad) + 1);
	add("good");
	assert_int_equal(sql("SELECT count(*) FROM staff"), 1);
}

/* Changed here after the county spoke: a rebuild brings the county's word not back. */
static void a_rebuild_brings_nothing_back(void **state)
{
	struct err e = {0};
	(void)state;
	add("zhang");
	support_sql(t.db, "UPDATE staff SET password = 'mine', must_change = 0, display = '改名'");
	int64_t rows = sql("SELECT count(*) FROM audit");
	assert_int_equal(ledger_rebuild(t.l, &e), ERR_OK);
	assert_int_equal(
	    sql("SELECT count(*) FROM staff WHERE password = 'mine' AND must_change = 0 AND display = '改名'"), 1);
	assert_int_equal(sql("SELECT count(*) FROM audit"), rows);
	support_verified(&t);
}

/* The release before stored the entry without knowing it; this one finds it by the rebuild after the upgrade, in order. */
static void stored_by_an_older_release(void **state)
{
	bool rebuilt = false;
	struct err e = {0};
	(void)state;
	add("zhang");
	order("{'name': 'zhang', 'by': '县级', 'disabled': true}");
	support_sql(t.db, "DELETE FROM staff; DELETE FROM audit; DELETE FROM meta WHERE key = 'staff_feed'");
	support_sql(t.db, "INSERT INTO meta (key, value) VALUES ('feed_unknown_by', '0.0.1') ON CONFLICT DO UPDATE SET "
	                  "value = '0.0.1'");
	assert_int_equal(ledger_catch_up(t.l, &rebuilt, &e), ERR_OK);
	assert_true(rebuilt);
	assert_int_equal(sql("SELECT count(*) FROM staff WHERE name = 'zhang' AND disabled = 1"), 1);
	assert_int_equal(ledger_catch_up(t.l, &rebuilt, &e), ERR_OK);
	assert_false(rebuilt);
}

/* A county that was restored says other things under the same numbers: those are new. */
static void after_a_restored_county(void **state)
{
	struct err e = {0};
	struct support_feed anew;
	(void)state;
	add("first");
	add("second");
	support_feed_init(&anew, t.station_key);
	support_feed_add(&anew,
	                 json_pack("{s:s, s:o}", "kind", "staff", "body",
	                           support_json("{'name': 'first', 'by': '县级', 'display': '另一个', 'role': 'clerk', "
	                                        "'password': '" HASH "z', 'reset': true}")));
	if (support_feed_apply(&anew, &t, &e)) fail_msg("%s", e.msg);
	support_feed_release(&anew);
	assert_int_equal(sql("SELECT count(*) FROM feed_lost"), 2);
	assert_int_equal(sql("SELECT count(*) FROM staff WHERE name = 'first' AND password = '" HASH "z'"), 1);
	assert_int_equal(sql("SELECT count(*) FROM staff WHERE name = 'second'"), 1); /* what was done stays done */
	support_verified(&t);
}

/* --- the release before --- */

static const struct db_query no_queries[] = {{"one", "SELECT 1"}};
static const struct db_migration migrations[] = {
#define MIGRATION(version, name, sql) {version, name, sql},
#include "box_migrations.inc"
#undef MIGRATION
};

static void migrated(void **state)
{
	char path[SUPPORT_PATH_MAX];
	struct db *db = NULL;
	struct err e = {0};
	(void)state;
	support_path(&t.folder, "old.db", path);
	const struct db_config cfg = {.path = path, .mode = DB_CREATE, .queries = no_queries, .n_queries = 1};
	assert_int_equal(db_open(&cfg, &db, &e), ERR_OK);
	assert_int_equal(db_migrate(db, migrations, 1, &e), ERR_OK);
	support_sql(path,
	            "INSERT INTO staff (name, display, role, password, created_at) VALUES ('a', 'a', 'lead', 'h', 1)");
	support_sql(path, "INSERT INTO sessions VALUES (zeroblob(32), 1, 1, 2, 1, ''), (x'01', 1, 1, 2, 1, '')");
	assert_int_equal(db_migrate(db, migrations, COUNT(migrations), &e), ERR_OK);
	assert_int_equal(db_version(db, &e), LEDGER_SCHEMA);
	assert_int_equal(support_sql_int(path, "SELECT count(*) FROM staff WHERE must_change = 0 AND password = 'h'"),
	                 1);
	assert_int_equal(support_sql_int(path, "SELECT count(DISTINCT id) FROM sessions WHERE length(id) = 16"), 2);
	db_close(db);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(kept_for_its_term),
	    TEST(no_clock_of_the_box_empties_it),
	    TEST(a_dead_clock_dates_nothing),
	    TEST(never_for_less_than_six_months),
	    TEST(removed_in_pieces),
	    TEST(one_with_its_act),
	    TEST(orders_are_applied),
	    TEST(the_county_is_above_the_rules),
	    TEST(bad_orders),
	    TEST(a_rebuild_brings_nothing_back),
	    TEST(stored_by_an_older_release),
	    TEST(after_a_restored_county),
	    TEST(migrated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
