/* The registers of the station (制度登记簿) at the API: opening an entry, lists, one, its history, what is done about it. */
#ifndef XINKE_GATEWAY_REGISTERS_H
#define XINKE_GATEWAY_REGISTERS_H

#include "gateway/gateway.h"

http_handler registers_post, registers_get, registers_one_get, registers_events_get, registers_events_post;

#endif
