/* See pack.h. Called by the courier and by the county's exchange, each with a context of its own thread. The reading side
 * trusts nothing that a frame says before it has seen it: the header is judged here, and the content is decompressed
 * piece by piece.
 *
 * Two calls are of zstd's experimental part. ZSTD_CCtx_refPrefix_advanced loads a dictionary into the context itself: a
 * ZSTD_CDict, which every stable call makes, costs 0.4 to 1.1 MiB more, saves nothing at our sizes, and zstd before 1.5.6
 * crashes where there is no memory for it (its pull request 3847). ZSTD_createDDict_byReference spares a copy. Both have
 * been the same since zstd 1.4. */
#include "shared/pack.h"

#define ZSTD_STATIC_LINKING_ONLY
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zdict.h>
#include <zstd.h>
#include <zstd_errors.h>

#define WINDOW_LOG 17
#define TABLE_LOG  17 /* of hash and chain at levels above LIGHT: left alone they take 3 MiB and save half a per cent */
#define LIGHT      5
#define PIECE      32768 /* bytes decompressed at a time */

struct dict {
	struct pack_dict given;
	unsigned id;
	ZSTD_DDict *opening; /* NULL until needed */
};

struct pack {
	ZSTD_CCtx *c; /* both NULL until needed */
	ZSTD_DCtx *d;
	size_t n;
	struct dict dicts[];
};

/* What zstd said of the input or of memory; a fault of ours is neither and says so. */
static int failed(size_t code, const char *what, struct err *e)
{
	enum err_code rc = ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation ? ERR_NOMEM : ERR_INVALID;
	return err_set(e, rc, "%s: %s", what, ZSTD_getErrorName(code));
}

static struct dict *find(struct pack *p, unsigned id)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->dicts[i].id == id) return &p->dicts[i];
	return NULL;
}

int pack_new(const struct pack_dict *dicts, size_t n, struct pack **out, struct err *e)
{
	struct pack *p = calloc(1, sizeof *p + n * sizeof *p->dicts);
	*out = NULL;
	if (!p) return err_set(e, ERR_NOMEM, "compression");
	for (size_t i = 0; i < n; i++) {
		/* Reads all tables before the content: zstd would call a broken one a want of memory later. */
		size_t header = ZDICT_getDictHeaderSize(dicts[i].data, dicts[i].len);
		unsigned id = ZSTD_getDictID_fromDict(dicts[i].data, dicts[i].len);
		int rc = ZDICT_isError(header) ? failed(header, "dictionary", e) : ERR_OK;
		if (!rc && (id == 0 || find(p, id))) rc = err_set(e, ERR_INVALID, "dictionary: id %u", id);
		if (rc) {
			pack_free(p);
			return rc;
		}
		p->dicts[p->n++] = (struct dict){.given = dicts[i], .id = id};
	}
	*out = p;
	return ERR_OK;
}

void pack_free(struct pack *p)
{
	if (p) pack_trim(p);
	free(p);
}

void pack_trim(struct pack *p)
{
	ZSTD_freeCCtx(p->c);
	ZSTD_freeDCtx(p->d);
	p->c = NULL;
	p->d = NULL;
	for (size_t i = 0; i < p->n; i++) {
		ZSTD_freeDDict(p->dicts[i].opening);
		p->dicts[i].opening = NULL;
	}
}

/* Gives back what is too large to keep. */
static void keep_little(struct pack *p)
{
	if (ZSTD_sizeof_CCtx(p->c) > PACK_KEEP) {
		ZSTD_freeCCtx(p->c);
		p->c = NULL;
	}
	if (ZSTD_sizeof_DCtx(p->d) > PACK_KEEP) {
		ZSTD_freeDCtx(p->d);
		p->d = NULL;
	}
}

size_t pack_size(const struct pack *p)
{
	size_t sum = ZSTD_sizeof_CCtx(p->c) + ZSTD_sizeof_DCtx(p->d);
	for (size_t i = 0; i < p->n; i++)
		sum += ZSTD_sizeof_DDict(p->dicts[i].opening);
	return sum;
}

/* --- closing --- */

static size_t set_up(ZSTD_CCtx *c, int level, const struct dict *d)
{
	static const struct {
		ZSTD_cParameter name;
		int value;
		bool light; /* at the light levels, too */
	} params[] = {
	    {ZSTD_c_windowLog, WINDOW_LOG, true}, {ZSTD_c_hashLog, TABLE_LOG, false},
	    {ZSTD_c_chainLog, TABLE_LOG, false},  {ZSTD_c_contentSizeFlag, 1, true},
	    {ZSTD_c_dictIDFlag, 1, true},         {ZSTD_c_checksumFlag, 0, true},
	};
	size_t r = ZSTD_CCtx_reset(c, ZSTD_reset_session_and_parameters);
	if (!ZSTD_isError(r)) r = ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level);
	for (size_t i = 0; i < sizeof params / sizeof *params && !ZSTD_isError(r); i++)
		if (level > LIGHT || params[i].light) r = ZSTD_CCtx_setParameter(c, params[i].name, params[i].value);
	if (ZSTD_isError(r) || !d) return r;
	return ZSTD_CCtx_refPrefix_advanced(c, d->given.data, d->given.len, ZSTD_dct_fullDict);
}

