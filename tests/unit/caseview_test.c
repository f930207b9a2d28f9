/* The fold: against the table for every state, event and origin, then forty stories of a case from receipt to its end. */
#include "shared/caseview.h"
#include "shared/event.h"
#include "shared/fields.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

#define OTHER   "652323101201" /* a village that has nothing to do with the case */
#define RECEIPT "652323101200-20261124-010001-4"

static json_t *body_of(const char *type, const char *to)
{
	if (strcmp(type, "receive") == 0)
		return support_json("{'item':'652323-001','receipt_number':'" RECEIPT
		                    "','received_at':1795478400000,'token':'0123456789abcdef',"
		                    "'applicant':{'name':'王建国','phone':'13899990001'},'note':'旧'}");
	if (strcmp(type, "forward") == 0) return json_pack("{s:s}", "to", to ? to : SUPPORT_TOWNSHIP);
	if (strcmp(type, "amend") == 0) return support_json("{'field':'/note','old':'旧','new':'旧','reason':'x'}");
	if (strcmp(type, "renumber") == 0)
		return support_json("{'old':'" RECEIPT "','new':'652323101200-20261124-000001-0'}");
	if (strcmp(type, "note") == 0) return support_json("{'text':'一'}");
	if (strcmp(type, "supplement_notice") == 0)
		return support_json("{'basis':'法','materials':[{'name':'证','standard':'原件'}]}");
	if (strcmp(type, "resubmit") == 0)
		return support_json("{'item':'652323-001','token':'0123456789abcdef','applicant':{'name':'王建国'}}");
	if (strcmp(type, "rate") == 0) return support_json("{'grade':5,'way':'phone'}");
	if (strcmp(type, "erase") == 0)
		return support_json("{'item':'652323-001','record':'application','receipt_number':'" RECEIPT
		                    "','station':'" SUPPORT_STATION "','received_at':1795478400000,"
		                    "'ended_at':1795478400001,'why':'term','retention_years':10}");
	return support_json("{'reason':'因'}");
}

static enum caseview_fit apply(struct caseview *v, const char *type, const char *origin, const json_t *body, int64_t at)
{
	int rc = -1;
	const struct caseview_event ev = {.type = type, .body = body, .origin = origin, .actor = "某", .at = at};
	enum caseview_fit fit = caseview_apply(v, &ev, &rc);
	assert_int_equal(rc, ERR_OK);
	return fit;
}

/* --- every state, event and origin --- */

static void set_up(struct caseview *v, enum case_state s, const char *holder)
{
	uint8_t id[UUID_LEN];
	support_id(1, id);
	caseview_init(v, id);
	json_t *body = body_of("receive", NULL);
	assert_int_equal(apply(v, "receive", SUPPORT_STATION, body, SUPPORT_NOW), FIT_OK);
	json_decref(body);
	v->state = s;
	v->asked_state = STATE_FORWARDED;
	(void)snprintf(v->asked_holder, sizeof v->asked_holder, "%s", "民政局");
	(void)snprintf(v->holder, sizeof v->holder, "%s", holder);
}

/* The rules at the head of the CSV and in the design, written once more. */
static bool allowed(enum case_by by, bool registers, bool holds, bool county)
{
	switch (by) {
	case BY_HOLDER:
	case BY_PROGRAM: return holds || county;
	case BY_REGISTERING: return registers;
	case BY_EITHER: return holds || county || registers;
	case BY_COUNTY_OR_REGISTERING: return county || registers;
	case BY_ANY: return true;
	case BY_COUNTY: return county;
	}
	return false;
}

