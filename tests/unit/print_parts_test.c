/* xinke-print's parts without its process: hostile text on its way to the page and to the printer, templates that are wrong
 * or want too much, symbols, bytes, frames and requests. */
#include "tests/unit/support.h"

#include "gateway/print/escpos.h"
#include "gateway/print/frame.h"
#include "gateway/print/job.h"
#include "gateway/print/qr.h"
#include "gateway/print/template.h"
#include "gateway/print/tree.h"

#include <iconv.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct support_folder folder;
static char papers[SUPPORT_PATH_MAX];

static int make(void **state)
{
	struct err e = {0};
	(void)state;
	(void)snprintf(papers, sizeof papers, "%s/schema/papers", XINKE_ROOT);
	support_folder_make(&folder);
	return template_init(&e);
}

static int release(void **state)
{
	(void)state;
	template_end();
	support_folder_remove(&folder);
	return 0;
}

static json_t *receipt_of(const char *name)
{
	json_t *o = json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s, s:s, s:s}, s:[s], s:[s], "
	    "s:[{s:s, s:s, s:s}], s:s, s:s}",
	    "kind", "receipt", "title", "收件凭证", "organ", "站", "draft", "", "receipt_number", "65-1", "item_name",
	    name, "officer", "张三", "station", "name", "站", "phone", "", "address", "", "applicant", "name", name,
	    "phone", "", "address", "", "guardian", "", "agent", "", "copies", "", "words", "不是受理通知书。",
	    "materials", "name", name, "form", "原件", "copies", "1", "progress_url",
	    "https://county.example/public/progress/K7QZ3M2PXW4T6R5B", "printed_at", "今天");
	assert_non_null(o);
	return o;
}

static char *page_of(const char *name, const char *format)
{
	struct err e = {0};
	struct job j = {.data = receipt_of(name), .kind = "receipt", .roll = strcmp(format, "roll") == 0};
	struct buf b;
	buf_init(&b, TEMPLATE_PAGE_MAX);
	if (job_html(&j, papers, &b, &e)) fail_msg("%s", e.msg);
	job_release(&j);
	return buf_steal(&b, NULL);
}

/* --- text --- */

static void text_on_paper(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
	    {"", ""},
	    {"阿依古丽·买买提", "阿依古丽·买买提"},
	    {"<b>&\"'", "<b>&\"'"},
	    {"a\x01z", "a\xef\xbf\xbdz"},
	    {"a\x7fz", "a\xef\xbf\xbdz"},
	    {"a\xc2\x85z", "a\xef\xbf\xbdz"},     /* C1 */
	    {"a\xef\xbf\xbez", "a\xef\xbf\xbdz"}, /* U+FFFE */
	    {"a\n\tz", "a\n\tz"},
	    {"a\xe2\x80\xaez", "az"},             /* U+202E turns what follows round */
	    {"a\xe2\x81\xa6z\xe2\x81\xa9", "az"}, /* U+2066, U+2069 */
	    {"a\xe2\x80\x8fz", "a\xe2\x80\x8fz"}, /* U+200F is a mark of one place: it stays */
	    {"𠮷䶮", "𠮷䶮"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *s = tree_text(rows[i].in);
		assert_string_equal(s, rows[i].out);
		free(s);
	}
}

static void markup_stays_text(void **state)
{
	static const char *const formats[] = {"a4", "roll"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *html = page_of("<script>alert(1)</script>\"'&]]><!--</style><svg onload=x>", formats[i]);
		assert_null(strstr(html, "<script"));
		assert_null(strstr(html, "<svg onload"));
		assert_non_null(strstr(html, "&lt;script&gt;alert(1)&lt;/script&gt;"));
		assert_int_equal(strncmp(html, "<!DOCTYPE html>\n<html lang=\"zh-CN\">", 34), 0);
		assert_non_null(strstr(html, "<meta charset=\"utf-8\">"));
		assert_null(strstr(html, "http-equiv"));
		free(html);
	}
}

