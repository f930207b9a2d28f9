/* The n-th allocation fails, for every n: nothing crashes, nothing leaks (under the sanitizers), the answer is ERR_NOMEM or
 * the work was done whole, and the ledger verifies afterwards.
 *
 * This program's own malloc stands before every library's, so that one counter sees our code, jansson, SQLite and mbedTLS
 * alike; no flag of the linker is needed. One thread allocates while it counts. */
#include "shared/blob/upload.h"
#include "shared/body.h"
#include "shared/canon.h"
#include "shared/caseview.h"
#include "shared/crypto/ec.h"
#include "shared/db/db.h"
#include "shared/dict.h"
#include "shared/feed.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/ledger/courier.h"
#include "shared/ledger/ledger.h"
#include "shared/ledger/read.h"
#include "shared/ledger/verify.h"
#include "shared/ledger/write.h"
#include "shared/pack.h"
#include "shared/text.h"
#include "sync/engine/engine.h"
#include "sync/engine/wire.h"
#include "tests/unit/blob_samples.h"
#include "tests/unit/support.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Volatile: the compiler believes that malloc changes nothing of ours. */
static volatile long left;     /* allocations until the one that fails; 0 = none fails */
static volatile bool for_good; /* all later ones fail too */
static volatile long counted, refused;

/* Runs before the sanitizer has started, too. */
#define EARLY __attribute__((no_sanitize("address", "undefined")))

EARLY static bool refuse(void)
{
	counted++;
	if (left == 0) return false;
	if (left > 1) {
		left--;
		return false;
	}
	if (!for_good) left = 0;
	refused++;
	errno = ENOMEM; /* as the C library's own say */
	return true;
}

/* What is not refused goes to the sanitizer's allocator, or without sanitizers to the C library's. */
void *__interceptor_malloc(size_t n) __attribute__((weak));
void *__interceptor_calloc(size_t n, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *p, size_t n) __attribute__((weak));
void *__libc_malloc(size_t n) __attribute__((weak));
void *__libc_calloc(size_t n, size_t size) __attribute__((weak));
void *__libc_realloc(void *p, size_t n) __attribute__((weak));

EARLY void *malloc(size_t n)
{
	if (refuse()) return NULL;
	return __interceptor_malloc ? __interceptor_malloc(n) : __libc_malloc(n);
}

EARLY void *calloc(size_t n, size_t size)
{
	if (refuse()) return NULL;
	return __interceptor_calloc ? __interceptor_calloc(n, size) : __libc_calloc(n, size);
}

EARLY void *realloc(void *p, size_t n)
{
	if (refuse()) return NULL;
	return __interceptor_realloc ? __interceptor_realloc(p, n) : __libc_realloc(p, n);
}

static int set_up(void **state)
{
	(void)state;
	/* without the look-aside every allocation of SQLite is seen */
	return sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK ? 0 : -1;
}

struct outcome {
	long tried, failed; /* runs, and those that said so */
};

struct work {
	int (*run)(void *);            /* gives its error code and leaves no more than it found */
	void (*after)(void *, int rc); /* looks at what is left behind, with memory again; NULL = nothing to see */
	void (*again)(void *); /* makes a fresh world where the work can be done once only; NULL = it can be repeated */
	void *arg;
	long stride; /* past the first 500 allocations only every so many-th fails; 0 = each */
};

/* Runs the work with the first, the second, ... allocation failing, alone or with all that follow, until a run needs no
 * more of them. A library may do without what it was refused (SQLite's caches): then the work is done, and whole. */
static struct outcome sweep(const struct work *w, bool once_failing_for_good)
{
	struct outcome o = {0};
	long n = 1;
	for (bool hit = true; hit; o.tried++, n += n > 500 && w->stride ? w->stride : 1) {
		for_good = once_failing_for_good;
		refused = 0;
		left = n;
		int rc = w->run(w->arg);
		left = 0;
		hit = refused > 0;
		if (rc != ERR_OK && rc != ERR_NOMEM) fail_msg("allocation %ld: %s", n, err_name((enum err_code)rc));
		if (!hit && rc) fail_msg("allocation %ld: failed though nothing was refused", n);
		o.failed += rc != ERR_OK;
		if (w->after) w->after(w->arg, rc);
		if (rc == ERR_OK && w->again) w->again(w->arg);
		assert_true(o.tried < 100000);
	}
	assert_true(o.tried > 1);
	return o;
}

static void sweep_both(const struct work *w)
{
	(void)sweep(w, false);
	(void)sweep(w, true);
}

static void the_counter_counts(void **state)
{
	(void)state;
	counted = 0;
	struct buf b;
	buf_init(&b, 100);
	buf_adds(&b, "x");
	assert_int_equal(counted, 1);
	buf_release(&b);
	json_decref(json_object());
	assert_true(counted > 1);
	long before = counted;
	sqlite3_free(sqlite3_malloc(10));
	assert_true(counted > before);
	left = 1;
	assert_null(json_object());
	assert_int_equal(left, 0);
	json_t *v = json_object();
	assert_non_null(v);
	json_decref(v);
}

