/* One validator a field kind: what each takes, what it refuses, with which code and at which pointer. */
#include "shared/fields.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

static const struct field inner[] = {
    {"name", FIELD_NAME, FIELD_REQUIRED, 1, 50, 0, 0},
    {"a/b~c", FIELD_INT, FIELD_NULLABLE, 0, 9, 0, 0},
    {.name = NULL},
};

static const struct field table[] = {
    {"line", FIELD_LINE, FIELD_REQUIRED, 1, 5, 0, 0},
    {"text", FIELD_TEXT, FIELD_NULLABLE, 0, 5, 0, 0},
    {"long", FIELD_LINE, 0, 3, 5, 0, 0},
    {"int", FIELD_INT, 0, -2, 7, 0, 0},
    {"bool", FIELD_BOOL, 0, 0, 0, 0, 0},
    {"time", FIELD_TIME, FIELD_NULLABLE, 0, 0, 0, 0},
    {"uuid", FIELD_UUID, 0, 0, 0, 0, 0},
    {"word", FIELD_ENUM, 0, 0, 0, "red|green|greenish", 0},
    {"object", FIELD_OBJECT, FIELD_NULLABLE, 0, 0, 0, inner},
    {"list", FIELD_ARRAY, 0, 1, 2, 0, inner},
    {"any", FIELD_ANY, 0, 0, 0, 0, 0},
    {.name = NULL},
};

struct sample {
	const char *json, *pointer, *code; /* POINTER NULL = taken */
};

static void check(const struct sample *c, const char *base)
{
	struct problem p = {0};
	json_t *v = support_json(c->json);
	bool ok = fields_check(v, table, base, &p);
	if (ok != !c->pointer) fail_msg("%s: %s", c->json, ok ? "taken" : "refused");
	assert_int_equal(problem_any(&p), !ok);
	if (!ok) {
		const json_t *first = json_array_get(p.errors, 0);
		assert_int_equal(p.code, PROBLEM_VALIDATION);
		if (strcmp(fields_text(first, "pointer"), c->pointer) != 0 ||
		    strcmp(fields_text(first, "code"), c->code) != 0)
			fail_msg("%s: %s %s, not %s %s", c->json, fields_text(first, "pointer"),
			         fields_text(first, "code"), c->pointer, c->code);
	}
	problem_release(&p);
	json_decref(v);
}

static void taken(void **state)
{
	static const char *const good[] = {
	    "{'line':'a'}",
	    "{'line':'字字字字字'}",
	    "{'line':'a','text':'a\\n\\tb'}",
	    "{'line':'a','text':''}",
	    "{'line':'a','text':null,'time':null,'object':null}",
	    "{'line':'a','long':'abc'}",
	    "{'line':'a','int':-2}",
	    "{'line':'a','int':7}",
	    "{'line':'a','bool':false}",
	    "{'line':'a','time':'2026-11-24T08:00:00+08:00'}",
	    "{'line':'a','uuid':'6BA7b810-9dad-11d1-80b4-00c04fd430c8'}",
	    "{'line':'a','word':'green'}",
	    "{'line':'a','word':'greenish'}",
	    "{'line':'a','word':'red'}",
	    "{'line':'a','object':{'name':'王建国'}}",
	    "{'line':'a','object':{'name':'王建国','a/b~c':null}}",
	    "{'line':'a','list':[{'name':'x'},{'name':'y','a/b~c':9}]}",
	    "{'line':'a','any':[1,[2.5,{'x':null}]]}",
	};
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		check(&(struct sample){good[i], NULL, NULL}, "");
}