static void long_text_is_whole(void **state)
{
	char *name = malloc(30001);
	(void)state;
	for (int i = 0; i < 10000; i++)
		memcpy(name + (ptrdiff_t)3 * i, "龙", 3);
	name[30000] = '\0';
	char *html = page_of(name, "a4");
	assert_non_null(strstr(html, name));
	free(html);
	free(name);
}

static void what_is_not_known_says_so(void **state)
{
	(void)state;
	char *html = page_of("x", "a4");
	assert_non_null(strstr(html, "待县级发布"));
	assert_non_null(strstr(html, "不是受理通知书。"));
	assert_non_null(strstr(html, "<svg viewBox=\"0 0 "));
	free(html);
}

static void data_that_is_none(void **state)
{
	static const char *const docs[] = {"{'A':'x'}",
	                                   "{'a-b':'x'}",
	                                   "{'':'x'}",
	                                   "{'1':'x'}",
	                                   "[]",
	                                   "{'a':1.5}",
	                                   "{'a':{'a':{'a':{'a':{'a':{'a':{'a':'x'}}}}}}}"};
	(void)state;
	for (size_t i = 0; i < COUNT(docs); i++) {
		xmlDocPtr doc;
		struct err e = {0};
		json_t *j = support_json(docs[i]);
		assert_int_equal(tree_new(j, &doc, &e), ERR_INVALID);
		assert_null(doc);
		json_decref(j);
	}
}

/* --- templates --- */

#define XSL(body)                                                                                                      \
	"<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'>" body "</xsl:stylesheet>"
#define PAGE(body) XSL("\n<xsl:template match='/paper'><html><body>" body "</body></html></xsl:template>")

static int apply(const char *text, struct err *e)
{
	char path[SUPPORT_PATH_MAX];
	xmlDocPtr data, page;
	json_t *j = receipt_of("secret");
	support_path(&folder, "mine.xsl", path);
	support_put(path, text);
	assert_int_equal(tree_new(j, &data, e), ERR_OK);
	int rc = template_apply(folder.path, "mine", "a4", data, &page, e);
	xmlFreeDoc(page);
	xmlFreeDoc(data);
	json_decref(j);
	return rc;
}

static void faulty_templates(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
	    {"<xsl:stylesheet", "mine.xsl:1"},
	    {"", "mine.xsl"},
	    {"<a/>", "mine"},
	    {XSL("<xsl:template match='/paper'>\n\n<xsl:value-of select='a['/></xsl:template>"), "line 3"},
	    {XSL("<xsl:template match='/paper'><xsl:call-template name='none'/></xsl:template>"), "none"},
	    {"<!DOCTYPE x [<!ENTITY a 'b'>]>" PAGE("&a;"), "document type"},
	    {PAGE("<script>x</script>"), "no script"},
	    {PAGE("<p onclick='x'>x</p>"), "no script"},
	    {PAGE("<iframe/>"), "no script"},
	    {PAGE("<xsl:value-of select='item_name' disable-output-escaping='yes'/>"), "escaping"},
	    {PAGE("<style>&lt;/style></style>"), "style sheet"},
	    {XSL("<xsl:template match='/paper'><p/></xsl:template>"), "no <html>"},
	    {XSL("<xsl:template match='/paper' name='t'><xsl:call-template name='t'/></xsl:template>"), "recursion"},
	    {PAGE("<xsl:message terminate='yes'>stop</xsl:message>"), "stop"},
	    {XSL("<xsl:import href='/etc/passwd'/>"), "not in its folder"},
	    {XSL("<xsl:include href='../mine.xsl'/>"), "not in its folder"},
	    {XSL("<xsl:import href='http://127.0.0.1:1/x.xsl'/>"), "denied"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = {0};
		if (apply(rows[i].text, &e) != ERR_INVALID) fail_msg("taken: %s", rows[i].text);
		if (!strstr(e.msg, rows[i].says)) fail_msg("%s: %s", rows[i].text, e.msg);
		assert_null(strchr(e.msg, '\n'));
	}
}

