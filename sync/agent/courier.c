/* The courier's loop: does what the engine says, with the ledger, the clock and the network. One thread, one call in
 * flight. Woken by the gateway's datagram; looks by itself once a second, so that a lost wake-up costs no more. */
#include "shared/ledger/courier.h"
#include "shared/ledger/read.h"
#include "shared/ledger/write.h"
#include "sync/agent/agent.h"

#include "shared/crypto/rng.h"
#include "shared/crypto/x509.h"
#include "shared/fields.h"
#include "shared/file.h"
#include "shared/text.h"
#include "shared/version.h"
#include "shared/wake.h"
#include "sync/agent/transport.h"
#include "sync/engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS       1000
#define FLOOR_STEP_MS (10 * 60000LL) /* the floor is written when it rose by this much: not at every answer */

struct courier {
	struct agent *a;
	struct ledger *l;
	struct engine *g;
	struct transport *t;
	char *root; /* PEM */
	int wake;   /* descriptor */
	char gateway[AGENT_PATH_MAX];
	int64_t floor;                      /* as it is stored */
	int64_t last_success, last_attempt; /* Unix ms, 0 = never */
};

static int64_t mono(struct courier *c)
{
	return clock_read(&c->a->clock).mono;
}

/* What GET /api/v1/sync shows of the link. A projection for people: losing it loses nothing. */
static void write_status(struct courier *c)
{
	struct engine_status st;
	struct err e = {0};
	struct clock_now now = clock_read(&c->a->clock);
	engine_status(c->g, &st);
	json_t *j =
	    json_pack("{s:s,s:I,s:I,s:s,s:I}", "link", st.link_up ? "up" : "down", "last_success_at",
	              (json_int_t)c->last_success, "last_attempt_at", (json_int_t)c->last_attempt, "last_error",
	              st.error, "next_attempt_at", (json_int_t)(st.next ? now.wall + st.next - now.mono : now.wall));
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	if (text && ledger_meta_set_text(c->l, "sync_status", text, &e)) log_warn(c->a->log, "status", "%s", e.msg);
	free(text);
	json_decref(j);
	wake_send(c->gateway, WAKE_CHANGED);
}

/* --- what the engine asks for --- */

static json_t *health(struct courier *c, const struct ledger_head *h)
{
	int64_t avail = 0, total = 0;
	struct ledger_counts n = {0};
	struct err e = {0};
	if (file_space(c->a->cfg->data, &avail, &total, &e) || ledger_counts(c->l, &n, &e)) return NULL;
	return json_pack("{s:I,s:I,s:I,s:I,s:I}", "head", (json_int_t)h->seq, "cases", (json_int_t)n.cases, "refused",
	                 (json_int_t)n.refused, "free_bytes", (json_int_t)avail, "total_bytes", (json_int_t)total);
}

static int load(struct courier *c, const struct engine_step *s, struct engine_load *out, struct err *e)
{
	const struct ledger_identity *id = ledger_identity(c->l);
	*out = (struct engine_load){.now = clock_read(&c->a->clock)};
	memcpy(out->station, id->station, sizeof out->station);
	int rc = ledger_head(c->l, &out->head, e);
	if (!rc) rc = ledger_feed_head(c->l, &out->feed.seq, out->feed.hash, e);
	if (rc) return rc;
	out->events = calloc((size_t)s->limit, sizeof *out->events);
	if (!out->events) return err_set(e, ERR_NOMEM, "batch");
	rc = ledger_unsent(c->l, out->head.received_seq, s->limit, s->max_bytes, out->events, &out->n, e);
	if (rc) free(out->events);
	if (!rc) out->health = health(c, &out->head);
	return rc;
}

static void do_read(struct courier *c, const struct engine_step *s)
{
	struct engine_load in;
	struct err e = {0};
	if (load(c, s, &in, &e)) {
		log_warn(c->a->log, "read", "%s", e.msg);
		engine_store_failed(c->g, mono(c), &e);
		return;
	}
	engine_loaded(c->g, &in);
}

