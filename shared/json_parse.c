/* See json_parse.h. Pure functions, any thread.
 *
 * A reader of our own, which makes jansson's values but does not use its lexer: that one ignores a token buffer that
 * could not grow (akheron/jansson#362), so where memory runs out it drops bytes of a string in silence, or aborts. Here
 * want of memory is ERR_NOMEM and nothing else. The nesting is bounded, so the recursion is. */
#include "shared/json_parse.h"

#include "shared/buf.h"
#include "shared/text.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	const char *s;
	size_t len, at;
	unsigned depth, depth_max;
	int rc; /* the first error */
	struct err *e;
};

static json_t *value(struct reader *r);

static json_t *refuse_at(struct reader *r, const char *why, size_t at)
{
	if (!r->rc) r->rc = err_set(r->e, ERR_INVALID, "%s at byte %zu", why, at);
	return NULL;
}

static json_t *refuse(struct reader *r, const char *why)
{
	return refuse_at(r, why, r->at);
}

static json_t *no_memory(struct reader *r)
{
	if (!r->rc) r->rc = err_set(r->e, ERR_NOMEM, "out of memory");
	return NULL;
}

/* What stands here does not belong here; tells the byte after it. */
static json_t *unexpected(struct reader *r)
{
	if (r->at >= r->len) return refuse(r, "ends too early");
	do
		r->at++;
	while (r->at < r->len && ((unsigned char)r->s[r->at] & 0xC0) == 0x80);
	return refuse(r, "syntax error");
}

static int peek(struct reader *r)
{
	while (r->at < r->len && memchr(" \t\r\n", r->s[r->at], 4))
		r->at++;
	return r->at < r->len ? (unsigned char)r->s[r->at] : -1;
}

/* --- strings --- */

static bool hex4(struct reader *r, uint32_t *out)
{
	*out = 0;
	for (int i = 0; i < 4; i++) {
		char c = r->at < r->len ? r->s[r->at] : '\0';
		unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
		                 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
		                 : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
		                                        : 16;
		if (digit == 16) {
			(void)unexpected(r);
			return false;
		}
		*out = *out << 4 | digit;
		r->at++;
	}
	return true;
}

static void add_utf8(struct buf *b, uint32_t c)
{
	char out[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0x00, 0xC0, 0xE0, 0xF0};
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3F));
	out[0] = (char)(lead[n] | c);
	buf_add(b, out, n);
}

/* The four digits behind \u, and the second half where they are the first of a pair. */
static bool unicode_escape(struct reader *r, struct buf *b)
{
	uint32_t c, low;
	if (!hex4(r, &c)) return false;
	if (c == 0) {
		(void)refuse(r, "NUL character");
		return false;
	}
	if (c >= 0xD800 && c <= 0xDFFF) {
		bool pair = c <= 0xDBFF && r->len - r->at >= 2 && memcmp(r->s + r->at, "\\u", 2) == 0;
		if (pair) r->at += 2;
		if (!pair) {
			(void)unexpected(r);
			return false;
		}
		if (!hex4(r, &low)) return false;
		if (low < 0xDC00 || low > 0xDFFF) {
			(void)refuse(r, "syntax error");
			return false;
		}
		c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
	}
	add_utf8(b, c);
	return true;
}

static bool escape(struct reader *r, struct buf *b)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	if (r->at < r->len && r->s[r->at] == 'u') {
		r->at++;
		return unicode_escape(r, b);
	}
	const char *p = r->at < r->len ? memchr(from, r->s[r->at], sizeof from - 1) : NULL;
	if (!p) {
		(void)unexpected(r);
		return false;
	}
	buf_addc(b, to[p - from]);
	r->at++;
	return true;
}

/* Reads the string that begins here into B. */
static bool string(struct reader *r, struct buf *b)
{
	size_t from = ++r->at;
	for (;;) {
		unsigned char c = r->at < r->len ? (unsigned char)r->s[r->at] : 0;
		if (c >= 0x20 && c != '"' && c != '\\') {
			r->at++;
			continue;
		}
		buf_add(b, r->s + from, r->at - from);
		if (c < 0x20) {
			(void)unexpected(r);
			return false;
		}
		r->at++;
		if (c == '"') break;
		if (!escape(r, b)) return false;
		from = r->at;
	}
	if (b->bad)
		(void)no_memory(r);
	else if (!text_utf8_valid(b->data, b->len))
		(void)refuse(r, "invalid UTF-8");
	return !r->rc;
}

/* --- values --- */

static json_t *text(struct reader *r)
{
	struct buf b;
	buf_init(&b, r->len);
	json_t *v = string(r, &b) ? json_stringn_nocheck(b.data, b.len) : NULL;
	buf_release(&b);
	return v ? v : no_memory(r);
}

static bool digits(struct reader *r)
{
	size_t from = r->at;
	while (r->at < r->len && r->s[r->at] >= '0' && r->s[r->at] <= '9')
		r->at++;
	if (r->at > from) return true;
	(void)unexpected(r);
	return false;
}

