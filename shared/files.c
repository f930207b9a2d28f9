/* See files.h. Called by body.c, by the ledger's and the county's projections and by their presenters. */
#include "shared/files.h"

#include "shared/text.h"

#include <stdio.h>
#include <string.h>

#define HEX      (2 * DIGEST_LEN)
#define FILE_MAX ((int64_t)1 << 40) /* each end has a limit of its own */

const struct field files_table[] = {
    {"sha256", FIELD_LINE, FIELD_REQUIRED, HEX, HEX, 0, 0},      {"size", FIELD_INT, FIELD_REQUIRED, 1, FILE_MAX, 0, 0},
    {"media", FIELD_ENUM, FIELD_REQUIRED, 0, 0, FILES_MEDIA, 0}, {"name", FIELD_LINE, FIELD_NULLABLE, 1, 100, 0, 0},
    {"thumb", FIELD_LINE, FIELD_NULLABLE, HEX, HEX, 0, 0},       {.name = NULL},
};

static bool is_hash(const char *text)
{
	return strlen(text) == HEX && strspn(text, "0123456789abcdef") == HEX;
}

static void check_one(const json_t *files, size_t at, const char *base, struct problem *p)
{
	char pointer[128];
	const json_t *f = json_array_get(files, at);
	const char *sha = fields_text(f, "sha256"), *thumb = fields_text(f, "thumb");
	(void)snprintf(pointer, sizeof pointer, "%s/files/%zu/sha256", base, at);
	if (!is_hash(sha)) problem_field(p, pointer, "format", "64 small hexadecimal digits are wanted");
	for (size_t i = 0; i < at; i++)
		if (strcmp(fields_text(json_array_get(files, i), "sha256"), sha) == 0)
			problem_field(p, pointer, "value", "stands twice");
	(void)snprintf(pointer, sizeof pointer, "%s/files/%zu/thumb", base, at);
	if (*thumb && !is_hash(thumb)) problem_field(p, pointer, "format", "64 small hexadecimal digits are wanted");
}

void files_check(const json_t *materials, const char *pointer, struct problem *p)
{
	size_t i, k;
	json_t *m;
	json_array_foreach(materials, i, m) {
		char base[64];
		const json_t *files = fields_get(m, "files");
		(void)snprintf(base, sizeof base, "%s/%zu", pointer, i);
		for (k = 0; k < json_array_size(files); k++)
			check_one(files, k, base, p);
	}
}

static int each_of(const json_t *f, int (*fn)(const struct file_ref *, void *), void *arg)
{
	struct file_ref ref = {.size = fields_int(f, "size", 0), .media = fields_text(f, "media")};
	struct file_ref small = {.media = "image/jpeg", .thumb = true};
	int rc = ERR_OK;
	if (text_unhex(fields_text(f, "thumb"), small.sha256, DIGEST_LEN)) rc = fn(&small, arg);
	if (!rc && text_unhex(fields_text(f, "sha256"), ref.sha256, DIGEST_LEN)) rc = fn(&ref, arg);
	return rc;
}

int files_each(const json_t *materials, int (*fn)(const struct file_ref *f, void *arg), void *arg)
{
	size_t i, k;
	json_t *m, *f;
	json_array_foreach(materials, i, m) {
		json_array_foreach(fields_get(m, "files"), k, f) {
			int rc = each_of(f, fn, arg);
			if (rc) return rc;
		}
	}
	return ERR_OK;
}
