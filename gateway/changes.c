/* See changes.h. A waiting call is one small node and its parked connection. A call parks only under the lock and only
 * when the waker has not yet seen a change past its cursor, so none can slip through between looking and waiting; the
 * node leaves the list before it is answered, so each is resumed once. Cursors are "epoch.change". */
#include "gateway/changes.h"
#include "shared/ledger/read.h"

#include "gateway/answer.h"
#include "gateway/days.h"
#include "gateway/items.h"
#include "gateway/present.h"
#include "gateway/readers.h"
#include "shared/registers.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MAX_S 25 /* a peer that went away is noticed only when its call is resumed */
#define CURSOR_MAX 48

struct parked {
	struct parked *next;
	struct http_req *req;
	int64_t epoch, after;
	int64_t until; /* monotonic ms */
};

struct changes {
	pthread_mutex_t lock;
	struct parked *list;
	int n, max;
	int64_t epoch, seen; /* the head that the waker saw last */
	bool stopped;
};

int changes_new(int max, struct changes **out, struct err *e)
{
	struct changes *ch = calloc(1, sizeof *ch);
	*out = ch;
	if (!ch) return err_set(e, ERR_NOMEM, "changes");
	ch->max = max;
	(void)pthread_mutex_init(&ch->lock, NULL);
	return ERR_OK;
}

void changes_free(struct changes *ch)
{
	if (!ch) return;
	(void)pthread_mutex_destroy(&ch->lock);
	free(ch);
}

int changes_parked(struct changes *ch)
{
	(void)pthread_mutex_lock(&ch->lock);
	int n = ch->n;
	(void)pthread_mutex_unlock(&ch->lock);
	return n;
}

/* --- answers --- */

static void reply(struct http_req *req, json_t *items, json_t *entries, int64_t epoch, int64_t next)
{
	char cursor[CURSOR_MAX];
	(void)snprintf(cursor, sizeof cursor, "%lld.%lld", (long long)epoch, (long long)next);
	http_reply_json(req, 200, json_pack("{s:o, s:o, s:s}", "items", items, "entries", entries, "next", cursor));
}

struct collect {
	uint8_t ids[LIMIT_PAGE][UUID_LEN];
	int n;
	int64_t last;
};

static void collect_one(const uint8_t id[UUID_LEN], int64_t change, void *arg)
{
	struct collect *c = arg;
	memcpy(c->ids[c->n++], id, UUID_LEN);
	c->last = change;
}

/* Answers with what changed after AFTER, at most a page. */
static void answer_changes(struct gateway *gw, struct ledger *l, struct http_req *req, int64_t epoch, int64_t after)
{
	struct collect c = {.last = after};
	struct err e = {0};
	struct present v = {.edition = items_get(gw->items),
	                    .identity = ledger_identity(l),
	                    .days = days_get(gw->days),
	                    .registers = &gw->cfg.registers,
	                    .now = clock_read(&gw->clock).wall};
	json_t *items = json_array(), *entries = json_array();
	int rc = items && entries ? ledger_changes(l, after, LIMIT_PAGE, collect_one, &c, &e)
	                          : err_set(&e, ERR_NOMEM, "changes");
	for (int i = 0; i < c.n && !rc; i++) {
		struct ledger_case one = {0};
		struct err none = {0};
		int r = ledger_case_get(l, c.ids[i], &one, &none);
		bool entry = !r && registers_is_item(one.view.item);
		if (!r && json_array_append_new(entry ? entries : items,
		                                entry ? present_entry_summary(&v, &one) : present_summary(&v, &one)))
			r = err_set(&none, ERR_NOMEM, "changes");
		ledger_case_release(&one);
		if (r && r != (int)ERR_NOTFOUND) rc = err_set(&e, (enum err_code)r, "%s", none.msg);
	}
	items_put(v.edition);
	if (rc) {
		json_decref(items);
		json_decref(entries);
		answer_error(gw, req, rc, &e);
	} else {
		reply(req, items, entries, epoch, c.last);
	}
}

/* --- asking --- */

static bool read_cursor(const char *text, int64_t *epoch, int64_t *change)
{
	char *end = NULL;
	errno = 0;
	if (*text < '0' || *text > '9') return false;
	*epoch = strtoll(text, &end, 10);
	if (*end != '.' || end[1] < '0' || end[1] > '9') return false;
	*change = strtoll(end + 1, &end, 10);
	return !*end && !errno;
}

enum park { PARK_DONE, PARK_CHANGED, PARK_FULL };

