/* The ledger's writing and reading: opening, registrations, acts and their refusals, replays, history, lists, look-ups. */
#include "shared/db/db.h"
#include "shared/fields.h"
#include "shared/file.h"
#include "shared/ledger/ledger.h"
#include "shared/ledger/read.h"
#include "shared/ledger/write.h"
#include "shared/receipt.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

static struct support_ledger t;

static int make(void **state)
{
	(void)state;
	support_ledger_make(&t);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	support_ledger_release(&t);
	return 0;
}

static int64_t seq(void)
{
	struct ledger_head h;
	struct err e = {0};
	assert_int_equal(ledger_head(t.l, &h, &e), ERR_OK);
	return h.seq;
}

/* Registers REQ (taken) of item CODE under key N. */
static void register_as(unsigned n, const char *code, json_t *req)
{
	struct err e = {0};
	struct ledger_call call = support_call(&t, n);
	assert_int_equal(ledger_begin(t.l, &e), ERR_OK);
	if (ledger_register(t.l, &call, req, t.catalog, catalog_find(t.catalog, code), &e)) fail_msg("%s", e.msg);
	assert_int_equal(ledger_commit(t.l, &e), ERR_OK);
	json_decref(req);
}

static json_t *application(const char *code)
{
	return support_registration(catalog_find(t.catalog, code), "王建国", SUPPORT_PERSON, SUPPORT_PHONE);
}

/* --- opening --- */

static void identity(void **state)
{
	struct ledger_head h;
	struct err e = {0};
	(void)state;
	for (int round = 0; round < 2; round++) {
		const struct ledger_identity *id = ledger_identity(t.l);
		assert_true(id->enrolled);
		assert_string_equal(id->station, SUPPORT_STATION);
		assert_string_equal(id->township, SUPPORT_TOWNSHIP);
		assert_string_equal(id->name, "测试村便民服务站");
		assert_int_equal(id->tier, TIER_VILLAGE);
		assert_memory_equal(id->station_key, t.station_key, EVENT_KEY_LEN);
		assert_int_equal(ledger_head(t.l, &h, &e), ERR_OK);
		assert_int_equal(h.box, 1);
		assert_int_equal(h.seq, 1); /* log_opened */
		assert_memory_equal(h.log, t.log, UUID_LEN);
		assert_int_equal(h.received_seq, 0);
		support_ledger_reopen(&t);
	}
	assert_int_equal(ledger_check(t.l, &e), ERR_OK);
	support_verified(&t);
}

static void not_enrolled(void **state)
{
	struct support_ledger u = {0};
	struct err e = {0};
	struct ledger_head h;
	(void)state;
	support_folder_make(&u.folder);
	support_path(&u.folder, "u.db", u.db);
	support_path(&u.folder, "u.key", u.key);
	support_clock_init(&u.clock);
	assert_int_equal(ledger_key_make(u.key, &e), ERR_OK);
	struct ledger_config cfg = support_ledger_config(&u, LEDGER_MIGRATE);
	assert_int_equal(ledger_open(&cfg, &u.l, &e), ERR_OK);
	assert_false(ledger_identity(u.l)->enrolled);
	assert_int_equal(ledger_head(u.l, &h, NULL), ERR_NOTFOUND);
	assert_int_equal(ledger_check(u.l, &e), ERR_OK);
	support_verified(&u);
	struct ledger_call call = support_call(&u, 1);
	json_t *req = application(SUPPORT_ACCEPT_ITEM);
	assert_int_equal(ledger_begin(u.l, &e), ERR_OK);
	assert_int_equal(
	    ledger_register(u.l, &call, req, t.catalog, catalog_find(t.catalog, SUPPORT_ACCEPT_ITEM), NULL),
	    ERR_NOTFOUND);
	ledger_rollback(u.l);
	json_decref(req);
	ledger_close(u.l);
	support_folder_remove(&u.folder);
}

static int open_with(const char *key, enum ledger_mode mode)
{
	struct ledger *l = NULL;
	struct err e = {0};
	struct ledger_config cfg = support_ledger_config(&t, mode);
	cfg.field_key = key;
	int rc = ledger_open(&cfg, &l, &e);
	assert_int_equal(rc == ERR_OK, l != NULL);
	if (rc) assert_int_equal(rc, e.code);
	ledger_close(l);
	return rc;
}

static void keys(void **state)
{
	static const enum ledger_mode modes[] = {LEDGER_READ, LEDGER_WRITE, LEDGER_MIGRATE};
	char other[SUPPORT_PATH_MAX], none[SUPPORT_PATH_MAX], small[SUPPORT_PATH_MAX], large[SUPPORT_PATH_MAX];
	struct err e = {0};
	(void)state;
	support_register(&t, 1, SUPPORT_ACCEPT_ITEM);
	support_path(&t.folder, "other.key", other);
	support_path(&t.folder, "none.key", none);
	support_path(&t.folder, "small.key", small);
	support_path(&t.folder, "large.key", large);
	assert_int_equal(ledger_key_make(other, &e), ERR_OK);
	support_put(small, "0123456789012345678901234567890");
	support_put(large, "012345678901234567890123456789012");
	for (size_t i = 0; i < COUNT(modes); i++) {
		assert_int_equal(open_with(other, modes[i]), ERR_DENIED);
		assert_int_equal(open_with(none, modes[i]), ERR_DENIED);
		assert_int_equal(open_with(small, modes[i]), ERR_DENIED);
		assert_int_equal(open_with(large, modes[i]), ERR_DENIED);
		assert_int_equal(open_with(t.key, modes[i]), ERR_OK);
	}
	assert_false(file_exists(none)); /* a missing key is never made on the way */
	char before[64] = "", after[64] = "";
	assert_int_equal(file_load(t.key, false, before, sizeof before, NULL, &e), ERR_OK);
	assert_int_equal(ledger_key_make(t.key, &e), ERR_OK); /* there already: stays */
	assert_int_equal(file_load(t.key, false, after, sizeof after, NULL, &e), ERR_OK);
	assert_memory_equal(before, after, sizeof before);
	support_verified(&t);
}

