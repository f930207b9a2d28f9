/* xinke-county: the county's end. Reads its command line and configuration, then does one command of the table.
 *
 * Exit status: 0 done, 1 failed (the reason on standard error) or, from `verify`, faults found, 2 not understood. */
#include "sync/county/commands.h"
#include "sync/county/serve.h"

#include "shared/version.h"

#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

enum { STATUS_USAGE = 2 };

static const struct {
	const char *name, *arg, *help; /* arg NULL = a flag */
} options[N_OPTIONS] = {
    [O_SCHEMA] = {"schema", "DIR", "folder of stations, catalog and calendar of Hutubi"},
    [O_STATIONS] = {"stations", "FILE", "another county's stations"},
    [O_CATALOG] = {"catalog", "FILE", "another catalog"},
    [O_CALENDAR] = {"calendar", "FILE", "another calendar"},
    [O_ROLE] = {"role", "ROLE", "department, head, centre, operator or auditor; for `staff` clerk, lead or technician"},
    [O_OFFICE] = {"office", "NAME", "the department, as the catalog names it"},
    [O_DISPLAY] = {"display", "NAME", "the name to show; the account's own otherwise"},
    [O_REASON] = {"reason", "TEXT", "why; it is kept"},
    [O_BY] = {"by", "NAME", "who does it, for `catalog`, `calendar`, `staff` and `person`; it is kept"},
    [O_ADD] = {"add", NULL, "take items that the annex in force does not have"},
    [O_BEFORE_TERM] = {"before-term", NULL, "erase what is still within its term, too"},
    [O_PASSWORD_STDIN] = {"password-stdin", NULL,
                          "read the password from standard input; printed random one otherwise"},
    [O_JSON] = {"json", NULL, "print JSON"},
};

static int command_serve(struct cli *cli, struct err *e)
{
	struct county c;
	int rc = county_init(&c, &cli->cfg, &cli->log, e);
	if (!rc) rc = serve_run(&c, e);
	county_release(&c);
	return rc;
}

#define BIT(o) (1u << (o))

