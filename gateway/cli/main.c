/* xinke: the technician's command. Reads as a table of commands; runs the courier's enrolment as git runs its parts. */
#include "gateway/cli/cli.h"

#include "shared/version.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_CONFIG "/etc/xinke/gateway.conf"

static const struct command {
	const char *name;
	int (*run)(struct cli *c);
	const char *args, *summary;
} commands[] = {
    {"status", cli_status, "[--json]", "how the box stands: 0 well, 1 behind, 2 broken"},
    {"log", cli_log, "[--json]", "every log of this box: head, parent, what the county has; the feed's head"},
    {"verify", cli_verify, "[--json]", "walk every chain, mac and projection"},
    {"rebuild", cli_rebuild, "", "make every projection anew (stop the daemons first)"},
    {"sync", cli_sync, "now", "ask the courier for a run"},
    {"enroll", cli_enroll, "--sync-config FILE URI", "enrol this box with the county's one-time code"},
    {"staff", cli_staff,
     "add NAME --role R [--display D] [--keep] | password NAME [--keep] | disable NAME | enable NAME | list",
     "accounts of this station; a password is printed once, to be changed at the first sign-in or to --keep"},
    {"poster", cli_poster, "[--ssid S --password-stdin | --ssid S --open] [--url URL] [--setup-url URL] > poster.html",
     "the page for the station's wall: Wi-Fi, certificate, fingerprint, address; a browser prints it on A4"},
};

static void usage(FILE *f)
{
	(void)fprintf(f, "Usage: xinke [-c FILE] COMMAND ...   (default file: " DEFAULT_CONFIG ")\n\n");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		(void)fprintf(f, "  xinke %s %s\n      %s\n", commands[i].name, commands[i].args, commands[i].summary);
}

int cli_ledger(struct cli *c, enum ledger_mode mode, struct ledger **out)
{
	struct ledger_config lc = {.path = c->settings->db,
	                           .field_key = c->settings->field_key,
	                           .mode = mode,
	                           .clock = &c->clock,
	                           .gate = c->settings->gate};
	return ledger_open(&lc, out, &c->err);
}

/* Takes --json out of the arguments, wherever it stands. */
static void take_json(struct cli *c)
{
	int n = 0;
	for (int i = 0; i < c->argc; i++) {
		if (strcmp(c->argv[i], "--json") == 0)
			c->json = true;
		else
			c->argv[n++] = c->argv[i];
	}
	c->argc = n;
}

int main(int argc, char **argv)
{
	const char *file = DEFAULT_CONFIG;
	int i = 1;
	if (argc > 2 && strcmp(argv[1], "-c") == 0) {
		file = argv[2];
		i = 3;
	}
	const char *name = i < argc ? argv[i] : "";
	if (strcmp(name, "--version") == 0) return puts("xinke " XINKE_VERSION) < 0;
	if (strcmp(name, "--help") == 0) {
		usage(stdout);
		return 0;
	}
	for (size_t k = 0; k < sizeof commands / sizeof *commands; k++) {
		if (strcmp(commands[k].name, name) != 0) continue;
		struct settings s;
		struct cli c = {.settings = &s, .argc = argc - i - 1, .argv = argv + i + 1};
		(void)umask(0007);
		clock_init(&c.clock);
		take_json(&c);
		int status = settings_load(file, &s, &c.err) ? 2 : commands[k].run(&c);
		if (status && c.err.code) (void)fprintf(stderr, "xinke %s: %s\n", name, c.err.msg);
		return status;
	}
	usage(stderr);
	return 2;
}
