/* What the ledger's database knows of the blobs of its box: table `blobs`. The bytes are in shared/blob. */
#ifndef XINKE_LEDGER_BLOB_H
#define XINKE_LEDGER_BLOB_H

#include "shared/ledger/ledger.h"

#define LEDGER_BLOB_MEDIA_MAX 32

struct ledger_blob {
	uint8_t sha256[DIGEST_LEN];
	int64_t size;
	char media[LEDGER_BLOB_MEDIA_MAX];
	int64_t stored_at, confirmed_at, dropped_at; /* Unix ms; 0 = not so */
};

/* Notes one that is on the disk, in the caller's transaction. One that is known stays as it is, and is here again. */
int ledger_blob_put(struct ledger *l, const struct ledger_blob *b, struct err *e);
/* ERR_NOTFOUND when it was never here. */
int ledger_blob_get(struct ledger *l, const uint8_t sha256[DIGEST_LEN], struct ledger_blob *out, struct err *e);
/* Notes that it is not on the disk any more, in the caller's transaction. */
int ledger_blob_lost(struct ledger *l, const uint8_t sha256[DIGEST_LEN], struct err *e);
/* Up to MAX hashes above AFTER (zero bytes to begin with) of those that should be here, into OUT; N gets how many. */
int ledger_blob_some(struct ledger *l, const uint8_t after[DIGEST_LEN], uint8_t (*out)[DIGEST_LEN], int max, int *n,
                     struct err *e);

#endif
