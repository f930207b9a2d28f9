/* What is shown of personal numbers: the ends, never the middle, and nothing of what is short. */
#include "shared/mask.h"

#include "shared/fields.h"
#include "tests/unit/support.h"

#include <string.h>

static void numbers(void **state)
{
	static const struct {
		const char *type, *number, *shown;
	} cases[] = {
	    {"citizen_id", "652323198506151237", "652323********1237"},
	    {"citizen_id", "11010519491231002X", "110105********002X"},
	    {"hmt_residence", "810000199408230021", "810000********0021"},
	    {"foreign_residence", "ABC123456789012", "***********9012"},
	    {"passport", "E12345678", "*****5678"},
	    {"passport", "AB123", "*****"},
	    {"passport", "AB1234", "****34"},
	    {"credit_code", "91350100M000100Y43", "91350100M000100Y43"}, /* public */
	    {"none", "", ""},
	};
	char out[MASK_MAX];
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		mask_number(cases[i].type, cases[i].number, out);
		assert_string_equal(out, cases[i].shown);
	}
}

static void phones(void **state)
{
	static const char *const cases[][2] = {{"13899990001", "138****0001"},
	                                       {"0994-4501234", "099*****1234"},
	                                       {"09944501234", "099****1234"},
	                                       {"12345", "***45"},
	                                       {"1234", "****"},
	                                       {"", ""}};
	char out[MASK_MAX], longer[200];
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		mask_phone(cases[i][0], out);
		assert_string_equal(out, cases[i][1]);
	}
	mask_phone("电话一二三四", out); /* what is no number shows nothing, and is still text */
	assert_string_equal(out, "******************");
	memset(longer, '7', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	mask_phone(longer, out);
	assert_int_equal(strlen(out), MASK_MAX - 1);
}

static void blocks(void **state)
{
	json_t *a =
	    support_json("{'kind':'person','name':'王建国','id_type':'citizen_id','id_number':'652323198506151237',"
	                 "'phone':'13899990001','address':'一村','guardian':{'name':'王','id_type':'passport',"
	                 "'id_number':'E12345678','phone':'13899990002','relation':'父'}}");
	json_t *m =
	    support_json("{'parties':[{'name':'甲','phone':'13899990003'},{'name':'乙'}],'matter':'x','outcome':'y'}");
	(void)state;
	json_t *shown = mask_block(a), *parties = mask_block(m), *none = mask_block(NULL);
	assert_string_equal(fields_text(shown, "id_number"), "652323********1237");
	assert_string_equal(fields_text(shown, "phone"), "138****0001");
	assert_string_equal(fields_text(shown, "name"), "王建国");
	assert_string_equal(fields_text(json_object_get(shown, "guardian"), "id_number"), "*****5678");
	assert_string_equal(fields_text(json_object_get(shown, "guardian"), "phone"), "138****0002");
	assert_string_equal(fields_text(json_array_get(json_object_get(parties, "parties"), 0), "phone"),
	                    "138****0003");
	assert_true(json_is_null(none));
	/* the case's own stays whole */
	assert_string_equal(fields_text(a, "id_number"), "652323198506151237");
	assert_string_equal(fields_text(json_object_get(a, "guardian"), "phone"), "13899990002");
	assert_string_equal(fields_text(json_array_get(json_object_get(m, "parties"), 0), "phone"), "13899990003");
	json_decref(a);
	json_decref(m);
	json_decref(shown);
	json_decref(parties);
	json_decref(none);
}

/* No body of any type shows a number whole: the vectors hold one or two known ones wherever a number may stand. */
static void bodies(void **state)
{
	static const char *const whole[] = {"652323198506151237", "13899990001", "11010519491231002X"};
	int with = 0;
	(void)state;
	for (int t = 0; t < EVENT_COUNT; t++) {
		char path[96];
		size_t i;
		json_t *v;
		(void)snprintf(path, sizeof path, "tests/vectors/bodies/%s.json", state_event_name((enum case_event)t));
		json_t *all = support_json_file(path);
		json_array_foreach(all, i, v) {
			json_t *shown = mask_body(state_event_name((enum case_event)t), json_object_get(v, "body"));
			char *text = json_dumps(shown, JSON_ENCODE_ANY),
			     *was = json_dumps(json_object_get(v, "body"), JSON_ENCODE_ANY);
			for (size_t k = 0; k < COUNT(whole); k++) {
				with += strstr(was, whole[k]) != NULL;
				if (strstr(text, whole[k])) fail_msg("%s shows %s", path, whole[k]);
			}
			free(text);
			free(was);
			json_decref(shown);
		}
		json_decref(all);
	}
	assert_true(with > 20);
}

static void an_amend_may_name_the_mask(void **state)
{
	json_t *a =
	    support_json("{'id_type':'citizen_id','id_number':'652323198506151237','phone':'13899990001','name':'王'}");
	(void)state;
	assert_true(mask_is_of(a, "/applicant/phone", "138****0001"));
	assert_true(mask_is_of(a, "/applicant/id_number", "652323********1237"));
	assert_false(mask_is_of(a, "/applicant/phone", "138****0002"));
	assert_false(mask_is_of(a, "/applicant/name", "王"));
	assert_false(mask_is_of(a, "/note", ""));
	json_decref(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(phones),
	    cmocka_unit_test(blocks),
	    cmocka_unit_test(bodies),
	    cmocka_unit_test(an_amend_may_name_the_mask),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
