/* The list of the app's files: what is taken, every row that is refused, and the choices by the request's headers. */
#include "gateway/web_list.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

#define ROW(path, file)                                                                                                \
	"{\"path\":\"" path "\",\"type\":\"text/html; charset=utf-8\",\"etag\":\"0123abcd\",\"immutable\":false,"      \
	"\"encodings\":{\"identity\":\"" file "\"}}"

static void refuse(const char *text, const char *why)
{
	struct web_list *l = NULL;
	struct err e = {0};
	if (web_list_parse(text, strlen(text), &l, &e) != (int)ERR_INVALID) fail_msg("taken: %.120s", text);
	assert_null(l);
	if (!strstr(e.msg, why)) fail_msg("%s, without %s: %.120s", e.msg, why, text);
}

static void takes_a_list(void **state)
{
	static const char text[] = "[" ROW(
	    "/index.html", "index.html") ","
	                                 "{\"path\":\"/assets/a-1f.js\",\"type\":\"text/"
	                                 "javascript\",\"etag\":\"sha256-9_Z.\",\"immutable\":true,\"encodings\":"
	                                 "{\"br\":\"assets/a-1f.js.br\",\"gzip\":\"assets/"
	                                 "a-1f.js.gz\",\"identity\":\"assets/a-1f.js\"}}," ROW("/a", "b") "]";
	struct web_list *l = NULL;
	struct err e = {0};
	(void)state;
	assert_int_equal(web_list_parse(text, sizeof text - 1, &l, &e), ERR_OK);
	assert_int_equal(web_list_count(l), 3);
	const struct web_file *f = web_list_find(l, "/assets/a-1f.js");
	assert_non_null(f);
	assert_true(f->immutable);
	assert_string_equal(f->file[WEB_GZIP], "assets/a-1f.js.gz");
	assert_string_equal(f->type, "text/javascript");
	assert_string_equal(web_list_find(l, "/a")->file[WEB_IDENTITY], "b");
	assert_null(web_list_find(l, "/a")->file[WEB_BR]);
	static const char *const none[] = {"/",           "/b", "/assets", "/assets/a-1f.js.br", "/index.html/",
	                                   "/INDEX.html", ""};
	for (size_t i = 0; i < COUNT(none); i++)
		assert_null(web_list_find(l, none[i]));
	web_list_free(l);
}

static void refuses_what_is_wrong(void **state)
{
	(void)state;
	refuse("", "");
	refuse("[", "");
	refuse("{}", "array");
	refuse("[]", "array");
	refuse("\"x\"", "array");
	refuse("[1]", "row 0: path");
	refuse("[" ROW("/a", "a") ",[]]", "row 1: path");
	refuse("[" ROW("/a", "a") "," ROW("/b", "a") "," ROW("/a", "c") "]", "/a stands there twice");
	refuse("[[[[[1]]]]]", "");
	static const char *const names[] = {"",    "/",        "..",       "../a",         "a/../b",   "a//b",
	                                    "/a",  "a/",       "a/.",      ".hidden",      "a/.git/b", "a\\\\b",
	                                    "a b", "a%2fb",    "a?b",      "\xe4\xbf\xa1", "a\\nb",    "a\\u0000",
	                                    "~/a", "a/..\\/b", "a/b/../c", "C:\\\\a"};
	char text[1024];
	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(text, sizeof text, "[" ROW("/a", "%s") "]", names[i]);
		refuse(text, i == 17 ? "" : "identity");
		(void)snprintf(text, sizeof text, "[" ROW("/%s", "a") "]", names[i]);
		refuse(text, i == 17 ? "" : "path");
	}
	refuse("[" ROW("a", "a") "]", "path");
	/* one at a time of what a row needs, missing or of another kind */
	static const char whole[] = ROW("/a", "a");
	static const struct {
		const char *from, *to, *why;
	} changes[] = {
	    {"\"path\":\"/a\",", "", "path"},
	    {"text/html; charset=utf-8", "html", "type"},
	    {"text/html; charset=utf-8", "text/html\\r\\nX: y", "type"},
	    {"text/html; charset=utf-8", "text/\xc3\xa4", "type"},
	    {"\"0123abcd\"", "1", "etag"},
	    {"0123abcd", "0123abc", "etag"},
	    {"0123abcd", "0123\\\"abcd", "etag"},
	    {"0123abcd", "0123abcd0123abcd0123abcd0123abcd0123abcd0123abcd0123abcd0123abcd0", "etag"},
	    {"\"immutable\":false,", "", "immutable"},
	    {"false", "\"false\"", "immutable"},
	    {"\"identity\"", "\"gzip\"", "identity"},
	    {"{\"identity\"", "{\"br\":1,\"identity\"", "br"},
	    {"{\"identity\"", "{\"gzip\":\"../x\",\"identity\"", "gzip"},
	};
	for (size_t i = 0; i < COUNT(changes); i++) {
		const char *at = strstr(whole, changes[i].from);
		assert_non_null(at);
		(void)snprintf(text, sizeof text, "[%.*s%s%s]", (int)(at - whole), whole, changes[i].to,
		               at + strlen(changes[i].from));
		refuse(text, changes[i].why);
	}
}

