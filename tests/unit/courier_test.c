/* The real courier and the real county in one process: what is restored, copied, lost, refused, unreadable. Every test
 * ends with both sides verified and every acknowledged case at the county once. */
#include "tests/unit/county_support.h"

#include "shared/fields.h"
#include "shared/ledger/courier.h"
#include "shared/ledger/write.h"
#include "shared/text.h"
#include "sync/county/casefile.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define OK(call, e)                                                                                                    \
	do {                                                                                                           \
		if (call) fail_msg("%s:%d: %s", __FILE__, __LINE__, (e)->msg);                                         \
	} while (0)

static struct test_county w;

static int make(void **state)
{
	(void)state;
	test_county_make(&w);
	return 0;
}

static int release(void **state)
{
	(void)state;
	test_county_release(&w);
	return 0;
}

/* A department's act on case N. */
static void decide(unsigned key, unsigned n, const char *type, const char *text)
{
	static const uint8_t no_key[EVENT_KEY_LEN];
	struct err e = {0};
	struct problem p = {0};
	struct casefile f;
	struct event ev = {.has_case = true, .at = w.clock.wall, .quality = CLOCK_SYNCED};
	json_t *body = support_json(text);
	support_id(key, ev.id);
	support_id(n, ev.case_id);
	OK(event_set(ev.type, sizeof ev.type, type, "type", &e), &e);
	OK(event_set(ev.actor, sizeof ev.actor, "centre", "actor", &e), &e);
	OK(event_set_body(&ev, body, no_key, &e), &e);
	casefile_init(&f, w.s);
	OK(store_begin(w.s, &e), &e);
	OK(casefile_act(&f, &ev, body, w.clock.wall, &p, &e), &e);
	OK(casefile_flush(&f, &e), &e);
	OK(store_commit(w.s, &e), &e);
	if (problem_any(&p)) fail_msg("%s", p.detail);
	event_release(&ev);
	json_decref(body);
}

static void case_of(struct test_box *b, unsigned n, struct ledger_case *c)
{
	struct err e = {0};
	uint8_t id[UUID_LEN];
	support_id(n, id);
	OK(ledger_case_get(b->l, id, c, &e), &e);
}

static void assert_state(struct test_box *b, unsigned n, enum case_state want)
{
	struct ledger_case c = {0};
	case_of(b, n, &c);
	assert_string_equal(state_name(c.view.state), state_name(want));
	ledger_case_release(&c);
}

static void assert_settled(struct test_box *b, unsigned from, unsigned to)
{
	for (unsigned n = from; n <= to; n++)
		if (test_box_sync(b, n) != SYNC_SETTLED)
			fail_msg("case %u is %s", n, ledger_sync_name(test_box_sync(b, n)));
}

/* Every case FROM..TO is at the county, each once. */
static void assert_county_has(unsigned from, unsigned to)
{
	struct err e = {0};
	for (unsigned n = from; n <= to; n++) {
		struct caseview v;
		uint8_t id[UUID_LEN];
		support_id(n, id);
		if (casefile_get(w.s, id, &v, &e)) fail_msg("case %u is not at the county", n);
		caseview_release(&v);
	}
}

static void end(struct test_box *b)
{
	test_county_verify(&w, 0);
	test_box_verify(b, 0);
	test_box_release(b);
}

/* --- boxes that are not what they were --- */

