/* See fill.h. Used by the setup page and by `xinke poster`; no state. */
#include "gateway/fill.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN 32

static void add_escaped(struct buf *out, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&': buf_adds(out, "&amp;"); break;
		case '<': buf_adds(out, "&lt;"); break;
		case '>': buf_adds(out, "&gt;"); break;
		case '"': buf_adds(out, "&quot;"); break;
		case '\'': buf_adds(out, "&#39;"); break;
		default: buf_addc(out, *s);
		}
	}
}

static const struct fill_value *find(const struct fill_value *values, const char *name, size_t len)
{
	for (; values->name; values++)
		if (strlen(values->name) == len && strncmp(values->name, name, len) == 0) return values;
	return NULL;
}

/* Behind the end of the part of V, which is left out; NULL where it has none. */
static const char *skip(const char *p, const struct fill_value *v)
{
	char end[NAME_MAX_LEN + 6];
	(void)snprintf(end, sizeof end, "{{/%s}}", v->name);
	const char *at = strstr(p, end);
	return at ? at + strlen(end) : NULL;
}

int fill(const char *page, const struct fill_value *values, struct buf *out, struct err *e)
{
	for (const char *p = page; *p;) {
		const char *open = strstr(p, "{{"), *close = open ? strstr(open, "}}") : NULL;
		if (!close) {
			buf_adds(out, p);
			break;
		}
		buf_add(out, p, (size_t)(open - p));
		const char *name = open + 2;
		char sign = *name == '?' || *name == '/' ? *name++ : '\0';
		size_t len = (size_t)(close - name);
		const struct fill_value *v = len <= NAME_MAX_LEN ? find(values, name, len) : NULL;
		p = close + 2;
		if (v && sign == '?' && !v->value) p = skip(p, v);
		if (!v || !p || (!sign && !v->value))
			return err_set(e, ERR_INVALID, "a page has no value for {{%.*s}}", (int)(len & 0xff), name);
		if (!sign) add_escaped(out, v->value);
	}
	return out->bad ? err_set(e, ERR_NOMEM, "a page") : ERR_OK;
}
