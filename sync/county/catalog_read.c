/* See catalog_read.h: which form a file has, and the checks behind both. Called by the commands, one thread. */
#include "sync/county/catalog_read.h"

#include "shared/file.h"
#include "shared/json_parse.h"
#include "shared/limits.h"
#include "sync/county/catalog_check.h"

#include <stdlib.h>
#include <string.h>

/* A document begins with a brace; no column is called by one. */
static bool is_json(const char *text, size_t len)
{
	size_t i = 0;
	while (i < len && strchr(" \t\r\n", text[i]) && text[i])
		i++;
	return i < len && (text[i] == '{' || text[i] == '[');
}

/* "line 3, byte 17 of it" for the byte AT. */
static void tell_syntax(struct catalog_faults *f, const char *text, size_t len, const char *why)
{
	const char *byte = strstr(why, "byte ");
	size_t to = byte ? (size_t)strtoull(byte + 5, NULL, 10) : len, line = 1, start = 0;
	for (size_t i = 0; i < to && i < len; i++) {
		if (text[i] != '\n') continue;
		line++;
		start = i + 1;
	}
	if (byte)
		catalog_faults_add(f, "", "line %zu, column %zu: %s", line, to - start + 1, why);
	else
		catalog_faults_add(f, "", "%s", why);
}

static int read_json(const char *text, size_t len, json_t **out, struct catalog_faults *f, struct err *e)
{
	struct err why = {0};
	int rc = json_parse_strict(text, len, LIMIT_DEPTH, out, &why);
	if (rc == (int)ERR_NOMEM) return err_set(e, ERR_NOMEM, "%s", why.msg);
	if (rc) tell_syntax(f, text, len, why.msg);
	return ERR_OK;
}

static int read_table(const struct catalog_source *src, const char *text, size_t len, json_t **out,
                      struct catalog_faults *f, struct err *e)
{
	struct catalog_table t;
	struct err why = {0};
	f->places = json_object(); /* mistakes are told by row, those of an empty table too */
	if (!f->places) return err_set(e, ERR_NOMEM, "table");
	int rc = catalog_table_read(text, len, &t, f, &why);
	if (!rc && strcmp(src->kind, "catalog") == 0)
		rc = catalog_read_items(&t, src->base, out, f, &why);
	else if (!rc)
		rc = catalog_read_calendar(&t, src->base, out, f, &why);
	catalog_table_release(&t);
	return rc && !f->n ? err_set(e, (enum err_code)rc, "%s", why.msg) : ERR_OK;
}

int catalog_read(const struct catalog_source *src, const char *text, size_t len, json_t **out, struct catalog_faults *f,
                 struct err *e)
{
	*out = NULL;
	int rc = is_json(text, len) ? read_json(text, len, out, f, e) : read_table(src, text, len, out, f, e);
	if (!rc && *out && strcmp(src->kind, "catalog") == 0)
		catalog_check(*out, src->base, src->add, f);
	else if (!rc && *out)
		catalog_check_calendar(*out, src->base, f);
	return rc ? rc : f->nomem ? err_set(e, ERR_NOMEM, "%s", src->kind) : ERR_OK;
}

int catalog_read_file(const struct catalog_source *src, const char *path, json_t **out, struct catalog_faults *f,
                      struct err *e)
{
	char *text = NULL;
	size_t len = 0;
	*out = NULL;
	int rc = file_read(path, CATALOG_READ_MAX, &text, &len, e);
	if (!rc) rc = catalog_read(src, text, len, out, f, e);
	free(text);
	return rc;
}
