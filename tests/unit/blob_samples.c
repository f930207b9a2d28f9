/* See blob_samples.h. */
#include "tests/unit/blob_samples.h"

#include <stdlib.h>
#include <string.h>

/* SOI, APP0, a quantisation table cut short, SOF0 of 640 x 480, SOS with a few bytes, EOI */
static const uint8_t jpeg[] = {
    0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F',  'I',  'F', 0,  1, 1, 0,    0,    1,    0,    1,
    0,    0,    0xff, 0xdb, 0, 3,  0,   0xff, 0xc0, 0,   11, 8, 1, 0xe0, 2,    0x80, 1,    1,
    0x11, 0,    0xff, 0xda, 0, 8,  1,   1,    0,    0,   63, 0, 1, 0x5a, 0x31, 0xff, 0xd9,
};
static const uint8_t png[] = {
    0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0,   0,   2,    0x80, 0,    0,    1,
    0xe0, 8,   2,   0,   0,    0,    1,    2,    3, 4, 0, 0,  0,   0,   'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82,
};
static const uint8_t webp[] = {
    'R', 'I', 'F', 'F',  26,   0,    0,    0, 'W', 'E', 'B', 'P', 'V', 'P', '8', 'L', 14,
    0,   0,   0,   0x2f, 0x7f, 0xc2, 0x77, 0, 1,   2,   3,   4,   5,   6,   7,   8,   9,
};
static const uint8_t heic[] = {
    0,   0, 0, 24, 'f', 't',  'y', 'p', 'm', 'i',  'f', '1', 0, 0,  0,   0,   'm', 'i', 'f', '1', 'h', 'e', 'i',
    'c', 0, 0, 0,  32,  'm',  'e', 't', 'a', 0,    0,   0,   0, 0,  0,   0,   20,  'i', 's', 'p', 'e', 0,   0,
    0,   0, 0, 0,  2,   0x80, 0,   0,   1,   0xe0, 0,   0,   0, 12, 'm', 'd', 'a', 't', 1,   2,   3,   4,
};
static const uint8_t pdf[] = "%PDF-1.7\n1 0 obj <</Type /Catalog>> endobj\ntrailer <</Root 1 0 R>>\n%%EOF\n";

const struct blob_sample blob_samples[BLOB_SAMPLES] = {
    {"JPEG", jpeg, sizeof jpeg}, {"PNG", png, sizeof png},     {"WebP", webp, sizeof webp},
    {"HEIC", heic, sizeof heic}, {"PDF", pdf, sizeof pdf - 1},
};

uint8_t *blob_sample_pdf(size_t len, unsigned seed)
{
	uint8_t *p = malloc(len);
	if (!p) abort();
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)((i * 2654435761u + seed * 40503u) >> 7);
	memcpy(p, "%PDF-1.7\n", 9);
	memcpy(p + len - 6, "%%EOF\n", 6);
	return p;
}
