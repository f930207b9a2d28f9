/* The column form: exact round trips over bodies of every type and odd ones, the published vector, and what is broken. */
#include "shared/canon.h"
#include "shared/fields.h"
#include "shared/receipt.h"
#include "sync/engine/bits.h"
#include "sync/engine/cell.h"
#include "sync/engine/columns.h"
#include "sync/engine/wire.h"
#include "tests/unit/support.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t key[EVENT_KEY_LEN] = {1, 2, 3};
static uint64_t seed = 1;

static unsigned draw(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % below);
}

/* --- made-up events --- */

static const char *const odd[] = {
    "",
    "|",
    "a|b||",
    "字\"\\\n\x01",
    "/",
    "~",
    "=",
    "652323198506151237",  /* a citizen's number, */
    "652323198506151236",  /* its check is wrong, */
    "65232319850229123X",  /* there is no such day, */
    "652323198506151237 ", /* one letter too many */
    "13899990001",
    "03899990001",
    "1389999000x",
    "10000000000",
    "19999999999",
    "mwvzwaa91mj3zy6g",
    "mwvzwaa91mj3zy6u", /* Crockford has no u */
    "0000000000000000",
    "b818f793-465c-4ca3-931a-290145967711",
    "B818F793-465C-4CA3-931A-290145967711",
    "396ee7ed-ec43-5404-a6fb-3d639be9d753",
    "00000000-0000-0000-0000-000000000000",
    "652323101200-20261124-010001-3",
    "652323105211-20261124-010001-3",
    "阿依努尔·买买提",
    "𠮷",
};

static json_t *some_text(int64_t at)
{
	char text[64];
	struct receipt r = {.day = clock_day(at), .box = 1 + (int)draw(2), .serial = 1 + draw(3000)};
	struct cell_citizen c = {652300 + (int)draw(30), (int64_t)draw(40000) - 20000, (int)draw(1000)};
	switch (draw(7)) {
	case 0:
		(void)snprintf(r.station, sizeof r.station, "%s", SUPPORT_STATION);
		if (draw(9) == 0) r.day = 20240229;
		assert_true(receipt_format(&r, text));
		return json_string(text);
	case 1: assert_true(cell_citizen_text(&c, text)); return json_string(text);
	case 2: (void)snprintf(text, sizeof text, "1%010u", draw(UINT32_MAX)); return json_string(text);
	case 3:
	case 4: (void)snprintf(text, sizeof text, "呼图壁县%u号", draw(40)); return json_string(text);
	default: return json_string(odd[draw(COUNT(odd))]);
	}
}

static json_t *some_value(int64_t at, int deep)
{
	static const int64_t ints[] = {0, 1, -1, 7, 9007199254740991LL, -9007199254740991LL, 1795478400000LL};
	json_t *v;
	switch (draw(deep > 3 ? 6 : 9)) {
	case 0: return json_null();
	case 1: return json_boolean(draw(2));
	case 2: return json_integer(draw(3) ? (int64_t)draw(1000) : ints[draw(COUNT(ints))]);
	case 3: return json_integer(at);
	case 6:
		v = json_array();
		for (unsigned n = draw(4); n; n--)
			assert_int_equal(json_array_append_new(v, some_value(at, deep + 1)), 0);
		return v;
	case 7:
	case 8:
		v = json_object();
		for (unsigned n = draw(5); n; n--) {
			static const char *const names[] = {"name", "a", "b", "phone", "with space", "~1", "x.y", "A"};
			const char *name = draw(60) ? names[draw(COUNT(names))] : draw(2) ? "with/slash" : "";
			assert_int_equal(json_object_set_new(v, name, some_value(at, deep + 1)), 0);
		}
		return v;
	default: return some_text(at);
	}
}

/* A body that never comes the same, of one type's few shapes or of any. */
static json_t *some_body(int64_t at)
{
	json_t *body = draw(4) ? json_pack("{s:s,s:{s:o,s:s,s:o},s:I,s:s,s:n,s:[{s:s,s:i}]}", "item", "652323-001",
	                                   "applicant", "name", some_text(at), "id_type", "citizen_id", "id_number",
	                                   some_text(at), "received_at", (json_int_t)at, "catalog", "hutubi-2022",
	                                   "agent", "materials", "name", draw(2) ? "申请表" : "居民户口簿", "copies", 1)
	                       : some_value(at, 0);
	if (json_is_object(body)) return body;
	json_decref(body);
	return json_object();
}

