/* See items.h. The edition in force stands behind a mutex that is held for a pointer and a count; handlers of /catalog
 * read the edition they took, so that a newer one may arrive in the middle. */
#include "gateway/items.h"
#include "shared/ledger/read.h"

#include "gateway/answer.h"
#include "gateway/readers.h"
#include "shared/caseview.h"
#include "shared/fields.h"
#include "shared/text.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CODE_MAX     40 /* characters of an item's code */
#define VERSIONS_MAX 64 /* newest versions that are kept; a case lives for weeks, a catalog for years */

/* What a case that was opened under an older version is shown by. */
struct old_item {
	char *code, *name, *department;
	enum offer offers[TIER_COUNT];
	struct term_days days;
	bool deems;
	bool permit;
};
struct old_edition {
	int64_t version;
	size_t n;
	struct old_item *items;
};

struct items_edition {
	atomic_int refs;
	json_t *doc;
	struct catalog *catalog;
	struct old_edition old[VERSIONS_MAX];
	int n_old;
};

/* The versions that the ledger has, newest first. */
struct versions {
	int64_t v[VERSIONS_MAX];
	int n;
};

struct items {
	pthread_mutex_t lock;
	struct items_edition *now; /* NULL before the first */
	struct versions versions;  /* that NOW was made from, or of which the newest was found wrong */
};

static void old_free(struct old_edition *o)
{
	for (size_t i = 0; i < o->n; i++) {
		free(o->items[i].code);
		free(o->items[i].name);
		free(o->items[i].department);
	}
	free(o->items);
}

static void edition_free(struct items_edition *ed)
{
	if (!ed) return;
	for (int i = 0; i < ed->n_old; i++)
		old_free(&ed->old[i]);
	catalog_free(ed->catalog);
	json_decref(ed->doc);
	free(ed);
}

int items_new(struct items **out, struct err *e)
{
	struct items *it = calloc(1, sizeof *it);
	*out = it;
	if (!it) return err_set(e, ERR_NOMEM, "items");
	(void)pthread_mutex_init(&it->lock, NULL);
	return ERR_OK;
}

void items_free(struct items *it)
{
	if (!it) return;
	items_put(it->now);
	(void)pthread_mutex_destroy(&it->lock);
	free(it);
}

struct items_edition *items_get(struct items *it)
{
	(void)pthread_mutex_lock(&it->lock);
	struct items_edition *ed = it->now;
	if (ed) (void)atomic_fetch_add(&ed->refs, 1);
	(void)pthread_mutex_unlock(&it->lock);
	return ed;
}

void items_put(struct items_edition *ed)
{
	if (!ed || atomic_fetch_sub(&ed->refs, 1) != 1) return;
	edition_free(ed);
}

const struct catalog *items_catalog(const struct items_edition *ed)
{
	return ed->catalog;
}

enum offer items_offer(const struct items_edition *ed, const char *code, enum tier tier)
{
	const struct catalog_item *it = ed ? catalog_find(ed->catalog, code) : NULL;
	return it ? it->offers[tier] : OFFER_NONE;
}

/* The old edition that the case was opened under; NULL where it is the one in force, or is not here. */
static const struct old_item *find_old(const struct items_edition *ed, const struct caseview *v)
{
	int64_t version = ed ? fields_int(v->doc, "catalog_version", 0) : 0;
	for (int i = 0; version && i < ed->n_old; i++) {
		if (ed->old[i].version != version) continue;
		for (size_t k = 0; k < ed->old[i].n; k++)
			if (strcmp(ed->old[i].items[k].code, v->item) == 0) return &ed->old[i].items[k];
	}
	return NULL;
}

const char *items_case_name(const struct items_edition *ed, const struct caseview *v)
{
	const struct old_item *old = find_old(ed, v);
	const struct catalog_item *it = ed && !old ? catalog_find(ed->catalog, v->item) : NULL;
	return old ? old->name : it ? it->name : v->item;
}

const char *items_case_department(const struct items_edition *ed, const struct caseview *v)
{
	const struct old_item *old = find_old(ed, v);
	const struct catalog_item *it = ed && !old ? catalog_find(ed->catalog, v->item) : NULL;
	return old ? old->department : it ? it->department : "";
}

