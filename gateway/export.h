/* POST /api/v1/people/export: what the station keeps about one person, for that person (个人信息保护法 article 45). A lead's act
 * with a reason; each case and entry in it is a row of the audit. */
#ifndef XINKE_GATEWAY_EXPORT_H
#define XINKE_GATEWAY_EXPORT_H

#include "gateway/gateway.h"

http_handler export_post;

#endif