/* A box that was restored from an old copy goes on in a new log, and gets back what it had written since. */
static void restored_box(void **state)
{
	struct test_box b, old;
	(void)state;
	test_box_make(&b, &w, COUNTY_VILLAGE);
	test_box_register(&b, 1, SUPPORT_HANDLE_ITEM);
	test_box_run(&b);
	test_box_copy(&old, &b);
	test_box_register(&b, 2, SUPPORT_HANDLE_ITEM);
	test_box_act(&b, 102, 2, "accept", "{}");
	test_box_register(&b, 3, SUPPORT_ACCEPT_ITEM);
	test_box_run(&b);
	decide(103, 3, "accept", "{}");
	test_box_run(&b);
	test_box_register(&old, 4, SUPPORT_HANDLE_ITEM);
	test_box_run(&old);
	assert_settled(&old, 1, 4);
	assert_county_has(1, 4);
	assert_state(&old, 2, STATE_ACCEPTED);
	assert_state(&old, 3, STATE_ACCEPTED);
	assert_int_equal(support_sql_int(old.db, "SELECT count(*) FROM logs"), 2);
	assert_true(support_sql_int(old.db, "SELECT count(*) FROM recovered") >= 4);
	/* the printed number of case 4 was case 2's too: the county gave it another */
	struct ledger_case c = {0};
	case_of(&old, 4, &c);
	assert_int_equal(json_array_size(json_object_get(c.view.doc, "aliases")), 1);
	const char *alias = json_string_value(json_array_get(json_object_get(c.view.doc, "aliases"), 0));
	uint8_t found[4][UUID_LEN];
	struct err e = {0};
	int n = 0;
	OK(ledger_case_find(old.l, alias, found, 4, &n, &e), &e);
	assert_int_equal(n, 2); /* both papers find their case */
	static const char at_county[] =
	    "SELECT count(*) FROM aliases a JOIN cases c ON c.id = a.case_id WHERE c.receipt <> a.receipt";
	assert_int_equal(support_sql_int(w.db, at_county),
	                 1); /* there too, and so when its tables are of an older release */
	char *migration = support_source("schema/sql/county/006-citizens.sql");
	support_sql(w.db, "DROP TABLE aliases");
	support_sql(w.db, migration);
	free(migration);
	assert_int_equal(support_sql_int(w.db, at_county), 1);
	ledger_case_release(&c);
	test_box_verify(&old, 0);
	test_box_release(&old);
	end(&b);
}

/* A copy and its original, both alive, each taking cases in. */
static void clones_alive(void **state)
{
	struct test_box a, b, c;
	(void)state;
	test_box_make(&a, &w, COUNTY_VILLAGE);
	test_box_register(&a, 1, SUPPORT_ACCEPT_ITEM);
	test_box_copy(&b, &a); /* case 1 is unsent in all three */
	test_box_copy(&c, &a);
	for (unsigned i = 0; i < 4; i++) {
		test_box_register(&a, 10 + i, SUPPORT_ACCEPT_ITEM);
		test_box_register(&b, 20 + i, SUPPORT_HANDLE_ITEM);
		test_box_register(&c, 30 + i, SUPPORT_HANDLE_ITEM);
		test_box_run(i % 2 ? &a : &b);
		test_box_run(&c);
		test_box_run(i % 2 ? &b : &a);
	}
	for (int i = 0; i < 2; i++) {
		test_box_run(&a);
		test_box_run(&b);
		test_box_run(&c);
	}
	struct test_box *all[] = {&a, &b, &c};
	for (size_t i = 0; i < COUNT(all); i++) { /* each sees all the cases of the station */
		assert_settled(all[i], 1, 1);
		assert_settled(all[i], 10, 13);
		assert_settled(all[i], 20, 23);
		assert_settled(all[i], 30, 33);
	}
	assert_int_equal(support_sql_int(w.db, "SELECT count(*) FROM cases"), 13);
	assert_int_equal(
	    support_sql_int(w.db,
	                    "SELECT count(*) FROM (SELECT receipt FROM cases GROUP BY receipt HAVING count(*) > 1)"),
	    0);
	assert_int_equal(support_sql_int(w.db, "SELECT count(*) FROM logs"), 3);
	assert_int_equal(support_sql_int(w.db, "SELECT count(*) FROM alarms WHERE kind = 'copy'"), 2);
	test_box_verify(&b, 0);
	test_box_verify(&c, 0);
	test_box_release(&b);
	test_box_release(&c);
	end(&a);
}