static void some_id(const struct wire_request *r, int i, uint8_t id[UUID_LEN])
{
	uuid_random(id);
	if (i && draw(3) == 0) uuid_derive(r->events[i - 1].id, 1, id);
	if (i > 1 && draw(3) == 0) uuid_derive(r->events[i - 2].id, 2, id);
	if (draw(20) == 0) support_id(draw(5), id);
}

static void some_event(const struct wire_request *r, int i, struct event *ev)
{
	static const char *const types[] = {"receive", "forward", "note", "accept", "a_later_release", "log_opened"};
	struct err e = {0};
	const struct event *before = i ? ev - 1 : NULL;
	*ev = (struct event){.seq = r->have.seq + 1 + i,
	                     .at = before ? before->at + draw(2) * draw(900000) : SUPPORT_NOW,
	                     .quality = draw(9) ? CLOCK_SYNCED : CLOCK_RTC,
	                     .has_case = draw(9) != 0};
	ev->mono = before ? before->mono + ev->at - before->at + draw(2) : 70000;
	if (draw(50) == 0) ev->at = draw(UINT32_MAX);
	if (draw(50) == 0) ev->mono = draw(100000);
	memcpy(ev->log, r->log, UUID_LEN);
	some_id(r, i, ev->id);
	if (ev->has_case) memcpy(ev->case_id, draw(3) ? ev->id : r->events[draw((unsigned)i + 1)].case_id, UUID_LEN);
	if (ev->has_case && draw(4) == 0) uuid_random(ev->case_id);
	(void)snprintf(ev->type, sizeof ev->type, "%s", types[draw(COUNT(types))]);
	(void)snprintf(ev->station, sizeof ev->station, "%s", SUPPORT_STATION);
	(void)snprintf(ev->origin, sizeof ev->origin, "%s", SUPPORT_STATION);
	(void)snprintf(ev->actor, sizeof ev->actor, "%s", draw(5) ? "阿依努尔·买买提" : draw(2) ? "a|b" : "王强");
	(void)snprintf(ev->device, sizeof ev->device, "%s", draw(9) ? "" : "phone");
	(void)snprintf(ev->boot, sizeof ev->boot, "0b0f3a52-7a4e-4d52-8a57-0f1f6a1c2d3%c", draw(30) ? 'e' : 'f');
	json_t *body = some_body(ev->at);
	assert_int_equal(event_set_body(ev, body, key, &e), ERR_OK);
	json_decref(body);
	if (draw(40) == 0) { /* erased */
		free(ev->body);
		ev->body = NULL;
		ev->body_len = 0;
	}
}

static void fill(struct wire_request *r, int n)
{
	*r = (struct wire_request){.now = SUPPORT_NOW, .quality = CLOCK_RTC, .have.seq = 4, .head.seq = 4 + n};
	(void)snprintf(r->station, sizeof r->station, "%s", SUPPORT_STATION);
	support_id(9, r->log);
	r->events = calloc((size_t)n + 1, sizeof *r->events);
	assert_non_null(r->events);
	for (; r->n_events < n; r->n_events++)
		some_event(r, r->n_events, &r->events[r->n_events]);
}

/* --- round trips --- */

static char *written(struct wire_request *r, enum wire_form form)
{
	struct err e = {0};
	struct buf b;
	enum wire_form was = r->form;
	r->form = form;
	buf_init(&b, LIMIT_EXCHANGE);
	if (wire_request_encode(r, &b, &e)) fail_msg("%s", e.msg);
	r->form = was;
	return buf_steal(&b, &(size_t){0});
}

static void read_back(const char *text, struct wire_request *r)
{
	struct err e = {0};
	if (wire_request_decode(text, strlen(text), r, &e)) fail_msg("%s", e.msg);
}

/* What is read from R's columns is written in rows as R is; and written again, the columns are the same bytes. Returns how
 * many events went as rows. */
