/* `xinke-county verify`: what it finds. Each tampering stands alone, done by SQL behind the program's back. */
#include "tests/unit/county_support.h"

#include "sync/county/dues.h"

#include <stdlib.h>
#include <string.h>

static int setup(void **state)
{
	struct test_county *w = calloc(1, sizeof *w);
	assert_non_null(w);
	test_county_make(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	test_county_release(*state);
	free(*state);
	return 0;
}

struct tampering {
	const char *name, *sql;
	int64_t faults;
};

static const struct tampering cases[] = {
    /* a body: its mac, and the case that its events make */
    {"a body in the ledger",
     "UPDATE events SET body = replace(body, '大丰镇', '小丰镇') WHERE type = 'receive' AND rowid_n = 1", 2},
    {"an event's time", "UPDATE events SET at = at + 1 WHERE type = 'log_opened'", 1},
    {"an event's actor", "UPDATE events SET actor = 'somebody' WHERE type = 'log_opened'", 1},
    {"an event that is gone", "DELETE FROM events WHERE type = 'log_opened'", 1},
    {"a link of the chain", "UPDATE chain SET hash = zeroblob(32) WHERE seq = 2", 2},
    {"a link that is gone", "DELETE FROM chain WHERE seq = 2", 2},
    {"the end of a chain", "DELETE FROM chain WHERE seq = (SELECT max(seq) FROM chain)", 1},
    {"a head", "UPDATE logs SET seq = seq + 1", 1},
    {"a feed entry", "UPDATE feed SET entry = replace(entry, 'settled', 'settles') WHERE entry LIKE '%\"settled\"%'",
     1},
    {"a feed entry that is gone", "DELETE FROM feed WHERE n = 2", 2},
    {"the feed's head", "UPDATE stations SET feed_n = feed_n - 1 WHERE feed_n > 0", 1},
    {"a case's state", "UPDATE cases SET state = 'accepted' WHERE id = (SELECT min(id) FROM cases)", 1},
    {"a case's holder", "UPDATE cases SET holder = '民政局' WHERE id = (SELECT min(id) FROM cases)", 1},
    {"a case's document",
     "UPDATE cases SET doc = replace(doc, '王建国', '王建军') WHERE id = (SELECT min(id) FROM cases)", 1},
    {"a case's token", "UPDATE cases SET token = zeroblob(32) WHERE id = (SELECT min(id) FROM cases)", 1},
    {"a case that is gone", "DELETE FROM cases WHERE id = (SELECT min(id) FROM cases)", 1},
    {"a refusal taken back", "UPDATE events SET code = NULL, pointer = NULL, message = NULL WHERE code IS NOT NULL", 1},
};

/* What lists are made from, beside the cases. */
static const struct tampering beside[] = {
    {"a due day", "UPDATE cases SET due = due + 1 WHERE due IS NOT NULL", 3},
    {"a day of a warning", "UPDATE cases SET warn = warn - 1 WHERE due IS NOT NULL", 3},
    {"a case that is said to be paused",
     "UPDATE cases SET paused = 1 WHERE id = (SELECT min(id) FROM cases WHERE due IS NOT NULL)", 1},
    {"an office that held a case", "DELETE FROM held", 1},
    {"an office that never held it",
     "INSERT INTO held SELECT '卫健委', received_at, id FROM cases WHERE id = (SELECT min(id) FROM cases)", 1},
    {"another calendar's days, to be counted at the next start",
     "UPDATE meta SET value = value + 1 WHERE key = 'due_calendar'; UPDATE cases SET due = due + 1", 0},
};

/* `rowid_n = 1` in the SQL above: the first of its kind (the table has no rowid). */
static void run_sql(struct test_county *w, const char *sql)
{
	char text[512];
	const char *mark = strstr(sql, "rowid_n = 1");
	if (mark)
		(void)snprintf(text, sizeof text, "%.*sid = (SELECT min(id) FROM events WHERE type = 'receive')",
		               (int)(mark - sql), sql);
	else
		(void)snprintf(text, sizeof text, "%s", sql);
	support_sql(w->db, text);
}

static void tamper(struct test_county *w, const struct tampering *list, size_t n)
{
	char saved[SUPPORT_PATH_MAX];
	struct err e = {0};
	test_county_verify(w, 0);
	support_path(&w->folder, "saved.db", saved);
	assert_int_equal(db_backup(w->s->db, saved, &e), ERR_OK);
	for (size_t i = 0; i < n; i++) {
		print_message("  %s\n", list[i].name);
		run_sql(w, list[i].sql);
		test_county_verify(w, list[i].faults);
		/* back to what it was: the store closes, so that no page of the old file stays */
		store_close(w->s);
		w->s = NULL;
		char side[FILE_PATH_MAX + 8];
		(void)snprintf(side, sizeof side, "%s-wal", w->db);
		(void)remove(side);
		(void)snprintf(side, sizeof side, "%s-shm", w->db);
		(void)remove(side);
		support_copy(saved, w->db);
		if (county_store(&w->c, STORE_MIGRATE, &w->s, &e)) fail_msg("%s", e.msg);
	}
	test_county_verify(w, 0);
}

static void finds(void **state)
{
	struct test_county *w = *state;
	struct test_box b;
	test_box_make(&b, w, COUNTY_VILLAGE);
	for (unsigned n = 1; n <= 3; n++)
		test_box_register(&b, n, SUPPORT_ACCEPT_ITEM);
	test_box_force(&b, 100, 1, "accept", "{}"); /* refused */
	test_box_settle(&b);
	tamper(w, cases, COUNT(cases));
	test_box_release(&b);
}

/* Once the due days were counted, as every start does. */
static void finds_beside(void **state)
{
	struct test_county *w = *state;
	struct test_box b, t;
	struct err e = {0};
	test_box_make(&b, w, COUNTY_VILLAGE);
	for (unsigned n = 1; n <= 3; n++)
		test_box_register(&b, n, SUPPORT_ACCEPT_ITEM);
	test_box_settle(&b);
	test_box_make(&t, w, COUNTY_TOWNSHIP);
	test_box_settle(&t);
	test_box_act(&t, 101, 2, "forward", "{'to':'残联'}"); /* which is not the item's department */
	test_box_settle(&t);
	if (dues_check(w->s, SUPPORT_NOW, &e)) fail_msg("%s", e.msg);
	tamper(w, beside, COUNT(beside));
	test_box_release(&t);
	test_box_release(&b);
}

/* A rating moved a case's last change once: the migration puts it back to what the events make. */
static void rated_under_an_older_release(void **state)
{
	struct test_county *w = *state;
	struct test_box b;
	test_box_make(&b, w, COUNTY_VILLAGE);
	test_box_register(&b, 1, SUPPORT_HANDLE_ITEM);
	test_box_act(&b, 101, 1, "accept", "{}");
	test_box_act(&b, 102, 1, "decide_now", "{'result':'granted'}");
	test_box_act(&b, 103, 1, "complete", "{'result_code':6}");
	test_box_register(&b, 2, SUPPORT_HANDLE_ITEM);
	test_box_force(&b, 104, 1, "rate", "{'grade':5,'way':'screen'}");
	test_box_settle(&b);
	assert_int_equal(support_sql_int(w->db, "SELECT count(*) FROM events WHERE type = 'rate' AND code IS NULL"), 1);
	test_county_verify(w, 0);
	support_sql(w->db, "UPDATE cases SET updated_at = updated_at + 1000 WHERE id IN "
	                   "(SELECT case_id FROM events WHERE type = 'rate')");
	test_county_verify(w, 1);
	char *migration = support_source("schema/sql/county/006-citizens.sql");
	support_sql(w->db, "DROP TABLE aliases");
	support_sql(w->db, migration);
	free(migration);
	test_county_verify(w, 0);
	test_box_verify(&b, 0);
	test_box_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(finds, setup, teardown),
	    cmocka_unit_test_setup_teardown(finds_beside, setup, teardown),
	    cmocka_unit_test_setup_teardown(rated_under_an_older_release, setup, teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
