/* See job.h. Runs in a child process of its own (main.c). */
#include "gateway/print/job.h"

#include "gateway/print/frame.h"
#include "gateway/print/template.h"
#include "gateway/print/tree.h"
#include "shared/fields.h"
#include "shared/json_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct field shape[] = {
    {.name = "job", .kind = FIELD_ENUM, .flags = FIELD_REQUIRED, .words = "page|print"},
    {.name = "kind", .kind = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = JOB_KIND_MAX - 1},
    {.name = "format", .kind = FIELD_ENUM, .words = "a4|roll"},
    {.name = "data", .kind = FIELD_ANY, .flags = FIELD_REQUIRED},
    {.name = NULL},
};

int job_read(const char *text, size_t len, struct job *out, struct err *e)
{
	json_t *j = NULL;
	struct problem p = {0};
	*out = (struct job){0};
	int rc = json_parse_strict(text, len, JOB_DEPTH, &j, e);
	if (rc) return rc;
	const json_t *data = json_object_get(j, "data");
	const char *kind = fields_text(j, "kind");
	if (!fields_check(j, shape, "", &p) || !json_is_object(data) ||
	    strspn(kind, "abcdefghijklmnopqrstuvwxyz_") != strlen(kind)) {
		const json_t *first = json_array_get(p.errors, 0);
		rc = err_set(e, ERR_INVALID, "%s %s", fields_text(first, "pointer"), fields_text(first, "message"));
	} else {
		(void)snprintf(out->kind, sizeof out->kind, "%s", kind);
		out->type = strcmp(fields_text(j, "job"), "print") == 0 ? JOB_PRINT : JOB_PAGE;
		out->roll = out->type == JOB_PRINT || strcmp(fields_text(j, "format"), "roll") == 0;
		out->data = json_incref((json_t *)(uintptr_t)data);
	}
	problem_release(&p);
	json_decref(j);
	return rc;
}

void job_release(struct job *j)
{
	json_decref(j->data);
	j->data = NULL;
}

static int lay_out(const struct job *j, const char *papers, xmlDocPtr *page, struct err *e)
{
	xmlDocPtr data = NULL;
	*page = NULL;
	int rc = tree_new(j->data, &data, e);
	if (!rc) rc = template_apply(papers, j->kind, j->roll ? "roll" : "a4", data, page, e);
	xmlFreeDoc(data);
	return rc;
}

int job_html(const struct job *j, const char *papers, struct buf *out, struct err *e)
{
	xmlDocPtr page;
	int rc = lay_out(j, papers, &page, e);
	if (!rc) rc = template_html(page, out, e);
	xmlFreeDoc(page);
	return rc;
}

int job_bytes(const struct job *j, const struct job_tools *t, struct buf *out, struct err *e)
{
	xmlDocPtr page;
	int rc = lay_out(j, t->papers, &page, e);
	if (!rc) rc = escpos_page(&t->roll, page, fields_text(j->data, "progress_url"), out, e);
	xmlFreeDoc(page);
	return rc;
}

/* --- answering --- */

static const char *fault_of(int rc)
{
	return rc == (int)ERR_NOTFOUND || rc == (int)ERR_INVALID ? "paper_template" : "failed";
}

static json_t *make_page(const struct job *j, const struct job_tools *t, struct err *e)
{
	struct buf html;
	buf_init(&html, TEMPLATE_PAGE_MAX);
	int rc = job_html(j, t->papers, &html, e);
	json_t *a = rc ? json_pack("{s:s, s:s}", "status", fault_of(rc), "detail", e->msg)
	               : json_pack("{s:s, s:s#}", "status", "ok", "html", html.data, html.len);
	buf_release(&html);
	return a;
}

static json_t *print(const struct job *j, const struct job_tools *t, struct err *e)
{
	struct buf bytes;
	bool confirmed = false;
	buf_init(&bytes, ESCPOS_MAX);
	int rc = job_bytes(j, t, &bytes, e);
	const char *status = rc ? fault_of(rc) : "ok";
	if (!rc) {
		rc = printer_send(&t->printer, bytes.data, bytes.len, frame_mono() + JOB_PRINTER_MS, &confirmed, e);
		if (rc) status = rc == (int)ERR_NOTFOUND ? "printer_absent" : "printer_failed";
	}
	buf_release(&bytes);
	return rc ? json_pack("{s:s, s:s}", "status", status, "detail", e->msg)
	          : json_pack("{s:s, s:b}", "status", "ok", "confirmed", confirmed);
}

static void answer(int fd, json_t *a, const struct log *log)
{
	struct err e = {0};
	char *text = a ? json_dumps(a, JSON_COMPACT) : NULL;
	if (!text || frame_send(fd, text, strlen(text), frame_mono() + JOB_RECEIVE_MS, &e))
		log_warn(log, "answer", "text=\"%s\"", text ? e.msg : "out of memory");
	free(text);
	json_decref(a);
}

void job_serve(int fd, const struct job_tools *t)
{
	char *text = NULL;
	size_t len = 0;
	struct job j = {0};
	struct err e = {0};
	int rc = frame_receive(fd, FRAME_REQUEST_MAX, frame_mono() + JOB_RECEIVE_MS, &text, &len, &e);
	if (!rc) rc = job_read(text, len, &j, &e);
	free(text);
	json_t *a;
	if (rc)
		a = json_pack("{s:s, s:s}", "status", "invalid", "detail", e.msg);
	else
		a = j.type == JOB_PAGE ? make_page(&j, t, &e) : print(&j, t, &e);
	if (e.code) log_error(t->log, "job", "kind=%s text=\"%s\"", j.kind, e.msg);
	answer(fd, a, t->log);
	job_release(&j);
}