static void schema_versions(void **state)
{
	(void)state;
	char newer[64], same[64];
	(void)snprintf(newer, sizeof newer, "PRAGMA user_version = %d", LEDGER_SCHEMA + 1);
	(void)snprintf(same, sizeof same, "PRAGMA user_version = %d", LEDGER_SCHEMA);
	support_sql(t.db, newer);
	assert_int_equal(open_with(t.key, LEDGER_MIGRATE), ERR_VERSION);
	assert_int_equal(open_with(t.key, LEDGER_WRITE), ERR_VERSION);
	assert_int_equal(open_with(t.key, LEDGER_READ), ERR_VERSION);
	assert_int_equal(support_sql_int(t.db, "PRAGMA user_version"), LEDGER_SCHEMA + 1); /* and was not touched */
	support_sql(t.db, same);
	assert_int_equal(open_with(t.key, LEDGER_READ), ERR_OK);
}

static void damaged_files(void **state)
{
	struct err e = {0};
	struct ledger *l = NULL;
	(void)state;
	for (unsigned i = 1; i <= 40; i++)
		support_register(&t, i, SUPPORT_ACCEPT_ITEM);
	ledger_close(t.l);
	t.l = NULL;
	int64_t page = support_sql_int(t.db, "SELECT rootpage FROM sqlite_schema WHERE name = 'events'");
	FILE *f = fopen(t.db, "r+be");
	assert_non_null(f);
	assert_int_equal(fseek(f, (long)(page - 1) * 4096, SEEK_SET), 0);
	for (int i = 0; i < 4096; i++)
		assert_int_equal(fputc(0x5a, f), 0x5a);
	assert_int_equal(fclose(f), 0);
	struct ledger_config cfg = support_ledger_config(&t, LEDGER_WRITE);
	int rc = ledger_open(&cfg, &l, &e);
	if (!rc) rc = ledger_check(l, &e);
	assert_int_equal(rc, ERR_CORRUPT);
	assert_int_equal(e.code, ERR_CORRUPT);
	ledger_close(l);
	f = fopen(t.db, "r+be"); /* and the first page, without which it is no database */
	assert_non_null(f);
	for (int i = 0; i < 100; i++)
		assert_int_equal(fputc('x', f), 'x');
	assert_int_equal(fclose(f), 0);
	assert_int_equal(open_with(t.key, LEDGER_WRITE), ERR_CORRUPT);
	assert_int_equal(open_with(t.key, LEDGER_MIGRATE), ERR_CORRUPT);
}

static void a_head_that_is_not_the_last_event(void **state)
{
	struct err e = {0};
	(void)state;
	support_register(&t, 1, SUPPORT_ACCEPT_ITEM);
	support_sql(t.db, "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)");
	assert_int_equal(ledger_check(t.l, &e), ERR_CORRUPT);
}

static void reading_does_not_write(void **state)
{
	struct err e = {0};
	struct ledger *l = NULL;
	struct ledger_config cfg = support_ledger_config(&t, LEDGER_READ);
	(void)state;
	support_register(&t, 1, SUPPORT_ACCEPT_ITEM);
	assert_int_equal(ledger_open(&cfg, &l, &e), ERR_OK);
	struct ledger_call call = support_call(&t, 2);
	json_t *req = application(SUPPORT_ACCEPT_ITEM);
	int rc = ledger_begin(l, &e);
	if (!rc) rc = ledger_register(l, &call, req, t.catalog, catalog_find(t.catalog, SUPPORT_ACCEPT_ITEM), &e);
	assert_int_equal(rc, ERR_DENIED);
	ledger_rollback(l);
	json_decref(req);
	ledger_close(l);
	assert_int_equal(seq(), 3);
}

static bool holds(const char *file, const char *needle)
{
	char *data = NULL;
	size_t n = 0, len = strlen(needle);
	bool found = false;
	struct err e = {0};
	if (!file_exists(file)) return false;
	assert_int_equal(file_read(file, 64u << 20, &data, &n, &e), ERR_OK);
	for (size_t i = 0; i + len <= n && !found; i++)
		found = memcmp(data + i, needle, len) == 0;
	free(data);
	return found;
}

static void nothing_personal_at_rest(void **state)
{
	static const char *const secrets[] = {"王建国",     SUPPORT_PERSON, SUPPORT_PHONE,
	                                      "大丰镇一村", "申请书",       "id_number"};
	char wal[SUPPORT_PATH_MAX + 8];
	(void)state;
	support_register(&t, 1, SUPPORT_ACCEPT_ITEM);
	(void)snprintf(wal, sizeof wal, "%s-wal", t.db);
	assert_true(holds(t.db, "forwarded") || holds(wal, "forwarded")); /* the search itself works */
	for (size_t i = 0; i < COUNT(secrets); i++) {
		assert_false(holds(t.db, secrets[i]));
		assert_false(holds(wal, secrets[i]));
	}
}

