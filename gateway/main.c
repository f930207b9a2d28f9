/* xinke-gateway: REST API for the phones of a station, on its own network.
 *
 * Opens in order, waits for a signal, closes in reverse. The order matters: what handlers use is there before the first
 * connection, and nothing that was acknowledged or is under way is lost at the end. Exit status: 0 done, 1 failed (the
 * reason on standard error), 2 not understood. */
#include "gateway/changes.h"
#include "gateway/days.h"
#include "gateway/documents.h"
#include "gateway/follow.h"
#include "gateway/gateway.h"
#include "gateway/items.h"
#include "gateway/metrics.h"
#include "gateway/public.h"
#include "gateway/readers.h"
#include "gateway/reports.h"
#include "gateway/routes.h"
#include "gateway/search.h"
#include "gateway/sessions.h"
#include "gateway/setup.h"
#include "gateway/uploads.h"
#include "gateway/waker.h"
#include "gateway/web.h"
#include "shared/ledger/verify.h"
#include "shared/ledger/writer.h"
#include "shared/venue.h"
#include "shared/version.h"

#include <getopt.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };
#define DRAIN_MS         10000 /* for answers under way at the end */
#define WRITER_CACHE_KIB 4096  /* page cache of the connection that writes: keys are random, so is where rows go */
#define CACHE_KIB        1024  /* of one that only reads or signs in */

static int catch_up(struct gateway *gw, struct err *e)
{
	bool rebuilt = false;
	int rc = ledger_catch_up(gw->ledger, &rebuilt, e);
	if (!rc && rebuilt) log_info(&gw->log, "rebuilt", "what an older release could only store is applied");
	return rc;
}

static int open_ledger(struct gateway *gw, struct err *e)
{
	struct ledger_config lc = {.path = gw->cfg.db,
	                           .field_key = gw->cfg.field_key,
	                           .mode = LEDGER_MIGRATE,
	                           .clock = &gw->clock,
	                           .gate = gw->cfg.gate,
	                           .cache_kib = WRITER_CACHE_KIB};
	int rc = ledger_open(&lc, &gw->ledger, e);
	if (!rc) rc = ledger_check_heads(gw->ledger, e); /* the waker looks at the rest of the file */
	if (!rc) rc = catch_up(gw, e);
	lc.cache_kib = CACHE_KIB;
	/* one for each thread that serves, one for the waker */
	if (!rc) rc = readers_open(&lc, (int)gw->cfg.threads + 1, &gw->readers, e);
	return rc ? rc : sessions_new(gw, &lc, &gw->sessions, e);
}

static void after_commit(void *arg)
{
	waker_nudge(arg);
}

static int open_parts(struct gateway *gw, struct err *e)
{
	int rc = items_new(&gw->items, e);
	if (!rc) rc = days_new(&gw->days, e);
	if (!rc) rc = venue_new(&gw->venue, e);
	if (!rc) rc = search_new(&gw->search, e);
	if (!rc) rc = follow_new(gw->search, gw->days, gw->items, &gw->follow, e);
	if (!rc) rc = changes_new((int)gw->cfg.polls, &gw->changes, e);
	if (!rc) rc = web_new(gw, &gw->web, e);
	if (!rc) rc = metrics_new(&gw->metrics, e);
	if (!rc) rc = documents_new(gw, &gw->documents, e);
	if (!rc) rc = reports_worker_new(gw, &gw->reporter, e);
	if (!rc) rc = uploads_new(gw, &gw->uploads, e);
	if (!rc) rc = public_limits_new(&gw->limits, e);
	if (!rc) rc = waker_new(gw, &gw->waker, e);
	if (rc) return rc;
	web_refresh(gw->web);
	struct ledger *l = readers_take(gw->readers);
	(void)items_refresh(gw->items, l, &gw->log);
	days_refresh(gw->days, l, &gw->log);
	readers_give(gw->readers, l);
	struct writer_config wc = {.ledger = gw->ledger, .after_commit = after_commit, .arg = gw->waker};
	return writer_open(&wc, &gw->writer, e);
}

static int open_servers(struct gateway *gw, struct err *e)
{
	struct http_server *http = NULL;
	struct http_config hc = {
	    .bind = gw->cfg.bind,
	    .port = (uint16_t)gw->cfg.port,
	    .cert_file = gw->cfg.tls ? gw->cfg.server_crt : NULL,
	    .key_file = gw->cfg.tls ? gw->cfg.server_key : NULL,
	    .threads = (unsigned)gw->cfg.threads,
	    .max_connections = (unsigned)gw->cfg.max_connections,
	    .max_per_ip = (unsigned)gw->cfg.max_per_ip,
	    .fallback = &web_fallback,
	    .authorize = sessions_authorize,
	    .on_done = metrics_done,
	    .ctx = gw,
	};
	hc.routes = routes_table(&hc.n_routes);
	if (gw->cfg.tls && !file_exists(gw->cfg.server_crt))
		return err_set(e, ERR_NOTFOUND, "%s is missing: the county signs %s at the enrolment",
		               gw->cfg.server_crt, gw->cfg.server_csr);
	int rc = http_open(&hc, &http, e);
	gw->http = http;
	if (!rc) rc = setup_open(gw, &gw->setup, e);
	return rc ? rc : waker_start(gw->waker, e);
}

