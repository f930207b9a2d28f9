/* See papers.h. What each kind of paper has of its own, in the order of the domain rules' table. */
#include "shared/papers_internal.h"

#include "shared/fields.h"

#include <stdio.h>
#include <string.h>

#define LAW "《中华人民共和国行政许可法》"
#define REMEDIES                                                                                                       \
	"如不服，可以自收到本通知之日起六十日内依法申请行政复议，或者自收到本通知之日起六个月内依法提起行政诉讼。"

struct zh {
	const char *name, *zh;
};

static const struct zh forms[] = {{"original", "原件"},
                                  {"copy", "复印件"},
                                  {"original_and_copy", "原件和复印件"},
                                  {"electronic", "电子件"},
                                  {NULL, NULL}};
static const struct zh ways[] = {{"direct", "直接送达"}, {"left", "留置送达"},       {"mail", "邮寄送达"},
                                 {"notice", "公告送达"}, {"electronic", "电子送达"}, {NULL, NULL}};
static const struct zh procedures[] = {
    {"hearing", "听证"}, {"tender", "招标"},     {"auction", "拍卖"},   {"inspection", "检验"},
    {"test", "检测"},    {"quarantine", "检疫"}, {"appraisal", "鉴定"}, {"expert_review", "专家评审"},
    {NULL, NULL}};
static const struct zh id_types[] = {{"citizen_id", "居民身份证"},
                                     {"hmt_residence", "港澳台居民居住证"},
                                     {"foreign_residence", "外国人永久居留身份证"},
                                     {"passport", "护照"},
                                     {"credit_code", "统一社会信用代码"},
                                     {"none", "无证件"},
                                     {NULL, NULL}};
/* GB/T 39046-2020, 办件结果; see schema/states/result-codes.csv */
static const char *const results[] = {"出证办结", "退回办结",     "作废办结",    "删除办结",
                                      "转报办结", "补正不来办结", "办结（其他）"};

static const char *zh_of(const struct zh *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0) return table->zh;
	return "";
}

const char *paper_form_zh(const char *form)
{
	return zh_of(forms, form);
}

static void set_materials(struct paper *p)
{
	size_t i;
	json_t *m, *list = paper_list(p, "materials");
	json_array_foreach(json_object_get(p->c->view->doc, "materials"), i, m) {
		char copies[24];
		json_t *row = paper_row(p, list);
		(void)snprintf(copies, sizeof copies, "%lld", (long long)fields_int(m, "copies", 0));
		paper_set_from(p, row, "name", m);
		paper_set(p, row, "form", zh_of(forms, fields_text(m, "form")));
		paper_set(p, row, "copies", copies);
	}
}

/* 收件凭证: it proves that papers were taken, and says that this is not yet acceptance (受理). */
void paper_receipt(struct paper *p)
{
	int days = p->c->days.days[TERM_NOTICE];
	set_materials(p);
	paper_set_due(p, p->o, "answer_by", TERM_NOTICE);
	paper_word(p, "本凭证只证明已收到上列材料，不是受理通知书，不表示申请已经受理。");
	if (days)
		paper_word(p,
		           "材料不齐全或者不符合法定形式的，将当场或者自收到材料之日起%"
		           "d个工作日内一次性告知需要补正的全部内容。",
		           days);
	if (days && p->c->deems) paper_word(p, "逾期不告知的，自收到申请材料之日起即为受理。");
}

/* The day on which the case last came to STATE_A or STATE_B, 0 = it never did. */
static int64_t came_to(const struct paper *p, enum case_state a, enum case_state b)
{
	size_t i;
	json_t *one;
	int64_t at = 0;
	json_array_foreach(json_object_get(p->c->view->doc, "path"), i, one) {
		const char *state = fields_text(one, "state");
		if (strcmp(state, state_name(a)) == 0 || strcmp(state, state_name(b)) == 0)
			at = fields_int(one, "at", at);
	}
	return at;
}

/* 补正材料一次性告知书: all that is missing, each with its standard (行政许可法 article 32). */
void paper_supplement(struct paper *p)
{
	size_t i;
	json_t *m, *list = paper_list(p, "missing");
	const json_t *s = json_object_get(p->c->view->doc, "supplement");
	json_array_foreach(json_object_get(s, "materials"), i, m) {
		json_t *row = paper_row(p, list);
		paper_set_from(p, row, "name", m);
		paper_set_from(p, row, "standard", m);
		paper_set_from(p, row, "where", m);
	}
	paper_set_from(p, p->o, "basis", s);
	paper_set_from(p, p->o, "note", s);
	paper_set_time(p, p->o, "bring_by", s, false);
	paper_set_date(p, p->o, "told_at", came_to(p, STATE_SUPPLEMENT, STATE_REVIEW_SUPPLEMENT), false);
	paper_word(p,
	           "经审查，您（单位）提交的申请材料不齐全或者不符合法定形式，现将需要补正的全部内容一次性告知如下。");
	if (*fields_text(s, "superior_reason")) paper_word(p, "本件为再次告知，已经上级批准。");
	paper_word(p, "本告知书不是受理通知书。材料补正齐全后，依法决定是否受理。");
}