static int round_trip(struct wire_request *r)
{
	struct wire_request back;
	char *columns = written(r, WIRE_COLUMNS), *rows = written(r, WIRE_ROWS);
	read_back(columns, &back);
	if (back.said)
		for (int i = 0; i < back.n_events; i++)
			assert_string_equal(back.said[i].why, "");
	assert_int_equal(back.n_events, r->n_events);
	assert_false(back.detail);
	char *again = written(&back, WIRE_ROWS), *twice = written(&back, WIRE_COLUMNS);
	assert_string_equal(again, rows);
	assert_string_equal(twice, columns);
	for (int i = 0; i < r->n_events; i++) { /* the chain says so, too */
		uint8_t x[DIGEST_LEN], y[DIGEST_LEN];
		struct event *ev = &back.events[i];
		if (ev->body) event_mac(key, ev->body, ev->body_len, ev->mac);
		assert_int_equal(event_hash(&r->events[i], r->have.hash, x), ERR_OK);
		assert_int_equal(event_hash(ev, r->have.hash, y), ERR_OK);
		assert_memory_equal(x, y, DIGEST_LEN);
	}
	json_t *j = json_loads(columns, 0, NULL);
	int n = (int)json_array_size(json_object_get(j, "events"));
	assert_int_equal(json_object_get(j, "columns") != NULL, r->n_events > 0);
	json_decref(j);
	free(columns);
	free(rows);
	free(again);
	free(twice);
	wire_request_release(&back);
	return n;
}

static void varied(void **state)
{
	static const int sizes[] = {0, 1, 2, 3, 7, 20, 100, LIMIT_BATCH_EVENTS};
	int rows = 0, events = 0;
	(void)state;
	for (seed = 1; seed < 4000000000u; seed = seed * 5 + 2)
		for (size_t i = 0; i < COUNT(sizes); i++) {
			uint64_t keep = seed;
			struct wire_request r;
			fill(&r, sizes[i]);
			rows += round_trip(&r);
			events += r.n_events;
			wire_request_release(&r);
			seed = keep;
		}
	assert_true(events > 5000);
	assert_true(rows > 0);
	assert_true(rows < events / 5); /* it is the exception */
}

/* An event of TYPE with BODY at the end of R, and nothing odd about it. */
static struct event *add(struct wire_request *r, const char *type, const json_t *body)
{
	struct err e = {0};
	struct event *ev = &r->events[r->n_events];
	assert_true(r->n_events < LIMIT_BATCH_EVENTS);
	*ev =
	    (struct event){.seq = r->have.seq + 1 + r->n_events, .at = SUPPORT_NOW, .quality = CLOCK_SYNCED, .mono = 7};
	memcpy(ev->log, r->log, UUID_LEN);
	memcpy(ev->station, r->station, sizeof ev->station);
	memcpy(ev->origin, r->station, sizeof r->station);
	uuid_random(ev->id);
	(void)snprintf(ev->type, sizeof ev->type, "%s", type);
	(void)snprintf(ev->actor, sizeof ev->actor, "a");
	(void)snprintf(ev->boot, sizeof ev->boot, "b");
	if (event_set_body(ev, body, key, &e)) fail_msg("%s", e.msg);
	r->n_events++;
	r->head.seq++;
	return ev;
}

static void empty(struct wire_request *r)
{
	fill(r, 0);
	free(r->events);
	r->events = calloc(LIMIT_BATCH_EVENTS, sizeof *r->events);
	assert_non_null(r->events);
}

/* Every body of the vectors, right and wrong ones, each type's own and all together. */
static void every_type(void **state)
{
	struct wire_request all, one;
	struct dirent *d;
	size_t i;
	json_t *item;
	DIR *dir = opendir(XINKE_ROOT "/tests/vectors/bodies");
	(void)state;
	assert_non_null(dir);
	empty(&all);
	int types = 0;
	while ((d = readdir(dir)) != NULL) {
		char path[320];
		if (d->d_name[0] == '.') continue;
		types++;
		(void)snprintf(path, sizeof path, "tests/vectors/bodies/%s", d->d_name);
		json_t *cases = support_json_file(path);
		empty(&one);
		json_array_foreach(cases, i, item) {
			struct buf b;
			const json_t *body = json_object_get(item, "body");
			buf_init(&b, EVENT_BODY_MAX);
			bool can = json_is_object(body) && !canon_write(body, &b, NULL);
			buf_release(&b);
			if (!can) continue;
			(void)add(&one, fields_text(item, "type"), body);
			if (all.n_events < LIMIT_BATCH_EVENTS) (void)add(&all, fields_text(item, "type"), body);
		}
		(void)round_trip(&one);
		wire_request_release(&one);
		json_decref(cases);
	}
	(void)closedir(dir);
	assert_true(types >= 11);
	assert_true(all.n_events > 100);
	(void)round_trip(&all);
	wire_request_release(&all);
}