static void one_step(enum case_state s, enum case_event type, const char *origin, const char *holder)
{
	struct caseview v;
	struct buf before, after;
	const char *name = state_event_name(type);
	const struct state_row *row = state_row_find(s, type);
	set_up(&v, s, holder);
	buf_init(&before, 65536);
	buf_init(&after, 65536);
	assert_int_equal(caseview_doc(&v, &before, NULL), ERR_OK);
	json_t *body = body_of(name, "652323101000");
	enum caseview_fit want = FIT_OK, fit = apply(&v, name, origin, body, SUPPORT_NOW + 5);
	bool county = strcmp(origin, EVENT_COUNTY) == 0;
	if (state_event_opens(type) && !(type == EVENT_RECEIVE && s == STATE_SUBMITTED))
		want = FIT_EXISTS;
	else if (type == EVENT_ERASE) /* in any state: what went before it may be known by its mac alone */
		want = county ? FIT_OK : FIT_HOLDER;
	else if (!row)
		want = FIT_TRANSITION;
	else if (!allowed(row->by, strcmp(origin, SUPPORT_STATION) == 0, strcmp(origin, holder) == 0, county))
		want = FIT_HOLDER;
	else if (type == EVENT_COMPLETE && s == STATE_RECEIVED) /* the short form of what is no application */
		want = FIT_STEP;
	else if (type == EVENT_RATE && !state_final(s) && s != STATE_COMPLETED)
		want = FIT_STEP;
	if (fit != want)
		fail_msg("%s in %s by %s, held by %s: %s, not %s", name, state_name(s), origin, holder,
		         caseview_fit_name(fit), caseview_fit_name(want));
	if (fit == FIT_OK && type == EVENT_ERASE) {
		assert_int_equal(v.state, STATE_ERASED);
		assert_string_equal(v.station, SUPPORT_STATION);
		assert_null(json_object_get(v.doc, "applicant"));
	} else if (fit == FIT_OK && row) {
		enum case_state to = row->to == STATE_SAME ? s : row->to == STATE_ASKED ? STATE_FORWARDED : row->to;
		assert_int_equal(v.state, to);
		assert_int_equal(v.updated_at, SUPPORT_NOW + (type == EVENT_REVEAL || type == EVENT_RATE ? 0 : 5));
		if (row->to == STATE_ASKED) assert_string_equal(v.holder, "民政局");
		if (type == EVENT_FORWARD) assert_string_equal(v.holder, "652323101000");
		if (type == EVENT_SEND_BACK) assert_string_equal(v.holder, SUPPORT_STATION);
	} else { /* nothing has moved */
		assert_int_equal(v.state, s);
		assert_string_equal(v.holder, holder);
		assert_int_equal(v.updated_at, SUPPORT_NOW);
		assert_int_equal(caseview_doc(&v, &after, NULL), ERR_OK);
		assert_string_equal(before.data, after.data);
	}
	buf_release(&before);
	buf_release(&after);
	json_decref(body);
	caseview_release(&v);
}

static void fold_agrees_with_the_table(void **state)
{
	static const char *const origins[] = {SUPPORT_STATION, SUPPORT_TOWNSHIP, OTHER, EVENT_COUNTY};
	static const char *const holders[] = {SUPPORT_STATION, SUPPORT_TOWNSHIP, "民政局"};
	(void)state;
	for (int s = 0; s < STATE_COUNT; s++)
		for (int type = 0; type < EVENT_COUNT && (s < STATE_OPEN || s == STATE_ERASED);
		     type++) /* not of entries */
			for (size_t o = 0; o < COUNT(origins); o++)
				for (size_t h = 0; h < COUNT(holders); h++)
					one_step((enum case_state)s, (enum case_event)type, origins[o], holders[h]);
}

static void before_it_is_received(void **state)
{
	struct caseview v;
	uint8_t id[UUID_LEN] = {0};
	(void)state;
	caseview_init(&v, id);
	for (int type = 0; type < EVENT_COUNT; type++) {
		const char *name = state_event_name((enum case_event)type);
		json_t *body = body_of(name, NULL);
		if (!state_event_opens((enum case_event)type))
			assert_int_equal(apply(&v, name, SUPPORT_STATION, body, 1),
			                 type == EVENT_ERASE ? FIT_HOLDER : FIT_NO_CASE);
		json_decref(body);
	}
	json_t *body = body_of("receive", NULL), *poor = json_object();
	assert_int_equal(apply(&v, "receive", EVENT_COUNTY, body, 1), FIT_HOLDER); /* cases are taken in at stations */
	assert_int_equal(apply(&v, "receive", SUPPORT_STATION, poor, 1), FIT_BODY);
	assert_int_equal(apply(&v, "receive", SUPPORT_STATION, NULL, 1), FIT_BODY);
	assert_int_equal(apply(&v, "celebrate", SUPPORT_STATION, poor, 1), FIT_UNKNOWN);
	assert_int_equal(apply(&v, EVENT_LOG_OPENED, SUPPORT_STATION, poor, 1), FIT_UNKNOWN);
	assert_false(v.exists);
	assert_null(v.doc);
	assert_int_equal(apply(&v, "receive", SUPPORT_STATION, body, 1), FIT_OK);
	assert_int_equal(apply(&v, "receive", SUPPORT_STATION, body, 1), FIT_EXISTS);
	assert_int_equal(apply(&v, "note", SUPPORT_STATION, NULL, 1), FIT_BODY); /* an erased body tells nothing */
	json_decref(body);
	json_decref(poor);
	caseview_release(&v);
}

