/* See blob.h. Written by the gateway's writer and at its start. */
#include "shared/ledger/blob.h"
#include "shared/ledger/internal.h"

#include <stdio.h>
#include <string.h>

int ledger_blob_put(struct ledger *l, const struct ledger_blob *b, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_blob_put, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "sha256", b->sha256, DIGEST_LEN);
	db_bind_int(s, "size", b->size);
	db_bind_text(s, "media", b->media);
	db_bind_int(s, "at", b->stored_at);
	return db_run(s, e);
}

int ledger_blob_get(struct ledger *l, const uint8_t sha256[DIGEST_LEN], struct ledger_blob *out, struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_blob_get, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "sha256", sha256, DIGEST_LEN);
	int r = db_step(s, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_NOTFOUND, "no such blob");
	*out = (struct ledger_blob){
	    .size = db_int(s, 0), .stored_at = db_int(s, 2), .confirmed_at = db_int(s, 3), .dropped_at = db_int(s, 4)};
	memcpy(out->sha256, sha256, DIGEST_LEN);
	(void)snprintf(out->media, sizeof out->media, "%s", db_text(s, 1));
	db_reset(s);
	return ERR_OK;
}

int ledger_blob_lost(struct ledger *l, const uint8_t sha256[DIGEST_LEN], struct err *e)
{
	struct db_stmt *s = db_query(l->db, Q_blob_lost, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "sha256", sha256, DIGEST_LEN);
	db_bind_int(s, "at", ledger_now(l).wall);
	return db_run(s, e);
}

int ledger_blob_some(struct ledger *l, const uint8_t after[DIGEST_LEN], uint8_t (*out)[DIGEST_LEN], int max, int *n,
                     struct err *e)
{
	int r = 0;
	*n = 0;
	struct db_stmt *s = db_query(l->db, Q_blob_each, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "after", after, DIGEST_LEN);
	db_bind_int(s, "limit", max);
	while (*n < max && (r = db_step(s, e)) > 0)
		if (db_copy_blob(s, 0, out[*n], DIGEST_LEN)) (*n)++;
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}
