/* See papers.h. The table of kinds, what every paper has, and the draft mark. A station of a village or a community has no
 * special seal: what it prints of a sealed paper is a draft, and so is what any office prints of another's act. */
#include "shared/papers_internal.h"

#include "shared/clock.h"
#include "shared/fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX  1024
#define URL_MAX   512
#define ANY_ORGAN "有权机关（乡镇便民服务中心或者县级主管部门）"
#define PRIVACY                                                                                                                                                              \
	"个人信息告知：本站依据《中华人民共和国个人信息保护法》，仅为办理本事项收集上述姓名、证件号码、联系方式、住址" \
	"和"                                                                                                                                                                \
	"材料，提供给依法办理本事项的机关，保存至该事项规定的期限；您可以到本站查阅、复制、更正，或者依法要求删除。"

static const struct {
	const char *name, *zh, *title;
	bool sealed; /* the law wants a seal on it */
	paper_fill *fill;
} kinds[PAPERS_KINDS] = {
    [PAPERS_RECEIPT] = {"receipt", "收件凭证", "Receipt", false, paper_receipt},
    [PAPERS_SUPPLEMENT_NOTICE] = {"supplement_notice", "补正材料一次性告知书", "Notice of everything that is missing",
                                  true, paper_supplement},
    [PAPERS_ACCEPTANCE] = {"acceptance", "受理通知书", "Notice of acceptance", true, paper_acceptance},
    [PAPERS_REFUSAL] = {"refusal", "不予受理通知书", "Notice of non-acceptance", true, paper_refusal},
    [PAPERS_EXTENSION] = {"extension", "延期（特别程序）告知书", "Notice of extension or special procedure", true,
                          paper_extension},
    [PAPERS_COMPLETION] = {"completion", "办结通知", "Notice of completion", false, paper_completion},
    [PAPERS_DELIVERY] = {"delivery", "送达回证", "Certificate of delivery", false, paper_delivery},
    [PAPERS_MANDATE] = {"mandate", "代办委托书", "Mandate of an agent", false, paper_mandate},
    [PAPERS_HANDOVER] = {"handover", "移交清单", "Hand-over list", false, paper_handover},
};

const char *papers_kind_name(enum papers_kind k)
{
	return kinds[k].name;
}

const char *papers_kind_zh(enum papers_kind k)
{
	return kinds[k].zh;
}

const char *papers_kind_title(enum papers_kind k)
{
	return kinds[k].title;
}

bool papers_kind_parse(const char *name, enum papers_kind *out)
{
	for (int k = 0; k < PAPERS_KINDS; k++) {
		if (strcmp(kinds[k].name, name) != 0) continue;
		*out = (enum papers_kind)k;
		return true;
	}
	return false;
}

static bool ended_as(const struct caseview *v, const char *type)
{
	return strcmp(fields_text(json_object_get(v->doc, "outcome"), "type"), type) == 0;
}

bool papers_allowed(const struct caseview *v, enum papers_kind k)
{
	const char *record = fields_text(v->doc, "record");
	bool terminated = ended_as(v, "terminate"); /* what was completed stands no more */
	if (!v->exists || !fields_get(v->doc, "applicant")) return false;
	if (*record && strcmp(record, record_name(RECORD_APPLICATION)) != 0) return false;
	switch (k) {
	case PAPERS_RECEIPT: return *v->receipt; /* what is only applied for has not been received */
	case PAPERS_SUPPLEMENT_NOTICE: return fields_get(v->doc, "supplement") != NULL;
	case PAPERS_ACCEPTANCE: return v->accepted_at != 0;
	case PAPERS_REFUSAL: return ended_as(v, "refuse") || ended_as(v, "not_required");
	case PAPERS_EXTENSION: return fields_get(v->doc, "extension") || fields_get(v->doc, "suspension");
	case PAPERS_COMPLETION:
	case PAPERS_DELIVERY: return fields_get(v->doc, "completion") && !terminated;
	case PAPERS_MANDATE: return fields_get(v->doc, "agent") != NULL;
	case PAPERS_HANDOVER: return strcmp(v->holder, v->station) != 0;
	case PAPERS_KINDS: break;
	}
	return false;
}

