/* The calendar in force, and which due days it moved. */
#ifndef XINKE_GATEWAY_CALENDAR_H
#define XINKE_GATEWAY_CALENDAR_H

#include "gateway/gateway.h"

http_handler calendar_get, calendar_moved_get;

#endif
