/* See acts.h. What can be told from the call alone is checked on the thread that serves; the key, the revision, who
 * holds the case and what its state allows, in the write transaction that appends the event and remembers the key. */
#include "sync/county/acts.h"

#include "shared/body.h"
#include "shared/canon.h"
#include "shared/event.h"
#include "shared/fields.h"
#include "shared/mask.h"
#include "shared/registers.h"
#include "sync/county/casefile.h"
#include "sync/county/cases.h"

#include <stdlib.h>
#include <string.h>

static const struct field shape[] = {
    {.name = "type", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = EVENT_TYPE_MAX - 1},
    {.name = "body", .kind = FIELD_ANY, .flags = FIELD_REQUIRED},
    {.name = NULL},
};

/* --- who may --- */

/* May WHO append TYPE now? BOXED: the holder has a box of its own. A refusal goes to P. */
static bool may(const struct session *who, const struct caseview *v, enum case_event type, bool boxed,
                struct problem *p)
{
	const struct state_row *row = NULL;
	enum caseview_fit fit = caseview_may(v, type, EVENT_COUNTY, &row);
	if (fit != FIT_OK) {
		problem_set(p, PROBLEM_TRANSITION, "%s in state %s", state_event_name(type), state_name(v->state));
		return false;
	}
	if (boxed && row->by != BY_COUNTY_OR_REGISTERING && row->by != BY_ANY) {
		problem_set(p, PROBLEM_TRANSITION, "the holder has a box of its own");
		return false;
	}
	if (row->who == WHO_HEAD && who->role != ROLE_HEAD) {
		problem_set(p, PROBLEM_FORBIDDEN, "this is for a head");
		return false;
	}
	return true;
}

/* Does the state of V let TYPE come at all? */
static bool offered(const struct caseview *v, enum case_event type)
{
	if (registers_is_item(v->item)) return registers_action(v, type);
	return body_is_act(type) && caseview_once(v, type, NULL) != FIT_STEP;
}

json_t *acts_list(struct call *c, struct worker *w, const struct caseview *v, struct err *e)
{
	bool boxed = false;
	if (casefile_has_box(w->store, v->holder, &boxed, e)) return NULL;
	json_t *list = json_array();
	for (int t = 0; list && t < EVENT_COUNT && c->who.role & ROLE_ACTS; t++) {
		struct problem p = {0};
		if (!offered(v, (enum case_event)t)) continue;
		bool ok = may(&c->who, v, (enum case_event)t, boxed, &p);
		problem_release(&p);
		if (ok && json_array_append_new(list, json_string(state_event_name((enum case_event)t)))) {
			json_decref(list);
			list = NULL;
		}
	}
	if (!list) (void)err_set(e, ERR_NOMEM, "actions");
	return list;
}

/* --- the call itself --- */

/* Moves the field errors of a body to where it stands in the call. */
static void prefix(struct problem *p, struct problem *inner)
{
	size_t i;
	json_t *one;
	if (!inner->errors) {
		problem_set(p, inner->code, "%s", inner->detail);
		return;
	}
	json_array_foreach(inner->errors, i, one) {
		char pointer[256];
		(void)snprintf(pointer, sizeof pointer, "/body%s", fields_text(one, "pointer"));
		problem_field(p, pointer, fields_text(one, "code"), "%s", fields_text(one, "message"));
	}
}

static bool check(const json_t *call, bool entry, int64_t now, struct problem *p)
{
	enum case_event type;
	struct problem inner = {0};
	const json_t *body = json_object_get(call, "body");
	if (!fields_check(call, shape, "", p)) return false;
	if (!state_event_parse(fields_text(call, "type"), &type))
		problem_field(p, "/type", "value", "no such event type");
	else if (!(entry ? registers_is_act(type) : body_is_act(type)))
		problem_field(p, "/type", "not_allowed", "the county does not append this");
	else if (!json_is_object(body))
		problem_field(p, "/body", "type", "an object is wanted");
	else if (!body_check(type, body, now, &inner))
		prefix(p, &inner);
	problem_release(&inner);
	return !problem_any(p);
}

