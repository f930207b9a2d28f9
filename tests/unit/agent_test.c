/* What the courier does about certificates and clocks, against the real county in this process: renewal in time and after
 * the last day, a dead clock put right, and who may not put it right. */
#include "tests/unit/county_support.h"

#include "shared/crypto/x509.h"
#include "shared/ledger/courier.h"
#include "sync/agent/renewal.h"
#include "sync/agent/time.h"

#include <string.h>

#define OK(call, e)                                                                                                    \
	do {                                                                                                           \
		if (call) fail_msg("%s:%d: %s", __FILE__, __LINE__, (e)->msg);                                         \
	} while (0)
#define DAY_MS  86400000LL
#define IN_2099 (SUPPORT_NOW + 26600 * DAY_MS)

static struct test_county w;
static struct test_box b;

static int make(void **state)
{
	(void)state;
	test_county_make(&w);
	test_box_make(&b, &w, COUNTY_VILLAGE);
	return 0;
}

static int release(void **state)
{
	(void)state;
	test_box_release(&b);
	test_county_release(&w);
	return 0;
}

/* --- renewal --- */

static void write_text(const char *path, const char *text, mode_t mode)
{
	struct err e = {0};
	OK(file_write(path, text, strlen(text), mode, true, &e), &e);
}

/* The box's files as enrolment leaves them; the gateway's certificate is made on DAY of the county's clock. */
static void files(struct renewal *r, int day)
{
	struct err e = {0};
	struct x509_san names[] = {{X509_SAN_DNS, "box.lan"}, {X509_SAN_IP, "10.0.0.1"}};
	char csr[X509_PEM_MAX], cert[X509_PEM_MAX];
	struct ec_key *k = ec_key_generate();
	*r = (struct renewal){0};
	support_path(&b.folder, "client.crt", r->client_crt);
	support_path(&b.folder, "client.key", r->client_key);
	support_path(&b.folder, "server.crt", r->server_crt);
	support_path(&b.folder, "server.csr", r->server_csr);
	write_text(r->client_crt, b.cert, 0644);
	write_text(r->client_key, b.csr_key, 0600);
	assert_non_null(k);
	OK(x509_csr_make(k, "box", NULL, 0, csr, &e), &e);
	OK(ca_issue_server(w.c.ca, csr, names, 2, w.clock.wall + day * DAY_MS, cert, &e), &e);
	write_text(r->server_crt, cert, 0644);
	write_text(r->server_csr, csr, 0644);
	ec_key_free(k);
}

static struct x509_info info_of(const char *path)
{
	struct err e = {0};
	struct x509_info info;
	char pem[X509_PEM_MAX];
	OK(file_load(path, false, pem, sizeof pem, NULL, &e), &e);
	OK(x509_read(pem, strlen(pem), &info, &e), &e);
	return info;
}

/* The box shows from now on what lies in its file. */
static void show_new(const struct renewal *r)
{
	struct x509_info info = info_of(r->client_crt);
	memcpy(b.peer.fingerprint, info.fingerprint, DIGEST_LEN);
	b.peer.not_after = info.not_after;
	b.peer.expired = false;
}

static void pass_days(int days)
{
	w.clock.wall += days * DAY_MS;
	w.clock.mono += days * DAY_MS;
}

static void look(struct renewal *r, bool want_client, bool want_server)
{
	struct err e = {0};
	bool client, server;
	OK(renewal_look(r, &b.h, &client, &server, &e), &e);
	assert_int_equal(client, want_client);
	assert_int_equal(server, want_server);
}

