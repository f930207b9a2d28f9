/* See canon.h. Called by the ledger for each body and by both ends of the exchange; no state. */
#include "shared/canon.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SAFE_INT 9007199254740991LL /* 2^53 - 1 */

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

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s > 0x7e) return false;
	return true;
}

static int write_object(const json_t *v, struct buf *out, struct err *e)
{
	size_t n = json_object_size(v);
	const char **keys = malloc((n ? n : 1) * sizeof *keys);
	if (!keys) return err_set(e, ERR_NOMEM, "canonical JSON");
	size_t i = 0;
	int rc = ERR_OK;
	for (void *it = json_object_iter((json_t *)v); it; it = json_object_iter_next((json_t *)v, it))
		keys[i++] = json_object_iter_key(it);
	qsort(keys, n, sizeof *keys, by_bytes);
	buf_addc(out, '{');
	for (i = 0; i < n && !rc; i++) {
		if (!is_ascii(keys[i])) {
			rc = err_set(e, ERR_INVALID, "a key is not ASCII");
			break;
		}
		if (i) buf_addc(out, ',');
		canon_string(out, keys[i], strlen(keys[i]));
		buf_addc(out, ':');
		rc = canon_write(json_object_get(v, keys[i]), out, e);
	}
	buf_addc(out, '}');
	free(keys);
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
		buf_addf(out, "%" PRId64, (int64_t)n);
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
