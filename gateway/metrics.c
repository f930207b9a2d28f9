/* See metrics.h. Prometheus text format 0.0.4: base units, one prefix, few labels. Counters are atomics, added to by the
 * server's threads; what the ledger knows is read when somebody asks. */
#include "gateway/metrics.h"
#include "shared/ledger/read.h"

#include "gateway/answer.h"
#include "gateway/changes.h"
#include "gateway/readers.h"
#include "gateway/routes.h"
#include "gateway/search.h"
#include "gateway/uploads.h"
#include "shared/buf.h"
#include "shared/fields.h"
#include "shared/ledger/writer.h"
#include "shared/version.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES  6 /* status / 100; 0 = none was sent */
#define TEXT_MAX 65536

struct route_counts {
	atomic_int_fast64_t requests[CLASSES];
	atomic_int_fast64_t us, n;
};

struct metrics {
	size_t n;
	struct route_counts routes[]; /* as in the table; the last for what no row answers */
};

int metrics_new(struct metrics **out, struct err *e)
{
	size_t n;
	(void)routes_table(&n);
	struct metrics *m = calloc(1, sizeof *m + (n + 1) * sizeof *m->routes);
	*out = m;
	if (!m) return err_set(e, ERR_NOMEM, "metrics");
	m->n = n;
	return ERR_OK;
}

void metrics_free(struct metrics *m)
{
	free(m);
}

void metrics_done(const char *method, const char *route, int status, int64_t us, void *ctx)
{
	struct metrics *m = ((struct gateway *)ctx)->metrics;
	size_t n, i = 0;
	const struct http_route *t = routes_table(&n);
	while (i < n && (t[i].path != route || strcmp(t[i].method, method) != 0))
		i++;
	if (i == n && strcmp(method, "HEAD") == 0) { /* it follows GET where it has no row of its own */
		metrics_done("GET", route, status, us, ctx);
		return;
	}
	struct route_counts *c = &m->routes[i];
	int class = status >= 100 && status < 600 ? status / 100 : 0;
	(void)atomic_fetch_add_explicit(&c->requests[class], 1, memory_order_relaxed);
	(void)atomic_fetch_add_explicit(&c->us, us, memory_order_relaxed);
	(void)atomic_fetch_add_explicit(&c->n, 1, memory_order_relaxed);
}

static void one(struct buf *b, const char *name, const char *type, const char *help, int64_t value)
{
	buf_addf(b, "# HELP xinke_%s %s\n# TYPE xinke_%s %s\nxinke_%s %lld\n", name, help, name, type, name,
	         (long long)value);
}

static void add_requests(struct buf *b, const struct metrics *m)
{
	const struct http_route *t = routes_table(&(size_t){0});
	buf_adds(b, "# HELP xinke_http_requests_total Requests answered.\n# TYPE xinke_http_requests_total counter\n");
	for (size_t i = 0; i <= m->n; i++)
		for (int c = 0; c < CLASSES; c++) {
			int64_t n = atomic_load_explicit(&m->routes[i].requests[c], memory_order_relaxed);
			if (!n) continue;
			buf_addf(b, "xinke_http_requests_total{method=\"%s\",route=\"%s\",status=\"%dxx\"} %lld\n",
			         i < m->n ? t[i].method : "", i < m->n ? t[i].path : "", c, (long long)n);
		}
	buf_adds(b, "# HELP xinke_http_request_duration_seconds From first line to last byte.\n"
	            "# TYPE xinke_http_request_duration_seconds summary\n");
	for (size_t i = 0; i <= m->n; i++) {
		int64_t n = atomic_load_explicit(&m->routes[i].n, memory_order_relaxed);
		int64_t us = atomic_load_explicit(&m->routes[i].us, memory_order_relaxed);
		const char *method = i < m->n ? t[i].method : "", *path = i < m->n ? t[i].path : "";
		if (!n) continue;
		buf_addf(b, "xinke_http_request_duration_seconds_sum{method=\"%s\",route=\"%s\"} %lld.%06lld\n", method,
		         path, (long long)(us / 1000000), (long long)(us % 1000000));
		buf_addf(b, "xinke_http_request_duration_seconds_count{method=\"%s\",route=\"%s\"} %lld\n", method,
		         path, (long long)n);
	}
}

static void add_server(struct buf *b, struct gateway *gw)
{
	unsigned connections = 0, requests = 0, suspended = 0;
	int64_t jobs = 0, groups = 0;
	int waiting = 0;
	size_t cases = 0, bytes = 0;
	struct http_server *http = gw->http;
	if (http) http_counts(http, &connections, &requests, &suspended);
	writer_counts(gw->writer, &jobs, &groups, &waiting);
	search_counts(gw->search, &cases, &bytes);
	one(b, "http_connections", "gauge", "Connections open.", connections);
	one(b, "http_requests_in_flight", "gauge", "Requests being worked on.", requests);
	one(b, "http_requests_suspended", "gauge", "Requests parked.", suspended);
	one(b, "changes_parked", "gauge", "Calls that wait for changes.", changes_parked(gw->changes));
	one(b, "ledger_commits_total", "counter", "Calls written.", jobs);
	one(b, "ledger_groups_total", "counter", "Transactions that they were written in.", groups);
	one(b, "ledger_queue", "gauge", "Calls waiting for the writer.", waiting);
	one(b, "search_cases", "gauge", "Cases in the search list.", (int64_t)cases);
	one(b, "search_bytes", "gauge", "Memory of the search list.", (int64_t)bytes);
}

