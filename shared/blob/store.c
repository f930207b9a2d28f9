/* See blob.h. The folder, its space, and complete blobs; uploads are in upload.c and append.c. */
#include "shared/blob/internal.h"

#include "shared/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Opens only under the key that the folder was made with: a wrong key must not look like damaged photos. */
#define KEY_CHECK "xinke blob folder"

struct blob {
	int fd;
	struct stream *stream;
	int64_t size;
	uint64_t n;      /* segments */
	uint64_t cached; /* the one in `plain`, or n = none */
	uint8_t plain[STREAM_SEGMENT], sealed[STREAM_SEALED];
};

/* --- files --- */

int64_t blob_now_mono(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void blob_path(const struct blob_store *s, const uint8_t sha256[DIGEST_LEN], char out[FILE_PATH_MAX])
{
	char hex[TEXT_HEX_LEN(DIGEST_LEN)];
	text_hex(sha256, DIGEST_LEN, hex);
	(void)snprintf(out, FILE_PATH_MAX, "%s/%.2s/%s", s->dir, hex, hex);
}

void blob_upload_path(const struct blob_store *s, const char *id, const char *what, char out[FILE_PATH_MAX])
{
	(void)snprintf(out, FILE_PATH_MAX, "%s/uploads/%.32s.%s", s->dir, id, what);
}

int blob_pread(int fd, void *out, size_t len, int64_t off, struct err *e)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, (char *)out + done, len - done, (off_t)(off + (int64_t)done));
		if (n < 0 && errno == EINTR) continue;
		if (n < 0) return err_sys(e, errno, "reading a blob");
		if (n == 0) return err_set(e, ERR_CORRUPT, "a blob's file is cut off");
		done += (size_t)n;
	}
	return ERR_OK;
}

int blob_pwrite(int fd, const void *data, size_t len, int64_t off, struct err *e)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(fd, (const char *)data + done, len - done, (off_t)(off + (int64_t)done));
		if (n < 0 && errno == EINTR) continue;
		if (n < 0) return err_sys(e, errno, "writing a blob");
		done += (size_t)n;
	}
	return ERR_OK;
}

int blob_sync(int fd, struct err *e)
{
	return fdatasync(fd) == 0 ? ERR_OK : err_sys(e, errno, "writing a blob");
}

int blob_sync_folder(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) return err_sys(e, errno, "folder %s", path);
	int rc = fsync(fd) == 0 ? ERR_OK : err_sys(e, errno, "folder %s", path);
	(void)close(fd);
	return rc;
}

/* --- the folder --- */

/* Calls FN for each blob's name in one of the 256 folders. */
static int each_in(struct blob_store *s, unsigned byte,
                   int (*fn)(const uint8_t sha256[DIGEST_LEN], void *arg, struct err *e), void *arg, struct err *e)
{
	char path[FILE_PATH_MAX];
	uint8_t sha[DIGEST_LEN];
	int rc = ERR_OK;
	(void)snprintf(path, sizeof path, "%s/%02x", s->dir, byte);
	DIR *d = opendir(path);
	if (!d) return errno == ENOENT ? ERR_OK : err_sys(e, errno, "%s", path);
	for (struct dirent *one; !rc && (one = readdir(d)) != NULL;)
		if (text_unhex(one->d_name, sha, sizeof sha)) rc = fn(sha, arg, e);
	(void)closedir(d);
	return rc;
}

int blob_each(struct blob_store *s, int (*fn)(const uint8_t sha256[DIGEST_LEN], void *arg, struct err *e), void *arg,
              struct err *e)
{
	int rc = ERR_OK;
	for (unsigned byte = 0; byte < 256 && !rc; byte++)
		rc = each_in(s, byte, fn, arg, e);
	return rc;
}

static int count_blob(const uint8_t sha256[DIGEST_LEN], void *arg, struct err *e)
{
	struct blob_store *s = arg;
	struct stat st;
	char path[FILE_PATH_MAX];
	(void)e;
	blob_path(s, sha256, path);
	if (stat(path, &st)) return ERR_OK; /* removed this moment */
	s->blobs++;
	s->bytes += st.st_size;
	return ERR_OK;
}

