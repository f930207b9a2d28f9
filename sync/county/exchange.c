/* One exchange at the county: identity, heads, the chain recomputed, every event judged, verdicts and feed numbered, all
 * in one transaction; then the answer, signed. sync/PROTOCOL.md says what each mismatch means. Runs on a worker thread
 * with the worker's store; nothing is kept between calls. */
#include "sync/county/casefile.h"
#include "sync/county/county.h"
#include "sync/county/feed.h"
#include "sync/county/metrics.h"

#include "shared/dict.h"
#include "shared/fields.h"
#include "shared/limits.h"
#include "shared/mutant.h"
#include "shared/pack.h"
#include "shared/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEED_BYTES   (1024 * 1024) /* about, of one answer */
#define MARK_BYTES   (512 * 1024)  /* of the bodies that one mark may cover */
#define BOX_GAP      5             /* numbers that a restored county leaves out: it may have given them */
#define BOX_LAST     99
#define ANSWER_LEVEL 9

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
	bool nowhere; /* a log that may not be opened: its box number is another's by now */
	int refused;  /* events of this request */
};

static bool same_mark(const struct wire_mark *a, const struct wire_mark *b)
{
	return a->seq == b->seq && MUTANT(head_by_seq, memcmp(a->hash, b->hash, DIGEST_LEN) == 0, true);
}

/* The box number that a log's first event names; 0 when there is no such event. */
static int opened_box(const struct event *ev)
{
	json_t *body = strcmp(ev->type, EVENT_LOG_OPENED) == 0 ? event_body(ev) : NULL;
	int64_t box = fields_int(body, "box", 0);
	json_decref(body);
	return box >= 1 && box <= BOX_LAST ? (int)box : 0;
}

static void refuse_log(struct problem *p, const char *why)
{
	problem_set(p, PROBLEM_CERTIFICATE_REFUSED, "%s", why);
}

/* A number that this county may have forgotten it gave: it is used, and what comes next lies above a gap. */
static int count_as_used(struct exchange *x, int box, struct err *e)
{
	int rc = store_box_used(x->s, x->req.station, box, BOX_GAP, e);
	return rc ? rc : store_station(x->s, x->req.station, &x->st, e);
}

static int insert_log(struct exchange *x, int box, struct err *e)
{
	x->log = (struct store_log){.box = box, .state = LOG_ACTIVE, .not_after = x->peer->not_after};
	memcpy(x->log.log, x->req.log, UUID_LEN);
	memcpy(x->log.station, x->st.code, sizeof x->log.station);
	int rc = store_log_insert(x->s, &x->log, x->now, e);
	return rc ? rc : store_log_certificate(x->s, x->req.log, x->peer->fingerprint, x->peer->not_after, e);
}

/* A certificate under our root that this county does not know: it was restored, and has forgotten an enrolment or a
 * renewal. The certificate itself names station and box. */
static int register_again(struct exchange *x, struct problem *p, struct err *e)
{
	struct err none = {0};
	if (x->peer->box < 1) {
		refuse_log(p, "this certificate is not known here and names no box");
		return ERR_OK;
	}
	int rc = store_log(x->s, x->req.log, &x->log, &none);
	if (rc && rc != (int)ERR_NOTFOUND) return err_set(e, (enum err_code)rc, "%s", none.msg);
	if (!rc && (strcmp(x->log.station, x->st.code) != 0 || x->log.state == LOG_REVOKED)) {
		refuse_log(p, "this log is another station's, or revoked");
		return ERR_OK;
	}
	if (!rc) {
		rc = store_log_certificate(x->s, x->req.log, x->peer->fingerprint, x->peer->not_after, e);
	} else {
		rc = insert_log(x, x->peer->box, e);
	}
	if (!rc) rc = count_as_used(x, x->peer->box, e);
	return rc ? rc
	          : store_alarm(x->s, x->st.code, "forgotten", x->now, e,
	                        "box %02d has a certificate that this county had forgotten; was the county restored?",
	                        x->peer->box);
}