static void meta(void **state)
{
	struct err e = {0};
	int64_t v = 0;
	char text[8];
	(void)state;
	assert_int_equal(ledger_meta_int(t.l, "none", 7, &v, &e), ERR_OK);
	assert_int_equal(v, 7);
	assert_int_equal(ledger_meta_set_int(t.l, "n", -5, &e), ERR_OK);
	assert_int_equal(ledger_meta_set_int(t.l, "n", INT64_MAX, &e), ERR_OK);
	assert_int_equal(ledger_meta_int(t.l, "n", 0, &v, &e), ERR_OK);
	assert_true(v == INT64_MAX);
	assert_int_equal(ledger_meta_text(t.l, "none", text, sizeof text, &e), ERR_OK);
	assert_string_equal(text, "");
	assert_int_equal(ledger_meta_set_text(t.l, "s", "0123456789", &e), ERR_OK);
	assert_int_equal(ledger_meta_text(t.l, "s", text, sizeof text, &e), ERR_OK);
	assert_string_equal(text, "0123456");
}

static void another_enrolment(void **state)
{
	struct ledger_enrolment en = {
	    .station = SUPPORT_STATION, .name = "x", .township = SUPPORT_TOWNSHIP, .tier = TIER_VILLAGE, .box = 2};
	struct err e = {0};
	(void)state;
	support_id(900002, en.log);
	assert_int_equal(ledger_enrol(t.l, &en, &e), ERR_CONFLICT); /* another station key */
	memcpy(en.station_key, t.station_key, EVENT_KEY_LEN);
	en.station = "652323101201";
	assert_int_equal(ledger_enrol(t.l, &en, NULL), ERR_CONFLICT);
	assert_int_equal(seq(), 1);
	en.station = SUPPORT_STATION;
	support_register(&t, 1, SUPPORT_ACCEPT_ITEM);
	assert_int_equal(ledger_enrol(t.l, &en, NULL), ERR_OK); /* the same box anew: a new log */
	struct ledger_head h;
	assert_int_equal(ledger_head(t.l, &h, NULL), ERR_OK);
	assert_int_equal(h.box, 2);
	assert_int_equal(h.seq, 3); /* log_opened, receive, forward */
	support_verified(&t);
}

/* --- registering --- */

static void taken_in_and_forwarded(void **state)
{
	struct ledger_case c;
	struct receipt r;
	(void)state;
	support_register(&t, 1, SUPPORT_ACCEPT_ITEM);
	assert_int_equal(seq(), 3);
	support_case(&t, 1, &c);
	assert_int_equal(c.view.state, STATE_FORWARDED);
	assert_string_equal(c.view.holder, SUPPORT_TOWNSHIP);
	assert_string_equal(c.view.station, SUPPORT_STATION);
	assert_string_equal(c.view.item, SUPPORT_ACCEPT_ITEM);
	assert_int_equal(c.view.revision, 2);
	assert_int_equal(c.view.received_at, SUPPORT_NOW);
	assert_int_equal(c.sync, SYNC_LOCAL);
	assert_int_equal(strlen(c.view.token), 16);
	assert_string_equal(caseview_title(&c.view), "王建国");
	assert_string_equal(fields_text(c.view.doc, "catalog"), "hutubi-2022");
	assert_true(receipt_parse(c.view.receipt, &r));
	assert_string_equal(r.station, SUPPORT_STATION);
	assert_int_equal(r.day, 20261124);
	assert_int_equal(r.box, 1);
	assert_int_equal(r.serial, 1);
	ledger_case_release(&c);
	support_verified(&t);
}

static void handled_here(void **state)
{
	static const char *const items[] = {SUPPORT_HANDLE_ITEM, "652323-028", "652323-029", "652323-040"};
	(void)state;
	for (unsigned i = 0; i < COUNT(items); i++) {
		struct ledger_case c;
		bool short_form = i > 0; /* nothing to decide: over when it is written down */
		support_register(&t, i + 1, items[i]);
		support_case(&t, i + 1, &c);
		assert_int_equal(c.view.state, short_form ? STATE_COMPLETED : STATE_RECEIVED);
		assert_string_equal(c.view.holder, SUPPORT_STATION);
		assert_int_equal(c.view.revision, short_form ? 2 : 1);
		assert_true(*caseview_title(&c.view));
		ledger_case_release(&c);
	}
	assert_int_equal(seq(), 2 * (int64_t)COUNT(items));
}

/* Every item of the village: 14 are forwarded at once, 11 stay. */
static void every_item_of_a_village(void **state)
{
	unsigned n = 0, forwarded = 0;
	(void)state;
	for (size_t i = 0; i < catalog_count(t.catalog); i++) {
		const struct catalog_item *it = catalog_at(t.catalog, i);
		struct ledger_case c;
		if (it->offers[TIER_VILLAGE] == OFFER_NONE) continue;
		support_register(&t, ++n, it->code);
		support_case(&t, n, &c);
		forwarded += c.view.state == STATE_FORWARDED;
		assert_int_equal(c.view.state == STATE_FORWARDED, it->offers[TIER_VILLAGE] == OFFER_ACCEPT);
		ledger_case_release(&c);
	}
	assert_int_equal(n, 25);
	assert_int_equal(forwarded, 14);
	support_verified(&t);
}

