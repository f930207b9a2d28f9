/* See county_support.h. */
#include "tests/unit/county_support.h"
#include "shared/ledger/courier.h"
#include "shared/ledger/read.h"
#include "shared/ledger/verify.h"
#include "shared/ledger/write.h"

#include "shared/body.h"
#include "shared/dict.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/text.h"
#include "sync/county/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call, e)                                                                                                    \
	do {                                                                                                           \
		if (call) fail_msg("%s:%d: %s", __FILE__, __LINE__, (e)->msg);                                         \
	} while (0)

static const struct log quiet = {.program = "test", .level = LOG_LEVEL_ERROR};

/* --- the county --- */

void test_county_make(struct test_county *w)
{
	struct err e = {0};
	struct import_paths paths;
	struct import_report r;
	memset(w, 0, sizeof *w);
	support_folder_make(&w->folder);
	support_clock_init(&w->clock);
	w->catalog = support_catalog();
	w->cfg = (struct county_config){.code_hours = 72, .workers = 1, .sync_port = 8441};
	(void)snprintf(w->cfg.data, sizeof w->cfg.data, "%s/data", w->folder.path);
	(void)snprintf(w->cfg.names, sizeof w->cfg.names, "localhost,127.0.0.1");
	(void)snprintf(w->cfg.sync_url, sizeof w->cfg.sync_url, "https://localhost:8441");
	OK(county_keys_make(&w->cfg, "呼图壁县", &e), &e);
	OK(county_init(&w->c, &w->cfg, &quiet, &e), &e);
	w->c.clock = w->clock.clock; /* its arg leads to ours */
	w->c.metrics = &w->metrics;
	OK(county_store(&w->c, STORE_MIGRATE, &w->s, &e), &e);
	OK(import_schema(XINKE_ROOT "/schema", &paths, &e), &e);
	struct import_files f = {paths.stations, paths.catalog, paths.calendar, false};
	OK(import_run(w->s, &f, w->clock.wall, &r, &e), &e);
	assert_int_equal(r.stations, 80);
	OK(county_path(&w->cfg, "county.db", w->db, &e), &e);
}

static void saved(const struct test_county *w, char out[FILE_PATH_MAX])
{
	(void)snprintf(out, FILE_PATH_MAX, "%.*s.saved", FILE_PATH_MAX - 8, w->db);
}

void test_county_save(struct test_county *w)
{
	char to[FILE_PATH_MAX];
	saved(w, to);
	support_sql(w->db, "PRAGMA wal_checkpoint(TRUNCATE)");
	support_copy(w->db, to);
}

void test_county_restore(struct test_county *w)
{
	struct err e = {0};
	char from[FILE_PATH_MAX];
	saved(w, from);
	store_close(w->s);
	support_sql(w->db, "PRAGMA wal_checkpoint(TRUNCATE)");
	support_copy(from, w->db);
	OK(county_store(&w->c, STORE_OPEN, &w->s, &e), &e);
}

void test_county_release(struct test_county *w)
{
	store_close(w->s);
	county_release(&w->c);
	catalog_free(w->catalog);
	support_folder_remove(&w->folder);
}

static void collect(const char *fault, void *arg)
{
	char *out = arg;
	size_t n = strlen(out);
	(void)snprintf(out + n, 4096 - n, "%s\n", fault);
}

void test_county_verify(struct test_county *w, int64_t faults)
{
	struct err e = {0};
	struct verify_report r;
	char told[4096] = "";
	OK(verify_run(w->s, &r, collect, told, &e), &e);
	if (r.faults != faults) fail_msg("%lld faults, not %lld:\n%s", (long long)r.faults, (long long)faults, told);
}

/* --- a box --- */

static void open_ledger(struct test_box *b, enum ledger_mode mode)
{
	struct err e = {0};
	struct ledger_config lc = {.path = b->db, .field_key = b->key, .mode = mode, .clock = b->clock};
	OK(ledger_open(&lc, &b->l, &e), &e);
}

static void make_folder(struct test_box *b, struct test_county *w)
{
	memset(b, 0, sizeof *b);
	b->w = w;
	b->clock = &w->clock.clock;
	support_folder_make(&b->folder);
	support_path(&b->folder, "ledger.db", b->db);
	support_path(&b->folder, "field.key", b->key);
}

