/* See engine.h. One state a step of the exchange; every report moves to the next state or to a wait. */
#include "sync/engine/engine.h"

#include "shared/buf.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/mutant.h"
#include "shared/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX       8
#define BACKOFF_MIN_MS 1000
#define BATCH_START    100
#define GROWTH                                                                                                         \
	8 /* a batch may be as many times the last one: a small call takes mostly delay, so what fits is underrated */
#define REFUSED_WAIT_MS 60000 /* a box that the county does not let in asks once a minute, for it may be let in again */
#define CALL_MS         4000  /* what one call should take at most */
#define WAIT_MIN_MS     5000  /* no answer is given up sooner */
#define PROBLEM_MAX     4096
#define PLAIN_MS        3600000
#define ROWS_MS         3600000
#define FAST_LINK       262144 /* bytes a second */
#define LEVEL_FAST      9
#define LEVEL_SLOW      15     /* 4 to 7 % less than 9 for eight times the work */
#define FLAPS_MS        600000 /* a link that was up so lately comes up again soon: it is tried often */
#define FLAPS_BOUND_MS  4000
#define WAIT_TIMES      4 /* an answer may take this many times what the rate so far lets expect */

enum state { IDLE, READING, CALLING, WANT_KEY, CHECKING, APPLYING, LOOKING, REWINDING, OPENING };

struct key {
	char id[WIRE_KEY_ID_MAX];
	struct ec_key *key;
};

struct engine {
	struct engine_config cfg;
	enum state state;
	int64_t due; /* monotonic ms before which nothing is done; 0 = now */
	uint64_t rng;
	int batch;   /* events in the next call */
	bool detail; /* the next call carries hashes and macs */
	struct key keys[KEYS_MAX];
	int n_keys;

	struct wire_request req;
	struct buf body;   /* the request as it was or will be sent */
	int64_t plain;     /* monotonic ms until which nothing is packed: whoever answered cannot open it */
	int64_t rows;      /* the same of columns: whoever answered cannot read them */
	char *answer_text; /* kept while its key is fetched */
	size_t answer_len;
	char *signature;
	char key_id[WIRE_KEY_ID_MAX]; /* that the signature names */
	struct wire_answer answer;
	int64_t sent_at; /* monotonic ms of the call, 0 = not sent yet */
	int64_t answered_at;
	size_t answer_bytes;
	bool again;        /* go on at once when the answer is applied */
	bool told_to_wait; /* the county named the time of the next call */
	int64_t up_at;     /* monotonic ms of the last answer that was the county's, 0 = none yet */
	struct carry carry;
	struct engine_status st;
};

struct engine *engine_new(const struct engine_config *cfg)
{
	struct engine *g = calloc(1, sizeof *g);
	if (!g) return NULL;
	g->cfg = *cfg;
	if (!g->cfg.poll_ms) g->cfg.poll_ms = 30000;
	if (!g->cfg.backoff_max_ms) g->cfg.backoff_max_ms = 300000;
	if (!g->cfg.batch_max || g->cfg.batch_max > LIMIT_BATCH_EVENTS) g->cfg.batch_max = LIMIT_BATCH_EVENTS;
	if (!g->cfg.timeout_ms) g->cfg.timeout_ms = 20000;
	g->carry.cfg = (struct carry_config){.cap = cfg->carry_cap, .timeout_ms = g->cfg.timeout_ms};
	g->rng = cfg->seed ? cfg->seed : 1; /* zero is the one state that xorshift does not leave */
	g->batch = BATCH_START < g->cfg.batch_max ? BATCH_START : g->cfg.batch_max;
	buf_init(&g->body, LIMIT_EXCHANGE);
	return g;
}

static void drop_answer(struct engine *g)
{
	wire_answer_release(&g->answer);
	free(g->answer_text);
	free(g->signature);
	g->answer_text = NULL;
	g->signature = NULL;
}

static void drop_call(struct engine *g)
{
	drop_answer(g);
	wire_request_release(&g->req);
	buf_reset(&g->body);
}

void engine_free(struct engine *g)
{
	if (!g) return;
	drop_call(g);
	buf_release(&g->body);
	for (int i = 0; i < g->n_keys; i++)
		ec_key_free(g->keys[i].key);
	free(g);
}

