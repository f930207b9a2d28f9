/* Reads the lines of tests/lib/records.mjs into the wire's own structs, so that whoever measures or trains writes them
 * down with sync/engine/wire.c itself. For tools: a line that cannot be read ends the program. */
#ifndef XINKE_TESTS_LIB_EXCHANGES_H
#define XINKE_TESTS_LIB_EXCHANGES_H

#include "sync/engine/wire.h"

#include <stdio.h>

struct exchanges_line {
	struct wire_request request; /* one of the two; the other is empty */
	struct wire_answer answer;
	bool is_answer;
};

/* The next line of F; false at its end. Release it. */
bool exchanges_next(FILE *f, struct exchanges_line *out);
void exchanges_release(struct exchanges_line *l);
/* LINE as it travels, new text of LEN bytes (free). */
char *exchanges_text(const struct exchanges_line *l, size_t *len);
/* Ends the program with MESSAGE. */
_Noreturn void exchanges_die(const char *what, const char *message);

#endif