static void renewed_at_two_thirds(void **state)
{
	struct renewal r;
	(void)state;
	files(&r, 100);
	test_box_run(&b);
	struct x509_info first = info_of(r.client_crt), gate = info_of(r.server_crt);
	int calls = b.calls;
	pass_days(263);
	look(&r, false, false);
	assert_int_equal(b.calls, calls); /* nothing is due */
	pass_days(2);
	look(&r, true, false);
	assert_true(info_of(r.client_crt).not_after > first.not_after + 200 * DAY_MS);
	assert_memory_equal(info_of(r.server_crt).fingerprint, gate.fingerprint, DIGEST_LEN);
	/* both stand for the log: the new one and, for whoever restores an old copy, the old one */
	test_box_register(&b, 1, SUPPORT_ACCEPT_ITEM);
	test_box_run(&b);
	show_new(&r);
	test_box_register(&b, 2, SUPPORT_ACCEPT_ITEM);
	test_box_run(&b);
	assert_int_equal(test_box_sync(&b, 2), SYNC_SETTLED);
	calls = b.calls;
	look(&r, false, false); /* within the hour */
	assert_int_equal(b.calls, calls);
	pass_days(100); /* the gateway's turn comes, and with it the courier's own again: one call, no harm */
	look(&r, true, true);
	struct x509_info after = info_of(r.server_crt);
	assert_true(after.not_after > gate.not_after);
	assert_int_equal(after.n_sans, 2);
	assert_string_equal(after.sans[0].value, "box.lan");
	assert_string_equal(after.sans[1].value, "10.0.0.1");
}

static void renewed_after_the_last_day(void **state)
{
	struct renewal r;
	struct engine_status st;
	struct engine_step s;
	(void)state;
	files(&r, 400);
	test_box_run(&b);
	pass_days(500);
	b.peer.expired = true;
	test_box_register(&b, 1, SUPPORT_ACCEPT_ITEM);
	engine_kick(b.g, true);
	do { /* one call, which the county refuses */
		engine_next(b.g, w.clock.mono, &s);
		if (s.what != ENGINE_WAIT) hands_step(&b.h, &s);
	} while (s.what != ENGINE_WAIT);
	engine_status(b.g, &st);
	assert_true(st.expired);
	look(&r, true, false);
	show_new(&r);
	test_box_run(&b);
	assert_int_equal(test_box_sync(&b, 1), SYNC_SETTLED);
	engine_status(b.g, &st);
	assert_false(st.expired);
}

static void refused_renewal_changes_nothing(void **state)
{
	struct renewal r;
	struct err e = {0};
	bool client, server;
	char key[EC_PEM_MAX];
	(void)state;
	files(&r, 0);
	test_box_run(&b);
	struct x509_info first = info_of(r.client_crt);
	pass_days(300);
	b.peer.fingerprint[0] ^= 1; /* the county does not know it */
	assert_int_equal(renewal_look(&r, &b.h, &client, &server, &e), ERR_DENIED);
	assert_false(client || server);
	b.peer.fingerprint[0] ^= 1;
	/* a key that is not the certificate's: what comes back is of no use */
	struct ec_key *k = ec_key_generate();
	assert_non_null(k);
	OK(ec_key_to_pem(k, key, &e), &e);
	ec_key_free(k);
	write_text(r.client_key, key, 0600);
	r.next = 0;
	e = (struct err){0};
	assert_int_equal(renewal_look(&r, &b.h, &client, &server, &e), ERR_DENIED);
	if (!strstr(e.msg, "another key")) fail_msg("%s", e.msg);
	assert_false(client || server);
	assert_memory_equal(info_of(r.client_crt).fingerprint, first.fingerprint, DIGEST_LEN);
	/* no call while the link is down */
	int calls = b.calls;
	b.down = true;
	test_box_register(&b, 1, SUPPORT_ACCEPT_ITEM);
	test_box_run(&b);
	r.next = 0;
	look(&r, false, false);
	assert_int_equal(b.calls, calls);
}

/* --- the clock --- */

struct seen {
	int64_t at, corrected;
	enum clock_quality quality;
};

static bool first_event(const struct ledger_history *h, void *arg)
{
	*(struct seen *)arg = (struct seen){h->ev.at, h->corrected, h->ev.quality};
	return false;
}

static struct seen see(unsigned n)
{
	struct err e = {0};
	struct seen s = {0};
	uint8_t id[UUID_LEN];
	support_id(n, id);
	OK(ledger_case_history(b.l, id, first_event, &s, &e), &e);
	return s;
}

static int64_t events_fixed(void)
{
	return support_sql_int(w.db, "SELECT count(*) FROM events WHERE type = 'clock_fixed'");
}

