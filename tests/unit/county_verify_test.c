/* `xinke-county verify`: what it finds. Each tampering stands alone, done by SQL behind the program's back. */
#include "tests/unit/county_support.h"

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

static const struct {
	const char *name, *sql;
	int64_t faults;
} cases[] = {
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

static void finds(void **state)
{
	struct test_county *w = *state;
	struct test_box b;
	char saved[SUPPORT_PATH_MAX];
	struct err e = {0};
	test_box_make(&b, w, COUNTY_VILLAGE);
	for (unsigned n = 1; n <= 3; n++)
		test_box_register(&b, n, SUPPORT_ACCEPT_ITEM);
	test_box_force(&b, 100, 1, "accept", "{}"); /* refused */
	test_box_settle(&b);
	test_county_verify(w, 0);
	support_path(&w->folder, "saved.db", saved);
	assert_int_equal(db_backup(w->s->db, saved, &e), ERR_OK);
	for (size_t i = 0; i < COUNT(cases); i++) {
		print_message("  %s\n", cases[i].name);
		run_sql(w, cases[i].sql);
		test_county_verify(w, cases[i].faults);
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
	    cmocka_unit_test_setup_teardown(rated_under_an_older_release, setup, teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
