/* See finder.h. A text that is a whole receipt number, document number or telephone is answered by the ledger's keyed
 * index alone; any other by the search list. Rows always come from the ledger, so a list that lags shows nothing old. */
#include "gateway/finder.h"
#include "shared/ledger/read.h"

#include "shared/limits.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_MIN 5 /* characters of anything that could be a whole number */
#define NUMBER_MAX 47

struct found {
	int64_t at;
	uint8_t id[UUID_LEN];
	int32_t due;
};

/* Newest first. */
static int newer(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	if (x->at != y->at) return x->at > y->at ? -1 : 1;
	return memcmp(y->id, x->id, UUID_LEN);
}

static bool below_cursor(const struct found *f, const struct finder_query *q)
{
	return f->at < q->before_at || (f->at == q->before_at && memcmp(f->id, q->before_id, UUID_LEN) < 0);
}

/* As the case stands now: the list may lag. */
static bool is_due(const struct ledger_case *c, const struct finder_query *q)
{
	struct term t;
	if (!present_next_term(q->v, c, &t)) return false;
	if (q->due == DUE_PAUSED || t.state == TERM_PAUSED) return q->due == DUE_PAUSED && t.state == TERM_PAUSED;
	switch (q->due) {
	case DUE_OVERDUE: return t.state == TERM_OVERDUE;
	case DUE_TODAY: return workdays_day(t.due) == workdays_day(q->v->now);
	case DUE_SOON: return t.half || t.last;
	case DUE_PAUSED:
	case DUE_ANY: break;
	}
	return true;
}

static bool passes(const struct ledger_case *c, const struct finder_query *q)
{
	if (q->state && strcmp(q->state, state_name(c->view.state)) != 0) return false;
	if (q->item && strcmp(q->item, c->view.item) != 0) return false;
	return (!q->by_due && q->due == DUE_ANY) || is_due(c, q);
}

/* The text without blanks at its ends, letters large as in documents; false when it cannot be a number. */
static bool as_number(const char *text, char out[NUMBER_MAX + 1])
{
	text += strspn(text, " ");
	size_t len = strlen(text), digits = 0;
	while (len && text[len - 1] == ' ')
		len--;
	if (len < NUMBER_MIN || len > NUMBER_MAX) return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (c < '-' || c > 'z') return false;
		if (c >= '0' && c <= '9') digits++;
		out[i] = (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
	}
	out[len] = '\0';
	return digits >= NUMBER_MIN;
}

/* Reads the case if it is still there and passes the filters; false on an error or when it is not to be shown. */
static bool read_if(struct ledger *l, const uint8_t id[UUID_LEN], const struct finder_query *q, struct ledger_case *c,
                    int *rc, struct err *e)
{
	struct err none = {0};
	int r = ledger_case_get(l, id, c, &none);
	if (r && r != (int)ERR_NOTFOUND) *rc = err_set(e, (enum err_code)r, "%s", none.msg);
	return r == ERR_OK && passes(c, q);
}

/* Cases with that number, in OUT by age; their count in *N. */
static int by_number(struct ledger *l, const char *number, const struct finder_query *q, struct found *out, int *n,
                     struct err *e)
{
	uint8_t(*ids)[UUID_LEN] = malloc(LIMIT_PAGE * sizeof *ids);
	int count = 0, rc = ids ? ERR_OK : err_set(e, ERR_NOMEM, "search");
	*n = 0;
	if (!rc) rc = ledger_case_find(l, number, ids, LIMIT_PAGE, &count, e);
	for (int i = 0; i < count && !rc; i++) {
		struct ledger_case c = {0};
		if (read_if(l, ids[i], q, &c, &rc, e)) {
			struct found *f = &out[*n];
			f->at = c.view.received_at;
			memcpy(f->id, ids[i], UUID_LEN);
			*n += below_cursor(f, q);
		}
		ledger_case_release(&c);
	}
	free(ids);
	if (!rc && *n) qsort(out, (size_t)*n, sizeof *out, newer);
	return rc ? rc : count ? ERR_OK : (int)ERR_NOTFOUND;
}

struct output {
	struct finder_query *q; /* gets the place of what was shown */
	bool (*fn)(const struct ledger_case *, void *);
	void *arg;
	int shown;
};