static void a_township_forwards_to_the_department(void **state)
{
	struct support_ledger u = {0};
	struct err e = {0};
	struct ledger_case c;
	(void)state;
	support_folder_make(&u.folder);
	support_path(&u.folder, "u.db", u.db);
	support_path(&u.folder, "u.key", u.key);
	support_clock_init(&u.clock);
	u.catalog = t.catalog;
	assert_int_equal(ledger_key_make(u.key, &e), ERR_OK);
	struct ledger_config cfg = support_ledger_config(&u, LEDGER_MIGRATE);
	assert_int_equal(ledger_open(&cfg, &u.l, &e), ERR_OK);
	struct ledger_enrolment en = {.station = SUPPORT_TOWNSHIP,
	                              .name = "大丰镇便民服务中心",
	                              .township = SUPPORT_TOWNSHIP,
	                              .tier = TIER_TOWNSHIP,
	                              .box = 7};
	assert_int_equal(ledger_enrol(u.l, &en, &e), ERR_OK);
	support_register(&u, 1, SUPPORT_ACCEPT_ITEM);
	support_case(&u, 1, &c);
	assert_string_equal(c.view.holder, "民政局");
	ledger_case_release(&c);
	support_verified(&u);
	ledger_close(u.l);
	support_folder_remove(&u.folder);
}

static void a_missing_paper_keeps_it_here(void **state)
{
	struct ledger_case c;
	json_t *req = application(SUPPORT_ACCEPT_ITEM);
	(void)state;
	assert_int_equal(
	    json_object_set_new(json_array_get(json_object_get(req, "materials"), 0), "copies", json_integer(0)), 0);
	register_as(1, SUPPORT_ACCEPT_ITEM, req);
	support_case(&t, 1, &c);
	assert_int_equal(c.view.state, STATE_RECEIVED);
	assert_string_equal(c.view.holder, SUPPORT_STATION);
	ledger_case_release(&c);
	assert_int_equal(support_act(&t, 2, 1, EVENT_ACCEPT, json_object()),
	                 PROBLEM_LEVEL); /* not this station's to accept */
	assert_int_equal(support_act(&t, 3, 1, EVENT_FORWARD, support_json("{'to':'" SUPPORT_TOWNSHIP "'}")),
	                 PROBLEM_NONE);
	support_case(&t, 1, &c);
	assert_int_equal(c.view.state, STATE_FORWARDED);
	ledger_case_release(&c);
}

static void receipts_count_by_day(void **state)
{
	static const struct {
		int64_t later;
		int day;
		int64_t serial;
	} cases[] = {
	    {0, 20261124, 1},
	    {16 * 3600000LL - 1, 20261124, 2}, /* the last millisecond of the day in China */
	    {16 * 3600000LL, 20261125, 1},
	    {17 * 3600000LL, 20261125, 2},
	    {0, 20261124, 3}, /* a clock that went back gives no number twice */
	};
	(void)state;
	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct ledger_case c;
		struct receipt r;
		t.clock.wall = SUPPORT_NOW + cases[i].later;
		support_register(&t, i + 1, SUPPORT_HANDLE_ITEM);
		support_case(&t, i + 1, &c);
		assert_true(receipt_parse(c.view.receipt, &r));
		assert_int_equal(r.day, cases[i].day);
		assert_int_equal(r.serial, cases[i].serial);
		ledger_case_release(&c);
	}
}

static void true_time_of_receipt(void **state)
{
	struct ledger_case c;
	struct receipt r;
	json_t *req = application(SUPPORT_HANDLE_ITEM);
	(void)state;
	assert_int_equal(json_object_set_new(req, "received_at", json_string("2026-11-20T10:00:00+08:00")), 0);
	assert_int_equal(json_object_set_new(req, "received_reason", json_string("停电")), 0);
	register_as(1, SUPPORT_HANDLE_ITEM, req);
	support_case(&t, 1, &c);
	assert_int_equal(c.view.received_at, SUPPORT_NOW - 4 * SUPPORT_DAY_MS + 2 * 3600000LL);
	assert_true(receipt_parse(c.view.receipt, &r));
	assert_int_equal(r.day, 20261124); /* the number is of the day that gave it */
	ledger_case_release(&c);
	/* captured on a visit by a phone whose clock is years off: its own measure of the time since is what counts */
	req = application(SUPPORT_HANDLE_ITEM);
	assert_int_equal(
	    json_object_set_new(req, "captured",
	                        support_json("{'at':'2020-01-01T00:00:00Z','now':'2020-01-01T03:00:00Z'}")),
	    0);
	register_as(2, SUPPORT_HANDLE_ITEM, req);
	support_case(&t, 2, &c);
	assert_int_equal(c.view.received_at, SUPPORT_NOW - 3 * 3600000LL);
	ledger_case_release(&c);
}

