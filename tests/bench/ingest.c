/* How fast the county takes what a box has: the real exchange code over a real ledger, in one process and without TLS.
 *
 *   ingest BOX.db FIELD.key OUT.db SCHEMA EVENTS
 *
 * Reads the box's ledger, makes an empty county store at OUT.db, and hands over batches of 500 as the courier would.
 * Only the county's own time counts (decoding, judging, storing, signing). Prints one JSON line. For `make bench`. */
#include "sync/county/county.h"
#include "sync/county/import.h"

#include "shared/ledger/courier.h"
#include "shared/ledger/ledger.h"
#include "sync/engine/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BATCH   500
#define YEAR_MS (365 * INT64_C(86400000))

static void must(int rc, const struct err *e, const char *what)
{
	if (!rc) return;
	(void)fprintf(stderr, "ingest: %s: %s\n", what, e->msg);
	exit(1);
}

static double now(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* A county that knows the box's station and its open log, with no event yet. */
static void make_store(struct county *c, const char *path, const char *schema, const struct ledger_identity *id,
                       const struct ledger_head *head, struct county_peer *peer, struct store **out)
{
	static const char *const tails[] = {"", "-wal", "-shm"};
	char name[FILE_PATH_MAX];
	struct import_paths paths;
	struct import_report report;
	struct err e = {0};
	uint8_t field_key[SEAL_KEY_LEN] = {1};
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof name, "%s%s", path, tails[i]);
		(void)unlink(name);
	}
	must(store_open(path, c->recovery, STORE_MIGRATE, out, &e), &e, path);
	must(import_schema(schema, &paths, &e), &e, schema);
	struct import_files files = {paths.stations, paths.catalog, paths.calendar, false};
	must(import_run(*out, &files, county_now(c), &report, &e), &e, "import");
	must(store_station_keys(*out, id->station, id->station_key, field_key, &e), &e, "keys");
	struct store_log log = {.box = head->box, .state = LOG_ACTIVE};
	memcpy(log.log, head->log, UUID_LEN);
	memcpy(log.station, id->station, sizeof log.station);
	memcpy(peer->station, id->station, sizeof peer->station);
	memset(peer->fingerprint, 7, DIGEST_LEN);
	must(store_log_insert(*out, &log, county_now(c), &e), &e, "log");
	must(store_log_certificate(*out, log.log, peer->fingerprint, county_now(c) + YEAR_MS, &e), &e, "certificate");
}

/* One exchange; returns the events it carried. */
static int exchange(struct county *c, struct store *s, struct ledger *l, const struct county_peer *peer,
                    struct wire_mark *have, struct wire_mark *feed, const struct ledger_head *head, double *took)
{
	struct wire_request r = {.have = *have, .feed = *feed, .quality = CLOCK_SYNCED, .now = county_now(c)};
	struct err e = {0};
	struct problem p = {0};
	struct wire_answer a;
	struct buf b;
	char *answer = NULL, signature[256];
	size_t len = 0;
	memcpy(r.station, peer->station, sizeof r.station);
	memcpy(r.log, head->log, UUID_LEN);
	(void)snprintf(r.software, sizeof r.software, "bench");
	r.events = calloc(BATCH, sizeof *r.events);
	if (!r.events) exit(1);
	must(ledger_unsent(l, have->seq, BATCH, LIMIT_BATCH_BYTES, r.events, &r.n_events, &e), &e, "read");
	r.head = *have;
	if (r.n_events) {
		r.head.seq = r.events[r.n_events - 1].seq;
		memcpy(r.head.hash, r.events[r.n_events - 1].hash, DIGEST_LEN);
	}
	buf_init(&b, LIMIT_EXCHANGE);
	must(wire_request_encode(&r, &b, &e), &e, "encode");
	double start = now();
	must(county_exchange(c, s, peer, b.data, b.len, &answer, &len, signature, &p, &e), &e, "exchange");
	*took += now() - start;
	if (!answer) {
		(void)fprintf(stderr, "ingest: refused: %s\n", p.detail);
		exit(1);
	}
	must(wire_answer_decode(answer, len, &a, &e), &e, "answer");
	if (a.received.seq != r.head.seq) {
		(void)fprintf(stderr, "ingest: the county did not take the batch\n");
		exit(1);
	}
	int n = r.n_events;
	*have = a.received;
	*feed = a.feed_head;
	wire_answer_release(&a);
	wire_request_release(&r);
	buf_release(&b);
	free(answer);
	return n;
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		(void)fprintf(stderr, "usage: ingest BOX.db FIELD.key OUT.db SCHEMA EVENTS\n");
		return 2;
	}
	struct county_config cfg = {0};
	struct county c = {.cfg = &cfg, .answer_key = ec_key_generate(), .answer_key_id = "00"};
	struct clock clock;
	struct ledger *l = NULL;
	struct store *s = NULL;
	struct ledger_head head;
	struct county_peer peer = {0};
	struct wire_mark have = {0}, feed = {0};
	struct err e = {0};
	double took = 0;
	int64_t total = 0, want = strtoll(argv[5], NULL, 10);
	clock_init(&clock);
	clock_init(&c.clock);
	(void)pthread_mutex_init(&c.lock, NULL);
	struct ledger_config lc = {.path = argv[1], .field_key = argv[2], .mode = LEDGER_READ, .clock = &clock};
	must(ledger_open(&lc, &l, &e), &e, argv[1]);
	must(ledger_head(l, &head, &e), &e, "head");
	make_store(&c, argv[3], argv[4], ledger_identity(l), &head, &peer, &s);
	for (int n = 1; n && total < want;) {
		n = exchange(&c, s, l, &peer, &have, &feed, &head, &took);
		total += n;
	}
	store_close(s);
	ledger_close(l);
	ec_key_free(c.answer_key);
	(void)printf("{\"events\":%lld,\"seconds\":%.3f,\"per_second\":%.1f}\n", (long long)total, took,
	             (double)total / took);
	return 0;
}
