/* See web_list.h. Called by web.c when the list has changed and once a request. The parsed JSON is kept: rows point into it. */
#include "gateway/web_list.h"

#include "shared/json_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEPTH 3 /* array, row, encodings */

struct web_list {
	json_t *json;
	size_t n;
	struct web_file files[]; /* by path */
};

static const char *const encodings[WEB_ENCODINGS] = {[WEB_BR] = "br", [WEB_GZIP] = "gzip", [WEB_IDENTITY] = "identity"};

const char *web_encoding_name(enum web_encoding c)
{
	return encodings[c];
}

/* --- reading --- */

/* Segments of letters, digits and ._- that do not begin with a dot: no empty one, no way up, nothing hidden. */
static bool name_good(const char *s)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t len = s ? strlen(s) : 0;
	if (!len || len >= WEB_PATH_MAX - 1) return false;
	for (;; s++) {
		size_t n = strspn(s, allowed);
		if (!n || *s == '.') return false;
		s += n;
		if (!*s) return true;
		if (*s != '/') return false;
	}
}

static bool path_good(const char *s)
{
	return s && *s == '/' && name_good(s + 1);
}

static bool type_good(const char *s)
{
	if (!s || strlen(s) > 100 || !strchr(s, '/')) return false;
	while (*s >= ' ' && *s < 0x7f)
		s++;
	return !*s;
}

static bool etag_good(const char *s)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t n = s ? strlen(s) : 0;
	return n >= 8 && n <= 64 && strspn(s, allowed) == n;
}

/* What is wrong with the row; NULL when nothing is. */
static const char *read_row(const json_t *row, struct web_file *f)
{
	const json_t *immutable = json_object_get(row, "immutable"), *forms = json_object_get(row, "encodings");
	*f = (struct web_file){.path = json_string_value(json_object_get(row, "path")),
	                       .type = json_string_value(json_object_get(row, "type")),
	                       .etag = json_string_value(json_object_get(row, "etag")),
	                       .immutable = json_is_true(immutable)};
	if (!path_good(f->path)) return "path";
	if (!type_good(f->type)) return "type";
	if (!etag_good(f->etag)) return "etag";
	if (!json_is_boolean(immutable)) return "immutable";
	for (size_t c = 0; c < WEB_ENCODINGS; c++) {
		const json_t *name = json_object_get(forms, encodings[c]);
		f->file[c] = json_string_value(name);
		if (name && !name_good(f->file[c])) return encodings[c];
	}
	return f->file[WEB_IDENTITY] ? NULL : encodings[WEB_IDENTITY];
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct web_file *)a)->path, ((const struct web_file *)b)->path);
}

static int read_rows(struct web_list *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		const char *wrong = read_row(json_array_get(l->json, i), &l->files[i]);
		if (wrong) return err_set(e, ERR_INVALID, "row %zu: %s is missing or wrong", i, wrong);
	}
	qsort(l->files, l->n, sizeof *l->files, by_path);
	for (size_t i = 1; i < l->n; i++)
		if (strcmp(l->files[i - 1].path, l->files[i].path) == 0)
			return err_set(e, ERR_INVALID, "%s stands there twice", l->files[i].path);
	return ERR_OK;
}

int web_list_parse(const char *text, size_t len, struct web_list **out, struct err *e)
{
	json_t *json = NULL;
	*out = NULL;
	if (len > WEB_LIST_BYTES_MAX) return err_set(e, ERR_INVALID, "more than %d bytes", WEB_LIST_BYTES_MAX);
	int rc = json_parse_strict(text, len, DEPTH, &json, e);
	if (rc) return rc;
	size_t n = json_array_size(json); /* 0 for what is no array */
	if (!n || n > WEB_FILES_MAX) rc = err_set(e, ERR_INVALID, "an array of 1 to %d files is wanted", WEB_FILES_MAX);
	struct web_list *l = rc ? NULL : calloc(1, sizeof *l + n * sizeof *l->files);
	if (!l) {
		json_decref(json);
		return rc ? rc : err_set(e, ERR_NOMEM, "list of files");
	}
	l->json = json;
	l->n = n;
	rc = read_rows(l, e);
	if (rc)
		web_list_free(l);
	else
		*out = l;
	return rc;
}

void web_list_free(struct web_list *l)
{
	if (!l) return;
	json_decref(l->json);
	free(l);
}

size_t web_list_count(const struct web_list *l)
{
	return l->n;
}

const struct web_file *web_list_at(const struct web_list *l, size_t i)
{
	return &l->files[i];
}

const struct web_file *web_list_find(const struct web_list *l, const char *path)
{
	const struct web_file key = {.path = path};
	return bsearch(&key, l->files, l->n, sizeof *l->files, by_path);
}

/* --- choosing --- */

/* Is this a weight of nothing: ";q=0", ";q=0.000", with spaces as they may stand? */
static bool refused(const char *params, size_t len)
{
	const char *end = params + len, *p = memchr(params, ';', len);
	if (!p) return false;
	for (p++; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	if (end - p < 3 || (*p != 'q' && *p != 'Q') || p[1] != '=' || p[2] != '0') return false;
	for (p += 3; p < end && (*p == '.' || *p == '0'); p++)
		;
	return p == end || *p < '1' || *p > '9';
}

static bool accepts(const char *header, const char *coding)
{
	size_t want = strlen(coding);
	bool any = false;
	for (const char *p = header; *p; p += strcspn(p, ","), p += strspn(p, ", \t")) {
		size_t len = strcspn(p, ","), name = strcspn(p, ";, \t");
		if (name == want && strncasecmp(p, coding, want) == 0) return !refused(p, len);
		if (name == 1 && *p == '*') any = !refused(p, len);
	}
	return any;
}

enum web_encoding web_encoding_pick(const struct web_file *f, const char *accept)
{
	for (enum web_encoding c = 0; accept && c < WEB_IDENTITY; c++)
		if (f->file[c] && accepts(accept, encodings[c])) return c;
	return WEB_IDENTITY;
}

void web_etag(const struct web_file *f, enum web_encoding c, char out[WEB_ETAG_MAX])
{
	(void)snprintf(out, WEB_ETAG_MAX, "\"%s%s%s\"", f->etag, c == WEB_IDENTITY ? "" : "-",
	               c == WEB_IDENTITY ? "" : encodings[c]);
}

bool web_etag_matches(const char *header, const char *tag)
{
	size_t want = strlen(tag);
	for (const char *p = header ? header : ""; *p; p += strcspn(p, ","), p += strspn(p, ", \t")) {
		if (*p == '*') return true;
		if (strncmp(p, "W/", 2) == 0) p += 2;
		if (strcspn(p, ", \t") == want && strncmp(p, tag, want) == 0) return true;
	}
	return false;
}