static void do_send(struct courier *c, const struct engine_step *s)
{
	struct transport_answer a = {0};
	struct err e = {0};
	c->last_attempt = clock_read(&c->a->clock).wall;
	int rc = ledger_mark_sent(c->l, s->seq, &e);
	if (rc) {
		engine_store_failed(c->g, mono(c), &e);
		return;
	}
	rc = transport_call(c->t, "/sync/v1/exchange", s->body, s->len, s->timeout_ms, &a, &e);
	if (rc)
		engine_failed(c->g, mono(c), e.msg);
	else
		engine_answered(c->g, mono(c), a.status, a.body, a.len, *a.signature ? a.signature : NULL);
	if (rc || a.status != 200) {
		log_info(c->a->log, "call", "failed: HTTP %d %s", a.status, e.msg);
		write_status(c);
	}
	transport_answer_release(&a);
}

/* An answer key is believed when its certificate has our root, the answer-signing usage and the id that was asked for. */
static struct ec_key *fetch_key(struct courier *c, const char *id)
{
	char path[96], hex[TEXT_HEX_LEN(DIGEST_LEN)];
	struct transport_answer a = {0};
	struct x509_info info;
	struct ec_key *key = NULL;
	struct err e = {0};
	(void)snprintf(path, sizeof path, "/sync/v1/keys/%s", id);
	int rc = transport_call(c->t, path, NULL, 0, (int)c->a->cfg->timeout_s * 1000, &a, &e);
	if (!rc && a.status != 200) rc = err_set(&e, ERR_NOTFOUND, "HTTP %d", a.status);
	if (!rc) rc = x509_verify(a.body, c->root, X509_EKU_ANSWER, clock_read(&c->a->clock).wall, &e);
	if (!rc) rc = x509_read(a.body, a.len, &info, &e);
	if (!rc) {
		text_hex(info.fingerprint, DIGEST_LEN, hex);
		if (strlen(id) < 16 || strncmp(hex, id, strlen(id)) != 0)
			rc = err_set(&e, ERR_DENIED, "a certificate of another id");
	}
	if (!rc) rc = ec_key_from_cert(a.body, a.len, &key, &e);
	if (rc) log_warn(c->a->log, "answer_key", "%s", e.msg);
	transport_answer_release(&a);
	return rc ? NULL : key;
}

/* A signed time of the county: the clock may not be believed below it from now on. */
static int raise_floor(struct courier *c, int64_t now, struct err *e)
{
	clock_raise_floor(&c->a->clock, now);
	if (now < c->floor + FLOOR_STEP_MS) return ERR_OK;
	int rc = ledger_meta_set_int(c->l, "floor", now, e);
	if (!rc) c->floor = now;
	return rc;
}

static void do_apply(struct courier *c, const struct engine_step *s, bool rewind)
{
	const struct wire_answer *a = s->answer;
	struct err e = {0};
	int rc = rewind ? ledger_rewind(c->l, a->received.seq, &e) : ERR_OK;
	if (!rc) rc = ledger_apply(c->l, a->received.seq, a->received.hash, a->feed, &e);
	if (!rc) rc = raise_floor(c, a->now, &e);
	if (rc) {
		log_error(c->a->log, "apply", "%s", e.msg);
		engine_store_failed(c->g, mono(c), &e);
	} else {
		c->last_success = clock_read(&c->a->clock).wall;
		if (rewind)
			log_warn(c->a->log, "rewind", "the county has events up to %lld", (long long)a->received.seq);
		engine_applied(c->g, mono(c));
	}
	write_status(c);
}

static void do_lookup(struct courier *c, const struct engine_step *s)
{
	uint8_t hash[DIGEST_LEN];
	struct err e = {0};
	int rc = ledger_hash_at(c->l, s->mark.seq, hash, &e);
	if (rc && rc != (int)ERR_NOTFOUND)
		engine_store_failed(c->g, mono(c), &e);
	else
		engine_found(c->g, mono(c), !rc && memcmp(hash, s->mark.hash, DIGEST_LEN) == 0);
}

static void do_new_log(struct courier *c, const struct engine_step *s)
{
	uint8_t log[UUID_LEN];
	struct err e = {0};
	uuid_random(log);
	log_warn(c->a->log, "copy", "this box is a copy of another: it goes on in a new log as box %d", s->box);
	if (ledger_new_log(c->l, log, s->box, &e)) {
		log_error(c->a->log, "copy", "%s", e.msg);
		engine_store_failed(c->g, mono(c), &e);
		return;
	}
	engine_reset(c->g);
	wake_send(c->gateway, WAKE_CHANGED);
}

