/* Whole files: modes, replacing, secrets that others may read, folders, and no rest of a failed write. */
#include "shared/file.h"
#include "tests/unit/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct support_folder folder;

static int make(void **state)
{
	(void)state;
	support_folder_make(&folder);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	support_folder_remove(&folder);
	return 0;
}

static unsigned mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void writes(void **state)
{
	static const mode_t modes[] = {0600, 0640, 0644};
	char path[SUPPORT_PATH_MAX], out[16];
	struct err e = {0};
	size_t n = 0;
	(void)state;
	mode_t old = umask(0077); /* the mode is the one asked for, whatever the umask */
	for (size_t i = 0; i < COUNT(modes); i++) {
		support_path(&folder, "m", path);
		assert_int_equal(file_write(path, "a\0b", 3, modes[i], true, &e), ERR_OK);
		assert_int_equal(mode_of(path), modes[i]);
		assert_true(file_exists(path));
		assert_int_equal(file_load(path, modes[i] == 0600, out, sizeof out, &n, &e), ERR_OK);
		assert_int_equal(n, 3);
		assert_memory_equal(out, "a\0b\0", 4);
	}
	(void)umask(old);
}

static void replace(void **state)
{
	char path[SUPPORT_PATH_MAX], out[16];
	struct err e = {0};
	(void)state;
	support_path(&folder, "r", path);
	assert_int_equal(file_write(path, "one", 3, 0600, false, &e), ERR_OK);
	assert_int_equal(file_write(path, "two", 3, 0600, false, &e), ERR_CONFLICT);
	assert_int_equal(file_load(path, true, out, sizeof out, NULL, &e), ERR_OK);
	assert_string_equal(out, "one");
	assert_int_equal(file_write(path, "three", 5, 0644, true, NULL), ERR_OK);
	assert_int_equal(file_load(path, false, out, sizeof out, NULL, NULL), ERR_OK);
	assert_string_equal(out, "three");
	assert_int_equal(mode_of(path), 0644);
}

static void leaves_nothing_behind(void **state)
{
	char path[SUPPORT_PATH_MAX], dir[SUPPORT_PATH_MAX];
	struct err e = {0};
	int n = 0;
	(void)state;
	support_path(&folder, "d", dir);
	support_path(&folder, "d/x", path);
	assert_int_equal(file_mkdirs(dir, 0755, &e), ERR_OK);
	assert_int_equal(file_write(path, "1", 1, 0600, false, &e), ERR_OK);
	assert_int_equal(file_write(path, "2", 1, 0600, false, NULL), ERR_CONFLICT);
	assert_int_equal(file_write(path, "3", 1, 0600, true, NULL), ERR_OK);
	assert_int_not_equal(file_write(dir, "4", 1, 0600, true, NULL), ERR_OK); /* a folder stands there */
	DIR *d = opendir(dir);
	assert_non_null(d);
	for (struct dirent *f; (f = readdir(d)) != NULL;)
		n += f->d_name[0] != '.';
	assert_int_equal(closedir(d), 0);
	assert_int_equal(n, 1);
	assert_int_equal(file_write("", "x", 1, 0600, true, NULL) == ERR_OK, 0);
	support_path(&folder, "none/x", path);
	assert_int_equal(file_write(path, "x", 1, 0600, true, NULL), ERR_NOTFOUND);
}

static void open_secrets(void **state)
{
	static const mode_t bad[] = {0640, 0604, 0610, 0601, 0660, 0602, 0777};
	char path[SUPPORT_PATH_MAX], out[16];
	(void)state;
	support_path(&folder, "s", path);
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err e = {0};
		assert_int_equal(file_write(path, "secret", 6, bad[i], true, &e), ERR_OK);
		memset(out, 'x', sizeof out);
		assert_int_equal(file_load(path, true, out, sizeof out, NULL, &e), ERR_DENIED);
		for (size_t k = 0; k < sizeof out; k++)
			assert_int_equal(out[k], 0);
		assert_int_equal(file_load(path, false, out, sizeof out, NULL, NULL), ERR_OK);
	}
	assert_int_equal(file_write(path, "secret", 6, 0400, true, NULL), ERR_OK);
	assert_int_equal(file_load(path, true, out, sizeof out, NULL, NULL), ERR_OK);
}

