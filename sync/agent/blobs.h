/* The courier's hands for photos and papers: what the engine asks of a blob, done with the box's store, its ledger and the county's
 * tus. One thread. */
#ifndef XINKE_AGENT_BLOBS_H
#define XINKE_AGENT_BLOBS_H

#include "shared/blob/upload.h"
#include "sync/agent/hands.h"
#include "sync/agent/transport.h"

struct blobs_config {
	const char *dir;            /* the box's blob folder */
	int64_t reserve;            /* bytes of the disk that a fetch leaves free */
	int window_from, window_to; /* minutes of the day in China between which blobs travel; equal = always */
};

struct blobs {
	struct blobs_config cfg;
	struct transport *t; /* borrowed */
	struct blob_store *store;
	struct blob *open; /* being sent */
	uint8_t open_sha256[DIGEST_LEN];
	struct upload *in; /* being fetched */
	uint8_t *piece;
	size_t cap;
};

/* Opens the folder under the ledger's key; H's clock tells the time. B is released by blobs_close. */
int blobs_open(struct blobs *b, const struct blobs_config *cfg, struct transport *t, struct hands *h, struct err *e);
void blobs_close(struct blobs *b);
/* Does what S says and reports it to the engine. */
void blobs_step(struct blobs *b, struct hands *h, const struct carry_step *s);
/* "22:00-07:00" into minutes; "" = always. ERR_INVALID. */
int blobs_window(const char *text, int *from, int *to, struct err *e);

#endif
