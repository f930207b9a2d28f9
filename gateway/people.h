/* Type once: what the box knows of a person by the document number, and whether the same was asked for lately. */
#ifndef XINKE_GATEWAY_PEOPLE_H
#define XINKE_GATEWAY_PEOPLE_H

#include "gateway/gateway.h"
#include "shared/fields.h"

#define PEOPLE_RECENT_DAYS 30 /* [ours] the same person and item within them is told */

/* The cases of ITEM that the person of this document registered within PEOPLE_RECENT_DAYS before NOW (Unix ms), as a new
 * array of {case, receipt_number, state, received_at}; empty where there is none. By the look-up index; any connection. */
int people_recent(struct ledger *l, const char *id_type, const char *id_number, const char *item, int64_t now,
                  json_t **out, struct err *e);

http_handler people_lookup_post;

/* Kinds of documents by whose number a person is found. */
#define PEOPLE_ID_TYPES "citizen_id|hmt_residence|foreign_residence|passport|credit_code"
/* Is REQ's body one of FIELDS, its `id_number` a valid one of its `id_type`? False where it is not, and was answered. */
bool people_asked(struct gateway *gw, struct http_req *req, const struct field *fields);

#endif
