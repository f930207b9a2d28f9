/* Bodies of events: what each type must and may hold, checked at the box before it is written and at the county again.
 *
 * The JSON Schemas in schema/events say the same for the world outside; the vectors in tests/vectors/bodies hold both
 * to it. A registration (POST /cases) is checked here too: its `receive` body is made from it. */
#ifndef XINKE_BODY_H
#define XINKE_BODY_H

#include "shared/catalog.h"
#include "shared/problem.h"
#include "shared/states.h"
#include "shared/uuid.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define BODY_BACK_ENTRY_MS (366 * 86400000LL) /* how far back a case may be entered */

/* The types that this release can write; the table of states holds more. */
bool body_known(enum case_event type);
/* May somebody ask for TYPE on a case by its name? Not for what opens it, what only a program says, what a citizen says
 * (rate), what has a call of its own (reveal), and what belongs to the entries of registers. */
bool body_is_act(enum case_event type);
/* Checks BODY as one of TYPE. NOW is Unix ms, for birth dates and back-entry. True when nothing was wrong. */
bool body_check(enum case_event type, const json_t *body, int64_t now, struct problem *p);
/* The refused event that BODY mends (`amends`), into ID; false when it names none. */
bool body_amends(const json_t *body, uint8_t id[UUID_LEN]);
/* Checks what the window changes when it takes an application in that was made in advance: materials and note, if any. */
bool body_check_taking_in(const json_t *body, struct problem *p);
/* Checks what belongs to a registration's record kind: an applicant for an application, the kind's own block for
 * the others. */
bool body_check_record(enum record r, const json_t *body, struct problem *p);
/* Checks the JSON of POST /cases: shape, then record kind of ITEM (NULL when the code was not found), then people. */
bool body_check_registration(const json_t *request, const struct catalog_item *item, int64_t now, struct problem *p);
/* True when a material is missing: one with no copies, or one that a published guide requires and the list lacks. */
bool body_lacks_material(const json_t *materials, const struct catalog_item *item);
/* May an amend name FIELD? These are the JSON pointers into a case that can be corrected. */
bool body_amendable(const char *field);
/* Checks VALUE as the new content of FIELD, the other members of the case standing in DOC. */
bool body_check_amended(const char *field, const char *value, const json_t *doc, int64_t now, struct problem *p);

#endif