/* A log that the county has not seen, under a certificate that it knows: a copy opened it with the box number that it
 * was granted. Where another copy was quicker with that number, this one needs another: it is told of a head that no
 * chain has. */
static int open_copy(struct exchange *x, enum log_state state, struct problem *p, struct err *e)
{
	bool granted = false, open = false;
	int box = x->req.n_events ? opened_box(&x->req.events[0]) : 0;
	int rc = store_grant_get(x->s, x->st.code, box, x->peer->fingerprint, &granted, &open, e);
	if (rc) return rc;
	if (!granted && !box && x->req.have.seq == 0) {
		refuse_log(p, "this log is not known here");
		return ERR_OK;
	}
	if (!granted || x->req.have.seq != 0) { /* a restored county may have forgotten the grant, too */
		rc = insert_log(x, box ? box : x->peer->box, e);
		if (!rc) rc = count_as_used(x, x->log.box, e);
		return rc ? rc
		          : store_alarm(x->s, x->st.code, "forgotten", x->now, e,
		                        "a log of box %02d that this county had forgotten", x->log.box);
	}
	if (!open) {
		x->log = (struct store_log){.head.seq = 1};
		memcpy(x->log.station, x->st.code, sizeof x->log.station);
		x->nowhere = true;
		return ERR_OK;
	}
	rc = insert_log(x, box, e);
	x->log.state = state;
	if (!rc && state != LOG_ACTIVE) rc = store_log_state(x->s, x->req.log, state, e);
	if (!rc) rc = store_grant_use(x->s, x->st.code, box, x->req.log, e);
	if (!rc) rc = store_alarm(x->s, x->st.code, "copy", x->now, e, "a copy of a box goes on as box %02d", box);
	return rc;
}

static int read_station(struct exchange *x, struct problem *p, struct err *e)
{
	struct err none = {0};
	int rc = strcmp(x->peer->station, x->req.station) == 0 ? store_station(x->s, x->req.station, &x->st, &none)
	                                                       : (int)ERR_NOTFOUND;
	if (rc == (int)ERR_NOTFOUND) {
		refuse_log(p, "this certificate is another station's");
		return ERR_OK;
	}
	if (rc) return err_set(e, (enum err_code)rc, "%s", none.msg);
	/* forgotten with its enrolment by a restored county: it follows from the recovery key */
	if (!x->st.has_key) {
		store_derive_key(x->c->recovery, x->st.code, x->st.station_key);
		rc = store_station_key(x->s, x->st.code, x->st.station_key, e);
		if (!rc) rc = feed_put_things(x->s, x->st.code, e);
	}
	return rc;
}

/* Certificate, station and log must belong together, and none be revoked. */
static int identify(struct exchange *x, struct problem *p, struct err *e)
{
	struct store_log known;
	struct err none = {0};
	if (x->peer->expired) {
		problem_set(p, PROBLEM_CERTIFICATE_EXPIRED, "renew it at /sync/v1/renew");
		return ERR_OK;
	}
	int rc = store_log_of_cert(x->s, x->peer->fingerprint, &known, &none);
	if (rc && rc != (int)ERR_NOTFOUND) return err_set(e, (enum err_code)rc, "%s", none.msg);
	bool unknown = rc != 0;
	if (!unknown && known.state == LOG_REVOKED) {
		refuse_log(p, "this certificate is revoked");
		return ERR_OK;
	}
	if (!unknown && strcmp(known.station, x->req.station) != 0) {
		refuse_log(p, "this certificate is another station's");
		return ERR_OK;
	}
	rc = read_station(x, p, e);
	if (rc || problem_any(p)) return rc;
	if (unknown) return register_again(x, p, e);
	none = (struct err){0};
	rc = store_log(x->s, x->req.log, &x->log, &none);
	if (rc == (int)ERR_NOTFOUND) return open_copy(x, known.state, p, e);
	if (rc) return err_set(e, (enum err_code)rc, "%s", none.msg);
	bool own = false;
	rc = store_log_has(x->s, x->req.log, x->peer->fingerprint, &own, e);
	if (rc) return rc;
	if (!own)
		refuse_log(p, "this log belongs to another certificate");
	else if (x->log.state == LOG_REVOKED)
		refuse_log(p, "this log is revoked");
	return ERR_OK;
}

