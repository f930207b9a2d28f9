/* Acting on a case, and reading what happened to it. */
#ifndef XINKE_GATEWAY_ACTS_H
#define XINKE_GATEWAY_ACTS_H

#include "gateway/gateway.h"

http_handler acts_post, acts_get;
/* The same on an entry of REGISTER (its name). */
void acts_on(struct gateway *gw, struct http_req *req, const char *register_name);
/* The history of the path's entry (ENTRY) or case. */
void acts_history(struct gateway *gw, struct http_req *req, bool entry);

#endif