/* --- pure parts --- */

static const char case_json[] = "{'item':'652323-001','channel':'window','note':'a\\nb','applicant':{'kind':'person','"
                                "name':'王建国','id_type':'citizen_id',"
                                "'id_number':'652323198506151237','phone':'13899990001','address':'大丰镇'},'materials'"
                                ":[{'name':'申请书','form':'copy','copies':1}]}";

static int canon(void *arg)
{
	struct buf b;
	struct err e = {0};
	buf_init(&b, 65536);
	int rc = canon_write(arg, &b, &e);
	if (rc) assert_int_equal(e.code, rc);
	buf_release(&b);
	return rc;
}

static void canonical_json(void **state)
{
	json_t *v = support_json(case_json);
	(void)state;
	const struct work w = {.run = canon, .arg = v};
	(void)sweep(&w, false);
	struct outcome o = sweep(&w, true);
	assert_true(o.failed == o.tried - 1); /* where none can be had there is no other way */
	json_decref(v);
}

static int set_body(void *arg)
{
	static const uint8_t key[EVENT_KEY_LEN];
	struct event ev = {0};
	struct err e = {0};
	uint8_t hash[DIGEST_LEN], zero[DIGEST_LEN] = {0};
	int rc = event_set_body(&ev, arg, key, &e);
	if (rc) assert_int_equal(e.code, rc); /* want of memory is not the caller's mistake */
	if (!rc) rc = event_hash(&ev, zero, hash);
	if (!rc) rc = feed_hash(arg, key, zero, hash, &e);
	json_t *back = rc ? NULL : event_body(&ev);
	if (!rc && !back) rc = ERR_NOMEM;
	json_decref(back);
	event_release(&ev);
	return rc;
}

static void events_and_feeds(void **state)
{
	json_t *v = support_json("{'n':1,'kind':'event','body':{'text':'字','a':[1,2,{'b':null}]}}");
	(void)state;
	sweep_both(&(struct work){.run = set_body, .arg = v});
	json_decref(v);
}

static json_t *whole; /* what is parsed, as it is */

static int parse(void *arg)
{
	json_t *v = NULL;
	struct err e = {0};
	int rc = json_parse_strict(arg, strlen(arg), 16, &v, &e);
	assert_int_equal(rc == ERR_OK, v != NULL);
	if (!rc && !json_equal(v, whole)) rc = ERR_CORRUPT; /* a byte that is lost in silence is worse than no answer */
	json_decref(v);
	return rc;
}

/* Tokens around the sizes at which a reader's buffer grows. */
static void parsing(void **state)
{
	char text[300];
	(void)state;
	for (int n = 1; n < 70; n++) {
		(void)snprintf(text, sizeof text,
		               "{\"a\":[1,2.5,{\"b\":\"\\u5b57 x\"}],\"c\":null,\"%.*s\":\"%.*s\",\"n\":%.*s}", n,
		               "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", n,
		               "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv",
		               n > 15 ? 15 : n, "123456789012345");
		whole = json_loads(text, 0, NULL);
		assert_non_null(whole);
		sweep_both(&(struct work){.run = parse, .arg = text});
		json_decref(whole);
	}
}

/* A check that ran out of memory may lose a detail of its answer, never the answer itself: wrong stays wrong, and right
 * right. */
static int check_good(void *arg)
{
	struct problem p = {0};
	bool ok = body_check_registration(arg, NULL, SUPPORT_NOW, &p);
	assert_int_equal(ok, !problem_any(&p));
	problem_release(&p);
	return ok ? ERR_OK : ERR_NOMEM;
}

static int check_bad(void *arg)
{
	struct problem p = {0};
	assert_false(body_check_registration(arg, NULL, SUPPORT_NOW, &p));
	assert_int_equal(p.code, PROBLEM_VALIDATION);
	json_t *j = problem_json(&p, "r");
	json_decref(j);
	problem_release(&p);
	return ERR_OK;
}

static int check_amended(void *arg)
{
	struct problem p = {0};
	bool ok = body_check_amended("/applicant/phone", "13999990002", arg, SUPPORT_NOW, &p);
	assert_int_equal(ok, !problem_any(&p));
	problem_release(&p);
	return ok ? ERR_OK : ERR_NOMEM;
}

static void checks(void **state)
{
	json_t *good = support_json(case_json), *bad = support_json(case_json);
	(void)state;
	assert_int_equal(json_object_set_new(bad, "colour", json_true()), 0);
	assert_int_equal(json_object_set_new(json_object_get(bad, "applicant"), "phone", json_string("12")), 0);
	left = 0;
	assert_int_equal(check_good(good), ERR_OK); /* it takes no memory to say that all is right */
	sweep_both(&(struct work){.run = check_bad, .arg = bad});
	sweep_both(&(struct work){.run = check_amended, .arg = good});
	json_decref(good);
	json_decref(bad);
}

static int make_catalog(void *arg)
{
	struct catalog *c = NULL;
	struct err e = {0};
	int rc = catalog_new(arg, &c, &e);
	assert_int_equal(rc == ERR_OK, c != NULL);
	catalog_free(c);
	return rc;
}