/* As the courier wrote it; it counts from its own start. */
static void add_courier(struct buf *b, const json_t *status)
{
	one(b, "sync_calls_total", "counter", "Exchanges with the county.", fields_int(status, "calls", 0));
	one(b, "sync_failures_total", "counter", "Exchanges that failed.", fields_int(status, "failures", 0));
	one(b, "sync_sent_bytes_total", "counter", "Bodies of requests, packed.", fields_int(status, "bytes_sent", 0));
	one(b, "sync_received_bytes_total", "counter", "Bodies of the county's answers, packed.",
	    fields_int(status, "bytes_received", 0));
	one(b, "sync_rate_bytes_per_second", "gauge", "Of the last calls, both ways.", fields_int(status, "rate", 0));
	one(b, "sync_batch_events", "gauge", "Events that the next call may carry.", fields_int(status, "batch", 0));
	one(b, "sync_last_success_seconds", "gauge", "When the county last answered, Unix time; 0 = never.",
	    fields_int(status, "last_success_at", 0) / 1000);
	one(b, "sync_link_up", "gauge", "1 when the last call was answered.",
	    strcmp(fields_text(status, "link"), "up") == 0);
}

static int add_ledger(struct buf *b, struct ledger *l, struct err *e)
{
	struct ledger_counts counts;
	struct ledger_head head = {0};
	struct err none = {0};
	json_t *status = NULL;
	int rc = ledger_counts(l, &counts, e);
	if (!rc) rc = ledger_sync_status(l, &status, e);
	if (rc) return rc;
	(void)ledger_head(l, &head, &none); /* none before the enrolment */
	one(b, "cases", "gauge", "Cases in the ledger.", counts.cases);
	one(b, "refused_events", "gauge", "Events that the county refused.", counts.refused);
	one(b, "feed_entries", "gauge", "Entries of the county's feed.", counts.feed);
	one(b, "log_head", "gauge", "Last event of the open log.", head.seq);
	add_courier(b, status);
	json_decref(status);
	one(b, "backlog_events", "gauge", "Events that the county has not confirmed.", head.seq - head.received_seq);
	return ERR_OK;
}

static void add_uploads(struct buf *b, struct gateway *gw)
{
	struct tus_counts c;
	struct blob_stats s;
	struct err none = {0};
	uploads_counts(gw->uploads, &c);
	one(b, "uploads_created_total", "counter", "Uploads begun.", c.created);
	one(b, "uploads_completed_total", "counter", "Uploads that became a blob.", c.completed);
	one(b, "uploads_removed_total", "counter", "Uploads given up by their sender.", c.removed);
	one(b, "uploads_bytes_total", "counter", "Bytes taken.", c.bytes);
	one(b, "uploads_cut_total", "counter", "Bodies that broke off.", c.cut);
	one(b, "uploads_checksum_failures_total", "counter", "Pieces dropped for their checksum.", c.checksums);
	one(b, "uploads_hash_failures_total", "counter", "Files that were not what was announced.", c.wrong_hash);
	one(b, "uploads_refused_total", "counter", "Files of no kind that is taken.", c.refused);
	one(b, "uploads_no_space_total", "counter", "Refused for want of space.", c.no_space);
	if (blob_store_stats(uploads_store(gw->uploads), &s, &none)) return;
	one(b, "uploads_pending", "gauge", "Uploads that are not complete.", s.uploads);
	one(b, "blobs", "gauge", "Photos and papers on this box.", s.blobs);
	one(b, "blobs_bytes", "gauge", "Their bytes on the disk.", s.bytes);
	one(b, "disk_free_bytes", "gauge", "Free on the disk of the blobs.", s.avail);
	one(b, "disk_reserve_bytes", "gauge", "Of them kept for cases.", s.reserve);
}

void metrics_get(struct http_req *req, void *ctx)
{
	struct gateway *gw = ctx;
	struct err e = {0};
	struct buf b;
	if (!answer_no_query(req)) return;
	buf_init(&b, TEXT_MAX);
	buf_adds(&b, "# HELP xinke_build_info Version of the program.\n# TYPE xinke_build_info gauge\n"
	             "xinke_build_info{program=\"xinke-gateway\",version=\"" XINKE_VERSION "\"} 1\n");
	one(&b, "uptime_seconds", "gauge", "Since the start.", (clock_read(&gw->clock).mono - gw->started) / 1000);
	add_requests(&b, gw->metrics);
	add_server(&b, gw);
	add_uploads(&b, gw);
	struct ledger *l = readers_take(gw->readers);
	int rc = add_ledger(&b, l, &e);
	readers_give(gw->readers, l);
	if (!rc && b.bad) rc = err_set(&e, ERR_NOMEM, "metrics");
	if (rc)
		answer_error(gw, req, rc, &e);
	else
		http_reply(req, 200, "text/plain; version=0.0.4; charset=utf-8", b.data, b.len);
	buf_release(&b);
}
