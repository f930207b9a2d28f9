/* The search list by due day. Days, not states, are kept, so that nothing has to be touched when a day begins: what is
 * overdue today follows from the list as it stands. The first of many are found in one walk, with a heap of as many as
 * a page wants. */
#include "gateway/search_private.h"

#include <string.h>

static bool is_due(const struct entry *en, enum search_due due, int32_t today)
{
	if (due == DUE_PAUSED || en->due <= 0) return due == DUE_PAUSED && en->due == SEARCH_PAUSED;
	switch (due) {
	case DUE_OVERDUE: return en->due < today;
	case DUE_TODAY: return en->due == today;
	case DUE_SOON: return en->due >= today && en->warn <= today;
	case DUE_PAUSED:
	case DUE_ANY: break;
	}
	return true;
}

bool search_passes(const struct entry *en, const struct search_query *q, int item)
{
	if (q->state >= 0 && (en->packed & 31) != q->state) return false;
	if (q->item && en->packed >> 5 != item) return false;
	return q->due == DUE_ANY || is_due(en, q->due, q->today);
}

static int compare(int64_t due, const uint8_t *id, int64_t other, const uint8_t *other_id)
{
	if (due != other) return due < other ? -1 : 1;
	return memcmp(id, other_id, UUID_LEN);
}

static bool later(const struct search_hit *a, const struct search_hit *b)
{
	return compare(a->due, a->id, b->due, b->id) > 0;
}

static void swap(struct search_hit *a, struct search_hit *b)
{
	struct search_hit x = *a;
	*a = *b;
	*b = x;
}

/* Lets the hit at the top sink to its place; the latest of N is on top. */
static void sink(struct search_hit *heap, int n)
{
	for (int i = 0;;) {
		int top = i, left = 2 * i + 1, right = left + 1;
		if (left < n && later(&heap[left], &heap[top])) top = left;
		if (right < n && later(&heap[right], &heap[top])) top = right;
		if (top == i) return;
		swap(&heap[i], &heap[top]);
		i = top;
	}
}

static void rise(struct search_hit *heap, int i)
{
	while (i > 0 && later(&heap[i], &heap[(i - 1) / 2])) {
		swap(&heap[i], &heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
}

static int walk(const struct search *s, const struct search_query *q, int item, struct search_hit *heap, int max)
{
	int n = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct entry *en = &s->entries[i];
		struct search_hit hit = {.received_at = en->received_at, .due = en->due};
		if (en->due <= 0 || !search_passes(en, q, item)) continue;
		if (compare(en->due, en->id, q->before_at, q->before_id) <= 0) continue;
		memcpy(hit.id, en->id, UUID_LEN);
		if (n < max) {
			heap[n] = hit;
			rise(heap, n++);
		} else if (later(&heap[0], &hit)) {
			heap[0] = hit;
			sink(heap, n);
		}
	}
	return n;
}

int search_due(struct search *s, const struct search_query *q, struct search_hit *out, int max)
{
	(void)pthread_rwlock_rdlock(&s->lock);
	int item = q->item ? search_item_number(s, q->item) : 0;
	int n = item < 0 ? 0 : walk(s, q, item, out, max);
	(void)pthread_rwlock_unlock(&s->lock);
	for (int left = n; left > 1; left--) { /* the latest goes to the end */
		swap(&out[0], &out[left - 1]);
		sink(out, left - 1);
	}
	return n;
}