static int compress(struct pack *p, int level, const struct dict *d, const void *in, size_t len, struct buf *out,
                    struct err *e)
{
	size_t bound = ZSTD_compressBound(len), r;
	if (!p->c) p->c = ZSTD_createCCtx();
	if (!p->c) return err_set(e, ERR_NOMEM, "compression");
	r = set_up(p->c, level, d);
	if (ZSTD_isError(r)) return failed(r, "compression", e);
	char *to = buf_reserve(out, bound);
	if (!to) return err_set(e, out->full ? ERR_INVALID : ERR_NOMEM, "compression: no room for %zu bytes", bound);
	/* The whole input is given at once, so the size is pledged: tables are made for it and no larger. */
	r = ZSTD_compress2(p->c, to, bound, in, len);
	if (ZSTD_isError(r)) return failed(r, "compression", e);
	out->len += r;
	out->data[out->len] = '\0';
	return ERR_OK;
}

int pack_close(struct pack *p, int level, unsigned dict_id, const void *in, size_t len, struct buf *out, struct err *e)
{
	const struct dict *d = dict_id ? find(p, dict_id) : NULL;
	assert(level >= PACK_LEVEL_MIN && level <= PACK_LEVEL_MAX);
	if (dict_id && !d) return err_set(e, ERR_NOTFOUND, "dictionary %u is not here", dict_id);
	int rc = compress(p, level, d, in, len, out, e);
	keep_little(p);
	return rc;
}

/* --- opening --- */

/* The window that a frame wants, RFC 8878 section 3.1.1.1.2; without a window descriptor it is the content. */
static uint64_t window_of(const uint8_t *in, size_t len, uint64_t content)
{
	if (in[4] >> 5 & 1) return content;
	if (len < 6) return UINT64_MAX;
	uint64_t base = (uint64_t)1 << (10 + (in[5] >> 3));
	return base + base / 8 * (in[5] & 7);
}

static int judge(const uint8_t *in, size_t len, size_t max, uint64_t *content, struct err *e)
{
	static const uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd};
	for (size_t i = 0; i < sizeof magic; i++)
		if (len <= sizeof magic || in[i] != magic[i]) return err_set(e, ERR_INVALID, "not a zstd frame");
	unsigned long long n = ZSTD_getFrameContentSize(in, len);
	if (n == ZSTD_CONTENTSIZE_ERROR || n == ZSTD_CONTENTSIZE_UNKNOWN)
		return err_set(e, ERR_INVALID, "a frame that does not say its size");
	if (n > max) return err_set(e, ERR_INVALID, "a frame of %llu bytes, at most %zu are taken", n, max);
	if (window_of(in, len, n) > (uint64_t)1 << WINDOW_LOG)
		return err_set(e, ERR_INVALID, "a frame with a window above %d KiB", 1 << (WINDOW_LOG - 10));
	*content = n;
	return ERR_OK;
}

static int begin(struct pack *p, unsigned id, struct err *e)
{
	struct dict *d = id ? find(p, id) : NULL;
	if (id && !d) return err_set(e, ERR_NOTFOUND, "dictionary %u is not here", id);
	if (!p->d) p->d = ZSTD_createDCtx();
	if (d && !d->opening) d->opening = ZSTD_createDDict_byReference(d->given.data, d->given.len);
	if (!p->d || (d && !d->opening)) return err_set(e, ERR_NOMEM, "decompression");
	size_t r = ZSTD_DCtx_reset(p->d, ZSTD_reset_session_only);
	if (!ZSTD_isError(r)) r = ZSTD_DCtx_setParameter(p->d, ZSTD_d_windowLogMax, WINDOW_LOG);
	if (!ZSTD_isError(r)) r = ZSTD_DCtx_refDDict(p->d, d ? d->opening : NULL);
	return ZSTD_isError(r) ? failed(r, "decompression", e) : ERR_OK;
}

/* One piece more. LEFT is what the frame's size still allows; past it a byte is offered that must stay unused. DONE when
 * the frame has ended. */
static int piece(struct pack *p, ZSTD_inBuffer *from, uint64_t *left, struct buf *out, bool *done, struct err *e)
{
	size_t room = *left < PIECE ? (size_t)*left : PIECE, before = from->pos;
	char spare, *to = room ? buf_reserve(out, room) : &spare;
	if (!to) return err_set(e, out->full ? ERR_INVALID : ERR_NOMEM, "decompression: no room");
	ZSTD_outBuffer o = {to, room ? room : 1, 0};
	size_t r = ZSTD_decompressStream(p->d, &o, from);
	if (ZSTD_isError(r)) return failed(r, "a broken frame", e);
	if (o.pos > *left) return err_set(e, ERR_INVALID, "a frame holds more than it says");
	if (r && o.pos == 0 && from->pos == before) return err_set(e, ERR_INVALID, "a frame is cut");
	*left -= o.pos;
	if (room) {
		out->len += o.pos;
		out->data[out->len] = '\0';
	}
	*done = r == 0;
	return ERR_OK;
}

int pack_open(struct pack *p, const void *in, size_t len, size_t max, struct buf *out, struct err *e)
{
	ZSTD_inBuffer from = {in, len, 0};
	uint64_t left = 0;
	bool done = false;
	int rc = judge(in, len, max, &left, e);
	if (!rc) rc = begin(p, pack_dict_of(in, len), e);
	while (!rc && !done)
		rc = piece(p, &from, &left, out, &done, e);
	if (!rc && left) rc = err_set(e, ERR_INVALID, "a frame holds less than it says");
	if (!rc && from.pos < len) rc = err_set(e, ERR_INVALID, "bytes behind the frame");
	keep_little(p);
	return rc;
}

unsigned pack_dict_of(const void *in, size_t len)
{
	return ZSTD_getDictID_fromFrame(in, len);
}

bool pack_is(const void *in, size_t len)
{
	static const unsigned char magic[] = {0x28, 0xb5, 0x2f, 0xfd}; /* RFC 8878 section 3.1.1 */
	return len > sizeof magic && memcmp(in, magic, sizeof magic) == 0;
}
