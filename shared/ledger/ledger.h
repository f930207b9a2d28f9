/* The ledger of a box: the append-only events of its station, and what follows from them.
 *
 * One struct ledger is one database connection with the keys in memory; it belongs to one thread. Gateway and courier
 * each open their own on the same file. Everything that writes runs between ledger_begin and ledger_commit, lasts at
 * most tens of milliseconds and never spans a network call. What to do with an open ledger stands in write.h, read.h,
 * courier.h and verify.h. Design: "The ledger: one truth". */
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

#define LEDGER_SCHEMA 6 /* the last migration of schema/sql/box */

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
/* Gives the clock what the courier has learnt of the time since; opening does it first. */
int ledger_clock_load(struct ledger *l, struct err *e);
/* The connection, for the tables that are not the ledger's own (staff, sessions). Borrowed. */
struct db *ledger_db(struct ledger *l);

/* Begins a write transaction (IMMEDIATE). SQLite's lock is not fair: a gateway under load would keep the courier waiting
 * for ever. So the courier locks the gate file before it asks for the database, and the gateway passes through the same
 * lock before each of its transactions. */
int ledger_begin(struct ledger *l, struct err *e);
int ledger_commit(struct ledger *l, struct err *e);
void ledger_rollback(struct ledger *l);
/* What the connection knows of the transaction beside the database, noted before a call and put back after one that
 * failed and wrote nothing. */
void ledger_note(struct ledger *l);
void ledger_recall(struct ledger *l);
/* One part of a group: rolled back alone. */
int ledger_part_begin(struct ledger *l, struct err *e);
int ledger_part_end(struct ledger *l, bool keep, struct err *e);

int ledger_meta_int(struct ledger *l, const char *key, int64_t def, int64_t *out, struct err *e);
int ledger_meta_set_int(struct ledger *l, const char *key, int64_t v, struct err *e);
/* Text up to CAP bytes; "" when it is not there. */
int ledger_meta_text(struct ledger *l, const char *key, char *out, size_t cap, struct err *e);
int ledger_meta_set_text(struct ledger *l, const char *key, const char *v, struct err *e);

#endif
