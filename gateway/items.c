/* See items.h. The edition in force stands behind a mutex that is held for a pointer and a count; handlers of /catalog
 * read the edition they took, so that a newer one may arrive in the middle. */
#include "gateway/items.h"
#include "shared/ledger/read.h"

#include "gateway/answer.h"
#include "gateway/readers.h"
#include "shared/caseview.h"
#include "shared/db/db.h"
#include "shared/fields.h"
#include "shared/text.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CODE_MAX 40 /* characters of an item's code */

struct items_edition {
	atomic_int refs;
	json_t *doc;
	struct catalog *catalog;
};

struct items {
	pthread_mutex_t lock;
	struct items_edition *now; /* NULL before the first */
	int64_t version;           /* of the ledger's thing that NOW was made from, or that was found wrong */
};

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
	catalog_free(ed->catalog);
	json_decref(ed->doc);
	free(ed);
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

static struct items_edition *edition_new(json_t *doc, struct err *e)
{
	struct items_edition *ed = calloc(1, sizeof *ed);
	if (!ed || catalog_new(doc, &ed->catalog, e)) {
		free(ed);
		return NULL;
	}
	atomic_init(&ed->refs, 1);
	ed->doc = json_incref(doc);
	return ed;
}

/* The version that the ledger has, without reading it; -1 when that cannot be told. */
static int64_t latest(struct ledger *l)
{
	struct db_stmt *s = db_query(ledger_db(l), QUERY_thing_latest, NULL);
	if (!s) return -1;
	db_bind_text(s, "kind", "catalog");
	int64_t version = db_step(s, NULL) > 0 ? db_int(s, 0) : -1;
	db_reset(s);
	return version;
}

bool items_refresh(struct items *it, struct ledger *l, const struct log *log)
{
	json_t *doc = NULL;
	int64_t version = 0;
	struct err e = {0};
	if (latest(l) == it->version) return false;
	int rc = ledger_thing(l, "catalog", &doc, &version, &e);
	if (rc) {
		if (rc != (int)ERR_NOTFOUND)
			log_error(log, "catalog", "error=%s text=\"%s\"", err_name((enum err_code)rc), e.msg);
		return false;
	}
	struct items_edition *ed = edition_new(doc, &e);
	json_decref(doc);
	(void)pthread_mutex_lock(&it->lock);
	struct items_edition *old = ed ? it->now : NULL;
	if (ed) it->now = ed;
	(void)pthread_mutex_unlock(&it->lock);
	it->version = version; /* a wrong one is not looked at again, the one before stays */
	items_put(old);
	if (ed)
		log_info(log, "catalog", "version=%lld", (long long)version);
	else
		log_error(log, "catalog", "version=%lld text=\"%s\"", (long long)version, e.msg);
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
