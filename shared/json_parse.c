/* See json_parse.h. Pure functions, any thread.
 *
 * A scan over the bytes comes first: it bounds the nesting before jansson recurses (its own limit is 2048) and it
 * judges integers while their place is still known. All other syntax is left to jansson, whose messages quote the
 * input and are therefore replaced by our own. */
#include "shared/json_parse.h"

#include <stdbool.h>
#include <string.h>

/* From the opening quote at I to the index after the closing one, or LEN when it is missing. */
static size_t skip_string(const char *s, size_t len, size_t i)
{
	for (i++; i < len && s[i] != '"'; i++)
		if (s[i] == '\\') i++;
	return i < len ? i + 1 : len;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The number at I: sets NEXT to where it ends; false when it is an integer that a double cannot hold exactly. */
static bool number_fits(const char *s, size_t len, size_t i, size_t *next)
{
	unsigned long long v = 0;
	bool whole = true, fits = true;
	for (; i < len && (is_digit(s[i]) || memchr("+-.eE", s[i], 5)); i++) {
		if (!is_digit(s[i])) {
			if (s[i] != '-') whole = false;
			continue;
		}
		if (v <= (unsigned long long)JSON_PARSE_INT_MAX) v = v * 10 + (unsigned long long)(s[i] - '0');
		if (v > (unsigned long long)JSON_PARSE_INT_MAX) fits = false;
	}
	*next = i;
	return !whole || fits;
}

static int scan(const char *s, size_t len, unsigned depth_max, struct err *e)
{
	unsigned depth = 0;
	for (size_t i = 0; i < len;) {
		char c = s[i];
		if (c == '"') {
			i = skip_string(s, len, i);
		} else if (c == '[' || c == '{') {
			if (++depth > depth_max)
				return err_set(e, ERR_INVALID, "nested deeper than %u at byte %zu", depth_max, i);
			i++;
		} else if (c == ']' || c == '}') {
			if (depth) depth--;
			i++;
		} else if (c == '-' || is_digit(c)) {
			size_t start = i;
			if (!number_fits(s, len, i, &i))
				return err_set(e, ERR_INVALID, "integer beyond 2^53-1 at byte %zu", start);
		} else {
			i++;
		}
	}
	return ERR_OK;
}

static const char *reason(const json_error_t *je)
{
	switch (json_error_code(je)) {
	case json_error_invalid_utf8: return "invalid UTF-8";
	case json_error_premature_end_of_input: return "ends too early";
	case json_error_end_of_input_expected: return "something follows the value";
	case json_error_duplicate_key: return "duplicate key";
	case json_error_numeric_overflow: return "number out of range";
	case json_error_null_character:
	case json_error_null_byte_in_key: return "NUL character";
	case json_error_stack_overflow: return "nested too deep";
	default: return "syntax error";
	}
}

int json_parse_strict(const char *text, size_t len, unsigned depth_max, json_t **out, struct err *e)
{
	*out = NULL;
	if (len == 0) return err_set(e, ERR_INVALID, "empty at byte 0");
	const char *nul = memchr(text, '\0', len);
	if (nul) return err_set(e, ERR_INVALID, "NUL character at byte %zu", (size_t)(nul - text));
	int rc = scan(text, len, depth_max, e);
	if (rc) return rc;
	json_error_t je;
	json_t *v = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
	if (v) {
		*out = v;
		return ERR_OK;
	}
	/* without memory jansson often fails with no text at all */
	if (json_error_code(&je) == json_error_out_of_memory || je.text[0] == '\0')
		return err_set(e, ERR_NOMEM, "out of memory");
	size_t at = je.position > 0 ? (size_t)je.position : 0;
	return err_set(e, ERR_INVALID, "%s at byte %zu", reason(&je), at);
}
