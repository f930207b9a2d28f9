/* One exchange at the county: identity, heads, the chain recomputed, every event judged, verdicts and feed numbered, all
 * in one transaction; then the answer, signed. sync/PROTOCOL.md says what each mismatch means. Runs on a worker thread
 * with the worker's store; nothing is kept between calls. */
#include "sync/county/casefile.h"
#include "sync/county/county.h"
#include "sync/county/feed.h"
#include "sync/county/metrics.h"

#include "shared/fields.h"
#include "shared/limits.h"
#include "shared/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEED_BYTES (1024 * 1024) /* about, of one answer */

struct exchange {
	struct county *c;
	struct store *s;
	const struct county_peer *peer;
	struct wire_request req;
	struct wire_answer ans;
	struct store_station st;
	struct store_log log;
	int64_t now;
	bool mismatch;
	int refused; /* events of this request */
};

static bool same_mark(const struct wire_mark *a, const struct wire_mark *b)
{
	return a->seq == b->seq && memcmp(a->hash, b->hash, DIGEST_LEN) == 0;
}

/* A log that the county has not seen: a copy opened it with the box number that it was granted. */
static int open_copy(struct exchange *x, struct problem *p, struct err *e)
{
	uint8_t parent[UUID_LEN];
	struct store_log old = {0};
	const struct event *first = x->req.n_events ? &x->req.events[0] : NULL;
	json_t *body = first && strcmp(first->type, EVENT_LOG_OPENED) == 0 ? event_body(first) : NULL;
	int box = (int)fields_int(body, "box", 0);
	bool named = uuid_parse(fields_text(body, "parent"), parent);
	json_decref(body);
	if (x->req.have.seq != 0 || !named) {
		problem_set(p, PROBLEM_CERTIFICATE_REFUSED, "this log is not known here");
		return ERR_OK;
	}
	struct err none = {0};
	int rc = store_log(x->s, parent, &old, &none);
	if (rc && rc != (int)ERR_NOTFOUND) return err_set(e, (enum err_code)rc, "%s", none.msg);
	if (rc || strcmp(old.station, x->req.station) != 0 || old.state == LOG_REVOKED || old.copied || box == 0 ||
	    box != old.copy_box || memcmp(old.fingerprint, x->peer->fingerprint, DIGEST_LEN) != 0) {
		problem_set(p, PROBLEM_CERTIFICATE_REFUSED, "this log was not granted");
		return ERR_OK;
	}
	x->log = (struct store_log){.box = box, .state = old.state, .not_after = old.not_after};
	memcpy(x->log.log, x->req.log, UUID_LEN);
	memcpy(x->log.station, old.station, sizeof old.station);
	memcpy(x->log.fingerprint, old.fingerprint, DIGEST_LEN);
	rc = store_log_insert(x->s, &x->log, x->now, e);
	if (!rc) rc = store_log_copied(x->s, parent, x->req.log, e);
	if (!rc)
		rc = store_alarm(x->s, old.station, "copy", x->now, e, "box %d was a copy and goes on as box %d",
		                 old.box, box);
	return rc;
}

/* Certificate, station and log must belong together, and none be revoked. */
static int identify(struct exchange *x, struct problem *p, struct err *e)
{
	struct store_log known;
	struct err none = {0};
	int rc = store_log_of_cert(x->s, x->peer->fingerprint, &known, &none);
	if (rc && rc != (int)ERR_NOTFOUND) return err_set(e, (enum err_code)rc, "%s", none.msg);
	if (rc || known.state == LOG_REVOKED || strcmp(known.station, x->req.station) != 0 ||
	    strcmp(x->peer->station, x->req.station) != 0) {
		problem_set(p, PROBLEM_CERTIFICATE_REFUSED, "%s",
		            rc                           ? "this certificate is not known here"
		            : known.state == LOG_REVOKED ? "this certificate is revoked"
		                                         : "this certificate is another station's");
		return ERR_OK;
	}
	rc = store_station(x->s, x->req.station, &x->st, e);
	if (rc) return rc;
	none = (struct err){0};
	rc = store_log(x->s, x->req.log, &x->log, &none);
	if (rc == (int)ERR_NOTFOUND) return open_copy(x, p, e);
	if (rc) return err_set(e, (enum err_code)rc, "%s", none.msg);
	if (memcmp(x->log.fingerprint, x->peer->fingerprint, DIGEST_LEN) != 0 || x->log.state == LOG_REVOKED)
		problem_set(p, PROBLEM_CERTIFICATE_REFUSED, "this log belongs to another certificate");
	return ERR_OK;
}

