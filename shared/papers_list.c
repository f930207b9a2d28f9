/* The hand-over list (移交清单) of many cases, which is no paper of a case; see papers.h. Called by the hand-over routes. */
#include "shared/papers_internal.h"

#include "shared/buf.h"
#include "shared/clock.h"
#include "shared/fields.h"

#define MATERIALS_MAX 8192 /* bytes of one case's materials in a line */

/* "居民身份证（原件）1份；..." */
static void set_materials(struct paper *p, json_t *row, const json_t *materials)
{
	size_t i;
	const json_t *m;
	struct buf b;
	buf_init(&b, MATERIALS_MAX);
	json_array_foreach(materials, i, m) {
		buf_addf(&b, "%s%s（%s）%lld份", i ? "；" : "", fields_text(m, "name"),
		         paper_form_zh(fields_text(m, "form")), (long long)fields_int(m, "copies", 0));
	}
	if (b.bad) p->rc = ERR_NOMEM;
	paper_set(p, row, "materials", b.bad ? "" : b.len ? b.data : "无");
	buf_release(&b);
}

static void add_case(struct paper *p, json_t *list, const json_t *one)
{
	json_t *row = paper_row(p, list);
	if (!row) return;
	paper_set_from(p, row, "receipt_number", one);
	paper_set_from(p, row, "item_name", one);
	paper_set_from(p, row, "title", one);
	paper_set_time(p, row, "passed_at", one, true);
	paper_set_from(p, row, "carrier", one);
	set_materials(p, row, json_object_get(one, "materials"));
}

static void set_office(struct paper *p)
{
	const struct papers_case *c = p->c;
	json_t *station = json_object();
	caseview_set(p->o, "station", station, &p->rc);
	paper_set(p, station, "name", c->office);
	paper_set(p, station, "phone", c->phone);
	paper_set(p, station, "address", c->address);
	paper_set(p, p->o, "organ", c->office);
	paper_set(p, p->o, "from_code", c->office_code);
	paper_set(p, p->o, "officer", c->officer);
	paper_set_date(p, p->o, "printed_at", c->now, true);
}

json_t *papers_handovers(const struct papers_case *office, const char *to, const json_t *rows, bool more)
{
	static const char *const empty[] = {"document_number", "receipt_number", "draft", "seal",
	                                    "privacy",         "progress_url"};
	static const char *const copies[] = {"第一联：移出单位存档", "第二联：接收单位存档"};
	struct paper p = {.c = office, .o = json_object()};
	size_t i;
	json_t *one;
	if (!p.o) return NULL;
	p.words = paper_list(&p, "words");
	paper_set(&p, p.o, "kind", PAPERS_HANDOVERS);
	paper_set(&p, p.o, "title", "移交清单");
	paper_set(&p, p.o, "to", to);
	for (i = 0; i < sizeof empty / sizeof *empty; i++)
		paper_set(&p, p.o, empty[i], "");
	set_office(&p);
	json_t *list = paper_list(&p, "copies");
	for (i = 0; i < sizeof copies / sizeof *copies; i++)
		if (json_array_append_new(list, json_string(copies[i]))) p.rc = ERR_NOMEM;
	list = paper_list(&p, "cases");
	json_array_foreach(rows, i, one) {
		add_case(&p, list, one);
	}
	if (more) paper_word(&p, "本清单未列全，其余事项见续单。");
	paper_word(&p, "移交只改变办理单位，不改变收件时间，不表示已经受理。");
	if (!p.rc) return p.o;
	json_decref(p.o);
	return NULL;
}
