/* The registers (制度登记簿): every event in every state of every register, the stories of domain.md section 6, what is due,
 * and entries on a real ledger, which sync, verify and rebuild as cases do. */
#include "shared/registers.h"

#include "shared/body.h"
#include "shared/event.h"
#include "shared/fields.h"
#include "shared/ledger/verify.h"
#include "tests/unit/support.h"

#include <string.h>

#define CASE_ID "0b0f1bfe-29c5-4c1d-9d3e-2f6f5f1f9c11"

static const char *const blocks[REGISTER_KINDS] = {
    [REGISTER_INQUIRY] = "{'channel':'visit','matter':'低保怎么办','first_asked':'古丽·买买提'}",
    [REGISTER_AGENCY] = "{'principal':'王建国','agent':'李代办','matter':'代办社保卡','scope':'递交材料'}",
    [REGISTER_HOURS] =
        "{'kind':'noon','start':'2026-11-20T13:30:00+08:00','end':'2026-11-20T14:10:00+08:00','staff':'李',"
        "'matter':'认证'}",
    [REGISTER_STUCK] = "{'class':'office','matter':'三次都说不归这里管'}",
    [REGISTER_CORRECTION] = "{'case':'" CASE_ID "','rating':'" CASE_ID "','grade':5}",
};

static json_t *opening(enum register_kind k)
{
	json_t *body = json_pack("{s:s, s:I}", "register", registers_name(k), "opened_at", (json_int_t)SUPPORT_NOW);
	assert_int_equal(json_object_set_new(body, registers_name(k), support_json(blocks[k])), 0);
	return body;
}

static json_t *body_of(const char *type, const char *arg)
{
	if (strcmp(type, "entry_answer") == 0) return support_json("{'text':'带身份证'}");
	if (strcmp(type, "entry_pass") == 0) return json_pack("{s:s}", strlen(arg) >= 12 ? "to" : "person", arg);
	if (strcmp(type, "entry_step") == 0) return json_pack("{s:s}", "step", arg);
	if (strcmp(type, "entry_reopen") == 0) return support_json("{'reason':'还是办不成'}");
	if (strcmp(type, "entry_close") == 0) return support_json("{'result':'已办结'}");
	return support_json("{'text':'一'}");
}

static enum caseview_fit apply(struct caseview *v, const char *type, const char *origin, const json_t *body, int64_t at)
{
	int rc = -1;
	const struct caseview_event ev = {.type = type, .body = body, .origin = origin, .actor = "某", .at = at};
	enum caseview_fit fit = caseview_apply(v, &ev, &rc);
	assert_int_equal(rc, ERR_OK);
	return fit;
}

static void open_entry(struct caseview *v, enum register_kind k, const char *origin)
{
	uint8_t id[UUID_LEN];
	json_t *body = opening(k);
	support_id(1, id);
	caseview_init(v, id);
	assert_int_equal(apply(v, "entry_open", origin, body, SUPPORT_NOW), FIT_OK);
	assert_int_equal(v->state, STATE_OPEN);
	assert_string_equal(v->item, registers_item(k));
	json_decref(body);
}

/* --- every event in every state of every register --- */

static void events_of_cases_do_not_fit(void **state)
{
	(void)state;
	for (int k = 0; k < REGISTER_KINDS; k++) {
		for (int s = STATE_OPEN; s < STATE_COUNT; s++) {
			for (int t = 0; t < EVENT_COUNT; t++) {
				struct caseview v;
				enum case_event type = (enum case_event)t;
				if (registers_table(type) || type == EVENT_NOTE || type == EVENT_REVEAL) continue;
				open_entry(&v, (enum register_kind)k, SUPPORT_STATION);
				v.state = (enum case_state)s;
				json_t *body = support_json("{'grade':5,'item':'x','receipt_number':'y','to':'z'}");
				enum caseview_fit fit =
				    apply(&v, state_event_name(type), SUPPORT_STATION, body, SUPPORT_NOW);
				if (fit == FIT_OK) fail_msg("%s fits an entry", state_event_name(type));
				assert_int_equal(v.state, s);
				assert_false(registers_action(&v, type));
				json_decref(body);
				caseview_release(&v);
			}
		}
	}
}