/* What has no exact place in columns goes as a row, and the others stay in them. */
static void rows_among_them(void **state)
{
	static const char *const bodies[] = {
	    "{'a/b':1}", "{'':1}", "{'a':{'b/':[]}}", "{'a':[[[[[[[[[[1]]]]]]]]]]}",
	    "{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':1}}}}}}}}}}}}}}}}}"};
	struct wire_request r;
	json_t *plain = support_json("{'text':'x'}");
	(void)state;
	empty(&r);
	for (size_t i = 0; i < COUNT(bodies); i++) {
		json_t *body = support_json(bodies[i]);
		(void)add(&r, "note", plain);
		(void)add(&r, i % 2 ? "note" : "another", body);
		json_decref(body);
	}
	assert_int_equal(round_trip(&r), COUNT(bodies));
	json_t *wide =
	    json_object(); /* more members than there are columns; of a type of its own, and of one that goes on */
	for (int i = 0; i <= COLUMNS_MAX; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "m%d", i);
		assert_int_equal(json_object_set_new(wide, name, json_integer(i)), 0);
	}
	(void)add(&r, "wide", wide);
	(void)add(&r, "note", wide);
	(void)add(&r, "note", plain);
	add(&r, "note", plain)->mono = COLUMNS_MONO;
	assert_int_equal(round_trip(&r), COUNT(bodies) + 3);
	for (int i = 0; i < COLUMNS_GROUPS + 3; i++) { /* more types than there are groups */
		char type[16];
		(void)snprintf(type, sizeof type, "type_%d", i);
		(void)add(&r, type, plain);
	}
	assert_true(round_trip(&r) > (int)COUNT(bodies) + 5);
	wire_request_release(&r);
	json_decref(wide);
	empty(&r); /* more shapes than there may be: each another set of seven members */
	for (int i = 1; i < 100; i++) {
		json_t *body = json_object();
		for (int k = 0; k < 7; k++)
			if (i >> k & 1)
				assert_int_equal(
				    json_object_set_new(body, (const char[]){(char)('a' + k), 0}, json_null()), 0);
		(void)add(&r, "note", body);
		json_decref(body);
	}
	assert_int_equal(round_trip(&r), 99 - COLUMNS_SHAPES);
	wire_request_release(&r);
	json_decref(plain);
}

/* tests/vectors/columns: requests in both forms, byte for byte. */
static char *vector(const char *name)
{
	char path[320], *line = NULL;
	size_t cap = 0;
	(void)snprintf(path, sizeof path, XINKE_ROOT "/tests/vectors/columns/%s", name);
	FILE *f = fopen(path, "r");
	if (!f) fail_msg("%s", path);
	ssize_t n = getline(&line, &cap, f);
	assert_true(n > 1 && line[n - 1] == '\n');
	line[n - 1] = '\0';
	(void)fclose(f);
	return line;
}

static void published(void **state)
{
	static const char *const names[][2] = {{"taken_in.rows.json", "taken_in.columns.json"},
	                                       {"life.rows.json", "life.columns.json"}};
	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct wire_request a, b;
		char *rows = vector(names[i][0]), *columns = vector(names[i][1]);
		read_back(rows, &a);
		read_back(columns, &b);
		assert_int_equal(a.form, WIRE_ROWS);
		assert_int_equal(b.form, WIRE_COLUMNS);
		char *to_columns = written(&a, WIRE_COLUMNS), *to_rows = written(&b, WIRE_ROWS);
		assert_string_equal(to_columns, columns);
		assert_string_equal(to_rows, rows);
		free(to_columns);
		free(to_rows);
		free(rows);
		free(columns);
		wire_request_release(&a);
		wire_request_release(&b);
	}
}

/* --- what is broken --- */

/* Is J, a request of columns, one of which nothing can be read? Whatever else, it is read as a request. */
static bool unreadable(const json_t *j)
{
	struct wire_request r;
	struct err e = {0};
	char *text = json_dumps(j, JSON_COMPACT);
	assert_non_null(text);
	if (wire_request_decode(text, strlen(text), &r, &e)) fail_msg("%s: %.300s", e.msg, text);
	bool all = r.n_events > 0 && r.said;
	for (int i = 0; i < r.n_events && all; i++)
		all = r.said[i].why[0] != '\0';
	for (int i = 0; i < r.n_events && all; i++) {
		assert_int_equal(r.events[i].seq, r.have.seq + 1 + i);
		assert_null(r.events[i].body);
	}
	wire_request_release(&r);
	free(text);
	return all;
}