/* Nothing of another file comes onto a page, by whichever door. */
static void templates_read_nothing(void **state)
{
	static const char *const tries[] = {
	    PAGE("<xsl:copy-of select=\"document('/etc/hostname')\"/>"),
	    PAGE("<xsl:copy-of select=\"document('mine.xsl')\"/>"),
	    PAGE("<xsl:copy-of select=\"document('')\"/>"),
	    PAGE("<xsl:copy-of select=\"document('http://127.0.0.1:1/')\"/>"),
	};
	(void)state;
	for (size_t i = 0; i < COUNT(tries); i++) {
		struct err e = {0};
		int rc = apply(tries[i], &e);
		if (i != 2) assert_int_equal(rc, ERR_INVALID); /* '' is the template itself, which is no secret */
	}
}

static void endless_templates_end(void **state)
{
	/* each step ten times the one before, from what is there: 10^9 steps */
	static const char many[] =
	    XSL("<xsl:template match='/paper'><html><xsl:for-each select='//node()'>"
	        "<xsl:for-each select='//node()'><xsl:for-each select='//node()'>"
	        "<xsl:for-each select='//node()'><xsl:for-each select='//node()'>x</xsl:for-each>"
	        "</xsl:for-each></xsl:for-each></xsl:for-each></xsl:for-each></html></xsl:template>");
	struct err e = {0};
	(void)state;
	assert_int_equal(apply(many, &e), ERR_INVALID);
}

static void writes_nothing(void **state)
{
	char path[SUPPORT_PATH_MAX], text[1024];
	struct err e = {0};
	(void)state;
	support_path(&folder, "written", path);
	(void)snprintf(
	    text, sizeof text,
	    "<xsl:stylesheet version='1.1' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'><xsl:template "
	    "match='/paper'><html><xsl:document href='%s'>x</xsl:document></html></xsl:template></xsl:stylesheet>",
	    path);
	assert_int_equal(apply(text, &e), ERR_INVALID);
	assert_int_equal(access(path, F_OK), -1);
}

static void every_template_is_sound(void **state)
{
	static const char *const kinds[] = {"receipt",    "supplement_notice", "acceptance", "refusal", "extension",
	                                    "completion", "delivery",          "mandate",    "handover"};
	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct err e = {0};
		if (template_check(papers, kinds[i], &e)) fail_msg("%s", e.msg);
	}
	struct err e = {0};
	assert_int_equal(template_check(papers, "none", &e), ERR_NOTFOUND);
	assert_int_equal(template_check(papers, "../papers/receipt", &(struct err){0}), ERR_NOTFOUND);
	assert_int_equal(template_check(papers, "", &(struct err){0}), ERR_NOTFOUND);
}

/* --- the symbol --- */

static void a_symbol_and_its_dots(void **state)
{
	struct qr *q;
	struct buf dots;
	int bytes, rows;
	(void)state;
	assert_int_equal(qr_new("", &q, NULL), ERR_INVALID);
	assert_int_equal(qr_new("https://county.example/public/progress/K7QZ3M2PXW4T6R5B", &q, NULL), ERR_OK);
	int n = qr_size(q);
	assert_int_equal((n - 17) % 4, 0);
	for (int i = 0; i < 7; i++) /* the finder patterns' upper edges */
		assert_true(qr_dark(q, i, 0) && qr_dark(q, n - 1 - i, 0) && qr_dark(q, i, n - 1));
	assert_false(qr_dark(q, 7, 0) || qr_dark(q, 1, 1) || qr_dark(q, -1, 0) || qr_dark(q, 0, n));
	assert_int_equal(qr_scale(q, 576, 6), 6);
	assert_int_equal(qr_scale(q, n, 6), 0); /* without the quiet zone it is none */
	buf_init(&dots, 1 << 20);
	qr_raster(q, 3, &dots, &bytes, &rows);
	assert_int_equal(rows, 3 * (n + 8));
	assert_int_equal(bytes, (3 * (n + 8) + 7) / 8);
	assert_int_equal(dots.len, bytes * rows);
	for (int y = 0; y < rows; y++)
		for (int x = 0; x < bytes * 8; x++) {
			bool black = dots.data[y * bytes + x / 8] & (0x80 >> x % 8);
			bool want = x < rows && x >= 12 && y >= 12 && qr_dark(q, x / 3 - 4, y / 3 - 4);
			if (black != want) fail_msg("dot %d,%d", x, y);
		}
	buf_release(&dots);
	qr_free(q);
}