static void catalogs(void **state)
{
	json_t *doc = support_json_file("schema/catalog/hutubi-2022.json");
	(void)state;
	sweep_both(&(struct work){.run = make_catalog, .arg = doc});
	assert_int_equal(doc->refcount, 1); /* nobody has kept it */
	json_decref(doc);
}

/* There and back with the dictionary, small and large, light and heavy: by a context that is new each time. */
static int pack(void *arg)
{
	static char large[300000];
	const int *level = arg;
	struct pack *p = NULL;
	struct buf frame, back;
	struct err e = {0};
	size_t n, len = *level > 9 ? 3000 : sizeof large;
	const struct pack_dict *dicts = dict_all(&n);
	buf_init(&frame, 1 << 20);
	buf_init(&back, 1 << 20);
	for (size_t i = 0; i < len; i++)
		large[i] = case_json[i * i % (sizeof case_json - 1)];
	int rc = pack_new(dicts, n, &p, &e);
	if (!rc) rc = pack_close(p, *level, DICT_EXCHANGE, large, len, &frame, &e);
	if (!rc) rc = pack_open(p, frame.data, frame.len, len, &back, &e);
	assert_int_equal(e.code, rc);
	if (!rc && (back.len != len || memcmp(back.data, large, len) != 0)) rc = ERR_CORRUPT;
	buf_release(&frame);
	buf_release(&back);
	pack_free(p);
	return rc;
}

static void packing(void **state)
{
	static int levels[] = {3, 9, 19};
	(void)state;
	for (size_t i = 0; i < COUNT(levels); i++)
		sweep_both(&(struct work){.run = pack, .arg = &levels[i]});
}

static const struct {
	const char *type, *origin, *body;
} story[] = {
    {"receive", SUPPORT_STATION,
     "{'item':'652323-001','receipt_number':'r','token':'t','note':'旧','applicant':{'name':'王','phone':'1'},'"
     "materials':[{'name':'x'}]}"},
    {"note", SUPPORT_STATION, "{'text':'一'}"},
    {"amend", SUPPORT_STATION, "{'field':'/applicant/phone','old':'1','new':'2','reason':'x'}"},
    {"forward", SUPPORT_STATION, "{'to':'652323101000'}"},
    {"supplement_notice", EVENT_COUNTY, "{'basis':'法','materials':[{'name':'证','standard':'原件'}]}"},
    {"supplement_complete", SUPPORT_STATION, "{}"},
    {"send_back", EVENT_COUNTY, "{'reason':'因'}"},
    {"note", SUPPORT_STATION, "{'text':'二'}"},
    {"withdraw", SUPPORT_STATION, "{'reason':'因'}"},
};

static int fold(void *arg)
{
	json_t **bodies = arg;
	struct caseview v, w;
	struct buf b;
	struct err e = {0};
	uint8_t id[UUID_LEN] = {0};
	int rc = ERR_OK;
	caseview_init(&v, id);
	caseview_init(&w, id);
	buf_init(&b, 65536);
	for (size_t i = 0; i < COUNT(story) && !rc; i++) {
		const struct caseview_event ev = {
		    .type = story[i].type, .origin = story[i].origin, .body = bodies[i], .actor = "某", .at = 5};
		enum caseview_fit fit = caseview_apply(&v, &ev, &rc);
		if (!rc) assert_int_equal(fit, FIT_OK);
	}
	if (!rc) rc = caseview_doc(&v, &b, &e);
	if (!rc) rc = caseview_load_doc(&w, b.data, b.len, &e);
	if (!rc) assert_string_equal(caseview_title(&w), "王");
	buf_release(&b);
	caseview_release(&v);
	caseview_release(&w);
	return rc;
}

static void folding(void **state)
{
	json_t *bodies[COUNT(story)];
	(void)state;
	for (size_t i = 0; i < COUNT(story); i++)
		bodies[i] = support_json(story[i].body);
	sweep_both(&(struct work){.run = fold, .arg = bodies});
	for (size_t i = 0; i < COUNT(story); i++)
		json_decref(bodies[i]);
}

/* --- the wire --- */

static int wire(void *arg)
{
	struct wire_request r;
	struct wire_answer a = {.now = 1, .retry_after_s = 1}, b = {0};
	struct buf out, answer;
	struct err e = {0};
	const char *text = arg;
	buf_init(&out, LIMIT_EXCHANGE);
	buf_init(&answer, LIMIT_EXCHANGE);
	int rc = wire_request_decode(text, strlen(text), &r, &e);
	if (!rc) rc = wire_request_encode(&r, &out, &e);
	if (!rc) {
		r.form = WIRE_COLUMNS;
		buf_reset(&out);
		rc = wire_request_encode(&r, &out, &e);
	}
	if (!rc) {
		wire_request_release(&r);
		rc = wire_request_decode(out.data, out.len, &r, &e);
		if (!rc && r.said) rc = ERR_INVALID; /* nothing was to be found wrong with it */
	}
	if (!rc) a.feed = json_incref(r.health);
	if (!rc && !json_is_array(a.feed)) {
		json_decref(a.feed);
		a.feed = json_pack("[{s:i}]", "n", 1);
		if (!a.feed) rc = ERR_NOMEM;
	}
	if (!rc) rc = wire_answer_encode(&a, &answer, &e);
	if (!rc) rc = wire_answer_decode(answer.data, answer.len, &b, &e);
	buf_release(&out);
	buf_release(&answer);
	wire_answer_release(&a);
	wire_answer_release(&b);
	wire_request_release(&r);
	return rc;
}