/* The box starts with a clock that says WALL: a case before the county is asked, one after. */
static void put_right(int64_t wall)
{
	test_box_run(&b);
	test_box_reclock(&b, wall);
	b.own.mono = 10000;
	test_box_register(&b, 1, SUPPORT_ACCEPT_ITEM);
	b.own.mono += 60000;
	b.own.wall += 60000;
	test_box_run(&b);
	assert_true(b.pinned);
	assert_true(b.own.mono < 120000); /* it did not wait for a back-off to grow */
	assert_int_equal(test_box_sync(&b, 1), SYNC_SETTLED);
	assert_in_range(clock_read(b.clock).wall, w.clock.wall - 1000, w.clock.wall + 120000);
	assert_int_equal(clock_read(b.clock).quality, CLOCK_SYNCED);
	assert_int_equal(events_fixed(), 1);
	struct seen s = see(1);
	assert_in_range(s.corrected, w.clock.wall - 61000, w.clock.wall - 55000);
	test_box_register(&b, 2, SUPPORT_ACCEPT_ITEM);
	test_box_run(&b);
	s = see(2);
	assert_in_range(s.at, w.clock.wall - 1000, w.clock.wall + 120000);
	assert_int_equal(s.corrected, 0);
	assert_int_equal(events_fixed(), 1); /* once a boot */
	test_box_verify(&b, 0);
	test_county_verify(&w, 0);
}

static void a_dead_clock(void **state)
{
	(void)state;
	put_right(0);
	/* another process of this boot knows the time without asking */
	struct err e = {0};
	struct support_clock other = b.own;
	other.clock.arg = &other;
	other.clock.base = 0;
	struct ledger *l = NULL;
	struct ledger_config lc = {.path = b.db, .field_key = b.key, .mode = LEDGER_READ, .clock = &other.clock};
	OK(ledger_open(&lc, &l, &e), &e);
	assert_in_range(clock_read(&other.clock).wall, w.clock.wall - 1000, w.clock.wall + 120000);
	/* in the next boot it does not count, but the floor does */
	ledger_close(l);
	other.clock.base = 0;
	other.clock.boot[0] = 'f';
	OK(ledger_open(&lc, &l, &e), &e);
	assert_int_equal(clock_read(&other.clock).quality, CLOCK_FLOOR);
	assert_in_range(clock_read(&other.clock).wall, w.clock.wall - DAY_MS, w.clock.wall + 1000);
	ledger_close(l);
}

static void a_clock_of_2099(void **state)
{
	(void)state;
	put_right(IN_2099);
}

static void set_by_somebody(void **state)
{
	(void)state;
	put_right(0);
	b.own.wall = w.clock.wall;
	test_box_register(&b, 3, SUPPORT_ACCEPT_ITEM);
	test_box_run(&b);
	assert_false(b.pinned); /* certificates count again */
	assert_int_equal(test_box_sync(&b, 3), SYNC_SETTLED);
}

static void nobody_else_sets_it(void **state)
{
	(void)state;
	struct err e = {0};
	bool helped;
	test_box_run(&b);
	test_box_reclock(&b, 0);
	b.down = true;
	test_box_run(&b); /* makes the engine */
	b.down = false;
	int64_t before = clock_read(b.clock).wall;
	for (enum test_lie lie = LIE_UNSIGNED; lie <= LIE_PORTAL; lie++) {
		b.lie = lie;
		int rc = time_ask(&b.h, &helped, &e);
		assert_true(rc == (int)ERR_DENIED || rc == (int)ERR_INVALID);
		assert_false(helped || b.pinned);
		assert_int_equal(clock_read(b.clock).wall, before);
	}
	/* an answer key that the root does not vouch for at the time that it signs */
	b.lie = LIE_NONE;
	w.clock.wall += 4000 * DAY_MS;
	assert_int_equal(time_ask(&b.h, &helped, &e), ERR_DENIED);
	w.clock.wall -= 4000 * DAY_MS;
	assert_int_equal(clock_read(b.clock).wall, before);
	OK(time_ask(&b.h, &helped, &e), &e);
	assert_true(helped && b.pinned);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(renewed_at_two_thirds, make, release),
	    cmocka_unit_test_setup_teardown(renewed_after_the_last_day, make, release),
	    cmocka_unit_test_setup_teardown(refused_renewal_changes_nothing, make, release),
	    cmocka_unit_test_setup_teardown(a_dead_clock, make, release),
	    cmocka_unit_test_setup_teardown(a_clock_of_2099, make, release),
	    cmocka_unit_test_setup_teardown(set_by_somebody, make, release),
	    cmocka_unit_test_setup_teardown(nobody_else_sets_it, make, release),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
