/* xinke-print: lays the papers of a box out and drives its receipt printer.
 *
 * A process of its own, so that the gateway needs no route out and no template library, and a printer that hangs or a
 * template that is wrong slows no window. Each request is done by a child with ceilings of time and memory: what goes wrong
 * in it ends with it. Listens on a Unix socket alone; needs no key and no database. Exit status: 0 done, 1 failed, 2 not
 * understood. */
#include "gateway/print/frame.h"
#include "gateway/print/job.h"
#include "gateway/print/template.h"
#include "shared/config.h"
#include "shared/papers.h"
#include "shared/version.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };
#define CHILDREN_MAX 4
#define CHILD_S      30           /* a job's whole life: it waits for a printer half of that at most */
#define CHILD_CPU_S  10           /* a page takes some ms */
#define CHILD_MEMORY (96LL << 20) /* bytes of data; a page takes 2 MiB */

struct settings {
	char socket[CONFIG_TEXT_MAX], papers[CONFIG_TEXT_MAX];
	char printer[CONFIG_TEXT_MAX];
	char level[CONFIG_TEXT_MAX];
	int64_t width;
	bool cut;
};

#define KEY(member) offsetof(struct settings, member)
static const struct config_key keys[] = {
    {"paths.socket", CONFIG_PATH, KEY(socket), NULL, 0, 0,
     "Socket that the gateway calls: print.sock in the box's data folder."},
    {"paths.papers", CONFIG_PATH, KEY(papers), NULL, 0, 0,
     "Folder of the templates (schema/papers, or the county's own)."},
    {"printer.device", CONFIG_TEXT, KEY(printer), "", 0, 0,
     "Receipt printer: tcp:ADDRESS:9100 or file:/dev/usb/lp0; empty = none."},
    {"printer.width", CONFIG_INT, KEY(width), "80", 58, 80, "Width of its paper in mm: 80 or 58."},
    {"printer.cut", CONFIG_BOOL, KEY(cut), "yes", 0, 0, "Has it a cutter?"},
    {"log.level", CONFIG_TEXT, KEY(level), "info", 0, 0, "error, warn, info or debug; lines go to standard error."},
};
#define N_KEYS (sizeof keys / sizeof *keys)

struct server {
	struct settings cfg;
	struct log log;
	struct job_tools tools;
	int listener, signals, children;
};

static int load(const char *path, struct server *s, struct err *e)
{
	struct settings *c = &s->cfg;
	int rc = config_load(path, keys, N_KEYS, c, e);
	if (!rc && !log_level_parse(c->level, &s->log.level))
		rc = err_set(e, ERR_INVALID, "log.level = %s: error, warn, info or debug is wanted", c->level);
	if (!rc && c->width != 80 && c->width != 58)
		rc = err_set(e, ERR_INVALID, "printer.width = %lld: 80 or 58 is wanted", (long long)c->width);
	if (!rc && printer_parse(c->printer, &s->tools.printer, e)) rc = ERR_INVALID;
	s->tools.papers = c->papers;
	s->tools.roll = (struct escpos_config){.width = (int)c->width, .cut = c->cut};
	s->tools.log = &s->log;
	return rc;
}

/* Says of each kind what is wrong with its template; how many are. */
static int check_templates(const struct server *s)
{
	int bad = 0;
	for (int k = 0; k < PAPERS_KINDS; k++) {
		struct err e = {0};
		if (!template_check(s->cfg.papers, papers_kind_name((enum papers_kind)k), &e)) continue;
		log_error(&s->log, "template", "kind=%s text=\"%s\"", papers_kind_name((enum papers_kind)k), e.msg);
		bad++;
	}
	return bad;
}

/* --- the child --- */

static void limit(int what, rlim_t n)
{
	const struct rlimit r = {n, n};
	(void)setrlimit(what, &r);
}

static void child(const struct server *s, int fd)
{
	sigset_t none;
	(void)close(s->listener);
	(void)close(s->signals);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)alarm(CHILD_S);
	limit(RLIMIT_CPU, CHILD_CPU_S);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 1 << 20); /* of a device file that is a real one */
