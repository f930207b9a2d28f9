/* What the files of shared/blob/ know of each other. */
#ifndef XINKE_BLOB_INTERNAL_H
#define XINKE_BLOB_INTERNAL_H

#include "shared/blob/upload.h"
#include "shared/crypto/stream.h"
#include "shared/file.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#define BLOB_FILE_MODE   0660 /* the courier is in the group */
#define BLOB_FOLDER_MODE 0770
#define BLOB_INFO        "xinke blob" /* the use for which a file's key is derived */

struct blob_store {
	struct blob_config cfg;
	char dir[FILE_PATH_MAX - 128]; /* room for what stands below it */
	uint8_t blob_key[SEAL_KEY_LEN], record_key[SEAL_KEY_LEN];
	atomic_int_fast64_t blobs, bytes, uploads; /* of this process's sight; uploads: tail files */
	pthread_mutex_t lock;
	struct upload *open; /* those open for writing in this process; under lock */
};

/* The acknowledged end of an upload, as a slot of its tail file has it. */
struct blob_tail {
	uint64_t seq;    /* the later slot counts */
	uint64_t offset; /* bytes acknowledged; what is beyond the last whole segment follows */
	size_t len;
	uint8_t bytes[STREAM_SEGMENT]; /* 0 to a whole one: a segment is sealed once more is to come */
};

struct upload {
	struct blob_store *store;
	struct upload *prev, *next;  /* under store->lock */
	pthread_mutex_t lock;        /* against one that takes over; taken by every call */
	atomic_int_fast64_t touched; /* monotonic ms of the last call */
	bool gone;                   /* another took over; under lock */
	bool hold, failed;
	bool dirty; /* the data file holds bytes that were never acknowledged */
	int data, tail;
	struct upload_info info;
	struct stream *stream;
	uint64_t sealed, committed; /* whole segments in the data file; those acknowledged */
	struct blob_tail end;       /* as written; `seq` as on disk */
	uint8_t work[STREAM_SEALED];
};

/* store.c */
void blob_path(const struct blob_store *s, const uint8_t sha256[DIGEST_LEN], char out[FILE_PATH_MAX]);
void blob_upload_path(const struct blob_store *s, const char *id, const char *what, char out[FILE_PATH_MAX]);
int blob_pread(int fd, void *out, size_t len, int64_t off, struct err *e);
int blob_pwrite(int fd, const void *data, size_t len, int64_t off, struct err *e);
int blob_sync(int fd, struct err *e);
int blob_sync_folder(const char *path, struct err *e);
/* Opens a whole sealed file for reading. */
int blob_open_path(struct blob_store *s, const char *path, struct blob **out, struct err *e);
int64_t blob_now_mono(void);

/* upload.c, append.c */
/* Removes the record and with it the upload, then its files. */
int blob_upload_forget(struct blob_store *s, const char *id, struct err *e);
/* upload_commit under the upload's lock. */
int upload_commit_locked(struct upload *u, struct err *e);

/* record.c: the sealed .info of an upload */
int blob_record_write(struct blob_store *s, const struct upload_info *info, bool replace, struct err *e);
int blob_record_read(struct blob_store *s, const char *id, struct upload_info *out, struct err *e);

/* tail.c */
/* Makes the tail file of a new upload, nothing acknowledged. */
int blob_tail_make(struct blob_store *s, const char *id, struct err *e);
int blob_tail_read(struct blob_store *s, int fd, const char *id, struct blob_tail *out, struct err *e);
/* Writes the slot that is not in use, durably, with a seq one higher. */
int blob_tail_write(struct blob_store *s, int fd, const char *id, struct blob_tail *t, struct err *e);
/* Removes the data and tail files; what is not there is not missed. */
void blob_upload_drop(struct blob_store *s, const char *id);

#endif