/* --- the chain --- */

/* Why event I cannot be taken as it came; NULL when it can. NEXT is the chain's hash after it. */
static const char *fault_of(struct exchange *x, int i, const uint8_t prev[DIGEST_LEN], uint8_t next[DIGEST_LEN])
{
	struct event *ev = &x->req.events[i];
	const struct wire_said *said = x->req.said ? &x->req.said[i] : NULL;
	if (said && said->why[0]) return said->why;
	if (ev->body) event_mac(x->st.station_key, ev->body, ev->body_len, ev->mac);
	if (event_hash(ev, prev, next)) return "out of memory";
	memcpy(ev->hash, next, DIGEST_LEN);
	if (!x->req.detail) return NULL;
	if (memcmp(said->mac, ev->mac, DIGEST_LEN) != 0) return "the body is not the one that was chained";
	return memcmp(said->hash, next, DIGEST_LEN) != 0 ? "the event does not give its hash" : NULL;
}

/* Recomputes the chain over the batch; false when it does not end in the head that was said. In the detailed form each
 * event stands for itself: what is at fault keeps the hash that was stated, and the chain goes on from there. */
static bool recompute(struct exchange *x)
{
	struct wire_mark at = x->log.head;
	for (int i = 0; i < x->req.n_events; i++) {
		uint8_t next[DIGEST_LEN];
		const char *why = fault_of(x, i, at.hash, next);
		if (why && !x->req.detail) return false;
		if (why) {
			if (!x->req.said[i].why[0])
				(void)snprintf(x->req.said[i].why, sizeof x->req.said[i].why, "%s", why);
			memcpy(next, x->req.said[i].hash, DIGEST_LEN);
			memcpy(x->req.events[i].hash, next, DIGEST_LEN);
		}
		memcpy(at.hash, next, DIGEST_LEN);
		at.seq++;
	}
	return same_mark(&at, &x->req.head);
}

static int log_box(struct exchange *x, int box, struct err *e)
{
	struct db_stmt *q = db_query(x->s->db, Q_log_box, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "log", x->log.log, UUID_LEN);
	db_bind_int(q, "box", box);
	int rc = db_run(q, e);
	if (!rc) rc = count_as_used(x, box, e);
	if (!rc) x->log.box = box;
	return rc;
}

static int chain(struct exchange *x, const struct event *ev, struct err *e)
{
	struct db_stmt *q = db_query(x->s->db, Q_chain_insert, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "log", x->log.log, UUID_LEN);
	db_bind_int(q, "seq", ev->seq);
	db_bind_blob(q, "id", ev->id, UUID_LEN); /* zeros where it could not be read */
	db_bind_blob(q, "hash", ev->hash, DIGEST_LEN);
	return db_run(q, e);
}

static int settle(struct exchange *x, int64_t from, int64_t to, struct err *e)
{
	return from <= to ? feed_put_settled(x->s, x->st.code, x->log.log, from, to, e) : ERR_OK;
}

/* An event that cannot be read is kept as it came; nothing of it counts, and nothing waits for it. */
static int quarantine(struct exchange *x, int64_t seq, const struct wire_said *said, struct verdict *v, struct err *e)
{
	(void)snprintf(v->code, sizeof v->code, "unreadable");
	(void)snprintf(v->message, sizeof v->message, "%s", said->why);
	struct db_stmt *q = db_query(x->s->db, Q_quarantine_put, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "log", x->log.log, UUID_LEN);
	db_bind_int(q, "seq", seq);
	db_bind_text(q, "raw", said->raw ? said->raw : "");
	db_bind_text(q, "reason", said->why);
	db_bind_int(q, "at", x->now);
	return db_run(q, e);
}