/* SHA-256 of principal, target and canonical request: what a key stands for. */
static int digest(const struct call *c, const json_t *call, uint8_t out[DIGEST_LEN], struct err *e)
{
	char id[UUID_TEXT];
	struct buf b;
	buf_init(&b, 2 * LIMIT_CASE_BODY);
	uuid_text(c->id, id);
	buf_addf(&b, "%lld\nPOST /api/v1/cases/%s/events\n", (long long)c->who.account.id, id);
	int rc = canon_write(call, &b, e);
	if (!rc) digest_sha256(b.data, b.len, out);
	buf_release(&b);
	return rc;
}

/* Has the key been used? A refusal in P when by another call. */
static int find_key(struct call *c, struct worker *w, const uint8_t request[DIGEST_LEN], bool *replayed,
                    struct problem *p, struct err *e)
{
	size_t n;
	*replayed = false;
	struct db_stmt *q = db_query(w->store->db, Q_call_get, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "key", http_req_key(c->req), UUID_LEN);
	int r = db_step(q, e);
	const void *old = r > 0 ? db_blob(q, 0, &n) : NULL;
	*replayed = old && n == DIGEST_LEN && memcmp(old, request, n) == 0;
	if (r > 0 && !*replayed) problem_set(p, PROBLEM_KEY_REUSED, NULL);
	db_reset(q);
	return r < 0 ? -r : ERR_OK;
}

static int keep_key(struct call *c, struct worker *w, const uint8_t request[DIGEST_LEN], struct err *e)
{
	struct db_stmt *q = db_query(w->store->db, Q_call_put, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "key", http_req_key(c->req), UUID_LEN);
	db_bind_blob(q, "request", request, DIGEST_LEN);
	db_bind_blob(q, "case_id", c->id, UUID_LEN);
	return db_run(q, e);
}

/* A case goes to a station that there is, or to a department that the catalog names. */
static int check_target(struct worker *w, const char *to, struct problem *p, struct err *e)
{
	struct catalog *cat = NULL;
	struct store_station st;
	struct err none = {0};
	int rc = ERR_OK;
	bool found = false;
	if (casefile_is_station(to)) {
		rc = store_station(w->store, to, &st, &none);
		explicit_bzero(&st, sizeof st);
		found = rc == ERR_OK;
		if (rc == (int)ERR_NOTFOUND) rc = ERR_OK;
	} else {
		rc = store_catalog(w->store, &cat, &none);
		for (size_t i = 0; !rc && !found && i < catalog_count(cat); i++)
			found = strcmp(catalog_at(cat, i)->department, to) == 0;
	}
	if (rc) return err_set(e, none.code, "%s", none.msg);
	if (!found) problem_field(p, "/body/to", "value", "neither a station nor a department of the catalog");
	return ERR_OK;
}

/* 超期原因: whoever ends a term that has passed says why. */
static int check_overtime(struct call *c, struct casefile *f, enum case_event type, const json_t *body,
                          struct problem *p, struct err *e)
{
	enum term_kind late[TERM_KINDS];
	int n = 0;
	if (*fields_text(body, "overtime_reason")) return ERR_OK;
	int rc = casefile_late(f, type, county_now(c->county), late, &n, e);
	if (!rc && n)
		problem_field(p, "/body/overtime_reason", "required", "the %s term has passed: say why",
		              term_kind_name(late[0]));
	return rc;
}

static void check_reveal(const struct casefile *f, const char *what, struct problem *p)
{
	json_t *block = mask_revealed(f->view.doc, what);
	bool entry = registers_is_item(f->view.item), whole = strcmp(what, "entry") == 0;
	if (whole != entry || json_is_null(block)) problem_field(p, "/what", "value", "there is nothing of that");
	json_decref(block);
}

static int check_case(struct call *c, struct worker *w, struct casefile *f, enum case_event type, const json_t *body,
                      struct problem *p, struct err *e)
{
	bool boxed = false;
	struct problem inner = {0};
	bool seen = false;
	bool there =
	    f->view.exists && (c->entry ? strcmp(f->view.item, c->item) == 0 : !registers_is_item(f->view.item));
	int rc = there ? cases_visible(&c->who, w, &f->view, f->department, &seen, e) : ERR_OK;
	if (rc || !seen) {
		if (!rc) problem_set(p, PROBLEM_NOT_FOUND, NULL);
		return rc;
	}
	if (c->if_revision && c->if_revision != f->view.revision) {
		problem_set(p, PROBLEM_STALE, NULL);
		return ERR_OK;
	}
	rc = casefile_has_box(w->store, f->view.holder, &boxed, e);
	if (rc || !may(&c->who, &f->view, type, boxed, p)) return rc;
	const char *to = fields_text(body, "to");
	bool centre = type == EVENT_ENTRY_PASS && (!*to || strcmp(to, EVENT_COUNTY) == 0);
	if (type == EVENT_FORWARD || (type == EVENT_ENTRY_PASS && !centre)) return check_target(w, to, p, e);
	if (type == EVENT_REVEAL) check_reveal(f, fields_text(body, "what"), p);
	if (type == EVENT_AMEND && !body_check_amended(fields_text(body, "field"), fields_text(body, "new"),
	                                               f->view.doc, county_now(c->county), &inner))
		prefix(p, &inner);
	problem_release(&inner);
	return problem_any(p) ? ERR_OK : check_overtime(c, f, type, body, p, e);
}

