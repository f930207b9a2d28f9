/* The gateway's search list: folding, order, cursors, replacing, and its size; and the cursors of its lists. */
#include "gateway/answer.h"
#include "gateway/search.h"
#include "tests/unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int make(void **state)
{
	struct search *s = NULL;
	struct err e = {0};
	assert_int_equal(search_new(&s, &e), ERR_OK);
	*state = s;
	return 0;
}

static int drop(void **state)
{
	search_free(*state);
	return 0;
}

static struct search_entry entry(unsigned n, int64_t at)
{
	struct search_entry en = {.received_at = at, .stamp = 1, .state = STATE_RECEIVED, .item = "652323-001"};
	en.id[0] = (uint8_t)(n >> 8);
	en.id[1] = (uint8_t)n;
	return en;
}

static void put(struct search *s, const struct search_entry *en, const char *a, const char *b)
{
	const char *texts[] = {a, b};
	uint16_t units[SEARCH_CHARS_MAX];
	struct err e = {0};
	assert_int_equal(search_put(s, en, units, search_fold(texts, b ? 2 : 1, units), &e), ERR_OK);
}

static int find(struct search *s, const char *text, struct search_hit *out, int max)
{
	struct search_query q = {.text = text, .state = -1, .before_at = INT64_MAX};
	return search_find(s, &q, out, max);
}

static void finds_what_people_type_for_one_another(void **state)
{
	static const char *const found[] = {
	    "张三",           "三",       "五工台镇",      "工台 张",       "AB12",
	    "ab12",           "ＡＢ１２", "买买提·阿不都", "买买提•阿不都", "买买提.阿不都",
	    "买买提．阿不都", " 张三 ",   "9 组",          "9组",           "𠮷"};
	static const char *const not_found[] = {"李四", "张三五", "三张", "张三 李四", "ab13", "镇张"};
	struct search_hit hit[4];
	struct search_entry en = entry(1, 1000);
	put(*state, &en, "张三 买买提·阿不都", "五工台镇9组 Ab12 𠮷");
	for (size_t i = 0; i < COUNT(found); i++)
		assert_int_equal(find(*state, found[i], hit, 4), 1);
	for (size_t i = 0; i < COUNT(not_found); i++)
		assert_int_equal(find(*state, not_found[i], hit, 4), 0);
	assert_int_equal(find(*state, "", hit, 4), -1);
	assert_int_equal(find(*state, " \t　", hit, 4), -1);
	assert_false(search_has_word("  "));
	assert_true(search_has_word("。"));
}

static void gives_the_newest_first_and_goes_on_at_a_cursor(void **state)
{
	struct search_hit hit[8];
	/* put in no order, three at the same moment */
	static const int64_t at[] = {500, 100, 900, 500, 300, 500};
	for (unsigned i = 0; i < COUNT(at); i++) {
		struct search_entry en = entry(i, at[i]);
		put(*state, &en, "王", NULL);
	}
	static const uint8_t order[] = {2, 5, 3, 0, 4, 1};
	assert_int_equal(find(*state, "王", hit, 8), 6);
	for (size_t i = 0; i < COUNT(order); i++)
		assert_int_equal(hit[i].id[1], order[i]);
	for (size_t from = 0; from < COUNT(order); from++) {
		struct search_hit rest[8];
		struct search_query q = {.text = "王", .state = -1, .before_at = hit[from].received_at};
		memcpy(q.before_id, hit[from].id, UUID_LEN);
		assert_int_equal(search_find(*state, &q, rest, 8), (int)(COUNT(order) - from - 1));
		if (from + 1 < COUNT(order)) assert_int_equal(rest[0].id[1], order[from + 1]);
	}
	assert_int_equal(find(*state, "王", hit, 2), 2);
}

static void replaces_and_filters(void **state)
{
	struct search_hit hit[4];
	uint32_t stamp = 0;
	struct search_entry en = entry(7, 1000), other = entry(8, 2000);
	put(*state, &en, "旧名", NULL);
	other.item = "652323-002";
	other.state = STATE_FORWARDED;
	put(*state, &other, "旧名", NULL);
	en.stamp = 2;
	en.state = STATE_ACCEPTED;
	put(*state, &en, "新名", NULL);
	assert_true(search_stamp(*state, &en, &stamp));
	assert_int_equal(stamp, 2);
	en.received_at++;
	assert_false(search_stamp(*state, &en, &stamp));
	assert_int_equal(find(*state, "旧名", hit, 4), 1);
	assert_int_equal(hit[0].id[1], 8);
	assert_int_equal(find(*state, "名", hit, 4), 2);
	struct search_query q = {.text = "名", .state = STATE_ACCEPTED, .before_at = INT64_MAX};
	assert_int_equal(search_find(*state, &q, hit, 4), 1);
	assert_int_equal(hit[0].id[1], 7);
	q.state = -1;
	q.item = "652323-002";
	assert_int_equal(search_find(*state, &q, hit, 4), 1);
	assert_int_equal(hit[0].id[1], 8);
	q.item = "652323-099";
	assert_int_equal(search_find(*state, &q, hit, 4), 0);
	search_clear(*state);
	assert_int_equal(find(*state, "名", hit, 4), 0);
	assert_false(search_ready(*state));
}

/* Texts of two characters out of 40, so that many queries meet many cases. */
static void pick(uint32_t *seed, char out[16])
{
	static const char *const letters[] = {"一", "二", "三", "四", "五", "六", "七", "八"};
	*seed = *seed * 1664525u + 1013904223u;
	(void)snprintf(out, 16, "%s%s", letters[*seed >> 28 & 7], letters[*seed >> 24 & 7]);
}