static int count_uploads(struct blob_store *s, struct err *e)
{
	char path[FILE_PATH_MAX];
	(void)snprintf(path, sizeof path, "%s/uploads", s->dir);
	DIR *d = opendir(path);
	if (!d) return err_sys(e, errno, "%s", path);
	for (struct dirent *one; (one = readdir(d)) != NULL;) {
		const char *dot = strchr(one->d_name, '.');
		if (dot && strcmp(dot, ".tail") == 0) s->uploads++;
	}
	(void)closedir(d);
	return ERR_OK;
}

static int check_key(struct blob_store *s, struct err *e)
{
	char path[FILE_PATH_MAX];
	uint8_t sealed[sizeof KEY_CHECK + SEAL_OVERHEAD], plain[sizeof KEY_CHECK];
	size_t len = 0;
	(void)snprintf(path, sizeof path, "%s/key.check", s->dir);
	struct seal *seal = seal_new(s->record_key);
	if (!seal) return err_set(e, ERR_NOMEM, "blob store");
	int rc;
	if (file_exists(path)) {
		uint8_t file[sizeof sealed + 2];
		rc = file_load(path, false, file, sizeof file, &len, e);
		if (!rc && (len != sizeof sealed || seal_open(seal, path, 0, file, len, plain)))
			rc = err_set(e, ERR_DENIED, "the key is not the one that %s was made with", s->dir);
	} else {
		rc = seal_close(seal, path, 0, KEY_CHECK, sizeof KEY_CHECK, sealed);
		if (!rc) rc = file_write(path, sealed, sizeof sealed, BLOB_FILE_MODE, false, e);
		if (rc == (int)ERR_CONFLICT) rc = ERR_OK; /* another process, the same moment */
	}
	seal_free(seal);
	return rc;
}

static int prepare(struct blob_store *s, struct err *e)
{
	char path[FILE_PATH_MAX];
	(void)snprintf(path, sizeof path, "%s/uploads", s->dir);
	int rc = file_mkdirs(path, BLOB_FOLDER_MODE, e);
	if (!rc) rc = check_key(s, e);
	if (!rc) rc = blob_each(s, count_blob, s, e);
	return rc ? rc : count_uploads(s, e);
}

int blob_store_open(const struct blob_config *cfg, struct blob_store **out, struct err *e)
{
	*out = NULL;
	struct blob_store *s = calloc(1, sizeof *s);
	if (!s) return err_set(e, ERR_NOMEM, "blob store");
	s->cfg = *cfg;
	int n = snprintf(s->dir, sizeof s->dir, "%s", cfg->dir);
	digest_hkdf(cfg->master, SEAL_KEY_LEN, "xinke blobs", s->blob_key, sizeof s->blob_key);
	digest_hkdf(cfg->master, SEAL_KEY_LEN, "xinke upload records", s->record_key, sizeof s->record_key);
	s->cfg.master = NULL; /* the caller's */
	s->cfg.dir = s->dir;
	(void)pthread_mutex_init(&s->lock, NULL);
	int rc = n > 0 && (size_t)n < sizeof s->dir ? ERR_OK : err_set(e, ERR_INVALID, "the path is too long");
	if (!rc) rc = prepare(s, e);
	if (rc)
		blob_store_close(s);
	else
		*out = s;
	return rc;
}

void blob_store_close(struct blob_store *s)
{
	if (!s) return;
	(void)pthread_mutex_destroy(&s->lock);
	explicit_bzero(s, sizeof *s);
	free(s);
}

const struct blob_config *blob_store_config(const struct blob_store *s)
{
	return &s->cfg;
}

int blob_store_stats(struct blob_store *s, struct blob_stats *out, struct err *e)
{
	int64_t total;
	*out = (struct blob_stats){
	    .blobs = s->blobs, .bytes = s->bytes, .uploads = s->uploads, .reserve = s->cfg.reserve_bytes};
	return file_space(s->dir, &out->avail, &total, e);
}

int blob_store_room(struct blob_store *s, int64_t want, struct err *e)
{
	int64_t avail, total;
	int rc = file_space(s->dir, &avail, &total, e);
	if (rc) return rc;
	return avail - want >= s->cfg.reserve_bytes ? ERR_OK : err_set(e, ERR_NOSPACE, "the rest is kept for cases");
}

/* --- complete blobs --- */

bool blob_exists(struct blob_store *s, const uint8_t sha256[DIGEST_LEN])
{
	char path[FILE_PATH_MAX];
	blob_path(s, sha256, path);
	return file_exists(path);
}

