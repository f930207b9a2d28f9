/* Bodies: the vectors that the JSON Schemas are held to as well, then registrations, amendments and missing materials. */
#include "shared/body.h"
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

static const char *pointer_of(const struct problem *p)
{
	return fields_text(json_array_get(p->errors, 0), "pointer");
}

static int vectors_of(const char *type)
{
	char path[96];
	size_t i;
	json_t *v;
	int wrong = 0;
	(void)snprintf(path, sizeof path, "tests/vectors/bodies/%s.json", type);
	json_t *all = support_json_file(path);
	assert_true(json_array_size(all) > 0);
	json_array_foreach(all, i, v) {
		struct problem p = {0};
		enum case_event ev;
		assert_true(state_event_parse(fields_text(v, "type"), &ev));
		assert_true(body_known(ev));
		bool want = json_is_true(json_object_get(v, "ok"));
		bool ok = body_check(ev, json_object_get(v, "body"), SUPPORT_NOW, &p);
		if (ok != want || (!ok && strcmp(pointer_of(&p), fields_text(v, "pointer")) != 0)) {
			print_error("%s[%zu] %s: %s at %s, wanted %s at %s\n", type, i, fields_text(v, "why"),
			            ok ? "taken" : "refused", pointer_of(&p), want ? "taken" : "refused",
			            fields_text(v, "pointer"));
			wrong++;
		}
		assert_int_equal(problem_any(&p), !ok);
		problem_release(&p);
	}
	json_decref(all);
	return wrong;
}

static void vectors(void **state)
{
	int wrong = 0, types = 0;
	(void)state;
	for (int i = 0; i < EVENT_COUNT; i++) {
		if (!body_known((enum case_event)i)) continue;
		wrong += vectors_of(state_event_name((enum case_event)i)); /* a known type without vectors fails here */
		types++;
	}
	assert_int_equal(types, 39);
	assert_int_equal(wrong, 0);
}

static void unknown_types(void **state)
{
	json_t *body = json_object();
	(void)state;
	for (int i = 0; i < EVENT_COUNT; i++) {
		struct problem p = {0};
		if (body_known((enum case_event)i)) continue;
		assert_false(body_check((enum case_event)i, body, SUPPORT_NOW, &p));
		assert_int_equal(p.code, PROBLEM_VALIDATION);
		problem_release(&p);
	}
	json_decref(body);
}

/* --- registrations --- */

#define PERSON    "'kind':'person','name':'王建国','id_type':'citizen_id','id_number':'652323198506151237'"
#define TAIL      "'phone':'13899990001','address':'大丰镇'"
#define APPLICANT "'applicant':{" PERSON "," TAIL "}"
#define HEAD      "'item':'652323-001','channel':'window'"

struct sample {
	const char *json, *pointer, *code; /* POINTER NULL = taken */
};

static void check(const struct sample *c, const char *code)
{
	struct problem p = {0};
	json_t *v = support_json(c->json);
	const struct catalog_item *item = catalog_find(catalog, code);
	assert_non_null(item);
	bool ok = body_check_registration(v, item, SUPPORT_NOW, &p);
	if (ok != !c->pointer) fail_msg("%s: %s at %s", c->json, ok ? "taken" : "refused", pointer_of(&p));
	if (!ok) {
		const char *got = fields_text(json_array_get(p.errors, 0), "code");
		if (strcmp(pointer_of(&p), c->pointer) != 0 || strcmp(got, c->code) != 0)
			fail_msg("%s: %s %s, not %s %s", c->json, pointer_of(&p), got, c->pointer, c->code);
	}
	problem_release(&p);
	json_decref(v);
}

