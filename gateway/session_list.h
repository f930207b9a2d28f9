/* The sessions that are open: one's own, or others' for those who manage accounts; and ending one. */
#ifndef XINKE_GATEWAY_SESSION_LIST_H
#define XINKE_GATEWAY_SESSION_LIST_H

#include "gateway/sessions.h"

http_handler session_list_get, session_list_delete;

#endif
