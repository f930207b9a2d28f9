/* Feed entries as a box applies them. The input is one JSON array; in every entry number and hash are put right first, for
 * nobody finds a hash by chance, unless the input begins with a space. The ledger has three cases; whatever the entries say,
 * applying them ends in order, and what it would have stored verifies. Each transaction is rolled
 * back where it would be committed (db_commit is wrapped), so that every input meets the same ledger. */
#include "shared/db/db.h"
#include "shared/feed.h"
#include "shared/json_parse.h"
#include "shared/ledger/verify.h"
#include "shared/text.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/support.h"

static struct support_ledger t;
static struct support_feed feed; /* as the box has it */
static bool closed;              /* nothing is committed any more */
static bool inside;              /* a transaction stands open for the checks */

int __wrap_db_commit(struct db *db, struct err *e);
int __real_db_commit(struct db *db, struct err *e);
int __wrap_db_begin_read(struct db *db, struct err *e);
int __real_db_begin_read(struct db *db, struct err *e);
void __wrap_db_rollback(struct db *db);
void __real_db_rollback(struct db *db);

/* The checks look at the transaction that ledger_apply is about to commit. */
int __wrap_db_begin_read(struct db *db, struct err *e)
{
	return inside ? ERR_OK : __real_db_begin_read(db, e);
}

void __wrap_db_rollback(struct db *db)
{
	if (!inside) __real_db_rollback(db);
}

static void tell(const char *fault, void *arg)
{
	(void)arg;
	(void)fprintf(stderr, "fault: %s\n", fault);
}

static void check(struct ledger *l)
{
	struct ledger_report r = {0};
	struct err e = {0};
	MUST(ledger_verify(l, &r, tell, NULL, &e) == ERR_OK);
	MUST(r.faults == 0);
}

int __wrap_db_commit(struct db *db, struct err *e)
{
	if (!closed) return __real_db_commit(db, e);
	inside = true;
	check(t.l);
	inside = false;
	__real_db_rollback(db);
	return ERR_OK;
}

static void release(void)
{
	closed = false;
	support_feed_release(&feed);
	support_ledger_release(&t);
}

static void make(void)
{
	struct err e = {0};
	support_ledger_make(&t);
	for (unsigned i = 1; i <= 3; i++)
		support_register(&t, i, i == 2 ? SUPPORT_ACCEPT_ITEM : SUPPORT_HANDLE_ITEM);
	support_feed_init(&feed, t.station_key);
	support_feed_settled(&feed, t.log, 1, 2);
	support_feed_event(&feed, 500, 1, "note", "county", "{'text':'一'}");
	MUST(support_feed_apply(&feed, &t, &e) == ERR_OK);
	closed = true;
	MUST(atexit(release) == 0);
}

/* Number and hash of what can have them. */
static void put_right(json_t *entries)
{
	size_t i;
	json_t *entry;
	int64_t n = feed.n;
	uint8_t hash[DIGEST_LEN];
	memcpy(hash, feed.hash, DIGEST_LEN);
	json_array_foreach(entries, i, entry) {
		char hex[TEXT_HEX_LEN(DIGEST_LEN)];
		struct err e = {0};
		if (!json_is_object(entry)) return;
		MUST(json_object_set_new(entry, "n", json_integer(++n)) == 0);
		if (feed_hash(entry, feed.key, hash, hash, &e)) return;
		text_hex(hash, DIGEST_LEN, hex);
		MUST(json_object_set_new(entry, "hash", json_string(hex)) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	json_t *entries = NULL;
	struct ledger_head head;
	struct err e = {0};
	if (!closed) make();
	/* the courier takes them out of an answer: parsed by the same rules, an array of objects */
	if (json_parse_strict((const char *)data, len, LIMIT_DEPTH, &entries, NULL)) return 0;
	if (json_is_array(entries)) {
		if (data[0] != ' ') put_right(entries);
		MUST(ledger_head(t.l, &head, &e) == ERR_OK);
		struct ledger_answer a = {.received_seq = head.seq, .feed = entries, .feed_seq = feed.n, .more = true};
		memcpy(a.received_hash, head.hash, DIGEST_LEN);
		int rc = ledger_apply(t.l, &a, &e);
		MUST(rc == ERR_OK || rc == (int)ERR_CORRUPT || rc == (int)ERR_INVALID || rc == (int)ERR_CONFLICT ||
		     rc == (int)ERR_NOTFOUND);
		MUST(!db_in_transaction(ledger_db(t.l)));
	}
	json_decref(entries);
	return 0;
}
