/* See guides.h. A guide's texts are the county's; every one of them is escaped. */
#include "shared/public/guides.h"

#include "shared/public/page.h"

#include "shared/fields.h"
#include "shared/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PENDING "待县级发布"
#define LIST    "/public/guides"

static const char *const tier_zh[TIER_COUNT] = {
    [TIER_TOWNSHIP] = "乡镇便民服务中心", [TIER_VILLAGE] = "村便民服务站", [TIER_COMMUNITY] = "社区便民服务站"};

static const char *offer_zh(enum offer o)
{
	return o == OFFER_HANDLE ? "直接办理" : o == OFFER_ACCEPT ? "收件（受理），转报有权机关办理" : "不办理";
}

static const char *status_of(const struct catalog_item *it)
{
	const char *s = fields_text(json_object_get(it->json, "guide"), "status");
	return *s ? s : "none";
}

static json_t *levels(const struct catalog_item *it)
{
	json_t *o = json_object();
	for (int t = 0; t < TIER_COUNT; t++) {
		const char *offer = offer_name(it->offers[t]);
		json_t *one = offer ? json_string(offer) : json_null();
		if (o && one && !json_object_set_new(o, tier_name((enum tier)t), one)) continue;
		json_decref(o);
		return NULL;
	}
	return o;
}

static json_t *summary(const struct catalog_item *it)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "code", it->code, "name", it->name, "category", it->category,
	                 "department", it->department, "guide_status", status_of(it), "levels", levels(it));
}

/* --- the list --- */

static json_t *list_json(const struct ask *a, const struct catalog *cat)
{
	json_t *rows = json_array();
	for (size_t i = 0; rows && i < catalog_count(cat); i++) {
		const struct catalog_item *it = catalog_at(cat, i);
		if (!catalog_matches(it, a->q)) continue;
		if (!json_array_append_new(rows, summary(it))) continue;
		json_decref(rows);
		return NULL;
	}
	return json_pack("{s:s, s:I, s:o}", "catalog", catalog_name(cat), "version", (json_int_t)catalog_version(cat),
	                 "items", rows);
}

static void item_path(struct buf *path, const struct catalog_item *it)
{
	buf_init(path, 1024);
	buf_adds(path, LIST "/");
	page_encode(path, it->code);
}

static void list_item(struct page *p, const struct catalog_item *it, const struct guides_station *st)
{
	char line[1024];
	struct buf path;
	item_path(&path, it);
	bool here = st && it->offers[st->tier] != OFFER_NONE;
	const char *where = !st ? "" : !here ? "（本站不办理）" : "";
	(void)snprintf(line, sizeof line, "%s%s", it->name, where);
	page_link(p, path.data, text_utf8_valid(line, strlen(line)) ? line : it->name);
	buf_release(&path);
}

/* Each category once, in the order in which the catalog first has it. */
static int list_categories(struct page *p, const struct ask *a, const struct catalog *cat,
                           const struct guides_station *st)
{
	int found = 0;
	size_t n = catalog_count(cat);
	for (size_t i = 0; i < n; i++) {
		const char *category = catalog_at(cat, i)->category;
		bool headed = false, before = false;
		for (size_t k = 0; k < i && !before; k++)
			before = strcmp(catalog_at(cat, k)->category, category) == 0;
		for (size_t k = i; k < n && !before; k++) {
			const struct catalog_item *it = catalog_at(cat, k);
			if (strcmp(it->category, category) != 0 || !catalog_matches(it, a->q)) continue;
			if (!headed) page_heading(p, *category ? category : "其他");
			headed = true;
			list_item(p, it, st);
			found++;
		}
	}
	return found;
}

static void search_form(struct page *p, const struct ask *a)
{
	page_form(p, "get", LIST);
	page_html(p, "<label for=\"q\">找事项（名称、拼音或拼音首字母）</label>\n"
	             "<input type=\"search\" id=\"q\" name=\"q\" maxlength=\"50\" value=\"");
	page_attribute(p, a->q);
	page_html(p, "\">\n");
	page_form_end(p, "查找");
}