static void loads(void **state)
{
	char path[SUPPORT_PATH_MAX], out[4];
	struct err e = {0};
	size_t n = 9;
	(void)state;
	support_path(&folder, "l", path);
	assert_int_equal(file_write(path, "abc", 3, 0600, true, &e), ERR_OK);
	assert_int_equal(file_load(path, true, out, 4, &n, &e), ERR_OK); /* with its NUL it just fits */
	assert_int_equal(n, 3);
	assert_int_equal(file_load(path, true, out, 3, &n, &e), ERR_INVALID);
	assert_int_equal(file_load(folder.path, false, out, sizeof out, &n, NULL), ERR_INVALID);
	support_path(&folder, "none", path);
	assert_int_equal(file_load(path, false, out, sizeof out, &n, NULL), ERR_NOTFOUND);
	assert_false(file_exists(path));
	support_path(&folder, "fifo", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(file_load(path, true, out, sizeof out, &n, NULL), ERR_INVALID); /* and does not hang */
}

static void reads(void **state)
{
	char path[SUPPORT_PATH_MAX], *out = NULL;
	struct err e = {0};
	size_t n = 0;
	(void)state;
	support_path(&folder, "read", path);
	assert_int_equal(file_write(path, "0123456789", 10, 0600, true, &e), ERR_OK);
	assert_int_equal(file_read(path, 10, &out, &n, &e), ERR_OK);
	assert_string_equal(out, "0123456789");
	assert_int_equal(n, 10);
	free(out);
	assert_int_equal(file_read(path, 9, &out, &n, &e), ERR_INVALID);
	assert_null(out);
	assert_int_equal(file_write(path, "", 0, 0600, true, NULL), ERR_OK);
	assert_int_equal(file_read(path, 9, &out, &n, NULL), ERR_OK);
	assert_int_equal(n, 0);
	assert_string_equal(out, "");
	free(out);
}

static void folders(void **state)
{
	char path[SUPPORT_PATH_MAX], file[SUPPORT_PATH_MAX];
	struct err e = {0};
	(void)state;
	support_path(&folder, "a/b/c", path);
	assert_int_equal(file_mkdirs(path, 0750, &e), ERR_OK);
	assert_int_equal(mode_of(path) & 0707, 0700);
	assert_int_equal(file_mkdirs(path, 0750, &e), ERR_OK); /* there already */
	support_path(&folder, "a/f", file);
	support_put(file, "x");
	support_path(&folder, "a/f/g", path);
	assert_int_not_equal(file_mkdirs(path, 0750, NULL), ERR_OK);
	assert_int_equal(file_mkdirs("", 0750, NULL), ERR_INVALID);
}

static void space(void **state)
{
	int64_t avail = -1, total = -1;
	struct err e = {0};
	char path[SUPPORT_PATH_MAX];
	(void)state;
	assert_int_equal(file_space(folder.path, &avail, &total, &e), ERR_OK);
	assert_true(avail >= 0);
	assert_true(total >= avail);
	support_path(&folder, "none/none", path);
	assert_int_equal(file_space(path, &avail, &total, &e), ERR_NOTFOUND);
}

static void open_under(void **state)
{
	static const char *const bad[] = {"",     "/",    ".",      "..",    "../o",     "a/../o", "a/./f",
	                                  "/a/f", "a//f", "a/f/",   "link",  "a/link",   "link/f", "a",
	                                  "a/up", "fifo", "../a/f", "a/f/f", "..a/../f", "a/.."};
	static const char *const good[] = {"o", "a/f", "..a/f"};
	char path[SUPPORT_PATH_MAX], to[SUPPORT_PATH_MAX], text[8] = {0};
	int fd = -1;
	struct support_folder own;
	(void)state;
	support_folder_make(&own);
	for (size_t i = 0; i < 2; i++) {
		support_path(&own, i ? "..a" : "a", path);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	for (size_t i = 0; i < COUNT(good); i++) {
		support_path(&own, good[i], path);
		assert_int_equal(file_write(path, good[i], strlen(good[i]), 0600, true, NULL), ERR_OK);
	}
	support_path(&own, "a", to);
	support_path(&own, "link", path);
	assert_int_equal(symlink(to, path), 0);
	support_path(&own, "a/f", to);
	support_path(&own, "a/link", path);
	assert_int_equal(symlink(to, path), 0);
	support_path(&own, "a/up", path);
	assert_int_equal(symlink("..", path), 0);
	support_path(&own, "fifo", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	support_path(&own, "", path);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), before = dup(dir);
	assert_true(dir >= 0 && before >= 0);
	(void)close(before);
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err e = {0};
		assert_int_equal(file_open_under(dir, bad[i], &fd, &e), ERR_DENIED);
		assert_int_equal(fd, -1);
	}
	for (size_t i = 0; i < COUNT(good); i++) {
		struct err e = {0};
		assert_int_equal(file_open_under(dir, good[i], &fd, &e), ERR_OK);
		assert_int_equal(read(fd, text, sizeof text), strlen(good[i]));
		assert_memory_equal(text, good[i], strlen(good[i]));
		(void)close(fd);
	}
	assert_int_equal(file_open_under(dir, "a/none", &fd, NULL), ERR_NOTFOUND);
	assert_int_equal(file_open_under(dir, "none/f", &fd, NULL), ERR_NOTFOUND);
	int after = dup(dir);
	assert_int_equal(after, before); /* nothing was left open */
	(void)close(after);
	(void)close(dir);
	support_folder_remove(&own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes),  cmocka_unit_test(replace), cmocka_unit_test(leaves_nothing_behind),
	    cmocka_unit_test(loads),   cmocka_unit_test(reads),   cmocka_unit_test(open_secrets),
	    cmocka_unit_test(folders), cmocka_unit_test(space),   cmocka_unit_test(open_under),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
