/* The papers of a case: which there are in which state, that each has every field of the domain rules' table, and that each
 * says what its legal status allows and no more. */
#include "tests/unit/support.h"

#include "shared/clock.h"
#include "shared/event.h"
#include "shared/fields.h"
#include "shared/papers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPARTMENT "林业和草原局"

static struct caseview v;
static struct workdays *days;
static struct papers_case c;

static int64_t ms_of(const char *day)
{
	char text[40];
	int64_t ms = 0;
	(void)snprintf(text, sizeof text, "%sT10:30:00+08:00", day);
	assert_true(clock_parse(text, &ms));
	return ms;
}

static void apply_by(const char *origin, const char *type, const char *day, const char *body)
{
	int rc = ERR_OK;
	json_t *j = support_json(body);
	struct caseview_event ev = {.type = type, .body = j, .origin = origin, .actor = "clerk", .at = ms_of(day)};
	enum caseview_fit fit = caseview_apply(&v, &ev, &rc);
	if (fit != FIT_OK) fail_msg("%s: %s", type, caseview_fit_name(fit));
	assert_int_equal(rc, ERR_OK);
	json_decref(j);
}

static void apply(const char *type, const char *day, const char *body)
{
	apply_by(SUPPORT_STATION, type, day, body);
}

static int receive(void **state)
{
	uint8_t id[UUID_LEN];
	struct err e = {0};
	json_t *doc = support_json_file("schema/calendars/national.json");
	(void)state;
	support_id(1, id);
	caseview_init(&v, id);
	assert_int_equal(workdays_new(doc, &days, &e), ERR_OK);
	json_decref(doc);
	apply("receive", "2026-02-12",
	      "{'item':'652323-044','receipt_number':'652323101200-20260212-010001-0','record':'application',"
	      "'token':'K7QZ3M2PXW4T6R5B','materials':[{'name':'林权证','form':'original_and_copy','copies':1},"
	      "{'name':'申请表','form':'original','copies':2}],"
	      "'applicant':{'kind':'person','name':'阿依古丽·买买提','id_type':'citizen_id',"
	      "'id_number':'652323198506151237','phone':'13899991234','address':'红山村'},"
	      "'agent':{'name':'王建设','id_type':'citizen_id','id_number':'11010519491231002X','phone':'13999990000',"
	      "'relation':'村代办员'}}");
	c = (struct papers_case){.view = &v,
	                         .item_name = "林木采伐许可证的核发",
	                         .department = DEPARTMENT,
	                         .permit = true,
	                         .deems = true,
	                         .settled = true,
	                         .days = terms_days(NULL),
	                         .work = days,
	                         .now = ms_of("2026-03-02"),
	                         .office = "大丰镇便民服务中心",
	                         .office_code = SUPPORT_STATION,
	                         .seal = true,
	                         .phone = "",
	                         .address = "",
	                         .officer = "张三",
	                         .public_url = "https://county.example"};
	return 0;
}

static int drop(void **state)
{
	(void)state;
	caseview_release(&v);
	workdays_free(days);
	return 0;
}

static json_t *make(enum papers_kind k)
{
	assert_true(papers_allowed(&v, k));
	json_t *o = papers_data(&c, k);
	assert_non_null(o);
	return o;
}

/* All of a paper's legal sentences, one after the other; new. */
static char *words(const json_t *o)
{
	size_t i;
	json_t *one;
	char *text = calloc(1, 8192);
	json_array_foreach(json_object_get(o, "words"), i, one) {
		size_t n = strlen(text);
		(void)snprintf(text + n, 8192 - n, "%s|", json_string_value(one));
	}
	return text;
}

static void says(const json_t *o, const char *what, bool yes)
{
	char *text = words(o);
	if ((strstr(text, what) != NULL) != yes) fail_msg("%s: %s", yes ? "lacks" : "says", what);
	free(text);
}

static void has(const json_t *o, const char *name, const char *want)
{
	const json_t *m = json_object_get(o, name);
	if (!json_is_string(m)) fail_msg("no member %s", name);
	assert_string_equal(json_string_value(m), want);
}

