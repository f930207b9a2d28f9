/* What time it is, asked of the county by a box whose clock lets it believe no certificate. */
#ifndef XINKE_AGENT_TIME_H
#define XINKE_AGENT_TIME_H

#include "sync/agent/hands.h"

/* Asks over a connection that nothing vouches for; what vouches is the signature over our nonce, by a key whose
 * certificate has our root and was valid at the time that it signs. Then the ledger's clock follows, and where the
 * system's own stays wrong the connection is held to the key that the county names (h->pin). *HELPED when the next call
 * may go better. ERR_IO without an answer, ERR_DENIED for one that is not the county's. */
int time_ask(struct hands *h, bool *helped, struct err *e);
/* A signed answer said that it is NOW (Unix ms), good to ERROR ms. *FIXED when the clock was wrong until then. */
int time_told(struct hands *h, int64_t now, int64_t error, bool *fixed, struct err *e);
/* The answer key of id ID by its certificate CERT, valid at AT (Unix ms). New (ec_key_free). */
int time_key(const char *cert, size_t len, const char *id, const char *root, int64_t at, struct ec_key **out,
             struct err *e);

#endif
