/* The ledger of a box: the append-only events of its station, and what follows from them.
 *
 * One struct ledger is one database connection with the keys in memory; it belongs to one thread. Gateway and courier
 * each open their own on the same file. Everything that writes runs between ledger_begin and ledger_commit, lasts at
 * most tens of milliseconds and never spans a network call. Design: "The ledger: one truth". */
#ifndef XINKE_LEDGER_H
#define XINKE_LEDGER_H

#include "shared/caseview.h"
#include "shared/catalog.h"
#include "shared/clock.h"
#include "shared/crypto/seal.h"
#include "shared/err.h"
#include "shared/event.h"
#include "shared/problem.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define LEDGER_SCHEMA 1 /* the last migration of schema/sql/box */

struct ledger; /* opaque */
struct db;

enum ledger_mode {
	LEDGER_READ,    /* reads only */
	LEDGER_WRITE,   /* the file must exist and have this schema */
	LEDGER_MIGRATE, /* makes or migrates the file: the gateway alone */
};

struct ledger_config {
	const char *path;      /* database file */
	const char *field_key; /* file with the 32-byte field key */
	const char *vfs;       /* SQLite VFS, NULL = default */
	enum ledger_mode mode;
	struct clock *clock; /* borrowed */
	int cache_kib;       /* page cache of this connection, 0 = 2048 */
	const char *gate;    /* file by which writers take turns, NULL = none (see ledger_begin) */
	bool first;          /* at the gate this one holds the others up (the courier); the others only pass through */
};

/* Who this box is; known after its enrolment. */
struct ledger_identity {
	bool enrolled;
	char station[13];
	char name[96]; /* the station's title */
	enum tier tier;
	char township[13];
	uint8_t station_key[EVENT_KEY_LEN];
};

/* The open log. */
struct ledger_head {
	int64_t n; /* local number of the log */
	uint8_t log[UUID_LEN];
	int box;
	int64_t seq; /* last event */
	uint8_t hash[DIGEST_LEN];
	int64_t sent_seq;     /* highest that was in a request */
	int64_t received_seq; /* highest that the county has, by a signed answer */
	uint8_t received_hash[DIGEST_LEN];
};

/* --- opening (store.c) --- */

/* Makes the field key file (32 random bytes, 0640, fsynced with its folder) unless it is there. */
int ledger_key_make(const char *path, struct err *e);
/* Opens. A missing or wrong key is ERR_DENIED, a newer schema ERR_VERSION, a damaged file ERR_CORRUPT: never a fresh
 * start over old data. New (close with ledger_close). */
int ledger_open(const struct ledger_config *cfg, struct ledger **out, struct err *e);
void ledger_close(struct ledger *l);
/* quick_check, the head of each log against its last event, the feed's head: what every start looks at. */
int ledger_check(struct ledger *l, struct err *e);
/* The heads alone: what must hold before anything is served. quick_check takes long where there are many events. */
int ledger_check_heads(struct ledger *l, struct err *e);
/* The field key, for the enrolment to hand to the county. Borrowed. */
const uint8_t *ledger_field_key(const struct ledger *l);
/* Reads the identity again while the box is not enrolled; borrowed until the ledger closes. */
const struct ledger_identity *ledger_identity(struct ledger *l);
/* The open log. ERR_NOTFOUND when there is none. */
int ledger_head(struct ledger *l, struct ledger_head *out, struct err *e);
struct clock_now ledger_now(struct ledger *l);
/* The connection, for the tables that are not the ledger's own (staff, sessions). Borrowed. */
struct db *ledger_db(struct ledger *l);

/* Begins a write transaction (IMMEDIATE). SQLite's lock is not fair: a gateway under load would keep the courier waiting
 * for ever. So the courier locks the gate file before it asks for the database, and the gateway passes through the same
 * lock before each of its transactions. */
int ledger_begin(struct ledger *l, struct err *e);
int ledger_commit(struct ledger *l, struct err *e);
void ledger_rollback(struct ledger *l);
/* One part of a group: rolled back alone. */
int ledger_part_begin(struct ledger *l, struct err *e);
int ledger_part_end(struct ledger *l, bool keep, struct err *e);

