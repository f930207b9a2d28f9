/* Signing in, with the password or on an approved phone with a PIN, and out again. */
#ifndef XINKE_GATEWAY_SIGNIN_H
#define XINKE_GATEWAY_SIGNIN_H

#include "gateway/sessions.h"

http_handler signin_post, signin_current_get, signin_current_delete;

/* The account of a session as JSON: id, name, display, role. New. */
json_t *signin_staff_json(const struct account *a);

#endif
