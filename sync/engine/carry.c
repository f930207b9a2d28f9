/* See carry.h. One state a call; each report moves on or gives the blob up for now. */
#include "sync/engine/carry.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define PIECE_MIN    4096
#define PIECE_MAX    1048576
#define PIECE_START  8192 /* while the rate is not known */
#define PIECE_MS     1000
#define WAIT_MIN_MS  5000
#define WAIT_TIMES   4
#define FULL_WAIT_MS 600000 /* a county without space is asked again then */
#define BUSY_WAIT_MS 5000   /* another connection of ours still writes there */
#define AGAIN_MS     5000   /* after a failure; the engine's own back-off may be longer */

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void idle(struct carry *c, int64_t due)
{
	c->state = CARRY_IDLE;
	c->due = due;
	c->empty = false;
}

/* --- what next --- */

static size_t piece(const struct carry *c)
{
	int64_t n = c->rate ? c->rate * PIECE_MS / 1000 : PIECE_START;
	if (c->cfg.cap) n = least(n, c->cfg.cap);
	if (n < PIECE_MIN) n = PIECE_MIN;
	return (size_t)least(least(n, PIECE_MAX), c->item.size - c->offset);
}

static int patience(const struct carry *c, size_t len)
{
	if (!c->rate) return c->cfg.timeout_ms;
	return (int)least(WAIT_MIN_MS + WAIT_TIMES * (int64_t)len * 1000 / c->rate, c->cfg.timeout_ms);
}

bool carry_next(struct carry *c, int64_t mono, int64_t rate, struct carry_step *out)
{
	static const enum carry_what what[] = {
	    [CARRY_PICKING] = CARRY_PICK, [CARRY_ASKING] = CARRY_ASK,   [CARRY_MAKING] = CARRY_MAKE,
	    [CARRY_FINDING] = CARRY_FIND, [CARRY_SENDING] = CARRY_SEND, [CARRY_FETCHING] = CARRY_FETCH,
	    [CARRY_NOTING] = CARRY_NOTE,
	};
	bool moves = c->state == CARRY_SENDING || c->state == CARRY_FETCHING;
	if (!c->rate) c->rate = rate;
	if (c->due > mono) return false;
	if (moves && c->item.until && mono >= c->item.until) idle(c, mono);
	if (c->state == CARRY_IDLE) c->state = CARRY_PICKING;
	moves = c->state == CARRY_SENDING || c->state == CARRY_FETCHING;
	c->len = moves ? piece(c) : 0;
	*out = (struct carry_step){.what = what[c->state],
	                           .turn = c->turn,
	                           .end = c->end,
	                           .item = &c->item,
	                           .offset = c->offset,
	                           .len = c->len,
	                           .timeout_ms = patience(c, c->len)};
	return true;
}

void carry_picked(struct carry *c, const struct carry_item *item, int64_t again)
{
	assert(c->state == CARRY_PICKING);
	if (!item) {
		idle(c, again);
		c->empty = true;
		return;
	}
	c->item = *item;
	c->whole = false;
	c->offset = item->fetch ? item->offset : 0;
	c->turn = c->turn == CARRY_OLDEST ? CARRY_SMALLEST : CARRY_OLDEST;
	c->state = item->fetch ? CARRY_FETCHING : *item->upload ? CARRY_FINDING : CARRY_ASKING;
}

/* --- answers --- */

static void note(struct carry *c, enum carry_end end)
{
	c->end = end;
	c->state = CARRY_NOTING;
}

/* What the line carries, without the way there and back: that a call without bytes measures. */
static void measure(struct carry *c, int64_t bytes, int64_t took)
{
	if (took - c->delay > took / 4) took -= c->delay;
	int64_t rate = bytes * 1000 / (took < 1 ? 1 : took);
	if (rate < 1) rate = 1;
	c->rate = c->rate ? (c->rate + rate) / 2 : rate;
	c->st.bytes += bytes;
}

/* A cap is kept by waiting before the next piece. */
static void hold_back(struct carry *c, int64_t mono, int64_t bytes, int64_t took)
{
	if (!c->cfg.cap) return;
	int64_t rest = bytes * 1000 / c->cfg.cap - took;
	if (rest > 0) c->due = mono + rest;
}