/* 受理通知书, with the day by which it is decided. */
void paper_acceptance(struct paper *p)
{
	const struct caseview *v = p->c->view;
	char received[PAPER_DATE];
	paper_set_date(p, p->o, "applied_at", v->received_at, false);
	paper_set_date(p, p->o, "accepted_at", v->accepted_at, false);
	paper_set_due(p, p->o, "decide_by", TERM_DECISION);
	paper_set_due(p, p->o, "promised_by", TERM_PROMISE);
	set_materials(p);
	paper_date(v->received_at, false, received);
	if (json_is_true(json_object_get(v->doc, "deemed")))
		paper_word(p,
		           "自收到申请材料之日起未在法定期限内告知补正，依照" LAW
		           "第三十二条，本申请自收到申请材料之日（%s）起即为受理。",
		           received);
	else if (p->c->permit)
		paper_word(p, "您（单位）的申请属于本机关职权范围，材料齐全、符合法定形式，依照" LAW
		              "第三十二条，决定予以受理。");
	else
		paper_word(p, "您（单位）的申请材料齐全、符合规定形式，决定予以受理。");
	paper_word(p, "本通知只表示申请已经受理，不表示申请已经批准。");
	paper_word(
	    p,
	    "期限按工作日计算。依法需要听证、检验、检测、检疫、鉴定和专家评审的，所需时间不计算在内，另行书面告知。");
}

/* 不予受理通知书, or 不受理告知书 where the matter needs no permit (article 32 (1)). */
void paper_refusal(struct paper *p)
{
	const json_t *o = json_object_get(p->c->view->doc, "outcome");
	bool needless = strcmp(fields_text(o, "type"), "not_required") == 0;
	const char *remedies = fields_text(o, "remedies");
	if (needless) paper_set(p, p->o, "title", "不受理告知书");
	paper_set_from(p, p->o, "reason", o);
	paper_set_from(p, p->o, "basis", o);
	if (!needless) paper_set_from(p, p->o, "competent_organ", o);
	paper_set(p, p->o, "remedies", *remedies ? remedies : REMEDIES);
	paper_set_date(p, p->o, "decided_at", fields_int(o, "at", 0), false);
	paper_set_date(p, p->o, "applied_at", p->c->view->received_at, false);
	if (needless)
		paper_word(p, "您（单位）申请的事项依法不需要取得许可，决定不受理。");
	else
		paper_word(p, "您（单位）的申请，经审查，决定不予受理。");
}

static void set_extension(struct paper *p, json_t *list)
{
	int64_t at;
	char days[48];
	const json_t *b = paper_fact(p, "extension", &at);
	json_t *row = paper_row(p, list);
	(void)snprintf(days, sizeof days, "%lld个工作日", (long long)fields_int(b, "days", 0));
	paper_set(p, row, "kind", "延长审批");
	paper_set(p, row, "procedure", "");
	paper_set(p, row, "basis", p->c->permit ? LAW "第四十二条" : "");
	paper_set_from(p, row, "reason", b);
	paper_set(p, row, "days", days);
	paper_set_from(p, row, "approver", b);
	paper_set_date(p, row, "at", at, false);
	paper_word(p, "经本机关负责人批准，办理期限延长%s。", days);
}

static void set_suspension(struct paper *p, json_t *list)
{
	int64_t at;
	char days[48] = "";
	const json_t *b = paper_fact(p, "suspension", &at);
	json_t *row = paper_row(p, list);
	if (fields_int(b, "days", 0)) (void)snprintf(days, sizeof days, "%lld日", (long long)fields_int(b, "days", 0));
	paper_set(p, row, "kind", "特别程序");
	paper_set(p, row, "procedure", zh_of(procedures, fields_text(b, "kind")));
	paper_set(p, row, "basis", p->c->permit ? LAW "第四十五条" : "");
	paper_set_from(p, row, "reason", b);
	paper_set(p, row, "days", days);
	paper_set(p, row, "approver", "");
	paper_set_date(p, row, "at", at, false);
	paper_word(p, "本件依法需要%s，所需时间不计算在办理期限内，期限相应顺延。", fields_text(row, "procedure"));
}

/* 延期、特别程序告知书 (行政许可法 articles 42 and 45): one paper for both, for both move the day. */
void paper_extension(struct paper *p)
{
	json_t *list = paper_list(p, "acts");
	bool more = paper_fact(p, "extension", NULL) != NULL, paused = paper_fact(p, "suspension", NULL) != NULL;
	if (more) set_extension(p, list);
	if (paused) set_suspension(p, list);
	if (!paused) paper_set(p, p->o, "title", "延期告知书");
	if (!more) paper_set(p, p->o, "title", "特别程序告知书");
	paper_set_date(p, p->o, "accepted_at", p->c->view->accepted_at, false);
	paper_set_due(p, p->o, "decide_by", TERM_DECISION);
}