static void exchanges(void **state)
{
#define Z "\"0000000000000000000000000000000000000000000000000000000000000000\""
#define EVENT(n)                                                                                                       \
	"{\"seq\":" n ",\"id\":\"6ba7b810-9dad-11d1-80b4-00c04fd430c" n                                                \
	"\",\"type\":\"note\",\"at\":1,\"clock\":\"rtc\",\"boot\":\"b\",\"mono\":1,"                                   \
	"\"actor\":\"a\",\"body\":{\"text\":\"x\",\"more\":[1,2]}}"
	static char text[] = "{\"protocol\":1,\"station\":\"652323101200\",\"log\":\"6ba7b810-9dad-11d1-80b4-"
	                     "00c04fd430c8\",\"software\":\"s\","
	                     "\"clock\":{\"now\":1,\"quality\":\"rtc\"},\"have\":{\"seq\":0,\"hash\":" Z
	                     "},\"events\":[" EVENT("1") "," EVENT("2") "],"
	                                                                "\"head\":{\"seq\":2,\"hash\":" Z
	                                                                "},\"feed\":{\"seq\":0,\"hash\":" Z
	                                                                "},\"health\":{\"cases\":1}}";
#undef Z
#undef EVENT
	(void)state;
	left = 0;
	assert_int_equal(wire(text), ERR_OK);
	sweep_both(&(struct work){.run = wire, .arg = text});
}

/* One exchange of the engine, begun and ended: with a signed answer it goes to APPLYING or rests with a reason. */
struct signed_answer {
	struct ec_key *key;
	uint8_t log[UUID_LEN];
	bool done;
};

static int answer_to(struct signed_answer *s, const struct engine_step *step, char header[200], struct buf *text)
{
	uint8_t digest[DIGEST_LEN], sig[EC_SIG_MAX];
	char b64[TEXT_B64_LEN(EC_SIG_MAX)];
	size_t n = 0;
	long had = left; /* the county has a memory of its own */
	left = 0;
	buf_init(text, 4096);
	const struct wire_answer a = {.now = SUPPORT_NOW};
	assert_int_equal(wire_answer_encode(&a, text, NULL), ERR_OK);
	wire_digest(step->body, step->len, text->data, text->len, digest);
	assert_int_equal(ec_sign(s->key, digest, sig, &n, NULL), ERR_OK);
	(void)text_b64(sig, n, b64);
	(void)snprintf(header, 200, "ab,%s", b64);
	left = had;
	return ERR_OK;
}

static struct ec_key *key_of(struct signed_answer *s)
{
	char pem[EC_PEM_MAX];
	struct ec_key *copy = NULL;
	long had = left;
	left = 0;
	assert_int_equal(ec_key_to_pem(s->key, pem, NULL), ERR_OK);
	assert_int_equal(ec_key_from_pem(pem, &copy, NULL), ERR_OK);
	left = had;
	return copy;
}

static int exchange(void *arg)
{
	struct signed_answer *s = arg;
	const struct engine_config cfg = {.software = "test", .seed = 1};
	struct engine_step step = {0};
	struct engine_status st;
	struct buf text;
	char header[200];
	s->done = false;
	struct engine *g = engine_new(&cfg);
	if (!g) return ERR_NOMEM;
	do {
		engine_next(g, 1000, &step);
		switch (step.what) {
		case ENGINE_READ: {
			struct engine_load in = {.station = SUPPORT_STATION,
			                         .now = {.wall = SUPPORT_NOW, .mono = 1000}};
			memcpy(in.head.log, s->log, UUID_LEN);
			in.health = json_object();
			engine_loaded(g, &in);
			break;
		}
		case ENGINE_SEND:
			(void)answer_to(s, &step, header, &text);
			engine_answered(g, 1000, 200, text.data, text.len, header);
			buf_release(&text);
			break;
		case ENGINE_KEY:
			assert_string_equal(step.key_id, "ab");
			engine_key(g, 1000, key_of(s));
			break;
		case ENGINE_APPLY:
			engine_applied(g, 1000);
			s->done = true;
			break;
		default: assert_int_equal(step.what, ENGINE_WAIT);
		}
	} while (step.what != ENGINE_WAIT && !s->done);
	engine_status(g, &st);
	if (!s->done) assert_true(*st.error != '\0' && step.until > 1000); /* it says so, and tries again later */
	engine_free(g);
	return s->done ? ERR_OK : ERR_NOMEM;
}

