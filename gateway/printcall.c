/* See printcall.h. */
#include "gateway/printcall.h"

#include "gateway/print/frame.h"
#include "shared/fields.h"
#include "shared/json_parse.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_DEPTH 4

static const struct {
	const char *status;
	enum problem_code code;
} refusals[] = {
    {"paper_template", PROBLEM_PAPER_TEMPLATE},
    {"printer_absent", PROBLEM_PRINTER_ABSENT},
    {"printer_failed", PROBLEM_PRINTER_FAILED},
};

static int exchange(const char *path, const json_t *request, json_t **answer, struct err *e)
{
	int64_t deadline = frame_mono() + PRINTCALL_MS;
	char *out = NULL, *text = json_dumps(request, JSON_COMPACT);
	size_t len = 0;
	int fd = text ? frame_connect(path, e) : -1, rc = ERR_OK;
	if (fd < 0) rc = text ? (int)e->code : err_set(e, ERR_NOMEM, "a request to print");
	if (!rc) rc = frame_send(fd, text, strlen(text), deadline, e);
	if (!rc) rc = frame_receive(fd, FRAME_ANSWER_MAX, deadline, &out, &len, e);
	if (!rc) rc = json_parse_strict(out, len, ANSWER_DEPTH, answer, e);
	if (fd >= 0) (void)close(fd);
	free(out);
	free(text);
	return rc;
}

json_t *printcall_do(const char *path, const json_t *request, struct problem *p, struct err *e)
{
	json_t *answer = NULL;
	int rc = exchange(path, request, &answer, e);
	const char *status = fields_text(answer, "status"), *detail = fields_text(answer, "detail");
	enum problem_code code = rc ? PROBLEM_PRINT_ABSENT : PROBLEM_INTERNAL;
	if (!rc && strcmp(status, "ok") == 0) return answer;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
		if (strcmp(status, refusals[i].status) == 0) code = refusals[i].code;
	/* what is wrong with a printer, whoever stands before it can mend; a template's path is for the log alone */
	problem_set(p, code, "%s", code == PROBLEM_PRINTER_ABSENT || code == PROBLEM_PRINTER_FAILED ? detail : "");
	(void)err_set(e, ERR_IO, "%s: %s", status, detail);
	json_decref(answer);
	return NULL;
}
