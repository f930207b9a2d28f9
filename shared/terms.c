/* See terms.h. The path of the case (caseview.c) says when its state changed; one walk over it gives the starts, the ends
 * and the pauses. Pure; any thread. */
#include "shared/terms.h"

#include "shared/fields.h"

#include <string.h>

#define NOTICE_DAYS   5  /* 行政许可法 article 32 */
#define DECISION_DAYS 20 /* article 42 */
#define DELIVERY_DAYS 10 /* article 44 */
#define DAYS_MAX      1000

struct run {
	int64_t start, end, stopped; /* ms, 0 = not; STOPPED: since when it is paused */
	int paused;                  /* working days that do not count */
	bool otherwise;              /* it ended because the case did */
};

struct walk {
	const struct workdays *w;
	int64_t now;
	struct run run[TERM_KINDS];
	enum case_state before;
};

static void begin(struct run *r, int64_t at)
{
	*r = (struct run){.start = at};
}

static void stop(struct run *r, int64_t at)
{
	if (r->start && !r->end && !r->stopped) r->stopped = at;
}

static void go_on(struct walk *x, struct run *r, int64_t at)
{
	if (!r->stopped) return;
	r->paused += workdays_between(x->w, workdays_day(r->stopped), workdays_day(at));
	r->stopped = 0;
}

static void end(struct walk *x, struct run *r, int64_t at, bool otherwise)
{
	if (!r->start || r->end) return;
	go_on(x, r, at);
	r->end = at;
	r->otherwise = otherwise;
}

/* AT is when the case came to TO, FROM what its terms count from. */
static void step(struct walk *x, enum case_state to, int64_t at, int64_t from)
{
	struct run *notice = &x->run[TERM_NOTICE], *decision = &x->run[TERM_DECISION], *promise = &x->run[TERM_PROMISE],
	           *delivery = &x->run[TERM_DELIVERY];
	switch (to) {
	case STATE_RECEIVED:
	case STATE_FORWARDED:
		if (x->before == STATE_SUPPLEMENT)
			begin(notice, at); /* what was asked for is there: the organ's days anew */
		break;
	case STATE_SUPPLEMENT: end(x, notice, at, false); break;
	case STATE_ACCEPTED:
		end(x, notice, at, false);
		begin(decision, from);
		begin(promise, from);
		break;
	case STATE_SUSPENDED:
		stop(decision, at);
		stop(promise, at);
		break;
	case STATE_REVIEW_SUPPLEMENT: stop(promise, at); break; /* the statutory term is shown as it runs */
	case STATE_IN_REVIEW:
		go_on(x, decision, at);
		go_on(x, promise, at);
		break;
	case STATE_DECIDED:
		end(x, decision, at, false);
		end(x, promise, at, false);
		begin(delivery, at);
		break;
	case STATE_COMPLETED: break;
	case STATE_DELIVERED: end(x, delivery, at, false); break;
	case STATE_NOT_ACCEPTED:
	case STATE_NOT_REQUIRED:
		end(x, notice, at, false); /* these are answers in time, too */
		break;
	default:
		for (int k = 0; k < TERM_KINDS; k++)
			end(x, &x->run[k], at, true);
	}
	x->before = to;
}

static int days_of(const struct catalog_item *item, const char *name, int by_law)
{
	const json_t *days = item ? json_object_get(item->json, "days") : NULL;
	int64_t n = fields_int(days, name, by_law);
	return n < 0 ? 0 : n > DAYS_MAX ? DAYS_MAX : (int)n;
}

struct term_days terms_days(const struct catalog_item *item)
{
	return (struct term_days){.days = {[TERM_NOTICE] = days_of(item, "notice", NOTICE_DAYS),
	                                   [TERM_DECISION] = days_of(item, "decision", DECISION_DAYS),
	                                   [TERM_PROMISE] = days_of(item, "promise", 0),
	                                   [TERM_DELIVERY] = days_of(item, "delivery", DELIVERY_DAYS)}};
}

static int allowed(enum term_kind k, const struct caseview *v, const struct term_days *d)
{
	const json_t *extension = json_object_get(json_object_get(v->doc, "extension"), "body");
	return d->days[k] + (k == TERM_DECISION ? (int)fields_int(extension, "days", 0) : 0);
}

/* A case that ended without a document has nothing to deliver. */
static bool applies(enum term_kind k, const struct caseview *v, const struct run *r, int days)
{
	const json_t *done = json_object_get(json_object_get(v->doc, "completion"), "body");
	if (!r->start || days <= 0) return false;
	return k != TERM_DELIVERY || r->end || !done || *fields_text(done, "document");
}

static bool is_half(int left, int days)
{
	return left * 2 <= days;
}

static bool is_last(int left)
{
	return left <= 1;
}

static struct term make(struct walk *x, enum term_kind k, const struct run *r, int days)
{
	int64_t today = workdays_day(x->now), start = workdays_day(r->start);
	int paused = r->paused + (r->stopped ? workdays_between(x->w, workdays_day(r->stopped), today) : 0);
	int64_t due = workdays_add(x->w, start, days + paused);
	struct term t = {.kind = k,
	                 .start = r->start,
	                 .end = r->end,
	                 .due = workdays_end(due),
	                 .days = days,
	                 .provisional = !workdays_published(x->w, due)};
	if (r->end) {
		bool late = workdays_day(r->end) > due;
		t.state = late ? TERM_OVERDUE : r->otherwise ? TERM_ENDED : TERM_MET;
		return t;
	}
	t.left = workdays_between(x->w, today, due);
	t.state = r->stopped ? TERM_PAUSED : today > due ? TERM_OVERDUE : TERM_RUNNING;
	t.half = t.state == TERM_RUNNING && is_half(t.left, days);
	t.last = t.state == TERM_RUNNING && is_last(t.left);
	return t;
}

