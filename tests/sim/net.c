/* See net.h. A call is one of the box's steps; the time that it takes is simulated inside of it, so that the gateway, the
 * departments and the faults go on meanwhile. */
#include "tests/sim/net.h"

#include "tests/sim/alloc.h"
#include "tests/sim/world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CERT_FROM (KIT_EPOCH - 400 * DAY_MS) /* a clock outside of this makes TLS refuse every certificate */
#define CERT_TO   (KIT_EPOCH + 1800 * DAY_MS)

struct late {
	struct county_peer peer;
	size_t len;
	char body[];
};

/* A copy of a request that the network kept: it arrives, and nobody hears the answer. */
static void arrive(struct world *w, int64_t a, void *p)
{
	struct late *l = p;
	struct transport_answer out = {0};
	(void)a;
	world_trace(w, "a late request of %s arrives", l->peer.station);
	(void)office_exchange(w, &l->peer, l->body, l->len, &out);
	transport_answer_release(&out);
	free(l);
}

static void deliver_late(struct world *w, const struct box *b, const char *body, size_t len)
{
	struct late *l = malloc(sizeof *l + len);
	if (!l) return;
	l->peer = b->peer;
	l->len = len;
	memcpy(l->body, body, len);
	struct world_event ev = {.at = w->now + sim_range(&w->net, 1, 90000), .run = arrive, .drop = free, .p = l};
	world_put(w, &ev);
}

static bool gone(const struct box *b)
{
	return !b->cp || vfs_proc_dead(b->cp) || b->want_cut;
}

static int nothing_came(struct world *w, const char *why, int64_t wait, struct err *e)
{
	world_advance(w, w->now + wait, true);
	return err_set(e, ERR_IO, "%s", why);
}

/* Something that is no answer of the county. */
static void portal(struct world *w, struct transport_answer *out)
{
	static const int statuses[] = {200, 200, 302, 403, 404, 503, 511};
	out->status = statuses[sim_draw(&w->net, 7)];
	out->body = strdup("<html><body>Welcome to the hotel</body></html>");
	out->len = strlen(out->body);
	if (sim_chance(&w->net, 500))
		(void)snprintf(out->signature, sizeof out->signature, "%s",
		               sim_chance(&w->net, 500) ? "abc,AAAA" : "x");
}

/* A copy of LEN bytes with a NUL behind them: what travels may be a frame. */
static char *copy_bytes(const char *p, size_t len)
{
	char *q = malloc(len + 1);
	if (!q) abort();
	memcpy(q, p, len);
	q[len] = '\0';
	return q;
}

static void keep_old(struct box *b, const struct transport_answer *a)
{
	if (!*a->signature) return;
	free(b->old_answer);
	b->old_answer = copy_bytes(a->body, a->len);
	b->old_len = a->len;
	(void)snprintf(b->old_signature, sizeof b->old_signature, "%s", a->signature);
}

static void corrupt(struct world *w, struct box *b, struct transport_answer *a)
{
	if (a->len == 0) return;
	switch (sim_draw(&w->net, 4)) {
	case 0: a->body[sim_draw(&w->net, (int64_t)a->len)] ^= (char)(1 << sim_draw(&w->net, 7)); break;
	case 1:
		a->len = (size_t)sim_draw(&w->net, (int64_t)a->len);
		a->body[a->len] = '\0';
		break;
	case 2: a->signature[0] = '\0'; break;
	default: /* an answer of the county, and to this box, but to another request */
		if (!b->old_answer) return;
		free(a->body);
		a->body = copy_bytes(b->old_answer, b->old_len);
		a->len = b->old_len;
		(void)snprintf(a->signature, sizeof a->signature, "%s", b->old_signature);
	}
}

/* What somebody in the middle would say: all is received, and time has passed. He has every key but the county's. */
static void forge(struct world *w, struct box *b, const char *body, size_t len, struct transport_answer *out)
{
	struct wire_request r;
	struct buf plain, text;
	struct err e = {0};
	buf_init(&plain, LIMIT_EXCHANGE);
	buf_init(&text, LIMIT_EXCHANGE);
	bool open = !pack_is(body, len) || !pack_open(w->kit->pack, body, len, LIMIT_EXCHANGE, &plain, &e);
	int rc = !open ? (int)ERR_INVALID
	               : wire_request_decode(plain.len ? plain.data : body, plain.len ? plain.len : len, &r, &e);
	buf_release(&plain);
	if (rc) return;
	struct wire_answer a = {.received = r.head, .feed_head = r.feed, .now = world_wall(w) + DAY_MS};
	if (!wire_answer_encode(&a, &text, &e)) {
		out->status = 200;
		out->body = buf_steal(&text, &out->len);
		(void)snprintf(out->signature, sizeof out->signature, "%s",
		               b->old_answer ? b->old_signature : "0123456789abcdef,AAAA");
	}
	buf_release(&text);
	wire_request_release(&r);
	world_trace(w, "box %d: a forged answer", b->i);
}

static int64_t delay(struct world *w)
{
	return sim_chance(&w->net, 100) ? sim_range(&w->net, 500, 6000) : sim_range(&w->net, 5, 300);
}