static int make_event(struct call *c, const char *type, const json_t *body, struct event *ev, struct err *e)
{
	static const uint8_t no_key[EVENT_KEY_LEN]; /* the mac is each receiver's, in its feed */
	(void)pthread_mutex_lock(&c->county->lock);
	struct clock_now now = clock_read(&c->county->clock);
	(void)pthread_mutex_unlock(&c->county->lock);
	*ev = (struct event){.has_case = true, .at = now.wall, .mono = now.mono, .quality = now.quality};
	memcpy(ev->id, http_req_key(c->req), UUID_LEN);
	memcpy(ev->case_id, c->id, UUID_LEN);
	memcpy(ev->boot, c->county->clock.boot, sizeof ev->boot);
	int rc = event_set(ev->type, sizeof ev->type, type, "type", e);
	if (!rc) rc = event_set(ev->actor, sizeof ev->actor, c->who.account.name, "actor", e);
	if (!rc) rc = event_set(ev->origin, sizeof ev->origin, EVENT_COUNTY, "origin", e);
	return rc ? rc : event_set_body(ev, body, no_key, e);
}

/* Whoever amends a number gives its old value as it is shown to everybody: what stands there takes the mask's place in
 * *WHOLE (new reference; NULL where nothing was masked). */
static int fill_in_old(const struct casefile *f, const json_t *body, json_t **whole, struct err *e)
{
	const json_t *applicant = f->view.exists ? json_object_get(f->view.doc, "applicant") : NULL;
	const char *field = fields_text(body, "field");
	if (!applicant || !mask_is_of(applicant, field, fields_text(body, "old"))) return ERR_OK;
	*whole = fields_copy(body);
	if (*whole && !json_object_set_new(*whole, "old", json_string(fields_text(applicant, strrchr(field, '/') + 1))))
		return ERR_OK;
	return err_set(e, ERR_NOMEM, "amend");
}

static int append(struct call *c, struct worker *w, const json_t *call, struct problem *p, struct err *e)
{
	struct casefile f;
	struct event ev = {0};
	enum case_event type = EVENT_COUNT;
	const char *name = fields_text(call, "type");
	const json_t *body = json_object_get(call, "body");
	(void)state_event_parse(name, &type);
	json_t *whole = NULL;
	casefile_init(&f, w->store);
	int rc = casefile_load(&f, c->id, e);
	if (!rc && type == EVENT_AMEND) rc = fill_in_old(&f, body, &whole, e);
	if (whole) body = whole;
	if (!rc) rc = check_case(c, w, &f, type, body, p, e);
	if (!rc && !problem_any(p)) rc = make_event(c, name, body, &ev, e);
	if (!rc && !problem_any(p)) rc = casefile_act(&f, &ev, body, ev.at, p, e);
	if (!rc && !problem_any(p)) rc = casefile_flush(&f, e);
	casefile_drop(&f);
	event_release(&ev);
	json_decref(whole);
	return rc;
}

static int transact_call(struct call *c, struct worker *w, const json_t *call, bool *replayed, struct problem *p,
                         struct err *e)
{
	uint8_t request[DIGEST_LEN];
	int rc = digest(c, call, request, e);
	if (!rc) rc = store_begin(w->store, e);
	if (rc) return rc;
	rc = find_key(c, w, request, replayed, p, e);
	if (!rc && !*replayed && !problem_any(p)) {
		rc = append(c, w, call, p, e);
		if (!rc && !problem_any(p)) rc = keep_key(c, w, request, e);
		if (!rc && !problem_any(p)) rc = store_commit(w->store, e);
		if (!rc && !problem_any(p)) metrics_add(c->county->metrics, METRIC_ACTS, 1);
	}
	store_rollback(w->store); /* after the commit there is nothing left to roll back */
	return rc;
}