/* Two copies were granted the same number before either used it: the later one needs another. */
static void two_copies_one_number(void **state)
{
	struct test_box a, b, c;
	struct err e = {0};
	struct wire_answer x;
	uint8_t log[UUID_LEN];
	(void)state;
	test_box_make(&a, &w, COUNTY_VILLAGE);
	test_box_run(&a);
	test_box_copy(&b, &a);
	test_box_copy(&c, &a);
	test_box_register(&a, 1, SUPPORT_ACCEPT_ITEM);
	test_box_run(&a);
	test_box_register(&b, 2, SUPPORT_ACCEPT_ITEM);
	test_box_register(&c, 3, SUPPORT_ACCEPT_ITEM);
	assert_int_equal(test_box_exchange(&b, 0, ANSWER_LOST, &x), PROBLEM_NONE);
	int box = x.box;
	wire_answer_release(&x);
	assert_int_equal(test_box_exchange(&c, 0, ANSWER_LOST, &x), PROBLEM_NONE);
	assert_int_equal(x.box, box);
	wire_answer_release(&x);
	support_id(7001, log);
	OK(ledger_new_log(b.l, log, box, &e), &e);
	support_id(7002, log);
	OK(ledger_new_log(c.l, log, box, &e), &e);
	test_box_register(&b, 4, SUPPORT_HANDLE_ITEM);
	test_box_register(&c, 5, SUPPORT_HANDLE_ITEM); /* the same receipt number as case 4 */
	test_box_run(&b);
	test_box_run(&c);
	test_box_run(&a);
	test_box_run(&b);
	assert_settled(&a, 1, 5);
	assert_settled(&b, 1, 5);
	assert_settled(&c, 1, 5);
	assert_int_equal(
	    support_sql_int(w.db,
	                    "SELECT count(*) FROM (SELECT receipt FROM cases GROUP BY receipt HAVING count(*) > 1)"),
	    0);
	assert_int_equal(support_sql_int(w.db, "SELECT count(DISTINCT box) FROM logs"), 3);
	test_box_verify(&b, 0);
	test_box_verify(&c, 0);
	test_box_release(&b);
	test_box_release(&c);
	end(&a);
}

/* A new box in the place of a dead one begins empty and knows all that its station ever did. */
static void replaced_box(void **state)
{
	struct test_box b, fresh;
	(void)state;
	test_box_make(&b, &w, COUNTY_VILLAGE);
	for (unsigned n = 1; n <= 30; n++)
		test_box_register(&b, n, n % 3 ? SUPPORT_HANDLE_ITEM : SUPPORT_ACCEPT_ITEM);
	test_box_act(&b, 101, 1, "accept", "{}");
	test_box_force(&b, 102, 2, "note", "{'txet':'x'}");
	test_box_run(&b);
	decide(103, 3, "accept", "{}");
	decide(106, 6, "supplement_notice", "{'basis':'法','materials':[{'name':'证','standard':'原件'}]}");
	test_box_run(&b);
	test_box_make(&fresh, &w, COUNTY_VILLAGE);
	test_box_run(&fresh);
	assert_settled(&fresh, 3, 30);
	assert_int_equal(test_box_sync(&fresh, 2), SYNC_REFUSED);
	assert_state(&fresh, 1, STATE_ACCEPTED);
	assert_state(&fresh, 3, STATE_ACCEPTED);
	assert_state(&fresh, 6, STATE_SUPPLEMENT);
	/* and goes on with them */
	test_box_act(&fresh, 201, 4, "accept", "{}");
	test_box_run(&fresh);
	assert_settled(&fresh, 4, 4);
	/* the dead one was not dead: it hears of that */
	test_box_run(&b);
	assert_state(&b, 4, STATE_ACCEPTED);
	test_box_verify(&fresh, 0);
	test_box_release(&fresh);
	end(&b);
}

/* --- a county that is not what it was --- */