static void engines(void **state)
{
	struct signed_answer s = {.key = ec_key_generate()};
	(void)state;
	assert_non_null(s.key);
	support_id(1, s.log);
	sweep_both(&(struct work){.run = exchange, .arg = &s, .stride = 61}); /* a signature takes thousands */
	ec_key_free(s.key);
}

/* --- the ledger --- */

struct world {
	struct support_ledger t;
	struct support_feed feed;
	json_t *req, *entries;
	const struct catalog_item *item;
	unsigned key;        /* of the present attempt */
	int64_t seq, stored; /* before it, and cases so far */
	bool alive;          /* parts: the transaction is */
};

static int64_t seq_of(struct world *w)
{
	struct ledger_head h;
	struct err e = {0};
	assert_int_equal(ledger_head(w->t.l, &h, &e), ERR_OK);
	return h.seq;
}

static void world_make(struct world *w)
{
	*w = (struct world){.key = 1};
	support_ledger_make(&w->t);
	support_feed_init(&w->feed, w->t.station_key);
	w->item = catalog_find(w->t.catalog, SUPPORT_ACCEPT_ITEM);
	w->req = support_registration(w->item, "王建国", SUPPORT_PERSON, SUPPORT_PHONE);
	support_register(&w->t, 100000, SUPPORT_HANDLE_ITEM); /* all statements have been used once */
	w->stored = 1;
	w->seq = seq_of(w);
}

static void world_release(struct world *w)
{
	json_decref(w->req);
	support_feed_release(&w->feed);
	support_ledger_release(&w->t);
}

static int do_register(void *arg)
{
	struct world *w = arg;
	struct err e = {0};
	struct ledger_call call = support_call(&w->t, w->key);
	int rc = ledger_begin(w->t.l, &e);
	if (!rc) rc = ledger_register(w->t.l, &call, w->req, w->t.catalog, w->item, &e);
	if (!rc) rc = ledger_commit(w->t.l, &e);
	if (rc) ledger_rollback(w->t.l);
	if (e.code == ERR_NOMEM) rc = ERR_NOMEM; /* what was wrong at first is what counts */
	return rc;
}

static void registered(void *arg, int rc)
{
	struct world *w = arg;
	struct ledger_case c = {0};
	struct ledger_counts n;
	struct err e = {0};
	uint8_t id[UUID_LEN];
	support_id(w->key, id);
	int got = ledger_case_get(w->t.l, id, &c, &e);
	assert_int_equal(got, rc ? ERR_NOTFOUND : ERR_OK);
	ledger_case_release(&c);
	if (!rc) w->stored++;
	if (!rc) w->seq += 2;
	assert_int_equal(seq_of(w), w->seq);
	assert_int_equal(ledger_counts(w->t.l, &n, &e), ERR_OK);
	assert_int_equal(n.cases, w->stored);
	w->key++;
}

static void registrations(void **state)
{
	struct world w;
	const struct work work = {.run = do_register, .after = registered, .arg = &w};
	(void)state;
	world_make(&w);
	struct outcome o = sweep(&work, false);
	assert_true(o.failed > 50);
	support_verified(&w.t);
	o = sweep(&work, true); /* rolling back, too, has to do without */
	assert_int_equal(o.failed, o.tried - 1);
	support_verified(&w.t);
	support_ledger_reopen(&w.t);
	support_verified(&w.t);
	world_release(&w);
}

/* In a group: the part that had no memory is rolled back alone, its neighbour before it stands. */
static int do_part(void *arg)
{
	struct world *w = arg;
	struct err e = {0};
	struct ledger_call call = support_call(&w->t, w->key);
	int rc = ledger_part_begin(w->t.l, &e);
	if (!rc) rc = ledger_register(w->t.l, &call, w->req, w->t.catalog, w->item, &e);
	w->alive = db_in_transaction(ledger_db(w->t.l));
	if (w->alive && ledger_part_end(w->t.l, rc == ERR_OK, &e)) w->alive = false;
	if (!rc && !w->alive) rc = ERR_NOMEM;
	return rc && e.code == ERR_NOMEM ? ERR_NOMEM : rc;
}

static void parted(void *arg, int rc)
{
	struct world *w = arg;
	struct ledger_call call = support_call(&w->t, w->key + 500000);
	struct err e = {0};
	if (w->alive) { /* the group goes on: one more job, and all is committed */
		if (ledger_register(w->t.l, &call, w->req, w->t.catalog, w->item, &e)) fail_msg("%s", e.msg);
		if (ledger_commit(w->t.l, &e)) fail_msg("%s", e.msg);
		w->stored += 2;
		w->seq += 4;
	} else {
		ledger_rollback(w->t.l);
	}
	if (w->alive || rc) registered(w, rc);
	call = support_call(&w->t, w->key + 700000); /* the neighbour of the next */
	assert_int_equal(ledger_begin(w->t.l, &e), ERR_OK);
	if (ledger_register(w->t.l, &call, w->req, w->t.catalog, w->item, &e)) fail_msg("%s", e.msg);
}