void engine_add_key(struct engine *g, const char *key_id, struct ec_key *key)
{
	if (g->n_keys == KEYS_MAX) { /* the oldest is the least likely to be used again */
		ec_key_free(g->keys[0].key);
		memmove(&g->keys[0], &g->keys[1], (KEYS_MAX - 1) * sizeof g->keys[0]);
		g->n_keys--;
	}
	(void)snprintf(g->keys[g->n_keys].id, WIRE_KEY_ID_MAX, "%s", key_id);
	g->keys[g->n_keys++].key = key;
}

static struct ec_key *find_key(struct engine *g, const char *id)
{
	for (int i = 0; i < g->n_keys; i++)
		if (strcmp(g->keys[i].id, id) == 0) return g->keys[i].key;
	return NULL;
}

/* xorshift64: the jitter needs spread, not secrecy, and a simulator needs it to repeat. */
static uint64_t draw(struct engine *g, uint64_t below)
{
	g->rng ^= g->rng << 13;
	g->rng ^= g->rng >> 7;
	g->rng ^= g->rng << 17;
	return g->rng % below;
}

static void rest(struct engine *g, int64_t due)
{
	drop_call(g);
	g->state = IDLE;
	g->due = due;
	g->st.next = due;
}

/* Exponential back-off with full jitter: anything from nothing to the doubled bound. */
static void back_off(struct engine *g, int64_t mono, const char *why)
{
	int64_t bound = BACKOFF_MIN_MS;
	g->st.failures++;
	g->st.failed_in_row++;
	(void)snprintf(g->st.error, sizeof g->st.error, "%s", why);
	for (int i = 1; i < g->st.failed_in_row && bound < g->cfg.backoff_max_ms; i++)
		bound *= 2;
	if (bound > g->cfg.backoff_max_ms) bound = g->cfg.backoff_max_ms;
	if (!g->st.link_up && g->up_at && mono - g->up_at < FLAPS_MS && bound > FLAPS_BOUND_MS) bound = FLAPS_BOUND_MS;
	g->batch = g->batch > 1 ? g->batch / 2 : 1;
	rest(g, mono + 1 + (int64_t)draw(g, (uint64_t)bound));
}

/* Longest wait for the answer to this request, by the rate that was measured. */
static int patience(const struct engine *g)
{
	if (!g->st.rate) return g->cfg.timeout_ms;
	int64_t ms = WAIT_MIN_MS + WAIT_TIMES * (int64_t)g->body.len * 1000 / g->st.rate;
	return ms < g->cfg.timeout_ms ? (int)ms : g->cfg.timeout_ms;
}

/* What a call took says how much the next one may carry: some times as much at most, less where it took too long. */
static void measure(struct engine *g, int64_t took)
{
	int64_t bytes = (int64_t)(g->body.len + g->answer_bytes);
	if (took < 1) took = 1;
	int64_t rate = bytes * 1000 / took;
	if (rate < 1) rate = 1;
	/* small calls measure the delay and not the rate */
	if (bytes >= 4096 || !g->st.rate) g->st.rate = g->st.rate ? (g->st.rate + rate) / 2 : rate;
	if (!g->req.n_events) return;
	int64_t fits = g->req.n_events * (int64_t)CALL_MS / took, most = GROWTH * (int64_t)g->batch;
	if (fits > most) fits = most;
	if (fits < g->batch && took <= CALL_MS) fits = g->batch; /* it was not full: no reason to take less */
	if (fits < 1) fits = 1;
	g->batch = fits < g->cfg.batch_max ? (int)fits : g->cfg.batch_max;
}

/* Only what reached the ledger ends a row of failures: an answer that cannot be applied is no success. */
static void went_well(struct engine *g)
{
	g->st.failed_in_row = 0;
	g->st.error[0] = '\0';
}

static void step_idle(struct engine *g, int64_t mono, struct engine_step *out)
{
	if (mono < g->due) {
		/* a link that fails is tried by small calls: what waits is an event's turn first */
		bool may = g->cfg.carries && !g->st.failed_in_row;
		*out = (struct engine_step){.what = ENGINE_WAIT, .until = g->due};
		if (may && carry_next(&g->carry, mono, g->st.rate, &out->carry))
			out->what = ENGINE_CARRY;
		else if (may && g->carry.due < out->until)
			out->until = g->carry.due;
		return;
	}
	g->state = READING;
	g->told_to_wait = false;
	g->st.next = 0;
	*out = (struct engine_step){.what = ENGINE_READ, .limit = g->batch, .max_bytes = LIMIT_BATCH_BYTES};
}