/* --- stories --- */

/* "origin event[>to][!why]" steps, separated by blanks; A = the registering station, T = its township, B = another
 * village, K = the county. A step without !why fits. */
struct story {
	const char *steps, *state, *holder;
};

static const char *origin_of(char c)
{
	return c == 'A' ? SUPPORT_STATION : c == 'T' ? SUPPORT_TOWNSHIP : c == 'B' ? OTHER : EVENT_COUNTY;
}

static const char *office_of(const char *s)
{
	return strcmp(s, "A") == 0   ? SUPPORT_STATION
	       : strcmp(s, "T") == 0 ? SUPPORT_TOWNSHIP
	       : strcmp(s, "B") == 0 ? OTHER
	                             : s;
}

static void tell(const struct story *st)
{
	struct caseview v;
	uint8_t id[UUID_LEN] = {0};
	char copy[512], *save = NULL;
	int64_t at = SUPPORT_NOW;
	caseview_init(&v, id);
	(void)snprintf(copy, sizeof copy, "%s", st->steps);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char *why = strchr(word, '!'), *to = strchr(word, '>');
		if (why) *why++ = '\0';
		if (to) *to++ = '\0';
		assert_true(word[1] == '.');
		json_t *body = body_of(word + 2, to ? office_of(to) : NULL);
		enum caseview_fit fit = apply(&v, word + 2, origin_of(word[0]), body, ++at);
		if (strcmp(caseview_fit_name(fit), why ? why : "ok") != 0)
			fail_msg("%s: %s %s is %s in %s", st->steps, word, why ? why : "", caseview_fit_name(fit),
			         state_name(v.state));
		json_decref(body);
	}
	if (strcmp(state_name(v.state), st->state) != 0 || strcmp(v.holder, office_of(st->holder)) != 0)
		fail_msg("%s: ends %s at %s", st->steps, state_name(v.state), v.holder);
	caseview_release(&v);
}

