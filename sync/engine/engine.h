/* The courier's mind, without hands: what to do next, given time, events and answers. Sans-IO.
 *
 * How much a call carries follows what the last ones took: one call is to be over in CALL_MS (engine.c), so that it fits a
 * link that is up for seconds, and its answer is waited for no longer than a few times that.
 *
 * The caller asks engine_next, does what it says (wait, read the ledger, make a call, apply, look a head up, open a
 * log), and reports the outcome with the matching engine_* call. No clock, socket, file or random source is touched
 * here, so a simulator can run it against the real county code. States and rules: sync/PROTOCOL.md. */
#ifndef XINKE_ENGINE_H
#define XINKE_ENGINE_H

#include "shared/crypto/ec.h"
#include "shared/err.h"
#include "shared/ledger/ledger.h"
#include "shared/pack.h"
#include "sync/engine/carry.h"
#include "sync/engine/wire.h"

#include <stdbool.h>
#include <stdint.h>

struct engine; /* opaque; one thread */

enum engine_what {
	ENGINE_WAIT,   /* nothing before `until` unless engine_kick comes */
	ENGINE_READ,   /* read heads and what lies above the received mark: `limit`, `max_bytes`; then engine_loaded */
	ENGINE_SEND,   /* mark `seq` as sent, POST `body` to /sync/v1/exchange; then engine_answered or engine_failed */
	ENGINE_KEY,    /* GET /sync/v1/keys/`key_id`, check it against the root; then engine_key */
	ENGINE_APPLY,  /* apply `answer` to the ledger; then engine_applied */
	ENGINE_LOOKUP, /* is `mark` in the open log's chain? then engine_found */
	ENGINE_REWIND, /* take `mark` as received; then engine_applied */
	ENGINE_CARRY,  /* the link is free: do what `carry` says; then engine_carry_* */
	ENGINE_NEW_LOG, /* this box is a copy: open a new log with box number `box`; then engine_reset */
};

struct engine_step {
	enum engine_what what;
	int64_t until; /* monotonic ms */
	int limit;
	size_t max_bytes;
	int64_t seq;      /* SEND: highest in the request */
	const char *body; /* borrowed until reported; JSON, or a zstd frame */
	size_t len;
	int timeout_ms;
	const char *key_id;
	const struct wire_answer *answer; /* borrowed until reported */
	struct wire_mark mark;
	int box;
	struct carry_step carry;
};

struct engine_config {
	char software[WIRE_SOFTWARE_MAX];
	int64_t poll_ms;        /* between calls while nothing waits; 0 = 30000 */
	int64_t backoff_max_ms; /* 0 = 300000 */
	int batch_max;          /* events a call; 0 = LIMIT_BATCH_EVENTS */
	int timeout_ms;         /* longest wait for one answer; 0 = 20000 */
	uint64_t seed;          /* of the jitter */
	struct pack *pack;      /* packs requests and opens answers; borrowed, NULL = all goes plain */
	bool carries;           /* blobs, between calls */
	int64_t carry_cap;      /* bytes a second that they may take, 0 = what the line gives */
	unsigned dict;          /* the dictionary that requests are packed with, 0 = none */
};

/* New (free with engine_free), NULL when out of memory. */
struct engine *engine_new(const struct engine_config *cfg);
void engine_free(struct engine *g);
/* Adds the public key of an answer certificate that was checked against the root; takes KEY. */
void engine_add_key(struct engine *g, const char *key_id, struct ec_key *key);

/* What to do now, at monotonic time MONO. */
void engine_next(struct engine *g, int64_t mono, struct engine_step *out);

/* What was read. Takes the events; their memory is released with the request. */
struct engine_load {
	char station[13];
	struct ledger_head head;
	struct wire_mark feed;
	struct clock_now now;
	struct event *events; /* array of LIMIT_BATCH_EVENTS at most, malloced; taken */
	int n;
	json_t *health; /* taken; NULL = none */
};
void engine_loaded(struct engine *g, struct engine_load *load);
/* The ledger could not be read or written: try again later. */
void engine_store_failed(struct engine *g, int64_t mono, const struct err *e);
/* An HTTP answer came. SIGNATURE may be NULL. Whatever is not a signed answer of the county is a failure. */
void engine_answered(struct engine *g, int64_t mono, int status, const char *body, size_t len, const char *signature);
/* No answer: no route, refused, time-out, TLS. */
void engine_failed(struct engine *g, int64_t mono, const char *why);
/* The key, checked, or NULL when there is none to be had; takes KEY. */
void engine_key(struct engine *g, int64_t mono, struct ec_key *key);
void engine_applied(struct engine *g, int64_t mono);
void engine_found(struct engine *g, int64_t mono, bool found);
/* The reports of ENGINE_CARRY, as in carry.h. An answer that is none of the county's is a failure of the link. */
void engine_carry_picked(struct engine *g, const struct carry_item *item, int64_t again);
void engine_carry_answered(struct engine *g, int64_t mono, int status, int64_t offset, const char *upload,
                           int64_t took_ms);
void engine_carry_failed(struct engine *g, int64_t mono, const char *why);
/* This machine could not: later, and no word about the link. */
void engine_carry_store_failed(struct engine *g, int64_t mono);
void engine_carry_noted(struct engine *g, int64_t mono);
/* The log is another one now: begin anew. */
void engine_reset(struct engine *g);
/* Go now: new events, the user's wish, the link is up. Ends a waiting, forgets the back-off when LINK_UP. */
void engine_kick(struct engine *g, bool link_up);

/* What is known of the link. */
struct engine_status {
	int64_t attempts, answers, failures; /* calls so far */
	int64_t sent, received;              /* events */
	bool link_up;                        /* the last call was answered by the county */
	bool working;                        /* events or feed are left to carry */
	char error[ERR_MSG_MAX];             /* of the last failure, "" when the last call went well */
	int failed_in_row;
	int64_t next;                       /* monotonic ms of the next attempt, 0 = now */
	int64_t bytes_sent, bytes_received; /* of requests and signed answers, without HTTP and TLS */
	int64_t rate;                       /* bytes a second, both ways, of the last calls; 0 = not known */
	int batch;                          /* events that the next call may carry */
	struct carry_status blobs;
	bool expired; /* the county says that the certificate has expired */
};
void engine_status(const struct engine *g, struct engine_status *out);

#endif