static void rolled_back_as_if_never(void **state)
{
	struct err e = {0};
	struct ledger_case c;
	uint8_t id[UUID_LEN];
	struct ledger_call call = support_call(&t, 1);
	json_t *req = application(SUPPORT_ACCEPT_ITEM);
	const struct catalog_item *item = catalog_find(t.catalog, SUPPORT_ACCEPT_ITEM);
	(void)state;
	assert_int_equal(ledger_begin(t.l, &e), ERR_OK);
	assert_int_equal(ledger_register(t.l, &call, req, t.catalog, item, &e), ERR_OK);
	ledger_rollback(t.l);
	support_id(1, id);
	assert_int_equal(ledger_case_get(t.l, id, &c, NULL), ERR_NOTFOUND);
	assert_int_equal(seq(), 1);
	/* in a group: the second of three parts is rolled back, its neighbours stay and the chain closes over the gap */
	assert_int_equal(ledger_begin(t.l, &e), ERR_OK);
	for (unsigned i = 1; i <= 3; i++) {
		call = support_call(&t, i);
		assert_int_equal(ledger_part_begin(t.l, &e), ERR_OK);
		assert_int_equal(ledger_register(t.l, &call, req, t.catalog, item, &e), ERR_OK);
		assert_int_equal(ledger_part_end(t.l, i != 2, &e), ERR_OK);
	}
	assert_int_equal(ledger_commit(t.l, &e), ERR_OK);
	assert_int_equal(seq(), 5);
	support_id(2, id);
	assert_int_equal(ledger_case_get(t.l, id, &c, NULL), ERR_NOTFOUND);
	support_case(&t, 3, &c);
	struct receipt r;
	assert_true(receipt_parse(c.view.receipt, &r));
	assert_int_equal(r.serial, 2); /* the number went back with its part */
	ledger_case_release(&c);
	json_decref(req);
	support_verified(&t);
}

static void the_same_key_twice_is_no_second_case(void **state)
{
	struct err e = {0};
	struct ledger_call call = support_call(&t, 1);
	json_t *req = application(SUPPORT_ACCEPT_ITEM);
	(void)state;
	support_register(&t, 1, SUPPORT_ACCEPT_ITEM);
	assert_int_equal(ledger_begin(t.l, &e),
	                 ERR_OK); /* whoever forgets to ask for a replay is stopped by the index */
	assert_int_equal(ledger_register(t.l, &call, req, t.catalog, catalog_find(t.catalog, SUPPORT_ACCEPT_ITEM), &e),
	                 ERR_CONFLICT);
	ledger_rollback(t.l);
	json_decref(req);
	support_verified(&t);
}

/* --- replays --- */

static void replays(void **state)
{
	struct err e = {0};
	uint8_t id[UUID_LEN], want[UUID_LEN];
	(void)state;
	struct ledger_call call = support_call(&t, 1);
	support_id(1, want);
	assert_int_equal(ledger_replay(t.l, &call, id, &e), 0);
	support_register(&t, 1, SUPPORT_HANDLE_ITEM);
	assert_int_equal(support_act(&t, 2, 1, EVENT_NOTE, support_json("{'text':'一'}")), PROBLEM_NONE);
	for (unsigned key = 1; key <= 2; key++) { /* the registration's key and the act's: both name the case */
		call = support_call(&t, key);
		memset(id, 0, sizeof id);
		assert_int_equal(ledger_replay(t.l, &call, id, &e), -1);
		assert_memory_equal(id, want, UUID_LEN);
		call.request[31] ^= 1; /* another payload */
		assert_int_equal(ledger_replay(t.l, &call, id, NULL), ERR_CONFLICT);
		call.request[31] ^= 1;
		call.actor = "lead"; /* another principal */
		assert_int_equal(ledger_replay(t.l, &call, id, NULL), ERR_CONFLICT);
	}
	call = support_call(&t, 1); /* the id of a further event of a call is nobody's key */
	support_register(&t, 3, SUPPORT_ACCEPT_ITEM);
	struct ledger_call derived = support_call(&t, 3);
	uuid_derive(derived.key, 1, call.key);
	assert_int_equal(ledger_replay(t.l, &call, id, NULL), ERR_CONFLICT);
	support_ledger_reopen(&t); /* for the ledger's life */
	call = support_call(&t, 1);
	assert_int_equal(ledger_replay(t.l, &call, id, &e), -1);
}

static void request_macs(void **state)
{
	uint8_t a[DIGEST_LEN], b[DIGEST_LEN];
	struct err e = {0};
	json_t *x = support_json("{'a':1,'b':'c'}"), *y = support_json("{ 'b' : 'c' , 'a' : 1 }"),
	       *z = support_json("{'a':1}");
	(void)state;
	assert_int_equal(ledger_request_mac(t.l, "POST /api/v1/cases", "clerk", x, a, &e), ERR_OK);
	assert_int_equal(ledger_request_mac(t.l, "POST /api/v1/cases", "clerk", y, b, &e), ERR_OK);
	assert_memory_equal(a, b, DIGEST_LEN); /* the same value, however written */
	assert_int_equal(ledger_request_mac(t.l, "POST /api/v1/cases", "clerk", z, b, &e), ERR_OK);
	assert_memory_not_equal(a, b, DIGEST_LEN);
	assert_int_equal(ledger_request_mac(t.l, "POST /api/v1/cases/1/events", "clerk", x, b, &e), ERR_OK);
	assert_memory_not_equal(a, b, DIGEST_LEN);
	assert_int_equal(ledger_request_mac(t.l, "POST /api/v1/cases", "lead", x, b, &e), ERR_OK);
	assert_memory_not_equal(a, b, DIGEST_LEN);
	json_decref(x);
	json_decref(y);
	json_decref(z);
}

/* --- acts --- */

static enum case_state state_of(unsigned n)
{
	struct ledger_case c;
	support_case(&t, n, &c);
	enum case_state s = c.view.state;
	ledger_case_release(&c);
	return s;
}