/* Recomputes the chain over the batch; false when it does not end in the head that was said. */
static bool recompute(struct exchange *x)
{
	struct wire_mark at = x->log.head;
	for (int i = 0; i < x->req.n_events; i++) {
		struct event *ev = &x->req.events[i];
		if (ev->body) event_mac(x->st.station_key, ev->body, ev->body_len, ev->mac);
		if (event_hash(ev, at.hash, ev->hash)) return false;
		memcpy(at.hash, ev->hash, DIGEST_LEN);
		at.seq = ev->seq;
	}
	return same_mark(&at, &x->req.head);
}

static int chain(struct exchange *x, const struct event *ev, struct err *e)
{
	struct db_stmt *q = db_query(x->s->db, Q_chain_insert, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "log", ev->log, UUID_LEN);
	db_bind_int(q, "seq", ev->seq);
	db_bind_blob(q, "id", ev->id, UUID_LEN);
	db_bind_blob(q, "hash", ev->hash, DIGEST_LEN);
	return db_run(q, e);
}

static int settle(struct exchange *x, int64_t from, int64_t to, struct err *e)
{
	return from <= to ? feed_put_settled(x->s, x->st.code, x->log.log, from, to, e) : ERR_OK;
}

/* Takes the whole batch: each event into the chain and judged, runs of settled ones into one mark. */
static int take(struct exchange *x, struct err *e)
{
	struct casefile f;
	int64_t run = x->req.have.seq + 1;
	int rc = ERR_OK;
	casefile_init(&f, x->s);
	for (int i = 0; i < x->req.n_events && !rc; i++) {
		const struct event *ev = &x->req.events[i];
		struct verdict v;
		rc = chain(x, ev, e);
		if (!rc) rc = casefile_take(&f, &x->st, x->log.box, ev, x->now, &v, e);
		if (rc || !*v.code) continue;
		x->refused += strcmp(v.code, "held") != 0;
		rc = settle(x, run, ev->seq - 1, e);
		run = ev->seq + 1;
		/* what is held gets its mark when it is judged, after an upgrade */
		if (!rc && strcmp(v.code, "held") != 0)
			rc = feed_put_refused(x->s, x->st.code, x->log.log, ev->seq, v.code, v.pointer, v.message, e);
	}
	if (!rc) rc = settle(x, run, x->req.head.seq, e);
	if (!rc) rc = casefile_flush(&f, e);
	casefile_drop(&f);
	if (!rc && x->req.n_events) rc = store_log_head(x->s, x->log.log, &x->req.head, e);
	if (!rc) x->log.head = x->req.head;
	return rc;
}

/* Health is told and never hashed, so it may hold what canonical JSON cannot; what is too long is not kept. */
static int seen(struct exchange *x, struct err *e)
{
	char *health = x->req.health ? json_dumps(x->req.health, JSON_COMPACT) : NULL;
	if (x->req.health && !health) return err_set(e, ERR_NOMEM, "health");
	struct db_stmt *q = db_query(x->s->db, Q_log_seen, e);
	int rc = q ? ERR_OK : ERR_IO;
	if (q) {
		db_bind_blob(q, "log", x->log.log, UUID_LEN);
		db_bind_int(q, "at", x->now);
		db_bind_text(q, "software", x->req.software);
		db_bind_text(q, "clock", clock_quality_name(x->req.quality));
		db_bind_int(q, "skew", x->req.now - x->now);
		db_bind_text(q, "health", health && strlen(health) <= EVENT_BODY_MAX ? health : NULL);
		rc = db_run(q, e);
	}
	free(health);
	return rc;
}

/* Feed from the box's cursor; an unknown cursor is no error, the feed starts anew. A retired log gets none. */
static int add_feed(struct exchange *x, struct err *e)
{
	bool known = false;
	struct wire_mark from = x->req.feed;
	x->ans.feed_head = from;
	if (x->log.state != LOG_ACTIVE) return ERR_OK;
	int64_t before = x->st.feed.seq;
	int rc = feed_number(x->s, &x->st, LIMIT_FEED_ENTRIES, e);
	if (!rc) rc = feed_knows(x->s, x->st.code, &from, &known, e);
	if (!rc && !known) {
		rc = store_alarm(x->s, x->st.code, "feed", x->now, e, "box %d has feed entry %lld, which is not here",
		                 x->log.box, (long long)from.seq);
		from = (struct wire_mark){0};
	}
	x->ans.feed_head = from;
	if (!rc)
		rc = feed_read(x->s, &x->st, from.seq, LIMIT_FEED_ENTRIES, FEED_BYTES, &x->ans.feed, &x->ans.feed_head,
		               &x->ans.more, e);
	if (x->st.feed.seq - before == LIMIT_FEED_ENTRIES)
		x->ans.more = true; /* what waits for its number may be more */
	return rc;
}