/* Sets what stands at PATH, which is there, to V; takes V. NULL takes it away. */
static void set_at(json_t *j, const char *path, json_t *v)
{
	char part[64];
	for (const char *slash; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
		(void)snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
		j = json_is_array(j) ? json_array_get(j, strtoul(part, NULL, 10)) : json_object_get(j, part);
		assert_non_null(j);
	}
	if (json_is_array(j)) {
		size_t i = strtoul(path, NULL, 10);
		if (i >= json_array_size(j)) fail_msg("%s", path);
		assert_int_equal(v ? json_array_set_new(j, i, v) : json_array_remove(j, i), 0);
	} else {
		if (!json_object_get(j, path)) fail_msg("%s", path);
		assert_int_equal(v ? json_object_set_new(j, path, v) : json_object_del(j, path), 0);
	}
}

static void malformed(void **state)
{
	static const struct {
		const char *path, *value; /* "-" takes it away */
	} bad[] = {
	    {"columns/order", "-"},
	    {"columns/order", "'0'"},
	    {"columns/order", "[]"},
	    {"columns/order", "[0,0,0]"},
	    {"columns/order", "[60]"},
	    {"columns/order", "[-1]"},
	    {"columns/order", "[1,0]"},
	    {"columns/order", "0"}, /* then the second group has no events */
	    {"columns/order", "2"},
	    {"columns/order", "3"},
	    {"columns/at", "-"},
	    {"columns/at", "-1"},
	    {"columns/at", "253402272000000"},
	    {"columns/mono", "1.5"},
	    {"columns/mono", "1125899906842625"},
	    {"columns/heads", "-"},
	    {"columns/heads", "{}"},
	    {"columns/heads", "[]"},
	    {"columns/heads/1", "-"},
	    {"columns/heads/0", "7"},
	    {"columns/heads/0/type", "-"},
	    {"columns/heads/0/type", "''"},
	    {"columns/heads/0/type", "'0123456789012345678901234567890123456789'"},
	    {"columns/heads/0/derived", "-"},
	    {"columns/heads/0/derived", "1"}, /* nothing stands before it */
	    {"columns/heads/0/derived", "2"},
	    {"columns/heads/0/ids", "-"},
	    {"columns/heads/0/ids", "'x'"},
	    {"columns/heads/0/ids", "'u'"}, /* longer than the bits are */
	    {"columns/heads/0/cased", "3"},
	    {"columns/heads/0/cased", "-1"},
	    {"columns/heads/0/cased", "9007199254740991"},
	    {"columns/heads/1/cased", "700"},
	    {"columns/heads/0/cased", "2"}, /* ids that the bits do not hold */
	    {"columns/heads/0/at", "-"},
	    {"columns/heads/0/at", "253402271999999"},
	    {"columns/heads/0/at", "-1795487670243"},
	    {"columns/heads/0/mono", "-9007199254740991"},
	    {"columns/heads/0/mono", "9007199254740991"},
	    {"columns/heads/0/clock", "-"},
	    {"columns/heads/0/clock", "[]"},
	    {"columns/heads/0/clock", "['~']"},
	    {"columns/heads/0/clock", "['=']"},
	    {"columns/heads/0/clock", "['=','best']"},
	    {"columns/heads/0/clock", "['=',7]"},
	    {"columns/heads/0/clock", "['a']"},
	    {"columns/heads/0/boot", "['=','']"},
	    {"columns/heads/0/boot", "['=','0b0f3a52-7a4e-4d52-8a57-0f1f6a1c2d3e-and-more']"},
	    {"columns/heads/0/actor", "['=','']"},
	    {"columns/heads/0/actor", "['=',null]"},
	    {"columns/heads/0/device", "['=',{}]"},
	    {"columns/heads/0/shapes", "[]"},
	    {"columns/heads/0/shapes", "[7]"},
	    {"columns/heads/0/shapes", "[[64]]"},
	    {"columns/heads/0/shapes", "[['0']]"},
	    {"columns/heads/0/shape", "-"},
	    {"columns/heads/0/shape", "9"},
	    {"columns/bodies", "-"},
	    {"columns/bodies/1", "-"},
	    {"columns/bodies/1", "7"},
	    {"columns/bodies/1/0", "7"},
	    {"columns/bodies/1/0", "[]"},
	    {"columns/bodies/1/0", "['to']"},
	    {"columns/bodies/1/0", "['to','=']"},
	    {"columns/bodies/1/0", "['to','?','x']"},
	    {"columns/bodies/1/0", "[7,'=','x']"},
	    {"columns/bodies/1/0", "['','=','x']"},
	    {"columns/bodies/1/0", "['/','=','x']"},
	    {"columns/bodies/1/0", "['a/','=','x']"},
	    {"columns/bodies/1/0", "['a//b','=','x']"},
	    {"columns/bodies/1/0", "['字','=','x']"},
	    {"columns/bodies/1/0", "['to','=',1.5]"},
	    {"columns/bodies/1/0", "['to','=',[1.5]]"},
	    {"columns/bodies/1/0", "['to','=',{'a':1}]"},
	    {"columns/bodies/1/0", "['a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q','=',1]"},
	    {"columns/bodies/1/0", "['to','t','x|y|z|z|z|z|z|z|z|z|z']"},
	    {"columns/bodies/1/0", "['to','t','x']"},
	    {"columns/bodies/1/0", "['to','t',7]"},
	    {"columns/bodies/1/0", "['to','j',[]]"},
	    {"columns/bodies/1/0", "['to','j',['x']]"},
	    {"columns/bodies/1/0", "['to','d',[],0]"},
	    {"columns/bodies/1/0", "['to','d',['x'],1]"},
	    {"columns/bodies/1/0", "['to','d',['x'],-1]"},
	    {"columns/bodies/1/0", "['to','i',[0,60]]"},
	    {"columns/bodies/1/0", "['to','i','0']"},
	    {"columns/bodies/1/0", "['to','c',[],0,0]"},
	    {"columns/bodies/1/0", "['to','c',['x'],0,0]"},
	    {"columns/bodies/1/0", "['to','c',[1000000],0,0]"},
	    {"columns/bodies/1/0", "['to','c',[1],0,100001]"},
	    {"columns/bodies/1/0", "['to','r',100,1,0]"},
	    {"columns/bodies/1/0", "['to','r',1,0,0]"},
	    {"columns/bodies/1/0", "['to','r',1,null,0]"},
	    {"columns/bodies/1/0", "['to','r',1,1,-5]"},
	    {"columns/bodies/1/0", "['to','m']"}, /* more bits than there are */
	    {"columns/bits", "-"},
	    {"columns/bits", "''"},
	    {"columns/bits", "7"},
	    {"columns/bits", "'*'"},
	};
	char *text = vector("taken_in.columns.json");
	json_t *j = json_loads(text, 0, NULL);
	(void)state;
	assert_false(unreadable(j));
	for (size_t i = 0; i < COUNT(bad); i++) {
		json_t *copy = json_deep_copy(j);
		set_at(copy, bad[i].path, strcmp(bad[i].value, "-") ? support_json(bad[i].value) : NULL);
		if (!unreadable(copy)) fail_msg("%s = %s was read", bad[i].path, bad[i].value);
		json_decref(copy);
	}
	/* twice the same member; bits that nobody asked for; a row too many; columns that are none */
	json_t *more = json_deep_copy(j);
	json_t *body = json_array_get(json_object_get(json_object_get(more, "columns"), "bodies"), 1);
	assert_int_equal(json_array_append(body, json_array_get(body, 0)), 0);
	assert_true(unreadable(more));
	json_decref(more);
	more = json_deep_copy(j);
	json_t *columns = json_object_get(more, "columns");
	struct buf bits;
	buf_init(&bits, LIMIT_EXCHANGE);
	buf_addf(&bits, "%sAAAA", fields_text(columns, "bits"));
	assert_int_equal(json_object_set_new(columns, "bits", json_string(bits.data)), 0);
	assert_true(unreadable(more));
	json_decref(more);
	buf_release(&bits);
	more = json_deep_copy(j);
	assert_int_equal(json_array_append_new(json_object_get(more, "events"), json_object()), 0);
	assert_true(unreadable(more));
	set_at(more, "events/0", NULL);
	assert_false(unreadable(more));
	assert_int_equal(json_object_set_new(more, "columns", json_integer(7)), 0);
	assert_true(unreadable(more));
	json_decref(more);
	json_decref(j);
	free(text);
}

