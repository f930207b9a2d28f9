/* The papers of a case (文书): which there are now, each as a page, each on the receipt printer.
 *
 * What a paper says is made here from the case (shared/papers.h); laying it out and printing is xinke-print's. Worker threads
 * wait for that one, a thread for pages and one for the printer, so that a window never does. */
#ifndef XINKE_GATEWAY_DOCUMENTS_H
#define XINKE_GATEWAY_DOCUMENTS_H

#include "gateway/gateway.h"

#include <jansson.h>

struct documents; /* opaque */

/* Starts the workers. New (documents_stop, then documents_free). */
int documents_new(struct gateway *gw, struct documents **out, struct err *e);
/* Finishes what waits; later calls are refused. */
void documents_stop(struct documents *d);
/* NULL is legal. */
void documents_free(struct documents *d);

struct ledger;
struct papers_case;
/* Fills the members of PAPER that are of the office, the time and whoever asks with REQ; borrowed from GW, L and REQ. */
void documents_office(struct gateway *gw, struct ledger *l, const struct http_req *req, struct papers_case *paper);
/* "a4" or "roll" by REQ's `format`; NULL with REQ answered where it is neither. */
const char *documents_format(struct http_req *req);
/* What is to be made; all borrowed. */
struct documents_order {
	const char *of;     /* the id of the case, or the office that a list goes to: for the audit */
	const char *kind;   /* the template */
	const char *format; /* "a4" or "roll" */
	bool print;         /* on the receipt printer; else as a page */
};
/* Parks REQ, notes it in the audit, and has the paper made of DATA (taken; NULL: no memory). */
void documents_make(struct gateway *gw, struct http_req *req, const struct documents_order *order, json_t *data);
/* Is the body of a call that prints {}, as it must be? Answers REQ where it is not. */
bool documents_print_body(struct http_req *req);

http_handler documents_get, documents_one_get, documents_print_post;

#endif