/* --- for the fillers --- */

void paper_set(struct paper *p, json_t *o, const char *name, const char *text)
{
	caseview_set(o, name, json_string(text), &p->rc);
}

void paper_date(int64_t ms, bool minutes, char out[PAPER_DATE])
{
	char t[CLOCK_TEXT];
	*out = '\0';
	if (!ms) return;
	clock_text(ms, t); /* 2026-11-24T11:23:05.123+08:00 */
	int n = snprintf(out, PAPER_DATE, "%.4s年%.2s月%.2s日", t, t + 5, t + 8);
	if (minutes && n > 0) (void)snprintf(out + n, (size_t)(PAPER_DATE - n), " %.2s时%.2s分", t + 11, t + 14);
}

void paper_set_date(struct paper *p, json_t *o, const char *name, int64_t ms, bool minutes)
{
	char text[PAPER_DATE];
	paper_date(ms, minutes, text);
	paper_set(p, o, name, text);
}

void paper_set_from(struct paper *p, json_t *o, const char *name, const json_t *from)
{
	paper_set(p, o, name, fields_text(from, name));
}

void paper_set_time(struct paper *p, json_t *o, const char *name, const json_t *from, bool minutes)
{
	int64_t ms = 0;
	if (!clock_parse(fields_text(from, name), &ms)) ms = 0;
	paper_set_date(p, o, name, ms, minutes);
}

void paper_word(struct paper *p, const char *fmt, ...)
{
	char text[WORD_MAX];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (json_array_append_new(p->words, json_string(text))) p->rc = ERR_NOMEM;
}

json_t *paper_list(struct paper *p, const char *name)
{
	json_t *list = json_array();
	caseview_set(p->o, name, list, &p->rc);
	return json_object_get(p->o, name);
}

json_t *paper_row(struct paper *p, json_t *list)
{
	json_t *row = json_object();
	if (!row || json_array_append_new(list, row)) {
		p->rc = ERR_NOMEM;
		return NULL;
	}
	return row;
}

bool paper_term(const struct paper *p, enum term_kind kind, struct term *out)
{
	struct term t[TERM_KINDS];
	int n = p->c->work ? terms_of(p->c->view, &p->c->days, p->c->work, p->c->now, t) : 0;
	for (int i = 0; i < n; i++) {
		if (t[i].kind != kind) continue;
		*out = t[i];
		return true;
	}
	return false;
}

void paper_set_due(struct paper *p, json_t *o, const char *name, enum term_kind kind)
{
	struct term t;
	char date[PAPER_DATE], text[2 * PAPER_DATE + 128] = "";
	if (paper_term(p, kind, &t)) {
		paper_date(t.due, false, date);
		(void)snprintf(text, sizeof text, "%s%s%s", date,
		               t.provisional ? "（暂定，以国家公布的节假日安排为准）" : "",
		               t.state == TERM_PAUSED ? "（暂停计时，恢复后顺延）" : "");
	}
	paper_set(p, o, name, text);
}

const json_t *paper_fact(const struct paper *p, const char *name, int64_t *at)
{
	const json_t *fact = fields_get(p->c->view->doc, name);
	if (at) *at = fields_int(fact, "at", 0);
	return fact ? json_object_get(fact, "body") : NULL;
}

static bool holds(const struct paper *p)
{
	const char *holder = p->c->view->holder;
	return strcmp(holder, *p->c->office_code ? p->c->office_code : p->c->office) == 0;
}

bool paper_sealed(const struct paper *p)
{
	return p->c->seal && holds(p);
}

/* --- what every paper has --- */

static bool station_code(const char *s)
{
	return strlen(s) == 12 && strspn(s, "0123456789") == 12;
}

/* Whose paper it is: of what the organ says, the department that holds the case; else the office that prints. A station that is not this one is known
 * here by its code alone. */
static const char *organ(const struct paper *p)
{
	bool says = kinds[p->kind].sealed || p->kind == PAPERS_COMPLETION;
	if (!says || holds(p)) return p->c->office;
	return station_code(p->c->view->holder) ? "" : p->c->view->holder;
}