static void acts(void **state)
{
	(void)state;
	support_register(&t, 1, SUPPORT_HANDLE_ITEM);
	assert_int_equal(support_act(&t, 11, 1, EVENT_NOTE, support_json("{'text':'一'}")), PROBLEM_NONE);
	assert_int_equal(
	    support_act(
	        &t, 12, 1, EVENT_AMEND,
	        support_json("{'field':'/applicant/phone','old':'13899990001','new':'13999990002','reason':'x'}")),
	    PROBLEM_NONE);
	assert_int_equal(state_of(1), STATE_RECEIVED);
	assert_int_equal(support_act(&t, 13, 1, EVENT_ACCEPT, json_object()), PROBLEM_NONE);
	assert_int_equal(state_of(1), STATE_ACCEPTED);
	assert_int_equal(support_act(&t, 14, 1, EVENT_WITHDRAW, support_json("{'reason':'不办了'}")), PROBLEM_NONE);
	assert_int_equal(state_of(1), STATE_WITHDRAWN);
	assert_int_equal(support_act(&t, 15, 1, EVENT_NOTE, support_json("{'text':'二'}")), PROBLEM_NONE);
	struct ledger_case c;
	support_case(&t, 1, &c);
	assert_int_equal(c.view.revision, 6);
	assert_int_equal(c.view.accepted_at, SUPPORT_NOW);
	assert_string_equal(fields_text(json_object_get(c.view.doc, "applicant"), "phone"), "13999990002");
	assert_int_equal(json_array_size(json_object_get(c.view.doc, "notes")), 2);
	ledger_case_release(&c);
	support_verified(&t);
}

static void acts_refused(void **state)
{
	static const struct {
		unsigned n;
		enum case_event type;
		const char *body;
		enum problem_code code;
	} cases[] = {
	    {1, EVENT_ACCEPT, "{}", PROBLEM_TRANSITION},                /* held by the township */
	    {1, EVENT_SEND_BACK, "{'reason':'x'}", PROBLEM_TRANSITION}, /* likewise */
	    {1, EVENT_RETURN, "{'reason':'x'}", PROBLEM_TRANSITION},
	    {1, EVENT_FORWARD, "{'to':'民政局'}", PROBLEM_TRANSITION},
	    {1, EVENT_DECIDE, "{}", PROBLEM_TRANSITION},                /* the table has no such row */
	    {2, EVENT_FORWARD, "{'to':'652323101000'}", PROBLEM_LEVEL}, /* what is handled here is not handed on */
	    {2, EVENT_SEND_BACK, "{'reason':'x'}", PROBLEM_TRANSITION},
	    {2, EVENT_AMEND, "{'field':'/applicant/phone','old':'1','new':'13999990002','reason':'x'}",
	     PROBLEM_VALIDATION},
	    {2, EVENT_AMEND, "{'field':'/applicant/phone','old':'13899990001','new':'12','reason':'x'}",
	     PROBLEM_VALIDATION},
	    {2, EVENT_AMEND, "{'field':'/note','old':'x','new':'y','reason':'x'}", PROBLEM_VALIDATION},
	    {3, EVENT_FORWARD, "{'to':'" SUPPORT_STATION "'}", PROBLEM_VALIDATION}, /* to itself */
	};
	json_t *req = application(SUPPORT_ACCEPT_ITEM);
	(void)state;
	support_register(&t, 1, SUPPORT_ACCEPT_ITEM);
	support_register(&t, 2, SUPPORT_HANDLE_ITEM);
	assert_int_equal(
	    json_object_set_new(json_array_get(json_object_get(req, "materials"), 0), "copies", json_integer(0)), 0);
	register_as(3, SUPPORT_ACCEPT_ITEM, req);
	int64_t before = seq();
	for (unsigned i = 0; i < COUNT(cases); i++) {
		enum problem_code code =
		    support_act(&t, 100 + i, cases[i].n, cases[i].type, support_json(cases[i].body));
		if (code != cases[i].code)
			fail_msg("%s on case %u: %s", state_event_name(cases[i].type), cases[i].n,
			         problem_row(code)->name);
	}
	assert_int_equal(seq(), before); /* no row written */
	assert_int_equal(state_of(1), STATE_FORWARDED);
	/* the registering station still records what is its own */
	assert_int_equal(support_act(&t, 200, 1, EVENT_NOTE, support_json("{'text':'一'}")), PROBLEM_NONE);
	assert_int_equal(support_act(&t, 201, 1, EVENT_WITHDRAW, support_json("{'reason':'x'}")), PROBLEM_NONE);
	assert_int_equal(state_of(1), STATE_WITHDRAWN);
	support_verified(&t);
}

static void revisions(void **state)
{
	struct err e = {0};
	uint8_t id[UUID_LEN];
	json_t *body = support_json("{'text':'一'}");
	(void)state;
	support_register(&t, 1, SUPPORT_HANDLE_ITEM);
	support_id(1, id);
	for (int64_t want = 1, key = 10; key < 13; key++) {
		struct problem p = {0};
		struct ledger_call call = support_call(&t, (unsigned)key);
		assert_int_equal(ledger_begin(t.l, &e), ERR_OK);
		assert_int_equal(
		    ledger_act(t.l, &call, id, key == 11 ? want + 1 : want, EVENT_NOTE, body, OFFER_HANDLE, &p, &e),
		    ERR_OK);
		assert_int_equal(ledger_commit(t.l, &e), ERR_OK);
		assert_int_equal(p.code, key == 11 ? PROBLEM_STALE : PROBLEM_NONE);
		if (key != 11) want++;
		problem_release(&p);
	}
	support_id(99, id);
	struct problem p = {0};
	struct ledger_call call = support_call(&t, 20);
	assert_int_equal(ledger_begin(t.l, &e), ERR_OK);
	assert_int_equal(ledger_act(t.l, &call, id, 0, EVENT_NOTE, body, OFFER_HANDLE, &p, &e), ERR_NOTFOUND);
	ledger_rollback(t.l);
	json_decref(body);
}

