/* Verdicts given once more: what stood behind a refusal that was mended, and what was held until this county knew enough.
 * Also what the county itself has to append to a case: another receipt number. See casefile.h. */
#include "sync/county/casefile_internal.h"

#include "shared/body.h"
#include "shared/fields.h"
#include "shared/receipt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MENDS_DEEP 16 /* a mend may itself be refused and mended */

/* --- another receipt number --- */

static int next_number(struct casefile *f, const struct store_station *st, int64_t now, char out[RECEIPT_MAX],
                       struct err *e)
{
	struct receipt r = {.day = clock_day(now)};
	memcpy(r.station, st->code, sizeof r.station);
	struct db_stmt *q = db_query(f->store->db, Q_reissue_next, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", st->code);
	db_bind_int(q, "day", r.day);
	int step = db_step(q, e);
	if (step <= 0) return step < 0 ? -step : err_set(e, ERR_IO, "no serial");
	r.serial = db_int(q, 0);
	int rc = db_run(q, e);
	return rc ? rc : receipt_format(&r, out) ? ERR_OK : err_set(e, ERR_INVALID, "no receipt number can be made");
}

int casefile_own_event(struct casefile *f, const char *actor, const char *type, json_t *body,
                       const uint8_t id[UUID_LEN], int64_t now, struct err *e)
{
	static const uint8_t no_key[EVENT_KEY_LEN]; /* the mac is each receiver's, in its feed */
	struct event ev = {.has_case = true, .at = now, .quality = CLOCK_SYNCED};
	struct problem p = {0};
	memcpy(ev.id, id, UUID_LEN);
	memcpy(ev.case_id, f->view.id, UUID_LEN);
	int rc = body ? event_set(ev.type, sizeof ev.type, type, "type", e) : err_set(e, ERR_NOMEM, "county event");
	if (!rc) rc = event_set(ev.actor, sizeof ev.actor, actor, "actor", e);
	if (!rc) rc = event_set(ev.origin, sizeof ev.origin, EVENT_COUNTY, "origin", e);
	if (!rc) rc = event_set_body(&ev, body, no_key, e);
	if (!rc) rc = casefile_act(f, &ev, body, now, &p, e);
	if (!rc && problem_any(&p)) rc = err_set(e, ERR_INVALID, "%s does not fit", type);
	problem_release(&p);
	event_release(&ev);
	json_decref(body);
	return rc;
}

static int renumber(struct casefile *f, const struct store_station *st, const struct event *ev, int64_t now,
                    struct err *e)
{
	char fresh[RECEIPT_MAX], printed[RECEIPT_MAX];
	uint8_t id[UUID_LEN];
	memcpy(printed, f->view.receipt, sizeof printed);
	uuid_derive(ev->id, 1000, id); /* far above what one call of a box appends */
	int rc = next_number(f, st, now, fresh, e);
	if (!rc)
		rc = casefile_own_event(f, "system", "renumber", json_pack("{s:s,s:s}", "old", printed, "new", fresh),
		                        id, now, e);
	return rc ? rc
	          : store_alarm(f->store, st->code, "receipt", now, e, "%s was given out twice; the later case has %s",
	                        printed, fresh);
}

/* --- judging again --- */

struct again {
	char station[13], code[32];
	int64_t place;
	struct event ev;
};

struct again_list {
	struct again *row;
	int n;
};

static void release(struct again_list *l)
{
	for (int i = 0; i < l->n; i++)
		event_release(&l->row[i].ev);
	free(l->row);
	*l = (struct again_list){0};
}

static int read_row(struct db_stmt *q, const uint8_t case_id[UUID_LEN], struct again *a, struct err *e)
{
	*a = (struct again){.ev.has_case = true};
	db_copy_text(q, 0, a->station, sizeof a->station);
	(void)db_copy_blob(q, 1, a->ev.id, UUID_LEN);
	(void)db_copy_blob(q, 2, a->ev.log, UUID_LEN);
	memcpy(a->ev.case_id, case_id, UUID_LEN);
	a->ev.seq = db_int(q, 3);
	db_copy_text(q, 4, a->ev.type, sizeof a->ev.type);
	a->ev.at = db_int(q, 5);
	db_copy_text(q, 6, a->ev.actor, sizeof a->ev.actor);
	const char *body = db_text(q, 7);
	a->ev.body = body ? strdup(body) : NULL;
	a->ev.body_len = a->ev.body ? strlen(a->ev.body) : 0;
	db_copy_text(q, 8, a->code, sizeof a->code);
	a->place = db_int(q, 9);
	return body && !a->ev.body ? err_set(e, ERR_NOMEM, "events") : ERR_OK;
}

/* The case's events that are held or stand behind a refusal, in their order. All are read before any is judged. */
static int list_again(struct store *s, const uint8_t case_id[UUID_LEN], struct again_list *out, struct err *e)
{
	int r = 0, rc = ERR_OK;
	*out = (struct again_list){0};
	struct db_stmt *q = db_query(s->db, Q_events_again, e);
	if (!q) return ERR_IO;
	db_bind_blob(q, "case_id", case_id, UUID_LEN);
	while (!rc && (r = db_step(q, e)) > 0) {
		struct again *more = realloc(out->row, (size_t)(out->n + 1) * sizeof *more);
		if (!more) {
			rc = err_set(e, ERR_NOMEM, "events");
			break;
		}
		out->row = more;
		rc = read_row(q, case_id, &out->row[out->n++], e);
	}
	db_reset(q);
	if (!rc && r < 0) rc = -r;
	if (rc) release(out);
	return rc;
}

static int keep_verdict(struct casefile *f, const struct again *a, const struct verdict *v, struct err *e)
{
	struct db_stmt *q = db_query(f->store->db, Q_event_judged, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", a->station);
	db_bind_blob(q, "id", a->ev.id, UUID_LEN);
	db_bind_int(q, "place", f->next_place);
	db_bind_text(q, "code", *v->code ? v->code : NULL);
	db_bind_text(q, "pointer", *v->code ? v->pointer : NULL);
	db_bind_text(q, "message", *v->code ? v->message : NULL);
	return db_run(q, e);
}

static int mark(struct casefile *f, const struct again *a, const struct verdict *v, struct err *e)
{
	if (!*v->code) return feed_put_settled(f->store, a->station, a->ev.log, a->ev.seq, a->ev.seq, e);
	return feed_put_refused(f->store, a->station, a->ev.log, a->ev.seq, v->code, v->pointer, v->message, e);
}

/* Judges one event again; *CHANGED when it has another verdict now, which is kept and marked. */
static int judge_again(struct casefile *f, const struct again *a, int64_t now, bool *changed, struct err *e)
{
	struct store_station st;
	struct verdict v = {0};
	*changed = false;
	int rc = store_station(f->store, a->station, &st, e);
	if (rc) return rc;
	json_t *body = event_body(&a->ev);
	if (a->ev.body && !body) rc = err_set(e, ERR_NOMEM, "event body");
	if (!rc) rc = casefile_judge(f, &st, &a->ev, body, &v, e);
	*changed = !rc && strcmp(v.code, a->code) != 0;
	v.mends = *changed && !*v.code && json_object_get(body, "amends");
	if (*changed) {
		rc = keep_verdict(f, a, &v, e);
		if (!rc) rc = mark(f, a, &v, e);
		if (!rc) rc = casefile_placed(f, &a->ev, a->station, !*v.code, e);
		if (!rc && (v.mends || v.renumber)) rc = casefile_follow_up(f, &st, &a->ev, &v, now, e);
	}
	explicit_bzero(&st, sizeof st);
	json_decref(body);
	return rc;
}

/* In their order. */
static int judge_list(struct casefile *f, const char *code, int64_t now, int *n, struct err *e)
{
	struct again_list l;
	int rc = list_again(f->store, f->view.id, &l, e);
	for (int i = 0; i < l.n && !rc; i++) {
		bool changed = false;
		if (strcmp(l.row[i].code, code) != 0) continue;
		f->below = l.row[i].place;
		rc = judge_again(f, &l.row[i], now, &changed, e);
		*n += changed;
	}
	f->below = 0;
	release(&l);
	return rc;
}

/* --- mends --- */

/* Marks the refused event as mended by BY; hands back in NEXT what that one itself was to mend. */
static int mark_mended(struct casefile *f, const char *station, const uint8_t id[UUID_LEN], const uint8_t by[UUID_LEN],
                       bool *more, uint8_t next[UUID_LEN], struct err *e)
{
	json_t *body = NULL;
	struct db_stmt *q = db_query(f->store->db, Q_event_refusal, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", station);
	db_bind_blob(q, "id", id, UUID_LEN);
	int r = db_step(q, e);
	if (r < 0) return -r;
	struct event ev = {.body = r > 0 && db_text(q, 4) ? strdup(db_text(q, 4)) : NULL};
	ev.body_len = ev.body ? strlen(ev.body) : 0;
	db_reset(q);
	body = event_body(&ev);
	event_release(&ev);
	*more = body_amends(body, next);
	json_decref(body);
	q = db_query(f->store->db, Q_event_mended, e);
	if (!q) return ERR_IO;
	db_bind_text(q, "station", station);
	db_bind_blob(q, "id", id, UUID_LEN);
	db_bind_blob(q, "by", by, UUID_LEN);
	return db_run(q, e);
}

static int mended(struct casefile *f, const char *station, const struct event *ev, int64_t now, struct err *e)
{
	uint8_t id[UUID_LEN], next[UUID_LEN];
	int n = 0, rc = ERR_OK;
	json_t *body = event_body(ev);
	if (!body) return err_set(e, ERR_NOMEM, "event body");
	bool more = body_amends(body, id);
	json_decref(body);
	for (int i = 0; i < MENDS_DEEP && more && !rc; i++) {
		rc = mark_mended(f, station, id, ev->id, &more, next, e);
		memcpy(id, next, UUID_LEN);
	}
	return rc ? rc : judge_list(f, "after_refused", now, &n, e);
}

int casefile_follow_up(struct casefile *f, const struct store_station *st, const struct event *ev,
                       const struct verdict *v, int64_t now, struct err *e)
{
	int rc = v->renumber ? renumber(f, st, ev, now, e) : ERR_OK;
	return rc || !v->mends ? rc : mended(f, st->code, ev, now, e);
}

/* --- what is held --- */

static int held_cases(struct store *s, uint8_t (**out)[UUID_LEN], int *n, struct err *e)
{
	int r;
	*out = NULL;
	*n = 0;
	struct db_stmt *q = db_query(s->db, Q_held_cases, e);
	if (!q) return ERR_IO;
	while ((r = db_step(q, e)) > 0) {
		uint8_t(*more)[UUID_LEN] = realloc(*out, (size_t)(*n + 1) * UUID_LEN);
		if (!more) {
			db_reset(q);
			return err_set(e, ERR_NOMEM, "held cases");
		}
		*out = more;
		(void)db_copy_blob(q, 0, (*out)[(*n)++], UUID_LEN);
	}
	return r < 0 ? -r : ERR_OK;
}

int casefile_judge_held(struct store *s, int64_t now, int *n, struct err *e)
{
	struct casefile f;
	uint8_t(*ids)[UUID_LEN] = NULL;
	int cases = 0;
	*n = 0;
	casefile_init(&f, s);
	int rc = held_cases(s, &ids, &cases, e);
	for (int i = 0; i < cases && !rc; i++) {
		rc = casefile_load(&f, ids[i], e);
		if (!rc) rc = judge_list(&f, CASEFILE_HELD, now, n, e);
	}
	if (!rc) rc = casefile_flush(&f, e);
	casefile_drop(&f);
	free(ids);
	return rc;
}
