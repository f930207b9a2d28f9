/* See follow.h. The waker's thread follows the ledger's changes from the first on, which is how the list is filled after
 * a start, too; a case is read again only when its stamp says that its content is another. After a rebuild changes are
 * counted anew, which the epoch tells: then the list starts again. */
#include "gateway/follow.h"
#include "shared/ledger/read.h"
#include "shared/registers.h"

#include "gateway/gateway.h"
#include "shared/db/db.h"
#include "shared/fields.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BATCH      128  /* cases in one round */
#define OFFERS_MAX 2048 /* beyond it cases are read from the ledger */
#define TEXTS_MAX  24   /* texts of one case: its own, and the latest notes */

/* All that the list wants of a new case, in one block: its JSON need not wait for the next round. */
struct fresh {
	struct fresh *next;
	struct search_entry entry;
	char item[sizeof((struct caseview *)NULL)->item];
	size_t len;
	uint16_t units[];
};

struct follow {
	struct search *search;
	struct days *days;
	struct items *items;
	pthread_mutex_t lock;
	struct fresh *offers;
	int n_offers;
	int64_t after, epoch;           /* the follower's own, as what follows */
	const struct workdays *counted; /* the calendar by which the list's due days were counted */
	int64_t again;                  /* changes up to this one are read again: they were counted by another */
};

int follow_new(struct search *s, struct days *days, struct items *it, struct follow **out, struct err *e)
{
	struct follow *f = calloc(1, sizeof *f);
	*out = f;
	if (!f) return err_set(e, ERR_NOMEM, "search list");
	f->search = s;
	f->days = days;
	f->items = it;
	(void)pthread_mutex_init(&f->lock, NULL);
	return ERR_OK;
}

static struct fresh *take(struct follow *f)
{
	(void)pthread_mutex_lock(&f->lock);
	struct fresh *list = f->offers;
	f->offers = NULL;
	f->n_offers = 0;
	(void)pthread_mutex_unlock(&f->lock);
	return list;
}

static void drop(struct fresh *list)
{
	for (struct fresh *o = list, *next; o; o = next) {
		next = o->next;
		free(o);
	}
}

void follow_free(struct follow *f)
{
	if (!f) return;
	drop(take(f));
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
}

/* Another content has another stamp: each event raises the revision, a verdict moves the refused ones or the state. */
static uint32_t stamp_of(int64_t revision, int64_t refused, enum case_state state)
{
	return (uint32_t)revision << 13 | ((uint32_t)refused & 0xff) << 5 | (uint32_t)state;
}

/* The last digits of a receipt number, by which people ask for one: box and serial. */
static const char *receipt_tail(const char *receipt)
{
	const char *dash = strchr(receipt, '-');
	const char *second = dash ? strchr(dash + 1, '-') : NULL;
	return second ? second + 1 : receipt;
}

static size_t texts_of(const struct caseview *v, const char *texts[TEXTS_MAX])
{
	static const char *const in_blocks[][2] = {{"applicant", "address"}, {"service", "person"},
	                                           {"service", "advice"},    {"activity", "place"},
	                                           {"agent", "name"},        {"mediation", "outcome"}};
	size_t n = 0;
	texts[n++] = caseview_title(v);
	for (size_t i = 0; i < sizeof in_blocks / sizeof *in_blocks; i++) {
		const char *t = fields_text(json_object_get(v->doc, in_blocks[i][0]), in_blocks[i][1]);
		if (*t) texts[n++] = t;
	}
	const char *note = fields_text(v->doc, "note");
	if (*note) texts[n++] = note;
	texts[n++] = receipt_tail(v->receipt);
	const json_t *notes = json_object_get(v->doc, "notes");
	for (size_t i = json_array_size(notes); i-- > 0 && n < TEXTS_MAX;)
		texts[n++] = fields_text(json_array_get(notes, i), "text");
	return n;
}

/* The days of its next term that runs, by the calendar W. */
static void set_due(struct follow *f, const struct caseview *v, const struct workdays *w, struct search_entry *en)
{
	struct term t;
	struct items_edition *ed = items_get(f->items);
	struct term_days d = items_case_days(ed, v);
	items_put(ed);
	/* the last days do not depend on what day it is, as long as the term is not paused */
	if (!w || !terms_next(v, &d, w, v->updated_at, &t)) return;
	en->due = SEARCH_PAUSED;
	if (t.state == TERM_PAUSED) return;
	en->due = (int32_t)workdays_day(t.due);
	en->warn = (int32_t)terms_warn_day(&t, w);
}

static struct search_entry entry_of(struct follow *f, const struct caseview *v, uint32_t stamp,
                                    const struct workdays *w)
{
	struct search_entry en = {.received_at = v->received_at, .stamp = stamp, .state = v->state, .item = v->item};
	memcpy(en.id, v->id, UUID_LEN);
	set_due(f, v, w, &en);
	return en;
}

