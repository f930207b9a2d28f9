/* The plain server for phones that do not trust the box yet: how to install the county's root, the root itself, and nothing else. */
#ifndef XINKE_GATEWAY_SETUP_PAGE_H
#define XINKE_GATEWAY_SETUP_PAGE_H

#include "gateway/gateway.h"

/* Opens it when the configuration has one, once the HTTPS server has its port; *OUT stays NULL when not. */
int setup_page_open(struct gateway *gw, struct http_server **out, struct err *e);
/* A route of the HTTPS server: the picture that loads only on a phone that trusts the box. */
http_handler setup_page_check;

#endif
