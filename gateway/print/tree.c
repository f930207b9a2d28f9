/* See tree.h. Pure. */
#include "gateway/print/tree.h"

#include "gateway/print/qr.h"
#include "shared/fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 40
#define PATH_MAX_LEN (256 * 1024)

struct maker {
	int nodes;
	struct err *e;
};

/* Reads one character of valid UTF-8; its bytes go to *N. */
static uint32_t next_char(const char *s, size_t *n)
{
	const uint8_t *p = (const uint8_t *)s;
	*n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (*n == 1) return p[0];
	uint32_t c = p[0] & (0xffU >> (*n + 1));
	for (size_t i = 1; i < *n; i++)
		c = c << 6 | (p[i] & 0x3fU);
	return c;
}

static bool turns(uint32_t c)
{
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* XML 1.0, production Char; of the controls of Unicode none prints. */
static bool allowed(uint32_t c)
{
	if (c < 0x20) return c == '\t' || c == '\n' || c == '\r';
	return (c < 0x7f || c > 0x9f) && c != 0xfffe && c != 0xffff;
}

char *tree_text(const char *s)
{
	size_t n, len = 0;
	char *out = malloc(3 * strlen(s) + 1); /* the longest change: one byte to U+FFFD */
	if (!out) return NULL;
	for (; *s; s += n) {
		uint32_t c = next_char(s, &n);
		if (turns(c)) continue;
		size_t m = allowed(c) ? n : 3;
		memcpy(out + len, allowed(c) ? s : "\xef\xbf\xbd", m);
		len += m;
	}
	out[len] = '\0';
	return out;
}

static bool name_ok(const char *s)
{
	size_t n = strlen(s);
	return n && n <= NAME_MAX_LEN && *s >= 'a' && *s <= 'z' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static int add(struct maker *m, xmlNodePtr parent, const char *name, const json_t *v, int depth);

static int add_text(struct maker *m, xmlNodePtr at, const json_t *v)
{
	char number[32];
	char *text = NULL;
	if (json_is_integer(v)) (void)snprintf(number, sizeof number, "%lld", (long long)json_integer_value(v));
	if (json_is_string(v))
		text = tree_text(json_string_value(v));
	else if (json_is_integer(v))
		text = strdup(number);
	else if (json_is_boolean(v))
		text = strdup(json_is_true(v) ? "true" : "false");
	else if (json_is_null(v))
		return ERR_OK;
	else
		return err_set(m->e, ERR_INVALID, "a number that is not whole");
	xmlNodePtr node = text ? xmlNewDocText(at->doc, BAD_CAST text) : NULL;
	free(text);
	if (!node) return err_set(m->e, ERR_NOMEM, "a paper");
	if (xmlAddChild(at, node)) return ERR_OK;
	xmlFreeNode(node);
	return err_set(m->e, ERR_NOMEM, "a paper");
}

static int add_all(struct maker *m, xmlNodePtr at, const json_t *v, int depth)
{
	const char *name;
	json_t *one;
	size_t i;
	int rc = ERR_OK;
	if (json_is_object(v)) {
		json_object_foreach((json_t *)(uintptr_t)v, name, one) {
			if (!name_ok(name)) return err_set(m->e, ERR_INVALID, "a member's name is none");
			rc = add(m, at, name, one, depth + 1);
			if (rc) return rc;
		}
		return ERR_OK;
	}
	json_array_foreach(v, i, one) {
		rc = add(m, at, "item", one, depth + 1);
		if (rc) return rc;
	}
	return ERR_OK;
}

static int add(struct maker *m, xmlNodePtr parent, const char *name, const json_t *v, int depth)
{
	if (depth > TREE_DEPTH_MAX || m->nodes++ > TREE_NODES_MAX)
		return err_set(m->e, ERR_INVALID, "the data is too deep or too large");
	xmlNodePtr node = xmlNewChild(parent, NULL, BAD_CAST name, NULL);
	if (!node) return err_set(m->e, ERR_NOMEM, "a paper");
	bool many = json_is_object(v) || json_is_array(v);
	return many ? add_all(m, node, v, depth) : add_text(m, node, v);
}

static int add_qr(xmlNodePtr root, const char *url, struct err *e)
{
	struct qr *q = NULL;
	struct buf path;
	char side[16];
	if (!*url) return ERR_OK;
	int rc = qr_new(url, &q, e);
	if (rc) return rc;
	buf_init(&path, PATH_MAX_LEN);
	qr_path(q, &path);
	(void)snprintf(side, sizeof side, "%d", qr_size(q) + 2 * QR_QUIET);
	xmlNodePtr node = path.bad ? NULL : xmlNewChild(root, NULL, BAD_CAST "qr", NULL);
	if (!node || !xmlNewProp(node, BAD_CAST "size", BAD_CAST side) ||
	    !xmlNewProp(node, BAD_CAST "path", BAD_CAST path.data))
		rc = err_set(e, ERR_NOMEM, "a QR symbol");
	buf_release(&path);
	qr_free(q);
	return rc;
}

int tree_new(const json_t *data, xmlDocPtr *out, struct err *e)
{
	struct maker m = {.e = e};
	xmlDocPtr doc = xmlNewDoc(BAD_CAST "1.0");
	xmlNodePtr root = doc ? xmlNewDocNode(doc, NULL, BAD_CAST "paper", NULL) : NULL;
	*out = NULL;
	if (root) (void)xmlDocSetRootElement(doc, root);
	int rc = root ? ERR_OK : err_set(e, ERR_NOMEM, "a paper");
	if (!rc && !json_is_object(data)) rc = err_set(e, ERR_INVALID, "the data is no object");
	if (!rc) rc = add_all(&m, root, data, 0);
	if (!rc) rc = add_qr(root, fields_text(data, "progress_url"), e);
	if (rc)
		xmlFreeDoc(doc);
	else
		*out = doc;
	return rc;
}
