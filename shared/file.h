/* Small files, whole: keys, certificates, run descriptions.
 *
 * A write is a temporary file beside PATH, fsync, rename, fsync of the folder: after a power cut PATH holds the old
 * bytes or the new, never a part. */
#ifndef XINKE_FILE_H
#define XINKE_FILE_H

#include "shared/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FILE_PATH_MAX 1024 /* bytes of a path, NUL included */

bool file_exists(const char *path);
/* Writes LEN bytes to PATH with MODE. Without REPLACE a file that is there stays and the answer is ERR_CONFLICT. */
int file_write(const char *path, const void *data, size_t len, mode_t mode, bool replace, struct err *e);
/* Reads PATH whole into OUT with a NUL behind it; LEN (may be NULL) gets the bytes. ERR_INVALID when they do not fit,
 * ERR_DENIED when SECRET and group or others may do anything with the file. OUT is wiped on any error. */
int file_load(const char *path, bool secret, void *out, size_t cap, size_t *len, struct err *e);
/* Reads all of PATH, at most MAX bytes, into a new NUL-terminated buffer (free). */
int file_read(const char *path, size_t max, char **out, size_t *len, struct err *e);
/* Opens the plain file PATH, relative to folder DIR, for reading: *FD, to be closed. No part of it may be a link or "..", so that what
 * is opened lies under DIR. ERR_NOTFOUND, or ERR_DENIED for a link or what is no plain file. */
int file_open_under(int dir, const char *path, int *fd, struct err *e);
/* Makes the folder and its parents with MODE where they are missing. */
int file_mkdirs(const char *path, mode_t mode, struct err *e);
/* Bytes free to this process and in all on the file system of PATH. */
int file_space(const char *path, int64_t *avail, int64_t *total, struct err *e);

#endif
