/* See search.h. Entries stand in an array by (received_at, id); their text lies in one arena as folded 16-bit units, so
 * that a Chinese character takes two bytes. A 64-bit signature of the characters that occur lets most cases that do not
 * fit be passed over without a look at their text. A case whose text changes gets a new stretch; the arena is copied
 * together when half of it is waste. */
#include "gateway/search_private.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_GAP  1     /* between two texts: no query holds it */
#define WASTE_MIN 65536 /* units that may lie waste in any case */
#define ITEMS_MAX 2048

int search_new(struct search **out, struct err *e)
{
	struct search *s = calloc(1, sizeof *s);
	*out = s;
	if (!s) return err_set(e, ERR_NOMEM, "search list");
	(void)pthread_rwlock_init(&s->lock, NULL);
	return ERR_OK;
}

void search_free(struct search *s)
{
	if (!s) return;
	free(s->entries);
	free(s->arena);
	free(s->items);
	(void)pthread_rwlock_destroy(&s->lock);
	free(s);
}

void search_clear(struct search *s)
{
	(void)pthread_rwlock_wrlock(&s->lock);
	s->n = s->used = s->waste = 0;
	s->ready = false;
	(void)pthread_rwlock_unlock(&s->lock);
}

void search_set_ready(struct search *s, bool ready)
{
	(void)pthread_rwlock_wrlock(&s->lock);
	s->ready = ready;
	(void)pthread_rwlock_unlock(&s->lock);
}

bool search_ready(struct search *s)
{
	(void)pthread_rwlock_rdlock(&s->lock);
	bool ready = s->ready;
	(void)pthread_rwlock_unlock(&s->lock);
	return ready;
}

void search_counts(struct search *s, size_t *cases, size_t *bytes)
{
	(void)pthread_rwlock_rdlock(&s->lock);
	*cases = s->n;
	*bytes = s->cap * sizeof *s->entries + s->room * sizeof *s->arena;
	(void)pthread_rwlock_unlock(&s->lock);
}

/* --- folding --- */

/* The code point at *P of valid UTF-8, moving on. */
static uint32_t next_point(const unsigned char **p)
{
	uint32_t c = *(*p)++;
	if (c < 0x80) return c;
	int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
	c &= 0x3fu >> more;
	while (more-- && (**p & 0xc0) == 0x80)
		c = c << 6 | (*(*p)++ & 0x3fu);
	return c;
}

/* What people type for one another is one: width, case, and the dots in Uyghur and Kazakh names. 0 = left out. */
static uint32_t fold(uint32_t c)
{
	if (c >= 0xff01 && c <= 0xff5e) c -= 0xfee0;
	if (c >= 'A' && c <= 'Z') return c + 32;
	switch (c) {
	case '.':
	case 0x2022:              /* • */
	case 0x2027:              /* ‧ */
	case 0x30fb:              /* ・ */
	case 0x3002: return 0xb7; /* 。, typed for a dot */
	case ' ':
	case '\t':
	case '\n':
	case '\r':
	case 0xa0:
	case 0x3000: return 0;
	default: return c < ' ' ? 0 : c;
	}
}

/* Appends the folded TEXT to OUT, at most up to MAX units; the new length. */
static size_t fold_text(const char *text, size_t len, uint16_t *out, size_t n, size_t max)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + len;
	while (p < end && n + 2 <= max) {
		uint32_t c = fold(next_point(&p));
		if (!c) continue;
		if (c > 0xffff) {
			out[n++] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
			c = 0xdc00 + ((c - 0x10000) & 0x3ff);
		}
		out[n++] = (uint16_t)c;
	}
	return n;
}

static uint64_t signature(const uint16_t *units, size_t n)
{
	uint64_t sig = 0;
	for (size_t i = 0; i < n; i++)
		sig |= 1ull << ((units[i] * 0x9e3779b1u) >> 26);
	return sig;
}

/* --- putting --- */

static int compare(const struct entry *a, int64_t at, const uint8_t id[UUID_LEN])
{
	if (a->received_at != at) return a->received_at < at ? -1 : 1;
	return memcmp(a->id, id, UUID_LEN);
}