void engine_next(struct engine *g, int64_t mono, struct engine_step *out)
{
	switch (g->state) {
	case IDLE: step_idle(g, mono, out); return;
	case READING:
		*out = (struct engine_step){.what = ENGINE_READ, .limit = g->batch, .max_bytes = LIMIT_BATCH_BYTES};
		return;
	case CALLING:
		if (!g->sent_at) g->sent_at = mono;
		*out = (struct engine_step){.what = ENGINE_SEND,
		                            .seq = g->req.head.seq,
		                            .body = g->body.data,
		                            .len = g->body.len,
		                            .timeout_ms = patience(g)};
		return;
	case WANT_KEY: *out = (struct engine_step){.what = ENGINE_KEY, .key_id = g->key_id}; return;
	case APPLYING: *out = (struct engine_step){.what = ENGINE_APPLY, .answer = &g->answer}; return;
	case LOOKING: *out = (struct engine_step){.what = ENGINE_LOOKUP, .mark = g->answer.received}; return;
	case REWINDING:
		*out = (struct engine_step){.what = ENGINE_REWIND, .mark = g->answer.received, .answer = &g->answer};
		return;
	case OPENING: *out = (struct engine_step){.what = ENGINE_NEW_LOG, .box = g->answer.box}; return;
	case CHECKING: break;
	}
	assert(g->state == IDLE); /* CHECKING is passed within one call and never seen from outside */
}

/* The slower the link, the more a byte is worth. */
static int level(const struct engine *g)
{
	return g->st.rate && g->st.rate > FAST_LINK ? LEVEL_FAST : LEVEL_SLOW;
}

static int write_request(struct engine *g, int64_t now, struct err *e)
{
	buf_reset(&g->body);
	/* what may open a log goes in rows: its first event is looked at before any of it can be asked for in detail */
	g->req.form = g->req.have.seq == 0 || now < g->rows ? WIRE_ROWS : WIRE_COLUMNS;
	if (!g->cfg.pack || now < g->plain) return wire_request_encode(&g->req, &g->body, e);
	struct buf text;
	buf_init(&text, LIMIT_EXCHANGE);
	int rc = wire_request_encode(&g->req, &text, e);
	if (!rc) rc = pack_close(g->cfg.pack, level(g), g->cfg.dict, text.data, text.len, &g->body, e);
	buf_release(&text);
	return rc;
}

void engine_loaded(struct engine *g, struct engine_load *load)
{
	struct err e = {0};
	assert(g->state == READING);
	struct wire_request *r = &g->req;
	wire_request_release(r);
	*r = (struct wire_request){.now = load->now.wall,
	                           .quality = load->now.quality,
	                           .feed = load->feed,
	                           .detail = g->detail,
	                           .events = load->events,
	                           .n_events = load->n,
	                           .health = load->health};
	memcpy(r->station, load->station, sizeof r->station);
	memcpy(r->log, load->head.log, UUID_LEN);
	memcpy(r->software, g->cfg.software, sizeof r->software);
	r->have.seq = load->head.received_seq;
	memcpy(r->have.hash, load->head.received_hash, DIGEST_LEN);
	r->head = r->have;
	if (r->n_events) {
		const struct event *last = &r->events[r->n_events - 1];
		r->head.seq = last->seq;
		memcpy(r->head.hash, last->hash, DIGEST_LEN);
	}
	g->st.working = r->head.seq < load->head.seq || r->n_events > 0;
	g->again = r->head.seq < load->head.seq;
	if (write_request(g, load->now.mono, &e)) { /* a batch whose bodies grow past the limit when written down */
		g->batch = g->batch > 1 ? g->batch / 2 : 1;
		(void)snprintf(g->st.error, sizeof g->st.error, "%s", e.msg);
		rest(g, load->now.mono + BACKOFF_MIN_MS);
		return;
	}
	g->state = CALLING;
	g->sent_at = 0;
	g->st.attempts++;
}

