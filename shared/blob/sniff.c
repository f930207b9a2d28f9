/* See sniff.h. Called when an upload is complete and when a blob is handed out; fuzzed. Formats: ITU-T T.81 annex B, PNG
 * (third edition) section 5, RFC 9649 (WebP), ISO/IEC 14496-12 and 23008-12 (HEIF), ISO 32000-1 section 7.5. */
#include "shared/blob/sniff.h"

#include <stdbool.h>
#include <string.h>

#define HEAD_MAX     4096 /* bytes at the beginning that are searched for markup; browsers look at 1445 */
#define TAIL_MAX     1024 /* bytes at the end in which a PDF must say that it ends */
#define PADDING_MAX  64   /* zero bytes that may follow a JPEG's end */
#define MARKERS_MAX  2048 /* marker segments of a JPEG before its picture */
#define BOXES_MAX    64   /* boxes at the top of a HEIC */
#define META_MAX     16384
#define FTYP_MAX     512
#define DIMENSION_OF 20 /* bytes of an ispe box */

struct look {
	const struct sniff_source *src;
	struct sniff *out;
	struct err *e;
	int rc; /* the first read that failed */
};

static bool get(struct look *k, int64_t off, void *out, size_t len)
{
	if (k->rc || off < 0 || off > k->src->size || (int64_t)len > k->src->size - off) return false;
	k->rc = k->src->read(k->src->arg, off, out, len, k->e);
	return k->rc == ERR_OK;
}

static uint32_t be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
	return be16(p) << 16 | be16(p + 2);
}