/* Place of the first entry that is not below (AT, ID). */
static size_t place(const struct search *s, int64_t at, const uint8_t id[UUID_LEN])
{
	size_t lo = 0, hi = s->n;
	if (hi && compare(&s->entries[hi - 1], at, id) < 0) return hi; /* the usual: the newest of all */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (compare(&s->entries[mid], at, id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool is_at(const struct search *s, size_t i, const struct search_entry *en)
{
	return i < s->n && compare(&s->entries[i], en->received_at, en->id) == 0;
}

bool search_stamp(struct search *s, const struct search_entry *en, uint32_t *stamp)
{
	(void)pthread_rwlock_rdlock(&s->lock);
	size_t i = place(s, en->received_at, en->id);
	bool has = is_at(s, i, en);
	if (has) *stamp = s->entries[i].stamp;
	(void)pthread_rwlock_unlock(&s->lock);
	return has;
}

int search_item_number(const struct search *s, const char *code)
{
	for (size_t i = 0; i < s->n_items; i++)
		if (strcmp(s->items[i], code) == 0) return (int)i;
	return -1;
}

static int item_add(struct search *s, const char *code)
{
	size_t len = strlen(code);
	if (len >= CODE_MAX || s->n_items == ITEMS_MAX) return -1;
	char(*more)[CODE_MAX] = realloc(s->items, (s->n_items + 1) * sizeof *more);
	if (!more) return -1;
	s->items = more;
	memcpy(more[s->n_items], code, len + 1);
	return (int)s->n_items++;
}

/* Moves every text together, in the order of the entries. */
static bool compact(struct search *s)
{
	size_t live = s->used - s->waste, to = 0;
	uint16_t *fresh = malloc((live + live / 8 + SEARCH_CHARS_MAX) * sizeof *fresh);
	if (!fresh) return false;
	for (size_t i = 0; i < s->n; i++) {
		struct entry *en = &s->entries[i];
		memcpy(fresh + to, s->arena + en->at, en->len * sizeof *fresh);
		en->at = (uint32_t)to;
		to += en->len;
	}
	free(s->arena);
	s->arena = fresh;
	s->used = to;
	s->room = live + live / 8 + SEARCH_CHARS_MAX;
	s->waste = 0;
	return true;
}

static bool make_room(struct search *s, size_t units)
{
	if (s->n == s->cap) {
		size_t cap = s->cap + s->cap / 8 + 256;
		struct entry *more = realloc(s->entries, cap * sizeof *more);
		if (!more) return false;
		s->entries = more;
		s->cap = cap;
	}
	if (s->waste > WASTE_MIN && s->waste > s->used / 2 && !compact(s)) return false;
	if (s->used + units <= s->room) return true;
	size_t room = s->room + s->room / 8 + SEARCH_CHARS_MAX;
	if (room > UINT32_MAX) return false;
	uint16_t *more = realloc(s->arena, room * sizeof *more);
	if (!more) return false;
	s->arena = more;
	s->room = room;
	return true;
}

static bool put(struct search *s, const struct search_entry *en, const uint16_t *text, size_t len)
{
	int item = search_item_number(s, en->item);
	if (item < 0) item = item_add(s, en->item);
	if (item < 0 || !make_room(s, len)) return false;
	size_t i = place(s, en->received_at, en->id);
	struct entry *to = &s->entries[i];
	if (is_at(s, i, en)) {
		s->waste += to->len;
	} else {
		memmove(to + 1, to, (s->n - i) * sizeof *to);
		s->n++;
		memcpy(to->id, en->id, UUID_LEN);
		to->received_at = en->received_at;
	}
	memcpy(s->arena + s->used, text, len * sizeof *text);
	to->at = (uint32_t)s->used;
	to->len = (uint16_t)len;
	to->stamp = en->stamp;
	to->due = en->due;
	to->warn = en->warn;
	to->packed = (uint16_t)((unsigned)item << 5 | (unsigned)en->state);
	to->signature = signature(text, len);
	s->used += len;
	return true;
}

size_t search_fold(const char *const *texts, size_t n, uint16_t out[SEARCH_CHARS_MAX])
{
	size_t len = 0;
	for (size_t i = 0; i < n && len < SEARCH_CHARS_MAX; i++) {
		if (len) out[len++] = UNIT_GAP;
		len = fold_text(texts[i], strlen(texts[i]), out, len, SEARCH_CHARS_MAX);
	}
	return len;
}

int search_put(struct search *s, const struct search_entry *en, const uint16_t *units, size_t len, struct err *e)
{
	(void)pthread_rwlock_wrlock(&s->lock);
	bool ok = put(s, en, units, len);
	(void)pthread_rwlock_unlock(&s->lock);
	return ok ? ERR_OK : err_set(e, ERR_NOMEM, "search list");
}

/* --- finding --- */

struct words {
	uint16_t units[512];
	struct {
		size_t at, len;
	} word[SEARCH_WORDS_MAX];
	size_t n;
	uint64_t signature;
};

static void cut(const char *text, struct words *w)
{
	size_t used = 0;
	w->n = 0;
	while (w->n < SEARCH_WORDS_MAX) {
		text += strspn(text, " \t");
		size_t len = strcspn(text, " \t");
		if (!len) break;
		size_t end = fold_text(text, len, w->units, used, sizeof w->units / sizeof *w->units);
		if (end > used) {
			w->word[w->n].at = used;
			w->word[w->n++].len = end - used;
		}
		used = end;
		text += len;
	}
	w->signature = signature(w->units, used);
}

bool search_has_word(const char *text)
{
	struct words w;
	cut(text, &w);
	return w.n > 0;
}

static bool contains(const uint16_t *hay, size_t n, const uint16_t *needle, size_t m)
{
	for (size_t i = 0; i + m <= n; i++)
		if (hay[i] == needle[0] && memcmp(hay + i, needle, m * sizeof *hay) == 0) return true;
	return false;
}

static bool fits(const struct search *s, const struct entry *en, const struct words *w)
{
	if ((en->signature & w->signature) != w->signature) return false;
	for (size_t i = 0; i < w->n; i++)
		if (!contains(s->arena + en->at, en->len, w->units + w->word[i].at, w->word[i].len)) return false;
	return true;
}

int search_find(struct search *s, const struct search_query *q, struct search_hit *out, int max)
{
	struct words w;
	int found = 0;
	w.n = 0;
	w.signature = 0;
	if (q->text) cut(q->text, &w);
	if (q->text && !w.n) return -1;
	(void)pthread_rwlock_rdlock(&s->lock);
	int item = q->item ? search_item_number(s, q->item) : 0;
	size_t i = item < 0 ? 0 : place(s, q->before_at, q->before_id);
	while (i-- > 0 && found < max) {
		const struct entry *en = &s->entries[i];
		if (!search_passes(en, q, item) || !fits(s, en, &w)) continue;
		memcpy(out[found].id, en->id, UUID_LEN);
		out[found].due = en->due;
		out[found++].received_at = en->received_at;
	}
	(void)pthread_rwlock_unlock(&s->lock);
	return found;
}