static void registrations(void **state)
{
	static const struct sample cases[] = {
	    {"{" HEAD "," APPLICANT "}", NULL, NULL},
	    {"{" HEAD "," APPLICANT ",'agent':null,'materials':[],'note':'a\\nb'}", NULL, NULL},
	    {"{" HEAD "," APPLICANT ",'materials':[{'name':'申请书','form':'copy','copies':0}]}", NULL, NULL},
	    {"{" HEAD ",'applicant':{'kind':'organisation','name':'某某公司','id_type':'credit_code','id_number':'"
	     "91350100M000100Y43'," TAIL "}}",
	     NULL, NULL},
	    {"{" HEAD
	     ",'applicant':{'kind':'person','name':'王','id_type':'none','id_number':'','id_reason':'证件遗失'," TAIL
	     "}}",
	     NULL, NULL},
	    {"{" HEAD ",'applicant':{" PERSON ",'phone':'','phone_reason':'无电话','address':''}}", NULL, NULL},
	    {"{" HEAD "," APPLICANT ",'received_at':'2026-11-20T10:00:00+08:00','received_reason':'停电'}", NULL, NULL},
	    {"{" HEAD "," APPLICANT ",'received_at':'2026-11-24T08:01:00+08:00','received_reason':'x'}", NULL, NULL},
	    {"{" HEAD "," APPLICANT ",'captured':{'at':'2026-11-24T01:00:00Z','now':'2026-11-24T02:00:00Z'}}", NULL,
	     NULL},
	    {"{" HEAD ",'applicant':{'kind':'person','name':'小王','id_type':'citizen_id','id_number':'"
	     "652323202611240011','guardian':{'name':'王建国',"
	     "'id_type':'citizen_id','id_number':'652323198506151237','phone':'','relation':'父'}," TAIL "}}",
	     NULL, NULL},
	    /* what is missing or too much */
	    {"{'channel':'window'," APPLICANT "}", "/item", "required"},
	    {"{'item':'652323-001'," APPLICANT "}", "/channel", "required"},
	    {"{" HEAD "}", "/applicant", "required"},
	    {"{" HEAD ",'applicant':null}", "/applicant", "required"},
	    {"{" HEAD "," APPLICANT ",'service':{'topic':'a','advice':'b'}}", "/service", "not_allowed"},
	    {"{" HEAD "," APPLICANT ",'receipt_number':'652323101201-20261124-010001-2'}", "/receipt_number",
	     "unknown"},
	    {"{" HEAD "," APPLICANT ",'state':'decided'}", "/state", "unknown"},
	    {"{'item':'652323-001','channel':'phone'," APPLICANT "}", "/channel", "value"},
	    {"{'item':'652323-001','channel':'window|visit'," APPLICANT "}", "/channel", "value"},
	    {"{" HEAD "," APPLICANT ",'materials':[{'name':'申请书','form':'paper','copies':1}]}", "/materials/0/form",
	     "value"},
	    {"{" HEAD "," APPLICANT ",'materials':[{'name':'申请书','form':'copy','copies':100}]}",
	     "/materials/0/copies", "range"},
	    /* people */
	    {"{" HEAD
	     ",'applicant':{'kind':'person','name':'王','id_type':'citizen_id','id_number':'652323198506151238'," TAIL
	     "}}",
	     "/applicant/id_number", "check_digit"},
	    {"{" HEAD
	     ",'applicant':{'kind':'person','name':'王','id_type':'citizen_id','id_number':'652323198502301237'," TAIL
	     "}}",
	     "/applicant/id_number", "birth_date"},
	    {"{" HEAD ",'applicant':{'kind':'person','name':'王','id_type':'none','id_number':''," TAIL "}}",
	     "/applicant/id_reason", "required"},
	    {"{" HEAD ",'applicant':{'kind':'person','name':'王','id_type':'none','id_number':'1','id_reason':'x'," TAIL
	     "}}",
	     "/applicant/id_number", "length"},
	    {"{" HEAD ",'applicant':{" PERSON ",'phone':'','address':''}}", "/applicant/phone_reason", "required"},
	    {"{" HEAD ",'applicant':{" PERSON ",'phone':'1389999','address':''}}", "/applicant/phone", "length"},
	    {"{" HEAD
	     ",'applicant':{'kind':'person','name':'王','id_type':'credit_code','id_number':'91350100M000100Y43'," TAIL
	     "}}",
	     "/applicant/id_type", "value"},
	    {"{" HEAD ",'applicant':{'kind':'organisation','name':'司','id_type':'citizen_id','id_number':'"
	     "652323198506151237'," TAIL "}}",
	     "/applicant/id_type", "value"},
	    {"{" HEAD
	     ",'applicant':{'kind':'person','name':'小王','id_type':'citizen_id','id_number':'652323202611240011'," TAIL
	     "}}",
	     "/applicant/guardian", "required"},
	    {"{" HEAD "," APPLICANT ",'agent':{'name':'李四','id_type':'citizen_id','id_number':'652323198506151230','"
	     "phone':'','relation':'邻居'}}",
	     "/agent/id_number", "check_digit"},
	    {"{" HEAD "," APPLICANT ",'agent':{'name':'李四','id_type':'citizen_id','id_number':'652323198506151237','"
	     "phone':'12','relation':'邻居'}}",
	     "/agent/phone", "length"},
	    /* times */
	    {"{" HEAD "," APPLICANT ",'received_at':'2026-11-24T08:01:01+08:00','received_reason':'x'}", "/received_at",
	     "range"},
	    {"{" HEAD "," APPLICANT ",'received_at':'2025-11-22T08:00:00+08:00','received_reason':'x'}", "/received_at",
	     "range"},
	    {"{" HEAD "," APPLICANT ",'received_at':'2026-11-20T10:00:00+08:00'}", "/received_reason", "required"},
	    {"{" HEAD "," APPLICANT ",'received_reason':'x'}", "/received_at", "required"},
	    {"{" HEAD "," APPLICANT ",'received_at':'2026-11-20','received_reason':'x'}", "/received_at", "format"},
	    {"{" HEAD "," APPLICANT ",'captured':{'at':'2026-11-24T02:00:00Z','now':'2026-11-24T01:00:00Z'}}",
	     "/captured/at", "range"},
	    {"{" HEAD "," APPLICANT ",'captured':{'at':'2026-11-24T02:00:00Z'}}", "/captured/now", "required"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check(&cases[i], "652323-001");
}

static void other_kinds(void **state)
{
	static const struct {
		const char *item;
		struct sample s;
	} cases[] = {
	    {"652323-029",
	     {"{'item':'652323-029','channel':'window','service':{'topic':'找工作','advice':'介绍'}}", NULL, NULL}},
	    {"652323-029",
	     {"{'item':'652323-029','channel':'window','service':{'topic':'找工作','advice':'介绍','phone':'12'}}",
	      "/service/phone", "length"}},
	    {"652323-029", {"{'item':'652323-029','channel':'window'," APPLICANT "}", "/applicant", "not_allowed"}},
	    {"652323-028",
	     {"{'item':'652323-028','channel':'visit','activity':{'topic':'招聘','place':'广场','headcount':0}}", NULL,
	      NULL}},
	    {"652323-028",
	     {"{'item':'652323-028','channel':'visit','activity':{'topic':'招聘','place':'广场','headcount':-1}}",
	      "/activity/headcount", "range"}},
	    {"652323-028", {"{'item':'652323-028','channel':'visit'}", "/activity", "required"}},
	    {"652323-040",
	     {"{'item':'652323-040','channel':'window','mediation':{'parties':[{'name':'张'},{'name':'李'}],'matter':'"
	      "界线','outcome':'同意'}}",
	      NULL, NULL}},
	    {"652323-040",
	     {"{'item':'652323-040','channel':'window','mediation':{'parties':[{'name':'张'}],'matter':'界线','outcome'"
	      ":'同意'}}",
	      "/mediation/parties", "length"}},
	    {"652323-040",
	     {"{'item':'652323-040','channel':'window','mediation':{'parties':[{'name':'张'},{'name':'李','phone':'1'}]"
	      ",'matter':'界线','outcome':'同意'}}",
	      "/mediation/parties/1/phone", "length"}},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check(&cases[i].s, cases[i].item);
}

/* Someone comes of age at midnight in China, which is 16:00 of the day before in UTC. */
static void of_age_by_the_day_in_china(void **state)
{
	json_t *v = support_json(
	    "{" HEAD
	    ",'applicant':{'kind':'person','name':'王','id_type':'citizen_id','id_number':'652323198506151237'," TAIL
	    "}}");
	struct problem p = {0};
	int64_t birthday = 0;
	(void)state;
	/* born 2008-11-24: eighteen on 2026-11-24 */
	assert_int_equal(
	    json_object_set_new(json_object_get(v, "applicant"), "id_number", json_string("652323200811240017")), 0);
	assert_true(clock_parse("2026-11-24T00:00:00+08:00", &birthday));
	assert_true(body_check_registration(v, catalog_find(catalog, "652323-001"), birthday, &p));
	assert_false(body_check_registration(v, catalog_find(catalog, "652323-001"), birthday - 1, &p));
	assert_string_equal(pointer_of(&p), "/applicant/guardian");
	problem_release(&p);
	json_decref(v);
}

static void unknown_item(void **state)
{
	struct problem p = {0};
	json_t *v = support_json("{'item':'x','channel':'window'," APPLICANT "}");
	(void)state;
	assert_true(body_check_registration(v, NULL, SUPPORT_NOW, &p)); /* the caller says that the item is unknown */
	problem_release(&p);
	json_decref(v);
}

static void missing_materials(void **state)
{
	static const struct {
		const char *materials;
		bool draft, published; /* is something missing, by the state of the guide? */
	} cases[] = {
	    {"[]", false, true},
	    {"null", false, true},
	    {"[{'name':'申请书','copies':1}]", false, false},
	    {"[{'name':'申请书','copies':0}]", true, true},
	    {"[{'name':'照片','copies':2}]", false, true},
	    {"[{'name':'申请书','copies':1},{'name':'照片','copies':0}]", true, true},
	};
	json_t *item = support_json(
	    "{'guide':{'materials':[{'name':'申请书','required':true},{'name':'照片','required':false}]}}");
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct catalog_item it = {.json = item};
		json_t *m = support_json(cases[i].materials);
		assert_int_equal(body_lacks_material(m, &it), cases[i].draft);
		it.published = true;
		assert_int_equal(body_lacks_material(m, &it), cases[i].published);
		json_decref(m);
	}
	assert_false(body_lacks_material(NULL, &(struct catalog_item){.json = item}));
	json_decref(item);
}

static void amendments(void **state)
{
	static const struct {
		const char *field, *value, *pointer; /* POINTER NULL = may stand */
	} cases[] = {
	    {"/applicant/name", "王建军", NULL},
	    {"/applicant/name", "", "/new"},
	    {"/applicant/name", " 王", "/new"},
	    {"/applicant/id_number", "11010519491231002X", NULL},
	    {"/applicant/id_number", "110105194912310020", "/new"},
	    {"/applicant/id_number", "652323202611240011", "/new"}, /* a newborn without a guardian */
	    {"/applicant/phone", "13999990002", NULL},
	    {"/applicant/phone", "", "/new"}, /* no reason stands in the case */
	    {"/applicant/phone", "123", "/new"},
	    {"/applicant/address", "二村", NULL},
	    {"/applicant/address", "", NULL},
	    {"/note", "", NULL},
	    {"/note", "多\n行", NULL},
	};
	json_t *doc = support_json("{" APPLICANT "}"), *none = json_object();
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct problem p = {0};
		assert_true(body_amendable(cases[i].field));
		bool ok = body_check_amended(cases[i].field, cases[i].value, doc, SUPPORT_NOW, &p);
		if (ok != !cases[i].pointer)
			fail_msg("%s = %s: %s", cases[i].field, cases[i].value, ok ? "taken" : "refused");
		if (!ok) assert_string_equal(pointer_of(&p), cases[i].pointer);
		problem_release(&p);
	}
	struct problem p = {0};
	assert_false(body_check_amended("/applicant/name", "王", none, SUPPORT_NOW, &p));
	assert_string_equal(pointer_of(&p), "/field");
	problem_release(&p);
	static const char *const fixed[] = {"",
	                                    "/",
	                                    "note",
	                                    "/applicant",
	                                    "/applicant/kind",
	                                    "/applicant/id_type",
	                                    "/receipt_number",
	                                    "/state",
	                                    "/applicant/name/x",
	                                    "/item"};
	for (size_t i = 0; i < COUNT(fixed); i++)
		assert_false(body_amendable(fixed[i]));
	/* the case itself is not touched by a check */
	json_t *same = support_json("{" APPLICANT "}");
	assert_true(json_equal(doc, same));
	json_decref(same);
	json_decref(none);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(vectors),           cmocka_unit_test(unknown_types),
	    cmocka_unit_test(registrations),     cmocka_unit_test(other_kinds),
	    cmocka_unit_test(unknown_item),      cmocka_unit_test(of_age_by_the_day_in_china),
	    cmocka_unit_test(missing_materials), cmocka_unit_test(amendments),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
