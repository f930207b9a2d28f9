/* The courier's loop: the hands on this machine's ledger, clock and network. One thread, one call in flight. Woken by the
 * gateway's datagram; looks by itself once a second, so that a lost wake-up costs no more. */
#include "sync/agent/agent.h"
#include "sync/agent/blobs.h"
#include "sync/agent/hands.h"
#include "sync/agent/link.h"
#include "sync/agent/renewal.h"
#include "sync/agent/transport.h"

#include "shared/crypto/rng.h"
#include "shared/crypto/x509.h"
#include "shared/dict.h"
#include "shared/file.h"
#include "shared/version.h"
#include "shared/wake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS 1000

struct courier {
	struct agent *a;
	struct hands h;
	struct transport *t;
	struct renewal renewal;
	struct pack *pack;
	struct blobs blobs;
	char *root; /* PEM */
	int wake;   /* descriptor */
	struct link link;
	char gateway[AGENT_PATH_MAX], url[CONFIG_TEXT_MAX];
};

/* --- what the hands are given --- */

static int call(void *arg, const char *path, const char *body, size_t len, int timeout_ms, struct transport_answer *out,
                struct err *e)
{
	struct courier *c = arg;
	return transport_call(c->t, path, body, len, timeout_ms, out, e);
}

static int ask(void *arg, const char *path, int timeout_ms, struct transport_answer *out, struct err *e)
{
	struct courier *c = arg;
	struct transport *t = NULL;
	struct transport_config tc = {.url = c->url};
	int rc = transport_open(&tc, &t, e);
	if (!rc) rc = transport_call(t, path, NULL, 0, timeout_ms, out, e);
	transport_close(t);
	return rc;
}

static void pin(void *arg, const char *pins)
{
	struct courier *c = arg;
	struct err e = {0};
	if (transport_pin(c->t, pins, &e)) log_error(c->a->log, "pin", "%s", e.msg);
}

static int space(void *arg, int64_t *avail, int64_t *total)
{
	struct courier *c = arg;
	struct err e = {0};
	return file_space(c->a->cfg->data, avail, total, &e);
}

static void carry(struct hands *h, const struct carry_step *s)
{
	struct courier *c = h->arg;
	blobs_step(&c->blobs, h, s);
}

static void changed(void *arg)
{
	struct courier *c = arg;
	wake_send(c->gateway, WAKE_CHANGED);
}

/* --- the loop --- */

/* Waits for a datagram, for the engine's time, or for a second; then looks for events whose wake-up was lost. */
static void do_wait(struct courier *c, const struct engine_step *s)
{
	struct ledger_head h;
	int64_t left = s->until - clock_read(&c->a->clock).mono;
	int what = wake_wait(c->wake, left > LOOK_MS ? LOOK_MS : left < 1 ? 1 : (int)left);
	if (link_came(&c->link)) {
		log_debug(c->a->log, "link", "a way out may have come");
		what = WAKE_RUN;
	}
	if (what == WAKE_RUN)
		engine_kick(c->h.g, true);
	else if (what == WAKE_EVENTS || (!ledger_head(c->h.l, &h, NULL) && h.seq > h.received_seq))
		engine_kick(c->h.g, false);
}

/* A certificate that the connection was opened with counts until it is opened again. */
static void renew(struct courier *c)
{
	bool client, server;
	struct err e = {0};
	if (renewal_look(&c->renewal, &c->h, &client, &server, &e)) log_warn(c->a->log, "renewal", "%s", e.msg);
	if (server) changed(c);
	if (!client) return;
	log_info(c->a->log, "renewed", "the county has signed a new certificate");
	transport_forget(c->t);
	engine_kick(c->h.g, true);
}

static void step(struct courier *c)
{
	struct engine_step s;
	renew(c);
	engine_next(c->h.g, clock_read(&c->a->clock).mono, &s);
	if (s.what == ENGINE_WAIT)
		do_wait(c, &s);
	else
		hands_step(&c->h, &s);
}

/* --- life --- */

