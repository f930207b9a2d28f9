/* The commands of `xinke`, the technician's command. Each gets the settings of the gateway and its own arguments, prints
 * to standard output, and returns the exit status: 0 well, 1 behind or refused, 2 broken or misused. */
#ifndef XINKE_CLI_H
#define XINKE_CLI_H

#include "gateway/settings.h"
#include "shared/ledger/ledger.h"

#include <stdbool.h>

struct cli {
	const struct settings *settings;
	struct clock clock;
	bool json;
	int argc; /* what follows the command's name */
	char **argv;
	struct err err; /* told on standard error when the status is not 0 */
};

/* Opens the ledger in MODE. */
int cli_ledger(struct cli *c, enum ledger_mode mode, struct ledger **out);

int cli_status(struct cli *c);
int cli_log(struct cli *c);
int cli_verify(struct cli *c);
int cli_rebuild(struct cli *c);
int cli_sync(struct cli *c);
int cli_enroll(struct cli *c);
int cli_staff(struct cli *c);
int cli_poster(struct cli *c);

#endif
