/* See qr.h. */
#include "gateway/print/qr.h"

#include <qrencode.h>
#include <stdlib.h>
#include <string.h>

struct qr {
	QRcode *code;
};

int qr_new(const char *text, struct qr **out, struct err *e)
{
	*out = NULL;
	if (!*text || strlen(text) > QR_TEXT_MAX) return err_set(e, ERR_INVALID, "no text for a QR symbol");
	struct qr *q = calloc(1, sizeof *q);
	/* 15 % may be damaged: a receipt is folded and carried in a pocket */
	if (q) q->code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	if (!q || !q->code) {
		free(q);
		return err_set(e, ERR_NOMEM, "a QR symbol");
	}
	*out = q;
	return ERR_OK;
}

void qr_free(struct qr *q)
{
	if (!q) return;
	QRcode_free(q->code);
	free(q);
}

int qr_size(const struct qr *q)
{
	return q->code->width;
}

bool qr_dark(const struct qr *q, int x, int y)
{
	int n = q->code->width;
	return x >= 0 && y >= 0 && x < n && y < n && (q->code->data[y * n + x] & 1);
}

void qr_path(const struct qr *q, struct buf *out)
{
	for (int y = 0; y < qr_size(q); y++) {
		for (int x = 0; x < qr_size(q); x++) {
			int run = 0;
			while (qr_dark(q, x + run, y))
				run++;
			if (run) buf_addf(out, "M%d %dh%dv1h-%dz", x + QR_QUIET, y + QR_QUIET, run, run);
			x += run;
		}
	}
}

int qr_scale(const struct qr *q, int max_dots, int most)
{
	int scale = max_dots / (qr_size(q) + 2 * QR_QUIET);
	return scale > most ? most : scale;
}

void qr_raster(const struct qr *q, int scale, struct buf *out, int *bytes, int *rows)
{
	int side = (qr_size(q) + 2 * QR_QUIET) * scale;
	*bytes = (side + 7) / 8;
	*rows = side;
	for (int y = 0; y < side; y++) {
		for (int b = 0; b < *bytes; b++) {
			unsigned byte = 0;
			for (int i = 0; i < 8; i++) {
				int x = b * 8 + i;
				if (qr_dark(q, x / scale - QR_QUIET, y / scale - QR_QUIET) && x >= QR_QUIET * scale &&
				    y >= QR_QUIET * scale)
					byte |= 0x80U >> i;
			}
			buf_addc(out, (char)byte);
		}
	}
}