static void is_draft(const json_t *o, bool yes)
{
	assert_true((*fields_text(o, "draft") != '\0') == yes);
	if (!yes) return;
	assert_non_null(strstr(fields_text(o, "draft"), "草稿"));
	assert_non_null(strstr(fields_text(o, "draft"), "不具有"));
	has(o, "seal", ""); /* there is no place for a seal on a draft */
}

/* Exactly the kinds of the list, which ends with PAPERS_KINDS. */
static void only(const enum papers_kind *wanted)
{
	for (int k = 0; k < PAPERS_KINDS; k++) {
		bool want = false;
		for (const enum papers_kind *w = wanted; *w != PAPERS_KINDS; w++)
			want = want || (int)*w == k;
		if (papers_allowed(&v, (enum papers_kind)k) != want)
			fail_msg("%s in state %s", papers_kind_name((enum papers_kind)k), state_name(v.state));
	}
}
#define ONLY(...) only((const enum papers_kind[]){PAPERS_RECEIPT, PAPERS_MANDATE, __VA_ARGS__ PAPERS_KINDS})

static void a_receipt_is_no_acceptance(void **state)
{
	(void)state;
	ONLY();
	json_t *o = make(PAPERS_RECEIPT);
	has(o, "title", "收件凭证");
	has(o, "receipt_number", "652323101200-20260212-010001-0");
	has(o, "progress_url", "https://county.example/public/progress/K7QZ3M2PXW4T6R5B");
	has(o, "item_name", "林木采伐许可证的核发");
	has(o, "received_at", "2026年02月12日 10时30分");
	has(o, "officer", "张三");
	has(o, "answer_by", "2026年02月26日"); /* five working days over the spring festival */
	has(json_object_get(o, "applicant"), "phone", "13899991234");
	const json_t *m = json_array_get(json_object_get(o, "materials"), 0);
	has(m, "name", "林权证");
	has(m, "form", "原件和复印件");
	has(m, "copies", "1");
	says(o, "不是受理通知书", true);
	says(o, "逾期不告知的", true);
	is_draft(o, false); /* the law wants no seal on it */
	assert_non_null(strstr(fields_text(o, "privacy"), "个人信息保护法"));
	has(json_object_get(o, "station"), "phone", ""); /* nobody invents one */
	assert_null(strstr(fields_text(o, "applicant"), "652323198506151237"));
	json_decref(o);
	c.deems = false;
	o = make(PAPERS_RECEIPT);
	says(o, "即为受理", false);
	json_decref(o);
}

static void every_missing_material_is_told(void **state)
{
	(void)state;
	apply("supplement_notice", "2026-02-13",
	      "{'basis':'行政许可法第三十二条','materials':[{'name':'甲','standard':'原件','where':'派出所'},"
	      "{'name':'乙','standard':'加盖公章'}],'bring_by':'2026-03-01T00:00:00+08:00'}");
	ONLY(PAPERS_SUPPLEMENT_NOTICE, );
	json_t *o = make(PAPERS_SUPPLEMENT_NOTICE);
	const json_t *list = json_object_get(o, "missing");
	assert_int_equal(json_array_size(list), 2);
	has(json_array_get(list, 0), "standard", "原件");
	has(json_array_get(list, 0), "where", "派出所");
	has(json_array_get(list, 1), "where", "");
	has(o, "basis", "行政许可法第三十二条");
	has(o, "bring_by", "2026年03月01日");
	has(o, "told_at", "2026年02月13日");
	assert_int_equal(json_array_size(json_object_get(o, "copies")), 2);
	says(o, "一次性告知", true);
	says(o, "不是受理通知书", true);
	says(o, "再次告知", false);
	is_draft(o, false);
	has(o, "seal", "（盖章）");
	json_decref(o);
}

