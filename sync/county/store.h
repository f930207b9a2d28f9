/* The county's store: what its parts read and write, by name. SQL is in schema/sql/county, the back end behind db.h.
 *
 * One struct store is one connection and belongs to one thread. Everything that writes runs between store_begin and
 * store_commit. Processes share nothing but this. */
#ifndef XINKE_STORE_H
#define XINKE_STORE_H

#include "shared/account.h"
#include "shared/catalog.h"
#include "shared/crypto/seal.h"
#include "shared/db/db.h"
#include "shared/err.h"
#include "shared/event.h"
#include "sync/engine/wire.h"

#include "shared/workdays.h"
#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

#define STORE_SCHEMA 7 /* the last migration of schema/sql/county */

enum {
#define QUERY(name, sql) Q_##name,
#include "county_queries.inc"
#undef QUERY
	Q_COUNT
};

struct store {
	struct db *db;
	struct seal *recovery;   /* seals station and field keys */
	struct catalog *catalog; /* the newest, kept while its version stays */
	int64_t catalog_version;
	struct workdays *workdays; /* the calendar in force, likewise */
	int64_t calendar_version;
	struct catalog *older; /* another version that was asked for last */
	struct pack *pack;     /* of the thread that has this connection: opens requests, packs answers */
};

enum store_mode { STORE_OPEN, STORE_MIGRATE };

/* Opens PATH; RECOVERY is the 32-byte recovery key. New (close with store_close). */
int store_open(const char *path, const uint8_t recovery[SEAL_KEY_LEN], enum store_mode mode, struct store **out,
               struct err *e);
void store_close(struct store *s);
int store_begin(struct store *s, struct err *e);
int store_commit(struct store *s, struct err *e);
void store_rollback(struct store *s);
/* The queries of accounts and lock-outs. */
const struct account_queries *store_account_queries(void);

/* Fills ST's station key where it was never enrolled as far as this store knows: it follows from the recovery key. */
void store_derive_key(const uint8_t recovery[SEAL_KEY_LEN], const char *code, uint8_t out[EVENT_KEY_LEN]);

struct store_station {
	char code[13], name[96], title[128], township[13];
	enum tier tier;
	bool has_key; /* it was enrolled once */
	uint8_t station_key[EVENT_KEY_LEN];
	int box_used;
	struct wire_mark feed; /* numbered so far */
};
/* ERR_NOTFOUND when there is no such station. */
int store_station(struct store *s, const char *code, struct store_station *out, struct err *e);
int store_station_put(struct store *s, const struct store_station *st, struct err *e);
/* Keeps the station key (made once) and the box's field key, sealed under the recovery key. */
int store_station_keys(struct store *s, const char *code, const uint8_t *station_key, const uint8_t *field_key,
                       struct err *e);
/* The station key alone, where its enrolment was forgotten. */
int store_station_key(struct store *s, const char *code, const uint8_t *station_key, struct err *e);
/* The field key of the station's last box. */
int store_field_key(struct store *s, const char *code, uint8_t out[SEAL_KEY_LEN], struct err *e);
/* The next box number of a station, never given twice; ERR_CONFLICT after 99. */
int store_next_box(struct store *s, const char *code, int *box, struct err *e);

enum log_state { LOG_ACTIVE, LOG_RETIRED, LOG_REVOKED };
const char *log_state_name(enum log_state st);

struct store_log {
	uint8_t log[UUID_LEN];
	char station[13];
	int box;
	enum log_state state;
	struct wire_mark head;
	int64_t not_after; /* of its newest certificate, ms */
};
int store_log(struct store *s, const uint8_t log[UUID_LEN], struct store_log *out, struct err *e);
/* The log of a certificate; where several share it, a revoked one first. */
int store_log_of_cert(struct store *s, const uint8_t fingerprint[DIGEST_LEN], struct store_log *out, struct err *e);
int store_log_insert(struct store *s, const struct store_log *l, int64_t now, struct err *e);
/* L may be pushed with this certificate too, which ends at NOT_AFTER (ms). */
int store_log_certificate(struct store *s, const uint8_t log[UUID_LEN], const uint8_t fingerprint[DIGEST_LEN],
                          int64_t not_after, struct err *e);
int store_log_has(struct store *s, const uint8_t log[UUID_LEN], const uint8_t fingerprint[DIGEST_LEN], bool *yes,
                  struct err *e);
int store_log_head(struct store *s, const uint8_t log[UUID_LEN], const struct wire_mark *head, struct err *e);
int store_log_state(struct store *s, const uint8_t log[UUID_LEN], enum log_state st, struct err *e);
/* Grants whoever shows the certificate, to a copy of its box, a number: the same on repeats until a log is opened with
 * it. ERR_CONFLICT when the station has none left. */
int store_grant(struct store *s, const char *station, const uint8_t fingerprint[DIGEST_LEN], int *box, struct err *e);
/* Was BOX granted to this certificate? *FREE: no log was opened with it yet. */
int store_grant_get(struct store *s, const char *station, int box, const uint8_t fingerprint[DIGEST_LEN], bool *granted,
                    bool *open, struct err *e);
int store_grant_use(struct store *s, const char *station, int box, const uint8_t log[UUID_LEN], struct err *e);
/* Never to be granted again: BOX and what lies GAP above the highest that a log here has. */
int store_box_used(struct store *s, const char *code, int box, int gap, struct err *e);

/* The catalog in force; borrowed until the next call. ERR_NOTFOUND before one was imported. */
int store_catalog(struct store *s, struct catalog **out, struct err *e);
/* The same of the calendar. */
int store_workdays(struct store *s, const struct workdays **out, struct err *e);
/* The catalog of VERSION; borrowed until the next call. ERR_NOTFOUND when it is not here. */
int store_catalog_at(struct store *s, int64_t version, struct catalog **out, struct err *e);
int store_thing_put(struct store *s, const char *kind, int64_t version, const char *doc, int64_t now, struct err *e);
/* The newest document of KIND; new reference. */
int store_thing(struct store *s, const char *kind, json_t **out, int64_t *version, struct err *e);
int store_alarm(struct store *s, const char *station, const char *kind, int64_t now, struct err *e, const char *fmt,
                ...) __attribute__((format(printf, 6, 7)));

#endif