static json_t *enrol_request(struct test_box *b, const char *code)
{
	struct err e = {0};
	char log[UUID_TEXT], key[TEXT_B64_LEN(SEAL_KEY_LEN)], csr[X509_PEM_MAX];
	struct ec_key *k = ec_key_generate();
	assert_non_null(k);
	OK(x509_csr_make(k, "box", NULL, 0, csr, &e), &e);
	OK(ec_key_to_pem(k, b->csr_key, &e), &e);
	ec_key_free(k);
	uuid_random(b->log);
	uuid_text(b->log, log);
	(void)text_b64(ledger_field_key(b->l), SEAL_KEY_LEN, key);
	return json_pack("{s:s,s:s,s:s,s:n,s:s,s:s,s:i}", "code", code, "log", log, "csr", csr, "server_csr",
	                 "field_key", key, "software", "test/1", "later", 1);
}

static void take_enrolment(struct test_box *b, const json_t *answer)
{
	struct err e = {0};
	struct x509_info info;
	const char *cert = fields_text(answer, "certificate"), *key = fields_text(answer, "station_key");
	struct ledger_enrolment en = {.station = fields_text(answer, "station"),
	                              .name = fields_text(answer, "station_name"),
	                              .township = fields_text(answer, "township"),
	                              .box = (int)fields_int(answer, "box", 0)};
	assert_true(tier_parse(fields_text(answer, "tier"), &en.tier));
	assert_int_equal(text_unb64(key, strlen(key), en.station_key, EVENT_KEY_LEN), EVENT_KEY_LEN);
	memcpy(en.log, b->log, UUID_LEN);
	OK(x509_read(cert, strlen(cert), &info, &e), &e);
	(void)snprintf(b->cert, sizeof b->cert, "%s", cert);
	memcpy(b->peer.fingerprint, info.fingerprint, DIGEST_LEN);
	b->peer.not_after = info.not_after;
	(void)snprintf(b->peer.station, sizeof b->peer.station, "%.12s", info.cn);
	b->number = b->peer.box = en.box;
	OK(ledger_enrol(b->l, &en, &e), &e);
}

void test_box_make(struct test_box *b, struct test_county *w, const char *station)
{
	struct err e = {0};
	struct problem p = {0};
	char code[COUNTY_CODE_MAX];
	int64_t expires;
	json_t *answer = NULL, *again = NULL;
	make_folder(b, w);
	OK(ledger_key_make(b->key, &e), &e);
	open_ledger(b, LEDGER_MIGRATE);
	OK(county_enrol_code(&w->c, w->s, station, "test", code, &expires, &e), &e);
	json_t *req = enrol_request(b, code);
	OK(county_enrol(&w->c, w->s, req, "192.0.2.1", &answer, &p, &e), &e);
	if (!answer) fail_msg("%s", p.detail);
	/* a box that lost the answer asks again and gets the same */
	OK(county_enrol(&w->c, w->s, req, "192.0.2.1", &again, &p, &e), &e);
	assert_true(json_equal(answer, again));
	take_enrolment(b, answer);
	json_decref(req);
	json_decref(again);
	json_decref(answer);
}

void test_box_release(struct test_box *b)
{
	engine_free(b->g);
	pack_free(b->pack);
	ledger_close(b->l);
	support_folder_remove(&b->folder);
}

void test_box_copy(struct test_box *b, const struct test_box *from)
{
	make_folder(b, from->w);
	support_sql(from->db, "PRAGMA wal_checkpoint(TRUNCATE)");
	support_copy(from->db, b->db);
	support_copy(from->key, b->key);
	b->peer = from->peer;
	b->number = from->number;
	memcpy(b->log, from->log, UUID_LEN);
	open_ledger(b, LEDGER_WRITE);
}

static struct ledger_call call_of(struct test_box *b, unsigned n)
{
	struct ledger_call c = {.actor = "clerk", .device = "phone-1", .now = clock_read(b->clock)};
	support_id(n, c.key);
	digest_sha256(c.key, UUID_LEN, c.request);
	return c;
}

void test_box_register(struct test_box *b, unsigned n, const char *code)
{
	struct err e = {0};
	const struct catalog_item *item = catalog_find(b->w->catalog, code);
	assert_non_null(item);
	json_t *req = support_registration(item, "王建国", SUPPORT_PERSON, SUPPORT_PHONE);
	struct ledger_call call = call_of(b, n);
	OK(ledger_begin(b->l, &e), &e);
	OK(ledger_register(b->l, &call, req, b->w->catalog, item, &e), &e);
	OK(ledger_commit(b->l, &e), &e);
	json_decref(req);
}

