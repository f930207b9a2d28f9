/* The box's side: a courier's engine is given whatever a road may bring. The input is a line of switches, a line that stands
 * for the signature's header, and the answer. Without a fitting signature nothing may ever be applied; where the switches
 * say that it fits (ec_verify is wrapped: nobody makes one by chance), the engine takes the answer apart. */
#include "shared/dict.h"
#include "sync/engine/engine.h"
#include "tests/fuzz/fuzz.h"

#define STEPS 12

static bool fits;

int __wrap_ec_verify(struct ec_key *k, const uint8_t digest[DIGEST_LEN], const uint8_t *sig, size_t len);
int __real_ec_verify(struct ec_key *k, const uint8_t digest[DIGEST_LEN], const uint8_t *sig, size_t len);

int __wrap_ec_verify(struct ec_key *k, const uint8_t digest[DIGEST_LEN], const uint8_t *sig, size_t len)
{
	int rc = __real_ec_verify(k, digest, sig, len);
	return fits ? ERR_OK : rc;
}

int __wrap_pack_close(struct pack *p, int level, unsigned dict, const void *in, size_t len, struct buf *out,
                      struct err *e);
int __real_pack_close(struct pack *p, int level, unsigned dict, const void *in, size_t len, struct buf *out,
                      struct err *e);

/* What is sent is not looked at here: packed at the level for slow links it would cost most of the time. */
int __wrap_pack_close(struct pack *p, int level, unsigned dict, const void *in, size_t len, struct buf *out,
                      struct err *e)
{
	(void)level;
	(void)dict;
	return __real_pack_close(p, PACK_LEVEL_MIN, 0, in, len, out, e);
}

struct input {
	char switches[4]; /* digits: signature fits, key known, mark found, HTTP status */
	char *header;
	const char *body;
	size_t len;
};

static int status_of(char c)
{
	static const int statuses[] = {200, 403, 413, 415, 500, 302, 429, 200};
	return statuses[c & 7];
}

/* As a box's ledger with one event to send. */
static void load(struct engine *g, int64_t mono)
{
	struct engine_load l = {.station = "652323101200", .now = {.wall = 1795478400000, .mono = mono}};
	l.head = (struct ledger_head){.n = 1, .box = 1, .seq = 1};
	l.events = calloc(1, sizeof *l.events);
	MUST(l.events);
	l.n = 1;
	l.events->seq = 1;
	(void)snprintf(l.events->type, sizeof l.events->type, "log_opened");
	(void)snprintf(l.events->actor, sizeof l.events->actor, "system");
	(void)snprintf(l.events->boot, sizeof l.events->boot, "6d1f0b52-3b0c-4a86-9d10-0f6a1e7c2d3e");
	l.events->body = strdup("{\"box\":1}");
	MUST(l.events->body);
	l.events->body_len = strlen(l.events->body);
	engine_loaded(g, &l);
}

/* One report to what the engine wants; false when it waits. */
static bool step(struct engine *g, const struct input *in, int64_t *mono)
{
	struct engine_step s;
	engine_next(g, *mono, &s);
	*mono += 10;
	bool believed = s.what == ENGINE_APPLY || s.what == ENGINE_REWIND || s.what == ENGINE_NEW_LOG;
	MUST(fits || !believed);
	switch (s.what) {
	case ENGINE_WAIT: *mono = s.until; return false;
	case ENGINE_READ: load(g, *mono); break;
	case ENGINE_SEND: engine_answered(g, *mono, status_of(in->switches[3]), in->body, in->len, in->header); break;
	case ENGINE_KEY:
		MUST(strlen(s.key_id) < WIRE_KEY_ID_MAX);
		engine_key(g, *mono, in->switches[1] & 1 ? ec_key_generate() : NULL);
		break;
	case ENGINE_APPLY:
	case ENGINE_REWIND: engine_applied(g, *mono); break;
	case ENGINE_LOOKUP: engine_found(g, *mono, in->switches[2] & 1); break;
	case ENGINE_NEW_LOG: engine_reset(g); break;
	}
	return true;
}

static void decode_alone(const char *text, size_t len)
{
	struct wire_answer a;
	struct err e = {0};
	struct buf b;
	if (wire_answer_decode(text, len, &a, &e)) return;
	buf_init(&b, LIMIT_EXCHANGE);
	if (wire_answer_encode(&a, &b, &e) == ERR_OK) {
		struct wire_answer again;
		MUST(wire_answer_decode(b.data, b.len, &again, &e) == ERR_OK);
		MUST(again.received.seq == a.received.seq && again.box == a.box && again.more == a.more);
		MUST(json_array_size(again.feed) == json_array_size(a.feed));
		wire_answer_release(&again);
	}
	buf_release(&b);
	wire_answer_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t n;
	const struct pack_dict *dicts = dict_all(&n);
	static struct pack *pack;
	if (!pack) MUST(pack_new(dicts, n, &pack, NULL) == ERR_OK);
	struct input in = {.switches = "0000"};
	char *line = fuzz_line(&data, &len);
	for (size_t i = 0; line && i < sizeof in.switches && line[i]; i++)
		in.switches[i] = line[i];
	free(line);
	in.header = fuzz_line(&data, &len);
	in.body = (const char *)data;
	in.len = len;
	fits = in.switches[0] & 1;
	struct engine_config ec = {.seed = 1, .pack = pack, .dict = DICT_EXCHANGE};
	struct engine *g = engine_new(&ec);
	MUST(g);
	if (in.switches[1] & 2) engine_add_key(g, "abababababababababababababababab", ec_key_generate());
	int64_t mono = 1000;
	for (int i = 0; i < STEPS; i++)
		(void)step(g, &in, &mono);
	engine_free(g);
	decode_alone(in.body, in.len);
	free(in.header);
	return 0;
}
