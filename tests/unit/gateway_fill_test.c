/* Pages with places for values, and what the setup page and the poster say of the box: addresses and their order. */
#include "gateway/fill.h"
#include "gateway/trust.h"
#include "tests/unit/support.h"

#include <string.h>

static const struct fill_value values[] = {
    {"a", "1"}, {"none", NULL}, {"odd", "<b a=\"'\">&amp; {{a}}"}, {"long_name_of_a_value", "x"}, {NULL, NULL}};

static void fills(void **state)
{
	static const struct {
		const char *page, *want;
	} cases[] = {
	    {"", ""},
	    {"plain { } {x} }}", "plain { } {x} }}"},
	    {"{{a}}{{a}}", "11"},
	    {"[{{odd}}]", "[&lt;b a=&quot;&#39;&quot;&gt;&amp;amp; {{a}}]"}, /* a value is no page */
	    {"x{{?none}}{{a}} {{nobody}}{{/none}}y", "xy"},
	    {"x{{?a}}[{{a}}]{{/a}}y", "x[1]y"},
	    {"{{?a}}{{?none}}{{none}}{{/none}}{{long_name_of_a_value}}{{/a}}", "x"},
	    {"{{?none}}{{?a}}{{/a}}{{/none}}{{a}}", "1"},
	    {"open {{a", "open {{a"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf b;
		struct err e = {0};
		buf_init(&b, 200);
		if (fill(cases[i].page, values, &b, &e)) fail_msg("%s: %s", cases[i].page, e.msg);
		assert_string_equal(b.len ? b.data : "", cases[i].want);
		buf_release(&b);
	}
}

static void tells_what_has_no_value(void **state)
{
	static const char *const pages[] = {
	    "{{b}}",      "{{}}",    "{{none}}", "{{?b}}x{{/b}}",
	    "{{?none}}x", "{{ a }}", "{{A}}",    "{{a_name_that_is_much_longer_than_any_name_of_a_value_may_be}}"};
	(void)state;
	for (size_t i = 0; i < COUNT(pages); i++) {
		struct buf b;
		struct err e = {0};
		buf_init(&b, 200);
		if (fill(pages[i], values, &b, &e) != (int)ERR_INVALID) fail_msg("taken: %s", pages[i]);
		buf_release(&b);
	}
	struct buf small;
	buf_init(&small, 3);
	assert_int_equal(fill("{{a}}{{a}}{{a}}{{a}}", values, &small, NULL), ERR_NOMEM);
	buf_release(&small);
}

static void addresses(void **state)
{
	static const struct {
		const char *names;
		int port;
		const char *first, *setup; /* NULL: there is none */
	} cases[] = {
	    {"xinke.internal,127.0.0.1", 8443, "https://xinke.internal:8443", NULL},
	    {"xinke.internal, 192.168.8.1 ,10.0.0.1", 443, "https://xinke.internal", "http://192.168.8.1:8080/setup"},
	    {"127.0.0.1 ::1 fd00::1", 8443, "https://127.0.0.1:8443", "http://[fd00::1]:8080/setup"},
	    {"fd00::1", 1, "https://[fd00::1]:1", "http://[fd00::1]:8080/setup"},
	    {"1.2.3", 443, "https://1.2.3", NULL}, /* a name, if an odd one */
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct settings cfg = {.setup_port = 8080};
		struct x509_san names[X509_SAN_MAX];
		struct err e = {0};
		char url[TRUST_URL_MAX];
		size_t n = 0;
		(void)strncpy(cfg.names, cases[i].names, sizeof cfg.names - 1);
		assert_int_equal(trust_names(&cfg, names, &n, &e), ERR_OK);
		trust_url(&names[0], (uint16_t)cases[i].port, url);
		assert_string_equal(url, cases[i].first);
		int rc = trust_setup_url(&cfg, url, &e);
		assert_int_equal(rc, cases[i].setup ? ERR_OK : ERR_NOTFOUND);
		if (!rc) assert_string_equal(url, cases[i].setup);
		cfg.setup_port = 0;
		assert_int_equal(trust_setup_url(&cfg, url, NULL), ERR_NOTFOUND);
	}
	static const char *const bad[] = {"", " , ,", "1,2,3,4,5,6,7,8,9,10,11,12,13"};
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct settings cfg = {0};
		struct x509_san names[X509_SAN_MAX];
		size_t n = 0;
		(void)strncpy(cfg.names, bad[i], sizeof cfg.names - 1);
		assert_int_equal(trust_names(&cfg, names, &n, NULL), ERR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(fills), cmocka_unit_test(tells_what_has_no_value),
	                                   cmocka_unit_test(addresses)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
