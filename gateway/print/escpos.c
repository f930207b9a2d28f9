/* See escpos.h. A walk over the tree gathers the text of one block; at its end the block is broken into lines, each
 * converted and written. Pure. */
#include "gateway/print/escpos.h"

#include "gateway/print/qr.h"

#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INIT "\x1b@\x1c&" /* ESC @: as after switching on; FS &: double-byte characters */
#define CENTER                                                                                                         \
	"\x1b"                                                                                                         \
	"a\x01"
#define LEFT                                                                                                           \
	"\x1b"                                                                                                         \
	"a"               /* and a NUL */
#define BIG   "\x1d!\x11" /* GS !: twice as wide and high */
#define SMALL "\x1d!"     /* and a NUL */
#define BOLD                                                                                                           \
	"\x1b"                                                                                                         \
	"E\x01"
#define THIN                                                                                                           \
	"\x1b"                                                                                                         \
	"E"              /* and a NUL */
#define CUT "\x1dVB\x03" /* GS V 66: feeds to the cutter and 3 dots, cuts but for a point */
#define FEED                                                                                                           \
	"\x1b"                                                                                                         \
	"d\x04"            /* ESC d: four lines, to tear off */
#define RASTER    "\x1dv0" /* GS v 0, and a NUL: raster */
#define BLOCK_MAX 65536
#define DEPTH_MAX 64
#define QR_SCALE  6 /* dots a module, 0.75 mm: what a telephone reads easily */
#define BLANK     "____________"

struct style {
	bool center, big, bold;
};

struct walk {
	const struct escpos_config *cfg;
	const char *url;
	struct buf *out;
	struct buf text; /* of the block so far, UTF-8, white space folded */
	struct style style;
	iconv_t cd;
	int columns, sections, item; /* ITEM: number of the list item that comes, 0 = no numbers */
	bool after_th;
	struct err *e;
	int rc;
};

/* --- characters --- */

/* Of LEN bytes of valid UTF-8 at S the first character; its bytes to *N. */
static unsigned decode(const char *s, size_t len, size_t *n)
{
	const uint8_t *p = (const uint8_t *)s;
	*n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (*n > len) *n = len;
	if (*n == 1) return p[0];
	unsigned c = p[0] & (0xffU >> (*n + 1));
	for (size_t i = 1; i < *n; i++)
		c = c << 6 | (p[i] & 0x3fU);
	return c;
}

int escpos_columns(unsigned c)
{
	if (c < 0x20 || (c >= 0x200b && c <= 0x200f) || c == 0x61c || c == 0xfeff) return 0;
	if (c >= 0x300 && c <= 0x36f) return 0;
	return c < 0x7f ? 1 : 2;
}

static bool closes(unsigned c)
{
	static const unsigned marks[] = {0xff0c, 0x3002, 0xff1b, 0xff1a, 0x3001, 0xff09,
	                                 0x300b, 0x300d, 0xff01, 0xff1f, 0x3015, 0x201d};
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (marks[i] == c) return true;
	return false;
}

/* May a line end between BEFORE and AFTER? Not inside a number, not before a closing mark. */
static bool may_break(unsigned before, unsigned after)
{
	if (closes(after)) return false;
	return before == ' ' || after == ' ' || escpos_columns(before) == 2 || escpos_columns(after) == 2;
}

/* --- lines --- */

static void add_nul(struct walk *w, const char *command)
{
	buf_adds(w->out, command);
	buf_addc(w->out, '\0');
}

/* Converts LEN bytes; what GB18030 lacks (nothing, since it holds all of Unicode) would be a question mark. */
static void add_converted(struct walk *w, const char *s, size_t len)
{
	char copy[512], *in = (char *)(uintptr_t)s;
	while (len) {
		char *to = copy;
		size_t room = sizeof copy;
		size_t r = iconv(w->cd, &in, &len, &to, &room);
		buf_add(w->out, copy, sizeof copy - room);
		if (r != (size_t)-1 || !len || room < 8) continue;
		in++; /* not E2BIG: a sequence that iconv does not take */
		len--;
		buf_addc(w->out, '?');
	}
}

