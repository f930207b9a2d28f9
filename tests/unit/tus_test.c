/* The headers of tus: what is taken, as what, and what is refused. */
#include "shared/text.h"
#include "shared/tus/parse.h"
#include "tests/unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASE "6d1f0b52-3b0c-4a86-9d10-0f6a1e7c2d3e"
#define SUM  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* "key text,key text" with the texts as they are, into a header's value (a static buffer). */
static const char *header(const char *plain)
{
	static char out[8192];
	size_t used = 0;
	while (*plain) {
		size_t pair = strcspn(plain, ","), key = strcspn(plain, " ,");
		assert_true(used + 2 * pair + 16 < sizeof out);
		memcpy(out + used, plain, key);
		used += key;
		if (key < pair) {
			out[used++] = ' ';
			used += text_b64(plain + key + 1, pair - key - 1, out + used);
		}
		plain += pair;
		if (*plain == ',') out[used++] = *plain++;
	}
	out[used] = '\0';
	return out;
}

static void numbers(void **state)
{
	static const char *const bad[] = {
	    "", " 1", "1 ", "+1", "-1", "1.0", "0x10", "1e3", "9007199254740992", "18446744073709551617", "٣"};
	int64_t v;
	(void)state;
	assert_true(tus_parse_number("0", &v) && v == 0);
	assert_true(tus_parse_number("007", &v) && v == 7);
	assert_true(tus_parse_number("9007199254740991", &v) && v == 9007199254740991LL);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (tus_parse_number(bad[i], &v)) fail_msg("%s was taken", bad[i]);
}

static void checksums(void **state)
{
	/* of nothing, by the algorithms' own test values */
	static const char one[] = "sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=";
	static const char two[] = "sha256 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
	static const char *const bad[] = {"",
	                                  "sha1",
	                                  "sha1 ",
	                                  "md5 1B2M2Y8AsgTpgAmY7PhCfg==",
	                                  "SHA1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
	                                  "sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk",
	                                  "sha1 2jmj7l5rSw0yVb_vlWAYkK_YBwk=",
	                                  "sha256 2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
	                                  "sha1  2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
	                                  "sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwl=",
	                                  "sha512 AAAA"};
	struct tus_checksum c;
	uint8_t want[DIGEST_LEN];
	(void)state;
	assert_null(tus_parse_checksum(one, &c));
	digest_sha1_parts(NULL, 0, want);
	assert_true(c.kind == DIGEST_SHA1 && c.len == DIGEST_SHA1_LEN);
	assert_memory_equal(c.sum, want, DIGEST_SHA1_LEN);
	assert_null(tus_parse_checksum(two, &c));
	digest_sha256("", 0, want);
	assert_true(c.kind == DIGEST_SHA256 && c.len == DIGEST_LEN);
	assert_memory_equal(c.sum, want, DIGEST_LEN);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (!tus_parse_checksum(bad[i], &c)) fail_msg("%s was taken", bad[i]);
}

static void metadata(void **state)
{
	struct upload_meta m;
	uint8_t sum[DIGEST_LEN];
	const char *raw =
	    header("filename 身份证 正面.jpg,filetype image/jpeg,sha256 " SUM ",case_id " CASE ",material id,x y,flag");
	(void)state;
	assert_null(tus_parse_metadata(raw, &m));
	assert_string_equal(m.filename, "身份证 正面.jpg");
	assert_string_equal(m.filetype, "image/jpeg");
	assert_string_equal(m.case_id, CASE);
	assert_string_equal(m.material, "id");
	assert_string_equal(m.raw, raw);
	digest_sha256("", 0, sum);
	assert_true(m.declared);
	assert_memory_equal(m.sha256, sum, DIGEST_LEN);
	assert_null(tus_parse_metadata("flag", &m));
	assert_false(m.declared);
}

static void names(void **state)
{
	static const char *const cases[][2] = {
	    {"../../../etc/passwd", "passwd"},
	    {"C:\\photos\\a.jpg", "a.jpg"},
	    {"/", ""},
	    {"..", ""},
	    {".", ""},
	    {"a/..", ""},
	    {"a/b\\c", "c"},
	    {"a..b", "a..b"},
	    {"", ""},
	};
	struct upload_meta m;
	char text[256];
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		(void)snprintf(text, sizeof text, "filename %s", cases[i][0]);
		assert_null(tus_parse_metadata(header(text), &m));
		assert_string_equal(m.filename, cases[i][1]);
	}
}

static void refused(void **state)
{
	static const char *const bad[] = {
	    "", /* a key is wanted */
	    ",",
	    "filename YQ==,", /* and behind a comma, too */
	    " YQ==",
	    "filename !",
	    "filename YQ",   /* without its padding */
	    "filename YR==", /* with bits to spare */
	    "filename Y-__", /* the other alphabet */
	    "filename  YQ==",
	    "filename YQ== x",
	    "filename YQ==,filename Yg==",
	    "filename /w==", /* no UTF-8 */
	    "filename YQBi", /* a NUL */
	    "filename YQpi", /* a line's end */
	    "sha256 YWJj",
	    "case_id Nw==",
	    "sch\xc3\xb6n YQ==",
	    "k1,k2,k3,k4,k5,k6,k7,k8,k9,k10,k11,k12,k13,k14,k15,k16,k17",
	};
	static const size_t most[] = {UPLOAD_NAME_MAX, UPLOAD_WORD_MAX, UPLOAD_WORD_MAX};
	static const char *const keys[] = {"filename", "filetype", "material"};
	struct upload_meta m;
	char text[UPLOAD_RAW_MAX + 16], fill[UPLOAD_RAW_MAX + 1];
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (!tus_parse_metadata(bad[i], &m)) fail_msg("%s was taken", bad[i]);
	for (size_t i = 0; i < COUNT(keys); i++) { /* the longest, and one more */
		memset(fill, 'n', most[i]);
		fill[most[i]] = '\0';
		(void)snprintf(text, sizeof text, "%s %s", keys[i], fill + 1);
		assert_null(tus_parse_metadata(header(text), &m));
		(void)snprintf(text, sizeof text, "%s %s", keys[i], fill);
		assert_non_null(tus_parse_metadata(header(text), &m));
	}
	memset(fill, 'k', sizeof fill - 1);
	fill[sizeof fill - 1] = '\0';
	assert_non_null(tus_parse_metadata(fill, &m));
	assert_null(tus_parse_metadata(fill + 1, &m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers), cmocka_unit_test(checksums), cmocka_unit_test(metadata),
	    cmocka_unit_test(names),   cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