static enum park park(struct changes *ch, struct parked *p)
{
	enum park result = PARK_DONE;
	(void)pthread_mutex_lock(&ch->lock);
	if (ch->stopped || ch->epoch != p->epoch || ch->seen > p->after) {
		result = PARK_CHANGED;
	} else if (ch->n >= ch->max) {
		result = PARK_FULL;
	} else {
		http_suspend(p->req);
		p->next = ch->list;
		ch->list = p;
		ch->n++;
	}
	(void)pthread_mutex_unlock(&ch->lock);
	return result;
}

static void wait_or_answer(struct gateway *gw, struct ledger *l, struct http_req *req, int64_t epoch, int64_t after,
                           int64_t wait_s)
{
	struct parked *p = wait_s ? malloc(sizeof *p) : NULL;
	if (wait_s && !p) {
		answer_later(req, PROBLEM_BUSY, 5);
		return;
	}
	if (p)
		*p = (struct parked){
		    .req = req, .epoch = epoch, .after = after, .until = ledger_now(l).mono + wait_s * 1000};
	enum park result = p ? park(gw->changes, p) : PARK_CHANGED;
	if (result == PARK_DONE) return; /* the node and the request are the waker's now */
	free(p);
	if (result == PARK_FULL)
		answer_later(req, PROBLEM_BUSY, 5);
	else
		answer_changes(gw, l, req, epoch, after);
}

void changes_get(struct http_req *req, void *ctx)
{
	static const char *const known[] = {"after", "wait", NULL};
	struct gateway *gw = ctx;
	struct problem p = {0};
	struct err e = {0};
	int64_t head = 0, epoch = 0, after = 0, cursor_epoch = 0;
	if (!http_req_query_only(req, known)) return;
	int64_t wait_s = answer_query_int(req, "wait", 0, WAIT_MAX_S, 0, &p);
	const char *text = http_req_query(req, "after");
	if (text && !read_cursor(text, &cursor_epoch, &after))
		problem_field(&p, "/?after", "format", "not a cursor of this list");
	if (problem_any(&p)) {
		http_problem(req, &p);
		return;
	}
	struct ledger *l = readers_take(gw->readers);
	int rc = ledger_change_head(l, &head, &epoch, &e);
	if (rc)
		answer_error(gw, req, rc, &e);
	else if (!text)
		reply(req, json_array(), json_array(), epoch, head);
	else if (cursor_epoch != epoch || after > head)
		http_problem_code(req, PROBLEM_CURSOR_EXPIRED, NULL);
	else
		wait_or_answer(gw, l, req, epoch, after, head > after ? 0 : wait_s);
	readers_give(gw->readers, l);
}

/* --- waking --- */

/* Takes out of the list who is to be answered: something changed, another epoch, time over. */
static struct parked *take_due(struct changes *ch, int64_t epoch, int64_t head, int64_t now, int64_t *next)
{
	struct parked *due = NULL;
	(void)pthread_mutex_lock(&ch->lock);
	ch->epoch = epoch;
	ch->seen = head;
	for (struct parked **at = &ch->list; *at;) {
		struct parked *p = *at;
		if (p->epoch == epoch && p->after >= head && p->until > now) {
			if (p->until < *next) *next = p->until;
			at = &p->next;
			continue;
		}
		*at = p->next;
		p->next = due;
		due = p;
		ch->n--;
	}
	(void)pthread_mutex_unlock(&ch->lock);
	return due;
}

int changes_serve(struct gateway *gw, struct ledger *l, int most)
{
	struct err e = {0};
	int64_t head = 0, epoch = 0, now = ledger_now(l).mono, next = now + most;
	if (ledger_change_head(l, &head, &epoch, &e)) {
		log_warn(&gw->log, "changes", "text=\"%s\"", e.msg); /* they wait on; the next round tries again */
		return most;
	}
	for (struct parked *p = take_due(gw->changes, epoch, head, now, &next), *after; p; p = after) {
		after = p->next;
		if (p->epoch == epoch)
			answer_changes(gw, l, p->req, epoch, p->after);
		else
			http_problem_code(p->req, PROBLEM_CURSOR_EXPIRED, NULL);
		http_resume(p->req);
		free(p);
	}
	return (int)(next - now);
}

void changes_stop(struct changes *ch)
{
	(void)pthread_mutex_lock(&ch->lock);
	ch->stopped = true;
	struct parked *list = ch->list;
	ch->list = NULL;
	ch->n = 0;
	(void)pthread_mutex_unlock(&ch->lock);
	for (struct parked *p = list, *next; p; p = next) {
		next = p->next;
		reply(p->req, json_array(), json_array(), p->epoch, p->after);
		http_resume(p->req);
		free(p);
	}
}
