/* The registry of problems and their RFC 9457 form. */
#include "shared/problem.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void rows_are_complete(void **state)
{
	(void)state;
	static const char *const ids[] = {
#define PROBLEM(id, name, status, title, zh, help) #id,
#include "shared/problems.def"
#undef PROBLEM
	};
	for (size_t i = 0; i < PROBLEM_COUNT; i++) {
		const struct problem_row *r = problem_row((enum problem_code)i);
		assert_in_range(r->status, 400, 599);
		assert_true(r->title[0] && r->zh[0] && r->help[0]);
		assert_int_equal(strlen(r->name), strlen(ids[i]));
		for (size_t k = 0; ids[i][k]; k++)
			assert_int_equal(r->name[k], tolower((unsigned char)ids[i][k]));
		if (i > PROBLEM_NONE) assert_ptr_equal(problem_by_name(r->name), r);
	}
	assert_null(problem_by_name("none"));
	assert_null(problem_by_name("NOT_FOUND"));
	assert_null(problem_by_name(""));
	assert_ptr_equal(problem_row((enum problem_code)9999), problem_row(PROBLEM_INTERNAL));
}

static void first_code_wins(void **state)
{
	(void)state;
	struct problem p = {0};
	assert_false(problem_any(&p));
	problem_set(&p, PROBLEM_STALE, "etag %d", 7);
	problem_set(&p, PROBLEM_CONFLICT, "later");
	assert_true(problem_any(&p));
	assert_int_equal(p.code, PROBLEM_STALE);
	assert_string_equal(p.detail, "etag 7");
	problem_release(&p);
	assert_false(problem_any(&p));
}

static void json_form(void **state)
{
	(void)state;
	struct problem p = {0};
	problem_field(&p, "/name", "required", "name is %s", "missing");
	problem_set(&p, PROBLEM_CONFLICT, "not this");
	problem_member(&p, "office", json_string("野三关镇"));
	problem_member(&p, "status", json_integer(1));
	json_t *j = problem_json(&p, "abc");
	assert_string_equal(json_string_value(json_object_get(j, "type")), "/problems/validation");
	assert_string_equal(json_string_value(json_object_get(j, "code")), "validation");
	assert_int_equal(json_integer_value(json_object_get(j, "status")), 422);
	assert_string_equal(json_string_value(json_object_get(j, "request_id")), "abc");
	assert_string_equal(json_string_value(json_object_get(j, "office")), "野三关镇");
	assert_null(json_object_get(j, "detail"));
	json_t *f = json_array_get(json_object_get(j, "errors"), 0);
	assert_string_equal(json_string_value(json_object_get(f, "pointer")), "/name");
	assert_string_equal(json_string_value(json_object_get(f, "code")), "required");
	assert_string_equal(json_string_value(json_object_get(f, "message")), "name is missing");
	json_decref(j);
	problem_release(&p);
}

static void fields_are_bounded(void **state)
{
	(void)state;
	struct problem p = {0};
	for (int i = 0; i < PROBLEM_FIELDS_MAX + 5; i++)
		problem_field(&p, "/x", "unknown", "no such member");
	json_t *j = problem_json(&p, NULL);
	assert_int_equal(json_array_size(json_object_get(j, "errors")), PROBLEM_FIELDS_MAX);
	assert_int_equal(json_integer_value(json_object_get(j, "errors_omitted")), 5);
	assert_null(json_object_get(j, "request_id"));
	json_decref(j);
	problem_release(&p);
}

static void hostile_pointer_is_kept_out(void **state)
{
	(void)state;
	struct problem p = {0};
	problem_field(&p, "/\xff", "unknown", "no such member");
	json_t *j = problem_json(&p, NULL);
	assert_int_equal(json_array_size(json_object_get(j, "errors")), 1);
	json_decref(j);
	problem_release(&p);
}

static void errors_of_ours(void **state)
{
	(void)state;
	assert_int_equal(problem_from_err(ERR_BUSY), PROBLEM_BUSY);
	assert_int_equal(problem_from_err(ERR_NOSPACE), PROBLEM_NO_SPACE);
	assert_int_equal(problem_from_err(ERR_IO), PROBLEM_INTERNAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_are_complete),
	    cmocka_unit_test(first_code_wins),
	    cmocka_unit_test(json_form),
	    cmocka_unit_test(fields_are_bounded),
	    cmocka_unit_test(hostile_pointer_is_kept_out),
	    cmocka_unit_test(errors_of_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
