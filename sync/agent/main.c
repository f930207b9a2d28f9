/* xinke-sync: the courier. Carries the ledger to the county and the feed back; enrols. Has no listening socket but a
 * Unix datagram to be woken by. `run` for a service manager, `enroll` for the technician's `xinke enroll`. */
#include "sync/agent/agent.h"

#include "shared/file.h"
#include "shared/version.h"

#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define KEY(member) offsetof(struct agent_config, member)

static const struct config_key keys[] = {
    {"paths.data", CONFIG_PATH, KEY(data), NULL, 0, 0, "the box's folder, shared with the gateway (group xinke)"},
    {"paths.keys", CONFIG_PATH, KEY(keys), NULL, 0, 0, "the courier's own folder: its county key and certificate"},
    {"sync.poll_s", CONFIG_INT, KEY(poll_s), "30", 1, 3600, "seconds between calls while nothing waits"},
    {"sync.backoff_max_s", CONFIG_INT, KEY(backoff_max_s), "300", 1, 86400, "longest pause after failures, seconds"},
    {"sync.timeout_s", CONFIG_INT, KEY(timeout_s), "20", 1, 600, "longest wait for one answer, seconds"},
    {"sync.batch_max", CONFIG_INT, KEY(batch_max), "1000", 1, 1000, "events in one call at most"},
    {"sync.blob_rate", CONFIG_INT, KEY(blob_rate), "0", 0, 1000000000,
     "bytes a second that photos may take of the line; 0 = what it gives"},
    {"sync.blob_window", CONFIG_TEXT, KEY(blob_window), "", 0, 0,
     "hours in which photos travel, as in 22:00-07:00 (China); empty = at any time"},
    {"sync.blob_reserve_bytes", CONFIG_INT, KEY(blob_reserve), "268435456", 0, INT64_MAX,
     "bytes of the disk that photos fetched from the county leave free"},
    {"log.level", CONFIG_TEXT, KEY(log_level), "info", 0, 0, "error, warn, info or debug"},
};
#define N_KEYS (sizeof keys / sizeof *keys)

static volatile int stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void usage(FILE *f)
{
	(void)fprintf(f, "Usage: xinke-sync -c FILE run\n"
	                 "       xinke-sync -c FILE enroll --url URL --code CODE --root SHA256 [--names A,B]\n"
	                 "       xinke-sync --sample-config | --version | --help\n");
}

void agent_path(char *out, const char *folder, const char *name)
{
	(void)snprintf(out, AGENT_PATH_MAX, "%s/%s", folder, name);
}

int agent_ledger(struct agent *a, struct ledger **out, struct err *e)
{
	char db[AGENT_PATH_MAX], key[AGENT_PATH_MAX], gate[AGENT_PATH_MAX];
	agent_path(db, a->cfg->data, "xinke.db");
	agent_path(key, a->cfg->data, "field.key");
	agent_path(gate, a->cfg->data, "writer.lock");
	struct ledger_config lc = {
	    .path = db, .field_key = key, .mode = LEDGER_WRITE, .clock = &a->clock, .gate = gate, .first = true};
	return ledger_open(&lc, out, e);
}

static void catch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	(void)sigemptyset(&sa.sa_mask);
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)sigaction(SIGINT, &sa, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

static int run_command(struct agent *a, const char *command, const struct enroll_options *o, struct err *e)
{
	if (strcmp(command, "run") == 0) return courier_run(a, &stop, e);
	if (strcmp(command, "enroll") != 0) return err_set(e, ERR_INVALID, "no such command: %s", command);
	if (!o->url || !o->code || !o->root) return err_set(e, ERR_INVALID, "enroll needs --url, --code and --root");
	return enroll_run(a, o, e);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"url", required_argument, NULL, 'u'},
	    {"code", required_argument, NULL, 'k'},
	    {"root", required_argument, NULL, 'r'},
	    {"names", required_argument, NULL, 'n'},
	    {"sample-config", no_argument, NULL, 'S'},
	    {"version", no_argument, NULL, 'V'},
	    {"help", no_argument, NULL, 'h'},
	    {0},
	};
	struct enroll_options o = {0};
	const char *file = NULL;
	int c;
	while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		switch (c) {
		case 'c': file = optarg; break;
		case 'u': o.url = optarg; break;
		case 'k': o.code = optarg; break;
		case 'r': o.root = optarg; break;
		case 'n': o.names = optarg; break;
		case 'S': config_sample(stdout, keys, N_KEYS); return 0;
		case 'V': (void)puts("xinke-sync " XINKE_VERSION); return 0;
		case 'h': usage(stdout); return 0;
		default: usage(stderr); return 2;
		}
	}
	if (!file || optind + 1 != argc) {
		usage(stderr);
		return 2;
	}
	struct agent_config cfg = {0};
	struct log log = {.program = "xinke-sync", .level = LOG_LEVEL_INFO};
	struct agent a = {.cfg = &cfg, .log = &log};
	struct err e = {0};
	(void)umask(0007); /* the database folder is the group's, nobody else's */
	int rc = config_load(file, keys, N_KEYS, &cfg, &e);
	if (!rc && !log_level_parse(cfg.log_level, &log.level))
		rc = err_set(&e, ERR_INVALID, "log.level = %s", cfg.log_level);
	if (!rc && curl_global_init(CURL_GLOBAL_DEFAULT)) rc = err_set(&e, ERR_IO, "libcurl does not start");
	if (!rc) {
		clock_init(&a.clock);
		catch_signals();
		rc = run_command(&a, argv[optind], &o, &e);
		curl_global_cleanup();
	}
	if (rc) log_error(&log, "failed", "%s", e.msg);
	return rc ? 1 : 0;
}
