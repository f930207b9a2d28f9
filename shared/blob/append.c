/* See upload.h. The bytes of an upload on their way to being a blob.
 *
 * Whole segments go to the data file at once, sealed as they will stand in the blob; what fills none goes to the tail.
 * Acknowledged is what the tail file says, and it is written last. A data file that is longer than that holds segments
 * that were given up (a kill, a full disk, a wrong checksum): the same numbers may come again with other bytes, so the
 * acknowledged segments are first sealed anew, under a new header and thus a new key. */
#include "shared/blob/internal.h"

#include "shared/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_AT_ONCE STREAM_SEGMENT

static int64_t written(const struct upload *u)
{
	return (int64_t)(u->sealed * STREAM_SEGMENT + u->end.len);
}

int64_t upload_written(const struct upload *u)
{
	return written(u);
}

/* Enters a call of the writer's. ERR_CONFLICT (and no lock) when another took over. */
static int enter(struct upload *u, struct err *e)
{
	(void)pthread_mutex_lock(&u->lock);
	atomic_store(&u->touched, blob_now_mono());
	if (!u->gone && !u->failed) return ERR_OK;
	bool gone = u->gone;
	(void)pthread_mutex_unlock(&u->lock);
	return gone ? err_set(e, ERR_CONFLICT, "another writer took over")
	            : err_set(e, ERR_IO, "the upload has failed");
}

static int leave(struct upload *u, int rc)
{
	atomic_store(&u->touched, blob_now_mono());
	(void)pthread_mutex_unlock(&u->lock);
	return rc;
}

void upload_hold(struct upload *u)
{
	(void)pthread_mutex_lock(&u->lock);
	u->hold = true;
	(void)pthread_mutex_unlock(&u->lock);
}

int upload_set_length(struct upload *u, int64_t length, struct err *e)
{
	int rc = enter(u, e);
	if (rc) return rc;
	if (length < 0 || length > u->store->cfg.max_bytes)
		return leave(u, err_set(e, ERR_INVALID, "%lld bytes are too many", (long long)length));
	if (u->info.length >= 0 || length < written(u))
		return leave(u, u->info.length == length ? ERR_OK : err_set(e, ERR_CONFLICT, "the length is another"));
	struct upload_info info = u->info;
	info.length = length;
	rc = blob_store_room(u->store, length - written(u), e);
	if (!rc) rc = blob_record_write(u->store, &info, true, e);
	if (!rc) u->info.length = length;
	return leave(u, rc);
}

/* --- sealing --- */

/* Copies the acknowledged segments to FD under a new key. */
static int copy_segments(struct upload *u, struct stream *to, int fd, struct err *e)
{
	uint8_t *plain = malloc(STREAM_SEGMENT);
	int rc = plain ? ERR_OK : err_set(e, ERR_NOMEM, "an upload");
	for (uint64_t i = 0; i < u->committed && !rc; i++) {
		rc = blob_pread(u->data, u->work, STREAM_SEALED, stream_at(i), e);
		if (!rc && stream_open(u->stream, i, false, u->work, STREAM_SEALED, plain))
			rc = err_set(e, ERR_CORRUPT, "an upload is not what was written");
		if (!rc && stream_seal(to, i, false, plain, STREAM_SEGMENT, u->work))
			rc = err_set(e, ERR_IO, "AES-GCM failed");
		if (!rc) rc = blob_pwrite(fd, u->work, STREAM_SEALED, stream_at(i), e);
	}
	if (plain) explicit_bzero(plain, STREAM_SEGMENT);
	free(plain);
	return rc;
}

static int put_in_place(const char *from, const char *to, struct err *e)
{
	char folder[FILE_PATH_MAX];
	if (rename(from, to)) return err_sys(e, errno, "an upload");
	(void)snprintf(folder, sizeof folder, "%s", to);
	*strrchr(folder, '/') = '\0';
	return blob_sync_folder(folder, e);
}

