/* A page in the roll format as bytes for a receipt printer: ESC/POS, text in GB18030.
 *
 * The same template makes the page for the browser and for the printer, so that both say the same words. Of HTML it knows
 * headings, paragraphs, lists, tables (a line a row), <hr>, <br>, <section> (a cut between two), the classes `blank` (a
 * line to write on), `center` and `screen` (left out here), and <svg>, in whose place the QR symbol goes as raster. */
#ifndef XINKE_PRINT_ESCPOS_H
#define XINKE_PRINT_ESCPOS_H

#include "shared/buf.h"
#include "shared/err.h"

#include <libxml/tree.h>
#include <stdbool.h>

#define ESCPOS_MAX (512 * 1024) /* bytes of a paper */

struct escpos_config {
	int width; /* of the paper in mm: 80 (48 columns, 576 dots) or 58 (32 columns, 384 dots) */
	bool cut;  /* it has a cutter */
};

/* PAGE as bytes, added to OUT; URL is what the QR symbol says ("" = none). */
int escpos_page(const struct escpos_config *cfg, xmlDocPtr page, const char *url, struct buf *out, struct err *e);
/* Columns that one character takes: 0 for marks, 1 for ASCII, 2 for all that is printed in a square. */
int escpos_columns(unsigned c);

#endif
