/* Full numbers of a case or an entry: each look at them is an event with a reason, and a row of the audit. */
#ifndef XINKE_GATEWAY_REVEAL_H
#define XINKE_GATEWAY_REVEAL_H

#include "gateway/gateway.h"

http_handler reveal_post, reveal_entry_post;

#endif