static int seal_anew(struct upload *u, struct err *e)
{
	char from[FILE_PATH_MAX], to[FILE_PATH_MAX];
	uint8_t header[STREAM_HEADER];
	blob_upload_path(u->store, u->info.id, "data.new", from);
	blob_upload_path(u->store, u->info.id, "data", to);
	stream_header(header);
	struct stream *fresh = stream_new(u->store->blob_key, BLOB_INFO, header);
	if (!fresh) return err_set(e, ERR_NOMEM, "an upload");
	int fd = open(from, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, BLOB_FILE_MODE);
	int rc = fd < 0 ? err_sys(e, errno, "an upload") : blob_store_room(u->store, stream_at(u->committed), e);
	if (!rc) rc = blob_pwrite(fd, header, sizeof header, 0, e);
	if (!rc) rc = copy_segments(u, fresh, fd, e);
	if (!rc) rc = blob_sync(fd, e);
	if (!rc) rc = put_in_place(from, to, e);
	if (rc) {
		if (fd >= 0) (void)close(fd);
		(void)unlink(from);
		stream_free(fresh);
		return rc;
	}
	(void)close(u->data);
	stream_free(u->stream);
	u->data = fd;
	u->stream = fresh;
	u->dirty = false;
	return ERR_OK;
}

/* The tail is full and more is to come. */
static int seal_segment(struct upload *u, struct err *e)
{
	int rc = u->dirty ? seal_anew(u, e) : ERR_OK;
	if (rc) return rc;
	if (stream_seal(u->stream, u->sealed, false, u->end.bytes, STREAM_SEGMENT, u->work))
		return err_set(e, ERR_IO, "AES-GCM failed");
	rc = blob_pwrite(u->data, u->work, STREAM_SEALED, stream_at(u->sealed), e);
	if (rc) return rc;
	u->sealed++;
	u->end.len = 0;
	return ERR_OK;
}

static int append(struct upload *u, const uint8_t *data, size_t len, struct err *e)
{
	int rc = blob_store_room(u->store, (int64_t)len, e);
	while (len && !rc) {
		if (u->end.len == STREAM_SEGMENT) rc = seal_segment(u, e);
		if (rc) break;
		size_t room = STREAM_SEGMENT - u->end.len, n = len < room ? len : room;
		memcpy(u->end.bytes + u->end.len, data, n);
		u->end.len += n;
		data += n;
		len -= n;
	}
	return rc;
}

int upload_write(struct upload *u, const void *data, size_t len, struct err *e)
{
	int rc = enter(u, e);
	if (rc) return rc;
	int64_t most = u->info.length >= 0 ? u->info.length : u->store->cfg.max_bytes;
	if ((int64_t)len > most - written(u)) return leave(u, err_set(e, ERR_INVALID, "more bytes than there may be"));
	rc = append(u, data, len, e);
	if (rc) u->failed = true; /* what is acknowledged stands; the rest is given up at the close */
	return leave(u, rc);
}

int upload_commit_locked(struct upload *u, struct err *e)
{
	if (written(u) == u->info.offset) return ERR_OK;
	int rc = u->sealed > u->committed ? blob_sync(u->data, e) : ERR_OK;
	uint64_t before = u->end.offset;
	u->end.offset = (uint64_t)written(u);
	if (!rc) rc = blob_tail_write(u->store, u->tail, u->info.id, &u->end, e);
	if (rc) {
		u->end.offset = before;
		u->failed = true;
		return rc;
	}
	u->committed = u->sealed;
	u->info.offset = (int64_t)u->end.offset;
	return ERR_OK;
}

int upload_commit(struct upload *u, struct err *e)
{
	int rc = enter(u, e);
	return rc ? rc : leave(u, upload_commit_locked(u, e));
}

/* --- becoming a blob --- */

/* The last segment behind the others, and the file as long as that. */
static int seal_last(struct upload *u, struct err *e)
{
	if (stream_seal(u->stream, u->sealed, true, u->end.bytes, u->end.len, u->work))
		return err_set(e, ERR_IO, "AES-GCM failed");
	if (ftruncate(u->data, stream_at(u->sealed))) return err_sys(e, errno, "writing a blob");
	int rc = blob_pwrite(u->data, u->work, u->end.len + STREAM_TAG, stream_at(u->sealed), e);
	return rc ? rc : blob_sync(u->data, e);
}