/* And the other way about: an entry's events do not fit a case. */
static void events_of_entries_do_not_fit(void **state)
{
	struct caseview v;
	uint8_t id[UUID_LEN] = {0};
	(void)state;
	caseview_init(&v, id);
	json_t *receive = support_json("{'item':'652323-001','receipt_number':'x','token':'0123456789abcdef'}");
	assert_int_equal(apply(&v, "receive", SUPPORT_STATION, receive, 1), FIT_OK);
	for (int t = 0; t < EVENT_COUNT; t++) {
		const char *name = state_event_name((enum case_event)t);
		json_t *body = strcmp(name, "entry_open") == 0 ? opening(REGISTER_STUCK) : body_of(name, "own");
		if (registers_table((enum case_event)t))
			assert_int_not_equal(apply(&v, name, SUPPORT_STATION, body, 2), FIT_OK);
		json_decref(body);
	}
	assert_int_equal(v.state, STATE_RECEIVED);
	json_decref(receive);
	caseview_release(&v);
}

/* --- stories --- */

/* Steps "origin event[>argument][!why]", as in caseview_test.c, with the short names of events. */
struct story {
	enum register_kind kind;
	const char *steps, *state, *holder;
};

static const char *origin_of(char c)
{
	return c == 'A' ? SUPPORT_STATION : c == 'T' ? SUPPORT_TOWNSHIP : c == 'K' ? EVENT_COUNTY : "652323101201";
}

static void tell(const struct story *st)
{
	struct caseview v;
	char copy[512], name[32], *save = NULL;
	int64_t at = SUPPORT_NOW;
	open_entry(&v, st->kind, SUPPORT_STATION);
	(void)snprintf(copy, sizeof copy, "%s", st->steps);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char *why = strchr(word, '!'), *arg = strchr(word, '>');
		if (why) *why++ = '\0';
		if (arg) *arg++ = '\0';
		(void)snprintf(name, sizeof name, "%s%s", strcmp(word + 2, "note") == 0 ? "" : "entry_", word + 2);
		json_t *body = body_of(name, arg ? arg : "");
		enum caseview_fit fit = apply(&v, name, origin_of(word[0]), body, ++at);
		if (strcmp(caseview_fit_name(fit), why ? why : "ok") != 0)
			fail_msg("%s: %s is %s in %s", st->steps, word, caseview_fit_name(fit), state_name(v.state));
		json_decref(body);
	}
	if (strcmp(state_name(v.state), st->state) != 0 || strcmp(v.holder, st->holder) != 0)
		fail_msg("%s: ends %s at %s", st->steps, state_name(v.state), v.holder);
	caseview_release(&v);
}

#define ALL_STEPS "A.step>accept A.step>handle A.step>deliver A.step>archive A.step>report A.step>call_back"

static void stories(void **state)
{
	static const struct story all[] = {
	    {REGISTER_INQUIRY, "A.answer A.close", "closed", SUPPORT_STATION},
	    {REGISTER_INQUIRY, "A.close!step A.step>own!body", "open", SUPPORT_STATION},
	    {REGISTER_INQUIRY, "A.pass>李会计 A.answer A.reopen A.answer A.close A.answer!transition", "closed",
	     SUPPORT_STATION},
	    {REGISTER_INQUIRY, "A.pass>" SUPPORT_TOWNSHIP " B.answer!not_holder T.answer A.close", "closed",
	     SUPPORT_TOWNSHIP},
	    {REGISTER_STUCK, "A.pass>民政局救助科 K.answer A.reopen A.pass>县政务服务中心 K.answer A.close", "closed",
	     "县政务服务中心"},
	    {REGISTER_STUCK, "A.pass>民政局救助科 A.close!step A.note B.note!not_holder", "passed", "民政局救助科"},
	    {REGISTER_AGENCY, ALL_STEPS " A.close", "closed", SUPPORT_STATION},
	    {REGISTER_AGENCY, "A.step>accept A.step>accept!second A.close!step A.answer!body A.step>own!body", "open",
	     SUPPORT_STATION},
	    {REGISTER_HOURS, "A.step>own!body A.answer!body A.pass>李!body A.close A.close!transition", "closed",
	     SUPPORT_STATION},
	    {REGISTER_CORRECTION,
	     "A.step>own A.step>own A.step>cause A.step>cause!second A.close!step A.step>correct "
	     "A.close!step A.step>call_back A.close",
	     "closed", SUPPORT_STATION},
	    {REGISTER_CORRECTION, "A.step>handle!body A.answer!body A.reopen!transition", "open", SUPPORT_STATION},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(all); i++)
		tell(&all[i]);
}