static void stories(void **state)
{
	static const struct story all[] = {
	    {"A.receive", "received", "A"},
	    {"A.receive A.accept", "accepted", "A"},
	    {"A.receive A.accept A.decide_now A.complete A.deliver K.archive", "archived", "A"},
	    {"A.receive A.accept A.start_review A.decide A.complete A.deliver", "delivered", "A"},
	    {"A.receive A.forward>T", "forwarded", "T"},
	    {"A.receive A.forward>T T.accept", "accepted", "T"},
	    {"A.receive A.forward>T A.accept!not_holder", "forwarded", "T"},
	    {"A.receive A.forward>T B.accept!not_holder", "forwarded", "T"},
	    {"A.receive A.forward>T K.accept", "accepted", "T"},
	    {"A.receive A.forward>T T.forward>民政局 K.accept", "accepted", "民政局"},
	    {"A.receive A.forward>T T.forward>民政局 T.accept!not_holder", "forwarded", "民政局"},
	    {"A.receive A.forward>T T.send_back A.forward>T", "forwarded", "T"},
	    {"A.receive A.forward>T A.send_back!not_holder", "forwarded", "T"},
	    {"A.receive A.send_back!transition", "received", "A"},
	    {"A.receive A.forward>T T.send_back A.accept", "accepted", "A"},
	    {"A.receive A.forward>T T.return", "returned", "T"},
	    {"A.receive A.forward>T T.return A.forward>T!transition", "returned", "T"}, /* 退件 is final */
	    {"A.receive A.forward>T T.return A.withdraw!transition", "returned", "T"},
	    {"A.receive A.forward>T T.return K.archive A.note!transition", "archived", "T"},
	    {"A.receive A.forward>T T.refuse A.note", "not_accepted", "T"},
	    {"A.receive A.refuse", "not_accepted", "A"},
	    {"A.receive A.not_required K.archive", "archived", "A"},
	    {"A.receive A.withdraw", "withdrawn", "A"},
	    {"A.receive A.withdraw A.withdraw!transition A.accept!transition", "withdrawn", "A"},
	    {"A.receive A.forward>T A.withdraw", "withdrawn", "T"}, /* the applicant comes to where he applied */
	    {"A.receive A.forward>T B.withdraw!not_holder", "forwarded", "T"},
	    {"A.receive A.forward>T T.accept A.withdraw T.start_review!transition", "withdrawn", "T"},
	    {"A.receive A.supplement_notice A.accept!transition A.supplement_complete A.accept", "accepted", "A"},
	    {"A.receive A.forward>T T.supplement_notice A.supplement_complete T.accept", "accepted",
	     "T"}, /* back to who asked */
	    {"A.receive A.forward>T T.forward>民政局 K.supplement_notice A.supplement_complete K.accept", "accepted",
	     "民政局"},
	    {"A.receive A.forward>T T.supplement_notice B.supplement_complete!not_holder T.supplement_lapse", "lapsed",
	     "T"},
	    {"A.receive A.supplement_notice A.supplement_notice!transition A.supplement_lapse "
	     "A.supplement_complete!transition",
	     "lapsed", "A"},
	    {"A.receive A.forward>T T.accept T.start_review T.ask_supplement A.supplement_complete T.decide", "decided",
	     "T"},
	    {"A.receive A.forward>T T.accept T.start_review T.suspend T.decide!transition T.resume T.decide T.complete "
	     "A.deliver",
	     "delivered", "T"},
	    {"A.receive A.forward>T T.accept T.start_review T.extend T.forward>民政局 K.decide", "decided", "民政局"},
	    {"A.receive A.forward>T T.accept T.start_review T.decide T.complete T.terminate A.deliver!transition",
	     "terminated", "T"},
	    {"A.receive K.deem_accept", "accepted", "A"},
	    {"A.receive A.forward>T A.deem_accept!not_holder T.deem_accept", "accepted", "T"},
	    {"A.receive A.receive!case_exists B.receive!case_exists", "received", "A"},
	    {"A.note!no_such_case A.accept!no_such_case A.receive A.accept", "accepted", "A"},
	    {"K.receive!not_holder B.receive B.accept", "accepted", "B"},
	    {"A.receive B.note!not_holder A.note K.note B.reveal K.rate!step T.rate!not_holder", "received", "A"},
	    {"A.receive A.withdraw T.rate!not_holder K.rate A.rate!second K.archive", "archived", "A"},
	    {"A.receive A.complete!step A.entry_close!transition A.archive!transition", "received", "A"},
	    {"A.receive A.accept A.forward>T A.note T.note", "accepted", "T"}, /* handed over while under way */
	    {"A.receive A.celebrate!unknown_type A.accept", "accepted", "A"},
	};
	(void)state;
	assert_true(COUNT(all) >= 30);
	for (size_t i = 0; i < COUNT(all); i++)
		tell(&all[i]);
}

/* --- what the events do to the document --- */

static void amends(void **state)
{
	static const struct {
		const char *body;
		enum caseview_fit fit;
	} cases[] = {
	    {"{'field':'/note','old':'旧','new':'新','reason':'x'}", FIT_OK},
	    {"{'field':'/note','old':'旧','new':'再','reason':'x'}", FIT_STALE}, /* another was first */
	    {"{'field':'/note','old':'新','new':'','reason':'x'}", FIT_OK},
	    {"{'field':'/note','old':'','new':'终','reason':'x'}", FIT_OK},
	    {"{'field':'/applicant/name','old':'王建国','new':'王建军','reason':'x'}", FIT_OK},
	    {"{'field':'/applicant/name','old':'王建国','new':'王','reason':'x'}", FIT_STALE},
	    {"{'field':'/applicant/address','old':'','new':'一村','reason':'x'}", FIT_OK}, /* was not there: "" */
	    {"{'field':'name','old':'','new':'x','reason':'x'}", FIT_BODY},
	    {"{}", FIT_BODY},
	};
	struct caseview v;
	(void)state;
	set_up(&v, STATE_FORWARDED, SUPPORT_TOWNSHIP);
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *body = support_json(cases[i].body);
		if (apply(&v, "amend", SUPPORT_STATION, body, SUPPORT_NOW) != cases[i].fit)
			fail_msg("%s", cases[i].body);
		json_decref(body);
	}
	assert_string_equal(fields_text(v.doc, "note"), "终");
	assert_string_equal(fields_text(json_object_get(v.doc, "applicant"), "name"), "王建军");
	assert_string_equal(fields_text(json_object_get(v.doc, "applicant"), "address"), "一村");
	assert_string_equal(caseview_title(&v), "王建军");
	assert_int_equal(v.state, STATE_FORWARDED);
	caseview_release(&v);
}

