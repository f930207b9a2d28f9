/* The accounts of the station: list, add, change, one-time passwords, one's own password. Rules: shared/ledger/staff.h. */
#ifndef XINKE_GATEWAY_STAFF_H
#define XINKE_GATEWAY_STAFF_H

#include "gateway/sessions.h"

http_handler staff_get, staff_post, staff_one_get, staff_one_patch, staff_reset_post, staff_password_post;

#endif