static int get_key(struct world *w, const char *id, struct transport_answer *out)
{
	const struct county *c = &w->kit->county[0];
	bool known = strcmp(id, c->answer_key_id) == 0;
	out->status = known ? 200 : 404;
	out->body = strdup(known ? c->answer_cert : "{}");
	out->len = strlen(out->body);
	return ERR_OK;
}

/* The way there; what is lost or held up on it does not come back. */
static int go(struct world *w, struct box *b, const char *body, size_t len, int timeout_ms, bool dated, struct err *e)
{
	int64_t wall, mono;
	bool synced;
	b->cclock.read(&b->cclock, &wall, &mono, &synced);
	if (w->now < b->down_until) return nothing_came(w, "no route", 10, e);
	world_advance(w, w->now + delay(w), true);
	if (dated && (wall < CERT_FROM || wall > CERT_TO)) return err_set(e, ERR_DENIED, "TLS: not valid at this time");
	if (world_may(w, FAULT_LATE) && body && sim_chance(&w->net, 60)) deliver_late(w, b, body, len);
	if (world_may(w, FAULT_LATE) && body && sim_chance(&w->net, 60)) {
		deliver_late(w, b, body, len);
		return nothing_came(w, "held up", timeout_ms, e);
	}
	if (world_may(w, FAULT_LOSS) && sim_chance(&w->net, 100)) return nothing_came(w, "lost", timeout_ms, e);
	return ERR_OK;
}

static int back(struct world *w, struct box *b, int timeout_ms, struct transport_answer *out, struct err *e)
{
	if (world_may(w, FAULT_LOSS) && sim_chance(&w->net, 100)) return nothing_came(w, "answer lost", timeout_ms, e);
	world_advance(w, w->now + delay(w), true);
	if (world_may(w, FAULT_CORRUPT) && sim_chance(&w->net, 100)) corrupt(w, b, out);
	return ERR_OK;
}

static int get_time(struct world *w, const char *nonce, struct transport_answer *out)
{
	char text[COUNTY_TIME_MAX];
	size_t n = 0;
	struct err e = {0};
	struct office *o = office_any(w);
	if (!o || county_time(&w->kit->county[office_index(w, o)], nonce, text, &n, out->signature, &e)) return ERR_IO;
	int64_t now = world_wall(w) + w->county.clock_offset;
	if (now > w->county.highest_now) w->county.highest_now = now;
	out->status = 200;
	out->body = copy_bytes(text, n);
	out->len = n;
	return ERR_OK;
}

static int get(struct world *w, struct box *b, const char *path, struct transport_answer *out)
{
	static const char keys[] = "/sync/v1/keys/", time[] = "/sync/v1/now?nonce=";
	if (strncmp(path, keys, sizeof keys - 1) == 0) return get_key(w, path + sizeof keys - 1, out);
	if (photos_path(path)) return photos_answer(w, b, path, out);
	assert(strncmp(path, time, sizeof time - 1) == 0);
	return get_time(w, path + sizeof time - 1, out);
}

static int call(struct world *w, struct box *b, const char *path, const char *body, size_t len, int timeout_ms,
                bool dated, struct transport_answer *out, struct err *e)
{
	int rc = go(w, b, body, len, timeout_ms, dated, e);
	if (rc) return rc;
	if (w->now < b->portal_until) {
		portal(w, out);
		return ERR_OK;
	}
	if (body && world_may(w, FAULT_CORRUPT) && sim_chance(&w->net, 40)) {
		forge(w, b, body, len, out);
		if (out->body) return ERR_OK;
	}
	if (body && world_may(w, FAULT_FUTURE) && pack_is(body, len) && sim_chance(&w->net, 50)) {
		out->status = 415; /* a county of an older release */
		out->body = strdup("{}");
		out->len = 2;
		return ERR_OK;
	}
	if (!body)
		rc = get(w, b, path, out);
	else
		rc = office_exchange(w, &b->peer, body, len, out);
	if (rc) return nothing_came(w, "the county does not answer", sim_range(&w->net, 5, timeout_ms), e);
	b->exchanges++;
	if (body && *out->signature) b->asked_epoch = w->county.epoch;
	keep_old(b, out);
	return back(w, b, timeout_ms, out, e);
}

static int carry(void *arg, const char *path, const char *body, size_t len, int timeout_ms, bool dated,
                 struct transport_answer *out, struct err *e)
{
	struct box *b = arg;
	struct world *w = b->w;
	alloc_fail_at(0, false); /* what comes now is not the courier's */
	*out = (struct transport_answer){0};
	trace_bytes(&w->trace, body ? body : path, body ? len : strlen(path));
	int rc = call(w, b, path, body, len, timeout_ms, dated, out, e);
	if (!rc) trace_bytes(&w->trace, out->body, out->len);
	if (b->cp) vfs_as(b->cp);
	if (!rc && gone(b)) rc = err_set(e, ERR_IO, "this box is no more");
	if (rc) transport_answer_release(out);
	return rc;
}

int net_call(void *arg, const char *path, const char *body, size_t len, int timeout_ms, struct transport_answer *out,
             struct err *e)
{
	struct box *b = arg;
	return carry(b, path, body, len, timeout_ms, !b->pinned, out, e);
}

int net_ask(void *arg, const char *path, int timeout_ms, struct transport_answer *out, struct err *e)
{
	return carry(arg, path, NULL, 0, timeout_ms, false, out, e);
}