static void notes_are_bounded(void **state)
{
	struct caseview v;
	json_t *body = body_of("note", NULL);
	(void)state;
	set_up(&v, STATE_RECEIVED, SUPPORT_STATION);
	for (int i = 0; i < CASEVIEW_NOTES_MAX + 20; i++)
		assert_int_equal(apply(&v, "note", SUPPORT_STATION, body, SUPPORT_NOW + i), FIT_OK);
	const json_t *notes = json_object_get(v.doc, "notes");
	assert_int_equal(json_array_size(notes), CASEVIEW_NOTES_MAX);
	assert_string_equal(fields_text(json_array_get(notes, 0), "actor"), "某");
	assert_int_equal(fields_int(json_array_get(notes, 1), "at", 0), SUPPORT_NOW + 1);
	assert_int_equal(v.updated_at, SUPPORT_NOW + CASEVIEW_NOTES_MAX + 19);
	json_decref(body);
	caseview_release(&v);
}

static void outcomes_and_times(void **state)
{
	struct caseview v;
	json_t *body = support_json("{'reason':'不齐'}");
	(void)state;
	set_up(&v, STATE_RECEIVED, SUPPORT_STATION);
	assert_string_equal(v.receipt, RECEIPT);
	assert_string_equal(v.token, "0123456789abcdef");
	assert_int_equal(v.received_at, SUPPORT_NOW);
	assert_int_equal(v.accepted_at, 0);
	assert_int_equal(apply(&v, "accept", SUPPORT_STATION, body, SUPPORT_NOW + 7), FIT_OK);
	assert_int_equal(v.accepted_at, SUPPORT_NOW + 7);
	assert_int_equal(apply(&v, "withdraw", SUPPORT_STATION, body, SUPPORT_NOW + 3), FIT_OK); /* a bad clock */
	assert_int_equal(v.updated_at, SUPPORT_NOW + 7);
	const json_t *o = json_object_get(v.doc, "outcome");
	assert_string_equal(fields_text(o, "type"), "withdraw");
	assert_string_equal(fields_text(o, "reason"), "不齐");
	assert_int_equal(fields_int(o, "at", 0), SUPPORT_NOW + 3);
	json_decref(body);
	caseview_release(&v);
}

/* Offices, codes and tokens longer than their room, made of characters of three and four bytes: whatever is cut, the
 * document can still be written. A station with a broken program must not be able to stop the county. */
static void long_texts_stay_utf8(void **state)
{
	static const char *const signs[] = {"字", "\xf0\xa0\x80\x80"};
	(void)state;
	for (size_t pad = 0; pad < 4; pad++) {
		for (size_t s = 0; s < COUNT(signs); s++) {
			char text[512] = "";
			struct caseview v;
			struct buf out;
			struct err e = {0};
			uint8_t id[UUID_LEN] = {0};
			memset(text, 'a', pad);
			for (int i = 0; i < 50; i++)
				(void)strncat(text, signs[s], 5);
			json_t *receive =
			    json_pack("{s:s,s:s,s:s}", "item", text, "receipt_number", text, "token", text);
			json_t *forward = json_pack("{s:s}", "to", text), *ask = body_of("supplement_notice", NULL);
			caseview_init(&v, id);
			assert_int_equal(apply(&v, "receive", SUPPORT_STATION, receive, 1), FIT_OK);
			assert_int_equal(apply(&v, "forward", SUPPORT_STATION, forward, 2), FIT_OK);
			assert_int_equal(apply(&v, "supplement_notice", EVENT_COUNTY, ask, 3), FIT_OK);
			buf_init(&out, 65536);
			if (caseview_doc(&v, &out, &e)) fail_msg("pad %zu, %s: %s", pad, signs[s], e.msg);
			json_t *holder = json_string(v.holder), *item = json_string(v.item);
			assert_non_null(holder);
			assert_non_null(item);
			assert_string_equal(v.holder, text); /* fifty characters of any kind are an office */
			json_decref(holder);
			json_decref(item);
			buf_release(&out);
			json_decref(ask);
			json_decref(forward);
			json_decref(receive);
			caseview_release(&v);
		}
	}
}

