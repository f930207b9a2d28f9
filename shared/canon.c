/* See canon.h. Called by the ledger for each body and by both ends of the exchange; no state. */
#include "shared/canon.h"

#include <stdlib.h>
#include <string.h>

#define SAFE_INT 9007199254740991LL /* 2^53 - 1 */
#define FEW      32                 /* members that are sorted on the stack */

void canon_string(struct buf *out, const char *s, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	buf_addc(out, '"');
	size_t from = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c >= 0x20 && c != '"' && c != '\\') continue;
		buf_add(out, s + from, i - from);
		from = i + 1;
		switch (c) {
		case '"': buf_adds(out, "\\\""); break;
		case '\\': buf_adds(out, "\\\\"); break;
		case '\b': buf_adds(out, "\\b"); break;
		case '\t': buf_adds(out, "\\t"); break;
		case '\n': buf_adds(out, "\\n"); break;
		case '\f': buf_adds(out, "\\f"); break;
		case '\r': buf_adds(out, "\\r"); break;
		default: {
			char u[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
			buf_add(out, u, sizeof u);
		}
		}
	}
	buf_add(out, s + from, len - from);
	buf_addc(out, '"');
}

struct member {
	const char *key;
	const json_t *value;
};

/* By the bytes of their keys. Objects are small and nearly in order: insertion beats the library's sort. */
static void sort(struct member *m, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct member one = m[i];
		size_t to = i;
		for (; to > 0 && strcmp(m[to - 1].key, one.key) > 0; to--)
			m[to] = m[to - 1];
		m[to] = one;
	}
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static bool is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s > 0x7e) return false;
	return true;
}

void canon_compact(const json_t *v, struct buf *out)
{
	size_t i;
	json_t *item;
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		buf_addc(out, '{');
		for (void *it = json_object_iter((json_t *)v), *first = it; it;
		     it = json_object_iter_next((json_t *)v, it)) {
			const char *key = json_object_iter_key(it);
			if (it != first) buf_addc(out, ',');
			canon_string(out, key, strlen(key));
			buf_addc(out, ':');
			canon_compact(json_object_iter_value(it), out);
		}
		buf_addc(out, '}');
		break;
	case JSON_ARRAY:
		buf_addc(out, '[');
		json_array_foreach(v, i, item) {
			if (i) buf_addc(out, ',');
			canon_compact(item, out);
		}
		buf_addc(out, ']');
		break;
	case JSON_STRING: canon_string(out, json_string_value(v), json_string_length(v)); break;
	case JSON_INTEGER: buf_addi(out, json_integer_value(v)); break;
	case JSON_TRUE: buf_adds(out, "true"); break;
	case JSON_FALSE: buf_adds(out, "false"); break;
	case JSON_NULL: buf_adds(out, "null"); break;
	case JSON_REAL: buf_addf(out, "%.17g", json_real_value(v)); break;
	}
}

static int write_members(const struct member *m, size_t n, struct buf *out, struct err *e)
{
	buf_addc(out, '{');
	for (size_t i = 0; i < n; i++) {
		if (!is_ascii(m[i].key)) return err_set(e, ERR_INVALID, "a key is not ASCII");
		if (i) buf_addc(out, ',');
		canon_string(out, m[i].key, strlen(m[i].key));
		buf_addc(out, ':');
		int rc = canon_write(m[i].value, out, e);
		if (rc) return rc;
	}
	buf_addc(out, '}');
	return ERR_OK;
}

static int write_object(const json_t *v, struct buf *out, struct err *e)
{
	struct member few[FEW], *m = few;
	size_t n = json_object_size(v), i = 0;
	if (n > FEW && !(m = malloc(n * sizeof *m))) return err_set(e, ERR_NOMEM, "canonical JSON");
	for (void *it = json_object_iter((json_t *)v); it; it = json_object_iter_next((json_t *)v, it))
		m[i++] = (struct member){json_object_iter_key(it), json_object_iter_value(it)};
	if (m == few)
		sort(m, n);
	else
		qsort(m, n, sizeof *m, by_bytes);
	int rc = write_members(m, n, out, e);
	if (m != few) free(m);
	return rc;
}

static int write_array(const json_t *v, struct buf *out, struct err *e)
{
	size_t i;
	json_t *item;
	int rc = ERR_OK;
	buf_addc(out, '[');
	json_array_foreach(v, i, item) {
		if (i) buf_addc(out, ',');
		rc = canon_write(item, out, e);
		if (rc) break;
	}
	buf_addc(out, ']');
	return rc;
}

int canon_write(const json_t *v, struct buf *out, struct err *e)
{
	int rc = ERR_OK;
	switch (json_typeof(v)) {
	case JSON_OBJECT: rc = write_object(v, out, e); break;
	case JSON_ARRAY: rc = write_array(v, out, e); break;
	case JSON_STRING: canon_string(out, json_string_value(v), json_string_length(v)); break;
	case JSON_INTEGER: {
		json_int_t n = json_integer_value(v);
		if (n > SAFE_INT || n < -SAFE_INT) return err_set(e, ERR_INVALID, "an integer is out of range");
		buf_addi(out, n);
		break;
	}
	case JSON_TRUE: buf_adds(out, "true"); break;
	case JSON_FALSE: buf_adds(out, "false"); break;
	case JSON_NULL: buf_adds(out, "null"); break;
	case JSON_REAL: return err_set(e, ERR_INVALID, "a number is not an integer");
	}
	if (!rc && out->full) rc = err_set(e, ERR_INVALID, "canonical JSON is too large");
	if (!rc && out->bad) rc = err_set(e, ERR_NOMEM, "canonical JSON");
	return rc;
}