void test_box_act(struct test_box *b, unsigned key, unsigned n, const char *type, const char *body)
{
	struct err e = {0};
	struct problem p = {0};
	enum case_event ev;
	uint8_t id[UUID_LEN];
	struct ledger_call call = call_of(b, key);
	json_t *j = support_json(body);
	support_id(n, id);
	assert_true(state_event_parse(type, &ev));
	OK(ledger_begin(b->l, &e), &e);
	OK(ledger_act(b->l, &call, id, 0, ev, j, OFFER_HANDLE, &p, &e), &e);
	if (problem_any(&p)) fail_msg("%s", p.detail);
	OK(ledger_commit(b->l, &e), &e);
	json_decref(j);
}

void test_box_force(struct test_box *b, unsigned key, unsigned n, const char *type, const char *body)
{
	struct err e = {0};
	uint8_t id[UUID_LEN];
	struct ledger_call call = call_of(b, key);
	json_t *j = support_json(body);
	support_id(n, id);
	OK(ledger_begin(b->l, &e), &e);
	OK(ledger_append(b->l, &call, id, type, j, &e), &e);
	OK(ledger_commit(b->l, &e), &e);
	json_decref(j);
}

enum ledger_sync test_box_sync(struct test_box *b, unsigned n)
{
	struct err e = {0};
	struct ledger_case c = {0};
	uint8_t id[UUID_LEN];
	support_id(n, id);
	OK(ledger_case_get(b->l, id, &c, &e), &e);
	enum ledger_sync s = c.sync;
	ledger_case_release(&c);
	return s;
}

/* --- exchange --- */

static void make_request(struct test_box *b, int limit, struct wire_request *r)
{
	struct err e = {0};
	struct ledger_head h;
	OK(ledger_head(b->l, &h, &e), &e);
	*r = (struct wire_request){.now = b->w->clock.wall, .quality = CLOCK_SYNCED, .have.seq = h.received_seq};
	memcpy(r->station, b->peer.station, sizeof r->station);
	memcpy(r->log, h.log, UUID_LEN);
	memcpy(r->have.hash, h.received_hash, DIGEST_LEN);
	(void)snprintf(r->software, sizeof r->software, "test/1");
	r->health = json_pack("{s:I}", "head", (json_int_t)h.seq);
	r->events = calloc(LIMIT_BATCH_EVENTS, sizeof *r->events);
	assert_non_null(r->events);
	OK(ledger_unsent(b->l, h.received_seq, limit ? limit : LIMIT_BATCH_EVENTS, LIMIT_BATCH_BYTES, r->events,
	                 &r->n_events, &e),
	   &e);
	r->head = r->have;
	if (r->n_events) {
		r->head.seq = r->events[r->n_events - 1].seq;
		memcpy(r->head.hash, r->events[r->n_events - 1].hash, DIGEST_LEN);
		OK(ledger_mark_sent(b->l, r->head.seq, &e), &e);
	}
	OK(ledger_feed_head(b->l, &r->feed.seq, r->feed.hash, &e), &e);
}

static void check_signature(struct test_box *b, const struct buf *request, const char *answer, size_t len,
                            const char *header)
{
	struct err e = {0};
	char id[WIRE_KEY_ID_MAX];
	uint8_t sig[EC_SIG_MAX], digest[DIGEST_LEN];
	size_t sig_len = 0;
	struct ec_key *k = NULL;
	assert_true(wire_signature_parse(header, id, sig, sizeof sig, &sig_len));
	assert_string_equal(id, b->w->c.answer_key_id);
	OK(ec_key_from_cert(b->w->c.answer_cert, strlen(b->w->c.answer_cert), &k, &e), &e);
	wire_digest(request->data, request->len, answer, len, digest);
	assert_int_equal(ec_verify(k, digest, sig, sig_len), ERR_OK);
	ec_key_free(k);
}

static bool same(const struct wire_mark *a, const struct wire_mark *b)
{
	return a->seq == b->seq && memcmp(a->hash, b->hash, DIGEST_LEN) == 0;
}

enum problem_code test_box_exchange(struct test_box *b, int limit, enum test_fate fate, struct wire_answer *out)
{
	struct err e = {0};
	struct problem p = {0};
	struct wire_request r;
	struct wire_answer a = {0};
	struct buf text;
	char *answer = NULL, signature[256];
	size_t len = 0;
	buf_init(&text, LIMIT_EXCHANGE);
	make_request(b, limit, &r);
	OK(wire_request_encode(&r, &text, &e), &e);
	OK(county_exchange(&b->w->c, b->w->s, &b->peer, text.data, text.len, &answer, &len, signature, &p, &e), &e);
	enum problem_code code = p.code;
	if (!problem_any(&p)) {
		check_signature(b, &text, answer, len, signature);
		OK(wire_answer_decode(answer, len, &a, &e), &e);
		if (fate == ANSWER_KEPT && same(&a.received, &r.head)) {
			struct ledger_answer la = support_answer(&a);
			OK(ledger_apply(b->l, &la, &e), &e);
		}
	}
	problem_release(&p);
	wire_request_release(&r);
	buf_release(&text);
	free(answer);
	if (out)
		*out = a;
	else
		wire_answer_release(&a);
	return code;
}