#define MANY 3000

static void agrees_with_looking_at_each(void **state)
{
	static char texts[MANY][2][16];
	static struct search_hit hit[MANY];
	uint32_t seed = 20261124;
	print_message("seed %u\n", seed);
	for (int round = 0; round < 40; round++) /* rewriting over and over makes waste, which is copied together */
		for (unsigned i = 0; i < MANY; i++) {
			struct search_entry en = entry(i, (int64_t)(i * 7919 % MANY));
			pick(&seed, texts[i][0]);
			pick(&seed, texts[i][1]);
			put(*state, &en, texts[i][0], texts[i][1]);
		}
	for (int k = 0; k < 64; k++) {
		char word[16];
		int want = 0;
		pick(&seed, word);
		for (unsigned i = 0; i < MANY; i++)
			want += strstr(texts[i][0], word) || strstr(texts[i][1], word);
		assert_int_equal(find(*state, word, hit, MANY), want);
		for (int i = 1; i < want; i++)
			assert_true(hit[i - 1].received_at > hit[i].received_at);
	}
	size_t cases, bytes;
	search_counts(*state, &cases, &bytes);
	assert_int_equal(cases, MANY);
	assert_true(bytes < MANY * 200 + 512 * 1024); /* not forty times as much */
}

/* By due day, page by page, the same as sorting all of them; filters too. */
static void due_lists_agree_with_looking_at_each(void **state)
{
	static struct search_entry all[MANY];
	static struct search_hit hit[MANY];
	uint32_t seed = 7;
	for (unsigned i = 0; i < MANY; i++) {
		all[i] = entry(i, (int64_t)(i * 7919 % MANY));
		seed = seed * 1664525u + 1013904223u;
		if (seed >> 29) all[i].due = 20000 + (int32_t)(seed >> 16 & 63); /* an eighth has no term */
		if (all[i].due) all[i].warn = all[i].due - 3;
		if (i % 3) all[i].state = STATE_ACCEPTED;
		put(*state, &all[i], "名", NULL);
	}
	for (int due = DUE_ANY; due <= DUE_SOON; due++) {
		struct search_query q = {
		    .state = due % 2 ? STATE_ACCEPTED : -1, .due = (enum search_due)due, .today = 20030};
		int want = 0, found = 0, n;
		for (unsigned i = 0; i < MANY; i++) {
			const struct search_entry *en = &all[i];
			bool fits = en->due && (q.state < 0 || (int)en->state == q.state);
			if (due == DUE_OVERDUE) fits &= en->due < 20030;
			if (due == DUE_TODAY) fits &= en->due == 20030;
			if (due == DUE_SOON) fits &= en->due >= 20030 && en->due <= 20033;
			want += fits;
		}
		assert_true(want > 10);
		while ((n = search_due(*state, &q, hit, 7)) > 0) {
			for (int i = 0; i < n; i++) {
				bool after = hit[i].due > q.before_at || (hit[i].due == q.before_at &&
				                                          memcmp(hit[i].id, q.before_id, UUID_LEN) > 0);
				assert_true(after);
				q.before_at = hit[i].due;
				memcpy(q.before_id, hit[i].id, UUID_LEN);
			}
			found += n;
		}
		assert_int_equal(found, want);
		/* the same newest first */
		q.before_at = INT64_MAX;
		n = search_find(*state, &q, hit, MANY);
		assert_int_equal(n, due == DUE_ANY ? MANY : want);
		for (int i = 1; i < n; i++)
			assert_true(hit[i - 1].received_at > hit[i].received_at);
	}
	struct search_query none = {.state = -1, .item = "652323-099"};
	assert_int_equal(search_due(*state, &none, hit, 7), 0);
}

static void bears_long_texts(void **state)
{
	struct search_hit hit[2];
	struct search_entry en = entry(1, 1);
	char *text = malloc(3 * 10000 + 1);
	assert_non_null(text);
	for (size_t i = 0; i < 10000; i++)
		memcpy(text + 3 * i, "字", 3);
	text[3 * 10000] = '\0';
	put(*state, &en, text, "后面");
	assert_int_equal(find(*state, "字字字", hit, 2), 1);
	assert_int_equal(find(*state, text, hit, 2), 1); /* a query is cut as well */
	free(text);
}

static void cursors_come_back(void **state)
{
	(void)state;
	char text[ANSWER_CURSOR_MAX];
	uint8_t id[UUID_LEN] = {1, 2, 3, 255}, back[UUID_LEN];
	static const int64_t times[] = {0, 1, 1795478400000, INT64_MAX};
	int64_t at;
	for (size_t i = 0; i < COUNT(times); i++) {
		answer_cursor_write(times[i], id, text);
		assert_true(answer_cursor_read(text, &at, back));
		assert_int_equal(at, times[i]);
		assert_memory_equal(back, id, UUID_LEN);
	}
	assert_false(answer_cursor_read("", &at, back));
	assert_false(answer_cursor_read("AAAA", &at, back));
	assert_false(answer_cursor_read("!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!", &at, back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(finds_what_people_type_for_one_another, make, drop),
	    cmocka_unit_test_setup_teardown(gives_the_newest_first_and_goes_on_at_a_cursor, make, drop),
	    cmocka_unit_test_setup_teardown(replaces_and_filters, make, drop),
	    cmocka_unit_test_setup_teardown(agrees_with_looking_at_each, make, drop),
	    cmocka_unit_test_setup_teardown(due_lists_agree_with_looking_at_each, make, drop),
	    cmocka_unit_test_setup_teardown(bears_long_texts, make, drop),
	    cmocka_unit_test(cursors_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
