/* The county's feed: rows are written unnumbered, numbered by the station's own exchange, and sent from its cursor. */
#ifndef XINKE_COUNTY_FEED_H
#define XINKE_COUNTY_FEED_H

#include "sync/county/store.h"

struct feed_event {
	const uint8_t *case_id, *id; /* 16 bytes each */
	const char *type, *actor, *origin;
	int64_t at;
	const char *body; /* canonical JSON, NULL once erased */
};

/* An event of a case that STATION follows. */
int feed_put_event(struct store *s, const char *station, const struct feed_event *ev, struct err *e);
/* A mark: events FROM to TO of LOG are settled; cut into spans of LIMIT_MARK_SPAN. */
int feed_put_settled(struct store *s, const char *station, const uint8_t log[UUID_LEN], int64_t from, int64_t to,
                     struct err *e);
int feed_put_refused(struct store *s, const char *station, const uint8_t log[UUID_LEN], int64_t seq, const char *code,
                     const char *pointer, const char *message, struct err *e);
/* A thing ("catalog", "calendar"), its document as JSON text. */
int feed_put_thing(struct store *s, const char *station, const char *kind, const char *doc, struct err *e);
/* A thing of kind `blob`: the county has the file. */
int feed_put_blob(struct store *s, const char *station, const uint8_t sha256[DIGEST_LEN], int64_t size,
                  const char *media, struct err *e);
/* An order on the accounts of STATION: BODY of an entry of kind `staff` (taken; NULL = out of memory). */
int feed_put_staff(struct store *s, const char *station, json_t *body, struct err *e);
/* The things in force, with which a station's feed begins. */
int feed_put_things(struct store *s, const char *station, struct err *e);

/* Numbers what waits for ST's station, at most LIMIT rows, and moves ST's feed head. In the exchange's transaction. */
int feed_number(struct store *s, struct store_station *st, int limit, struct err *e);
/* Is AT a place in the station's feed? */
int feed_knows(struct store *s, const char *station, const struct wire_mark *at, bool *yes, struct err *e);
/* For whoever writes LOG: marks on another log come with their events whole. Entries above N, at most LIMIT and about MAX_BYTES, as a new array; LAST is the place after them, *MORE whether rows
 * are left. */
int feed_read(struct store *s, const struct store_station *st, const uint8_t log[UUID_LEN], int64_t n, int limit,
              size_t max_bytes, json_t **out, struct wire_mark *last, bool *more, struct err *e);

#endif
