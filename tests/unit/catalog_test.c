/* The county's real list, its search, who offers what a station does not; and documents that are no catalog. */
#include "shared/catalog.h"
#include "shared/fields.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

static struct catalog *catalog;

static int make(void **state)
{
	(void)state;
	catalog = support_catalog();
	return 0;
}

static int drop(void **state)
{
	(void)state;
	catalog_free(catalog);
	return 0;
}

static int count(enum tier t, enum offer o)
{
	int n = 0;
	for (size_t i = 0; i < catalog_count(catalog); i++)
		n += catalog_at(catalog, i)->offers[t] == o;
	return n;
}

static void the_list(void **state)
{
	int permits = 0, kinds[RECORD_COUNT] = {0};
	(void)state;
	assert_string_equal(catalog_name(catalog), "hutubi-2022");
	assert_int_equal(catalog_version(catalog), 1);
	assert_int_equal(catalog_count(catalog), 66);
	assert_int_equal(count(TIER_VILLAGE, OFFER_ACCEPT), 14);
	assert_int_equal(count(TIER_VILLAGE, OFFER_HANDLE), 11);
	assert_int_equal(count(TIER_VILLAGE, OFFER_NONE), 41);
	assert_int_equal(count(TIER_COMMUNITY, OFFER_ACCEPT), 20);
	assert_int_equal(count(TIER_COMMUNITY, OFFER_HANDLE), 22);
	assert_int_equal(count(TIER_COMMUNITY, OFFER_NONE), 24);
	assert_int_equal(count(TIER_TOWNSHIP, OFFER_NONE), 0);
	for (size_t i = 0; i < 66; i++) {
		char code[16];
		const struct catalog_item *it = catalog_at(catalog, i);
		(void)snprintf(code, sizeof code, "652323-%03zu", i + 1);
		assert_string_equal(it->code, code);
		assert_ptr_equal(catalog_find(catalog, code), it);
		assert_false(it->published); /* nobody has published one yet */
		permits += it->permit;
		kinds[it->record]++;
	}
	assert_int_equal(permits, 4);
	assert_int_equal(kinds[RECORD_SERVICE], 3);
	assert_int_equal(kinds[RECORD_ACTIVITY], 4);
	assert_int_equal(kinds[RECORD_MEDIATION], 1);
	assert_null(catalog_find(catalog, "652323-067"));
	assert_null(catalog_find(catalog, "652323-00"));
	assert_null(catalog_find(catalog, ""));
}

static void search(void **state)
{
	static const struct {
		const char *text, *finds; /* FINDS NULL = nothing is found */
	} cases[] = {
	    {"最低生活保障", "652323-001"},
	    {"zuidishenghuo", "652323-001"},
	    {"cxzd", "652323-001"},
	    {"CXZD", "652323-001"},
	    {"zui di sheng huo", "652323-001"},
	    {"652323-044", "652323-044"},
	    {"林木采伐", "652323-044"},
	    {"lmcf", "652323-044"},
	    {"LinMu CaiFa", "652323-044"},
	    {"优待证", "652323-051"},
	    {"火箭发射", NULL},
	    {"qqqq", NULL},
	    {"   ", NULL},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int n = 0;
		bool found = false;
		for (size_t k = 0; k < catalog_count(catalog); k++) {
			const struct catalog_item *it = catalog_at(catalog, k);
			if (!catalog_matches(it, cases[i].text)) continue;
			n++;
			if (cases[i].finds && strcmp(it->code, cases[i].finds) == 0) found = true;
		}
		if (cases[i].finds ? !found || n > 10 : n) fail_msg("%s: %d found", cases[i].text, n);
	}
	assert_true(catalog_matches(catalog_at(catalog, 0), "")); /* an empty text fits all */
	char longest[1000];
	memset(longest, 'z', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_false(catalog_matches(catalog_at(catalog, 0), longest));
}

static void offices(void **state)
{
	static const struct {
		const char *code;
		enum tier tier;
		const char *office, *zh;
	} cases[] = {
	    {"652323-041", TIER_VILLAGE, "township", "乡镇便民服务中心"},
	    {"652323-009", TIER_VILLAGE, "township", "乡镇便民服务中心"},
	    {"652323-044", TIER_COMMUNITY, "township", "乡镇便民服务中心"},
	};
	const char *zh = NULL;
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct catalog_item *it = catalog_find(catalog, cases[i].code);
		assert_int_equal(it->offers[cases[i].tier], OFFER_NONE);
		assert_string_equal(catalog_office(it, cases[i].tier, &zh), cases[i].office);
		assert_string_equal(zh, cases[i].zh);
	}
	struct catalog_item only = {.offers = {OFFER_NONE, OFFER_NONE, OFFER_HANDLE}}, none = {.code = "x"};
	assert_string_equal(catalog_office(&only, TIER_VILLAGE, &zh), "community");
	assert_string_equal(catalog_office(&none, TIER_VILLAGE, &zh), "county");
	assert_string_equal(catalog_office(&none, TIER_TOWNSHIP, &zh), "county");
	assert_string_equal(zh, "县政务服务中心");
}

