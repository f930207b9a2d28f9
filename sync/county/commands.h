/* The commands of xinke-county but `serve`, each a row of main.c's table. */
#ifndef XINKE_COUNTY_COMMANDS_H
#define XINKE_COUNTY_COMMANDS_H

#include "sync/county/county.h"

enum option_id {
	O_SCHEMA,
	O_STATIONS,
	O_CATALOG,
	O_CALENDAR,
	O_ROLE,
	O_OFFICE,
	O_DISPLAY,
	O_REASON,
	O_BY,
	O_ADD,
	O_BEFORE_TERM,
	O_PASSWORD_STDIN,
	O_JSON,
	N_OPTIONS
};

/* What the command line said, and the configuration. */
struct cli {
	struct county_config cfg;
	struct log log;
	const char *value[N_OPTIONS]; /* NULL = not given; "" = a flag that was */
	char *const *operands;        /* after the command's name */
	int n_operands;
	int status; /* exit status where the command worked: 0, or 1 for `verify` with faults */
};

typedef int command_fn(struct cli *cli, struct err *e);
command_fn command_init, command_import, command_account, command_code, command_stations, command_retire,
    command_revoke, command_verify, command_catalog, command_calendar, command_staff, command_person;
/* The acts of `catalog` and `calendar` and the columns of their tables, for --help. */
void catalog_commands_help(FILE *out);

#endif
