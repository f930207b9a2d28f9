/* See config.h. Called once by each main() before anything else is open. */
#include "shared/config.h"

#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 64

struct load {
	const char *path;
	const struct config_key *keys;
	size_t n;
	char *out;
	struct err *e;
	bool seen[KEYS_MAX];
};

static int set_int(const struct config_key *k, const char *value, void *at, struct err *e)
{
	char *end = NULL;
	errno = 0;
	long long v = strtoll(value, &end, 10);
	if (errno || !*value || *end || v < k->min || v > k->max)
		return err_set(e, ERR_INVALID, "%s = %s: a whole number from %lld to %lld is wanted", k->name, value,
		               (long long)k->min, (long long)k->max);
	*(int64_t *)at = v;
	return ERR_OK;
}

static int set_bool(const struct config_key *k, const char *value, void *at, struct err *e)
{
	bool yes = strcmp(value, "yes") == 0, no = strcmp(value, "no") == 0;
	if (!yes && !no) return err_set(e, ERR_INVALID, "%s = %s: yes or no is wanted", k->name, value);
	*(bool *)at = yes;
	return ERR_OK;
}

static int set_text(const struct config_key *k, const char *value, const char *file, char *at, struct err *e)
{
	const char *slash = file ? strrchr(file, '/') : NULL;
	bool rel = k->type == CONFIG_PATH && *value && *value != '/' && slash;
	int n = rel ? snprintf(at, CONFIG_TEXT_MAX, "%.*s/%s", (int)(slash - file), file, value)
	            : snprintf(at, CONFIG_TEXT_MAX, "%s", value);
	if (n < 0 || n >= CONFIG_TEXT_MAX)
		return err_set(e, ERR_INVALID, "%s: longer than %d bytes", k->name, CONFIG_TEXT_MAX - 1);
	return ERR_OK;
}

static int set(const struct config_key *k, const char *value, const char *file, char *out, struct err *e)
{
	void *at = out + k->offset;
	switch (k->type) {
	case CONFIG_INT: return set_int(k, value, at, e);
	case CONFIG_BOOL: return set_bool(k, value, at, e);
	case CONFIG_TEXT:
	case CONFIG_PATH: return set_text(k, value, file, at, e);
	}
	return err_set(e, ERR_INVALID, "%s: no such type", k->name);
}

static int on_line(void *arg, const char *section, const char *name, const char *value)
{
	struct load *l = arg;
	char full[128];
	(void)snprintf(full, sizeof full, "%s.%s", section, name);
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(full, l->keys[i].name) != 0) continue;
		if (l->seen[i]) {
			(void)err_set(l->e, ERR_INVALID, "%s: given twice", full);
			return 0;
		}
		l->seen[i] = true;
		return set(&l->keys[i], value ? value : "", l->path, l->out, l->e) == ERR_OK;
	}
	(void)err_set(l->e, ERR_INVALID, "unknown key %s", full);
	return 0;
}

int config_load(const char *path, const struct config_key *keys, size_t n, void *out, struct err *e)
{
	struct err first = {0};
	struct load l = {.path = path, .keys = keys, .n = n, .out = out, .e = &first};
	if (n > KEYS_MAX) return err_set(e, ERR_INVALID, "the table of keys is too long");
	for (size_t i = 0; i < n; i++) {
		if (keys[i].def && set(&keys[i], keys[i].def, path, out, &first))
			return err_set(e, ERR_INVALID, "default of %s", first.msg);
	}
	int line = ini_parse(path, on_line, &l);
	if (line < 0) return err_sys(e, errno ? errno : ENOENT, "%s", path);
	if (line > 0)
		return err_set(e, ERR_INVALID, "%s:%d: %s", path, line, first.code ? first.msg : "not key = value");
	for (size_t i = 0; i < n; i++)
		if (!keys[i].def && !l.seen[i]) return err_set(e, ERR_INVALID, "%s: %s is missing", path, keys[i].name);
	return ERR_OK;
}

void config_sample(FILE *f, const struct config_key *keys, size_t n)
{
	char section[64] = "";
	for (size_t i = 0; i < n; i++) {
		const char *dot = strchr(keys[i].name, '.');
		int len = dot ? (int)(dot - keys[i].name) : 0;
		if (strncmp(section, keys[i].name, (size_t)len) != 0 || section[len]) {
			(void)snprintf(section, sizeof section, "%.*s", len, keys[i].name);
			(void)fprintf(f, "%s[%s]\n", i ? "\n" : "", section);
		}
		(void)fprintf(f, "# %s\n%s%s = %s\n", keys[i].help, keys[i].def ? "#" : "", keys[i].name + len + 1,
		              keys[i].def ? keys[i].def : "");
	}
}