/* --- the printer's bytes --- */

static struct buf bytes_of(const char *html, const struct escpos_config *cfg, const char *url)
{
	struct err e = {0};
	struct buf b;
	xmlDocPtr doc = xmlReadMemory(html, (int)strlen(html), NULL, NULL, XML_PARSE_NONET);
	assert_non_null(doc);
	buf_init(&b, ESCPOS_MAX);
	assert_int_equal(escpos_page(cfg, doc, url, &b, &e), ERR_OK);
	xmlFreeDoc(doc);
	return b;
}

static void is_bytes(const char *html, const char *want, size_t len, bool cut)
{
	const struct escpos_config cfg = {.width = 58, .cut = cut};
	struct buf b = bytes_of(html, &cfg, "");
	const char *end = cut ? "\x1dVB\x03"
	                      : "\x1b"
	                        "d\x04";
	assert_int_equal(b.len, 4 + len + strlen(end));
	assert_memory_equal(b.data, "\x1b@\x1c&", 4);
	assert_memory_equal(b.data + 4, want, len);
	assert_memory_equal(b.data + 4 + len, end, strlen(end));
	buf_release(&b);
}
#define IS(html, want) is_bytes(html, want, sizeof(want) - 1, true)

static void bytes_for_a_printer(void **state)
{
	(void)state;
	IS("<html><p>ab</p></html>", "ab\n");
	IS("<html><p>中</p></html>", "\xd6\xd0\n");
	IS("<html><p>·</p></html>", "\xa1\xa4\n");
	IS("<html><p>𠮷</p></html>", "\x95\x34\xb2\x35\n"); /* four bytes: only GB18030 has it */
	IS("<html><p> a \n b </p><p></p></html>", "a b\n");
	IS("<html><h1>a</h1></html>", "\x1b"
	                              "a\x01\x1d!\x11\x1b"
	                              "E\x01"
	                              "a\n\x1b"
	                              "E\0\x1d!\0\x1b"
	                              "a\0");
	IS("<html><tr><th>a</th><td>b</td></tr></html>", "a\xa3\xba"
	                                                 "b\n");
	IS("<html><ol><li>a</li><li>b</li></ol><ul><li>c</li></ul></html>", "1. a\n2. b\n- c\n");
	IS("<html><hr/></html>", "--------------------------------\n");
	IS("<html><style>x</style><p class='a screen'>x</p><p><span class='blank'/></p></html>", "____________\n");
	IS("<html><section><p>a</p></section><section><p>b</p></section></html>", "a\n\x1dVB\x03"
	                                                                          "b\n");
	IS("<html><p>0123456789012345678901234567890123</p></html>", "01234567890123456789012345678901\n23\n");
	IS("<html><p>012345678901234567890123 4567890123</p></html>", "012345678901234567890123\n4567890123\n");
	is_bytes("<html><p>a</p></html>", "a\n", 2, false);
}

