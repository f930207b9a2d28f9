/* See form.h. Called by the public pages at box and county. */
#include "shared/public/form.h"

#include "shared/text.h"

#include <string.h>
#include <strings.h>

#define MEDIA "application/x-www-form-urlencoded"

bool form_is(const char *content_type)
{
	size_t n = sizeof MEDIA - 1;
	if (!content_type || strncasecmp(content_type, MEDIA, n) != 0) return false;
	return content_type[n] == '\0' || content_type[n] == ';' || content_type[n] == ' ';
}

static int hex(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Where the value of NAME begins; LEN where it is not there. */
static size_t find(const char *body, size_t len, const char *name)
{
	size_t n = strlen(name), at = 0;
	while (at < len) {
		if (len - at > n && memcmp(body + at, name, n) == 0 && body[at + n] == '=') return at + n + 1;
		const char *next = memchr(body + at, '&', len - at);
		at = next ? (size_t)(next - body) + 1 : len;
	}
	return len;
}

bool form_value(const char *body, size_t len, const char *name, char *out, size_t cap)
{
	size_t used = 0;
	for (size_t at = find(body, len, name); at < len && body[at] != '&'; at++) {
		char c = body[at] == '+' ? ' ' : body[at];
		if (c == '%' && len - at > 2 && hex(body[at + 1]) >= 0 && hex(body[at + 2]) >= 0) {
			c = (char)(hex(body[at + 1]) * 16 + hex(body[at + 2]));
			at += 2;
		}
		if (used + 1 == cap) {
			out[0] = '\0';
			return false;
		}
		out[used++] = c;
	}
	out[used] = '\0';
	return strlen(out) == used && text_utf8_valid(out, used);
}
