/* See progress.h. Called at the county with the events of its table, at the box with those of the ledger. */
#include "shared/public/progress.h"

#include "shared/public/page.h"

#include "shared/casejson.h"
#include "shared/clock.h"
#include "shared/fields.h"

#include <stdio.h>
#include <string.h>

/* What a citizen sees of a case's history, and how it is called. */
static const struct {
	enum case_event type;
	const char *zh;
} shown[] = {
    {EVENT_SUBMIT, "网上申请"},
    {EVENT_PRE_RETURN, "预审退回"},
    {EVENT_RESUBMIT, "重新提交"},
    {EVENT_RECEIVE, "收件"},
    {EVENT_ACCEPT, "受理"},
    {EVENT_DEEM_ACCEPT, "逾期视为受理"},
    {EVENT_NOT_REQUIRED, "不予受理（依法不需申请）"},
    {EVENT_REFUSE, "不予受理"},
    {EVENT_FORWARD, "转报"},
    {EVENT_SEND_BACK, "退回窗口"},
    {EVENT_RETURN, "退件"},
    {EVENT_WITHDRAW, "申请人撤件"},
    {EVENT_SUPPLEMENT_NOTICE, "告知补正材料"},
    {EVENT_ASK_SUPPLEMENT, "告知补正材料"},
    {EVENT_SUPPLEMENT_COMPLETE, "材料已补正"},
    {EVENT_SUPPLEMENT_LAPSE, "逾期未补正"},
    {EVENT_START_REVIEW, "开始审查"},
    {EVENT_SUSPEND, "中止计时"},
    {EVENT_RESUME, "恢复计时"},
    {EVENT_EXTEND, "延长期限"},
    {EVENT_DECIDE, "作出决定"},
    {EVENT_DECIDE_NOW, "作出决定"},
    {EVENT_COMPLETE, "办结"},
    {EVENT_DELIVER, "送达"},
    {EVENT_TERMINATE, "终止"},
};

static const char *shown_as(const char *type)
{
	enum case_event ev;
	if (!state_event_parse(type, &ev)) return NULL;
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
		if (shown[i].type == ev) return shown[i].zh;
	return NULL;
}

int progress_begin(struct progress *p, struct err *e)
{
	caseview_init(&p->fold, p->view.id);
	p->timeline = json_array();
	return p->timeline ? ERR_OK : err_set(e, ERR_NOMEM, "timeline");
}

int progress_add(struct progress *p, const struct caseview_event *ev, struct err *e)
{
	int rc = ERR_OK;
	const char *zh = shown_as(ev->type);
	(void)caseview_apply(&p->fold, ev, &rc);
	if (rc) return err_set(e, ERR_NOMEM, "timeline");
	if (!zh) return ERR_OK;
	json_t *one = json_pack("{s:s, s:s, s:s, s:I}", "type", ev->type, "state", state_name(p->fold.state), "zh", zh,
	                        "ms", (json_int_t)ev->at);
	casejson_time(one, "at", ev->at, &rc);
	if (json_array_append_new(p->timeline, one) || rc) return err_set(e, ERR_NOMEM, "timeline");
	return ERR_OK;
}

void progress_release(struct progress *p)
{
	json_decref(p->timeline);
	caseview_release(&p->view);
	caseview_release(&p->fold);
	*p = (struct progress){0};
}

/* --- as JSON --- */

static void reply_json(struct http_req *req, struct progress *p)
{
	size_t i;
	int rc = ERR_OK;
	json_t *one;
	json_array_foreach(p->timeline, i, one) {
		(void)json_object_del(one, "zh");
		(void)json_object_del(one, "ms");
	}
	json_t *o = json_pack("{s:s?, s:s, s:s, s:s, s:s, s:s, s:O}", "receipt_number",
	                      *p->view.receipt ? p->view.receipt : NULL, "station", p->view.station, "station_title",
	                      p->title, "item_name", p->item, "state", state_name(p->view.state), "state_zh",
	                      state_zh(p->view.state), "timeline", p->timeline);
	casejson_time(o, "received_at", p->view.received_at, &rc);
	casejson_time(o, "updated_at", p->view.updated_at, &rc);
	if (rc) {
		json_decref(o);
		o = NULL;
	}
	http_reply_json(req, 200, o);
}

/* --- as a page --- */

static void day_text(int64_t ms, char out[32])
{
	int d = clock_day(ms);
	(void)snprintf(out, 32, "%d年%d月%d日", d / 10000, d / 100 % 100, d % 100);
}

static void timeline_page(struct page *page, const struct progress *p)
{
	size_t i;
	char day[32];
	json_t *one;
	enum case_state state = STATE_DRAFT;
	page_heading(page, "办理过程");
	page_html(page, "<ol>\n");
	json_array_foreach(p->timeline, i, one) {
		(void)state_parse(fields_text(one, "state"), &state);
		day_text(fields_int(one, "ms", 0), day);
		page_html(page, "<li>");
		page_html(page, day);
		page_html(page, "　");
		page_html(page, fields_text(one, "zh"));
		page_html(page, "（");
		page_html(page, state_zh(state));
		page_html(page, "）</li>\n");
	}
	page_html(page, "</ol>\n");
}

static void reply_page(struct http_req *req, const struct ask *a, const struct progress *p, const char *self)
{
	struct page page;
	char received[32], updated[32], rate[sizeof "/public/rate/" + sizeof p->view.token];
	day_text(p->view.received_at, received);
	day_text(p->view.updated_at, updated);
	page_open(&page, a->large, "办件进度");
	page_html(&page, "<dl>\n");
	page_row(&page, "收件编号", *p->view.receipt ? p->view.receipt : "收件后编号");
	page_row(&page, "收件地点", p->title);
	page_row(&page, "事项", p->item);
	page_row(&page, "当前状态", state_zh(p->view.state));
	page_row(&page, "收件日期", received);
	page_row(&page, "最近更新", updated);
	page_html(&page, "</dl>\n");
	timeline_page(&page, p);
	(void)snprintf(rate, sizeof rate, "/public/rate/%s", p->view.token);
	if (p->rates) page_link(&page, rate, "评价这次办事");
	page_html(&page, "<footer>需要补正的材料以窗口发给您的告知书为准。如有疑问，请凭收件编号到收件地点询问。"
	                 "</footer>\n");
	page_foot(&page, self);
	page_reply(req, 200, &page);
}

void progress_reply(struct http_req *req, const struct ask *a, struct progress *p, const char *self)
{
	if (a->html)
		reply_page(req, a, p, self);
	else
		reply_json(req, p);
}

void progress_missing(struct http_req *req, const struct ask *a)
{
	ask_missing(req, a, "未找到办件",
	            "没有与该链接对应的办件。办件从村（社区）上传到县里需要一些时间；请稍后再试，或凭收件编号到收件地"
	            "点询问。");
}
