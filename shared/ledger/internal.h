/* What the files of the ledger share among themselves. */
#ifndef XINKE_LEDGER_INTERNAL_H
#define XINKE_LEDGER_INTERNAL_H

#include "shared/buf.h"
#include "shared/db/db.h"
#include "shared/ledger/ledger.h"
#include "shared/ledger/queries.h"
#include "shared/ledger/read.h"

struct ledger {
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
};

/* Seals LEN bytes bound to the text KIND and the numbers A and B into a new buffer (free). */
int ledger_seal(struct ledger *l, const char *kind, int64_t a, int64_t b, const void *plain, size_t len, uint8_t **out,
                size_t *out_len, struct err *e);
/* Opens into a new NUL-terminated buffer (free); ERR_CORRUPT when it does not fit. */
int ledger_unseal(struct ledger *l, const char *kind, int64_t a, int64_t b, const void *sealed, size_t len, char **out,
                  size_t *out_len, struct err *e);
/* The open log of this transaction. */
int ledger_tx_head(struct ledger *l, struct ledger_head **out, struct err *e);
/* HMAC of a look-up value under the index key, 16 bytes. */
void ledger_index_mac(struct ledger *l, const char *kind, const char *value, uint8_t out[UUID_LEN]);

/* Folds the case from its events and writes its row, keys and change. */
int ledger_project(struct ledger *l, const uint8_t id[UUID_LEN], struct err *e);
/* The same, and hands the case over in SEEN (NULL = not wanted). */
int ledger_project_seen(struct ledger *l, const uint8_t id[UUID_LEN], struct ledger_case *seen, struct err *e);
/* Writes a fold that was just made as the case's row, keys and change; FRESH = the case had no row, so there are no old
 * keys to clear. Takes the view and hands it over in SEEN unless that is NULL. */
struct ledger_fold;
int ledger_put_fold(struct ledger *l, struct ledger_fold *f, bool fresh, struct ledger_case *seen, struct err *e);
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
	int64_t own, settled, refused, last_seq;
};
typedef bool ledger_history_fn(const struct ledger_history *h, void *arg);
int ledger_fold_case(struct ledger *l, const uint8_t id[UUID_LEN], struct ledger_fold *out, ledger_history_fn *fn,
                     void *arg, struct err *e);
/* An event from a row of events_after (log number LOG); release it. */
int ledger_event_row(struct ledger *l, struct db_stmt *s, int64_t log, struct event *ev, struct err *e);
/* Opens the raw entry of a feed row. New reference. */
int ledger_feed_entry(struct ledger *l, int64_t n, const void *raw, size_t len, json_t **out, struct err *e);
/* Applies what a feed entry says to the projections; CASE_FN is told of each case touched. */
int ledger_feed_effect(struct ledger *l, int64_t n, const json_t *entry,
                       int (*case_fn)(struct ledger *, const uint8_t *, struct err *), struct err *e);
/* The serial of a receipt number in a receive event of the log N, so that rebuild raises the counter. */
int ledger_raise_serial(struct ledger *l, int64_t log, const char *receipt, struct err *e);

#endif