static void a_second_notice_says_so(void **state)
{
	(void)state;
	apply("supplement_notice", "2026-02-13", "{'basis':'x','materials':[{'name':'甲','standard':'y'}]}");
	apply("supplement_complete", "2026-02-14", "{'materials':[{'name':'甲','form':'copy','copies':1}]}");
	apply("supplement_notice", "2026-02-24",
	      "{'basis':'x','materials':[{'name':'乙','standard':'y'}],'superior_reason':'z'}");
	json_t *o = make(PAPERS_SUPPLEMENT_NOTICE);
	says(o, "再次告知", true);
	has(o, "told_at", "2026年02月24日");
	json_decref(o);
}

static void acceptance_and_its_day(void **state)
{
	(void)state;
	apply("accept", "2026-02-26", "{}");
	ONLY(PAPERS_ACCEPTANCE, );
	json_t *o = make(PAPERS_ACCEPTANCE);
	has(o, "applied_at", "2026年02月12日");
	has(o, "accepted_at", "2026年02月26日");
	has(o, "decide_by", "2026年03月25日"); /* twenty working days; Saturday 2026-02-28 is one of them */
	has(o, "promised_by", "");
	has(o, "document_number", ""); /* the organ's to give */
	says(o, "决定予以受理", true);
	says(o, "不表示申请已经批准", true);
	says(o, "第三十二条", true);
	is_draft(o, false);
	json_decref(o);
	c.permit = false;
	o = make(PAPERS_ACCEPTANCE);
	says(o, "行政许可法", false); /* not the law of an item that is no permit */
	json_decref(o);
	c.work = NULL;
	o = make(PAPERS_ACCEPTANCE);
	has(o, "decide_by", ""); /* no calendar, no day */
	json_decref(o);
}

static void no_seal_no_paper(void **state)
{
	static const enum papers_kind sealed[] = {PAPERS_ACCEPTANCE, PAPERS_EXTENSION};
	static const enum papers_kind plain[] = {PAPERS_RECEIPT, PAPERS_MANDATE};
	(void)state;
	apply("accept", "2026-02-26", "{}");
	apply("start_review", "2026-02-26", "{}");
	apply("extend", "2026-02-27", "{'days':10,'reason':'x','approver':'y'}");
	for (int turn = 0; turn < 2; turn++) {
		c.seal = turn; /* a village has none; a township has, but the case is not its own */
		c.office_code = turn ? SUPPORT_TOWNSHIP : SUPPORT_STATION;
		for (size_t i = 0; i < 2; i++) {
			json_t *o = make(sealed[i]);
			is_draft(o, true);
			assert_non_null(strstr(fields_text(o, "draft"), fields_text(o, "title")));
			assert_non_null(strstr(fields_text(o, "draft"), "有权机关"));
			json_decref(o);
			o = make(plain[i]);
			is_draft(o, false);
			json_decref(o);
		}
	}
}

static void the_department_seals(void **state)
{
	(void)state;
	c.seal = false;
	apply("forward", "2026-02-12", "{'to':'" DEPARTMENT "'}");
	ONLY(PAPERS_HANDOVER, );
	json_t *o = make(PAPERS_HANDOVER);
	has(o, "to", DEPARTMENT);
	has(o, "from_code", SUPPORT_STATION);
	has(o, "organ", "大丰镇便民服务中心");
	says(o, "不表示已经受理", true);
	json_decref(o);
	apply_by("county", "accept", "2026-02-24", "{}");
	o = make(PAPERS_ACCEPTANCE);
	is_draft(o, true);
	has(o, "organ", DEPARTMENT);
	assert_non_null(strstr(fields_text(o, "draft"), "由" DEPARTMENT "另行出具"));
	json_decref(o);
	/* the same paper as the department itself prints it */
	c.seal = true;
	c.office = DEPARTMENT;
	c.office_code = "";
	o = make(PAPERS_ACCEPTANCE);
	is_draft(o, false);
	has(o, "seal", "（盖章）");
	json_decref(o);
}

static void deemed_until_the_county_says(void **state)
{
	(void)state;
	apply("deem_accept", "2026-02-27", "{'due':'2026-02-26T23:59:59+08:00'}");
	json_t *o = make(PAPERS_ACCEPTANCE);
	has(o, "accepted_at", "2026年02月12日"); /* from the day of receipt */
	says(o, "即为受理", true);
	says(o, "决定予以受理", false);
	is_draft(o, false);
	json_decref(o);
	c.settled = false;
	o = make(PAPERS_ACCEPTANCE);
	is_draft(o, true);
	assert_non_null(strstr(fields_text(o, "draft"), "待县级确认"));
	json_decref(o);
}

