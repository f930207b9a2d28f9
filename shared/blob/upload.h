/* Uploads in progress: bytes that come in pieces, over days if need be, until they are a blob.
 *
 * What upload_commit has acknowledged survives a kill and a power cut, and never grows less; what was written since is
 * given up by upload_close. One writer at a time, across processes too. Calls may block on the disk. */
#ifndef XINKE_BLOB_UPLOAD_H
#define XINKE_BLOB_UPLOAD_H

#include "shared/blob/blob.h"

#define UPLOAD_ID_TEXT   33 /* 32 hex digits and a NUL */
#define UPLOAD_OWNER_MAX 96
#define UPLOAD_NAME_MAX  256 /* bytes of a file's name, which is a label and nothing else */
#define UPLOAD_WORD_MAX  64
#define UPLOAD_RAW_MAX   2048
#define UPLOADS_MAX      4096 /* unfinished at once; more are refused */
#define UPLOAD_SILENT_MS 5000 /* a writer that brought nothing for so long gives way to another */

/* What the sender says of the file. All may be "". */
struct upload_meta {
	char filename[UPLOAD_NAME_MAX];
	char filetype[UPLOAD_WORD_MAX]; /* as the sender says; never believed */
	char case_id[UPLOAD_WORD_MAX];
	char material[UPLOAD_WORD_MAX];
	char raw[UPLOAD_RAW_MAX]; /* all of it as it came, to be told again */
	bool declared;            /* the sender said what the SHA-256 of the whole will be */
	uint8_t sha256[DIGEST_LEN];
};

struct upload_info {
	char id[UPLOAD_ID_TEXT];
	char owner[UPLOAD_OWNER_MAX];
	int64_t length;           /* bytes in all, -1 = not known yet */
	int64_t offset;           /* bytes acknowledged */
	int64_t created, expires; /* Unix ms */
	struct upload_meta meta;
	bool complete; /* it is a blob, SHA256; there is nothing to write any more */
	uint8_t sha256[DIGEST_LEN];
};

enum upload_verdict { UPLOAD_FINE, UPLOAD_WRONG_HASH, UPLOAD_WRONG_TYPE, UPLOAD_BOMB };

/* How a finished upload was judged. */
struct upload_end {
	enum upload_verdict verdict;
	const char *why; /* of a refusal, a constant */
	uint8_t sha256[DIGEST_LEN];
	int64_t size;
	enum sniff_media media;
	bool known; /* the blob had been there */
};

struct upload; /* opaque: an upload open for writing; one thread at a time */

bool upload_id_valid(const char *id);
/* Makes one of OWNER with LENGTH bytes (-1 = said later), durably, and tells it. ERR_NOSPACE below the reserve, ERR_INVALID
 * when LENGTH is above the limit, ERR_BUSY when there are too many. */
int upload_create(struct blob_store *s, const char *owner, int64_t length, const struct upload_meta *meta,
                  struct upload_info *out, struct err *e);
/* Tells one. ERR_NOTFOUND when there is none, it is another's, or it has expired. */
int upload_stat(struct blob_store *s, const char *id, const char *owner, struct upload_info *out, struct err *e);
/* Opens one for writing. New (upload_close). As upload_stat; ERR_BUSY while another writes. */
int upload_open(struct blob_store *s, const char *id, const char *owner, struct upload **out, struct err *e);
/* As acknowledged; borrowed. */
const struct upload_info *upload_info(const struct upload *u);
/* Bytes written in all, acknowledged or not. */
int64_t upload_written(const struct upload *u);
/* Says the length of one that had none. ERR_CONFLICT when it has another or more was written, ERR_INVALID as above. */
int upload_set_length(struct upload *u, int64_t length, struct err *e);
/* What is written is all or nothing: another writer that takes over gives it up instead of keeping it. */
void upload_hold(struct upload *u);
/* Takes LEN bytes more. ERR_INVALID when they pass the length (nothing of them is taken), ERR_NOSPACE, ERR_CONFLICT when
 * another writer took over; after any error but ERR_INVALID only upload_close may follow. */
int upload_write(struct upload *u, const void *data, size_t len, struct err *e);
/* Acknowledges what was written: on return 0 it is on disk. */
int upload_commit(struct upload *u, struct err *e);
/* Makes the blob of one whose bytes are all acknowledged: hash, kind, its place in the store. What is refused is removed.
 * The upload itself stays what it is until upload_done, so that the caller can note the blob in between; both may be
 * repeated after a crash. */
int upload_finish(struct upload *u, struct upload_end *out, struct err *e);
/* Marks it complete and lets go of its bytes; it is told as complete until it expires. */
int upload_done(struct upload *u, struct err *e);
/* Ends the writing; gives up what was not acknowledged. NULL is legal. */
void upload_close(struct upload *u);
/* Removes one; its blob, if it is one, stays. As upload_open. */
int upload_remove(struct blob_store *s, const char *id, const char *owner, struct err *e);
/* Removes what has expired, and what a crash left half made. */
int upload_sweep(struct blob_store *s, int64_t *removed, struct err *e);

#endif
