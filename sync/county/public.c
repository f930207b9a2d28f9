/* The progress page behind the receipt's QR code: how far a case is, and no person in it.
 *
 * Whoever has the token (80 random bits) has the receipt. It is looked up by its SHA-256, so that the time of an answer
 * tells nothing of tokens that are near it. The timeline holds what moved the case and neither names nor texts: a
 * notice's list is on the citizen's own paper. */
#include "sync/county/public.h"

#include "shared/casejson.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "sync/county/call.h"
#include "sync/county/casefile.h"
#include "sync/county/page.h"

#include <stdlib.h>
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

struct progress {
	struct caseview view;
	char title[128], item[256]; /* the station's, the item's */
	json_t *timeline;           /* {at, type, state} and, for the page, ms and zh */
};

static const char *shown_as(const char *type)
{
	enum case_event ev;
	if (!state_event_parse(type, &ev)) return NULL;
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
		if (shown[i].type == ev) return shown[i].zh;
	return NULL;
}

/* Folds one settled event, to learn the state after it. */
static int fold_row(struct caseview *v, struct db_stmt *q, struct err *e)
{
	json_t *body = NULL;
	const char *text = db_text(q, 9);
	int rc = text ? json_parse_strict(text, strlen(text), LIMIT_DEPTH + 8, &body, e) : ERR_OK;
	if (rc) return rc;
	struct caseview_event ce = {
	    .type = db_text(q, 4), .body = body, .origin = db_text(q, 0), .actor = db_text(q, 7), .at = db_int(q, 5)};
	(void)caseview_apply(v, &ce, &rc);
	json_decref(body);
	return rc ? err_set(e, ERR_NOMEM, "timeline") : ERR_OK;
}

