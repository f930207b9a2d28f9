/* See file.h. Called at start, at enrolment and by the technician's command; no state. */
#include "shared/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

bool file_exists(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0;
}

static int write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR) continue;
		if (n < 0) return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A name is durable only when its folder is. */
static int sync_folder(const char *path, struct err *e)
{
	char dir[FILE_PATH_MAX];
	(void)snprintf(dir, sizeof dir, "%s", path);
	char *slash = strrchr(dir, '/');
	if (!slash)
		(void)snprintf(dir, sizeof dir, ".");
	else
		slash[slash == dir] = '\0';
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) return err_sys(e, errno, "folder %s", dir);
	int rc = fsync(fd) == 0 ? ERR_OK : err_sys(e, errno, "folder %s", dir);
	(void)close(fd);
	return rc;
}

int file_write(const char *path, const void *data, size_t len, mode_t mode, bool replace, struct err *e)
{
	char tmp[FILE_PATH_MAX];
	int n = snprintf(tmp, sizeof tmp, "%s.XXXXXX", path);
	if (n < 0 || (size_t)n >= sizeof tmp) return err_set(e, ERR_INVALID, "the path is too long");
	int fd = mkstemp(tmp);
	if (fd < 0) return err_sys(e, errno, "%s", path);
	int rc = ERR_OK;
	bool there = true;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fchmod(fd, mode) != 0 || write_all(fd, data, len) != 0 ||
	    fsync(fd) != 0)
		rc = err_sys(e, errno, "%s", path);
	if (close(fd) != 0 && rc == ERR_OK) rc = err_sys(e, errno, "%s", path);
	if (rc != ERR_OK) goto out;
	if (replace) {
		if (rename(tmp, path) != 0) rc = err_sys(e, errno, "%s", path);
		there = rc != ERR_OK;
	} else if (link(tmp, path) != 0) { /* link, unlike rename, never takes the place of a file */
		rc = errno == EEXIST ? err_set(e, ERR_CONFLICT, "%s exists", path) : err_sys(e, errno, "%s", path);
	}
out:
	if (there) (void)unlink(tmp);
	return rc == ERR_OK ? sync_folder(path, e) : rc;
}

static int read_all(int fd, char *p, size_t cap, size_t *len)
{
	size_t n = 0;
	while (n < cap) {
		ssize_t got = read(fd, p + n, cap - n);
		if (got < 0 && errno == EINTR) continue;
		if (got < 0) return -1;
		if (got == 0) break;
		n += (size_t)got;
	}
	*len = n;
	return 0;
}

int file_load(const char *path, bool secret, void *out, size_t cap, size_t *len, struct err *e)
{
	struct stat st;
	size_t n = 0;
	int rc = ERR_OK;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* non-blocking: a FIFO of that name must not hang us */
	if (fd < 0) return err_sys(e, errno, "%s", path);
	if (fstat(fd, &st) != 0)
		rc = err_sys(e, errno, "%s", path);
	else if (!S_ISREG(st.st_mode))
		rc = err_set(e, ERR_INVALID, "%s is not a file", path);
	else if (secret && (st.st_mode & (S_IRWXG | S_IRWXO)))
		rc = err_set(e, ERR_DENIED, "%s is open to group or others: chmod 600", path);
	else if (read_all(fd, out, cap, &n) != 0)
		rc = err_sys(e, errno, "%s", path);
	else if (n >= cap)
		rc = err_set(e, ERR_INVALID, "%s is too long", path);
	(void)close(fd);
	if (rc != ERR_OK) {
		explicit_bzero(out, cap);
		return rc;
	}
	((char *)out)[n] = '\0';
	if (len) *len = n;
	return ERR_OK;
}

int file_read(const char *path, size_t max, char **out, size_t *len, struct err *e)
{
	struct stat st;
	*out = NULL;
	if (stat(path, &st) != 0) return err_sys(e, errno, "%s", path);
	if (st.st_size < 0 || (size_t)st.st_size > max)
		return err_set(e, ERR_INVALID, "%s: larger than %zu bytes", path, max);
	size_t cap = (size_t)st.st_size + 1;
	*out = malloc(cap);
	if (!*out) return err_set(e, ERR_NOMEM, "%s", path);
	int rc = file_load(path, false, *out, cap, len, e);
	if (rc) {
		free(*out);
		*out = NULL;
	}
	return rc;
}

/* Closes AT, a step on the way from DIR, and keeps errno. */
static void leave(int dir, int at)
{
	int kept = errno;
	if (at >= 0 && at != dir) (void)close(at);
	errno = kept;
}

static int open_plain(int at, const char *name)
{
	struct stat st;
	int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC); /* as in file_load */
	if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))) return fd;
	(void)close(fd);
	errno = ELOOP;
	return -1;
}

/* Cuts NAME out of *PATH, which moves behind it; false for one that is empty, too long, "." or "..". */
static bool next_name(const char **path, char name[NAME_MAX + 1])
{
	size_t n = strcspn(*path, "/");
	if (!n || n > NAME_MAX || (n <= 2 && strspn(*path, ".") >= n)) return false;
	memcpy(name, *path, n);
	name[n] = '\0';
	*path += n;
	return true;
}

int file_open_under(int dir, const char *path, int *fd, struct err *e)
{
	char name[NAME_MAX + 1];
	const char *rest = path;
	int at = dir;
	*fd = -1;
	bool good = next_name(&rest, name);
	while (good && at >= 0 && *rest == '/') {
		int next = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		leave(dir, at);
		at = next;
		rest++;
		good = next_name(&rest, name);
	}
	if (good && at >= 0) *fd = open_plain(at, name);
	leave(dir, at);
	if (*fd >= 0) return ERR_OK;
	if (!good || errno == ELOOP || errno == ENOTDIR)
		return err_set(e, ERR_DENIED, "%s does not stay under its folder, or is no plain file", path);
	return err_sys(e, errno, "%s", path);
}

int file_mkdirs(const char *path, mode_t mode, struct err *e)
{
	char p[FILE_PATH_MAX];
	int n = snprintf(p, sizeof p, "%s", path);
	if (n < 1 || (size_t)n >= sizeof p) return err_set(e, ERR_INVALID, "a path is empty or too long");
	for (char *s = p + 1;; s++) {
		if (*s && *s != '/') continue;
		char c = *s;
		*s = '\0';
		if (mkdir(p, mode) && errno != EEXIST) return err_sys(e, errno, "%s", p);
		if (!c) return ERR_OK;
		*s = c;
	}
}

int file_space(const char *path, int64_t *avail, int64_t *total, struct err *e)
{
	struct statvfs v;
	if (statvfs(path, &v)) return err_sys(e, errno, "%s", path);
	*avail = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
	*total = (int64_t)v.f_blocks * (int64_t)v.f_frsize;
	return ERR_OK;
}