static void restored_county(void **state)
{
	struct test_box b;
	(void)state;
	test_box_make(&b, &w, COUNTY_VILLAGE);
	test_box_register(&b, 1, SUPPORT_HANDLE_ITEM);
	test_box_register(&b, 2, SUPPORT_ACCEPT_ITEM);
	test_box_run(&b);
	test_county_save(&w);
	test_box_register(&b, 3, SUPPORT_HANDLE_ITEM);
	test_box_act(&b, 103, 3, "accept", "{}");
	test_box_run(&b);
	decide(102, 2, "accept", "{}"); /* which the county will lose */
	test_box_run(&b);
	assert_state(&b, 2, STATE_ACCEPTED);
	test_county_restore(&w);
	b.down = true;
	test_box_register(&b, 4, SUPPORT_ACCEPT_ITEM);
	b.down = false;
	test_box_run(&b);
	assert_settled(&b, 1, 4);
	assert_county_has(1, 4);
	assert_state(&b, 3, STATE_ACCEPTED);
	assert_state(&b, 2, STATE_FORWARDED); /* the lost decision does not count */
	assert_int_equal(support_sql_int(b.db, "SELECT count(*) FROM feed_lost WHERE kind = 'event'"), 1);
	assert_true(support_sql_int(w.db, "SELECT count(*) FROM alarms WHERE kind = 'feed'") >= 1);
	decide(202, 2, "refuse", "{'reason':'因','basis':'法','remedies':'复议'}");
	test_box_run(&b);
	assert_state(&b, 2, STATE_NOT_ACCEPTED);
	end(&b);
}

/* What is shown as settled is taken back as soon as the county shows that it has lost it. */
static void taken_back(void **state)
{
	struct test_box b;
	struct wire_answer a;
	struct err e = {0};
	(void)state;
	test_box_make(&b, &w, COUNTY_VILLAGE);
	test_box_register(&b, 1, SUPPORT_HANDLE_ITEM);
	test_box_run(&b);
	test_county_save(&w);
	test_box_register(&b, 2, SUPPORT_HANDLE_ITEM);
	test_box_run(&b);
	assert_settled(&b, 1, 2);
	test_county_restore(&w);
	assert_int_equal(test_box_exchange(&b, 0, ANSWER_LOST, &a), PROBLEM_NONE);
	struct ledger_answer la = support_answer(&a);
	la.rewind = true;
	OK(ledger_apply(b.l, &la, &e), &e);
	wire_answer_release(&a);
	assert_int_equal(test_box_sync(&b, 2), SYNC_LOCAL);
	assert_settled(&b, 1, 1);
	test_box_run(&b);
	assert_settled(&b, 1, 2);
	end(&b);
}

/* The county was restored to a time before the box was enrolled: it registers it again by its certificate. */
static void forgotten_box(void **state)
{
	struct test_box b;
	(void)state;
	test_county_save(&w);
	test_box_make(&b, &w, COUNTY_VILLAGE);
	for (unsigned n = 1; n <= 5; n++)
		test_box_register(&b, n, SUPPORT_ACCEPT_ITEM);
	test_box_run(&b);
	test_county_restore(&w);
	test_box_run(&b);
	assert_settled(&b, 1, 5);
	assert_county_has(1, 5);
	assert_int_equal(support_sql_int(w.db, "SELECT count(*) FROM alarms WHERE kind = 'forgotten'"), 1);
	assert_true(support_sql_int(w.db, "SELECT box_used FROM stations WHERE code = '" COUNTY_VILLAGE "'") > 5);
	/* it has a catalog still */
	assert_int_equal(support_sql_int(b.db, "SELECT count(*) FROM things WHERE kind = 'catalog'"), 1);
	test_box_register(&b, 6, SUPPORT_ACCEPT_ITEM);
	test_box_run(&b);
	assert_settled(&b, 6, 6);
	end(&b);
}

/* Both at once: the box from an older copy than the county, then the county from an older copy than the box. */
static void both_restored(void **state)
{
	struct test_box b, old;
	(void)state;
	test_box_make(&b, &w, COUNTY_VILLAGE);
	test_box_register(&b, 1, SUPPORT_HANDLE_ITEM);
	test_box_run(&b);
	test_county_save(&w); /* knows case 1 */
	test_box_register(&b, 2, SUPPORT_HANDLE_ITEM);
	test_box_run(&b);
	test_box_copy(&old, &b); /* knows 1 and 2 */
	test_box_register(&b, 3, SUPPORT_HANDLE_ITEM);
	test_box_run(&b); /* 3 is lost by both, with the box that took it */
	test_county_restore(&w);
	test_box_register(&old, 4, SUPPORT_HANDLE_ITEM);
	test_box_run(&old);
	assert_settled(&old, 1, 2);
	assert_settled(&old, 4, 4);
	assert_county_has(1, 2);
	/* and should the other box come back, its case is not lost either */
	test_box_run(&b);
	test_box_run(&old);
	assert_settled(&b, 1, 4);
	assert_settled(&old, 1, 4);
	assert_county_has(1, 4);
	test_box_verify(&old, 0);
	test_box_release(&old);
	end(&b);
}