static int read_timeline(struct store *s, struct progress *x, struct err *e)
{
	struct caseview v;
	int r = 0, rc = ERR_OK;
	struct db_stmt *q = db_query(s->db, Q_case_events, e);
	x->timeline = json_array();
	if (!q || !x->timeline) return q ? err_set(e, ERR_NOMEM, "timeline") : (int)ERR_IO;
	db_bind_blob(q, "case_id", x->view.id, UUID_LEN);
	caseview_init(&v, x->view.id);
	while (!rc && (r = db_step(q, e)) > 0) {
		if (!db_is_null(q, 10)) continue;
		rc = fold_row(&v, q, e);
		const char *zh = rc ? NULL : shown_as(db_text(q, 4));
		if (!zh) continue;
		json_t *one = json_pack("{s:s, s:s, s:s, s:I}", "type", db_text(q, 4), "state", state_name(v.state),
		                        "zh", zh, "ms", (json_int_t)db_int(q, 5));
		casejson_time(one, "at", db_int(q, 5), &rc);
		if (json_array_append_new(x->timeline, one)) rc = err_set(e, ERR_NOMEM, "timeline");
	}
	db_reset(q);
	caseview_release(&v);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

static int find(struct worker *w, const char *token, struct progress *x, struct err *e)
{
	struct store_station st;
	int rc = casefile_by_token(w->store, token, &x->view, e);
	if (!rc) rc = store_station(w->store, x->view.station, &st, e);
	if (rc) return rc;
	(void)snprintf(x->title, sizeof x->title, "%s", st.title);
	explicit_bzero(&st, sizeof st);
	(void)snprintf(x->item, sizeof x->item, "%s", present_item_name(&w->present, w->store, &x->view));
	return read_timeline(w->store, x, e);
}

/* --- as JSON --- */

static void reply_json(struct http_req *req, struct progress *x)
{
	size_t i;
	int rc = ERR_OK;
	json_t *one;
	json_array_foreach(x->timeline, i, one) {
		(void)json_object_del(one, "zh");
		(void)json_object_del(one, "ms");
	}
	json_t *o = json_pack("{s:s?, s:s, s:s, s:s, s:s, s:s, s:O}", "receipt_number",
	                      *x->view.receipt ? x->view.receipt : NULL, "station", x->view.station, "station_title",
	                      x->title, "item_name", x->item, "state", state_name(x->view.state), "state_zh",
	                      state_zh(x->view.state), "timeline", x->timeline);
	casejson_time(o, "received_at", x->view.received_at, &rc);
	casejson_time(o, "updated_at", x->view.updated_at, &rc);
	if (rc) {
		json_decref(o);
		o = NULL;
	}
	http_reply_json(req, 200, o);
}

/* --- as a page --- */

static void day(struct buf *b, int64_t ms)
{
	int d = clock_day(ms);
	buf_addf(b, "%d年%d月%d日", d / 10000, d / 100 % 100, d % 100);
}

static void row(struct buf *b, const char *name, const char *value)
{
	buf_addf(b, "<dt>%s</dt><dd>", name);
	page_text(b, value);
	buf_adds(b, "</dd>\n");
}

static void row_day(struct buf *b, const char *name, int64_t ms)
{
	buf_addf(b, "<dt>%s</dt><dd>", name);
	day(b, ms);
	buf_adds(b, "</dd>\n");
}

static void reply_page(struct http_req *req, const struct progress *x)
{
	struct buf b;
	size_t i;
	json_t *one;
	enum case_state state = STATE_DRAFT;
	page_open(&b, "zh-CN", "办件进度");
	buf_adds(&b, "<dl>\n");
	row(&b, "收件编号", *x->view.receipt ? x->view.receipt : "收件后编号");
	row(&b, "收件地点", x->title);
	row(&b, "事项", x->item);
	row(&b, "当前状态", state_zh(x->view.state));
	row_day(&b, "收件日期", x->view.received_at);
	row_day(&b, "最近更新", x->view.updated_at);
	buf_adds(&b, "</dl>\n<h2>办理过程</h2>\n<ol>\n");
	json_array_foreach(x->timeline, i, one) {
		(void)state_parse(fields_text(one, "state"), &state);
		buf_adds(&b, "<li>");
		day(&b, fields_int(one, "ms", 0));
		buf_adds(&b, "　");
		page_text(&b, fields_text(one, "zh"));
		buf_adds(&b, "（");
		page_text(&b, state_zh(state));
		buf_adds(&b, "）</li>\n");
	}
	buf_adds(&b, "</ol>\n");
	if (state_final(x->view.state) || x->view.state == STATE_COMPLETED) {
		buf_adds(&b, "<p><a href=\"/public/rate/");
		page_text(&b, x->view.token);
		buf_adds(&b, "\">评价这次办事</a></p>\n");
	}
	buf_adds(&b,
	         "<footer>需要补正的材料以窗口发给您的告知书为准。如有疑问，请凭收件编号到收件地点询问。</footer>\n");
	page_reply(req, 200, &b);
}

static void reply_missing(struct call *c)
{
	struct buf b;
	if (!c->html) {
		http_problem_code(c->req, PROBLEM_NOT_FOUND, NULL);
		return;
	}
	page_open(&b, "zh-CN", "未找到办件");
	buf_adds(&b, "<p>"
	             "没有与该链接对应的办件。办件从村（社区）上传到县里需要一些时间；请稍后再试，或凭收件编号到收件地"
	             "点询问。</p>\n");
	page_reply(c->req, 404, &b);
}

static void progress(struct call *c, struct worker *w)
{
	struct progress x = {0};
	struct err e = {0};
	int rc = find(w, c->text, &x, &e);
	if (rc == (int)ERR_NOTFOUND)
		reply_missing(c);
	else if (rc)
		call_error(c, rc, &e);
	else if (c->html)
		reply_page(c->req, &x);
	else
		reply_json(c->req, &x);
	json_decref(x.timeline);
	caseview_release(&x.view);
}

void public_progress(struct http_req *req, void *ctx)
{
	static const char *const none[] = {NULL};
	struct serve *sv = ctx;
	struct problem p = {0};
	int64_t wait = 0;
	const char *token = http_req_param(req, "token");
	if (!http_req_query_only(req, none)) return;
	struct call *c = call_new(sv, req, progress);
	if (!c) return;
	enum call_form form = call_accept(http_req_header(req, "Accept"));
	c->html = form == FORM_HTML;
	(void)snprintf(c->text, sizeof c->text, "%s", token);
	if (!limiter_take(sv->limiter, c->peer, serve_mono(sv), &wait)) {
		metrics_add(&sv->metrics, METRIC_LIMITED, 1);
		problem_set(&p, PROBLEM_RATE_LIMITED, NULL);
		problem_member(&p, "retry_after_s", json_integer((wait + 999) / 1000));
	} else if (form == FORM_NONE) {
		problem_set(&p, PROBLEM_NOT_ACCEPTABLE, NULL);
	} else if (strlen(token) > 64) {
		problem_set(&p, PROBLEM_NOT_FOUND, NULL);
	}
	if (problem_any(&p))
		call_refuse(c, &p);
	else
		call_submit(c);
}