static int hash_of(struct blob *b, uint8_t out[DIGEST_LEN], struct err *e)
{
	struct digest *d = digest_new(DIGEST_SHA256);
	uint8_t *piece = malloc(READ_AT_ONCE);
	int rc = d && piece ? ERR_OK : err_set(e, ERR_NOMEM, "a blob");
	for (int64_t at = 0, size = blob_size(b); at < size && !rc; at += READ_AT_ONCE) {
		size_t n = size - at < READ_AT_ONCE ? (size_t)(size - at) : READ_AT_ONCE;
		rc = blob_read(b, at, piece, n, e);
		if (!rc) digest_add(d, piece, n);
	}
	if (!rc) (void)digest_end(d, out);
	if (piece) explicit_bzero(piece, READ_AT_ONCE);
	free(piece);
	digest_free(d);
	return rc;
}

static int read_of(void *arg, int64_t off, void *out, size_t len, struct err *e)
{
	return blob_read(arg, off, out, len, e);
}

/* Looks at the bytes as they lie on the disk, not as they came. */
static int judge(struct upload *u, const char *path, struct upload_end *out, struct err *e)
{
	struct blob *b = NULL;
	struct sniff seen = {0};
	int rc = blob_open_path(u->store, path, &b, e);
	if (!rc) rc = hash_of(b, out->sha256, e);
	if (!rc) {
		const struct sniff_source src = {.size = blob_size(b), .read = read_of, .arg = b};
		rc = sniff_look(&src, &seen, e);
	}
	blob_close(b);
	if (rc) return rc;
	out->media = seen.media;
	out->why = seen.why;
	if (u->info.meta.declared && memcmp(out->sha256, u->info.meta.sha256, DIGEST_LEN) != 0) {
		out->verdict = UPLOAD_WRONG_HASH;
		out->why = "the bytes are not those that the SHA-256 was made of";
	} else if (seen.media == SNIFF_NONE) {
		bool bomb = seen.width && seen.height && seen.width * seen.height > SNIFF_PIXELS_MAX;
		out->verdict = bomb ? UPLOAD_BOMB : UPLOAD_WRONG_TYPE;
	}
	return ERR_OK;
}

/* Gives the file its place under its name; one that is there already stays. */
static int place(struct upload *u, const char *path, struct upload_end *out, struct err *e)
{
	char to[FILE_PATH_MAX], folder[FILE_PATH_MAX];
	struct blob_store *s = u->store;
	blob_path(s, out->sha256, to);
	(void)snprintf(folder, sizeof folder, "%s", to);
	*strrchr(folder, '/') = '\0';
	bool fresh = mkdir(folder, BLOB_FOLDER_MODE) == 0;
	if (!fresh && errno != EEXIST) return err_sys(e, errno, "%s", folder);
	if (link(path, to) == 0) {
		s->blobs++;
		s->bytes += stream_sealed_size(out->size);
	} else if (errno == EEXIST) {
		out->known = true;
	} else {
		return err_sys(e, errno, "storing a blob");
	}
	int rc = blob_sync_folder(folder, e);
	return !rc && fresh ? blob_sync_folder(s->dir, e) : rc;
}

int upload_finish(struct upload *u, struct upload_end *out, struct err *e)
{
	char path[FILE_PATH_MAX];
	int rc = enter(u, e);
	if (rc) return rc;
	*out = (struct upload_end){.size = u->info.length};
	if (u->info.offset != u->info.length || written(u) != u->info.length)
		return leave(u, err_set(e, ERR_CONFLICT, "the upload is not complete"));
	blob_upload_path(u->store, u->info.id, "data", path);
	rc = seal_last(u, e);
	if (!rc) rc = judge(u, path, out, e);
	if (!rc && out->verdict == UPLOAD_FINE) rc = place(u, path, out, e);
	if (!rc && out->verdict != UPLOAD_FINE) {
		rc = blob_upload_forget(u->store, u->info.id, e);
		u->failed = true;
	}
	if (!rc && out->verdict == UPLOAD_FINE) memcpy(u->info.sha256, out->sha256, DIGEST_LEN);
	return leave(u, rc);
}

int upload_done(struct upload *u, struct err *e)
{
	int rc = enter(u, e);
	if (rc) return rc;
	u->info.complete = true;
	rc = blob_record_write(u->store, &u->info, true, e);
	if (!rc)
		blob_upload_drop(u->store, u->info.id);
	else
		u->info.complete = false;
	return leave(u, rc);
}
