/* See bits.h. No state; called by the column form's writer and reader. */
#include "sync/engine/bits.h"

#include "shared/text.h"

#include <assert.h>
#include <stdlib.h>

void bits_out_init(struct bits_out *o, size_t max)
{
	*o = (struct bits_out){0};
	buf_init(&o->bytes, max);
}

void bits_out_release(struct bits_out *o)
{
	buf_release(&o->bytes);
}

void bits_put(struct bits_out *o, uint64_t v, unsigned width)
{
	assert(width <= BITS_WIDTH_MAX);
	for (unsigned left = width; left;) {
		unsigned room = 8 - o->n, take = left < room ? left : room;
		uint64_t part = v >> (left - take) & ((1u << take) - 1);
		o->last = (uint8_t)(o->last | part << (room - take));
		o->n += take;
		left -= take;
		if (o->n < 8) break;
		buf_addc(&o->bytes, (char)o->last);
		o->last = 0;
		o->n = 0;
	}
}

/* Binary digits of V, which is not 0. */
static unsigned digits_of(uint64_t v)
{
	return 64 - (unsigned)__builtin_clzll(v);
}

unsigned bits_golomb_width(uint64_t v, unsigned k)
{
	return 2 * digits_of(v + (1ULL << k)) - k - 1;
}

void bits_put_golomb(struct bits_out *o, uint64_t v, unsigned k)
{
	uint64_t whole = v + (1ULL << k);
	unsigned n = digits_of(whole);
	bits_put(o, 0, n - k - 1);
	bits_put(o, whole, n);
}

bool bits_text(struct bits_out *o, struct buf *text)
{
	if (o->n) buf_addc(&o->bytes, (char)o->last);
	o->n = 0;
	if (o->bytes.bad) return false;
	char *to = buf_reserve(text, TEXT_B64_LEN(o->bytes.len));
	if (!to) return false;
	text->len += text_b64url(o->bytes.data, o->bytes.len, to);
	return true;
}

bool bits_in_init(struct bits_in *in, const char *text, size_t len, bool *nomem)
{
	*in = (struct bits_in){0};
	size_t cap = len / 4 * 3 + 3;
	in->data = malloc(cap);
	*nomem = !in->data;
	long n = in->data ? text_unb64(text, len, in->data, cap) : -1;
	if (n < 0) return false;
	in->len = (size_t)n * 8;
	return true;
}

void bits_in_release(struct bits_in *in)
{
	free(in->data);
	*in = (struct bits_in){0};
}

uint64_t bits_get(struct bits_in *in, unsigned width)
{
	uint64_t v = 0;
	if (width > in->len - in->at) in->bad = true;
	if (in->bad) return 0;
	for (unsigned left = width; left;) {
		unsigned room = 8 - in->at % 8, take = left < room ? left : room;
		v = v << take | ((uint64_t)in->data[in->at / 8] >> (room - take) & ((1u << take) - 1));
		in->at += take;
		left -= take;
	}
	return v;
}

uint64_t bits_get_golomb(struct bits_in *in, unsigned k)
{
	unsigned zeros = 0;
	while (!in->bad && bits_get(in, 1) == 0)
		zeros++;
	if (zeros + k >= BITS_WIDTH_MAX) in->bad = true;
	if (in->bad) return 0;
	return (1ULL << (zeros + k) | bits_get(in, zeros + k)) - (1ULL << k);
}

bool bits_end(const struct bits_in *in)
{
	if (in->bad || in->len - in->at >= 8) return false;
	for (size_t i = in->at; i < in->len; i++)
		if (in->data[i / 8] >> (7 - i % 8) & 1) return false;
	return true;
}
