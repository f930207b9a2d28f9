/* xinke-print's side of its socket: a request is read, its data becomes a tree, a page and bytes for the printer. Whatever
 * was read can be laid out by the real templates, and no value of it becomes an element or an attribute. */
#include "gateway/print/job.h"
#include "gateway/print/template.h"
#include "tests/fuzz/fuzz.h"

#define PAPERS XINKE_ROOT "/schema/papers"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static bool begun;
	struct job j;
	struct err e = {0};
	struct buf out;
	const struct job_tools tools = {.papers = PAPERS, .roll = {.width = len % 2 ? 80 : 58, .cut = true}};
	if (!begun) MUST(template_init(NULL) == ERR_OK);
	begun = true;
	if (job_read((const char *)data, len, &j, &e)) {
		MUST(e.code == ERR_INVALID && !j.data);
		return 0;
	}
	buf_init(&out, TEMPLATE_PAGE_MAX);
	int rc = j.type == JOB_PAGE ? job_html(&j, PAPERS, &out, &e) : job_bytes(&j, &tools, &out, &e);
	MUST(rc == ERR_OK || rc == (int)ERR_INVALID || rc == (int)ERR_NOTFOUND);
	MUST(rc || j.type == JOB_PRINT || (out.len > 200 && !strstr(out.data, "<script")));
	buf_release(&out);
	job_release(&j);
	return 0;
}