static void add_line(struct walk *w, const char *s, size_t len)
{
	while (len && s[len - 1] == ' ')
		len--;
	add_converted(w, s, len);
	buf_addc(w->out, '\n');
}

/* Where the line that starts at S has to end: the last place where it may within COLUMNS. */
static size_t line_end(const char *s, size_t len, int columns)
{
	size_t n, at = 0, good = 0;
	int used = 0;
	unsigned before = 0;
	while (at < len) {
		unsigned c = decode(s + at, len - at, &n);
		if (at && may_break(before, c)) good = at;
		used += escpos_columns(c);
		if (used > columns) return good ? good : at ? at : n;
		if (escpos_columns(c)) before = c;
		at += n;
	}
	return len;
}

static void write_block(struct walk *w)
{
	const char *s = w->text.data;
	size_t len = w->text.len;
	int columns = w->style.big ? w->columns / 2 : w->columns;
	while (len) {
		size_t n = line_end(s, len, columns);
		add_line(w, s, n);
		s += n;
		len -= n;
		while (len && *s == ' ')
			s++, len--;
	}
}

/* Ends the block, if there is one. */
static void flush(struct walk *w)
{
	if (!w->text.len) return;
	if (w->style.center) buf_adds(w->out, CENTER);
	if (w->style.big) buf_adds(w->out, BIG);
	if (w->style.bold) buf_adds(w->out, BOLD);
	write_block(w);
	if (w->style.bold) add_nul(w, THIN);
	if (w->style.big) add_nul(w, SMALL);
	if (w->style.center) add_nul(w, LEFT);
	buf_reset(&w->text);
}

static void add_text(struct walk *w, const char *s)
{
	for (; *s; s++) {
		bool space = *s == ' ' || *s == '\n' || *s == '\t' || *s == '\r';
		if (space && (!w->text.len || w->text.data[w->text.len - 1] == ' ')) continue;
		buf_addc(&w->text, space ? ' ' : *s);
	}
}

static void add_rule(struct walk *w)
{
	flush(w);
	for (int i = 0; i < w->columns; i++)
		buf_addc(w->out, '-');
	buf_addc(w->out, '\n');
}

static void add_qr(struct walk *w)
{
	struct qr *q = NULL;
	struct buf dots;
	int bytes, rows;
	flush(w);
	if (!*w->url) return;
	w->rc = qr_new(w->url, &q, w->e);
	int scale = q ? qr_scale(q, w->cfg->width == 58 ? 384 : 576, QR_SCALE) : 0;
	if (scale) {
		buf_init(&dots, ESCPOS_MAX);
		qr_raster(q, scale, &dots, &bytes, &rows);
		buf_adds(w->out, CENTER RASTER);
		buf_addc(w->out, '\0');
		const char shape[4] = {(char)(bytes & 0xff), (char)(bytes >> 8), (char)(rows & 0xff),
		                       (char)(rows >> 8)};
		buf_add(w->out, shape, sizeof shape);
		buf_add(w->out, dots.data, dots.len);
		add_nul(w, LEFT);
		if (dots.bad) w->out->bad = true;
		buf_release(&dots);
	}
	qr_free(q);
}

static void end_sheet(struct walk *w)
{
	flush(w);
	buf_adds(w->out, w->cfg->cut ? CUT : FEED);
}

/* --- the walk --- */

static bool is(const xmlNode *n, const char *name)
{
	return strcmp((const char *)n->name, name) == 0;
}

static bool one_of(const xmlNode *n, const char *const *names)
{
	for (; *names; names++)
		if (is(n, *names)) return true;
	return false;
}

