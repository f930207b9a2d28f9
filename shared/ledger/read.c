/* Reading a ledger: one case, lists, look-ups, history, changes, things. Any connection; see ledger.h. */
#include "shared/ledger/read.h"
#include "shared/ledger/internal.h"

#include "shared/body.h"
#include "shared/fields.h"
#include "shared/mutant.h"
#include "shared/receipt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYNC_STATUS_MAX 2048 /* bytes of the courier's JSON */

const char *ledger_sync_name(enum ledger_sync s)
{
	static const char *const names[] = {"local", "sent", "received", "settled", "refused"};
	return names[s];
}

void ledger_case_release(struct ledger_case *c)
{
	caseview_release(&c->view);
}

enum ledger_sync ledger_sync_of(const struct ledger_head *h, int64_t own, int64_t settled, int64_t refused,
                                int64_t last)
{
	if (refused > 0) return SYNC_REFUSED;
	if (settled >= own || MUTANT(shown_too_early, false, last <= h->received_seq)) return SYNC_SETTLED;
	if (last > h->sent_seq) return SYNC_LOCAL;
	return last > h->received_seq ? SYNC_SENT : SYNC_RECEIVED;
}

static int head_or_none(struct ledger *l, struct ledger_head *h, struct err *e)
{
	struct err none = {0};
	*h = (struct ledger_head){0};
	if (l->head_loaded) {
		*h = l->head;
		return ERR_OK;
	}
	int rc = ledger_head(l, h, &none);
	return rc == (int)ERR_NOTFOUND ? ERR_OK : rc ? err_set(e, (enum err_code)rc, "%s", none.msg) : ERR_OK;
}

/* A row of case_get or case_list. */
static int read_row(struct ledger *l, struct db_stmt *s, const struct ledger_head *h, struct ledger_case *c,
                    struct err *e)
{
	size_t n;
	char kind[48], *doc = NULL;
	uint8_t id[UUID_LEN] = {0};
	const void *p = db_blob(s, 0, &n);
	if (p && n == UUID_LEN) memcpy(id, p, n);
	caseview_init(&c->view, id);
	struct caseview *v = &c->view;
	v->exists = true;
	db_copy_text(s, 1, v->receipt, sizeof v->receipt);
	db_copy_text(s, 2, v->station, sizeof v->station);
	db_copy_text(s, 3, v->item, sizeof v->item);
	const char *state = db_text(s, 4);
	if (!state || !state_parse(state, &v->state)) return err_set(e, ERR_CORRUPT, "a case has an unknown state");
	db_copy_text(s, 5, v->holder, sizeof v->holder);
	v->received_at = db_int(s, 6);
	v->updated_at = db_int(s, 7);
	v->revision = db_int(s, 8);
	c->sync = ledger_sync_of(h, db_int(s, 9), db_int(s, 10), db_int(s, 11), db_int(s, 12));
	p = db_blob(s, 13, &n);
	ledger_case_kind(id, kind);
	int rc = ledger_unseal(l, kind, 0, 0, p, n, &doc, &n, e);
	if (!rc) rc = caseview_load_doc(v, doc, n, e);
	free(doc);
	return rc;
}

int ledger_case_get(struct ledger *l, const uint8_t id[UUID_LEN], struct ledger_case *out, struct err *e)
{
	struct ledger_head h;
	int rc = head_or_none(l, &h, e);
	if (rc) return rc;
	struct db_stmt *s = db_query(l->db, Q_case_get, e);
	if (!s) return ERR_IO;
	db_bind_blob(s, "id", id, UUID_LEN);
	int r = db_step(s, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_NOTFOUND, "no such case");
	rc = read_row(l, s, &h, out, e);
	db_reset(s);
	return rc;
}

static struct db_stmt *list_query(struct ledger *l, const struct ledger_page *p, struct err *e)
{
	struct db_stmt *s = db_query(l->db, p->item ? Q_case_list_item : p->state ? Q_case_list_state : Q_case_list, e);
	if (!s) return NULL;
	if (p->item)
		db_bind_text(s, "item", p->item);
	else if (p->state)
		db_bind_text(s, "state", p->state);
	db_bind_int(s, "received_at", p->before_at);
	db_bind_blob(s, "id", p->before_id, UUID_LEN);
	db_bind_int(s, "limit",
	            p->item && p->state ? -1 : p->limit + 1); /* -1: rows are dropped by state while reading */
	return s;
}

int ledger_case_list(struct ledger *l, const struct ledger_page *page, bool (*fn)(const struct ledger_case *, void *),
                     void *arg, bool *more, struct err *e)
{
	struct ledger_head h;
	int r = 0, n = 0, rc = head_or_none(l, &h, e);
	bool go = true;
	*more = false;
	if (rc) return rc;
	struct db_stmt *s = list_query(l, page, e);
	if (!s) return ERR_IO;
	while (go && !rc && (r = db_step(s, e)) > 0) {
		const char *state = db_text(s, 4);
		if (page->state && page->item && state && strcmp(state, page->state) != 0) continue;
		if (n++ == page->limit) {
			*more = true;
			break;
		}
		struct ledger_case c = {0};
		rc = read_row(l, s, &h, &c, e);
		if (!rc) go = fn(&c, arg);
		ledger_case_release(&c);
	}
	db_reset(s);
	return rc ? rc : r < 0 ? -r : ERR_OK;
}