/* No line is wider than the paper, none begins with a closing mark, and nothing is lost. */
static void lines_fit(void **state)
{
	const struct escpos_config cfg = {.width = 58, .cut = true};
	char html[4096] = "<html><p>";
	char whole[2048] = "";
	(void)state;
	for (int i = 0; i < 40; i++) {
		size_t n = strlen(html), m = strlen(whole);
		(void)snprintf(html + n, sizeof html - n, "第%d条，行政许可", i * 37);
		(void)snprintf(whole + m, sizeof whole - m, "第%d条，行政许可", i * 37);
	}
	(void)snprintf(html + strlen(html), sizeof html - strlen(html), "</p></html>");
	struct buf b = bytes_of(html, &cfg, "");
	char back[8192], *in = b.data + 4, *out = back;
	size_t left = b.len - 8, room = sizeof back - 1;
	iconv_t cd = iconv_open("UTF-8", "GB18030");
	assert_int_equal(iconv(cd, &in, &left, &out, &room), 0);
	*out = '\0';
	(void)iconv_close(cd);
	const char *want = whole;
	for (char *save = NULL, *line = strtok_r(back, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t columns = 0, n = strlen(line);
		for (size_t i = 0; i < n; i++)
			columns += (line[i] & 0xc0) == 0x80 ? 0 : (line[i] & 0x80) ? 2 : 1;
		assert_true(columns <= 32);
		assert_int_not_equal(strncmp(line, "，", 3), 0);
		assert_int_equal(strncmp(want, line, n), 0);
		want += n;
	}
	assert_string_equal(want, "");
	buf_release(&b);
}

/* --- devices, requests, frames --- */

static void devices(void **state)
{
	static const char *const bad[] = {"tcp:", "tcp:1.2.3.4", "tcp::9100", "tcp:1.2.3.4:x", "tcp:1.2.3.4:123456",
	                                  "usb",  "file:lp0",    "http://x"};
	struct printer p;
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(printer_parse(bad[i], &p, NULL), ERR_INVALID);
	assert_int_equal(printer_parse("", &p, NULL), ERR_OK);
	assert_int_equal(p.kind, PRINTER_NONE);
	assert_int_equal(printer_parse("tcp:192.168.1.9:9100", &p, NULL), ERR_OK);
	assert_string_equal(p.host, "192.168.1.9");
	assert_string_equal(p.port, "9100");
	assert_int_equal(printer_parse("tcp:[fe80::1]:9100", &p, NULL), ERR_OK);
	assert_string_equal(p.host, "fe80::1");
	assert_int_equal(printer_parse("file:/dev/usb/lp0", &p, NULL), ERR_OK);
	assert_string_equal(p.path, "/dev/usb/lp0");
}

static void a_file_as_printer(void **state)
{
	char path[SUPPORT_PATH_MAX], setting[SUPPORT_PATH_MAX + 8];
	struct printer p;
	struct err e = {0};
	bool confirmed = true;
	(void)state;
	support_path(&folder, "lp0", path);
	(void)snprintf(setting, sizeof setting, "file:%s", path);
	assert_int_equal(printer_parse(setting, &p, NULL), ERR_OK);
	assert_int_equal(printer_send(&p, "abc", 3, frame_mono() + 1000, &confirmed, &e), ERR_NOTFOUND);
	support_put(path, "");
	assert_int_equal(printer_send(&p, "abc", 3, frame_mono() + 1000, &confirmed, NULL), ERR_OK);
	assert_false(confirmed);
	assert_int_equal(printer_send(&(struct printer){.kind = PRINTER_NONE}, "a", 1, 0, &confirmed, NULL),
	                 ERR_NOTFOUND);
	/* one that takes nothing: an error with how far it came, not a hang */
	assert_int_equal(printer_parse("file:/dev/full", &p, NULL), ERR_OK);
	assert_int_equal(printer_send(&p, "abc", 3, frame_mono() + 1000, &confirmed, &(struct err){0}), ERR_IO);
}

static void requests(void **state)
{
	static const char *const bad[] = {
	    "",
	    "x",
	    "[]",
	    "{}",
	    "{'job':'page','kind':'receipt'}",
	    "{'job':'fax','kind':'receipt','data':{}}",
	    "{'job':'page','kind':'../receipt','data':{}}",
	    "{'job':'page','kind':'','data':{}}",
	    "{'job':'page','kind':'receipt','data':[]}",
	    "{'job':'page','kind':'receipt','format':'a5','data':{}}",
	    "{'job':'page','kind':'receipt','data':{},'more':1}",
	    "{'job':'page','kind':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','data':{}}",
	    "{'job':'page','kind':'receipt','data':{'a':{'a':{'a':{'a':{'a':{'a':{'a':{'a':1}}}}}}}}}"};
	struct job j;
	struct err e = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		char text[256];
		(void)snprintf(text, sizeof text, "%s", bad[i]);
		for (char *q = text; *q; q++)
			if (*q == '\'') *q = '"';
		struct err bad_e = {0};
		if (job_read(text, strlen(text), &j, &bad_e) != ERR_INVALID) fail_msg("taken: %s", bad[i]);
		assert_null(j.data);
	}
	static const char good[] = "{\"job\":\"print\",\"kind\":\"receipt\",\"data\":{}}";
	assert_int_equal(job_read(good, sizeof good - 1, &j, &e), ERR_OK);
	assert_int_equal(j.type, JOB_PRINT);
	assert_true(j.roll);
	job_release(&j);
}