/* Bodies that together are more than a request may hold, from a few bytes. */
static void too_much(void **state)
{
	const size_t ids_len = (LIMIT_BATCH_EVENTS * 122 + 5) / 6; /* of 122 bits, all zeros */
	char *text = vector("taken_in.columns.json"), *large = malloc(60001), *ids = malloc(ids_len + 1);
	json_t *j = json_loads(text, 0, NULL);
	(void)state;
	assert_true(large && ids);
	memset(large, 'x', 60000);
	large[60000] = '\0';
	memset(ids, 'A', ids_len);
	ids[ids_len] = '\0';
	set_at(j, "head/seq", json_integer(LIMIT_BATCH_EVENTS));
	set_at(j, "columns/order", json_integer(0));
	set_at(j, "columns/bits", json_string(ids));
	set_at(j, "columns/heads",
	       json_pack("[{s:s,s:i,s:s,s:i,s:s,s:i,s:i,s:[ss],s:[ss],s:[ss],s:[ss],s:[[]],s:i}]", "type", "note",
	                 "derived", 0, "ids", "v", "cased", 0, "cases", "v", "at", 0, "mono", 0, "clock", "=", "rtc",
	                 "boot", "=", "b", "actor", "=", "a", "device", "=", "", "shapes", "shape", 0));
	set_at(j, "columns/bodies", json_pack("[[[sss]]]", "text", "=", large));
	assert_true(unreadable(j));
	set_at(j, "columns/bodies/0/0/2", json_string("x"));
	assert_false(unreadable(j));
	free(ids);
	free(large);
	free(text);
	json_decref(j);
}