static void parts_of_a_group(void **state)
{
	(void)state;
	for (int for_ever = 0; for_ever < 2; for_ever++) {
		struct world w;
		struct err e = {0};
		world_make(&w);
		struct ledger_call call = support_call(&w.t, 700000);
		assert_int_equal(ledger_begin(w.t.l, &e), ERR_OK);
		assert_int_equal(ledger_register(w.t.l, &call, w.req, w.t.catalog, w.item, &e), ERR_OK);
		struct outcome o = sweep(&(struct work){.run = do_part, .after = parted, .arg = &w}, for_ever != 0);
		assert_true(o.failed > 50);
		ledger_rollback(w.t.l);
		support_verified(&w.t);
		world_release(&w);
	}
}

static int do_act(void *arg)
{
	struct world *w = arg;
	struct err e = {0};
	struct problem p = {0};
	uint8_t id[UUID_LEN];
	struct ledger_call call = support_call(&w->t, w->key);
	support_id(100000, id);
	json_t *body = w->entries;
	int rc = ledger_begin(w->t.l, &e);
	if (!rc) rc = ledger_act(w->t.l, &call, id, 0, EVENT_NOTE, body, OFFER_HANDLE, &p, &e);
	if (!rc && problem_any(&p)) rc = ERR_NOMEM;
	if (!rc) rc = ledger_commit(w->t.l, &e);
	if (rc) ledger_rollback(w->t.l);
	problem_release(&p);
	return rc && e.code == ERR_NOMEM ? ERR_NOMEM : rc;
}

static void acted(void *arg, int rc)
{
	struct world *w = arg;
	if (!rc) w->seq++;
	assert_int_equal(seq_of(w), w->seq);
	w->key++;
}

static void acts(void **state)
{
	struct world w;
	(void)state;
	world_make(&w);
	w.entries = support_json("{'text':'一'}");
	sweep_both(&(struct work){.run = do_act, .after = acted, .arg = &w});
	support_verified(&w.t);
	json_decref(w.entries);
	world_release(&w);
}

static int do_apply(void *arg)
{
	struct world *w = arg;
	struct err e = {0};
	struct ledger_head h;
	int rc = ledger_head(w->t.l, &h, &e);
	if (!rc) rc = support_apply(w->t.l, h.seq, h.hash, w->entries, &e);
	return rc && e.code == ERR_NOMEM ? ERR_NOMEM : rc;
}

static void applied(void *arg, int rc)
{
	struct world *w = arg;
	struct err e = {0};
	struct ledger_case c;
	uint8_t hash[DIGEST_LEN];
	int64_t n = 0;
	assert_int_equal(ledger_feed_head(w->t.l, &n, hash, &e), ERR_OK);
	assert_int_equal(n, rc ? 0 : json_array_size(w->entries)); /* all or nothing */
	/* an order that memory was short for is not passed over */
	assert_int_equal(support_sql_int(w->t.db, "SELECT count(*) FROM staff WHERE name = '张'"), rc ? 0 : 1);
	assert_int_equal(support_sql_int(w->t.db, "SELECT count(*) FROM audit WHERE outcome = 'refused'"), 0);
	support_case(&w->t, 1, &c);
	assert_int_equal(c.view.state, rc ? STATE_FORWARDED : STATE_ACCEPTED);
	assert_int_equal(c.sync == SYNC_SETTLED, !rc);
	ledger_case_release(&c);
}

static void answer_make(struct world *w)
{
	world_make(w);
	support_register(&w->t, 1, SUPPORT_ACCEPT_ITEM);
	support_feed_settled(&w->feed, w->t.log, 1, 4);
	support_feed_event(&w->feed, 700, 1, "accept", "county", "{'note':'x'}");
	support_feed_event(&w->feed, 701, 2, "receive", "652323101201",
	                   "{'item':'652323-019','receipt_number':'r','token':'t','applicant':{'name':'李'}}");
	support_feed_add(&w->feed, support_json("{'kind':'catalog','body':{'version':2}}"));
	support_feed_add(&w->feed,
	                 support_json("{'kind':'staff','body':{'name':'张','by':'县','role':'clerk','password':'h'}}"));
	w->entries = json_incref(w->feed.entries);
}

static void answer_release(struct world *w)
{
	support_verified(&w->t);
	json_decref(w->entries);
	world_release(w);
}

static void answer_again(void *arg)
{
	answer_release(arg);
	answer_make(arg);
}

static void answers(void **state)
{
	struct world w;
	const struct work work = {.run = do_apply, .after = applied, .again = answer_again, .arg = &w};
	(void)state;
	answer_make(&w);
	struct outcome o = sweep(&work, false);
	assert_true(o.failed > 50);
	o = sweep(&work, true);
	assert_true(o.failed > 50);
	answer_release(&w);
}

static int do_new_log(void *arg)
{
	struct world *w = arg;
	struct err e = {0};
	uint8_t log[UUID_LEN];
	support_id(900002, log);
	int rc = ledger_new_log(w->t.l, log, 2, &e);
	return rc && e.code == ERR_NOMEM ? ERR_NOMEM : rc;
}