void engine_store_failed(struct engine *g, int64_t mono, const struct err *e)
{
	back_off(g, mono, e->msg);
}

void engine_failed(struct engine *g, int64_t mono, const char *why)
{
	g->st.link_up = false;
	back_off(g, mono, why);
}

static bool same_mark(const struct wire_mark *a, const struct wire_mark *b)
{
	return a->seq == b->seq && MUTANT(head_by_seq, memcmp(a->hash, b->hash, DIGEST_LEN) == 0, true);
}

static int read_answer(struct engine *g, struct err *e)
{
	struct buf text;
	if (!g->cfg.pack || !pack_is(g->answer_text, g->answer_len))
		return wire_answer_decode(g->answer_text, g->answer_len, &g->answer, e);
	buf_init(&text, LIMIT_EXCHANGE);
	int rc = pack_open(g->cfg.pack, g->answer_text, g->answer_len, LIMIT_EXCHANGE, &text, e);
	if (!rc) rc = wire_answer_decode(text.data, text.len, &g->answer, e);
	buf_release(&text);
	return rc;
}

/* The answer is the county's: what does its head say of ours? */
static void judge_answer(struct engine *g, int64_t mono)
{
	struct err e = {0};
	if (read_answer(g, &e)) {
		back_off(g, mono, e.msg);
		return;
	}
	g->st.answers++;
	g->up_at = mono;
	g->st.link_up = true;
	g->st.bytes_sent += (int64_t)g->body.len;
	g->st.bytes_received += (int64_t)g->answer_bytes;
	measure(g, g->answered_at - g->sent_at);
	bool first = !g->detail;
	g->detail = g->answer.detail && first;
	if (g->detail) /* nothing was stored: once more, with each event's own hash */
		rest(g, mono);
	else if (g->answer.detail)
		back_off(g, mono, "the county cannot follow this batch, not even in detail");
	else
		g->state = same_mark(&g->answer.received, &g->req.head) ? APPLYING : LOOKING;
}

static void check_signature(struct engine *g, int64_t mono)
{
	uint8_t sig[EC_SIG_MAX], digest[DIGEST_LEN];
	size_t n = 0;
	if (!wire_signature_parse(g->signature, g->key_id, sig, sizeof sig, &n)) {
		engine_failed(g, mono, "the answer's signature cannot be read");
		return;
	}
	struct ec_key *key = find_key(g, g->key_id);
	if (!key) {
		g->state = WANT_KEY;
		return;
	}
	wire_digest(g->body.data, g->body.len, g->answer_text, g->answer_len, digest);
	if (MUTANT(signature_unchecked, ec_verify(key, digest, sig, n), 0)) {
		engine_failed(g, mono, "the answer's signature does not fit: not the county's");
		return;
	}
	judge_answer(g, mono);
}

/* Does a problem document say this code? Problems are not signed: they may change when and how is asked again, never what
 * is believed. */
static bool says(const char *body, size_t len, const char *code)
{
	json_t *j = NULL;
	if (len > PROBLEM_MAX || json_parse_strict(body, len, LIMIT_DEPTH, &j, NULL)) return false;
	bool same = strcmp(fields_text(j, "code"), code) == 0;
	json_decref(j);
	return same;
}

static void refused(struct engine *g, int64_t mono, int status, const char *body, size_t len)
{
	char why[80];
	if (status == 413) { /* too much at once: the link is well */
		g->batch = g->batch > 1 ? g->batch / 2 : 1;
		if (g->req.n_events > 1) {
			rest(g, mono);
			return;
		}
	}
	if (status == 400 && g->req.form == WIRE_COLUMNS && g->req.n_events && !g->req.detail) {
		g->rows = mono + ROWS_MS; /* an older county's word for columns; no longer, for it is not signed */
		rest(g, mono);
		return;
	}
	if (status == 415 && mono >= g->plain &&
	    g->cfg.pack) {                  /* it does not know our dictionary, or no frames at all */
		g->plain = mono + PLAIN_MS; /* no longer: a problem is not signed, anybody may have said it */
		rest(g, mono);
		return;
	}
	g->st.expired = status == 403 && says(body, len, "certificate_expired");
	(void)snprintf(why, sizeof why, "HTTP %d, not a signed answer", status);
	engine_failed(g, mono, why);
	/* 401 and 403 are the county's own words, or a portal's: neither is helped by haste */
	if (status == 401 || status == 403) g->due = g->st.next = mono + REFUSED_WAIT_MS;
}

