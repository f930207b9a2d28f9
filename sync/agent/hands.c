/* See hands.h. Every step ends in the engine_* call that reports it. */
#include "sync/agent/hands.h"

#include "sync/agent/time.h"

#include "shared/ledger/courier.h"
#include "shared/ledger/read.h"
#include "shared/ledger/write.h"
#include "shared/mutant.h"
#include "shared/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_TIMEOUT_MS 20000

static int64_t mono(struct hands *h)
{
	return clock_read(h->clock).mono;
}

/* What GET /api/v1/sync shows of the link. A projection for people: losing it loses nothing. */
static void write_status(struct hands *h)
{
	struct engine_status st;
	struct err e = {0};
	struct clock_now now = clock_read(h->clock);
	engine_status(h->g, &st);
	json_t *j = json_pack(
	    "{s:s,s:I,s:I,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:i}", "link", st.link_up ? "up" : "down", "last_success_at",
	    (json_int_t)h->last_success, "last_attempt_at", (json_int_t)h->last_attempt, "last_error", st.error,
	    "next_attempt_at", (json_int_t)(st.next ? now.wall + st.next - now.mono : now.wall), "bytes_sent",
	    (json_int_t)st.bytes_sent, "bytes_received", (json_int_t)st.bytes_received, "rate", (json_int_t)st.rate,
	    "calls", (json_int_t)st.attempts, "failures", (json_int_t)st.failures, "batch", st.batch);
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	if (text && ledger_meta_set_text(h->l, "sync_status", text, &e)) log_warn(h->log, "status", "%s", e.msg);
	free(text);
	json_decref(j);
	if (h->changed) h->changed(h->arg);
}

/* --- what the engine asks for --- */

static json_t *health(struct hands *h, const struct ledger_head *head)
{
	int64_t avail = 0, total = 0;
	struct ledger_counts n = {0};
	struct err e = {0};
	if (h->space && h->space(h->arg, &avail, &total)) return NULL;
	if (ledger_counts(h->l, &n, &e)) return NULL;
	return json_pack("{s:I,s:I,s:I,s:I,s:I}", "head", (json_int_t)head->seq, "cases", (json_int_t)n.cases,
	                 "refused", (json_int_t)n.refused, "free_bytes", (json_int_t)avail, "total_bytes",
	                 (json_int_t)total);
}

static int load(struct hands *h, const struct engine_step *s, struct engine_load *out, struct err *e)
{
	const struct ledger_identity *id = ledger_identity(h->l);
	*out = (struct engine_load){.now = clock_read(h->clock)};
	memcpy(out->station, id->station, sizeof out->station);
	int rc = ledger_head(h->l, &out->head, e);
	if (!rc) rc = ledger_feed_head(h->l, &out->feed.seq, out->feed.hash, e);
	if (rc) return rc;
	out->events = calloc((size_t)s->limit, sizeof *out->events);
	if (!out->events) return err_set(e, ERR_NOMEM, "batch");
	rc = ledger_unsent(h->l, out->head.received_seq, s->limit, s->max_bytes, out->events, &out->n, e);
	if (rc) free(out->events);
	if (!rc) out->health = health(h, &out->head);
	return rc;
}

static void do_read(struct hands *h, const struct engine_step *s)
{
	struct engine_load in;
	struct err e = {0};
	if (load(h, s, &in, &e)) {
		log_warn(h->log, "read", "%s", e.msg);
		engine_store_failed(h->g, mono(h), &e);
		return;
	}
	engine_loaded(h->g, &in);
}

/* TLS does not believe the county: is it the date? */
static void do_time(struct hands *h, const struct err *why)
{
	bool helped = false;
	struct err e = {0};
	int rc = time_ask(h, &helped, &e);
	if (rc) log_info(h->log, "time", "not known: %s", e.msg);
	engine_failed(h->g, mono(h), why->msg);
	if (helped) engine_kick(h->g, true);
}

static void do_send(struct hands *h, const struct engine_step *s)
{
	struct transport_answer a = {0};
	struct err e = {0};
	h->last_attempt = clock_read(h->clock).wall;
	int rc = ledger_mark_sent(h->l, s->seq, &e);
	if (rc) {
		engine_store_failed(h->g, mono(h), &e);
		return;
	}
	int64_t start = mono(h);
	rc = h->call(h->arg, "/sync/v1/exchange", s->body, s->len, s->timeout_ms, &a, &e);
	h->took = mono(h) - start;
	if (rc == (int)ERR_DENIED && h->ask)
		do_time(h, &e);
	else if (rc)
		engine_failed(h->g, mono(h), e.msg);
	else
		engine_answered(h->g, mono(h), a.status, a.body, a.len, *a.signature ? a.signature : NULL);
	if (rc || a.status != 200) log_info(h->log, "call", "failed: HTTP %d %s", a.status, e.msg);
	transport_answer_release(&a);
}