/* Wakes every call that waits and lets the writer and the worker finish what they have. */
static void drain(void *arg)
{
	struct gateway *gw = arg;
	changes_stop(gw->changes);
	uploads_stop(gw->uploads); /* its workers wait for the writer */
	writer_close(gw->writer);
	gw->writer = NULL;
	documents_stop(gw->documents);
	reports_worker_stop(gw->reporter);
	sessions_stop(gw->sessions);
}

static void close_all(struct gateway *gw)
{
	http_close(gw->setup, NULL, NULL, 0);
	http_close(gw->http, drain, gw, DRAIN_MS);
	waker_close(gw->waker);
	writer_close(gw->writer); /* still there when the server never was */
	documents_free(gw->documents);
	reports_worker_free(gw->reporter);
	uploads_free(gw->uploads);
	public_limits_free(gw->limits);
	metrics_free(gw->metrics);
	web_free(gw->web);
	changes_free(gw->changes);
	follow_free(gw->follow);
	search_free(gw->search);
	items_free(gw->items);
	days_free(gw->days);
	venue_free(gw->venue);
	sessions_free(gw->sessions);
	readers_close(gw->readers);
	ledger_close(gw->ledger);
}

static void wait_for_end(void)
{
	sigset_t set;
	int sig = 0;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	while (sigwait(&set, &sig) != 0)
		;
}

static int serve(struct gateway *gw, struct err *e)
{
	gw->started = clock_read(&gw->clock).mono;
	int rc = open_ledger(gw, e);
	if (!rc) rc = open_parts(gw, e);
	if (!rc) rc = open_servers(gw, e);
	if (!rc) {
		log_info(&gw->log, "ready", "version=%s port=%u", XINKE_VERSION, (unsigned)http_port(gw->http));
		wait_for_end();
		log_info(&gw->log, "stopping", "pid=%ld", (long)getpid());
		if (gw->damaged) rc = err_set(e, ERR_CORRUPT, "%s is damaged: see `xinke verify`", gw->cfg.db);
	}
	close_all(gw);
	if (!rc) log_info(&gw->log, "stopped", "pid=%ld", (long)getpid());
	return rc;
}

/* --- the command line --- */

static int run_init(struct gateway *gw, struct err *e)
{
	return setup_init(&gw->cfg, &gw->clock, e);
}

static const struct command {
	const char *name;
	int (*run)(struct gateway *gw, struct err *e);
	const char *summary;
} commands[] = {
    {"run", serve, "serve until SIGTERM or SIGINT (what it does without a command)"},
    {"init", run_init, "make what is missing of folder, keys, database and certificate request, then exit"},
};

static void usage(FILE *f)
{
	(void)fputs("usage: xinke-gateway -c CONF [COMMAND]\n"
	            "       xinke-gateway --sample-config | --version | --help\n\n",
	            f);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		(void)fprintf(f, "%-6s %s\n", commands[i].name, commands[i].summary);
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].name, name) == 0) return &commands[i];
	return NULL;
}

/* -1 to go on, else the exit status. */
static int parse(int argc, char **argv, const char **conf, const struct command **cmd)
{
	static const struct option longs[] = {{"sample-config", no_argument, NULL, 's'},
	                                      {"version", no_argument, NULL, 'V'},
	                                      {"help", no_argument, NULL, 'h'},
	                                      {"config", required_argument, NULL, 'c'},
	                                      {0}};
	for (int o; (o = getopt_long(argc, argv, "c:h", longs, NULL)) != -1;) {
		switch (o) {
		case 'c': *conf = optarg; break;
		case 's': settings_sample(stdout); return EXIT_SUCCESS;
		case 'V': (void)puts("xinke-gateway " XINKE_VERSION); return EXIT_SUCCESS;
		case 'h': usage(stdout); return EXIT_SUCCESS;
		default: return EXIT_USAGE;
		}
	}
	*cmd = optind == argc ? &commands[0] : find(argv[optind]);
	if (*conf && *cmd && optind >= argc - 1) return -1;
	usage(stderr);
	return EXIT_USAGE;
}

/* SIGTERM and SIGINT are waited for; the threads made from here on never see them. */
static void block_signals(void)
{
	sigset_t set;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

/* A password's check takes 19 MiB and gives them back. When that has happened once, glibc would take such blocks from the
 * heap, where they stay: with a fixed threshold they keep coming from the system and going back to it. */
static void keep_memory_small(void)
{
#ifdef __GLIBC__
	(void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

int main(int argc, char **argv)
{
	const char *conf = NULL;
	const struct command *cmd = NULL;
	struct err e = {0};
	int status = parse(argc, argv, &conf, &cmd);
	if (status >= 0) return status;
	struct gateway *gw = calloc(1, sizeof *gw);
	if (!gw) return EXIT_FAILURE;
	(void)umask(0007);
	keep_memory_small();
	block_signals();
	int rc = settings_load(conf, &gw->cfg, &e);
	gw->log = (struct log){.program = "xinke-gateway", .level = gw->cfg.level};
	clock_init(&gw->clock);
	if (!rc) rc = cmd->run(gw, &e);
	if (rc) (void)fprintf(stderr, "xinke-gateway: %s\n", e.msg);
	free(gw);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