/* The number that the organ gave: of what is handed out, else of the decision. */
static const char *number_of(const json_t *completion, const json_t *decision)
{
	const char *number = fields_text(completion, "document_number");
	return *number ? number : fields_text(decision, "document_number");
}

/* 办结通知: a refusal gives its reasons and what can be done against it (article 38). */
void paper_completion(struct paper *p)
{
	int64_t at, decided;
	const json_t *done = paper_fact(p, "completion", &at), *d = paper_fact(p, "decision", &decided);
	size_t code = (size_t)fields_int(done, "result_code", 0);
	bool refused = strcmp(fields_text(d, "result"), "refused") == 0;
	const char *remedies = fields_text(d, "remedies");
	paper_set(p, p->o, "result", code < sizeof results / sizeof *results ? results[code] : "");
	paper_set(p, p->o, "decision", refused ? "不予批准" : d ? "予以批准" : "");
	paper_set_from(p, p->o, "document", done);
	paper_set(p, p->o, "document_number", number_of(done, d));
	paper_set_from(p, p->o, "fetch", done);
	paper_set_from(p, p->o, "note", done);
	paper_set_date(p, p->o, "decided_at", decided, false);
	paper_set_date(p, p->o, "completed_at", at, false);
	paper_set(p, p->o, "reason", refused ? fields_text(d, "reason") : "");
	paper_set(p, p->o, "basis", refused ? fields_text(d, "basis") : "");
	paper_set(p, p->o, "remedies", !refused ? "" : *remedies ? remedies : REMEDIES);
	paper_set_due(p, p->o, "deliver_by", TERM_DELIVERY);
	paper_set(p, p->o, "rating_url", ""); /* the county says where */
	paper_word(p, "您（单位）申请的事项已经办结。评价由您自愿作出，不影响办理结果。");
	if (refused) paper_word(p, "本件的决定为不予批准，理由和救济途径如下。");
}

/* 送达回证: filled in once it was delivered; before, a form to be signed at the delivery. */
void paper_delivery(struct paper *p)
{
	const json_t *b = paper_fact(p, "delivery", NULL), *done = paper_fact(p, "completion", NULL);
	const char *document = b ? fields_text(b, "document") : fields_text(done, "document");
	paper_set(p, p->o, "document", document);
	paper_set(p, p->o, "document_number", number_of(done, paper_fact(p, "decision", NULL)));
	paper_set(p, p->o, "way", zh_of(ways, fields_text(b, "way")));
	paper_set_from(p, p->o, "place", b);
	paper_set_from(p, p->o, "receiver", b);
	paper_set_from(p, p->o, "relation", b);
	paper_set_from(p, p->o, "witness", b);
	paper_set_from(p, p->o, "note", b);
	paper_set_time(p, p->o, "delivered_at", b, true);
	if (!b) paper_word(p, "本回证待送达时填写，由受送达人签名或者盖章。");
}

/* The first six and the last four of a number, which is how lists show one; shorter ones show their end alone. */
static void mask(const char *number, char out[64])
{
	size_t n = strlen(number), head = n >= 14 ? 6 : 0, tail = n >= 8 ? 4 : n ? 1 : 0;
	if (n > 63) n = 63;
	for (size_t i = 0; i < n; i++)
		out[i] = i < head || i >= n - tail ? number[i] : '*';
	out[n] = '\0';
}

static void set_party(struct paper *p, const char *name, const json_t *who)
{
	char masked[64];
	json_t *o = json_object();
	caseview_set(p->o, name, o, &p->rc);
	mask(fields_text(who, "id_number"), masked);
	paper_set_from(p, o, "name", who);
	paper_set(p, o, "id_type", zh_of(id_types, fields_text(who, "id_type")));
	paper_set(p, o, "id_number", masked);
	paper_set_from(p, o, "phone", who);
	paper_set_from(p, o, "address", who);
	paper_set_from(p, o, "relation", who);
}

/* 代办委托书: scope and period are the principal's to say, by hand. */
void paper_mandate(struct paper *p)
{
	set_party(p, "principal", json_object_get(p->c->view->doc, "applicant"));
	set_party(p, "agent", json_object_get(p->c->view->doc, "agent"));
	paper_word(p, "代办、帮办服务不收取任何费用。");
	paper_word(p, "受托人在委托范围内办理上述事项的行为，由委托人承担相应的法律后果。");
}

/* 移交清单 of one case, signed by who hands over and who takes over. */
void paper_handover(struct paper *p)
{
	const struct caseview *v = p->c->view;
	paper_set(p, p->o, "from_code", v->station);
	paper_set(p, p->o, "to", v->holder);
	set_materials(p);
	paper_word(p, "移交只改变办理单位，不改变收件时间，不表示已经受理。");
}
