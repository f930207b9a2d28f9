/* See upload.h. Uploads as things that are made, told, opened, given up and swept; append.c has the bytes.
 *
 * The tail file's lock (flock) keeps out every other writer, of this process or another. The list of the store is for
 * taking over from a writer of this process that has fallen silent: a phone that left the Wi-Fi holds its connection, and
 * comes back by another. Locks are taken in the order upload, store; the one that takes over only tries. */
#include "shared/blob/internal.h"

#include "shared/crypto/rng.h"
#include "shared/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ORPHAN_S 3600 /* a file without its record is left alone for so long: its upload may be in the making */

bool upload_id_valid(const char *id)
{
	return strlen(id) == UPLOAD_ID_TEXT - 1 && strspn(id, "0123456789abcdef") == UPLOAD_ID_TEXT - 1;
}

/* --- making and telling --- */

static int make_data(struct blob_store *s, const char *id, struct err *e)
{
	char path[FILE_PATH_MAX];
	uint8_t header[STREAM_HEADER];
	stream_header(header);
	blob_upload_path(s, id, "data", path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, BLOB_FILE_MODE);
	if (fd < 0) return err_sys(e, errno, "an upload");
	int rc = blob_pwrite(fd, header, sizeof header, 0, e);
	if (!rc) rc = blob_sync(fd, e);
	(void)close(fd);
	return rc;
}

int upload_create(struct blob_store *s, const char *owner, int64_t length, const struct upload_meta *meta,
                  struct upload_info *out, struct err *e)
{
	uint8_t id[(UPLOAD_ID_TEXT - 1) / 2];
	if (length > s->cfg.max_bytes) return err_set(e, ERR_INVALID, "%lld bytes are too many", (long long)length);
	if (s->uploads >= UPLOADS_MAX) return err_set(e, ERR_BUSY, "too many uploads are under way");
	int rc = blob_store_room(s, length > 0 ? length : 0, e);
	if (rc) return rc;
	*out = (struct upload_info){.length = length, .created = s->cfg.now(s->cfg.arg), .meta = *meta};
	out->expires = out->created + s->cfg.upload_ms;
	int n = snprintf(out->owner, sizeof out->owner, "%s", owner);
	if (n < 1 || (size_t)n >= sizeof out->owner)
		return err_set(e, ERR_INVALID, "no owner, or one with a long name");
	rng_bytes(id, sizeof id);
	text_hex(id, sizeof id, out->id);
	rc = make_data(s, out->id, e);
	if (!rc) rc = blob_tail_make(s, out->id, e);
	if (!rc) rc = blob_record_write(s, out, false, e); /* with it the upload exists; it syncs the folder, too */
	if (rc) blob_upload_drop(s, out->id);
	return rc;
}

static int read_record(struct blob_store *s, const char *id, const char *owner, struct upload_info *out, struct err *e)
{
	struct err inner = {0};
	if (!upload_id_valid(id)) return err_set(e, ERR_NOTFOUND, "no such upload");
	int rc = blob_record_read(s, id, out, &inner);
	if (rc && rc != (int)ERR_NOTFOUND) return err_set(e, (enum err_code)rc, "%s", inner.msg);
	bool theirs = !rc && (!owner || strcmp(out->owner, owner) == 0);
	bool live = theirs && (!owner || out->expires > s->cfg.now(s->cfg.arg));
	return live ? ERR_OK : err_set(e, ERR_NOTFOUND, "no such upload");
}