static int open_transport(struct courier *c, struct err *e)
{
	char ca[AGENT_PATH_MAX];
	size_t n;
	agent_path(c->renewal.client_crt, c->a->cfg->keys, "client.crt");
	agent_path(c->renewal.client_key, c->a->cfg->keys, "client.key");
	agent_path(c->renewal.server_crt, c->a->cfg->data, "server.crt");
	agent_path(c->renewal.server_csr, c->a->cfg->data, "server.csr");
	agent_path(ca, c->a->cfg->data, "root.crt");
	struct transport_config tc = {
	    .url = c->url, .ca_file = ca, .cert_file = c->renewal.client_crt, .key_file = c->renewal.client_key};
	int rc = ledger_meta_text(c->h.l, "county_url", c->url, sizeof c->url, e);
	if (!rc) rc = file_read(ca, X509_PEM_MAX, &c->root, &n, e);
	return rc ? rc : transport_open(&tc, &c->t, e);
}

static int open_blobs(struct courier *c, struct err *e)
{
	char dir[AGENT_PATH_MAX];
	struct blobs_config bc = {.dir = dir, .reserve = c->a->cfg->blob_reserve};
	agent_path(dir, c->a->cfg->data, "blobs");
	int rc = blobs_window(c->a->cfg->blob_window, &bc.window_from, &bc.window_to, e);
	return rc ? rc : blobs_open(&c->blobs, &bc, c->t, &c->h, e);
}

/* A box that is not enrolled yet waits for the technician. */
static int await_enrolment(struct courier *c, const volatile int *stop)
{
	bool told = false;
	while (!*stop && !ledger_identity(c->h.l)->enrolled) {
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
	                           .timeout_ms = (int)c->a->cfg->timeout_s * 1000,
	                           .carries = true,
	                           .carry_cap = c->a->cfg->blob_rate};
	(void)snprintf(ec.software, sizeof ec.software, "xinke/%s", XINKE_VERSION);
	rng_bytes(&ec.seed, sizeof ec.seed);
	agent_path(c->gateway, c->a->cfg->data, "gateway.sock");
	agent_path(path, c->a->cfg->data, "sync.sock");
	int rc = agent_ledger(c->a, &c->h.l, e);
	if (rc) return rc;
	c->wake = wake_bind(path, e);
	if (c->wake < 0) return ERR_IO;
	if (await_enrolment(c, stop)) return ERR_OK;
	size_t n;
	const struct pack_dict *dicts = dict_all(&n);
	rc = pack_new(dicts, n, &c->pack, e);
	if (rc) return rc;
	ec.pack = c->pack;
	ec.dict = DICT_EXCHANGE;
	c->h.g = engine_new(&ec);
	if (!c->h.g) return err_set(e, ERR_NOMEM, "engine");
	rc = open_transport(c, e);
	c->h.root = c->root;
	return rc ? rc : open_blobs(c, e);
}

int courier_run(struct agent *a, const volatile int *stop, struct err *e)
{
	struct courier c = {.a = a, .wake = -1, .link.fd = -1};
	c.h = (struct hands){.clock = &a->clock,
	                     .log = a->log,
	                     .call = call,
	                     .ask = ask,
	                     .pin = pin,
	                     .space = space,
	                     .carry = carry,
	                     .changed = changed,
	                     .arg = &c};
	int rc = open_all(&c, stop, e);
	if (!rc && c.t) {
		struct err none = {0};
		if (link_open(&c.link, &none)) log_warn(a->log, "link", "%s", none.msg);
		log_info(a->log, "started", "station %s", ledger_identity(c.h.l)->station);
		while (!*stop)
			step(&c);
		log_info(a->log, "stopped", "by a signal");
	}
	link_close(&c.link);
	blobs_close(&c.blobs);
	transport_close(c.t);
	engine_free(c.h.g);
	pack_free(c.pack);
	if (c.wake >= 0) (void)close(c.wake);
	ledger_close(c.h.l);
	free(c.root);
	return rc;
}
