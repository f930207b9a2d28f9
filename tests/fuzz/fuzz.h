/* What the fuzz targets share. A target is one function that takes any bytes; it ends the program where something that must
 * hold does not. Built by clang with libFuzzer and the sanitizers: `make fuzz`. */
#ifndef XINKE_FUZZ_H
#define XINKE_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Called by libFuzzer; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define MUST(x)                                                                                                        \
	do {                                                                                                           \
		if (!(x)) {                                                                                            \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                                  \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

/* The first line of what is left at *P as new text (free), NULL at the end; *P goes on behind it. */
static inline char *fuzz_line(const uint8_t **p, size_t *left)
{
	if (!*left) return NULL;
	const uint8_t *end = memchr(*p, '\n', *left);
	size_t n = end ? (size_t)(end - *p) : *left;
	char *line = malloc(n + 1);
	MUST(line);
	memcpy(line, *p, n);
	line[n] = '\0';
	*p += end ? n + 1 : n;
	*left -= end ? n + 1 : n;
	return line;
}

#endif
