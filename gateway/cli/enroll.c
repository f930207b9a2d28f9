/* `xinke enroll`: reads the county's enrolment URI and runs xinke-sync, which alone holds the county key. */
#include "gateway/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VALUE_MAX 512
#define SCHEME    "xinke-enrol:?"

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

/* The value of NAME in "a=1&b=%41", unescaped. */
static bool parameter(const char *query, const char *name, char out[VALUE_MAX])
{
	size_t n = strlen(name), k = 0;
	while (query && !(strncmp(query, name, n) == 0 && query[n] == '=')) {
		query = strchr(query, '&');
		if (query) query++;
	}
	if (!query) return false;
	for (query += n + 1; *query && *query != '&' && k + 1 < VALUE_MAX; query++) {
		bool escaped = *query == '%' && hex(query[1]) >= 0 && hex(query[2]) >= 0;
		out[k++] = (char)(escaped ? hex(query[1]) * 16 + hex(query[2]) : *query);
		query += escaped ? 2 : 0;
	}
	out[k] = '\0';
	return k > 0 && strlen(out) == k;
}

/* xinke-sync lies beside this program; failing that, PATH decides. */
static void run_sync(char *const argv[])
{
	char path[1024];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 32);
	if (n > 0) path[n] = '\0';
	char *slash = n > 0 ? strrchr(path, '/') : NULL;
	if (slash) {
		(void)snprintf(slash, 32, "/xinke-sync");
		(void)execv(path, argv);
	}
	(void)execvp("xinke-sync", argv);
}

int cli_enroll(struct cli *c)
{
	char url[VALUE_MAX], code[VALUE_MAX], root[VALUE_MAX], name[] = "xinke-sync", o1[] = "-c", o2[] = "enroll",
	                                                       o3[] = "--url", o4[] = "--code", o5[] = "--root",
	                                                       o6[] = "--names";
	char *names = (char *)(size_t)c->settings->names; /* execv wants char *, and leaves it alone */
	if (c->argc != 3 || strcmp(c->argv[0], "--sync-config") != 0 ||
	    strncmp(c->argv[2], SCHEME, strlen(SCHEME)) != 0) {
		(void)err_set(&c->err, ERR_INVALID,
		              "usage: xinke enroll --sync-config FILE '" SCHEME "url=...&root=...&code=...'");
		return 2;
	}
	const char *query = c->argv[2] + strlen(SCHEME);
	if (!parameter(query, "url", url) || !parameter(query, "code", code) || !parameter(query, "root", root)) {
		(void)err_set(&c->err, ERR_INVALID, "the enrolment URI has no url, root or code");
		return 2;
	}
	char *argv[] = {name, o1, c->argv[1], o2, o3, url, o4, code, o5, root, o6, names, NULL};
	run_sync(argv);
	(void)err_sys(&c->err, errno, "xinke-sync");
	return 2;
}