static int read_offset(struct blob_store *s, struct upload_info *i, struct err *e)
{
	char path[FILE_PATH_MAX];
	blob_upload_path(s, i->id, "tail", path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return err_sys(e, errno, "an upload");
	struct blob_tail *t = calloc(1, sizeof *t);
	int rc = t ? blob_tail_read(s, fd, i->id, t, e) : err_set(e, ERR_NOMEM, "an upload");
	if (!rc) i->offset = (int64_t)t->offset;
	free(t);
	(void)close(fd);
	return rc;
}

int upload_stat(struct blob_store *s, const char *id, const char *owner, struct upload_info *out, struct err *e)
{
	struct err inner = {0};
	for (int again = 0;; again++) {
		int rc = read_record(s, id, owner, out, e);
		if (rc) return rc;
		out->offset = out->length;
		if (out->complete) return ERR_OK;
		rc = read_offset(s, out, &inner);
		/* completed this moment, and its tail gone: the record says so now */
		if (rc == (int)ERR_NOTFOUND && !again) continue;
		return rc ? err_set(e, (enum err_code)rc, "%s", inner.msg) : ERR_OK;
	}
}

/* --- opening --- */

static void list(struct upload *u)
{
	struct blob_store *s = u->store;
	(void)pthread_mutex_lock(&s->lock);
	u->next = s->open;
	if (u->next) u->next->prev = u;
	s->open = u;
	(void)pthread_mutex_unlock(&s->lock);
}

/* Under the store's lock. */
static void unlist(struct upload *u)
{
	if (u->prev)
		u->prev->next = u->next;
	else if (u->store->open == u)
		u->store->open = u->next;
	if (u->next) u->next->prev = u->prev;
	u->prev = u->next = NULL;
}

static void let_go(struct upload *u)
{
	if (u->data >= 0) (void)close(u->data);
	if (u->tail >= 0) (void)close(u->tail); /* with its lock */
	u->data = u->tail = -1;
	stream_free(u->stream);
	u->stream = NULL;
}

/* Takes the upload from a writer of this process that is silent; false when that one is at work. */
static bool take_over(struct blob_store *s, const char *id, const char *owner)
{
	(void)pthread_mutex_lock(&s->lock);
	struct upload *u = s->open;
	while (u && strcmp(u->info.id, id) != 0)
		u = u->next;
	bool silent = u && (!owner || strcmp(u->info.owner, owner) == 0) &&
	              blob_now_mono() - atomic_load(&u->touched) >= UPLOAD_SILENT_MS &&
	              pthread_mutex_trylock(&u->lock) == 0;
	if (silent) {
		u->gone = true;
		unlist(u);
	}
	(void)pthread_mutex_unlock(&s->lock);
	if (!silent) return false;
	struct err none = {0};
	if (!u->hold && !u->failed)
		(void)upload_commit_locked(u, &none); /* what cannot be kept was never acknowledged */
	let_go(u);
	(void)pthread_mutex_unlock(&u->lock);
	return true;
}

static int lock_tail(struct upload *u, struct err *e)
{
	char path[FILE_PATH_MAX];
	blob_upload_path(u->store, u->info.id, "tail", path);
	u->tail = open(path, O_RDWR | O_CLOEXEC);
	if (u->tail < 0) return err_sys(e, errno, "an upload");
	if (flock(u->tail, LOCK_EX | LOCK_NB) == 0) return ERR_OK;
	return errno == EWOULDBLOCK ? err_set(e, ERR_BUSY, "another writes to this upload")
	                            : err_sys(e, errno, "locking an upload");
}

static int open_data(struct upload *u, struct err *e)
{
	char path[FILE_PATH_MAX];
	uint8_t header[STREAM_HEADER];
	struct stat st;
	blob_upload_path(u->store, u->info.id, "data", path);
	u->data = open(path, O_RDWR | O_CLOEXEC);
	if (u->data < 0 || fstat(u->data, &st)) return err_sys(e, errno, "an upload");
	int rc = blob_pread(u->data, header, sizeof header, 0, e);
	if (rc) return rc;
	if (!stream_header_known(header)) return err_set(e, ERR_VERSION, "an upload of a later version: upgrade");
	u->committed = u->sealed = (u->end.offset - u->end.len) / STREAM_SEGMENT;
	if (st.st_size < stream_at(u->committed)) return err_set(e, ERR_CORRUPT, "an upload's file is cut off");
	u->dirty = st.st_size > stream_at(u->committed);
	u->stream = stream_new(u->store->blob_key, BLOB_INFO, header);
	return u->stream ? ERR_OK : err_set(e, ERR_NOMEM, "an upload");
}

/* OWNER NULL: whoever's, expired or not. */
static int open_one(struct blob_store *s, const char *id, const char *owner, struct upload **out, struct err *e)
{
	*out = NULL;
	struct upload *u = calloc(1, sizeof *u);
	if (!u) return err_set(e, ERR_NOMEM, "an upload");
	u->store = s;
	u->data = u->tail = -1;
	(void)pthread_mutex_init(&u->lock, NULL);
	atomic_init(&u->touched, blob_now_mono());
	int rc = read_record(s, id, owner, &u->info, e);
	if (!rc && u->info.complete) rc = err_set(e, ERR_CONFLICT, "the upload is complete");
	if (!rc) rc = lock_tail(u, e);
	if (!rc) rc = read_record(s, id, owner, &u->info, e); /* as it is now that nobody else changes it */
	if (!rc && u->info.complete) rc = err_set(e, ERR_CONFLICT, "the upload is complete");
	if (!rc) rc = blob_tail_read(s, u->tail, id, &u->end, e);
	if (!rc) rc = open_data(u, e);
	u->info.offset = (int64_t)u->end.offset;
	if (rc) {
		let_go(u);
		(void)pthread_mutex_destroy(&u->lock);
		free(u);
		return rc;
	}
	list(u);
	*out = u;
	return ERR_OK;
}

int upload_open(struct blob_store *s, const char *id, const char *owner, struct upload **out, struct err *e)
{
	struct err inner = {0};
	int rc = open_one(s, id, owner, out, &inner);
	if (rc == (int)ERR_BUSY && take_over(s, id, owner)) return open_one(s, id, owner, out, e);
	return rc ? err_set(e, (enum err_code)rc, "%s", inner.msg) : ERR_OK;
}

void upload_close(struct upload *u)
{
	if (!u) return;
	(void)pthread_mutex_lock(&u->lock);
	(void)pthread_mutex_lock(&u->store->lock);
	if (!u->gone) unlist(u);
	(void)pthread_mutex_unlock(&u->store->lock);
	let_go(u);
	(void)pthread_mutex_unlock(&u->lock);
	(void)pthread_mutex_destroy(&u->lock);
	explicit_bzero(&u->end, sizeof u->end);
	free(u);
}

const struct upload_info *upload_info(const struct upload *u)
{
	return &u->info;
}

/* --- removing --- */

int blob_upload_forget(struct blob_store *s, const char *id, struct err *e)
{
	char path[FILE_PATH_MAX];
	blob_upload_path(s, id, "info", path);
	if (unlink(path)) return err_sys(e, errno, "an upload");
	blob_upload_drop(s, id);
	*strrchr(path, '/') = '\0';
	return blob_sync_folder(path, e);
}

int upload_remove(struct blob_store *s, const char *id, const char *owner, struct err *e)
{
	struct upload *u = NULL;
	struct err inner = {0};
	int rc = upload_open(s, id, owner, &u, &inner);
	if (rc && rc != (int)ERR_CONFLICT) return err_set(e, (enum err_code)rc, "%s", inner.msg);
	rc = blob_upload_forget(s, id, e);
	upload_close(u);
	return rc;
}

/* Has the file lain there so long that nobody can be making it? */
static bool is_old(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && time(NULL) - st.st_mtime > ORPHAN_S;
}

static int sweep_one(struct blob_store *s, const char *name, int64_t *removed, struct err *e)
{
	char path[FILE_PATH_MAX], id[UPLOAD_ID_TEXT];
	struct upload_info info;
	struct err inner = {0};
	int n = snprintf(path, sizeof path, "%s/uploads/%s", s->dir, name);
	(void)snprintf(id, sizeof id, "%.32s", name);
	if (n < 0 || (size_t)n >= sizeof path || name[0] == '.' || !upload_id_valid(id)) return ERR_OK;
	int rc = blob_record_read(s, id, &info, &inner);
	if (rc == (int)ERR_NOTFOUND && is_old(path)) { /* no record: never made to its end, or removed half-way */
		blob_upload_drop(s, id);
		(void)unlink(path); /* or whatever else it is */
		return ERR_OK;
	}
	if (strcmp(name + UPLOAD_ID_TEXT - 1, ".info") != 0) {
		/* beside a record only its own three files have a place; what a killed write left has not */
		const char *what = name + UPLOAD_ID_TEXT - 1;
		bool own = !strcmp(what, ".data") || !strcmp(what, ".tail") || !strcmp(what, ".data.new");
		if (!rc && !own && is_old(path)) (void)unlink(path);
		return ERR_OK;
	}
	if (rc || info.expires > s->cfg.now(s->cfg.arg)) return ERR_OK;
	rc = upload_remove(s, id, NULL, &inner);
	if (rc == (int)ERR_BUSY || rc == (int)ERR_NOTFOUND) return ERR_OK; /* in use; the next sweep will have it */
	if (rc) return err_set(e, (enum err_code)rc, "%s", inner.msg);
	(*removed)++;
	return ERR_OK;
}

int upload_sweep(struct blob_store *s, int64_t *removed, struct err *e)
{
	char path[FILE_PATH_MAX];
	int rc = ERR_OK;
	*removed = 0;
	(void)snprintf(path, sizeof path, "%s/uploads", s->dir);
	DIR *d = opendir(path);
	if (!d) return err_sys(e, errno, "%s", path);
	for (struct dirent *one; !rc && (one = readdir(d)) != NULL;)
		rc = sweep_one(s, one->d_name, removed, e);
	(void)closedir(d);
	return rc;
}
