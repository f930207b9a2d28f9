/* Catalogs and calendars on their way into force at the county: tables and documents with their mistakes, versions, their
 * signatures, and what the stations' feeds get. */
#include "tests/unit/county_support.h"

#include "shared/buf.h"
#include "shared/fields.h"
#include "sync/county/catalog_diff.h"
#include "sync/county/catalog_edition.h"
#include "sync/county/catalog_read.h"
#include "sync/county/thing.h"

#include <stdlib.h>
#include <string.h>

#define OK(call, e)                                                                                                    \
	do {                                                                                                           \
		if (call) fail_msg("%s:%d: %s", __FILE__, __LINE__, (e)->msg);                                         \
	} while (0)

#define HEAD "事项编码,事项名称,类别,记录方式,乡镇,村,社区,部门,告知天数,决定天数,承诺天数,默认受理\n"
#define ROW1 "652323-001,甲,行政确认,申请,受理,办理,不提供,民政局,5,30,,否\n"

/* Reads TEXT as a catalog against the schema's, and gives the mistakes as text: "row/column message; ...". */
static char *faults_of(const char *kind, const char *text, size_t len, bool add, json_t **out)
{
	struct err e = {0};
	struct catalog_faults f;
	json_t *doc = NULL, *base = support_json_file(strcmp(kind, "catalog") == 0 ? "schema/catalog/hutubi-2022.json"
	                                                                           : "schema/calendars/xinjiang.json");
	const struct catalog_source src = {.kind = kind, .base = base, .add = add};
	char *told = NULL;
	size_t n = 0;
	assert_true(catalog_faults_init(&f));
	OK(catalog_read(&src, text, len, &doc, &f, &e), &e);
	FILE *mem = open_memstream(&told, &n);
	assert_non_null(mem);
	catalog_faults_print(&f, mem);
	assert_int_equal(fclose(mem), 0);
	catalog_faults_release(&f);
	json_decref(base);
	if (out)
		*out = doc;
	else
		json_decref(doc);
	return told;
}

static void expect(const char *kind, const char *text, bool add, const char *want)
{
	char *told = faults_of(kind, text, strlen(text), add, NULL);
	if (*want ? !strstr(told, want) : *told != '\0') fail_msg("for %s\ntold: %s\nwanted: %s", text, told, want);
	free(told);
}

/* --- tables --- */

