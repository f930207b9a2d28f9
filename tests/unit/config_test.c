/* Every mistake that a configuration file can hold is told with file and line; paths are taken from the file's folder. */
#include "shared/config.h"
#include "tests/unit/support.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sample {
	char name[CONFIG_TEXT_MAX], db[CONFIG_TEXT_MAX], cert[CONFIG_TEXT_MAX];
	int64_t port;
	bool verbose;
};

static const struct config_key keys[] = {
    {"station.name", CONFIG_TEXT, offsetof(struct sample, name), "nobody", 0, 0, "who this is"},
    {"store.db", CONFIG_PATH, offsetof(struct sample, db), "data/x.db", 0, 0, "database"},
    {"http.cert", CONFIG_PATH, offsetof(struct sample, cert), NULL, 0, 0, "certificate"},
    {"http.port", CONFIG_INT, offsetof(struct sample, port), "8443", 1, 65535, "port"},
    {"log.verbose", CONFIG_BOOL, offsetof(struct sample, verbose), "no", 0, 0, "more lines"},
};

static struct support_folder folder;
static char path[SUPPORT_PATH_MAX];

static int make(void **state)
{
	(void)state;
	support_folder_make(&folder);
	support_path(&folder, "x.conf", path);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	support_folder_remove(&folder);
	return 0;
}

static int load(const char *text, struct sample *s, struct err *e)
{
	*s = (struct sample){0};
	*e = (struct err){0};
	support_put(path, text);
	return config_load(path, keys, COUNT(keys), s, e);
}

static void defaults(void **state)
{
	struct sample s;
	struct err e;
	char want[2 * SUPPORT_PATH_MAX];
	(void)state;
	assert_int_equal(load("[http]\ncert = /etc/xinke/cert.pem\n", &s, &e), ERR_OK);
	assert_string_equal(s.name, "nobody");
	assert_string_equal(s.cert, "/etc/xinke/cert.pem");
	assert_int_equal(s.port, 8443);
	assert_false(s.verbose);
	(void)snprintf(want, sizeof want, "%s/data/x.db", folder.path);
	assert_string_equal(s.db, want);
}

static void values(void **state)
{
	struct sample s;
	struct err e;
	char want[2 * SUPPORT_PATH_MAX];
	(void)state;
	assert_int_equal(load("# a comment\n[station]\nname = 一村便民服务站\n\n[http]\nport=1\ncert = "
	                      "c/k.pem\n[log]\nverbose = yes\n",
	                      &s, &e),
	                 ERR_OK);
	assert_string_equal(s.name, "一村便民服务站");
	assert_int_equal(s.port, 1);
	assert_true(s.verbose);
	(void)snprintf(want, sizeof want, "%s/c/k.pem", folder.path);
	assert_string_equal(s.cert, want);
}

static void mistakes(void **state)
{
	static const struct {
		const char *text, *word; /* the message holds the word, */
		int line;                /* and ":line:" where it is one line's fault */
	} cases[] = {
	    {"[http]\ncert=/c\ncolour=red\n", "unknown key http.colour", 3},
	    {"[htp]\ncert=/c\n", "unknown key htp.cert", 2},
	    {"cert=/c\n", "unknown key .cert", 1},
	    {"[http]\ncert=/c\nport=1\nport=2\n", "given twice", 4},
	    {"[http]\ncert=/c\n[http]\ncert=/d\n", "given twice", 4},
	    {"[http]\nport=1\n", "http.cert is missing", 0},
	    {"", "http.cert is missing", 0},
	    {"[http]\ncert=/c\nport=0\n", "http.port = 0", 3},
	    {"[http]\ncert=/c\nport=65536\n", "from 1 to 65535", 3},
	    {"[http]\ncert=/c\nport=99999999999999999999\n", "whole number", 3},
	    {"[http]\ncert=/c\nport=80a\n", "whole number", 3},
	    {"[http]\ncert=/c\nport=\n", "whole number", 3},
	    {"[http]\ncert=/c\nport=8.5\n", "whole number", 3},
	    {"[http]\ncert=/c\n[log]\nverbose=true\n", "yes or no", 4},
	    {"[http]\ncert=/c\n[log]\nverbose=\n", "yes or no", 4},
	    {"[http]\ncert=/c\nnonsense\n", "key = value", 3},
	    {"[http\ncert=/c\n", "", 1},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sample s;
		struct err e;
		char at[SUPPORT_PATH_MAX + 16];
		assert_int_equal(load(cases[i].text, &s, &e), ERR_INVALID);
		assert_int_equal(e.code, ERR_INVALID);
		(void)snprintf(at, sizeof at, "%s:%d:", path, cases[i].line);
		if (!strstr(e.msg, cases[i].word)) fail_msg("case %zu: %s", i, e.msg);
		if (cases[i].line && !strstr(e.msg, at)) fail_msg("case %zu: %s", i, e.msg);
	}
}

static void too_long(void **state)
{
	struct sample s;
	struct err e;
	char text[4096];
	(void)state;
	/* however the reader treats a long line, no value may be cut in silence */
	for (size_t n = 100; n < 2000; n += 100) {
		char value[2001];
		memset(value, 'v', n);
		value[n] = '\0';
		(void)snprintf(text, sizeof text, "[http]\ncert=/c\n[station]\nname=%s\n", value);
		int rc = load(text, &s, &e);
		if (rc)
			assert_int_equal(rc, ERR_INVALID);
		else
			assert_string_equal(s.name, value);
		if (n >= CONFIG_TEXT_MAX) assert_int_equal(rc, ERR_INVALID);
	}
}

static void no_file(void **state)
{
	struct sample s;
	struct err e = {0};
	char none[SUPPORT_PATH_MAX];
	(void)state;
	support_path(&folder, "none.conf", none);
	assert_int_equal(config_load(none, keys, COUNT(keys), &s, &e), ERR_NOTFOUND);
}

static void bad_default(void **state)
{
	static const struct config_key wrong[] = {
	    {"a.b", CONFIG_INT, offsetof(struct sample, port), "x", 1, 2, "wrong"}};
	struct sample s;
	struct err e = {0};
	(void)state;
	support_put(path, "");
	assert_int_equal(config_load(path, wrong, 1, &s, &e), ERR_INVALID);
	assert_non_null(strstr(e.msg, "a.b"));
}

/* The sample that is printed can be loaded once its one required key is filled in. */
static void sample_loads(void **state)
{
	struct sample s;
	struct err e = {0};
	char *text = NULL;
	size_t len = 0;
	(void)state;
	FILE *f = open_memstream(&text, &len);
	assert_non_null(f);
	config_sample(f, keys, COUNT(keys));
	assert_int_equal(fclose(f), 0);
	for (size_t i = 0; i < COUNT(keys); i++)
		assert_non_null(strstr(text, keys[i].help));
	assert_int_equal(load(text, &s, &e), ERR_OK); /* an empty value is a value */
	assert_string_equal(s.name, "nobody");
	assert_int_equal(s.port, 8443);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults),     cmocka_unit_test(values),  cmocka_unit_test(mistakes),
	    cmocka_unit_test(too_long),     cmocka_unit_test(no_file), cmocka_unit_test(bad_default),
	    cmocka_unit_test(sample_loads),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
