/* What search.c and search_due.c share of the list. */
#ifndef XINKE_GATEWAY_SEARCH_PRIVATE_H
#define XINKE_GATEWAY_SEARCH_PRIVATE_H

#include "gateway/search.h"

#include <pthread.h>

#define CODE_MAX 168 /* bytes of an item's code */

struct entry {
	uint8_t id[UUID_LEN];
	int64_t received_at;
	uint64_t signature;
	uint32_t at; /* of its text in the arena, units */
	uint32_t stamp;
	uint16_t len;    /* units */
	uint16_t packed; /* number of the item and state: item << 5 | state */
	int32_t due, warn;
};
_Static_assert(sizeof(struct entry) == 56, "what a case costs beside its text");
_Static_assert(STATE_COUNT <= 32, "a state fits in five bits");

struct search {
	pthread_rwlock_t lock;
	struct entry *entries; /* oldest first */
	size_t n, cap;
	uint16_t *arena;
	size_t used, room, waste; /* units */
	char (*items)[CODE_MAX];
	size_t n_items;
	bool ready;
};

/* Number of the item's code, -1 when it has none yet. */
int search_item_number(const struct search *s, const char *code);
/* Does the entry pass the filters of Q but its text? ITEM is the number of Q's item. */
bool search_passes(const struct entry *en, const struct search_query *q, int item);

#endif