/* Any value somewhere in the columns. */
static bool mutate(json_t *j)
{
	if (draw(4) && (json_is_array(j) || json_is_object(j))) {
		size_t n = json_is_array(j) ? json_array_size(j) : json_object_size(j);
		if (n == 0) return false;
		size_t i = draw((unsigned)n);
		if (json_is_array(j)) {
			if (mutate(json_array_get(j, i))) return true;
			switch (draw(4)) {
			case 0: return json_array_remove(j, i) == 0;
			case 1: return json_array_append(j, json_array_get(j, i)) == 0;
			default: return json_array_set_new(j, i, some_value(SUPPORT_NOW, 2)) == 0;
			}
		}
		void *it = json_object_iter(j);
		while (i--)
			it = json_object_iter_next(j, it);
		if (mutate(json_object_iter_value(it))) return true;
		return json_object_iter_set_new(j, it, some_value(SUPPORT_NOW, 2)) == 0;
	}
	if (json_is_integer(j) && llabs(json_integer_value(j)) < 1LL << 52 && draw(2))
		return json_integer_set(j, json_integer_value(j) + (int)draw(5) - 2) == 0;
	return false;
}

/* Cells changed at random: read in full or not at all, and never a crash (the sanitizers watch). */
static void mutated_cells(void **state)
{
	int read = 0, refused = 0;
	(void)state;
	for (seed = 77; refused + read < 4000;) {
		struct wire_request r;
		fill(&r, 1 + (int)draw(30));
		char *text = written(&r, WIRE_COLUMNS);
		for (int i = 0; i < 100; i++) {
			json_t *j = json_loads(text, 0, NULL), *columns = json_object_get(j, "columns");
			for (unsigned n = 1 + draw(3); n;)
				n -= mutate(columns);
			bool none = unreadable(j);
			refused += none;
			read += !none;
			json_decref(j);
		}
		free(text);
		wire_request_release(&r);
	}
	assert_true(read > 100 && refused > 100);
}

static void mutated_bytes(void **state)
{
	(void)state;
	seed = 78;
	for (int round = 0; round < 40; round++) {
		struct wire_request r, back;
		fill(&r, 1 + (int)draw(30));
		char *text = written(&r, WIRE_COLUMNS);
		size_t len = strlen(text);
		for (int i = 0; i < 150; i++) {
			char *copy = malloc(len);
			assert_non_null(copy);
			memcpy(copy, text, len);
			size_t n = i % 3 ? len : draw((unsigned)len);
			for (unsigned k = 1 + draw(3); k; k--)
				copy[draw((unsigned)len)] = (char)(draw(3) ? ' ' + draw(95) : draw(256));
			int rc = wire_request_decode(copy, n, &back, NULL);
			assert_true(rc == ERR_OK || rc == ERR_INVALID || rc == ERR_VERSION);
			wire_request_release(&back);
			free(copy);
		}
		free(text);
		wire_request_release(&r);
	}
}

