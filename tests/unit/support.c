/* See support.h. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "tests/unit/support.h"
#include "shared/ledger/courier.h"
#include "shared/ledger/read.h"
#include "shared/ledger/verify.h"
#include "shared/ledger/write.h"

#include "shared/body.h"
#include "shared/feed.h"
#include "shared/fields.h"
#include "shared/file.h"
#include "shared/text.h"

#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- files --- */

void support_folder_make(struct support_folder *f)
{
	const char *tmp = getenv("TMPDIR");
	int n = snprintf(f->path, sizeof f->path, "%s/xinke-unit-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	assert_true(n > 0 && (size_t)n < sizeof f->path);
	assert_non_null(mkdtemp(f->path));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void support_folder_remove(struct support_folder *f)
{
	assert_int_equal(nftw(f->path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void support_path(const struct support_folder *f, const char *name, char out[SUPPORT_PATH_MAX])
{
	int n = snprintf(out, SUPPORT_PATH_MAX, "%s/%s", f->path, name);
	assert_true(n > 0 && n < SUPPORT_PATH_MAX);
}

void support_put(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

void support_copy(const char *from, const char *to)
{
	struct err e = {0};
	char *data = NULL;
	size_t len = 0;
	assert_int_equal(file_read(from, 64u << 20, &data, &len, &e), ERR_OK);
	assert_int_equal(file_write(to, data, len, 0600, true, &e), ERR_OK);
	free(data);
}

char *support_source(const char *relative)
{
	char path[FILE_PATH_MAX], *text = NULL;
	struct err e = {0};
	(void)snprintf(path, sizeof path, "%s/%s", XINKE_ROOT, relative);
	if (file_read(path, 8u << 20, &text, NULL, &e)) fail_msg("%s", e.msg);
	return text;
}

/* --- time --- */

static void read_set(struct clock *c, int64_t *wall, int64_t *mono, bool *synced)
{
	const struct support_clock *s = c->arg;
	*wall = s->wall;
	*mono = s->mono;
	*synced = s->synced;
}

void support_clock_init(struct support_clock *c)
{
	*c = (struct support_clock){.wall = SUPPORT_NOW, .mono = 1000, .synced = true};
	c->clock = (struct clock){.read = read_set, .floor = (int64_t)XINKE_BUILD_EPOCH * 1000, .arg = c};
	(void)snprintf(c->clock.boot, sizeof c->clock.boot, "%s", "0b0f3a52-7a4e-4d52-8a57-0f1f6a1c2d3e");
}

/* --- JSON --- */

json_t *support_json(const char *text)
{
	json_error_t je;
	size_t n = strlen(text);
	char *copy = malloc(n + 1);
	assert_non_null(copy);
	for (size_t i = 0; i <= n; i++)
		copy[i] = (char)(text[i] == '\'' ? '"' : text[i]);
	json_t *v = json_loads(copy, JSON_DECODE_ANY, &je);
	if (!v) fail_msg("%s: %s", je.text, copy);
	free(copy);
	return v;
}

json_t *support_json_file(const char *relative)
{
	json_error_t je;
	char *text = support_source(relative);
	json_t *v = json_loads(text, JSON_REJECT_DUPLICATES, &je);
	if (!v) fail_msg("%s:%d: %s", relative, je.line, je.text);
	free(text);
	return v;
}

struct catalog *support_catalog(void)
{
	struct err e = {0};
	struct catalog *c = NULL;
	json_t *doc = support_json_file("schema/catalog/hutubi-2022.json");
	if (catalog_new(doc, &c, &e)) fail_msg("%s", e.msg);
	json_decref(doc);
	return c;
}

static json_t *block_of(enum record r)
{
	switch (r) {
	case RECORD_SERVICE: return support_json("{'topic':'找工作','advice':'介绍了三家企业'}");
	case RECORD_ACTIVITY: return support_json("{'topic':'普法宣传','place':'村委会','headcount':35}");
	case RECORD_MEDIATION:
		return support_json(
		    "{'parties':[{'name':'张三'},{'name':'李四'}],'matter':'宅基地界线','outcome':'双方同意'}");
	default: return NULL;
	}
}

json_t *support_registration(const struct catalog_item *item, const char *name, const char *id, const char *phone)
{
	json_t *r = json_pack("{s:s,s:s,s:[{s:s,s:s,s:i}]}", "item", item->code, "channel", "window", "materials",
	                      "name", "申请书", "form", "original", "copies", 1);
	json_t *block = item->record == RECORD_APPLICATION
	                    ? json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "kind", "person", "name", name, "id_type",
	                                "citizen_id", "id_number", id, "phone", phone, "address", "大丰镇一村")
	                    : block_of(item->record);
	assert_non_null(r);
	assert_non_null(block);
	const char *member = item->record == RECORD_APPLICATION ? "applicant" : record_name(item->record);
	assert_int_equal(json_object_set_new(r, member, block), 0);
	return r;
}

/* --- a ledger --- */

struct ledger_config support_ledger_config(struct support_ledger *t, enum ledger_mode mode)
{
	return (struct ledger_config){.path = t->db, .field_key = t->key, .mode = mode, .clock = &t->clock.clock};
}

void support_ledger_make(struct support_ledger *t)
{
	struct err e = {0};
	memset(t, 0, sizeof *t);
	support_folder_make(&t->folder);
	support_path(&t->folder, "ledger.db", t->db);
	support_path(&t->folder, "field.key", t->key);
	support_clock_init(&t->clock);
	t->catalog = support_catalog();
	memset(t->station_key, 0x5a, sizeof t->station_key);
	support_id(900001, t->log);
	if (ledger_key_make(t->key, &e)) fail_msg("%s", e.msg);
	struct ledger_config cfg = support_ledger_config(t, LEDGER_MIGRATE);
	if (ledger_open(&cfg, &t->l, &e)) fail_msg("%s", e.msg);
	struct ledger_enrolment en = {.station = SUPPORT_STATION,
	                              .name = "测试村便民服务站",
	                              .township = SUPPORT_TOWNSHIP,
	                              .tier = TIER_VILLAGE,
	                              .box = 1};
	memcpy(en.station_key, t->station_key, sizeof en.station_key);
	memcpy(en.log, t->log, sizeof en.log);
	if (ledger_enrol(t->l, &en, &e)) fail_msg("%s", e.msg);
}

void support_ledger_reopen(struct support_ledger *t)
{
	struct err e = {0};
	ledger_close(t->l);
	t->l = NULL;
	struct ledger_config cfg = support_ledger_config(t, LEDGER_WRITE);
	if (ledger_open(&cfg, &t->l, &e)) fail_msg("%s", e.msg);
}

void support_ledger_release(struct support_ledger *t)
{
	ledger_close(t->l);
	catalog_free(t->catalog);
	support_folder_remove(&t->folder);
}

void support_id(unsigned n, uint8_t out[UUID_LEN])
{
	static const uint8_t ns[UUID_LEN] = {0x5e, 0x1f};
	uuid_derive(ns, n, out);
}

struct ledger_call support_call(struct support_ledger *t, unsigned n)
{
	struct ledger_call c = {.actor = "clerk", .device = "phone-1", .now = clock_read(&t->clock.clock)};
	support_id(n, c.key);
	digest_sha256(c.key, UUID_LEN, c.request);
	return c;
}

void support_register(struct support_ledger *t, unsigned n, const char *code)
{
	struct err e = {0};
	struct problem p = {0};
	const struct catalog_item *item = catalog_find(t->catalog, code);
	assert_non_null(item);
	json_t *req = support_registration(item, "王建国", SUPPORT_PERSON, SUPPORT_PHONE);
	struct ledger_call call = support_call(t, n);
	assert_true(body_check_registration(req, item, t->clock.wall, &p));
	assert_int_equal(ledger_begin(t->l, &e), ERR_OK);
	if (ledger_register(t->l, &call, req, t->catalog, item, &e)) fail_msg("%s", e.msg);
	if (ledger_commit(t->l, &e)) fail_msg("%s", e.msg);
	problem_release(&p);
	json_decref(req);
}

enum problem_code support_act(struct support_ledger *t, unsigned key, unsigned n, enum case_event type, json_t *body)
{
	struct err e = {0};
	struct problem p = {0};
	struct ledger_case c = {0};
	uint8_t id[UUID_LEN];
	struct ledger_call call = support_call(t, key);
	support_id(n, id);
	support_case(t, n, &c);
	const struct catalog_item *item = catalog_find(t->catalog, c.view.item);
	enum offer offer = item ? item->offers[TIER_VILLAGE] : OFFER_HANDLE; /* an entry of a register has no item */
	ledger_case_release(&c);
	assert_int_equal(ledger_begin(t->l, &e), ERR_OK);
	if (ledger_act(t->l, &call, id, 0, type, body, offer, &p, &e)) fail_msg("%s", e.msg);
	if (ledger_commit(t->l, &e)) fail_msg("%s", e.msg);
	enum problem_code code = p.code;
	problem_release(&p);
	json_decref(body);
	return code;
}

void support_case(struct support_ledger *t, unsigned n, struct ledger_case *out)
{
	struct err e = {0};
	uint8_t id[UUID_LEN];
	support_id(n, id);
	*out = (struct ledger_case){0};
	if (ledger_case_get(t->l, id, out, &e)) fail_msg("%s", e.msg);
}

static void print_fault(const char *line, void *arg)
{
	(void)arg;
	print_message("fault: %s\n", line);
}

void support_verified(struct support_ledger *t)
{
	struct err e = {0};
	struct ledger_report r;
	if (ledger_verify(t->l, &r, print_fault, NULL, &e)) fail_msg("%s", e.msg);
	assert_int_equal(r.faults, 0);
}

static sqlite3 *open_raw(const char *db)
{
	sqlite3 *h = NULL;
	assert_int_equal(sqlite3_open_v2(db, &h, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_busy_timeout(h, 5000), SQLITE_OK);
	return h;
}

void support_sql(const char *db, const char *sql)
{
	sqlite3 *h = open_raw(db);
	char *why = NULL;
	if (sqlite3_exec(h, sql, NULL, NULL, &why)) fail_msg("%s: %s", sql, why);
	assert_int_equal(sqlite3_close(h), SQLITE_OK);
}

int64_t support_sql_int(const char *db, const char *sql)
{
	sqlite3 *h = open_raw(db);
	sqlite3_stmt *s = NULL;
	if (sqlite3_prepare_v2(h, sql, -1, &s, NULL)) fail_msg("%s: %s", sql, sqlite3_errmsg(h));
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	int64_t v = sqlite3_column_int64(s, 0);
	(void)sqlite3_finalize(s);
	assert_int_equal(sqlite3_close(h), SQLITE_OK);
	return v;
}

/* --- a feed --- */

void support_feed_init(struct support_feed *f, const uint8_t *key)
{
	*f = (struct support_feed){.key = key, .entries = json_array()};
	assert_non_null(f->entries);
}

void support_feed_release(struct support_feed *f)
{
	json_decref(f->entries);
	f->entries = NULL;
}

void support_feed_add(struct support_feed *f, json_t *entry)
{
	struct err e = {0};
	char hex[TEXT_HEX_LEN(DIGEST_LEN)];
	assert_int_equal(json_object_set_new(entry, "n", json_integer(++f->n)), 0);
	if (feed_hash(entry, f->key, f->hash, f->hash, &e)) fail_msg("%s", e.msg);
	text_hex(f->hash, DIGEST_LEN, hex);
	assert_int_equal(json_object_set_new(entry, "hash", json_string(hex)), 0);
	assert_int_equal(json_array_append_new(f->entries, entry), 0);
}

void support_feed_settled(struct support_feed *f, const uint8_t log[UUID_LEN], int64_t from, int64_t to)
{
	char text[UUID_TEXT];
	uuid_text(log, text);
	support_feed_add(f, json_pack("{s:s,s:s,s:I,s:I}", "kind", "settled", "log", text, "from", (json_int_t)from,
	                              "to", (json_int_t)to));
}

void support_feed_refused(struct support_feed *f, const uint8_t log[UUID_LEN], int64_t seq, const char *code)
{
	char text[UUID_TEXT];
	uuid_text(log, text);
	support_feed_add(f, json_pack("{s:s,s:s,s:I,s:s,s:s,s:s}", "kind", "refused", "log", text, "seq",
	                              (json_int_t)seq, "code", code, "pointer", "/x", "message", "not so"));
}

void support_feed_event(struct support_feed *f, unsigned id, unsigned n, const char *type, const char *origin,
                        const char *body)
{
	char ev[UUID_TEXT], c[UUID_TEXT];
	uint8_t raw[UUID_LEN];
	support_id(id, raw);
	uuid_text(raw, ev);
	support_id(n, raw);
	uuid_text(raw, c);
	support_feed_add(f, json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:o}", "kind", "event", "id", ev, "case_id", c,
	                              "type", type, "origin", origin, "actor", "民政局", "at",
	                              (json_int_t)SUPPORT_NOW + 1000 * f->n, "body", support_json(body)));
}

int support_apply(struct ledger *l, int64_t seq, const uint8_t hash[DIGEST_LEN], const json_t *entries, struct err *e)
{
	const json_t *last = json_array_get(entries, json_array_size(entries) - 1);
	struct ledger_answer a = {
	    .received_seq = seq, .feed = entries, .feed_seq = fields_int(last, "n", 1), .more = false};
	memcpy(a.received_hash, hash, DIGEST_LEN);
	return ledger_apply(l, &a, e);
}

int support_rewind(struct ledger *l, int64_t seq, struct err *e)
{
	struct ledger_answer a = {.received_seq = seq, .rewind = true};
	int rc = ledger_hash_at(l, seq, a.received_hash, e);
	return rc ? rc : ledger_apply(l, &a, e);
}

struct ledger_answer support_answer(const struct wire_answer *w)
{
	struct ledger_answer a = {
	    .received_seq = w->received.seq, .feed = w->feed, .feed_seq = w->feed_head.seq, .more = w->more};
	memcpy(a.received_hash, w->received.hash, DIGEST_LEN);
	return a;
}

int support_feed_apply(struct support_feed *f, struct support_ledger *t, struct err *e)
{
	struct ledger_head h;
	assert_int_equal(ledger_head(t->l, &h, e), ERR_OK);
	int rc = support_apply(t->l, h.seq, h.hash, f->entries, e);
	json_decref(f->entries);
	f->entries = json_array();
	assert_non_null(f->entries);
	return rc;
}