static void *slow_writer(void *arg)
{
	const int fd = *(int *)arg;
	(void)frame_send(fd, "hello", 5, frame_mono() + 2000, NULL);
	return NULL;
}

static void frames(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		int rc;
	} rows[] = {
	    {"\0\0\0\0", 4, ERR_INVALID},
	    {"\x7f\xff\xff\xff", 4, ERR_INVALID},
	    {"\0\0\0\x0bx", 5, ERR_INVALID},
	    {"\0\0\0\x05"
	     "abc",
	     7, ERR_IO},
	    {"\0\0", 2, ERR_IO},
	    {"", 0, ERR_IO},
	    {"\0\0\0\x03"
	     "abc",
	     7, ERR_OK},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int fd[2];
		char *out = NULL;
		size_t len = 0;
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
		assert_int_equal(write(fd[0], rows[i].bytes, rows[i].len), rows[i].len);
		assert_int_equal(close(fd[0]), 0);
		assert_int_equal(frame_receive(fd[1], 10, frame_mono() + 1000, &out, &len, NULL), rows[i].rc);
		assert_true((out != NULL) == (rows[i].rc == ERR_OK));
		free(out);
		(void)close(fd[1]);
	}
	int fd[2];
	char *out = NULL;
	size_t len = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	int64_t before = frame_mono();
	assert_int_equal(frame_receive(fd[1], 10, before + 50, &out, &len, NULL), ERR_BUSY);
	assert_true(frame_mono() - before < 1000);
	pthread_t t;
	assert_int_equal(pthread_create(&t, NULL, slow_writer, &fd[0]), 0);
	assert_int_equal(frame_receive(fd[1], 10, frame_mono() + 2000, &out, &len, NULL), ERR_OK);
	assert_string_equal(out, "hello");
	(void)pthread_join(t, NULL);
	free(out);
	(void)close(fd[0]);
	(void)close(fd[1]);
}

static void one_listener_a_socket(void **state)
{
	char path[SUPPORT_PATH_MAX];
	struct err e = {0};
	(void)state;
	support_path(&folder, "sock", path);
	assert_int_equal(frame_connect(path, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	int fd = frame_listen(path, NULL);
	assert_true(fd >= 0);
	e = (struct err){0};
	assert_int_equal(frame_listen(path, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	(void)close(fd); /* as one that was killed leaves it */
	fd = frame_listen(path, NULL);
	assert_true(fd >= 0);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_on_paper),
	    cmocka_unit_test(markup_stays_text),
	    cmocka_unit_test(long_text_is_whole),
	    cmocka_unit_test(what_is_not_known_says_so),
	    cmocka_unit_test(data_that_is_none),
	    cmocka_unit_test(faulty_templates),
	    cmocka_unit_test(templates_read_nothing),
	    cmocka_unit_test(endless_templates_end),
	    cmocka_unit_test(writes_nothing),
	    cmocka_unit_test(every_template_is_sound),
	    cmocka_unit_test(a_symbol_and_its_dots),
	    cmocka_unit_test(bytes_for_a_printer),
	    cmocka_unit_test(lines_fit),
	    cmocka_unit_test(devices),
	    cmocka_unit_test(a_file_as_printer),
	    cmocka_unit_test(requests),
	    cmocka_unit_test(frames),
	    cmocka_unit_test(one_listener_a_socket),
	};
	return cmocka_run_group_tests(tests, make, release);
}
