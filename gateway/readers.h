/* Ledger connections for reading, lent for the length of one handler or one round. Any thread. */
#ifndef XINKE_GATEWAY_READERS_H
#define XINKE_GATEWAY_READERS_H

#include "shared/err.h"
#include "shared/ledger/ledger.h"

struct readers; /* opaque */

/* Opens N connections. New (close with readers_close). */
int readers_open(const struct ledger_config *cfg, int n, struct readers **out, struct err *e);
/* A connection of one's own until readers_give; waits when all are lent, which as many as threads read never happens. */
struct ledger *readers_take(struct readers *r);
void readers_give(struct readers *r, struct ledger *l);
/* All must have been given back. NULL is legal. */
void readers_close(struct readers *r);

#endif