static bool has_class(const xmlNode *n, const char *wanted)
{
	bool found = false;
	size_t len = strlen(wanted);
	xmlChar *all = xmlGetNoNsProp(n, BAD_CAST "class");
	for (const char *p = (const char *)all; p && *p && !found;) {
		size_t k = strcspn(p, " ");
		found = k == len && strncmp(p, wanted, k) == 0;
		p += k + strspn(p + k, " ");
	}
	xmlFree(all);
	return found;
}

static void walk_all(struct walk *w, const xmlNode *n, int depth);

static void begin_item(struct walk *w)
{
	if (w->item)
		buf_addf(&w->text, "%d. ", w->item++);
	else
		buf_adds(&w->text, "- ");
}

static void walk_block(struct walk *w, const xmlNode *n, int depth)
{
	static const char *const headings[] = {"h1", "h2", "h3", NULL};
	struct style before = w->style;
	int item = w->item;
	flush(w);
	w->after_th = false;
	if (is(n, "h1")) w->style.big = true;
	if (one_of(n, headings)) w->style.bold = true;
	if (is(n, "h1") || has_class(n, "center")) w->style.center = true;
	if (is(n, "ol")) w->item = 1;
	if (is(n, "ul")) w->item = 0;
	if (is(n, "li")) begin_item(w);
	if (is(n, "section") && w->sections++) end_sheet(w);
	walk_all(w, n->children, depth + 1);
	flush(w);
	w->style = before;
	if (!is(n, "li")) w->item = item;
}

/* A row is one line: a heading and what it names, or columns. */
static void walk_cell(struct walk *w, const xmlNode *n, int depth)
{
	if (w->text.len) buf_adds(&w->text, w->after_th ? "：" : "  ");
	w->after_th = false;
	walk_all(w, n->children, depth + 1);
	w->after_th = is(n, "th");
}

static void walk_element(struct walk *w, const xmlNode *n, int depth)
{
	static const char *const silent[] = {"head", "style", "title", NULL};
	static const char *const blocks[] = {"h1", "h2", "h3",     "p",      "div",     "li",   "ol",    "ul", "tr",
	                                     "dl", "dt", "header", "footer", "section", "main", "table", NULL};
	if (one_of(n, silent) || has_class(n, "screen")) return;
	if (is(n, "svg"))
		add_qr(w);
	else if (is(n, "br"))
		flush(w);
	else if (is(n, "hr"))
		add_rule(w);
	else if (has_class(n, "blank") && !n->children)
		buf_adds(&w->text, BLANK);
	else if (is(n, "td") || is(n, "th"))
		walk_cell(w, n, depth);
	else if (one_of(n, blocks))
		walk_block(w, n, depth);
	else
		walk_all(w, n->children, depth + 1);
}

static void walk_all(struct walk *w, const xmlNode *n, int depth)
{
	if (depth > DEPTH_MAX) w->rc = err_set(w->e, ERR_INVALID, "a page that is too deep");
	for (; n && !w->rc; n = n->next) {
		if (n->type == XML_TEXT_NODE && n->content)
			add_text(w, (const char *)n->content);
		else if (n->type == XML_ELEMENT_NODE)
			walk_element(w, n, depth);
	}
}

int escpos_page(const struct escpos_config *cfg, xmlDocPtr page, const char *url, struct buf *out, struct err *e)
{
	struct walk w = {.cfg = cfg, .url = url, .out = out, .columns = cfg->width == 58 ? 32 : 48, .e = e};
	w.cd = iconv_open("GB18030", "UTF-8");
	if (w.cd == (iconv_t)-1) return err_set(e, ERR_IO, "iconv does not know GB18030");
	buf_init(&w.text, BLOCK_MAX);
	buf_adds(out, INIT);
	walk_all(&w, xmlDocGetRootElement(page), 0);
	end_sheet(&w);
	(void)iconv_close(w.cd);
	if (!w.rc && (out->bad || w.text.bad)) w.rc = err_set(e, ERR_INVALID, "a paper that is too long");
	buf_release(&w.text);
	return w.rc;
}
