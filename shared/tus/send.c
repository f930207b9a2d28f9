/* See send.h. Called by the gateway for phones, by the county for departments and boxes. */
#include "shared/tus/send.h"

#include "shared/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct range {
	int64_t from, to; /* bytes, both ends in it */
};

/* A number at *P, which moves behind it; -1 when there is none. */
static int64_t number(const char **p)
{
	char *end = NULL;
	if (**p < '0' || **p > '9') return -1;
	errno = 0;
	long long v = strtoll(*p, &end, 10);
	*p = end;
	return errno ? INT64_MAX : v;
}

enum wanted { WHOLE, PART, NONE };

/* RFC 9110 section 14: one range; what is malformed, or several, is as none asked for. */
static enum wanted read_range(const char *text, int64_t size, struct range *r)
{
	*r = (struct range){0, size - 1};
	if (!text || strncmp(text, "bytes=", 6) != 0) return WHOLE;
	const char *p = text + 6;
	int64_t from = number(&p);
	if (*p++ != '-') return WHOLE;
	int64_t to = number(&p);
	if (*p || (from < 0 && to < 0) || (from >= 0 && to >= 0 && to < from)) return WHOLE;
	if (from >= size || (from < 0 && to == 0)) return NONE;
	if (from < 0)
		r->from = to < size ? size - to : 0; /* the last so many */
	else
		*r = (struct range){from, to >= 0 && to < size ? to : size - 1};
	return PART;
}

struct reading {
	struct blob *blob;
	int64_t from;
};

static int read_some(void *arg, int64_t off, void *out, size_t len)
{
	struct reading *r = arg;
	struct err e = {0};
	return blob_read(r->blob, r->from + off, out, len, &e);
}

static void read_end(void *arg)
{
	struct reading *r = arg;
	blob_close(r->blob);
	free(r);
}

static void say_what(struct http_req *req, const char *hex, enum sniff_media media)
{
	static const char *const ends[SNIFF_MEDIA_COUNT] = {[SNIFF_JPEG] = ".jpg",
	                                                    [SNIFF_PNG] = ".png",
	                                                    [SNIFF_WEBP] = ".webp",
	                                                    [SNIFF_HEIC] = ".heic",
	                                                    [SNIFF_PDF] = ".pdf"};
	char text[128];
	(void)snprintf(text, sizeof text, "%s; filename=\"%.16s%s\"", media == SNIFF_NONE ? "attachment" : "inline",
	               hex, ends[media] ? ends[media] : "");
	http_reply_header(req, "Content-Disposition", text);
	(void)snprintf(text, sizeof text, "\"%s\"", hex);
	http_reply_header(req, "ETag", text);
	http_reply_header(req, "Accept-Ranges", "bytes");
	http_reply_header(req, "Cache-Control", "private, no-store");
	http_reply_header(req, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox");
}

static void answer(struct http_req *req, struct blob *b, const char *hex, enum sniff_media media)
{
	struct range r;
	char text[64];
	int64_t size = blob_size(b);
	enum wanted what = read_range(http_req_header(req, "Range"), size, &r);
	struct reading *reading = what == NONE ? NULL : malloc(sizeof *reading);
	if (!reading) {
		blob_close(b);
		(void)snprintf(text, sizeof text, "bytes */%lld", (long long)size);
		if (what == NONE) http_reply_header(req, "Content-Range", text);
		http_problem_code(req, what == NONE ? PROBLEM_RANGE : PROBLEM_BUSY, NULL);
		return;
	}
	*reading = (struct reading){.blob = b, .from = r.from};
	say_what(req, hex, media);
	(void)snprintf(text, sizeof text, "bytes %lld-%lld/%lld", (long long)r.from, (long long)r.to, (long long)size);
	if (what == PART) http_reply_header(req, "Content-Range", text);
	const struct http_content content = {.read = read_some, .release = read_end, .arg = reading};
	http_reply_content(req, what == PART ? 206 : 200, sniff_media_type(media), r.to - r.from + 1, &content);
}

int tus_send(struct http_req *req, struct blob_store *store, const uint8_t sha256[DIGEST_LEN], struct err *e)
{
	char hex[TEXT_HEX_LEN(DIGEST_LEN)];
	struct blob *b = NULL;
	enum sniff_media media = SNIFF_NONE;
	int rc = blob_open(store, sha256, &b, e);
	if (!rc) rc = blob_media(b, &media, e);
	if (rc) {
		blob_close(b);
		return rc;
	}
	text_hex(sha256, DIGEST_LEN, hex);
	answer(req, b, hex, media);
	return ERR_OK;
}