int ledger_meta_int(struct ledger *l, const char *key, int64_t def, int64_t *out, struct err *e);
int ledger_meta_set_int(struct ledger *l, const char *key, int64_t v, struct err *e);
/* Text up to CAP bytes; "" when it is not there. */
int ledger_meta_text(struct ledger *l, const char *key, char *out, size_t cap, struct err *e);
int ledger_meta_set_text(struct ledger *l, const char *key, const char *v, struct err *e);

/* --- writing (append.c, enrol.c) --- */

struct ledger_case;

/* One call of a caller: its key is the id of its first event. */
struct ledger_call {
	uint8_t key[UUID_LEN];
	uint8_t request[DIGEST_LEN]; /* HMAC of principal, target and canonical request, see ledger_request_mac */
	const char *actor;           /* account name */
	const char *device;          /* phone, or "" */
	struct clock_now now;
	unsigned appended;        /* events so far; start with 0 */
	struct ledger_case *seen; /* gets the case as the call leaves it; NULL = not wanted. Release it */
};

/* HMAC under the index key over METHOD and TARGET of the call, PRINCIPAL and the canonical BODY. */
int ledger_request_mac(struct ledger *l, const char *target, const char *principal, const json_t *body,
                       uint8_t out[DIGEST_LEN], struct err *e);
/* Has this key been used? 0 = no; ERR_CONFLICT = yes, by another request or principal; -1 = yes, by this one, and
 * CASE_ID is its case. Other codes: errors. */
int ledger_replay(struct ledger *l, const struct ledger_call *call, uint8_t case_id[UUID_LEN], struct err *e);
/* Appends one event to the open log. CASE_ID NULL for events of no case. */
int ledger_append(struct ledger *l, struct ledger_call *call, const uint8_t *case_id, const char *type,
                  const json_t *body, struct err *e);
/* Registers a case from REQUEST (checked by body_check_registration): receipt number, receive, and forward to the
 * township where this tier only takes ITEM in and no material is missing. The case id is the call's key. */
int ledger_register(struct ledger *l, struct ledger_call *call, const json_t *request, const struct catalog *cat,
                    const struct catalog_item *item, struct err *e);
/* Appends TYPE to a case if its state, this box's part in it and IF_REVISION (0 = any) allow; a refusal goes to P and
 * is no error. OFFER is what this tier offers of the case's item. */
int ledger_act(struct ledger *l, struct ledger_call *call, const uint8_t case_id[UUID_LEN], int64_t if_revision,
               enum case_event type, const json_t *body, enum offer offer, struct problem *p, struct err *e);

/* What an enrolment brings. */
struct ledger_enrolment {
	const char *station, *name, *township; /* codes and title */
	enum tier tier;
	uint8_t station_key[EVENT_KEY_LEN];
	uint8_t log[UUID_LEN];
	int box;
};
/* Stores the identity and opens a log in one transaction: log_opened, then every event that the county has not
 * confirmed, with its old identity. Begins and commits by itself. */
int ledger_enrol(struct ledger *l, const struct ledger_enrolment *en, struct err *e);
/* Opens a new log under a granted box number because this box is a copy; as ledger_enrol for the rest. */
int ledger_new_log(struct ledger *l, const uint8_t log[UUID_LEN], int box, struct err *e);

/* --- reading (read.c) --- */

enum ledger_sync { SYNC_LOCAL, SYNC_SENT, SYNC_RECEIVED, SYNC_SETTLED, SYNC_REFUSED };
const char *ledger_sync_name(enum ledger_sync s);

struct ledger_case {
	struct caseview view;
	enum ledger_sync sync; /* the least advanced of its own events; refused overrides */
};
void ledger_case_release(struct ledger_case *c);

/* ERR_NOTFOUND when there is no such case. */
int ledger_case_get(struct ledger *l, const uint8_t id[UUID_LEN], struct ledger_case *out, struct err *e);