static int open_file(struct blob_store *s, struct blob *b, const char *path, struct err *e)
{
	uint8_t header[STREAM_HEADER];
	struct stat st;
	b->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (b->fd < 0) return err_sys(e, errno, "a blob");
	if (fstat(b->fd, &st)) return err_sys(e, errno, "a blob");
	b->size = stream_plain_size(st.st_size);
	if (b->size < 0) return err_set(e, ERR_CORRUPT, "a blob's file has an impossible length");
	int rc = blob_pread(b->fd, header, sizeof header, 0, e);
	if (rc) return rc;
	if (!stream_header_known(header)) return err_set(e, ERR_VERSION, "a blob of a later version: upgrade");
	b->stream = stream_new(s->blob_key, BLOB_INFO, header);
	if (!b->stream) return err_set(e, ERR_NOMEM, "a blob");
	b->n = b->size == 0 ? 1 : (uint64_t)(b->size - 1) / STREAM_SEGMENT + 1;
	b->cached = b->n;
	return ERR_OK;
}

int blob_open_path(struct blob_store *s, const char *path, struct blob **out, struct err *e)
{
	*out = NULL;
	struct blob *b = calloc(1, sizeof *b);
	if (!b) return err_set(e, ERR_NOMEM, "a blob");
	int rc = open_file(s, b, path, e);
	if (rc)
		blob_close(b);
	else
		*out = b;
	return rc;
}

int blob_open(struct blob_store *s, const uint8_t sha256[DIGEST_LEN], struct blob **out, struct err *e)
{
	char path[FILE_PATH_MAX];
	blob_path(s, sha256, path);
	return blob_open_path(s, path, out, e);
}

void blob_close(struct blob *b)
{
	if (!b) return;
	if (b->fd >= 0) (void)close(b->fd);
	stream_free(b->stream);
	free(b);
}

int64_t blob_size(const struct blob *b)
{
	return b->size;
}

static int load(struct blob *b, uint64_t i, struct err *e)
{
	if (b->cached == i) return ERR_OK;
	bool last = i + 1 == b->n;
	size_t len = last ? (size_t)(b->size - (int64_t)i * STREAM_SEGMENT) : STREAM_SEGMENT;
	b->cached = b->n;
	int rc = blob_pread(b->fd, b->sealed, len + STREAM_TAG, stream_at(i), e);
	if (rc) return rc;
	if (stream_open(b->stream, i, last, b->sealed, len + STREAM_TAG, b->plain))
		return err_set(e, ERR_CORRUPT, "a blob is not what was written");
	b->cached = i;
	return ERR_OK;
}

int blob_read(struct blob *b, int64_t off, void *out, size_t len, struct err *e)
{
	uint8_t *to = out;
	if (off < 0 || off > b->size || (int64_t)len > b->size - off)
		return err_set(e, ERR_INVALID, "beyond the end of a blob");
	while (len) {
		uint64_t i = (uint64_t)off / STREAM_SEGMENT;
		size_t at = (size_t)(off % STREAM_SEGMENT), n = STREAM_SEGMENT - at < len ? STREAM_SEGMENT - at : len;
		int rc = load(b, i, e);
		if (rc) return rc;
		memcpy(to, b->plain + at, n);
		to += n;
		off += (int64_t)n;
		len -= n;
	}
	return ERR_OK;
}

static int read_of(void *arg, int64_t off, void *out, size_t len, struct err *e)
{
	return blob_read(arg, off, out, len, e);
}

int blob_media(struct blob *b, enum sniff_media *out, struct err *e)
{
	struct sniff seen;
	const struct sniff_source src = {.size = b->size, .read = read_of, .arg = b};
	int rc = sniff_look(&src, &seen, e);
	*out = rc ? SNIFF_NONE : seen.media;
	return rc;
}

int blob_remove(struct blob_store *s, const uint8_t sha256[DIGEST_LEN], struct err *e)
{
	char path[FILE_PATH_MAX];
	struct stat st;
	blob_path(s, sha256, path);
	if (stat(path, &st) || unlink(path)) return err_sys(e, errno, "a blob");
	s->blobs--;
	s->bytes -= st.st_size;
	*strrchr(path, '/') = '\0';
	return blob_sync_folder(path, e);
}