static void opened(void *arg, int rc)
{
	struct world *w = arg;
	struct ledger_head h;
	struct err e = {0};
	assert_int_equal(ledger_head(w->t.l, &h, &e), ERR_OK);
	assert_int_equal(h.box, rc ? 1 : 2);
	assert_int_equal(h.seq, 4); /* three events of cases behind either log_opened */
}

static void new_log_make(struct world *w)
{
	world_make(w);
	support_register(&w->t, 1, SUPPORT_ACCEPT_ITEM);
}

static void new_log_again(void *arg)
{
	struct world *w = arg;
	support_verified(&w->t);
	world_release(w);
	new_log_make(w);
}

static void new_logs(void **state)
{
	struct world w;
	(void)state;
	new_log_make(&w);
	sweep_both(&(struct work){.run = do_new_log, .after = opened, .again = new_log_again, .arg = &w});
	support_verified(&w.t);
	world_release(&w);
}

/* The first enrolment: where it fails the box is not enrolled, in the file or in memory. */
struct newcomer {
	struct support_ledger t;
	struct ledger_enrolment en;
};

static int do_enrol(void *arg)
{
	struct newcomer *n = arg;
	struct err e = {0};
	int rc = ledger_enrol(n->t.l, &n->en, &e);
	return rc && e.code == ERR_NOMEM ? ERR_NOMEM : rc;
}

static void enrolled(void *arg, int rc)
{
	struct newcomer *n = arg;
	struct ledger_head h;
	assert_int_equal(ledger_identity(n->t.l)->enrolled, !rc);
	assert_int_equal(ledger_head(n->t.l, &h, NULL), rc ? ERR_NOTFOUND : ERR_OK);
}

static void newcomer_make(struct newcomer *n)
{
	struct err e = {0};
	*n = (struct newcomer){
	    .en = {
	        .station = SUPPORT_STATION, .name = "x", .township = SUPPORT_TOWNSHIP, .tier = TIER_VILLAGE, .box = 1}};
	support_folder_make(&n->t.folder);
	support_path(&n->t.folder, "n.db", n->t.db);
	support_path(&n->t.folder, "n.key", n->t.key);
	support_clock_init(&n->t.clock);
	support_id(900001, n->en.log);
	assert_int_equal(ledger_key_make(n->t.key, &e), ERR_OK);
	struct ledger_config cfg = support_ledger_config(&n->t, LEDGER_MIGRATE);
	if (ledger_open(&cfg, &n->t.l, &e)) fail_msg("%s", e.msg);
}

static void newcomer_release(struct newcomer *n)
{
	support_verified(&n->t);
	ledger_close(n->t.l);
	support_folder_remove(&n->t.folder);
}

static void newcomer_again(void *arg)
{
	newcomer_release(arg);
	newcomer_make(arg);
}

static void first_enrolments(void **state)
{
	struct newcomer n;
	(void)state;
	newcomer_make(&n);
	sweep_both(&(struct work){.run = do_enrol, .after = enrolled, .again = newcomer_again, .arg = &n});
	newcomer_release(&n);
}

/* Opening an existing ledger: what fails leaves nothing open. */
static int do_open(void *arg)
{
	struct world *w = arg;
	struct ledger *l = NULL;
	struct err e = {0};
	struct ledger_config cfg = support_ledger_config(&w->t, LEDGER_WRITE);
	int rc = ledger_open(&cfg, &l, &e);
	ledger_close(l);
	return rc && e.code == ERR_NOMEM ? ERR_NOMEM : rc;
}

static void opening(void **state)
{
	struct world w;
	(void)state;
	world_make(&w);
	sweep_both(&(struct work){.run = do_open, .arg = &w, .stride = 11});
	support_verified(&w.t);
	world_release(&w);
}

static int do_read(void *arg)
{
	struct world *w = arg;
	struct ledger_case c = {0};
	struct event ev[8];
	uint8_t ids[4][UUID_LEN], id[UUID_LEN];
	struct err e = {0};
	int n = 0;
	support_id(100000, id);
	int rc = ledger_case_get(w->t.l, id, &c, &e);
	ledger_case_release(&c);
	if (!rc) rc = ledger_case_find(w->t.l, SUPPORT_PERSON, ids, 4, &n, &e);
	if (!rc) rc = ledger_unsent(w->t.l, 0, 8, 65536, ev, &n, &e);
	for (int i = 0; i < n && !rc; i++)
		event_release(&ev[i]);
	struct ledger_report r;
	if (!rc) rc = ledger_verify(w->t.l, &r, NULL, NULL, &e);
	if (!rc && r.faults) rc = ERR_CORRUPT; /* a lack of memory must not look like tampering */
	return rc && e.code == ERR_NOMEM ? ERR_NOMEM : rc;
}

static void reading(void **state)
{
	struct world w;
	(void)state;
	world_make(&w);
	sweep_both(&(struct work){.run = do_read, .arg = &w});
	support_verified(&w.t);
	world_release(&w);
}