static void a_refusal_names_the_way_on(void **state)
{
	(void)state;
	apply("refuse", "2026-02-13",
	      "{'reason':'不属于本机关职权','basis':'森林法第五十七条','competent_organ':'昌吉州林业和草原局','"
	      "remedies':'六十日内复议'}");
	ONLY(PAPERS_REFUSAL, );
	json_t *o = make(PAPERS_REFUSAL);
	has(o, "title", "不予受理通知书");
	has(o, "reason", "不属于本机关职权");
	has(o, "basis", "森林法第五十七条");
	has(o, "competent_organ", "昌吉州林业和草原局");
	has(o, "remedies", "六十日内复议");
	has(o, "decided_at", "2026年02月13日");
	is_draft(o, false);
	json_decref(o);
}

static void nothing_to_apply_for(void **state)
{
	(void)state;
	apply("not_required", "2026-02-13", "{'reason':'房前屋后的零星林木','basis':'森林法第五十六条'}");
	json_t *o = make(PAPERS_REFUSAL);
	has(o, "title", "不受理告知书");
	assert_null(json_object_get(o, "competent_organ"));
	assert_non_null(strstr(fields_text(o, "remedies"), "六十日"));
	assert_non_null(strstr(fields_text(o, "remedies"), "行政诉讼"));
	says(o, "不予受理", false);
	json_decref(o);
}

static void what_moves_the_day(void **state)
{
	(void)state;
	apply("accept", "2026-02-26", "{}");
	apply("start_review", "2026-02-26", "{}");
	apply("suspend", "2026-02-27",
	      "{'kind':'expert_review','reason':'r','days':15,'told_at':'2026-02-27T11:00:00+08:00'}");
	json_t *o = make(PAPERS_EXTENSION);
	has(o, "title", "特别程序告知书");
	has(json_array_get(json_object_get(o, "acts"), 0), "procedure", "专家评审");
	has(json_array_get(json_object_get(o, "acts"), 0), "days", "15日");
	assert_non_null(strstr(fields_text(o, "decide_by"), "恢复后顺延"));
	json_decref(o);
	apply("resume", "2026-03-02", "{}");
	apply("extend", "2026-03-02", "{'days':10,'reason':'q','approver':'李局长'}");
	ONLY(PAPERS_ACCEPTANCE, PAPERS_EXTENSION, );
	o = make(PAPERS_EXTENSION);
	const json_t *acts = json_object_get(o, "acts");
	assert_int_equal(json_array_size(acts), 2);
	has(json_array_get(acts, 0), "kind", "延长审批");
	has(json_array_get(acts, 0), "approver", "李局长");
	has(json_array_get(acts, 0), "basis", "《中华人民共和国行政许可法》第四十二条");
	has(json_array_get(acts, 1), "basis", "《中华人民共和国行政许可法》第四十五条");
	says(o, "延长10个工作日", true);
	json_decref(o);
	c.permit = false;
	o = make(PAPERS_EXTENSION);
	has(json_array_get(json_object_get(o, "acts"), 0), "basis", "");
	json_decref(o);
}