/* A run of settled events that one mark will tell of. */
struct run {
	int64_t from;
	size_t bytes; /* of bodies: a mark's events must fit into an answer, should another log ask for them */
};

static int take_one(struct exchange *x, struct casefile *f, int i, struct run *run, struct err *e)
{
	struct event *ev = &x->req.events[i];
	const struct wire_said *said = x->req.said && x->req.said[i].why[0] ? &x->req.said[i] : NULL;
	struct verdict v = {0};
	ev->seq = x->req.have.seq + 1 + i;
	int rc = chain(x, ev, e);
	if (!rc) rc = said ? quarantine(x, ev->seq, said, &v, e) : casefile_take(f, &x->st, ev, x->now, &v, e);
	int box = rc || said || ev->has_case ? 0 : opened_box(ev);
	if (box && box != x->log.box) { /* registered again under its certificate's number */
		rc = log_box(x, box, e);
	}
	if (rc) return rc;
	run->bytes += ev->body_len;
	bool follows = !*v.code && (v.renumber || v.mends);
	if (!*v.code && !follows && run->bytes < MARK_BYTES) return ERR_OK;
	rc = settle(x, run->from, *v.code ? ev->seq - 1 : ev->seq, e);
	*run = (struct run){.from = ev->seq + 1};
	if (rc) return rc;
	if (follows) return casefile_follow_up(f, &x->st, ev, &v, x->now, e);
	/* what is held gets its mark when it is judged */
	if (!*v.code || strcmp(v.code, "held") == 0) return ERR_OK;
	x->refused++;
	return feed_put_refused(x->s, x->st.code, x->log.log, ev->seq, v.code, v.pointer, v.message, e);
}

/* Takes the whole batch: each event into the chain and judged, runs of settled ones into one mark. */
static int take(struct exchange *x, struct err *e)
{
	struct casefile f;
	struct run run = {.from = x->req.have.seq + 1};
	int rc = ERR_OK;
	casefile_init(&f, x->s);
	for (int i = 0; i < x->req.n_events && !rc; i++)
		rc = take_one(x, &f, i, &run, e);
	if (!rc) rc = settle(x, run.from, x->req.head.seq, e);
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
		rc = feed_read(x->s, &x->st, x->log.log, from.seq, LIMIT_FEED_ENTRIES, FEED_BYTES, &x->ans.feed,
		               &x->ans.feed_head, &x->ans.more, e);
	if (x->st.feed.seq - before == LIMIT_FEED_ENTRIES)
		x->ans.more = true; /* what waits for its number may be more */
	return rc;
}

/* Not our head of this log: nothing is taken. The box looks ours up in its chain, and needs a number if it is not there. */
static int mismatch(struct exchange *x, struct err *e)
{
	int rc = ERR_OK;
	x->mismatch = true;
	if (!x->nowhere && x->req.have.seq > x->log.head.seq)
		rc = count_as_used(x, x->log.box, e); /* we were restored */
	if (!rc) rc = store_grant(x->s, x->st.code, x->peer->fingerprint, &x->ans.box, e);
	if (rc != (int)ERR_CONFLICT) return rc;
	x->ans.box = 0; /* no number is left: the answer grants none */
	return store_alarm(x->s, x->st.code, "boxes", x->now, e, "no box number is left");
}

