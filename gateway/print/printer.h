/* A receipt printer, over TCP or as a device file.
 *
 * Where the printer answers DLE EOT (most on TCP do), its paper and cover are asked for before, and GS r after: it answers
 * that one in its turn, so that the answer means that all before it was taken from its buffer. Where it does not answer,
 * what is known is that it took the bytes. */
#ifndef XINKE_PRINT_PRINTER_H
#define XINKE_PRINT_PRINTER_H

#include "shared/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRINTER_HOST_MAX   64
#define PRINTER_ANSWER_MS  700  /* a printer that answers does so in some tens of ms */
#define PRINTER_CONNECT_MS 3000 /* it stands in the same room */

struct printer {
	enum { PRINTER_NONE, PRINTER_TCP, PRINTER_FILE } kind;
	char host[PRINTER_HOST_MAX]; /* numeric address */
	char port[8];
	const char *path; /* of the device; borrowed from the setting */
};

/* Reads "", "tcp:ADDRESS:PORT" (numeric, IPv6 in brackets) or "file:PATH"; SETTING is borrowed. ERR_INVALID says what is
 * wanted. */
int printer_parse(const char *setting, struct printer *out, struct err *e);
/* Sends LEN bytes before DEADLINE (monotonic ms, frame.h). *CONFIRMED: the printer said that it took them from its buffer.
 * ERR_NOTFOUND: there is no printer or it cannot be reached, nothing was printed. ERR_IO: it has no paper, went away or
 * stopped taking in the middle; E says what and how far. */
int printer_send(const struct printer *p, const void *data, size_t len, int64_t deadline, bool *confirmed,
                 struct err *e);

#endif
