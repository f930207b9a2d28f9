/* What the files of the ledger share among themselves. */
#ifndef XINKE_LEDGER_INTERNAL_H
#define XINKE_LEDGER_INTERNAL_H

#include "shared/buf.h"
#include "shared/db/db.h"
#include "shared/ledger/ledger.h"
#include "shared/ledger/queries.h"
#include "shared/ledger/read.h"
#include "shared/limits.h"

struct ledger_call;

/* An act that is asked for, all borrowed. */
struct ledger_act {
	const uint8_t *case_id;
	int64_t if_revision; /* 0 = any */
	enum case_event type;
	const json_t *body;
	enum offer offer; /* what this tier offers of the case's item */
};
/* May it be appended? A refusal goes to P; C is the case as it stands (release it). */
int ledger_may_act(struct ledger *l, const struct ledger_act *a, int64_t now, struct ledger_case *c, struct problem *p,
                   struct err *e);

/* Meta key: the release that has met a feed entry of a kind that it did not know; "" = none has. */
#define LEDGER_UNKNOWN_BY "feed_unknown_by"

/* Levels of a sealed entry around a body: an event inside an entry, as deep as the wire lets pass. */
#define LEDGER_RAW_DEPTH (LIMIT_DEPTH + 8)

struct ledger {
	bool erased; /* bodies went in this transaction or before, and what they left in the WAL is still there */
	struct db *db;
	struct clock *clock;
	uint8_t field_key[SEAL_KEY_LEN];
	uint8_t index_key[DIGEST_LEN];
	struct seal *seal;
	int gate;   /* descriptor of the gate file, -1 = none */
	bool first; /* see struct ledger_config */
	struct ledger_identity id;
	/* The open log inside a write transaction: read once, written once at its end. */
	struct ledger_head head, part_head;
	bool head_loaded, head_dirty, part_loaded, part_dirty;
	/* The last change number, likewise; -1 = not read in this transaction. */
	int64_t change, part_change;
	/* The last serial given to a receipt of a day, likewise. */
	struct ledger_serial {
		int64_t log, last;
		int day; /* 0 = not read in this transaction */
		bool dirty;
	} serial, part_serial;
};

/* Seals LEN bytes bound to the text KIND and the numbers A and B into a new buffer (free). */
int ledger_seal(struct ledger *l, const char *kind, int64_t a, int64_t b, const void *plain, size_t len, uint8_t **out,
                size_t *out_len, struct err *e);
/* The same of the canonical form of V, bound to KIND and A. */
int ledger_seal_json(struct ledger *l, const char *kind, int64_t a, const json_t *v, uint8_t **out, size_t *out_len,
                     struct err *e);
/* Opens into a new NUL-terminated buffer (free); ERR_CORRUPT when it does not fit. */
int ledger_unseal(struct ledger *l, const char *kind, int64_t a, int64_t b, const void *sealed, size_t len, char **out,
                  size_t *out_len, struct err *e);
/* Writes the serial down that this transaction has come to; ledger_commit does it, too. */
int ledger_serial_keep(struct ledger *l, struct err *e);
/* The open log of this transaction. */
int ledger_tx_head(struct ledger *l, struct ledger_head **out, struct err *e);
/* HMAC of a look-up value under the index key, its first eight bytes as a number: among a box's cases two values with the
 * same are not to be expected, and whoever makes one on purpose must have the key. */
int64_t ledger_index_key(struct ledger *l, const char *kind, const char *value);

/* Folds the case from its events and writes its row, keys and change. */
int ledger_project(struct ledger *l, const uint8_t id[UUID_LEN], struct err *e);
/* The same, and hands the case over in SEEN (NULL = not wanted). */
int ledger_project_seen(struct ledger *l, const uint8_t id[UUID_LEN], struct ledger_case *seen, struct err *e);
/* EV with all but its body, for the next event of CALL; release it, unless its body is borrowed. */
int ledger_event_begin(struct ledger *l, const struct ledger_call *call, const uint8_t *case_id, const char *type,
                       struct event *ev, struct err *e);
/* The next receipt number of a registration at AT, in this transaction. */
int ledger_next_receipt(struct ledger *l, int64_t at, char out[RECEIPT_MAX], struct err *e);
/* 80 random bits in Crockford's base32: the QR of the receipt leads to the public progress page with it. */
void ledger_random_token(char out[17]);
/* What follows a receive in the same call: "forward", "complete" or NULL; and the body of that. New, NULL without memory. */
const char *ledger_what_follows(const struct ledger_identity *id, const json_t *materials,
                                const struct catalog_item *item);
json_t *ledger_body_of_second(const struct ledger_identity *id, const char *type, const struct catalog_item *item);
/* Chains it. */
int ledger_event_end(struct ledger *l, struct ledger_call *call, struct event *ev, struct err *e);
/* The bodies of all events of the case go, wherever they stand; but for what the county has not judged yet, which goes with
 * its verdict, and for what the erase itself says. The chains stand. See shared/retention.h. */
int ledger_erase_bodies(struct ledger *l, const uint8_t id[UUID_LEN], struct err *e);
/* Gives EV its place at the end of the open log and writes it; REQUEST is the call's mac or NULL. */
int ledger_chain(struct ledger *l, struct event *ev, const uint8_t *request, struct err *e);
/* Name under which a case's document is sealed. */
void ledger_case_kind(const uint8_t id[UUID_LEN], char out[48]);
/* Bumps the case's change alone: its sync moved. */
int ledger_touch(struct ledger *l, const uint8_t id[UUID_LEN], struct err *e);

