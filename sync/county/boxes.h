/* Stations and their boxes: how they are, enrolment codes, retiring and revoking. The API and the commands share it. */
#ifndef XINKE_COUNTY_BOXES_H
#define XINKE_COUNTY_BOXES_H

#include "shared/http/http.h"
#include "shared/problem.h"
#include "sync/county/county.h"

/* All stations with their boxes, as new JSON (schema StationPage). */
int boxes_stations(struct store *s, json_t **out, struct err *e);
/* One box as new JSON (schema Box); ERR_NOTFOUND. */
int boxes_one(struct store *s, const uint8_t log[UUID_LEN], json_t **out, struct err *e);
/* A new enrolment code for STATION as new JSON (schema EnrolmentCode); ERR_NOTFOUND when there is no such station. */
int boxes_code(struct county *c, struct store *s, const char *station, const char *by, json_t **out, struct err *e);
/* Retires or revokes the box that writes LOG, with an alarm that says who and why; in a transaction of its own. Again
 * is no error and no further alarm; a refusal goes to P (NOT_FOUND, or CONFLICT: a revoked one is not retired). */
int boxes_set(struct county *c, struct store *s, const uint8_t log[UUID_LEN], enum log_state st, const char *by,
              const char *reason, struct problem *p, struct err *e);

http_handler boxes_stations_get, boxes_code_post, boxes_retire_post, boxes_revoke_post, boxes_alarms_get;

#endif