/* A page of cases, newest receipt first. */
struct ledger_page {
	const char *state,
	    *item;         /* filters, NULL = all; at most one is used by index, the other is looked at per row */
	int64_t before_at; /* cursor: start below (before_at, before_id); INT64_MAX = from the newest */
	uint8_t before_id[UUID_LEN];
	int limit;
};
/* Calls FN for each row until it returns false or the page is full; *MORE tells whether rows are left. */
int ledger_case_list(struct ledger *l, const struct ledger_page *page, bool (*fn)(const struct ledger_case *, void *),
                     void *arg, bool *more, struct err *e);
/* Cases by document number, by phone or by receipt number, at most LIMIT ids into OUT; *N of them. */
int ledger_case_find(struct ledger *l, const char *text, uint8_t (*out)[UUID_LEN], int limit, int *n, struct err *e);

struct ledger_history {
	struct event ev; /* borrowed during the call */
	bool own;        /* false: the county's or another station's, by the feed */
	bool fits;       /* was applied to the case's view */
	enum ledger_sync sync;
	const char *code, *pointer, *message; /* of a refusal, else NULL */
};
/* The case's events in order; ERR_NOTFOUND when it has none. */
int ledger_case_history(struct ledger *l, const uint8_t id[UUID_LEN], bool (*fn)(const struct ledger_history *, void *),
                        void *arg, struct err *e);
/* Cases changed after AFTER, oldest change first, at most LIMIT. */
int ledger_changes(struct ledger *l, int64_t after, int limit,
                   void (*fn)(const uint8_t id[UUID_LEN], int64_t change, void *), void *arg, struct err *e);
/* The last change and this ledger's epoch (new at every rebuild: older cursors have expired). */
int ledger_change_head(struct ledger *l, int64_t *change, int64_t *epoch, struct err *e);
/* The newest document of KIND ("catalog", "calendar") that the feed brought; new reference. ERR_NOTFOUND. */
int ledger_thing(struct ledger *l, const char *kind, json_t **out, int64_t *version, struct err *e);

struct ledger_counts {
	int64_t cases, refused, feed;
};
int ledger_counts(struct ledger *l, struct ledger_counts *out, struct err *e);

/* --- the courier's side (courier.c) --- */

/* Own events of the open log above AFTER, at most LIMIT and MAX_BYTES of bodies (one at least). OUT has room for LIMIT;
 * release each. */
int ledger_unsent(struct ledger *l, int64_t after, int limit, size_t max_bytes, struct event *out, int *n,
                  struct err *e);
/* The chain's hash after SEQ of the open log (0 = the start). ERR_NOTFOUND past its head. */
int ledger_hash_at(struct ledger *l, int64_t seq, uint8_t hash[DIGEST_LEN], struct err *e);
int ledger_mark_sent(struct ledger *l, int64_t seq, struct err *e);
/* The feed's head here. */
int ledger_feed_head(struct ledger *l, int64_t *n, uint8_t hash[DIGEST_LEN], struct err *e);
/* Applies a verified answer in one transaction: the county's head (received), then feed ENTRIES in order. A gap or a
 * hash that does not follow is ERR_CORRUPT and nothing is stored. */
int ledger_apply(struct ledger *l, int64_t received_seq, const uint8_t received_hash[DIGEST_LEN], const json_t *entries,
                 struct err *e);
/* The county is behind or ahead of what was believed: takes SEQ as received, all above is local again. */
int ledger_rewind(struct ledger *l, int64_t seq, struct err *e);

/* --- checking (verify.c) --- */

struct ledger_report {
	int64_t logs, events, feed, cases; /* looked at */
	int64_t faults;                    /* wrong; each told through FN */
};
/* Walks every chain, mac and projection. Returns 0 when it could look, faults are in OUT. */
int ledger_verify(struct ledger *l, struct ledger_report *out, void (*fn)(const char *fault, void *), void *arg,
                  struct err *e);
/* Makes every projection anew from events and feed, in one transaction. */
int ledger_rebuild(struct ledger *l, struct err *e);

#endif
