/* See rating.h. The rating and, where it is bad, the entry of the station's register by which it is put right stand in one
 * transaction; their ids follow from the case's, so that no second try makes a second rating. */
#include "sync/county/rating.h"

#include "shared/body.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/registers.h"
#include "shared/text.h"
#include "sync/county/call.h"
#include "sync/county/casefile_internal.h"
#include "sync/county/metrics.h"
#include "sync/county/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the ids that are derived from a case's own: far above what a call appends. */
enum { NTH_RATE = 1003, NTH_AGAIN, NTH_CORRECTION, NTH_CORRECTION_AGAIN };

#define FORM_MAX 12288 /* bytes of a body: 1,000 characters of three bytes, each written %XX, and the rest */
#define DEPTH    4

static const struct {
	int grade;
	const char *zh;
} grades[] = {{1, "非常满意"}, {2, "满意"}, {3, "基本满意"}, {4, "不满意"}, {5, "非常不满意"}};

/* --- what is asked --- */

static int hex(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The value of NAME in an application/x-www-form-urlencoded body; "" when it is not there, false when it is not text. */
static bool form_value(const char *body, size_t len, const char *name, char *out, size_t cap)
{
	size_t n = strlen(name), at = 0, used = 0;
	while (at < len && !(len - at > n && memcmp(body + at, name, n) == 0 && body[at + n] == '=')) {
		const char *next = memchr(body + at, '&', len - at);
		at = next ? (size_t)(next - body) + 1 : len;
	}
	for (at += n + 1; at < len && body[at] != '&' && used + 1 < cap; at++) {
		char c = body[at] == '+' ? ' ' : body[at];
		if (c == '%' && at + 2 < len && hex(body[at + 1]) >= 0 && hex(body[at + 2]) >= 0) {
			c = (char)(hex(body[at + 1]) * 16 + hex(body[at + 2]));
			at += 2;
		}
		out[used++] = c;
	}
	out[used] = '\0';
	return strlen(out) == used && text_utf8_valid(out, used);
}

/* Line ends of browsers are CR LF. */
static void drop_returns(char *text)
{
	char *to = text;
	for (const char *from = text; *from; from++)
		if (*from != '\r') *to++ = *from;
	*to = '\0';
}

static bool set(json_t *b, const char *name, json_t *value)
{
	return value && json_object_set_new(b, name, value) == 0;
}

/* The body of the event from a form; NULL where it is not text, or without memory: what a citizen says is not cut. */
static json_t *of_form(const char *body, size_t len)
{
	char grade[8], again[8], *text = malloc(FORM_MAX);
	json_t *b = json_pack("{s:s}", "way", "phone");
	bool ok = text && b && form_value(body, len, "text", text, FORM_MAX) &&
	          form_value(body, len, "grade", grade, sizeof grade) &&
	          form_value(body, len, "again", again, sizeof again);
	if (ok) drop_returns(text);
	if (ok && strlen(grade) == 1) ok = set(b, "grade", json_integer(grade[0] - '0'));
	if (ok && *text) ok = set(b, "text", json_string(text));
	if (ok && *again) ok = set(b, "again", json_true());
	free(text);
	if (ok) return b;
	json_decref(b);
	return NULL;
}

static json_t *read_body(struct http_req *req, bool *form, struct err *e)
{
	size_t len = 0;
	json_t *b = NULL;
	const char *type = http_req_header(req, "Content-Type"), *body = http_req_body(req, &len);
	*form = type && strncmp(type, "application/x-www-form-urlencoded", 33) == 0;
	if (*form) return of_form(body ? body : "", len);
	if (json_parse_strict(body ? body : "", len, DEPTH, &b, e)) return NULL;
	if (json_is_object(b)) (void)json_object_set_new(b, "way", json_string("phone"));
	return b;
}

/* --- the case --- */

/* May the case be rated, or rated once more (追评)? */
static enum caseview_fit may(const struct caseview *v, bool again)
{
	json_t *b = json_pack("{s:b}", "again", again);
	enum caseview_fit fit = b ? caseview_once(v, EVENT_RATE, b) : FIT_BODY;
	json_decref(b);
	return fit;
}

static int open_correction(struct casefile *f, const struct caseview *v, const uint8_t rating[UUID_LEN],
                           const json_t *rate, bool again, int64_t now, struct err *e)
{
	char of_case[UUID_TEXT], of_rating[UUID_TEXT];
	uint8_t id[UUID_LEN];
	const char *text = fields_text(rate, "text");
	uuid_text(v->id, of_case);
	uuid_text(rating, of_rating);
	uuid_derive(v->id, again ? NTH_CORRECTION_AGAIN : NTH_CORRECTION, id);
	json_t *body = json_pack("{s:s, s:I, s:s, s:{s:s, s:s, s:I, s:s?}}", "register",
	                         registers_name(REGISTER_CORRECTION), "opened_at", (json_int_t)now, "station",
	                         v->station, registers_name(REGISTER_CORRECTION), "case", of_case, "rating", of_rating,
	                         "grade", (json_int_t)fields_int(rate, "grade", 0), "text", *text ? text : NULL);
	int rc = casefile_load(f, id, e);
	if (rc) {
		json_decref(body);
		return rc;
	}
	rc = casefile_own_event(f, "system", state_event_name(EVENT_ENTRY_OPEN), body, id, now, e);
	return rc ? rc : casefile_flush(f, e);
}

static int rate(struct store *s, const struct caseview *v, const json_t *body, int64_t now, struct err *e)
{
	struct casefile f;
	uint8_t id[UUID_LEN];
	bool again = json_is_true(json_object_get(body, "again"));
	uuid_derive(v->id, again ? NTH_AGAIN : NTH_RATE, id);
	casefile_init(&f, s);
	int rc = casefile_load(&f, v->id, e);
	if (!rc) rc = casefile_own_event(&f, "applicant", state_event_name(EVENT_RATE), fields_copy(body), id, now, e);
	if (!rc) rc = casefile_flush(&f, e);
	if (!rc && fields_int(body, "grade", 0) >= REGISTERS_GRADE_BAD)
		rc = open_correction(&f, v, id, body, again, now, e);
	casefile_drop(&f);
	return rc;
}

/* Looked at again where it cannot change: two who press at once make one rating. */
static int transact(struct call *c, struct worker *w, const json_t *body, struct caseview *v, struct problem *p,
                    struct err *e)
{
	int rc = store_begin(w->store, e);
	if (rc) return rc;
	rc = casefile_by_token(w->store, c->text, v, e);
	enum caseview_fit fit = rc ? FIT_OK : may(v, json_is_true(json_object_get(body, "again")));
	if (!rc && fit != FIT_OK)
		problem_set(p, PROBLEM_TRANSITION, "%s",
		            fit == FIT_SECOND ? "this was rated already" : "there is nothing to rate yet");
	if (!rc && !problem_any(p)) rc = rate(w->store, v, body, county_now(c->county), e);
	if (!rc && !problem_any(p)) rc = store_commit(w->store, e);
	store_rollback(w->store); /* after the commit there is nothing left to roll back */
	return rc;
}

/* --- answers --- */

static void end_page(struct call *c, int status, const char *title, const char *words)
{
	struct buf b;
	page_open(&b, "zh-CN", title);
	buf_adds(&b, "<p>");
	page_text(&b, words);
	buf_adds(&b, "</p>\n");
	page_reply(c->req, status, &b);
}

static void reply_form(struct call *c, const char *item, bool again)
{
	struct buf b;
	page_open(&b, "zh-CN", again ? "追加评价" : "请您评价");
	buf_adds(&b, "<p>");
	page_text(&b, item);
	buf_adds(&b, "</p>\n<form method=\"post\">\n<fieldset><legend>您对这次办事满意吗？</legend>\n");
	for (size_t i = 0; i < sizeof grades / sizeof *grades; i++)
		buf_addf(&b, "<p><label><input type=\"radio\" name=\"grade\" value=\"%d\" required> %s</label></p>\n",
		         grades[i].grade, grades[i].zh);
	buf_adds(&b,
	         "</fieldset>\n<p><label>想说的话（可以不填）<br><textarea name=\"text\" rows=\"4\" maxlength=\"1000\">"
	         "</textarea></label></p>\n");
	if (again) buf_adds(&b, "<input type=\"hidden\" name=\"again\" value=\"1\">\n");
	buf_adds(&b, "<p><button>提交评价</button></p>\n</"
	             "form>\n<footer>评价自愿。办事人员看不到是谁的评价。不满意的，由站点负责人联系"
	             "您并整改。</footer>\n");
	page_reply_form(c->req, 200, &b);
}

static void show(struct call *c, struct worker *w)
{
	struct caseview v = {0};
	struct err e = {0};
	int rc = casefile_by_token(w->store, c->text, &v, &e);
	bool first = !rc && may(&v, false) == FIT_OK, again = !rc && may(&v, true) == FIT_OK;
	const char *item = rc ? "" : present_item_name(&w->present, w->store, &v);
	if (rc == (int)ERR_NOTFOUND && c->html)
		end_page(c, 404, "未找到办件", "没有与该链接对应的办件。");
	else if (rc == (int)ERR_NOTFOUND)
		http_problem_code(c->req, PROBLEM_NOT_FOUND, NULL);
	else if (rc)
		call_error(c, rc, &e);
	else if (!c->html)
		http_reply_json(
		    c->req, 200,
		    json_pack("{s:s, s:b, s:b}", "item_name", item, "may_rate", first, "may_rate_again", again));
	else if (first || again)
		reply_form(c, item, again);
	else
		end_page(c, 200, "评价",
		         fields_get(v.doc, "rating") ? "这件事已经评价过，谢谢您。"
		                                     : "这件事还没有办结，办结后可以评价。");
	caseview_release(&v);
}

static void take(struct call *c, struct worker *w)
{
	struct caseview v = {0};
	struct problem p = {0};
	struct err e = {0};
	bool form = false;
	json_t *body = read_body(c->req, &form, &e);
	if (!body)
		problem_set(&p, PROBLEM_MALFORMED_REQUEST, "a form or a JSON object is wanted");
	else
		(void)body_check(EVENT_RATE, body, county_now(c->county), &p);
	e = (struct err){0};
	int rc = problem_any(&p) ? ERR_OK : transact(c, w, body, &v, &p, &e);
	if (rc == (int)ERR_NOTFOUND) {
		problem_set(&p, PROBLEM_NOT_FOUND, NULL);
		rc = ERR_OK;
	}
	if (rc)
		call_error(c, rc, &e);
	else if (problem_any(&p) && form)
		end_page(c, problem_row(p.code)->status, "评价没有提交",
		         "请选一个等级，每件事只评价一次，办结后才能评价。");
	else if (problem_any(&p))
		http_problem(c->req, &p);
	else if (form)
		end_page(c, 200, "谢谢您", "您的评价已经收到。");
	else
		http_reply_json(c->req, 201, json_pack("{s:b}", "rated", 1));
	problem_release(&p);
	caseview_release(&v);
	json_decref(body);
}

/* Anybody may ask: so many times a minute, and for a token as long as one. */
static void ask(struct http_req *req, struct serve *sv, call_fn *fn)
{
	static const char *const none[] = {NULL};
	struct problem p = {0};
	int64_t wait = 0;
	const char *token = http_req_param(req, "token");
	if (!http_req_query_only(req, none)) return;
	struct call *c = call_new(sv, req, fn);
	if (!c) return;
	c->html = call_accept(http_req_header(req, "Accept")) == FORM_HTML;
	(void)snprintf(c->text, sizeof c->text, "%s", strlen(token) <= 64 ? token : "");
	http_reply_header(req, "Cache-Control", "no-store");
	if (limiter_take(sv->limiter, c->peer, serve_mono(sv), &wait)) {
		call_submit(c);
		return;
	}
	metrics_add(&sv->metrics, METRIC_LIMITED, 1);
	problem_set(&p, PROBLEM_RATE_LIMITED, NULL);
	problem_member(&p, "retry_after_s", json_integer((wait + 999) / 1000));
	call_refuse(c, &p);
}

void rating_get(struct http_req *req, void *ctx)
{
	ask(req, ctx, show);
}

void rating_post(struct http_req *req, void *ctx)
{
	ask(req, ctx, take);
}
