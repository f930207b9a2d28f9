/* Templates: XSLT 1.0 (libxslt) from a folder that the county may replace, one file a kind.
 *
 * FOLDER/KIND.xsl may import files of the same folder. It gets the data of tree.h and two parameters: `format` ("a4",
 * "roll") and `css` (paper.css and FORMAT.css). A template reads and writes no file and reaches no network, runs a
 * bounded number of steps, and what it makes may hold no script, form, frame or unescaped text. It is read anew for each
 * paper, so that a replaced one counts at once and a faulty one keeps nobody else from printing. */
#ifndef XINKE_PRINT_TEMPLATE_H
#define XINKE_PRINT_TEMPLATE_H

#include "shared/buf.h"
#include "shared/err.h"

#include <libxml/tree.h>
#include <stdbool.h>

#define TEMPLATE_PAGE_MAX (512 * 1024) /* bytes of a page */

/* Closes what the libraries could reach. Once, before anything else of this header, while there is one thread. */
int template_init(struct err *e);
/* Gives back what the libraries keep. */
void template_end(void);
/* Does FOLDER hold a template of that KIND, a word of [a-z_]? */
bool template_exists(const char *folder, const char *kind);
/* Reads the template and looks for faults in it; E tells the file and line of the first. */
int template_check(const char *folder, const char *kind, struct err *e);
/* Lays DATA out by the template of KIND in FORMAT. ERR_NOTFOUND: there is none; ERR_INVALID: it is faulty, E says where.
 * The page as a tree, new (xmlFreeDoc). */
int template_apply(const char *folder, const char *kind, const char *format, xmlDocPtr data, xmlDocPtr *page,
                   struct err *e);
/* PAGE as HTML with its doctype, added to OUT. */
int template_html(xmlDocPtr page, struct buf *out, struct err *e);

#endif