/* A replaced box's station, and then the county loses what the dead box had brought: the new one has it, from the feed. */
static void only_the_replacement_knows(void **state)
{
	struct test_box b, fresh;
	(void)state;
	test_box_make(&b, &w, COUNTY_VILLAGE);
	test_box_register(&b, 1, SUPPORT_HANDLE_ITEM);
	test_box_run(&b);
	test_county_save(&w);
	test_box_register(&b, 2, SUPPORT_HANDLE_ITEM);
	test_box_act(&b, 102, 2, "accept", "{}");
	test_box_run(&b);
	test_box_make(&fresh, &w, COUNTY_VILLAGE);
	test_box_run(&fresh);
	assert_settled(&fresh, 1, 2);
	test_box_verify(&b, 0);
	test_box_release(&b); /* for good */
	test_county_restore(&w);
	test_box_run(&fresh);
	assert_settled(&fresh, 1, 2);
	assert_county_has(1, 2);
	assert_state(&fresh, 2, STATE_ACCEPTED);
	end(&fresh);
}

/* --- what cannot be read --- */

static void quarantine(void **state)
{
	struct test_box b;
	(void)state;
	test_box_make(&b, &w, COUNTY_VILLAGE);
	test_box_run(&b);
	for (unsigned n = 1; n <= 5; n++)
		test_box_register(&b, n, SUPPORT_HANDLE_ITEM);
	support_sql(b.db, "UPDATE events SET actor = 'somebody' WHERE seq = 4");
	int before = b.calls;
	test_box_run(&b);
	assert_settled(&b, 1, 2);
	assert_settled(&b, 4, 5);
	assert_int_equal(test_box_sync(&b, 3), SYNC_REFUSED);
	assert_int_equal(b.details, 1);
	assert_true(b.calls - before <= 3); /* the others waited for one round more */
	assert_int_equal(support_sql_int(w.db, "SELECT count(*) FROM quarantine"), 1);
	assert_int_equal(support_sql_int(w.db, "SELECT count(*) FROM cases"), 4);
	test_county_verify(&w, 0);
	test_box_release(&b); /* verify tells of the event that does not give its hash */
}

/* Columns that the county cannot read, and an event that does not give its hash among those that they carry: rows follow,
 * and only that event stays out. */
static void unreadable_columns(void **state)
{
	struct test_box b;
	(void)state;
	test_box_make(&b, &w, COUNTY_VILLAGE);
	test_box_run(&b);
	b.unread = true;
	for (unsigned n = 1; n <= 5; n++)
		test_box_register(&b, n, SUPPORT_HANDLE_ITEM);
	support_sql(b.db, "UPDATE events SET actor = 'somebody' WHERE seq = 4");
	int before = b.calls;
	test_box_run(&b);
	assert_int_equal(b.columns, 1);
	assert_int_equal(b.details, 1);
	assert_true(b.calls - before <= 3);
	assert_settled(&b, 1, 2);
	assert_settled(&b, 4, 5);
	assert_int_equal(test_box_sync(&b, 3), SYNC_REFUSED);
	assert_int_equal(support_sql_int(w.db, "SELECT count(*) FROM quarantine"), 1);
	test_box_register(&b, 6, SUPPORT_HANDLE_ITEM); /* and so it goes on, an exchange more each time */
	test_box_run(&b);
	assert_settled(&b, 6, 6);
	assert_int_equal(b.details, 2);
	b.unread = false;
	test_box_register(&b, 7, SUPPORT_HANDLE_ITEM);
	test_box_run(&b);
	assert_settled(&b, 7, 7);
	assert_int_equal(b.details, 2);
	assert_int_equal(b.columns, 3);
	assert_int_equal(support_sql_int(w.db, "SELECT count(*) FROM quarantine"), 1);
	test_county_verify(&w, 0);
	test_box_release(&b);
}

