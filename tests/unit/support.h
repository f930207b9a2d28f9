/* What the unit tests share: a folder that goes away, a clock whose time the test sets, JSON, and an enrolled ledger.
 *
 * Every helper asserts by itself, so that a test reads as its story. Sources come from XINKE_ROOT, nothing else. */
#ifndef XINKE_TESTS_UNIT_SUPPORT_H
#define XINKE_TESTS_UNIT_SUPPORT_H

#include "shared/catalog.h"
#include "shared/clock.h"
#include "shared/ledger/courier.h"
#include "shared/ledger/ledger.h"
#include "shared/ledger/read.h"
#include "shared/ledger/write.h"
#include "sync/engine/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#define COUNT(a)            (sizeof(a) / sizeof *(a))

#define SUPPORT_NOW         1795478400000LL /* 2026-11-24T00:00:00Z, 08:00 in China */
#define SUPPORT_DAY_MS      86400000LL
#define SUPPORT_STATION     "652323101200"
#define SUPPORT_TOWNSHIP    "652323101000"
#define SUPPORT_PATH_MAX    256

#define SUPPORT_PERSON      "652323198506151237" /* of domain.md section 4 */
#define SUPPORT_PHONE       "13899990001"
#define SUPPORT_ACCEPT_ITEM "652323-001" /* a village takes it in (受理), an application */
#define SUPPORT_HANDLE_ITEM "652323-019" /* a village handles it (办理), an application */

/* --- files --- */

struct support_folder {
	char path[96];
};
void support_folder_make(struct support_folder *f);
/* Removes the folder with all that is in it. */
void support_folder_remove(struct support_folder *f);
void support_path(const struct support_folder *f, const char *name, char out[SUPPORT_PATH_MAX]);
void support_put(const char *path, const char *text);
void support_copy(const char *from, const char *to);
/* A file of the source tree as new text (free). */
char *support_source(const char *relative);

/* --- time --- */

struct support_clock {
	struct clock clock; /* first: hand out &c->clock */
	int64_t wall, mono;
	bool synced;
};
/* Stands at SUPPORT_NOW, synced, floor at the build's date. */
void support_clock_init(struct support_clock *c);

/* --- JSON --- */

/* New value from JSON whose quotes may be written ' to spare the backslashes. */
json_t *support_json(const char *text);
/* New value from a file of the source tree. */
json_t *support_json_file(const char *relative);
/* The county's catalog from the source tree (catalog_free). */
struct catalog *support_catalog(void);
/* New registration of ITEM (POST /cases) with the block of its record kind; NAME, ID and PHONE of an applicant. */
json_t *support_registration(const struct catalog_item *item, const char *name, const char *id, const char *phone);

/* --- a ledger --- */

struct support_ledger {
	struct support_folder folder;
	struct support_clock clock;
	struct catalog *catalog;
	struct ledger *l;
	char db[SUPPORT_PATH_MAX], key[SUPPORT_PATH_MAX];
	uint8_t station_key[EVENT_KEY_LEN];
	uint8_t log[UUID_LEN]; /* that the enrolment opened */
};
/* A village's box, enrolled, box number 1, no case yet. */
void support_ledger_make(struct support_ledger *t);
/* Closes it and opens it again. */
void support_ledger_reopen(struct support_ledger *t);
void support_ledger_release(struct support_ledger *t);
/* A configuration of its files in MODE. */
struct ledger_config support_ledger_config(struct support_ledger *t, enum ledger_mode mode);
/* The id numbered N: UUIDs that a test can write again. */
void support_id(unsigned n, uint8_t out[UUID_LEN]);
/* A call with the key numbered N by the account "clerk", now. */
struct ledger_call support_call(struct support_ledger *t, unsigned n);
/* Registers ITEM for the standard applicant under key N in a transaction of its own. */
void support_register(struct support_ledger *t, unsigned n, const char *item);
/* Acts on case N under key KEY; the refusal's code (PROBLEM_NONE when it was appended). BODY is taken. */
enum problem_code support_act(struct support_ledger *t, unsigned key, unsigned n, enum case_event type, json_t *body);
/* The case N; release it. */
void support_case(struct support_ledger *t, unsigned n, struct ledger_case *out);
/* Asserts that the ledger verifies without a fault. */
void support_verified(struct support_ledger *t);
/* Runs SQL on the database file by a connection of its own. */
void support_sql(const char *db, const char *sql);
int64_t support_sql_int(const char *db, const char *sql);

/* --- a feed, as the county would write it --- */

struct support_feed {
	const uint8_t *key; /* the station's */
	int64_t n;
	uint8_t hash[DIGEST_LEN];
	json_t *entries; /* since the last support_feed_take */
};
void support_feed_init(struct support_feed *f, const uint8_t *key);
void support_feed_release(struct support_feed *f);
/* Adds ENTRY (taken) with its number and hash. */
void support_feed_add(struct support_feed *f, json_t *entry);
void support_feed_settled(struct support_feed *f, const uint8_t log[UUID_LEN], int64_t from, int64_t to);
void support_feed_refused(struct support_feed *f, const uint8_t log[UUID_LEN], int64_t seq, const char *code);
/* An event of ORIGIN on case N with a body in the notation of support_json. */
void support_feed_event(struct support_feed *f, unsigned id, unsigned n, const char *type, const char *origin,
                        const char *body);
/* Applies what was added to the ledger, with its whole log as received; then the feed goes on behind it. */
int support_feed_apply(struct support_feed *f, struct support_ledger *t, struct err *e);
/* ledger_apply with a head and entries alone. */
int support_apply(struct ledger *l, int64_t seq, const uint8_t hash[DIGEST_LEN], const json_t *entries, struct err *e);
/* The county's head is SEQ of this log, whatever was believed. */
int support_rewind(struct ledger *l, int64_t seq, struct err *e);
/* What the wire says as the ledger takes it; borrows from W. */
struct ledger_answer support_answer(const struct wire_answer *w);

#endif