/* --- blobs --- */

struct store_world {
	struct blob_config cfg;
	char dir[SUPPORT_PATH_MAX];
	int64_t now;
	uint8_t *file;
	size_t len;
	uint8_t sha256[DIGEST_LEN];
};

static int64_t store_now(void *arg)
{
	return ((struct store_world *)arg)->now;
}

static int write_halves(struct blob_store *s, const struct store_world *w, const char *id, struct err *e)
{
	struct upload *u = NULL;
	struct upload_end end;
	size_t half = w->len - 1000;
	int rc = upload_open(s, id, "staff:1", &u, e);
	if (!rc) rc = upload_write(u, w->file, half, e);
	if (!rc) rc = upload_commit(u, e);
	if (!rc) rc = upload_write(u, w->file + half, w->len - half, e);
	upload_close(u); /* given up: the segments are sealed anew */
	u = NULL;
	if (!rc) rc = upload_open(s, id, "staff:1", &u, e);
	if (!rc) assert_int_equal(upload_info(u)->offset, half);
	if (!rc) rc = upload_write(u, w->file + half, w->len - half, e);
	if (!rc) rc = upload_commit(u, e);
	if (!rc) rc = upload_finish(u, &end, e);
	if (!rc) assert_int_equal(end.verdict, UPLOAD_FINE);
	if (!rc) rc = upload_done(u, e);
	upload_close(u);
	return rc;
}

static int read_back(struct blob_store *s, const struct store_world *w, struct err *e)
{
	static uint8_t got[200000];
	struct blob *b = NULL;
	int rc = blob_open(s, w->sha256, &b, e);
	if (!rc) rc = blob_read(b, 0, got, w->len, e);
	if (!rc) assert_memory_equal(got, w->file, w->len);
	blob_close(b);
	return rc;
}

static int do_upload(void *arg)
{
	struct store_world *w = arg;
	struct blob_store *s = NULL;
	struct upload_info i;
	struct upload_meta meta = {.declared = true, .filename = "a.pdf"};
	struct err e = {0};
	memcpy(meta.sha256, w->sha256, DIGEST_LEN);
	int rc = blob_store_open(&w->cfg, &s, &e);
	if (!rc) rc = upload_create(s, "staff:1", (int64_t)w->len, &meta, &i, &e);
	if (!rc) rc = write_halves(s, w, i.id, &e);
	if (!rc) rc = upload_stat(s, i.id, "staff:1", &i, &e);
	if (!rc) assert_true(i.complete);
	if (!rc) rc = read_back(s, w, &e);
	blob_store_close(s);
	return rc;
}

/* Whatever was refused: the folder opens, what is in it is whole, and all of it can go. */
static void store_whole(void *arg, int rc)
{
	struct store_world *w = arg;
	struct blob_store *s = NULL;
	struct blob_stats st;
	struct err e = {0};
	int64_t removed, now = w->now;
	if (blob_store_open(&w->cfg, &s, &e)) fail_msg("%s", e.msg);
	assert_true(rc || blob_exists(s, w->sha256));
	if (blob_exists(s, w->sha256)) {
		assert_int_equal(read_back(s, w, &e), ERR_OK);
		assert_int_equal(blob_remove(s, w->sha256, &e), ERR_OK);
	}
	w->now += w->cfg.upload_ms;
	assert_int_equal(upload_sweep(s, &removed, &e), ERR_OK);
	assert_int_equal(blob_store_stats(s, &st, &e), ERR_OK);
	assert_int_equal(st.uploads + st.blobs + st.bytes, 0);
	w->now = now;
	blob_store_close(s);
}

static void uploads(void **state)
{
	static const uint8_t master[SEAL_KEY_LEN] = "a key for blobs without memory..";
	struct support_folder folder;
	struct store_world w = {.now = SUPPORT_NOW, .len = 2 * 65536 + 5000};
	(void)state;
	support_folder_make(&folder);
	support_path(&folder, "blobs", w.dir);
	w.file = blob_sample_pdf(w.len, 1);
	digest_sha256(w.file, w.len, w.sha256);
	w.cfg = (struct blob_config){
	    .dir = w.dir, .master = master, .max_bytes = 1 << 20, .upload_ms = 1000, .now = store_now, .arg = &w};
	sweep_both(&(struct work){.run = do_upload, .after = store_whole, .arg = &w});
	free(w.file);
	support_folder_remove(&folder);
}

/* A test that failed half way may have left the counter armed. */
static int disarm(void **state)
{
	(void)state;
	left = 0;
	return 0;
}

#define T(f) cmocka_unit_test_setup(f, disarm)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(the_counter_counts),
	    T(canonical_json),
	    T(events_and_feeds),
	    T(parsing),
	    T(checks),
	    T(catalogs),
	    T(packing),
	    T(folding),
	    T(exchanges),
	    T(engines),
	    T(registrations),
	    T(parts_of_a_group),
	    T(acts),
	    T(answers),
	    T(new_logs),
	    T(first_enrolments),
	    T(opening),
	    T(reading),
	    T(uploads),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