enum offer items_case_offer(const struct items_edition *ed, const struct caseview *v, enum tier tier)
{
	const struct old_item *old = find_old(ed, v);
	return old ? old->offers[tier] : items_offer(ed, v->item, tier);
}

bool items_case_deems(const struct items_edition *ed, const struct caseview *v)
{
	const struct old_item *old = find_old(ed, v);
	return old ? old->deems : terms_deems(ed ? catalog_find(ed->catalog, v->item) : NULL);
}

struct term_days items_case_days(const struct items_edition *ed, const struct caseview *v)
{
	const struct old_item *old = find_old(ed, v);
	return old ? old->days : terms_days(ed ? catalog_find(ed->catalog, v->item) : NULL);
}

struct item_law items_case_law(const struct items_edition *ed, const struct caseview *v)
{
	const struct old_item *old = find_old(ed, v);
	const struct catalog_item *it = ed && !old ? catalog_find(ed->catalog, v->item) : NULL;
	if (old) return (struct item_law){.department = old->department, .permit = old->permit};
	return it ? (struct item_law){.department = it->department, .permit = it->permit}
	          : (struct item_law){.department = ""};
}

bool items_known(const struct items_edition *ed, const char *code)
{
	bool known = catalog_find(ed->catalog, code) != NULL;
	for (int i = 0; i < ed->n_old; i++)
		for (size_t k = 0; k < ed->old[i].n && !known; k++)
			known = strcmp(ed->old[i].items[k].code, code) == 0;
	return known;
}

/* --- taking what the feed brought --- */

static int old_fill(struct old_edition *o, const struct catalog *cat, struct err *e)
{
	o->version = catalog_version(cat);
	o->items = calloc(catalog_count(cat), sizeof *o->items);
	if (!o->items) return err_set(e, ERR_NOMEM, "items");
	for (size_t i = 0; i < catalog_count(cat); i++) {
		const struct catalog_item *from = catalog_at(cat, i);
		struct old_item *to = &o->items[o->n++];
		to->code = strdup(from->code);
		to->name = strdup(from->name);
		to->department = strdup(from->department);
		memcpy(to->offers, from->offers, sizeof to->offers);
		to->days = terms_days(from);
		to->deems = terms_deems(from);
		to->permit = from->permit;
		if (!to->code || !to->name || !to->department) return err_set(e, ERR_NOMEM, "items");
	}
	return ERR_OK;
}

/* One that cannot be read is left out: its cases are shown by the newest. */
static int add_old(struct items_edition *ed, struct ledger *l, int64_t version, struct err *e)
{
	json_t *doc = NULL;
	struct catalog *cat = NULL;
	struct err bad = {0};
	int rc = ledger_thing_at(l, "catalog", version, &doc, &bad);
	if (!rc) rc = catalog_new(doc, &cat, &bad);
	if (!rc) rc = old_fill(&ed->old[ed->n_old++], cat, &bad);
	catalog_free(cat);
	json_decref(doc);
	return rc == (int)ERR_NOMEM ? err_set(e, ERR_NOMEM, "%s", bad.msg) : ERR_OK;
}

static struct items_edition *edition_new(struct ledger *l, const struct versions *v, struct err *e)
{
	json_t *doc = NULL;
	struct items_edition *ed = calloc(1, sizeof *ed);
	int rc = ed ? ledger_thing_at(l, "catalog", v->v[0], &doc, e) : err_set(e, ERR_NOMEM, "items");
	if (!rc) rc = catalog_new(doc, &ed->catalog, e);
	if (ed) {
		atomic_init(&ed->refs, 1);
		ed->doc = doc;
	}
	for (int i = 1; i < v->n && !rc; i++)
		rc = add_old(ed, l, v->v[i], e);
	if (!rc) return ed;
	edition_free(ed);
	return NULL;
}

static bool same_versions(const struct versions *a, const struct versions *b)
{
	return a->n == b->n && memcmp(a->v, b->v, (size_t)a->n * sizeof a->v[0]) == 0;
}

