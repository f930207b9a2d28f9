/* The phones of the station: register, list, approve, revoke, and the PIN on one. Rules: shared/ledger/device.h. */
#ifndef XINKE_GATEWAY_DEVICES_H
#define XINKE_GATEWAY_DEVICES_H

#include "gateway/sessions.h"

http_handler devices_get, devices_post, devices_approve_post, devices_revoke_post, devices_pin_put;

#endif
