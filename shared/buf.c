/* See buf.h. */
#include "shared/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char empty[1];

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.data = empty, .max = max};
}

void buf_release(struct buf *b)
{
	if (b->cap) free(b->data);
	buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
	if (b->cap) explicit_bzero(b->data, b->cap);
	b->len = 0;
	b->bad = b->full = false;
}

char *buf_reserve(struct buf *b, size_t len)
{
	if (b->bad) return NULL;
	if (len > b->max - b->len) {
		b->full = true;
		goto bad;
	}
	if (b->len + len + 1 > b->cap) {
		size_t cap = b->cap ? b->cap : 128;
		while (cap < b->len + len + 1)
			cap *= 2;
		char *p = realloc(b->cap ? b->data : NULL, cap);
		if (!p) goto bad;
		b->data = p;
		b->cap = cap;
		b->data[b->len] = '\0';
	}
	return b->data + b->len;
bad:
	b->bad = true;
	return NULL;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	char *p = buf_reserve(b, len);
	if (!p) return;
	if (len) memcpy(p, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
	if (b->len + 1 < b->cap && b->len < b->max && !b->bad) {
		b->data[b->len++] = c;
		b->data[b->len] = '\0';
	} else {
		buf_add(b, &c, 1);
	}
}

void buf_addi(struct buf *b, int64_t v)
{
	char digits[20];
	size_t n = sizeof digits;
	uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	do
		digits[--n] = (char)('0' + left % 10);
	while (left /= 10);
	if (v < 0) buf_addc(b, '-');
	buf_add(b, digits + n, sizeof digits - n);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->bad = true;
		return;
	}
	char *p = buf_reserve(b, (size_t)n);
	if (!p) return;
	va_start(ap, fmt);
	(void)vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

char *buf_steal(struct buf *b, size_t *len)
{
	if (b->bad || !buf_reserve(b, 0)) {
		buf_release(b);
		return NULL;
	}
	char *p = b->data;
	if (len) *len = b->len;
	buf_init(b, b->max);
	return p;
}