bool items_refresh(struct items *it, struct ledger *l, const struct log *log)
{
	struct versions v = {0};
	struct err e = {0};
	int rc = ledger_thing_versions(l, "catalog", v.v, VERSIONS_MAX, &v.n, &e);
	if (rc) log_error(log, "catalog", "error=%s text=\"%s\"", err_name((enum err_code)rc), e.msg);
	if (rc || v.n == 0 || same_versions(&v, &it->versions)) return false;
	struct items_edition *ed = edition_new(l, &v, &e);
	(void)pthread_mutex_lock(&it->lock);
	struct items_edition *old = ed ? it->now : NULL;
	if (ed) it->now = ed;
	(void)pthread_mutex_unlock(&it->lock);
	it->versions = v; /* a wrong one is not looked at again, the one before stays */
	items_put(old);
	if (ed)
		log_info(log, "catalog", "version=%lld older=%d", (long long)v.v[0], ed->n_old);
	else
		log_error(log, "catalog", "version=%lld text=\"%s\"", (long long)v.v[0], e.msg);
	return ed != NULL;
}

/* --- the API --- */

/* Edition and identity for a handler; answers NOT_ENROLLED when one is missing. */
static struct items_edition *enter(struct gateway *gw, struct http_req *req, struct ledger_identity *id)
{
	struct ledger *l = readers_take(gw->readers);
	*id = *ledger_identity(l);
	readers_give(gw->readers, l);
	struct items_edition *ed = id->enrolled ? items_get(gw->items) : NULL;
	if (!ed) answer_later(req, PROBLEM_NOT_ENROLLED, 30);
	return ed;
}

void items_catalog_get(struct http_req *req, void *ctx)
{
	struct ledger_identity id;
	if (!answer_no_query(req)) return;
	struct items_edition *ed = enter(ctx, req, &id);
	if (!ed) return;
	int n[OFFER_HANDLE + 1] = {0};
	for (size_t i = 0; i < catalog_count(ed->catalog); i++)
		n[catalog_at(ed->catalog, i)->offers[id.tier]]++;
	const json_t *county = json_object_get(ed->doc, "county");
	json_t *out =
	    json_pack("{s:s, s:I, s:s, s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s, s:s, s:s, s:s?}, s:{s:i, s:i, s:i}}",
	              "catalog", catalog_name(ed->catalog), "version", (json_int_t)catalog_version(ed->catalog),
	              "title", fields_text(ed->doc, "title"), "source", fields_text(ed->doc, "source"), "published",
	              fields_text(ed->doc, "published"), "county", "name", fields_text(county, "name"), "division_code",
	              fields_text(county, "division_code"), "station", "code", id.station, "name", id.name, "title",
	              id.name, "tier", tier_name(id.tier), "township", *id.township ? id.township : NULL, "counts",
	              "handle", n[OFFER_HANDLE], "accept", n[OFFER_ACCEPT], "not_offered", n[OFFER_NONE]);
	items_put(ed);
	http_reply_json(req, 200, out);
}

json_t *items_office(const struct catalog_item *it, enum tier tier)
{
	const char *zh = NULL, *level = catalog_office(it, tier, &zh);
	return json_pack("{s:s, s:s}", "level", level, "name", zh);
}

/* Adds what depends on the station. */
static void add_offer(json_t *out, const struct catalog_item *it, enum tier tier, int *rc)
{
	const char *offer = offer_name(it->offers[tier]);
	const char *status = fields_text(json_object_get(it->json, "guide"), "status");
	caseview_set(out, "offer", offer ? json_string(offer) : json_null(), rc);
	caseview_set(out, "office", offer ? json_null() : items_office(it, tier), rc);
	caseview_set(out, "guide_status", json_string(*status ? status : "none"), rc);
}

static json_t *summary(const struct catalog_item *it, enum tier tier)
{
	int rc = ERR_OK;
	json_t *out = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s}", "code", it->code, "name", it->name,
	                        "category", it->category, "type", it->type, "record", record_name(it->record), "permit",
	                        it->permit, "window", it->window, "department", it->department);
	if (out) add_offer(out, it, tier, &rc);
	if (!rc) return out;
	json_decref(out);
	return NULL;
}

