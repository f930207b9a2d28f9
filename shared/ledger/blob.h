/* What the ledger's database knows of photos and papers: which case has which, what lies on this box, what the county has.
 * The bytes are in shared/blob. */
#ifndef XINKE_LEDGER_BLOB_H
#define XINKE_LEDGER_BLOB_H

#include "shared/ledger/ledger.h"

#define LEDGER_BLOB_MEDIA_MAX  32
#define LEDGER_BLOB_UPLOAD_MAX 48

struct ledger_blob {
	uint8_t sha256[DIGEST_LEN];
	int64_t size;
	char media[LEDGER_BLOB_MEDIA_MAX];
	int64_t stored_at, dropped_at; /* Unix ms; 0 = not so */
	bool marked;                   /* the county has it */
};

/* Notes one that is on the disk, in the caller's transaction. One that is known stays as it is, and is here again. */
int ledger_blob_put(struct ledger *l, const struct ledger_blob *b, struct err *e);
/* ERR_NOTFOUND when it was never here. */
int ledger_blob_get(struct ledger *l, const uint8_t sha256[DIGEST_LEN], struct ledger_blob *out, struct err *e);
/* Notes that it is not on the disk any more, in the caller's transaction. */
int ledger_blob_lost(struct ledger *l, const uint8_t sha256[DIGEST_LEN], struct err *e);
/* The same of one that nothing refers to: it is forgotten. */
int ledger_blob_forget(struct ledger *l, const uint8_t sha256[DIGEST_LEN], struct err *e);
/* Up to MAX hashes above AFTER (zero bytes to begin with) of those that should be here, into OUT; N gets how many. */
int ledger_blob_some(struct ledger *l, const uint8_t after[DIGEST_LEN], uint8_t (*out)[DIGEST_LEN], int max, int *n,
                     struct err *e);
/* Up to MAX that may leave the box, the oldest first: of those stored before AT, what the county has, or (ORPHANS) what no
 * case has. */
int ledger_blob_leaving(struct ledger *l, bool orphans, int64_t at, uint8_t (*out)[DIGEST_LEN], int max, int *n,
                        struct err *e);
/* What the county says that it has: its size and media. ERR_NOTFOUND. */
int ledger_blob_mark_get(struct ledger *l, const uint8_t sha256[DIGEST_LEN], struct ledger_blob *out, struct err *e);
/* Has any case it? */
int ledger_blob_linked(struct ledger *l, const uint8_t sha256[DIGEST_LEN], bool *yes, struct err *e);

/* --- the courier's --- */

struct ledger_blob_next {
	uint8_t sha256[DIGEST_LEN];
	int64_t size;
	char upload[LEDGER_BLOB_UPLOAD_MAX]; /* at the county, or of this box's store what is wanted; "" = none */
};
/* The next to send at NOW: thumbnails first, then the smallest or the oldest. ERR_NOTFOUND when none waits. */
int ledger_blob_next(struct ledger *l, bool smallest, int64_t now, struct ledger_blob_next *out, struct err *e);
/* The next that somebody here waits for. ERR_NOTFOUND. */
int ledger_blob_want_next(struct ledger *l, int64_t now, struct ledger_blob_next *out, struct err *e);
/* In the caller's transaction: the county knows the upload as ID; it has come, and is asked for again at AT where the feed does
 * not say so by then; the county did not take it, and it is not sent before AT; how often that was. */
int ledger_blob_begun(struct ledger *l, const uint8_t sha256[DIGEST_LEN], const char *id, struct err *e);
int ledger_blob_sent(struct ledger *l, const uint8_t sha256[DIGEST_LEN], int64_t at, struct err *e);
int ledger_blob_later(struct ledger *l, const uint8_t sha256[DIGEST_LEN], int64_t at, struct err *e);
int ledger_blob_tries(struct ledger *l, const uint8_t sha256[DIGEST_LEN], int *n, struct err *e);
/* The bytes of what somebody waits for go into the upload ID of this box's store. */
int ledger_blob_want_begun(struct ledger *l, const uint8_t sha256[DIGEST_LEN], const char *id, struct err *e);
/* Somebody here waits for it since AT; no longer; not to be fetched before AT. */
int ledger_blob_want(struct ledger *l, const uint8_t sha256[DIGEST_LEN], int64_t at, struct err *e);
int ledger_blob_want_drop(struct ledger *l, const uint8_t sha256[DIGEST_LEN], struct err *e);
int ledger_blob_want_later(struct ledger *l, const uint8_t sha256[DIGEST_LEN], int64_t at, struct err *e);

/* The bytes of what was stored after AT and is still here, and when the first of it was (Unix ms; AT where there is none). */
int ledger_blob_pace(struct ledger *l, int64_t at, int64_t *bytes, int64_t *since, struct err *e);
/* What waits to be sent. */
struct ledger_blob_backlog {
	int64_t blobs, bytes;
	int64_t refused; /* of them, refused before or not confirmed in time */
};
int ledger_blob_backlog(struct ledger *l, struct ledger_blob_backlog *out, struct err *e);

#endif
