/* See text.h. Pure functions, no state; called from every part, on bytes that came from anywhere.
 *
 * Decoders are strict on purpose: one value has one accepted spelling, so a token or a hash cannot be presented
 * in a second form that compares differently. */
#include "shared/text.h"

void text_hex(const void *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = bytes;
	for (size_t i = 0; i < n; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	if (c >= 'a' && c <= 'f') return c - 'a' + 10;
	if (c >= 'A' && c <= 'F') return c - 'A' + 10;
	return -1;
}

bool text_unhex(const char *s, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		/* a NUL is no digit, so a short S ends the loop before it is passed */
		int hi = hex_value(s[2 * i]);
		if (hi < 0) return false;
		int lo = hex_value(s[2 * i + 1]);
		if (lo < 0) return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return s[2 * n] == '\0';
}

static size_t encode(const uint8_t *p, size_t n, char *out, const char *last_two, bool pad)
{
	static const char common[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	char *o = out;
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t v = (uint32_t)p[i] << 16;
		if (left > 1) v |= (uint32_t)p[i + 1] << 8;
		if (left > 2) v |= p[i + 2];
		for (size_t k = 0; k < 4; k++) {
			uint32_t six = v >> (18 - 6 * k) & 63;
			if (k <= left)
				*o++ = six < 62 ? common[six] : last_two[six - 62];
			else if (pad)
				*o++ = '=';
		}
	}
	*o = '\0';
	return (size_t)(o - out);
}

size_t text_b64(const void *bytes, size_t n, char *out)
{
	return encode(bytes, n, out, "+/", true);
}

size_t text_b64url(const void *bytes, size_t n, char *out)
{
	return encode(bytes, n, out, "-_", false);
}

static int b64_value(char c)
{
	if (c >= 'A' && c <= 'Z') return c - 'A';
	if (c >= 'a' && c <= 'z') return c - 'a' + 26;
	if (c >= '0' && c <= '9') return c - '0' + 52;
	if (c == '+' || c == '-') return 62;
	if (c == '/' || c == '_') return 63;
	return -1;
}

long text_unb64(const char *s, size_t len, uint8_t *out, size_t cap)
{
	if (len && len % 4 == 0 && s[len - 1] == '=') len -= s[len - 2] == '=' ? 2 : 1;
	if (len % 4 == 1) return -1;
	if (len / 4 * 3 + (len % 4 ? len % 4 - 1 : 0) > cap) return -1;
	uint32_t v = 0;
	unsigned bits = 0;
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		int six = b64_value(s[i]);
		if (six < 0) return -1;
		v = v << 6 | (uint32_t)six;
		bits += 6;
		if (bits < 8) continue;
		bits -= 8;
		out[n++] = (uint8_t)(v >> bits);
		v &= (1u << bits) - 1;
	}
	return v == 0 ? (long)n : -1; /* left-over bits that are set would be a second spelling of the same bytes */
}

/* Bytes of the sequence that starts at S (LEN > 0 left) with its code point in CP, or 0 when it is malformed. */
static size_t decode(const char *s, size_t len, uint32_t *cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t c = (uint8_t)s[0];
	size_t n;
	if (c < 0x80) {
		*cp = c;
		return 1;
	}
	if (c >= 0xC2 && c <= 0xDF)
		n = 2;
	else if (c >= 0xE0 && c <= 0xEF)
		n = 3;
	else if (c >= 0xF0 && c <= 0xF4)
		n = 4;
	else
		return 0;
	if (n > len) return 0;
	uint32_t v = c & (0x7Fu >> n);
	for (size_t i = 1; i < n; i++) {
		uint8_t t = (uint8_t)s[i];
		if ((t & 0xC0) != 0x80) return 0;
		v = v << 6 | (t & 0x3Fu);
	}
	if (v < least[n] || v > 0x10FFFF || (v >= 0xD800 && v <= 0xDFFF)) return 0;
	*cp = v;
	return n;
}

bool text_utf8_valid(const char *s, size_t len)
{
	uint32_t cp;
	for (size_t i = 0; i < len;) {
		size_t n = decode(s + i, len - i, &cp);
		if (n == 0) return false;
		i += n;
	}
	return true;
}

size_t text_utf8_count(const char *s, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++)
		n += ((uint8_t)s[i] & 0xC0) != 0x80;
	return n;
}

bool text_has_control(const char *s, size_t len, bool newlines_ok)
{
	uint32_t cp;
	for (size_t i = 0; i < len;) {
		size_t n = decode(s + i, len - i, &cp);
		if (n == 0) return true; /* not UTF-8 after all: nothing that a caller should let through */
		i += n;
		if (newlines_ok && (cp == '\n' || cp == '\t')) continue;
		if (cp < 0x20 || (cp >= 0x7F && cp <= 0x9F)) return true;
		if ((cp >= 0xFDD0 && cp <= 0xFDEF) || (cp & 0xFFFE) == 0xFFFE) return true;
	}
	return false;
}

bool text_equal_const(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *x = a, *y = b; /* volatile: the compiler may not stop at the first difference */
	uint8_t diff = 0;
	for (size_t i = 0; i < n; i++)
		diff = (uint8_t)(diff | (x[i] ^ y[i]));
	return diff == 0;
}