static void documents_round_trip(void **state)
{
	struct caseview v, w;
	struct buf a, b;
	struct err e = {0};
	json_t *ask = body_of("supplement_notice", NULL);
	(void)state;
	set_up(&v, STATE_FORWARDED, "民政局");
	assert_int_equal(apply(&v, "supplement_notice", EVENT_COUNTY, ask, SUPPORT_NOW), FIT_OK);
	v.accepted_at = 5;
	buf_init(&a, 65536);
	buf_init(&b, 65536);
	assert_int_equal(caseview_doc(&v, &a, &e), ERR_OK);
	caseview_init(&w, v.id);
	assert_int_equal(caseview_load_doc(&w, a.data, a.len, &e), ERR_OK);
	assert_int_equal(w.accepted_at, 5);
	assert_int_equal(w.asked_state, STATE_FORWARDED);
	assert_string_equal(w.asked_holder, "民政局");
	assert_string_equal(w.token, v.token);
	assert_int_equal(caseview_doc(&w, &b, &e), ERR_OK);
	assert_string_equal(a.data, b.data);
	caseview_release(&w);
	caseview_init(&w, v.id);
	assert_int_not_equal(caseview_load_doc(&w, a.data, a.len - 1, &e), ERR_OK);
	caseview_release(&w);
	buf_release(&a);
	buf_release(&b);
	json_decref(ask);
	caseview_release(&v);
}

static void titles(void **state)
{
	static const struct {
		const char *doc, *title;
	} cases[] = {
	    {"{'applicant':{'name':'王'}}", "王"},
	    {"{'service':{'topic':'求职'}}", "求职"},
	    {"{'activity':{'topic':'宣传'}}", "宣传"},
	    {"{'mediation':{'matter':'界线'}}", "界线"},
	    {"{}", ""},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct caseview v = {.doc = support_json(cases[i].doc)};
		assert_string_equal(caseview_title(&v), cases[i].title);
		caseview_release(&v);
	}
}

/* A paper that is brought again without photos keeps those that it has; with some, it has those. */
static void files_stay_with_their_paper(void **state)
{
#define FILE_OF(c) "{'sha256':'" c c c c c c c c "','size':9,'media':'image/jpeg'}"
	static const char *const bodies[] = {
	    "{'materials':[{'name':'证','form':'copy','copies':1,'files':[" FILE_OF("0123abcd") "]}]}",
	    "{'materials':[{'name':'证','form':'original','copies':2}]}",
	    "{'materials':[{'name':'证','form':'copy','copies':1,'files':[" FILE_OF("4567abcd") "," FILE_OF(
	        "89efabcd") "]}]}",
	};
	static const size_t files[] = {1, 1, 2};
	struct caseview v;
	(void)state;
	set_up(&v, STATE_RECEIVED, SUPPORT_STATION);
	for (size_t i = 0; i < 3; i++) {
		json_t *body = support_json(bodies[i]);
		assert_int_equal(apply(&v, "add_material", SUPPORT_STATION, body, SUPPORT_NOW + (int64_t)i), FIT_OK);
		json_decref(body);
		const json_t *m = json_array_get(json_object_get(v.doc, "materials"), 0);
		assert_int_equal(json_array_size(json_object_get(m, "files")), files[i]);
		assert_int_equal(json_array_size(json_object_get(v.doc, "materials")), 1);
	}
	caseview_release(&v);
}

static void levels(void **state)
{
	static const struct {
		enum case_who who;
		bool none, accept, handle;
	} cases[] = {
	    {WHO_ORGAN, false, false, true}, {WHO_HANDLER_OR_ORGAN, false, false, true},
	    {WHO_HEAD, false, false, true},  {WHO_WINDOW_ACCEPT, false, true, false},
	    {WHO_WINDOW, false, true, true}, {WHO_APPLICANT, false, true, true},
	    {WHO_HOLDER, false, true, true}, {WHO_ANY, false, true, true},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct state_row row = {.who = cases[i].who};
		assert_int_equal(caseview_level(&row, OFFER_NONE), cases[i].none);
		assert_int_equal(caseview_level(&row, OFFER_ACCEPT), cases[i].accept);
		assert_int_equal(caseview_level(&row, OFFER_HANDLE), cases[i].handle);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fold_agrees_with_the_table),
	    cmocka_unit_test(before_it_is_received),
	    cmocka_unit_test(stories),
	    cmocka_unit_test(amends),
	    cmocka_unit_test(notes_are_bounded),
	    cmocka_unit_test(outcomes_and_times),
	    cmocka_unit_test(long_texts_stay_utf8),
	    cmocka_unit_test(documents_round_trip),
	    cmocka_unit_test(titles),
	    cmocka_unit_test(levels),
	    cmocka_unit_test(files_stay_with_their_paper),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