/* Waits for a datagram, for the engine's time, or for a second; then looks for events whose wake-up was lost. */
static void do_wait(struct courier *c, const struct engine_step *s)
{
	struct ledger_head h;
	int64_t left = s->until - mono(c);
	int what = wake_wait(c->wake, left > LOOK_MS ? LOOK_MS : left < 1 ? 1 : (int)left);
	if (what == WAKE_RUN)
		engine_kick(c->g, true);
	else if (what == WAKE_EVENTS || (!ledger_head(c->l, &h, NULL) && h.seq > h.received_seq))
		engine_kick(c->g, false);
}

static void step(struct courier *c)
{
	struct engine_step s;
	engine_next(c->g, mono(c), &s);
	switch (s.what) {
	case ENGINE_WAIT: do_wait(c, &s); break;
	case ENGINE_READ: do_read(c, &s); break;
	case ENGINE_SEND: do_send(c, &s); break;
	case ENGINE_KEY: engine_key(c->g, mono(c), fetch_key(c, s.key_id)); break;
	case ENGINE_APPLY: do_apply(c, &s, false); break;
	case ENGINE_REWIND: do_apply(c, &s, true); break;
	case ENGINE_LOOKUP: do_lookup(c, &s); break;
	case ENGINE_NEW_LOG: do_new_log(c, &s); break;
	}
}

/* --- life --- */

static int open_transport(struct courier *c, struct err *e)
{
	char url[CONFIG_TEXT_MAX], ca[AGENT_PATH_MAX], cert[AGENT_PATH_MAX], key[AGENT_PATH_MAX];
	size_t n;
	agent_path(ca, c->a->cfg->data, "root.crt");
	agent_path(cert, c->a->cfg->keys, "client.crt");
	agent_path(key, c->a->cfg->keys, "client.key");
	struct transport_config tc = {.url = url, .ca_file = ca, .cert_file = cert, .key_file = key};
	int rc = ledger_meta_text(c->l, "county_url", url, sizeof url, e);
	if (!rc) rc = file_read(ca, X509_PEM_MAX, &c->root, &n, e);
	return rc ? rc : transport_open(&tc, &c->t, e);
}

/* A box that is not enrolled yet waits for the technician. */
static int await_enrolment(struct courier *c, const volatile int *stop)
{
	bool told = false;
	while (!*stop && !ledger_identity(c->l)->enrolled) {
		if (!told) log_info(c->a->log, "waiting", "this box is not enrolled yet");
		told = true;
		(void)wake_wait(c->wake, LOOK_MS);
	}
	return *stop;
}

static int open_all(struct courier *c, const volatile int *stop, struct err *e)
{
	char path[AGENT_PATH_MAX];
	struct engine_config ec = {.poll_ms = c->a->cfg->poll_s * 1000,
	                           .backoff_max_ms = c->a->cfg->backoff_max_s * 1000,
	                           .batch_max = (int)c->a->cfg->batch_max,
	                           .timeout_ms = (int)c->a->cfg->timeout_s * 1000};
	(void)snprintf(ec.software, sizeof ec.software, "xinke/%s", XINKE_VERSION);
	rng_bytes(&ec.seed, sizeof ec.seed);
	agent_path(c->gateway, c->a->cfg->data, "gateway.sock");
	agent_path(path, c->a->cfg->data, "sync.sock");
	int rc = agent_ledger(c->a, &c->l, e);
	if (rc) return rc;
	c->wake = wake_bind(path, e);
	if (c->wake < 0) return ERR_IO;
	if (await_enrolment(c, stop)) return ERR_OK;
	rc = ledger_meta_int(c->l, "floor", 0, &c->floor, e);
	if (rc) return rc;
	clock_raise_floor(&c->a->clock, c->floor);
	c->g = engine_new(&ec);
	return c->g ? open_transport(c, e) : err_set(e, ERR_NOMEM, "engine");
}

int courier_run(struct agent *a, const volatile int *stop, struct err *e)
{
	struct courier c = {.a = a, .wake = -1};
	int rc = open_all(&c, stop, e);
	if (!rc && c.t) {
		log_info(a->log, "started", "station %s", ledger_identity(c.l)->station);
		while (!*stop)
			step(&c);
		log_info(a->log, "stopped", "by a signal");
	}
	transport_close(c.t);
	engine_free(c.g);
	if (c.wake >= 0) (void)close(c.wake);
	ledger_close(c.l);
	free(c.root);
	return rc;
}