static void tables(void **state)
{
	static const struct {
		const char *text, *want; /* want "" = no mistake */
	} cases[] = {
	    {HEAD ROW1, ""},
	    {"\xEF\xBB\xBF" HEAD ROW1, ""},
	    {HEAD "\n,,,\n" ROW1 "\r\n", ""},
	    {HEAD "652323-001,\"甲,\"\"乙\"\"\",行政确认,申请,受理,办理,不提供,民政局,,,,否\r\n", ""},
	    {"", "row 1: the table is empty"},
	    {HEAD, "row 1: 1 to 2000 items are wanted, not 0"},
	    {HEAD ROW1 ROW1, "row 3, column 1 (事项编码): 652323-001 stands twice: first in row 2"},
	    {HEAD "652323-900,甲,行政确认,申请,受理,受理,受理,民政局,5,30,,否\n",
	     "row 2, column 1 (事项编码): the annex in force has no item 652323-900"},
	    {HEAD ",甲,行政确认,申请,受理,受理,受理,民政局,5,30,,否\n", "row 2, column 1 (事项编码): it is empty"},
	    {HEAD "652323-001,,行政确认,申请,受理,受理,受理,民政局,5,30,,否\n",
	     "row 2, column 2 (事项名称): it is empty"},
	    {HEAD "652323-001,甲,确认,申请,受理,受理,受理,民政局,5,30,,否\n",
	     "row 2, column 3 (类别): \"确认\" is none of"},
	    {HEAD "652323-001,甲,行政确认,表,受理,受理,受理,民政局,5,30,,否\n",
	     "row 2, column 4 (记录方式): \"表\" is no record kind"},
	    {HEAD "652323-001,甲,行政确认,申请,受理,可以,,民政局,5,30,,否\n",
	     "row 2, column 6 (村): \"可以\" is no level"},
	    {HEAD "652323-001,甲,行政确认,申请,受理,可以,,民政局,5,30,,否\n",
	     "row 2, column 7 (社区): \"\" is no level"},
	    {HEAD "652323-001,甲,行政确认,申请,不提供,不提供,不提供,民政局,5,30,,否\n",
	     "row 2: no level offers the item"},
	    {HEAD "652323-001,甲,行政确认,申请,受理,受理,受理,,5,30,,否\n", "row 2, column 8 (部门): it is empty"},
	    {HEAD "652323-001,甲,行政确认,申请,受理,受理,受理,民政局,-5,30,,否\n",
	     "row 2, column 9 (告知天数): a whole number"},
	    {HEAD "652323-001,甲,行政确认,申请,受理,受理,受理,民政局,5,三十,,否\n",
	     "row 2, column 10 (决定天数): a whole number"},
	    {HEAD "652323-001,甲,行政确认,申请,受理,受理,受理,民政局,5,0,,否\n",
	     "row 2, column 10 (决定天数): a whole number"},
	    {HEAD "652323-001,甲,行政确认,申请,受理,受理,受理,民政局,5,1.5,,否\n",
	     "row 2, column 10 (决定天数): a whole number"},
	    {HEAD "652323-001,甲,行政确认,申请,受理,受理,受理,民政局,5,99999999999999999999,,否\n",
	     "row 2, column 10 (决定天数): a whole number"},
	    {HEAD "652323-001,甲,行政确认,申请,受理,受理,受理,民政局,5,30,31,否\n",
	     "row 2, column 11 (承诺天数): more days than the decision may take (30)"},
	    {HEAD "652323-001,甲,行政确认,申请,受理,受理,受理,民政局,5,30,,也许\n",
	     "row 2, column 12 (默认受理): yes or no"},
	    {HEAD "652323-001,=A1,行政确认,申请,受理,受理,受理,民政局,5,30,,否\n",
	     "row 2, column 2 (事项名称): a formula"},
	    {HEAD "652323-001,@SUM(A1),行政确认,申请,受理,受理,受理,民政局,5,30,,否\n",
	     "row 2, column 2 (事项名称): a formula"},
	    {HEAD "652323-001,+cmd,行政确认,申请,受理,受理,受理,民政局,5,30,,否\n",
	     "row 2, column 2 (事项名称): a formula"},
	    {HEAD "652323-001,甲\x01,行政确认,申请,受理,受理,受理,民政局,5,30,,否\n",
	     "row 2, column 2 (事项名称): it holds control"},
	    {HEAD "652323-001,\"甲\n乙\",行政确认,申请,受理,受理,受理,民政局,5,30,,否\n",
	     "row 2, column 2 (事项名称): a line break"},
	    {HEAD "652323-001,\"甲\"乙,行政确认,申请,受理,受理,受理,民政局,5,30,,否\n",
	     "row 2, column 2 (事项名称): text behind"},
	    {HEAD "652323-001,甲\"乙\",行政确认,申请,受理,受理,受理,民政局,5,30,,否\n",
	     "row 2, column 2 (事项名称): a quote inside"},
	    {HEAD "652323-001,\"甲,行政确认,申请\n",
	     "row 2, column 2 (事项名称): a quote is opened here and never closed"},
	    {HEAD "652323-001,甲,行政确认,申请,受理,受理,受理,民政局,5,30,,否,多\n",
	     "row 2, column 13: the header has no such"},
	    {HEAD "652323-001,\xBC\xD7,行政确认,申请,受理,受理,受理,民政局,5,30,,否\n",
	     "row 2, column 2 (事项名称): this is no UTF-8"},
	    {"\xFF\xFEN", "row 1, column 1: a UTF-16 file"},
	    {"事项编码,事项名称\n652323-001,甲\n", "row 1: the column 类别 is missing"},
	    {"事项编码,事项编码\n652323-001,甲\n", "row 1, column 2 (事项编码): the column stands twice"},
	    {"," HEAD "," ROW1, ""},
	    {"," HEAD "x," ROW1, "row 2, column 1: the column has no heading"},
	    {"编码," HEAD ROW1, "row 1, column 1 (编码): nobody knows this column"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect("catalog", cases[i].text, false, cases[i].want);
	/* a NUL cannot stand in the list above */
	char nul[] = HEAD "652323-001,?,行政确认";
	*strchr(nul, '?') = '\0';
	char *told = faults_of("catalog", nul, sizeof nul - 1, false, NULL);
	assert_non_null(strstr(told, "row 2, column 2 (事项名称): it holds a NUL"));
	free(told);
}

static void every_mistake_is_told(void **state)
{
	(void)state;
	char *told = faults_of("catalog", HEAD "x,,y,z,q,q,q,,a,b,c,d\n" HEAD, strlen(HEAD) * 2 + 22, false, NULL);
	size_t lines = 0;
	for (const char *p = told; *p; p++)
		lines += *p == '\n';
	assert_true(lines >= 12);
	free(told);
	/* and no more than anybody reads */
	struct buf b;
	buf_init(&b, 1048576);
	buf_adds(&b, HEAD);
	for (int i = 0; i < 300; i++)
		buf_addf(&b, "652323-001,甲,行政确认,申请,受理,受理,受理,,5,30,,否\n");
	told = faults_of("catalog", b.data, b.len, false, NULL);
	assert_non_null(strstr(told, "and 399 more")); /* 300 without department, 299 twice */
	free(told);
	buf_release(&b);
}

static void what_a_row_makes(void **state)
{
	json_t *doc = NULL;
	(void)state;
	char *told =
	    faults_of("catalog", HEAD ROW1 "652323-777,新,行政许可,服务,办理,不提供,受理,人社局,,,15,是\n",
	              strlen(HEAD ROW1 "652323-777,新,行政许可,服务,办理,不提供,受理,人社局,,,15,是\n"), true, &doc);
	assert_string_equal(told, "");
	free(told);
	const json_t *one = json_array_get(json_object_get(doc, "items"), 0),
	             *two = json_array_get(json_object_get(doc, "items"), 1);
	/* what the table does not say stays, but the letters of another name */
	assert_string_equal(fields_text(one, "name"), "甲");
	assert_string_equal(fields_text(one, "pinyin"), "");
	assert_string_equal(fields_text(one, "window"), "社会救助窗口");
	assert_string_equal(fields_text(json_object_get(one, "guide"), "status"), "draft");
	assert_string_equal(fields_text(json_object_get(one, "levels"), "village"), "handle");
	assert_true(json_is_null(json_object_get(json_object_get(one, "levels"), "community")));
	/* a new one has a guide that says nothing, the law's days, and what follows from its category */
	assert_string_equal(fields_text(two, "type"), "01");
	assert_true(json_is_true(json_object_get(two, "permit")));
	assert_true(json_is_true(json_object_get(two, "deem_accept")));
	assert_int_equal(fields_int(json_object_get(two, "days"), "decision", 0), 20);
	assert_int_equal(fields_int(json_object_get(two, "days"), "promise", 0), 15);
	assert_string_equal(fields_text(json_object_get(two, "guide"), "status"), "none");
	assert_int_equal(json_array_size(json_object_get(json_object_get(two, "guide"), "pending")), 8);
	json_decref(doc);
}

static void there_and_back(void **state)
{
	struct err e = {0};
	struct buf out;
	json_t *base = support_json_file("schema/catalog/hutubi-2022.json"), *doc = NULL;
	(void)state;
	buf_init(&out, CATALOG_READ_MAX);
	OK(catalog_read_export(base, &out, &e), &e);
	char *told = faults_of("catalog", out.data, out.len, false, &doc);
	assert_string_equal(told, "");
	json_t *diff = catalog_diff(base, doc);
	assert_true(catalog_diff_empty(diff));
	json_decref(diff);
	/* an item that is taken out moves no other */
	assert_int_equal(json_array_remove(json_object_get(base, "items"), 4), 0);
	buf_reset(&out);
	OK(catalog_read_export(base, &out, &e), &e);
	free(told);
	json_decref(doc);
	told = faults_of("catalog", out.data, out.len, false, &doc);
	json_t *whole = support_json_file("schema/catalog/hutubi-2022.json");
	diff = catalog_diff(whole, doc);
	assert_int_equal(json_array_size(json_object_get(diff, "removed")), 1);
	assert_int_equal(json_array_size(json_object_get(diff, "changed")), 0);
	json_decref(whole);
	json_decref(diff);
	json_decref(doc);
	json_decref(base);
	free(told);
	buf_release(&out);
}

/* Bytes changed, taken out, doubled: whatever comes of it is read or told, and nothing is lost on the way. */
static void damaged_tables(void **state)
{
	static const char text[] =
	    "\xEF\xBB\xBF" HEAD ROW1 "652323-002,\"甲,\"\"乙\"\"\",行政确认,申请,受理,办理,受理,民政局,,,,否\r\n";
	static const char bytes[] = "\",\r\n=;\t\xE4\xBC 0-\0";
	json_t *base = support_json_file("schema/catalog/hutubi-2022.json");
	const struct catalog_source src = {.kind = "catalog", .base = base, .add = true};
	uint32_t seed = 7;
	(void)state;
	for (int i = 0; i < 3000; i++) {
		char copy[sizeof text];
		size_t len = sizeof text - 1;
		memcpy(copy, text, sizeof text);
		for (int k = 0; k < 1 + i % 4; k++) {
			seed = seed * 1664525U + 1013904223U;
			size_t at = (seed >> 8) % len;
			if (seed >> 31)
				copy[at] = bytes[(seed >> 4) % (sizeof bytes - 1)];
			else
				memmove(copy + at, copy + at + 1, --len - at);
		}
		struct catalog_faults f;
		struct err e = {0};
		json_t *doc = NULL;
		assert_true(catalog_faults_init(&f));
		int rc = catalog_read(&src, copy, len, &doc, &f, &e);
		assert_true(rc == ERR_OK && !f.nomem);
		assert_true(doc || f.n > 0);
		json_decref(doc);
		catalog_faults_release(&f);
	}
	json_decref(base);
}

static void sizes(void **state)
{
	struct support_folder folder;
	char path[SUPPORT_PATH_MAX];
	struct err e = {0};
	struct catalog_faults f;
	json_t *doc = NULL, *base = support_json_file("schema/catalog/hutubi-2022.json");
	const struct catalog_source src = {.kind = "catalog", .base = base};
	struct buf b;
	(void)state;
	buf_init(&b, 16 * 1048576);
	buf_adds(&b, HEAD);
	for (int i = 0; i < 4100; i++)
		buf_addf(&b, "652323-%04d,甲,行政确认,申请,受理,受理,受理,民政局,5,30,,否\n", i);
	char *told = faults_of("catalog", b.data, b.len, true, NULL);
	assert_non_null(strstr(told, "row 4001: more than 4000 rows"));
	free(told);
	while (b.len < 10 * 1048576)
		buf_adds(&b, ROW1);
	support_folder_make(&folder);
	support_path(&folder, "big.csv", path);
	support_put(path, b.data);
	assert_true(catalog_faults_init(&f));
	assert_int_equal(catalog_read_file(&src, path, &doc, &f, &e), ERR_INVALID);
	assert_null(doc);
	assert_non_null(strstr(e.msg, "larger than"));
	catalog_faults_release(&f);
	buf_release(&b);
	json_decref(base);
	support_folder_remove(&folder);
	/* a cell of a megabyte */
	buf_init(&b, 16 * 1048576);
	buf_adds(&b, HEAD "652323-001,");
	for (int i = 0; i < 1048576; i++)
		buf_addc(&b, 'x');
	told = faults_of("catalog", b.data, b.len, false, NULL);
	assert_non_null(strstr(told, "row 2, column 2 (事项名称): longer than 4096 bytes"));
	free(told);
	buf_release(&b);
}

/* --- documents --- */

static void set(json_t *doc, const char *member, const char *json)
{
	json_t *item = json_array_get(json_object_get(doc, "items"), 3), *v = support_json(json);
	assert_int_equal(json_object_set_new(item, member, json_incref(json_object_get(v, "v"))), 0);
	json_decref(v);
}

static void documents(void **state)
{
	static const struct {
		const char *member, *json, *want;
	} cases[] = {
	    {"name", "{'v':''}", "/items/3/name: it is empty"},
	    {"name", "{'v':7}", "/items/3/name: a text is wanted"},
	    {"code", "{'v':'652323-001'}", "/items/3/code: 652323-001 stands twice: first at /items/0"},
	    {"code", "{'v':'652323 001'}", "/items/3/code: letters, digits"},
	    {"type", "{'v':'01'}", "/items/3/type: 07 is wanted for 行政确认"},
	    {"permit", "{'v':true}", "/items/3/permit: true for 行政许可"},
	    {"levels", "{'v':{'township':'accept','village':null,'community':'none'}}",
	     "/items/3/levels/community: \"none\" is no level"},
	    {"levels", "{'v':{'township':'accept','village':null}}", "/items/3/levels/community: \"\" is no level"},
	    {"levels", "{'v':{'county':'accept'}}", "/items/3/levels/county: nobody knows this member"},
	    {"levels", "{'v':[]}", "/items/3/levels: an object"},
	    {"days", "{'v':{'notice':5,'decision':-1,'promise':null,'delivery':10}}",
	     "/items/3/days/decision: a whole number"},
	    {"days", "{'v':{'notice':5,'decision':20,'promise':'x','delivery':10}}",
	     "/items/3/days/promise: a whole number"},
	    {"days", "{'v':null}", "/items/3/days: an object"},
	    {"department", "{'v':null}", "/items/3/department: a text is wanted"},
	    {"record", "{'v':'form'}", "/items/3/record: \"form\" is no record kind"},
	    {"guide", "{'v':{'status':'published'}}", "/items/3/guide/contact: a published guide holds all eight"},
	    {"guide", "{'v':{'status':'done'}}", "/items/3/guide/status: none, draft or published"},
	    {"guide", "{'v':{'status':'draft','materials':[{'form':'copy'}]}}",
	     "/items/3/guide/materials/0/name: a material"},
	    {"pinyin", "{'v':'Pin Yin'}", "/items/3/pinyin: small letters"},
	    {"colour", "{'v':1}", "/items/3/colour: nobody knows this member"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *doc = support_json_file("schema/catalog/hutubi-2022.json");
		set(doc, cases[i].member, cases[i].json);
		char *text = json_dumps(doc, 0);
		expect("catalog", text, false, cases[i].want);
		free(text);
		json_decref(doc);
	}
	expect("catalog", "{\"catalog\": \"x\",\n \"version\": }", false, "/: line 2, column ");
	expect("catalog", "[1]", false, "/: an object is wanted");
	expect("catalog", "{\"catalog\":\"other\"}", false, "/catalog: the catalog in force is hutubi-2022");
	expect("catalog", "{\"catalog\":\"other\"}", false, "/items: 1 to 2000 items are wanted, not 0");
}

static void calendars(void **state)
{
#define CAL "日期,类别,状态\n"
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {CAL "2026-01-01,放假,\n2026-01-04,上班,\n", ""},
	    {CAL "2026-01-01,放假,暂定\n", ""},
	    {CAL "2026-1-1,放假,\n", "row 2, column 1 (日期): \"2026-1-1\" is no day"},
	    {CAL "2026-02-30,放假,\n", "row 2, column 1 (日期): \"2026-02-30\" is no day"},
	    {CAL "x,放假,\n", "row 2, column 1 (日期): \"x\" is no day"},
	    {CAL "2026-01-01,放,\n", "row 2, column 2 (类别): \"放\" is neither"},
	    {CAL "2026-01-01,放假,也许\n", "row 2, column 3 (状态): \"也许\" is neither"},
	    {CAL "2026-01-01,放假,\n2026-01-01,放假,\n", "row 3, column 1 (日期): 2026-01-01 stands twice"},
	    {CAL "2026-01-05,上班,\n", "row 2, column 1 (日期): 2026-01-05 is no Saturday or Sunday"},
	    {CAL, "row 1: the table has no row"},
	    {"日期\n2026-01-01\n", "row 1: the column 类别 is missing"},
	    {"{\"calendar\":\"xinjiang\",\"years\":{\"2026\":{\"status\":\"x\",\"off\":[\"2025-01-01\"],\"work\":1}}}",
	     "/years/2026/off/0: 2025-01-01 is not in 2026"},
	    {"{\"calendar\":\"xinjiang\",\"years\":{\"2026\":{\"status\":\"x\",\"off\":[7],\"work\":1}}}",
	     "/years/2026/status: \"x\" is neither"},
	    {"{\"calendar\":\"xinjiang\",\"years\":{\"26\":{}}}", "/years/26: no year"},
	    {"{\"calendar\":\"xinjiang\",\"years\":{\"2026\":{}}}", "/years: 2025 of the calendar in force is missing"},
	    {"{\"calendar\":\"c\"}", "/calendar: the calendar in force is xinjiang"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect("calendar", cases[i].text, false, cases[i].want);
}

/* --- versions --- */

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

static struct catalog_work work(struct test_county *w)
{
	return (struct catalog_work){
	    .c = &w->c, .s = w->s, .kind = "catalog", .who = "zhang", .reason = "r", .now = w->clock.wall};
}

/* The catalog of the source tree with its first item called NAME and handled by villages. */
static json_t *renamed(const char *name)
{
	json_t *doc = support_json_file("schema/catalog/hutubi-2022.json");
	json_t *item = json_array_get(json_object_get(doc, "items"), 0);
	assert_int_equal(json_object_set_new(item, "name", json_string(name)), 0);
	assert_int_equal(json_object_set_new(json_object_get(item, "levels"), "village", json_string("handle")), 0);
	return doc;
}

static int64_t draft(struct test_county *w, const char *name)
{
	struct err e = {0};
	int64_t version = 0;
	struct catalog_work x = work(w);
	json_t *doc = renamed(name);
	OK(catalog_edition_draft(&x, doc, &version, &e), &e);
	json_decref(doc);
	return version;
}

static int64_t put(struct test_county *w, const char *name)
{
	struct err e = {0};
	struct catalog_work x = work(w);
	int64_t version = draft(w, name);
	OK(catalog_edition_sign(&x, version, &e), &e);
	OK(catalog_edition_publish(&x, version, &e), &e);
	return version;
}

static const char *in_force(struct test_county *w)
{
	struct err e = {0};
	struct catalog *cat = NULL;
	OK(store_catalog(w->s, &cat, &e), &e);
	return catalog_find(cat, "652323-001")->name;
}

static void into_force(void **state)
{
	struct test_county *w = *state;
	struct err e = {0};
	struct test_box box;
	struct catalog_work x = work(w);
	test_box_make(&box, w, COUNTY_VILLAGE);
	const char *feed = "SELECT count(*) FROM feed WHERE entry LIKE '%\"kind\":\"catalog\"%'";
	int64_t before = support_sql_int(w->db, feed), version = draft(w, "二");
	assert_int_equal(version, 2);
	/* a draft and a signed one change nothing */
	assert_int_equal(catalog_edition_publish(&x, 2, &e), ERR_CONFLICT);
	assert_non_null(strstr(e.msg, "not signed"));
	e = (struct err){0};
	OK(catalog_edition_sign(&x, 2, &e), &e);
	assert_int_equal(catalog_edition_sign(&x, 2, &e), ERR_CONFLICT);
	assert_int_equal(catalog_edition_sign(&x, 9, NULL), ERR_NOTFOUND);
	assert_string_equal(in_force(w), "城乡最低生活保障对象认定");
	assert_int_equal(support_sql_int(w->db, feed), before);
	e = (struct err){0};
	OK(catalog_edition_publish(&x, 2, &e), &e);
	assert_string_equal(in_force(w), "二");
	assert_int_equal(support_sql_int(w->db, feed), before + 1);
	/* once, and forwards alone */
	assert_int_equal(catalog_edition_publish(&x, 2, &e), ERR_CONFLICT);
	e = (struct err){0};
	assert_int_equal(draft(w, "三"), 3);
	assert_int_equal(put(w, "四"), 4);
	OK(catalog_edition_sign(&x, 3, &e), &e);
	assert_int_equal(catalog_edition_publish(&x, 3, &e), ERR_CONFLICT);
	e = (struct err){0};
	/* what is in force is no draft */
	json_t *same = renamed("四");
	assert_int_equal(catalog_edition_draft(&x, same, &version, &e), ERR_CONFLICT);
	json_decref(same);
	assert_int_equal(support_sql_int(w->db, "SELECT max(version) FROM editions"), 4);
	test_box_release(&box);
}

static void back_again(void **state)
{
	struct test_county *w = *state;
	struct err e = {0};
	struct catalog_work x = work(w);
	int64_t version = 0;
	assert_int_equal(catalog_edition_rollback(&x, 0, &version, &e), ERR_NOTFOUND); /* nothing before the first */
	e = (struct err){0};
	(void)put(w, "二");
	(void)put(w, "三");
	OK(catalog_edition_rollback(&x, 0, &version, &e), &e);
	assert_int_equal(version, 4);
	assert_string_equal(in_force(w), "二");
	OK(catalog_edition_rollback(&x, 1, &version, &e), &e);
	assert_int_equal(version, 5);
	assert_string_equal(in_force(w), "城乡最低生活保障对象认定");
	assert_int_equal(catalog_edition_rollback(&x, 5, &version, &e), ERR_INVALID);
	e = (struct err){0};
	struct catalog_edition ed;
	OK(catalog_edition_get(&x, 5, &ed, &e), &e);
	OK(catalog_edition_verify(&x, &ed, &e), &e);
	catalog_edition_release(&ed);
	assert_int_equal(support_sql_int(w->db,
	                                 "SELECT count(*) FROM edition_acts WHERE act = 'rollback' AND who = 'zhang'"
	                                 " AND reason = 'r'"),
	                 2);
	json_t *acts = NULL;
	OK(catalog_edition_acts(&x, &acts, &e), &e);
	assert_int_equal(json_array_size(acts), 8);
	json_decref(acts);
}

static void signatures(void **state)
{
	struct test_county *w = *state;
	struct err e = {0};
	struct catalog_work x = work(w);
	struct catalog_edition ed;
	(void)draft(w, "二");
	OK(catalog_edition_get(&x, 0, &ed, &e), &e); /* the newest draft */
	assert_int_equal(ed.version, 2);
	assert_int_equal(catalog_edition_verify(&x, &ed, &e), ERR_DENIED);
	catalog_edition_release(&ed);
	e = (struct err){0};
	OK(catalog_edition_sign(&x, 2, &e), &e);
	OK(catalog_edition_get(&x, 2, &ed, &e), &e);
	OK(catalog_edition_verify(&x, &ed, &e), &e);
	ed.text[20] ^= 1;
	assert_int_equal(catalog_edition_verify(&x, &ed, &e), ERR_DENIED);
	ed.text[20] ^= 1;
	/* a calendar with the same words is another thing */
	x.kind = "calendar";
	assert_int_equal(catalog_edition_verify(&x, &ed, NULL), ERR_DENIED);
	x.kind = "catalog";
	ed.signature[8] = ed.signature[8] == 'A' ? 'B' : 'A';
	assert_int_equal(catalog_edition_verify(&x, &ed, NULL), ERR_DENIED);
	/* nor does a server's certificate sign catalogs */
	char path[FILE_PATH_MAX], pem[X509_PEM_MAX];
	(void)snprintf(path, sizeof path, "%s/server.crt", w->cfg.data);
	e = (struct err){0};
	OK(file_load(path, false, pem, sizeof pem, NULL, &e), &e);
	free(ed.cert);
	ed.cert = strdup(pem);
	assert_int_equal(catalog_edition_verify(&x, &ed, NULL), ERR_DENIED);
	catalog_edition_release(&ed);
	/* what was changed behind our back does not go into force */
	support_sql(w->db, "UPDATE editions SET doc = replace(doc, '二', '五') WHERE version = 2");
	assert_int_equal(catalog_edition_publish(&x, 2, &e), ERR_DENIED);
	assert_string_equal(in_force(w), "城乡最低生活保障对象认定");
}

/* --- a case keeps its catalog --- */

static void a_case_keeps_its_catalog(void **state)
{
	struct test_county *w = *state;
	struct err e = {0};
	struct test_box village, township;
	int64_t versions[4];
	int n = 0;
	json_t *doc = NULL;
	test_box_make(&village, w, COUNTY_VILLAGE);
	test_box_settle(&village);
	test_box_register(&village, 1, "652323-001"); /* a village only takes it in under version 1 */
	assert_int_equal(put(w, "二"), 2);
	/* the township's box comes afterwards, and has version 2 alone */
	test_box_make(&township, w, COUNTY_TOWNSHIP);
	test_box_settle(&township);
	OK(ledger_thing_versions(township.l, "catalog", versions, 4, &n, &e), &e);
	assert_int_equal(n, 1);
	test_box_settle(&village);
	OK(ledger_thing_versions(village.l, "catalog", versions, 4, &n, &e), &e);
	assert_int_equal(n, 2);
	assert_int_equal(versions[0], 2);
	/* it takes the case over, and gets what the case was opened under: once */
	test_box_settle(&township);
	OK(ledger_thing_versions(township.l, "catalog", versions, 4, &n, &e), &e);
	assert_int_equal(n, 2);
	assert_int_equal(versions[1], 1);
	OK(ledger_thing_at(township.l, "catalog", 1, &doc, &e), &e);
	assert_string_equal(fields_text(json_array_get(json_object_get(doc, "items"), 0), "name"),
	                    "城乡最低生活保障对象认定");
	json_decref(doc);
	assert_int_equal(ledger_thing_at(township.l, "catalog", 3, &doc, NULL), ERR_NOTFOUND);
	int64_t fed = support_sql_int(w->db, "SELECT count(*) FROM feed_things WHERE kind = 'catalog'");
	OK(store_begin(w->s, &e), &e);
	OK(thing_for_case(w->s, COUNTY_TOWNSHIP, 1, &e), &e);
	OK(thing_for_case(w->s, COUNTY_TOWNSHIP, 2, &e), &e);
	OK(thing_for_case(w->s, COUNTY_OTHER, 7, &e), &e);
	OK(store_commit(w->s, &e), &e);
	assert_int_equal(support_sql_int(w->db, "SELECT count(*) FROM feed_things WHERE kind = 'catalog'"), fed);
	test_county_verify(w, 0);
	test_box_release(&township);
	test_box_release(&village);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tables),
	    cmocka_unit_test(every_mistake_is_told),
	    cmocka_unit_test(what_a_row_makes),
	    cmocka_unit_test(there_and_back),
	    cmocka_unit_test(damaged_tables),
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(documents),
	    cmocka_unit_test(calendars),
	    TEST(into_force),
	    TEST(back_again),
	    TEST(signatures),
	    TEST(a_case_keeps_its_catalog),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
