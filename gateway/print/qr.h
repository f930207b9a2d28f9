/* QR symbols (ISO/IEC 18004, by libqrencode) as an SVG path and as dots of a receipt printer. */
#ifndef XINKE_PRINT_QR_H
#define XINKE_PRINT_QR_H

#include "shared/buf.h"
#include "shared/err.h"

#include <stdbool.h>

#define QR_QUIET    4   /* modules of white around it that the standard wants */
#define QR_TEXT_MAX 512 /* bytes */

struct qr; /* opaque */

/* The symbol of TEXT at level M. ERR_INVALID when it is empty or too long. New (qr_free). */
int qr_new(const char *text, struct qr **out, struct err *e);
void qr_free(struct qr *q);
/* Modules of a side, quiet zone not counted. */
int qr_size(const struct qr *q);
bool qr_dark(const struct qr *q, int x, int y);
/* The dark modules as the `d` of an SVG path, a unit a module, quiet zone included. */
void qr_path(const struct qr *q, struct buf *out);
/* The most dots a module that fit MAX_DOTS with the quiet zone, at most MOST; 0 when it does not fit. */
int qr_scale(const struct qr *q, int max_dots, int most);
/* The raster at SCALE dots a module, quiet zone included, rows from the top, 8 dots a byte, leftmost highest, 1 = black.
 * *BYTES and *ROWS tell its shape. */
void qr_raster(const struct qr *q, int scale, struct buf *out, int *bytes, int *rows);

#endif
