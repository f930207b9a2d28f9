/* The courier's hands: what the engine asks for, done with a ledger, a clock and a network that the caller gives.
 *
 * No socket, no file but the ledger's, no waiting: the daemon and the simulator drive the same code. One thread. */
#ifndef XINKE_HANDS_H
#define XINKE_HANDS_H

#include "shared/clock.h"
#include "shared/ledger/ledger.h"
#include "shared/log.h"
#include "sync/agent/answer.h"
#include "sync/engine/engine.h"

struct hands;

/* All borrowed. */
struct hands {
	struct ledger *l;
	struct clock *clock;
	struct engine *g;
	const struct log *log;
	const char *root; /* the county's root, PEM */
	/* POST (BODY) or GET (BODY NULL) to the county: as transport_call. */
	int (*call)(void *arg, const char *path, const char *body, size_t len, int timeout_ms,
	            struct transport_answer *out, struct err *e);
	/* GET over a connection that nothing vouches for; NULL = the time is not asked. */
	int (*ask)(void *arg, const char *path, int timeout_ms, struct transport_answer *out, struct err *e);
	/* Believe the county by these keys ("sha256//...;...") and not by the dates of its certificate; NULL = by its
	 * certificate again. */
	void (*pin)(void *arg, const char *pins);
	int (*space)(void *arg, int64_t *avail, int64_t *total); /* bytes of the data folder; NULL = not told */
	/* Does what the engine asks of a blob and reports it; only where the engine was made with `carries`. */
	void (*carry)(struct hands *h, const struct carry_step *s);
	void (*changed)(void *arg); /* the gateway has something to look at; NULL = none */
	void *arg;
	bool pinned;                        /* the system's clock is wrong: see `pin` */
	int64_t took;                       /* ms of the last call */
	int64_t last_success, last_attempt; /* Unix ms, 0 = never */
};

/* Does what S says and reports it to the engine. ENGINE_WAIT is the caller's. */
void hands_step(struct hands *h, const struct engine_step *s);

#endif