void engine_answered(struct engine *g, int64_t mono, int status, const char *body, size_t len, const char *signature)
{
	assert(g->state == CALLING);
	g->answered_at = mono;
	if (status != 200 || !signature) { /* also a captive portal's 200: no signature, no progress */
		refused(g, mono, status, body, len);
		return;
	}
	drop_answer(g);
	g->answer_bytes = len;
	g->st.expired = false;
	g->answer_text = malloc(len + 1);
	g->signature = malloc(strlen(signature) + 1);
	if (!g->answer_text || !g->signature) {
		back_off(g, mono, "out of memory");
		return;
	}
	memcpy(g->answer_text, body, len);
	g->answer_text[len] = '\0';
	g->answer_len = len;
	memcpy(g->signature, signature, strlen(signature) + 1);
	g->state = CHECKING;
	check_signature(g, mono);
}

void engine_key(struct engine *g, int64_t mono, struct ec_key *key)
{
	assert(g->state == WANT_KEY);
	if (!key) {
		engine_failed(g, mono, "the answer is signed by a key that the root does not vouch for");
		return;
	}
	engine_add_key(g, g->key_id, key);
	g->state = CHECKING;
	check_signature(g, mono);
}

void engine_applied(struct engine *g, int64_t mono)
{
	bool rewound = g->state == REWINDING;
	went_well(g);
	assert(g->state == APPLYING || g->state == REWINDING);
	if (!rewound) {
		g->st.sent += g->req.n_events;
		g->st.received += (int64_t)json_array_size(g->answer.feed);
	}
	bool more = rewound || g->answer.more || g->again;
	g->st.working = more;
	int64_t wait = g->answer.retry_after_s ? (int64_t)g->answer.retry_after_s * 1000 : more ? 0 : g->cfg.poll_ms;
	g->told_to_wait = g->answer.retry_after_s > 0;
	if (!more && g->cfg.pack) pack_trim(g->cfg.pack); /* a box has little memory, and nothing to pack for a while */
	rest(g, mono + wait);
}

void engine_found(struct engine *g, int64_t mono, bool found)
{
	assert(g->state == LOOKING);
	if (found)
		g->state = REWINDING;
	else if (g->answer.box)
		g->state = OPENING;
	else
		back_off(g, mono, "the county's head is not in this log and it granted no box number");
}

void engine_reset(struct engine *g)
{
	went_well(g);
	g->detail = false;
	rest(g, 0);
}

void engine_kick(struct engine *g, bool link_up)
{
	if (link_up) g->st.failed_in_row = 0;
	/* a new event shortens neither a back-off, for the link is no better for it, nor a wait that the county asked for */
	carry_kick(&g->carry);
	if (g->state == IDLE && (link_up || (g->st.failed_in_row == 0 && !g->told_to_wait))) g->due = 0;
}

/* --- blobs --- */

void engine_carry_picked(struct engine *g, const struct carry_item *item, int64_t again)
{
	carry_picked(&g->carry, item, again);
}

void engine_carry_answered(struct engine *g, int64_t mono, int status, int64_t offset, const char *upload,
                           int64_t took_ms)
{
	char why[64];
	if (carry_answered(&g->carry, mono, status, offset, upload, took_ms)) {
		g->up_at = mono;
		return;
	}
	(void)snprintf(why, sizeof why, "HTTP %d to a blob", status);
	engine_failed(g, mono, why);
}

void engine_carry_failed(struct engine *g, int64_t mono, const char *why)
{
	carry_failed(&g->carry, mono);
	engine_failed(g, mono, why);
}

void engine_carry_store_failed(struct engine *g, int64_t mono)
{
	carry_failed(&g->carry, mono);
}

void engine_carry_noted(struct engine *g, int64_t mono)
{
	bool done = g->carry.end == CARRY_DONE && !g->carry.item.fetch;
	carry_noted(&g->carry);
	if (done) g->due = g->st.next = mono; /* that the county has it, its feed says */
}

void engine_status(const struct engine *g, struct engine_status *out)
{
	*out = g->st;
	out->blobs = g->carry.st;
	out->batch = g->batch;
}
