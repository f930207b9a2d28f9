/* See ask.h. Called on the threads that serve, and to answer by those that look up. */
#include "shared/public/ask.h"

#include "shared/public/page.h"

#include "shared/http/accept.h"
#include "shared/text.h"

#include <stdio.h>
#include <string.h>

static bool read_query(const struct http_req *req, bool search, struct ask *a, struct problem *p)
{
	const char *large = http_req_query(req, "large"), *q = search ? http_req_query(req, "q") : NULL;
	if (large && strcmp(large, "1") != 0) problem_field(p, "/?large", "value", "1 is wanted, or nothing");
	a->large = large != NULL;
	if (!q) return !problem_any(p);
	size_t len = strlen(q);
	if (text_utf8_count(q, len) > ASK_QUERY_MAX || text_has_control(q, len, false))
		problem_field(p, "/?q", "length", "too long, or holds control characters");
	else
		(void)snprintf(a->q, sizeof a->q, "%s", q);
	return !problem_any(p);
}

/* A name of the route; what is longer than any that there can be is as good as unknown. */
static void read_param(const struct http_req *req, const char *name, char *out, size_t cap)
{
	const char *text = strstr(http_req_route(req)->path, name) ? http_req_param(req, name) : "";
	(void)snprintf(out, cap, "%s", strlen(text) < cap ? text : "");
}

bool ask_read(struct http_req *req, struct limiter *limiter, int64_t mono, bool search, struct ask *a, bool *limited)
{
	static const char *const plain[] = {"large", NULL}, *const searching[] = {"large", "q", NULL};
	struct problem p = {0};
	int64_t wait = 0;
	*a = (struct ask){0};
	*limited = false;
	if (!http_req_query_only(req, search ? searching : plain)) return false;
	enum accept_form form = accept_form(http_req_header(req, "Accept"));
	a->html = form == ACCEPT_HTML;
	if (form == ACCEPT_NONE) {
		http_problem_code(req, PROBLEM_NOT_ACCEPTABLE, NULL);
		return false;
	}
	if (!read_query(req, search, a, &p)) {
		http_problem(req, &p);
		return false;
	}
	read_param(req, "token", a->token, sizeof a->token);
	read_param(req, "code", a->code, sizeof a->code);
	if (limiter_take(limiter, http_req_peer(req), mono, &wait)) return true;
	*limited = true;
	ask_wait(req, a, PROBLEM_RATE_LIMITED, wait);
	return false;
}

void ask_words(struct http_req *req, const struct ask *a, int status, const char *title, const char *words)
{
	struct page p;
	page_open(&p, a->large, title);
	page_para(&p, words);
	page_foot(&p, NULL);
	page_reply(req, status, &p);
}

void ask_wait(struct http_req *req, const struct ask *a, enum problem_code code, int64_t wait)
{
	struct problem p = {0};
	int64_t s = (wait + 999) / 1000;
	if (!a->html) {
		problem_set(&p, code, NULL);
		problem_member(&p, "retry_after_s", json_integer(s));
		http_problem(req, &p);
		return;
	}
	char words[160], seconds[24];
	(void)snprintf(seconds, sizeof seconds, "%lld", (long long)s);
	http_reply_header(req, "Retry-After", seconds);
	(void)snprintf(words, sizeof words, "请求次数太多，请过%lld%s再试。", (long long)(s < 100 ? s : (s + 59) / 60),
	               s < 100 ? "秒" : "分钟");
	ask_words(req, a, problem_row(code)->status, "请稍后再试", words);
}

void ask_missing(struct http_req *req, const struct ask *a, const char *title, const char *words)
{
	if (a->html)
		ask_words(req, a, 404, title, words);
	else
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
}

void ask_home(struct http_req *req, const struct ask *a, const char *station)
{
	static const struct {
		const char *path, *text;
	} ways[] = {{"/public/guides", "办事指南：需要什么材料，到哪里办"},
	            {"/public/progress", "办件进度：我的事办到哪一步了，办结后可以评价"}};
	if (!a->html) {
		http_reply_json(req, 200,
		                json_pack("{s:s?, s:s, s:s}", "station_title", station, "guides", ways[0].path,
		                          "progress", ways[1].path));
		return;
	}
	struct page p;
	page_open(&p, a->large, "便民服务查询");
	if (station) page_para(&p, station);
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		page_link(&p, ways[i].path, ways[i].text);
	page_html(&p, "<footer>无需注册，页面不显示个人信息。收件凭证上的二维码可以直接查询进度和评价。</footer>\n");
	page_foot(&p, "/public");
	page_reply(req, 200, &p);
}