static const struct command {
	const char *name, *operands;
	int min, max;     /* operands */
	unsigned options; /* that it takes */
	command_fn *run;
	const char *summary;
} commands[] = {
    {"init", "", 0, 0, BIT(O_SCHEMA) | BIT(O_STATIONS) | BIT(O_CATALOG) | BIT(O_CALENDAR), command_init,
     "make data folder, keys, CA and database; again it only adds what is missing"},
    {"import", "", 0, 0, BIT(O_SCHEMA) | BIT(O_STATIONS) | BIT(O_CATALOG) | BIT(O_CALENDAR), command_import,
     "bring in stations, and catalog and calendar where none is in force"},
    {"catalog", "ACT ...", 1, 3, BIT(O_BY) | BIT(O_REASON) | BIT(O_ADD) | BIT(O_JSON), command_catalog,
     "check, import, compare, sign, publish, roll back a catalog"},
    {"calendar", "ACT ...", 1, 3, BIT(O_BY) | BIT(O_REASON) | BIT(O_JSON), command_calendar, "the same for a calendar"},
    {"account", "add NAME | list", 1, 2,
     BIT(O_ROLE) | BIT(O_OFFICE) | BIT(O_DISPLAY) | BIT(O_PASSWORD_STDIN) | BIT(O_JSON), command_account,
     "make an account, or list them"},
    {"staff", "ACT STATION NAME", 1, 3, BIT(O_ROLE) | BIT(O_DISPLAY) | BIT(O_BY) | BIT(O_JSON), command_staff,
     "add, disable, enable or reset an account of a station, by its feed; a password is printed once. orders "
     "[STATION]: what was ordered"},
    {"person", "ACT TYPE", 2, 2, BIT(O_BY) | BIT(O_REASON) | BIT(O_BEFORE_TERM), command_person,
     "export or erase what is kept of a person, whose document number of TYPE is read from standard input; prints "
     "JSON"},
    {"enrol-code", "STATION", 1, 1, BIT(O_JSON), command_code, "make a one-time code that enrols one box"},
    {"stations", "", 0, 0, BIT(O_JSON), command_stations, "list stations and their boxes"},
    {"retire", "LOG", 1, 1, BIT(O_REASON), command_retire, "retire a box: it may still push and gets no feed"},
    {"revoke", "LOG", 1, 1, BIT(O_REASON), command_revoke, "revoke a box's certificate"},
    {"verify", "", 0, 0, BIT(O_JSON), command_verify, "check chains, feeds and cases; exit 1 when something is wrong"},
    {"serve", "", 0, 0, 0, command_serve, "run until SIGTERM or SIGINT"},
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

static void usage(FILE *f)
{
	(void)fprintf(f, "xinke-county " XINKE_VERSION ": the county's end of Xinke\n\n"
	                 "Use: xinke-county -c FILE COMMAND [options]\n"
	                 "     xinke-county --sample-config | --version | --help\n\nCommands:\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		(void)fprintf(f, "  %-11s%-17s%s\n", commands[i].name, commands[i].operands, commands[i].summary);
	(void)fprintf(f, "\nOptions:\n  -c, --config FILE     configuration file\n");
	for (size_t i = 0; i < N_OPTIONS; i++)
		(void)fprintf(f, "  --%-15s %-4s %s\n", options[i].name, options[i].arg ? options[i].arg : "",
		              options[i].help);
	catalog_commands_help(f);
}

static int misused(const char *why)
{
	(void)fprintf(stderr, "xinke-county: %s; see --help\n", why);
	return STATUS_USAGE;
}

/* What getopt found beside the command's own options. */
struct line {
	const char *config;
	unsigned given;
	bool sample, version, help, bad;
};

static void parse(int argc, char *argv[], struct cli *cli, struct line *l)
{
	struct option longs[N_OPTIONS + 5] = {{"config", required_argument, NULL, 'c'},
	                                      {"sample-config", no_argument, NULL, 'S'},
	                                      {"version", no_argument, NULL, 'V'},
	                                      {"help", no_argument, NULL, 'h'}};
	int c;
	for (int i = 0; i < N_OPTIONS; i++)
		longs[4 + i] =
		    (struct option){options[i].name, options[i].arg ? required_argument : no_argument, NULL, 256 + i};
	while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		if (c == 'c')
			l->config = optarg;
		else if (c == 'S')
			l->sample = true;
		else if (c == 'V')
			l->version = true;
		else if (c == 'h')
			l->help = true;
		else if (c < 256)
			l->bad = true;
		else {
			cli->value[c - 256] = optarg ? optarg : "";
			l->given |= BIT(c - 256);
		}
	}
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0) return &commands[i];
	return NULL;
}

/* Signals are taken by sigwait in `serve`; every thread that is started inherits the mask. */
static void block_signals(void)
{
	sigset_t s;
	(void)sigemptyset(&s);
	(void)sigaddset(&s, SIGTERM);
	(void)sigaddset(&s, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, &s, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

static int run(const struct command *cmd, struct cli *cli, const char *config)
{
	struct err e = {0};
	int rc = county_config_load(config, &cli->cfg, &e);
	cli->log = (struct log){.program = "xinke-county",
	                        .level = cmd->run == command_serve ? cli->cfg.level : LOG_LEVEL_WARN};
	if (!rc && cmd->run == command_serve) block_signals();
	if (!rc) rc = cmd->run(cli, &e);
	if (!rc) return cli->status;
	(void)fprintf(stderr, "xinke-county %s: %s\n", cmd->name, e.msg);
	return 1;
}

int main(int argc, char *argv[])
{
	struct cli cli = {0};
	struct line l = {0};
	(void)umask(0077);
	parse(argc, argv, &cli, &l);
	if (l.bad) return STATUS_USAGE;
	if (l.help) usage(stdout);
	if (l.version) (void)printf("xinke-county %s\n", XINKE_VERSION);
	if (l.sample) county_config_sample(stdout);
	if (l.help || l.version || l.sample) return 0;
	if (optind == argc) return misused("no command");
	const struct command *cmd = find(argv[optind]);
	if (!cmd) return misused("no such command");
	cli.operands = argv + optind + 1;
	cli.n_operands = argc - optind - 1;
	if (cli.n_operands < cmd->min || cli.n_operands > cmd->max) return misused("the command's operands are wrong");
	if (l.given & ~cmd->options) return misused("the command takes no such option");
	if (!l.config) return misused("-c FILE is wanted");
	return run(cmd, &cli, l.config);
}
