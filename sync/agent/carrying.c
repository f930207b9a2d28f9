/* See carrying.h. */
#include "sync/agent/carrying.h"

#include "shared/ledger/blob.h"

#include <stdio.h>
#include <string.h>

int carrying_next(struct ledger *l, enum carry_turn turn, int64_t now, struct carry_item *out, struct err *e)
{
	struct ledger_blob_next n;
	*out = (struct carry_item){0};
	int rc = ledger_blob_next(l, turn == CARRY_SMALLEST, now, &n, e);
	if (rc) return rc;
	memcpy(out->sha256, n.sha256, DIGEST_LEN);
	out->size = n.size;
	(void)snprintf(out->upload, sizeof out->upload, "%s", n.upload);
	return ERR_OK;
}

static int64_t later(int tries)
{
	int64_t wait = CARRYING_CONFIRM_MS;
	for (int i = 0; i < tries && wait < CARRYING_LATER_MS; i++)
		wait *= 2;
	return wait < CARRYING_LATER_MS ? wait : CARRYING_LATER_MS;
}

int carrying_note(struct ledger *l, const struct carry_step *s, int64_t now, struct err *e)
{
	int tries = 0;
	const uint8_t *sha256 = s->item->sha256;
	if (s->end == CARRY_MADE) return ledger_blob_begun(l, sha256, s->item->upload, e);
	if (s->end == CARRY_DONE) return ledger_blob_sent(l, sha256, now + CARRYING_CONFIRM_MS, e);
	int rc = ledger_blob_tries(l, sha256, &tries, e);
	return rc ? rc : ledger_blob_later(l, sha256, now + later(tries), e);
}
