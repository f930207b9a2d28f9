/* How photos and papers travel: one blob at a time, in pieces, between the calls of the engine. Sans-IO, a part of engine.h.
 *
 * A piece holds what the line carries in a second, so that an event waits no longer behind one. Where a blob is broken off
 * it goes on at the byte that the county has. Small before large, and by turns the oldest, so that nothing waits for ever. */
#ifndef XINKE_CARRY_H
#define XINKE_CARRY_H

#include "shared/crypto/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CARRY_UPLOAD_MAX 48 /* bytes of an upload's id at the county, NUL included */

enum carry_what {
	CARRY_PICK,  /* which blob next, by `turn`? then carry_picked */
	CARRY_ASK,   /* HEAD /sync/v1/blobs/SHA256; this and the calls below end in carry_answered or carry_failed */
	CARRY_MAKE,  /* POST /sync/v1/uploads */
	CARRY_FIND,  /* HEAD /sync/v1/uploads/UPLOAD */
	CARRY_SEND,  /* PATCH of `len` bytes at `offset` */
	CARRY_FETCH, /* GET /sync/v1/blobs/SHA256, `len` bytes at `offset`, kept before it is told */
	CARRY_NOTE,  /* write `end` down; then carry_noted */
};
enum carry_turn { CARRY_OLDEST, CARRY_SMALLEST };
enum carry_end {
	CARRY_MADE,    /* the county knows the upload as item->upload: a restart goes on with it */
	CARRY_DONE,    /* the county has the blob; or, fetched, this box */
	CARRY_REFUSED, /* the county did not take it, or no longer has it */
};

struct carry_item {
	bool fetch; /* from the county to this box */
	uint8_t sha256[DIGEST_LEN];
	int64_t size;
	char upload[CARRY_UPLOAD_MAX]; /* at the county, "" = none yet */
	int64_t offset;                /* of a fetch: what is here */
	int64_t until;                 /* monotonic ms at which to stop for now, 0 = never */
};

struct carry_step {
	enum carry_what what;
	enum carry_turn turn;
	enum carry_end end;
	const struct carry_item *item; /* borrowed until reported */
	int64_t offset;
	size_t len;
	int timeout_ms;
};

struct carry_config {
	int64_t cap;    /* bytes a second at most, 0 = what the line gives */
	int timeout_ms; /* longest wait for an answer */
};

enum carry_state {
	CARRY_IDLE,
	CARRY_PICKING,
	CARRY_ASKING,
	CARRY_MAKING,
	CARRY_FINDING,
	CARRY_SENDING,
	CARRY_FETCHING,
	CARRY_NOTING
};

struct carry_status {
	int64_t done, refused, fetched;
	int64_t bytes; /* of blobs, both ways */
};

/* No pointer in it; zeroed but for cfg it is ready. */
struct carry {
	struct carry_config cfg;
	enum carry_state state;
	struct carry_item item;
	int64_t offset; /* that the county has, or this box */
	size_t len;     /* of the piece under way */
	enum carry_end end;
	enum carry_turn turn;
	int64_t due;   /* monotonic ms before which nothing is done */
	int64_t rate;  /* bytes a second of the last pieces, 0 = not known */
	int64_t delay; /* ms of the quickest call without a piece, 0 = none yet */
	bool whole;    /* every byte is there: is the blob? */
	bool empty;    /* nothing waited at the last look */
	struct carry_status st;
};

/* What to do at MONO, where the line gives RATE bytes a second by other calls (0 = not known). False: nothing before
 * C->due. */
bool carry_next(struct carry *c, int64_t mono, int64_t rate, struct carry_step *out);
/* What was picked; NULL = nothing waits, ask again at AGAIN (monotonic ms). */
void carry_picked(struct carry *c, const struct carry_item *item, int64_t again);
/* An answer: its status, the offset that it tells (-1 = none; of a fetch: what is here now), the upload that it names ("" =
 * none), and what the call took. False: no answer of the county's, as carry_failed. */
bool carry_answered(struct carry *c, int64_t mono, int status, int64_t offset, const char *upload, int64_t took_ms);
/* No answer, or nothing could be read or written: from the beginning, later. */
void carry_failed(struct carry *c, int64_t mono);
void carry_noted(struct carry *c);
/* Something new waits. */
void carry_kick(struct carry *c);

#endif
