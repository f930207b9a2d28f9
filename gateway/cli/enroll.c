/* `xinke enroll`: reads the county's enrolment URI and runs xinke-sync, which alone holds the county key. */
#include "gateway/cli/cli.h"
#include "shared/enrolcode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VALUE_MAX 512

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
	    strncmp(c->argv[2], ENROLCODE_SCHEME, strlen(ENROLCODE_SCHEME)) != 0) {
		(void)err_set(&c->err, ERR_INVALID,
		              "usage: xinke enroll --sync-config FILE '" ENROLCODE_SCHEME "url=...&root=...&code=...'");
		return 2;
	}
	const char *query = c->argv[2] + strlen(ENROLCODE_SCHEME);
	if (!enrolcode_value(query, "url", url, VALUE_MAX) || !enrolcode_value(query, "code", code, VALUE_MAX) ||
	    !enrolcode_value(query, "root", root, VALUE_MAX)) {
		(void)err_set(&c->err, ERR_INVALID, "the enrolment URI has no url, root or code");
		return 2;
	}
	char *argv[] = {name, o1, c->argv[1], o2, o3, url, o4, code, o5, root, o6, names, NULL};
	run_sync(argv);
	(void)err_sys(&c->err, errno, "xinke-sync");
	return 2;
}
