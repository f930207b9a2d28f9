/* One request to xinke-print: read, done, answered.
 *
 * Request: {"job": "page" | "print", "kind": KIND, "format": "a4" | "roll", "data": {...}}, format of pages alone.
 * Answer:  {"status": STATUS, "detail": TEXT}, and for a page that is there "html"; for one that was printed "confirmed".
 * Status:  ok, invalid, paper_template, printer_absent, printer_failed, failed. */
#ifndef XINKE_PRINT_JOB_H
#define XINKE_PRINT_JOB_H

#include "gateway/print/escpos.h"
#include "gateway/print/printer.h"
#include "shared/buf.h"
#include "shared/err.h"
#include "shared/log.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define JOB_DEPTH      8 /* nesting of a request */
#define JOB_KIND_MAX   41
#define JOB_RECEIVE_MS 5000  /* the gateway has the request ready when it connects */
#define JOB_PRINTER_MS 15000 /* 20 cm of paper and a cut take two seconds */

enum job_type { JOB_PAGE, JOB_PRINT };

struct job {
	enum job_type type;
	char kind[JOB_KIND_MAX];
	bool roll;
	json_t *data; /* owned */
};

/* What jobs are done with; borrowed. */
struct job_tools {
	const char *papers; /* folder of the templates */
	struct printer printer;
	struct escpos_config roll;
	const struct log *log;
};

/* Reads a request of LEN bytes. ERR_INVALID says what is wrong. Release with job_release. */
int job_read(const char *text, size_t len, struct job *out, struct err *e);
void job_release(struct job *j);
/* The job's HTML, added to OUT. Errors of template_apply. */
int job_html(const struct job *j, const char *papers, struct buf *out, struct err *e);
/* The job's bytes for the receipt printer, added to OUT. */
int job_bytes(const struct job *j, const struct job_tools *t, struct buf *out, struct err *e);
/* Receives a request on FD, does it, answers it. Nothing comes back: whoever asked has the answer or a closed
 * connection. */
void job_serve(int fd, const struct job_tools *t);

#endif