static int put(struct follow *f, const struct caseview *v, uint32_t stamp, struct err *e)
{
	const char *texts[TEXTS_MAX];
	uint16_t units[SEARCH_CHARS_MAX];
	struct search_entry en = entry_of(f, v, stamp, f->counted);
	return search_put(f->search, &en, units, search_fold(texts, texts_of(v, texts), units), e);
}

void follow_offer(struct follow *f, const struct ledger_case *c)
{
	const char *texts[TEXTS_MAX];
	uint16_t units[SEARCH_CHARS_MAX];
	const struct caseview *v = &c->view;
	size_t len = search_fold(texts, texts_of(v, texts), units);
	struct fresh *o = malloc(sizeof *o + len * sizeof *units);
	if (!o) return; /* the change will be followed */
	*o = (struct fresh){.len = len, .entry = entry_of(f, v, stamp_of(v->revision, 0, v->state), days_get(f->days))};
	memcpy(o->item, v->item, sizeof o->item);
	memcpy(o->units, units, len * sizeof *units);
	o->entry.item = o->item;
	(void)pthread_mutex_lock(&f->lock);
	bool room = f->n_offers < OFFERS_MAX;
	if (room) {
		o->next = f->offers;
		f->offers = o;
		f->n_offers++;
	}
	(void)pthread_mutex_unlock(&f->lock);
	if (!room) free(o);
	/* cppcheck-suppress memleak ; with room it lives on in the list */
}

/* What was offered is the first content that a case has: anything in the list is newer. */
static int put_offers(struct follow *f, struct err *e)
{
	int rc = ERR_OK;
	struct fresh *list = take(f);
	for (struct fresh *o = list; o && !rc; o = o->next) {
		uint32_t stamp;
		if (!search_stamp(f->search, &o->entry, &stamp))
			rc = search_put(f->search, &o->entry, o->units, o->len, e);
	}
	drop(list);
	return rc;
}

struct change {
	int64_t change;
	uint8_t id[UUID_LEN];
	uint32_t stamp;
	bool known;
};

static int read_batch(struct follow *f, struct ledger *l, struct change out[BATCH], int *n, struct err *e)
{
	int r = 0;
	size_t len;
	*n = 0;
	struct db_stmt *s = db_query(ledger_db(l), QUERY_changes_stamps, e);
	if (!s) return ERR_IO;
	db_bind_int(s, "after", f->after);
	db_bind_int(s, "limit", BATCH);
	while (*n < BATCH && (r = db_step(s, e)) > 0) {
		struct change *c = &out[(*n)++];
		struct search_entry en = {.received_at = db_int(s, 2)};
		const void *id = db_blob(s, 1, &len);
		const char *state = db_text(s, 3);
		uint32_t have = 0;
		c->change = db_int(s, 0);
		if (id && len == UUID_LEN) memcpy(c->id, id, UUID_LEN);
		if (!state || !state_parse(state, &en.state)) en.state = STATE_DRAFT;
		c->stamp = stamp_of(db_int(s, 5), db_int(s, 6), en.state);
		memcpy(en.id, c->id, UUID_LEN);
		c->known = c->change > f->again && search_stamp(f->search, &en, &have) && have == c->stamp;
	}
	db_reset(s);
	return r < 0 ? -r : ERR_OK;
}

static int read_one(struct follow *f, struct ledger *l, const struct change *ch, struct err *e)
{
	struct ledger_case c = {0};
	struct err none = {0};
	int rc = ledger_case_get(l, ch->id, &c, &none);
	if (!rc && !registers_is_item(c.view.item)) rc = put(f, &c.view, ch->stamp, &none);
	ledger_case_release(&c);
	/* gone since, or damaged: the others are wanted all the same; the check of the ledger tells of damage */
	return rc == (int)ERR_NOTFOUND || rc == (int)ERR_CORRUPT || rc == (int)ERR_INVALID ? ERR_OK
	       : rc ? err_set(e, (enum err_code)rc, "%s", none.msg)
	            : ERR_OK;
}

/* Another calendar gives other days: every case is read once more, while the list goes on being searched. */
static void count_anew(struct follow *f, int64_t head)
{
	const struct workdays *w = days_get(f->days);
	if (w == f->counted) return;
	f->counted = w;
	f->again = head;
	f->after = 0;
}

int follow_round(struct follow *f, struct ledger *l, bool *more, struct err *e)
{
	struct change batch[BATCH];
	int64_t head = 0, epoch = 0;
	int n = 0;
	*more = false;
	int rc = ledger_change_head(l, &head, &epoch, e);
	if (rc) return rc;
	if (epoch != f->epoch || head < f->after) {
		search_clear(f->search);
		f->epoch = epoch;
		f->after = f->again = 0;
	}
	count_anew(f, head);
	rc = put_offers(f, e);
	if (!rc) rc = read_batch(f, l, batch, &n, e);
	for (int i = 0; i < n && !rc; i++) {
		if (!batch[i].known) rc = read_one(f, l, &batch[i], e);
		if (!rc) f->after = batch[i].change;
	}
	*more = n == BATCH;
	if (!rc && !*more) search_set_ready(f->search, true);
	return rc;
}
