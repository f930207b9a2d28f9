/* How the road to the county is, and asking for a run. The courier's state comes through the ledger. */
#ifndef XINKE_GATEWAY_SYNC_H
#define XINKE_GATEWAY_SYNC_H

#include "shared/http/http.h"

http_handler sync_get, sync_post;

#endif