/* The county opens a correction for the station that is to put it right. */
static void of_the_county(void **state)
{
	struct caseview v;
	uint8_t id[UUID_LEN] = {0};
	(void)state;
	caseview_init(&v, id);
	json_t *body = opening(REGISTER_CORRECTION), *step = support_json("{'step':'own','person':'李'}");
	assert_int_equal(json_object_set_new(body, "station", json_string(SUPPORT_STATION)), 0);
	assert_int_equal(apply(&v, "entry_open", EVENT_COUNTY, body, 5), FIT_OK);
	assert_string_equal(v.station, EVENT_COUNTY);
	assert_string_equal(v.holder, SUPPORT_STATION);
	assert_int_equal(apply(&v, "entry_step", SUPPORT_TOWNSHIP, step, 6), FIT_HOLDER);
	assert_int_equal(apply(&v, "entry_step", SUPPORT_STATION, step, 6), FIT_OK);
	assert_int_equal(apply(&v, "entry_open", EVENT_COUNTY, body, 7), FIT_EXISTS);
	json_decref(body);
	json_decref(step);
	caseview_release(&v);
}

/* --- what is due --- */

static void dues(void **state)
{
	static const struct register_days days = {.pass_up = 3, .call_back = 1, .put_right = 15}, other = {5, 2, 20};
	struct workdays *w = NULL;
	struct register_due d[REGISTERS_DUES];
	struct caseview v;
	json_t *doc = support_json_file("schema/calendars/national.json");
	(void)state;
	assert_int_equal(workdays_new(doc, &w, NULL), ERR_OK);
	/* opened on Tuesday, 24 November: a call within a day, put right within 15 working days */
	open_entry(&v, REGISTER_CORRECTION, SUPPORT_STATION);
	assert_int_equal(registers_dues(&v, &days, w, SUPPORT_NOW, d), 2);
	assert_string_equal(d[0].what, "call_back");
	assert_int_equal(workdays_day(d[0].due), workdays_day(SUPPORT_NOW) + 1);
	assert_int_equal(workdays_day(d[1].due), workdays_day(SUPPORT_NOW) + 21);
	assert_false(d[0].overdue || d[0].met);
	assert_int_equal(registers_dues(&v, &other, w, SUPPORT_NOW, d), 2);
	assert_int_equal(workdays_day(d[0].due), workdays_day(SUPPORT_NOW) + 2);
	assert_int_equal(workdays_day(d[1].due), workdays_day(SUPPORT_NOW) + 28);
	assert_int_equal(registers_dues(&v, &days, w, SUPPORT_NOW + 2 * SUPPORT_DAY_MS, d), 2);
	assert_true(d[0].overdue && !d[1].overdue);
	json_t *step = body_of("entry_step", "call_back");
	assert_int_equal(apply(&v, "entry_step", SUPPORT_STATION, step, SUPPORT_NOW + SUPPORT_DAY_MS), FIT_OK);
	assert_int_equal(registers_dues(&v, &days, w, SUPPORT_NOW + 9 * SUPPORT_DAY_MS, d), 2);
	assert_true(d[0].met && !d[0].overdue); /* it was in time, whenever one looks */
	caseview_release(&v);
	json_decref(step);
	open_entry(&v, REGISTER_AGENCY, SUPPORT_STATION);
	assert_int_equal(registers_dues(&v, &days, w, SUPPORT_NOW, d), 1);
	assert_string_equal(d[0].what, "pass_up");
	assert_int_equal(workdays_day(d[0].due), workdays_day(SUPPORT_NOW) + 3);
	assert_int_equal(registers_dues(&v, &days, NULL, SUPPORT_NOW, d), 0);
	caseview_release(&v);
	open_entry(&v, REGISTER_INQUIRY, SUPPORT_STATION);
	assert_int_equal(registers_dues(&v, &days, w, SUPPORT_NOW, d), 0);
	caseview_release(&v);
	workdays_free(w);
	json_decref(doc);
}

/* --- on a ledger --- */

static void put(struct support_ledger *t, unsigned n, enum register_kind k, const char *answer, const char *closing)
{
	struct ledger_call call = support_call(t, n);
	struct err e = {0};
	json_t *o = opening(k), *a = answer ? support_json(answer) : NULL, *c = closing ? support_json(closing) : NULL;
	assert_int_equal(ledger_begin(t->l, &e), ERR_OK);
	assert_int_equal(ledger_entry(t->l, &call, o, a, c, &e), ERR_OK);
	assert_int_equal(ledger_commit(t->l, &e), ERR_OK);
	json_decref(o);
	json_decref(a);
	json_decref(c);
}

static bool count_one(const struct ledger_case *c, void *arg)
{
	(void)c;
	++*(int *)arg;
	return true;
}

