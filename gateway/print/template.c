/* See template.h. The libraries tell what is wrong by callbacks with a pointer of ours; the first fault is kept. */
#include "gateway/print/template.h"

#include "shared/file.h"

#include <libxml/HTMLtree.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>
#include <libxslt/documents.h>
#include <libxslt/imports.h>
#include <libxslt/security.h>
#include <libxslt/transform.h>
#include <libxslt/variables.h>
#include <libxslt/xsltutils.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CSS_MAX   65536
#define STEPS_MAX 2000000 /* of XPath, and of instructions: a page of ours takes some thousands */
#define CALLS_MAX 200     /* templates within templates */
#define PARSE     (XML_PARSE_NONET | XML_PARSE_NOCDATA)

/* The first fault that the libraries tell. */
struct fault {
	char text[ERR_MSG_MAX];
	size_t len;
};

static void on_text(void *arg, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void on_text(void *arg, const char *fmt, ...)
{
	struct fault *f = arg;
	va_list ap;
	if (f->len >= sizeof f->text - 1) return;
	va_start(ap, fmt);
	int n = vsnprintf(f->text + f->len, sizeof f->text - f->len, fmt, ap);
	va_end(ap);
	if (n > 0) f->len += (size_t)n;
	if (f->len >= sizeof f->text) f->len = sizeof f->text - 1;
}

static void on_error(void *arg, xmlErrorPtr x)
{
	struct fault *f = arg;
	if (f->len || !x) return;
	on_text(f, "%s:%d: %s", x->file ? x->file : "a template", x->line, x->message ? x->message : "not well-formed");
}

/* One line, whatever the libraries said. */
static int say(const struct fault *f, struct err *e, const char *else_text)
{
	char line[ERR_MSG_MAX];
	size_t n = 0;
	for (size_t i = 0; i < f->len && n < sizeof line - 1; i++)
		line[n++] = f->text[i] == '\n' || f->text[i] == '\r' ? ' ' : f->text[i];
	while (n && line[n - 1] == ' ')
		n--;
	line[n] = '\0';
	return err_set(e, ERR_INVALID, "%s", n ? line : else_text);
}

static void listen_to(struct fault *f)
{
	xmlSetStructuredErrorFunc(f, f ? on_error : NULL);
	xsltSetGenericErrorFunc(f, f ? on_text : NULL);
}

/* --- what a template may reach --- */

static size_t folder_len(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? (size_t)(slash - path) + 1 : 0;
}

/* Parsed with the words of DICT (NULL = its own), for the library compares names by their address. A document type could bring
 * entities and other files; nobody needs one here. */
static xmlDocPtr read_plain(const char *path, xmlDictPtr dict)
{
	xmlParserCtxtPtr p = xmlNewParserCtxt();
	if (p && dict) {
		xmlDictFree(p->dict);
		p->dict = dict;
		(void)xmlDictReference(dict);
	}
	xmlDocPtr doc = p ? xmlCtxtReadFile(p, path, NULL, PARSE) : NULL;
	xmlFreeParserCtxt(p);
	if (!doc || !xmlGetIntSubset(doc)) return doc;
	xsltGenericError(xsltGenericErrorContext, "%s: a document type is not allowed", path);
	xmlFreeDoc(doc);
	return NULL;
}

/* Called by libxslt for imports, and for document(), which gets nothing. An import comes from its importer's folder. */
static xmlDocPtr load(const xmlChar *uri, xmlDictPtr dict, int options, void *ctxt, xsltLoadType type)
{
	const char *path = (const char *)uri;
	xsltStylesheetPtr by = ctxt;
	(void)options;
	if (type != XSLT_LOAD_STYLESHEET || !by || !by->doc || !by->doc->URL) return NULL;
	const char *base = (const char *)by->doc->URL;
	size_t n = folder_len(base);
	if (folder_len(path) == n && strncmp(path, base, n) == 0) return read_plain(path, dict);
	xsltGenericError(xsltGenericErrorContext, "%s: imports %s, which is not in its folder", base, path);
	return NULL;
}

static int forbid(xsltSecurityPrefsPtr prefs, bool reading)
{
	static const xsltSecurityOption options[] = {XSLT_SECPREF_WRITE_FILE, XSLT_SECPREF_CREATE_DIRECTORY,
	                                             XSLT_SECPREF_READ_NETWORK, XSLT_SECPREF_WRITE_NETWORK,
	                                             XSLT_SECPREF_READ_FILE};
	size_t n = sizeof options / sizeof *options - (reading ? 0 : 1);
	for (size_t i = 0; i < n; i++)
		if (xsltSetSecurityPrefs(prefs, options[i], xsltSecurityForbid)) return -1;
	return 0;
}

int template_init(struct err *e)
{
	xmlInitParser();
	xsltInit();
	(void)xmlSetExternalEntityLoader(xmlNoNetExternalEntityLoader);
	xsltSetLoaderFunc(load);
	xsltSecurityPrefsPtr prefs = xsltNewSecurityPrefs();
	if (!prefs || forbid(prefs, false)) { /* reading is what imports need: load() looks at what */
		xsltFreeSecurityPrefs(prefs);
		return err_set(e, ERR_NOMEM, "the template library");
	}
	xsltSetDefaultSecurityPrefs(prefs);
	return ERR_OK;
}

void template_end(void)
{
	xsltFreeSecurityPrefs(xsltGetDefaultSecurityPrefs());
	xsltSetDefaultSecurityPrefs(NULL);
	xsltCleanupGlobals();
	xmlCleanupParser();
}

/* --- reading --- */

static bool path_of(const char *folder, const char *kind, char out[FILE_PATH_MAX])
{
	size_t n = strlen(kind);
	if (!n || n > 40 || strspn(kind, "abcdefghijklmnopqrstuvwxyz_") != n) return false;
	int len = snprintf(out, FILE_PATH_MAX, "%s/%s.xsl", folder, kind);
	return len > 0 && len < FILE_PATH_MAX;
}

bool template_exists(const char *folder, const char *kind)
{
	char path[FILE_PATH_MAX];
	return path_of(folder, kind, path) && file_exists(path);
}

static int compile(const char *folder, const char *kind, xsltStylesheetPtr *out, struct err *e)
{
	char path[FILE_PATH_MAX];
	struct fault f = {0};
	*out = NULL;
	if (!path_of(folder, kind, path) || !file_exists(path))
		return err_set(e, ERR_NOTFOUND, "%s has no template %s.xsl", folder, kind);
	listen_to(&f);
	xmlDocPtr doc = read_plain(path, NULL);
	xsltStylesheetPtr s = doc ? xsltParseStylesheetDoc(doc) : NULL; /* takes DOC where it succeeds */
	listen_to(NULL);
	if (s && !s->errors && !f.len) {
		*out = s;
		return ERR_OK;
	}
	int rc = say(&f, e, "the template cannot be read");
	if (s)
		xsltFreeStylesheet(s);
	else
		xmlFreeDoc(doc);
	return rc;
}

int template_check(const char *folder, const char *kind, struct err *e)
{
	xsltStylesheetPtr s;
	int rc = compile(folder, kind, &s, e);
	if (!rc) xsltFreeStylesheet(s);
	return rc;
}

/* --- laying out --- */

/* paper.css and FORMAT.css; a folder without them has pages without style. */
static int read_css(const char *folder, const char *format, struct buf *out, struct err *e)
{
	const char *const names[] = {"paper", format};
	for (size_t i = 0; i < 2; i++) {
		char path[FILE_PATH_MAX], *text = NULL;
		size_t len = 0;
		int n = snprintf(path, sizeof path, "%s/%s.css", folder, names[i]);
		if (n < 0 || (size_t)n >= sizeof path || !file_exists(path)) continue;
		int rc = file_read(path, CSS_MAX, &text, &len, e);
		if (rc) return rc;
		buf_add(out, text, len);
		free(text);
	}
	return out->bad ? err_set(e, ERR_NOMEM, "the style sheet") : ERR_OK;
}

/* What would run, load or send something, or could hide that it is not a page of ours. */
static bool element_ok(const char *name)
{
	static const char *const no[] = {"script", "iframe", "frame",  "object", "embed", "link",  "base",
	                                 "form",   "input",  "button", "audio",  "video", "applet"};
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (strcmp(name, no[i]) == 0) return false;
	return true;
}

static bool attributes_ok(const xmlNode *node)
{
	for (const xmlAttr *a = node->properties; a; a = a->next)
		if (strncmp((const char *)a->name, "on", 2) == 0) return false;
	return true;
}

/* The first fault of what a template made, NULL = none. Serialising writes the text of <style> as it is. */
static const char *page_fault(const xmlNode *node, bool raw)
{
	for (; node; node = node->next) {
		const char *why = NULL;
		bool element = node->type == XML_ELEMENT_NODE;
		if (node->name == xmlStringTextNoenc) return "disable-output-escaping is not allowed";
		if (raw && node->content && strchr((const char *)node->content, '<')) return "markup in a style sheet";
		if (element && (!element_ok((const char *)node->name) || !attributes_ok(node)))
			return "a page may hold no script, form, frame or link";
		if (node->type == XML_ENTITY_REF_NODE) return "an entity is not allowed";
		if (element) why = page_fault(node->children, strcmp((const char *)node->name, "style") == 0);
		if (why) return why;
	}
	return NULL;
}

static int check_page(const char *kind, xmlDocPtr page, struct err *e)
{
	xmlNodePtr root = page ? xmlDocGetRootElement(page) : NULL;
	if (!root || strcmp((const char *)root->name, "html") != 0)
		return err_set(e, ERR_INVALID, "%s.xsl makes no <html>", kind);
	const char *why = page_fault(root, false);
	return why ? err_set(e, ERR_INVALID, "%s.xsl: %s", kind, why) : ERR_OK;
}

static xmlDocPtr run(xsltStylesheetPtr s, xsltTransformContextPtr t, xmlDocPtr data, const char *format,
                     const char *css)
{
	t->maxTemplateDepth = CALLS_MAX;
	t->opLimit = STEPS_MAX;
	t->xpathCtxt->opLimit = STEPS_MAX;
	if (xsltQuoteOneUserParam(t, BAD_CAST "format", BAD_CAST format) ||
	    xsltQuoteOneUserParam(t, BAD_CAST "css", BAD_CAST css))
		return NULL;
	xmlDocPtr page = xsltApplyStylesheetUser(s, data, NULL, NULL, NULL, t);
	if (t->state == XSLT_STATE_OK) return page;
	xmlFreeDoc(page);
	return NULL;
}

int template_apply(const char *folder, const char *kind, const char *format, xmlDocPtr data, xmlDocPtr *page,
                   struct err *e)
{
	struct fault f = {0};
	struct buf css;
	xsltStylesheetPtr s = NULL;
	xsltTransformContextPtr t = NULL;
	xsltSecurityPrefsPtr prefs = xsltNewSecurityPrefs();
	*page = NULL;
	buf_init(&css, 2 * CSS_MAX);
	int rc = prefs && !forbid(prefs, true) ? ERR_OK : err_set(e, ERR_NOMEM, "the template library");
	if (!rc) rc = read_css(folder, format, &css, e);
	if (!rc) rc = compile(folder, kind, &s, e);
	if (!rc && (!(t = xsltNewTransformContext(s, data)) || xsltSetCtxtSecurityPrefs(prefs, t)))
		rc = err_set(e, ERR_NOMEM, "the template library");
	if (!rc) {
		listen_to(&f);
		xsltSetTransformErrorFunc(t, &f, on_text);
		*page = run(s, t, data, format, css.data ? css.data : "");
		listen_to(NULL);
		rc = *page && !f.len ? check_page(kind, *page, e) : say(&f, e, "the template stopped");
	}
	if (rc) {
		xmlFreeDoc(*page);
		*page = NULL;
	}
	if (t) xsltFreeTransformContext(t);
	if (s) xsltFreeStylesheet(s);
	xsltFreeSecurityPrefs(prefs);
	buf_release(&css);
	return rc;
}

static int take(void *arg, const char *data, int len)
{
	struct buf *b = arg;
	buf_add(b, data, (size_t)len);
	return b->bad ? -1 : len;
}

int template_html(xmlDocPtr page, struct buf *out, struct err *e)
{
	xmlOutputBufferPtr o = xmlOutputBufferCreateIO(take, NULL, out, NULL);
	if (!o) return err_set(e, ERR_NOMEM, "a page");
	buf_adds(out, "<!DOCTYPE html>\n");
	/* of the root alone: for a whole document the library writes a second declaration of the character set */
	htmlNodeDumpFormatOutput(o, page, xmlDocGetRootElement(page), "UTF-8", 0);
	(void)xmlOutputBufferClose(o);
	buf_addc(out, '\n');
	return out->bad ? err_set(e, out->full ? ERR_INVALID : ERR_NOMEM, "a page that is too large") : ERR_OK;
}
