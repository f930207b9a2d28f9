/* Wake-ups: sent, drained, the strongest word kept, nobody there, a dead socket replaced. */
#include "shared/wake.h"
#include "tests/unit/support.h"

#include <string.h>
#include <unistd.h>

static struct support_folder folder;
static char path[SUPPORT_PATH_MAX];

static int make(void **state)
{
	(void)state;
	support_folder_make(&folder);
	support_path(&folder, "s", path);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	support_folder_remove(&folder);
	return 0;
}

static void words(void **state)
{
	struct err e = {0};
	int fd = wake_bind(path, &e);
	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(wake_wait(fd, 0), 0); /* time is up */
	wake_send(path, WAKE_EVENTS);
	assert_int_equal(wake_wait(fd, 5000), WAKE_EVENTS);
	assert_int_equal(wake_wait(fd, 0), 0);
	for (int i = 0; i < 5; i++)
		wake_send(path, WAKE_EVENTS);
	assert_int_equal(wake_wait(fd, 5000), WAKE_EVENTS); /* all of them are one */
	assert_int_equal(wake_wait(fd, 0), 0);
	wake_send(path, WAKE_EVENTS);
	wake_send(path, WAKE_RUN);
	wake_send(path, WAKE_EVENTS);
	assert_int_equal(wake_wait(fd, 5000), WAKE_RUN); /* a wish is not lost among events */
	wake_send(path, WAKE_RUN);
	wake_send(path, WAKE_STOP);
	assert_int_equal(wake_wait(fd, 5000), WAKE_STOP);
	assert_int_equal(close(fd), 0);
}

static void nobody_there(void **state)
{
	char none[SUPPORT_PATH_MAX], longest[300];
	(void)state;
	support_path(&folder, "none", none);
	wake_send(none, WAKE_EVENTS); /* no file, */
	wake_send(path, WAKE_EVENTS); /* a socket whose owner is gone, */
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	wake_send(longest, WAKE_EVENTS); /* no name for a socket: nothing happens */
	wake_send("", WAKE_EVENTS);
	struct err e = {0};
	assert_int_equal(wake_bind(longest, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	support_path(&folder, "none/s", none);
	e = (struct err){0};
	assert_int_equal(wake_bind(none, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
}

static void more_than_fit(void **state)
{
	struct err e = {0};
	int fd = wake_bind(path, &e); /* over the dead one of before */
	(void)state;
	assert_true(fd >= 0);
	for (int i = 0; i < 5000; i++)
		wake_send(path, WAKE_EVENTS); /* never waits, however full */
	assert_int_equal(wake_wait(fd, 5000), WAKE_EVENTS);
	assert_int_equal(wake_wait(fd, 0), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(wake_wait(-1, 0), 0); /* poll ignores it: time is up */
}

static void taken_over(void **state)
{
	struct err e = {0};
	int old = wake_bind(path, &e), new = wake_bind(path, &e);
	(void)state;
	assert_true(old >= 0 && new >= 0);
	wake_send(path, WAKE_CHANGED);
	assert_int_equal(wake_wait(new, 5000), WAKE_CHANGED);
	assert_int_equal(wake_wait(old, 0), 0);
	assert_int_equal(close(old), 0);
	assert_int_equal(close(new), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words),
	    cmocka_unit_test(nobody_there),
	    cmocka_unit_test(more_than_fit),
	    cmocka_unit_test(taken_over),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
