/* Every named query of box and county: it prepares against its schema, and scans no table unless it says why.
 *
 * The plan comes from the compiled list, the mark ("-- scans: why") from the .sql file; the names must agree. */
#include "shared/db/db.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

struct part {
	const char *name, *sql_file;
	const struct db_query *queries;
	size_t n;
	const struct db_migration *migrations;
	size_t n_migrations;
};

#define QUERY(name, sql)              {#name, sql},
#define MIGRATION(version, name, sql) {version, name, sql},
static const struct db_query box_queries[] = {
#include "box_queries.inc"
};
static const struct db_migration box_migrations[] = {
#include "box_migrations.inc"
};
static const struct db_query county_queries[] = {
#include "county_queries.inc"
};
static const struct db_migration county_migrations[] = {
#include "county_migrations.inc"
};
#undef QUERY
#undef MIGRATION

static const struct part parts[] = {
    {"box", "schema/sql/box/queries.sql", box_queries, COUNT(box_queries), box_migrations, COUNT(box_migrations)},
    {"county", "schema/sql/county/queries.sql", county_queries, COUNT(county_queries), county_migrations,
     COUNT(county_migrations)},
};

struct plan {
	bool scans, sorts;
	char first[160]; /* scan that was found */
};

/* "SCAN t" walks a table, "SCAN t USING INDEX" an index: both grow with it. */
static void look(const char *detail, void *arg)
{
	struct plan *p = arg;
	if (strstr(detail, "TEMP B-TREE")) p->sorts = true;
	if (strncmp(detail, "SCAN ", 5) != 0 || strcmp(detail, "SCAN CONSTANT ROW") == 0) return;
	if (!p->scans) (void)snprintf(p->first, sizeof p->first, "%s", detail);
	p->scans = true;
}

/* Is the block of NAME marked? -1 when there is no such block. */
static int marked(const char *text, const char *name)
{
	char head[96];
	int n = snprintf(head, sizeof head, "-- name: %s\n", name);
	const char *block = strstr(text, head);
	if (n < 0 || !block) return -1;
	block += n;
	const char *end = strstr(block, "-- name: "), *mark = strstr(block, "-- scans: ");
	if (!mark || (end && mark > end)) return 0;
	return mark[10] > ' ' ? 1 : 0; /* a mark without a reason is none */
}

static size_t blocks(const char *text)
{
	size_t n = 0;
	for (const char *p = text; (p = strstr(p, "-- name: ")) != NULL; p++)
		n++;
	return n;
}

/* A walk along a key that needs no sorting and stops at a LIMIT reads the page and no more: "the newest one". */
static bool bounded(const struct db_query *q, const struct plan *p)
{
	return !p->sorts && strstr(q->sql, "ORDER BY") && strstr(q->sql, "LIMIT");
}

static void check(const struct part *part)
{
	struct support_folder folder;
	char path[SUPPORT_PATH_MAX];
	struct db *db = NULL;
	struct err e = {0};
	int wrong = 0;
	char *text = support_source(part->sql_file);
	support_folder_make(&folder);
	support_path(&folder, "q.db", path);
	const struct db_config cfg = {.path = path, .mode = DB_CREATE, .queries = part->queries, .n_queries = part->n};
	if (db_open(&cfg, &db, &e) || db_migrate(db, part->migrations, part->n_migrations, &e)) fail_msg("%s", e.msg);
	if (db_prepare_all(db, &e)) fail_msg("%s: %s", part->name, e.msg);
	assert_int_equal(blocks(text), part->n);
	for (size_t i = 0; i < part->n; i++) {
		struct plan p = {0};
		int mark = marked(text, part->queries[i].name);
		assert_true(mark >= 0);
		if (db_explain(db, i, look, &p, &e)) fail_msg("%s: %s", part->queries[i].name, e.msg);
		if (p.scans && !mark && !bounded(&part->queries[i], &p)) {
			print_error("%s: %s: %s\n", part->name, part->queries[i].name, p.first);
			wrong++;
		}
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(part->queries[i].name, part->queries[j].name);
	}
	db_close(db);
	free(text);
	support_folder_remove(&folder);
	assert_int_equal(wrong, 0);
}

static void box(void **state)
{
	(void)state;
	check(&parts[0]);
}

static void county(void **state)
{
	(void)state;
	check(&parts[1]);
}

static void the_mark_is_read(void **state)
{
	static const char text[] = "-- head\n-- name: a\nSELECT 1;\n\n-- name: b\n-- scans: few\nSELECT 2;\n\n-- name: "
	                           "bc\n-- scans: \nSELECT 3;\n";
	(void)state;
	assert_int_equal(marked(text, "a"), 0);
	assert_int_equal(marked(text, "b"), 1);
	assert_int_equal(marked(text, "bc"), 0);
	assert_int_equal(marked(text, "c"), -1);
	assert_int_equal(blocks(text), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(box),
	    cmocka_unit_test(county),
	    cmocka_unit_test(the_mark_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
