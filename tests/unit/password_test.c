/* Hashes open for their password alone; damaged and foreign ones open for none, at the same cost. */
#include "shared/password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void round_trip(void **state)
{
	static const char pass[] = "建始-2026 long pass";
	char a[PASSWORD_HASH_MAX], b[PASSWORD_HASH_MAX];
	(void)state;
	assert_int_equal(password_hash(pass, a), 0);
	assert_int_equal(password_hash(pass, b), 0);
	assert_int_equal(strncmp(a, "$argon2id$v=19$m=19456,t=2,p=1$", 31), 0);
	assert_string_not_equal(a, b); /* own salt each */
	assert_true(password_verify(pass, a));
	assert_true(password_verify(pass, b));
	assert_false(password_verify("建始-2026 long pasS", a));
	assert_false(password_verify("", a));
	assert_int_equal(password_hash("", a), 0);
	assert_true(password_verify("", a));
}

/* Worked out by a second implementation (npm @noble/hashes 1.8.0): "password", salt "somesalt16bytes!", 32 bytes. */
#define VECTOR "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$tPXA8KRaMxUDqoVFOkz5qceiysamiMSLxBrcC5sAtmo"

static void foreign_vector(void **state)
{
	(void)state;
	assert_true(password_verify("password", VECTOR));
	assert_false(password_verify("Password", VECTOR));
}

static double cost(const char *hash)
{
	struct timespec a, b;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	assert_false(password_verify("wrong", hash));
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

static void unreadable(void **state)
{
	char good[PASSWORD_HASH_MAX], cut[PASSWORD_HASH_MAX], longer[PASSWORD_HASH_MAX + 64];
	(void)state;
	assert_int_equal(password_hash("right", good), 0);
	(void)snprintf(cut, sizeof cut, "%.*s", (int)strlen(good) - 20, good);
	(void)snprintf(longer, sizeof longer, "%s%0100d", "$argon2id$v=19$m=19456,t=2,p=1$", 0);
	const char *const bad[] = {
	    NULL,
	    "",
	    "$",
	    "right",
	    cut,
	    longer,
	    "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$AAAA",
	    "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$AAAA",
	    "$argon2id$v=19$m=19456,t=2,p=1$!!!!$????",
	};
	(void)cost(good); /* warm up */
	double full = cost(good);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_true(cost(bad[i]) > full / 4); /* same work, with room for a noisy machine */
}

static void random_ones(void **state)
{
	char a[PASSWORD_RANDOM_MAX], b[PASSWORD_RANDOM_MAX];
	(void)state;
	for (int round = 0; round < 50; round++) {
		password_random(a, sizeof a);
		password_random(b, sizeof b);
		assert_int_equal(strlen(a), 19);
		assert_string_not_equal(a, b);
		for (size_t i = 0; i < 19; i++)
			assert_non_null(strchr(i % 5 == 4 ? "-" : "23456789ABCDEFGHJKLMNPQRSTUVWXYZ", a[i]));
	}
}

struct judged {
	const char *text, *name, *fault; /* NULL = none */
};

static void check(const struct judged *j, const char *fault)
{
	if (!j->fault != !fault || (fault && strcmp(fault, j->fault) != 0))
		fail_msg("%s of %s: %s", j->text, j->name, fault ? fault : "good");
}

static void weak_passwords(void **state)
{
	static const struct judged all[] = {
	    {"", "a", "length"},
	    {"nine sign", "a", "length"},
	    {"ten signs!", "a", NULL},
	    {"九个字的口令不够长", "a", "length"}, /* characters, not bytes */
	    {"十个字的口令已经够长", "a", NULL},
	    {"aaaaaaaaaaaa", "a", "simple"},
	    {"aaaaaaaaaaaa", "b", "simple"},
	    {"abababababab", "b", "simple"},
	    {"abcdeabcde", "b", "simple"},
	    {"abcdeabcdf", "b", NULL},
	    {"abcdefghij", "b", "simple"},
	    {"jihgfedcba", "b", "simple"},
	    {"0123456789", "b", "simple"},
	    {"0246813579", "b", NULL},
	    {"clerk-of-Wugongtai", "clerk-of-wugongtai", "name"},
	    {"clerk-of-Wugongtai2026", "clerk-of-wugongtai", "name"},
	    {"clerk-of-Wugongtai and much more", "clerk-of-wugongtai", NULL},
	    {"阿依古丽·买买提123", "阿依古丽·买买提", "name"},
	    {"correct horse", "", NULL},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(all); i++)
		check(&all[i], password_weak(all[i].text, all[i].name));
}

static void weak_pins(void **state)
{
	static const struct judged all[] = {
	    {"135246", "", NULL},      {"902134", "", NULL},     {"", "", "format"},       {"12345", "", "format"},
	    {"1234567", "", "format"}, {"12345a", "", "format"}, {"-12345", "", "format"}, {" 13524", "", "format"},
	    {"000000", "", "simple"},  {"123456", "", "simple"}, {"654321", "", "simple"}, {"567890", "", "simple"},
	    {"901234", "", "simple"},  {"135791", "", "simple"}, {"121212", "", "simple"}, {"123123", "", "simple"},
	    {"112211", "", "simple"},  {"122333", "", NULL},     {"١٢٣٤٥٦", "", "format"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(all); i++)
		check(&all[i], password_pin_weak(all[i].text));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip),  cmocka_unit_test(foreign_vector), cmocka_unit_test(unreadable),
	    cmocka_unit_test(random_ones), cmocka_unit_test(weak_passwords), cmocka_unit_test(weak_pins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
