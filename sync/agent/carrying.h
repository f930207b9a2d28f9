/* What the ledger has to say of blobs on their way to the county: which is next, and what became of it. Shared by the daemon,
 * whose bytes come from the blob store (blobs.c), and the simulators, which have none. */
#ifndef XINKE_AGENT_CARRYING_H
#define XINKE_AGENT_CARRYING_H

#include "shared/ledger/ledger.h"
#include "sync/engine/carry.h"

/* The next to send, by TURN, at NOW (Unix ms). ERR_NOTFOUND when none waits. */
int carrying_next(struct ledger *l, enum carry_turn turn, int64_t now, struct carry_item *out, struct err *e);
/* Writes down, in the caller's transaction, what S says of one that is sent: its upload is known; it has come, and is asked for
 * again in an hour where the feed does not say so; it was refused, and is sent again after 1, 2, 4 ... 24 hours. */
int carrying_note(struct ledger *l, const struct carry_step *s, int64_t now, struct err *e);

#define CARRYING_CONFIRM_MS 3600000LL        /* until then the feed should have said that the county has it */
#define CARRYING_LATER_MS   (24 * 3600000LL) /* what is refused again and again is tried once a day */

#endif