/* A row that no wire form can hold: the county cannot read it, and the rest goes on. */
static void unreadable_member(void **state)
{
	struct test_box b;
	(void)state;
	test_box_make(&b, &w, COUNTY_VILLAGE);
	test_box_run(&b);
	for (unsigned n = 1; n <= 3; n++)
		test_box_register(&b, n, SUPPORT_HANDLE_ITEM);
	support_sql(b.db, "UPDATE events SET at = -5, type = '' WHERE seq = 3");
	test_box_run(&b);
	assert_settled(&b, 1, 1);
	assert_settled(&b, 3, 3);
	assert_int_equal(support_sql_int(w.db, "SELECT count(*) FROM quarantine"), 1);
	test_county_verify(&w, 0);
	test_box_release(&b);
}

/* A body that does not open any more goes as its mac; it is refused, and holds up nobody. */
static void rotten_body(void **state)
{
	struct test_box b;
	(void)state;
	test_box_make(&b, &w, COUNTY_VILLAGE);
	test_box_run(&b);
	for (unsigned n = 1; n <= 3; n++)
		test_box_register(&b, n, SUPPORT_HANDLE_ITEM);
	support_sql(b.db,
	            "UPDATE events SET body = x'00112233445566778899aabbccddeeff00112233445566778899' WHERE seq = 3");
	test_box_run(&b);
	assert_settled(&b, 1, 1);
	assert_settled(&b, 3, 3);
	assert_int_equal(support_sql_int(w.db, "SELECT count(*) FROM events WHERE code = 'erased'"), 1);
	assert_int_equal(b.details, 0);
	test_county_verify(&w, 0);
	test_box_release(&b);
}

/* --- refused and mended --- */

static int64_t refusals(struct test_box *b)
{
	struct ledger_counts n;
	struct err e = {0};
	OK(ledger_counts(b->l, &n, &e), &e);
	return n.refused;
}

static void amends(char *out, size_t cap, const char *rest, unsigned id)
{
	char text[UUID_TEXT];
	uint8_t raw[UUID_LEN];
	support_id(id, raw);
	uuid_text(raw, text);
	(void)snprintf(out, cap, "{%s%s'amends':'%s'}", rest, *rest ? "," : "", text);
}

static void mended(void **state)
{
	struct test_box b;
	char body[256];
	(void)state;
	test_box_make(&b, &w, COUNTY_VILLAGE);
	test_box_register(&b, 1, SUPPORT_HANDLE_ITEM);
	test_box_force(&b, 100, 1, "accept", "{'nonsense':1}"); /* refused: the body */
	test_box_force(&b, 101, 1, "note", "{'text':'fits anyhow'}");
	test_box_force(&b, 102, 1, "supplement_notice", "{'basis':7}"); /* refused as well */
	test_box_run(&b);
	assert_int_equal(test_box_sync(&b, 1), SYNC_REFUSED);
	assert_int_equal(refusals(&b), 2);
	amends(body, sizeof body, "", 100);
	test_box_act(&b, 200, 1, "accept", body);
	assert_int_equal(refusals(&b), 1); /* the mend is on its way */
	test_box_run(&b);
	assert_int_equal(refusals(&b), 1);
	assert_state(&b, 1, STATE_ACCEPTED);
	/* the second cannot be mended any more, a supplement is asked for before acceptance: this mend is refused too */
	amends(body, sizeof body, "'basis':'法','materials':[{'name':'证','standard':'原件'}]", 102);
	test_box_force(&b, 201, 1, "supplement_notice", body);
	test_box_run(&b);
	assert_int_equal(refusals(&b), 2);
	end(&b);
}