static uint32_t le24(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

static uint32_t le32(const uint8_t *p)
{
	return le24(p) | (uint32_t)p[3] << 24;
}

static bool no(struct look *k, const char *why)
{
	if (!k->out->why) k->out->why = why;
	return false;
}

static bool sized(struct look *k, uint32_t width, uint32_t height)
{
	k->out->width = width;
	k->out->height = height;
	if (!width || !height) return no(k, "the picture has no size");
	/* 32 bits each: the product fits into 64 */
	return (uint64_t)width * height <= (uint64_t)SNIFF_PIXELS_MAX || no(k, "the picture has too many pixels");
}

static char lower(uint8_t c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool begins(const uint8_t *p, size_t len, const char *word)
{
	size_t n = strlen(word);
	for (size_t i = 0; i < n; i++)
		if (i >= len || lower(p[i]) != word[i]) return false;
	return true;
}

/* Words that make a browser or a server take a file for a page or a program. */
static bool has_markup(const uint8_t *p, size_t len)
{
	static const char *const words[] = {"<script", "<html", "<!doctype", "<?php", "<iframe", "javascript:"};
	for (size_t at = 0; at < len; at++)
		for (size_t i = 0; i < sizeof words / sizeof *words; i++)
			if (lower(p[at]) == words[i][0] && begins(p + at, len - at, words[i])) return true;
	return false;
}

/* --- JPEG --- */

static bool is_frame(uint8_t m)
{
	return m >= 0xc0 && m <= 0xcf && m != 0xc4 && m != 0xc8 && m != 0xcc;
}

/* A picture ends with EOI; encoders may fill up with zero bytes. */
static bool jpeg_ends(struct look *k)
{
	uint8_t end[PADDING_MAX + 2];
	size_t n = k->src->size < (int64_t)sizeof end ? (size_t)k->src->size : sizeof end;
	if (!get(k, k->src->size - (int64_t)n, end, n)) return false;
	while (n && end[n - 1] == 0)
		n--;
	return (n >= 2 && end[n - 2] == 0xff && end[n - 1] == 0xd9) || no(k, "the JPEG does not end as one");
}

static bool look_jpeg(struct look *k)
{
	bool framed = false;
	int64_t at = 2;
	k->out->media = SNIFF_JPEG;
	for (int i = 0; i < MARKERS_MAX; i++) {
		uint8_t m[9];
		if (!get(k, at, m, 2) || m[0] != 0xff) return no(k, "the JPEG is malformed");
		if (m[1] == 0xff) { /* a fill byte */
			at++;
			continue;
		}
		if (!get(k, at, m, 4) || m[1] < 0xc0 || (m[1] >= 0xd0 && m[1] <= 0xd9) || be16(m + 2) < 2)
			return no(k, "the JPEG is malformed");
		if (m[1] == 0xda) return (framed || no(k, "the JPEG has no frame")) && jpeg_ends(k);
		if (is_frame(m[1])) {
			if (framed || be16(m + 2) < 8 || !get(k, at, m, 9)) return no(k, "the JPEG is malformed");
			if (!sized(k, be16(m + 7), be16(m + 5))) return false;
			framed = true;
		}
		at += 2 + (int64_t)be16(m + 2);
	}
	return no(k, "the JPEG has no picture");
}

/* --- PNG --- */

static bool look_png(struct look *k)
{
	static const uint8_t last[12] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};
	uint8_t h[33], end[12];
	k->out->media = SNIFF_PNG;
	if (!get(k, 0, h, sizeof h) || be32(h + 8) != 13 || memcmp(h + 12, "IHDR", 4) != 0)
		return no(k, "the PNG is malformed");
	uint8_t depth = h[24], colour = h[25];
	bool known = (depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16) && colour <= 6 &&
	             colour != 1 && colour != 5 && h[26] == 0 && h[27] == 0 && h[28] <= 1;
	if (!known) return no(k, "the PNG is malformed");
	if (!sized(k, be32(h + 16), be32(h + 20))) return false;
	if (!get(k, k->src->size - (int64_t)sizeof end, end, sizeof end)) return no(k, "the PNG is cut off");
	return memcmp(end, last, sizeof last) == 0 || no(k, "the PNG does not end as one");
}

/* --- WebP --- */

static bool look_webp(struct look *k)
{
	uint8_t h[30];
	k->out->media = SNIFF_WEBP;
	if (!get(k, 0, h, sizeof h) || (int64_t)le32(h + 4) + 8 != k->src->size) return no(k, "the WebP is malformed");
	if (memcmp(h + 12, "VP8X", 4) == 0) return sized(k, le24(h + 24) + 1, le24(h + 27) + 1);
	if (memcmp(h + 12, "VP8 ", 4) == 0) {
		if (h[23] != 0x9d || h[24] != 0x01 || h[25] != 0x2a) return no(k, "the WebP is malformed");
		return sized(k, le32(h + 26) & 0x3fff, (le32(h + 26) >> 16) & 0x3fff);
	}
	if (memcmp(h + 12, "VP8L", 4) == 0 && h[20] == 0x2f)
		return sized(k, (le32(h + 21) & 0x3fff) + 1, (le32(h + 21) >> 14 & 0x3fff) + 1);
	return no(k, "the WebP is malformed");
}

/* --- HEIC --- */

static bool heic_brand(const uint8_t *p)
{
	static const char *const brands[] = {"heic", "heix", "heim", "heis", "hevc", "hevx"};
	for (size_t i = 0; i < sizeof brands / sizeof *brands; i++)
		if (memcmp(p, brands[i], 4) == 0) return true;
	return false;
}

/* The box at AT: its type, its length in all. */
static bool box_at(struct look *k, int64_t at, uint8_t type[4], int64_t *len)
{
	uint8_t h[16];
	if (!get(k, at, h, 8)) return false;
	memcpy(type, h + 4, 4);
	*len = be32(h);
	if (*len == 0) *len = k->src->size - at; /* to the end */
	if (*len == 1) {
		if (!get(k, at, h, 16) || be32(h + 8) > INT32_MAX) return false;
		*len = (int64_t)((uint64_t)be32(h + 8) << 32 | be32(h + 12));
	}
	return *len >= 8 && *len <= k->src->size - at;
}

/* Every size that the metadata names; the largest is told. */
static bool heic_sizes(struct look *k, int64_t at, int64_t len)
{
	uint8_t meta[META_MAX];
	size_t n = len < (int64_t)sizeof meta ? (size_t)len : sizeof meta;
	int64_t width = 0, height = 0;
	if (!get(k, at, meta, n)) return false;
	for (size_t i = 4; i + DIMENSION_OF - 4 <= n; i++) {
		if (memcmp(meta + i, "ispe", 4) != 0 || be32(meta + i - 4) != DIMENSION_OF) continue;
		if (!sized(k, be32(meta + i + 8), be32(meta + i + 12))) return false;
		if (k->out->width * k->out->height < width * height) continue;
		width = k->out->width;
		height = k->out->height;
	}
	k->out->width = width;
	k->out->height = height;
	return true;
}

static bool heic_ours(struct look *k, int64_t len)
{
	uint8_t ftyp[FTYP_MAX];
	if (len < 16 || len > (int64_t)sizeof ftyp || len % 4 || !get(k, 0, ftyp, (size_t)len)) return false;
	if (heic_brand(ftyp + 8)) return true;
	bool image = memcmp(ftyp + 8, "mif1", 4) == 0 || memcmp(ftyp + 8, "msf1", 4) == 0;
	for (int64_t i = 16; image && i + 4 <= len; i += 4)
		if (heic_brand(ftyp + i)) return true;
	return false;
}

static bool look_heic(struct look *k)
{
	uint8_t type[4];
	int64_t at = 0, len = 0;
	bool meta = false, content = false;
	k->out->media = SNIFF_HEIC;
	if (!box_at(k, 0, type, &len) || !heic_ours(k, len)) return no(k, "the HEIC is of no known brand");
	at = len;
	for (int i = 0; at < k->src->size; i++, at += len) {
		if (i == BOXES_MAX || !box_at(k, at, type, &len)) return no(k, "the HEIC is malformed");
		content = content || memcmp(type, "mdat", 4) == 0;
		if (memcmp(type, "meta", 4) != 0) continue;
		if (meta || !heic_sizes(k, at, len)) return no(k, "the HEIC is malformed");
		meta = true;
	}
	return (meta && content) || no(k, "the HEIC is malformed");
}

/* --- PDF --- */

static bool look_pdf(struct look *k, const uint8_t *head)
{
	uint8_t end[TAIL_MAX];
	size_t n = k->src->size < TAIL_MAX ? (size_t)k->src->size : TAIL_MAX;
	k->out->media = SNIFF_PDF;
	if ((head[5] != '1' && head[5] != '2') || head[6] != '.' || head[7] < '0' || head[7] > '9')
		return no(k, "the PDF is of no known version");
	if (!get(k, k->src->size - (int64_t)n, end, n)) return false;
	for (size_t i = n; i >= 5; i--)
		if (memcmp(end + i - 5, "%%EOF", 5) == 0)
			return !has_markup(end + i, n - i) || no(k, "the PDF goes on after its end");
	return no(k, "the PDF does not end as one");
}

static bool look(struct look *k)
{
	uint8_t head[HEAD_MAX];
	size_t n = k->src->size < HEAD_MAX ? (size_t)k->src->size : HEAD_MAX;
	if (n < 12) return no(k, "too short for a picture or a PDF");
	if (!get(k, 0, head, n)) return false;
	if (memcmp(head, "%PDF-", 5) == 0) return look_pdf(k, head);
	if (has_markup(head, n)) return no(k, "it holds a page or a program");
	if (head[0] == 0xff && head[1] == 0xd8 && head[2] == 0xff) return look_jpeg(k);
	if (memcmp(head, "\x89PNG\r\n\x1a\n", 8) == 0) return look_png(k);
	if (memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "WEBP", 4) == 0) return look_webp(k);
	if (memcmp(head + 4, "ftyp", 4) == 0) return look_heic(k);
	return no(k, "neither JPEG, PNG, WebP, HEIC nor PDF");
}

int sniff_look(const struct sniff_source *s, struct sniff *out, struct err *e)
{
	struct look k = {.src = s, .out = out, .e = e};
	*out = (struct sniff){.media = SNIFF_NONE};
	bool fine = look(&k);
	if (k.rc) return k.rc;
	if (!fine) out->media = SNIFF_NONE;
	if (!fine && !out->why) out->why = "the file is malformed";
	if (fine) out->why = NULL;
	return ERR_OK;
}

const char *sniff_media_type(enum sniff_media m)
{
	static const char *const types[SNIFF_MEDIA_COUNT] = {
	    [SNIFF_NONE] = "application/octet-stream",
	    [SNIFF_JPEG] = "image/jpeg",
	    [SNIFF_PNG] = "image/png",
	    [SNIFF_WEBP] = "image/webp",
	    [SNIFF_HEIC] = "image/heic",
	    [SNIFF_PDF] = "application/pdf",
	};
	return types[m];
}