/* --- history --- */

struct seen {
	char types[256];
	int n, own, fit;
	int stop_after;
};

static bool see(const struct ledger_history *h, void *arg)
{
	struct seen *s = arg;
	assert_true(h->ev.has_case);
	assert_non_null(h->ev.body);
	(void)strncat(s->types, h->ev.type, sizeof s->types - strlen(s->types) - 1);
	(void)strncat(s->types, " ", sizeof s->types - strlen(s->types) - 1);
	s->own += h->own;
	s->fit += h->fits;
	return ++s->n != s->stop_after;
}

static void history(void **state)
{
	struct seen s = {0}, first = {.stop_after = 1};
	struct err e = {0};
	uint8_t id[UUID_LEN];
	(void)state;
	support_register(&t, 1, SUPPORT_ACCEPT_ITEM);
	support_register(&t, 2, SUPPORT_ACCEPT_ITEM);
	assert_int_equal(support_act(&t, 3, 1, EVENT_NOTE, support_json("{'text':'一'}")), PROBLEM_NONE);
	assert_int_equal(support_act(&t, 4, 1, EVENT_WITHDRAW, support_json("{'reason':'x'}")), PROBLEM_NONE);
	support_id(1, id);
	assert_int_equal(ledger_case_history(t.l, id, see, &s, &e), ERR_OK);
	assert_string_equal(s.types, "receive forward note withdraw ");
	assert_int_equal(s.own, 4);
	assert_int_equal(s.fit, 4);
	assert_int_equal(ledger_case_history(t.l, id, see, &first, &e), ERR_OK);
	assert_int_equal(first.n, 1);
	support_id(99, id);
	assert_int_equal(ledger_case_history(t.l, id, see, &s, NULL), ERR_NOTFOUND);
}

/* --- lists --- */

struct page {
	uint8_t ids[64][UUID_LEN];
	int64_t at[64];
	int n, stop_after;
};

static bool take(const struct ledger_case *c, void *arg)
{
	struct page *p = arg;
	assert_true(p->n < 64);
	memcpy(p->ids[p->n], c->view.id, UUID_LEN);
	p->at[p->n] = c->view.received_at;
	return ++p->n != p->stop_after;
}

/* Walks all pages of LIMIT rows; how many rows there were, each once and in order. */
static int walk(const char *state, const char *item, int limit)
{
	struct page all = {0};
	struct ledger_page q = {.state = state, .item = item, .before_at = INT64_MAX, .limit = limit};
	struct err e = {0};
	bool more = true;
	memset(q.before_id, 0xff, UUID_LEN);
	while (more) {
		int before = all.n;
		assert_int_equal(ledger_case_list(t.l, &q, take, &all, &more, &e), ERR_OK);
		assert_true(all.n - before <= limit);
		if (more) assert_int_equal(all.n - before, limit);
		if (!all.n) break;
		q.before_at = all.at[all.n - 1];
		memcpy(q.before_id, all.ids[all.n - 1], UUID_LEN);
	}
	for (int i = 1; i < all.n; i++)
		assert_true(all.at[i - 1] > all.at[i] ||
		            (all.at[i - 1] == all.at[i] && memcmp(all.ids[i - 1], all.ids[i], UUID_LEN) > 0));
	return all.n;
}

static void paging_over_equal_times(void **state)
{
	struct page p = {.stop_after = 3};
	struct ledger_page q = {.before_at = INT64_MAX, .limit = 50};
	struct err e = {0};
	bool more = false;
	(void)state;
	for (unsigned i = 1; i <= 30; i++) { /* ten a moment */
		t.clock.wall = SUPPORT_NOW + (i - 1) / 10;
		support_register(&t, i, i % 3 ? SUPPORT_ACCEPT_ITEM : SUPPORT_HANDLE_ITEM);
	}
	for (unsigned i = 1; i <= 30; i += 7)
		assert_int_equal(support_act(&t, 100 + i, i, EVENT_WITHDRAW, support_json("{'reason':'x'}")),
		                 PROBLEM_NONE);
	for (int limit = 1; limit <= 31; limit += 3) {
		assert_int_equal(walk(NULL, NULL, limit), 30);
		assert_int_equal(walk("withdrawn", NULL, limit), 5);
		assert_int_equal(walk("received", NULL, limit), 9);
		assert_int_equal(walk(NULL, SUPPORT_HANDLE_ITEM, limit), 10);
		assert_int_equal(walk("received", SUPPORT_HANDLE_ITEM, limit), 9);
		assert_int_equal(walk("withdrawn", SUPPORT_HANDLE_ITEM, limit), 1);
		assert_int_equal(walk("decided", NULL, limit), 0);
		assert_int_equal(walk(NULL, "652323-066", limit), 0);
	}
	memset(q.before_id, 0xff, UUID_LEN);
	assert_int_equal(ledger_case_list(t.l, &q, take, &p, &more, &e), ERR_OK);
	assert_int_equal(p.n, 3); /* whoever has enough says so */
}

/* --- look-ups --- */