static json_t *integer(struct reader *r, size_t from)
{
	json_int_t n = 0;
	bool minus = r->s[from] == '-';
	for (size_t i = from + minus; i < r->at; i++) {
		n = n * 10 + (r->s[i] - '0');
		if (n > JSON_PARSE_INT_MAX) return refuse_at(r, "integer beyond 2^53-1", from);
	}
	json_t *v = json_integer(minus ? -n : n);
	return v ? v : no_memory(r);
}

static json_t *real(struct reader *r, size_t from)
{
	struct buf b;
	buf_init(&b, r->len);
	buf_add(&b, r->s + from, r->at - from); /* strtod wants its NUL */
	double d = strtod(b.data, NULL);
	bool bad = b.bad;
	buf_release(&b);
	if (bad) return no_memory(r);
	if (isinf(d)) return refuse(r, "number out of range");
	json_t *v = json_real(d);
	return v ? v : no_memory(r);
}

static json_t *number(struct reader *r)
{
	size_t from = r->at;
	bool whole = true;
	if (r->s[r->at] == '-') r->at++;
	bool zero = r->at < r->len && r->s[r->at] == '0';
	if (zero)
		r->at++;
	else if (!digits(r))
		return NULL;
	if (zero && r->at < r->len && r->s[r->at] >= '0' && r->s[r->at] <= '9') return unexpected(r);
	if (r->at < r->len && r->s[r->at] == '.') {
		whole = false;
		r->at++;
		if (!digits(r)) return NULL;
	}
	if (r->at < r->len && (r->s[r->at] | 32) == 'e') {
		whole = false;
		r->at++;
		if (r->at < r->len && (r->s[r->at] == '+' || r->s[r->at] == '-')) r->at++;
		if (!digits(r)) return NULL;
	}
	return whole ? integer(r, from) : real(r, from);
}

static json_t *word(struct reader *r)
{
	static const char *const words[] = {"true", "false", "null"};
	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(words[i]);
		if (r->len - r->at < n || memcmp(r->s + r->at, words[i], n) != 0) continue;
		r->at += n;
		return i == 0 ? json_true() : i == 1 ? json_false() : json_null();
	}
	return unexpected(r);
}

/* After an element: true where another follows, false at the end (the closing bracket read) or at an error. */
static bool another(struct reader *r, int close)
{
	int c = peek(r);
	if (c == ',' || c == close)
		r->at++;
	else
		(void)unexpected(r);
	return c == ',';
}

static json_t *array(struct reader *r)
{
	json_t *a = json_array();
	if (!a) return no_memory(r);
	r->at++;
	bool more = peek(r) != ']';
	if (!more) r->at++;
	while (more) {
		json_t *v = value(r);
		if (v && json_array_append_new(a, v)) (void)no_memory(r);
		more = !r->rc && another(r, ']');
	}
	return a;
}

static void member(struct reader *r, json_t *o, struct buf *name)
{
	if (peek(r) != '"') {
		(void)unexpected(r);
		return;
	}
	if (!string(r, name)) return;
	if (json_object_get(o, name->data)) {
		(void)refuse(r, "duplicate key");
		return;
	}
	if (peek(r) != ':') {
		(void)unexpected(r);
		return;
	}
	r->at++;
	json_t *v = value(r);
	if (v && json_object_set_new_nocheck(o, name->data, v)) (void)no_memory(r);
}

static json_t *object(struct reader *r)
{
	json_t *o = json_object();
	if (!o) return no_memory(r);
	r->at++;
	bool more = peek(r) != '}';
	if (!more) r->at++;
	while (more) {
		struct buf name;
		buf_init(&name, r->len);
		member(r, o, &name);
		buf_release(&name);
		more = !r->rc && another(r, '}');
	}
	return o;
}

static json_t *nested(struct reader *r, json_t *(*read)(struct reader *))
{
	if (r->depth == r->depth_max) {
		if (!r->rc)
			r->rc = err_set(r->e, ERR_INVALID, "nested deeper than %u at byte %zu", r->depth_max, r->at);
		return NULL;
	}
	r->depth++;
	json_t *v = read(r);
	r->depth--;
	if (!r->rc) return v;
	json_decref(v);
	return NULL;
}

static json_t *value(struct reader *r)
{
	int c = peek(r);
	switch (c) {
	case '{': return nested(r, object);
	case '[': return nested(r, array);
	case '"': return text(r);
	default: return c == '-' || (c >= '0' && c <= '9') ? number(r) : word(r);
	}
}

int json_parse_strict(const char *s, size_t len, unsigned depth_max, json_t **out, struct err *e)
{
	struct reader r = {.s = s, .len = len, .depth_max = depth_max, .e = e};
	*out = NULL;
	if (len == 0) return err_set(e, ERR_INVALID, "empty at byte 0");
	const char *nul = memchr(s, '\0', len);
	if (nul) return err_set(e, ERR_INVALID, "NUL character at byte %zu", (size_t)(nul - s));
	json_t *v = value(&r);
	if (!r.rc && peek(&r) >= 0) (void)refuse(&r, "something follows the value");
	if (r.rc) {
		json_decref(v);
		return r.rc;
	}
	*out = v;
	return ERR_OK;
}