/* A deemed acceptance of a box is pending until the county says that no notice was given earlier. */
static bool pending(const struct paper *p)
{
	return p->kind == PAPERS_ACCEPTANCE && json_is_true(json_object_get(p->c->view->doc, "deemed")) &&
	       !p->c->settled;
}

static void set_draft(struct paper *p)
{
	char text[WORD_MAX] = "";
	const char *who = organ(p), *title = fields_text(p->o, "title");
	bool draft = kinds[p->kind].sealed && (!paper_sealed(p) || pending(p));
	if (*who == '\0' || (holds(p) && !p->c->seal)) who = ANY_ORGAN;
	if (draft && pending(p))
		(void)snprintf(text, sizeof text, "草稿（底稿）：视为受理待县级确认，确认前本件不具有《%s》的效力。",
		               title);
	else if (draft)
		(void)snprintf(text, sizeof text,
		               "草稿（底稿）：本件未加盖印章，不具有《%s》的效力；盖章的正式文书由%s另行出具。", title,
		               who);
	paper_set(p, p->o, "draft", text);
	paper_set(p, p->o, "seal", kinds[p->kind].sealed && !draft ? "（盖章）" : "");
}

static void set_url(struct paper *p)
{
	char url[URL_MAX] = "";
	const char *base = p->c->public_url, *token = p->c->view->token;
	if (*base && *token) {
		int n = snprintf(url, sizeof url, "%s/public/progress/%s", base, token);
		if (n < 0 || (size_t)n >= sizeof url) *url = '\0';
	}
	paper_set(p, p->o, "progress_url", url);
}

static void set_people(struct paper *p)
{
	const json_t *a = json_object_get(p->c->view->doc, "applicant");
	json_t *o = json_object();
	caseview_set(p->o, "applicant", o, &p->rc);
	paper_set_from(p, o, "name", a);
	paper_set_from(p, o, "phone", a);
	paper_set_from(p, o, "address", a);
	paper_set(p, o, "guardian", fields_text(fields_get(a, "guardian"), "name"));
	paper_set(p, o, "agent", fields_text(fields_get(p->c->view->doc, "agent"), "name"));
}

static void set_common(struct paper *p)
{
	const struct papers_case *c = p->c;
	json_t *station = json_object();
	paper_set(p, p->o, "kind", kinds[p->kind].name);
	paper_set(p, p->o, "title", kinds[p->kind].zh);
	paper_set(p, p->o, "organ", organ(p));
	paper_set(p, p->o, "document_number", "");
	paper_set(p, p->o, "receipt_number", c->view->receipt);
	paper_set(p, p->o, "item_name", c->item_name);
	paper_set(p, p->o, "item_code", c->view->item);
	paper_set(p, p->o, "officer", c->officer);
	paper_set_date(p, p->o, "printed_at", c->now, true);
	paper_set_date(p, p->o, "received_at", c->view->received_at, true);
	paper_set(p, p->o, "privacy", p->kind == PAPERS_RECEIPT ? PRIVACY : "");
	caseview_set(p->o, "station", station, &p->rc);
	paper_set(p, station, "name", c->office);
	paper_set(p, station, "phone", c->phone);
	paper_set(p, station, "address", c->address);
	set_people(p);
	set_url(p);
}

/* What is handed out in one copy has no name for it. */
static void set_copies(struct paper *p)
{
	static const char *const two[] = {"第一联：交申请人", "第二联：窗口存档"};
	json_t *list = paper_list(p, "copies");
	size_t n = p->kind == PAPERS_SUPPLEMENT_NOTICE ? 2 : 1;
	for (size_t i = 0; i < n; i++)
		if (json_array_append_new(list, json_string(n == 1 ? "" : two[i]))) p->rc = ERR_NOMEM;
}

json_t *papers_data(const struct papers_case *c, enum papers_kind k)
{
	struct paper p = {.c = c, .kind = k, .o = json_object()};
	if (!p.o) return NULL;
	p.words = paper_list(&p, "words");
	set_common(&p);
	set_copies(&p);
	if (!p.rc) kinds[k].fill(&p);
	set_draft(&p); /* by the title that the filler gave it */
	if (!p.rc) return p.o;
	json_decref(p.o);
	return NULL;
}