static int run(struct exchange *x, struct problem *p, struct err *e)
{
	int rc = identify(x, p, e);
	if (rc || problem_any(p)) return rc;
	if (x->nowhere || !same_mark(&x->req.have, &x->log.head)) {
		rc = mismatch(x, e);
	} else if (recompute(x)) {
		rc = take(x, e);
	} else if (x->req.detail) {
		problem_set(p, PROBLEM_MALFORMED_REQUEST, "the stated hashes do not end in head");
		return ERR_OK;
	} else {
		x->ans.detail = true;
	}
	if (!rc && !x->nowhere) rc = seen(x, e);
	if (!rc && !x->nowhere) rc = add_feed(x, e);
	if (x->nowhere) x->ans.feed_head = x->req.feed;
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

static int transact(struct exchange *x, struct problem *p, struct err *e)
{
	int rc = store_begin(x->s, e);
	if (rc) return rc;
	rc = run(x, p, e);
	if (!rc && !problem_any(p))
		rc = MUTANT(answer_before_commit, store_commit(x->s, e),
		            (store_commit(x->s, e) ? store_rollback(x->s) : (void)0, ERR_OK));
	if (rc || problem_any(p)) store_rollback(x->s);
	return rc;
}

/* The request as text: as it came, or out of its frame into OUT. A refusal goes to P. */
static int open_request(struct store *s, const char **text, size_t *len, struct buf *out, struct problem *p,
                        struct err *e)
{
	struct err bad = {0};
	size_t n = 0;
	if (!pack_is(*text, *len)) return ERR_OK;
	const struct pack_dict *dicts = dict_all(&n);
	int rc = s->pack ? ERR_OK : pack_new(dicts, n, &s->pack, &bad);
	if (!rc) rc = pack_open(s->pack, *text, *len, LIMIT_EXCHANGE, out, &bad);
	if (rc == (int)ERR_NOTFOUND)
		problem_set(p, PROBLEM_DICTIONARY_UNKNOWN, "%s", bad.msg);
	else if (rc == (int)ERR_INVALID)
		problem_set(p, PROBLEM_MALFORMED_REQUEST, "%s", bad.msg);
	else if (rc)
		return err_set(e, (enum err_code)rc, "%s", bad.msg);
	*text = out->data;
	*len = out->len;
	return ERR_OK;
}

/* The answer goes as the request came: packed with the same dictionary, or plain. */
static int write_answer(struct exchange *x, const char *request, size_t len, struct buf *out, struct err *e)
{
	if (!pack_is(request, len)) return wire_answer_encode(&x->ans, out, e);
	struct buf text;
	buf_init(&text, LIMIT_EXCHANGE);
	int rc = wire_answer_encode(&x->ans, &text, e);
	if (!rc) rc = pack_close(x->s->pack, ANSWER_LEVEL, pack_dict_of(request, len), text.data, text.len, out, e);
	buf_release(&text);
	return rc;
}

static int decode(struct exchange *x, const char *request, size_t len, struct problem *p, struct err *e)
{
	struct err bad = {0};
	struct buf plain;
	buf_init(&plain, LIMIT_EXCHANGE);
	int rc = open_request(x->s, &request, &len, &plain, p, e);
	if (!rc && !problem_any(p)) {
		rc = wire_request_decode(request, len, &x->req, &bad);
		if (rc == (int)ERR_INVALID || rc == (int)ERR_VERSION) {
			problem_set(p, PROBLEM_MALFORMED_REQUEST, "%s", bad.msg);
			rc = ERR_OK;
		} else if (rc) {
			(void)err_set(e, (enum err_code)rc, "%s", bad.msg);
		}
	}
	buf_release(&plain);
	return rc;
}

int county_exchange(struct county *c, struct store *s, const struct county_peer *peer, const char *request, size_t len,
                    char **answer, size_t *answer_len, char signature[256], struct problem *p, struct err *e)
{
	struct exchange x = {.c = c, .s = s, .peer = peer, .now = county_now(c)};
	struct buf out;
	*answer = NULL;
	int rc = decode(&x, request, len, p, e);
	if (rc || problem_any(p)) return rc;
	buf_init(&out, LIMIT_EXCHANGE);
	rc = transact(&x, p, e);
	if (!rc && !problem_any(p)) {
		rc = write_answer(&x, request, len, &out, e);
		if (!rc) rc = county_sign(c, request, len, out.data, out.len, signature, e);
		count(&x);
		if (!rc) *answer = buf_steal(&out, answer_len);
		if (!rc && !*answer) rc = err_set(e, ERR_NOMEM, "exchange");
	}
	buf_release(&out);
	wire_answer_release(&x.ans);
	wire_request_release(&x.req);
	return rc;
}