void test_box_settle(struct test_box *b)
{
	struct err e = {0};
	struct ledger_head h;
	bool more = true;
	for (int i = 0; more; i++) {
		struct wire_answer a;
		assert_true(i < 1000);
		assert_int_equal(test_box_exchange(b, 0, ANSWER_KEPT, &a), PROBLEM_NONE);
		OK(ledger_head(b->l, &h, &e), &e);
		more = a.more || a.received.seq < h.seq;
		wire_answer_release(&a);
	}
}

/* --- the real courier --- */

static void answer_text(struct transport_answer *out, int status, const char *text)
{
	out->status = status;
	out->body = strdup(text);
	out->len = strlen(out->body);
}

/* What is said in the county's place. */
static bool lie(struct test_box *b, struct transport_answer *out)
{
	switch (b->lie) {
	case LIE_UNSIGNED: out->signature[0] = '\0'; break;
	case LIE_FORGED: out->body[out->len - 20]++; break;
	case LIE_NONCE: break;
	case LIE_PORTAL: answer_text(out, 200, "<html>welcome</html>"); return true;
	case LIE_NONE: break;
	}
	return false;
}

static int get(struct test_box *b, const char *path, struct transport_answer *out, struct err *e)
{
	static const char now[] = "/sync/v1/now?nonce=";
	char text[COUNTY_TIME_MAX];
	if (b->lie == LIE_PORTAL) return lie(b, out) ? ERR_OK : ERR_IO;
	if (strncmp(path, now, sizeof now - 1) != 0) { /* the answer key's certificate */
		assert_non_null(strstr(path, b->w->c.answer_key_id));
		answer_text(out, 200, b->w->c.answer_cert);
		return ERR_OK;
	}
	const char *nonce = b->lie == LIE_NONCE ? "00112233445566778899aabbccddeeff" : path + sizeof now - 1;
	OK(county_time(&b->w->c, nonce, text, &out->len, out->signature, e), e);
	answer_text(out, 200, text);
	(void)lie(b, out);
	return ERR_OK;
}

static int post(struct test_box *b, const char *path, const char *body, size_t len, struct transport_answer *out,
                struct err *e)
{
	struct problem p = {0};
	b->calls++;
	if (strcmp(path, "/sync/v1/renew") == 0) {
		json_t *answer = NULL, *request = json_loads(body, 0, NULL);
		assert_non_null(request);
		OK(county_renew(&b->w->c, b->w->s, &b->peer, request, &answer, &p, e), e);
		out->body = answer ? json_dumps(answer, 0) : strdup("{}");
		out->len = strlen(out->body);
		json_decref(answer);
		json_decref(request);
	} else {
		struct buf text;
		buf_init(&text, LIMIT_EXCHANGE);
		assert_true(pack_is(body, len)); /* what the box writes is packed */
		OK(pack_open(b->pack, body, len, LIMIT_EXCHANGE, &text, e), e);
		const char *mac = strstr(text.data, "\"mac\":\"");
		b->details += mac && strncmp(mac + 7 + 2 * DIGEST_LEN, "\",\"hash\"", 8) == 0;
		char *heads = strstr(text.data, "\"heads\":");
		b->columns += heads != NULL;
		if (heads && b->unread) { /* it answers what it saw, and signs what was sent */
			memcpy(heads, "\"hoods\"", 7);
			OK(county_exchange(&b->w->c, b->w->s, &b->peer, text.data, text.len, &out->body, &out->len,
			                   out->signature, &p, e),
			   e);
			OK(county_sign(&b->w->c, body, len, out->body, out->len, out->signature, e), e);
		} else {
			OK(county_exchange(&b->w->c, b->w->s, &b->peer, body, len, &out->body, &out->len,
			                   out->signature, &p, e),
			   e);
		}
		buf_release(&text);
	}
	out->status = problem_any(&p) ? problem_row(p.code)->status : 200;
	if (problem_any(&p)) {
		char text[96];
		(void)snprintf(text, sizeof text, "{\"code\":\"%s\"}", problem_row(p.code)->name);
		free(out->body);
		out->body = strdup(text);
		out->len = strlen(text);
	}
	problem_release(&p);
	return ERR_OK;
}