static int find(const char *text, int limit)
{
	uint8_t ids[16][UUID_LEN];
	int n = -1;
	struct err e = {0};
	assert_true(limit <= 16);
	assert_int_equal(ledger_case_find(t.l, text, ids, limit, &n, &e), ERR_OK);
	for (int i = 0; i < n; i++) {
		struct ledger_case c = {0};
		assert_int_equal(ledger_case_get(t.l, ids[i], &c, &e), ERR_OK);
		ledger_case_release(&c);
	}
	return n;
}

static void look_ups(void **state)
{
	struct ledger_case c;
	(void)state;
	for (unsigned i = 1; i <= 5; i++)
		support_register(&t, i, SUPPORT_HANDLE_ITEM);
	json_t *req = support_registration(catalog_find(t.catalog, SUPPORT_ACCEPT_ITEM), "李四", "11010519491231002X",
	                                   "13700000000");
	assert_int_equal(
	    json_object_set_new(req, "agent",
	                        support_json("{'name':'代办人','id_type':'citizen_id','id_number':'652323200002290022',"
	                                     "'phone':'13600000000','relation':'邻居'}")),
	    0);
	register_as(6, SUPPORT_ACCEPT_ITEM, req);
	assert_int_equal(find(SUPPORT_PERSON, 16), 5);
	assert_int_equal(find(SUPPORT_PERSON, 3), 3);
	assert_int_equal(find(SUPPORT_PERSON, 0), 0);
	assert_int_equal(find(SUPPORT_PHONE, 16), 5);
	assert_int_equal(find("11010519491231002X", 16), 1);
	assert_int_equal(find("13700000000", 16), 1);
	assert_int_equal(find("652323200002290022", 16), 1); /* the agent's */
	assert_int_equal(find("13600000000", 16), 1);
	assert_int_equal(find("王建国", 16), 0);
	assert_int_equal(find("", 16), 0);
	assert_int_equal(find("6523231985061512", 16), 0); /* no part of a number finds it */
	support_case(&t, 3, &c);
	assert_int_equal(find(c.view.receipt, 16), 1);
	ledger_case_release(&c);
	assert_int_equal(
	    support_act(
	        &t, 50, 3, EVENT_AMEND,
	        support_json("{'field':'/applicant/phone','old':'13899990001','new':'13999990002','reason':'x'}")),
	    PROBLEM_NONE);
	assert_int_equal(find(SUPPORT_PHONE, 16), 4); /* the old number finds it no more */
	assert_int_equal(find("13999990002", 16), 1);
	assert_int_equal(find(SUPPORT_PERSON, 16), 5);
}

/* --- changes --- */

struct changes {
	uint8_t ids[64][UUID_LEN];
	int64_t change[64];
	int n;
};

static void on_change(const uint8_t id[UUID_LEN], int64_t change, void *arg)
{
	struct changes *c = arg;
	assert_true(c->n < 64);
	memcpy(c->ids[c->n], id, UUID_LEN);
	c->change[c->n++] = change;
}

static void changes(void **state)
{
	struct changes c = {0};
	struct err e = {0};
	int64_t head = -1, epoch = 0, later = 0;
	uint8_t id[UUID_LEN];
	(void)state;
	assert_int_equal(ledger_change_head(t.l, &head, &epoch, &e), ERR_OK);
	assert_int_equal(head, 0);
	assert_true(epoch > 0);
	for (unsigned i = 1; i <= 5; i++)
		support_register(&t, i, SUPPORT_HANDLE_ITEM);
	assert_int_equal(ledger_changes(t.l, 0, 64, on_change, &c, &e), ERR_OK);
	assert_int_equal(c.n, 5);
	assert_int_equal(ledger_change_head(t.l, &head, &later, &e), ERR_OK);
	assert_int_equal(head, c.change[4]);
	assert_int_equal(later, epoch);
	for (int i = 1; i < 5; i++)
		assert_true(c.change[i] > c.change[i - 1]);
	assert_int_equal(support_act(&t, 50, 2, EVENT_NOTE, support_json("{'text':'一'}")), PROBLEM_NONE);
	c.n = 0;
	assert_int_equal(ledger_changes(t.l, head, 64, on_change, &c, &e), ERR_OK);
	assert_int_equal(c.n, 1); /* a case stands once, at its last change */
	support_id(2, id);
	assert_memory_equal(c.ids[0], id, UUID_LEN);
	c.n = 0;
	assert_int_equal(ledger_changes(t.l, 0, 2, on_change, &c, &e), ERR_OK);
	assert_int_equal(c.n, 2);
	struct ledger_counts n;
	assert_int_equal(ledger_counts(t.l, &n, &e), ERR_OK);
	assert_int_equal(n.cases, 5);
	assert_int_equal(n.refused, 0);
	assert_int_equal(n.feed, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(identity),
	    T(not_enrolled),
	    T(keys),
	    T(schema_versions),
	    T(damaged_files),
	    T(a_head_that_is_not_the_last_event),
	    T(reading_does_not_write),
	    T(nothing_personal_at_rest),
	    T(meta),
	    T(another_enrolment),
	    T(taken_in_and_forwarded),
	    T(handled_here),
	    T(every_item_of_a_village),
	    T(a_township_forwards_to_the_department),
	    T(a_missing_paper_keeps_it_here),
	    T(receipts_count_by_day),
	    T(true_time_of_receipt),
	    T(rolled_back_as_if_never),
	    T(the_same_key_twice_is_no_second_case),
	    T(replays),
	    T(request_macs),
	    T(acts),
	    T(acts_refused),
	    T(revisions),
	    T(history),
	    T(paging_over_equal_times),
	    T(look_ups),
	    T(changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