/* The least advanced of a case's own events by its counts; a refusal overrides. */
enum ledger_sync ledger_sync_of(const struct ledger_head *h, int64_t own, int64_t settled, int64_t refused,
                                int64_t last);

/* One case's fold with its counts; what `ledger_project` stores and `ledger_verify` compares. */
struct ledger_fold {
	struct caseview view;
	int64_t own, settled, refused, last_seq; /* what was mended counts in none of them */
	int64_t pending;                         /* own ones without a verdict */
	struct ledger_refusal *open;             /* refused events that nothing mends, during the fold */
	bool unreadable;                         /* a body did not open: the row stays as it is */
	bool as_written; /* the case is a refused registration, shown so that it can be mended */
};
/* The look-up keys of a case, as they stand in its row. */
struct ledger_keys {
	int64_t n, key[12]; /* two people's, its token, and the numbers that the case had before */
};
/* What a case's row is made of beside the columns of its fold. */
struct ledger_row {
	struct ledger_keys keys;
	uint8_t *doc; /* sealed */
	size_t len;
};
/* Makes the row of V; any thread with a connection of its own. Release it. */
int ledger_row_make(struct ledger *l, const struct caseview *v, struct ledger_row *out, struct err *e);
void ledger_row_release(struct ledger_row *row);
/* Are the look-up keys of V those of its row, and are they there? */
int ledger_keys_stand(struct ledger *l, const struct caseview *v, bool *ok, struct err *e);
/* blob.c: the files of the case in row N, put, dropped, and whether they are what V has. */
int ledger_files_put(struct ledger *l, int64_t n, const struct caseview *v, struct err *e);
int ledger_files_drop(struct ledger *l, int64_t n, struct err *e);
int ledger_files_stand(struct ledger *l, int64_t n, const struct caseview *v, bool *ok, struct err *e);
int ledger_case_files_stand(struct ledger *l, const struct caseview *v, bool *ok, struct err *e);
/* What a feed entry of kind `blob` says: the county has it. FN is told of each case with that file (NULL = nobody). */
typedef int ledger_case_fn(struct ledger *l, const uint8_t id[UUID_LEN], struct err *e);
int ledger_blob_effect(struct ledger *l, const json_t *body, ledger_case_fn *fn, struct err *e);
/* Writes the row of a case that has none yet, its keys and its change. Takes the view of F and hands it over in SEEN
 * unless that is NULL. */
int ledger_put_new(struct ledger *l, struct ledger_fold *f, const struct ledger_row *row, struct ledger_case *seen,
                   struct err *e);
/* Reads this station's own event from a row in the columns of case_events into H; what its code and texts point to is
 * borrowed from the row. Release H->ev. HEAD is the open log's, as ledger_head_now tells it. */
int ledger_own_row(struct ledger *l, struct db_stmt *s, const struct ledger_head *head, struct ledger_history *h,
                   struct err *e);
/* The open log's head, also inside a write transaction; zero before the first enrolment. */
int ledger_head_now(struct ledger *l, struct ledger_head *out, struct err *e);
typedef bool ledger_history_fn(const struct ledger_history *h, void *arg);
int ledger_fold_case(struct ledger *l, const uint8_t id[UUID_LEN], struct ledger_fold *out, ledger_history_fn *fn,
                     void *arg, struct err *e);
/* When EV truly was (ms), by the clock_fixed of its boot; 0 where its own time may stand. */
int ledger_clock_corrected(struct ledger *l, const struct event *ev, int64_t *out, struct err *e);
/* An event from a row of events_after (log number LOG); release it. */
int ledger_event_row(struct ledger *l, struct db_stmt *s, int64_t log, struct event *ev, struct err *e);
/* The same, without its body where that does not open. */
int ledger_event_row_or_mac(struct ledger *l, struct db_stmt *s, int64_t log, struct event *ev, struct err *e);
/* Opens an event of the table `recovered` into EV (release it). */
int ledger_recovered_event(struct ledger *l, int64_t seq, const void *raw, size_t len, struct event *ev, struct err *e);
/* Opens the raw entry of a feed row. New reference. */
int ledger_feed_entry(struct ledger *l, int64_t n, const void *raw, size_t len, json_t **out, struct err *e);
/* Applies what a stored feed entry says to verdicts and things; FN is told of each case touched (NULL = nobody). */
int ledger_feed_effect(struct ledger *l, int64_t n, const json_t *entry, ledger_case_fn *fn, struct err *e);
/* FN of every case with an own event of LOG in (from, to]. */
int ledger_touch_range(struct ledger *l, int64_t log, int64_t from, int64_t to, ledger_case_fn *fn, struct err *e);
/* The feed of an answer, in its transaction. */
struct ledger_answer;
int ledger_feed_apply(struct ledger *l, const struct ledger_answer *a, struct err *e);
/* The county no longer has LOG's events above SEQ: cuts our feed before the first entry that says otherwise. */
int ledger_feed_distrust(struct ledger *l, int64_t log, int64_t seq, struct err *e);
/* Appends again what the county has lost of this station's events in left logs and of replaced boxes. */
int ledger_append_lost(struct ledger *l, struct err *e);
/* Makes every projection anew, in the caller's transaction. */
int ledger_rebuild_all(struct ledger *l, struct err *e);
/* The serial of a receipt number in a receive event of the log N, so that rebuild raises the counter. */
int ledger_raise_serial(struct ledger *l, int64_t log, const char *receipt, struct err *e);

#endif
