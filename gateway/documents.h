/* The papers of a case (文书): which there are now, each as a page, each on the receipt printer.
 *
 * What a paper says is made here from the case (shared/papers.h); laying it out and printing is xinke-print's. Worker threads
 * wait for that one, a thread for pages and one for the printer, so that a window never does. */
#ifndef XINKE_GATEWAY_DOCUMENTS_H
#define XINKE_GATEWAY_DOCUMENTS_H

#include "gateway/gateway.h"

struct documents; /* opaque */

/* Starts the workers. New (documents_stop, then documents_free). */
int documents_new(struct gateway *gw, struct documents **out, struct err *e);
/* Finishes what waits; later calls are refused. */
void documents_stop(struct documents *d);
/* NULL is legal. */
void documents_free(struct documents *d);

http_handler documents_get, documents_one_get, documents_print_post;

#endif