static int find_by_receipt(struct ledger *l, const char *text, uint8_t (*out)[UUID_LEN], int *n, struct err *e)
{
	size_t len;
	struct db_stmt *s = db_query(l->db, Q_case_by_receipt, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "receipt", text);
	int r = db_step(s, e);
	const void *id = r > 0 ? db_blob(s, 0, &len) : NULL;
	if (id && len == UUID_LEN) memcpy(out[(*n)++], id, UUID_LEN);
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

static int find_by_key(struct ledger *l, const char *kind, const char *text, uint8_t (*out)[UUID_LEN], int limit,
                       int *n, struct err *e)
{
	size_t len;
	int r = 0;
	struct db_stmt *s = db_query(l->db, Q_case_key_find, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "hmac", ledger_index_key(l, kind, text));
	db_bind_int(s, "limit", limit - *n);
	while (*n < limit && (r = db_step(s, e)) > 0) {
		const void *id = db_blob(s, 0, &len);
		if (id && len == UUID_LEN) memcpy(out[(*n)++], id, UUID_LEN);
	}
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

int ledger_case_find(struct ledger *l, const char *text, uint8_t (*out)[UUID_LEN], int limit, int *n, struct err *e)
{
	*n = 0;
	if (limit < 1) return ERR_OK;
	int rc = find_by_receipt(l, text, out, n, e);
	if (!rc) rc = find_by_key(l, "receipt", text, out, limit, n, e);
	if (!rc) rc = find_by_key(l, "id", text, out, limit, n, e);
	if (!rc) rc = find_by_key(l, "phone", text, out, limit, n, e);
	return rc;
}

/* --- refusals --- */

void ledger_refusals_free(struct ledger_refusal **list)
{
	while (*list) {
		struct ledger_refusal *r = *list;
		*list = r->next;
		free(r);
	}
}

/* Takes ID off the list, and what that one was itself to mend. */
static void take_off(struct ledger_refusal **list, const uint8_t id[UUID_LEN], int *n)
{
	for (struct ledger_refusal **at = list; *at; at = &(*at)->next) {
		struct ledger_refusal *r = *at;
		if (memcmp(r->id, id, UUID_LEN) != 0) continue;
		*at = r->next;
		(*n)++;
		if (r->mends) take_off(list, r->amends, n);
		free(r);
		return;
	}
}

int ledger_refusals_note(struct ledger_refusal **list, const struct ledger_history *h, const json_t *body, int *mended,
                         struct err *e)
{
	uint8_t id[UUID_LEN];
	bool mends = body_amends(body, id);
	*mended = 0;
	if (h->sync != SYNC_REFUSED) {
		if (mends) take_off(list, id, mended);
		return ERR_OK;
	}
	struct ledger_refusal *r = calloc(1, sizeof *r);
	if (!r) return err_set(e, ERR_NOMEM, "refusals");
	r->mends = mends;
	memcpy(r->id, h->ev.id, UUID_LEN);
	if (mends) memcpy(r->amends, id, UUID_LEN);
	(void)snprintf(r->type, sizeof r->type, "%s", h->ev.type);
	(void)snprintf(r->code, sizeof r->code, "%s", h->code ? h->code : "unknown");
	(void)snprintf(r->pointer, sizeof r->pointer, "%s", h->pointer ? h->pointer : "");
	(void)snprintf(r->message, sizeof r->message, "%s", h->message ? h->message : "");
	while (*list)
		list = &(*list)->next;
	*list = r;
	return ERR_OK;
}

struct history_arg {
	struct ledger *l;
	bool (*fn)(const struct ledger_history *, void *);
	void *arg;
	int64_t n;
	int rc;
	struct err *e;
};

static bool history_row(const struct ledger_history *h, void *arg)
{
	struct history_arg *a = arg;
	struct ledger_history row = *h;
	a->n++;
	if (h->own) a->rc = ledger_clock_corrected(a->l, &h->ev, &row.corrected, a->e);
	return !a->rc && a->fn(&row, a->arg);
}

int ledger_case_history(struct ledger *l, const uint8_t id[UUID_LEN], bool (*fn)(const struct ledger_history *, void *),
                        void *arg, struct err *e)
{
	struct ledger_fold f;
	struct history_arg a = {.l = l, .fn = fn, .arg = arg, .e = e};
	int rc = ledger_fold_case(l, id, &f, history_row, &a, e);
	if (rc) return rc;
	caseview_release(&f.view);
	if (a.rc) return a.rc;
	return a.n ? ERR_OK : err_set(e, ERR_NOTFOUND, "no such case");
}

int ledger_changes(struct ledger *l, int64_t after, int limit,
                   void (*fn)(const uint8_t id[UUID_LEN], int64_t change, void *), void *arg, struct err *e)
{
	int r;
	size_t n;
	struct db_stmt *s = db_query(l->db, Q_changes_after, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "after", after);
	db_bind_int(s, "limit", limit);
	while ((r = db_step(s, e)) > 0) {
		const void *id = db_blob(s, 0, &n);
		if (id && n == UUID_LEN) fn(id, db_int(s, 1), arg);
	}
	return -r;
}

int ledger_change_head(struct ledger *l, int64_t *change, int64_t *epoch, struct err *e)
{
	*change = 0;
	struct db_stmt *s = db_query(l->db, Q_change_head, e);
	if (!s) return ERR_IO;
	int r = db_step(s, e);
	if (r > 0) *change = db_int(s, 0);
	db_reset(s);
	return r < 0 ? -r : ledger_meta_int(l, "epoch", 0, epoch, e);
}

/* The document of the thing that the feed's entry AT brought. */
static int thing_of(struct ledger *l, int64_t at, json_t **out, struct err *e)
{
	size_t n;
	json_t *entry = NULL;
	struct db_stmt *s = db_query(l->db, Q_feed_at, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "n", at);
	int r = db_step(s, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_CORRUPT, "feed entry %lld is missing", (long long)at);
	const void *raw = db_blob(s, 0, &n);
	int rc = ledger_feed_entry(l, at, raw, n, &entry, e);
	db_reset(s);
	if (!rc) *out = json_incref(json_object_get(entry, "body"));
	json_decref(entry);
	return rc ? rc : *out ? ERR_OK : err_set(e, ERR_CORRUPT, "feed entry %lld has no body", (long long)at);
}

int ledger_thing(struct ledger *l, const char *kind, json_t **out, int64_t *version, struct err *e)
{
	*out = NULL;
	struct db_stmt *s = db_query(l->db, Q_thing_latest, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "kind", kind);
	int r = db_step(s, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_NOTFOUND, "no %s has arrived", kind);
	*version = db_int(s, 0);
	int64_t at = db_int(s, 1);
	db_reset(s);
	return thing_of(l, at, out, e);
}

int ledger_thing_at(struct ledger *l, const char *kind, int64_t version, json_t **out, struct err *e)
{
	*out = NULL;
	struct db_stmt *s = db_query(l->db, Q_thing_feed, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "kind", kind);
	db_bind_int(s, "version", version);
	int r = db_step(s, e);
	if (r <= 0) return r < 0 ? -r : err_set(e, ERR_NOTFOUND, "no %s %lld", kind, (long long)version);
	int64_t at = db_int(s, 0);
	db_reset(s);
	return thing_of(l, at, out, e);
}

int ledger_thing_versions(struct ledger *l, const char *kind, int64_t *out, int max, int *n, struct err *e)
{
	int r = 0;
	*n = 0;
	struct db_stmt *s = db_query(l->db, Q_thing_versions, e);
	if (!s) return ERR_IO;
	db_bind_text(s, "kind", kind);
	db_bind_int(s, "limit", max);
	while (*n < max && (r = db_step(s, e)) > 0)
		out[(*n)++] = db_int(s, 0);
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

static int count(struct ledger *l, size_t q, int64_t *out, struct err *e)
{
	struct db_stmt *s = db_query(l->db, q, e);
	if (!s) return ERR_IO;
	int r = db_step(s, e);
	*out = r > 0 ? db_int(s, 0) : 0;
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

int ledger_counts(struct ledger *l, struct ledger_counts *out, struct err *e)
{
	int rc = count(l, Q_case_count, &out->cases, e);
	if (!rc) rc = count(l, Q_case_count_refused, &out->refused, e);
	if (!rc) rc = count(l, Q_feed_head, &out->feed, e);
	return rc;
}

int ledger_sync_status(struct ledger *l, json_t **out, struct err *e)
{
	char text[SYNC_STATUS_MAX];
	int rc = ledger_meta_text(l, "sync_status", text, sizeof text, e);
	if (rc) return rc;
	*out = json_loads(text, 0, NULL);
	if (!json_is_object(*out)) { /* a projection for people: damaged, it says nothing */
		json_decref(*out);
		*out = json_object();
	}
	return *out ? ERR_OK : err_set(e, ERR_NOMEM, "sync status");
}

int ledger_logs(struct ledger *l, void (*fn)(const struct ledger_log *, void *), void *arg, struct err *e)
{
	int r;
	struct db_stmt *s = db_query(l->db, Q_log_list, e);
	if (!s) return ERR_IO;
	while ((r = db_step(s, e)) > 0) {
		struct ledger_log g = {.box = (int)db_int(s, 2),
		                       .opened_at = db_int(s, 3),
		                       .head_seq = db_int(s, 4),
		                       .received_seq = db_int(s, 6),
		                       .kept = db_is_null(s, 8) ? -1 : db_int(s, 8)};
		(void)db_copy_blob(s, 1, g.log, UUID_LEN);
		(void)db_copy_blob(s, 5, g.hash, DIGEST_LEN);
		fn(&g, arg);
	}
	return -r;
}