static void shown(struct output *out, const struct found *f)
{
	out->q->last_at = out->q->by_due ? f->due : f->at;
	memcpy(out->q->last_id, f->id, UUID_LEN);
	out->shown++;
}

/* Shows up to the limit; *FULL when one more was there. */
static int show(struct ledger *l, const struct finder_query *q, const struct found *f, int n, struct output *out,
                bool *full, struct err *e)
{
	int rc = ERR_OK;
	for (int i = 0; i < n && !rc && !*full; i++) {
		struct ledger_case c = {0};
		/* one whose receipt has moved since stands elsewhere in the list as well */
		if (read_if(l, f[i].id, q, &c, &rc, e) && c.view.received_at == f[i].at) {
			if (out->shown == q->limit)
				*full = true;
			else if (out->fn(&c, out->arg))
				shown(out, &f[i]);
			else
				rc = err_set(e, ERR_NOMEM, "list");
		}
		ledger_case_release(&c);
	}
	return rc;
}

/* From the search list: by text, by what is due, or both; or the first due first. */
static int by_list(struct search *s, struct ledger *l, const struct finder_query *q, struct output *out, bool *more,
                   struct err *e)
{
	enum case_state state = STATE_DRAFT;
	struct search_query sq = {.text = q->text && search_has_word(q->text) ? q->text : NULL,
	                          .state = -1,
	                          .item = q->item,
	                          .before_at = q->before_at,
	                          .due = q->due,
	                          .today = (int32_t)workdays_day(q->v->now)};
	struct search_hit hits[LIMIT_PAGE + 1];
	struct found f[LIMIT_PAGE + 1];
	if (q->state && state_parse(q->state, &state)) sq.state = (int)state;
	memcpy(sq.before_id, q->before_id, UUID_LEN);
	if (!search_ready(s)) return err_set(e, ERR_BUSY, "the search list is being filled");
	int n, rc = ERR_OK;
	do {
		n = q->by_due ? search_due(s, &sq, hits, q->limit + 1) : search_find(s, &sq, hits, q->limit + 1);
		for (int i = 0; i < n; i++) {
			f[i] = (struct found){.at = hits[i].received_at, .due = hits[i].due};
			memcpy(f[i].id, hits[i].id, UUID_LEN);
		}
		rc = show(l, q, f, n, out, more, e);
		if (n > 0) {
			sq.before_at = q->by_due ? f[n - 1].due : f[n - 1].at;
			memcpy(sq.before_id, f[n - 1].id, UUID_LEN);
		}
	} while (!rc && !*more && n == q->limit + 1);
	return rc;
}

/* What the ledger's own order brings has its place in itself. */
static bool row(const struct ledger_case *c, void *arg)
{
	struct output *out = arg;
	struct found f = {.at = c->view.received_at};
	memcpy(f.id, c->view.id, UUID_LEN);
	if (!out->fn(c, out->arg)) return false;
	shown(out, &f);
	return true;
}

static int all(struct ledger *l, const struct finder_query *q, struct output *output, bool *more, struct err *e)
{
	struct ledger_page page = {.state = q->state, .item = q->item, .before_at = q->before_at, .limit = q->limit};
	memcpy(page.before_id, q->before_id, UUID_LEN);
	return ledger_case_list(l, &page, row, output, more, e);
}

int finder_list(struct search *s, struct ledger *l, struct finder_query *q,
                bool (*fn)(const struct ledger_case *, void *), void *arg, bool *more, struct err *e)
{
	char number[NUMBER_MAX + 1];
	struct output out = {.q = q, .fn = fn, .arg = arg};
	bool text = q->text && search_has_word(q->text);
	*more = false;
	if (!text && !q->by_due && q->due == DUE_ANY) return all(l, q, &out, more, e);
	if (text && as_number(q->text, number)) {
		struct found f[LIMIT_PAGE];
		int n = 0, rc = by_number(l, number, q, f, &n, e);
		if (rc != (int)ERR_NOTFOUND) return rc ? rc : show(l, q, f, n, &out, more, e);
	}
	return by_list(s, l, q, &out, more, e);
}