static int listed(struct support_ledger *t, const char *item)
{
	struct ledger_page page = {.item = item, .before_at = INT64_MAX, .limit = 100};
	bool more;
	int n = 0;
	assert_int_equal(ledger_case_list(t->l, &page, count_one, &n, &more, NULL), ERR_OK);
	return n;
}

static void on_a_ledger(void **state)
{
	struct support_ledger t;
	struct ledger_case c;
	struct err e = {0};
	(void)state;
	support_ledger_make(&t);
	support_register(&t, 1, SUPPORT_HANDLE_ITEM);
	put(&t, 2, REGISTER_INQUIRY, "{'text':'带身份证'}", "{'result':'已答复','satisfied':true}");
	put(&t, 3, REGISTER_STUCK, NULL, NULL);
	assert_int_equal(listed(&t, NULL), 1); /* entries are no cases */
	assert_int_equal(listed(&t, registers_item(REGISTER_INQUIRY)), 1);
	assert_int_equal(listed(&t, registers_item(REGISTER_STUCK)), 1);
	support_case(&t, 2, &c);
	assert_int_equal(c.view.state, STATE_CLOSED);
	assert_int_equal(c.sync, SYNC_LOCAL);
	assert_int_equal(c.view.revision, 3);
	ledger_case_release(&c);
	assert_int_equal(support_act(&t, 10, 3, EVENT_ENTRY_CLOSE, support_json("{'result':'x'}")), PROBLEM_TRANSITION);
	assert_int_equal(support_act(&t, 11, 3, EVENT_ENTRY_STEP, support_json("{'step':'own'}")), PROBLEM_VALIDATION);
	assert_int_equal(support_act(&t, 12, 3, EVENT_ACCEPT, json_object()), PROBLEM_TRANSITION);
	assert_int_equal(support_act(&t, 13, 3, EVENT_ENTRY_ANSWER, support_json("{'text':'x'}")), PROBLEM_NONE);
	assert_int_equal(support_act(&t, 14, 1, EVENT_ENTRY_ANSWER, support_json("{'text':'x'}")), PROBLEM_TRANSITION);
	support_verified(&t);
	support_case(&t, 3, &c);
	int64_t revision = c.view.revision;
	ledger_case_release(&c);
	assert_int_equal(ledger_rebuild(t.l, &e), ERR_OK);
	support_verified(&t);
	support_case(&t, 3, &c);
	assert_int_equal(c.view.state, STATE_ANSWERED);
	assert_int_equal(c.view.revision, revision);
	ledger_case_release(&c);
	support_ledger_release(&t);
}

/* A registration that has nothing to decide is over when it is written down. */
static void short_forms(void **state)
{
	struct support_ledger t;
	struct ledger_case c;
	(void)state;
	support_ledger_make(&t);
	for (unsigned i = 0; i < catalog_count(t.catalog); i++) {
		const struct catalog_item *item = catalog_at(t.catalog, i);
		enum offer offer = item->offers[TIER_VILLAGE];
		if (offer == OFFER_NONE) continue;
		support_register(&t, 100 + i, item->code);
		support_case(&t, 100 + i, &c);
		enum case_state want = offer == OFFER_ACCEPT                ? STATE_FORWARDED
		                       : item->record == RECORD_APPLICATION ? STATE_RECEIVED
		                                                            : STATE_COMPLETED;
		if (c.view.state != want) fail_msg("%s: %s", item->code, state_name(c.view.state));
		ledger_case_release(&c);
	}
	support_verified(&t);
	support_ledger_release(&t);
}

static void days_are_bounded(void **state)
{
	static const struct register_days good[] = {{3, 1, 15}, {1, 1, 1}, {60, 60, 60}},
	                                  bad[] = {{0, 1, 15}, {61, 1, 15}, {3, 0, 15},  {3, 61, 61},
	                                           {3, 1, 0},  {3, 1, 61},  {3, 15, 14}, {3, -1, 15}};
	struct err e = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_int_equal(registers_days_check(&good[i], &e), ERR_OK);
	for (size_t i = 0; i < COUNT(bad); i++) {
		e = (struct err){0};
		assert_int_equal(registers_days_check(&bad[i], &e), ERR_INVALID);
		assert_non_null(strstr(e.msg, "registers."));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(events_of_cases_do_not_fit),
	    cmocka_unit_test(events_of_entries_do_not_fit),
	    cmocka_unit_test(stories),
	    cmocka_unit_test(of_the_county),
	    cmocka_unit_test(dues),
	    cmocka_unit_test(on_a_ledger),
	    cmocka_unit_test(short_forms),
	    cmocka_unit_test(days_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