static void list_foot(struct page *p, const struct ask *a)
{
	struct buf self;
	buf_init(&self, 1024);
	buf_adds(&self, LIST);
	if (*a->q) {
		buf_adds(&self, "?q=");
		page_encode(&self, a->q);
		page_link(p, LIST, "全部事项");
	}
	page_foot(p, self.data);
	buf_release(&self);
}

void guides_list(struct http_req *req, const struct ask *a, const struct catalog *cat, const struct guides_station *st)
{
	struct page p;
	if (!cat) {
		ask_missing(req, a, "办事指南", "县级尚未发布事项目录，请向窗口询问。");
		return;
	}
	if (!a->html) {
		page_reply_kept_json(req, list_json(a, cat));
		return;
	}
	page_open(&p, a->large, "办事指南");
	if (st) page_para(&p, st->title);
	search_form(&p, a);
	if (list_categories(&p, a, cat, st) == 0) page_para(&p, "没有找到。请换一个词，或向窗口询问。");
	list_foot(&p, a);
	page_reply_kept(req, &p);
}

/* --- one item --- */

/* What a guide says under NAME; NULL where it is not known. `time_limit` and the like stand in an object with `text`. */
static const char *said(const json_t *guide, const char *name)
{
	const json_t *v = json_object_get(guide, name);
	const char *text = json_is_object(v) ? fields_text(v, "text") : fields_text(guide, name);
	return *text ? text : NULL;
}

static void disclose_text(struct page *p, const char *title, const char *text)
{
	page_heading(p, title);
	page_para(p, text ? text : PENDING);
}

static void law_line(struct page *p, const json_t *one)
{
	page_html(p, "《");
	page_text(p, fields_text(one, "title"));
	page_html(p, "》");
	page_text(p, fields_text(one, "article"));
	if (*fields_text(one, "text")) {
		page_html(p, "：");
		page_text(p, fields_text(one, "text"));
	}
}

static void plain_line(struct page *p, const json_t *one)
{
	page_text(p, json_is_string(one) ? json_string_value(one) : "");
}

static void material_line(struct page *p, const json_t *one)
{
	static const char *const forms[][2] = {
	    {"original", "原件"}, {"copy", "复印件"}, {"original_and_copy", "原件和复印件"}, {"electronic", "电子件"}};
	char copies[32];
	page_text(p, fields_text(one, "name"));
	page_html(p, "（");
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
		if (strcmp(fields_text(one, "form"), forms[i][0]) == 0) page_html(p, forms[i][1]);
	(void)snprintf(copies, sizeof copies, "%lld份", (long long)fields_int(one, "copies", 1));
	page_html(p, copies);
	page_html(p, json_is_false(json_object_get(one, "required")) ? "，有此情形时提交）" : "，必需）");
	if (!*fields_text(one, "note")) return;
	page_html(p, "<br>");
	page_text(p, fields_text(one, "note"));
}

static void disclose_list(struct page *p, const char *title, const json_t *list,
                          void (*line)(struct page *p, const json_t *one))
{
	size_t i;
	json_t *one;
	page_heading(p, title);
	if (json_array_size(list) == 0) {
		page_para(p, json_is_array(list) ? "无" : PENDING); /* an empty list says that nothing is asked for */
		return;
	}
	page_html(p, "<ol>\n");
	json_array_foreach(list, i, one) {
		page_html(p, "<li>");
		line(p, one);
		page_html(p, "</li>\n");
	}
	page_html(p, "</ol>\n");
}

/* 联系方式: the county's words, and beside them the station's own telephone. */
static void disclose_contact(struct page *p, const json_t *guide, const struct guides_station *st)
{
	const char *contact = said(guide, "contact");
	bool own = st && *st->phone;
	page_heading(p, "七、联系方式");
	if (contact || !own) page_para(p, contact ? contact : PENDING);
	if (!own) return;
	page_html(p, "<p>本站电话：");
	page_text(p, st->phone);
	page_html(p, "</p>\n");
}