/* What stood behind a refusal and did not fit is judged again when that is mended. */
static void judged_again(void **state)
{
	struct test_box b;
	char body[1024], rest[900];
	(void)state;
	test_box_make(&b, &w, COUNTY_VILLAGE);
	test_box_register(&b, 1, "652323-050");                      /* refused: a village does not offer it */
	test_box_force(&b, 100, 1, "withdraw", "{'reason':'改办'}"); /* refused behind it: there is no case */
	test_box_force(&b, 101, 1, "note", "{'text':'x'}");
	test_box_register(&b, 2, SUPPORT_HANDLE_ITEM);
	test_box_run(&b);
	assert_int_equal(support_sql_int(w.db, "SELECT count(*) FROM events WHERE code = 'after_refused'"), 2);
	assert_int_equal(refusals(&b), 3);
	assert_settled(&b, 2, 2);
	struct ledger_case c = {0};
	case_of(&b, 1, &c);
	(void)snprintf(rest, sizeof rest,
	               "'item':'%s','channel':'window','catalog':'hutubi-2022','catalog_version':1,"
	               "'receipt_number':'%s','received_at':1795478400000,'record':'application',"
	               "'token':'0123456789ABCDEF','applicant':{'kind':'person','name':'王建国','id_type':'citizen_id',"
	               "'id_number':'" SUPPORT_PERSON "','phone':'" SUPPORT_PHONE "','address':'大丰镇一村'}",
	               SUPPORT_HANDLE_ITEM, c.view.receipt);
	ledger_case_release(&c);
	amends(body, sizeof body, rest, 1);
	test_box_force(&b, 300, 1, "receive", body);
	test_box_run(&b);
	assert_int_equal(refusals(&b), 0);
	assert_settled(&b, 1, 2);
	assert_state(&b, 1, STATE_WITHDRAWN); /* the note and the withdrawal count, in their order */
	assert_int_equal(support_sql_int(w.db, "SELECT count(*) FROM events WHERE code IS NOT NULL AND mended IS NULL"),
	                 0);
	/* a second mend of the same finds nothing to mend */
	test_box_force(&b, 301, 1, "receive", body);
	test_box_run(&b);
	assert_int_equal(support_sql_int(w.db, "SELECT count(*) FROM events WHERE code = 'nothing_to_mend'"), 1);
	end(&b);
}

/* --- held --- */

static void held_for_a_catalog(void **state)
{
	struct test_box b;
	struct err e = {0};
	int n = 0;
	(void)state;
	test_box_make(&b, &w, COUNTY_VILLAGE);
	test_box_register(&b, 1, SUPPORT_HANDLE_ITEM);
	test_box_run(&b);
	/* the county's catalog is set back: it has not arrived yet */
	support_sql(w.db, "UPDATE things SET version = 2 WHERE kind = 'catalog'");
	store_close(w.s);
	OK(county_store(&w.c, STORE_OPEN, &w.s, &e), &e);
	test_box_register(&b, 2, SUPPORT_HANDLE_ITEM);
	test_box_act(&b, 102, 2, "accept", "{}");
	test_box_act(&b, 103, 2, "note", "{'text':'x'}");
	test_box_run(&b);
	assert_int_equal(test_box_sync(&b, 2), SYNC_RECEIVED);
	assert_int_equal(support_sql_int(w.db, "SELECT count(*) FROM events WHERE code = 'held'"), 3);
	assert_int_equal(support_sql_int(w.db, "SELECT count(*) FROM events WHERE code IS NOT NULL AND code <> 'held'"),
	                 0);
	support_sql(w.db, "UPDATE things SET version = 1 WHERE kind = 'catalog'");
	store_close(w.s);
	OK(county_store(&w.c, STORE_OPEN, &w.s, &e), &e);
	OK(store_begin(w.s, &e), &e);
	OK(casefile_judge_held(w.s, w.clock.wall, &n, &e), &e);
	OK(store_commit(w.s, &e), &e);
	assert_int_equal(n, 3);
	test_box_run(&b);
	assert_settled(&b, 1, 2);
	assert_state(&b, 2, STATE_ACCEPTED);
	end(&b);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, release)
	const struct CMUnitTest tests[] = {
	    TEST(restored_box),
	    TEST(clones_alive),
	    TEST(two_copies_one_number),
	    TEST(replaced_box),
	    TEST(restored_county),
	    TEST(taken_back),
	    TEST(forgotten_box),
	    TEST(both_restored),
	    TEST(only_the_replacement_knows),
	    TEST(quarantine),
	    TEST(unreadable_columns),
	    TEST(unreadable_member),
	    TEST(rotten_body),
	    TEST(mended),
	    TEST(judged_again),
	    TEST(held_for_a_catalog),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