int terms_of(const struct caseview *v, const struct term_days *d, const struct workdays *w, int64_t now,
             struct term out[TERM_KINDS])
{
	struct walk x = {.w = w, .now = now, .before = STATE_RECEIVED};
	size_t i;
	json_t *one;
	int n = 0;
	const char *record = fields_text(v->doc, "record");
	bool in_advance = v->state == STATE_SUBMITTED || v->state == STATE_PRE_RETURNED; /* nobody has its papers yet */
	if (!v->exists || v->state == STATE_ERASED || in_advance) return 0;
	if ((*record && strcmp(record, record_name(RECORD_APPLICATION)) != 0)) return 0;
	begin(&x.run[TERM_NOTICE], v->received_at);
	json_array_foreach(json_object_get(v->doc, "path"), i, one) {
		enum case_state s;
		int64_t at = fields_int(one, "at", 0);
		if (state_parse(fields_text(one, "state"), &s)) step(&x, s, at, fields_int(one, "from", at));
	}
	for (int k = 0; k < TERM_KINDS; k++) {
		int days = allowed((enum term_kind)k, v, d);
		if (applies((enum term_kind)k, v, &x.run[k], days))
			out[n++] = make(&x, (enum term_kind)k, &x.run[k], days);
	}
	return n;
}

/* Which terms an act of the organ ends; with step() above. */
static bool ends(enum case_event type, enum term_kind k)
{
	switch (type) {
	case EVENT_ACCEPT:
	case EVENT_REFUSE:
	case EVENT_NOT_REQUIRED:
	case EVENT_SUPPLEMENT_NOTICE:
	case EVENT_RETURN: return k == TERM_NOTICE;
	case EVENT_DECIDE:
	case EVENT_DECIDE_NOW: return k == TERM_DECISION || k == TERM_PROMISE;
	case EVENT_DELIVER:
	case EVENT_TERMINATE: return k == TERM_DELIVERY;
	default: return false;
	}
}

int terms_late(const struct caseview *v, enum case_event type, const struct term_days *d, const struct workdays *w,
               int64_t now, enum term_kind out[TERM_KINDS])
{
	struct term t[TERM_KINDS];
	int late = 0, n = terms_of(v, d, w, now, t);
	for (int i = 0; i < n; i++)
		if (!t[i].end && t[i].state == TERM_OVERDUE && ends(type, t[i].kind)) out[late++] = t[i].kind;
	return late;
}

static bool sooner(const struct term *a, const struct term *b)
{
	bool a_paused = a->state == TERM_PAUSED, b_paused = b->state == TERM_PAUSED;
	return a_paused != b_paused ? b_paused : a->due < b->due;
}

bool terms_next(const struct caseview *v, const struct term_days *d, const struct workdays *w, int64_t now,
                struct term *out)
{
	struct term t[TERM_KINDS];
	bool found = false;
	int n = terms_of(v, d, w, now, t);
	for (int i = 0; i < n; i++) {
		if (t[i].end || (found && !sooner(&t[i], out))) continue;
		*out = t[i];
		found = true;
	}
	return found;
}

int64_t terms_warn_day(const struct term *t, const struct workdays *w)
{
	int64_t day = workdays_day(t->due), start = workdays_day(t->start);
	int left = 0; /* at the end of DAY */
	while (day > start) {
		left += workdays_is(w, day);
		if (!is_half(left, t->days) && !is_last(left)) break;
		day--;
	}
	return day;
}

int terms_moved(const struct caseview *v, const struct term_days *d, const struct workdays *old,
                const struct workdays *w, int64_t now, struct term_move out[TERM_KINDS])
{
	struct term before[TERM_KINDS], after[TERM_KINDS];
	int moved = 0, n = terms_of(v, d, w, now, after);
	if (terms_of(v, d, old, now, before) != n) return 0; /* which terms there are does not hang on calendars */
	for (int i = 0; i < n; i++) {
		if (after[i].end || after[i].due == before[i].due) continue;
		out[moved++] = (struct term_move){.kind = after[i].kind,
		                                  .before = before[i].due,
		                                  .after = after[i].due,
		                                  .provisional = after[i].provisional};
	}
	return moved;
}

const char *term_kind_name(enum term_kind k)
{
	static const char *const names[TERM_KINDS] = {"notice", "decision", "promise", "delivery"};
	return names[k];
}

const char *term_state_name(enum term_state s)
{
	static const char *const names[] = {"running", "paused", "met", "overdue", "ended"};
	return names[s];
}

bool terms_deems(const struct catalog_item *item)
{
	return item && (item->permit || json_is_true(json_object_get(item->json, "deem_accept")));
}

bool terms_notice_passed(const struct caseview *v, const struct term_days *d, const struct workdays *w, int64_t now,
                         int64_t *due)
{
	struct term t[TERM_KINDS];
	int n = terms_of(v, d, w, now, t);
	for (int i = 0; i < n; i++) {
		if (t[i].kind != TERM_NOTICE || t[i].end || t[i].state != TERM_OVERDUE) continue;
		*due = t[i].due;
		return true;
	}
	return false;
}
