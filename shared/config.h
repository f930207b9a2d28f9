/* Configuration files: INI by libinih, keys by a program's table, every mistake told with file and line.
 *
 * [section] and key of the file make "section.key" in the table. Unknown keys and keys given twice are refused. The
 * sample that `--sample-config` prints is made from the same table. */
#ifndef XINKE_CONFIG_H
#define XINKE_CONFIG_H

#include "shared/err.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONFIG_TEXT_MAX 512 /* bytes of a text value, NUL included */

enum config_type { CONFIG_TEXT, CONFIG_PATH, CONFIG_INT, CONFIG_BOOL };

struct config_key {
	const char *name; /* "section.key" */
	enum config_type type;
	size_t offset;    /* of the member in the program's struct: char[CONFIG_TEXT_MAX], int64_t, or bool */
	const char *def;  /* default, as text; NULL = must be given */
	int64_t min, max; /* of CONFIG_INT */
	const char *help; /* one line */
};

/* Fills OUT from the defaults, then from PATH. Relative CONFIG_PATH values are taken from the file's folder.
 * ERR_INVALID names the file, the line and what is wrong. */
int config_load(const char *path, const struct config_key *keys, size_t n, void *out, struct err *e);
/* Prints a commented sample of the table. */
void config_sample(FILE *f, const struct config_key *keys, size_t n);

#endif