/* --- the parts --- */

static void bits(void **state)
{
	static const uint64_t values[] = {0, 1, 2, 3, 7, 8, 255, 256, 1u << 20, (1ULL << 55) - 1};
	struct bits_out o;
	struct bits_in in;
	struct buf text;
	bool nomem = false;
	(void)state;
	bits_out_init(&o, 100000);
	buf_init(&text, 100000);
	unsigned width = 0;
	for (unsigned k = 0; k <= 54; k++)
		for (size_t i = 0; i < COUNT(values); i++) {
			if (values[i] + (1ULL << k) >= 1ULL << 56) continue;
			bits_put_golomb(&o, values[i], k);
			bits_put(&o, values[i], 3);
			width += bits_golomb_width(values[i], k) + 3;
		}
	assert_true(bits_text(&o, &text));
	assert_int_equal(text.len, ((width + 7) / 8 * 8 + 5) / 6);
	assert_true(bits_in_init(&in, text.data, text.len, &nomem));
	for (unsigned k = 0; k <= 54; k++)
		for (size_t i = 0; i < COUNT(values); i++) {
			if (values[i] + (1ULL << k) >= 1ULL << 56) continue;
			assert_true(bits_get_golomb(&in, k) == values[i]);
			assert_int_equal(bits_get(&in, 3), values[i] & 7);
		}
	assert_true(bits_end(&in));
	assert_int_equal(bits_get(&in, 40), 0);
	assert_true(in.bad);
	assert_false(bits_end(&in));
	bits_in_release(&in);
	bits_out_release(&o);
	buf_release(&text);
	assert_true(bits_in_init(&in, "", 0, &nomem));
	assert_true(bits_end(&in));
	assert_int_equal(bits_get_golomb(&in, 3), 0);
	assert_true(in.bad);
	bits_in_release(&in);
	assert_true(bits_in_init(&in, "AAAAAAAAAAAAAA", 14, &nomem)); /* zeros for ever */
	(void)bits_get_golomb(&in, 0);
	assert_true(in.bad);
	bits_in_release(&in);
	assert_false(bits_in_init(&in, "AB", 2, &nomem)); /* bits that make no byte are set */
	assert_false(nomem);
	bits_in_release(&in);
}

static void kinds(void **state)
{
	static const struct {
		const char *text;
		enum cell_kind kind;
	} cases[] = {
	    {"", CELL_TEXT},
	    {"652323198506151237", CELL_CITIZEN},
	    {"652323198506151236", CELL_TEXT},
	    {"652323198513151237", CELL_TEXT},
	    {"13899990001", CELL_MOBILE},
	    {"23899990001", CELL_TEXT},
	    {"0994-4501234", CELL_TEXT},
	    {"mwvzwaa91mj3zy6g", CELL_TOKEN},
	    {"mwvzwaa91mj3zy6l", CELL_TEXT},
	    {"b818f793-465c-4ca3-931a-290145967711", CELL_UUID},
	    {"b818F793-465c-4ca3-931a-290145967711", CELL_TEXT},
	    {"652323105211-20261124-010001-3", CELL_TEXT}, /* of another station */
	};
	struct receipt r = {.station = SUPPORT_STATION, .day = 20261124, .box = 1, .serial = 10000};
	char text[RECEIPT_MAX];
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *v = json_string(cases[i].text);
		if (cell_kind_of(v, SUPPORT_STATION, SUPPORT_NOW) != cases[i].kind) fail_msg("%s", cases[i].text);
		json_decref(v);
	}
	assert_true(receipt_format(&r, text));
	json_t *v = json_string(text);
	assert_int_equal(cell_kind_of(v, SUPPORT_STATION, SUPPORT_NOW), CELL_RECEIPT);
	assert_int_equal(cell_kind_of(v, SUPPORT_STATION, SUPPORT_NOW + SUPPORT_DAY_MS), CELL_TEXT);
	json_decref(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(varied),    cmocka_unit_test(every_type),    cmocka_unit_test(rows_among_them),
	    cmocka_unit_test(published), cmocka_unit_test(malformed),     cmocka_unit_test(too_much),
	    cmocka_unit_test(bits),      cmocka_unit_test(mutated_cells), cmocka_unit_test(mutated_bytes),
	    cmocka_unit_test(kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
