/* The search list: every case's text in memory, newest receipt first.
 *
 * Bodies are sealed on the disk, so names, addresses and notes cannot be searched there. The list holds no JSON and no
 * SQL; follow.c fills it. One thread puts, any thread finds. */
#ifndef XINKE_GATEWAY_SEARCH_H
#define XINKE_GATEWAY_SEARCH_H

#include "shared/err.h"
#include "shared/states.h"
#include "shared/uuid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct search; /* opaque */

#define SEARCH_WORDS_MAX 8    /* words of a query that are looked at */
#define SEARCH_CHARS_MAX 4096 /* of one case's text; what is longer is not found by its end */

int search_new(struct search **out, struct err *e);
void search_free(struct search *s);

#define SEARCH_PAUSED (-1)

/* A case to be put. */
struct search_entry {
	uint8_t id[UUID_LEN];
	int64_t received_at; /* with the id, its place */
	uint32_t stamp;      /* another one for another content */
	enum case_state state;
	const char *item;
	int32_t due,
	    warn; /* of its next term that runs: last day, first day of a warning (workdays_day); DUE 0 = none is open,
	             SEARCH_PAUSED = those that are open are paused */
};
/* Is the case in the list, and with what stamp? */
bool search_stamp(struct search *s, const struct search_entry *en, uint32_t *stamp);
/* Folds the N texts of a case (UTF-8) into OUT; returns the units. */
size_t search_fold(const char *const *texts, size_t n, uint16_t out[SEARCH_CHARS_MAX]);
/* Puts or replaces EN with its folded text. ERR_NOMEM leaves the list as it was. */
int search_put(struct search *s, const struct search_entry *en, const uint16_t *units, size_t len, struct err *e);
/* Forgets everything. */
void search_clear(struct search *s);
/* Is the list complete enough to be searched? Set by whoever fills it. */
void search_set_ready(struct search *s, bool ready);
bool search_ready(struct search *s);
/* Cases in it, bytes that it takes. */
void search_counts(struct search *s, size_t *cases, size_t *bytes);

enum search_due { DUE_ANY, DUE_OVERDUE, DUE_TODAY, DUE_SOON, DUE_PAUSED };
struct search_query {
	const char *text;  /* words; all must occur; NULL = any text */
	int state;         /* enum case_state, -1 = any */
	const char *item;  /* NULL = any */
	int64_t before_at; /* starts below (before_at, before_id); of search_due: above (due day, id) */
	uint8_t before_id[UUID_LEN];
	enum search_due due;
	int32_t today; /* workdays_day */
};
struct search_hit {
	uint8_t id[UUID_LEN];
	int64_t received_at;
	int32_t due;
};
/* The first hits, newest first, at most MAX. Returns their number, -1 when TEXT holds no word. */
int search_find(struct search *s, const struct search_query *q, struct search_hit *out, int max);
/* The hits whose term is due first, without looking at texts, at most MAX; their number. */
int search_due(struct search *s, const struct search_query *q, struct search_hit *out, int max);
/* Does TEXT hold a word? */
bool search_has_word(const char *text);

#endif
