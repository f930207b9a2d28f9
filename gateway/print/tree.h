/* A paper's data as the XML that its template reads.
 *
 * A member becomes an element of its name, a list an element with an <item> for each entry, a string text. Made with the
 * library's tree calls, never by putting texts together: no value can become markup. */
#ifndef XINKE_PRINT_TREE_H
#define XINKE_PRINT_TREE_H

#include "shared/err.h"

#include <jansson.h>
#include <libxml/tree.h>

#define TREE_DEPTH_MAX 6
#define TREE_NODES_MAX 20000

/* <paper> with the members of DATA, and <qr size path> where it has a progress_url. ERR_INVALID when a name is none, or it
 * is too deep or too large. New (xmlFreeDoc). */
int tree_new(const json_t *data, xmlDocPtr *out, struct err *e);
/* Text as it goes on paper, new (free), NULL without memory: what XML does not allow becomes U+FFFD; what turns the order
 * of other texts round (U+202A to 202E, U+2066 to 2069) is left out, for a name must not reorder the words of the law. */
char *tree_text(const char *s);

#endif