static bool asked(struct carry *c, int64_t mono, int status)
{
	if (status == 200 || status == 204)
		note(c, CARRY_DONE);
	else if (status == 404 &&
	         c->whole) /* every byte came and there is no blob: it was another than its name says */
		note(c, CARRY_REFUSED);
	else if (status == 404)
		c->state = CARRY_MAKING;
	else
		return false;
	(void)mono;
	return true;
}

static bool made(struct carry *c, int64_t mono, int status, int64_t offset, const char *upload)
{
	if (status == 413 || status == 507) {
		idle(c, mono + FULL_WAIT_MS);
		return true;
	}
	if (status != 201 || !*upload || strlen(upload) >= CARRY_UPLOAD_MAX) return false;
	(void)snprintf(c->item.upload, sizeof c->item.upload, "%s", upload);
	c->offset = offset > 0 && offset <= c->item.size ? offset : 0;
	note(c, CARRY_MADE);
	return true;
}

static bool found(struct carry *c, int status, int64_t offset)
{
	if (status == 404 || status == 410) {
		c->item.upload[0] = '\0';
		c->state = CARRY_ASKING;
		return true;
	}
	if ((status != 200 && status != 204) || offset < 0 || offset > c->item.size) return false;
	c->offset = offset;
	c->whole = offset == c->item.size;
	c->state = c->whole ? CARRY_ASKING : CARRY_SENDING;
	return true;
}

static bool sent(struct carry *c, int64_t mono, int status, int64_t offset, int64_t took)
{
	switch (status) {
	case 204:
		if (offset <= c->offset || offset > c->item.size) return false;
		measure(c, offset - c->offset, took);
		hold_back(c, mono, offset - c->offset, took);
		c->offset = offset;
		if (offset == c->item.size) note(c, CARRY_DONE);
		return true;
	case 409: c->state = CARRY_FINDING; return true; /* an answer was lost: how far is it? */
	case 404:
	case 410: return found(c, status, offset);
	case 423:
		c->state = CARRY_FINDING;
		c->due = mono + BUSY_WAIT_MS;
		return true;
	case 413:
	case 507: idle(c, mono + FULL_WAIT_MS); return true;
	case 400:
	case 415:
	case 422:
	case 460: note(c, CARRY_REFUSED); return true; /* not the bytes of its name, or no kind that is taken */
	default: return false;
	}
}

static bool fetched(struct carry *c, int64_t mono, int status, int64_t offset, int64_t took)
{
	if (status == 404 || status == 410 || status == 416) {
		note(c, CARRY_REFUSED);
		return true;
	}
	if (status != 206 || offset <= c->offset || offset > c->item.size) return false;
	measure(c, offset - c->offset, took);
	hold_back(c, mono, offset - c->offset, took);
	c->offset = offset;
	if (offset == c->item.size) note(c, CARRY_DONE);
	return true;
}

bool carry_answered(struct carry *c, int64_t mono, int status, int64_t offset, const char *upload, int64_t took_ms)
{
	bool ok = false;
	if (!c->len && took_ms > 0 && (!c->delay || took_ms < c->delay)) c->delay = took_ms;
	switch (c->state) {
	case CARRY_ASKING: ok = asked(c, mono, status); break;
	case CARRY_MAKING: ok = made(c, mono, status, offset, upload); break;
	case CARRY_FINDING: ok = found(c, status, offset); break;
	case CARRY_SENDING: ok = sent(c, mono, status, offset, took_ms); break;
	case CARRY_FETCHING: ok = fetched(c, mono, status, offset, took_ms); break;
	case CARRY_IDLE:
	case CARRY_PICKING:
	case CARRY_NOTING: assert(false);
	}
	if (!ok) carry_failed(c, mono);
	return ok;
}

void carry_failed(struct carry *c, int64_t mono)
{
	idle(c, mono + AGAIN_MS);
}

void carry_noted(struct carry *c)
{
	assert(c->state == CARRY_NOTING);
	if (c->end == CARRY_MADE) {
		c->state = c->offset < c->item.size ? CARRY_SENDING : CARRY_FINDING;
		return;
	}
	c->st.done += c->end == CARRY_DONE && !c->item.fetch;
	c->st.fetched += c->end == CARRY_DONE && c->item.fetch;
	c->st.refused += c->end == CARRY_REFUSED;
	idle(c, c->due); /* a cap's wait goes on */
}

void carry_kick(struct carry *c)
{
	if (c->state == CARRY_IDLE && c->empty) c->due = 0; /* neither a cap nor a failure waits less for it */
}
