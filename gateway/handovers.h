/* Hand-over lists (移交清单): which cases this station passed on, or was passed, with what, and what became of them. */
#ifndef XINKE_GATEWAY_HANDOVERS_H
#define XINKE_GATEWAY_HANDOVERS_H

#include "gateway/gateway.h"

http_handler handovers_get;
/* A page of the list as a paper (移交清单), as a page or on the receipt printer; `to` is wanted. */
http_handler handovers_document_get, handovers_print_post;

#endif