static int call_county(void *arg, const char *path, const char *body, size_t len, int timeout_ms,
                       struct transport_answer *out, struct err *e)
{
	struct test_box *b = arg;
	(void)timeout_ms;
	*out = (struct transport_answer){0};
	if (b->down) return err_set(e, ERR_IO, "no route");
	if (b->dates_count && !b->pinned && clock_system_off(b->clock, b->w->clock.wall))
		return err_set(e, ERR_DENIED, "the county's certificate is not valid at this time");
	return body ? post(b, path, body, len, out, e) : get(b, path, out, e);
}

static int ask_county(void *arg, const char *path, int timeout_ms, struct transport_answer *out, struct err *e)
{
	struct test_box *b = arg;
	(void)timeout_ms;
	*out = (struct transport_answer){0};
	return b->down ? err_set(e, ERR_IO, "no route") : get(b, path, out, e);
}

static void pin(void *arg, const char *pins)
{
	struct test_box *b = arg;
	if (pins) assert_non_null(strstr(pins, b->w->c.server_pin));
	b->pinned = pins != NULL;
}

void test_box_courier(struct test_box *b)
{
	size_t n;
	struct err e = {0};
	const struct pack_dict *dicts = dict_all(&n);
	OK(pack_new(dicts, n, &b->pack, &e), &e);
	struct engine_config cfg = {
	    .software = "test/1", .seed = 7, .pack = b->pack, .dict = DICT_EXCHANGE, .carries = b->carries};
	b->g = engine_new(&cfg);
	assert_non_null(b->g);
	b->h = (struct hands){.l = b->l,
	                      .clock = b->clock,
	                      .g = b->g,
	                      .log = NULL,
	                      .root = ca_root_pem(b->w->c.ca),
	                      .call = call_county,
	                      .ask = ask_county,
	                      .pin = pin,
	                      .arg = b};
}

void test_box_reclock(struct test_box *b, int64_t wall)
{
	ledger_close(b->l);
	engine_free(b->g);
	pack_free(b->pack);
	b->g = NULL;
	b->pack = NULL;
	b->pinned = false;
	b->dates_count = true;
	support_clock_init(&b->own);
	b->own.wall = wall;
	b->own.synced = false;
	(void)snprintf(b->own.clock.boot, sizeof b->own.clock.boot, "%s", "5d3e5f0e-0a55-4c35-9c53-6a9d2b1f0c11");
	b->clock = &b->own.clock;
	open_ledger(b, LEDGER_WRITE);
}

void test_box_run(struct test_box *b)
{
	struct engine_step s;
	struct engine_status st;
	struct ledger_head h;
	struct err e = {0};
	if (!b->g) test_box_courier(b);
	engine_kick(b->g, true);
	for (int steps = 0;; steps++) {
		assert_true(steps < 20000);
		engine_next(b->g, clock_read(b->clock).mono, &s);
		if (s.what != ENGINE_WAIT) {
			hands_step(&b->h, &s);
			continue;
		}
		engine_status(b->g, &st);
		OK(ledger_head(b->l, &h, &e), &e);
		if (b->down || (!st.working && h.received_seq == h.seq && !*st.error)) return;
		if (st.failed_in_row > 4) fail_msg("%s", st.error);
		if (b->clock == &b->own.clock)
			b->own.mono = s.until;
		else
			b->w->clock.mono = s.until;
	}
}

static void print_fault(const char *text, void *arg)
{
	(void)arg;
	print_message("%s\n", text);
}

void test_box_verify(struct test_box *b, int64_t faults)
{
	struct err e = {0};
	struct ledger_report r;
	OK(ledger_verify(b->l, &r, faults ? NULL : print_fault, NULL, &e), &e);
	assert_int_equal(r.faults, faults);
	OK(ledger_rebuild(b->l, &e), &e);
	OK(ledger_verify(b->l, &r, faults ? NULL : print_fault, NULL, &e), &e);
	assert_int_equal(r.faults, faults);
}

void test_county_pass(struct test_county *w, int64_t ms)
{
	w->clock.wall += ms;
	w->clock.mono += ms;
}

struct test_pair *test_pair_make(const char *first, const char *second)
{
	struct test_pair *p = calloc(1, sizeof *p);
	assert_non_null(p);
	test_county_make(&p->county);
	test_box_make(&p->village, &p->county, COUNTY_VILLAGE);
	test_box_register(&p->village, 1, first);
	test_box_register(&p->village, 2, second);
	test_box_settle(&p->village);
	return p;
}

void test_pair_release(struct test_pair *p)
{
	test_county_verify(&p->county, 0);
	test_box_verify(&p->village, 0);
	test_box_release(&p->village);
	test_county_release(&p->county);
	free(p);
}
