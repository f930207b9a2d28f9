/* See ratings.h. Called at the county by its worker, at the box on the serving and on the writer's thread. */
#include "shared/public/ratings.h"

#include "shared/public/page.h"

#include "shared/body.h"
#include "shared/event.h"
#include "shared/fields.h"
#include "shared/json_parse.h"
#include "shared/public/form.h"
#include "shared/registers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the ids that are derived from a case's own: far above what a call appends. */
enum { NTH_RATE = 1003, NTH_AGAIN, NTH_CORRECTION, NTH_CORRECTION_AGAIN };

#define DEPTH 4

static const struct {
	int grade;
	const char *zh;
} grades[] = {{1, "非常满意"}, {2, "满意"}, {3, "基本满意"}, {4, "不满意"}, {5, "非常不满意"}};

/* --- what is said --- */

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

/* NULL where it is not text, or without memory: what a citizen says is not cut. */
static json_t *of_form(const char *body, size_t len)
{
	char grade[8], again[8], *text = malloc(ASK_BODY_MAX + 1);
	json_t *b = json_object();
	bool ok = text && b && form_value(body, len, "text", text, ASK_BODY_MAX + 1) &&
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

json_t *ratings_read(struct http_req *req, struct ask *a, const char *way, int64_t now, struct problem *p)
{
	size_t len = 0;
	json_t *b = NULL;
	struct err e = {0};
	const char *body = http_req_body(req, &len);
	a->form = form_is(http_req_header(req, "Content-Type"));
	if (a->form)
		b = of_form(body ? body : "", len);
	else
		(void)json_parse_strict(body ? body : "", len, DEPTH, &b, &e);
	if (!json_is_object(b) || !set(b, "way", json_string(way))) {
		problem_set(p, PROBLEM_MALFORMED_REQUEST, "a form or a JSON object is wanted");
		json_decref(b);
		return NULL;
	}
	if (fields_get(b, "amends")) problem_field(p, "/amends", "unknown", "a citizen mends nothing");
	if (!problem_any(p) && body_check(EVENT_RATE, b, now, p)) return b;
	json_decref(b);
	return NULL;
}

/* --- the case --- */

bool ratings_check(const struct caseview *v, const char *origin, const json_t *body, struct problem *p)
{
	const struct state_row *row = NULL;
	enum caseview_fit fit = caseview_may(v, EVENT_RATE, origin, &row);
	if (fit == FIT_OK) fit = caseview_once(v, EVENT_RATE, body);
	if (fit == FIT_OK) return true;
	problem_set(p, PROBLEM_TRANSITION, "%s",
	            fit == FIT_SECOND   ? "this was rated already"
	            : fit == FIT_HOLDER ? "another station took it in: rate it there, or by the QR code"
	                                : "there is nothing to rate yet");
	return false;
}

bool ratings_may(const struct caseview *v, const char *origin, bool again)
{
	struct problem p = {0};
	json_t *body = json_pack("{s:b}", "again", again);
	bool ok = body && ratings_check(v, origin, body, &p);
	json_decref(body);
	problem_release(&p);
	return ok;
}

void ratings_id(const struct caseview *v, bool again, uint8_t out[UUID_LEN])
{
	uuid_derive(v->id, again ? NTH_AGAIN : NTH_RATE, out);
}

void ratings_correction_id(const struct caseview *v, bool again, uint8_t out[UUID_LEN])
{
	uuid_derive(v->id, again ? NTH_CORRECTION_AGAIN : NTH_CORRECTION, out);
}

bool ratings_bad(const json_t *body)
{
	return fields_int(body, "grade", 0) >= REGISTERS_GRADE_BAD;
}

json_t *ratings_correction(const struct caseview *v, const json_t *body, const char *station, int64_t now)
{
	uint8_t id[UUID_LEN];
	char of_case[UUID_TEXT], of_rating[UUID_TEXT];
	const char *text = fields_text(body, "text"), *name = registers_name(REGISTER_CORRECTION);
	ratings_id(v, json_is_true(json_object_get(body, "again")), id);
	uuid_text(v->id, of_case);
	uuid_text(id, of_rating);
	json_t *what = json_pack("{s:s, s:s, s:I}", "case", of_case, "rating", of_rating, "grade",
	                         (json_int_t)fields_int(body, "grade", 0));
	json_t *o = json_pack("{s:s, s:I}", "register", name, "opened_at", (json_int_t)now);
	bool ok = what && o && (!*text || set(what, "text", json_string(text))) &&
	          (!station || set(o, "station", json_string(station))) && json_object_set(o, name, what) == 0;
	json_decref(what);
	if (ok) return o;
	json_decref(o);
	return NULL;
}

/* --- answers --- */

static void reply_form(struct http_req *req, const struct ask *a, const struct caseview *v, const char *item,
                       bool again)
{
	struct page p;
	char self[sizeof "/public/rate/" + sizeof v->token];
	(void)snprintf(self, sizeof self, "/public/rate/%s", v->token);
	page_open(&p, a->large, again ? "追加评价" : "请您评价");
	page_para(&p, item);
	page_form(&p, "post", self);
	page_html(&p, "<fieldset><legend>您对这次办事满意吗？</legend>\n");
	for (size_t i = 0; i < sizeof grades / sizeof *grades; i++)
		buf_addf(
		    &p.b,
		    "<label class=\"pick\"><input type=\"radio\" name=\"grade\" value=\"%d\" required>%s</label>\n",
		    grades[i].grade, grades[i].zh);
	page_html(&p, "</fieldset>\n<label for=\"text\">想说的话（可以不填）</label>\n"
	              "<textarea id=\"text\" name=\"text\" rows=\"4\" maxlength=\"1000\"></textarea>\n");
	if (again) page_html(&p, "<input type=\"hidden\" name=\"again\" value=\"1\">\n");
	page_form_end(&p, "提交评价");
	page_html(&p, "<footer>评价自愿。办事人员看不到是谁的评价。不满意的，由站点负责人联系您并整改。</footer>\n");
	page_foot(&p, self);
	page_reply(req, 200, &p);
}

void ratings_show(struct http_req *req, const struct ask *a, const struct caseview *v, const char *item,
                  const char *origin)
{
	bool first = v && ratings_may(v, origin, false), again = v && ratings_may(v, origin, true);
	bool ended = v && (state_final(v->state) || v->state == STATE_COMPLETED);
	if (!v)
		ask_missing(req, a, "未找到办件", "没有与该链接对应的办件。");
	else if (!a->html)
		http_reply_json(
		    req, 200,
		    json_pack("{s:s, s:b, s:b}", "item_name", item, "may_rate", first, "may_rate_again", again));
	else if (first || again)
		reply_form(req, a, v, item, again);
	else if (fields_get(v->doc, "rating"))
		ask_words(req, a, 200, "评价", "这件事已经评价过，谢谢您。");
	else
		ask_words(req, a, 200, "评价",
		          ended ? "请用手机扫描收件凭证上的二维码评价。" : "这件事还没有办结，办结后可以评价。");
}

void ratings_done(struct http_req *req, const struct ask *a, struct problem *p)
{
	if (!problem_any(p) && a->form)
		ask_words(req, a, 200, "谢谢您", "您的评价已经收到。");
	else if (!problem_any(p))
		http_reply_json(req, 201, json_pack("{s:b}", "rated", 1));
	else if (a->form && p->code == PROBLEM_NOT_FOUND)
		ask_missing(req, a, "未找到办件", "没有与该链接对应的办件。");
	else if (a->form)
		ask_words(req, a, problem_row(p->code)->status, "评价没有提交",
		          "请选一个等级，每件事只评价一次，办结后才能评价。");
	else
		http_problem(req, p);
	problem_release(p);
}