static int run(struct exchange *x, struct problem *p, struct err *e)
{
	int rc = identify(x, p, e);
	if (rc || problem_any(p)) return rc;
	if (!same_mark(&x->req.have, &x->log.head)) {
		x->mismatch = true;
		/* Nothing is taken: the box looks our head up in its chain, and needs a number if it is not there. */
		rc = store_log_grant(x->s, &x->log, e);
		if (rc == (int)ERR_CONFLICT) rc = ERR_OK; /* no number is left: the answer grants none */
		x->ans.box = x->log.copied ? 0 : x->log.copy_box;
	} else if (!recompute(x)) {
		x->ans.detail = true;
	} else {
		rc = take(x, e);
	}
	if (!rc) rc = seen(x, e);
	if (!rc) rc = add_feed(x, e);
	x->ans.received = x->log.head;
	x->ans.now = x->now;
	return rc;
}

/* What a committed exchange counts for. */
static void count(const struct exchange *x)
{
	struct metrics *m = x->c->metrics;
	metrics_add(m, METRIC_FEED_SENT, (int64_t)json_array_size(x->ans.feed));
	metrics_add(m, METRIC_MISMATCHES, x->mismatch);
	metrics_add(m, METRIC_DETAILS, x->ans.detail);
	if (x->mismatch || x->ans.detail) return;
	metrics_add(m, METRIC_EVENTS_TAKEN, x->req.n_events);
	metrics_add(m, METRIC_EVENTS_REFUSED, x->refused);
}

static int sign(struct county *c, const char *request, size_t len, const struct buf *answer, char out[256],
                struct err *e)
{
	uint8_t digest[DIGEST_LEN], sig[EC_SIG_MAX];
	char b64[TEXT_B64_LEN(EC_SIG_MAX)];
	size_t n = 0;
	wire_digest(request, len, answer->data, answer->len, digest);
	(void)pthread_mutex_lock(&c->lock);
	int rc = ec_sign(c->answer_key, digest, sig, &n, e);
	(void)pthread_mutex_unlock(&c->lock);
	if (rc) return rc;
	(void)text_b64(sig, n, b64);
	(void)snprintf(out, 256, "%s,%s", c->answer_key_id, b64);
	return ERR_OK;
}

static int transact(struct exchange *x, struct problem *p, struct err *e)
{
	int rc = store_begin(x->s, e);
	if (rc) return rc;
	rc = run(x, p, e);
	if (!rc && !problem_any(p)) rc = store_commit(x->s, e);
	if (rc || problem_any(p)) store_rollback(x->s);
	return rc;
}

int county_exchange(struct county *c, struct store *s, const struct county_peer *peer, const char *request, size_t len,
                    char **answer, size_t *answer_len, char signature[256], struct problem *p, struct err *e)
{
	struct exchange x = {.c = c, .s = s, .peer = peer, .now = county_now(c)};
	struct err bad = {0};
	struct buf out;
	*answer = NULL;
	buf_init(&out, LIMIT_EXCHANGE);
	int rc = wire_request_decode(request, len, &x.req, &bad);
	if (rc == (int)ERR_INVALID || rc == (int)ERR_VERSION) {
		problem_set(p, PROBLEM_MALFORMED_REQUEST, "%s", bad.msg);
		return ERR_OK;
	}
	if (rc) return err_set(e, (enum err_code)rc, "%s", bad.msg);
	rc = transact(&x, p, e);
	if (!rc && !problem_any(p)) {
		rc = wire_answer_encode(&x.ans, &out, e);
		if (!rc) rc = sign(c, request, len, &out, signature, e);
		count(&x);
		if (!rc) *answer = buf_steal(&out, answer_len);
		if (!rc && !*answer) rc = err_set(e, ERR_NOMEM, "exchange");
	}
	buf_release(&out);
	wire_answer_release(&x.ans);
	wire_request_release(&x.req);
	return rc;
}