static void refused(void **state)
{
	static const struct sample bad[] = {
	    {"[]", "", "type"},
	    {"null", "", "type"},
	    {"{}", "/line", "required"},
	    {"{'line':''}", "/line", "required"},
	    {"{'line':'   '}", "/line", "required"},
	    {"{'line':null}", "/line", "type"},
	    {"{'line':5}", "/line", "type"},
	    {"{'line':['a']}", "/line", "type"},
	    {"{'line':'字字字字字字'}", "/line", "length"},
	    {"{'line':'a\\nb'}", "/line", "characters"},
	    {"{'line':'a\\tb'}", "/line", "characters"},
	    {"{'line':'a\\u007fb'}", "/line", "characters"},
	    {"{'line':'a\\u0085b'}", "/line", "characters"},
	    {"{'line':'a\\uffff'}", "/line", "characters"},
	    {"{'line':'a','text':'a\\rb'}", "/text", "characters"},
	    {"{'line':'a','text':'abcdef'}", "/text", "length"},
	    {"{'line':'a','long':'ab'}", "/long", "length"},
	    {"{'line':'a','long':null}", "/long", "type"},
	    {"{'line':'a','int':-3}", "/int", "range"},
	    {"{'line':'a','int':8}", "/int", "range"},
	    {"{'line':'a','int':1.0}", "/int", "type"},
	    {"{'line':'a','int':'1'}", "/int", "type"},
	    {"{'line':'a','int':true}", "/int", "type"},
	    {"{'line':'a','bool':0}", "/bool", "type"},
	    {"{'line':'a','bool':'true'}", "/bool", "type"},
	    {"{'line':'a','time':'2026-11-24'}", "/time", "format"},
	    {"{'line':'a','time':1}", "/time", "type"},
	    {"{'line':'a','uuid':'6ba7b810'}", "/uuid", "format"},
	    {"{'line':'a','word':''}", "/word", "value"},
	    {"{'line':'a','word':'gree'}", "/word", "value"},
	    {"{'line':'a','word':'RED'}", "/word", "value"},
	    {"{'line':'a','word':'red|green'}", "/word", "value"},
	    {"{'line':'a','word':'|'}", "/word", "value"},
	    {"{'line':'a','object':[]}", "/object", "type"},
	    {"{'line':'a','object':{}}", "/object/name", "required"},
	    {"{'line':'a','object':{'name':''}}", "/object/name", "length"},
	    {"{'line':'a','object':{'name':'x','a/b~c':10}}", "/object/a~1b~0c", "range"},
	    {"{'line':'a','list':[]}", "/list", "length"},
	    {"{'line':'a','list':[{'name':'x'},{'name':'x'},{'name':'x'}]}", "/list", "length"},
	    {"{'line':'a','list':{'name':'x'}}", "/list", "type"},
	    {"{'line':'a','list':['x']}", "/list/0", "type"},
	    {"{'line':'a','list':[{'name':'x'},{'name':7}]}", "/list/1/name", "type"},
	    {"{'line':'a','list':[null]}", "/list/0", "type"},
	    {"{'line':'a','colour':1}", "/colour", "unknown"},
	    {"{'line':'a','colour':null}", "/colour", "unknown"},
	    {"{'line':'a','object':{'name':'x','old':1}}", "/object/old", "unknown"},
	    {"{'line':'a','x/y~z':1}", "/x~1y~0z", "unknown"},
	    {"{'line':'a','':1}", "/", "unknown"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		check(&bad[i], "");
	check(&(struct sample){"{'int':1}", "/body/line", "required"}, "/body");
}

static void every_fault_is_told(void **state)
{
	struct problem p = {0};
	json_t *v = support_json("{'text':'abcdef','int':9,'x':1,'list':[{}]}");
	(void)state;
	assert_false(fields_check(v, table, "", &p));
	assert_int_equal(json_array_size(p.errors), 5); /* text, int, x, list/0/name, line */
	/* and what was wrong before does not make a right object wrong */
	json_t *ok = support_json("{'line':'a'}");
	assert_true(fields_check(ok, table, "/other", &p));
	assert_int_equal(json_array_size(p.errors), 5);
	problem_release(&p);
	json_decref(ok);
	json_decref(v);
}

/* A hostile member name may be long and cut in the middle of a character: the pointer stays UTF-8 and bounded. */
static void long_names(void **state)
{
	(void)state;
	for (size_t pad = 0; pad < 4; pad++) {
		char name[601] = "";
		memset(name, 'a', pad);
		for (size_t i = pad; i + 4 < sizeof name; i += 3)
			memcpy(name + i, "字", 4);
		struct problem p = {0};
		json_t *v = json_pack("{s:s,s:i}", "line", "a", name, 1);
		assert_false(fields_check(v, table, "", &p));
		const char *pointer = json_string_value(json_object_get(json_array_get(p.errors, 0), "pointer"));
		assert_non_null(pointer);
		assert_true(strlen(pointer) > 100 && strlen(pointer) < 200);
		problem_release(&p);
		json_decref(v);
	}
}

static void many_faults(void **state)
{
	struct problem p = {0};
	json_t *v = json_object();
	(void)state;
	for (int i = 0; i < 3 * PROBLEM_FIELDS_MAX; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "x%d", i);
		assert_int_equal(json_object_set_new(v, name, json_null()), 0);
	}
	assert_false(fields_check(v, table, "", &p));
	assert_int_equal(json_array_size(p.errors), PROBLEM_FIELDS_MAX);
	assert_int_equal(json_integer_value(json_object_get(p.members, "errors_omitted")), 2 * PROBLEM_FIELDS_MAX + 1);
	problem_release(&p);
	json_decref(v);
}

static void getters(void **state)
{
	json_t *v = support_json("{'s':'x','n':null,'i':7,'o':{}}");
	(void)state;
	assert_string_equal(fields_text(v, "s"), "x");
	assert_string_equal(fields_text(v, "n"), "");
	assert_string_equal(fields_text(v, "i"), "");
	assert_string_equal(fields_text(v, "none"), "");
	assert_string_equal(fields_text(NULL, "s"), "");
	assert_null(fields_get(v, "n"));
	assert_null(fields_get(v, "none"));
	assert_null(fields_get(NULL, "o"));
	assert_non_null(fields_get(v, "o"));
	assert_int_equal(fields_int(v, "i", 1), 7);
	assert_int_equal(fields_int(v, "s", 1), 1);
	assert_int_equal(fields_int(NULL, "i", -1), -1);
	json_decref(v);
}

static void copies(void **state)
{
	json_t *v = support_json("{'a':[1,{'b':null}],'c':'x'}"), *flat = fields_copy(v), *deep = fields_deep_copy(v);
	(void)state;
	assert_true(json_equal(v, flat));
	assert_true(json_equal(v, deep));
	assert_int_equal(json_array_append_new(json_object_get(v, "a"), json_true()), 0);
	assert_true(json_equal(v, flat)); /* shares what it holds */
	assert_false(json_equal(v, deep));
	assert_null(fields_copy(NULL));
	assert_null(fields_deep_copy(NULL));
	json_decref(deep);
	json_decref(flat);
	json_decref(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(taken),      cmocka_unit_test(refused),     cmocka_unit_test(every_fault_is_told),
	    cmocka_unit_test(long_names), cmocka_unit_test(many_faults), cmocka_unit_test(getters),
	    cmocka_unit_test(copies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