static void completed_and_delivered(void **state)
{
	(void)state;
	apply("accept", "2026-02-26", "{}");
	apply("decide_now", "2026-02-27", "{'result':'refused','reason':'r','basis':'b','remedies':'m'}");
	apply("complete", "2026-02-28",
	      "{'result_code':6,'document':'决定书','document_number':'呼林决〔2026〕3号','fetch':'三号窗口'}");
	ONLY(PAPERS_ACCEPTANCE, PAPERS_COMPLETION, PAPERS_DELIVERY, );
	json_t *o = make(PAPERS_COMPLETION);
	has(o, "decision", "不予批准");
	has(o, "result", "办结（其他）");
	has(o, "document_number", "呼林决〔2026〕3号");
	has(o, "fetch", "三号窗口");
	has(o, "reason", "r");
	has(o, "remedies", "m");
	has(o, "rating_url", "");
	has(o, "deliver_by", "2026年03月12日");
	json_decref(o);
	o = make(PAPERS_DELIVERY); /* a form to be signed */
	has(o, "document", "决定书");
	has(o, "receiver", "");
	has(o, "delivered_at", "");
	says(o, "待送达时填写", true);
	json_decref(o);
	apply("deliver", "2026-03-02",
	      "{'document':'决定书','way':'left','place':'家中','receiver':'x','relation':'配偶','witness':'w',"
	      "'delivered_at':'2026-03-02T09:05:00+08:00','note':'n'}");
	o = make(PAPERS_DELIVERY);
	has(o, "way", "留置送达");
	has(o, "delivered_at", "2026年03月02日 09时05分"); /* to the minute */
	has(o, "relation", "配偶");
	has(o, "witness", "w");
	has(o, "note", "n");
	says(o, "待送达时填写", false);
	json_decref(o);
	apply("terminate", "2026-03-02", "{'reason':'r','authoriser':'a'}");
	ONLY(PAPERS_ACCEPTANCE, ); /* what was completed stands no more */
}

static void a_mandate_masks_numbers(void **state)
{
	(void)state;
	json_t *o = make(PAPERS_MANDATE);
	char *all = json_dumps(o, JSON_COMPACT);
	has(json_object_get(o, "principal"), "id_number", "652323********1237");
	has(json_object_get(o, "agent"), "id_number", "110105********002X");
	has(json_object_get(o, "agent"), "relation", "村代办员");
	says(o, "不收取任何费用", true);
	assert_null(strstr(all, "652323198506151237"));
	assert_null(strstr(all, "11010519491231002X"));
	free(all);
	json_decref(o);
}

static void records_without_an_applicant(void **state)
{
	struct caseview service;
	uint8_t id[UUID_LEN];
	int rc = ERR_OK;
	(void)state;
	support_id(2, id);
	caseview_init(&service, id);
	json_t *body = support_json("{'item':'652323-029','receipt_number':'652323101200-20260212-010002-0',"
	                            "'record':'service','service':{'topic':'t','advice':'a'}}");
	struct caseview_event ev = {
	    .type = "receive", .body = body, .origin = SUPPORT_STATION, .actor = "clerk", .at = SUPPORT_NOW};
	assert_int_equal(caseview_apply(&service, &ev, &rc), FIT_OK);
	for (int k = 0; k < PAPERS_KINDS; k++)
		assert_false(papers_allowed(&service, (enum papers_kind)k));
	json_decref(body);
	caseview_release(&service);
}

static void no_address_no_symbol(void **state)
{
	(void)state;
	c.public_url = "";
	json_t *o = make(PAPERS_RECEIPT);
	has(o, "progress_url", "");
	json_decref(o);
}

static void names(void **state)
{
	enum papers_kind k;
	(void)state;
	for (int i = 0; i < PAPERS_KINDS; i++) {
		assert_true(papers_kind_parse(papers_kind_name((enum papers_kind)i), &k));
		assert_int_equal(k, i);
		assert_true(*papers_kind_zh(k) && *papers_kind_title(k));
	}
	assert_false(papers_kind_parse("", &k));
	assert_false(papers_kind_parse("common", &k));
}

#define T(f) cmocka_unit_test_setup_teardown(f, receive, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_receipt_is_no_acceptance),
	    T(every_missing_material_is_told),
	    T(a_second_notice_says_so),
	    T(acceptance_and_its_day),
	    T(no_seal_no_paper),
	    T(the_department_seals),
	    T(deemed_until_the_county_says),
	    T(a_refusal_names_the_way_on),
	    T(nothing_to_apply_for),
	    T(what_moves_the_day),
	    T(completed_and_delivered),
	    T(a_mandate_masks_numbers),
	    T(records_without_an_applicant),
	    T(no_address_no_symbol),
	    cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