#ifndef __SANITIZE_ADDRESS__
	limit(RLIMIT_DATA, CHILD_MEMORY);
#endif
	job_serve(fd, &s->tools);
	_exit(EXIT_SUCCESS);
}

static void accept_one(struct server *s)
{
	int fd = accept(s->listener, NULL, NULL);
	if (fd < 0) return;
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	pid_t pid = fork();
	if (pid == 0) child(s, fd);
	if (pid < 0)
		log_error(&s->log, "fork", "text=\"%s\"", strerror(errno));
	else
		s->children++;
	(void)close(fd); /* of a request that nobody does the gateway sees the end */
}

/* --- the parent --- */

static void reap(struct server *s)
{
	int status;
	while (waitpid(-1, &status, WNOHANG) > 0) {
		s->children--;
		if (WIFSIGNALED(status)) log_error(&s->log, "child", "ended by signal %d", WTERMSIG(status));
	}
}

/* True when it is time to end. */
static bool take_signal(struct server *s)
{
	struct signalfd_siginfo i;
	if (read(s->signals, &i, sizeof i) != (ssize_t)sizeof i) return false;
	if (i.ssi_signo != SIGCHLD) return true;
	reap(s);
	return false;
}

static int run(struct server *s, struct err *e)
{
	sigset_t set;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (s->signals < 0) return err_sys(e, errno, "signalfd");
	s->listener = frame_listen(s->cfg.socket, e);
	if (s->listener < 0) return (int)e->code;
	int bad = check_templates(s);
	log_info(&s->log, "ready", "version=%s faulty=%d", XINKE_VERSION, bad);
	for (bool end = false; !end;) {
		struct pollfd p[2] = {{.fd = s->signals, .events = POLLIN}, {.fd = s->listener, .events = POLLIN}};
		/* while all are at work the next caller waits in the socket's queue */
		if (poll(p, s->children < CHILDREN_MAX ? 2 : 1, -1) < 0) continue;
		if (p[0].revents) end = take_signal(s);
		if (!end && p[1].revents && s->children < CHILDREN_MAX) accept_one(s);
	}
	(void)unlink(s->cfg.socket);
	(void)close(s->listener);
	while (waitpid(-1, NULL, 0) > 0) /* each ends by its own limits */
		;
	(void)close(s->signals);
	log_info(&s->log, "stopped", "pid=%ld", (long)getpid());
	return ERR_OK;
}

static int check(struct server *s, struct err *e)
{
	int bad = check_templates(s);
	return bad ? err_set(e, ERR_INVALID, "%d of %d templates are faulty", bad, PAPERS_KINDS) : ERR_OK;
}

static const struct command {
	const char *name;
	int (*run)(struct server *s, struct err *e);
	const char *summary;
} commands[] = {
    {"run", run, "serve until SIGTERM or SIGINT (what it does without a command)"},
    {"check", check, "read every template and tell what is wrong with it"},
};

static void usage(FILE *f)
{
	(void)fputs("usage: xinke-print -c CONF [COMMAND]\n"
	            "       xinke-print --sample-config | --version | --help\n\n",
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
		case 's': config_sample(stdout, keys, N_KEYS); return EXIT_SUCCESS;
		case 'V': (void)puts("xinke-print " XINKE_VERSION); return EXIT_SUCCESS;
		case 'h': usage(stdout); return EXIT_SUCCESS;
		default: return EXIT_USAGE;
		}
	}
	*cmd = optind == argc ? &commands[0] : find(argv[optind]);
	if (*conf && *cmd && optind >= argc - 1) return -1;
	usage(stderr);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const char *conf = NULL;
	const struct command *cmd = NULL;
	struct err e = {0};
	struct server s = {.log = {.program = "xinke-print", .level = LOG_LEVEL_INFO}};
	int status = parse(argc, argv, &conf, &cmd);
	if (status >= 0) return status;
	(void)umask(0007);
	int rc = load(conf, &s, &e);
	if (!rc) rc = template_init(&e);
	if (!rc) {
		rc = cmd->run(&s, &e);
		template_end();
	}
	if (rc) (void)fprintf(stderr, "xinke-print: %s\n", e.msg);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