void items_one_get(struct http_req *req, void *ctx)
{
	struct ledger_identity id;
	if (!answer_no_query(req)) return;
	struct items_edition *ed = enter(ctx, req, &id);
	if (!ed) return;
	const struct catalog_item *it = catalog_find(ed->catalog, http_req_param(req, "code"));
	json_t *out = it ? json_copy((json_t *)(uintptr_t)it->json) : NULL;
	int rc = out ? ERR_OK : ERR_NOMEM;
	if (out) {
		add_offer(out, it, id.tier, &rc);
		(void)json_object_del(out, "pinyin"); /* for searching alone */
		(void)json_object_del(out, "initials");
	}
	if (!it)
		http_problem_code(req, PROBLEM_NOT_FOUND, NULL);
	else if (!rc)
		http_reply_json(req, 200, json_incref(out));
	else
		answer_later(req, PROBLEM_BUSY, 1);
	json_decref(out);
	items_put(ed);
}

struct filter {
	const char *q, *category;
	int offered; /* -1 = both */
	size_t from;
	int limit;
};

static void read_filter(const struct http_req *req, const struct catalog *cat, struct filter *f, struct problem *p)
{
	const char *offered = http_req_query(req, "offered");
	char code[4 * CODE_MAX + 1];
	f->q = answer_query_text(req, "q", 100, true, p);
	f->category = answer_query_text(req, "category", CODE_MAX, false, p);
	f->offered = !offered ? -1 : strcmp(offered, "true") == 0;
	if (offered && !f->offered && strcmp(offered, "false") != 0)
		problem_field(p, "/?offered", "type", "true or false is wanted");
	f->limit = (int)answer_query_int(req, "limit", 1, LIMIT_PAGE, LIMIT_PAGE_DEFAULT, p);
	const char *cursor = http_req_query(req, "cursor");
	if (!cursor) return;
	long n = text_unb64(cursor, strlen(cursor), (uint8_t *)code, sizeof code - 1);
	code[n < 0 ? 0 : n] = '\0';
	const struct catalog_item *last = n > 0 ? catalog_find(cat, code) : NULL;
	if (!last)
		problem_field(p, "/?cursor", "format", "not a cursor of this list");
	else
		f->from = (size_t)(last - catalog_at(cat, 0)) + 1;
}

static bool fits(const struct catalog_item *it, const struct filter *f, enum tier tier)
{
	if (f->q && !catalog_matches(it, f->q)) return false;
	if (f->category && strcmp(it->category, f->category) != 0) return false;
	return f->offered < 0 || f->offered == (it->offers[tier] != OFFER_NONE);
}

static json_t *page(const struct catalog *cat, const struct filter *f, enum tier tier)
{
	json_t *rows = json_array(), *next = json_null();
	const struct catalog_item *last = NULL;
	for (size_t i = f->from; rows && i < catalog_count(cat); i++) {
		const struct catalog_item *it = catalog_at(cat, i);
		if (!fits(it, f, tier)) continue;
		if ((int)json_array_size(rows) == f->limit) {
			char cursor[TEXT_B64_LEN(4 * CODE_MAX)];
			(void)text_b64url(last->code, strnlen(last->code, 4 * CODE_MAX), cursor);
			next = json_string(cursor);
			break;
		}
		json_t *one = summary(it, tier);
		if (!one || json_array_append_new(rows, one)) {
			json_decref(rows);
			return NULL;
		}
		last = it;
	}
	return json_pack("{s:o, s:o}", "items", rows, "next", next);
}

void items_list_get(struct http_req *req, void *ctx)
{
	static const char *const known[] = {"q", "category", "offered", "cursor", "limit", NULL};
	struct ledger_identity id;
	struct filter f = {0};
	struct problem p = {0};
	if (!http_req_query_only(req, known)) return;
	struct items_edition *ed = enter(ctx, req, &id);
	if (!ed) return;
	read_filter(req, ed->catalog, &f, &p);
	if (problem_any(&p))
		http_problem(req, &p);
	else
		http_reply_json(req, 200, page(ed->catalog, &f, id.tier));
	items_put(ed);
}