static struct ec_key *try_key(struct hands *h, const char *id)
{
	char path[96];
	struct transport_answer a = {0};
	struct ec_key *key = NULL;
	struct err e = {0};
	(void)snprintf(path, sizeof path, "/sync/v1/keys/%s", id);
	int rc = h->call(h->arg, path, NULL, 0, KEY_TIMEOUT_MS, &a, &e);
	if (!rc && a.status != 200) rc = err_set(&e, ERR_NOTFOUND, "HTTP %d", a.status);
	if (!rc) rc = time_key(a.body, a.len, id, h->root, clock_read(h->clock).wall, &key, &e);
	if (rc) log_warn(h->log, "answer_key", "%s", e.msg);
	transport_answer_release(&a);
	return rc ? NULL : key;
}

/* A key that the root does not vouch for may be one whose days our clock cannot see. */
static struct ec_key *fetch_key(struct hands *h, const char *id)
{
	bool helped = false;
	struct err e = {0};
	struct ec_key *key = try_key(h, id);
	if (key || !h->ask) return key;
	if (time_ask(h, &helped, &e)) log_info(h->log, "time", "not known: %s", e.msg);
	return helped ? try_key(h, id) : NULL;
}

static void do_apply(struct hands *h, const struct engine_step *s, bool rewind)
{
	const struct wire_answer *a = s->answer;
	struct err e = {0};
	struct ledger_answer la = {.received_seq = a->received.seq,
	                           .rewind = MUTANT(no_rewind, rewind, false),
	                           .feed = a->feed,
	                           .feed_seq = a->feed_head.seq,
	                           .more = a->more};
	memcpy(la.received_hash, a->received.hash, DIGEST_LEN);
	bool fixed = false;
	int rc = ledger_apply(h->l, &la, &e);
	if (!rc)
		rc =
		    time_told(h, MUTANT(floor_by_system_clock, a->now, clock_read(h->clock).wall), h->took, &fixed, &e);
	if (rc) {
		log_error(h->log, "apply", "%s", e.msg);
		engine_store_failed(h->g, mono(h), &e);
	} else {
		h->last_success = clock_read(h->clock).wall;
		if (rewind) log_warn(h->log, "rewind", "the county has events up to %lld", (long long)a->received.seq);
		engine_applied(h->g, mono(h));
	}
	write_status(h);
}

static void do_lookup(struct hands *h, const struct engine_step *s)
{
	uint8_t hash[DIGEST_LEN];
	struct err e = {0};
	int rc = ledger_hash_at(h->l, s->mark.seq, hash, &e);
	if (rc && rc != (int)ERR_NOTFOUND)
		engine_store_failed(h->g, mono(h), &e);
	else
		engine_found(h->g, mono(h), !rc && memcmp(hash, s->mark.hash, DIGEST_LEN) == 0);
}

static void do_new_log(struct hands *h, const struct engine_step *s)
{
	uint8_t log[UUID_LEN];
	struct err e = {0};
	uuid_random(log);
	log_warn(h->log, "copy", "this box is a copy of another: it goes on in a new log as box %d", s->box);
	if (ledger_new_log(h->l, log, s->box, &e)) {
		log_error(h->log, "copy", "%s", e.msg);
		engine_store_failed(h->g, mono(h), &e);
		return;
	}
	engine_reset(h->g);
	if (h->changed) h->changed(h->arg);
}

static int64_t failures(const struct hands *h)
{
	struct engine_status st;
	engine_status(h->g, &st);
	return st.failures;
}

void hands_step(struct hands *h, const struct engine_step *s)
{
	int64_t before = failures(h);
	switch (s->what) {
	case ENGINE_WAIT: break;
	case ENGINE_READ: do_read(h, s); break;
	case ENGINE_SEND: do_send(h, s); break;
	case ENGINE_KEY: engine_key(h->g, mono(h), fetch_key(h, s->key_id)); break;
	case ENGINE_APPLY: do_apply(h, s, false); break;
	case ENGINE_REWIND: do_apply(h, s, true); break;
	case ENGINE_LOOKUP: do_lookup(h, s); break;
	case ENGINE_NEW_LOG: do_new_log(h, s); break;
	case ENGINE_CARRY: h->carry(h, &s->carry); break;
	}
	/* an answer that is not the county's is a failure too, though it came: people are told. Applying tells by itself. */
	if (s->what != ENGINE_APPLY && s->what != ENGINE_REWIND && failures(h) != before) write_status(h);
}
