/* The county's small parts: enrolment codes, Accept, cursors, the limiter, imports, the folder of keys. */
#include "tests/unit/county_support.h"

#include "shared/fields.h"
#include "shared/http/accept.h"
#include "shared/public/limiter.h"
#include "shared/text.h"
#include "sync/county/boxes.h"
#include "sync/county/call.h"
#include "sync/county/import.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OK(call, e)                                                                                                    \
	do {                                                                                                           \
		if (call) fail_msg("%s:%d: %s", __FILE__, __LINE__, (e)->msg);                                         \
	} while (0)

static int setup(void **state)
{
	struct test_county *w = calloc(1, sizeof *w);
	assert_non_null(w);
	test_county_make(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	test_county_release(*state);
	free(*state);
	return 0;
}

/* --- enrolment --- */

static json_t *request(const char *code, unsigned log)
{
	struct err e = {0};
	uint8_t id[UUID_LEN], key[SEAL_KEY_LEN] = {7};
	char csr[X509_PEM_MAX], text[UUID_TEXT], b64[TEXT_B64_LEN(SEAL_KEY_LEN)];
	struct ec_key *k = ec_key_generate();
	assert_non_null(k);
	OK(x509_csr_make(k, "box", NULL, 0, csr, &e), &e);
	ec_key_free(k);
	support_id(log, id);
	uuid_text(id, text);
	(void)text_b64(key, sizeof key, b64);
	return json_pack("{s:s,s:s,s:s,s:n,s:s,s:s}", "code", code, "log", text, "csr", csr, "server_csr", "field_key",
	                 b64, "software", "test/1");
}

/* Enrols with REQ (taken); the refusal's code. */
static enum problem_code enrol(struct test_county *w, json_t *req, const char *address, int *box)
{
	struct err e = {0};
	struct problem p = {0};
	json_t *answer = NULL;
	OK(county_enrol(&w->c, w->s, req, address, &answer, &p, &e), &e);
	enum problem_code code = p.code;
	assert_true((answer != NULL) == (code == PROBLEM_NONE));
	if (box) *box = (int)fields_int(answer, "box", 0);
	json_decref(answer);
	json_decref(req);
	problem_release(&p);
	return code;
}

static void new_code(struct test_county *w, const char *station, char code[COUNTY_CODE_MAX])
{
	struct err e = {0};
	int64_t expires;
	OK(county_enrol_code(&w->c, w->s, station, "test", code, &expires, &e), &e);
	assert_int_equal(expires, w->clock.wall + 72 * 3600000LL);
}

static void codes(void **state)
{
	struct test_county *w = *state;
	char code[COUNTY_CODE_MAX], lower[COUNTY_CODE_MAX];
	int box = 0;
	new_code(w, COUNTY_VILLAGE, code);
	/* as a person types it */
	size_t n = 0;
	for (const char *p = code; *p; p++)
		if (*p != '-') lower[n++] = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
	lower[n] = '\0';
	assert_int_equal(enrol(w, request(lower, 1), "192.0.2.1", &box), PROBLEM_NONE);
	assert_int_equal(box, 1);
	/* used: by nobody else again */
	assert_int_equal(enrol(w, request(code, 2), "192.0.2.2", NULL), PROBLEM_BAD_CREDENTIALS);
	/* a second box of the same station */
	new_code(w, COUNTY_VILLAGE, code);
	assert_int_equal(enrol(w, request(code, 3), "192.0.2.1", &box), PROBLEM_NONE);
	assert_int_equal(box, 2);
	/* expired */
	new_code(w, COUNTY_VILLAGE, code);
	w->clock.wall += 72 * 3600000LL;
	assert_int_equal(enrol(w, request(code, 4), "192.0.2.3", NULL), PROBLEM_BAD_CREDENTIALS);
	/* a log that is there already */
	new_code(w, COUNTY_VILLAGE, code);
	assert_int_equal(enrol(w, request(code, 3), "192.0.2.1", NULL), PROBLEM_CONFLICT);
	/* and the code lives on, because nothing was stored */
	assert_int_equal(enrol(w, request(code, 5), "192.0.2.1", NULL), PROBLEM_NONE);
}

static void lock_out(void **state)
{
	struct test_county *w = *state;
	char code[COUNTY_CODE_MAX];
	new_code(w, COUNTY_VILLAGE, code);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(enrol(w, request("AAAA-BBBB-CCCC-DDDD", i), "192.0.2.9", NULL),
		                 PROBLEM_BAD_CREDENTIALS);
	/* a success in between begins anew */
	assert_int_equal(enrol(w, request(code, 10), "192.0.2.9", NULL), PROBLEM_NONE);
	new_code(w, COUNTY_VILLAGE, code);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(enrol(w, request(i % 2 ? "AAAA-BBBB-CCCC-DDDD" : "no code", i), "192.0.2.9", NULL),
		                 PROBLEM_BAD_CREDENTIALS);
	assert_int_equal(enrol(w, request(code, 11), "192.0.2.9", NULL), PROBLEM_LOCKED);
	/* another address is not concerned, and a minute later neither is this one */
	assert_int_equal(enrol(w, request(code, 12), "192.0.2.10", NULL), PROBLEM_NONE);
	new_code(w, COUNTY_VILLAGE, code);
	w->clock.wall += 61000;
	assert_int_equal(enrol(w, request(code, 13), "192.0.2.9", NULL), PROBLEM_NONE);
}

static void bad_enrolments(void **state)
{
	struct test_county *w = *state;
	char code[COUNTY_CODE_MAX];
	json_t *r;
	new_code(w, COUNTY_VILLAGE, code);
	r = request(code, 1);
	(void)json_object_set_new(
	    r, "csr", json_string("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"));
	assert_int_equal(enrol(w, r, "192.0.2.1", NULL), PROBLEM_VALIDATION);
	r = request(code, 1);
	(void)json_object_set_new(r, "field_key", json_string("AAAA"));
	assert_int_equal(enrol(w, r, "192.0.2.1", NULL), PROBLEM_VALIDATION);
	r = request(code, 1);
	(void)json_object_set_new(r, "log", json_string("x"));
	assert_int_equal(enrol(w, r, "192.0.2.1", NULL), PROBLEM_VALIDATION);
	r = request(code, 1);
	(void)json_object_set_new(r, "restore", json_true());
	assert_int_equal(enrol(w, r, "192.0.2.1", NULL), PROBLEM_CONFLICT);
	assert_int_equal(support_sql_int(w->db, "SELECT count(*) FROM logs"), 0);
	assert_int_equal(support_sql_int(w->db, "SELECT box_used FROM stations WHERE code = '" COUNTY_VILLAGE "'"), 0);
	assert_int_equal(enrol(w, request(code, 1), "192.0.2.1", NULL), PROBLEM_NONE);
}

static void alarm_text_is_cut_between_characters(void **state)
{
	struct test_county *w = *state;
	struct err e = {0};
	char reason[3 * 400 + 1] = "";
	for (int i = 0; i < 400; i++)
		memcpy(reason + 3 * i, "坏", 4);
	OK(store_alarm(w->s, COUNTY_VILLAGE, "test", w->clock.wall, &e, "x%s", reason), &e);
	struct db_stmt *q = db_query(w->s->db, Q_alarm_list, &e);
	db_bind_int(q, "before", INT64_MAX);
	db_bind_int(q, "limit", 1);
	assert_int_equal(db_step(q, &e), 1);
	const char *t = db_text(q, 4);
	assert_true(text_utf8_valid(t, strlen(t)));
	assert_true(strlen(t) > 1000);
	db_reset(q);
}

/* --- keys and imports --- */

static void keys_are_kept(void **state)
{
	struct test_county *w = *state;
	struct err e = {0};
	char path[FILE_PATH_MAX], before[EC_PEM_MAX], after[EC_PEM_MAX];
	OK(county_path(&w->cfg, "ca/" CA_ROOT_KEY, path, &e), &e);
	OK(file_load(path, true, before, sizeof before, NULL, &e), &e);
	OK(county_keys_make(&w->cfg, "别的县", &e), &e); /* all is there: nothing is made */
	OK(file_load(path, true, after, sizeof after, NULL, &e), &e);
	assert_string_equal(before, after);
	/* a server certificate that is gone is made anew; a recovery key beside data is not */
	OK(county_path(&w->cfg, "server.crt", path, &e), &e);
	assert_int_equal(unlink(path), 0);
	OK(county_keys_make(&w->cfg, "x", &e), &e);
	assert_true(file_exists(path));
	OK(county_path(&w->cfg, "recovery.key", path, &e), &e);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(county_keys_make(&w->cfg, "x", &e), ERR_CONFLICT);
	assert_false(file_exists(path));
}

static void wrong_recovery_key(void **state)
{
	struct test_county *w = *state;
	struct err e = {0};
	char code[COUNTY_CODE_MAX];
	struct store_station st;
	new_code(w, COUNTY_VILLAGE, code);
	assert_int_equal(enrol(w, request(code, 1), "192.0.2.1", NULL), PROBLEM_NONE);
	struct store *s = NULL;
	uint8_t wrong[SEAL_KEY_LEN] = {0};
	OK(store_open(w->db, wrong, STORE_OPEN, &s, &e), &e);
	assert_int_equal(store_station(s, COUNTY_VILLAGE, &st, &e), ERR_CORRUPT);
	store_close(s);
}

static void imports(void **state)
{
	struct test_county *w = *state;
	struct err e = {0};
	struct import_report r;
	char code[COUNTY_CODE_MAX], path[SUPPORT_PATH_MAX];
	new_code(w, COUNTY_VILLAGE, code);
	assert_int_equal(enrol(w, request(code, 1), "192.0.2.1", NULL), PROBLEM_NONE);
	int64_t before = support_sql_int(w->db, "SELECT count(*) FROM feed");
	assert_int_equal(before, 2); /* catalog and calendar */
	/* the same again changes nothing */
	struct import_files f = {.catalog = XINKE_ROOT "/schema/catalog/hutubi-2022.json"};
	OK(import_run(w->s, &f, w->clock.wall, &r, &e), &e);
	assert_int_equal(r.catalogs, 0);
	/* another text under the same version is refused; with a higher one it reaches the enrolled station alone */
	json_t *doc = support_json_file("schema/catalog/hutubi-2022.json");
	(void)json_object_set_new(doc, "title", json_string("another"));
	support_path(&w->folder, "catalog.json", path);
	assert_int_equal(json_dump_file(doc, path, 0), 0);
	f.catalog = path;
	assert_int_equal(import_run(w->s, &f, w->clock.wall, &r, &e), ERR_CONFLICT);
	e = (struct err){0};
	(void)json_object_set_new(doc, "version", json_integer(2));
	assert_int_equal(json_dump_file(doc, path, 0), 0);
	OK(import_run(w->s, &f, w->clock.wall, &r, &e), &e);
	assert_int_equal(r.catalogs, 1);
	assert_int_equal(support_sql_int(w->db, "SELECT count(*) FROM feed"), before + 1);
	struct catalog *cat = NULL;
	OK(store_catalog(w->s, &cat, &e), &e);
	assert_int_equal(catalog_version(cat), 2);
	json_decref(doc);
	support_put(path, "{\"version\":3,\"items\":[{}]}");
	assert_int_equal(import_run(w->s, &f, w->clock.wall, &r, &e), ERR_INVALID);
}

/* --- pure --- */

static void accept_header(void **state)
{
	static const struct {
		const char *header;
		enum accept_form want;
	} cases[] = {
	    {NULL, ACCEPT_HTML},
	    {"", ACCEPT_HTML},
	    {"*/*", ACCEPT_HTML},
	    {"application/json", ACCEPT_JSON},
	    {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", ACCEPT_HTML},
	    {"application/json, text/html;q=0.9", ACCEPT_JSON},
	    {"application/json;q=0.5, text/html;q=0.9", ACCEPT_HTML},
	    {"application/*", ACCEPT_JSON},
	    {"text/*;q=0.1, application/json;q=0.05", ACCEPT_HTML},
	    {"application/json, */*;q=0.1", ACCEPT_JSON},
	    {"text/html;q=0, */*", ACCEPT_JSON},
	    {"image/png", ACCEPT_NONE},
	    {"text/html;q=0", ACCEPT_NONE},
	    {"application/json;q=0.", ACCEPT_NONE},
	    {",,;;q", ACCEPT_NONE},
	    {"application/json;q=1;x=y", ACCEPT_JSON},
	    {"text/html;level=1", ACCEPT_HTML},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum accept_form got = accept_form(cases[i].header);
		if (got != cases[i].want) fail_msg("%s: %d", cases[i].header, (int)got);
	}
}

static void cursors(void **state)
{
	char text[CALL_CURSOR_MAX];
	uint8_t id[UUID_LEN], back[UUID_LEN];
	int64_t at = 0;
	(void)state;
	support_id(1, id);
	call_cursor(SUPPORT_NOW, id, UUID_LEN, text);
	assert_true(call_cursor_read(text, &at, back, UUID_LEN));
	assert_int_equal(at, SUPPORT_NOW);
	assert_memory_equal(id, back, UUID_LEN);
	assert_false(call_cursor_read(text, &at, NULL, 0));
	assert_false(call_cursor_read("", &at, back, UUID_LEN));
	assert_false(call_cursor_read("////////////////////////////////", &at, back, UUID_LEN)); /* a negative time */
	assert_false(call_cursor_read("not a cursor", &at, back, UUID_LEN));
	call_cursor(7, NULL, 0, text);
	assert_true(call_cursor_read(text, &at, NULL, 0));
	assert_int_equal(at, 7);
}

static void limiter(void **state)
{
	int64_t wait = 0;
	struct limiter *l = limiter_new(3, 60);
	(void)state;
	assert_non_null(l);
	for (int i = 0; i < 3; i++)
		assert_true(limiter_take(l, "192.0.2.1", 1000, &wait));
	assert_false(limiter_take(l, "192.0.2.1", 1000, &wait));
	assert_in_range(wait, 900, 1001);
	int64_t then = 1000 + wait;
	assert_true(limiter_take(l, "192.0.2.2", 1000, &wait));
	assert_true(limiter_take(l, "192.0.2.1", then, &wait));
	assert_false(limiter_take(l, "192.0.2.1", 2010, &wait));
	/* many small steps gain as much as one long one */
	int taken = 0;
	for (int64_t t = 2010; t <= 12010; t++)
		taken += limiter_take(l, "192.0.2.1", t, &wait);
	assert_in_range(taken, 9, 11);
	/* one household of IPv6 shares a bucket */
	for (int i = 0; i < 3; i++)
		assert_true(limiter_take(l, i % 2 ? "2001:db8:0:1::1" : "2001:db8:0:1:ffff::2", 5000, &wait));
	assert_false(limiter_take(l, "2001:db8:0:1:2::3", 5000, &wait));
	assert_true(limiter_take(l, "2001:db8:0:2::1", 5000, &wait));
	/* more addresses than there is room for */
	for (int i = 0; i < 100000; i++) {
		char a[32];
		(void)snprintf(a, sizeof a, "10.%d.%d.%d", i >> 16 & 255, i >> 8 & 255, i & 255);
		assert_true(limiter_take(l, a, 6000, &wait));
	}
	limiter_free(l);
}

static void configuration(void **state)
{
	struct test_county *w = *state;
	struct err e = {0};
	struct county_config c;
	char path[SUPPORT_PATH_MAX];
	support_path(&w->folder, "county.conf", path);
	support_put(path, "[paths]\ndata = d\n[http]\nnames = county.example, 10.1.2.3,fd00::1\nsync_port = 9000\n");
	OK(county_config_load(path, &c, &e), &e);
	assert_string_equal(c.sync_url, "https://county.example:9000");
	struct x509_san names[X509_SAN_MAX];
	size_t n;
	OK(county_names(&c, names, &n, &e), &e);
	assert_int_equal(n, 3);
	assert_int_equal(names[0].kind, X509_SAN_DNS);
	assert_int_equal(names[1].kind, X509_SAN_IP);
	assert_int_equal(names[2].kind, X509_SAN_IP);
	support_put(path, "[paths]\ndata = d\n[http]\nnames = \n");
	assert_int_equal(county_config_load(path, &c, &e), ERR_INVALID);
	support_put(path, "[paths]\ndata = d\n[sync]\nurl = http://x\n");
	assert_int_equal(county_config_load(path, &c, &e), ERR_INVALID);
	support_put(path, "[paths]\ndata = d\n[log]\nlevel = loud\n");
	assert_int_equal(county_config_load(path, &c, &e), ERR_INVALID);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(codes),
	    TEST(lock_out),
	    TEST(bad_enrolments),
	    TEST(alarm_text_is_cut_between_characters),
	    TEST(keys_are_kept),
	    TEST(wrong_recovery_key),
	    TEST(imports),
	    TEST(configuration),
	    cmocka_unit_test(accept_header),
	    cmocka_unit_test(cursors),
	    cmocka_unit_test(limiter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
