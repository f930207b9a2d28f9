/* Calling xinke-print, which lays papers out and prints them. Blocks: for worker threads alone. */
#ifndef XINKE_GATEWAY_PRINTCALL_H
#define XINKE_GATEWAY_PRINTCALL_H

#include "shared/err.h"
#include "shared/problem.h"

#include <jansson.h>

#define PRINTCALL_MS 20000 /* longer than xinke-print waits for a printer */

/* Sends REQUEST (gateway/print/job.h; borrowed) to the socket at PATH. Its answer with status ok: new object. Else NULL, and
 * P says what the caller may know: PRINT_ABSENT when nobody listens, PAPER_TEMPLATE, PRINTER_ABSENT, PRINTER_FAILED; E what
 * the log should. */
json_t *printcall_do(const char *path, const json_t *request, struct problem *p, struct err *e);

#endif