static void keeps_to_its_limits(void **state)
{
	struct web_list *l = NULL;
	struct err e = {0};
	size_t len = 0;
	char *text = malloc(WEB_LIST_BYTES_MAX + 2);
	(void)state;
	assert_non_null(text);
	memset(text, ' ', WEB_LIST_BYTES_MAX + 1);
	assert_int_equal(web_list_parse(text, WEB_LIST_BYTES_MAX + 1, &l, &e), ERR_INVALID);
	text[len++] = '[';
	for (int i = 0; i <= WEB_FILES_MAX; i++)
		len += (size_t)snprintf(text + len, WEB_LIST_BYTES_MAX - len, "%s" ROW("/%d", "a"), i ? "," : "", i);
	text[len++] = ']';
	assert_true(len < WEB_LIST_BYTES_MAX);
	e = (struct err){0};
	assert_int_equal(web_list_parse(text, len, &l, &e), ERR_INVALID);
	assert_non_null(strstr(e.msg, "1 to 512"));
	text[len] = '\0';
	char *last = strstr(text, ",{\"path\":\"/512\""); /* one fewer */
	assert_non_null(last);
	(void)strncpy(last, "]", 2);
	len = strlen(text);
	e = (struct err){0};
	if (web_list_parse(text, len, &l, &e)) fail_msg("%s", e.msg);
	assert_int_equal(web_list_count(l), WEB_FILES_MAX);
	web_list_free(l);
	free(text);
}

static void picks_a_form(void **state)
{
	const struct web_file all = {.etag = "0123abcd", .file = {"a.br", "a.gz", "a"}},
	                      no_br = {.file = {NULL, "a.gz", "a"}}, plain = {.file = {NULL, NULL, "a"}};
	static const struct {
		const char *header;
		enum web_encoding all, no_br;
	} cases[] = {
	    {NULL, WEB_IDENTITY, WEB_IDENTITY},
	    {"", WEB_IDENTITY, WEB_IDENTITY},
	    {"gzip, deflate, br, zstd", WEB_BR, WEB_GZIP},
	    {"gzip", WEB_GZIP, WEB_GZIP},
	    {"GZIP;q=0.5", WEB_GZIP, WEB_GZIP},
	    {"br;q=0,gzip", WEB_GZIP, WEB_GZIP},
	    {"br; q=0.000 , gzip ;q=1", WEB_GZIP, WEB_GZIP},
	    {"br;q=0.001", WEB_BR, WEB_IDENTITY},
	    {"*", WEB_BR, WEB_GZIP},
	    {"br;q=0, *", WEB_GZIP, WEB_GZIP},
	    {"*;q=0", WEB_IDENTITY, WEB_IDENTITY},
	    {"identity", WEB_IDENTITY, WEB_IDENTITY},
	    {"bro, xgzip, gzipx", WEB_IDENTITY, WEB_IDENTITY},
	    {",,, br", WEB_BR, WEB_IDENTITY},
	    {"br;q=", WEB_BR, WEB_IDENTITY},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (web_encoding_pick(&all, cases[i].header) != cases[i].all) fail_msg("%s", cases[i].header);
		if (web_encoding_pick(&no_br, cases[i].header) != cases[i].no_br) fail_msg("%s", cases[i].header);
		assert_int_equal(web_encoding_pick(&plain, cases[i].header), WEB_IDENTITY);
	}
	char tag[WEB_ETAG_MAX];
	web_etag(&all, WEB_IDENTITY, tag);
	assert_string_equal(tag, "\"0123abcd\"");
	web_etag(&all, WEB_BR, tag);
	assert_string_equal(tag, "\"0123abcd-br\"");
}

static void compares_tags(void **state)
{
	static const char *const same[] = {"\"ab\"", "W/\"ab\"", "\"x\", \"ab\"", "\"x\",W/\"ab\" , \"y\"", "*"};
	static const char *const other[] = {NULL,    "",   "ab",     "\"ab",     "\"abc\"",
	                                    "\"x\"", "W/", "\"AB\"", "w/\"ab\"", "\"ab\"x"};
	(void)state;
	for (size_t i = 0; i < COUNT(same); i++)
		if (!web_etag_matches(same[i], "\"ab\"")) fail_msg("%s", same[i]);
	for (size_t i = 0; i < COUNT(other); i++)
		if (web_etag_matches(other[i], "\"ab\"")) fail_msg("%s", other[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_a_list),        cmocka_unit_test(refuses_what_is_wrong),
	    cmocka_unit_test(keeps_to_its_limits), cmocka_unit_test(picks_a_form),
	    cmocka_unit_test(compares_tags),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