/* The eight, in the order of the county's plan. */
static void disclosures(struct page *p, const json_t *guide, const struct guides_station *st)
{
	disclose_list(p, "一、法定依据", json_object_get(guide, "basis"), law_line);
	disclose_list(p, "二、申请条件", json_object_get(guide, "conditions"), plain_line);
	disclose_list(p, "三、申请材料", json_object_get(guide, "materials"), material_line);
	disclose_list(p, "四、办理流程", json_object_get(guide, "process"), plain_line);
	disclose_text(p, "五、办理时限", said(guide, "time_limit"));
	disclose_text(p, "六、收费依据和标准", said(guide, "fee"));
	disclose_contact(p, guide, st);
	disclose_text(p, "八、办理地点", said(guide, "place"));
}

static void who_does_it(struct page *p, const struct catalog_item *it, const struct guides_station *st)
{
	const char *zh = NULL;
	page_heading(p, "到哪里办");
	if (st && it->offers[st->tier] != OFFER_NONE) {
		page_html(p, "<p>本站：");
		page_text(p, offer_zh(it->offers[st->tier]));
		page_html(p, "</p>\n");
	} else if (st) {
		(void)catalog_office(it, st->tier, &zh);
		page_html(p, "<p>本站不办理，请到：");
		page_text(p, zh);
		page_html(p, "</p>\n");
	}
	page_html(p, "<dl>\n");
	for (int t = 0; t < TIER_COUNT; t++)
		page_row(p, tier_zh[t], offer_zh(it->offers[t]));
	if (*it->window) page_row(p, "窗口", it->window);
	page_row(p, "主管部门", it->department);
	page_html(p, "</dl>\n");
}

static void one_page(struct http_req *req, const struct ask *a, const struct catalog_item *it,
                     const struct guides_station *st)
{
	struct page p;
	struct buf self;
	const json_t *guide = json_object_get(it->json, "guide");
	page_open(&p, a->large, it->name);
	if (st) page_para(&p, st->title);
	if (!it->published) {
		page_html(&p, "<p class=\"mark\">");
		page_text(&p, *fields_text(guide, "mark") ? fields_text(guide, "mark") : PENDING);
		page_html(&p, "</p>\n");
	}
	who_does_it(&p, it, st);
	disclosures(&p, guide, st);
	page_link(&p, LIST, "全部事项");
	item_path(&self, it);
	page_foot(&p, self.data);
	buf_release(&self);
	page_reply_kept(req, &p);
}

/* The eight as the catalog has them; null is what is not known. */
static json_t *one_json(const struct catalog_item *it)
{
	static const char *const eight[] = {"basis",      "conditions", "materials", "process",
	                                    "time_limit", "fee",        "contact",   "place"};
	const json_t *guide = json_object_get(it->json, "guide");
	json_t *out = summary(it), *own = json_object();
	bool ok = out && own;
	for (size_t i = 0; ok && i < sizeof eight / sizeof *eight; i++) {
		json_t *v = json_object_get(guide, eight[i]);
		bool known = json_is_array(v) || said(guide, eight[i]);
		ok = json_object_set_new(own, eight[i], known ? json_incref(v) : json_null()) == 0;
	}
	const char *mark = it->published ? "" : fields_text(guide, "mark");
	ok = ok && json_object_set_new(out, "window", json_string(it->window)) == 0 &&
	     json_object_set_new(out, "permit", json_boolean(it->permit)) == 0 &&
	     json_object_set_new(out, "mark", *mark ? json_string(mark) : json_null()) == 0 &&
	     json_object_set(out, "guide", own) == 0;
	json_decref(own);
	if (ok) return out;
	json_decref(out);
	return NULL;
}

void guides_one(struct http_req *req, const struct ask *a, const struct catalog *cat, const struct guides_station *st)
{
	const struct catalog_item *it = cat && *a->code ? catalog_find(cat, a->code) : NULL;
	if (!it)
		ask_missing(req, a, "没有这个事项", "事项目录中没有这个编号。");
	else if (a->html)
		one_page(req, a, it, st);
	else
		page_reply_kept_json(req, one_json(it));
}