/* A reveal is asked for by its body alone, everything else by type and body. */
static int transact(struct call *c, struct worker *w, bool *replayed, struct problem *p, struct err *e)
{
	json_t *asked = http_req_json(c->req);
	json_t *call = c->reveals ? json_pack("{s:s, s:O}", "type", state_event_name(EVENT_REVEAL), "body", asked)
	                          : json_incref(asked);
	int rc = call ? transact_call(c, w, call, replayed, p, e) : err_set(e, ERR_NOMEM, "reveal");
	json_decref(call);
	return rc;
}

/* The whole block, once: a replay says that it was done, and shows nothing. */
static void answer_revealed(struct call *c, bool replayed, struct caseview *v)
{
	char etag[PRESENT_ETAG_MAX];
	const char *what = fields_text(http_req_json(c->req), "what");
	json_t *block = replayed ? json_null() : mask_revealed(v->doc, what);
	present_etag(v, etag);
	http_reply_header(c->req, "ETag", etag);
	http_reply_json(c->req, 201, json_pack("{s:s, s:o}", "what", what, "block", block));
	caseview_release(v);
}

static void act(struct call *c, struct worker *w)
{
	bool replayed = false;
	struct problem p = {0};
	struct err e = {0};
	struct caseview v;
	int rc = transact(c, w, &replayed, &p, &e);
	if (!rc && !problem_any(&p)) {
		rc = cases_read(c, w, &v, &e);
		if (rc == (int)ERR_NOTFOUND) { /* a replay by an account that lost sight of it */
			problem_set(&p, PROBLEM_NOT_FOUND, NULL);
			rc = ERR_OK;
		} else if (!rc) {
			if (replayed) http_reply_header(c->req, "Idempotency-Replayed", "true");
			if (c->reveals)
				answer_revealed(c, replayed, &v);
			else
				cases_answer(c, w, 201, &v);
			return;
		}
	}
	if (rc)
		call_error(c, rc, &e);
	else
		http_problem(c->req, &p);
	problem_release(&p);
}

/* "17", or * for any state. Weak tags never match (RFC 9110 section 13.1.1); a list of tags is not taken. */
static bool read_if_match(struct call *c)
{
	const char *h = http_req_header(c->req, "If-Match");
	char *end = NULL;
	if (!h || strcmp(h, "*") == 0) return true;
	if (h[0] != '"' || h[1] < '1' || h[1] > '9') return false;
	c->if_revision = strtoll(h + 1, &end, 10);
	return end[0] == '"' && end[1] == '\0';
}

static void post(struct http_req *req, struct serve *sv, bool entry)
{
	static const char *const none[] = {NULL};
	struct problem p = {0};
	if (!http_req_query_only(req, none)) return;
	struct call *c = call_new(sv, req, act);
	if (!c || !call_path_id(c, "id") || (entry && !cases_path_register(c))) return;
	if (!read_if_match(c))
		problem_set(&p, PROBLEM_MALFORMED_REQUEST, "If-Match wants the ETag of the case");
	else
		(void)check(http_req_json(req), entry, county_now(c->county), &p);
	if (problem_any(&p))
		call_refuse(c, &p);
	else
		call_submit(c);
}

void acts_post(struct http_req *req, void *ctx)
{
	post(req, ctx, false);
}

static void post_reveal(struct http_req *req, struct serve *sv, bool entry)
{
	static const char *const none[] = {NULL};
	struct problem p = {0};
	if (!http_req_query_only(req, none)) return;
	struct call *c = call_new(sv, req, act);
	if (!c || !call_path_id(c, "id") || (entry && !cases_path_register(c))) return;
	c->reveals = true;
	(void)body_check(EVENT_REVEAL, http_req_json(req), county_now(c->county), &p);
	if (problem_any(&p))
		call_refuse(c, &p);
	else
		call_submit(c);
}

void acts_reveal_post(struct http_req *req, void *ctx)
{
	post_reveal(req, ctx, false);
}

void acts_entry_reveal_post(struct http_req *req, void *ctx)
{
	post_reveal(req, ctx, true);
}

void acts_entry_post(struct http_req *req, void *ctx)
{
	post(req, ctx, true);
}
