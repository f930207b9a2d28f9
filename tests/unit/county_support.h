/* A county in this process, and boxes that talk to it by hand: real store, real ledgers, no sockets. */
#ifndef XINKE_TESTS_UNIT_COUNTY_SUPPORT_H
#define XINKE_TESTS_UNIT_COUNTY_SUPPORT_H

#include "shared/ledger/read.h"
#include "tests/unit/support.h"

#include "sync/agent/hands.h"
#include "sync/county/county.h"
#include "sync/county/metrics.h"
#include "sync/county/verify.h"
#include "sync/engine/wire.h"

#define COUNTY_VILLAGE  "652323101200"
#define COUNTY_OTHER    "652323101201"
#define COUNTY_TOWNSHIP "652323101000"

struct test_county {
	struct support_folder folder;
	struct support_clock clock;
	struct county_config cfg;
	struct county c;
	struct metrics metrics;
	struct store *s;
	struct catalog *catalog;
	char db[FILE_PATH_MAX];
};
/* Keys, CA, stations, catalog and calendar of the source tree; the clock stands at SUPPORT_NOW. */
void test_county_make(struct test_county *w);
void test_county_release(struct test_county *w);
/* Asserts FAULTS faults; prints them where they are another number. */
void test_county_verify(struct test_county *w, int64_t faults);
/* Lets MS milliseconds go by. */
void test_county_pass(struct test_county *w, int64_t ms);

struct test_box {
	struct test_county *w;
	struct support_folder folder;
	char db[SUPPORT_PATH_MAX], key[SUPPORT_PATH_MAX];
	struct ledger *l;
	struct county_peer peer;
	uint8_t log[UUID_LEN];
	int number; /* of the box */
	struct engine *g;
	struct pack *pack;
	struct hands h;
	int calls, details;                           /* exchanges, and the detailed ones among them */
	bool down;                                    /* no call reaches the county */
	char cert[X509_PEM_MAX], csr_key[EC_PEM_MAX]; /* its client certificate and the key of it */
	struct support_clock own;                     /* its clock, once it has one that is not the county's */
	struct clock *clock;                          /* that it goes by */
	bool dates_count; /* TLS refuses the county where that clock's own time is wrong, as libcurl would */
	bool pinned;
	enum test_lie { LIE_NONE, LIE_UNSIGNED, LIE_FORGED, LIE_NONCE, LIE_PORTAL } lie; /* what answers GETs */
	bool unread;  /* the county's release cannot read the columns of this box's */
	int columns;  /* exchanges in columns */
	bool carries; /* blobs too; set before its engine is made, and H.carry after */
};
/* Asks for a code and uses it. */
void test_box_make(struct test_box *b, struct test_county *w, const char *station);
void test_box_release(struct test_box *b);
/* A county, and a village whose cases 1 and 2, of items FIRST and SECOND, have arrived there. */
struct test_pair {
	struct test_county county;
	struct test_box village;
};
struct test_pair *test_pair_make(const char *first, const char *second);
/* Asserts that both verify without a fault. */
void test_pair_release(struct test_pair *p);
/* Makes B a copy of FROM's files as they are now, with FROM's certificate. */
void test_box_copy(struct test_box *b, const struct test_box *from);
/* Registers ITEM under key N; acts on case N under KEY (BODY in the notation of support_json). */
void test_box_register(struct test_box *b, unsigned n, const char *item);
void test_box_act(struct test_box *b, unsigned key, unsigned n, const char *type, const char *body);
/* Appends what no ledger of ours would: TYPE with any body on case N. */
void test_box_force(struct test_box *b, unsigned key, unsigned n, const char *type, const char *body);
/* How far case N is. */
enum ledger_sync test_box_sync(struct test_box *b, unsigned n);

enum test_fate { ANSWER_KEPT, ANSWER_LOST };
/* One exchange with at most LIMIT events (0 = a full batch). The refusal's code, PROBLEM_NONE when it was answered; the
 * answer, its signature checked, goes to OUT (release it; NULL = not wanted) and, when kept and no mismatch, into the
 * ledger. */
enum problem_code test_box_exchange(struct test_box *b, int limit, enum test_fate fate, struct wire_answer *out);
/* The box is started anew with a clock of its own that says WALL (Unix ms), in another boot. */
void test_box_reclock(struct test_box *b, int64_t wall);
/* Makes the real courier of B, which test_box_run does by itself. */
void test_box_courier(struct test_box *b);
/* Exchanges until nothing is left. */
void test_box_settle(struct test_box *b);
/* The real courier against this county, call by call, until it waits with nothing left to carry. */
void test_box_run(struct test_box *b);
/* Keeps a copy of the county's database; puts it back: a county restored from a backup. */
void test_county_save(struct test_county *w);
void test_county_restore(struct test_county *w);
/* Asserts that `xinke verify` finds FAULTS faults in B's ledger, and that a rebuild changes nothing. */
void test_box_verify(struct test_box *b, int64_t faults);

#endif