#define ITEM "{'code':'a','name':'甲','department':'局','record':'application','levels':{'township':'accept'}}"

static void malformed(void **state)
{
	static const char *const bad[] = {
	    "null",
	    "[]",
	    "{}",
	    "{'catalog':'c','version':1}",
	    "{'catalog':'c','version':1,'items':[]}",
	    "{'catalog':'c','version':1,'items':{}}",
	    "{'catalog':'c','version':0,'items':[" ITEM "]}",
	    "{'catalog':'c','version':'1','items':[" ITEM "]}",
	    "{'catalog':'','version':1,'items':[" ITEM "]}",
	    "{'version':1,'items':[" ITEM "]}",
	    "{'catalog':'c','version':1,'items':[" ITEM "," ITEM "]}",
	    "{'catalog':'c','version':1,'items':[" ITEM ",null]}",
	    "{'catalog':'c','version':1,'items':[{'name':'甲','department':'局','record':'application'}]}",
	    "{'catalog':'c','version':1,'items':[{'code':'a','department':'局','record':'application'}]}",
	    "{'catalog':'c','version':1,'items':[{'code':'a','name':'甲','record':'application'}]}",
	    "{'catalog':'c','version':1,'items':[{'code':7,'name':'甲','department':'局','record':'application'}]}",
	    "{'catalog':'c','version':1,'items':[{'code':'a','name':'甲','department':'局','record':'letter'}]}",
	    "{'catalog':'c','version':1,'items':[{'code':'a','name':'甲','department':'局'}]}",
	    "{'catalog':'c','version':1,'items':[{'code':'a','name':'甲','department':'局','record':'service','levels':"
	    "{'village':'maybe'}}]}",
	};
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err e = {0};
		struct catalog *c = NULL;
		json_t *doc = support_json(bad[i]);
		if (catalog_new(doc, &c, &e) != ERR_INVALID) fail_msg("taken: %s", bad[i]);
		assert_null(c);
		assert_int_equal(e.code, ERR_INVALID);
		json_decref(doc);
	}
	struct catalog *c = NULL;
	json_t *doc = support_json("{'catalog':'c','version':1,'items':[" ITEM "]}");
	assert_int_equal(catalog_new(doc, &c, NULL), ERR_OK);
	json_decref(doc); /* the catalog keeps its own reference */
	assert_string_equal(catalog_at(c, 0)->name, "甲");
	assert_int_equal(catalog_at(c, 0)->offers[TIER_VILLAGE], OFFER_NONE);
	catalog_free(c);
	catalog_free(NULL);
}

static void too_many(void **state)
{
	struct catalog *c = NULL;
	json_t *items = json_array();
	(void)state;
	for (int i = 0; i < 2001; i++) {
		char code[16];
		(void)snprintf(code, sizeof code, "%d", i);
		assert_int_equal(json_array_append_new(items, json_pack("{s:s,s:s,s:s,s:s}", "code", code, "name", "x",
		                                                        "department", "y", "record", "service")),
		                 0);
	}
	json_t *doc = json_pack("{s:s,s:i,s:o}", "catalog", "c", "version", 1, "items", items);
	assert_int_equal(catalog_new(doc, &c, NULL), ERR_INVALID);
	json_decref(doc);
}

static void names(void **state)
{
	enum tier t;
	(void)state;
	for (int i = 0; i < TIER_COUNT; i++) {
		assert_true(tier_parse(tier_name((enum tier)i), &t));
		assert_int_equal(t, i);
	}
	assert_false(tier_parse("county", &t));
	assert_string_equal(offer_name(OFFER_HANDLE), "handle");
	assert_string_equal(offer_name(OFFER_ACCEPT), "accept");
	assert_null(offer_name(OFFER_NONE));
	assert_string_equal(record_name(RECORD_MEDIATION), "mediation");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_list),  cmocka_unit_test(search),   cmocka_unit_test(offices),
	    cmocka_unit_test(malformed), cmocka_unit_test(too_many), cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
